"""What is asked of another county, and what it answers."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, NewType

from app.kernel.errors import DomainError
from app.kernel.events import Event
from tenants.scope import TenantId
from tenants.terms import AgreementId

LookupId = NewType("LookupId", uuid.UUID)
Side = Literal["asked", "answered"]


class Outcome(StrEnum):
    """What became of a lookup; ``asked`` while no answer has come."""

    ASKED = "asked"
    HELD = "held"
    SEVERAL = "several"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Question:
    """Who is looked for, where and why.

    Attributes
    ----------
    holder : str
        The county that is asked.
    spouse : str
        A second name that must stand on the same record.
    birth_year : int or None
        A record older than the person is not theirs.
    ticket : str
        The request or case it is asked for.
    """

    holder: str
    name: str
    kind: str
    purpose: str
    ticket: str
    spouse: str = ""
    birth_year: int | None = None
    year_from: int | None = None
    year_to: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the holder tells.

    Attributes
    ----------
    records : tuple of mapping
        At most twenty records, each with the fields the agreement names; none of either where nothing is held.
    """

    outcome: Outcome
    records: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A lookup as one of the two counties keeps it.

    Attributes
    ----------
    asked_by : str
        Principal of the county that asked.
    subject : str
        The name looked for; empty in the holder's copy, which does not have it.
    """

    id: LookupId
    side: Side
    agreement_id: AgreementId
    agreement_version: int
    counterpart: TenantId
    asked_by: str
    asked_at: datetime
    kind: str
    purpose: str
    ticket: str
    year_from: int | None
    year_to: int | None
    subject: str
    outcome: Outcome
    records: tuple[Mapping[str, object], ...]


@dataclass(eq=False)
class HolderClosed(DomainError):
    """The county that is asked is not open now."""

    code: ClassVar[str] = "lookup.holder_closed"
    status: ClassVar[int] = 409
    holder: str


@dataclass(eq=False)
class DayIsFull(DomainError):
    """The agreement's lookups of the day are used up."""

    code: ClassVar[str] = "lookup.day_is_full"
    status: ClassVar[int] = 429
    daily: int


@dataclass(frozen=True, slots=True)
class PersonAsked(Event):
    """A person was looked for in another county.

    Attributes
    ----------
    person : str
        Keyed digest of the name, equal in all counties of the province.
    """

    action: ClassVar[str] = "lookup:person:asked"
    person: str
    counterpart: str
    agreement: str
    version: int
    kind: str


@dataclass(frozen=True, slots=True)
class PersonAnswered(Event):
    """Another county was told whether a person's record is held here."""

    action: ClassVar[str] = "lookup:person:answered"
    person: str
    counterpart: str
    agreement: str
    version: int
    kind: str
    outcome: str
    records: int


@dataclass(frozen=True, slots=True)
class PersonReceived(Event):
    """The answer of another county came, or its refusal."""

    action: ClassVar[str] = "lookup:person:received"
    outcome: str
    records: int
