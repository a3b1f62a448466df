"""The verbs of digitisation: deliver, look, place, process, read."""

import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import update

from app.digitisation import iiif
from app.digitisation.models import PageRow, UploadRow
from app.digitisation.policy import POLICY
from app.digitisation.receiving import Receiving, placeable
from app.digitisation.repository import Scans, finding_json
from app.digitisation.rules import joined, part_of
from app.digitisation.types import (
    Hit,
    IiifRequest,
    PageDownloaded,
    PageFinding,
    PageNotReady,
    PagePlaced,
    PageProcessed,
    PageRetried,
    PageState,
    PageText,
    PageView,
    PageViewed,
    Quad,
    ReceivedFile,
    Refusal,
    TextLine,
    UploadBegun,
    UploadRefused,
    UploadView,
)
from app.kernel import clock
from app.kernel.errors import Fault, Invalid, StaleVersion
from app.kernel.ids import new_id
from app.kernel.paging import Page, PageRequest
from app.platform.jobs import JobId
from app.platform.work import Works
from app.records.service import RecordsService, indexed
from app.records.types import ItemId, PageSummary
from app.storage.service import StorageService
from app.storage.types import ObjectId
from search import analysis
from search.service import SearchService
from search.types import IndexedPage
from tenants.scope import current_scope
from workers.imaging import pyramid
from workers.imaging.frames import read_frame
from workers.imaging.geometry import Transform
from workers.imaging.inspect import Limits
from workers.imaging.quality import Thresholds
from workers.ocr.engine import OcrEngine
from workers.page import PageResult, process_page

LONGEST_NAME = 100
Progress = Callable[[int, int], None]


class PageImages:
    """How items' pages stand, for the room of records, which knows of no images."""

    def __init__(self, works: Works) -> None:
        self._work = works

    def summary(self, item_id: ItemId) -> PageSummary:
        """Return how the pages of an item stand."""
        with self._work() as work:
            return Scans(work.session).summary(item_id)


