"""A sheet of paper to write on: lines of text that remember their place, ruled cells, seals."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from app.demo.fonts import Face, Fonts

Ink = tuple[int, int, int]

BLACK: Ink = (28, 26, 30)
BLUE_BLACK: Ink = (30, 38, 82)
STENCIL: Ink = (58, 50, 104)  # the violet of old duplicators
RED: Ink = (204, 32, 36)

A4_MM = (210.0, 297.0)
MARGIN_MM = 28.0
TEXT_MM = 156.0  # width of the text area, GB/T 9704-2012, 5.2
_MM_A_POINT = 25.4 / 72
_NEVER_FIRST = "，。；：、）〕”？！》"
_TOKENS = re.compile(r"[0-9A-Za-z.]+|.")


class Line(NamedTuple):
    """A run of text on the page and its box: left, top, right, bottom in pixels."""

    text: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A clean page with the truth about its text."""

    image: Image.Image
    lines: tuple[Line, ...]
    dpi: int


class Cell(NamedTuple):
    """A ruled cell: text, width in millimetres, and whether it is filled in by hand."""

    text: str
    width: float
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Pen:
    """How to write: size in points, face, ink, and millimetres between the lines of a paragraph."""

    size: float = 15
    face: Face = Face.SONG
    ink: Ink = BLACK
    leading: float = 9.4


PRINT = Pen()
HEADING = Pen(22, Face.SONG_BOLD)


