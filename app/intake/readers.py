"""Tables in strangers' files: CSV in any usual encoding, and Excel. For workers only."""

import codecs
import csv
import re
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from app.intake.types import (
    Bomb,
    BrokenQuotes,
    Damaged,
    Empty,
    Encrypted,
    FileTooLarge,
    MergedHeadings,
    NotACatalogue,
    OldExcel,
    RepeatedHeading,
    TooManyColumns,
    TooManyMerged,
    TooManyRows,
    UnknownEncoding,
)

LARGEST_FILE = 200 * 1024**2
MOST_ROWS = 500_000
MOST_COLUMNS = 100
SHEET_ROWS = 1_048_576
MOST_UNPACKED = 1024**3
MOST_SHARED_TEXT = 150 * 1024**2
MOST_RATIO = 150
"""Above this, and over 10 MB, a part of a workbook is a bomb; real sheets reach about 60."""
MOST_MERGED = 1000

TEXT_NAMES = (".csv", ".txt", ".tsv")
EXCEL_NAMES = (".xlsx", ".xlsm")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_BINARY = (_OLE, _ZIP, b"%PDF", b"MZ", b"\x7fELF", b"\xff\xd8\xff", b"\x89PNG", b"Rar!", b"7z\xbc\xaf")
_GB_BOM = b"\x84\x31\x95\x33"
_MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", 0),
    _GB_BOM: ("gb18030", 1),
    codecs.BOM_UTF16_LE: ("utf-16", 0),
    codecs.BOM_UTF16_BE: ("utf-16", 0),
}
"""Byte order marks: the codec, and the characters it leaves of the mark."""
_CHUNK = 1 << 20
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})"')
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, EOFError, OSError, NotImplementedError, RuntimeError, expat.ExpatError,
)  # fmt: skip
"""What openpyxl raises for workbooks that are not what they should be; bad XML is a SyntaxError."""

Cells = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table opened for one pass.

    Attributes
    ----------
    columns : tuple of str
        Headings; a column without one is named ``[C]`` by its letter.
    rows : iterator of (int, sequence of str)
        Numbered as a spreadsheet shows them; blank rows are passed over.
    merged : mapping of int to (int, str)
        By row under the headings: the merged range that covers it, after the number of its first column, from 0.
    expected : int
        About how many rows there are; 0 where nobody can tell before reading.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[int, Cells]]
    merged: Mapping[int, tuple[int, str]]
    expected: int


def check_kind(name: str, head: bytes, size: int) -> None:
    """Refuse, by name, first bytes and size alone, what is certainly no catalogue.

    Parameters
    ----------
    name : str
    head : bytes
        The first eight at least.
    size : int
        Bytes.

    Raises `Empty`, `FileTooLarge`, `OldExcel`, `Encrypted` or `NotACatalogue`.
    """
    shown = name[-120:]
    if size == 0:
        raise Empty(shown)
    if size > LARGEST_FILE:
        raise FileTooLarge(LARGEST_FILE >> 20)
    ending = Path(name).suffix.lower()
    if ending in EXCEL_NAMES and head.startswith(_OLE):
        raise Encrypted(shown)
    if ending in {".xls", ".et", ".xlsb"} or head.startswith(_OLE):
        raise OldExcel(shown)
    known = head.startswith(_ZIP) if ending in EXCEL_NAMES else ending in TEXT_NAMES and not head.startswith(_BINARY)
    if not known:
        raise NotACatalogue(shown)


@contextmanager
def opened(path: Path, name: str) -> Generator[Table]:
    """Open a file's table; it can be read while the block lasts.

    Parameters
    ----------
    path : Path
    name : str
        As the stranger called it; its ending tells CSV from Excel.

    Raises a `CatalogueRefused`, here or while rows are read.
    """
    with path.open("rb") as file:
        check_kind(name, file.read(8), path.stat().st_size)
    with (_excel if Path(name).suffix.lower() in EXCEL_NAMES else _text)(path, name) as table:
        yield table


def _table(numbered: Iterator[tuple[int, Cells]], name: str, merged: Sequence[str], expected: int) -> Table:
    filled = _filled(numbered)
    heading = next(filled, None)
    if heading is None:
        raise Empty(name[-120:])
    row, cells = heading
    return Table(_columns(cells), filled, _merged_rows(merged, row), max(expected - row, 0))


def _filled(numbered: Iterator[tuple[int, Cells]]) -> Generator[tuple[int, Cells]]:
    """Pass blank rows over, and refuse tables beyond all limits."""
    count = 0
    for row, cells in numbered:
        if row > SHEET_ROWS or count > MOST_ROWS:
            raise TooManyRows(MOST_ROWS)
        if any(map(str.strip, cells)):
            if len(cells) > MOST_COLUMNS and any(cells[MOST_COLUMNS:]):
                raise TooManyColumns(MOST_COLUMNS)
            count += 1
            yield row, cells


