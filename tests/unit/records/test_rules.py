"""Dates, codes, mandatory elements: the handbook's vectors, and laws that hold for every value."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import Fault
from app.records.rules import (
    DEFAULT_RULES,
    CodeParts,
    canonical_code,
    check,
    code_stem,
    date_span,
    entry_faults,
    parse_code,
    retention_mark,
)
from app.records.types import Description, PageSummary

SOUND = Description(
    fonds_code="Z109", category_code="WS", year=2011, org_or_question="BGS", ref_code="Z109-WS·2011-Y-BGS-0001",
    title="关于春耕的通知", creator="县政府", date="20110305", retention="永久",
)  # fmt: skip
PAGES = PageSummary(ready=2, waiting=0, failed=0, faulty=0, numbers=(1, 2))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("20110305", (2011, 3, 5), (2011, 3, 5)),
        ("20110300", (2011, 3, 1), (2011, 3, 31)),
        ("20110000", (2011, 1, 1), (2011, 12, 31)),
        ("20120200", (2012, 2, 1), (2012, 2, 29)),
        ("19491200", (1949, 12, 1), (1949, 12, 31)),
        ("19491001-19500000", (1949, 10, 1), (1950, 12, 31)),
        ("20110305-20110305", (2011, 3, 5), (2011, 3, 5)),
    ],
)
def test_what_a_date_covers(text: str, first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    assert date_span(text) == (date(*first), date(*last))


@pytest.mark.parametrize(
    "text",
    [
        "", "2011", "201103", "2011-03-05", "20110230", "20111301", "20110005", "20110305-", "-20110305",
        "20110305-20110304", "20110305-20110306-20110307", "２０１１０３０５", "20110305 ", "00000305", "20110332",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert date_span(text) is None


@given(st.dates(), st.dates())
def test_a_span_of_days_is_those_days(one: date, other: date) -> None:
    first, last = sorted((one, other))
    assert date_span(f"{first.year:04d}{first:%m%d}-{last.year:04d}{last:%m%d}") == (first, last)


@given(st.integers(1, 9999), st.integers(1, 12))
def test_an_unknown_day_is_the_whole_month(year: int, month: int) -> None:
    span = date_span(f"{year:04d}{month:02d}00")
    assert span is not None
    first, last = span
    assert (first.day, last.year, last.month) == (1, year, month)
    if last != date.max:
        assert (last + timedelta(days=1)).day == 1


@given(st.text())
def test_any_text_is_a_date_or_is_not(text: str) -> None:
    span = date_span(text)
    assert span is None or span[0] <= span[1]


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("Z109-WS·2011-Y-BGS-0001", {"retention": "Y", "org": "BGS", "item": "0001", "year": "2011"}),
        ("Z109-WS·2011·D30-0012", {"retention": "D30", "item": "0012"}),
        ("Z109-WS·2011·D30·BGS-0012", {"retention": "D30", "org": "BGS", "item": "0012"}),
        ("Z109-001-001-001", {"catalogue_no": "001", "file": "001", "item": "001"}),
    ],
)
def test_a_code_is_read(code: str, parts: dict[str, str]) -> None:
    read = parse_code(code)
    assert read is not None
    assert parts.items() <= read.items()
    assert read["fonds_code"] == "Z109"


@pytest.mark.parametrize(
    "code",
    ["", "Z109", "Z109-WS·2011-Y-BGS-0000", "Z109-XX·2011-Y-BGS-0001", "z109-WS·2011-Y-BGS-0001",
     "Z109-WS·2011-Y-BGS-0001 ", "Z109-WS.2011-Y-BGS-0001", "Z109-WS·1811-Y-BGS-0001", "Z109-WS·2011-Y-BGS-０００1"],
)  # fmt: skip
def test_what_is_no_code(code: str) -> None:
    assert parse_code(code) is None


@pytest.mark.parametrize(
    "written", ["Ｚ109－WS．2011－Y－BGS－0001", "Z109-WS.2011-Y-BGS-0001", " Z109–WS•2011—Y-BGS-0001 "]
)
def test_tolerated_writings_are_one_code(written: str) -> None:
    assert canonical_code(written) == "Z109-WS·2011-Y-BGS-0001"


@given(st.text())
def test_canonical_writing_is_canonical(text: str) -> None:
    assert canonical_code(canonical_code(text)) == canonical_code(text)


described = st.builds(
    Description,
    fonds_code=st.from_regex(r"[A-Z]\d{3,4}", fullmatch=True).filter(str.isascii),
    category_code=st.sampled_from(("WS", "KJ", "RS", "ZP")),
    year=st.integers(1900, 2099),
    org_or_question=st.from_regex(r"[A-Z]{2,4}", fullmatch=True),
    retention=st.sampled_from(("永久", "30年", "10年", "长期", "短期")),
)


@given(described, st.sampled_from([rule for _, rule in DEFAULT_RULES]), st.integers(1, 9999))
def test_a_code_made_by_rule_is_read_back(told: Description, rule: dict[str, object], number: int) -> None:
    stem = code_stem(told, rule)
    assert isinstance(stem, CodeParts)
    code = stem.render(number)
    assert code is not None
    parts = parse_code(code)
    assert parts is not None
    assert canonical_code(code) == code
    assert (parts["fonds_code"], parts["category_code"], int(parts["year"]), int(parts["item"])) == (
        told.fonds_code, told.category_code, told.year, number,
    )  # fmt: skip
    assert (parts["retention"], parts["org"]) == (retention_mark(told.retention), told.org_or_question)
    assert not any(f.code.startswith("code_") for f in check(replace(told, ref_code=code), PAGES))


@given(st.integers(10_000, 10**9))
def test_a_number_too_wide_is_not_written(number: int) -> None:
    assert CodeParts("Z109-WS·2011-Y-BGS", 4).render(number) is None


def test_a_stem_names_the_element_it_lacks() -> None:
    (_, rule), (_, looser) = DEFAULT_RULES
    bare = replace(SOUND, org_or_question="")
    assert code_stem(bare, rule) == Fault("required", "org_or_question")
    assert code_stem(bare, looser) == CodeParts("Z109-WS·2011·Y", 4)
    assert code_stem(replace(SOUND, year=None), rule) == Fault("required", "year")


def test_a_sound_description_has_no_fault() -> None:
    assert list(entry_faults(SOUND)) == []
    assert check(replace(SOUND, page_count=2), PAGES) == ()


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"title": " "}, "required", "title"),
        ({"fonds_code": ""}, "required", "fonds_code"),
        ({"fonds_code": "109"}, "pattern", "fonds_code"),
        ({"fonds_code": "Z１０９"}, "pattern", "fonds_code"),
        ({"retention": "3０年"}, "choice", "retention"),
        ({"secrecy": "机密"}, "state_secret", "secrecy"),
        ({"secrecy": "绝密"}, "state_secret", "secrecy"),
        ({"secrecy": ""}, "choice", "secrecy"),
        ({"date": "20110230"}, "date", "date"),
        ({"retention": "十年"}, "choice", "retention"),
        ({"ref_code": "Z109-1"}, "ref_code", "ref_code"),
        ({"page_count": 0}, "number", "page_count"),
        ({"archive_item_no": 100_000}, "number", "archive_item_no"),
        ({"year": 11}, "number", "year"),
        ({"note": "a\x00"}, "control_character", "note"),
    ],
)
def test_what_is_not_stored(change: dict[str, object], code: str, field: str) -> None:
    faults = list(entry_faults(replace(SOUND, **change)))
    assert (code, field) in {(fault.code, fault.field) for fault in faults}


@pytest.mark.parametrize(
    ("change", "pages", "code", "severity"),
    [
        ({"creator": ""}, PAGES, "element_missing", "E"),
        ({"date": ""}, PAGES, "element_missing", "E"),
        ({"retention": ""}, PAGES, "element_missing", "E"),
        ({"ref_code": ""}, PAGES, "code_missing", "E"),
        ({"fonds_code": "Z110"}, PAGES, "code_disagrees", "E"),
        ({"year": 2012}, PAGES, "code_disagrees", "E"),
        ({"retention": "30年"}, PAGES, "code_disagrees", "E"),
        ({"page_count": 3}, PAGES, "count_mismatch", "E"),
        ({}, replace(PAGES, ready=1, waiting=1), "pages_waiting", "E"),
        ({}, replace(PAGES, ready=1, failed=1), "pages_failed", "E"),
        ({}, replace(PAGES, faulty=1), "pages_faulty", "W"),
        ({}, replace(PAGES, numbers=(1, 3)), "page_gap", "E"),
        ({}, replace(PAGES, numbers=(2, 3)), "page_gap", "E"),
        ({}, PageSummary(0, 0, 0, 0, ()), "no_pages", "W"),
    ],
)
def test_what_stands_before_acceptance(change: dict[str, object], pages: PageSummary, code: str, severity: str) -> None:
    found = check(replace(SOUND, **change), pages)
    assert (code, severity) in {(finding.code, finding.severity) for finding in found}
