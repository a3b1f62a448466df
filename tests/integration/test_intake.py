"""An import from the file to the catalogue, on the embedded database."""

import io
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from app.audit.service import EntryFilter
from app.demo import catalogue
from app.demo.province import PROVINCE
from app.intake.headings import ELEMENTS
from app.intake.service import IntakeService
from app.intake.types import (
    CatalogueImport,
    ChangedSincePreview,
    Empty,
    Encrypted,
    FaultsRemain,
    ImportId,
    ImportState,
    MergedHeadings,
    NothingToImport,
)
from app.kernel.errors import Conflict, Invalid, NotFound, Refused
from app.kernel.ids import new_id
from app.kernel.paging import PageRequest, decode_cursor
from app.records.types import ItemQuery
from app.services import Services
from search.types import Query
from tenants.directory import Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM

HEADINGS = "全宗号,全宗名称,档号,题名,责任者,日期,保管期限,密级"
EVERYTHING = PageRequest(200)


@pytest.fixture
def archive(services: Services) -> Iterator[TenantId]:
    """Enter a county that holds nothing yet, as its archivist."""
    code = f"{uuid.uuid4().int % 10**6:06d}"
    tenant = TenantId(f"empty{code}")
    services.directory.create(Tenant(tenant, f"{code}县", "990121", code), ProvinceScope(SYSTEM, "test"))
    with entered(as_role(tenant, "archivist")):
        yield tenant


def as_role(tenant: TenantId, role: str) -> Scope:
    return Scope(tenant, Principal(f"account:{role}", roles=frozenset({role})), request_id="test")


def row(number: int, title: str = "关于春耕的通知", secrecy: str = "内部") -> str:
    return f"Z109,县政府办公室,Z109-WS·2011-Y-BGS-{number:04d},{title},县政府,2011年3月5日,永久,{secrecy}"


def table(*rows: str) -> bytes:
    return "\r\n".join((HEADINGS, *rows)).encode("gb18030")


def unheard(_done: int, _total: int) -> None:
    """Stand in for a job's progress."""


def previewed(intake: IntakeService, content: bytes, name: str = "目录.csv") -> CatalogueImport:
    begun = intake.begin(io.BytesIO(content), name)
    assert begun.state is ImportState.READING
    intake.read(begun.id, unheard)
    return intake.get(begun.id)


def imported(intake: IntakeService, content: bytes, *, skip_faulty: bool = False) -> CatalogueImport:
    shown = previewed(intake, content)
    intake.confirm(shown.id, skip_faulty=skip_faulty)
    intake.write(shown.id, unheard)
    return intake.get(shown.id)


def told(services: Services, archive: TenantId) -> list[str]:
    """Return the county's audit log, oldest first, and hold its chain to be whole."""
    with entered(as_role(archive, "audit_admin")):
        assert services.audit.verify().broken_at is None
        entries = services.audit.page(EVERYTHING, EntryFilter()).rows
    return [entry.action for entry in reversed(entries) if not entry.action.startswith("audit:")]


def titles(services: Services) -> list[str]:
    return [item.described.title for item in services.records.items(ItemQuery(), EVERYTHING).rows]


def test_a_preview_writes_nothing_and_a_confirmation_everything_once(services: Services, archive: TenantId) -> None:
    content = table(row(1), row(2, "关于防汛的通知"))
    shown = previewed(services.intake, content)
    assert (shown.state, shown.total, shown.valid, shown.created, shown.fault_count) == ("previewed", 2, 2, 2, 0)
    assert [(note.field, note.before, note.after) for note in shown.notes] == [("日期", "2011年3月5日", "20110305")]
    assert [line.row for line in shown.sample] == [2, 3]
    assert titles(services) == []

    services.intake.confirm(shown.id)
    services.intake.confirm(shown.id)
    assert titles(services) == []
    services.intake.write(shown.id, unheard)
    services.intake.write(shown.id, unheard)
    done = services.intake.get(shown.id)
    assert (done.state, done.created, done.unchanged) == ("done", 2, 0)
    assert titles(services) == ["关于春耕的通知", "关于防汛的通知"]
    assert [(fonds.fonds_code, fonds.fonds_name) for fonds in services.records.fonds()] == [("Z109", "县政府办公室")]
    assert told(services, archive) == [
        "intake:catalogue:received",
        "intake:catalogue:confirmed",
        "records:fonds:created",
        "records:item:created",
        "records:item:created",
        "intake:catalogue:imported",
    ]


