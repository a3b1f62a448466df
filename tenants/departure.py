"""A county leaves with everything it owns: its export as bags, and whether such bags are whole.

Every tenant table goes along unless it is named in `LEFT_BEHIND`. Rows are read in one snapshot and streamed;
memory does not grow with the county. An export is written beside its place and renamed into it when it is whole,
then read back. What a later reader needs is told in the bags themselves.
"""

import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import psycopg
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.kernel import clock
from app.kernel.errors import Conflict, DomainError, Fault, Invalid, NotFound
from app.kernel.events import Event
from app.kernel.hashes import canonical
from app.kernel.ids import new_id
from app.platform import messages
from app.platform.database import Base, tenant_tables
from app.platform.provincial import ProvinceWorks
from app.platform.work import Works
from tenants.bags import MANIFEST, BagBroken, Bags, Packed, digest, readable, verified
from tenants.directory import Directory, Tenant, TenantState
from tenants.models import ExportRow, TenantRow
from tenants.policy import POLICY
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, current_scope, entered

LEFT_BEHIND = {
    "agreement": "of two counties",
    "citizen_code": "credential",
    "citizen_session": "credential",
    "client_secret": "credential",
    "client_token": "credential",
    "credential": "credential",
    "logout_token": "credential",
    "lookup": "of two counties",
    "organization": "of this installation",
    "quota": "of this installation",
    "sign_in_source": "of this installation",
    "tenant_export": "of the province's office",
    "tenant_key": "in key.json, under the county's passphrase",
    "tenant_order": "of this installation",
    "tenant_retirement": "of the province's office",
    "tenant_step": "of this installation",
}
"""Tenant tables that no export contains, and why."""

AUDIT = "audit"
"""Folder of the audit log in the bags; its tables are named ``audit_…`` and travel in the form of its verifier."""

LOG = f"{AUDIT}/log.zip"

TASK = "departure.export"
FACTS = "export.json"
KEY = "key.json"
README = "README.txt"
OBJECTS = "objects/"
FORMAT = 1

REVISION = text("SELECT version_num FROM alembic_version")

BAG_BYTES = 4 << 30
PART_BYTES = 64 << 20
_BATCH = 500
_ROWS = re.compile(r"rows/([a-z_]+)/([0-9]{4})\.jsonl")
_SHORTEST_PASSPHRASE = 12

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Extent:
    """How far an audit log goes.

    Attributes
    ----------
    size : int
        Entries.
    root : str
        Root of the Merkle tree, hexadecimal.
    """

    size: int
    root: str


class AuditLog(Protocol):
    """What leaving asks of the audit room; everything in the scope of the county."""

    def sealed(self) -> Extent:
        """Sign how the log stands now."""
        ...

    def write(self, session: Session, until: int, target: Path) -> None:
        """Write the log up to a signed size, in the form its offline verifier takes."""
        ...

    def verify(self, written: Path, county: str, keys: str) -> Extent:
        """Hold a written log of a county against its hashes and signatures; raises `BagBroken`.

        Without keys of the signer, those that lie in it are taken: then anybody may have signed it.
        """
        ...

    def entries(self, written: Path) -> Iterator[tuple[str, str]]:
        """Give body and time of each entry of a written log that was verified."""
        ...

    def root(self, nodes: bytes) -> str:
        """Return the root over the complete subtrees of a log, largest first."""
        ...

    def extent(self, session: Session) -> Extent:
        """Return how far the log goes now."""
        ...


class Objects(Protocol):
    """What leaving asks of storage."""

    def take(self, county: Tenant, key: str, sha256: str, target: Path) -> None:
        """Copy an object to a file from a site where it is sound; raises `ObjectLost`."""
        ...

    def place(self, county: Tenant, source: Path, key: str, sha256: str) -> None:
        """Put an object on the sites where it belongs, and read it back."""
        ...

    def reaches(self, county: Tenant) -> bool:
        """Say whether the sites that the county names are sites of this installation."""
        ...

    def destroy(self, county: Tenant) -> None:
        """Remove everything the county has on its sites."""
        ...


