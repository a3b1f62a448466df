"""What a stranger's file is, told from its content: type, frames, and whether it is whole."""

import math
import os
import struct
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from workers.imaging.pdf import Pdf, PdfFault, PdfSheet

PDF = "application/pdf"
TIFF = "image/tiff"

Code = Literal[
    "empty",
    "not_an_image",
    "truncated",
    "too_many_pixels",
    "too_many_frames",
    "encrypted",
    "no_pages",
    "damaged",
    "too_slow",
]

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"%PDF-", PDF),
)
_LAST_WORDS = {"image/jpeg": b"\xff\xd9", "image/png": b"IEND", PDF: b"%%EOF"}
_TAIL = 4096  # scanners append a little of their own after the last word
_READERS: Mapping[str, type[ImageFile]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    TIFF: TiffImageFile,
}
# Floating point, CIELAB and 32 bit pictures are measurements, not scans of a page.
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L"})
_PDF_DPI = 300  # of a page that is more than one scan
_ORIENTATION = 0x0112
_LYING = frozenset({5, 6, 7, 8})  # the EXIF orientations that exchange width and height
_SUBFILE, _REDUCED = 254, 1
_DATA = ((273, 279), (324, 325))  # where strips and tiles begin, and their lengths


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is taken: pixels of one frame, and frames."""

    pixels: int = 150_000_000
    frames: int = 2000


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a file: its upright size in pixels and, where told, its resolution."""

    width: int
    height: int
    dpi: float | None


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that can be read to the end."""

    media_type: str
    frames: tuple[Frame, ...]


class Unreadable(Exception):
    """A file that is refused.

    Parameters
    ----------
    code : str
        Why; its words live in the catalogue.
    facts : mapping
        What the words are filled with: numbers and short strings.
    """

    def __init__(self, code: Code, facts: Mapping[str, object] | None = None) -> None:
        self.code = code
        self.facts = dict(facts or {})
        super().__init__(code, self.facts)  # the arguments, so that it crosses processes


def inspect(path: Path, limits: Limits) -> Inspected:
    """Say what a file is and decode it once to the end, without keeping a pixel.

    Sizes are judged by the header before anything is decoded. Of a PDF, only the pages' sizes are computed.
    A stranger's file belongs in a `Sandbox`, which calls this. Raises `Unreadable`.

    Parameters
    ----------
    path : Path
    limits : Limits
    """
    media_type = identify(path)
    if media_type == PDF:
        with opened_pdf(path) as pdf:
            if len(pdf) > limits.frames:
                raise Unreadable("too_many_frames", {"frames": len(pdf), "limit": limits.frames})
            return Inspected(media_type, tuple(sheet(pdf, index, limits)[1] for index in range(len(pdf))))
    with opened_picture(path, media_type) as picture:
        if isinstance(picture, TiffImageFile):
            return Inspected(media_type, _tiff_frames(picture, path, limits))
        frame = header(picture, limits)
        if isinstance(picture, PngImageFile):
            with opened_picture(path, media_type) as again:
                again.verify()  # the checksums; it leaves the picture unusable
        picture.draft("L", (picture.width // 8, picture.height // 8))
        picture.load()
        return Inspected(media_type, (frame,))


def identify(path: Path) -> str:
    """Return the media type of a file by its first bytes, whatever its name says. Raises `Unreadable`."""
    with path.open("rb") as file:
        head = file.read(1024)
    if not head:
        raise Unreadable("empty")
    for signature, media_type in _SIGNATURES:
        if head.lstrip().startswith(signature):
            return media_type
    raise Unreadable("not_an_image")


@contextmanager
def opened_picture(path: Path, media_type: str) -> Generator[ImageFile]:
    """Open a JPEG, PNG or TIFF; whatever goes wrong inside the block is raised as `Unreadable`."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow only murmurs about is found below, or harmless
        try:
            # Not Image.open: it refuses large headers without telling their size, and tries other formats.
            with _READERS[media_type](file) as picture:
                yield picture
        except MemoryError as error:
            raise Unreadable("too_many_pixels") from error
        except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error) as error:
            cut = isinstance(error, EOFError | struct.error) or "truncated" in str(error).lower()
            raise Unreadable("truncated" if cut or _cut_off(path, media_type) else "damaged") from error


def header(picture: ImageFile, limits: Limits) -> Frame:
    """Read the upright size and the resolution of an opened picture's frame; decode nothing too large."""
    width, height = picture.size
    if width < 1 or height < 1:
        raise Unreadable("damaged")
    if width * height > limits.pixels:
        raise Unreadable("too_many_pixels", {"width": width, "height": height, "limit": limits.pixels})
    if picture.mode not in _MODES:
        raise Unreadable("not_an_image", {"mode": picture.mode})
    if orientation(picture) in _LYING:
        width, height = height, width
    dpi = picture.info.get("dpi")
    return Frame(width, height, _plausible(dpi[0]) if dpi else None)


