"""Sessions, tokens and unfinished sign-ins: handing them out, finding them, ending them."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from app.identity.models import AccountRow, CredentialRow
from app.identity.types import FACTOR_ROLES, AccountState, Caller, Kind, NotSignedIn, SessionEnded, Token
from app.kernel import clock
from app.kernel.ids import new_id
from app.platform.work import Work
from tenants.scope import Principal, TenantId

PENDING = timedelta(minutes=10)
REFRESH = timedelta(days=14)
OTP = "otp"
_DEVICE = 120


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the credentials of one sign-in have in common."""

    session_id: uuid.UUID
    at: datetime
    factors: str
    caller: Caller

    @classmethod
    def fresh(cls, factors: str, caller: Caller) -> "SignIn":
        """Return a sign-in that happens now."""
        return cls(new_id(), clock.now(), factors, caller)

    @classmethod
    def of(cls, row: CredentialRow) -> "SignIn":
        """Return the sign-in that a credential comes from."""
        return cls(row.session_id, row.signed_in_at, row.factors, Caller(row.client, row.device))


@dataclass(frozen=True, slots=True)
class Lives:
    """How long what is handed out is good for.

    Parameters
    ----------
    idle : timedelta
        An access token, and a session nobody uses.
    session : timedelta
        A session, used or not.
    """

    idle: timedelta
    session: timedelta

    def until(self, kind: Kind, signed_in_at: datetime) -> datetime:
        """Return when a credential of a sign-in expires that is issued, or used, now."""
        now = clock.now()
        if kind == "pending":
            return signed_in_at + PENDING
        if kind == "refresh":
            return signed_in_at + REFRESH
        return min(now + self.idle, signed_in_at + self.session) if kind == "session" else now + self.idle


def digest(secret: str) -> str:
    """Return what is kept of a credential."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tenant_of(secret: str) -> TenantId:
    """Return the county that a credential names; raises `NotSignedIn` for one that is malformed."""
    tenant, dot, rest = secret.partition(".")
    if not dot or not rest or not tenant.isascii() or not tenant.isalnum():
        raise NotSignedIn
    return TenantId(tenant)


def issue(session: Session, account: AccountRow, kind: Kind, sign_in: SignIn, lives: Lives) -> Token:
    """Hand out a credential."""
    secret = f"{account.tenant_id}.{secrets.token_urlsafe(32)}"
    now = clock.now()
    expires = lives.until(kind, sign_in.at)
    session.add(
        CredentialRow(
            id=new_id(),
            account_id=account.id,
            kind=kind,
            digest=digest(secret),
            created_at=now,
            expires_at=expires,
            session_id=sign_in.session_id,
            signed_in_at=sign_in.at,
            last_used_at=now,
            factors=sign_in.factors,
            client=sign_in.caller.address,
            device=sign_in.caller.device[:_DEVICE],
        )
    )
    return Token(secret, kind, principal(account.id, account.display_name, account.roles, sign_in.factors), expires)


def in_force(secret: str, kinds: tuple[Kind, ...]) -> ColumnElement[bool]:
    """Return the condition that a credential, joined with its account, may be used now."""
    now = clock.now()
    return (
        (CredentialRow.digest == digest(secret))
        & CredentialRow.kind.in_(kinds)
        & (CredentialRow.expires_at > now)
        & (AccountRow.state == AccountState.ACTIVE)
        & or_(AccountRow.valid_until.is_(None), AccountRow.valid_until > now)
    )


def find(session: Session, secret: str, kinds: tuple[Kind, ...]) -> tuple[CredentialRow, AccountRow]:
    """Return a credential and its account, both locked; raises `NotSignedIn`."""
    joined = select(CredentialRow, AccountRow).join(AccountRow, CredentialRow.account_id == AccountRow.id)
    found = session.execute(joined.where(in_force(secret, kinds)).with_for_update()).first()
    if found is None:
        raise NotSignedIn
    return found[0], found[1]


def end(work: Work, account: uuid.UUID, *which: ColumnElement[bool]) -> int:
    """End the sessions of an account, with all their tokens: all of them, or those a condition names; say how many."""
    ended = delete(CredentialRow).where(CredentialRow.account_id == account, *which).returning(CredentialRow.session_id)
    sessions = sorted(set(work.session.scalars(ended)))
    work.record(*(SessionEnded(account, session=str(session_id)) for session_id in sessions))
    return len(sessions)


def end_oldest(work: Work, account: uuid.UUID, *, most: int) -> None:
    """End the sessions beyond a number, the oldest first, and forget what has expired."""
    expired = (CredentialRow.account_id == account) & (CredentialRow.expires_at <= clock.now())
    work.session.execute(delete(CredentialRow).where(expired))
    open_ones = CredentialRow.kind != "pending"
    newest = (
        select(CredentialRow.session_id)
        .where(CredentialRow.account_id == account, open_ones)
        .group_by(CredentialRow.session_id)
        .order_by(func.max(CredentialRow.signed_in_at).desc(), CredentialRow.session_id.desc())
        .limit(most)
    )
    end(work, account, open_ones, CredentialRow.session_id.not_in(newest))


def principal(account: uuid.UUID, name: str, roles: list[object], factors: str) -> Principal:
    """Return who acts; without the second factor that the roles call for, somebody without roles."""
    held = frozenset(map(str, roles))
    return Principal(str(account), name, frozenset() if held & FACTOR_ROLES and OTP not in factors.split() else held)
