"""Signing in at the province's realm: out with the browser, back with a code, and word from the realm that it ended."""

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from app.identity.types import (
    Attempt,
    Caller,
    FactorMissing,
    NotSignedIn,
    ProviderDown,
    Returned,
    SignInStale,
    TokenRefused,
)
from app.portal.edge import SESSION, SMALL_FORM, local, services, set_cookie
from tenants.scope import TenantId

if TYPE_CHECKING:
    from app.identity.federation import FederatedIdentity

bp = Blueprint("sign_on", __name__, url_prefix="/auth")
calls = Blueprint("realm", __name__, url_prefix="/auth")
"""What the realm's server calls: no browser, no session, no form token; the logout token vouches for itself."""

_ATTEMPT = "lantai_sign_in"
_LONGEST_ATTEMPT = 30 * 60
"""Seconds; as long as the realm lets somebody type a password."""


@bp.get("/start")
def start() -> Answer:
    """Send the browser to the realm, for one county."""
    tenant = services().directory.admit(request.args.get("county", ""), writing=False)
    return _sent_out(tenant.id, local(request.args.get("next", "")))


@bp.get("/callback")
def callback() -> Answer:
    """Open a session for whoever comes back; who lacks a second factor is sent out once more, to prove it."""
    attempt, there = _opened(request.cookies.get(_ATTEMPT, ""))
    services().directory.admit(attempt.tenant, writing=False)
    told = request.args
    returned = Returned(told.get("state", ""), told.get("iss", ""), told.get("code", ""), told.get("error", ""))
    caller = Caller(request.remote_addr or "", request.user_agent.string)
    try:
        token = _realm().arrive(attempt, returned, caller)
    except FactorMissing:
        if attempt.strong:
            raise
        return _sent_out(attempt.tenant, there, strong=True)
    with suppress(NotSignedIn):
        _realm().leave(request.cookies.get(SESSION, ""))
    answer = redirect(there, 303)
    set_cookie(answer, SESSION, token.secret)
    answer.delete_cookie(_ATTEMPT)
    return answer


@calls.post("/backchannel-logout")
def ended() -> Response:
    """End the sessions of a session that ended at the realm. Source: OpenID Connect Back-Channel Logout 1.0, 2.8."""
    request.max_content_length = SMALL_FORM
    status = 200
    try:
        _realm().end_from_realm(request.form.get("logout_token", ""))
    except (TokenRefused, ProviderDown) as refusal:
        status = refusal.status
    return Response(status=status, headers={"Cache-Control": "no-store"})


def _realm() -> "FederatedIdentity":
    realm = services().sign_on
    assert realm is not None  # noqa: S101  # these pages are there only where it is
    return realm


def _sent_out(tenant: TenantId, there: str, *, strong: bool = False) -> Answer:
    address, attempt = _realm().depart(tenant, strong=strong)
    sealed = _seal().encrypt(json.dumps([asdict(attempt), there]).encode())
    answer = redirect(address, 303)
    set_cookie(answer, _ATTEMPT, sealed.decode())
    return answer


def _opened(sealed: str) -> tuple[Attempt, str]:
    try:
        attempt, there = json.loads(_seal().decrypt(sealed, ttl=_LONGEST_ATTEMPT))
    except InvalidToken as error:
        raise SignInStale from error
    return Attempt(**attempt), there


def _seal() -> Fernet:
    key = services().settings.secret_key.get_secret_value()
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sign-in:" + key.encode()).digest()))
