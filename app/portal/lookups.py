"""Lookups in other counties: the form, the answer, what was asked and what others asked."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError
from app.lookups.types import Question
from app.portal import words
from app.portal.agreements import counties
from app.portal.edge import services, show
from app.portal.listing import asked, number
from tenants.scope import current_scope
from tenants.terms import FIELDS, KINDS, PURPOSES, State

bp = Blueprint("lookups", __name__, url_prefix="/desk/lookups")


@bp.get("")
def index() -> Answer:
    """Offer a lookup, and list those this county asked."""
    return _index(request.args)


@bp.post("")
def ask() -> Answer:
    """Ask another county."""
    question = Question(
        holder=request.form.get("holder", ""),
        name=request.form.get("name", "").strip(),
        spouse=request.form.get("spouse", "").strip(),
        birth_year=number("birth_year"),
        kind=request.form.get("kind", ""),
        year_from=number("year_from"),
        year_to=number("year_to"),
        purpose=request.form.get("purpose", ""),
        ticket=request.form.get("ticket", "").strip(),
    )
    try:
        done = services().lookups.ask(question)
    except DomainError as error:
        return _index(request.form, error)
    return redirect(url_for(".lookup", lookup_id=done.id), 303)


@bp.get("/answered")
def answered() -> Answer:
    """List what others asked of this county."""
    page = services().lookups.page(asked("tu"), side="answered")
    return show("lookups/answered.html", page=page, counties=counties())


@bp.get("/<uuid:lookup_id>")
def lookup(lookup_id: UUID) -> Answer:
    """Show one lookup and its answer."""
    return show("lookups/lookup.html", found=services().lookups.get(lookup_id), counties=counties(), fields=FIELDS)


def _index(given: Mapping[str, str], error: DomainError | None = None) -> Answer:
    own = current_scope().tenant
    in_force = [each for each in services().agreements.list() if each.state is State.IN_FORCE and each.requester == own]
    return show(
        "lookups/index.html",
        status=error.status if error else 200,
        given=given,
        counties=counties(),
        holders=list(dict.fromkeys(each.holder for each in in_force)),
        kinds=[kind for kind in KINDS if any(kind in each.terms.holdings for each in in_force)],
        purposes=[purpose for purpose in PURPOSES if any(purpose in each.terms.purposes for each in in_force)],
        page=services().lookups.page(asked("tu", limit=20), side="asked"),
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )
