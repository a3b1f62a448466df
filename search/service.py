"""Indexing items and pages, and finding them."""

import uuid
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Row, Select, case, column, delete, func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from app.kernel.hashes import canonical, sha256
from app.kernel.ids import derived_id
from app.kernel.paging import PageRequest, encode_cursor
from app.platform.predicates import where
from app.platform.work import Works
from search import analysis, postgres
from search.models import SearchDocumentRow
from search.policy import POLICY
from search.types import IndexedItem, IndexedPage, ItemHit, Query, Reason, ReasonKind, Results, Searched
from tenants.scope import current_scope

MOST = 10_000
"""Hits counted exactly; beyond it the answer says "at least"."""

PARTS = 20
AROUND = 24
"""Characters shown on either side of the first match on a page."""

_D = SearchDocumentRow
_COLUMNS: dict[str, InstrumentedAttribute[str]] = {"state": _D.state, "open_status": _D.open_status}
_FIELDS: tuple[tuple[ReasonKind, InstrumentedAttribute[str]], ...] = (
    ("ref_code", _D.ref_code),
    ("title", _D.title),
    ("doc_no", _D.doc_no),
    ("person", _D.persons),
    ("creator", _D.creator),
    ("keyword", _D.keywords),
    ("date", _D.date),
)

_ITEM = text("""
    INSERT INTO search_document (tenant_id, id, item_id, page_id, page_no, version, fonds_code, year, state,
        open_status, ref_code, code_key, title, title_key, creator, doc_no, persons, keywords, date, body, terms)
    VALUES (:tenant_id, :id, :id, NULL, NULL, :version, :fonds_code, :year, :state,
        :open_status, :ref_code, :code_key, :title, :title_key, :creator, :doc_no, :persons, :keywords, :date, '',
        CAST(:terms AS tsvector))
    ON CONFLICT (tenant_id, id) DO UPDATE SET version = excluded.version, fonds_code = excluded.fonds_code,
        year = excluded.year, state = excluded.state, open_status = excluded.open_status,
        ref_code = excluded.ref_code, code_key = excluded.code_key, title = excluded.title,
        title_key = excluded.title_key, creator = excluded.creator, doc_no = excluded.doc_no,
        persons = excluded.persons, keywords = excluded.keywords, date = excluded.date, terms = excluded.terms
    WHERE search_document.version <= excluded.version
""")
_PAGE = text("""
    INSERT INTO search_document (tenant_id, id, item_id, page_id, page_no, version, fonds_code, year, state,
        open_status, ref_code, code_key, title, title_key, creator, doc_no, persons, keywords, date, body, terms)
    VALUES (:tenant_id, :id, :item_id, :id, :page_no, :version, '', NULL, '', '', '', '', '', '', '', '', '', '', '',
        :body, CAST(:terms AS tsvector))
    ON CONFLICT (tenant_id, id) DO UPDATE SET version = excluded.version, item_id = excluded.item_id,
        page_no = excluded.page_no, body = excluded.body, terms = excluded.terms
    WHERE search_document.version <= excluded.version
""")


