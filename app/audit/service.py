"""Writing, reading and verifying a county's audit log."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.audit.models import AuditEntryRow, AuditHeadRow
from app.kernel import clock
from app.kernel.events import Event
from app.kernel.hashes import Digest, canonical, sha256
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.kernel.predicate import Policy, role
from app.platform.predicates import beginning
from app.platform.work import Work, Works
from tenants.scope import current_scope

START = Digest("0" * 64)
BATCH = 2000

POLICY = Policy({"read": role("audit_admin", "director"), "verify": role("audit_admin", "director")})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes
    ----------
    seq : int
        Position in the county's chain, from 1, without gaps.
    previous, digest : str
        SHA-256 of the entry before, and of this one together with it.
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
    details: Mapping[str, object]
    previous: str
    digest: str

    def recomputed(self) -> Digest:
        """Return the digest this entry must carry."""
        return _digest(asdict(self))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a chain holds, and where it first does not."""

    entries: int
    broken_at: int | None
    head: str


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are wanted; empty fields ask nothing."""

    action: str = ""
    principal: str = ""
    object_id: uuid.UUID | None = None


def _digest(entry: Mapping[str, object]) -> Digest:
    at = entry["at"]
    assert isinstance(at, datetime)  # noqa: S101
    told = {key: value for key, value in entry.items() if key != "digest"}
    return sha256(canonical(told | {"at": at.isoformat()}))


def write(work: Work, events: list[Event]) -> None:
    """Append events to the chain of the tenant in scope, in the transaction of the act itself."""
    if not events:
        return
    scope, session = work.scope, work.session
    session.execute(upsert(AuditHeadRow).values(tenant_id=scope.tenant, seq=0, digest=START).on_conflict_do_nothing())
    head = session.get_one(AuditHeadRow, scope.tenant, with_for_update=True, populate_existing=True)
    at = clock.now()
    roles = sorted(scope.principal.roles)
    rows: list[dict[str, object]] = []
    for event in events:
        row: dict[str, object] = {
            "tenant": scope.tenant,
            "seq": head.seq + 1,
            "at": at,
            "principal_id": scope.principal.id,
            "roles": roles,
            "action": event.action,
            "object_id": event.object_id,
            "purpose": scope.purpose,
            "request_id": scope.request_id,
            "details": {key: _plain(value) for key, value in event.details().items()},
            "previous": head.digest,
        }
        row["digest"] = _digest(row)
        head.seq, head.digest = head.seq + 1, str(row["digest"])
        rows.append(row | {"tenant_id": row.pop("tenant")})
    for start in range(0, len(rows), BATCH):
        session.execute(insert(AuditEntryRow), rows[start : start + BATCH])


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


class AuditService:
    """The county's log, for its audit administrator and director."""

    def __init__(self, works: Works) -> None:
        self._work = works

    def page(self, request: PageRequest, wanted: EntryFilter) -> Page[Entry]:
        """Return entries, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        query = select(AuditEntryRow).order_by(AuditEntryRow.seq.desc()).limit(request.limit + 1)
        if wanted.action:
            query = query.where(beginning(AuditEntryRow.action, wanted.action))
        if wanted.principal:
            query = query.where(AuditEntryRow.principal_id == wanted.principal)
        if wanted.object_id:
            query = query.where(AuditEntryRow.object_id == wanted.object_id)
        if request.after:
            query = query.where(AuditEntryRow.seq < int(request.after[0]))
        with self._work() as work:
            rows = tuple(map(_value, work.session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((str(shown[-1].seq),)) if more else None)

    def verify(self) -> Verdict:
        """Recompute the whole chain of the county and compare it with what is stored."""
        POLICY.require("verify", current_scope().principal.roles)
        with self._work() as work:
            head = work.session.get(AuditHeadRow, current_scope().tenant)
            query = select(AuditEntryRow).order_by(AuditEntryRow.seq).execution_options(yield_per=BATCH)
            with work.session.scalars(query) as stored:
                return verified(map(_value, stored), head.digest if head else START)


def verified(entries: Iterator[Entry], head: str) -> Verdict:
    """Check that entries are numbered without gaps, each sealed over the one before, up to the head."""
    seq, previous = 0, str(START)
    for entry in entries:
        if entry.seq != seq + 1 or entry.previous != previous or entry.digest != entry.recomputed():
            return Verdict(seq, seq + 1, previous)
        seq, previous = entry.seq, entry.digest
    return Verdict(seq, None if previous == head else seq + 1, previous)


def _value(row: AuditEntryRow) -> Entry:
    return Entry(
        tenant=row.tenant_id,
        seq=row.seq,
        at=row.at,
        principal_id=row.principal_id,
        roles=tuple(map(str, row.roles)),
        action=row.action,
        object_id=row.object_id,
        purpose=row.purpose,
        request_id=row.request_id,
        details=row.details,
        previous=row.previous,
        digest=row.digest,
    )
