"""Between password and session: a code, an authenticator to set up, a password that is due."""

import segno
from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.identity.types import Caller, Enrolment, NotSignedIn, Token
from app.kernel.errors import DomainError
from app.portal import words
from app.portal.edge import PENDING, SESSION, language, local, services, set_cookie, show

bp = Blueprint("steps", __name__, url_prefix="/sign-in")


def caller() -> Caller:
    """Return where the request comes from."""
    return Caller(request.remote_addr or "", request.user_agent.string)


def onward(token: Token, then: str) -> Answer:
    """Answer with the session that was opened, or lead to the step that is asked for.

    Parameters
    ----------
    then : str
        Address of this site where the reader wanted to go.
    """
    answer = redirect(then if token.kind == "session" else url_for("portal.steps.step", next=then), 303)
    take(answer, token)
    return answer


def take(answer: Answer, token: Token) -> None:
    """Give the browser its session, or the sign-in that is to go on, and nothing of the other."""
    kept, gone = (SESSION, PENDING) if token.kind == "session" else (PENDING, SESSION)
    set_cookie(answer, kept, token.secret)
    answer.delete_cookie(gone)


def picture(enrolment: Enrolment) -> str:
    """Return the QR code of an authenticator's address, as an address of its own."""
    return segno.make(enrolment.uri, error="m").svg_data_uri(scale=5, border=4, light="#fff")


@bp.get("/step")
def step() -> Answer:
    """Show what the sign-in asks for next."""
    return _step()


@bp.post("/code")
def code() -> Answer:
    """Take a code of the authenticator, or a recovery code."""
    try:
        token = services().identity.pass_factor(_pending(), request.form.get("code", ""))
    except NotSignedIn:
        return _again()
    except DomainError as error:
        return _step(error)
    return onward(token, local(request.form.get("next", "")))


@bp.post("/authenticator")
def authenticator() -> Answer:
    """Set up an authenticator by its first code, and show the recovery codes this once."""
    try:
        token, codes = services().identity.confirm_enrolment(_pending(), request.form.get("code", ""))
    except NotSignedIn:
        return _again()
    except DomainError as error:
        return _step(error)
    then = local(request.form.get("next", ""))
    answer = show(
        "account/codes.html",
        codes=codes,
        then=then if token.kind == "session" else url_for("portal.steps.step", next=then),
    )
    take(answer, token)
    return answer


@bp.post("/password")
def password() -> Answer:
    """Replace a password that is due."""
    try:
        token = services().identity.renew_password(_pending(), request.form.get("password", ""))
    except NotSignedIn:
        return _again()
    except DomainError as error:
        return _step(error)
    return onward(token, local(request.form.get("next", "")))


def _pending() -> str:
    """Return the pending sign-in of a county that is open, to what the step changes too; raises `NotSignedIn`."""
    secret = request.cookies.get(PENDING, "")
    pending = services().identity.pending(secret)
    services().directory.admit(pending.tenant, writing=pending.step != "factor")
    return secret


def _again() -> Answer:
    answer = redirect(url_for("portal.home.sign_in_form", why="expired"), 303)
    answer.delete_cookie(PENDING)
    return answer


def _step(error: DomainError | None = None) -> Answer:
    identity = services().identity
    try:
        secret = _pending()
        pending = identity.pending(secret)
        enrolment = identity.enrolment(secret) if pending.step == "enrol" else None
    except NotSignedIn:
        return _again()
    return show(
        f"account/step_{pending.step}.html",
        status=422 if error else 200,
        pending=pending,
        enrolment=enrolment,
        picture=picture(enrolment) if enrolment else "",
        next=local(request.values.get("next", "")),
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
        spoken=language(),
    )
