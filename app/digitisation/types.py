"""Uploads and pages as other rooms and the doors know them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, NewType

from app.kernel.errors import DomainError
from app.kernel.events import Event
from app.records.types import ItemId

UploadId = NewType("UploadId", uuid.UUID)
FileId = NewType("FileId", uuid.UUID)
PageId = NewType("PageId", uuid.UUID)

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Four corners, clockwise from the top left, in pixels."""


class PageState(StrEnum):
    """Where a page stands, as its job says."""

    WAITING = "waiting"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PageFinding:
    """A fault an image shows (handbook digitisation.md, 4).

    Attributes
    ----------
    id : str
        Rule, key in the message catalogue under ``finding``.
    severity : str
        ``E`` or ``W``.
    box : tuple of int or None
        x, y, width, height in pixels of the original frame.
    """

    id: str
    severity: str
    value: float
    threshold: float
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class PageView:
    """One page.

    Attributes
    ----------
    width, height : int
        Of the canvas (the corrected page), pixels; 0 until ready.
    error : mapping or None
        ``code`` and facts of the failure.
    unplaced : str
        Why it lies in the tray: code under ``unplaced`` in the catalogue; empty where placed.
    """

    id: PageId
    upload_id: UploadId
    file_path: str
    frame: int
    item_id: ItemId | None
    page_no: int | None
    unplaced: str
    state: PageState
    error: Mapping[str, object] | None
    width: int
    height: int
    original_width: int
    original_height: int
    findings: tuple[PageFinding, ...]
    angle: float | None
    orientation: int | None
    mean_confidence: float | None
    version: int


@dataclass(frozen=True, slots=True)
class UploadView:
    """A delivery and how far it is."""

    id: UploadId
    name: str
    created_at: datetime
    files: int
    pages: int
    ready: int
    failed: int
    waiting: int
    in_tray: int
    refused: int
    unpacking: int


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What became of one file of a delivery."""

    path: str
    outcome: Literal["stored", "already_here", "unpacking"]
    file_id: FileId | None
    sha256: str
    media_type: str
    pages: tuple[PageView, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file of a delivery that was not taken."""

    path: str
    code: str
    facts: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text on a page."""

    text: str
    confidence: float
    quad: Quad


@dataclass(frozen=True, slots=True)
class PageText:
    """What OCR read on a page; quads in pixels of the canvas. For searching, never evidence (DA/T 77)."""

    text: str
    lines: tuple[TextLine, ...]
    engine: str
    engine_version: str
    proofread: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A place on a page where a query's words stand; one quad for each line it touches."""

    text: str
    quads: tuple[Quad, ...]


@dataclass(frozen=True, slots=True)
class IiifRequest:
    """Parameters of a IIIF Image API 3.0 request, as in the address."""

    region: str
    size: str
    rotation: str
    quality: str
    format: str


@dataclass(eq=False)
class UploadRefused(DomainError):
    """A file that cannot be taken; its code says why, and the other files go on."""

    reason: str
    path: str
    more: Mapping[str, object] = field(default_factory=dict[str, object])

    STATUS: ClassVar[Mapping[str, int]] = {
        "duplicate_page": 409,
        "page_taken": 409,
        "path_taken": 409,
        "too_many_pixels": 413,
        "too_many_frames": 413,
        "zip_bomb": 413,
        "not_an_image": 415,
    }

    @property
    def code(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # one class, many reasons
        """Key in the message catalogue."""
        return f"upload.{self.reason}"

    @property
    def status(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """HTTP status of the answer."""
        return self.STATUS.get(self.reason, 422)

    def facts(self) -> dict[str, object]:
        """Return the path and the facts of the reason."""
        return {"path": self.path, **self.more}


@dataclass(eq=False)
class PageNotReady(DomainError):
    """The page has no image yet."""

    code: ClassVar[str] = "page.not_ready"
    status: ClassVar[int] = 409
    state: str


@dataclass(eq=False)
class IiifUnsupported(DomainError):
    """A IIIF image request that cannot be carried out."""

    code: ClassVar[str] = "iiif.unsupported"
    status: ClassVar[int] = 400
    parameter: str
    value: str


@dataclass(frozen=True, slots=True)
class UploadBegun(Event):
    """A delivery was opened."""

    action: ClassVar[str] = "digitisation:upload:begun"


@dataclass(frozen=True, slots=True)
class FileReceived(Event):
    """A file was taken and lies on both sites."""

    action: ClassVar[str] = "digitisation:file:received"
    sha256: str
    pages: int
    upload: uuid.UUID


@dataclass(frozen=True, slots=True)
class FileRefused(Event):
    """A file was not taken."""

    action: ClassVar[str] = "digitisation:file:refused"
    reason: str


@dataclass(frozen=True, slots=True)
class PageProcessed(Event):
    """A page was corrected, judged and read."""

    action: ClassVar[str] = "digitisation:page:processed"
    findings: str
    lines: int
    pyramid: str


@dataclass(frozen=True, slots=True)
class PagePlaced(Event):
    """A page from the tray was given its item."""

    action: ClassVar[str] = "digitisation:page:placed"
    item: uuid.UUID
    page_no: int


@dataclass(frozen=True, slots=True)
class PageViewed(Event):
    """Somebody was shown a page: its text, or parts of its image."""

    action: ClassVar[str] = "digitisation:page:viewed"
    item: str


@dataclass(frozen=True, slots=True)
class PageDownloaded(Event):
    """Somebody was given the whole image of a page in its full size."""

    action: ClassVar[str] = "digitisation:page:downloaded"
    item: str


@dataclass(frozen=True, slots=True)
class PageRetried(Event):
    """A failed page was put back in the queue."""

    action: ClassVar[str] = "digitisation:page:retried"
