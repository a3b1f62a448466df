"""API clients: made and rotated by the system administrator, granted by the security administrator."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.clients.types import PURPOSES, SCOPES, Told
from app.kernel.errors import DomainError, Fault, Invalid
from app.portal import words
from app.portal.edge import services, show
from app.portal.listing import number

bp = Blueprint("clients", __name__, url_prefix="/admin/clients")

_CHINA = ZoneInfo("Asia/Shanghai")


@bp.get("")
def index() -> Answer:
    """List the clients."""
    return show("clients/index.html", clients=services().clients.list())


@bp.get("/new")
def new_form() -> Answer:
    """Ask for a new client."""
    return _form({}, None)


@bp.post("")
def create() -> Answer:
    """Make a client, and show its secret this once."""
    try:
        client, secret = services().clients.create(_told())
    except DomainError as error:
        return _form(request.form, error)
    return show("clients/secret.html", client=client, secret=secret)


@bp.get("/<uuid:client_id>")
def client(client_id: UUID) -> Answer:
    """Show a client, and what may be done with it."""
    return _view(client_id)


@bp.post("/<uuid:client_id>/grant")
def grant(client_id: UUID) -> Answer:
    """Set what the client may do."""
    try:
        services().clients.grant(client_id, tuple(request.form.getlist("scopes")))
    except DomainError as error:
        return _view(client_id, error)
    return redirect(url_for(".client", client_id=client_id), 303)


@bp.post("/<uuid:client_id>/rotate")
def rotate(client_id: UUID) -> Answer:
    """Give the client a new secret, and show it this once."""
    try:
        client, secret = services().clients.rotate(client_id, overlap=timedelta(days=number("overlap_days") or 0))
    except DomainError as error:
        return _view(client_id, error)
    return show("clients/secret.html", client=client, secret=secret)


@bp.post("/<uuid:client_id>/revoke")
def revoke(client_id: UUID) -> Answer:
    """End the client at once."""
    try:
        if "confirmed" not in request.form:
            raise Invalid((Fault("tick", "client"),))
        services().clients.revoke(client_id)
    except DomainError as error:
        return _view(client_id, error)
    return redirect(url_for(".client", client_id=client_id), 303)


def _told() -> Told:
    """Return what the form says; raises `Invalid` where a date or id is none."""
    day, agreement = request.form.get("expires_at", ""), request.form.get("agreement_id", "").strip()
    try:
        last = datetime.combine(datetime.fromisoformat(day).date(), time.max, _CHINA)
    except ValueError:
        raise Invalid((Fault("pattern", "expires_at", day[:20], allowed="2027-06-30"),)) from None
    try:
        agreement_id = UUID(agreement) if agreement else None
    except ValueError:
        raise Invalid((Fault("pattern", "agreement_id", agreement[:40], allowed="UUID"),)) from None
    return Told(
        name=request.form.get("name", ""),
        purposes=tuple(request.form.getlist("purposes")),
        expires_at=last,
        agreement_id=agreement_id,
        networks=tuple(request.form.get("networks", "").split()),
        certificate=request.form.get("certificate", ""),
    )


def _form(given: Mapping[str, str], error: DomainError | None) -> Answer:
    return show(
        "clients/form.html",
        status=error.status if error else 200,
        given=given,
        chosen=request.form.getlist("purposes"),
        purposes=PURPOSES,
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )


def _view(client_id: UUID, error: DomainError | None = None) -> Answer:
    found = services().clients.get(client_id)
    return show(
        "clients/client.html",
        status=error.status if error else 200,
        client=found,
        scopes=("lookup:ask",) if found.told.agreement_id else SCOPES,
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )
