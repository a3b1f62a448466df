"""Accounts of a county, and signing in with them."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.identity.models import AccountRow, CredentialRow
from app.identity.types import (
    ADMINISTRATORS,
    BUSINESS_ROLES,
    ROLES,
    Account,
    AccountCreated,
    AccountId,
    AccountLocked,
    Kind,
    LoginTaken,
    NotSignedIn,
    RolesClash,
    SignedIn,
    SignedOut,
    SignInFailed,
    SignInRefused,
    Token,
)
from app.kernel import clock
from app.kernel.errors import Fault, Invalid
from app.kernel.ids import derived_id, new_id
from app.kernel.predicate import Policy, role
from app.platform.work import Works
from tenants.scope import Principal, Scope, TenantId, current_scope, entered, new_request_id

FAILURES = 5
LOCK = timedelta(minutes=30)
REFRESH = timedelta(days=14)
PASSWORD_LENGTH = 12

POLICY = Policy({"create": role("sys_admin", "system"), "list": role("sys_admin", "sec_admin", "system")})
_LOGIN = re.compile(r"[a-z][a-z0-9_.-]{1,39}")
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_urlsafe())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def check_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return the roles if one person may hold them together.

    Raises `Invalid` for an unknown role and `RolesClash` for two administrators' roles, or an
    administrator's beside a business role. Source: GB/T 39784 T4.10, GB/T 22239 (handbook security.md, 2).
    """
    held = frozenset(roles)
    unknown = held - ROLES
    if unknown or not held:
        shown = ", ".join(sorted(unknown))
        raise Invalid((Fault("choice", "roles", shown, allowed=", ".join(sorted(ROLES))),))
    administrator = held & ADMINISTRATORS
    if len(administrator) > 1 or (administrator and held & BUSINESS_ROLES):
        raise RolesClash(", ".join(sorted(held)))
    return held


