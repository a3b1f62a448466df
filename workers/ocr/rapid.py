"""RapidOCR: the PP-OCR models on ONNX Runtime, all inside the wheel."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any, cast

import numpy as np
from rapidocr import RapidOCR

from workers.ocr.engine import Line, Quad, Rgb, in_reading_order

# Where lines are is found on a copy of this size, what they say is read from the page itself. On pages of A4
# that finds the same lines as the engine's own 2000 pixels in a third of the time, and in less memory.
_DETECT = 1280
_LONGEST = 4096


class RapidEngine:
    """The engine delivered with the product; models load when the first page comes.

    Parameters
    ----------
    threads : int
        Of ONNX Runtime; one per worker process, since pages are read in parallel.
    """

    name = "rapidocr PP-OCRv6 small"
    version = version("rapidocr")

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    def recognise(self, page: Rgb) -> tuple[Line, ...]:
        """Find and read every line of an upright page, in reading order.

        Parameters
        ----------
        page : uint8, (height, width, 3)
            Reduced by the caller to 4096 pixels; larger ones are reduced here.
        """
        found = self._engine(_bgr(page), use_det=True, use_cls=False, use_rec=True)
        if found.boxes is None or found.txts is None:
            return ()
        return in_reading_order(
            [
                Line(text, float(score), cast("Quad", tuple((float(x), float(y)) for x, y in box)))
                for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
            ]
        )

    def legibility(self, strips: Sequence[Rgb]) -> float:
        """Return the mean confidence of reading pieces of lines as they stand, 0 to 1.

        Parameters
        ----------
        strips : uint8, (height, width, 3) each
        """
        scores = [
            float(score)
            for strip in strips
            for score in self._engine(_bgr(strip), use_det=False, use_cls=False, use_rec=True).scores or (0.0,)
        ]
        return sum(scores) / len(scores) if scores else 0.0

    @cached_property
    def _engine(self) -> Any:  # noqa: ANN401  # the library has no types for its answers
        return RapidOCR(params=parameters(self._threads))


def parameters(threads: int) -> dict[str, object]:
    """Return how RapidOCR is set up for pages of archives; all else is its default."""
    return {
        "Global.log_level": "error",
        "Global.max_side_len": _LONGEST,
        "Det.limit_type": "max",
        "Det.limit_side_len": _DETECT,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _bgr(page: Rgb) -> Rgb:
    return np.ascontiguousarray(page[:, :, ::-1])
