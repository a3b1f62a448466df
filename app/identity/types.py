"""Accounts, tokens, roles and refusals of sign-in."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, NewType

from app.kernel.errors import DomainError
from app.kernel.events import Event
from tenants.directory import Tenant
from tenants.scope import Principal, TenantId

AccountId = NewType("AccountId", uuid.UUID)
SessionId = NewType("SessionId", uuid.UUID)
Kind = Literal["session", "access", "refresh", "pending"]
"""What a credential is good for; ``pending`` is a sign-in with steps still to take, and opens nothing else."""

Step = Literal["factor", "enrol", "password"]
"""What a sign-in still asks for: a code, an authenticator to set up, a new password."""

BUSINESS_ROLES = frozenset(
    {
        "archivist", "unit_clerk", "director", "seal_keeper", "scan_op", "scan_qc", "reviewer", "desk", "regulator",
        "trainer", "assessor",
    }
)  # fmt: skip
ADMINISTRATORS = frozenset({"sys_admin", "sec_admin", "audit_admin", "net_admin"})
PROVINCE_ADMIN = "province_admin"
ROLES = BUSINESS_ROLES | ADMINISTRATORS | {PROVINCE_ADMIN}
"""Handbook security.md, 2."""

FACTOR_ROLES = ADMINISTRATORS | {PROVINCE_ADMIN, "seal_keeper"}
"""Who may do nothing without a second factor. Source: GB/T 22239 (handbook security.md, 4)."""

Number = Literal["id_card", "phone"]
Purpose = Literal["identity_check", "contact", "correction"]
PURPOSES: tuple[Purpose, ...] = ("identity_check", "contact", "correction")
"""What a masked value may be shown in full for."""


class AccountState(StrEnum):
    """Where an account stands: made and without a role, in use, or its person gone."""

    WAITING = "waiting"
    ACTIVE = "active"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account as administrators see it; the personal numbers are masked.

    Attributes
    ----------
    known : bool
        Whether the person's ID card number is on file, so that a second account is recognised.
    factor : bool
        Whether an authenticator is set up.
    """

    id: AccountId
    login: str
    display_name: str
    roles: frozenset[str]
    state: str
    created_at: datetime
    known: bool = False
    id_card: str = ""
    phone: str = ""
    locked_until: datetime | None = None
    last_sign_in_at: datetime | None = None
    password_changed_at: datetime | None = None
    valid_until: datetime | None = None
    factor: bool = False


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What the system administrator says of a new account; roles are another's to give."""

    login: str
    display_name: str
    id_card: str = ""
    phone: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """That somebody gave somebody a role, and who took it away."""

    role: str
    granted_by: str
    granted_at: datetime
    removed_by: str | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a sign-in comes from.

    Attributes
    ----------
    address : str
        Network address; empty for commands.
    device : str
        What the client calls itself.
    """

    address: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom a credential stands for.

    Attributes
    ----------
    session : str
        Id of the sign-in it comes from.
    county : Tenant or None
        As it was read with the credential; None where the credential is not ours.
    """

    tenant: TenantId
    principal: Principal
    session: str
    county: Tenant | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in with a step still to take."""

    tenant: TenantId
    display_name: str
    step: Step


@dataclass(frozen=True, slots=True)
class UserSession:
    """One sign-in of an account, as its person sees it."""

    id: SessionId
    client: str
    device: str
    factors: str
    signed_in_at: datetime
    last_used_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An authenticator to set up: the secret as text and as an address for its camera."""

    secret: str
    uri: str


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
class AccountWaiting(DomainError):
    """The account was made and nobody has given it a role."""

    code: ClassVar[str] = "identity.waiting"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class AccountDormant(DomainError):
    """Nobody has used the account for long; the system administrator opens it again."""

    code: ClassVar[str] = "identity.dormant"
    status: ClassVar[int] = 401
    days: int


@dataclass(eq=False)
class TooManySignIns(DomainError):
    """Too many failures from one network address."""

    code: ClassVar[str] = "identity.too_many_sign_ins"
    status: ClassVar[int] = 429
    retry_after: int


@dataclass(eq=False)
class SecondFactorRequired(DomainError):
    """The password is right; a code of the authenticator is wanted beside it."""

    code: ClassVar[str] = "identity.second_factor_required"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class SecondFactorFailed(DomainError):
    """The code is wrong, too old, or was used before."""

    code: ClassVar[str] = "identity.second_factor_failed"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class EnrolmentDue(DomainError):
    """An authenticator must be set up, in the portal, before tokens are handed out."""

    code: ClassVar[str] = "identity.unfinished.enrol"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class PasswordDue(DomainError):
    """The password must be changed, in the portal, before tokens are handed out."""

    code: ClassVar[str] = "identity.unfinished.password"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class FactorObligatory(DomainError):
    """The account's roles do not allow it to go without a second factor."""

    code: ClassVar[str] = "identity.factor_obligatory"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class NotEnrolled(DomainError):
    """No authenticator is set up, or none is being set up."""

    code: ClassVar[str] = "identity.not_enrolled"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class AlreadyEnrolled(DomainError):
    """An authenticator is set up already."""

    code: ClassVar[str] = "identity.already_enrolled"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class WrongPassword(DomainError):
    """The present password, asked for before it is changed, is wrong."""

    code: ClassVar[str] = "identity.wrong_password"


