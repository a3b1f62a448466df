"""Indexing and finding, on the embedded database as the application's role."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors, sql
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from app.audit.models import AuditEntryRow
from app.audit.service import Writer
from app.demo import catalogue
from app.demo.province import PROVINCE
from app.kernel.errors import Invalid, Refused
from app.kernel.ids import new_id
from app.kernel.paging import PageRequest, decode_cursor
from app.platform.database import Database
from app.platform.embedded.postgres import running
from app.platform.provincial import ProvinceWorks
from app.platform.roles import LOGINS, establish
from app.platform.work import Works
from migrations.run import migrate
from search.models import SearchDocumentRow
from search.service import SearchService
from search.types import IndexedItem, IndexedPage, Query, Reason, Results
from tenants.directory import Directory, Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM

TITLES = {
    "Z109-WS·2011-Y-BGS-0001": "关于做好2011年防汛抗旱工作的通知",
    "Z109-WS·2011-Y-BGS-0002": "清河县人民政府关于农村公路建设专题会议纪要",
    "A439-WS·2013·Y·办公室-0001": "張國華與李秀蘭結婚登記冊（一九五三年）",
    "0021-003-0157-012": "关于农村公路建设的通知",
}
SENTENCE = "经审查，双方自愿结婚，符合婚姻法规\n定，准予登记，发给此证。"


@dataclass(frozen=True)
class SearchDb:
    """The index of a migrated database, and the ways in."""

    service: SearchService
    database: Database
    directory: Directory
    superuser: str


@pytest.fixture(scope="module")
def search_db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchDb]:
    with running(Path(tmp_path_factory.mktemp("search")) / "data") as postgres:
        postgres.admit(LOGINS)
        establish(postgres.dsn())
        migrate(postgres.dsn("lantai_migrator"))
        database, province = Database(postgres.dsn("lantai_app")), Database(postgres.dsn("lantai_province"))
        written = Writer(entries=10_000, minutes=5)
        service = SearchService(Works(database, (written,)))
        yield SearchDb(service, database, Directory(database, ProvinceWorks(province, written)), postgres.dsn())
        database.close()
        province.close()


@pytest.fixture
def service(search_db: SearchDb) -> SearchService:
    return search_db.service


def new_county(search_db: SearchDb) -> TenantId:
    code = f"{uuid.uuid4().int % 10**6:06d}"
    tenant = TenantId(f"county{code}")
    search_db.directory.create(Tenant(tenant, "某县", "990121", code), ProvinceScope(SYSTEM, "test"))
    return tenant


@pytest.fixture
def county(search_db: SearchDb) -> Iterator[TenantId]:
    """Enter a new county as its archivist."""
    tenant = new_county(search_db)
    with entered(as_role(tenant, "archivist")):
        yield tenant


def as_role(tenant: TenantId, *roles: str) -> Scope:
    return Scope(tenant, Principal("account:1", roles=frozenset(roles)), request_id="test")


def entry(title: str = "关于春耕的通知", ref_code: str = "", **told: str) -> IndexedItem:
    made = IndexedItem(new_id(), 1, title, "Z109", "catalogued", "未审核", ref_code=ref_code)
    return replace(made, **told) if told else made


def page_of(item: IndexedItem, text: str, page_no: int = 1) -> IndexedPage:
    return IndexedPage(new_id(), item.item_id, page_no, text, 1)


def codes(found: Results) -> list[str]:
    return [hit.ref_code for hit in found.hits]


def marked(reason: Reason) -> list[str]:
    return [reason.text[start:end] for start, end in reason.marks]


def ask(service: SearchService, words: str, **filters: object) -> Results:
    return service.search(replace(Query(words), **filters), PageRequest())


@pytest.fixture
def shelf(county: TenantId, service: SearchService) -> dict[str, IndexedItem]:
    """Index four items; the register has two pages that were read."""
    assert county
    items = {code: entry(title, code) for code, title in TITLES.items()}
    notice, register = items["Z109-WS·2011-Y-BGS-0001"], items["A439-WS·2013·Y·办公室-0001"]
    items[notice.ref_code] = replace(notice, doc_no="清政办发〔2011〕3号", date="20110312", year=2011)
    items[register.ref_code] = replace(register, persons="張國華；李秀蘭", fonds_code="A439", year=1953)
    service.index_items(list(items.values()))
    service.index_pages([page_of(register, "填发机关\n清河县人民政府"), page_of(register, SENTENCE, 2)])
    return items


@pytest.mark.parametrize(
    ("words", "code", "kind", "mark"),
    [
        ("防汛抗旱", "Z109-WS·2011-Y-BGS-0001", "title", "防汛抗旱"),
        ("张国华", "A439-WS·2013·Y·办公室-0001", "person", "張國華"),
        ("結婚登記冊", "A439-WS·2013·Y·办公室-0001", "title", "結婚登記冊"),
        ("清政办发[2011]3号", "Z109-WS·2011-Y-BGS-0001", "doc_no", "清政办发〔2011〕3号"),
        ("清政办发（２０１１）３号", "Z109-WS·2011-Y-BGS-0001", "doc_no", "清政办发〔2011〕3号"),
        ("a439-ws.2013.y.办公室－0001", "A439-WS·2013·Y·办公室-0001", "ref_code", "A439-WS·2013·Y·办公室-0001"),
        ("0021-003-0157", "0021-003-0157-012", "ref_code", "0021-003-0157"),
        ("201103", "Z109-WS·2011-Y-BGS-0001", "date", "201103"),
        ("汛", "Z109-WS·2011-Y-BGS-0001", "title", "汛"),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_an_item_is_found_and_says_why(service: SearchService, words: str, code: str, kind: str, mark: str) -> None:
    found = ask(service, words)
    assert (codes(found), found.total) == ([code], 1)
    assert mark in [m for reason in found.hits[0].reasons if reason.kind == kind for m in marked(reason)]


@pytest.mark.usefixtures("shelf")
def test_a_sentence_is_found_on_its_page_across_the_end_of_a_line(service: SearchService) -> None:
    found = ask(service, "婚姻法规定")
    (reason,) = found.hits[0].reasons
    assert (reason.kind, reason.page_no, reason.count) == ("text", 2, 1)
    assert marked(reason) == ["婚姻法规 定"]


@pytest.mark.usefixtures("shelf")
def test_an_item_is_one_hit_however_many_pages_meet_the_words(service: SearchService) -> None:
    item = entry("来信", "0021-1")
    service.index_items([item])
    service.index_pages([page_of(item, f"第{n}页 知识青年", n) for n in range(1, 8)])
    found = ask(service, "知识青年")
    assert (found.total, len(found.hits)) == (1, 1)
    assert [(reason.page_no, reason.count) for reason in found.hits[0].reasons] == [(1, 7)]


@pytest.mark.usefixtures("shelf")
def test_parts_may_be_met_by_the_catalogue_and_by_a_page(service: SearchService) -> None:
    found = ask(service, "李秀兰 准予登记")
    assert codes(found) == ["A439-WS·2013·Y·办公室-0001"]
    assert {reason.kind for reason in found.hits[0].reasons} == {"title", "person", "text"}
    assert found.understood == ("李秀兰", "准予登记")


@pytest.mark.usefixtures("shelf")
def test_every_part_must_be_met(service: SearchService) -> None:
    assert ask(service, "李秀兰 防汛").total == 0


@pytest.mark.usefixtures("shelf")
def test_a_code_puts_its_record_first(service: SearchService) -> None:
    code = "0021-003-0157-012"
    service.index_items([entry(f"{code} {code} {code}", f"0021-9-{n}") for n in range(3)])
    assert codes(ask(service, "0021－003—0157－012"))[0] == code


@pytest.mark.usefixtures("shelf")
def test_an_exact_title_comes_before_titles_that_contain_it(service: SearchService) -> None:
    service.index_items([entry("农村公路建设农村公路建设", "0021-2"), entry("農村公路建設", "0021-3")])
    found = codes(ask(service, "农村公路建设"))
    assert found[0] == "0021-3"
    assert len(found) == 4


@pytest.mark.usefixtures("shelf")
def test_filters_narrow_the_hits(service: SearchService) -> None:
    assert ask(service, "2011", year_from=2012).total == 0
    assert ask(service, "2011", year_from=2011, year_to=2011).total == 1
    assert ask(service, "登记", fonds_code="A439", state="catalogued").total == 1
    assert ask(service, "登记", fonds_code="A440").total == 0
    assert ask(service, "登记", state="captured").total == 0


def test_pages_of_hits_hold_each_item_once(county: TenantId, service: SearchService) -> None:
    assert county
    service.index_items([entry("春耕" * (1 + n % 3), f"0021-{n:03d}") for n in range(25)])
    seen: list[str] = []
    after: tuple[str, ...] = ()
    while True:
        found = service.search(Query("春耕"), PageRequest(4, after))
        assert (found.total, found.at_least) == (25, False)
        seen += codes(found)
        if found.next_cursor is None:
            break
        after = decode_cursor(found.next_cursor, kinds="i")
    assert len(seen) == 25
    assert len(set(seen)) == 25


def test_what_is_shown_first_does_not_change_between_askings(county: TenantId, service: SearchService) -> None:
    assert county
    service.index_items([entry(ref_code=f"0021-{n:03d}") for n in range(30)])
    assert codes(ask(service, "春耕")) == [f"0021-{n:03d}" for n in range(30)]


def test_a_late_job_does_not_bring_back_what_was_revised(county: TenantId, service: SearchService) -> None:
    assert county
    former = entry("旧题名春耕", "0021-1")
    service.index_items([former])
    service.index_items([replace(former, title="新题名夏收", version=2), former])
    service.index_items([former])
    assert ask(service, "旧题名").total == 0
    assert ask(service, "夏收").hits[0].title == "新题名夏收"
    page = page_of(former, "初稿文字")
    service.index_pages([replace(page, text="校对文字", version=3)])
    service.index_pages([page])
    assert (ask(service, "初稿").total, ask(service, "校对").total) == (0, 1)


def test_a_page_that_is_placed_elsewhere_is_found_there(county: TenantId, service: SearchService) -> None:
    assert county
    one, other = entry(ref_code="0021-1"), entry(ref_code="0021-2")
    service.index_items([one, other])
    page = page_of(one, "知识青年")
    service.index_pages([page])
    service.index_pages([replace(page, item_id=other.item_id, version=2)])
    assert codes(ask(service, "知识青年")) == ["0021-2"]
    service.drop(other.item_id)
    assert ask(service, "知识青年").total == 0
    assert codes(ask(service, "春耕")) == ["0021-1"]


def test_a_page_without_a_catalogue_entry_is_not_found(county: TenantId, service: SearchService) -> None:
    assert county
    service.index_pages([page_of(entry(), "知识青年")])
    assert ask(service, "知识青年").total == 0


@pytest.mark.parametrize(
    "words",
    [
        "", "   ", "*", "%", "_", "\\", "'", '"', '"""', "😀", "\x00", "a\x00b", "!:*&|()<->", "'; DROP TABLE item; --",
        "结婚:*", "!结婚", "结婚 | 登记", "(结婚", "结婚 <-> 登记", ".*" * 50, "\u202e结婚", "ﷺ" * 20,
        " ".join("甲乙丙丁戊己庚辛壬癸"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("shelf")
def test_any_words_have_an_answer(service: SearchService, words: str) -> None:
    found = ask(service, words)
    assert found.total == len(found.hits)


@pytest.mark.parametrize(
    "query",
    [
        Query("婚" * 201), Query(" ".join(str(n) for n in range(40))),
        Query("婚", fonds_code="a\x00"), Query("婚", state="\ud800"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("county")
def test_words_beyond_measure_are_refused(service: SearchService, query: Query) -> None:
    with pytest.raises(Invalid):
        service.search(query, PageRequest())


def test_very_long_and_odd_texts_are_indexed(county: TenantId, service: SearchService) -> None:
    assert county
    item = entry("甲" * 40_000, "0021-1", abstract="x" * 100_000)
    service.index_items([item])
    rare = "".join(chr(0x20000 + n) for n in range(20_000))
    texts = ("结婚" * 10_000, "ﷺ" * 20_000, " ".join(f"w{n}" * 30 for n in range(9_000)), "' \\ : , 1A \x01", rare)
    service.index_pages([page_of(item, text, n) for n, text in enumerate(texts)])
    assert ask(service, "结婚").total == 1


@pytest.mark.parametrize("roles", [(), ("regulator",), ("sys_admin",), ("scan_op",)])
def test_who_may_not_search_is_refused(county: TenantId, service: SearchService, roles: tuple[str, ...]) -> None:
    with entered(as_role(county, *roles)), pytest.raises(Refused):
        ask(service, "春耕")


def test_a_search_is_in_the_log_without_its_words(county: TenantId, search_db: SearchDb) -> None:
    scope = as_role(county, "archivist")
    search_db.service.index_items([entry("张国华来信")])
    ask(search_db.service, "张国华")
    with search_db.database.scoped(scope) as session:
        (logged,) = session.scalars(select(AuditEntryRow))
    assert (logged.action, json.loads(logged.body)["details"]["total"]) == ("search:query:asked", 1)
    assert "国华" not in logged.body


@pytest.fixture
def stranger(shelf: dict[str, IndexedItem], search_db: SearchDb) -> TenantId:
    """Return another county, which holds one item of the same words."""
    assert shelf
    tenant = new_county(search_db)
    with entered(as_role(tenant, "archivist")):
        search_db.service.index_items([entry("农村公路建设", "9-1")])
    return tenant


def test_a_county_finds_its_own_alone(search_db: SearchDb, stranger: TenantId) -> None:
    with entered(as_role(stranger, "archivist", "director", "desk")):
        assert codes(ask(search_db.service, "农村公路建设")) == ["9-1"]
        for words in ("防汛抗旱", "张国华", "准予登记", "Z109-WS·2011-Y-BGS-0001"):
            found = ask(search_db.service, words)
            assert (found.total, found.hits) == (0, ())


def test_a_county_drops_nothing_of_anothers(
    search_db: SearchDb, stranger: TenantId, shelf: dict[str, IndexedItem]
) -> None:
    with entered(as_role(stranger, "archivist")):
        for item in shelf.values():
            search_db.service.drop(item.item_id)
            search_db.service.index_items([replace(item, title="改", version=9)])
    assert codes(ask(search_db.service, "防汛抗旱")) == ["Z109-WS·2011-Y-BGS-0001"]


def test_the_function_answers_the_bound_county_whatever_it_is_asked(
    search_db: SearchDb, county: TenantId, stranger: TenantId
) -> None:
    for asked in (f"'{county}:公路'", "!'nothing'", f"'{county}':*"):
        statement = select(func.count()).select_from(func.search_match(text(f"ARRAY[$q${asked}$q$::tsquery]")).alias())
        with search_db.database.scoped(as_role(stranger)) as session:
            found = session.scalar(statement)
            own = session.scalar(select(func.count()).select_from(SearchDocumentRow))
        assert own == 1
        assert found == (1 if asked.startswith("!") else 0)


@pytest.mark.parametrize("statement", ["TABLE search_document", "SELECT search_match(ARRAY['x'::tsquery])"])
def test_without_a_county_the_index_does_not_answer(search_db: SearchDb, statement: str) -> None:
    with search_db.database.unscoped() as session, pytest.raises(DatabaseError, match="no tenant is bound"):
        session.execute(text(statement)).all()


def test_the_searching_role_reads_the_index_and_nothing_else(search_db: SearchDb) -> None:
    with psycopg.connect(search_db.superuser, autocommit=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        connection.execute("SET ROLE lantai_search")
        readable: list[str] = []
        for table in tables:
            try:
                connection.execute(sql.SQL("SELECT FROM {} LIMIT 0").format(sql.Identifier(table)))
                readable.append(table)
            except errors.InsufficientPrivilege:
                continue
        assert readable == ["search_document"]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM search_document")


def test_the_application_cannot_become_the_searching_role(search_db: SearchDb) -> None:
    with search_db.database.unscoped() as session, pytest.raises(DatabaseError, match="permission denied"):
        session.execute(text("SET ROLE lantai_search"))


@pytest.mark.usefixtures("county")
def test_a_search_reads_the_postings_and_not_the_table(search_db: SearchDb) -> None:
    """Row security puts text operators last: without the function the whole table would be read."""
    search_db.service.index_items([entry(f"关于第{n}号事项的通知", f"0021-{n:05d}") for n in range(3000)])
    search_db.service.index_items([entry("知识青年安置", "0022-1")])
    with psycopg.connect(search_db.superuser, autocommit=True) as connection:
        connection.execute("ANALYZE search_document")
        before = _scans(connection)
        assert codes(ask(search_db.service, "知识青年")) == ["0022-1"]
        with search_db.database.unscoped() as session:
            session.execute(text("SELECT pg_stat_force_next_flush()"))
        after = _scans(connection)
        assert after["ix_search_document_terms"] > before["ix_search_document_terms"]
        assert after["sequential"] == before["sequential"]


def _scans(connection: psycopg.Connection) -> dict[str, int]:
    connection.execute("SELECT pg_stat_clear_snapshot()")
    rows = connection.execute("""
        SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'search_document'
        UNION SELECT 'sequential', seq_scan FROM pg_stat_user_tables WHERE relname = 'search_document'
    """)
    return dict(rows.fetchall())


@pytest.fixture(scope="module")
def demo(search_db: SearchDb) -> tuple[TenantId, Sequence[IndexedItem]]:
    """Index the demo catalogue of a county."""
    tenant = new_county(search_db)
    rows = catalogue.rows(PROVINCE.counties[0])
    items = [entry(row.title, row.ref_code, persons=row.persons, doc_no=row.doc_no) for row in rows]
    with entered(as_role(tenant, "archivist")):
        search_db.service.index_items(items)
    return tenant, items


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_two_han_characters_in_a_row_find_their_item(
    search_db: SearchDb, demo: tuple[TenantId, Sequence[IndexedItem]], data: st.DataObject
) -> None:
    tenant, items = demo
    item = data.draw(st.sampled_from(items))
    pairs = [n for n in range(len(item.title) - 1) if _han(item.title[n : n + 2])]
    start = data.draw(st.sampled_from(pairs))
    longest = next((n for n in range(start, len(item.title)) if not _han(item.title[n])), len(item.title))
    words = item.title[start : data.draw(st.integers(start + 2, longest))]
    with entered(as_role(tenant, "desk")):
        found = search_db.service.search(Query(words), PageRequest(200))
    assert item.item_id in [hit.item_id for hit in found.hits]
    for hit in found.hits:
        assert any(mark == words for reason in hit.reasons for mark in marked(reason))


def _han(text: str) -> bool:
    return all("\u4e00" <= char <= "\u9fff" for char in text)
