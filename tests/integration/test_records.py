"""Description on the database: numbers without gaps, versions, revisions, the lock of an accepted item."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from app.kernel.errors import Conflict, Invalid, StaleVersion
from app.kernel.paging import PageRequest, decode_cursor
from app.records.service import RecordsService
from app.records.types import (
    CheckFailed,
    CodeTaken,
    Description,
    Item,
    ItemQuery,
    ItemState,
    SequenceFull,
)
from app.services import Services
from tests.conftest import County

THREADS = 8


def told(**more: object) -> Description:
    base = {
        "fonds_code": "Z109", "category_code": "WS", "year": 2011, "org_or_question": "BGS", "title": "关于春耕的通知",
        "creator": "县政府", "date": "20110305", "retention": "永久",
    }  # fmt: skip
    return Description(**{**base, **more})


@pytest.fixture
def records(services: Services, county: County) -> Iterator[RecordsService]:
    """Enter the county as its archivist."""
    with county.acting("archivist"):
        yield services.records


def accepted(records: RecordsService, **more: object) -> Item:
    item = records.create(told(**more))
    item = records.allocate_code(item.id, expected=item.version)
    assert records.check(item.id).passed
    return records.accept(item.id, expected=records.get(item.id).version)


def test_numbers_have_no_gap_and_no_double_when_many_ask_at_once(services: Services, county: County) -> None:
    def number_two(_: int) -> list[str | None]:
        with county.acting("archivist"):
            items = [services.records.create(told(org_or_question="RSJ")) for _ in range(2)]
            return [services.records.allocate_code(item.id, expected=1).ref_code for item in items]

    with ThreadPoolExecutor(THREADS) as pool:
        codes = [code for pair in pool.map(number_two, range(THREADS)) for code in pair]
    assert sorted(map(str, codes)) == [f"Z109-WS·2011-Y-RSJ-{n:04d}" for n in range(1, 2 * THREADS + 1)]


def test_a_number_follows_the_highest_that_was_imported(records: RecordsService) -> None:
    records.create(told(org_or_question="SWJ", ref_code="Z109-WS·2011-Y-SWJ-0041"))
    item = records.create(told(org_or_question="SWJ"))
    assert records.allocate_code(item.id, expected=1).ref_code == "Z109-WS·2011-Y-SWJ-0042"


def test_a_failed_change_gives_its_number_back(services: Services, records: RecordsService) -> None:
    first, second = (records.create(told(org_or_question="JYJ")) for _ in range(2))
    with suppress(RuntimeError), services.works():
        records.allocate_code(first.id, expected=1)
        raise RuntimeError
    assert records.get(first.id).ref_code is None
    assert records.allocate_code(second.id, expected=1).ref_code == "Z109-WS·2011-Y-JYJ-0001"


def test_a_full_class_is_not_widened(records: RecordsService) -> None:
    records.create(told(org_or_question="GAJ", ref_code="Z109-WS·2011-Y-GAJ-9999"))
    item = records.create(told(org_or_question="GAJ"))
    with pytest.raises(SequenceFull):
        records.allocate_code(item.id, expected=1)


def test_a_code_names_one_record_in_whatever_writing(records: RecordsService) -> None:
    records.create(told(ref_code="Z109-WS·2011-Y-MZJ-0001"))
    assert records.by_code("Z109－WS．2011-Y-MZJ-0001") is not None
    with pytest.raises(CodeTaken):
        records.create(told(ref_code="Z109-WS.2011-Y-MZJ-0001"))


def test_a_change_from_an_old_version_is_refused(records: RecordsService) -> None:
    item = records.create(told())
    records.revise(item.id, {"title": "新"}, expected=1, reason="改")
    for act in (
        lambda: records.revise(item.id, {"title": "旧"}, expected=1, reason=""),
        lambda: records.allocate_code(item.id, expected=1),
        lambda: records.accept(item.id, expected=1),
    ):
        with pytest.raises(StaleVersion):
            act()
    assert records.get(item.id).described.title == "新"


def test_every_former_description_is_kept(records: RecordsService) -> None:
    item = records.create(told(title="一"))
    for version, title in enumerate(("二", "三"), start=1):
        records.revise(item.id, {"title": title}, expected=version, reason=f"成{title}")
    kept = [(r.version, r.described.title, r.reason) for r in records.revisions(item.id)]
    assert kept == [(2, "二", "成三"), (1, "一", "成二")]
    assert records.revise(item.id, {"title": "三"}, expected=3, reason="无变化").version == 3
    assert len(records.revisions(item.id)) == 2


def test_what_is_unsound_is_not_stored(records: RecordsService) -> None:
    item = records.create(told())
    for change in ({"secrecy": "机密"}, {"date": "20110230"}, {"title": " "}, {"no_such_element": "x"}):
        with pytest.raises(Invalid):
            records.revise(item.id, change, expected=1, reason="")
    assert records.get(item.id).version == 1


def test_an_accepted_item_is_locked(records: RecordsService) -> None:
    item = accepted(records, org_or_question="NYJ")
    assert item.state is ItemState.CATALOGUED
    assert item.accepted_at is not None
    with pytest.raises(Conflict):
        records.revise(item.id, {"title": "改"}, expected=item.version, reason="")
    with pytest.raises(Conflict):
        records.accept(item.id, expected=item.version)
    with pytest.raises(Conflict):
        records.allocate_code(item.id, expected=item.version)
    assert records.check(item.id).passed
    assert records.get(item.id) == item


def test_a_change_after_the_check_asks_for_another(records: RecordsService) -> None:
    item = records.create(told(org_or_question="SLJ"))
    item = records.allocate_code(item.id, expected=1)
    records.check(item.id)
    changed = records.revise(item.id, {"creator": ""}, expected=records.get(item.id).version, reason="")
    with pytest.raises((Conflict, CheckFailed)):
        records.accept(item.id, expected=changed.version)


def test_pages_of_a_listing_hold_every_item_once(records: RecordsService) -> None:
    for _ in range(5):
        records.create(told(fonds_code="Z777"))
    records.create(told(fonds_code="Z777", ref_code="Z777-WS·2011-Y-BGS-0001"))
    seen: list[object] = []
    request, wanted = PageRequest(2), ItemQuery(fonds_code="Z777")
    while True:
        page = records.items(wanted, request)
        seen += [item.id for item in page.rows]
        if page.next_cursor is None:
            break
        request = PageRequest(2, decode_cursor(page.next_cursor, kinds="su"))
    assert len(seen) == len(set(seen)) == 6
