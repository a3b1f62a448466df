"""Queries on uploads and pages; hands out values, never rows. A page's state is read from its job."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.digitisation.models import PageReadingRow, PageRow, PageTextRow, UploadFileRow, UploadRefusalRow, UploadRow
from app.digitisation.types import (
    PageFinding,
    PageId,
    PageState,
    PageView,
    Refusal,
    UploadId,
    UploadView,
)
from app.kernel import clock
from app.kernel.errors import NotFound
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.platform.jobs import JobRow, JobState
from app.records.types import ItemId, PageSummary
from tenants.scope import current_scope

UNPACK = "digitisation.unpack"
READING = timedelta(hours=1)
"""So long a reading of a page is one reading, however many parts of its image are asked for."""

_state: ColumnElement[str] = case(
    (PageRow.processed_at.is_not(None), PageState.READY.value),
    (JobRow.state.in_([JobState.FAILED, JobState.DEAD]), PageState.FAILED.value),
    (JobRow.state == JobState.RUNNING, PageState.PROCESSING.value),
    else_=PageState.WAITING.value,
)
_its_file = and_(UploadFileRow.tenant_id == PageRow.tenant_id, UploadFileRow.id == PageRow.upload_file_id)
_its_job = and_(JobRow.tenant_id == PageRow.tenant_id, JobRow.id == PageRow.job_id)
_its_text = and_(PageTextRow.tenant_id == PageRow.tenant_id, PageTextRow.page_id == PageRow.id)
_Pages = Select[PageRow, uuid.UUID, str, str, dict[str, object] | None, float | None]
_pages: _Pages = (
    select(PageRow, UploadFileRow.upload_id, UploadFileRow.path, _state, JobRow.error, PageTextRow.mean_confidence)
    .join(UploadFileRow, _its_file)
    .join(JobRow, _its_job)
    .outerjoin(PageTextRow, _its_text)
)


def _finding(told: object) -> PageFinding:
    assert isinstance(told, Mapping)  # noqa: S101  # JSON we wrote
    box = told["box"]  # pyright: ignore[reportUnknownVariableType]
    return PageFinding(
        str(told["id"]),  # pyright: ignore[reportUnknownArgumentType]
        str(told["severity"]),  # pyright: ignore[reportUnknownArgumentType]
        float(told["value"]),  # pyright: ignore[reportUnknownArgumentType]
        float(told["threshold"]),  # pyright: ignore[reportUnknownArgumentType]
        tuple(box) if box else None,  # pyright: ignore[reportUnknownArgumentType]
    )


class Scans:
    """Uploads and pages of the tenant in scope."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, *what: object) -> None:
        """Let one transaction at a time decide about something of the county, until it ends."""
        key = "\x1f".join(map(str, (current_scope().tenant, *what)))
        self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})

    def upload_row(self, upload_id: uuid.UUID) -> UploadRow | None:
        """Return an upload's row, or None."""
        return self._session.get(UploadRow, (current_scope().tenant, upload_id))

    def upload(self, upload_id: uuid.UUID) -> UploadView:
        """Return a delivery with its counts; raises `NotFound`."""
        row = self.upload_row(upload_id)
        if row is None:
            raise NotFound("upload")
        return self._counted([row])[0]

    def uploads(self, request: PageRequest) -> Page[UploadView]:
        """Return deliveries, newest first."""
        query = select(UploadRow).order_by(UploadRow.id.desc()).limit(request.limit + 1)
        if request.after:
            query = query.where(UploadRow.id < uuid.UUID(request.after[0]))
        rows = list(self._session.scalars(query))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(tuple(self._counted(shown)), encode_cursor((str(shown[-1].id),)) if more else None)

    def _counted(self, rows: Sequence[UploadRow]) -> list[UploadView]:
        ids = [row.id for row in rows]
        of = UploadFileRow.upload_id.in_(ids)
        files = self._counts(select(UploadFileRow.upload_id, func.count()).where(of).group_by(UploadFileRow.upload_id))
        refused = self._counts(
            select(UploadRefusalRow.upload_id, func.count())
            .where(UploadRefusalRow.upload_id.in_(ids))
            .group_by(UploadRefusalRow.upload_id)
        )
        unpacking = self._counts(
            select(UploadFileRow.upload_id, func.count())
            .join(JobRow, and_(JobRow.tenant_id == UploadFileRow.tenant_id, JobRow.subject_id == UploadFileRow.id))
            .where(of, JobRow.task == UNPACK, JobRow.state.in_([JobState.WAITING, JobState.SENT, JobState.RUNNING]))
            .group_by(UploadFileRow.upload_id)
        )
        states: dict[uuid.UUID, dict[str, int]] = {}
        tray: dict[uuid.UUID, int] = {}
        query = (
            select(UploadFileRow.upload_id, _state, func.count(), func.count().filter(PageRow.item_id.is_(None)))
            .select_from(PageRow)
            .join(UploadFileRow, _its_file)
            .join(JobRow, _its_job)
            .where(of)
            .group_by(UploadFileRow.upload_id, _state)
        )
        for upload_id, state, count, unplaced in self._session.execute(query):
            states.setdefault(upload_id, {})[state] = count
            tray[upload_id] = tray.get(upload_id, 0) + unplaced
        views: list[UploadView] = []
        for row in rows:
            stand = states.get(row.id, {})
            ready, failed = stand.get(PageState.READY, 0), stand.get(PageState.FAILED, 0)
            pages = sum(stand.values())
            views.append(
                UploadView(
                    id=UploadId(row.id),
                    name=row.name,
                    created_at=row.created_at,
                    files=files.get(row.id, 0),
                    pages=pages,
                    ready=ready,
                    failed=failed,
                    waiting=pages - ready - failed,
                    in_tray=tray.get(row.id, 0),
                    refused=refused.get(row.id, 0),
                    unpacking=unpacking.get(row.id, 0),
                )
            )
        return views

    def _counts(self, query: Select[uuid.UUID, int]) -> dict[uuid.UUID, int]:
        return dict(self._session.execute(query).all())

    def refuse(self, upload_id: uuid.UUID, path: str, code: str, facts: Mapping[str, object]) -> None:
        """Note that a file was not taken."""
        told = {"code": code, "facts": dict(facts), "at": clock.now()}
        self._session.execute(
            insert(UploadRefusalRow)
            .values(tenant_id=current_scope().tenant, upload_id=upload_id, path=path, **told)
            .on_conflict_do_update(index_elements=["tenant_id", "upload_id", "path"], set_=told)
        )

    def unrefuse(self, upload_id: uuid.UUID, path: str) -> None:
        """Forget the refusal of a path whose file has now been taken."""
        row = self._session.get(UploadRefusalRow, (current_scope().tenant, upload_id, path))
        if row is not None:
            self._session.delete(row)

    def refusals(self, upload_id: uuid.UUID) -> tuple[Refusal, ...]:
        """Return the files of a delivery that were not taken."""
        query = select(UploadRefusalRow).where(UploadRefusalRow.upload_id == upload_id).order_by(UploadRefusalRow.path)
        return tuple(Refusal(r.path, r.code, r.facts, r.at) for r in self._session.scalars(query))

    def file_at(self, upload_id: uuid.UUID, path: str) -> UploadFileRow | None:
        """Return the file a delivery holds under a path."""
        query = select(UploadFileRow).where(UploadFileRow.upload_id == upload_id, UploadFileRow.path == path)
        return self._session.scalar(query)

    def file(self, file_id: uuid.UUID) -> UploadFileRow:
        """Return a file; raises `NotFound`."""
        row = self._session.get(UploadFileRow, (current_scope().tenant, file_id))
        if row is None:
            raise NotFound("file")
        return row

    def same_in_item(self, item_id: uuid.UUID, sha256: str) -> tuple[PageView, ...]:
        """Return the pages of an item that come from a file of these bytes."""
        return self._views(_pages.where(PageRow.item_id == item_id, UploadFileRow.sha256 == sha256))

    def same_in_tray(self, sha256: str) -> tuple[PageView, ...]:
        """Return the unplaced pages that come from a file of these bytes."""
        return self._views(_pages.where(PageRow.item_id.is_(None), UploadFileRow.sha256 == sha256))

    def taken(self, item_id: uuid.UUID, numbers: Sequence[int]) -> tuple[int, ...]:
        """Return those page numbers of an item that are taken."""
        query = select(PageRow.page_no).where(PageRow.item_id == item_id, PageRow.page_no.in_(numbers))
        return tuple(sorted(n for n in self._session.scalars(query) if n is not None))

    def last_number(self, item_id: uuid.UUID) -> int:
        """Return the highest page number of an item, 0 where it has none."""
        return self._session.scalar(select(func.max(PageRow.page_no)).where(PageRow.item_id == item_id)) or 0

    def row(self, page_id: uuid.UUID, *, lock: bool = False) -> PageRow:
        """Return a page's row; raises `NotFound`."""
        row = self._session.get(
            PageRow, (current_scope().tenant, page_id), with_for_update=lock or None, populate_existing=lock
        )
        if row is None:
            raise NotFound("page")
        return row

    def page(self, page_id: uuid.UUID) -> PageView:
        """Return a page; raises `NotFound`."""
        found = self._views(_pages.where(PageRow.id == page_id))
        if not found:
            raise NotFound("page")
        return found[0]

    def of_file(self, file_id: uuid.UUID) -> tuple[PageView, ...]:
        """Return a file's pages in order."""
        return self._views(_pages.where(PageRow.upload_file_id == file_id).order_by(PageRow.frame))

    def of_item(self, item_id: uuid.UUID) -> tuple[PageView, ...]:
        """Return an item's pages in order."""
        return self._views(_pages.where(PageRow.item_id == item_id).order_by(PageRow.page_no))

    def of_upload(self, upload_id: uuid.UUID, request: PageRequest) -> Page[PageView]:
        """Return a delivery's pages by path and frame."""
        query = _pages.where(UploadFileRow.upload_id == upload_id)
        return self._paged(query, request)

    def tray(self, request: PageRequest) -> Page[PageView]:
        """Return the pages nobody has placed yet."""
        return self._paged(_pages.where(PageRow.item_id.is_(None)), request)

    def tray_size(self) -> int:
        """Return how many pages nobody has placed yet."""
        return self._session.scalar(select(func.count()).where(PageRow.item_id.is_(None))) or 0

    def summary(self, item_id: uuid.UUID) -> PageSummary:
        """Return how an item's pages stand."""
        pages = self.of_item(item_id)
        ready = [page for page in pages if page.state is PageState.READY]
        failed = [page for page in pages if page.state is PageState.FAILED]
        return PageSummary(
            ready=len(ready),
            waiting=len(pages) - len(ready) - len(failed),
            failed=len(failed),
            faulty=sum(any(f.severity == "E" for f in page.findings) for page in ready),
            numbers=[page.page_no for page in pages if page.page_no is not None],
        )

    def text(self, page_id: uuid.UUID) -> PageTextRow | None:
        """Return what OCR read on a page."""
        return self._session.get(PageTextRow, (current_scope().tenant, page_id))

    def save_text(self, row: Mapping[str, object]) -> None:
        """Keep what OCR read, in place of an earlier reading."""
        values = dict(row) | {"tenant_id": current_scope().tenant}
        kept = {key: value for key, value in row.items() if key != "page_id"}
        self._session.execute(
            insert(PageTextRow)
            .values(**values)
            .on_conflict_do_update(index_elements=["tenant_id", "page_id"], set_=kept)
        )

    def _paged(self, query: _Pages, request: PageRequest) -> Page[PageView]:
        path, page_id = UploadFileRow.path, cast(PageRow.id, Text)
        query = query.order_by(path, PageRow.frame, page_id).limit(request.limit + 1)
        if request.after:
            last_path, last_frame, last_id = request.after
            query = query.where(func.row(path, PageRow.frame, page_id) > func.row(last_path, int(last_frame), last_id))
        found = self._views(query)
        shown = found[: request.limit]
        more = len(found) > request.limit
        key = (shown[-1].file_path, str(shown[-1].frame), str(shown[-1].id)) if more else ("", "", "")
        return Page(shown, encode_cursor(key) if more else None)

    def _views(self, query: _Pages) -> tuple[PageView, ...]:
        return tuple(
            PageView(
                id=PageId(row.id),
                upload_id=UploadId(upload_id),
                file_path=path,
                frame=row.frame,
                item_id=ItemId(row.item_id) if row.item_id else None,
                page_no=row.page_no,
                unplaced=row.unplaced,
                state=PageState(state),
                error={"path": path, **(error or {"code": "job.worker_lost"})} if state == PageState.FAILED else None,
                width=row.width,
                height=row.height,
                original_width=row.original_width,
                original_height=row.original_height,
                findings=tuple(map(_finding, row.findings)),
                angle=row.angle,
                orientation=row.orientation,
                mean_confidence=confidence,
                version=row.version,
            )
            for row, upload_id, path, state, error, confidence in self._session.execute(query)
        )

    def begins_reading(self, page_id: uuid.UUID, action: str) -> bool:
        """Note that whoever asks reads a page, and say whether this begins a reading."""
        scope, now = current_scope(), clock.now()
        told = self._session.get(PageReadingRow, (scope.tenant, scope.principal.id, page_id, action))
        if told is not None and told.at > now - READING:
            return False
        begun = insert(PageReadingRow).values(
            tenant_id=scope.tenant, principal_id=scope.principal.id, page_id=page_id, action=action, at=now
        )
        begun = begun.on_conflict_do_update(
            index_elements=["tenant_id", "principal_id", "page_id", "action"],
            set_={"at": begun.excluded.at},
            where=PageReadingRow.at <= begun.excluded.at - READING,
        )
        return self._session.scalar(begun.returning(PageReadingRow.page_id)) is not None


def finding_json(finding: PageFinding) -> dict[str, object]:
    """Return a finding as it is kept in a page's row."""
    return asdict(finding)