def test_the_same_file_again_changes_nothing(services: Services, archive: TenantId) -> None:
    content = catalogue.to_csv(catalogue.rows(PROVINCE.counties[0]), "gb18030")
    first = imported(services.intake, content)
    before = services.records.items(ItemQuery(), EVERYTHING).rows
    again = imported(services.intake, content)
    assert (first.created, first.unchanged) == (first.total, 0)
    assert (again.created, again.unchanged) == (0, first.total)
    assert services.records.items(ItemQuery(), EVERYTHING).rows == before
    assert told(services, archive).count("records:item:created") == first.total


def test_what_is_imported_is_found(services: Services, archive: TenantId) -> None:
    imported(services.intake, table(row(1, "关于柳林镇土地确权的批复"), row(2)))
    with entered(as_role(archive, "desk")):
        found = services.search.search(Query("土地确权"), EVERYTHING)
    assert [hit.title for hit in found.hits] == ["关于柳林镇土地确权的批复"]


def test_another_county_sees_nothing_of_it(services: Services, archive: TenantId) -> None:
    shown = previewed(services.intake, table(row(1)))
    with entered(replace(as_role(archive, "archivist"), tenant=TenantId("elsewhere"))):
        with pytest.raises(NotFound):
            services.intake.get(shown.id)
        assert services.intake.page(EVERYTHING).rows == ()


@pytest.mark.usefixtures("archive")
class TestFaultyRows:
    """Rows that cannot be taken."""

    def test_hold_the_import_up(self, services: Services) -> None:
        shown = previewed(services.intake, table(row(1), row(2, ""), row(3, secrecy="机密")))
        assert [(f.code, f.row, f.field, f.value) for f in shown.faults] == [
            ("required", 3, "题名", ""),
            ("state_secret", 4, "密级", "机密"),
        ]
        with pytest.raises(FaultsRemain):
            services.intake.confirm(shown.id)
        assert titles(services) == []

    def test_are_left_out_on_request(self, services: Services) -> None:
        done = imported(services.intake, table(row(1), row(2, "")), skip_faulty=True)
        assert (done.state, done.created) == ("done", 1)

    def test_alone_are_nothing_to_import(self, services: Services) -> None:
        shown = previewed(services.intake, table(row(1, "")))
        with pytest.raises(NothingToImport):
            services.intake.confirm(shown.id, skip_faulty=True)

    def test_beyond_a_thousand_are_all_listed(self, services: Services) -> None:
        shown = previewed(services.intake, table(*(row(n, "") for n in range(1, 1202))))
        assert (len(shown.faults), shown.fault_count) == (1000, 1201)
        assert [fault.row for fault in services.intake.faults(shown.id)] == list(range(2, 1203))

    def test_are_those_described_otherwise_before(self, services: Services) -> None:
        imported(services.intake, table(row(1)))
        shown = previewed(services.intake, table(row(1, "另一题名"), row(2)))
        assert [(f.code, f.field, f.value, f.allowed) for f in shown.faults] == [
            ("already_described_differently", "题名", "另一题名", "关于春耕的通知")
        ]
        assert (shown.created, shown.unchanged) == (1, 0)


@pytest.mark.usefixtures("archive")
def test_what_became_faulty_after_the_preview_is_not_written(services: Services) -> None:
    shown = previewed(services.intake, table(row(1), row(2)))
    services.intake.confirm(shown.id)
    imported(services.intake, table(row(2, "抢先登记的题名")))
    with pytest.raises(ChangedSincePreview):
        services.intake.write(shown.id, unheard)
    assert titles(services) == ["抢先登记的题名"]
    assert services.intake.get(shown.id).state is ImportState.READING
    services.intake.read(shown.id, unheard)
    assert services.intake.get(shown.id).fault_count == 1


@pytest.mark.usefixtures("archive")
def test_a_writing_cut_short_leaves_nothing_and_is_taken_up_again(services: Services) -> None:
    shown = previewed(services.intake, table(*(row(n) for n in range(1, 2501))))
    services.intake.confirm(shown.id)

    def killed(done: int, _total: int) -> None:
        if done >= 2000:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        services.intake.write(shown.id, killed)
    assert titles(services) == []
    services.intake.write(shown.id, unheard)
    assert services.intake.get(shown.id).created == 2500


