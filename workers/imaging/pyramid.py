"""Pyramids: one page at every size that a viewer asks for, in a file that is cheap to open.

A process that has used this must not fork: libvips' threads would be missing in the child, and waited for.
"""

from pathlib import Path
from typing import Literal, cast

import numpy as np
import pyvips
from numpy.typing import NDArray
from pyvips.voperation import cache_set_max, concurrency_set

from workers.imaging.inspect import Unreadable

Quality = Literal["default", "color", "gray", "bitonal"]
Format = Literal["jpg", "png", "webp"]

_TILE = 256
_MM_PER_INCH = 25.4
_MIDDLE = 128
_NOTHING = 0  # no remarks are kept beside the pixels

# Many small requests at once, not one large one: a thread each. Nothing is kept between them,
# since a pyramid is replaced under its name when its page is corrected again.
concurrency_set(1)
cache_set_max(0)


def write_pyramid(pixels: NDArray[np.uint8], path: Path, *, dpi: float | None) -> None:
    """Write a tiled TIFF with a JPEG-coded level for every halving.

    Parameters
    ----------
    pixels : uint8, (height, width, 3)
    path : Path
        Overwritten.
    dpi : float or None
    """
    per_mm = dpi / _MM_PER_INCH if dpi else 1.0
    _picture(pixels).copy(xres=per_mm, yres=per_mm).tiffsave(
        path, tile=True, tile_width=_TILE, tile_height=_TILE, pyramid=True, compression="jpeg", Q=82
    )


def thumbnail(pixels: NDArray[np.uint8], side: int = 320) -> bytes:
    """Return a JPEG no side of which is longer than `side` pixels; small pictures stay as they are."""
    return _picture(pixels).thumbnail_image(side, height=side, size="down").jpegsave_buffer(Q=80)


def dimensions(path: Path) -> tuple[int, int]:
    """Return width and height of a pyramid's finest level, in pixels. Raises `Unreadable`."""
    finest = _level(path, 0)
    return finest.width, finest.height


def region(  # noqa: PLR0913  # the parameters of IIIF
    path: Path,
    *,
    x: int,
    y: int,
    width: int,
    height: int,
    out_width: int,
    out_height: int,
    rotation: int,
    quality: Quality,
    format: Format,  # noqa: A002  # its name in IIIF
) -> bytes:
    """Cut a part out of a pyramid, size it, turn it and encode it. Raises `Unreadable`.

    Parameters
    ----------
    path : Path
    x, y, width, height : int
        In pixels of the finest level, inside it.
    out_width, out_height : int
        In pixels, before turning; both exact.
    rotation : int
        0, 90, 180 or 270 degrees, clockwise.
    quality, format : str
        As in IIIF.

    Source: IIIF Image API 3.0, 4.
    """
    finest = _level(path, 0)
    step = _step(finest, min(width / out_width, height / out_height))
    level = _level(path, step) if step else finest
    pixel = 2**step  # not the ratio of the sizes: a level leaves out what does not fill a pixel of it
    left, top = min(round(x / pixel), level.width - 1), min(round(y / pixel), level.height - 1)
    right, bottom = min(level.width, -(-(x + width) // pixel)), min(level.height, -(-(y + height) // pixel))
    across, down = out_width * pixel / width, out_height * pixel / height
    try:
        part = level.crop(left, top, max(1, right - left), max(1, bottom - top)).resize(across, vscale=down)
        part = part.embed(0, 0, out_width, out_height, extend="copy")
        if quality in ("gray", "bitonal"):
            part = part.colourspace("b-w")
        if quality == "bitonal":
            part = part > _MIDDLE
        if rotation:
            part = part.rot(f"d{rotation}")
        return _encoded(part, quality, format)
    except pyvips.Error as error:
        raise Unreadable("damaged") from error


def _encoded(part: pyvips.Image, quality: Quality, form: Format) -> bytes:
    match form:
        case "jpg":
            return part.jpegsave_buffer(Q=80, keep=_NOTHING)
        case "png":
            return part.pngsave_buffer(compression=3, bitdepth=1 if quality == "bitonal" else 8, keep=_NOTHING)
        case "webp":
            return part.webpsave_buffer(Q=80, effort=1, keep=_NOTHING)


def _step(finest: pyvips.Image, shrink: float) -> int:
    """Return how many halvings lie between the finest level and the coarsest that is still fine enough."""
    levels = cast("int", finest.get("n-pages"))
    return max(step for step in range(levels) if step == 0 or 2**step <= shrink)


def _level(path: Path, step: int) -> pyvips.Image:
    try:
        return pyvips.Image.tiffload(path, page=step)
    except pyvips.Error as error:
        raise Unreadable("damaged") from error


def _picture(pixels: NDArray[np.uint8]) -> pyvips.Image:
    height, width, bands = pixels.shape
    return pyvips.Image.new_from_memory(np.ascontiguousarray(pixels).data, width, height, bands, "uchar").copy(
        interpretation="srgb"
    )
