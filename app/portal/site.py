"""All pages as one: blueprints, words for templates, error pages."""

from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, g, jsonify, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError, Refused
from app.platform import telemetry
from app.platform.messages import known
from app.portal import (
    account,
    admin,
    agreements,
    alerts,
    assets,
    audit,
    catalogue,
    citizens,
    clients,
    duties,
    edge,
    home,
    iiif,
    imports,
    jobs,
    leaving,
    lookups,
    province,
    rights,
    search,
    sign_on,
    steps,
    uploads,
    viewer,
    words,
)

_PAGES = (
    home.bp,
    catalogue.bp,
    imports.bp,
    uploads.bp,
    search.bp,
    viewer.bp,
    jobs.bp,
    audit.bp,
    iiif.bp,
    steps.bp,
    account.bp,
    admin.bp,
    alerts.bp,
    duties.bp,
    province.bp,
    leaving.bp,
    agreements.bp,
    agreements.overview,
    lookups.bp,
    clients.bp,
)
log = telemetry.logger("portal")


def register(app: Flask) -> None:
    """Add every page to the web application; raises `PackagesMissing` without the front end's packages."""
    files = assets.load()
    site = Blueprint("portal", __name__, template_folder="templates")

    @site.get("/static/<digest>/<path:name>")
    def static(digest: str, name: str) -> Response:
        return assets.answer(files, digest, name)

    def asset(name: str) -> str:
        return url_for("portal.static", digest=files[name].digest, name=name)

    for pages in _PAGES:
        site.register_blueprint(pages)
    if app.extensions["lantai"].sign_on:
        site.register_blueprint(sign_on.bp)
        app.register_blueprint(sign_on.calls)
    site.before_request(edge.enter)
    public = Blueprint("public", __name__, template_folder="templates")
    for pages in (citizens.bp, citizens.development):
        public.register_blueprint(pages)
    for door in (site, public):
        door.after_request(edge.leave)
        door.teardown_request(edge.close)
        door.register_error_handler(DomainError, _refused)
        door.register_error_handler(HTTPException, error_page)
        door.register_error_handler(Exception, _crashed)
    site.app_context_processor(lambda: _in_every_template() | {"asset": asset} if "nonce" in g else {})
    site.add_app_template_filter(words.moment, "moment")
    site.add_app_template_filter(words.day, "day")
    site.add_app_template_filter(words.device, "device")
    for door in (site, public):
        app.register_blueprint(door)


def _in_every_template() -> dict[str, object]:
    scope = g.get("scope")  # of staff; a citizen's pages show nothing of the staff's
    return {
        "t": words.t,
        "named": words.named,
        "amount": words.amount,
        "fault": words.fault,
        "reason": words.reason,
        "is_id": words.is_id,
        "may": rights.may,
        "whose": rights.whose,
        "csrf": _csrf_field,
        "csrf_token": edge.csrf,
        "language": edge.language(),
        "nonce": g.nonce,
        "principal": scope.principal if scope else None,
        "county": g.get("county"),
        "here": request.blueprint or "",
        "switch": _other_language,
        "elsewhere": edge.services().sign_on is not None,
        "next_address": _next_address,
    }


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(edge.csrf())


def _other_language() -> str:
    other = "en" if edge.language() == "zh" else "zh"
    home = "/me/" if request.blueprint == "public.citizens" else "/desk/"
    return _here(without=("lang",), lang=other) if request.method == "GET" else f"{home}?lang={other}"


def _next_address(cursor: str) -> str:
    return _here(without=("cursor", "lang"), **({"cursor": cursor} if cursor else {}))


def _here(*, without: tuple[str, ...], **added: str) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in without]
    path = request.path.lstrip("/")  # an unknown address may begin with two, and would name another site
    return f"/{path}?{urlencode([*kept, *added.items()])}"


def error_page(error: HTTPException) -> Response:
    """Answer what was refused by address, method or length, in words and with a code to read out."""
    status = error.code or 500
    if isinstance(error.response, Answer):
        return Response(error.response.get_data(), error.response.status_code, dict(error.response.headers))
    code = "portal.error.csrf" if error.description == "csrf" else f"portal.error.{status}"
    if "nonce" not in g:  # no page of ours was found: its door did not open
        edge.unscoped()
        return edge.leave(_error(status, f"http.{status}", code if known(code, "zh") else "portal.error.other"))
    return _error(status, f"http.{status}", code if known(code, "zh") else "portal.error.other")


def _error(status: int, code: str, key: str) -> Response:
    return _answer(status, code, words.t(key), ())


def _refused(error: DomainError) -> Response:
    roles: tuple[str, ...] = ()
    if isinstance(error, Refused):
        roles = rights.whose(words.room(), error.action)
    answer = _answer(error.status, error.code, words.refusal(error), words.faults(error), roles)
    if "retry_after" in error.facts():
        answer.headers["Retry-After"] = str(error.facts()["retry_after"])
    return answer


def _crashed(error: Exception) -> Response:
    log.error("request failed", kind=type(error).__name__, exc_info=error)
    return _error(500, "http.500", "portal.error.500")


def _answer(status: int, code: str, told: str, faults: tuple[str, ...], roles: tuple[str, ...] = ()) -> Response:
    if edge.wants_json() or request.blueprint == "portal.iiif":
        answer = jsonify(code=code, words=" ".join((told, *faults)), status=status)
        answer.status_code = status
        return answer
    return edge.show(
        "error.html",
        status=status,
        number=status,
        code=code,
        told=told,
        faults=faults,
        roles=roles,
        request_id=g.request_id,
    )