class KeyStore(Protocol):
    """What leaving asks of the vault; everything in the scope of the county."""

    def leave(self, passphrase: str) -> str:
        """Return the county's key under a passphrase of its own, as JSON."""
        ...

    def arrive(self, told: str, passphrase: str) -> bytes:
        """Return a key that left elsewhere as this installation keeps it."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The rooms above, as far as leaving needs them.

    Attributes
    ----------
    person : callable
        Returns what tells a person apart from others, whichever of their accounts is asked about.
    roles : callable
        Raises a `DomainError` for roles that no account of a county may hold.
    """

    audit: AuditLog
    objects: Objects
    keys: KeyStore
    person: Callable[[str], str]
    roles: Callable[[list[str], TenantId], None]


@dataclass(frozen=True, slots=True)
class Export:
    """An export of a county.

    Attributes
    ----------
    taken_at : datetime or None
        Of the snapshot; None while it is being made.
    digest : str
        SHA-256 of the top manifest; empty while it is being made.
    facts : mapping
        What ``export.json`` says: rows by table, objects, audit log.
    verified_at : datetime or None
        When it was read back whole.
    """

    id: uuid.UUID
    county: TenantId
    folder: str
    with_key: bool
    asked_by: str
    asked_at: datetime
    taken_at: datetime | None
    digest: str
    facts: Mapping[str, Any]
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contents:
    """An export's bags, verified.

    Attributes
    ----------
    rows : mapping of str to list of Path
        Files of each table in their order.
    objects : int
        How many.
    audit : Path
        The audit log.
    """

    folder: Path
    digest: str
    facts: Mapping[str, Any]
    rows: Mapping[str, list[Path]]
    objects: int
    audit: Path

    @property
    def county(self) -> TenantId:
        """Whose it is."""
        return TenantId(str(self.facts["county"]["id"]))

    def key(self) -> str | None:
        """Return the county's key as it was wrapped, if it went along."""
        path = self.folder / KEY
        with readable(KEY):
            return path.read_text("utf-8") if path.is_file() else None


@dataclass(eq=False)
class ObjectLost(DomainError):
    """No site holds the bytes that the ledger tells of; nothing leaves until this is settled."""

    code: ClassVar[str] = "departure.object_lost"
    key: str


@dataclass(frozen=True, slots=True)
class ExportAsked(Event):
    """Somebody of the province asked for a county's export."""

    action: ClassVar[str] = "departure:export:asked"
    with_key: bool


@dataclass(frozen=True, slots=True)
class CountyExported(Event):
    """A county's export is whole and was read back."""

    action: ClassVar[str] = "departure:export:finished"
    digest: str
    entries: int
    root: str


def office(scope: ProvinceScope) -> Scope:
    """Return the scope of the province's own office, where the ledgers of leaving are kept."""
    return Scope(PROVINCE, scope.principal, scope.purpose, scope.request_id, scope.client, scope.session)


def of_county(county: TenantId, principal: Principal, request_id: str) -> Scope:
    """Return the scope in which a county's rows are read to leave, or destroyed."""
    return Scope(county, principal, "departure", request_id)


