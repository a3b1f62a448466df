"""Taking a catalogue in: store the file, read it, look at the preview, confirm, write."""

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from app.intake import readers
from app.intake.headings import ELEMENTS, SYNONYMS
from app.intake.policy import POLICY
from app.intake.preview import FAULTS_KEPT, Preview, sound_rows
from app.intake.repository import Imports, plain
from app.intake.types import (
    CatalogueConfirmed,
    CatalogueImport,
    CatalogueImported,
    CatalogueReceived,
    CatalogueRefused,
    ChangedSincePreview,
    FaultsRemain,
    ImportId,
    ImportState,
    NothingToImport,
    Progress,
)
from app.kernel import clock
from app.kernel.errors import Conflict, DomainError, Fault, Invalid
from app.kernel.hashes import canonical
from app.kernel.ids import derived_id, new_id
from app.kernel.paging import Page, PageRequest
from app.platform.work import Work, Works
from app.records.service import RecordsService
from app.records.types import CodeTaken
from app.storage.service import StorageService
from tenants.scope import current_scope


class IntakeService:
    """Catalogues of the county in scope on their way in.

    Parameters
    ----------
    works : Works
    storage : StorageService
        Keeps the file as it came.
    records : RecordsService
        Where the described items go.
    """

    def __init__(self, works: Works, storage: StorageService, records: RecordsService) -> None:
        self._work = works
        self._storage = storage
        self._records = records

    def begin(self, stream: IO[bytes], file_name: str, *, import_id: ImportId | None = None) -> CatalogueImport:
        """Store a catalogue file and ask for it to be read; nothing in it is looked at here.

        Parameters
        ----------
        stream : IO[bytes]
        file_name : str
            Its ending tells CSV from Excel.
        import_id : ImportId, optional
            Chosen by the caller so that a repeated request begins once.

        Raises a `CatalogueRefused` for what is no catalogue by name, first bytes or size.
        """
        self._require("deposit")
        new = import_id or ImportId(new_id())
        shown = "".join(filter(str.isprintable, file_name.replace("\\", "/").rpartition("/")[2]))[-200:]
        with self._storage.receive(stream) as received:
            with received.path.open("rb") as file:
                readers.check_kind(shown, file.read(8), received.size)
            stored = self._storage.keep(received, "application/octet-stream")
            with self._work() as work:
                imports = Imports(work.session)
                before = imports.find(new)
                if before is not None:
                    if before.sha256 != stored.sha256:
                        raise Conflict(before.state, "begin")
                    return before
                begun = imports.add(new, stored.id, stored.sha256, shown)
                work.record(CatalogueReceived(new, sha256=stored.sha256, size=stored.size))
                _ask(work, "intake.read", begun)
                return begun

    def get(self, import_id: ImportId) -> CatalogueImport:
        """Return an import; raises `NotFound`."""
        self._require("read")
        with self._work() as work:
            return Imports(work.session).get(import_id)

    def page(self, request: PageRequest) -> Page[CatalogueImport]:
        """Return imports, newest first."""
        self._require("read")
        with self._work() as work:
            return Imports(work.session).page(request)

    def remap(self, import_id: ImportId, mapping: Mapping[str, str]) -> CatalogueImport:
        """Choose the element of each column, remember it for these headings, and have the file read again.

        Parameters
        ----------
        mapping : mapping of str to str
            Element by column; a column left out, or with an empty element, is not taken.

        Raises `Invalid`, and `Conflict` unless the import stands at its preview.
        """
        self._require("import")
        with self._work() as work:
            imports = Imports(work.session)
            before = imports.get(import_id, lock=True)
            _must(before, "remap", ImportState.PREVIEWED)
            faults = tuple(_mapping_faults(before.columns, mapping))
            if faults:
                raise Invalid(faults)
            whole = {column: mapping.get(column, "") for column in before.columns}
            imports.remember(before.columns, whole)
            return self._read_again(work, before, mapping=whole)

    def confirm(self, import_id: ImportId, *, skip_faulty: bool = False) -> CatalogueImport:
        """Have the previewed rows written; again changes nothing.

        Parameters
        ----------
        skip_faulty : bool
            Leave faulty rows out; without it they hold the import up.

        Raises `FaultsRemain`, `NothingToImport`, and `Conflict` where there is no preview.
        """
        self._require("import")
        with self._work() as work:
            imports = Imports(work.session)
            before = imports.get(import_id, lock=True)
            if before.state in (ImportState.IMPORTING, ImportState.DONE):
                return before
            _must(before, "confirm", ImportState.PREVIEWED)
            if before.valid == 0:
                raise NothingToImport
            if before.fault_count and not skip_faulty:
                raise FaultsRemain(before.fault_count)
            imports.change(before, state=ImportState.IMPORTING, skip_faulty=skip_faulty)
            confirmed = imports.get(import_id)
            work.record(CatalogueConfirmed(import_id, rows=before.valid, sha256=before.sha256))
            _ask(work, "intake.write", confirmed, total=before.valid)
            return confirmed

    def faults(self, import_id: ImportId) -> Iterator[Fault]:
        """Yield every fault of the last preview, in the order of rows."""
        shown = self.get(import_id)
        if shown.faults_object_id is None:
            yield from shown.faults
            return
        with self._storage.path_of(shown.faults_object_id) as path, path.open(encoding="utf-8") as lines:
            for line in lines:
                yield Fault(**json.loads(line))

    @staticmethod
    def template() -> bytes:
        """Return an empty workbook with a column for every element, as text: Excel leaves codes and dates alone."""
        book = Workbook()
        sheet = book.active or book.create_sheet()
        for column, words in enumerate(SYNONYMS.values(), 1):
            heading = sheet.cell(1, column, words[0])
            heading.font = Font(bold=True)
            below = sheet.column_dimensions[get_column_letter(column)]
            below.width, below.number_format = 18, "@"
        sheet.freeze_panes = "A2"
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    # --- verbs of the workers

    def read(self, import_id: ImportId, progress: Progress) -> None:
        """Read a file and keep its preview; no record is written.

        A file that cannot be read ends the import as failed, and raises its `CatalogueRefused`. An import
        that is not waiting to be read, or is remapped meanwhile, is left alone.
        """
        self._require("deposit")
        begun = self.get(import_id)
        if begun.state is not ImportState.READING:
            return
        try:
            with self._storage.path_of(begun.object_id) as path, readers.opened(path, begun.file_name) as table:
                self._preview(begun, table, progress)
        except CatalogueRefused as refusal:
            self._fail(begun, refusal)
            raise

    def _preview(self, begun: CatalogueImport, table: readers.Table, progress: Progress) -> None:
        with self._work() as work:
            remembered = Imports(work.session).remembered(table.columns)
        preview = Preview(table, begun.mapping or remembered, self._records.existing)
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder, "faults.jsonl")
            with listed.open("wb") as lines:
                for fault in preview.run(progress):
                    lines.write(canonical(asdict(fault)) + b"\n")
            with self._work() as work:
                kept = None
                if preview.fault_count > FAULTS_KEPT:
                    key = f"intake/{begun.id}/{begun.version}/faults.jsonl"
                    kept = self._storage.derive(listed, key, "application/jsonl").id
                Imports(work.session).change(
                    begun,
                    state=ImportState.PREVIEWED,
                    columns=list(table.columns),
                    mapping=dict(preview.mapping),
                    total=preview.total,
                    valid=preview.created + preview.unchanged,
                    created=preview.created,
                    unchanged=preview.unchanged,
                    faults=plain(preview.faults),
                    fault_count=preview.fault_count,
                    faults_object_id=kept,
                    notes=plain(preview.notes),
                    sample=plain(preview.sample),
                )

    def write(self, import_id: ImportId, progress: Progress) -> None:
        """Write a confirmed import: all of it in one transaction, once.

        Where a row is no longer sound, nothing is written, the file is read again for a new preview, and
        `ChangedSincePreview` is raised.
        """
        self._require("import")
        try:
            with self._work() as work:
                imports = Imports(work.session)
                confirmed = imports.get(import_id, lock=True)
                if confirmed.state is ImportState.DONE:
                    return
                _must(confirmed, "write", ImportState.IMPORTING)
                created, unchanged = self._import(confirmed, progress)
                imports.change(
                    confirmed, state=ImportState.DONE, created=created, unchanged=unchanged, finished_at=clock.now()
                )
                work.record(CatalogueImported(import_id, created=created, unchanged=unchanged, sha256=confirmed.sha256))
        except (ChangedSincePreview, CodeTaken) as clash:
            with self._work() as work:
                self._read_again(work, Imports(work.session).get(import_id, lock=True))
            raise ChangedSincePreview from clash
        except CatalogueRefused as refusal:
            self._fail(self.get(import_id), refusal)
            raise

    def _import(self, confirmed: CatalogueImport, progress: Progress) -> tuple[int, int]:
        tenant = current_scope().tenant
        created = unchanged = 0
        opened = {fonds.fonds_code for fonds in self._records.fonds()}
        with self._storage.path_of(confirmed.object_id) as path, readers.opened(path, confirmed.file_name) as table:
            batches = sound_rows(table, confirmed.mapping, self._records.existing, skip=confirmed.skip_faulty)
            for fresh, known in batches:
                for row in fresh:
                    code = row.described.fonds_code
                    if code not in opened:
                        self._records.create_fonds(code, row.fonds_name or code)
                        opened.add(code)
                outcome = self._records.import_items(
                    [(derived_id(tenant, "item", row.described.ref_code), row.described) for row in fresh]
                )
                created += outcome.created
                unchanged += outcome.unchanged + known
                progress(created + unchanged, confirmed.valid)
        return created, unchanged

    def _read_again(self, work: Work, before: CatalogueImport, **values: object) -> CatalogueImport:
        imports = Imports(work.session)
        imports.change(before, state=ImportState.READING, **values)
        begun = imports.get(before.id)
        _ask(work, "intake.read", begun)
        return begun

    def _fail(self, before: CatalogueImport, refusal: DomainError) -> None:
        error = {"code": refusal.code, **refusal.facts()}
        with self._work() as work:
            Imports(work.session).change(before, state=ImportState.FAILED, error=error, finished_at=clock.now())

    @staticmethod
    def _require(action: str) -> None:
        POLICY.require(action, current_scope().principal.roles)


def _ask(work: Work, task: str, about: CatalogueImport, *, total: int = 0) -> None:
    work.jobs.ask(task, about.id, key=str(about.version), total=total)


def _must(found: CatalogueImport, action: str, *states: ImportState) -> None:
    if found.state not in states:
        raise Conflict(found.state, action)


def _mapping_faults(columns: tuple[str, ...], mapping: Mapping[str, str]) -> Iterator[Fault]:
    taken: set[str] = set()
    for column, element in mapping.items():
        if column not in columns:
            yield Fault("unknown_column", column[:80], allowed="、".join(columns))
        elif element and element not in ELEMENTS:
            yield Fault("choice", column, element[:80], allowed="、".join(ELEMENTS))
        elif element in taken:
            yield Fault("mapped_twice", column, element)
        elif element:
            taken.add(element)
