"""What two counties may agree on, and how an agreement comes, changes and ends. Pure values and functions."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal, NewType
from zoneinfo import ZoneInfo

from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid
from app.kernel.events import Event
from app.kernel.hashes import Digest, canonical, sha256
from tenants.scope import TenantId

AgreementId = NewType("AgreementId", uuid.UUID)

KINDS = (
    "marriage", "one_child", "youth", "labour", "veterans", "school", "injury", "land", "housing", "household",
    "notary", "downsized", "relief", "titles",
)  # fmt: skip
"""Kinds of livelihood records (handbook use.md, 4)."""

PURPOSES = ("own_record", "benefits", "verification", "justice")
FIELDS = ("archive", "kind", "year", "ref_code", "title")
"""What an answer may tell of a record besides that it is there."""

MOST_BEGINNINGS = 20
MOST_A_DAY = 1000
LONGEST = timedelta(days=5 * 366)
LONGEST_REASON = 200

_BEGINNING = re.compile(r"[A-Z]\d{3,4}[^\s%]{0,60}")
_CHINA = ZoneInfo("Asia/Shanghai")


class State(StrEnum):
    """Where a version of an agreement stands."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    AMENDED = "amended"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"


Act = Literal["propose", "sign", "conclude", "replace", "withdraw", "revoke", "lapse"]

MOVES: Mapping[tuple[State, Act], State] = {
    (State.DRAFT, "propose"): State.PROPOSED,
    (State.PROPOSED, "sign"): State.PROPOSED,
    (State.PROPOSED, "conclude"): State.IN_FORCE,
    (State.PROPOSED, "replace"): State.AMENDED,
    (State.PROPOSED, "withdraw"): State.WITHDRAWN,
    (State.PROPOSED, "lapse"): State.EXPIRED,
    (State.IN_FORCE, "replace"): State.AMENDED,
    (State.IN_FORCE, "revoke"): State.REVOKED,
    (State.IN_FORCE, "lapse"): State.EXPIRED,
}
"""``sign`` is the first signature and ``conclude`` the second; ``replace`` is what a later version does."""


@dataclass(eq=False)
class WrongState(DomainError):
    """The act does not fit where the agreement stands."""

    code: ClassVar[str] = "agreement.wrong_state"
    status: ClassVar[int] = 409
    state: str
    act: str


@dataclass(eq=False)
class NoAgreement(DomainError):
    """No agreement with this county is in force."""

    code: ClassVar[str] = "agreement.none"
    status: ClassVar[int] = 403
    holder: str


@dataclass(eq=False)
class NotCovered(DomainError):
    """The agreement in force does not allow this kind for this purpose."""

    code: ClassVar[str] = "agreement.not_covered"
    status: ClassVar[int] = 403
    holder: str


