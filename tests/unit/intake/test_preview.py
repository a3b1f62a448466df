from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.demo import catalogue
from app.demo.province import PROVINCE, County
from app.intake.headings import proposed
from app.intake.preview import FAULTS_KEPT, SAMPLE, Preview, sound_rows
from app.intake.readers import Table, opened
from app.intake.types import ChangedSincePreview
from app.records.types import Description

COLUMNS = ("档号", "题名", "责任者", "日期", "保管期限")
MAPPING = proposed(COLUMNS)


def cells(number: int, title: str = "通知") -> list[str]:
    return [f"Z109-WS·2011-Y-BGS-{number:04d}", title, "县政府", "20110305", "永久"]


def described(number: int, title: str = "通知") -> Description:
    code, title, creator, date, retention = cells(number, title)
    told = Description(ref_code=code, title=title, creator=creator, date=date, retention=retention)
    return replace(told, fonds_code="Z109", category_code="WS", year=2011)


def table(rows: Sequence[Sequence[str]], merged: dict[int, tuple[int, str]] | None = None) -> Table:
    return Table(COLUMNS, iter(list(enumerate(rows, 2))), merged or {}, len(rows))


def known(*items: Description):  # noqa: ANN201
    held = {item.ref_code: item for item in items}
    return lambda codes: {code: held[code] for code in codes if code in held}


def test_new_known_and_faulty_rows_are_told_apart() -> None:
    rows = [cells(1), cells(2), cells(3, ""), cells(4, "另一题名")]
    preview = Preview(table(rows), None, known(described(2), described(4)))
    faults = list(preview.run(lambda _done, _total: None))
    assert (preview.total, preview.created, preview.unchanged) == (4, 1, 1)
    assert [(f.code, f.row, f.field, f.value) for f in faults] == [
        ("required", 4, "题名", ""),
        ("already_described_differently", 5, "题名", "另一题名"),
    ]


def test_counts_go_on_where_keeping_stops() -> None:
    preview = Preview(table([cells(n, "") for n in range(1, 1501)]), None, known())
    assert len(list(preview.run(lambda _done, _total: None))) == preview.fault_count == 1500
    assert len(preview.faults) == FAULTS_KEPT
    assert len(preview.sample) == SAMPLE


def test_progress_is_told_each_five_hundred_rows() -> None:
    told: list[tuple[int, int]] = []
    preview = Preview(table([cells(n) for n in range(1, 1201)]), None, known())
    list(preview.run(lambda done, total: told.append((done, total))))
    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]


def test_a_missing_column_is_one_fault_and_not_one_a_row() -> None:
    preview = Preview(table([cells(1), cells(2)]), {"题名": "title"}, known())
    faults = list(preview.run(lambda _done, _total: None))
    assert [(f.code, f.field, f.row) for f in faults][:1] == [("column_missing", "档号", None)]
    assert len(faults) == 4
    assert (preview.total, preview.created) == (2, 0)


def test_merged_rows_are_faulty_by_their_range() -> None:
    preview = Preview(table([cells(1), cells(2)], {3: (1, "B3:B4")}), None, known())
    assert [(f.code, f.field, f.value) for f in preview.run(lambda _done, _total: None)] == [
        ("merged_cells", "题名", "B3:B4")
    ]


def test_writing_gives_only_what_is_new() -> None:
    rows = table([cells(1), cells(2)])
    ((fresh, unchanged),) = sound_rows(rows, MAPPING, known(described(2)), skip=False)
    assert [row.described for row in fresh] == [described(1)]
    assert unchanged == 1


def test_a_row_gone_bad_since_the_preview_stops_the_writing() -> None:
    with pytest.raises(ChangedSincePreview):
        list(sound_rows(table([cells(1)]), MAPPING, known(described(1, "别的")), skip=False))
    assert list(sound_rows(table([cells(1)]), MAPPING, known(described(1, "别的")), skip=True)) == [([], 0)]


@pytest.mark.parametrize("county", PROVINCE.counties, ids=lambda county: county.tenant)
@pytest.mark.parametrize("name", ["目录.csv", "目录.xlsx"])
def test_the_demo_counties_catalogues_are_without_fault(tmp_path: Path, county: County, name: str) -> None:
    rows = catalogue.rows(county)
    content = catalogue.to_csv(rows, "gb18030") if name.endswith("csv") else catalogue.to_xlsx(rows)
    (tmp_path / "object").write_bytes(content)
    with opened(tmp_path / "object", name) as read:
        preview = Preview(read, None, known())
        assert not list(preview.run(lambda _done, _total: None))
    assert preview.created == len(rows)
    assert "" not in preview.mapping.values()
