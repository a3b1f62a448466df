"""Records as other rooms and the doors know them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NewType, Protocol

from app.kernel.errors import DomainError
from app.kernel.events import Event

FondsId = NewType("FondsId", uuid.UUID)
FileUnitId = NewType("FileUnitId", uuid.UUID)
ItemId = NewType("ItemId", uuid.UUID)


class ItemState(StrEnum):
    """Where an item stands (handbook lifecycle.md, 1; the states up to cataloguing)."""

    CAPTURED = "captured"
    RETURNED = "returned"
    CHECKED = "checked"
    CATALOGUED = "catalogued"


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of an item, under the element names of DA/T 46 (handbook description.md, 2).

    Attributes
    ----------
    date : str
        DATE18: ``YYYYMMDD`` or ``YYYYMMDD-YYYYMMDD``, unknown parts ``00``.
    secrecy : str
        公开 or 内部; anything above is refused at every entrance.
    """

    fonds_code: str = ""
    category_code: str = ""
    catalogue_no: str = ""
    year: int | None = None
    org_or_question: str = ""
    archive_file_no: str = ""
    archive_item_no: int | None = None
    ref_code: str = ""
    title: str = ""
    creator: str = ""
    doc_no: str = ""
    date: str = ""
    retention: str = ""
    secrecy: str = "内部"
    persons: str = ""
    keywords: str = ""
    abstract: str = ""
    doc_type: str = ""
    language: str = "汉语"
    page_count: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One record.

    Attributes
    ----------
    version : int
        Rises with every change; a change names the version it was made from.
    """

    id: ItemId
    fonds_id: FondsId
    file_unit_id: FileUnitId | None
    ref_code: str | None
    described: Description
    open_status: str
    state: ItemState
    version: int
    created_at: datetime
    changed_at: datetime
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fonds:
    """All records of one unit."""

    id: FondsId
    fonds_code: str
    fonds_name: str


@dataclass(frozen=True, slots=True)
class FileUnit:
    """A bound folder of items."""

    id: FileUnitId
    ref_code: str
    archive_file_no: str
    title: str


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items are wanted; empty fields ask nothing.

    Attributes
    ----------
    prefix : str
        Beginning of the reference code.
    """

    fonds_code: str = ""
    file_unit_id: FileUnitId | None = None
    state: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    code : str
        Key in the message catalogue under ``check``.
    severity : str
        ``E`` blocks acceptance, ``W`` leaves it to a person.
    """

    code: str
    severity: str
    field: str
    value: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings on one item; passed when none blocks."""

    item_id: ItemId
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing blocks acceptance."""
        return all(finding.severity != "E" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Revision:
    """A former description, and why it was replaced."""

    version: int
    described: Description
    replaced_at: datetime
    replaced_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import changed."""

    created: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class PageSummary:
    """How an item's pages stand.

    Attributes
    ----------
    faulty : int
        Pages with a finding of severity E.
    numbers : sequence of int
        Page numbers held, ascending.
    """

    ready: int
    waiting: int
    failed: int
    faulty: int
    numbers: Sequence[int]

    @property
    def total(self) -> int:
        """All pages of the item."""
        return self.ready + self.waiting + self.failed


class Pages(Protocol):
    """What records asks of the room that holds page images; filled by bootstrap."""

    def summary(self, item_id: ItemId) -> PageSummary:
        """Return how the pages of an item stand."""
        ...


@dataclass(eq=False)
class CheckFailed(DomainError):
    """The item cannot be accepted as it is."""

    code: ClassVar[str] = "records.check_failed"
    status: ClassVar[int] = 409
    findings: tuple[Finding, ...]
    count: int


@dataclass(eq=False)
class CodeTaken(DomainError):
    """The reference code already names another record."""

    code: ClassVar[str] = "records.code_taken"
    status: ClassVar[int] = 409
    ref_code: str


@dataclass(eq=False)
class NoCodeRule(DomainError):
    """No numbering rule fits the item's fonds and category."""

    code: ClassVar[str] = "records.no_code_rule"
    status: ClassVar[int] = 409
    fonds_code: str
    category_code: str


@dataclass(eq=False)
class SequenceFull(DomainError):
    """The smallest class has no number left in the rule's width; it is never widened silently."""

    code: ClassVar[str] = "records.sequence_full"
    status: ClassVar[int] = 409
    smallest_class: str


@dataclass(frozen=True, slots=True)
class FondsCreated(Event):
    """A fonds was opened."""

    action: ClassVar[str] = "records:fonds:created"
    fonds_code: str


@dataclass(frozen=True, slots=True)
class ItemCreated(Event):
    """An item was described for the first time."""

    action: ClassVar[str] = "records:item:created"
    digest: str


@dataclass(frozen=True, slots=True)
class ItemRevised(Event):
    """An item's description was replaced."""

    action: ClassVar[str] = "records:item:revised"
    version: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RulesAdopted(Event):
    """The standards' numbering rules became the county's own."""

    action: ClassVar[str] = "records:rules:adopted"


@dataclass(frozen=True, slots=True)
class ItemViewed(Event):
    """Somebody was shown an item."""

    action: ClassVar[str] = "records:item:viewed"
    ref_code: str


@dataclass(frozen=True, slots=True)
class CodeAllocated(Event):
    """An item was given its reference code."""

    action: ClassVar[str] = "records:item:code_allocated"
    ref_code: str


@dataclass(frozen=True, slots=True)
class ComponentLinked(Event):
    """A computer file was joined to an item."""

    action: ClassVar[str] = "records:item:component_linked"
    sha256: str


@dataclass(frozen=True, slots=True)
class ItemChecked(Event):
    """An item was checked."""

    action: ClassVar[str] = "records:item:checked"
    passed: bool
    errors: int


@dataclass(frozen=True, slots=True)
class ItemAccepted(Event):
    """An item was accepted into the catalogue."""

    action: ClassVar[str] = "records:item:accepted"
    ref_code: str
    version: int
