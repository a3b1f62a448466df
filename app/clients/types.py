"""API clients, what they may be given, and how they are refused."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NewType

from app.kernel.errors import DomainError
from app.kernel.events import Event

ClientId = NewType("ClientId", uuid.UUID)

SCOPES = ("records:read", "search:search", "intake:deposit", "lookup:ask")
"""Each is a role that rooms name in their policies."""

PURPOSES = ("own_record", "benefits", "verification", "justice", "office")

OauthError = Literal["invalid_client", "invalid_scope", "invalid_request"]


@dataclass(frozen=True, slots=True)
class Told:
    """What the system administrator says of a client.

    Attributes
    ----------
    purposes : tuple of str
        What it may ask for records for; each of its tokens has one.
    agreement_id : UUID or None
        The one agreement it looks records up under; None for a client of the county itself.
    networks : tuple of str
        Address ranges (CIDR) it calls from; none means from anywhere.
    certificate : str
        SHA-256 of its TLS client certificate, in hexadecimal; empty where none is asked for.
    """

    name: str
    purposes: tuple[str, ...]
    expires_at: datetime
    agreement_id: uuid.UUID | None = None
    networks: tuple[str, ...] = ()
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """An API client as administrators see it.

    Attributes
    ----------
    scopes : tuple of str
        What the security administrator granted; none yet while it is new.
    state : str
        ``waiting`` for its grant, ``active``, ``expired`` or ``revoked``.
    secrets_end : tuple of datetime
        When each of its valid secrets ends, the newest first.
    """

    id: ClientId
    oauth_id: str
    told: Told
    scopes: tuple[str, ...]
    state: str
    created_by: str
    created_at: datetime
    secrets_end: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Calling:
    """How a request came in.

    Attributes
    ----------
    address : str
        Network address; empty where unknown.
    certificate : str
        SHA-256 of the client certificate that the proxy checked, in hexadecimal; empty without one.
    """

    address: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class ClientToken:
    """What a client gets for its secret; shown this once."""

    secret: str
    scopes: tuple[str, ...]
    purpose: str
    expires_at: datetime


@dataclass(eq=False)
class ClientRefused(DomainError):
    """Client or secret is wrong, or the client may not call now or from there; which is not said."""

    code: ClassVar[str] = "client.refused"
    status: ClassVar[int] = 401
    oauth: ClassVar[OauthError] = "invalid_client"


@dataclass(eq=False)
class ScopeNotGranted(DomainError):
    """More is asked for than was granted."""

    code: ClassVar[str] = "client.scope_not_granted"
    status: ClassVar[int] = 400
    oauth: ClassVar[OauthError] = "invalid_scope"
    granted: str


@dataclass(eq=False)
class PurposeNotAllowed(DomainError):
    """No purpose is stated, or one that is not the client's."""

    code: ClassVar[str] = "client.purpose_not_allowed"
    status: ClassVar[int] = 400
    oauth: ClassVar[OauthError] = "invalid_request"
    allowed: str


@dataclass(eq=False)
class OwnGrant(DomainError):
    """Whoever made a client may not grant it anything."""

    code: ClassVar[str] = "client.own_grant"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class ClientRevoked(DomainError):
    """The client was revoked, which is final."""

    code: ClassVar[str] = "client.revoked"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class ClientNameTaken(DomainError):
    """Another client of the county goes by this name."""

    code: ClassVar[str] = "client.name_taken"
    status: ClassVar[int] = 409
    name: str


@dataclass(frozen=True, slots=True)
class ClientCreated(Event):
    """An API client was made; it may do nothing yet."""

    action: ClassVar[str] = "client:client:created"
    purposes: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClientGranted(Event):
    """An API client was given its scopes; it had others before."""

    action: ClassVar[str] = "client:client:granted"
    former: str
    scopes: str


@dataclass(frozen=True, slots=True)
class ClientRotated(Event):
    """An API client got a new secret; the older one ends then."""

    action: ClassVar[str] = "client:client:rotated"
    older_ends_at: datetime


@dataclass(frozen=True, slots=True)
class ClientEnded(Event):
    """An API client was revoked."""

    action: ClassVar[str] = "client:client:revoked"


@dataclass(frozen=True, slots=True)
class ClientSignedIn(Event):
    """An API client was handed a token."""

    action: ClassVar[str] = "client:client:signed_in"
    scopes: str
    stated: str


@dataclass(frozen=True, slots=True)
class ClientSignedOut(Event):
    """An API client gave its token back."""

    action: ClassVar[str] = "client:client:signed_out"


@dataclass(frozen=True, slots=True)
class ClientSignInRefused(Event):
    """An API client was not handed a token; the client is not told which reason it was."""

    action: ClassVar[str] = "client:client:sign_in_refused"
    result: ClassVar[str] = "refused"
    reason: str
