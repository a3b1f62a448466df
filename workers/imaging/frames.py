"""Frames as pixels, upright, red first, from every format that is taken in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from workers.imaging.inspect import (
    PDF,
    Limits,
    header,
    identify,
    opened_pdf,
    opened_picture,
    orientation,
    sheet,
    tiff_pages,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A frame.

    Parameters
    ----------
    pixels : uint8, (height, width, 3), C-contiguous
        Red, green, blue.
    dpi : float or None
        As the file tells; for a PDF, as it was drawn.
    """

    pixels: NDArray[np.uint8]
    dpi: float | None


def read_frame(path: Path, index: int, *, limits: Limits) -> Raster:
    """Read one frame, at the size that `inspect` tells. Raises `Unreadable`, and IndexError beyond the last frame.

    Parameters
    ----------
    path : Path
        A file that `inspect` has accepted.
    index : int
        From 0.
    limits : Limits
        Those of the inspection.
    """
    media_type = identify(path)
    if media_type == PDF:
        with opened_pdf(path) as pdf:
            if not 0 <= index < len(pdf):
                raise IndexError(index)
            page, frame = sheet(pdf, index, limits)
            drawn = np.frombuffer(page.draw(frame.width, frame.height), np.uint8)
            return Raster(drawn.reshape(frame.height, frame.width, 3), frame.dpi)
    with opened_picture(path, media_type) as picture:
        if _turned_to(picture, index):
            frame = header(picture, limits)
            picture.load()
            turn = _TURNS.get(orientation(picture))
            return Raster(np.array(_rgb(picture if turn is None else picture.transpose(turn))), frame.dpi)
    raise IndexError(index)  # outside the block, which would blame the file


def _turned_to(picture: ImageFile, index: int) -> bool:
    if not isinstance(picture, TiffImageFile):
        return index == 0
    return any(position == index for position, _ in enumerate(tiff_pages(picture)))


def _rgb(picture: Image.Image) -> Image.Image:
    """Return eight bits of red, green and blue; what is transparent lies on white paper."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture).astype(np.uint16) // 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
