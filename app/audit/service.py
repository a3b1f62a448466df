"""Writing, reading and verifying a tenant's audit log."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.audit.models import AuditCheckpointRow, AuditEntryRow, AuditHeadRow, AuditTileRow
from app.audit.offline import Entry as Line
from app.audit.offline import Finding, Report, examine
from app.kernel import clock
from app.kernel.errors import DomainError
from app.kernel.events import Event
from app.kernel.hashes import canonical
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.kernel.predicate import Policy, role
from app.platform.predicates import beginning
from app.platform.work import Work, Works
from tenants.scope import Scope, current_scope

BATCH = 2000
CHECKPOINT = "audit.checkpoint"

POLICY = Policy({"read": role("audit_admin", "director"), "verify": role("audit_admin", "director")})

_APPEND = text("SELECT reached, at_once, later FROM audit_append(:bodies, :told, :entries, :span)")
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
        values = {"bodies": bodies, "told": told, "entries": self._entries, "span": self._span}
        try:
            reached, at_once, later = work.session.execute(_APPEND, values).one()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") == _CLOCK_JUMPED:
                raise ClockJumped from error
            raise
        if at_once or later:
            after = timedelta() if at_once else self._span
            work.jobs.ask(CHECKPOINT, log_id(work.scope.tenant), key=str(reached), after=after)


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
    entries : int
        How many were read.
    broken_at : int or None
        The first entry that does not hold; None for a log that is whole.
    kind : str
        What is the matter with it, as in `app.audit.offline.WORDS`; empty for a log that is whole.
    head : str
        Root of the entries read, hexadecimal.
    findings : tuple of Finding
    """

    entries: int
    broken_at: int | None
    kind: str
    head: str
    findings: tuple[Finding, ...]


class AuditService:
    """A tenant's log, for its audit administrator and director."""

    def __init__(self, works: Works) -> None:
        self._work = works

    def note(self, event: Event) -> None:
        """Record an event by itself, whatever becomes of the work around it: a refusal."""
        with self._work.apart() as work:
            work.record(event)

    def page(self, request: PageRequest, wanted: EntryFilter) -> Page[Entry]:
        """Return entries, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        told = AuditEntryRow
        query = select(told).order_by(told.seq.desc()).limit(request.limit + 1)
        if wanted.action:
            query = query.where(beginning(told.action, wanted.action))
        if wanted.principal:
            query = query.where(told.principal_id == wanted.principal)
        if wanted.object_id:
            query = query.where(told.object_id == wanted.object_id)
        if wanted.result:
            query = query.where(told.result == wanted.result)
        if wanted.session:
            query = query.where(told.session == wanted.session)
        if wanted.since:
            query = query.where(told.at >= wanted.since)
        if wanted.until:
            query = query.where(told.at < wanted.until)
        if request.after:
            query = query.where(told.seq < int(request.after[0]))
        with self._work() as work:
            rows = tuple(map(_value, work.session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((str(shown[-1].seq),)) if more else None)

    def verify(self) -> Verdict:
        """Hold every entry against its leaf, the tiles and the head."""
        POLICY.require("verify", current_scope().principal.roles)
        with self._work() as work:
            report = self._examined(work)
        tree, findings = report.tree, tuple(report.findings)
        first = findings[0] if findings else None
        return Verdict(
            tree.size, first and first.seq, first.kind if first else "", tree.root().hex(), findings
        )

    def _examined(self, work: Work) -> Report:
        newest = select(func.max(AuditEntryRow.seq)).scalar_subquery()
        stated = work.session.execute(select(AuditHeadRow.size, AuditHeadRow.roots, newest)).one_or_none()
        size, roots, last = stated or (0, b"", None)
        report = examine(f"lantai/{work.scope.tenant}", _lines(work, size), _tiles(work), (), ())
        findings = list(report.findings)
        if not findings and report.tree.size < size:
            findings.append(Finding("removed", report.tree.size + 1, size))
        if not findings and (b"".join(report.tree.roots) != roots or (last or 0) > size):
            findings.append(Finding("head", size + 1, max(last or 0, size + 1)))
        return report._replace(findings=findings)


def _lines(work: Work, size: int) -> Iterator[Line]:
    query = select(AuditEntryRow.seq, _MOMENT, AuditEntryRow.leaf, AuditEntryRow.body)
    query = query.where(AuditEntryRow.seq <= size).order_by(AuditEntryRow.seq)
    with work.session.execute(query.execution_options(yield_per=BATCH)) as rows:
        for seq, at, leaf, body in rows:
            yield Line(seq, at.encode(), leaf, body.encode())


def _tiles(work: Work):
    query = select(AuditTileRow.hashes)

    def tile(level: int, number: int) -> bytes:
        wanted = query.where(AuditTileRow.level == level, AuditTileRow.number == number)
        return work.session.scalar(wanted) or b""

    return tile


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
        purpose=row.purpose,
        request_id=row.request_id,
        client=row.client,
        session=row.session,
        result=row.result,
        reason=body["reason"],
        before=body["before"],
        after=body["after"],
        details=body["details"],
        leaf=row.leaf.hex(),
    )
