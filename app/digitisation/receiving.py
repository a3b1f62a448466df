"""Taking files in: checked on their own, matched by name, acknowledged only when safe on both sites."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZipFile

from app.digitisation import archive
from app.digitisation.models import PageRow, UploadFileRow
from app.digitisation.repository import UNPACK, Scans
from app.digitisation.rules import LONGEST_PATH, claims, clean_path
from app.digitisation.types import (
    FileId,
    FileReceived,
    FileRefused,
    PageView,
    ReceivedFile,
    UploadRefused,
)
from app.kernel import clock
from app.kernel.errors import Conflict, NotFound
from app.kernel.ids import derived_id
from app.platform.work import Work, Works
from app.records.service import RecordsService
from app.records.types import Item, ItemState
from app.storage.service import Received, StorageService
from app.storage.types import DigestMismatch, ObjectId, StoredObject, TooLarge
from tenants.quotas import Quotas
from tenants.scope import current_scope
from workers.imaging.inspect import Inspected, Unreadable
from workers.imaging.sandbox import Sandbox

PAGE = "digitisation.page"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that can be read, and what its name says it is."""

    upload_id: uuid.UUID
    path: str
    sha256: str
    item: Item | None
    first: int | None
    frames: int


class Receiving:
    """The intake of scans.

    Parameters
    ----------
    works, storage, records, quotas
    sandbox : Sandbox
        Looks at strangers' files in a process of its own.
    largest : int
        Most bytes of one file.
    """

    def __init__(
        self,
        works: Works,
        storage: StorageService,
        records: RecordsService,
        sandbox: Sandbox,
        quotas: Quotas,
        *,
        largest: int,
    ) -> None:
        self._work = works
        self._storage = storage
        self._records = records
        self._sandbox = sandbox
        self._quotas = quotas
        self._largest = largest

    def receive(
        self, upload_id: uuid.UUID, path: str, stream: IO[bytes], *, announced: str, item: Item | None
    ) -> ReceivedFile:
        """Take one file, or raise `UploadRefused` and note the refusal with the delivery."""
        try:
            name = clean_path(path)
        except UploadRefused as refusal:
            self._note(upload_id, refusal.path, refusal)
            raise
        try:
            with self._storage.receive(stream, announced=announced) as received:
                if archive.is_zip(received.path):
                    return self._take_zip(upload_id, name, received)
                return self._take(upload_id, name, received, item)
        except (UploadRefused, TooLarge, DigestMismatch) as refusal:
            self._note(upload_id, name, refusal)
            raise

    def unpack(self, file_id: uuid.UUID, progress: Callable[[int, int], None]) -> None:
        """Take every file of a stored ZIP; a refused one is noted, and the rest goes on. May be run again."""
        with self._work() as work:
            row = Scans(work.session).file(file_id)
            upload_id, name, object_id = row.upload_id, row.path, row.object_id
        stem = name.rpartition(".")[0] or name
        with self._storage.path_of(ObjectId(object_id)) as path, ZipFile(path) as opened:
            wanted = archive.entries(path, name, largest=self._largest)
            progress(0, len(wanted))
            for number, entry in enumerate(wanted, start=1):
                self._take_entry(upload_id, f"{stem}/{entry.path}", opened, entry)
                progress(number, len(wanted))

    def _take_entry(self, upload_id: uuid.UUID, path: str, opened: ZipFile, entry: archive.Entry) -> None:
        try:
            inside = clean_path(path)
            with ExitStack() as stack:
                try:
                    received = stack.enter_context(self._storage.receive(stack.enter_context(opened.open(entry.info))))
                except archive.BROKEN as error:
                    raise UploadRefused("damaged", inside) from error
                if archive.is_zip(received.path):
                    raise UploadRefused("zip_nested", inside)  # noqa: TRY301  # one of several refusals noted below
                self._take(upload_id, inside, received, None)
        except (UploadRefused, TooLarge) as refusal:
            self._note(upload_id, path[:LONGEST_PATH], refusal)

    def _take_zip(self, upload_id: uuid.UUID, path: str, received: Received) -> ReceivedFile:
        archive.entries(received.path, path, largest=self._largest)
        with self._work() as work:
            if before := self._already(Scans(work.session), upload_id, path, received.sha256):
                return before
        stored = self._storage.keep(received, ZIP)
        with self._work() as work:
            scans = Scans(work.session)
            scans.lock("upload", upload_id)
            if before := self._already(scans, upload_id, path, received.sha256):
                return before
            row = self._enter(work, upload_id, path, stored, frames=0)
            work.jobs.ask(UNPACK, row.id, priority=3)
        return ReceivedFile(path, "unpacking", FileId(row.id), received.sha256, ZIP, ())

    def _take(self, upload_id: uuid.UUID, path: str, received: Received, item: Item | None) -> ReceivedFile:
        inspected = self._inspected(path, received.path)
        named, first, unplaced = self._place(path, item)
        file = _Candidate(upload_id, path, received.sha256, named, first, len(inspected.frames))
        with self._work() as work:
            known, _ = self._decide(Scans(work.session), file)
        if known:
            return known
        self._quotas.check("pages", file.frames)
        stored = self._storage.keep(received, inspected.media_type)
        with self._work() as work:
            scans = Scans(work.session)
            scans.lock("upload", upload_id)
            if named:
                scans.lock("item", named.id)
            # Decided again under the locks: the bytes were on their way to two sites meanwhile.
            known, numbers = self._decide(scans, file)
            if known:
                return known
            row = self._enter(work, upload_id, path, stored, frames=file.frames)
            self._quotas.spend("pages", file.frames)
            self._add_pages(work, row, inspected, named, numbers, unplaced)
            if named:
                self._records.link(named.id, stored, path)
            pages = scans.of_file(row.id)
        return ReceivedFile(path, "stored", FileId(row.id), received.sha256, inspected.media_type, pages)

    def _decide(self, scans: Scans, file: "_Candidate") -> tuple[ReceivedFile | None, Sequence[int | None]]:
        """Return the file if it is here already, else its page numbers; raises `UploadRefused`."""
        item = file.item
        if before := self._already(scans, file.upload_id, file.path, file.sha256):
            return before, ()
        if item is None:
            same = scans.same_in_tray(file.sha256)
            return (self._known(file.path, file.sha256, same) if same else None), [None] * file.frames
        start = file.first or scans.last_number(item.id) + 1
        if same := self._same(scans, item, file.path, file.sha256, start):
            return same, ()
        if item.state is ItemState.CATALOGUED:
            raise UploadRefused("item_locked", file.path, {"ref_code": item.ref_code or ""})
        numbers = range(start, start + file.frames)
        self._free(scans, item, file.path, numbers)
        return None, numbers

    def _inspected(self, path: str, file: Path) -> Inspected:
        try:
            return self._sandbox.inspect(file)
        except Unreadable as error:
            raise UploadRefused(error.code, path, dict(error.facts)) from error

    def _place(self, path: str, item: Item | None) -> tuple[Item | None, int | None, str]:
        readings = claims(path)
        if item:
            number = next((r.page_no for r in readings if r.page_no and r.ref_code == item.ref_code), None)
            return item, number, ""
        for reading in readings:
            if found := self._records.by_code(reading.ref_code):
                return found, reading.page_no, ""
        return None, None, "no_item"

    @staticmethod
    def _already(scans: Scans, upload_id: uuid.UUID, path: str, sha256: str) -> ReceivedFile | None:
        row = scans.file_at(upload_id, path)
        if row is None:
            return None
        if row.sha256 != sha256:
            raise UploadRefused("path_taken", path)
        return ReceivedFile(path, "already_here", FileId(row.id), sha256, row.media_type, scans.of_file(row.id))

    @staticmethod
    def _known(path: str, sha256: str, pages: tuple[PageView, ...]) -> ReceivedFile:
        return ReceivedFile(path, "already_here", None, sha256, "", pages)

    def _same(self, scans: Scans, item: Item, path: str, sha256: str, start: int) -> ReceivedFile | None:
        same = scans.same_in_item(item.id, sha256)
        if not same:
            return None
        if path.rpartition("/")[2] == same[0].file_path.rpartition("/")[2] or same[0].page_no == start:
            return self._known(path, sha256, same)
        raise UploadRefused("duplicate_page", path, {"ref_code": item.ref_code or "", "page_no": same[0].page_no or 0})

    @staticmethod
    def _free(scans: Scans, item: Item, path: str, numbers: Sequence[int | None]) -> None:
        taken = scans.taken(item.id, [n for n in numbers if n is not None])
        if taken:
            raise UploadRefused("page_taken", path, {"ref_code": item.ref_code or "", "page_no": taken[0]})

    @staticmethod
    def _enter(work: Work, upload_id: uuid.UUID, path: str, stored: StoredObject, *, frames: int) -> UploadFileRow:
        scans = Scans(work.session)
        if scans.upload_row(upload_id) is None:
            raise NotFound("upload")
        row = UploadFileRow(
            id=derived_id(current_scope().tenant, "upload_file", str(upload_id), path),
            upload_id=upload_id,
            object_id=stored.id,
            path=path,
            sha256=stored.sha256,
            size=stored.size,
            media_type=stored.media_type,
            frames=frames,
            created_at=clock.now(),
        )
        work.session.add(row)
        work.session.flush()
        scans.unrefuse(upload_id, path)
        work.record(FileReceived(row.id, sha256=stored.sha256, pages=frames, upload=upload_id))
        return row

    @staticmethod
    def _add_pages(
        work: Work,
        file: UploadFileRow,
        inspected: Inspected,
        item: Item | None,
        numbers: Sequence[int | None],
        unplaced: str,
    ) -> None:
        for index, (frame, number) in enumerate(zip(inspected.frames, numbers, strict=True)):
            page_id = derived_id(current_scope().tenant, "page", str(file.id), str(index))
            job_id = work.jobs.ask(PAGE, page_id, queue="pages")
            work.session.add(
                PageRow(
                    id=page_id,
                    upload_file_id=file.id,
                    frame=index,
                    item_id=item.id if item else None,
                    page_no=number,
                    unplaced=unplaced,
                    job_id=job_id,
                    original_width=frame.width,
                    original_height=frame.height,
                    dpi=frame.dpi,
                )
            )
        work.session.flush()

    def _note(self, upload_id: uuid.UUID, path: str, refusal: UploadRefused | TooLarge | DigestMismatch) -> None:
        with self._work() as work:
            scans = Scans(work.session)
            if scans.upload_row(upload_id) is None:
                raise NotFound("upload")
            scans.refuse(upload_id, path, refusal.code, refusal.facts())
            work.record(FileRefused(upload_id, reason=refusal.code))


def placeable(item: Item) -> Item:
    """Return the item if pages may still be added to it; raises `Conflict` for an accepted one."""
    if item.state is ItemState.CATALOGUED:
        raise Conflict(item.state, "place")
    return item
