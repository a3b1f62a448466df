"""Errors as problem+json (RFC 9457), worded in the caller's language."""

import json
from dataclasses import asdict, is_dataclass

from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from app.clients.types import ClientRefused, PurposeNotAllowed, ScopeNotGranted
from app.kernel.errors import DomainError, Fault, Invalid
from app.platform import telemetry
from app.platform.messages import Language, known, preferred, text
from app.records.types import CheckFailed, Finding
from tenants.scope import new_request_id

MEDIA_TYPE = "application/problem+json"
PATHS = ("/api/", "/oauth/")

log = telemetry.logger("api")


def language() -> Language:
    """Return the language the caller reads."""
    return preferred(request.headers.get("Accept-Language"))


def fault_text(fault: Fault | Finding, spoken: Language, kind: str) -> str:
    """Return what is wrong with a field and what would be right.

    Parameters
    ----------
    fault : Fault or Finding
    spoken : "zh" or "en"
    kind : str
        Part of the catalogue: ``fault`` or ``check``.
    """
    element = f"element.{fault.field}"
    named = text(element, spoken) if known(element, spoken) else fault.field
    return text(f"{kind}.{fault.code}", spoken, field=named, value=fault.value, allowed=fault.allowed)


def detail(error: DomainError, spoken: Language) -> str:
    """Return the sentence for a refusal."""
    return text(error.code, spoken, **error.facts())


def problem(status: int, code: str, told: str, **more: object) -> Response:
    """Return an answer of the media type, with the fields of RFC 9457 and ours."""
    body = {
        "type": f"urn:lantai:{code}",
        "title": told,
        "status": status,
        "detail": told,
        "code": code,
        "request_id": g.get("request_id") or new_request_id(),
        **more,
    }
    written = json.dumps(body, ensure_ascii=False, default=str).encode(errors="replace")
    answer = Response(written, status, content_type=MEDIA_TYPE)
    if status == 401:  # noqa: PLR2004  # RFC 6750, 3
        answer.headers["WWW-Authenticate"] = 'Bearer realm="lantai"'
    return answer


def refused(error: DomainError) -> Response:
    """Answer a refusal of a service."""
    spoken = language()
    more: dict[str, object] = {}
    if isinstance(error, Invalid):
        more["errors"] = [asdict(f) | {"message": fault_text(f, spoken, "fault")} for f in error.faults]
    if isinstance(error, CheckFailed):
        more["errors"] = [asdict(f) | {"message": fault_text(f, spoken, "check")} for f in error.findings]
    if not more:
        more["facts"] = {k: v for k, v in error.facts().items() if not is_dataclass(v)}
    if isinstance(error, ClientRefused | ScopeNotGranted | PurposeNotAllowed):
        more["error"] = error.oauth  # RFC 6749, 5.2
    answer = problem(error.status, error.code, detail(error, spoken), **more)
    if isinstance(error, ClientRefused):
        answer.headers["WWW-Authenticate"] = 'Basic realm="lantai"'
    if "retry_after" in error.facts():
        answer.headers["Retry-After"] = str(error.facts()["retry_after"])
    return answer


def failed(error: HTTPException) -> Response:
    """Answer what Flask, flask-smorest or webargs refused: address, method, length, shape of the input."""
    status = error.code or 500
    more: dict[str, object] = {}
    data = getattr(error, "data", None)
    if isinstance(data, dict) and "messages" in data:
        more["errors"] = [{"field": field, "message": message} for field, message in _flat(data["messages"])]
    answer = problem(status, f"http.{status}", text(f"http.{_worded(status)}", language()), **more)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def crashed(error: Exception) -> Response:
    """Answer a defect of ours; the log has the details."""
    log.error("request failed", kind=type(error).__name__, exc_info=error)
    return problem(500, "http.500", text("http.500", language()))


def _worded(status: int) -> str:
    return str(status) if known(f"http.{status}", "zh") else "other"


def _flat(messages: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [pair for key, value in messages.items() for pair in _flat(value, f"{prefix}{key}.")]
    if isinstance(messages, list):
        return [pair for value in messages for pair in _flat(value, prefix)]
    return [(prefix.rstrip("."), str(messages))]
