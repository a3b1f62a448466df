"""Where a page lies: turning, straightening, cropping, and the way back to the scan.

Coordinates run over edges, not centres: pixel 0 covers 0 to 1, so a turned page of width w ends at w.
Every function returns the image, what it found, and the transform; none judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.imaging.types import Grey, Points, Rgb

Mask: TypeAlias = NDArray[np.bool_]
Quarter: TypeAlias = Literal[0, 90, 180, 270]
Box: TypeAlias = tuple[int, int, int, int]

_LOOK = 1200  # longest side of the copy on which slant and border are sought: 0.05 degrees are one pixel
_MARGIN_MM = 3.0  # DA/T 31-2017, 10.3
_BED = 64  # grey below which an area that reaches the frame is the scanner's lid
SURE = 0.6  # confidence of a slant: pages of text show 0.8 and more, photographs and noise 0.2 to 0.5
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class Transform:
    """A plane mapping from pixels of the original frame to pixels of a result.

    Parameters
    ----------
    cells : tuple of 9 floats
        The matrix (3 by 3), row by row.
    """

    cells: tuple[float, ...]

    @classmethod
    def identity(cls) -> "Transform":
        """Return the mapping that moves nothing."""
        return cls((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))

    @classmethod
    def from_list(cls, cells: Sequence[float]) -> "Transform":
        """Read back what `to_list` wrote; raises ValueError unless there are nine finite numbers."""
        if len(cells) != 9 or not np.isfinite(cells).all():  # noqa: PLR2004  # three by three
            message = "a transform has nine finite cells"
            raise ValueError(message)
        return cls(tuple(float(cell) for cell in cells))

    def to_list(self) -> list[float]:
        """Return the nine cells, row by row."""
        return list(self.cells)

    @cached_property
    def matrix(self) -> Points:
        """The matrix, float64 (3, 3)."""
        return np.array(self.cells, np.float64).reshape(3, 3)

    def then(self, following: "Transform") -> "Transform":
        """Return this mapping followed by another."""
        return _as_transform(following.matrix @ self.matrix)

    def inverse(self) -> "Transform":
        """Return the way back; raises numpy.linalg.LinAlgError where there is none."""
        return _as_transform(np.linalg.inv(self.matrix).astype(np.float64))

    def apply(self, points: Points) -> Points:
        """Map points, float (n, 2), as x and y."""
        moved = np.column_stack((points, np.ones(len(points)))) @ self.matrix.T
        return moved[:, :2] / moved[:, 2:]


@dataclass(frozen=True, slots=True)
class Turned:
    """A page after quarter turns."""

    image: Rgb
    transform: Transform


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which way the lines of a page run: 0 across, 90 down; confidence 0 to 1."""

    degrees: Literal[0, 90]
    confidence: float


@dataclass(frozen=True, slots=True)
class Slant:
    """The slant of a page's lines in degrees, clockwise positive; confidence 0 to 1."""

    angle: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Deskewed:
    """A straightened page with the slant it had."""

    image: Rgb
    transform: Transform
    angle: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Cropped:
    """A page without the scanner's lid; the box (x, y, w, h) is what was kept of the given image."""

    image: Rgb
    transform: Transform
    box: Box


def turn(image: Rgb, degrees: Quarter) -> Turned:
    """Turn a page clockwise by quarters; no pixel is recomputed.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    degrees : 0, 90, 180 or 270

    Source: DA/T 31-2017, 10.2.
    """
    if degrees == 0:
        return Turned(image, Transform.identity())
    height, width = image.shape[:2]
    cells = {
        90: (0, -1, height, 1, 0, 0, 0, 0, 1),
        180: (-1, 0, width, 0, -1, height, 0, 0, 1),
        270: (0, 1, 0, -1, 0, width, 0, 0, 1),
    }[degrees]
    return Turned(_pixels(cv2.rotate(image, _TURNS[degrees])), Transform.from_list(cells))


