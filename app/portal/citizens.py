"""Citizens' own pages: sign-in by a code, what is held about them, and the way out. Nothing of the staff's is here."""

import uuid
from contextlib import ExitStack

from flask import Blueprint, Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.citizens.types import NotACitizen
from app.kernel.errors import DomainError
from app.portal import edge, words
from app.portal.edge import services, set_cookie, show
from tenants.scope import entered

SESSION = "lantai_citizen"
_CHALLENGE = "lantai_challenge"
_OPEN = frozenset({"begin_form", "begin", "code_form", "code"})

bp = Blueprint("citizens", __name__, url_prefix="/me")
development = Blueprint("development", __name__, url_prefix="/dev")


@development.before_request
def _make_ready() -> None:
    edge.unscoped()


@bp.before_request
def enter() -> Answer | None:
    """Enter the scope of the citizen who asks; turn away whoever is not signed in, and forged forms."""
    edge.unscoped()
    g.scopes = ExitStack()
    open_to_all = (request.endpoint or "").rpartition(".")[2] in _OPEN
    secret = "" if open_to_all else request.cookies.get(SESSION, "")
    if not open_to_all:
        try:
            scope = services().citizens.scope(secret, request_id=g.request_id, client=_client())
        except NotACitizen:
            return redirect(url_for(".begin_form", why="expired" if secret else None), 303)
        g.citizen = g.scopes.enter_context(entered(scope))
    if request.method == "POST":
        request.max_content_length = edge.SMALL_FORM
    edge.guard_form(secret)
    return None


def _client() -> str:
    return request.remote_addr or ""


@bp.get("/sign-in")
def begin_form() -> Response:
    """Ask for a phone number."""
    return show("me/begin.html", open=services().citizens.open, why=request.args.get("why", ""))


@bp.post("/sign-in")
def begin() -> Answer:
    """Have a code sent; the next page is the same for every number."""
    try:
        challenge = services().citizens.begin(request.form.get("phone", ""), request_id=g.request_id, client=_client())
    except DomainError as error:
        told = {"refusal": words.refusal(error), "faults": words.faults(error), "phone": request.form.get("phone", "")}
        return show("me/begin.html", status=error.status, open=services().citizens.open, **told)
    answer = redirect(url_for(".code_form"), 303)
    set_cookie(answer, _CHALLENGE, str(challenge))
    return answer


@bp.get("/sign-in/code")
def code_form() -> Response:
    """Ask for the code that was sent."""
    return show("me/code.html")


@bp.post("/sign-in/code")
def code() -> Answer:
    """Open a session for whoever has the code."""
    try:
        secret = services().citizens.finish(
            _challenge(), request.form.get("code", ""), request_id=g.request_id, client=_client()
        )
    except DomainError as error:
        return show("me/code.html", status=error.status, refusal=words.refusal(error))
    answer = redirect(url_for(".home"), 303)
    set_cookie(answer, SESSION, secret)
    answer.delete_cookie(_CHALLENGE)
    return answer


def _challenge() -> uuid.UUID:
    try:
        return uuid.UUID(request.cookies.get(_CHALLENGE, ""))
    except ValueError:
        return uuid.UUID(int=0)


@bp.get("/")
def home() -> Response:
    """Show what is held, and what can be done."""
    citizens = services().citizens
    return show("me/home.html", held=citizens.held(), sessions=citizens.sessions())


@bp.get("/name")
def name_form() -> Response:
    """Ask for name and ID card number."""
    return show("me/name.html", held=services().citizens.held())


@bp.post("/name")
def name() -> Answer:
    """Keep name and number."""
    citizens = services().citizens
    try:
        citizens.state_name(request.form.get("name", ""), request.form.get("id_card", ""))
    except DomainError as error:
        told = {"refusal": words.refusal(error), "faults": words.faults(error), "form": request.form}
        return show("me/name.html", status=error.status, held=citizens.held(), **told)
    return redirect(url_for(".home"), 303)


@bp.post("/name/erase")
def erase_name() -> Answer:
    """Erase name and number."""
    services().citizens.take_name_back()
    return redirect(url_for(".home"), 303)


@bp.post("/sessions/<uuid:session_id>/end")
def end_session(session_id: uuid.UUID) -> Answer:
    """End a session on another device, or this one."""
    services().citizens.end_session(session_id)
    return redirect(url_for(".home"), 303)


@bp.post("/sign-out")
def sign_out() -> Answer:
    """End this session at once."""
    services().citizens.sign_out()
    answer = redirect("/", 303)
    answer.delete_cookie(SESSION)
    return answer


@bp.get("/erase")
def erase_form() -> Response:
    """Say what erasing means, and ask."""
    return show("me/erase.html")


@bp.post("/erase")
def erase() -> Answer:
    """Erase the account for good."""
    if "sure" not in request.form:
        return show("me/erase.html", status=422, refusal=words.t("citizen.tick"))
    services().citizens.erase()
    answer = redirect(url_for(".begin_form", why="erased"), 303)
    answer.delete_cookie(SESSION)
    return answer


@development.get("/outbox")
def outbox() -> Response:
    """Show the messages that a phone would have received; only where the setting is on."""
    box = services().outbox
    if box is None:
        abort(404)
    return show("me/outbox.html", messages=box.messages())
