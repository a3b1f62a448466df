"""Ageing: from a clean page to the scan of an old one, and where each point went."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

_COARSE = 16  # tones are painted on a grid this much coarser than the page
_FRESH = np.array((252, 250, 244), np.float32)
_BROWN = np.array((223, 198, 152), np.float32)
_FOLDED_SINCE = 0.35  # papers of the eighties and before were kept folded
_LID = (24, 22, 22)
_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


@dataclass(frozen=True, slots=True)
class Wear:
    """What happened to a page.

    Parameters
    ----------
    age : float
        0 (new) to 1 (seventy years): yellowing, fading, brown edges.
    skew : float
        Degrees clockwise on the scanner's glass.
    turn : int
        0, 90, 180 or 270 degrees clockwise: laid down the wrong way.
    stains : int
        Damp marks and cup rings.
    border : float
        Millimetres of black lid around the sheet; 0 where the scanner cropped.
    blur : float
        Pixels of softness beyond that of the scanner itself.
    """

    age: float
    skew: float = 0
    turn: int = 0
    stains: int = 0
    border: float = 0
    blur: float = 0


@dataclass(frozen=True, slots=True)
class Aged:
    """The scan, and the affine (2 by 3) that leads from pixels of the clean page to its own."""

    image: Image.Image
    affine: NDArray[np.float64]

    def moved(self, box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        """Return the upright box around a box of the clean page."""
        left, top, right, bottom = box
        corners = np.array([(x, y, 1) for x in (left, right) for y in (top, bottom)]) @ self.affine.T
        (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
        return float(x0), float(y0), float(x1), float(y1)


def age(page: Image.Image, wear: Wear, rng: np.random.Generator, *, dpi: int = 200) -> Aged:
    """Age a page: paper, stains, punched holes, the scanner's light, dust, skew and turn.

    Parameters
    ----------
    page : RGB image, clean and upright
    wear : Wear
    rng : numpy.random.Generator
        The same state gives the same pixels.
    dpi : int
        Pixels per inch of the page.
    """
    sheet = ImageChops.multiply(_faded(page, wear, rng), _paper(page.size, wear, rng))
    _punch(sheet, rng, dpi)
    scan, matrix = _laid(sheet, wear, rng, dpi)
    if wear.blur:
        scan = scan.filter(ImageFilter.GaussianBlur(wear.blur))
    scan = _dusted(scan, rng)
    if wear.turn:
        matrix = _turning(wear.turn, scan.size) @ matrix
        scan = scan.transpose(_TURNS[wear.turn])
    return Aged(scan, matrix[:2])


def _clouds(rng: np.random.Generator, shape: tuple[int, int], grain: int) -> NDArray[np.float32]:
    """Return soft noise of about -1 to 1, its patches `grain` cells wide."""
    height, width = shape
    seeds = rng.uniform(-1, 1, (height // grain + 2, width // grain + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(seeds).resize((width, height), Image.Resampling.BICUBIC))


def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return rows and columns of the coarse grid as fractions of the page."""
    width, height = (-(-side // _COARSE) for side in size)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows / height, columns / width


def _painted(tone: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Return coarse tones (0 to 255, RGB) as a smooth image."""
    return Image.fromarray(tone.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


def _paper(size: tuple[int, int], wear: Wear, rng: np.random.Generator) -> Image.Image:
    """Return the bare sheet: yellowed, mottled, browned at the edges, stained, creased."""
    y, x = _grid(size)
    edge = np.minimum(np.minimum(x, 1 - x) * 0.7, np.minimum(y, 1 - y))
    browned = wear.age * (0.75 + 0.25 * _clouds(rng, x.shape, 24)) + 0.5 * wear.age * np.exp(-edge * 28)
    browned += 0.05 * wear.age * _clouds(rng, x.shape, 3)
    for _ in range(wear.stains):
        browned += _stain(x, y, rng)
    tone = _FRESH + browned.clip(0, 2.2)[..., None] * (_BROWN - _FRESH)
    sheet = _painted((tone * _light(x, y, rng)[..., None]).astype(np.float32), size)
    if wear.age > _FOLDED_SINCE:
        _crease(sheet, rng)
    return sheet


def _stain(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one damp mark: a pale inside, a dark ragged rim."""
    middle_x, middle_y = rng.uniform(0.05, 0.95, 2)
    radius = rng.uniform(0.06, 0.17)
    ragged = radius * (1 + 0.22 * _clouds(rng, x.shape, 9))
    away = np.hypot(x - middle_x, (y - middle_y) * 1.41) - ragged
    inside = 0.32 / (1 + np.exp(away * 180))
    return (inside + 0.45 * np.exp(-np.square(away / 0.006))).astype(np.float32)


def _crease(sheet: Image.Image, rng: np.random.Generator) -> None:
    """Fold the sheet once across: a dark line with a light one beside it."""
    width, height = sheet.size
    left, right = (int(height * (0.5 + rng.normal(0, 0.004))) for _ in range(2))
    pen = ImageDraw.Draw(sheet)
    base = sheet.getpixel((width // 2, height // 2))
    tones = base if isinstance(base, tuple) else (200, 200, 200)
    pen.line((0, left, width, right), fill=tuple(int(tone * 0.84) for tone in tones), width=2)
    pen.line((0, left + 2, width, right + 2), fill=tuple(min(255, int(tone * 1.05)) for tone in tones), width=2)


def _faded(page: Image.Image, wear: Wear, rng: np.random.Generator) -> Image.Image:
    """Lift the ink unevenly, more where the page is older."""
    _, x = _grid(page.size)
    lift = 14 + 46 * wear.age * (0.6 + 0.4 * _clouds(rng, x.shape, 12))
    return ImageChops.screen(page, _painted(np.repeat(lift[..., None], 3, axis=2).astype(np.float32), page.size))


def _punch(sheet: Image.Image, rng: np.random.Generator, dpi: int) -> None:
    """Punch the three holes of the binding thread near the left edge."""
    pen = ImageDraw.Draw(sheet)
    radius = dpi * 0.045
    for part in (0.32, 0.5, 0.68):
        x = dpi * 0.4 + rng.normal(0, 2)
        y = sheet.height * part + rng.normal(0, 3)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(70, 62, 54))


def _laid(
    sheet: Image.Image, wear: Wear, rng: np.random.Generator, dpi: int
) -> tuple[Image.Image, NDArray[np.float64]]:
    """Lay the sheet on the glass, askew, and return the picture with the matrix (3 by 3) of the move."""
    margin = round(wear.border * dpi / 25.4)
    width, height = sheet.width + 2 * margin, sheet.height + 2 * margin
    shift = rng.uniform(-0.3, 0.3, 2) * margin
    cos, sin = math.cos(math.radians(wear.skew)), math.sin(math.radians(wear.skew))
    turn = np.array(((cos, -sin), (sin, cos)))
    offset = np.array((width, height)) / 2 + shift - turn @ (np.array(sheet.size) / 2)
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, offset
    back = np.linalg.inv(matrix)[:2].ravel().tolist()
    lid = _LID if margin else (236, 234, 230)
    scan = sheet.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR, fillcolor=lid)
    return scan, matrix


def _light(x: NDArray[np.float32], y: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the light on the sheet, 0 to 1: weaker to one side, a shadow at the spine."""
    across, down = rng.uniform(-0.09, 0.09, 2)
    spine = 0.30 * np.exp(-x / rng.uniform(0.02, 0.05))
    return (0.97 + across * (x - 0.5) + down * (y - 0.5) - spine).astype(np.float32)


def _dusted(scan: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scatter the sensor's noise and the glass's dust."""
    width, height = scan.size
    # One tile of noise laid side by side: as good to the eye as fresh noise, and much quicker.
    tile = rng.normal(128, 4.2, (512, 512)).round().astype(np.uint8)
    noise = Image.fromarray(np.tile(tile, (height // 512 + 1, width // 512 + 1))[:height, :width])
    dusted = ImageChops.add(scan, Image.merge("RGB", (noise, noise, noise)), offset=-128)
    pen = ImageDraw.Draw(dusted)
    for _ in range(int(rng.integers(60, 220))):
        x, y, side = rng.integers(0, (width, height, 3)).tolist()
        pen.rectangle((x, y, x + side, y + side // 2), fill=(96, 88, 78))
    return dusted


def _turning(turn: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the matrix (3 by 3) of a clockwise turn of a picture of this size."""
    width, height = size
    return np.array(
        {
            90: ((0, -1, height), (1, 0, 0), (0, 0, 1)),
            180: ((-1, 0, width), (0, -1, height), (0, 0, 1)),
            270: ((0, 1, 0), (-1, 0, width), (0, 0, 1)),
        }[turn],
        np.float64,
    )