def reduced(image: Rgb, longest: int) -> tuple[Rgb, float]:
    """Return a copy no longer than `longest` pixels, and its scale (at most 1).

    Parameters
    ----------
    image : uint8, (height, width) or (height, width, 3)
    longest : pixels of the longer side
    """
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image, 1.0
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return _pixels(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)), scale


def grey(image: Rgb) -> Grey:
    """Return the luminance of an RGB image, uint8 (height, width)."""
    return _pixels(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def find_bed(page: Grey) -> Mask:
    """Return where the scanner's black lid shows: dark areas, more than lines, that reach the frame.

    Parameters
    ----------
    page : uint8, (height, width)
        Grey, reduced: 1200 pixels on the longer side do.
    """
    dark = cv2.morphologyEx((page < _BED).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1))
    return np.asarray((labels[1:-1, 1:-1] == labels[0, 0]) & (dark > 0))


def find_ink(page: Grey, bed: Mask | None = None, *, depth: int = 30) -> Mask:
    """Return the strokes of a page: thin and darker than the paper around them.

    Parameters
    ----------
    page : uint8, (height, width)
        Grey, reduced.
    bed : bool, (height, width)
        Where the lid shows; nothing is written there.
    depth : grey levels below the paper
    """
    paper = cv2.dilate(page, np.ones((17, 17), np.uint8))
    paper = cv2.blur(paper, (17, 17))
    ink = cv2.subtract(paper, page) > depth
    if bed is not None and bed.any():
        ink &= cv2.dilate(bed.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    return np.asarray(ink, np.bool_)


def find_quarter(image: Rgb) -> Evidence:
    """Tell whether the lines of a page run across or down, from the gaps between strokes.

    Characters stand closer in a line than lines do to each other, so few white pixels need filling
    to join them along the line. Vertical writing answers 90 as a page on its side does: only reading
    tells them apart.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    """
    page, _ = reduced(grey(image), _LOOK)
    ink = _without_rules(find_ink(page, find_bed(page)).astype(np.uint8))
    across = down = 0.0
    for reach in (5, 9, 13):
        across += float(np.count_nonzero(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8)) > ink))
        down += float(np.count_nonzero(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((reach, 1), np.uint8)) > ink))
    total = across + down
    if not total:
        return Evidence(0, 0.0)
    return Evidence(0 if across >= down else 90, abs(across - down) / total)


def find_slant(image: Rgb, *, limit: float = 15.0) -> Slant:
    """Measure the slant of lines of text and of ruled tables, whichever quarter the page lies in.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    limit : degrees sought to either side
    """
    page, _ = reduced(grey(image), _LOOK)
    rows, columns = np.nonzero(find_ink(page, find_bed(page)))
    if len(rows) < 500:  # noqa: PLR2004  # fewer strokes make no line
        return Slant(0.0, 0.0)
    step = max(1, len(rows) // 40_000)
    points = np.array((columns[::step], rows[::step]), np.float64)
    coarse = np.arange(-limit, limit + 0.01, 0.5).tolist()
    # A third of the scale: on the full one a peak is narrower than half a degree and slips through.
    rough = [_sharpness(points[:, ::4] / 3, angle) for angle in coarse]
    near = coarse[int(np.argmax(rough))]
    fine = np.clip(np.arange(near - 0.6, near + 0.61, 0.05), -limit, limit)
    sharp = np.array([_sharpness(points, angle) for angle in fine.tolist()])
    # The peak is ragged; its middle is within 0.05 degrees of the truth on the demo pages.
    weights = np.clip(sharp - 0.75 * sharp.max(), 0, None)
    return Slant(float((weights * fine).sum() / weights.sum()), float(1 - np.median(rough) / max(rough)))


def deskew(image: Rgb, *, limit: float = 15.0) -> Deskewed:
    """Straighten a page by the slant of its lines; the frame grows so that nothing is cut.

    Left alone where the slant is below 0.1 degrees or not sure.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    limit : degrees; a greater slant is not sought

    Source: DA/T 31-2017, 10.2.
    """
    slant = find_slant(image, limit=limit)
    if abs(slant.angle) < 0.1 or slant.confidence < SURE:  # noqa: PLR2004
        return Deskewed(image, Transform.identity(), slant.angle, slant.confidence)
    height, width = image.shape[:2]
    corners = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float64)
    radians = np.radians(-slant.angle)
    cos, sin = float(np.cos(radians)), float(np.sin(radians))
    rotation = Transform((cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0))
    moved = rotation.apply(corners)
    left, top = moved.min(0)
    right, bottom = moved.max(0)
    transform = rotation.then(Transform((1.0, 0.0, -float(left), 0.0, 1.0, -float(top), 0.0, 0.0, 1.0)))
    size = round(float(right - left)), round(float(bottom - top))
    return Deskewed(_warped(image, transform, size), transform, slant.angle, slant.confidence)


