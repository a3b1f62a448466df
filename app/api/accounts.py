"""Accounts of the county, and the roles they are given."""

from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, creation_id, services
from app.identity.types import AccountId, AccountState, NewAccount

blp = blueprint("accounts", "Accounts and roles")


@blp.route("/accounts", endpoint="Accounts")
class AccountsView(MethodView):
    """All accounts."""

    @blp.response(200, schemas.AccountList)
    def get(self) -> dict[str, object]:
        """Return the county's accounts in the order of their logins."""
        return {"rows": services().identity.accounts()}

    @blp.arguments(schemas.NewAccountInput)
    @blp.response(201, schemas.HandedSchema)
    def post(self, new: dict[str, Any]) -> dict[str, object]:
        """Make an account that waits for its roles (system administrator)."""
        account, password = services().accounts.create(NewAccount(**new), account_id=creation_id("account"))
        return {"account": account, "password": password}


@blp.route("/accounts/<uuid:account_id>", endpoint="Account")
class AccountView(MethodView):
    """One account."""

    @blp.response(200, schemas.AccountSchema)
    def get(self, account_id: UUID) -> object:
        """Return an account."""
        return services().accounts.get(AccountId(account_id))


@blp.route("/accounts/<uuid:account_id>/state", endpoint="AccountState")
class StateView(MethodView):
    """Whether an account is in use."""

    @blp.arguments(schemas.StateInput)
    @blp.response(200, schemas.AccountSchema)
    def put(self, asked: dict[str, Any], account_id: UUID) -> object:
        """Close an account, or open it again (system administrator)."""
        accounts = services().accounts
        verb = accounts.leave if asked["state"] == AccountState.LEFT else accounts.restore
        return verb(AccountId(account_id))


@blp.route("/accounts/<uuid:account_id>/unlock", endpoint="AccountUnlock")
class UnlockView(MethodView):
    """A locked account."""

    @blp.response(200, schemas.AccountSchema)
    def post(self, account_id: UUID) -> object:
        """Open an account that failures or long disuse have locked (system administrator)."""
        return services().accounts.unlock(AccountId(account_id))


@blp.route("/accounts/<uuid:account_id>/password", endpoint="AccountPassword")
class PasswordResetView(MethodView):
    """A forgotten password."""

    @blp.response(200, schemas.HandedSchema)
    def post(self, account_id: UUID) -> dict[str, object]:
        """Hand out a temporary password (system administrator)."""
        password = services().accounts.reset_password(AccountId(account_id))
        return {"account": services().accounts.get(AccountId(account_id)), "password": password}


@blp.route("/accounts/<uuid:account_id>/second-factor", endpoint="AccountFactor")
class FactorResetView(MethodView):
    """A lost authenticator."""

    @blp.response(200, schemas.AccountSchema)
    def delete(self, account_id: UUID) -> object:
        """Take the authenticator away (security administrator)."""
        return services().accounts.reset_factor(AccountId(account_id))


@blp.route("/accounts/<uuid:account_id>/reveal", endpoint="AccountReveal")
class RevealView(MethodView):
    """A masked number."""

    @blp.arguments(schemas.RevealInput)
    @blp.response(200, schemas.RevealedSchema)
    def post(self, asked: dict[str, Any], account_id: UUID) -> dict[str, object]:
        """Return a number in full for a purpose, which is audited (security administrator)."""
        return {"value": services().accounts.reveal(AccountId(account_id), asked["number"], asked["purpose"])}


@blp.route("/accounts/<uuid:account_id>/roles", endpoint="AccountRoles")
class RolesView(MethodView):
    """The roles of an account."""

    @blp.response(200, schemas.GrantList)
    def get(self, account_id: UUID) -> dict[str, object]:
        """Return who gave which role and who took it away."""
        return {"rows": services().accounts.grants(AccountId(account_id))}


@blp.route("/accounts/<uuid:account_id>/roles/<role>", endpoint="AccountRole")
class RoleView(MethodView):
    """One role of an account."""

    @blp.response(200, schemas.AccountSchema)
    def put(self, account_id: UUID, role: str) -> object:
        """Give the role (security administrator)."""
        return services().accounts.grant(AccountId(account_id), role)

    @blp.response(200, schemas.AccountSchema)
    def delete(self, account_id: UUID, role: str) -> object:
        """Take the role away (security administrator)."""
        return services().accounts.remove(AccountId(account_id), role)