def _columns(cells: Cells) -> tuple[str, ...]:
    headings = [" ".join(cell.split())[:200] for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    columns = tuple(heading or f"[{get_column_letter(n)}]" for n, heading in enumerate(headings, 1))
    for n, column in enumerate(columns):
        if column in columns[:n]:
            raise RepeatedHeading(column)
    return columns


def _merged_rows(merged: Sequence[str], heading_row: int) -> dict[int, tuple[int, str]]:
    rows: dict[int, tuple[int, str]] = {}
    covered = 0
    for ref in merged:
        left, top, _, bottom = (edge or 1 for edge in range_boundaries(ref))
        if top <= heading_row:
            raise MergedHeadings(ref)
        covered += bottom - top + 1
        if covered > SHEET_ROWS:
            raise TooManyMerged(MOST_MERGED)
        for row in range(top, bottom + 1):
            rows.setdefault(row, (left - 1, ref))
    return rows


# --- text


@contextmanager
def _text(path: Path, name: str) -> Generator[Table]:
    encoding, skipped, lines = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        file.read(skipped)
        delimiter = _delimiter(file.read(64 * 1024))
        file.seek(0)
        file.read(skipped)
        yield _table(_records(file, delimiter), name, (), lines)


def _records(lines: Iterable[str], delimiter: str) -> Generator[tuple[int, Cells]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    row = 0
    while True:
        row += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise BrokenQuotes(row) from None
        if cells is None:
            return
        yield row, cells


def _delimiter(start: str) -> str:
    """Return which of comma, semicolon and tab the first line is parted by most."""
    line = re.sub(r'"[^"]*"', "", start.lstrip().split("\n", 1)[0])
    return max(",;\t", key=line.count)


def _encoding(path: Path) -> tuple[str, int, int]:
    """Return the encoding of a whole file, how many characters its mark takes, and how many lines it has.

    A mark decides; without one it is UTF-8 if it decodes as that to the last byte, then UTF-16 by its
    zero bytes, then GB18030, of which GBK and GB2312 are parts.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    odd, even = head[1::2].count(0), head[::2].count(0)
    marked = next((known for mark, known in _MARKS.items() if head.startswith(mark)), None)
    if marked:
        candidates = (marked,)
    elif odd or even:
        candidates = (("utf-16-le" if odd > even else "utf-16-be", 0),)
    else:
        candidates = (("utf-8", 0), ("gb18030", 0))
    reached = 0
    for encoding, skipped in candidates:
        whole, lines = _decodes(path, encoding)
        if whole:
            return encoding, skipped, lines
        reached = max(reached, lines)
    raise UnknownEncoding(reached + 1)


def _decodes(path: Path, encoding: str) -> tuple[bool, int]:
    """Say whether a file decodes to its end, and how many line ends it has up to where it does."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as stop:
                return False, lines + stop.object[: stop.start].count(b"\n")
            if "\x00" in text:
                return False, lines
            lines += text.count("\n")
            if not chunk:
                return True, lines


# --- Excel


@contextmanager
def _excel(path: Path, name: str) -> Generator[Table]:
    shown = name[-120:]
    _check_package(path, shown)
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")
        try:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except _DAMAGE:
            raise Damaged(shown) from None
        try:
            sheet = next((s for s in book.worksheets if s.sheet_state == "visible"), None)
            if sheet is None:
                raise Empty(shown)
            expected = min(sheet.max_row or 0, SHEET_ROWS)
            # The stated size of a sheet is often wrong, and would cut rows off.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
            # openpyxl does not tell elsewhere which part of the package a sheet is.
            part = str(sheet._worksheet_path)  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
            merged = _merged(path, part, shown)
            yield _table(_rendered(rows, shown), name, merged, expected)
        finally:
            book.close()


def _check_package(path: Path, shown: str) -> None:
    """Refuse bombs and other packages before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as package:
            parts = package.infolist()
            for part in parts:
                if part.flag_bits & 1:
                    raise Encrypted(shown)
                swollen = part.file_size > 10 * 1024**2 and part.file_size > MOST_RATIO * max(part.compress_size, 1)
                words = part.filename.endswith("sharedStrings.xml") and part.file_size > MOST_SHARED_TEXT
                if swollen or words:
                    raise Bomb(MOST_UNPACKED >> 20)
                if part.filename.endswith((".xml", ".rels")):
                    with package.open(part) as xml:
                        _refuse_doctype(xml, shown)
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise Bomb(MOST_UNPACKED >> 20)
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise NotACatalogue(shown)
    except _DAMAGE:
        raise Damaged(shown) from None


def _refuse_doctype(xml: IO[bytes], shown: str) -> None:
    """Raise `Damaged` for a part with a document type, whose entities may unfold without end or name files."""
    root = False

    def refuse(*_: object) -> None:
        raise Damaged(shown)

    def begin(*_: object) -> None:
        nonlocal root
        root = True

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    while not root and (chunk := xml.read(_CHUNK)):
        parser.Parse(chunk)


def _merged(path: Path, part: str, shown: str) -> list[str]:
    """Return a sheet's merged ranges, which openpyxl does not tell when it reads row by row."""
    found: list[str] = []
    try:
        with zipfile.ZipFile(path) as package, package.open(part) as xml:
            rest = b""
            while chunk := xml.read(_CHUNK):
                window = rest + chunk
                end = 0
                for match in _MERGED.finditer(window):
                    found.append(match[1].decode())
                    end = match.end()
                if len(found) > MOST_MERGED:
                    raise TooManyMerged(MOST_MERGED)
                rest = window[max(end, len(window) - 256) :]
    except _DAMAGE:
        raise Damaged(shown) from None
    return found


def _rendered(rows: Iterator[tuple[object, ...]], shown: str) -> Generator[tuple[int, Cells]]:
    row = 0
    while True:
        row += 1
        try:
            values = next(rows, None)
        except _DAMAGE:
            raise Damaged(shown) from None
        if values is None:
            return
        # A sheet may claim a cell a million rows down: the blank rows above it must cost next to nothing.
        blank = values.count(None) == len(values)
        yield row, () if blank else ["" if value is None else _written(value) for value in values]


def _written(value: object) -> str:
    match value:
        case str():
            return value
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.isoformat(" ", "seconds").removesuffix(" 00:00:00")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def batches(rows: Iterator[tuple[int, Cells]], size: int) -> Iterator[list[tuple[int, Cells]]]:
    """Return rows by the batch; `itertools.batched` came with Python 3.12."""
    while batch := list(islice(rows, size)):
        yield batch