def crop_border(image: Rgb, *, dpi: float) -> Cropped:
    """Remove the scanner's black lid around the sheet, leaving 3 mm of it.

    Parameters
    ----------
    image : uint8, (height, width, 3)
        Straight, or the sheet is kept with the wedges beside it.
    dpi : pixels per inch

    Source: DA/T 31-2017, 10.3 and 10.4. Not for photographs: a black sky with a straight edge is cropped.
    """
    height, width = image.shape[:2]
    page, scale = reduced(image, _LOOK)
    bed = find_bed(page.max(axis=2))  # a blueprint is as dark as the lid, but in one channel it is bright
    left, right = _sheet(bed.mean(0))
    top, bottom = _sheet(bed.mean(1))
    kept = bed[top:bottom, left:right]
    if bed.sum() - kept.sum() < 0.95 * (bed.size - kept.size):  # a dark sky ends raggedly, a sheet does not
        return Cropped(image, Transform.identity(), (0, 0, width, height))
    margin = _MARGIN_MM / 25.4 * dpi
    x0, y0 = max(0, round(left / scale - margin)), max(0, round(top / scale - margin))
    x1, y1 = min(width, round(right / scale + margin)), min(height, round(bottom / scale + margin))
    if (x0, y0, x1, y1) == (0, 0, width, height) or x1 - x0 < width // 4 or y1 - y0 < height // 4:
        return Cropped(image, Transform.identity(), (0, 0, width, height))
    transform = Transform((1.0, 0.0, -float(x0), 0.0, 1.0, -float(y0), 0.0, 0.0, 1.0))
    return Cropped(image[y0:y1, x0:x1], transform, (x0, y0, x1 - x0, y1 - y0))


def denoise(image: Rgb) -> Rgb:
    """Remove the scanner's dust: dark dots of two pixels or less with nothing near them.

    Works on bands, so that a drawing of 150 megapixels needs no second copy of itself.

    Parameters
    ----------
    image : uint8, (height, width, 3)

    Source: DA/T 31-2017, 10.4. Stains, holes and strokes belong to the original; they are larger.
    """
    clean = image.copy()
    for top in range(0, len(image), 2048):
        above = max(0, top - 8)
        band = image[above : top + 2048 + 8]
        page = grey(band)
        closed = cv2.morphologyEx(page, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        dark = (cv2.subtract(closed, page) > 30).astype(np.uint8)  # noqa: PLR2004
        around = cv2.boxFilter(dark, cv2.CV_8U, (11, 11), normalize=False)
        rows, columns = np.nonzero((dark > 0) & (around <= 4))  # noqa: PLR2004  # two by two
        clean[above + rows, columns] = _beside(band, rows, columns)
    return clean


def find_lines(image: Rgb, count: int) -> list[Rgb]:
    """Cut out pieces of the longest lines of a page, for an engine to try.

    Parameters
    ----------
    image : uint8, (height, width, 3)
        Straight, lines running across.
    count : at most so many
    """
    page, scale = reduced(grey(image), _LOOK)
    ink = _without_rules(find_ink(page, find_bed(page)).astype(np.uint8))
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 15), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((3, 5), np.uint8))
    found: list[tuple[int, Rgb]] = []
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    for x, y, width, height, area in stats[1:].tolist():
        if 8 <= height <= 70 and width >= 4 * height and area > 0.4 * width * height:  # noqa: PLR2004
            wide = min(width, 8 * height)
            x0, x1 = int((x - 3) / scale), int((x + wide + 3) / scale)
            y0, y1 = int((y - 3) / scale), int((y + height + 3) / scale)
            found.append((wide * area, image[max(0, y0) : y1, max(0, x0) : x1]))
    found.sort(key=lambda pair: -pair[0])
    return [np.ascontiguousarray(strip) for _, strip in found[:count]]


