"""The API's door: who asks and for which county on the way in; one application, one specification."""

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING
from uuid import UUID

from flask import Request, Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, missing
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, HTTPException, UnprocessableEntity

from app.api import problems
from app.audit.types import AUDITED, refusal
from app.clients.types import Calling, ClientRefused
from app.identity.types import NotSignedIn
from app.kernel.errors import DomainError, Fault, Invalid
from app.kernel.ids import derived_id
from tenants.directory import Tenant
from tenants.scope import Scope, TenantId, current_scope, entered, new_request_id, scope_or_none

if TYPE_CHECKING:
    from app.services import Services

PREFIX = "/api/v1"
LONGEST_KEY = 200
LONGEST_VERSION = 9
CERTIFICATE = "X-Client-Cert-SHA256"
OPEN_TO_ALL = frozenset({"sessions.Token", "sessions.Revocation", "tenants.Tenants", "audit.AuditKey"})

READS = frozenset({"GET", "HEAD", "OPTIONS"})
READING = frozenset({"audit.AuditVerification"})
"""What is asked by POST and changes nothing."""


def services() -> "Services":
    """Return the archive's services, wired at start."""
    return current_app.extensions["lantai"]


class _Parser(FlaskParser):
    """Reads arguments; what Python itself cannot read of JSON is the caller's fault like any other."""

    def load_json(self, req: Request, schema: Schema) -> object:
        """Return the body; raises `BadRequest` for numbers of thousands of digits and for bottomless nesting.

        Halves of surrogate pairs, which are no text (RFC 8259, 8.2), raise `UnprocessableEntity`, wherever they are.
        """
        try:
            body: object = super().load_json(req, schema)
            if body is not missing:
                json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UnprocessableEntity from error
        except (ValueError, RecursionError) as error:
            raise BadRequest from error
        return body


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _Parser()


def blueprint(name: str, description: str, *, prefix: str = PREFIX) -> Blueprint:
    """Return a blueprint of the API: its requests enter the scope of their bearer token, its errors are problems."""
    blp = _Blueprint(name, f"app.api.{name}", description=description, url_prefix=prefix)
    blp.before_request(enter)
    blp.teardown_request(leave)
    blp.after_request(guard)
    blp.register_error_handler(DomainError, turned_away)
    blp.register_error_handler(HTTPException, problems.failed)
    blp.register_error_handler(Exception, problems.crashed)
    return blp


def enter() -> None:
    """Enter the scope that the bearer token stands for; raises `NotSignedIn`. Source: RFC 6750, 2.1.

    What is asked with NUL, which no database takes as text, raises `UnprocessableEntity`.
    """
    g.request_id = new_request_id()
    g.scopes = ExitStack()
    if any("\x00" in told for pair in request.args.items(multi=True) for told in pair):
        raise UnprocessableEntity
    if request.endpoint in OPEN_TO_ALL:
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    scope, county = _asking(secret.strip())
    services().directory.admit(county, writing=request.method not in READS and request.endpoint not in READING)
    g.scopes.enter_context(entered(scope))
    services().quotas.call()


def _asking(secret: str) -> tuple[Scope, TenantId | Tenant]:
    """Return the scope of an account's token or of an API client's, and its county; raises `NotSignedIn`."""
    if services().clients.recognises(secret):
        try:
            scope = services().clients.scope(secret, calling(), request_id=g.request_id)
        except ClientRefused:
            raise NotSignedIn from None
        return scope, scope.tenant
    who = services().identity.principal(secret, ("access",))
    scope = Scope(who.tenant, who.principal, "business", g.request_id, request.remote_addr or "", who.session)
    return scope, who.county or who.tenant


def calling() -> Calling:
    """Return from where the request comes, and the client certificate that a proxy in front has checked."""
    proxied = services().settings.trusted_proxies > 0
    return Calling(request.remote_addr or "", request.headers.get(CERTIFICATE, "") if proxied else "")


def turned_away(error: DomainError) -> Response:
    """Answer a refusal; of whoever is signed in, it is noted."""
    scope = scope_or_none()
    if scope and error.status in AUDITED:
        act = f"{request.method} {request.url_rule}"
        services().audit.note(refusal(error, scope.tenant, door="api", act=act, asked=request.path))
    return problems.refused(error)


def guard(answer: Response) -> Response:
    """Keep answers out of caches, and browsers from guessing what they are."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def leave(_error: BaseException | None) -> None:
    """Leave the scope, whatever happened."""
    if "scopes" in g:
        g.scopes.close()


def creation_id(kind: str) -> UUID | None:
    """Return the id that this request's ``Idempotency-Key`` leads to, so that it creates once; None without one.

    Parameters
    ----------
    kind : str
        What is created; the same key may be used for different things.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return None
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Invalid((Fault("length", "Idempotency-Key", key[:40], allowed=f"1–{LONGEST_KEY}"),))
    scope = current_scope()
    return derived_id(scope.tenant, scope.principal.id, kind, key)


def versioned() -> int:
    """Return the version named by ``If-Match``; raises `Invalid` where it is missing or malformed."""
    tag = request.headers.get("If-Match", "").removeprefix("W/").strip('"')
    if not tag.isascii() or not tag.isdecimal() or len(tag) > LONGEST_VERSION:
        raise Invalid((Fault("if_match", "If-Match", tag[:40]),))
    return int(tag)


def sent_file() -> FileStorage:
    """Return the file of a multipart request; raises `Invalid` where there is none."""
    sent = request.files.get("file")
    if sent is None:
        raise Invalid((Fault("required", "file"),))
    return sent
