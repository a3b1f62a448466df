"""What one page can show about its scan: the image rules of the handbook, and a digest of its looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from workers.imaging.geometry import SURE, Box, Mask, find_bed, find_ink, find_slant, grey, reduced
from workers.imaging.types import Grey, Rgb

Severity: TypeAlias = Literal["E", "W"]

_LOOK = 1200
_PAPERS = ((297, 420), (210, 297), (148, 210), (182, 257))  # A3, A4, A5, B5 in millimetres
_TILE_MM = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a page breaks.

    Parameters
    ----------
    id : str
        As in the table of image rules; its words are in the catalogue.
    severity : "E" or "W"
        An error, or a question for a person.
    value, threshold : float
        What was measured, and the limit it passed.
    box : (x, y, w, h) or None
        Where, in pixels of the original frame; None means the whole page.
    """

    id: str
    severity: Severity
    value: float
    threshold: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of a profile; the defaults are the handbook's start values.

    Source: DA/T 31-2017, 9.1, 9.4, 10.2, 10.3, 10.5.
    """

    dpi: float = 200
    size: float = 0.10  # share by which a page may differ from a paper size
    ink: float = 0.001  # share of the page
    dark: float = 60  # mean grey
    bright: float = 250
    spread: float = 25  # grey levels between ink and paper
    laplacian: float = 100  # variance at 300 dpi
    slant: float = 1.0  # degrees, to be warned of
    slant_limit: float = 3.0  # degrees, not to be accepted
    border: float = 0.02  # share of the width
    edge_mm: float = 1.0
    cast: float = 12  # levels between channels of the paper


@dataclass(frozen=True, slots=True)
class _Look:
    """A page reduced once for all rules."""

    grey: Grey
    scale: float
    bed: Mask
    ink: Mask

    def box(self, x: int, y: int, width: int, height: int) -> Box:
        """Return a box of the reduced page in pixels of the frame."""
        return tuple(round(side / self.scale) for side in (x, y, width, height))  # pyright: ignore[reportReturnType]


def judge(  # what is known of a page
    original: Rgb,
    result: Rgb,
    dpi: float | None,
    angle: float,
    orientation: int,
    thresholds: Thresholds,
) -> tuple[Finding, ...]:
    """Apply to a page the rules that one page alone can break.

    A slant or a turn that was corrected is a warning, never an error: nobody needs to scan that page
    again. An error is a slant that the result still has.

    Parameters
    ----------
    original, result : uint8, (height, width, 3)
        As scanned, and as processed.
    dpi : pixels per inch, or None where the file does not say
    angle : degrees of slant taken out
    orientation : degrees clockwise by which the page was turned upright
    thresholds : Thresholds

    Source: DA/T 31-2017, 9 and 10.
    """
    look = _look(original)
    after = _look(result)
    return (
        *_resolution(result, dpi, thresholds),
        *_exposure(original, look, thresholds),
        *_softness(original, look, dpi or _guessed_dpi(original), thresholds),
        *_lie(result, angle, orientation, thresholds),
        *_border(look, after, thresholds),
        *_cut(look, dpi or _guessed_dpi(original), thresholds),
    )


def dhash64(image: Rgb) -> int:
    """Return a digest of a page's looks, 0 to 2**64 - 1; alike pages differ in few bits (distance up to 4).

    Parameters
    ----------
    image : uint8, (height, width, 3)

    Source: DA/T 31-2017, 10.5: the same page scanned twice.
    """
    # In two steps: a small exact mean first, so that the page's size leaves no trace in the last rounding.
    page, _ = reduced(grey(image), 288)
    cells = cv2.resize(page, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    return int("".join("1" if bit else "0" for bit in (cells[:, 1:] > cells[:, :-1]).ravel()), 2)


def _look(image: Rgb) -> _Look:
    page, scale = reduced(grey(image), _LOOK)
    bed = find_bed(page)
    return _Look(page, scale, bed, find_ink(page, bed))


def _guessed_dpi(image: Rgb) -> float:
    """Return the resolution the page would have were it A4."""
    return max(image.shape[:2]) / 11.69


def _resolution(result: Rgb, dpi: float | None, limits: Thresholds) -> Iterator[Finding]:
    if dpi is None:
        yield Finding("dpi_missing", "E", 0.0, limits.dpi)
        return
    if dpi < limits.dpi:
        yield Finding("dpi_low", "E", dpi, limits.dpi)
    short, long = sorted(side / dpi * 25.4 for side in result.shape[:2])
    off = min(max(abs(short / width - 1), abs(long / height - 1)) for width, height in _PAPERS)
    if off > limits.size:
        yield Finding("dpi_size_mismatch", "W", off, limits.size)


def _exposure(original: Rgb, look: _Look, limits: Thresholds) -> Iterator[Finding]:
    """Judge the sheet without the lid; a page without any stroke has no contrast to judge."""
    sheet = look.grey[~look.bed]
    if not sheet.size:
        yield Finding("dark", "W", float(look.grey.mean()), limits.dark)
        return
    mean = float(sheet.mean())
    if mean < limits.dark:
        yield Finding("dark", "W", mean, limits.dark)
    if mean > limits.bright:
        yield Finding("bright", "W", mean, limits.bright)
    ink = float(look.ink.sum() / sheet.size)
    smooth = np.asarray(cv2.blur(look.grey, (3, 3)), np.uint8)  # or the sensor's noise would pass for strokes
    faint = float(find_ink(smooth, look.bed, depth=10).sum() / sheet.size)
    darkest, lightest = np.percentile(smooth[~look.bed], (0.5, 95))
    if lightest - darkest < limits.spread and max(ink, faint) >= limits.ink:
        yield Finding("low_contrast", "W", float(lightest - darkest), limits.spread)
    elif ink < limits.ink:
        yield Finding("near_blank", "W", ink, limits.ink)
    yield from _cast(original, limits)


def _cast(original: Rgb, limits: Thresholds) -> Iterator[Finding]:
    """Judge the tone of the paper; that it yellowed is its age and no fault of the scanner.

    Yellowing takes at least as much blue from green as green from red; any other order is a cast.
    """
    page, _ = reduced(original, 300)
    lightness = grey(page)
    paper = page[lightness >= np.percentile(lightness, 60)]
    red, green, blue = np.median(paper, axis=0).tolist()
    off = float(max(green - red, blue - green, (red - green) - (green - blue)))
    if off > limits.cast:
        yield Finding("cast", "W", off, limits.cast)


def _softness(original: Rgb, look: _Look, dpi: float, limits: Thresholds) -> Iterator[Finding]:
    """Measure edges where there is writing, less the sensor's noise on bare paper.

    The most inked tiles of 20 mm are brought to 300 dpi; the median speaks, so one blot does not.
    """
    side = max(16, round(_TILE_MM / 25.4 * dpi))
    small = max(4, round(side * look.scale))
    places = [
        (int(look.ink[y : y + small, x : x + small].sum()), x, y)
        for y in range(0, look.ink.shape[0] - small + 1, small)
        for x in range(0, look.ink.shape[1] - small + 1, small)
        if not look.bed[y : y + small, x : x + small].any()
    ]
    places.sort(reverse=True)
    written = [place for place in places if place[0] > 0.02 * small * small][:9]
    if not written:
        return
    edges = [_edges(original, look, place, side, dpi) for place in written]
    bare = [_edges(original, look, place, side, dpi) for place in places[-3:] if place[0] == 0]
    value = float(max(0.0, np.median(edges) - (min(bare) if bare else 0.0)))
    if value < limits.laplacian:
        xs, ys = [x for _, x, _ in written], [y for _, _, y in written]
        box = look.box(min(xs), min(ys), max(xs) - min(xs) + small, max(ys) - min(ys) + small)
        yield Finding("blur", "W", value, limits.laplacian, box)


def _edges(original: Rgb, look: _Look, place: tuple[int, int, int], side: int, dpi: float) -> float:
    """Return the variance of the Laplacian of a tile brought to 300 dpi."""
    _, x, y = place
    left, top = round(x / look.scale), round(y / look.scale)
    tile = grey(np.ascontiguousarray(original[top : top + side, left : left + side]))
    scale = 300 / dpi
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return float(cv2.Laplacian(cv2.resize(tile, None, fx=scale, fy=scale, interpolation=how), cv2.CV_32F).var())


def _lie(result: Rgb, angle: float, orientation: int, limits: Thresholds) -> Iterator[Finding]:
    left = find_slant(result)
    if abs(left.angle) > limits.slant_limit and left.confidence > SURE:
        yield Finding("skew", "E", left.angle, limits.slant_limit)
    elif abs(angle) > limits.slant:
        yield Finding("skew", "W", angle, limits.slant)
    if orientation:
        yield Finding("orientation", "W", float(orientation), 0.0)


def _border(look: _Look, after: _Look, limits: Thresholds) -> Iterator[Finding]:
    """Report the lid that is still seen around the result, at the place where it was widest."""
    if max(width / after.bed.shape[1] for width in _frame(after.bed)) <= limits.border:
        return
    left, top, right, bottom = _frame(look.bed)
    height, width = look.bed.shape
    strips = ((left, (0, 0, left, height)), (top, (0, 0, width, top)))
    strips += ((right, (width - right, 0, right, height)), (bottom, (0, height - bottom, width, bottom)))
    value = max(wide / after.bed.shape[1] for wide in _frame(after.bed))
    yield Finding("dark_border", "W", value, limits.border, look.box(*max(strips)[1]))


def _frame(bed: Mask) -> tuple[int, int, int, int]:
    """Return how wide the lid shows left, above, right, below: lines that are mostly lid."""
    down, across = bed.mean(0) > 0.5, bed.mean(1) > 0.5  # noqa: PLR2004
    return _run(down), _run(across), _run(down[::-1]), _run(across[::-1])


def _run(line: Mask) -> int:
    """Return the number of leading places that are set."""
    return int(np.argmin(line)) if not line.all() else len(line)


def _cut(look: _Look, dpi: float, limits: Thresholds) -> Iterator[Finding]:
    """Find characters that touch the frame: four dark marks of a character's size along one side.

    The edge of the sheet runs along the frame for longer than a character, dust is smaller, and the shadow
    of the spine is paler than ink; so is very faded ink, which is missed.
    """
    unit = dpi / 25.4 * look.scale
    height, width = look.grey.shape
    ink = find_ink(look.grey, look.bed, depth=60)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    left, top, wide, high = stats[1:, :4].T
    sized = (np.minimum(wide, high) > unit) & (np.maximum(wide, high) < 12 * unit)
    for away in (left, top, width - left - wide, height - top - high):
        marks = np.nonzero(sized & (away < limits.edge_mm * unit))[0]
        if len(marks) < 4:  # noqa: PLR2004
            continue
        x0, y0 = int(left[marks].min()), int(top[marks].min())
        x1, y1 = int((left + wide)[marks].max()), int((top + high)[marks].max())
        value = float(away[marks].min() / unit)
        yield Finding("cut_off", "W", value, limits.edge_mm, look.box(x0, y0, x1 - x0, y1 - y0))
