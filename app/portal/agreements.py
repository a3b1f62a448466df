"""Agreements with other counties: drafted, sent, signed, amended, revoked; and the province's view of all."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.portal import words
from app.portal.edge import services, show
from app.portal.listing import number
from app.portal.words import named, t
from tenants.scope import TenantId, current_scope
from tenants.terms import FIELDS, KINDS, PURPOSES, Agreement, Terms, today

bp = Blueprint("agreements", __name__, url_prefix="/desk/agreements")
overview = Blueprint("all_agreements", __name__, url_prefix="/province/agreements")


def counties() -> Mapping[str, str]:
    """Return the counties' names by their ids."""
    return {county.id: county.name for county in services().directory.all()}


def lines(terms: Terms) -> dict[str, str]:
    """Return what terms say, a line for each heading, so that two versions can be laid side by side."""
    told = {named("kind", kind): " ".join(terms.holdings[kind]) for kind in KINDS if kind in terms.holdings}
    told[t("element.purposes")] = _listed("purpose", [each for each in PURPOSES if each in terms.purposes])
    told[t("element.fields")] = _listed("lookup_field", [each for each in FIELDS if each in terms.fields])
    told[t("element.daily")] = str(terms.daily)
    told[t("element.until")] = words.day(terms.until.strftime("%Y%m%d"))
    return told


def _listed(kind: str, codes: Sequence[str]) -> str:
    return "、".join(named(kind, code) for code in codes)


@bp.get("")
def index() -> Answer:
    """List the agreements of the county."""
    return show(
        "agreements/index.html",
        agreements=services().agreements.list(),
        counties=counties(),
        own=current_scope().tenant,
        today=today(),
    )


@bp.get("/new")
def new_form() -> Answer:
    """Ask for a new agreement."""
    return _form(request.args, None)


@bp.post("/new")
def new() -> Answer:
    """Save a new agreement as one's own draft."""
    own, other = current_scope().tenant, request.form.get("counterpart", "")
    asking = request.form.get("direction") != "they_ask"
    try:
        draft = services().agreements.draft(
            requester=own if asking else other, holder=other if asking else own, terms=_terms()
        )
    except DomainError as error:
        return _form(request.form, None, error)
    return _to(draft.id)


@bp.get("/<uuid:agreement_id>")
def agreement(agreement_id: UUID) -> Answer:
    """Show one version, with what it changes, and what may be done with it."""
    return _view(agreement_id)


@bp.get("/<uuid:agreement_id>/edit")
def edit_form(agreement_id: UUID) -> Answer:
    """Ask for other terms, beginning with the newest ones."""
    newest = services().agreements.versions(agreement_id)[0]
    return _form(_given(newest), newest)


@bp.post("/<uuid:agreement_id>/edit")
def edit(agreement_id: UUID) -> Answer:
    """Save other terms as one's own draft of the next version."""
    newest = services().agreements.versions(agreement_id)[0]
    try:
        services().agreements.amend(agreement_id, _terms())
    except DomainError as error:
        return _form(request.form, newest, error)
    return _to(agreement_id)


@bp.post("/<uuid:agreement_id>/discard")
def discard(agreement_id: UUID) -> Answer:
    """Throw one's own draft away."""
    services().agreements.discard(agreement_id)
    try:
        services().agreements.get(agreement_id)
    except NotFound:
        return redirect(url_for(".index"), 303)
    return _to(agreement_id)


@bp.post("/<uuid:agreement_id>/propose")
def propose(agreement_id: UUID) -> Answer:
    """Send one's draft to the other county."""
    try:
        services().agreements.propose(agreement_id)
    except DomainError as error:
        return _view(agreement_id, error)
    return _to(agreement_id)


@bp.post("/<uuid:agreement_id>/sign")
def sign(agreement_id: UUID) -> Answer:
    """Sign the version that was shown."""
    try:
        _ticked("agreement")
        services().agreements.sign(agreement_id, version=number("version") or 0)
    except DomainError as error:
        return _view(agreement_id, error)
    return _to(agreement_id)


@bp.post("/<uuid:agreement_id>/withdraw")
def withdraw(agreement_id: UUID) -> Answer:
    """Take the proposal back, or decline it."""
    try:
        services().agreements.withdraw(agreement_id, reason=request.form.get("reason", ""))
    except DomainError as error:
        return _view(agreement_id, error)
    return _to(agreement_id)


