"""One's own account: data, password, second factor, sessions."""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.identity.types import FACTOR_ROLES, SessionId
from app.kernel.errors import DomainError
from app.portal import words
from app.portal.edge import services, show
from app.portal.steps import picture

bp = Blueprint("account", __name__, url_prefix="/account")


@bp.get("/")
def index() -> Answer:
    """Show one's data, and what can be changed about signing in."""
    return _index()


@bp.post("/password")
def password() -> Answer:
    """Change one's password; other sessions end."""
    try:
        services().identity.change_password(request.form.get("present", ""), request.form.get("password", ""))
    except DomainError as error:
        return _index(error, at="password")
    return redirect(url_for(".index", done="password"), 303)


@bp.get("/authenticator")
def authenticator() -> Answer:
    """Show an authenticator to set up."""
    return _authenticator()


@bp.post("/authenticator")
def confirm() -> Answer:
    """Set up the authenticator by its first code, and show the recovery codes this once."""
    try:
        codes = services().identity.confirm_factor(request.form.get("code", ""))
    except DomainError as error:
        return _authenticator(error)
    return show("account/codes.html", codes=codes, then=url_for(".index"))


@bp.post("/authenticator/remove")
def remove() -> Answer:
    """Give up the authenticator, where one's roles allow it."""
    try:
        services().identity.drop_factor(request.form.get("code", ""))
    except DomainError as error:
        return _index(error, at="factor")
    return redirect(url_for(".index", done="factor"), 303)


@bp.post("/recovery-codes")
def recovery_codes() -> Answer:
    """Show new recovery codes this once; former ones are void."""
    try:
        codes = services().identity.renew_recovery(request.form.get("code", ""))
    except DomainError as error:
        return _index(error, at="factor")
    return show("account/codes.html", codes=codes, then=url_for(".index"))


@bp.post("/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> Answer:
    """End one session."""
    services().identity.end_session(SessionId(session_id))
    return redirect(url_for(".index", done="session"), 303)


@bp.post("/sessions/end-others")
def end_others() -> Answer:
    """End all sessions but this one."""
    services().identity.end_other_sessions()
    return redirect(url_for(".index", done="session"), 303)


def _index(error: DomainError | None = None, *, at: str = "") -> Answer:
    identity = services().identity
    me = identity.me()
    return show(
        "account/index.html",
        status=422 if error else 200,
        me=me,
        left=identity.recovery_left() if me.factor else 0,
        obligatory=bool(me.roles & FACTOR_ROLES),
        sessions=identity.sessions(),
        at=at,
        done=request.args.get("done", ""),
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
    )


def _authenticator(error: DomainError | None = None) -> Answer:
    enrolment = services().identity.begin_factor()
    return show(
        "account/authenticator.html",
        status=422 if error else 200,
        enrolment=enrolment,
        picture=picture(enrolment),
        refusal=words.refusal(error) if error else "",
    )