@dataclass(eq=False)
class SameSigner(DomainError):
    """One person may not sign for both counties."""

    code: ClassVar[str] = "agreement.same_signer"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Terms:
    """What the holder opens to the requester.

    Attributes
    ----------
    holdings : mapping of kind to tuple of str
        Where records of the kind lie in the holder's catalogue: beginnings of reference codes, which name
        fonds, category and series.
    fields : tuple of str
        Of `FIELDS`: what an answer tells of each record; none means only whether there is one.
    daily : int
        Lookups a day.
    until : date
        The last day.
    """

    holdings: Mapping[str, tuple[str, ...]]
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    daily: int
    until: date

    def told(self) -> dict[str, object]:
        """Return the terms as JSON types, in one order."""
        return {
            "holdings": {kind: sorted(self.holdings[kind]) for kind in KINDS if kind in self.holdings},
            "purposes": [each for each in PURPOSES if each in self.purposes],
            "fields": [each for each in FIELDS if each in self.fields],
            "daily": self.daily,
            "until": self.until.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Signature:
    """A director's consent to one version.

    Attributes
    ----------
    signer : str
        Who, as an id; the same person has the same one in both counties.
    """

    tenant: TenantId
    signer: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of an agreement, as a county holds it.

    Attributes
    ----------
    version : int
        0 while it is a county's own draft.
    by : TenantId
        Who proposed this version.
    reason : str
        Why it was withdrawn or revoked.
    """

    id: AgreementId
    version: int
    requester: TenantId
    holder: TenantId
    by: TenantId
    terms: Terms
    state: State
    signatures: tuple[Signature, ...]
    reason: str
    created_at: datetime
    changed_at: datetime

    @property
    def parties(self) -> tuple[TenantId, TenantId]:
        """Requester and holder."""
        return self.requester, self.holder

    @property
    def unsigned(self) -> tuple[TenantId, ...]:
        """The parties that have not signed."""
        signed = {signature.tenant for signature in self.signatures}
        return tuple(party for party in self.parties if party not in signed)

    @property
    def digest(self) -> Digest:
        """What is signed: parties, version and terms, as SHA-256 of their canonical form."""
        told = {"id": str(self.id), "version": self.version, "requester": self.requester, "holder": self.holder}
        return sha256(canonical(told | {"terms": self.terms.told()}))

    def counterpart(self, tenant: TenantId) -> TenantId:
        """Return the other party."""
        return self.holder if tenant == self.requester else self.requester

    def covers(self, kind: str, purpose: str) -> bool:
        """Say whether a kind may be asked for to this purpose."""
        return kind in self.terms.holdings and purpose in self.terms.purposes


def moved(state: State, act: Act) -> State:
    """Return where an act leads; raises `WrongState`."""
    try:
        return MOVES[state, act]
    except KeyError:
        raise WrongState(state, act) from None


def acted(agreement: Agreement, act: Act, *, reason: str = "") -> Agreement:
    """Return the agreement after an act that no signature goes with; raises `WrongState`."""
    return replace(agreement, state=moved(agreement.state, act), reason=reason, changed_at=clock.now())


def signed(agreement: Agreement, signature: Signature) -> Agreement:
    """Return the agreement with a signature, in force once both counties have signed.

    Raises `WrongState` unless it is proposed, and `SameSigner` where one person signs for both. A county's
    second signature changes nothing.
    """
    state = moved(agreement.state, "conclude" if agreement.unsigned == (signature.tenant,) else "sign")
    if signature.tenant not in agreement.unsigned:
        return agreement
    if any(earlier.signer == signature.signer for earlier in agreement.signatures):
        raise SameSigner
    return replace(agreement, state=state, signatures=(*agreement.signatures, signature), changed_at=signature.at)


def standing(agreement: Agreement) -> Agreement:
    """Return the agreement as it stands today: after its last day it has expired."""
    if agreement.terms.until < today() and (agreement.state, "lapse") in MOVES:
        return replace(agreement, state=moved(agreement.state, "lapse"))
    return agreement


def today() -> date:
    """Return the day it is in China."""
    return clock.now().astimezone(_CHINA).date()


def check(requester: TenantId, holder: TenantId, terms: Terms) -> None:
    """Raise `Invalid` with everything that is wrong with terms."""
    faults = (*_parties(requester, holder), *_holdings(terms), *_choices(terms), *_bounds(terms))
    if faults:
        raise Invalid(faults)


def _parties(requester: TenantId, holder: TenantId) -> Iterator[Fault]:
    if requester == holder:
        yield Fault("same_county", "counterpart", holder)


def _holdings(terms: Terms) -> Iterator[Fault]:
    if not terms.holdings:
        yield Fault("required", "kinds")
    for kind, beginnings in terms.holdings.items():
        if kind not in KINDS:
            yield Fault("choice", "kinds", kind[:40], allowed=", ".join(KINDS))
        if not 1 <= len(beginnings) <= MOST_BEGINNINGS:
            yield Fault("number", "holdings", str(len(beginnings)), allowed=f"1–{MOST_BEGINNINGS}")
        for beginning in beginnings:
            if not _BEGINNING.fullmatch(beginning) or not beginning.isprintable():
                yield Fault("pattern", "holdings", ascii(beginning[:40]), allowed="M021-ZY·HY")


def _choices(terms: Terms) -> Iterator[Fault]:
    if not terms.purposes:
        yield Fault("required", "purposes")
    for name, chosen, allowed in (("purposes", terms.purposes, PURPOSES), ("fields", terms.fields, FIELDS)):
        for each in chosen:
            if each not in allowed:
                yield Fault("choice", name, each[:40], allowed=", ".join(allowed))


def _bounds(terms: Terms) -> Iterator[Fault]:
    if not 1 <= terms.daily <= MOST_A_DAY:
        yield Fault("number", "daily", str(terms.daily), allowed=f"1–{MOST_A_DAY}")
    first, last = today(), today() + LONGEST
    if not first <= terms.until <= last:
        yield Fault("number", "until", terms.until.isoformat(), allowed=f"{first}–{last}")


def check_reason(reason: str) -> str:
    """Return a reason without space around it; raises `Invalid` where there is none or too much."""
    stripped = reason.strip()
    if not stripped:
        raise Invalid((Fault("required", "reason"),))
    if len(stripped) > LONGEST_REASON or not stripped.isprintable():
        raise Invalid((Fault("too_long", "reason", allowed=str(LONGEST_REASON)),))
    return stripped


@dataclass(frozen=True, slots=True)
class AgreementDrafted(Event):
    """A county wrote down what it would agree to."""

    action: ClassVar[str] = "agreement:version:drafted"
    counterpart: str


@dataclass(frozen=True, slots=True)
class AgreementProposed(Event):
    """A county sent a version to the other one."""

    action: ClassVar[str] = "agreement:version:proposed"
    by: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class AgreementSigned(Event):
    """A county's director signed a version; ``state`` says whether it is in force now."""

    action: ClassVar[str] = "agreement:version:signed"
    by: str
    version: int
    digest: str
    state: str


@dataclass(frozen=True, slots=True)
class AgreementWithdrawn(Event):
    """A version that was proposed will not be signed."""

    action: ClassVar[str] = "agreement:version:withdrawn"
    by: str
    version: int


@dataclass(frozen=True, slots=True)
class AgreementRevoked(Event):
    """An agreement ended at once; ``by`` is a party or the province."""

    action: ClassVar[str] = "agreement:version:revoked"
    by: str
    version: int
