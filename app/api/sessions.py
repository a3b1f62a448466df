"""Tokens (OAuth 2.0 shapes) and who they stand for."""

from contextlib import suppress
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services
from app.identity.types import Caller, NotSignedIn, Token
from app.kernel import clock
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


@blp.route("/token", endpoint="Token")
class TokenView(MethodView):
    """Exchange a password or a refresh token for tokens."""

    @blp.arguments(schemas.TokenInput, location="form")
    @blp.response(200, schemas.TokenSchema)
    def post(self, asked: dict[str, Any]) -> dict[str, object]:
        """Hand out an access token and a refresh token."""
        identity = services().identity
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
        with suppress(NotSignedIn):
            services().identity.sign_out(asked["token"])
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
