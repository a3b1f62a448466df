"""Citizens as values, the port through which they prove who they are, events and refusals."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NewType, Protocol

from app.kernel.errors import DomainError
from app.kernel.events import Event

CitizenId = NewType("CitizenId", uuid.UUID)
CitizenSessionId = NewType("CitizenSessionId", uuid.UUID)

ROLE = "citizen"
"""The one role of a citizen; no policy of the staff's rooms names it."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who a citizen was proven to be.

    Attributes
    ----------
    issuer, subject : str
        Who says so, and the citizen's name there; together they are the account's key.
    phone, name, id_card : str
        Empty where the issuer does not tell.
    """

    issuer: str
    subject: str
    phone: str = ""
    name: str = ""
    id_card: str = ""


class CitizenSignIn(Protocol):
    """Proves who a citizen is, in two steps: codes to phones, or the province's real-name sign-in (一网通办)."""

    def begin(self, claimed: str) -> uuid.UUID:
        """Begin for the phone number claimed, and return the challenge's id, which the browser keeps.

        The answer is the same whether the citizen has an account or not.
        """
        ...

    def finish(self, challenge: uuid.UUID, answer: str) -> Proven:
        """Return who answered; raises `CodeWrong` for a wrong, late or repeated answer."""
        ...


class CodeSender(Protocol):
    """Brings a code to a phone."""

    def send(self, phone: str, code: str) -> None:
        """Send, or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What is held about a citizen, masked.

    Attributes
    ----------
    name, id_card : str
        As the citizen stated them, unchecked; empty where nothing was stated.
    """

    id: CitizenId
    phone: str
    name: str
    id_card: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CitizenSession:
    """A session in the list of one's own."""

    id: CitizenSessionId
    created_at: datetime
    ends_at: datetime
    current: bool


@dataclass(eq=False)
class CitizenSignInClosed(DomainError):
    """No way to prove who a citizen is has been set up here."""

    code: ClassVar[str] = "citizen.closed"
    status: ClassVar[int] = 503


@dataclass(eq=False)
class CodeTooSoon(DomainError):
    """A code was sent to this phone a moment ago."""

    code: ClassVar[str] = "citizen.too_soon"
    status: ClassVar[int] = 429
    seconds: int


@dataclass(eq=False)
class TooManyCodes(DomainError):
    """As many codes as are sent in an hour to one phone, or at the wish of one address."""

    code: ClassVar[str] = "citizen.too_many"
    status: ClassVar[int] = 429


@dataclass(eq=False)
class CodeWrong(DomainError):
    """The code is wrong, too old, used, or was tried too often; which of them is not said."""

    code: ClassVar[str] = "citizen.code_wrong"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class NotACitizen(DomainError):
    """No valid session of a citizen came with the request."""

    code: ClassVar[str] = "citizen.not_signed_in"
    status: ClassVar[int] = 401


@dataclass(frozen=True, slots=True)
class CodeSent(Event):
    """A code was sent; the object is the code's id."""

    action: ClassVar[str] = "citizens:code:sent"


@dataclass(frozen=True, slots=True)
class CodeRefused(Event):
    """An answer to a code was refused."""

    action: ClassVar[str] = "citizens:code:refused"


@dataclass(frozen=True, slots=True)
class CitizenSignedIn(Event):
    """A citizen signed in."""

    action: ClassVar[str] = "citizens:citizen:signed_in"
    first: bool


@dataclass(frozen=True, slots=True)
class CitizenSignedOut(Event):
    """A session of a citizen's was ended."""

    action: ClassVar[str] = "citizens:citizen:signed_out"


@dataclass(frozen=True, slots=True)
class CitizenNamed(Event):
    """A citizen stated a name and an ID card number, or took them back."""

    action: ClassVar[str] = "citizens:citizen:named"
    stated: bool


@dataclass(frozen=True, slots=True)
class CitizenErased(Event):
    """A citizen erased the account; what was held is gone."""

    action: ClassVar[str] = "citizens:citizen:erased"
