"""Alerts of the detectors, for the county's security administrator; its audit administrator reads them."""

from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError
from app.portal import words
from app.portal.edge import services, show
from app.portal.listing import asked, number

bp = Blueprint("alerts", __name__, url_prefix="/admin/alerts")


@bp.get("")
def index() -> Response:
    """List the alerts, newest first, and how many it takes until one is raised."""
    return _index()


@bp.get("/<uuid:alert_id>")
def alert(alert_id: UUID) -> Response:
    """Show an alert with the entries it stands on."""
    return _alert(alert_id)


@bp.post("/<uuid:alert_id>/acknowledge")
def acknowledge(alert_id: UUID) -> Answer:
    """Take note of the alert, and say what was found out."""
    try:
        services().alerts.acknowledge(alert_id, request.form.get("note", ""))
    except DomainError as error:
        return _alert(alert_id, error)
    return redirect(url_for(".alert", alert_id=alert_id), 303)


@bp.post("/thresholds")
def tune() -> Answer:
    """Set how many it takes until a detector raises an alert."""
    try:
        services().alerts.tune(request.form.get("detector", ""), number("threshold") or 0)
    except DomainError as error:
        return _index(error)
    return redirect(url_for(".index", _anchor="thresholds"), 303)


def _index(refused: DomainError | None = None) -> Response:
    waiting = request.args.get("state") == "waiting"
    return show(
        "alerts/index.html",
        status=refused.status if refused else 200,
        page=services().alerts.page(asked("tu"), waiting=waiting),
        count=services().alerts.waiting(),
        waiting=waiting,
        names=services().accounts.names(),
        thresholds=services().alerts.thresholds(),
        refusal=words.refusal(refused) if refused else "",
        faults=words.faults(refused) if refused else (),
    )


def _alert(alert_id: UUID, refused: DomainError | None = None) -> Response:
    found, evidence = services().alerts.get(alert_id)
    return show(
        "alerts/alert.html",
        status=refused.status if refused else 200,
        alert=found,
        evidence=evidence,
        names=services().accounts.names(),
        given=request.form.get("note", ""),
        refusal=words.refusal(refused) if refused else "",
        faults=words.faults(refused) if refused else (),
    )
