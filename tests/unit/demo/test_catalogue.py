import csv
import io
import re
from collections import defaultdict
from datetime import date

import pytest
from openpyxl import load_workbook

from app.demo.catalogue import HEADINGS, CatalogueRow, Form, rows, to_csv, to_xlsx
from app.demo.province import PROVINCE, County

# The shapes of the handbook, description.md, 5.
SHAPES = (
    r"(?P<fonds>[A-Z]\d{3})-WS·(?P<year>(19|20)\d{2})-(?P<term>Y|D\d{1,3})-[A-Z]{2,4}-(?P<item>\d{4})",
    r"(?P<fonds>[A-Z]\d{3})-WS·(?P<year>(19|20)\d{2})·(?P<term>Y|D\d{1,3})·[一-鿿]+-(?P<item>\d{4})",
    r"(?P<fonds>[A-Z]\d{3})-ZY·DS·(?P<year>(19|20)\d{2})·(?P<term>Y)-(?P<item>\d{4})",
    r"(?P<fonds>[A-Z]\d{3})-ZY·[A-Z]{2}·(?P<year>(19|20)\d{2})·(?P<term>Y)-(?P<file>\d{3})-(?P<item>\d{3})",
    r"(?P<fonds>[A-Z]\d{3})-RS-(?P<file>\d{3})-(?P<item>\d{3})",
    r"(?P<fonds>[A-Z]\d{3})-\d{3}-(?P<file>\d{3})-(?P<item>\d{3})",
)
TERMS = {"Y": "永久", "D30": "30年", "D10": "10年"}


def parts(row: CatalogueRow) -> dict[str, str]:
    match = next(filter(None, (re.fullmatch(shape, row.ref_code) for shape in SHAPES)))
    return match.groupdict()


def first_day(day: str) -> date:
    """Return the first day that a DATE18 allows; raises for a day that never was."""
    return date(int(day[:4]), int(day[4:6]) or 1, int(day[6:8]) or 1)


def test_the_province_has_some_two_hundred_entries() -> None:
    assert 200 <= sum(len(rows(county)) for county in PROVINCE.counties) <= 240


def test_every_code_has_a_shape_of_the_handbook_and_agrees_with_its_entry(county: County) -> None:
    for row in rows(county):
        code = parts(row)
        assert code["fonds"] == row.fonds_code
        assert code["item"] == row.item_no
        assert code.get("file", "") == row.file_no
        assert code.get("year", row.year) == row.year
        assert TERMS.get(code.get("term", ""), row.retention) == row.retention


def test_codes_are_unique_and_their_numbers_have_no_gap(county: County) -> None:
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows(county):
        numbers[row.ref_code[: -len(row.item_no)]].append(int(row.item_no))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_dates_are_of_the_entrys_year_and_unknown_parts_are_00(county: County) -> None:
    catalogue = rows(county)
    for row in catalogue:
        for end in row.date.split("-"):
            assert re.fullmatch(r"\d{8}", end)
            assert str(first_day(end).year) == row.year
    days = [row.date for row in catalogue]
    assert any(day.endswith("0000") for day in days)
    assert any(day.endswith("00") and not day.endswith("0000") for day in days)
    assert any("-" in day for day in days)
    assert {row.year for row in catalogue} >= {"1952", "2015"}


def test_issuing_numbers_are_used_once(county: County) -> None:
    numbers = [row.doc_no for row in rows(county) if row.doc_no]
    assert len(set(numbers)) == len(numbers)


def test_nothing_secret_is_in_the_demo(county: County) -> None:
    assert {row.secrecy for row in rows(county)} == {"公开", "内部"}


def test_every_form_occurs(county: County) -> None:
    assert {row.form for row in rows(county)} == set(Form)


def test_rare_characters_occur(county: County) -> None:
    people = "".join(row.persons for row in rows(county))
    assert set("𠮷〇㛃䶮") <= set(people)


def test_counties_share_codes_but_not_people() -> None:
    one, other = (rows(county) for county in PROVINCE.counties[:2])
    assert [row.ref_code for row in one] == [row.ref_code for row in other]
    assert [row.persons for row in one] != [row.persons for row in other]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_the_csv_reads_back_as_it_was_written(county: County, encoding: str) -> None:
    catalogue = rows(county)
    head, *body = csv.reader(io.StringIO(to_csv(catalogue, encoding).decode(encoding), newline=""))
    assert head == list(HEADINGS.values())
    assert body == [[str(getattr(row, field)) for field in HEADINGS] for row in catalogue]


def test_the_workbook_keeps_codes_and_dates_as_text(county: County) -> None:
    catalogue = rows(county)
    sheet = load_workbook(io.BytesIO(to_xlsx(catalogue))).worksheets[0]
    head, *body = sheet.iter_rows(values_only=True)
    assert head == tuple(HEADINGS.values())
    assert [(line[6], line[10]) for line in body] == [(row.ref_code, row.date) for row in catalogue]
