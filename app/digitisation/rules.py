"""Pure rules of uploads: file names, matching, text lines, boxes."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from app.digitisation.types import Point, Quad, TextLine, UploadRefused
from app.records.rules import canonical_code

LONGEST_NAME, LONGEST_PATH = 200, 1000
"""Bytes of a part, and of the whole."""

# Besides what file systems reserve: controls, and marks that make a name read as another one.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\\:*?"<>|]')
_PAGE = re.compile(r"(.+)-(\d{1,4})", re.ASCII)
_DRIVE = re.compile(r"^[A-Za-z]:")


def clean_path(path: str) -> str:
    """Return a file's path inside its delivery, in NFC with ``/``.

    Raises `UploadRefused` for names that leave the folder, hold control or reserved characters, or
    exceed 200 bytes a part or 1,000 in all (handbook description.md, 7).
    """
    text = unicodedata.normalize("NFC", path).replace("\\", "/").removeprefix("./")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    leaves = text.startswith("/") or _DRIVE.match(text) or ".." in parts
    unfit = any(_FORBIDDEN.search(part) or len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in parts)
    if not parts or leaves or unfit or len(text.encode("utf-8", "replace")) > LONGEST_PATH:
        raise UploadRefused("bad_name", _FORBIDDEN.sub("␀", text)[:LONGEST_NAME] or "-")
    return "/".join(parts)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file's name says it is.

    Attributes
    ----------
    ref_code : str
        Canonical.
    page_no : int or None
        None where the name names the whole record.
    """

    ref_code: str
    page_no: int | None


def claims(path: str) -> tuple[Claim, ...]:
    """Return the readings of a file name, the likeliest first.

    ``<code>-<page>.jpg`` and ``<code>.pdf``; a page number alone in a folder named by the code; ``_``
    may stand for ``·`` (DA/T 31-2017, 9.6; handbook description.md, 7).
    """
    folders, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    readings: list[Claim] = []
    for text in dict.fromkeys((stem, stem.replace("_", "·"))):
        readings.append(Claim(canonical_code(text), None))
        if match := _PAGE.fullmatch(text):
            readings.append(Claim(canonical_code(match[1]), int(match[2])))
    folder = folders.rpartition("/")[2]
    if folder and re.fullmatch(r"\d{1,4}", stem):
        readings += [
            Claim(canonical_code(text), int(stem)) for text in dict.fromkeys((folder, folder.replace("_", "·")))
        ]
    return tuple(reading for reading in readings if reading.page_no != 0)


def joined(lines: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """Join a page's lines with line feeds; search lets a phrase run from one line into the next.

    Returns
    -------
    text : str
    starts : tuple of int
        Offset of each line in the text.
    """
    starts = list[int]()
    at = 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return "\n".join(lines), tuple(starts)


def _breadth(character: str) -> float:
    return 1.0 if unicodedata.east_asian_width(character) in "WFA" else 0.5


def part_of(line: TextLine, start: int, end: int) -> Quad:
    """Return the box of some characters of a line, by their share of its length.

    Parameters
    ----------
    line : TextLine
    start, end : int
        Characters ``start`` up to but not including ``end``.
    """
    breadths = [_breadth(c) for c in line.text]
    whole = sum(breadths) or 1.0
    left, right = sum(breadths[:start]) / whole, sum(breadths[:end]) / whole
    a, b, c, d = line.quad
    vertical = abs(d[1] - a[1]) > 1.5 * abs(b[0] - a[0]) + abs(b[1] - a[1]) and len(line.text) > 1
    if vertical:
        return _between(a, d, left), _between(b, c, left), _between(b, c, right), _between(a, d, right)
    return _between(a, b, left), _between(a, b, right), _between(d, c, right), _between(d, c, left)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
