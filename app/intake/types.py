"""Imports as other rooms and the doors know them."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NewType

from app.kernel.errors import DomainError, Fault
from app.kernel.events import Event
from app.kernel.hashes import Digest
from app.storage.types import ObjectId

ImportId = NewType("ImportId", uuid.UUID)

Progress = Callable[[int, int], None]
"""Told rows done and rows expected (0 where unknown), often enough to keep a job's lease alive."""


class ImportState(StrEnum):
    """Where an import stands."""

    READING = "reading"
    PREVIEWED = "previewed"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Note:
    """Something an import changes or supplies, told before it is confirmed.

    Attributes
    ----------
    code : str
        Key in the message catalogue under ``intake.note``.
    field : str
        Column heading as in the file.
    count : int
        Rows it happens in.
    row : int
        The first of them.
    before, after : str
        The cell of that row, and what is made of it.
    """

    code: str
    field: str
    count: int
    row: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row as it stands in the file, under the file's columns."""

    row: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueImport:
    """One import.

    Attributes
    ----------
    columns : tuple of str
        Headings as in the file; a column without one is named ``[C]`` by its letter.
    mapping : mapping of str to str
        Element of each column; empty for a column that is not taken.
    total, valid : int
        Rows in the file, and rows without a fault.
    created, unchanged : int
        Rows to create and rows already there; once done, what was created and left.
    faults : tuple of Fault
        The first thousand of ``fault_count``; `IntakeService.faults` gives all.
    error : mapping or None
        ``code`` and facts of the refusal of the whole file.
    """

    id: ImportId
    object_id: ObjectId
    sha256: Digest
    file_name: str
    state: ImportState
    columns: tuple[str, ...]
    mapping: Mapping[str, str]
    total: int
    valid: int
    created: int
    unchanged: int
    faults: tuple[Fault, ...]
    fault_count: int
    faults_object_id: ObjectId | None
    notes: tuple[Note, ...]
    sample: tuple[SampleRow, ...]
    skip_faulty: bool
    error: Mapping[str, object] | None
    created_at: datetime
    finished_at: datetime | None
    version: int


class CatalogueRefused(DomainError):
    """A file that cannot be read as a catalogue; subclasses say why."""


@dataclass(eq=False)
class NotACatalogue(CatalogueRefused):
    """Neither CSV nor an Excel workbook, by name or by content."""

    code: ClassVar[str] = "intake.not_a_catalogue"
    status: ClassVar[int] = 415
    file_name: str


@dataclass(eq=False)
class OldExcel(CatalogueRefused):
    """An .xls file of Excel 97–2003."""

    code: ClassVar[str] = "intake.old_excel"
    status: ClassVar[int] = 415
    file_name: str


@dataclass(eq=False)
class Encrypted(CatalogueRefused):
    """A workbook under a password."""

    code: ClassVar[str] = "intake.encrypted"
    file_name: str


@dataclass(eq=False)
class Empty(CatalogueRefused):
    """No bytes, or no rows under the headings."""

    code: ClassVar[str] = "intake.empty"
    file_name: str


@dataclass(eq=False)
class FileTooLarge(CatalogueRefused):
    """More bytes than one import takes."""

    code: ClassVar[str] = "intake.file_too_large"
    status: ClassVar[int] = 413
    limit_mb: int


@dataclass(eq=False)
class TooManyRows(CatalogueRefused):
    """More rows than one import takes."""

    code: ClassVar[str] = "intake.too_many_rows"
    status: ClassVar[int] = 413
    limit: int


@dataclass(eq=False)
class TooManyColumns(CatalogueRefused):
    """More columns than a catalogue has."""

    code: ClassVar[str] = "intake.too_many_columns"
    status: ClassVar[int] = 413
    limit: int


@dataclass(eq=False)
class TooManyMerged(CatalogueRefused):
    """A sheet that is laid out as a form, not as a table."""

    code: ClassVar[str] = "intake.too_many_merged"
    limit: int


@dataclass(eq=False)
class Bomb(CatalogueRefused):
    """A workbook that would unpack to more than memory and time allow."""

    code: ClassVar[str] = "intake.bomb"
    status: ClassVar[int] = 413
    limit_mb: int


@dataclass(eq=False)
class UnknownEncoding(CatalogueRefused):
    """Text in none of the encodings that are read."""

    code: ClassVar[str] = "intake.encoding"
    row: int


@dataclass(eq=False)
class BrokenQuotes(CatalogueRefused):
    """A CSV row whose quotation marks do not pair."""

    code: ClassVar[str] = "intake.quotes"
    row: int


@dataclass(eq=False)
class Damaged(CatalogueRefused):
    """A workbook that cannot be opened."""

    code: ClassVar[str] = "intake.damaged"
    file_name: str


@dataclass(eq=False)
class MergedHeadings(CatalogueRefused):
    """Cells merged over or in the row of headings."""

    code: ClassVar[str] = "intake.merged_headings"
    range: str


@dataclass(eq=False)
class RepeatedHeading(CatalogueRefused):
    """Two columns under one heading."""

    code: ClassVar[str] = "intake.repeated_heading"
    heading: str


@dataclass(eq=False)
class FaultsRemain(DomainError):
    """Confirmed while rows are faulty, without asking to leave them out."""

    code: ClassVar[str] = "intake.faults_remain"
    status: ClassVar[int] = 409
    faults: int


@dataclass(eq=False)
class NothingToImport(DomainError):
    """No row is without fault."""

    code: ClassVar[str] = "intake.nothing_to_import"
    status: ClassVar[int] = 409


@dataclass(eq=False)
class ChangedSincePreview(DomainError):
    """Rows that were sound in the preview are not any more; the file is read again."""

    code: ClassVar[str] = "intake.changed_since_preview"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class CatalogueReceived(Event):
    """A catalogue file was taken in."""

    action: ClassVar[str] = "intake:catalogue:received"
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class CatalogueConfirmed(Event):
    """Somebody looked at the preview and had it written."""

    action: ClassVar[str] = "intake:catalogue:confirmed"
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CatalogueImported(Event):
    """A confirmed catalogue was written."""

    action: ClassVar[str] = "intake:catalogue:imported"
    created: int
    unchanged: int
    sha256: str
