"""Accounts, tokens, roles and refusals of sign-in."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NewType

from app.kernel.errors import DomainError
from app.kernel.events import Event
from tenants.scope import Principal

AccountId = NewType("AccountId", uuid.UUID)
Kind = Literal["session", "access", "refresh"]

BUSINESS_ROLES = frozenset(
    {
        "archivist", "unit_clerk", "director", "seal_keeper", "scan_op", "scan_qc", "desk", "regulator",
        "trainer", "assessor",
    }
)  # fmt: skip
ADMINISTRATORS = frozenset({"sys_admin", "sec_admin", "audit_admin", "net_admin"})
ROLES = BUSINESS_ROLES | ADMINISTRATORS
"""Handbook security.md, 2."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account as administrators see it."""

    id: AccountId
    login: str
    display_name: str
    roles: frozenset[str]
    state: str


@dataclass(frozen=True, slots=True)
class Token:
    """What a successful sign-in hands out; the secret is shown this once.

    Attributes
    ----------
    secret : str
        ``<tenant>.<43 characters>``: names the county, so that the right one is asked.
    """

    secret: str
    kind: Kind
    principal: Principal
    expires_at: datetime


@dataclass(eq=False)
class SignInFailed(DomainError):
    """Name or password is wrong; which of them is not said."""

    code: ClassVar[str] = "identity.sign_in_failed"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class AccountLocked(DomainError):
    """Too many failures; the account opens again by itself."""

    code: ClassVar[str] = "identity.locked"
    status: ClassVar[int] = 401
    minutes: int


@dataclass(eq=False)
class NotSignedIn(DomainError):
    """No valid session or token came with the request."""

    code: ClassVar[str] = "identity.not_signed_in"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class RolesClash(DomainError):
    """The roles may never meet in one person."""

    code: ClassVar[str] = "identity.roles_clash"
    roles: str


@dataclass(eq=False)
class LoginTaken(DomainError):
    """Another account of the county goes by this login."""

    code: ClassVar[str] = "identity.login_taken"
    status: ClassVar[int] = 409
    login: str


@dataclass(frozen=True, slots=True)
class AccountCreated(Event):
    """An account was made."""

    action: ClassVar[str] = "identity:account:created"
    roles: str


@dataclass(frozen=True, slots=True)
class SignedIn(Event):
    """Somebody signed in."""

    action: ClassVar[str] = "identity:account:signed_in"
    kind: str


@dataclass(frozen=True, slots=True)
class SignInRefused(Event):
    """A sign-in failed or was locked out."""

    action: ClassVar[str] = "identity:account:sign_in_refused"
    reason: str


@dataclass(frozen=True, slots=True)
class SignedOut(Event):
    """A session or token was given back."""

    action: ClassVar[str] = "identity:account:signed_out"
