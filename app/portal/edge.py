"""The one door of every page: who asks and in which county on the way in, what protects the page on the way out."""

import hmac
import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import Response, abort, current_app, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from app.audit.types import AUDITED, refusal
from app.identity.types import Kind, NotSignedIn
from app.kernel.errors import DomainError
from app.platform.messages import LANGUAGES, Language, preferred
from tenants.directory import Tenant, TenantReadOnly, TenantSuspended
from tenants.scope import Scope, TenantId, entered, new_request_id, scope_or_none

if TYPE_CHECKING:
    from app.services import Services

SESSION = "lantai_session"
PENDING = "lantai_pending"
LANGUAGE = "lantai_lang"
_VISIT = "lantai_visit"
SMALL_FORM = 256 * 1024
_MOST_FILES = 10_000
_OPEN_TO_ALL = frozenset(
    {
        "portal.home.index", "portal.home.sign_in", "portal.home.sign_in_form", "portal.static",
        "portal.steps.step", "portal.steps.code", "portal.steps.authenticator", "portal.steps.password",
        "portal.sign_on.start", "portal.sign_on.callback",
        "public.citizens.begin_form", "public.citizens.begin", "public.citizens.code_form", "public.citizens.code",
    }
)  # fmt: skip

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_READING = frozenset({"portal.audit.verify"})
"""What is asked by POST and changes nothing."""

_ALWAYS = frozenset({"portal.home.sign_out"})

_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx default"
)


def services() -> "Services":
    """Return the archive's services, wired at start."""
    return current_app.extensions["lantai"]


def language() -> Language:
    """Return the language of this answer."""
    return g.language


def is_fragment() -> bool:
    """Say whether htmx asks for a part of the page."""
    return request.headers.get("HX-Request") == "true"


def wants_json() -> bool:
    """Say whether our own script asks, which reads JSON."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def note_refusal(error: DomainError) -> None:
    """Note in the audit log that whoever is signed in was refused."""
    scope = scope_or_none()
    if scope and error.status in AUDITED:
        act = f"{request.method} {request.url_rule}"
        services().audit.note(refusal(error, scope.tenant, door="portal", act=act, asked=request.path))


def show(template: str, *, part: str = "", status: int = 200, **context: object) -> Response:
    """Render a page, or for htmx only its changing part.

    Parameters
    ----------
    template : str
        The whole page.
    part : str
        Template of the part that is polled or replaced.
    """
    return make_response(render_template(part if part and is_fragment() else template, **context), status)


def unscoped() -> None:
    """Make ready for an answer that belongs to nobody: an address that is no page of ours."""
    g.nonce = secrets.token_urlsafe(16)
    g.language = _language()
    g.request_id = new_request_id()
    g.scope = None
    g.form_key = secrets.token_urlsafe(16)


def enter() -> Answer | None:
    """Enter the scope of whoever asks; turn away whoever is not signed in, and forged forms."""
    unscoped()
    if request.endpoint == "portal.static":
        return None
    g.scopes = ExitStack()
    secret, signed_in, county = _credential()
    if county and not _admitted(county):
        signed_in = None
    if signed_in:
        g.scope = g.scopes.enter_context(entered(signed_in))
    elif request.endpoint not in _OPEN_TO_ALL:
        return _sign_in_first()
    if request.method == "POST":
        request.max_form_parts = _MOST_FILES
        if not signed_in:
            request.max_content_length = SMALL_FORM
    guard_form(secret)
    return None


def guard_form(secret: str) -> None:
    """Refuse a form without the token of its session, and text that no database takes.

    Parameters
    ----------
    secret : str
        Of the session; empty for a visitor.
    """
    if request.method == "POST":
        g.form_key = secret or request.cookies.get(_VISIT, "")
        if not g.form_key or not hmac.compare_digest(request.form.get("csrf", "").encode(), csrf().encode()):
            abort(400, "csrf")
    g.form_key = secret or request.cookies.get(_VISIT) or secrets.token_urlsafe(16)
    if any("\x00" in value for value in request.values.values()):
        abort(400)


def _admitted(county: TenantId | Tenant) -> bool:
    """Say whether the county is open to this request; pages that are open to all are shown as to a stranger."""
    writing = request.method not in _READS and request.endpoint not in _READING
    try:
        g.county = services().directory.admit(county, writing=writing)
    except (TenantSuspended, TenantReadOnly):
        if request.endpoint in _OPEN_TO_ALL:
            return False
        if request.endpoint not in _ALWAYS:
            raise
    return True


def _credential() -> tuple[str, Scope | None, TenantId | Tenant | None]:
    """Return the session (or, for IIIF clients, the bearer token), the scope it opens, and its county."""
    secret = request.cookies.get(SESSION, "")
    kinds: tuple[Kind, ...] = ("session",)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and request.blueprint == "portal.iiif":
        secret = token
        kinds = ("access",)
    if not secret:
        return "", None, None
    try:
        who = services().identity.principal(secret, kinds)
    except NotSignedIn:
        return "", None, None
    scope = Scope(who.tenant, who.principal, "business", g.request_id, request.remote_addr or "", who.session)
    return secret, scope, who.county or who.tenant


def _sign_in_first() -> Answer:
    if request.blueprint == "portal.iiif" or wants_json():
        raise NotSignedIn
    here = request.full_path.rstrip("?") if request.method == "GET" else urlsplit(request.referrer or "").path
    there = "/sign-in?" + urlencode({"next": here, "why": "expired" if SESSION in request.cookies else "first"})
    if is_fragment():
        return Response(status=200, headers={"HX-Redirect": there})
    return redirect(there, 303)


def _language() -> Language:
    for asked in (request.args.get("lang"), request.cookies.get(LANGUAGE)):
        for known in LANGUAGES:
            if asked == known:
                return known
    return preferred(request.headers.get("Accept-Language"))


def csrf() -> str:
    """Return the token that every form of this session carries: an HMAC over the session."""
    key = services().settings.secret_key.get_secret_value()
    return hmac.digest(key.encode(), b"form:" + g.form_key.encode(), "sha256").hex()


def leave(response: Response) -> Response:
    """Put the protecting headers on an answer, and remember the language that was chosen."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if "nonce" in g:
        headers["Content-Security-Policy"] = _POLICY.format(nonce=g.nonce)
    headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.vary.update(("HX-Request", "Cookie", "Accept-Language"))
        response.headers["Content-Language"] = "zh-CN" if g.get("language", "zh") == "zh" else "en"
    if request.args.get("lang") in LANGUAGES and request.endpoint != "portal.static":
        set_cookie(response, LANGUAGE, g.language, days=365)
    if (
        request.endpoint in _OPEN_TO_ALL
        and request.endpoint != "portal.static"
        and not g.scope
        and request.cookies.get(_VISIT) != g.form_key
    ):
        set_cookie(response, _VISIT, g.form_key)
    return response


def set_cookie(response: Answer, name: str, value: str, *, days: int | None = None) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        name,
        value,
        max_age=days and days * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=services().settings.secure_cookies,
    )


def local(address: str) -> str:
    """Return an address of this site, and the desk instead of any other."""
    foreign = not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable()
    return "/desk/" if foreign else address


def close(_error: BaseException | None) -> None:
    """Leave the scope, whatever happened."""
    if "scopes" in g:
        g.scopes.close()