@bp.post("/<uuid:agreement_id>/revoke")
def revoke(agreement_id: UUID) -> Answer:
    """End the agreement at once."""
    try:
        _ticked("agreement")
        services().agreements.revoke(agreement_id, reason=request.form.get("reason", ""))
    except DomainError as error:
        return _view(agreement_id, error)
    return _to(agreement_id)


@overview.get("")
def every() -> Answer:
    """List every agreement of the province."""
    return show("agreements/province.html", agreements=services().agreements.overview(), counties=counties())


@overview.get("/<uuid:agreement>")
def one(agreement: UUID) -> Answer:
    """Show any agreement of the province."""
    return _oversee(agreement)


@overview.post("/<uuid:agreement>/revoke")
def end(agreement: UUID) -> Answer:
    """End any agreement of the province at once."""
    try:
        _ticked("agreement")
        services().agreements.revoke(agreement, reason=request.form.get("reason", ""))
    except DomainError as error:
        return _oversee(agreement, error)
    return redirect(url_for(".one", agreement=agreement), 303)


def _ticked(name: str) -> None:
    if "confirmed" not in request.form:
        raise Invalid((Fault("tick", name),))


def _to(agreement_id: UUID) -> Answer:
    return redirect(url_for(".agreement", agreement_id=agreement_id), 303)


def _view(agreement_id: UUID, error: DomainError | None = None) -> Answer:
    versions = services().agreements.versions(agreement_id)
    wanted = number("version")
    shown = services().agreements.get(agreement_id) if wanted is None or error else _version(versions, wanted)
    return _shown("agreements/agreement.html", versions, shown, error)


def _oversee(agreement_id: UUID, error: DomainError | None = None) -> Answer:
    versions = services().agreements.oversee(agreement_id)
    wanted = number("version")
    shown = versions[0] if wanted is None or error else _version(versions, wanted)
    return _shown("agreements/overseen.html", versions, shown, error)


def _version(versions: Sequence[Agreement], wanted: int) -> Agreement:
    for each in versions:
        if each.version == wanted:
            return each
    raise NotFound("agreement")


def _shown(template: str, versions: Sequence[Agreement], shown: Agreement, error: DomainError | None) -> Answer:
    sent = [each for each in versions if each.version and (not shown.version or each.version < shown.version)]
    before = max(sent, key=lambda each: each.version, default=None)
    now, was = lines(shown.terms), lines(before.terms) if before else {}
    rows = [(heading, now.get(heading, ""), was.get(heading, "")) for heading in (*now, *(was.keys() - now.keys()))]
    return show(
        template,
        status=error.status if error else 200,
        shown=shown,
        versions=versions,
        before=before,
        rows=rows,
        signatures={each.tenant: each for each in shown.signatures},
        counties=counties(),
        own=current_scope().tenant,
        today=today(),
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )


def _form(given: Mapping[str, object], known: Agreement | None, error: DomainError | None = None) -> Answer:
    own: TenantId = current_scope().tenant
    chosen = request.form.getlist if request.method == "POST" else None
    return show(
        "agreements/form.html",
        status=error.status if error else 200,
        given=given,
        purposes=chosen("purposes") if chosen else given.get("purposes", ()),
        fields=chosen("fields") if chosen else given.get("fields", ()),
        known=known,
        own=own,
        counties=counties(),
        kinds=KINDS,
        all_purposes=PURPOSES,
        all_fields=FIELDS,
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )


def _given(agreement: Agreement) -> dict[str, object]:
    terms = agreement.terms
    holdings = {f"kind-{kind}": " ".join(beginnings) for kind, beginnings in terms.holdings.items()}
    return {
        **holdings,
        "purposes": terms.purposes,
        "fields": terms.fields,
        "daily": terms.daily,
        "until": terms.until.isoformat(),
    }


def _terms() -> Terms:
    """Return the terms of the form; raises `Invalid` where the last day is no date."""
    written = {kind: tuple(request.form.get(f"kind-{kind}", "").split()) for kind in KINDS}
    until = request.form.get("until", "")
    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise Invalid((Fault("pattern", "until", until[:20], allowed="2027-06-30"),)) from None
    return Terms(
        holdings={kind: beginnings for kind, beginnings in written.items() if beginnings},
        purposes=tuple(request.form.getlist("purposes")),
        fields=tuple(request.form.getlist("fields")),
        daily=number("daily") or 0,
        until=last,
    )
