"""A page from scan to text: the order of the steps, each a pure function of `imaging` or `ocr`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workers.imaging.geometry import (
    Quarter,
    Transform,
    crop_border,
    denoise,
    deskew,
    find_lines,
    find_quarter,
    reduced,
    stand,
    turn,
)
from workers.imaging.quality import Finding, Thresholds, dhash64, judge
from workers.imaging.seals import reading_copy
from workers.imaging.types import Rgb
from workers.ocr.engine import Line, OcrEngine

_READ = 3508  # longest side an engine is given: A4 at 300 dpi; larger pages are reduced for reading only
_TRY = 3  # pieces of lines that tell which way is up
_LEGIBLE = 0.8  # pages of print show 0.97 and more, upside down at most 0.6
_ANOTHER: dict[Quarter, Quarter] = {0: 90, 90: 180, 180: 270, 270: 0}
_A4_INCHES = 11.69


@dataclass(frozen=True, slots=True)
class PageResult:
    """A processed page and what was learnt on the way.

    Parameters
    ----------
    pixels : uint8, (height, width, 3)
        Upright, straight, without the lid, without dust.
    transform : Transform
        From pixels of the original frame to those of `pixels`.
    angle : float
        Degrees of slant taken out, clockwise positive.
    orientation : int
        Degrees clockwise by which the page was turned upright.
    findings : tuple of Finding
    dhash : int
        Unsigned, 64 bits, of `pixels`.
    lines : tuple of Line
        In reading order; quads count pixels of the original frame.
    mean_confidence : float or None
        Over characters; None where nothing was read.
    """

    pixels: Rgb
    transform: Transform
    angle: float
    orientation: Quarter
    findings: tuple[Finding, ...]
    dhash: int
    lines: tuple[Line, ...]
    mean_confidence: float | None


def process_page(pixels: Rgb, dpi: float | None, engine: OcrEngine, thresholds: Thresholds) -> PageResult:
    """Straighten, crop, turn upright, dust, judge and read a page.

    Parameters
    ----------
    pixels : uint8, (height, width, 3)
        The frame as scanned; not changed.
    dpi : float or None
        Pixels per inch as the file says; None lets A4 be assumed where millimetres count.
    engine : OcrEngine
    thresholds : Thresholds

    Source: DA/T 31-2017, 10; DA/T 77-2019.
    """
    # Straight before cropped, so that the crop follows the sheet; upright last, because only lines
    # that are straight can be tried for reading.
    straight = deskew(pixels)
    cropped = crop_border(straight.image, dpi=dpi or max(pixels.shape[:2]) / _A4_INCHES)
    orientation = _upright(cropped.image, engine)
    turned = turn(cropped.image, orientation)
    transform = straight.transform.then(cropped.transform).then(turned.transform)
    angle = 0.0 if straight.transform == Transform.identity() else straight.angle
    page = turned.image
    del straight, cropped, turned  # a drawing of 150 megapixels fills 450 MB at each step
    page = denoise(page)
    findings = judge(pixels, page, dpi, angle, orientation, thresholds)
    lines = _read(page, transform, engine)
    return PageResult(page, transform, angle, orientation, findings, dhash64(page), lines, _confidence(lines))


def _upright(page: Rgb, engine: OcrEngine) -> Quarter:
    """Return the clockwise turn after which pieces of lines can be read; 0 where no turn makes them legible.

    Turns are tried in order of likelihood and the first legible one suffices, so that an upright page
    pays for one. A column laid on its side is legible too; its characters are so even when each is stood
    up, and then the page lacks another quarter.
    """
    copy, _ = reduced(page, _READ)
    for degrees in _likely_first(copy):
        strips = find_lines(turn(copy, degrees).image, _TRY)
        if engine.legibility(strips) > _LEGIBLE:
            return _ANOTHER[degrees] if _in_columns(strips, engine) else degrees
    return 0


def _in_columns(strips: list[Rgb], engine: OcrEngine) -> bool:
    """Tell whether the longest piece and another one stay legible with each character stood up.

    One piece is not enough: a title set wide passes.
    """
    legible = (engine.legibility([stand(strip)]) > _LEGIBLE for strip in strips)
    return next(legible, False) and any(legible)


def _likely_first(page: Rgb) -> Iterator[Quarter]:
    across = find_quarter(page).degrees == 0
    yield from (0, 180, 90, 270) if across else (90, 270, 0, 180)


def _read(page: Rgb, transform: Transform, engine: OcrEngine) -> tuple[Line, ...]:
    """Read a page once, seals faded, and lead the quads back to the original frame."""
    copy, scale = reading_copy(page, _READ)
    lines = engine.recognise(copy)
    if not lines:
        return ()
    corners = np.array([line.quad for line in lines], np.float64).reshape(-1, 2) / scale
    back = transform.inverse().apply(corners).reshape(-1, 4, 2).tolist()
    return tuple(
        Line(line.text, line.confidence, ((a[0], a[1]), (b[0], b[1]), (c[0], c[1]), (d[0], d[1])))
        for line, (a, b, c, d) in zip(lines, back, strict=True)
    )


def _confidence(lines: tuple[Line, ...]) -> float | None:
    characters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / characters if characters else None
