"""The public home, signing in and out, and the desk's 今日."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from app.identity.types import NotSignedIn, TooManySignIns
from app.kernel.errors import DomainError
from app.kernel.paging import PageRequest
from app.portal import words
from app.portal.edge import SESSION, local, services, show
from app.portal.rights import may
from app.portal.steps import caller, onward
from tenants.scope import PROVINCE

bp = Blueprint("home", __name__)


@bp.get("/")
def index() -> Response:
    """Show what this is, and the counties."""
    return show("home.html", counties=services().directory.all())


@bp.get("/sign-in")
def sign_in_form() -> Response:
    """Ask for county, account and password; only for the county where the province's realm asks for the rest."""
    if services().sign_on:
        return show("sign_in_elsewhere.html", **_sign_in_fields())
    return show("sign_in.html", **_sign_in_fields())


@bp.post("/sign-in")
def sign_in() -> Answer:
    """Open a session, and go on to where the reader wanted."""
    try:
        tenant = services().directory.admit(request.form.get("county", ""), writing=False)
        token = services().identity.begin(
            tenant.id, request.form.get("login", "").strip(), request.form.get("password", ""), caller()
        )
    except TooManySignIns:
        raise
    except DomainError as error:
        return show("sign_in.html", status=422, refusal=words.refusal(error), **_sign_in_fields())
    _forget_session()
    return onward(token, local(request.form.get("next", "")))


@bp.post("/sign-out")
def sign_out() -> Answer:
    """End the session at once."""
    _forget_session()
    answer = redirect("/", 303)
    answer.delete_cookie(SESSION)
    return answer


@bp.get("/desk/")
def today() -> Answer:
    """Show how things stand, and what is next; to administrators, who have no part in it, their own home."""
    if may("identity", "administer"):
        return redirect("/admin/", 303)
    if may("province", "read"):
        return redirect("/province/", 303)
    if may("province", "read"):
        return redirect("/province/", 303)
    facts: dict[str, Any] = {}
    if may("records", "read"):
        facts["items"] = services().records.counts()
    if may("digitisation", "read"):
        facts["tray"] = services().digitisation.tray_size()
        facts["uploads"] = services().digitisation.uploads(PageRequest(5)).rows
    if may("jobs", "read"):
        facts["jobs"] = services().jobs.counts()
    return show("today.html", part="_today.html", **facts)


def _sign_in_fields() -> dict[str, Any]:
    return {
        "offices": (*services().directory.all(), services().directory.get(PROVINCE)),
        "chosen": request.values.get("county", ""),
        "login": request.form.get("login", ""),
        "next": local(request.values.get("next", "")),
        "why": request.args.get("why", ""),
    }


def _forget_session() -> None:
    with suppress(NotSignedIn):
        services().identity.sign_out(request.cookies.get(SESSION, ""))