def orientation(picture: ImageFile) -> int:
    """Return how a decoded picture must still be turned, as an EXIF orientation."""
    if isinstance(picture, TiffImageFile):
        return 1  # Pillow turns a TIFF while decoding, and tells the turned size before
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return 1  # a spoilt remark does not spoil the picture


def tiff_pages(picture: TiffImageFile) -> Iterator[None]:
    """Turn to each page of a TIFF in order; thumbnails and lower levels of a pyramid are no pages."""
    position = 0
    while True:
        try:
            picture.seek(position)
        except EOFError:
            return
        if position == 0 or not int(picture.tag_v2.get(_SUBFILE, 0)) & _REDUCED:
            yield
        position += 1


def _tiff_frames(picture: TiffImageFile, path: Path, limits: Limits) -> tuple[Frame, ...]:
    size = path.stat().st_size
    frames: list[Frame] = []
    for _ in tiff_pages(picture):
        if len(frames) == limits.frames:
            raise Unreadable("too_many_frames", {"frames": len(frames) + 1, "limit": limits.frames})
        frames.append(header(picture, limits))
        for begin, length in _DATA:
            begins, lengths = picture.tag_v2.get(begin, ()), picture.tag_v2.get(length, ())
            if any(b + n > size for b, n in zip(begins, lengths, strict=False)):
                raise Unreadable("truncated", {"page": len(frames)})
        picture.load()
    if _cut_off(path, TIFF):  # pages whose directory is gone are passed over in silence
        raise Unreadable("truncated", {"page": len(frames)})
    return tuple(frames)


def _plausible(dpi: float) -> float | None:
    value = float(dpi)
    return round(value, 2) if 10 <= value <= 20_000 else None  # noqa: PLR2004  # beyond it is an aspect ratio or a slip


def _cut_off(path: Path, media_type: str) -> bool:
    """Say whether a file lacks its end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if media_type == TIFF:
            return any(end > size for end in _directory_ends(file))
        file.seek(max(0, size - _TAIL))
        return _LAST_WORDS[media_type] not in file.read()


def _directory_ends(file: BinaryIO) -> Iterator[int]:
    """Walk the directories of a TIFF: yield where the count of each ends, then where it ends itself.

    Nothing is read beyond what was yielded, so a walk that stops at the end of the file stays in it.
    Source: TIFF 6.0, 2; BigTIFF.
    """
    file.seek(0)
    head = file.read(16)
    order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"
    large = b"+" in head[2:4]
    width, counter, entry = (8, 8, 20) if large else (4, 2, 12)
    seen: set[int] = set()
    begin = int.from_bytes(head[width : 2 * width], order)
    while begin and begin not in seen:
        seen.add(begin)
        yield begin + counter
        file.seek(begin)
        entries = begin + counter + entry * int.from_bytes(file.read(counter), order)
        yield entries + width
        file.seek(entries)
        begin = int.from_bytes(file.read(width), order)


@contextmanager
def opened_pdf(path: Path) -> Generator[Pdf]:
    """Open a PDF with at least one page. Raises `Unreadable`."""
    if _cut_off(path, PDF):
        raise Unreadable("truncated")  # PDFium would repair it and lose pages without a word
    try:
        pdf = Pdf(path)
    except PdfFault as fault:
        raise Unreadable(fault.code) from fault
    try:
        yield pdf
    finally:
        pdf.close()


def sheet(pdf: Pdf, index: int, limits: Limits) -> tuple[PdfSheet, Frame]:
    """Load a PDF page, and compute at which size it is drawn: that of its scan, where it is one, else at 300 dpi.

    Parameters
    ----------
    pdf : Pdf
    index : int
        From 0.
    limits : Limits
        A page that would exceed them is drawn smaller; a picture in it that does is refused.
    """
    try:
        page = pdf.page(index)
    except PdfFault as fault:
        raise Unreadable(fault.code, {"page": index + 1}) from fault
    for width, height in page.pictures():
        if width * height > limits.pixels:
            raise Unreadable("too_many_pixels", {"width": width, "height": height, "limit": limits.pixels})
    across, down = page.native_scale() or (_PDF_DPI / 72, _PDF_DPI / 72)
    width, height = page.width * across, page.height * down
    shrink = min(1.0, math.sqrt(limits.pixels / (width * height)))
    frame = Frame(max(1, round(width * shrink)), max(1, round(height * shrink)), round(72 * across * shrink, 2))
    return page, frame
