"""The search page: hits, and why each is one."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, request
from markupsafe import Markup, escape

from app.digitisation.types import Quad
from app.kernel.errors import NotFound
from app.portal.edge import services, show
from app.portal.listing import asked, number
from app.portal.rights import may
from app.records.types import ItemState
from search.types import Query, Reason, Results

bp = Blueprint("search", __name__)

_ROWS = 20
_CUTS = 12
_MARGIN = 14


@dataclass(frozen=True, slots=True)
class Cut:
    """A strip of a page image around its first hit, in pixels of the canvas."""

    x: int
    y: int
    width: int
    height: int
    quads: tuple[Quad, ...]


@bp.get("/desk/search")
def find() -> Response:
    """Search the county's records."""
    query = Query(
        text=request.args.get("q", "").strip(),
        fonds_code=request.args.get("fonds", ""),
        year_from=number("year_from"),
        year_to=number("year_to"),
        state=request.args.get("state", ""),
    )
    results = services().search.search(query, asked("i", limit=_ROWS)) if query.text else None
    return show(
        "search.html",
        query=query,
        results=results,
        cuts=_cuts(results, query.text) if results and may("digitisation", "read") else {},
        fonds=services().records.fonds() if may("records", "read") else (),
        states=tuple(ItemState),
        marked=marked,
    )


def marked(reason: Reason) -> Markup:
    """Return the text of a reason with the query's words marked."""
    parts: list[Markup] = []
    at = 0
    for start, end in reason.marks:
        parts += [escape(reason.text[at:start]), Markup("<mark>{}</mark>").format(reason.text[start:end])]
        at = end
    return Markup("").join((*parts, escape(reason.text[at:])))


def _cuts(results: Results, text: str) -> dict[UUID, Cut]:
    cuts: dict[UUID, Cut] = {}
    for hit in results.hits:
        for reason in hit.reasons:
            if reason.page_id and len(cuts) < _CUTS and (cut := _cut(reason.page_id, text)):
                cuts[reason.page_id] = cut
    return cuts


def _cut(page_id: UUID, text: str) -> Cut | None:
    """Return the strip around a page's first hit; None for a page that has since gone."""
    try:
        page, hits = services().digitisation.page(page_id), services().digitisation.hits(page_id, text)
    except NotFound:
        return None
    if not hits or not page.width:
        return None
    quads = hits[0].quads
    left, right = min(x for q in quads for x, _ in q), max(x for q in quads for x, _ in q)
    top, bottom = min(y for q in quads for _, y in q), max(y for q in quads for _, y in q)
    width = min(page.width, max(int(right - left) + 2 * _MARGIN, page.width // 2))
    x = max(0, min(int((left + right - width) / 2), page.width - width))
    y = max(0, int(top) - _MARGIN)
    return Cut(x, y, width, min(int(bottom - top) + 2 * _MARGIN, page.height - y), quads)
