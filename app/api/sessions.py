"""Tokens (OAuth 2.0 shapes) and who they stand for."""

from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

from flask import Response, request
from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, calling, services
from app.clients.types import ClientRefused
from app.identity.types import Caller, NotSignedIn, Token
from app.kernel import clock
from tenants.directory import TenantUnknown
from tenants.scope import current_scope

blp = blueprint("sessions", "Tokens (RFC 6749, RFC 7009)", prefix="/oauth")
me = blueprint("me", "Who the token stands for")


def _answer(tokens: tuple[Token, ...]) -> dict[str, object]:
    access, refresh = tokens
    return {
        "access_token": access.secret,
        "token_type": "Bearer",
        "expires_in": int((access.expires_at - clock.now()).total_seconds()),
        "refresh_token": refresh.secret,
        "scope": access.secret.partition(".")[0],
    }


def _client_token(asked: dict[str, Any]) -> dict[str, object]:
    """Answer a client, which names itself by HTTP Basic or in the form (RFC 6749, 2.3.1 and 4.4)."""
    basic = request.authorization
    named = basic is not None and basic.type == "basic"
    oauth_id = unquote_plus(basic.username or "") if basic and named else asked["client_id"]
    secret = unquote_plus(basic.password or "") if basic and named else asked["client_secret"]
    try:
        tenant = services().directory.admit(oauth_id.partition(".")[0], writing=False)
    except TenantUnknown:
        raise ClientRefused from None
    with services().identity.braked(tenant.id, request.remote_addr or "", ClientRefused):
        token = services().clients.token(
            oauth_id, secret, calling(), scopes=tuple(asked["scope"].split()), purpose=asked["purpose"]
        )
    return {
        "access_token": token.secret,
        "token_type": "Bearer",
        "expires_in": int((token.expires_at - clock.now()).total_seconds()),
        "scope": " ".join(token.scopes),
    }


@blp.route("/token", endpoint="Token")
class TokenView(MethodView):
    """Exchange a password, a refresh token or a client's secret for tokens."""

    @blp.arguments(schemas.TokenInput, location="form")
    @blp.response(200, schemas.TokenSchema)
    def post(self, asked: dict[str, Any]) -> dict[str, object]:
        """Hand out an access token and, unless a client asks, a refresh token."""
        identity = services().identity
        if asked["grant_type"] == "client_credentials":
            return _client_token(asked)
        if asked["grant_type"] == "refresh_token":
            who = identity.principal(asked["refresh_token"], ("refresh",))
            services().directory.admit(who.tenant, writing=False)
            return _answer(identity.refresh(asked["refresh_token"]))
        tenant = services().directory.admit(asked["scope"], writing=False)
        caller = Caller(request.remote_addr or "", request.user_agent.string)
        tokens = identity.sign_in(
            tenant.id, asked["username"], asked["password"], ("access", "refresh"), otp=asked["otp"], caller=caller
        )
        return _answer(tokens)


@blp.route("/revoke", endpoint="Revocation")
class RevocationView(MethodView):
    """Give a token back."""

    @blp.arguments(schemas.RevocationInput, location="form")
    @blp.response(200)
    def post(self, asked: dict[str, Any]) -> Response:
        """Revoke a token; one that is unknown is already revoked (RFC 7009, 2.2)."""
        secret = asked["token"]
        if services().clients.recognises(secret):
            services().clients.end(secret, request.remote_addr or "")
        else:
            with suppress(NotSignedIn):
                services().identity.sign_out(secret)
        return Response(status=200)


@me.route("/me", endpoint="Me")
class MeView(MethodView):
    """Who the token stands for."""

    @me.response(200, schemas.MeSchema)
    def get(self) -> dict[str, object]:
        """Return the account behind the token."""
        scope = current_scope()
        who = scope.principal
        return {"tenant": scope.tenant, "id": who.id, "name": who.name, "roles": sorted(who.roles)}
