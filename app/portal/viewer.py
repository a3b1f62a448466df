"""The viewer: a page image with its text and hits, and the ways on."""

from typing import TYPE_CHECKING
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.digitisation.types import PageView
from app.kernel.errors import NotFound
from app.portal import overlay
from app.portal.edge import services, show
from app.portal.listing import number

if TYPE_CHECKING:
    from collections.abc import Iterable

if TYPE_CHECKING:
    from collections.abc import Iterable

bp = Blueprint("viewer", __name__, url_prefix="/items/<uuid:item_id>")

_STRIP = 50


@bp.get("/pages/<int:page_no>")
def page(item_id: UUID, page_no: int) -> Response:
    """Show a page; the query that led here travels in the address."""
    digitisation = services().digitisation
    item = services().records.get(item_id)
    pages = digitisation.pages_of_item(item_id)
    place = _place(pages, page_no)
    shown = digitisation.read(pages[place].id)
    query = request.args.get("q", "").strip()
    hits = digitisation.hits(shown.id, query) if query and shown.width else ()
    told = digitisation.text(shown.id) if shown.width else None
    current = min(max(number("hit") or 0, 0), len(hits))
    first = place // _STRIP * _STRIP
    return show(
        "viewer.html",
        item=item,
        page=shown,
        pages=pages,
        strip=pages[first : first + _STRIP],
        before=pages[place - 1] if place else None,
        after=pages[place + 1] if place + 1 < len(pages) else None,
        earlier=pages[first - 1] if first else None,
        later=pages[first + _STRIP] if first + _STRIP < len(pages) else None,
        query=query,
        hits=hits,
        current=current,
        told=told,
        no_more="no_more" in request.args,
        overlay=overlay.svg(shown.width, shown.height, told.lines if told else (), hits, current),
    )


@bp.get("/hits/<int:page_no>/<any(next, previous):way>")
def other_hit(item_id: UUID, page_no: int, way: str) -> Answer:
    """Go to the first hit on a later page, or the last on an earlier one."""
    pages = services().digitisation.pages_of_item(item_id)
    place = _place(pages, page_no)
    query = request.args.get("q", "").strip()
    candidates: Iterable[PageView] = pages[place + 1 :] if way == "next" else reversed(pages[:place])
    for candidate in candidates:
        hits = services().digitisation.hits(candidate.id, query) if candidate.width else ()
        if hits:
            at = 1 if way == "next" else len(hits)
            there = url_for(".page", item_id=item_id, page_no=candidate.page_no, q=query, hit=at)
            return redirect(there, 303)
    here = number("hit") or 1
    return redirect(url_for(".page", item_id=item_id, page_no=page_no, q=query, hit=here, no_more=way), 303)


def _place(pages: tuple[PageView, ...], page_no: int) -> int:
    for place, candidate in enumerate(pages):
        if candidate.page_no == page_no:
            return place
    raise NotFound("page")
