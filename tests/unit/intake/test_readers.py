import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from app.intake import readers
from app.intake.types import (
    Bomb,
    BrokenQuotes,
    CatalogueRefused,
    Damaged,
    Empty,
    Encrypted,
    MergedHeadings,
    NotACatalogue,
    OldExcel,
    RepeatedHeading,
    TooManyColumns,
    TooManyRows,
    UnknownEncoding,
)
from app.platform.messages import LANGUAGES, text

TABLE = "档号,题名,人名\nZ109-1,关于“三农”的通知,Zoë Müller\nZ109-2,㐂喆𠮷,\n"


def read(folder: Path, name: str, content: bytes) -> tuple[tuple[str, ...], list[tuple[int, Sequence[str]]]]:
    path = folder / "object"
    path.write_bytes(content)
    with readers.opened(path, name) as table:
        return table.columns, [(row, list(cells)) for row, cells in table.rows]


def workbook(rows: list[list[object]], *, merge: tuple[str, ...] = ()) -> bytes:
    book = Workbook()
    sheet = book.active or book.create_sheet()
    for row in rows:
        sheet.append(row)
    for ref in merge:
        sheet.merge_cells(ref)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(content: bytes, part: str, replacement: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replacement if name == part else old.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "gb18030 with mark", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_every_usual_encoding_reads_the_same(tmp_path: Path, encoding: str) -> None:
    marked = encoding.endswith(" with mark")
    content = ("\ufeff" * marked + TABLE).encode(encoding.removesuffix(" with mark"))
    columns, rows = read(tmp_path, "目录.csv", content)
    assert columns == ("档号", "题名", "人名")
    assert rows == [(2, ["Z109-1", "关于“三农”的通知", "Zoë Müller"]), (3, ["Z109-2", "㐂喆𠮷", ""])]


def test_gbk_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "题名\n朱镕基\n".encode("gbk"))[1] == [(2, ["朱镕基"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(tmp_path: Path, delimiter: str, ending: str) -> None:
    lines = [delimiter.join(cells) for cells in (["题名", '"备;注,\t"'], ["a", '"b\nc"'], ["", ""], ["d", "e"])]
    columns, rows = read(tmp_path, "a.csv", ending.join(lines).encode())
    assert columns == ("题名", "备;注,")
    assert rows == [(2, ["a", "b\nc"]), (4, ["d", "e"])]


def test_columns_without_a_heading_go_by_their_letter(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "题名,,备注,\n1,2,3,4\n".encode())[0] == ("题名", "[B]", "备注")


def test_blank_lines_above_the_headings_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "\n,,\n题名\n甲\n".encode()) == (("题名",), [(4, ["甲"])])


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("a.csv", b"", Empty),
        ("a.csv", b"\n \n", Empty),
        ("a.xlsx", b"", Empty),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 99, OldExcel),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 99, OldExcel),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 99, Encrypted),
        ("a.exe", b"MZ", NotACatalogue),
        ("a.csv", b"MZ\x90\x00\x03", NotACatalogue),
        ("a.csv", b"%PDF-1.7", NotACatalogue),
        ("a.xlsx", b"not a zip", NotACatalogue),
        ("a.xlsx", b"PK\x03\x04 cut off", Damaged),
        ("a.csv", b"\xff\xff\xff,b\n", UnknownEncoding),
        ("a.csv", b"a,b\n1,\x00\x00\x00\x01\n", UnknownEncoding),
        ("a.csv", b'a,b\n1,"open\n2,3\n', BrokenQuotes),
        ("a.csv", b"a,b,a\n", RepeatedHeading),
        ("a.csv", b",".join(b"%d" % n for n in range(101)), TooManyColumns),
    ],
    ids=str,
)
def test_what_is_no_catalogue_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, refusal: type[CatalogueRefused]
) -> None:
    with pytest.raises(refusal) as refused:
        read(tmp_path, name, content)
    for language in LANGUAGES:
        assert text(refused.value.code, language, **refused.value.facts())


def test_broken_text_names_its_row(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoding) as refused:
        read(tmp_path, "a.csv", "题名\n甲\n".encode() + b"\xff\xff\n")
    assert refused.value.row == 3


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MOST_ROWS", 3)
    read(tmp_path, "a.csv", b"a\n1\n2\n3\n")
    with pytest.raises(TooManyRows):
        read(tmp_path, "a.csv", b"a\n1\n2\n3\n4\n")


def test_a_workbook_reads_as_it_shows(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["档号", "日期", "页数", "备注"],
        ["Z109-1", datetime(2011, 3, 5), 12.0, None],  # noqa: DTZ001  # Excel knows no zones
        [None, None, None, None],
        ["Z109-2", "1958", 3, "=1+1"],
    ]
    columns, read_rows = read(tmp_path, "a.xlsx", workbook(rows))
    assert columns == ("档号", "日期", "页数", "备注")
    assert [(n, list(cells[:4])) for n, cells in read_rows] == [
        (2, ["Z109-1", "2011-03-05", "12", ""]),
        (4, ["Z109-2", "1958", "3", ""]),
    ]


def test_a_wrong_stated_size_cuts_nothing_off(tmp_path: Path) -> None:
    content = workbook([["档号", "题名"], ["1", "甲"]])
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml")
    lying = repacked(content, "xl/worksheets/sheet1.xml", sheet.replace(b'ref="A1:B2"', b'ref="A1"'))
    columns, rows = read(tmp_path, "a.xlsx", lying)
    assert columns == ("档号", "题名")
    assert list(rows[0][1][:2]) == ["1", "甲"]


def test_merged_headings_are_refused_by_their_range(tmp_path: Path) -> None:
    with pytest.raises(MergedHeadings) as refused:
        read(tmp_path, "a.xlsx", workbook([["某县目录"], ["档号", "题名"]], merge=("A1:B1",)))
    assert refused.value.range == "A1:B1"


def test_merged_rows_are_told_with_their_range(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(workbook([["档号", "题名"], ["1", "甲"], ["2", None], ["3", "乙"]], merge=("B2:B3",)))
    with readers.opened(path, "a.xlsx") as table:
        assert dict(table.merged) == {2: (1, "B2:B3"), 3: (1, "B2:B3")}


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = repacked(workbook([["档号"], ["1"]]), "xl/worksheets/sheet1.xml", b"<worksheet>" + b" " * (64 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(Bomb):
        read(tmp_path, "a.xlsx", bomb)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
@pytest.mark.parametrize(
    "xml",
    [b"", b"<broken", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ids=["empty", "broken", "another", "entities"],
)
def test_a_damaged_workbook_is_refused_and_nothing_else_happens(tmp_path: Path, part: str, xml: bytes) -> None:
    content = repacked(workbook([["档号"], ["1"]]), part, xml)
    try:
        read(tmp_path, "a.xlsx", content)
    except CatalogueRefused:
        return
    assert part == "xl/styles.xml"  # a workbook without styles is still a table


@pytest.mark.parametrize("cell", [b'r="ZZZZZZZ1"', b'r="A99999999999"', b'r="1"', b'r=""'])
def test_cells_at_impossible_places_are_refused_quickly(tmp_path: Path, cell: bytes) -> None:
    content = workbook([["档号"], ["1"]])
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml")
    row = b'<row r="9999999999"' if b"999" in cell else b'<row r="2"'
    hostile = sheet.replace(b'r="A2"', cell).replace(b'<row r="2"', row)
    with suppress(CatalogueRefused):
        read(tmp_path, "a.xlsx", repacked(content, "xl/worksheets/sheet1.xml", hostile))
