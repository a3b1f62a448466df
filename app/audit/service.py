"""Writing, reading, signing and verifying a tenant's audit log."""

import base64
import json
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, ClassVar, Literal, get_args
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile
from zipfile import Path as ZipPath
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, cast, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.audit import merkle, offline, selection
from app.audit.alerts import ALERTS, AlertsService
from app.audit.detectors import SIGN_INS_REFUSED
from app.audit.models import AuditCheckpointRow, AuditEntryRow, AuditHeadRow, AuditTileRow
from app.audit.notary import FOLDER, Notary
from app.audit.offline import HASH, TILE, Checkpoint, Finding, examine, folded
from app.audit.types import Day, LogCounted, LogRead, LogVerified, SelectionExported, Trends
from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.kernel.events import Event
from app.kernel.hashes import canonical, sha256
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.kernel.predicate import Policy, role
from app.platform.database import AHEAD, COMMIT_AHEAD
from app.platform.predicates import beginning
from app.platform.work import Work, Works
from tenants.scope import Scope, TenantId, current_scope

__all__ = ["ALERTS", "POLICY", "AlertsService", "AuditService", "Checkpoint", "Finding", "Writer"]

BATCH = 2000
CHECKPOINT = "audit.checkpoint"
WRITTEN_ONCE = FOLDER.partition("/")[0]
"""Folder of a tenant's bucket whose objects are written for good."""
DETECT = "audit.detect"
MOST_PROVED = 10_000
PART = 1 << 16
Form = Literal["csv", "json", "zip"]
FORMS: tuple[Form, ...] = get_args(Form)
CHINA = ZoneInfo("Asia/Shanghai")

POLICY = Policy(
    {
        "read": role("audit_admin"),
        "verify": role("audit_admin"),
        "export": role("audit_admin"),
    }
)