class Sheet:
    """An A4 sheet; places are millimetres from the top left corner, sizes of type are points.

    Parameters
    ----------
    fonts : Fonts
    rng : numpy.random.Generator
        Moves the writing hand and the ink of seals.
    dpi : int
    """

    def __init__(self, fonts: Fonts, rng: np.random.Generator, dpi: int = 200) -> None:
        self._fonts, self._rng, self._dpi = fonts, rng, dpi
        self._image = Image.new("RGB", (self._px(A4_MM[0]), self._px(A4_MM[1])), "white")
        self._draw = ImageDraw.Draw(self._image)
        self._lines: list[Line] = []

    def drawn(self) -> Drawn:
        """Return the page as it stands."""
        return Drawn(self._image, tuple(self._lines), self._dpi)

    def write(self, text: str, x: float, y: float, pen: Pen = PRINT, *, align: str = "l", spacing: float = 0) -> None:
        """Write one line; `y` is its middle, `x` its left, middle or right as `align` (l, m, r) says.

        A character that the typeface lacks is written in the printed one, as clerks did with lead type.
        """
        face, pixels, gap = pen.face, self._pixels(pen), self._px(spacing)
        width = self._width(text, pen) + gap * (len(text) - 1)
        left = self._px(x) - {"l": 0, "m": width / 2, "r": width}[align]
        at, middle = left, self._px(y)
        by_hand = face is Face.BRUSH
        for letters in self._runs(text, face, single=by_hand or gap > 0):
            shift = self._rng.normal(0, pixels * 0.035) if by_hand else 0
            font = self._fonts.get(self._face(letters, face), pixels)
            self._draw.text((at, middle + shift), letters, fill=pen.ink, font=font, anchor="lm")
            at += font.getlength(letters) + gap
        half = pixels * 0.56
        box = (math.floor(left), math.floor(middle - half), math.ceil(at - gap), math.ceil(middle + half))
        if text.strip():
            self._lines.append(Line(text, box))

    def paragraph(
        self, text: str, y: float, pen: Pen = PRINT, *, x: float = MARGIN_MM, width: float = TEXT_MM, indent: int = 2
    ) -> float:
        """Write a paragraph whose first line stands at `y`, and return where the next one stands."""
        for line in self._wrapped("\u3000" * indent + text, width, pen):
            lead = len(line) - len(line.lstrip("\u3000"))
            self.write(line[lead:], x + lead * pen.size * _MM_A_POINT, y, pen)
            y += pen.leading
        return y

    def title(self, text: str, y: float, pen: Pen = HEADING) -> float:
        """Write a centred heading over as many lines as it needs, and return where the text may go on."""
        whole = self._wrapped(text, TEXT_MM, pen)
        # Lines of even length: an official heading never ends in a single character.
        even = TEXT_MM if len(whole) == 1 else (len(text) / len(whole) + 2) * pen.size * _MM_A_POINT
        for line in self._wrapped(text, even, pen):
            self.write(line, A4_MM[0] / 2, y, pen, align="m")
            y += pen.size * 0.5
        return y

    def rule(self, x0: float, y0: float, x1: float, y1: float, *, width: float = 0.3, ink: Ink = BLACK) -> None:
        """Draw a straight line of a width in millimetres."""
        ends = (self._px(x0), self._px(y0), self._px(x1), self._px(y1))
        self._draw.line(ends, fill=ink, width=max(1, self._px(width)))

    def frame(self, x: float, y: float, width: float, height: float, *, line: float = 0.3, ink: Ink = BLACK) -> None:
        """Draw a rectangle."""
        box = (self._px(x), self._px(y), self._px(x + width), self._px(y + height))
        self._draw.rectangle(box, outline=ink, width=max(1, self._px(line)))

    def row(
        self,
        cells: Sequence[Cell],
        y: float,
        height: float,
        *,
        x: float = MARGIN_MM,
        size: float = 12,
        ink: Ink = BLACK,
    ) -> float:
        """Draw a row of ruled cells with their text in the middle, and return where the next row stands."""
        for cell in cells:
            self.frame(x, y, cell.width, height, ink=ink)
            pen = Pen(size * 1.2, Face.BRUSH, BLUE_BLACK) if cell.by_hand else Pen(size, ink=ink)
            lines = self._wrapped(cell.text, cell.width - 2, pen)
            pitch = pen.size * 0.45
            top = y + height / 2 - pitch * (len(lines) - 1) / 2
            for n, line in enumerate(lines):
                if len(lines) == 1:
                    at, align = x + cell.width / 2, "m"
                else:
                    at, align = x + 1.5, "l"
                self.write(line, at, top + n * pitch, pen, align=align)
            x += cell.width
        return y + height

    def seal(self, text: str, x: float, y: float, *, radius: float = 20) -> None:
        """Press a round red seal over whatever is there; worn rubber and uneven ink included."""
        r = self._px(radius)
        mask = Image.new("L", (2 * r, 2 * r))
        pen = ImageDraw.Draw(mask)
        pen.ellipse((2, 2, 2 * r - 3, 2 * r - 3), outline=255, width=max(2, r // 16))
        star = [
            (r + size * math.sin(math.pi * n / 5), r - size * math.cos(math.pi * n / 5))
            for n, size in ((n, r * (0.32 if n % 2 == 0 else 0.125)) for n in range(10))
        ]
        pen.polygon(star, fill=255)
        font = self._fonts.get(Face.SONG_BOLD, round(min(r * 0.3, r * 3.6 / len(text))))
        sweep = min(270.0, 26.0 * len(text))
        for n, letter in enumerate(text):
            angle = sweep * (n / (len(text) - 1) - 0.5)
            glyph = Image.new("L", (2 * r, 2 * r))
            ImageDraw.Draw(glyph).text((r, r * 0.27), letter, fill=255, font=font, anchor="mm")
            mask = ImageChops.lighter(mask, glyph.rotate(-angle, Image.Resampling.BICUBIC))
        mask = mask.rotate(float(self._rng.uniform(-9, 9)), Image.Resampling.BICUBIC)
        grain = self._rng.uniform(0.62, 1.0, (24, 24)) * self._rng.choice((1.0, 0.75), (24, 24), p=(0.85, 0.15))
        wear = Image.fromarray((grain * 255).astype(np.uint8)).resize(mask.size, Image.Resampling.BICUBIC)
        corner = (self._px(x) - r, self._px(y) - r)
        under = self._image.crop((*corner, corner[0] + 2 * r, corner[1] + 2 * r))
        over = ImageChops.multiply(under, Image.new("RGB", under.size, RED))
        self._image.paste(Image.composite(over, under, ImageChops.multiply(mask, wear)), corner)

    def _px(self, mm: float) -> int:
        return round(mm * self._dpi / 25.4)

    def _pixels(self, pen: Pen) -> int:
        return round(pen.size * self._dpi / 72)

    def _face(self, letters: str, face: Face) -> Face:
        return face if self._fonts.has(face, letters[0]) else Face.SONG

    def _runs(self, text: str, face: Face, *, single: bool) -> list[str]:
        if single:
            return list(text)
        return ["".join(run) for _, run in groupby(text, lambda letter: self._face(letter, face))]

    def _width(self, text: str, pen: Pen) -> float:
        runs, pixels = self._runs(text, pen.face, single=False), self._pixels(pen)
        return sum(self._fonts.get(self._face(run, pen.face), pixels).getlength(run) for run in runs)

    def _wrapped(self, text: str, width: float, pen: Pen) -> list[str]:
        """Break a text into lines; numbers stay whole, and marks that close hang in the margin."""
        room = self._px(width)
        lines, line, used = list[str](), "", 0.0
        for token in _TOKENS.findall(text):
            step = self._width(token, pen)
            if line and used + step > room and token not in _NEVER_FIRST:
                lines.append(line)
                line, used = "", 0.0
            line += token
            used += step
        return [*lines, line]