@pytest.mark.usefixtures("archive")
def test_a_mapping_is_remembered_for_its_headings(services: Services) -> None:
    def content(number: int) -> bytes:
        return table(row(number)).decode("gb18030").replace("题名", "内容", 1).encode()

    unclear = previewed(services.intake, content(1))
    assert unclear.mapping["内容"] == ""
    assert [(f.code, f.field, f.row) for f in unclear.faults] == [("column_missing", "题名", None)]
    services.intake.remap(unclear.id, {**unclear.mapping, "内容": "title"})
    services.intake.read(unclear.id, unheard)
    assert services.intake.get(unclear.id).valid == 1
    assert previewed(services.intake, content(2)).mapping["内容"] == "title"


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"没有的列": "title"}, "unknown_column"),
        ({"题名": "colour"}, "choice"),
        ({"题名": "title", "密级": "title"}, "mapped_twice"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(services: Services, mapping: dict[str, str], code: str) -> None:
    shown = previewed(services.intake, table(row(1)))
    with pytest.raises(Invalid) as refused:
        services.intake.remap(shown.id, mapping)
    assert [fault.code for fault in refused.value.faults] == [code]


@pytest.mark.usefixtures("archive")
def test_what_is_no_catalogue_is_refused_at_the_door(services: Services) -> None:
    with pytest.raises(Empty):
        services.intake.begin(io.BytesIO(b""), "目录.csv")
    with pytest.raises(Encrypted):
        services.intake.begin(io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "目录.xlsx")
    assert services.intake.page(EVERYTHING).rows == ()


@pytest.mark.usefixtures("archive")
def test_what_only_reading_shows_ends_the_import_with_its_reason(services: Services) -> None:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active or book.create_sheet()
    sheet.append(["某县档案目录"])
    sheet.merge_cells("A1:C1")
    book.save(out)
    begun = services.intake.begin(io.BytesIO(out.getvalue()), "目录.xlsx")
    with pytest.raises(MergedHeadings):
        services.intake.read(begun.id, unheard)
    failed = services.intake.get(begun.id)
    assert (failed.state, failed.error) == ("failed", {"code": "intake.merged_headings", "range": "A1:C1"})
    with pytest.raises(Conflict):
        services.intake.confirm(begun.id)


@pytest.mark.usefixtures("archive")
def test_beginning_twice_with_one_id_begins_once(services: Services) -> None:
    chosen = ImportId(new_id())
    first = services.intake.begin(io.BytesIO(table(row(1))), "甲.csv", import_id=chosen)
    assert services.intake.begin(io.BytesIO(table(row(1))), "甲.csv", import_id=chosen) == first
    with pytest.raises(Conflict):
        services.intake.begin(io.BytesIO(table(row(2))), "甲.csv", import_id=chosen)


@pytest.mark.usefixtures("archive")
def test_the_listing_goes_on_at_its_cursor(services: Services) -> None:
    begun = [services.intake.begin(io.BytesIO(table(row(n))), f"{n}.csv").file_name for n in range(3)]
    first = services.intake.page(PageRequest(2))
    rest = services.intake.page(PageRequest(2, decode_cursor(first.next_cursor, kinds="tu")))
    assert [found.file_name for found in (*first.rows, *rest.rows)] == begun[::-1]
    assert rest.next_cursor is None


@pytest.mark.usefixtures("archive")
def test_the_template_is_understood_column_by_column(services: Services) -> None:
    book = load_workbook(io.BytesIO(services.intake.template()))
    sheet = book.active
    assert sheet is not None
    sheet.append(["占位"])
    out = io.BytesIO()
    book.save(out)
    shown = previewed(services.intake, out.getvalue(), "模板.xlsx")
    assert list(shown.mapping.values()) == list(ELEMENTS)


@pytest.mark.parametrize(
    ("role", "reads", "imports"),
    [("archivist", True, True), ("director", True, False), ("desk", False, False), ("sys_admin", False, False)],
)
def test_who_may_import(services: Services, archive: TenantId, role: str, *, reads: bool, imports: bool) -> None:
    with entered(as_role(archive, role)):
        for allowed, act in (
            (reads, lambda: services.intake.page(EVERYTHING)),
            (imports, lambda: services.intake.begin(io.BytesIO(table(row(1))), "目录.csv")),
        ):
            with nullcontext() if allowed else pytest.raises(Refused):
                act()


def test_names_with_odd_characters_are_kept_readable(services: Services, archive: TenantId) -> None:
    del archive
    begun = services.intake.begin(io.BytesIO(table(row(1))), "C:\\目录\\a\x00\udcff\n春.csv")
    assert begun.file_name == "a春.csv"
    assert Path(begun.file_name).suffix == ".csv"
