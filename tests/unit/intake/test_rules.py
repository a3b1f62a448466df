from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.headings import ELEMENTS, SYNONYMS, element_of, proposed
from app.intake.rules import RowReader, Unfit, clean, date18
from app.records.types import Description

COLUMNS = ("档号", "题名", "责任者", "日期", "保管期限", "密级", "年度", "人名")
MAPPING = proposed(COLUMNS)
GOOD = ("Z109-WS·2011-Y-BGS-0001", "关于做好春耕工作的通知", "县政府办", "20110305", "永久", "内部", "2011", "")


def changed(**cells: str) -> list[str]:
    return [cells.get(column, value) for column, value in zip(COLUMNS, GOOD, strict=True)]


def faults(**cells: str) -> list[tuple[str, str]]:
    return [(f.code, f.field) for f in RowReader(COLUMNS, MAPPING).read(2, changed(**cells)).faults]


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.sampled_from(["{}-{:02}-{:02}", "{}.{}.{}", "{}/{}/{}", "{}年{}月{}日", "{}-{:02}-{:02} 10:30:00"]),
)
def test_a_day_means_the_same_however_it_is_written(day: date, form: str) -> None:
    assert date18(form.format(day.year, day.month, day.day)) == f"{day:%Y%m%d}"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("19580000", "19580000"),
        ("1958年", "19580000"),
        ("1958", "19580000"),
        ("1958年6月", "19580600"),
        ("1958.6", "19580600"),
        ("２０１１．３．５", "20110305"),
        ("20100101-20101231", "20100101-20101231"),
        ("2010.1.1-2010.12.31", "20100101-20101231"),
        ("2010-01-01至2010-12-31", "20100101-20101231"),
        ("2010年1月～2011年2月", "20100100-20110200"),
        ("2010—2011", "20100000-20110000"),
    ],
)
def test_dates_as_counties_write_them(written: str, meant: str) -> None:
    assert date18(written) == meant


@pytest.mark.parametrize(
    "written",
    ["20110230", "20101231-20100101", "110305", "201103", "40607", "二月", "2011-13-01", "3/5/2011", "00000000"],
)
def test_a_date_that_is_not_one_or_could_be_two_is_not_guessed(written: str) -> None:
    with pytest.raises(Unfit):
        date18(written)


@given(st.text(max_size=30))
def test_reading_a_date_ends_in_a_date_or_a_refusal(text: str) -> None:
    with suppress(Unfit):
        assert date18(date18(text)) == date18(text)


@pytest.mark.parametrize(("element", "word"), [(e, w) for e, words in SYNONYMS.items() for w in words])
def test_every_heading_finds_its_element(element: str, word: str) -> None:
    for written in (word, word.upper(), f" {word}* ", f"{word}（必填）", word.replace(" ", "_")):
        assert element_of(written) == element


def test_no_heading_means_two_elements() -> None:
    words = [word for words in SYNONYMS.values() for word in words]
    assert len(words) == len(set(words))


def test_every_element_of_a_description_can_be_mapped() -> None:
    assert set(ELEMENTS) == {*Description.__dataclass_fields__, "fonds_name"}


def test_of_two_columns_with_one_meaning_the_first_is_taken() -> None:
    assert proposed(("题名", "标题", "柜号")) == {"题名": "title", "标题": "", "柜号": ""}


def test_a_good_row_is_read_whole_with_what_its_code_tells() -> None:
    read = RowReader(COLUMNS, MAPPING).read(2, GOOD)
    assert not read.faults
    assert not read.changes
    assert (read.described.fonds_code, read.described.category_code, read.described.year) == ("Z109", "WS", 2011)


@pytest.mark.parametrize("element", ["档号", "题名", "责任者", "日期", "保管期限"])
def test_a_mandatory_cell_left_empty_is_a_fault(element: str) -> None:
    assert faults(**{element: " "}) == [("required", element)]


