"""One's own account: sessions, password, second factor."""

from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services
from app.identity.types import SessionId

blp = blueprint("own", "One's own account")


@blp.route("/me/sessions", endpoint="MySessions")
class SessionsView(MethodView):
    """Where one is signed in."""

    @blp.response(200, schemas.UserSessionList)
    def get(self) -> dict[str, object]:
        """Return one's sessions."""
        return {"rows": services().identity.sessions()}

    @blp.response(204)
    def delete(self) -> None:
        """End all sessions but the one that asks."""
        services().identity.end_other_sessions()


@blp.route("/me/sessions/<uuid:session_id>", endpoint="MySession")
class SessionView(MethodView):
    """One session."""

    @blp.response(204)
    def delete(self, session_id: UUID) -> None:
        """End the session."""
        services().identity.end_session(SessionId(session_id))


@blp.route("/me/password", endpoint="MyPassword")
class PasswordView(MethodView):
    """One's password."""

    @blp.arguments(schemas.PasswordInput)
    @blp.response(204)
    def put(self, asked: dict[str, Any]) -> None:
        """Change the password; other sessions end."""
        services().identity.change_password(asked["present"], asked["password"])


@blp.route("/me/second-factor", endpoint="MyFactor")
class FactorView(MethodView):
    """One's second factor."""

    @blp.response(200, schemas.EnrolmentSchema)
    def post(self) -> object:
        """Return an authenticator to set up."""
        return services().identity.begin_factor()

    @blp.arguments(schemas.CodeInput)
    @blp.response(200, schemas.RecoverySchema)
    def put(self, asked: dict[str, Any]) -> dict[str, object]:
        """Put the authenticator to use by its first code; return the recovery codes."""
        return {"codes": services().identity.confirm_factor(asked["code"])}


@blp.route("/me/second-factor/removal", endpoint="MyFactorRemoval")
class FactorRemovalView(MethodView):
    """An authenticator no longer wanted."""

    @blp.arguments(schemas.CodeInput)
    @blp.response(204)
    def post(self, asked: dict[str, Any]) -> None:
        """Give the authenticator up against a code, where one's roles allow it."""
        services().identity.drop_factor(asked["code"])


@blp.route("/me/recovery-codes", endpoint="MyRecovery")
class RecoveryView(MethodView):
    """One's recovery codes."""

    @blp.arguments(schemas.CodeInput)
    @blp.response(200, schemas.RecoverySchema)
    def post(self, asked: dict[str, Any]) -> dict[str, object]:
        """Return new recovery codes against a code; former ones are void."""
        return {"codes": services().identity.renew_recovery(asked["code"])}