class DigitisationService:
    """The county's scans.

    Parameters
    ----------
    works, storage, records, search
    receiving : Receiving
    engine : OcrEngine
    limits : Limits
        Of the images taken.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # wired once, in bootstrap
        self,
        works: Works,
        storage: StorageService,
        records: RecordsService,
        search: SearchService,
        receiving: Receiving,
        engine: OcrEngine,
        limits: Limits,
    ) -> None:
        self._work = works
        self._storage = storage
        self._records = records
        self._search = search
        self._receiving = receiving
        self._engine = engine
        self._limits = limits

    def begin(self, name: str, *, upload_id: uuid.UUID | None = None) -> UploadView:
        """Open a delivery; with the same id again, the one that is there.

        Raises `Invalid` for a name that is empty or longer than 100 characters.
        """
        self._require("upload")
        name = name.strip()
        if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
            raise Invalid((Fault("length", "name", name[:40], allowed=f"1–{LONGEST_NAME}"),))
        with self._work() as work:
            scans = Scans(work.session)
            new = upload_id or new_id()
            if scans.upload_row(new) is None:
                row = UploadRow(id=new, name=name, created_by=current_scope().principal.id, created_at=clock.now())
                work.session.add(row)
                work.session.flush()
                work.record(UploadBegun(new))
            return scans.upload(new)

    def upload(self, upload_id: uuid.UUID) -> UploadView:
        """Return a delivery and how far it is; raises `NotFound`."""
        self._require("read")
        with self._work() as work:
            return Scans(work.session).upload(upload_id)

    def uploads(self, request: PageRequest) -> Page[UploadView]:
        """Return deliveries, newest first."""
        self._require("read")
        with self._work() as work:
            return Scans(work.session).uploads(request)

    def receive(
        self,
        upload_id: uuid.UUID,
        path: str,
        stream: IO[bytes],
        *,
        announced: str = "",
        item_id: uuid.UUID | None = None,
    ) -> ReceivedFile:
        """Take one file of a delivery; when this returns, it is on both sites and its pages are queued.

        Parameters
        ----------
        path : str
            Name, with folders; tells which item and page it is.
        stream : IO[bytes]
        announced : str
            SHA-256 computed by the sender, or empty.
        item_id : UUID, optional
            The item, where the sender knows better than the name.

        Raises `UploadRefused`, `TooLarge`, `DigestMismatch` about this file alone, and `NotFound`.
        """
        self._require("upload")
        self.upload(upload_id)
        item = self._records.get(item_id) if item_id else None
        return self._receiving.receive(upload_id, path, stream, announced=announced, item=item)

    def refusals(self, upload_id: uuid.UUID) -> tuple[Refusal, ...]:
        """Return the files of a delivery that were not taken, and why."""
        self.upload(upload_id)
        with self._work() as work:
            return Scans(work.session).refusals(upload_id)

    def page(self, page_id: uuid.UUID) -> PageView:
        """Return a page; raises `NotFound`."""
        self._require("read")
        with self._work() as work:
            page = Scans(work.session).page(page_id)
        if page.item_id:
            self._records.get(page.item_id)  # whoever may not read the item may not read its pages
        return page

    def read(self, page_id: uuid.UUID, *, whole: bool = False) -> PageView:
        """Return a page for somebody to read, and record it once an hour; raises `NotFound`.

        Parameters
        ----------
        page_id : UUID
        whole : bool
            Whether its whole image is handed out in full size.
        """
        page = self.page(page_id)
        read = PageDownloaded if whole else PageViewed
        with self._work() as work:
            if Scans(work.session).begins_reading(page_id, read.action):
                work.record(read(page_id, item=str(page.item_id or "")))
        return page

    def pages_of_item(self, item_id: uuid.UUID) -> tuple[PageView, ...]:
        """Return an item's pages in order."""
        self._require("read")
        self._records.get(item_id)
        with self._work() as work:
            return Scans(work.session).of_item(item_id)

    def pages_of_upload(self, upload_id: uuid.UUID, request: PageRequest) -> Page[PageView]:
        """Return a delivery's pages by path."""
        self.upload(upload_id)
        with self._work() as work:
            return Scans(work.session).of_upload(upload_id, request)

    def tray(self, request: PageRequest) -> Page[PageView]:
        """Return the pages that no name could place."""
        self._require("read")
        with self._work() as work:
            return Scans(work.session).tray(request)

    def tray_size(self) -> int:
        """Return how many pages lie in the tray."""
        self._require("read")
        with self._work() as work:
            return Scans(work.session).tray_size()

    def place(self, page_id: uuid.UUID, item_id: uuid.UUID, page_no: int, *, expected: int) -> PageView:
        """Give a page of the tray its item and number.

        Raises `StaleVersion`, `NotFound`, `Conflict` for an accepted item, `UploadRefused` for a taken number.
        """
        self._require("place")
        if not 0 < page_no < 10_000:  # noqa: PLR2004  # four digits in a file name
            raise Invalid((Fault("number", "page_no", str(page_no), allowed="1–9999"),))
        with self._work() as work:
            scans = Scans(work.session)
            row = scans.row(page_id, lock=True)
            if row.version != expected:
                raise StaleVersion(expected, row.version)
            item = placeable(self._records.get(item_id))
            scans.lock("item", item.id)
            file = scans.file(row.upload_file_id)
            if scans.taken(item.id, [page_no]):
                raise UploadRefused("page_taken", file.path, {"ref_code": item.ref_code or "", "page_no": page_no})
            row.item_id, row.page_no, row.unplaced, row.version = item.id, page_no, "", row.version + 1
            work.session.flush()
            self._records.link(item.id, self._storage.get(ObjectId(file.object_id)), file.path)
            work.record(PagePlaced(row.id, item=item.id, page_no=page_no))
            return scans.page(page_id)

    def retry(self, page_id: uuid.UUID) -> PageView:
        """Put a failed page back in the queue; a page that has not failed stays as it is."""
        self._require("retry")
        with self._work() as work:
            scans = Scans(work.session)
            if scans.page(page_id).state is PageState.FAILED:
                work.jobs.retry(JobId(scans.row(page_id).job_id))
                work.session.flush()
                work.record(PageRetried(page_id))
            return scans.page(page_id)

    def text(self, page_id: uuid.UUID) -> PageText:
        """Return what OCR read on a page, with boxes on the canvas; raises `PageNotReady`."""
        page = self.page(page_id)
        with self._work() as work:
            scans = Scans(work.session)
            row, told = scans.row(page_id), scans.text(page_id)
            if row.transform is None or told is None:
                raise PageNotReady(page.state)
            lines = _lines(told.lines, _transform(row.transform))
            text, _ = joined([line.text for line in lines])
            return PageText(text, lines, told.engine, told.engine_version, told.proofread)

    def hits(self, page_id: uuid.UUID, query: str) -> tuple[Hit, ...]:
        """Return where a query's words stand on a page, in reading order; boxes on the canvas."""
        told = self.text(page_id)
        _, starts = joined([line.text for line in told.lines])
        hits: list[Hit] = []
        for start, end in analysis.find(told.text, query):
            quads: list[Quad] = []
            for line, at in zip(told.lines, starts, strict=True):
                first, last = max(start - at, 0), min(end - at, len(line.text))
                if first < last:
                    quads.append(part_of(line, first, last))
            if quads:
                hits.append(Hit(told.text[start:end].replace("\n", ""), tuple(quads)))
        return tuple(hits)

    def image(self, page_id: uuid.UUID, request: IiifRequest) -> bytes:
        """Return part of a page's image; raises `PageNotReady` and `IiifUnsupported`. Source: IIIF Image 3.0."""
        page = self.page(page_id)
        wanted = iiif.extract(request, page.width, page.height) if page.width else None
        with self._work() as work:
            pyramid_id = Scans(work.session).row(page_id).pyramid_id
        if pyramid_id is None or wanted is None:
            raise PageNotReady(page.state)
        self.read(page_id, whole=wanted.out_width >= page.width and wanted.out_height >= page.height)
        with self._storage.path_of(ObjectId(pyramid_id)) as path:
            return pyramid.region(
                path,
                x=wanted.x,
                y=wanted.y,
                width=wanted.width,
                height=wanted.height,
                out_width=wanted.out_width,
                out_height=wanted.out_height,
                rotation=wanted.rotation,
                quality=wanted.quality,
                format=wanted.format,
            )

    def thumbnail(self, page_id: uuid.UUID) -> bytes:
        """Return a page's small JPEG; raises `PageNotReady`."""
        page = self.page(page_id)
        with self._work() as work:
            thumbnail_id = Scans(work.session).row(page_id).thumbnail_id
        if thumbnail_id is None:
            raise PageNotReady(page.state)
        with self._storage.path_of(ObjectId(thumbnail_id)) as path:
            return path.read_bytes()

    def process_page(self, page_id: uuid.UUID) -> None:
        """Worker's verb: correct, judge and read a page. Made again, it comes out the same.

        Raises `workers.imaging.inspect.Unreadable` where the frame cannot be decoded.
        """
        with self._work() as work:
            scans = Scans(work.session)
            row = scans.row(page_id)
            frame, object_id = row.frame, ObjectId(scans.file(row.upload_file_id).object_id)
        with self._storage.path_of(object_id) as path:
            raster = read_frame(path, frame, limits=self._limits)
        result = process_page(raster.pixels, raster.dpi, self._engine, Thresholds())
        with tempfile.TemporaryDirectory() as folder:
            tiles, small = Path(folder) / "pyramid.tif", Path(folder) / "thumbnail.jpg"
            pyramid.write_pyramid(result.pixels, tiles, dpi=raster.dpi)
            small.write_bytes(pyramid.thumbnail(result.pixels))
            made = self._storage.derive(tiles, f"{page_id}/pyramid.tif", "image/tiff")
            thumbnail = self._storage.derive(small, f"{page_id}/thumbnail.jpg", "image/jpeg")
        self._save(page_id, result, made.id, thumbnail.id, made.sha256)

    def unpack(self, file_id: uuid.UUID, progress: Progress) -> None:
        """Worker's verb: take every file of a stored ZIP."""
        self._receiving.unpack(file_id, progress)

    def index_item(self, item_id: uuid.UUID) -> None:
        """Worker's verb: make an item and the text of its pages findable, as they stand now."""
        with self._work() as work:
            item = self._records.get(item_id)
            scans = Scans(work.session)
            entry = indexed(
                item.id, item.described, state=item.state, open_status=item.open_status, version=item.version
            )
            pages: list[IndexedPage] = []
            for page in scans.of_item(item.id):
                told = scans.text(page.id)
                if told is not None and page.page_no is not None:
                    text, _ = joined([_text_of(line) for line in told.lines])
                    pages.append(
                        IndexedPage(
                            page_id=page.id, item_id=item.id, page_no=page.page_no, text=text, version=item.version
                        )
                    )
            self._search.index_items([entry])
            self._search.index_pages(pages)

    def _save(self, page_id: uuid.UUID, result: PageResult, tiles: ObjectId, small: ObjectId, sha256: str) -> None:
        height, width = result.pixels.shape[:2]
        findings = [PageFinding(f.id, f.severity, float(f.value), float(f.threshold), f.box) for f in result.findings]
        with self._work() as work:
            values = {
                "width": width,
                "height": height,
                "transform": result.transform.to_list(),
                "angle": result.angle,
                "orientation": result.orientation,
                "findings": [finding_json(f) for f in findings],
                "dhash": f"{result.dhash:016x}",
                "pyramid_id": tiles,
                "thumbnail_id": small,
                "processed_at": clock.now(),
                "version": PageRow.version + 1,
            }
            work.session.execute(update(PageRow).where(PageRow.id == page_id).values(values))
            Scans(work.session).save_text(
                {
                    "page_id": page_id,
                    "engine": self._engine.name,
                    "engine_version": self._engine.version,
                    "lines": [
                        {"text": line.text, "confidence": float(line.confidence), "quad": [list(p) for p in line.quad]}
                        for line in result.lines
                    ],
                    "mean_confidence": result.mean_confidence,
                    "proofread": False,
                    "read_at": clock.now(),
                }
            )
            told = ",".join(sorted({f.id for f in findings}))
            work.record(PageProcessed(page_id, findings=told, lines=len(result.lines), pyramid=sha256))

    @staticmethod
    def _require(action: str) -> None:
        POLICY.require(action, current_scope().principal.roles)


def _transform(told: Sequence[object]) -> Transform:
    return Transform.from_list([float(str(number)) for number in told])


def _text_of(line: object) -> str:
    assert isinstance(line, dict)  # noqa: S101  # JSON we wrote
    return str(line["text"])  # pyright: ignore[reportUnknownArgumentType]


def _lines(told: Sequence[object], transform: Transform) -> tuple[TextLine, ...]:
    lines: list[TextLine] = []
    for line in told:
        assert isinstance(line, dict)  # noqa: S101  # JSON we wrote
        a, b, c, d = ((float(x), float(y)) for x, y in transform.apply(line["quad"]))  # pyright: ignore[reportUnknownArgumentType]
        lines.append(TextLine(str(line["text"]), float(line["confidence"]), (a, b, c, d)))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(lines)