_APPEND = (
    f"SELECT reached, at_once, later, {COMMIT_AHEAD}"  # noqa: S608  # a constant
    " FROM audit_append(string_to_array(%(bodies)s, chr(10)), %(told)s, %(entries)s, %(span)s)"
)
"""Bodies are canonical JSON, without newlines as such: one text is sent sooner than an array of quoted ones."""
_SETTLED = text("SELECT reached FROM audit_append('{}', NULL, 0, NULL)")
"""The size of the log once all who are writing are done."""
_MOMENT = func.to_char(func.timezone("UTC", AuditEntryRow.at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
_CLOCK_JUMPED = "LT002"


@dataclass(eq=False)
class ClockJumped(DomainError):
    """The clocks of database and application are more than a minute apart: no entry could be trusted."""

    code: ClassVar[str] = "audit.clock_jumped"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes
    ----------
    seq : int
        Position in the log, from 1, without gaps.
    at : datetime
        By the database's clock.
    client, session : str
        From where, and in which session or with which token; empty for jobs and commands.
    result, reason : str
        ``done`` or ``refused``, and the code of the refusal.
    before, after : str
        Digests of what was changed, where something was.
    leaf : str
        Hash of the entry in the Merkle tree, hexadecimal.
    """

    tenant: str
    seq: int
    at: datetime
    principal_id: str
    roles: Sequence[str]
    action: str
    object_id: uuid.UUID
    purpose: str
    request_id: str
    client: str
    session: str
    result: str
    reason: str
    before: str
    after: str
    details: Mapping[str, object]
    leaf: str


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are wanted; empty fields ask nothing.

    Parameters
    ----------
    action : str
        Its beginning, e.g. ``records:item``.
    since, until : datetime
        From the one, up to but without the other.
    """

    action: str = ""
    principal: str = ""
    object_id: uuid.UUID | None = None
    result: str = ""
    session: str = ""
    since: datetime | None = None
    until: datetime | None = None


def log_id(tenant: str) -> uuid.UUID:
    """Return the id of a tenant's log, as the object of what is done with it."""
    return derived_id(tenant, "audit")


class Writer:
    """Appends events to the log of the tenant in scope, in the transaction of the act itself.

    Parameters
    ----------
    entries : int
        Most entries between two checkpoints.
    minutes : int
        Longest time between two checkpoints.
    """

    def __init__(self, *, entries: int, minutes: int) -> None:
        self._entries = entries
        self._span = timedelta(minutes=minutes)

    def __call__(self, work: Work, events: list[Event]) -> None:
        """Append, and ask for a checkpoint where one is due; raises `ClockJumped`."""
        bodies = [_body(work.scope, event) for event in events]
        for start in range(0, len(bodies), BATCH):
            self._append(work, bodies[start : start + BATCH])

    def _append(self, work: Work, bodies: list[str]) -> None:
        told = None if clock.held() else clock.now()
        values = {"bodies": "\n".join(bodies), "told": told, "entries": self._entries, "span": self._span}
        try:
            reached, at_once, later, _ = work.session.connection().exec_driver_sql(_APPEND, values).one()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") == _CLOCK_JUMPED:
                raise ClockJumped from error
            raise
        work.session.info[AHEAD] = True  # nobody waits for the log's head while the disk writes
        if at_once or later:
            after = timedelta() if at_once else self._span
            for task in (CHECKPOINT, DETECT):
                work.jobs.ask(task, log_id(work.scope.tenant), key=str(reached), after=after)


def _body(scope: Scope, event: Event) -> str:
    told = {
        "tenant": scope.tenant,
        "principal": scope.principal.id,
        "roles": sorted(scope.principal.roles),
        "action": event.action,
        "object": event.object_id,
        "purpose": scope.purpose,
        "request": scope.request_id,
        "client": scope.client,
        "session": scope.session,
        "result": event.result,
        "reason": getattr(event, "reason", ""),
        "before": getattr(event, "before", ""),
        "after": getattr(event, "after", ""),
        "details": {key: _plain(value) for key, value in event.details().items()},
    }
    return canonical(told).decode()


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a log holds.

    Attributes
    ----------
    entries, checkpoints : int
        How many were read, and how many signatures held.
    broken_at : int or None
        The first entry that does not hold; None for a log that is whole.
    kind : str
        What is the matter with it, with words under ``audit.finding``; empty for a log that is whole.
    head : str
        Root of the entries read, hexadecimal.
    findings : tuple of Finding
    """

    entries: int
    checkpoints: int
    broken_at: int | None
    kind: str
    head: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, and the note that says and signs it."""

    size: int
    root: str
    at: str
    note: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that an entry is in the log of a size, whose root a checkpoint tells.

    Attributes
    ----------
    leaf, root : str
    path : tuple of str
        Hashes that lead from the leaf to the root (RFC 9162, 2.1.3), hexadecimal like the rest.
    """

    seq: int
    at: str
    body: str
    leaf: str
    size: int
    root: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """The proof that a log of one size only grew to another (RFC 9162, 2.1.4)."""

    first: int
    second: int
    first_root: str
    second_root: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogExported(Event):
    """The log was handed out, up to an entry."""

    action: ClassVar[str] = "audit:log:exported"
    entries: int
    root: str


class AuditService:
    """A tenant's log, for its audit administrator.

    Parameters
    ----------
    works : Works
    notary : Notary
    """

    def __init__(self, works: Works, notary: Notary) -> None:
        self._work = works
        self._notary = notary

    def note(self, event: Event) -> None:
        """Record an event by itself, whatever becomes of the work around it: a refusal."""
        with self._work.apart() as work:
            work.record(event)

    def page(self, request: PageRequest, wanted: EntryFilter) -> Page[Entry]:
        """Return entries, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        query = select(AuditEntryRow).where(*_asked(wanted)).order_by(AuditEntryRow.seq.desc())
        query = query.limit(request.limit + 1)
        if request.after:
            query = query.where(AuditEntryRow.seq < int(request.after[0]))
        with self._work() as work:
            rows = tuple(map(_value, work.session.scalars(query)))
            work.record(LogRead(log_id(work.scope.tenant), digest=_digest(wanted)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((str(shown[-1].seq),)) if more else None)

    def verify(self) -> Verdict:
        """Hold every entry against its leaf, the tiles, the head, and the checkpoints of the table and all sites."""
        POLICY.require("verify", current_scope().principal.roles)
        verdict = self._examined()
        with suppress(DBAPIError):  # a broken log may take no entry; what is the matter is told all the same
            self.note(LogVerified(log_id(current_scope().tenant), verdict.entries, verdict.kind))
        return verdict

    def _examined(self) -> Verdict:
        tenant = current_scope().tenant
        with self._work() as work:
            session = work.session
            newest = select(func.max(AuditEntryRow.seq)).scalar_subquery()
            stated = session.execute(select(AuditHeadRow.size, AuditHeadRow.roots, newest)).one_or_none()
            size, roots, last = stated or (0, b"", None)
            table = {row.size: row.note for row in session.scalars(select(AuditCheckpointRow))}
            notes, missing = self._notes(tenant, table)
            report = examine(f"lantai/{tenant}", _lines(session, size), _tiles(session), notes, self._notary.keys)
        findings = [*report.findings, *missing]
        read = report.tree.size
        if not report.findings and read < size:
            findings.insert(0, Finding("removed", read + 1, size))
        elif not report.findings and (b"".join(report.tree.roots) != roots or (last or 0) > size):
            findings.insert(0, Finding("head", read + 1, max(last or 0, read + 1)))
        first = findings[0] if findings else None
        return Verdict(
            entries=read,
            checkpoints=len(report.checkpoints),
            broken_at=first and first.seq,
            kind=first.kind if first else "",
            head=report.tree.root().hex(),
            findings=tuple(findings),
        )

    def _notes(self, tenant: TenantId, table: Mapping[int, str]) -> tuple[list[tuple[str, bytes]], list[Finding]]:
        """Return each note once, however often it is kept, and where notes of the table are not kept.

        A note reaches the sites before the table, so the sites are read last.
        """
        notes = {written.encode(): f"table {size}" for size, written in table.items()}
        kept: dict[str, set[bytes]] = {site: set() for site in self._notary.sites}
        for site, key, written in self._notary.kept(tenant):
            kept[site].add(written)
            notes.setdefault(written, f"{site} {key}")
        missing = [
            Finding("missing", 1, size, f"{site} {FOLDER}/{size:012d}.note")
            for site, there in kept.items()
            for size, written in sorted(table.items())
            if written.encode() not in there
        ]
        return [(where, written) for written, where in notes.items()], missing

    def count(self, days: int) -> Trends:
        """Return the log of the last days in numbers, today's included; days are China's.

        Parameters
        ----------
        days : int
            From 1 to 366; raises `Invalid` otherwise.
        """
        POLICY.require("read", current_scope().principal.roles)
        if not 1 <= days <= 366:  # noqa: PLR2004  # a year
            raise Invalid((Fault("number", "days", str(days), allowed="1–366"),))
        told, today = AuditEntryRow, clock.now().astimezone(CHINA).date()
        first = datetime.combine(today - timedelta(days=days - 1), time(), CHINA)
        day = cast(func.timezone(str(CHINA), told.at), Date).label("day")
        failed = (told.result == "refused") & told.action.in_(SIGN_INS_REFUSED)
        counts = (func.count(), func.count().filter(told.result == "refused"), func.count().filter(failed))
        with self._work() as work:
            by_day = {
                row[0]: Day(*row)
                for row in work.session.execute(select(day, *counts).where(told.at >= first).group_by(day))
            }
            by_action = select(told.action, func.count()).where(told.at >= first).group_by(told.action)
            actions = work.session.execute(by_action.order_by(func.count().desc(), told.action)).all()
            work.record(LogCounted(log_id(work.scope.tenant), days=days))
        each = (first.date() + timedelta(days=n) for n in range(days))
        return Trends(tuple(by_day.get(day, Day(day, 0, 0, 0)) for day in each), dict(actions))

    def handed_out(self, form: Form, wanted: EntryFilter) -> Iterator[bytes]:
        """Return what is taken away, in parts: the entries that are wanted as CSV or JSON, or the whole log as ZIP.

        It is made whole before the first part is handed out. Raises as `take`, `take_proved` and `export` do.
        """
        held = TemporaryFile()  # noqa: SIM115  # closed with the last part
        try:
            match form:
                case "csv":
                    self.take(held, wanted)
                case "json":
                    self.take_proved(held, wanted)
                case "zip":
                    self.export(held)
        except BaseException:
            held.close()
            raise
        return _parts(held)

    def take(self, out: IO[bytes], wanted: EntryFilter) -> None:
        """Write the entries that are wanted as CSV, oldest first."""
        POLICY.require("export", current_scope().principal.roles)
        with self._work() as work:
            rows = work.session.execute(_taken(wanted))
            told = ({**json.loads(body), "seq": seq, "at": at, "leaf": leaf.hex()} for seq, at, leaf, body in rows)
            entries = selection.write_csv(out, told)
            work.record(SelectionExported(log_id(work.scope.tenant), _digest(wanted), "csv", entries))

    def take_proved(self, out: IO[bytes], wanted: EntryFilter) -> None:
        """Write the entries that are wanted as JSON that proves itself, oldest first.

        It holds each body as it was hashed, and the proof that its leaf is under the checkpoint signed now. At most
        10,000 entries: raises `Invalid` beyond, and `NotFound` for an empty log. `export` hands out the whole log.
        """
        POLICY.require("export", current_scope().principal.roles)
        checkpoint = self.checkpoint()
        if checkpoint is None:
            raise NotFound("entry")
        query = _taken(wanted).where(AuditEntryRow.seq <= checkpoint.size)
        with self._work() as work:
            session = work.session
            many = session.scalar(select(func.count()).select_from(query.limit(MOST_PROVED + 1).subquery())) or 0
            if many > MOST_PROVED:
                raise Invalid((Fault("number", "entries", f"> {MOST_PROVED}", allowed=f"0–{MOST_PROVED}"),))
            node = _nodes(session)
            head = {
                "log": checkpoint.origin,
                "checkpoint": self._notary.signed(checkpoint),
                "keys": list(map(str, self.keys())),
                "filter": _told(wanted),
            }
            told = (
                {
                    "seq": seq,
                    "at": at,
                    "body": body,
                    "leaf": leaf.hex(),
                    "proof": [each.hex() for each in merkle.inclusion(seq - 1, checkpoint.size, node)],
                }
                for seq, at, leaf, body in session.execute(query)
            )
            entries = selection.write_json(out, head, told)
            work.record(SelectionExported(log_id(work.scope.tenant), _digest(wanted), "json", entries))

    def checkpoint(self) -> Checkpoint | None:
        """Sign how the log stands now, on all sites and in the table; again is harmless. None for an empty log."""
        tenant = current_scope().tenant
        with self._work() as work:
            size = work.session.execute(_SETTLED).scalar_one()
        with self._work() as work:
            head = work.session.get(AuditHeadRow, tenant, populate_existing=True)
            if head is None or not size:
                return None
            root = folded([head.roots[n : n + HASH] for n in range(0, len(head.roots), HASH)])
            moment = f"{head.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        checkpoint = Checkpoint(f"lantai/{tenant}", head.size, root, moment)
        written = self._notary.signed(checkpoint)
        self._notary.keep(tenant, head.size, written)
        with self._work() as work:
            values = {"tenant_id": tenant, "size": head.size, "note": written}
            work.session.execute(insert(AuditCheckpointRow).values(values).on_conflict_do_nothing())
        return checkpoint

    def checkpoints(self, request: PageRequest) -> Page[Signed]:
        """Return the signed checkpoints, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        query = select(AuditCheckpointRow).order_by(AuditCheckpointRow.size.desc()).limit(request.limit + 1)
        if request.after:
            query = query.where(AuditCheckpointRow.size < int(request.after[0]))
        with self._work() as work:
            rows = [_signed(row.note) for row in work.session.scalars(query)]
        shown = tuple(rows[: request.limit])
        return Page(shown, encode_cursor((str(shown[-1].size),)) if len(rows) > request.limit else None)

    def inclusion(self, seq: int, size: int | None = None) -> Inclusion:
        """Return the proof that an entry is in the log; raises `NotFound`.

        Parameters
        ----------
        seq : int
        size : int, optional
            Of the log for which it is proved; as it stands where not given.
        """
        POLICY.require("read", current_scope().principal.roles)
        with self._work() as work:
            session = work.session
            size = self._size(session, size)
            if not 1 <= seq <= size:
                raise NotFound("entry")
            (line,) = _lines(session, seq, since=seq)
            node = _nodes(session)
            path = merkle.inclusion(seq - 1, size, node)
            root = merkle.root(size, node)
            work.record(LogRead(log_id(work.scope.tenant), digest=sha256(f"entry {seq}".encode())))
        return Inclusion(
            seq, line.at.decode(), line.body.decode(), line.leaf.hex(), size, root.hex(), tuple(h.hex() for h in path)
        )

    def consistency(self, first: int, second: int | None = None) -> Consistency:
        """Return the proof that the log only grew from one size to another; raises `NotFound`."""
        POLICY.require("read", current_scope().principal.roles)
        with self._work() as work:
            second = self._size(work.session, second)
            if not 1 <= first <= second:
                raise NotFound("entry")
            node = _nodes(work.session)
            path = merkle.consistency(first, second, node)
            before, after = merkle.root(first, node), merkle.root(second, node)
        return Consistency(first, second, before.hex(), after.hex(), tuple(h.hex() for h in path))

    def keys(self) -> tuple[str, ...]:
        """Return the public keys of checkpoints, the one that signs first; open to all."""
        return tuple(map(str, self._notary.keys))

    def export(self, out: IO[bytes]) -> Checkpoint:
        """Write the log, up to a checkpoint signed now, as a ZIP file that a stranger can verify.

        Parameters
        ----------
        out : binary file
        """
        POLICY.require("export", current_scope().principal.roles)
        checkpoint = self.checkpoint()
        if checkpoint is None:
            raise NotFound("entry")
        with self._work() as work:
            self.write(work.session, checkpoint.size, out)
            work.record(LogExported(log_id(work.scope.tenant), checkpoint.size, checkpoint.root.hex()))
        return checkpoint

    def write(self, session: Session, until: int, out: IO[bytes]) -> None:
        """Write the log of the tenant in scope up to a signed size, as a ZIP file, as the session sees it."""
        with ZipFile(out, "w", ZIP_DEFLATED) as archive:
            with archive.open("entries.jsonl", "w", force_zip64=True) as file:
                file.writelines(line.line() for line in _lines(session, until))
            level, count = 0, until // TILE
            while count:
                tiles = select(AuditTileRow.hashes).where(AuditTileRow.level == level, AuditTileRow.number < count)
                with archive.open(f"tiles/{level}", "w", force_zip64=True) as file:
                    file.writelines(session.scalars(tiles.order_by(AuditTileRow.number)))
                level, count = level + 1, count // TILE
            notes = select(AuditCheckpointRow).where(AuditCheckpointRow.size <= until)
            for row in session.scalars(notes.order_by(AuditCheckpointRow.size)):
                archive.writestr(f"checkpoints/{row.size:012d}.note", row.note)
            archive.writestr("key.txt", "".join(f"{key}\n" for key in self.keys()))
            archive.writestr("verify.py", Path(offline.__file__).read_bytes())

    @staticmethod
    def _size(session: Session, wanted: int | None) -> int:
        size = session.scalar(select(AuditHeadRow.size)) or 0
        if wanted is not None and not 1 <= wanted <= size:
            raise NotFound("entry")
        return size if wanted is None else wanted


def _asked(wanted: EntryFilter) -> Iterator[ColumnElement[bool]]:
    told = AuditEntryRow
    if wanted.action:
        yield beginning(told.action, wanted.action)
    if wanted.principal:
        yield told.principal_id == wanted.principal
    if wanted.object_id:
        yield told.object_id == wanted.object_id
    if wanted.result:
        yield told.result == wanted.result
    if wanted.session:
        yield told.session == wanted.session
    if wanted.since:
        yield told.at >= wanted.since
    if wanted.until:
        yield told.at < wanted.until


def _taken(wanted: EntryFilter) -> Select[int, str, bytes, str]:
    query = select(AuditEntryRow.seq, _MOMENT, AuditEntryRow.leaf, AuditEntryRow.body).where(*_asked(wanted))
    return query.order_by(AuditEntryRow.seq).execution_options(yield_per=BATCH)


def _told(wanted: EntryFilter) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(wanted).items() if value}


def _digest(wanted: EntryFilter) -> str:
    return sha256(canonical(_told(wanted)))


def _parts(held: IO[bytes]) -> Iterator[bytes]:
    with held:
        held.seek(0)
        while part := held.read(PART):
            yield part


def examined(written: Path, tenant: str, words: str) -> tuple[int, str] | None:
    """Return size and root of a tenant's written log; None where it does not hold.

    Parameters
    ----------
    written : Path
    tenant : str
        Of whom its checkpoints must speak.
    words : str
        Public keys of whoever signed it; those that lie in it where empty.
    """
    try:
        keys = offline.read_keys(words or offline.bounded(ZipPath(written) / "key.txt", offline.NOTE).decode())
        report = offline.examine_export(written, keys, f"lantai/{tenant}")
    except (OSError, ValueError, KeyError, RuntimeError, MemoryError, BadZipFile, zlib.error):
        return None
    return None if report.findings else (report.tree.size, report.tree.root().hex())


def entries_of(written: Path) -> Iterator[tuple[str, str]]:
    """Yield body and time of each entry of a written log that holds."""
    with (ZipPath(written) / "entries.jsonl").open("rb") as lines:
        for line in lines:
            entry = offline.read_line(line)
            assert entry is not None  # noqa: S101  # examined
            yield entry.body.decode(), entry.at.decode()


def extent(session: Session) -> tuple[int, str]:
    """Return size and root of the log of the tenant bound, as it is now."""
    head = session.execute(select(AuditHeadRow.size, AuditHeadRow.roots)).one_or_none()
    return (head.size, root_over(head.roots)) if head else (0, root_over(b""))


def root_over(nodes: bytes) -> str:
    """Return the root over the complete subtrees of a log, the largest first."""
    return folded([nodes[place : place + HASH] for place in range(0, len(nodes), HASH)]).hex()


def _signed(note: str) -> Signed:
    _origin, size, root, moment = note.split("\n")[:4]
    return Signed(int(size), base64.b64decode(root).hex(), moment.removeprefix("timestamp "), note)


def _lines(session: Session, until: int, *, since: int = 1) -> Iterator[offline.Entry]:
    query = select(AuditEntryRow.seq, _MOMENT, AuditEntryRow.leaf, AuditEntryRow.body)
    query = query.where(AuditEntryRow.seq >= since, AuditEntryRow.seq <= until).order_by(AuditEntryRow.seq)
    with session.execute(query.execution_options(yield_per=BATCH)) as rows:
        for seq, at, leaf, body in rows:
            yield offline.Entry(seq, at.encode(), leaf, body.encode())


def _tiles(session: Session) -> Callable[[int, int], bytes]:
    """Return level and number to the hashes of a complete tile; nothing where there is none."""

    def tile(level: int, number: int) -> bytes:
        wanted = (AuditTileRow.level == level, AuditTileRow.number == number)
        return session.scalar(select(AuditTileRow.hashes).where(*wanted)) or b""

    return tile


def _nodes(session: Session) -> merkle.Node:
    """Return height and number to the root of a complete subtree, by way of the tiles."""
    tiles = _tiles(session)

    @cache
    def row(level: int, number: int) -> bytes:
        whole = tiles(level, number)
        if whole or level:
            return whole or b"".join(
                session.scalars(
                    select(AuditTileRow.root)
                    .where(AuditTileRow.level == level - 1)
                    .where(AuditTileRow.number.between(number * TILE, number * TILE + TILE - 1))
                    .order_by(AuditTileRow.number)
                )
            )
        return b"".join(line.leaf for line in _lines(session, (number + 1) * TILE, since=number * TILE + 1))

    def node(height: int, number: int) -> bytes:
        level, above = divmod(height, 8)
        begin, width = number << above, 1 << above
        hashes, place = row(level, begin // TILE), begin % TILE
        return merkle.complete([hashes[HASH * n : HASH * (n + 1)] for n in range(place, place + width)])

    return node


def _value(row: AuditEntryRow) -> Entry:
    body = json.loads(row.body)
    return Entry(
        tenant=row.tenant_id,
        seq=row.seq,
        at=row.at,
        principal_id=row.principal_id,
        roles=tuple(map(str, body["roles"])),
        action=row.action,
        object_id=row.object_id,
        purpose=body["purpose"],
        request_id=body["request"],
        client=body["client"],
        session=row.session,
        result=row.result,
        reason=body["reason"],
        before=body["before"],
        after=body["after"],
        details=body["details"],
        leaf=row.leaf.hex(),
    )
