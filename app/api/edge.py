"""The API's door: who asks and for which county on the way in; one application, one specification."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from flask import current_app, g, request
from flask_smorest import Blueprint

from app.identity.types import NotSignedIn
from tenants.scope import Scope, entered, new_request_id

if TYPE_CHECKING:
    from app.services import Services

PREFIX = "/api/v1"
OPEN_TO_ALL = frozenset({"sessions.Token", "sessions.Revocation", "tenants.Tenants"})


def services() -> "Services":
    """Return the archive's services, wired at start."""
    return current_app.extensions["lantai"]


def blueprint(name: str, description: str) -> Blueprint:
    """Return a blueprint of the API: its requests enter the scope of their bearer token."""
    blp = Blueprint(name, f"app.api.{name}", description=description, url_prefix=PREFIX)
    blp.before_request(enter)
    blp.teardown_request(leave)
    return blp


def enter() -> None:
    """Enter the scope that the bearer token stands for; raises `NotSignedIn`. Source: RFC 6750, 2.1."""
    g.request_id = new_request_id()
    g.scopes = ExitStack()
    if request.endpoint in OPEN_TO_ALL:
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    tenant, principal = services().identity.principal(secret.strip(), ("access",))
    g.scopes.enter_context(entered(Scope(tenant, principal, "business", g.request_id)))


def leave(_error: BaseException | None) -> None:
    """Leave the scope, whatever happened."""
    if "scopes" in g:
        g.scopes.close()