def stand(strip: Rgb) -> Rgb:
    """Turn each character of a line a quarter clockwise in its place, as it stands in a column.

    Engines read a column laid on its side as easily as a line; only one of the two is still legible then.

    Parameters
    ----------
    strip : uint8, (height, width, 3)
        Characters about as wide as high.
    """
    height, width = strip.shape[:2]
    tone = np.median(strip.reshape(-1, 3), axis=0).astype(np.uint8)
    page = grey(strip)
    ink = np.any(page < (int(page.min()) + int(np.median(page))) // 2, axis=0)
    canvas = np.tile(tone, (2 * height, 2 * width + 2 * height, 1))
    start = end = 0
    while start < width:
        ends = range(start + round(0.7 * height), start + round(1.3 * height))
        gaps = [at for at in ends if at >= width or not ink[at]] or [start + height]
        stop = min(gaps, key=lambda at: abs(at - start - height))
        character = np.rot90(strip[:, start:stop], -1)
        top = (2 * height - len(character)) // 2
        canvas[top : top + len(character), end : end + height] = character
        start, end = stop, end + height
    return canvas[height // 3 : -(height // 3), :end]


def _as_transform(matrix: Points) -> Transform:
    return Transform(tuple(float(cell) for cell in matrix.ravel()))


def _pixels(image: object) -> NDArray[np.uint8]:
    """Give OpenCV's answer back the type it lost."""
    return np.asarray(image, np.uint8)


def _without_rules(ink: Grey) -> Grey:
    """Take ruled lines out of a mask of strokes."""
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, 60), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((60, 1), np.uint8))
    rules = cv2.bitwise_or(across, down)
    return _pixels(cv2.subtract(ink, cv2.dilate(rules, np.ones((3, 3), np.uint8))))


def _sharpness(points: Points, angle: float) -> float:
    """Tell how sharply strokes gather into lines, across or down, when turned back by an angle."""
    radians = np.radians(angle)
    cos, sin = float(np.cos(radians)), float(np.sin(radians))
    along = points[0] * cos + points[1] * sin
    below = points[1] * cos - points[0] * sin
    return max(_energy(along), _energy(below))


def _energy(places: NDArray[np.float64]) -> float:
    counts = np.bincount((places + 2 * _LOOK).astype(np.int64))
    return float(np.square(np.diff(counts)).sum())


def _sheet(bed: NDArray[np.float64]) -> tuple[int, int]:
    """Return first and last place that is mostly sheet, given the share of lid at each."""
    places = np.nonzero(bed < 0.5)[0]  # noqa: PLR2004
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(bed))


def _warped(image: Rgb, transform: Transform, size: tuple[int, int]) -> Rgb:
    """Redraw a page; what was outside the scan takes the tone of its frame."""
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)))
    matrix = (np.linalg.inv(half) @ transform.matrix @ half)[:2]
    frame = np.concatenate((image[0], image[-1], image[:, 0], image[:, -1]))
    tone = np.median(frame, axis=0).tolist()
    return _pixels(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=tone))


def _beside(image: Rgb, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Rgb:
    """Return the paper's tone beside dots: the median of eight pixels four away, uint8 (n, 3)."""
    height, width = image.shape[:2]
    steps = [(y, x) for y in (-4, 0, 4) for x in (-4, 0, 4) if (y, x) != (0, 0)]
    near = [image[np.clip(rows + y, 0, height - 1), np.clip(columns + x, 0, width - 1)] for y, x in steps]
    return np.median(near, axis=0).astype(np.uint8)