class IdentityService:
    """Sign-in with the county's own accounts.

    Parameters
    ----------
    works : Works
    access_minutes : int
        Life of an access token, and of a session nobody uses.
    """

    def __init__(self, works: Works, *, access_minutes: int) -> None:
        self._work = works
        self._access = timedelta(minutes=access_minutes)

    def create_account(self, login: str, display_name: str, password: str, roles: Iterable[str]) -> Account:
        """Make an account; the same account again changes nothing.

        Raises `Invalid`, `RolesClash` and `LoginTaken`.
        """
        scope = current_scope()
        POLICY.require("create", scope.principal.roles)
        held = check_roles(roles)
        faults: list[Fault] = []
        if not _LOGIN.fullmatch(login):
            faults.append(Fault("pattern", "login", login[:40], allowed=_LOGIN.pattern))
        if not display_name.strip():
            faults.append(Fault("required", "display_name"))
        if len(password) < PASSWORD_LENGTH:
            faults.append(Fault("too_short", "password", allowed=str(PASSWORD_LENGTH)))
        if faults:
            raise Invalid(tuple(faults))
        account_id = AccountId(derived_id(scope.tenant, "account", login))
        with self._work() as work:
            row = work.session.get(AccountRow, (scope.tenant, account_id))
            if row is not None:
                if frozenset(map(str, row.roles)) != held or row.display_name != display_name:
                    raise LoginTaken(login)
                return _account(row)
            row = AccountRow(
                id=account_id,
                login=login,
                display_name=display_name,
                password_hash=_hasher.hash(password),
                roles=sorted(held),
                created_at=clock.now(),
            )
            work.session.add(row)
            work.record(AccountCreated(account_id, roles=",".join(sorted(held))))
            work.session.flush()
            return _account(row)

    def accounts(self) -> tuple[Account, ...]:
        """Return the county's accounts in the order of their logins."""
        POLICY.require("list", current_scope().principal.roles)
        with self._work() as work:
            return tuple(map(_account, work.session.scalars(select(AccountRow).order_by(AccountRow.login))))

    def sign_in(self, tenant: TenantId, login: str, password: str, kinds: tuple[Kind, ...]) -> tuple[Token, ...]:
        """Check a password and hand out the credentials asked for.

        Parameters
        ----------
        tenant : TenantId
            The county whose account it is; known to the directory.
        kinds : tuple of Kind

        Raises `SignInFailed` and, after five failures, `AccountLocked` for thirty minutes
        (handbook security.md, 4).
        """
        scope = Scope(tenant, Principal("system:sign-in"), purpose="sign-in", request_id=new_request_id())
        with entered(scope):
            refusal: SignInFailed | AccountLocked | None = None
            tokens: tuple[Token, ...] = ()
            with self._work() as work:
                named = select(AccountRow).where(AccountRow.login == login).with_for_update()
                row = work.session.scalar(named) if _LOGIN.fullmatch(login) else None
                matches = _matches(row.password_hash if row else _NOBODY, password)
                if row is None:
                    raise SignInFailed
                now = clock.now()
                if row.locked_until and row.locked_until > now:
                    minutes = (row.locked_until - now) // timedelta(minutes=1) + 1
                    refusal = AccountLocked(minutes)
                elif not matches or row.state != "active":
                    row.failures += 1
                    if row.failures >= FAILURES:
                        row.failures, row.locked_until = 0, now + LOCK
                    refusal = SignInFailed()
                if refusal:
                    work.record(SignInRefused(row.id, reason=refusal.code))
                else:
                    row.failures, row.locked_until = 0, None
                    tokens = tuple(self._issue(work.session, row, kind) for kind in kinds)
                    work.record(SignedIn(row.id, kind=",".join(kinds)))
            if refusal:
                raise refusal
            return tokens

    def refresh(self, secret: str) -> tuple[Token, ...]:
        """Exchange a refresh token for new tokens; it is used up. Raises `NotSignedIn`. Source: RFC 6749, 6."""
        tenant = _tenant_of(secret)
        with entered(Scope(tenant, Principal("system:sign-in"), "sign-in", new_request_id())), self._work() as work:
            row, account = self._find(work.session, secret, ("refresh",), lock=True)
            work.session.delete(row)
            work.record(SignedIn(account.id, kind="refresh"))
            return tuple(self._issue(work.session, account, kind) for kind in ("access", "refresh"))

    def principal(self, secret: str, kinds: tuple[Kind, ...]) -> tuple[TenantId, Principal]:
        """Return whose county and who a session or token stands for; a session used lives on.

        Raises `NotSignedIn` for a credential that is malformed, unknown, expired or revoked.
        """
        tenant = _tenant_of(secret)
        with entered(Scope(tenant, Principal("system:sign-in"), "sign-in", "")), self._work() as work:
            row, account = self._find(work.session, secret, kinds)
            now = clock.now()
            if row.kind == "session" and row.expires_at - now < self._access * 0.9:
                row.expires_at = now + self._access
            return tenant, _principal(account)

    def sign_out(self, secret: str) -> None:
        """Revoke a session or token; an unknown one is already revoked."""
        tenant = _tenant_of(secret)
        with entered(Scope(tenant, Principal("system:sign-in"), "sign-in", new_request_id())), self._work() as work:
            row = work.session.scalar(
                delete(CredentialRow).where(CredentialRow.digest == _digest(secret)).returning(CredentialRow)
            )
            if row is not None:
                work.record(SignedOut(row.account_id))

    def _issue(self, session: Session, row: AccountRow, kind: Kind) -> Token:
        secret = f"{row.tenant_id}.{secrets.token_urlsafe(32)}"
        now = clock.now()
        expires = now + (REFRESH if kind == "refresh" else self._access)
        session.add(
            CredentialRow(
                id=new_id(), account_id=row.id, kind=kind, digest=_digest(secret), created_at=now, expires_at=expires
            )
        )
        return Token(secret, kind, _principal(row), expires)

    @staticmethod
    def _find(
        session: Session, secret: str, kinds: tuple[Kind, ...], *, lock: bool = False
    ) -> tuple[CredentialRow, AccountRow]:
        query = (
            select(CredentialRow, AccountRow)
            .join(AccountRow, CredentialRow.account_id == AccountRow.id)
            .where(
                CredentialRow.digest == _digest(secret),
                CredentialRow.kind.in_(kinds),
                CredentialRow.expires_at > clock.now(),
                AccountRow.state == "active",
            )
        )
        found = session.execute(query.with_for_update(of=CredentialRow) if lock else query).first()
        if found is None:
            raise NotSignedIn
        row, account = found
        return row, account


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _tenant_of(secret: str) -> TenantId:
    tenant, dot, rest = secret.partition(".")
    if not dot or not rest or not tenant.isascii() or not tenant.isalnum():
        raise NotSignedIn
    return TenantId(tenant)


def _account(row: AccountRow) -> Account:
    return Account(AccountId(row.id), row.login, row.display_name, frozenset(map(str, row.roles)), row.state)


def _principal(row: AccountRow) -> Principal:
    return Principal(str(row.id), row.display_name, frozenset(map(str, row.roles)))