class Departures:
    """Exports of counties.

    Parameters
    ----------
    works, province : Works, ProvinceWorks
    directory : Directory
    ports : Ports
    folder : Path
        Where exports are laid down that nobody gave a place.
    bag_bytes : int
        Size after which the next bag is begun.
    """

    def __init__(
        self,
        works: Works,
        province: ProvinceWorks,
        directory: Directory,
        ports: Ports,
        folder: Path,
        bag_bytes: int = BAG_BYTES,
    ) -> None:
        self._works = works
        self._province = province
        self._directory = directory
        self._ports = ports
        self._folder = folder.resolve()
        self._bag_bytes = bag_bytes

    def begin(
        self,
        county: str,
        scope: ProvinceScope,
        *,
        export_id: uuid.UUID | None = None,
        passphrase: str = "",
        to: Path | None = None,
        job: bool = True,
    ) -> Export:
        """Note that a county is to be exported.

        Parameters
        ----------
        export_id : UUID or None
            Makes the request one and the same when it is repeated.
        passphrase : str
            Under it the county's key goes along; without, what is sealed can never be opened elsewhere.
        to : Path or None
            Folder to make; None leaves the choice here.
        job : bool
            Whether the workers shall do it; else the caller runs it.
        """
        POLICY.require("export", scope.principal.roles)
        tenant = self._county(county)
        if tenant.state == TenantState.RETIRED:
            raise Conflict(tenant.state, "export")
        if passphrase and len(passphrase) < _SHORTEST_PASSPHRASE:
            raise Invalid((Fault("length", "passphrase", allowed=f"{_SHORTEST_PASSPHRASE}–"),))
        if to is not None and to.exists():
            raise Invalid((Fault("folder_taken", "folder", str(to)),))
        export_id, now = export_id or new_id(), clock.now()
        for export in self.of(tenant.id, scope):
            if export.id == export_id:
                return export
        folder = to.resolve() if to else self._folder / f"{tenant.id}-{now:%Y%m%dT%H%M%SZ}-{export_id.hex[-6:]}"
        key = ""
        if passphrase:
            with entered(of_county(tenant.id, scope.principal, scope.request_id)):
                key = self._ports.keys.leave(passphrase)
        with self._province(scope) as told:
            told.record(tenant.id, ExportAsked(export_id, with_key=bool(key)))
        with entered(office(scope)), self._works() as work:
            row = ExportRow(
                id=export_id, county=tenant.id, folder=str(folder), key=key, asked_by=scope.principal.id, asked_at=now,
                facts={},
            )  # fmt: skip
            work.session.add(row)
            work.record(ExportAsked(export_id, with_key=bool(key)))
            if job:
                work.jobs.ask(TASK, export_id)
            work.session.flush()
            return export_value(row)

    def of(self, county: str, scope: ProvinceScope) -> tuple[Export, ...]:
        """Return the exports of a county, newest first."""
        POLICY.require("read", scope.principal.roles)
        query = select(ExportRow).where(ExportRow.county == county).order_by(ExportRow.asked_at.desc())
        with entered(office(scope)), self._works() as work:
            return tuple(map(export_value, work.session.scalars(query)))

    def run(self, export_id: uuid.UUID, progress: Progress) -> Export:
        """Write an export, or go on where it was left, and read it back; in the scope of the province's office."""
        here = current_scope()
        with self._works() as work:
            row = work.session.get(ExportRow, (PROVINCE, export_id))
            if row is None:
                raise NotFound("export")
            export, key = export_value(row), row.key
        folder = Path(export.folder)
        tenant = self._county(export.county)
        with entered(of_county(tenant.id, here.principal, here.request_id)):
            log = self._ports.audit.sealed()
            with self._works.apart() as work:
                session = work.session
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": export_id.int >> 65}):
                    raise Conflict("running", "export")
                if not folder.exists():
                    self._write(session, tenant, export, key, log, progress)
        contents = self.verify(folder)
        taken = datetime.fromisoformat(str(contents.facts["taken_at"]))
        log = contents.facts["audit"]
        event = CountyExported(export_id, digest=contents.digest, entries=int(log["size"]), root=str(log["root"]))
        told = ProvinceScope(here.principal, here.purpose, here.request_id, here.client, here.session)
        with self._province(told) as noted:
            noted.record(tenant.id, event)
        with self._works() as work:
            row = work.session.get_one(ExportRow, (PROVINCE, export_id))
            row.taken_at, row.digest, row.facts = taken, contents.digest, dict(contents.facts)
            row.verified_at = clock.now()
            work.record(event)
            return export_value(row)

    def verify(self, folder: Path) -> Contents:
        """Hold an export against its manifests, counts, ledger of objects and audit log; raises `BagBroken`."""
        return verify(folder, self._ports.audit.verify)

    def _county(self, county: str) -> Tenant:
        tenant = self._directory.get(county)
        if tenant.kind != "county":
            raise NotFound("county")
        return tenant

    def _write(
        self, session: Session, tenant: Tenant, export: Export, key: str, log: Extent, progress: Progress
    ) -> None:
        folder = Path(export.folder)
        draft = folder.with_name(f".{folder.name}.{export.id}")
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
        draft.mkdir(parents=True)
        session.execute(text("SET LOCAL timezone = 'UTC'"))
        taken = session.execute(text("SELECT now()")).scalar_one()
        revision = session.execute(REVISION).scalar_one()
        info = {
            "Source-Organization": " ".join(tenant.name.split()),
            "External-Identifier": f"{tenant.archive_code}-{export.id}",
            "External-Description": f"Everything {tenant.id} owns",
            "Bag-Group-Identifier": str(export.id),
            "Bag-Software-Agent": "Lantai Cloud",
        }
        tables = [table for table in in_order() if table not in LEFT_BEHIND and not table.startswith(f"{AUDIT}_")]
        counts: dict[str, int] = {}
        with Bags(draft, info, bound=self._bag_bytes) as bags:
            for table in tables:
                counts[table] = _write_rows(session, bags, table)
            with bags.file("rows/schema.json", 0) as path:
                path.write_bytes(canonical(_schema(session, tables)))
            with bags.file(LOG, 0) as path:
                self._ports.audit.write(session, log.size, path)
            progress(0, counts["stored_object"])
            octets = 0
            for number, (name, sha256, size) in enumerate(_objects(session), 1):
                with bags.file(f"{OBJECTS}{name}", size) as path:
                    self._ports.objects.take(tenant, name, sha256, path)
                octets += size
                progress(number, counts["stored_object"])
            facts = {
                "format": FORMAT,
                "export": str(export.id),
                "county": _entry(session, tenant.id),
                "revision": revision,
                "taken_at": taken.isoformat(),
                "tables": counts,
                "left_behind": LEFT_BEHIND,
                "objects": {"count": counts["stored_object"], "bytes": octets},
                "audit": {"size": log.size, "root": log.root},
            }
            beside = {FACTS: json.dumps(facts, ensure_ascii=False, indent=1) + "\n", README: _readme(tenant)}
            bags.seal({**beside, KEY: key} if key else beside)
        draft.replace(folder)


