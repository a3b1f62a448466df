"""Rows of imports and profiles; hands out values, never rows."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.intake.headings import digest_of
from app.intake.models import CatalogueImportRow, ImportProfileRow
from app.intake.types import CatalogueImport, ImportId, ImportState, Note, SampleRow
from app.kernel import clock
from app.kernel.errors import Fault, NotFound
from app.kernel.hashes import Digest
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.storage.types import ObjectId
from tenants.scope import current_scope


class Imports:
    """Imports of the tenant in scope."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, import_id: ImportId, *, lock: bool = False) -> CatalogueImport:
        """Return an import; raises `NotFound`."""
        found = self.find(import_id, lock=lock)
        if found is None:
            raise NotFound("import")
        return found

    def find(self, import_id: ImportId, *, lock: bool = False) -> CatalogueImport | None:
        """Return an import, or None."""
        row = self._session.get(
            CatalogueImportRow,
            (current_scope().tenant, import_id),
            with_for_update=lock or None,
            populate_existing=True,
        )
        return _value(row) if row else None

    def page(self, request: PageRequest) -> Page[CatalogueImport]:
        """Return imports, newest first."""
        order = CatalogueImportRow.created_at.desc(), CatalogueImportRow.id.desc()
        query = select(CatalogueImportRow).order_by(*order).limit(request.limit + 1)
        if request.after:
            moment, last = datetime.fromisoformat(request.after[0]), uuid.UUID(request.after[1])
            query = query.where(
                (CatalogueImportRow.created_at < moment)
                | ((CatalogueImportRow.created_at == moment) & (CatalogueImportRow.id < last))
            )
        rows = tuple(map(_value, self._session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        last_row = (shown[-1].created_at.isoformat(), str(shown[-1].id)) if more else ("", "")
        return Page(shown, encode_cursor(last_row) if more else None)

    def add(self, import_id: ImportId, object_id: ObjectId, sha256: str, file_name: str) -> CatalogueImport:
        """Add an import that has yet to be read."""
        row = CatalogueImportRow(
            id=import_id,
            object_id=object_id,
            sha256=sha256,
            file_name=file_name,
            state=ImportState.READING,
            columns=[],
            mapping={},
            faults=[],
            notes=[],
            sample=[],
            created_by=current_scope().principal.id,
            created_at=clock.now(),
        )
        self._session.add(row)
        self._session.flush()
        return _value(row)

    def change(self, before: CatalogueImport, **values: object) -> None:
        """Change an import, unless somebody changed it since it was read; then theirs stands.

        Parameters
        ----------
        before : CatalogueImport
        **values : object
            Columns of `CatalogueImportRow`.
        """
        self._session.execute(
            update(CatalogueImportRow)
            .where(CatalogueImportRow.id == before.id, CatalogueImportRow.version == before.version)
            .values(version=before.version + 1, **values)
        )

    def remembered(self, columns: Sequence[str]) -> Mapping[str, str] | None:
        """Return the mapping last chosen for these headings."""
        row = self._session.get(ImportProfileRow, self._profile(columns))
        return None if row is None else {c: str(e) for c, e in row.mapping.items()}

    def remember(self, columns: Sequence[str], mapping: Mapping[str, str]) -> None:
        """Keep the mapping chosen for these headings."""
        tenant, profile_id = self._profile(columns)
        chosen = {"mapping": dict(mapping), "changed_at": clock.now()}
        self._session.execute(
            insert(ImportProfileRow)
            .values(tenant_id=tenant, id=profile_id, headings_digest=digest_of(columns), **chosen)
            .on_conflict_do_update(index_elements=["tenant_id", "id"], set_=chosen)
        )

    @staticmethod
    def _profile(columns: Sequence[str]) -> tuple[str, uuid.UUID]:
        tenant = current_scope().tenant
        return tenant, derived_id(tenant, "import_profile", digest_of(columns))


def _value(row: CatalogueImportRow) -> CatalogueImport:
    return CatalogueImport(
        id=ImportId(row.id),
        object_id=ObjectId(row.object_id),
        sha256=Digest(row.sha256),
        file_name=row.file_name,
        state=ImportState(row.state),
        columns=tuple(map(str, row.columns)),
        mapping={str(column): str(row.mapping[str(column)]) for column in row.columns},
        total=row.total,
        valid=row.valid,
        created=row.created,
        unchanged=row.unchanged,
        faults=tuple(Fault(**fault) for fault in row.faults),  # pyright: ignore[reportCallIssue]  # JSON `plain` wrote
        fault_count=row.fault_count,
        faults_object_id=ObjectId(row.faults_object_id) if row.faults_object_id else None,
        notes=tuple(Note(**note) for note in row.notes),  # pyright: ignore[reportCallIssue]  # JSON `plain` wrote
        sample=tuple(SampleRow(s["row"], tuple(s["cells"])) for s in row.sample),  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType]
        skip_faulty=row.skip_faulty,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
        version=row.version,
    )


def plain(values: Sequence[Fault | Note | SampleRow]) -> list[object]:
    """Return values as they are kept in a JSON column."""
    return [asdict(value) for value in values]
