"""ZIP files of strangers: looked at by their directory before anything is unpacked."""

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from app.digitisation.rules import clean_path
from app.digitisation.types import UploadRefused

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, RuntimeError, ValueError)
"""What the library raises for an entry that is not what the directory says, or packed in an unknown way."""

ENTRIES = 20_000
DIRECTORY_BYTES = 16 << 20
TOTAL_BYTES = 50 << 30
RATIO = 100
SMALL = 50 << 20
"""Below this many bytes unpacked, a high ratio is harmless: blank bilevel pages compress well."""

_END = b"PK\x05\x06"
_UTF8 = 0x800
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file inside a ZIP, its name decoded and found fit."""

    path: str
    info: zipfile.ZipInfo


def is_zip(path: Path) -> bool:
    """Say whether a file begins like a ZIP."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", _END)


def entries(path: Path, name: str, *, largest: int) -> tuple[Entry, ...]:
    """Return the files of a ZIP; raises `UploadRefused` for one that is damaged, hostile or empty.

    Parameters
    ----------
    path : Path
    name : str
        As the sender calls it, for the refusal.
    largest : int
        Most bytes of one file inside.
    """
    if _directory_size(path) > DIRECTORY_BYTES:
        raise UploadRefused("zip_bomb", name)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, UnicodeDecodeError) as error:
        raise UploadRefused("damaged", name) from error
    unpacked, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    bomb = unpacked > SMALL and unpacked > RATIO * max(packed, 1)
    if bomb or len(infos) > ENTRIES or unpacked > TOTAL_BYTES or any(i.file_size > largest for i in infos):
        raise UploadRefused("zip_bomb", name)
    if any(i.flag_bits & _ENCRYPTED for i in infos):
        raise UploadRefused("encrypted", name)
    try:
        found = tuple(Entry(clean_path(_decoded(info)), info) for info in infos)
    except UploadRefused as error:
        raise UploadRefused("zip_path", name, {"entry": error.path}) from error
    wanted = tuple(
        e for e in found if not e.path.startswith("__MACOSX/") and not e.path.endswith((".DS_Store", "Thumbs.db"))
    )
    if not wanted:
        raise UploadRefused("zip_empty", name)
    return wanted


def _decoded(info: zipfile.ZipInfo) -> str:
    """Names without the UTF-8 flag come from Chinese Windows: GB18030, which Python showed as CP437."""
    if info.flag_bits & _UTF8:
        return info.filename
    raw = info.orig_filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _directory_size(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(_END)
    return int(struct.unpack_from("<I", tail, at + 12)[0]) if 0 <= at <= len(tail) - 16 else 0