@pytest.mark.parametrize("secrecy", ["秘密", "机密", "绝密", "机密★10年", "秘密★"])
def test_a_state_secret_is_refused(secrecy: str) -> None:
    assert faults(密级=secrecy) == [("state_secret", "密级")]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"年度": "2012"}, ("code_disagrees", "年度")),
        ({"保管期限": "30年"}, ("code_disagrees", "保管期限")),
        ({"密级": "保密"}, ("choice", "密级")),
        ({"保管期限": "很久"}, ("choice", "保管期限")),
        ({"日期": "20110230"}, ("date", "日期")),
        ({"档号": "z109-WS·2011-Y-BGS-0001"}, ("ref_code", "档号")),
        ({"档号": "Z109-WS·2011-Y-BGS-0000"}, ("ref_code", "档号")),
        ({"档号": "2001-02-03"}, ("code_became_date", "档号")),
        ({"题名": "坏\ufffd字"}, ("broken_text", "题名")),
        ({"题名": "零\x00字节"}, ("broken_text", "题名")),
        ({"题名": "#REF!"}, ("excel_error", "题名")),
        ({"题名": "长" * 10_001}, ("too_long", "题名")),
        ({"年度": "去年"}, ("year", "年度")),
    ],
    ids=str,
)
def test_each_fault_names_its_column(cells: dict[str, str], fault: tuple[str, str]) -> None:
    assert fault in faults(**cells)


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("档号", "Z109－WS．2011－Y－BGS－0001", "Z109-WS·2011-Y-BGS-0001"),
        ("档号", "Ｚ109-WS•2011-Y-BGS-0001", "Z109-WS·2011-Y-BGS-0001"),
        ("日期", "2011年3月5日", "20110305"),
        ("保管期限", "Y", "永久"),
        ("人名", "张三、李四，王五", "张三;李四;王五"),
    ],
)
def test_what_is_normalised_is_told(column: str, before: str, after: str) -> None:
    read = RowReader(COLUMNS, MAPPING).read(2, changed(**{column: before}))
    assert not read.faults
    assert [(c.field, c.before, c.after) for c in read.changes] == [(column, before, after)]


@pytest.mark.parametrize(
    ("written", "meant"), [("30", "30年"), ("D30", "30年"), ("三十年", "30年"), ("定期10年", "10年")]
)
def test_retention_as_counties_write_it(written: str, meant: str) -> None:
    cells = changed(保管期限=written, 档号=f"A439-WS·2015·D{meant[:2]}·003-005", 年度="2015")
    read = RowReader(COLUMNS, MAPPING).read(2, cells)
    assert not read.faults
    assert read.described.retention == meant


def test_a_code_twice_in_a_file_names_the_first_row() -> None:
    reader = RowReader(COLUMNS, MAPPING)
    reader.read(2, GOOD)
    again = reader.read(7, changed(档号="Z109-WS.2011-Y-BGS-0001"))
    assert [(f.code, f.row, f.allowed) for f in again.faults] == [("repeated_code", 7, "2")]


def test_an_empty_secrecy_is_supplied_and_told() -> None:
    read = RowReader(COLUMNS, MAPPING).read(2, changed(密级=""))
    assert read.described.secrecy == "内部"
    assert [(c.code, c.after) for c in read.changes] == [("supplied", "内部")]


def test_cells_beyond_the_headings_are_a_fault_and_missing_ones_are_empty() -> None:
    assert [f.code for f in RowReader(COLUMNS, MAPPING).read(2, [*GOOD, "", "漂移"]).faults] == ["extra_cells"]
    assert not RowReader(COLUMNS, MAPPING).read(2, GOOD[:7]).faults


def test_only_what_the_file_says_can_differ_from_what_is_known() -> None:
    reader = RowReader(COLUMNS, MAPPING)
    read = reader.read(2, GOOD)
    assert not reader.differences(read, replace(read.described, persons="张三", keywords="春耕"))
    other = reader.differences(read, replace(read.described, title="旧题名"))
    assert [(f.code, f.field, f.allowed) for f in other] == [("already_described_differently", "题名", "旧题名")]


def test_a_table_without_a_mandatory_column_says_which() -> None:
    missing = RowReader(("题名", "日期"), proposed(("题名", "日期"))).missing_columns()
    assert [fault.field for fault in missing] == ["档号", "责任者", "保管期限"]


@given(st.lists(st.text(max_size=40), max_size=10))
def test_no_row_breaks_the_reader(cells: list[str]) -> None:
    for fault in RowReader(COLUMNS, MAPPING).read(2, cells).faults:
        assert fault.row == 2


@given(st.text(max_size=60))
def test_clean_text_stays_as_it_is(text: str) -> None:
    try:
        once = clean(text)
    except Unfit:
        return
    assert clean(once) == once
