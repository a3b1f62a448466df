"""A county's leaving: exports, what retiring it would destroy, two people's agreement, the certificate."""

from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError, NotFound
from app.portal import words
from app.portal.edge import services, show
from tenants.directory import TenantState
from tenants.policy import as_province
from tenants.scope import ProvinceScope, current_scope

bp = Blueprint("leaving", __name__, url_prefix="/province/tenants/<tenant>/leaving")


def _scope(purpose: str) -> ProvinceScope:
    return as_province(current_scope(), purpose)


@bp.get("")
def index(tenant: str) -> Response:
    """Show a county's exports, what retiring it would destroy, and what was proposed."""
    return _index(tenant)


@bp.post("/exports")
def export(tenant: str) -> Answer:
    """Have the county exported."""
    try:
        services().departures.begin(tenant, _scope("export"), passphrase=request.form.get("passphrase", ""))
    except DomainError as error:
        return _index(tenant, error)
    return redirect(url_for(".index", tenant=tenant), 303)


@bp.post("/retirements")
def propose(tenant: str) -> Answer:
    """Propose to end the county."""
    try:
        services().retirements.propose(tenant, _scope("retire"), reason=request.form.get("reason", ""))
    except DomainError as error:
        return _index(tenant, error)
    return redirect(url_for(".index", tenant=tenant), 303)


@bp.post("/retirements/<uuid:retirement>/approval")
def approve(tenant: str, retirement: UUID) -> Answer:
    """Approve as a second person; destruction begins at once."""
    try:
        services().retirements.approve(retirement, tenant, _scope("retire"))
    except DomainError as error:
        return _index(tenant, error)
    return redirect(url_for(".index", tenant=tenant), 303)


@bp.get("/retirements/<uuid:retirement>/certificate")
def certificate(tenant: str, retirement: UUID) -> Response:
    """Hand the signed certificate out as a file."""
    told = services().retirements.get(retirement, tenant, _scope("read")).certificate
    if not told:
        raise NotFound("certificate")
    name = f'attachment; filename="{tenant}-{retirement}.txt"'
    return Response(told, mimetype="text/plain", headers={"Content-Disposition": name})


def _index(tenant: str, refusal: DomainError | None = None) -> Response:
    scope = _scope("read")
    county = services().console.county(tenant, scope).tenant
    retired = county.state == TenantState.RETIRED
    return show(
        "province/leaving.html",
        status=refusal.status if refusal else 200,
        view=county,
        exports=services().departures.of(tenant, scope),
        plan=None if retired else services().retirements.plan(tenant, scope),
        retirements=services().retirements.of(tenant, scope),
        me=scope.principal.id,
        told=words.refusal,
        refusal=words.refusal(refusal) if refusal else "",
        faults=words.faults(refusal) if refusal else (),
    )
