"""Red seals: where they are, and a copy on which an engine can read what lies beneath."""

import cv2
import numpy as np

from workers.imaging.geometry import Box, reduced
from workers.imaging.types import Rgb

_LOOK = 800
_REDDER = 36  # levels by which red ink exceeds green and blue; brown paper stays below
_SMALLEST, _LARGEST = 0.055, 0.25  # of the longer side: 16 to 75 mm on A4


def find_seals(image: Rgb) -> tuple[Box, ...]:
    """Return the boxes (x, y, w, h) of red marks that are about as wide as high, and as large as a seal.

    A red head is wider, its characters are smaller, and so both stay to be read.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    """
    page, scale = reduced(image, _LOOK)
    red = cv2.subtract(page[:, :, 0], cv2.max(page[:, :, 1], page[:, :, 2])) > _REDDER
    joined = cv2.morphologyEx(red.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    least, most = _SMALLEST * max(page.shape[:2]), _LARGEST * max(page.shape[:2])
    return tuple(
        (int(x / scale), int(y / scale), int(width / scale) + 1, int(height / scale) + 1)
        for x, y, width, height, area in stats[1:].tolist()
        if least <= min(width, height)
        and max(width, height) <= most
        and max(width, height) <= 1.7 * min(width, height)  # oval seals
        and area > 0.1 * width * height  # more than a frame
    )


def reading_copy(image: Rgb, longest: int) -> tuple[Rgb, float]:
    """Return a copy for an engine, no longer than `longest` pixels, seals faded; and its scale.

    Inside a seal only the red channel is shown: red ink turns as light as paper, black stays black.

    Parameters
    ----------
    image : uint8, (height, width, 3)
    longest : pixels of the longer side

    Source: DA/T 31-2017, 10.4: on a derivative only.
    """
    copy, scale = reduced(image, longest)
    seals = find_seals(copy)
    if seals and copy is image:
        copy = image.copy()
    for x, y, width, height in seals:
        under = copy[y : y + height, x : x + width]
        under[:, :, 1:] = under[:, :, :1]
    return copy, scale
