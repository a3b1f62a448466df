"""Rules of description: dates, codes, mandatory elements, states. Pure functions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from app.kernel.errors import Fault
from app.records.types import Description, Finding, ItemState, PageSummary

SECRECY = ("公开", "内部")
STATE_SECRETS = ("秘密", "机密", "绝密")
RETENTION = re.compile(r"永久|[1-9]\d{0,2}年|长期|短期", re.ASCII)
MANDATORY = ("title", "creator", "date", "retention")
"""Besides level, code and opening status, DA/T 18-2022 (handbook description.md, 1)."""

ACTS: Mapping[str, frozenset[ItemState]] = {
    "revise": frozenset({ItemState.CAPTURED, ItemState.RETURNED, ItemState.CHECKED}),
    "allocate_code": frozenset({ItemState.CAPTURED, ItemState.RETURNED, ItemState.CHECKED}),
    "check": frozenset({ItemState.CAPTURED, ItemState.RETURNED, ItemState.CHECKED}),
    "accept": frozenset({ItemState.CHECKED}),
}
"""In which states an item may be acted on; an accepted item is locked (GB/T 18894)."""

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_FONDS = re.compile(r"[A-Z]\d{3,4}", re.ASCII)
_CODE_DOTS = str.maketrans(dict.fromkeys("．.•‧・", "·") | dict.fromkeys("－–—", "-"))


def _day_span(text: str) -> tuple[date, date] | None:
    match = _DATE.fullmatch(text)
    if not match:
        return None
    year, month, day = map(int, match.groups())
    try:
        if month == 0:
            return (date(year, 1, 1), date(year, 12, 31)) if day == 0 else None
        first = date(year, month, day or 1)
    except ValueError:
        return None
    if day:
        return first, first
    following = date(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else date.max
    return first, following - timedelta(days=1)


def date_span(text: str) -> tuple[date, date] | None:
    """Return the first and last day a DATE18 covers, or None where it is not one.

    Parameters
    ----------
    text : str
        ``YYYYMMDD`` or ``YYYYMMDD-YYYYMMDD``; unknown month or day ``00``. Source: DA/T 46 M33, handbook 3.
    """
    first, dash, last = text.partition("-")
    start = _day_span(first)
    end = _day_span(last) if dash else start
    if start is None or end is None or start[0] > end[1]:
        return None
    return start[0], end[1]


def canonical_code(text: str) -> str:
    """Return a reference code in canonical writing: ``·`` and ``-``, half-width. Source: handbook 5."""
    half = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" and c not in "－．" else c for c in text.strip())
    return half.translate(_CODE_DOTS)


_SEGMENTS = {
    "fonds": r"(?P<fonds_code>[A-Z]\d{3,4})",
    "category": r"(?P<category_code>WS|KJ|RS|KU|ZY|ZP|LY|LX|SJ|YJ|WY|MT|SW)",
    "subs": r"(?:·(?:[A-Z]{2,4}|\d{2}))*?",
    "year": r"(?P<year>(?:19|20)\d{2})",
    "retention": r"(?P<retention>Y|D\d{1,3}|C|D)",
    "org": r"(?P<org>[A-Z]{2,4}|\d{2,3}|[一-鿿]+)",
    "file": r"(?P<file>\d{3,4})",
    "item": r"(?P<item>\d{3,5})",
}


@cache
def _shapes() -> tuple[re.Pattern[str], ...]:
    written = (
        "{fonds}-{category}{subs}·{year}-{retention}-{org}-{item}",
        "{fonds}-{category}{subs}·{year}·{retention}(?:·{org})?-{item}",
        "{fonds}-{category}{subs}·{year}·{retention}-{file}-{item}",
        "{fonds}-{category}{subs}·{year}-{file}-{item}",
        "{fonds}-{category}{subs}-{file}-{item}",
        r"{fonds}-(?P<catalogue_no>\d{{3}})-{file}-{item}",
    )
    return tuple(re.compile(shape.format(**_SEGMENTS), re.ASCII) for shape in written)


def parse_code(code: str) -> dict[str, str] | None:
    """Read the parts of a canonical reference code, or None where it has no known shape.

    Source: DA/T 13-2022, DA/T 22-2015 (handbook description.md, 5). Number zero is no number.
    """
    for shape in _shapes():
        match = shape.fullmatch(code)
        if match:
            parts = {key: value for key, value in match.groupdict().items() if value}
            return parts if int(parts["item"]) > 0 else None
    return None


def retention_mark(retention: str) -> str:
    """Return how a retention is written inside a code: ``Y``, ``D30``; legacy ``C`` and ``D``."""
    marks = {"永久": "Y", "长期": "C", "短期": "D"}
    return marks.get(retention) or "D" + retention.removesuffix("年")


def entry_faults(described: Description) -> Iterator[Fault]:
    """Yield what makes a description unfit to be stored at all.

    A fonds and a title are needed to know what is meant; state secrets are refused at the door
    (保密法; handbook security.md, 1).
    """
    for name in ("fonds_code", "title"):
        if not getattr(described, name).strip():
            yield Fault("required", name)
    if described.secrecy in STATE_SECRETS:
        yield Fault("state_secret", "secrecy", described.secrecy, allowed="、".join(SECRECY))
    elif described.secrecy not in SECRECY:
        yield Fault("choice", "secrecy", described.secrecy, allowed="、".join(SECRECY))
    yield from _form_faults(described)
    yield from _number_faults(described)
    for name in Description.__dataclass_fields__:
        value = getattr(described, name)
        if isinstance(value, str) and "\x00" in value:
            yield Fault("control_character", name, value.replace("\x00", "␀")[:40])


def _form_faults(described: Description) -> Iterator[Fault]:
    if described.date and date_span(described.date) is None:
        yield Fault("date", "date", described.date)
    if described.retention and not RETENTION.fullmatch(described.retention):
        yield Fault("choice", "retention", described.retention, allowed="永久、30年、10年、长期、短期")
    if described.fonds_code and not _FONDS.fullmatch(described.fonds_code):
        yield Fault("pattern", "fonds_code", described.fonds_code, allowed="Z109")
    if described.ref_code and parse_code(described.ref_code) is None:
        yield Fault("ref_code", "ref_code", described.ref_code, allowed="Z109-WS·2011-Y-BGS-0001")


def _number_faults(described: Description) -> Iterator[Fault]:
    for name in ("archive_item_no", "page_count"):
        number = getattr(described, name)
        if number is not None and not 0 < number < 100_000:  # noqa: PLR2004  # five digits, handbook 5
            yield Fault("number", name, str(number), allowed="1–99999")
    if described.year is not None and not 1000 <= described.year <= 2999:  # noqa: PLR2004  # four digits
        yield Fault("number", "year", str(described.year), allowed="1000–2999")


def _code_findings(described: Description) -> Iterator[Finding]:
    if not described.ref_code:
        yield Finding("code_missing", "E", "ref_code")
        return
    parts = parse_code(described.ref_code)
    if parts is None:
        yield Finding("code_shape", "E", "ref_code", described.ref_code)
        return
    pairs = {
        "fonds_code": described.fonds_code,
        "category_code": described.category_code,
        "year": str(described.year or ""),
        "retention": retention_mark(described.retention) if described.retention else "",
    }
    for name, stated in pairs.items():
        if name in parts and stated and parts[name] != stated:
            yield Finding("code_disagrees", "E", name, stated, allowed=parts[name])


def check(described: Description, pages: PageSummary) -> tuple[Finding, ...]:
    """Return what stands between an item and its acceptance.

    Parameters
    ----------
    described : Description
    pages : PageSummary
        Of the page images linked to the item.

    Source: DA/T 18-2022 (mandatory elements), DA/T 70 1-5, 1-7 (codes), DA/T 31-2017, 11 (page counts).
    """
    found = [Finding("element_missing", "E", name) for name in MANDATORY if not getattr(described, name)]
    found += [Finding(fault.code, "E", fault.field, fault.value, fault.allowed) for fault in entry_faults(described)]
    found += _code_findings(described)
    if pages.waiting:
        found.append(Finding("pages_waiting", "E", "pages", str(pages.waiting)))
    if pages.failed:
        found.append(Finding("pages_failed", "E", "pages", str(pages.failed)))
    if pages.faulty:
        found.append(Finding("pages_faulty", "W", "pages", str(pages.faulty)))
    if pages.total == 0:
        found.append(Finding("no_pages", "W", "pages"))
    elif described.page_count is not None and described.page_count != pages.total:
        found.append(Finding("count_mismatch", "E", "page_count", str(described.page_count), allowed=str(pages.total)))
    expected = list(range(1, len(pages.numbers) + 1))
    if list(pages.numbers) != expected:
        found.append(Finding("page_gap", "E", "pages", "、".join(map(str, pages.numbers))))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class CodeParts:
    """A code without its last number, and how that number is written."""

    smallest_class: str
    width: int

    def render(self, number: int) -> str | None:
        """Return the whole code, or None where the number no longer fits the width."""
        written = f"{number:0{self.width}d}"
        return f"{self.smallest_class}-{written}" if len(written) == self.width else None


def code_stem(described: Description, rule: Mapping[str, object]) -> CodeParts | Fault:
    """Build the fixed part of a new code by a rule, or name the element that is missing.

    Parameters
    ----------
    rule : mapping
        ``segments``: list of ``{"key", "sep", "optional"?}`` in order; ``width``: digits of the item number.
    """
    values = {
        "fonds": described.fonds_code,
        "category": described.category_code,
        "year": str(described.year or ""),
        "retention": retention_mark(described.retention) if described.retention else "",
        "org": described.org_or_question,
        "file": described.archive_file_no,
    }
    names = {"fonds": "fonds_code", "category": "category_code", "org": "org_or_question", "file": "archive_file_no"}
    text, pending = "", ""
    segments = rule["segments"]
    assert isinstance(segments, list)  # noqa: S101  # checked when the rule was stored
    for segment in segments:  # pyright: ignore[reportUnknownVariableType]  # JSON
        key, separator, optional = str(segment["key"]), str(segment["sep"]), bool(segment.get("optional"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        if not values[key]:
            if optional:
                continue
            return Fault("required", names.get(key, key))
        text, pending = text + pending + values[key], separator
    return CodeParts(text, int(str(rule["width"])))


DEFAULT_RULES: tuple[tuple[str, Mapping[str, object]], ...] = (
    (
        "DA/T 22-2015",
        {
            "segments": [
                {"key": "fonds", "sep": "-"},
                {"key": "category", "sep": "·"},
                {"key": "year", "sep": "-"},
                {"key": "retention", "sep": "-"},
                {"key": "org", "sep": "-"},
            ],
            "width": 4,
        },
    ),
    (
        "DA/T 13-2022",
        {
            "segments": [
                {"key": "fonds", "sep": "-"},
                {"key": "category", "sep": "·"},
                {"key": "year", "sep": "·"},
                {"key": "retention", "sep": "·"},
                {"key": "org", "sep": "-", "optional": True},
            ],
            "width": 4,
        },
    ),
)
"""Handbook, "Where texts disagree": DA/T 22 first; DA/T 13 where an item has no organisation."""