def verify(folder: Path, verify_log: Callable[[Path, str, str], Extent], keys: str = "") -> Contents:
    """Hold an export against its manifests, counts, ledger of objects and audit log, with nothing else at hand.

    Parameters
    ----------
    folder : Path
    verify_log : callable
        As `AuditLog.verify`.
    keys : str
        Public keys of whoever signed the audit log; without them the signer is not checked.

    Raises `BagBroken`, naming the first file that is missing, altered or not listed.
    """
    if not (folder / MANIFEST).is_file():
        raise BagBroken(MANIFEST)
    rows: dict[str, list[Path]] = {}
    counts: dict[str, int] = {}
    objects, ledger, log = 0, iter(()), None
    for packed in verified(folder):
        kind, _, rest = packed.name.partition("/")
        if kind == "rows" and (match := _ROWS.fullmatch(packed.name)):
            rows.setdefault(match[1], []).append(packed.path)
            counts[match[1]] = counts.get(match[1], 0) + _lines_in(packed.path)
        elif packed.name.startswith(OBJECTS):
            ledger = ledger if objects else listed(rows.get("stored_object", []))
            objects += 1
            if next(ledger, None) != (rest, packed.sha256):
                raise BagBroken(_under(folder, packed))
        elif packed.name == LOG:
            log = packed.path
        elif packed.name != "rows/schema.json":
            raise BagBroken(_under(folder, packed))
    facts = _facts(folder)
    if (
        log is None
        or {table: told for table, told in facts["tables"].items() if told} != counts
        or LEFT_BEHIND.keys() & counts.keys()
        or objects != counts.get("stored_object", 0)
    ):
        raise BagBroken(FACTS)
    extent = verify_log(log, facts["county"]["id"], keys)
    if facts["audit"] != {"size": extent.size, "root": extent.root}:
        raise BagBroken(FACTS)
    return Contents(folder, digest(folder / MANIFEST), facts, rows, objects, log)


