"""From a row of a stranger's table to a description, with every fault and every change told."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

from app.intake.headings import SYNONYMS
from app.kernel.errors import Fault
from app.records.rules import (
    MANDATORY,
    SECRECY,
    STATE_SECRETS,
    canonical_code,
    date_span,
    entry_faults,
    parse_code,
    retention_mark,
)
from app.records.types import Description

LONGEST_CELL = 10_000
SHOWN = 80
"""Characters of a value that a fault repeats."""

REQUIRED = ("ref_code", *MANDATORY)
"""Without a column for each of these no row can be taken (DA/T 18-2022; handbook description.md, 1)."""

CATEGORIES = {
    "文书": "WS", "科技": "KJ", "人事": "RS", "会计": "KU", "专业": "ZY", "照片": "ZP", "录音": "LY", "录像": "LX",
    "业务数据": "SJ", "邮件": "YJ", "网页": "WY", "社交媒体": "MT", "实物": "SW",
}  # fmt: skip
"""Handbook description.md, 5."""

EXCEL_ERRORS = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})

_UNPRINTED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_BROKEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_WRITTEN_DAY = re.compile(r"(\d{4})(?:[-./年](\d{1,2})(?:[-./月](\d{1,2})日?|月)?|年)?")
_RANGE = re.compile(r"(.*?\d[年月日]?)(?:[~至到]|-(?=\d{4}(?:[-./年]|\d{4}$|$)))(\d{4}.*)")
_TIME_OR_BLANK = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2})?$|\s")
_DASHES = str.maketrans("–—", "--")
_EXCEL_DAY = re.compile(r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])-\d{2}")
_YEAR = re.compile(r"([12]\d{3})年?")
_NUMBER = re.compile(r"(\d{1,9})[页件]?")
_BETWEEN_NAMES = re.compile(r"\s*[;；、,，]\s*")
_TERM = re.compile(r"(?:定期)?D?([1-9]\d{0,2})年?")
_NUMERALS = {"十": "10", "三十": "30", "十五": "15", "二十": "20"}


class Unfit(Exception):
    """A cell that cannot be taken, with the code of its fault and what would be."""

    def __init__(self, code: str, allowed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.allowed = allowed


@lru_cache(maxsize=65_536)
def date18(text: str) -> str:
    """Read a date as people and spreadsheets write it, and return it as DATE18.

    Parameters
    ----------
    text : str
        DATE18 itself, ``2011-03-05``, ``2011.3.5``, ``2011/3``, ``2011年3月5日``, ``2011年``, or two of
        these as a range.

    Raises `Unfit`. Source: handbook description.md, 3; ambiguous forms (``110305``) are not guessed.
    """
    compact = _TIME_OR_BLANK.sub("", unicodedata.normalize("NFKC", text).translate(_DASHES))
    if date_span(compact):
        return compact
    ends = _RANGE.fullmatch(compact)
    written = "-".join(map(_day18, ends.groups())) if ends else _day18(compact)
    if date_span(written) is None:
        raise Unfit("date")
    return written


def _day18(text: str) -> str:
    if date_span(text) and "-" not in text:
        return text
    match = _WRITTEN_DAY.fullmatch(text)
    if match is None:
        raise Unfit("date")
    year, month, day = match.groups()
    return f"{year}{int(month or 0):02d}{int(day or 0):02d}"


def _code(text: str) -> str:
    written = canonical_code("".join(text.split()))
    if _EXCEL_DAY.fullmatch(written):
        raise Unfit("code_became_date")
    return written


def _fonds_code(text: str) -> str:
    return canonical_code("".join(text.split()))


def _retention(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace(" ", "")
    if plain in ("Y", "永久保存", "永久保管"):
        return "永久"
    match = _TERM.fullmatch(_NUMERALS.get(plain.removesuffix("年"), plain))
    return f"{match[1]}年" if match else plain


def _secrecy(text: str) -> str:
    if text.startswith(STATE_SECRETS):
        raise Unfit("state_secret", "、".join(SECRECY))
    return "内部" if text in ("无", "非密", "无密级", "普通") else text


def _category(text: str) -> str:
    plain = canonical_code(text).removesuffix("档案")
    code = CATEGORIES.get(plain, plain)
    if code not in CATEGORIES.values():
        raise Unfit("choice", "、".join(f"{code} {name}" for name, code in CATEGORIES.items()))
    return code


def _year(text: str) -> int:
    match = _YEAR.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None:
        raise Unfit("year")
    return int(match[1])


def _number(text: str) -> int:
    match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None:
        raise Unfit("number", "1–99999")
    return int(match[1])


def _names(text: str) -> str:
    return _BETWEEN_NAMES.sub(";", text).strip(";")


def _bodies(text: str) -> str:
    return text.replace("；", ";")


_READ: Mapping[str, Callable[[str], str | int]] = {
    "ref_code": _code,
    "fonds_code": _fonds_code,
    "date": date18,
    "retention": lru_cache(maxsize=256)(_retention),
    "secrecy": _secrecy,
    "category_code": _category,
    "year": _year,
    "archive_item_no": _number,
    "page_count": _number,
    "persons": _names,
    "creator": _bodies,
}
"""How cells of an element are read; the others are taken as they stand."""

_DESCRIBED = frozenset(field.name for field in fields(Description))


def clean(cell: str) -> str:
    """Return a cell without the blanks around it and what is not printed; raises `Unfit` for broken text."""
    text = cell.strip()
    if not text.isprintable() or "\ufffd" in text:
        text = " ".join(_UNPRINTED.sub("", text).split())
        if _BROKEN.search(text):
            raise Unfit("broken_text")
    if len(text) > LONGEST_CELL:
        raise Unfit("too_long", str(LONGEST_CELL))
    if text in EXCEL_ERRORS:
        raise Unfit("excel_error")
    return text


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that is taken otherwise than it was written."""

    code: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says.

    Attributes
    ----------
    described : Description
        Whole only where there is no fault.
    fonds_name : str
        Empty where the table does not tell.
    faults : tuple of Fault
    changes : tuple of Change
    """

    row: int
    described: Description
    fonds_name: str
    faults: tuple[Fault, ...]
    changes: tuple[Change, ...]


class RowReader:
    """Reads the rows of one table, in order, and remembers the codes it has seen.

    Parameters
    ----------
    columns : sequence of str
        Headings as in the file.
    mapping : mapping of str to str
        Element of each column; a column without one is passed over.
    """

    def __init__(self, columns: Sequence[str], mapping: Mapping[str, str]) -> None:
        self._cells = [(n, e, _READ.get(e)) for n, c in enumerate(columns) if (e := mapping.get(c, ""))]
        self._heading = {mapping[c]: c for c in columns if mapping.get(c)}
        self._columns = columns
        self._width = len(columns)
        self._seen: dict[str, int] = {}

    def missing_columns(self) -> tuple[Fault, ...]:
        """Return a fault for each mandatory element that no column holds; with one, no row need be read."""
        return tuple(
            Fault("column_missing", SYNONYMS[element][0], allowed="、".join(SYNONYMS[element]))
            for element in REQUIRED
            if element not in self._heading
        )

    def read(self, row: int, cells: Sequence[str]) -> ReadRow:
        """Read one row.

        Parameters
        ----------
        row : int
            1-based, as the spreadsheet shows it.
        cells : sequence of str
            May be shorter than the headings, or longer.
        """
        values: dict[str, str | int] = {}
        unfit: dict[str, Fault] = {}
        changes: list[Change] = []
        for column, element, reader in self._cells:
            cell = cells[column] if column < len(cells) else ""
            try:
                text = clean(cell)
                if text:
                    value = reader(text) if reader else text
                    values[element] = value
                    if value != text and isinstance(value, str):
                        changes.append(Change("rewritten", self._heading[element], text, value))
            except Unfit as refusal:
                unfit[element] = self._fault(refusal.code, element, cell.strip(), row, refusal.allowed)
        fonds_name = str(values.pop("fonds_name", ""))
        if "secrecy" in self._heading and "secrecy" not in values and "secrecy" not in unfit:
            changes.append(Change("supplied", self._heading["secrecy"], "", Description().secrecy))
        faults = [*unfit.values(), *self._extra(row, cells)]
        described, disagreements = self._with_code(row, values, unfit)
        faults += disagreements
        faults += (
            self._fault(fault.code, fault.field, fault.value, row, fault.allowed)
            for fault in entry_faults(described)
            # A fonds that no column holds comes from the code, and the code has its own fault.
            if fault.field not in unfit and (fault.field != "fonds_code" or "fonds_code" in self._heading)
        )
        faults += (
            self._fault("required", element, "", row)
            for element in REQUIRED
            if element not in values and element not in unfit and element != "title"
        )
        faults += self._repeated(row, described.ref_code)
        return ReadRow(row, described, fonds_name, tuple(faults), tuple(changes))

    def differences(self, read: ReadRow, found: Description) -> tuple[Fault, ...]:
        """Return a fault for each cell that says otherwise than what its code already names.

        An empty cell, and a column that is not there, says nothing.
        """
        return tuple(
            self._fault("already_described_differently", element, str(said), read.row, str(known))
            for element in self._heading
            if element in _DESCRIBED
            and (said := getattr(read.described, element)) not in ("", None)
            and said != (known := getattr(found, element))
        )

    def merged(self, row: int, column: int, ref: str) -> Fault:
        """Return the fault of a row that a merged range, beginning in a column, covers."""
        return Fault("merged_cells", self._columns[column] if column < self._width else "", ref, row)

    def _with_code(
        self, row: int, values: dict[str, str | int], unfit: Mapping[str, Fault]
    ) -> tuple[Description, list[Fault]]:
        parts = parse_code(str(values.get("ref_code", ""))) or {}
        faults: list[Fault] = []
        for element in ("fonds_code", "category_code", "year", "retention"):
            part = parts.get(element)
            if part is None or element in unfit:
                continue
            said = values.get(element)
            if said is None:
                if element != "retention":
                    values[element] = int(part) if element == "year" else part
            elif (retention_mark(str(said)) if element == "retention" else str(said)) != part:
                faults.append(self._fault("code_disagrees", element, str(said), row, part))
        return Description(**values), faults  # pyright: ignore[reportArgumentType]  # each element's reader gives its type

    def _extra(self, row: int, cells: Sequence[str]) -> Iterator[Fault]:
        if any(cell.strip() for cell in cells[self._width :]):
            text = " ".join(cells[self._width :]).strip()
            yield Fault("extra_cells", "", text[:SHOWN], row, str(self._width))

    def _repeated(self, row: int, code: str) -> Iterable[Fault]:
        if not code:
            return ()
        first = self._seen.setdefault(code, row)
        return () if first == row else (self._fault("repeated_code", "ref_code", code, row, str(first)),)

    def _fault(self, code: str, element: str, value: str, row: int, allowed: str = "") -> Fault:
        return Fault(code, self._heading.get(element) or SYNONYMS[element][0], value[:SHOWN], row, allowed)
