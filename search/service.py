"""Indexing items and pages, and finding them."""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    case,
    column,
    delete,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY, Insert, insert
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.kernel.errors import Fault, Invalid
from app.kernel.hashes import canonical, sha256
from app.kernel.ids import derived_id
from app.kernel.paging import PageRequest, encode_cursor
from app.platform.database import Base
from app.platform.predicates import where
from app.platform.work import Works
from search import analysis, postgres
from search.models import SearchDocumentRow
from search.policy import POLICY
from search.types import (
    IndexedItem,
    IndexedPage,
    ItemHit,
    NamedItem,
    NamedQuery,
    Query,
    Reason,
    ReasonKind,
    Results,
    Searched,
)
from tenants.scope import Scope, current_scope

MOST = 10_000
"""Hits counted exactly; beyond it the answer says "at least"."""

LENGTH = 200
"""Characters of a query."""

PARTS = 20
"""Parts of a query; the database tells at most 62 apart."""

AROUND = 24
"""Characters shown on either side of the first match on a page."""

BATCH = 1000

_BETWEEN = re.compile(r"[;；,，、/|]")
"""What stands between the names of a record."""

_D = SearchDocumentRow
_TABLE = Base.metadata.tables[_D.__tablename__]
_COLUMNS: dict[str, InstrumentedAttribute[str]] = {"state": _D.state, "open_status": _D.open_status}
_REASONS: tuple[tuple[ReasonKind, str], ...] = (
    ("ref_code", "ref_code"),
    ("title", "title"),
    ("doc_no", "doc_no"),
    ("person", "persons"),
    ("creator", "creator"),
    ("keyword", "keywords"),
    ("date", "date"),
    ("abstract", "body"),
)


def _upsert(*names: str) -> Insert:
    """Return the statement that writes many rows, given as one list a column, unless newer ones are there."""
    columns = [_TABLE.c[name] for name in names]
    lists = func.unnest(*(bindparam(c.name, type_=ARRAY(c.type)) for c in columns))
    given = lists.table_valued(*(column(c.name, c.type) for c in columns)).render_derived()
    statement = insert(_TABLE).from_select(list(names), select(given))
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", "id"],
        set_={name: statement.excluded[name] for name in names if name != "id"},
        where=_TABLE.c.version <= statement.excluded.version,
    )