def listed(files: list[Path]) -> Iterator[tuple[str, str]]:
    """Give key and SHA-256 of each object that the ledger in an export tells of."""
    for path in files:
        with readable("rows/stored_object"), path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield str(row["key"]), str(row["sha256"])


def export_value(row: ExportRow) -> Export:
    """Return an export as front doors know it; its key stays here."""
    return Export(
        row.id, TenantId(row.county), row.folder, bool(row.key), row.asked_by, row.asked_at, row.taken_at,
        row.digest or "", row.facts, row.verified_at,
    )  # fmt: skip


def _facts(folder: Path) -> dict[str, Any]:
    with readable(FACTS):
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        if facts["format"] != FORMAT or not isinstance(facts["county"]["id"], str):
            raise BagBroken(FACTS)
        datetime.fromisoformat(facts["taken_at"])
        uuid.UUID(facts["export"])
        _ = (facts["revision"], facts["audit"], facts["tables"].items())
        return facts


def _under(folder: Path, packed: Packed) -> str:
    return packed.path.relative_to(folder).as_posix()


def _lines_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def in_order() -> list[str]:
    """Return the tenant tables, each after those it refers to."""
    owned = set(tenant_tables())
    return [table.name for table in Base.metadata.sorted_tables if table.name in owned]


def _stream(session: Session, query: sql.Composed) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query as they come, a few at a time."""
    driver = cast("psycopg.Connection[tuple[Any, ...]]", session.connection().connection.driver_connection)
    cursor = psycopg.ServerCursor(driver, f"departure_{uuid.uuid4().hex}")
    with cursor:
        cursor.itersize = _BATCH
        cursor.execute(query)
        yield from cursor


def _key_of(table: str) -> sql.Composed:
    columns = Base.metadata.tables[table].primary_key.columns
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _write_rows(session: Session, bags: Bags, table: str) -> int:
    query = sql.SQL("SELECT row_to_json(t)::text FROM {} t ORDER BY {}").format(sql.Identifier(table), _key_of(table))
    lines = (str(told).encode() + b"\n" for (told,) in _stream(session, query))
    count, part, line = 0, 0, next(lines, None)
    while line is not None:
        part, size = part + 1, 0
        with bags.file(f"rows/{table}/{part:04d}.jsonl", PART_BYTES) as path, path.open("wb") as file:
            while line is not None and (not size or size + len(line) <= PART_BYTES):
                size += file.write(line)
                count, line = count + 1, next(lines, None)
    return count


def _objects(session: Session) -> Iterator[tuple[str, str, int]]:
    query = sql.SQL("SELECT key, sha256, size FROM stored_object ORDER BY {}").format(_key_of("stored_object"))
    return ((str(key), str(sha256), int(size)) for key, sha256, size in _stream(session, query))


def _schema(session: Session, tables: list[str]) -> dict[str, object]:
    query = text(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace"
        " AND c.relname = ANY (:tables) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
    )
    told: dict[str, list[object]] = {}
    for table, name, kind, required in session.execute(query, {"tables": tables}):
        told.setdefault(table, []).append({"name": name, "type": kind, "required": required})
    keys = {table: [column.name for column in Base.metadata.tables[table].primary_key.columns] for table in tables}
    return {table: {"columns": told[table], "key": keys[table]} for table in tables}


def _entry(session: Session, county: TenantId) -> dict[str, object]:
    query = select(text("to_jsonb(tenant)")).select_from(TenantRow).where(TenantRow.id == county)
    return session.execute(query).scalar_one()


def _readme(tenant: Tenant) -> str:
    name = " ".join(tenant.name.split())
    return "\n\n".join(messages.text("departure.readme", language, name=name) for language in ("zh", "en")) + "\n"
