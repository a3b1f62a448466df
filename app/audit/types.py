"""Refusals, readings of the log and alerts, as doors and other rooms know them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, NewType

from app.kernel.errors import DomainError, NotFound
from app.kernel.events import Event
from app.kernel.ids import derived_id

AlertId = NewType("AlertId", uuid.UUID)
AUDITED = frozenset({403, 404, 423})
"""What the doors note of refusals: what is not permitted, what is not there for whoever asks, what is locked."""


class Severity(StrEnum):
    """How soon somebody should look."""

    HINT = "hint"
    WARNING = "warning"
    GRAVE = "grave"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a detector found, and who took note of it.

    Attributes
    ----------
    detector : str
        Key in the message catalogue under ``detector``.
    subject : str
        Whom it is about: a principal, an account, an address, or the digest of a person who was looked up.
    since, until : datetime
        Of the acts it stands on.
    evidence : tuple of int
        Numbers of entries in the audit log, the newest where there are more than 200.
    """

    id: AlertId
    detector: str
    severity: Severity
    subject: str
    since: datetime
    until: datetime
    evidence: tuple[int, ...]
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many it takes until a detector raises an alert.

    Attributes
    ----------
    usual : int
        Where the county has set nothing else.
    """

    detector: str
    severity: Severity
    minutes: int
    threshold: int
    usual: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the log in numbers."""

    day: date
    acts: int
    refusals: int
    sign_in_failures: int


@dataclass(frozen=True, slots=True)
class Trends:
    """The last days of the log, the oldest first; and how often each action came, the most frequent first."""

    days: tuple[Day, ...]
    actions: Mapping[str, int]


@dataclass(eq=False)
class AlreadyAcknowledged(DomainError):
    """Somebody has taken note of the alert before; what he wrote stays."""

    code: ClassVar[str] = "alert.acknowledged"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class OwnAlert(DomainError):
    """Whoever an alert is about may not take note of it for others."""

    code: ClassVar[str] = "alert.own"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class AccessRefused(Event):
    """A door turned somebody away.

    Attributes
    ----------
    door : str
        ``api``, ``portal`` or ``cli``.
    act : str
        What was asked for: the pattern of an address, or a command.
    status : int
        As HTTP has it.
    """

    action: ClassVar[str] = "access:door:refused"
    result: ClassVar[str] = "refused"
    reason: str
    door: str
    act: str
    status: int


@dataclass(frozen=True, slots=True)
class LogRead(Event):
    """Somebody read the audit log; the digest is of what was filtered by."""

    action: ClassVar[str] = "audit:log:read"
    digest: str


@dataclass(frozen=True, slots=True)
class LogCounted(Event):
    """Somebody looked at the audit log in numbers."""

    action: ClassVar[str] = "audit:log:counted"
    days: int


@dataclass(frozen=True, slots=True)
class LogVerified(Event):
    """Somebody verified the audit log; what was the matter with it, or nothing."""

    action: ClassVar[str] = "audit:log:verified"
    entries: int
    found: str


@dataclass(frozen=True, slots=True)
class SelectionExported(Event):
    """Somebody took entries of the audit log away; the digest is of what was filtered by."""

    action: ClassVar[str] = "audit:log:selection_exported"
    digest: str
    format: str
    entries: int


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """A detector found something."""

    action: ClassVar[str] = "audit:alert:raised"
    detector: str
    entries: int


@dataclass(frozen=True, slots=True)
class AlertRead(Event):
    """Somebody read an alert with the entries it stands on."""

    action: ClassVar[str] = "audit:alert:read"


@dataclass(frozen=True, slots=True)
class AlertAcknowledged(Event):
    """Somebody took note of an alert."""

    action: ClassVar[str] = "audit:alert:acknowledged"
    detector: str


@dataclass(frozen=True, slots=True)
class DetectorTuned(Event):
    """A detector was given another threshold."""

    action: ClassVar[str] = "audit:detector:tuned"
    detector: str
    former: int
    threshold: int


def refusal(error: DomainError, tenant: str, *, door: str, act: str, asked: str) -> AccessRefused:
    """Return what is noted of a refusal.

    Parameters
    ----------
    error : DomainError
    tenant : str
    door, act : str
        As in `AccessRefused`.
    asked : str
        The address or command with its values; of it only a digest is kept, so that the log names nothing
        that may be another county's.
    """
    reason = error.code if not isinstance(error, NotFound) else f"{error.code}.{error.what}"
    return AccessRefused(derived_id(tenant, "asked", asked), reason=reason, door=door, act=act, status=error.status)
