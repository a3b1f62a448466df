"""The port of OCR engines, and the order in which people read what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]
Quad: TypeAlias = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as an engine read it.

    Parameters
    ----------
    text : str
    confidence : float
        0 to 1, as the engine says; below 0.8 it is shown as uncertain.
    quad : four points (x, y)
        Corners in pixels, from the first character's top left, clockwise as one reads.
    """

    text: str
    confidence: float
    quad: Quad


class OcrEngine(Protocol):
    """What every engine offers. Text helps searching; it is never evidence and never changes a page.

    Source: DA/T 77-2019.
    """

    @property
    def name(self) -> str:
        """Name of engine and model, as stored beside the text."""
        ...

    @property
    def version(self) -> str:
        """Version, as stored beside the text."""
        ...

    def recognise(self, page: Rgb) -> tuple[Line, ...]:
        """Find and read every line of an upright page, in reading order.

        Parameters
        ----------
        page : uint8, (height, width, 3)
            Red first; quads count its pixels.
        """
        ...

    def legibility(self, strips: Sequence[Rgb]) -> float:
        """Return how surely pieces of lines can be read as they stand: 0 (or no piece) to 1.

        Upside down or on its side a page is not legible; that tells which way is up.

        Parameters
        ----------
        strips : uint8, (height, width, 3) each
            One line each, running across.
        """
        ...


def in_reading_order(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Sort lines as they are read: rows from the top, each from the left; columns from the right.

    A page counts as written in columns when most of its text stands in quads higher than wide.

    Parameters
    ----------
    lines : Line
        Of one upright page.
    """
    boxes = [_box(line.quad) for line in lines]
    tall = sum(len(line.text) for line, (x0, y0, x1, y1) in zip(lines, boxes, strict=True) if y1 - y0 > 1.5 * (x1 - x0))
    if 2 * tall > sum(len(line.text) for line in lines):
        # Columns are rows of a page turned anticlockwise: from the right becomes from the top.
        boxes = [(y0, -x1, y1, -x0) for x0, y0, x1, y1 in boxes]
    waiting = sorted(range(len(lines)), key=lambda index: boxes[index][1] + boxes[index][3])
    order: list[int] = []
    while waiting:
        _, top, _, bottom = boxes[waiting[0]]
        row = [index for index in waiting if (boxes[index][1] + boxes[index][3]) / 2 < (top + 3 * bottom) / 4]
        order += sorted(row, key=lambda index: boxes[index][0])
        waiting = [index for index in waiting if index not in row]
    return tuple(lines[index] for index in order)


def _box(quad: Quad) -> tuple[float, float, float, float]:
    """Return the upright box around a quad: left, top, right, bottom."""
    across, down = zip(*quad, strict=True)
    return min(across), min(down), max(across), max(down)