_ITEMS = _upsert(
    "id",
    "item_id",
    "version",
    "fonds_code",
    "year",
    "state",
    "open_status",
    "ref_code",
    "code_key",
    "title",
    "title_key",
    "creator",
    "doc_no",
    "persons",
    "keywords",
    "date",
    "body",
    "terms",
)
_PAGES = _upsert("id", "item_id", "page_id", "page_no", "version", "body", "terms")


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
        newest = {item.item_id: item for item in sorted(items, key=lambda item: item.version)}
        self._save(_ITEMS, [_item_row(tenant, item) for item in newest.values()])

    def index_pages(self, pages: Sequence[IndexedPage]) -> None:
        """Make the text of pages findable; an older version than the one indexed changes nothing."""
        tenant = current_scope().tenant
        newest = {page.page_id: page for page in sorted(pages, key=lambda page: page.version)}
        self._save(_PAGES, [_page_row(tenant, page) for page in newest.values()])

    def drop(self, item_id: uuid.UUID) -> None:
        """Take an item and its pages out of the index."""
        with self._work() as work:
            work.session.execute(delete(_D).where(_D.item_id == item_id))

    def search(self, query: Query, request: PageRequest) -> Results:
        """Find items all parts of the query are met by, best first, with the reasons why.

        Parameters
        ----------
        query : Query
            Of at most 200 characters in 20 parts; raises `Invalid` otherwise.
        request : PageRequest
            ``after`` holds the number of hits already seen.
        """
        scope = current_scope()
        POLICY.require("search", scope.principal.roles)
        query = _checked(query)
        phrases = analysis.parse(query.text)
        if len(phrases) > PARTS:
            raise Invalid((Fault("number", "q", str(len(phrases)), allowed=f"1–{PARTS}"),))
        if not phrases:
            return Results(0, at_least=False, hits=(), next_cursor=None, understood=())
        seen = max(int(request.after[0]), 0) if request.after else 0
        with self._work() as work:
            rows = work.session.execute(_found(query, phrases, scope, seen, request.limit + 1)).all()
            total = rows[0].total
            digest = sha256(canonical([phrase.text for phrase in phrases]))
            asked = derived_id(scope.tenant, "search", digest)
            work.record(Searched(asked, digest=digest, parts=len(phrases), total=min(total, MOST)))
        shown = [row for row in rows if row.item is not None][: request.limit]
        more = seen + len(shown) < min(total, MOST) and bool(shown)
        return Results(
            total=min(total, MOST),
            at_least=total > MOST,
            hits=tuple(_hit(phrases, row.item, row.page, row.pages) for row in shown),
            next_cursor=encode_cursor((str(seen + len(shown)),)) if more else None,
            understood=tuple(phrase.text for phrase in phrases),
        )

    def named(self, wanted: NamedQuery, *, limit: int) -> tuple[NamedItem, ...]:
        """Return accepted items whose catalogue entries name all the persons, in the order of their codes.

        Whole names count, not parts of them; the text of pages does not. The caller records who asked.
        """
        scope = current_scope()
        phrases = [phrase for name in wanted.names for phrase in analysis.parse(f'"{name}"')]
        if len(phrases) < max(len(wanted.names), 1):
            return ()
        parts = bindparam("parts", [postgres.query(scope.tenant, phrase) for phrase in phrases], ARRAY(TSQUERY()))
        met = func.search_match(parts).table_valued(column("item_id")).render_derived()
        query = (
            select(_D.ref_code, _D.title, _D.year, _D.persons)
            .join(met, met.c.item_id == _D.id)
            .where(
                where(POLICY.rule("find_named"), scope.principal.roles, _COLUMNS),
                or_(*(func.starts_with(_D.ref_code, beginning) for beginning in wanted.beginnings)),
                *_filters(Query("", year_from=wanted.year_from, year_to=wanted.year_to)),
            )
            .order_by(_D.code_key, _D.id)
        )
        names = {analysis.key(name) for name in wanted.names}
        with self._work() as work:
            rows = work.session.execute(query)
            fitting = (row for row in rows if names <= {analysis.key(each) for each in _BETWEEN.split(row.persons)})
            return tuple(NamedItem(row.ref_code, row.title, row.year) for row in islice(fitting, limit))

    def _save(self, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
        with self._work() as work:
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                work.session.execute(statement, {name: [row[name] for row in batch] for name in batch[0]})


def _item_row(tenant: str, item: IndexedItem) -> dict[str, object]:
    return {
        "id": item.item_id,
        "item_id": item.item_id,
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
        "keywords": item.keywords,
        "date": item.date,
        "body": item.abstract,
        "terms": postgres.vector(
            tenant,
            (
                ("A", item.title),
                ("A", item.ref_code),
                ("B", item.doc_no),
                ("B", item.persons),
                ("C", item.creator),
                ("C", item.keywords),
                ("C", item.date),
                ("C", item.abstract),
            ),
        ),
    }


def _page_row(tenant: str, page: IndexedPage) -> dict[str, object]:
    return {
        "id": page.page_id,
        "item_id": page.item_id,
        "page_id": page.page_id,
        "page_no": page.page_no,
        "version": page.version,
        "body": page.text,
        "terms": postgres.vector(tenant, (("D", page.text),)),
    }


def _checked(query: Query) -> Query:
    """Return the query in the one spelling; raises `Invalid` where it is longer than any person's or not text."""
    faults: list[Fault] = []
    if len(query.text) > LENGTH:
        faults.append(Fault("length", "q", ascii(query.text[:40]), allowed=f"1–{LENGTH}"))
    faults += [
        Fault("control_character", name, ascii(value[:40]))
        for name, value in (("fonds_code", query.fonds_code), ("state", query.state))
        if not value.isprintable()
    ]
    if faults:
        raise Invalid(tuple(faults))
    spelt = analysis.normalise(query.text)
    return replace(query, text="".join(char if char.isprintable() else " " for char in spelt))


def _found(
    query: Query, phrases: Sequence[analysis.Phrase], scope: Scope, seen: int, limit: int
) -> "Select[int, SearchDocumentRow, SearchDocumentRow, int]":
    """Select the number of hits, and with it the hits asked for: one row without an item where there is none."""
    parts = bindparam("parts", [postgres.query(scope.tenant, phrase) for phrase in phrases], ARRAY(TSQUERY()))
    met = (
        func.search_match(parts)
        .table_valued(column("item_id"), column("score"), column("pages"), column("best_page"))
        .render_derived()
    )
    wanted = analysis.key(query.text)
    tier = case((_D.code_key == wanted, 0), (_D.title_key == wanted, 1), else_=2).label("tier")
    ranked = (
        select(_D.id, tier, met.c.score, _D.code_key, met.c.pages, met.c.best_page)
        .join(met, met.c.item_id == _D.id)
        .where(where(POLICY.rule("find"), scope.principal.roles, _COLUMNS), *_filters(query))
        .cte("ranked")
    )
    shown = select(ranked).order_by(*_order(ranked)).offset(seen).limit(limit).subquery("shown")
    counted = select(func.count().label("total")).select_from(ranked).subquery("counted")
    item, page = aliased(_D, name="item"), aliased(_D, name="page")
    return (
        select(counted.c.total, item, page, shown.c.pages)
        .select_from(counted)
        .outerjoin(shown, true())
        .outerjoin(item, item.id == shown.c.id)
        .outerjoin(page, page.id == shown.c.best_page)
        .order_by(*_order(shown))
    )


def _order(hits: FromClause) -> "tuple[ColumnElement[object], ...]":
    """Return the order of hits: the very code, the very title, then by score and code."""
    return hits.c.tier, hits.c.score.desc(), hits.c.code_key, hits.c.id


def _filters(query: Query) -> Iterator[ColumnElement[bool]]:
    if query.fonds_code:
        yield _D.fonds_code == query.fonds_code
    if query.year_from is not None:
        yield _D.year >= query.year_from
    if query.year_to is not None:
        yield _D.year <= query.year_to
    if query.state:
        yield _D.state == query.state


def _hit(
    phrases: Sequence[analysis.Phrase], item: SearchDocumentRow, page: SearchDocumentRow | None, pages: int | None
) -> ItemHit:
    reasons = list(_field_reasons(phrases, item))
    if page is not None:
        reasons.append(_page_reason(phrases, page, pages or 1))
    return ItemHit(
        item_id=item.id,
        ref_code=item.ref_code,
        title=item.title,
        fonds_code=item.fonds_code,
        date=item.date,
        state=item.state,
        reasons=tuple(reasons),
    )


def _field_reasons(phrases: Sequence[analysis.Phrase], item: SearchDocumentRow) -> Iterator[Reason]:
    for kind, name in _REASONS:
        told = str(getattr(item, name))
        if marks := analysis.marks(told, phrases):
            yield Reason(kind, *_excerpt(told, marks)) if kind == "abstract" else Reason(kind, told, tuple(marks))


def _page_reason(phrases: Sequence[analysis.Phrase], page: SearchDocumentRow, count: int) -> Reason:
    text, marks = _excerpt(page.body, analysis.marks(page.body, phrases))
    return Reason("text", text, marks, page.page_id, page.page_no, count)


def _excerpt(text: str, marks: Sequence[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the text about the first mark on one line, and the marks that lie in it."""
    first, last = marks[0] if marks else (0, 0)
    start, end = max(first - AROUND, 0), last + AROUND
    inside = tuple((a - start, b - start) for a, b in marks if b <= end)
    return text[start:end].replace("\n", " "), inside