class SearchService:
    """The county's index.

    Parameters
    ----------
    works : Works
    """

    def __init__(self, works: Works) -> None:
        self._work = works

    def index_items(self, items: Sequence[IndexedItem]) -> None:
        """Make catalogue entries findable; an older version than the one indexed changes nothing."""
        tenant = current_scope().tenant
        rows = [
            {
                "tenant_id": tenant,
                "id": item.item_id,
                "version": item.version,
                "fonds_code": item.fonds_code,
                "year": item.year,
                "state": item.state,
                "open_status": item.open_status,
                "ref_code": item.ref_code,
                "code_key": analysis.key(item.ref_code),
                "title": item.title,
                "title_key": analysis.key(item.title),
                "creator": item.creator,
                "doc_no": item.doc_no,
                "persons": item.persons,
                "keywords": " ".join(filter(None, (item.keywords, item.abstract))),
                "date": item.date,
                "terms": postgres.vector(
                    tenant,
                    (
                        ("A", item.title),
                        ("A", item.ref_code),
                        ("B", item.doc_no),
                        ("B", item.persons),
                        ("C", item.creator),
                        ("C", item.keywords),
                        ("C", item.abstract),
                        ("C", item.date),
                    ),
                ),
            }
            for item in items
        ]
        if rows:
            with self._work() as work:
                work.session.execute(_ITEM, rows)

    def index_pages(self, pages: Sequence[IndexedPage]) -> None:
        """Make the text of pages findable; an older version than the one indexed changes nothing."""
        tenant = current_scope().tenant
        rows = [
            {
                "tenant_id": tenant,
                "id": page.page_id,
                "item_id": page.item_id,
                "page_no": page.page_no,
                "version": page.version,
                "body": page.text,
                "terms": postgres.vector(tenant, (("D", page.text),)),
            }
            for page in pages
        ]
        if rows:
            with self._work() as work:
                work.session.execute(_PAGE, rows)

    def drop(self, item_id: uuid.UUID) -> None:
        """Take an item and its pages out of the index."""
        with self._work() as work:
            work.session.execute(delete(_D).where(_D.item_id == item_id))

    def search(self, query: Query, request: PageRequest) -> Results:
        """Find items all parts of the query are met by, best first, with the reasons why.

        Parameters
        ----------
        query : Query
        request : PageRequest
            ``after`` holds the number of hits already seen.
        """
        scope = current_scope()
        POLICY.require("search", scope.principal.roles)
        phrases = analysis.parse(query.text)[:PARTS]
        if not phrases:
            return Results(0, at_least=False, hits=(), next_cursor=None, understood=())
        seen = int(request.after[0]) if request.after else 0
        with self._work() as work:
            statement = self._statement(query, phrases)
            rows = work.session.execute(statement.offset(seen).limit(request.limit + 1)).all()
            counted = select(func.count()).select_from(statement.order_by(None).limit(MOST + 1).subquery())
            total = work.session.scalar(counted) or 0
            best = [row.best_page for row in rows if row.best_page]
            found = work.session.execute(select(_D.id, _D.page_no, _D.body).where(_D.id.in_(best)))
            pages = {page_id: (page_no or 0, body) for page_id, page_no, body in found}
            digest = sha256(canonical([phrase.text for phrase in phrases]))
            asked = derived_id(scope.tenant, "search", digest)
            work.record(Searched(asked, digest=digest, parts=len(phrases), total=min(total, MOST)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit and seen + request.limit < MOST
        return Results(
            total=min(total, MOST),
            at_least=total > MOST,
            hits=tuple(_hit(row, phrases, pages) for row in shown),
            next_cursor=encode_cursor((str(seen + request.limit),)) if more else None,
            understood=tuple(phrase.text for phrase in phrases),
        )

    @staticmethod
    def _statement(query: Query, phrases: Sequence[analysis.Phrase]) -> "Select[tuple[object, ...]]":
        scope = current_scope()
        met = (
            func.search_match(text("CAST(:parts AS tsquery[])").bindparams(parts=_array(phrases, scope.tenant)))
            .table_valued(column("item_id"), column("score"), column("pages"), column("best_page"))
            .render_derived()
        )
        wanted = analysis.key(query.text)
        first = case((_D.code_key == wanted, 0), (_D.title_key == wanted, 1), else_=2)
        statement = (
            select(_D.item_id, _D.fonds_code, _D.state, *(field for _, field in _FIELDS), met.c.pages, met.c.best_page)
            .join(met, met.c.item_id == _D.item_id)
            .where(_D.page_id.is_(None), where(POLICY.rule("find"), scope.principal.roles, _COLUMNS))
            .order_by(first, met.c.score.desc(), _D.code_key, _D.item_id)
        )
        for condition in _filters(query):
            statement = statement.where(condition)
        return statement


def _array(phrases: Sequence[analysis.Phrase], tenant: str) -> str:
    quoted = (postgres.query(tenant, phrase).replace("\\", "\\\\").replace('"', '\\"') for phrase in phrases)
    return "{" + ",".join(f'"{part}"' for part in quoted) + "}"


def _filters(query: Query) -> Iterator[ColumnElement[bool]]:
    if query.fonds_code:
        yield _D.fonds_code == query.fonds_code
    if query.year_from is not None:
        yield _D.year >= query.year_from
    if query.year_to is not None:
        yield _D.year <= query.year_to
    if query.state:
        yield _D.state == query.state


def _hit(row: Row[tuple[object, ...]], phrases: Sequence[analysis.Phrase], pages: dict[uuid.UUID, tuple[int, str]]) -> ItemHit:
    told = row._mapping  # noqa: SLF001  # SQLAlchemy's documented door
    reasons = [
        Reason(kind, str(told[field.key]), tuple(marks))
        for kind, field in _FIELDS
        if (marks := analysis.marks(str(told[field.key]), phrases))
    ]
    if told["best_page"] in pages:
        page_no, body = pages[told["best_page"]]
        excerpt, marks = _excerpt(body, analysis.marks(body, phrases))
        reasons.append(Reason("text", excerpt, marks, told["best_page"], page_no, told["pages"]))
    return ItemHit(
        item_id=told["item_id"],
        ref_code=told["ref_code"],
        title=told["title"],
        fonds_code=told["fonds_code"],
        date=told["date"],
        state=told["state"],
        reasons=tuple(reasons),
    )


def _excerpt(body: str, marks: Sequence[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    if not marks:
        return body[: 2 * AROUND], ()
    start = max(0, marks[0][0] - AROUND)
    end = min(len(body), marks[0][1] + AROUND)
    inside = tuple((a - start, b - start) for a, b in marks if a >= start and b <= end)
    return body[start:end].replace("\n", " "), inside