@dataclass(eq=False)
class SignsInElsewhere(DomainError):
    """The account has its password and second factor at the province's sign-in, not here."""

    code: ClassVar[str] = "identity.elsewhere"
    status: ClassVar[int] = 409


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
class SelfGrant(DomainError):
    """Nobody changes rights, state or factor of an account of their own."""

    code: ClassVar[str] = "identity.self_grant"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class OwnProposal(DomainError):
    """Whoever made the account does not give it its roles."""

    code: ClassVar[str] = "identity.own_proposal"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class PersonUnknown(DomainError):
    """An administrator's role needs the person's ID card number, or another account of theirs would go unseen."""

    code: ClassVar[str] = "identity.person_unknown"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class RoleElsewhere(DomainError):
    """The role belongs to the province's own office, or to the counties."""

    code: ClassVar[str] = "identity.role_elsewhere"
    role: str


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
    result: ClassVar[str] = "refused"
    reason: str


@dataclass(frozen=True, slots=True)
class SignedOut(Event):
    """A session or token was given back."""

    action: ClassVar[str] = "identity:account:signed_out"


@dataclass(frozen=True, slots=True)
class SignInContinued(Event):
    """A password was right; further steps are asked for."""

    action: ClassVar[str] = "identity:account:sign_in_continued"
    step: str


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """An account was put to use, or its person left."""

    action: ClassVar[str] = "identity:account:state_changed"
    state: str


@dataclass(frozen=True, slots=True)
class Unlocked(Event):
    """The system administrator opened a locked or dormant account."""

    action: ClassVar[str] = "identity:account:unlocked"


@dataclass(frozen=True, slots=True)
class PersonRecorded(Event):
    """The numbers by which a person is known were put on file."""

    action: ClassVar[str] = "identity:account:person_recorded"


@dataclass(frozen=True, slots=True)
class ValueRevealed(Event):
    """A masked number was shown in full."""

    action: ClassVar[str] = "identity:account:revealed"
    field: str
    purpose: str


@dataclass(frozen=True, slots=True)
class PasswordChanged(Event):
    """A person chose a new password."""

    action: ClassVar[str] = "identity:account:password_changed"


@dataclass(frozen=True, slots=True)
class PasswordReset(Event):
    """The system administrator handed out a temporary password."""

    action: ClassVar[str] = "identity:account:password_reset"


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """A session and its tokens were ended before their time."""

    action: ClassVar[str] = "identity:account:session_ended"
    session: str


@dataclass(frozen=True, slots=True)
class GrantGiven(Event):
    """An account was given a role."""

    action: ClassVar[str] = "identity:grant:given"
    role: str


@dataclass(frozen=True, slots=True)
class GrantRemoved(Event):
    """A role was taken from an account."""

    action: ClassVar[str] = "identity:grant:removed"
    role: str


@dataclass(frozen=True, slots=True)
class FactorEnrolled(Event):
    """An authenticator was set up."""

    action: ClassVar[str] = "identity:factor:enrolled"


@dataclass(frozen=True, slots=True)
class FactorRemoved(Event):
    """An authenticator was given up, or taken away because it was lost."""

    action: ClassVar[str] = "identity:factor:removed"


@dataclass(frozen=True, slots=True)
class RecoveryUsed(Event):
    """A recovery code took the place of the authenticator."""

    action: ClassVar[str] = "identity:factor:recovery_used"
    left: int


@dataclass(frozen=True, slots=True)
class RecoveryRenewed(Event):
    """New recovery codes took the place of all former ones."""

    action: ClassVar[str] = "identity:factor:recovery_renewed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in on its way to the province's realm and back; the browser keeps it, sealed.

    Attributes
    ----------
    verifier : str
        Of the code challenge (RFC 7636).
    strong : bool
        A second factor was asked for.
    """

    tenant: TenantId
    state: str
    nonce: str
    verifier: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser brings back from the realm (RFC 6749, 4.1.2; RFC 9207)."""

    state: str
    issuer: str
    code: str
    error: str


@dataclass(eq=False)
class ProviderDown(DomainError):
    """The province's realm does not answer; nobody can newly sign in."""

    code: ClassVar[str] = "identity.provider_down"
    status: ClassVar[int] = 503
    retry_after: int = 15


@dataclass(eq=False)
class SignInStale(DomainError):
    """What came back fits no sign-in begun here, or was used before; it is begun again."""

    code: ClassVar[str] = "identity.stale"
    status: ClassVar[int] = 400


@dataclass(eq=False)
class FactorMissing(DomainError):
    """The roles call for a second factor, and the realm was told of none."""

    code: ClassVar[str] = "identity.factor_missing"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class NotMember(DomainError):
    """The realm knows the user, but not as a member of this county's organization."""

    code: ClassVar[str] = "identity.not_member"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class OrganizationMissing(DomainError):
    """The realm has no open organization for this county, so nobody is a member of it."""

    code: ClassVar[str] = "identity.organization_missing"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class NoRole(DomainError):
    """A member whom the realm gives no role of ours."""

    code: ClassVar[str] = "identity.no_role"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class TokenRefused(DomainError):
    """A logout token that is not the realm's, not for us, too old, or was used before."""

    code: ClassVar[str] = "identity.token_refused"
    status: ClassVar[int] = 400


@dataclass(eq=False)
class OrganizationTaken(DomainError):
    """The realm holds an organization of this name that is not this tenant's."""

    code: ClassVar[str] = "identity.organization_taken"
    status: ClassVar[int] = 409
    tenant: str
