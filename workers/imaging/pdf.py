# pyright: standard
# pypdfium2 has no types of its own; what leaves this file has.
"""PDFium, as far as scans need it."""

import math
from pathlib import Path
from typing import Literal

import pypdfium2
import pypdfium2.raw as pdfium

_COVERING = 0.95
_LEVEL = 0.001  # slant of a scan that lies square on its page, but for rounding
_SQUARE = 0.02
_HAIR = 0.01  # pixels

PdfCode = Literal["encrypted", "no_pages", "damaged"]
_CODES: dict[int | None, PdfCode] = {
    pdfium.FPDF_ERR_PASSWORD: "encrypted",
    pdfium.FPDF_ERR_SECURITY: "encrypted",
    pdfium.FPDF_ERR_FILE: "no_pages",
}


class PdfFault(Exception):
    """Why a PDF, or a page of it, cannot be read."""

    def __init__(self, code: PdfCode) -> None:
        self.code: PdfCode = code
        super().__init__(code)


class Pdf:
    """An open PDF with at least one page. Not for two threads at once, as nothing of PDFium is."""

    def __init__(self, path: Path) -> None:
        # A file without pages is refused with the last error left standing: let that be "no such file".
        pdfium.FPDF_LoadDocument(b"", None)
        try:
            self._document = pypdfium2.PdfDocument(path)
            self._document.init_forms()  # before a page is loaded, or its filled fields stay empty
        except pypdfium2.PdfiumError as error:
            raise PdfFault(_CODES.get(error.err_code, "damaged")) from error

    def __len__(self) -> int:
        return len(self._document)

    def close(self) -> None:
        """Let go of the file and of all its pages."""
        self._document.close()

    def page(self, index: int) -> "PdfSheet":
        """Load a page, from 0. Raises `PdfFault`."""
        try:
            return PdfSheet(self._document[index])
        except pypdfium2.PdfiumError as error:
            raise PdfFault("damaged") from error


class PdfSheet:
    """A page, as it stands upright."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._page = page
        size: tuple[float, float] = page.get_size()
        self.width, self.height = size
        """In points."""
        if not (self.width > 0 and self.height > 0):
            raise PdfFault("damaged")
        self._objects = list(page.get_objects())
        self._scan = self._lone_scan()

    def pictures(self) -> list[tuple[int, int]]:
        """Return width and height, in pixels, of all pictures on the page."""
        return [item.get_px_size() for item in self._objects if isinstance(item, pypdfium2.PdfImage)]

    def native_scale(self) -> tuple[float, float] | None:
        """Return pixels per point, across and down, of the scan that is the whole page, if one is."""
        if self._scan is None:
            return None
        width, height = self._scan.get_px_size()
        a, b, c, d, _, _ = self._scan.get_matrix().get()
        if math.hypot(b, c) < _LEVEL * math.hypot(a, d):
            across, down = width / abs(a), height / abs(d)
        elif math.hypot(a, d) < _LEVEL * math.hypot(b, c):  # lying on its side
            across, down = height / abs(c), width / abs(b)
        else:
            return None
        if self._page.get_rotation() in (90, 270):
            across, down = down, across
        if abs(across / down - 1) > _SQUARE:  # a fax has oblong pixels
            across = down = max(across, down)
        return across, down

    def draw(self, width: int, height: int) -> memoryview:
        """Draw the page on white paper: bytes of red, green, blue, row by row. At its own scale a scan is copied."""
        if self._scan is not None:
            # PDFium rounds outwards, and one pixel more would blur them all.
            hair = _HAIR / max(self._scan.get_px_size())
            inset = pypdfium2.PdfMatrix().scale(1 - 2 * hair, 1 - 2 * hair).translate(hair, hair)
            self._scan.set_matrix(inset.multiply(self._scan.get_matrix()))
        bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        area = (0, 0, width, height, 0, pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER)
        pdfium.FPDF_RenderPageBitmap(bitmap, self._page, *area)
        if self._page.formenv:
            pdfium.FPDF_FFLDraw(self._page.formenv, bitmap, self._page, *area)
        return memoryview(bitmap.buffer).cast("B")

    def _lone_scan(self) -> pypdfium2.PdfImage | None:
        """Return the only picture, where it covers the page, perhaps with words laid invisibly over it."""
        shown = [item for item in self._objects if not _invisible(item)]
        if len(shown) != 1 or not isinstance(shown[0], pypdfium2.PdfImage) or 0 in shown[0].get_px_size():
            return None
        left, bottom, right, top = self._page.get_bbox()
        x0, y0, x1, y1 = shown[0].get_bounds()
        shared = max(0.0, min(right, x1) - max(left, x0)) * max(0.0, min(top, y1) - max(bottom, y0))
        return shown[0] if shared >= _COVERING * (right - left) * (top - bottom) else None


def _invisible(item: pypdfium2.PdfObject) -> bool:
    return (
        isinstance(item, pypdfium2.PdfTextObj)
        and pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
    )
