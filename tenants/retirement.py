"""A county's end: proposed by one person of the province, approved by another, carried out once, certified.

The database decides: one function destroys key and rows in one transaction, and itself looks up both approvals,
the verified export and that nothing was done since. Objects follow, then the certificate; each may be repeated.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.kernel import clock
from app.kernel.errors import Conflict, DomainError, Fault, Invalid, NotFound
from app.kernel.events import Event
from app.kernel.ids import new_id
from app.platform import messages
from app.platform.database import Base, tenant_tables
from app.platform.provincial import ProvinceWorks
from app.platform.work import Work, Works
from tenants.departure import Export, Extent, Ports, Progress, export_value, of_county, office
from tenants.directory import Directory, Tenant, TenantState
from tenants.models import ExportRow, RetirementRow, TenantRow
from tenants.policy import POLICY
from tenants.scope import PROVINCE, ProvinceScope, TenantId, current_scope, entered

TASK = "departure.retire"

_LONGEST_REASON = 200
_DESTROY = text("SELECT county_destroy(:county, :retirement)")
_LATER = text(
    "SELECT count(*) FROM audit_entry WHERE seq > :size AND result = 'done' AND action !~ '^departure:|signed_out$'"
)
"""What county_destroy asks too; whoever still holds an old session or token may give it back at any time."""

Sign = Callable[[str], str]
"""Returns a text as a note signed with the key of the audit checkpoints."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What retiring a county would destroy, and why it may not be done yet.

    Attributes
    ----------
    rows : mapping of str to int
        By table; empty tables are not named.
    obstacles : tuple of Obstacle
        None where it may be proposed.
    """

    county: Tenant
    rows: Mapping[str, int]
    objects: int
    octets: int
    log: Extent
    export: Export | None
    obstacles: "tuple[Obstacle, ...]"


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a county as the province keeps it.

    Attributes
    ----------
    facts : mapping
        What there was to destroy, as last counted: objects, bytes, audit log.
    destroyed : mapping of str to int or None
        Rows that were destroyed, by table.
    certificate : str
        Signed note; empty until all is done.
    """

    id: uuid.UUID
    county: TenantId
    export_id: uuid.UUID
    export_digest: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    facts: Mapping[str, Any]
    destroyed: Mapping[str, Any] | None
    destroyed_at: datetime | None
    certificate: str


@dataclass(eq=False)
class Obstacle(DomainError):
    """Something stands against retiring the county now."""

    status: ClassVar[int] = 409
    county: str


class CountyOpen(Obstacle):
    """The county is not suspended."""

    code: ClassVar[str] = "departure.open"


class ExportMissing(Obstacle):
    """No export was made and verified since the county was suspended."""

    code: ClassVar[str] = "departure.no_export"


class ChangedSince(Obstacle):
    """Something was done in the county after its export."""

    code: ClassVar[str] = "departure.changed"


@dataclass(eq=False)
class SecondPersonNeeded(DomainError):
    """Whoever proposed a county's end cannot approve it, under no account."""

    code: ClassVar[str] = "departure.second_person"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class RetirementProposed(Event):
    """Somebody of the province proposed to end a county."""

    action: ClassVar[str] = "departure:retirement:proposed"
    export: uuid.UUID


@dataclass(frozen=True, slots=True)
class RetirementApproved(Event):
    """A second person approved; the workers carry it out."""

    action: ClassVar[str] = "departure:retirement:approved"
    export: uuid.UUID


@dataclass(frozen=True, slots=True)
class CountyRetired(Event):
    """Rows, objects and key of a county are destroyed; told in the province's log, the county's own is gone."""

    action: ClassVar[str] = "departure:county:retired"
    county: str
    objects: int
    export: str


class Retirements:
    """Ends of counties.

    Parameters
    ----------
    works, province : Works, ProvinceWorks
    directory : Directory
    ports : Ports
    sign : callable
    folder : Path
        Where certificates are laid down as files.
    """

    def __init__(
        self, works: Works, province: ProvinceWorks, directory: Directory, ports: Ports, sign: Sign, folder: Path
    ) -> None:
        self._works = works
        self._province = province
        self._directory = directory
        self._ports = ports
        self._sign = sign
        self._folder = folder.resolve()

    def plan(self, county: str, scope: ProvinceScope) -> Plan:
        """Count what would be destroyed, and say what stands against it; nothing is changed."""
        POLICY.require("read", scope.principal.roles)
        tenant = self._county(county)
        with entered(office(scope)), self._works() as work:
            query = select(ExportRow).where(ExportRow.county == tenant.id, ExportRow.verified_at.is_not(None))
            row = work.session.scalar(query.order_by(ExportRow.taken_at.desc()).limit(1))
            export = export_value(row) if row else None
        with entered(of_county(tenant.id, scope.principal, scope.request_id)), self._works() as work:
            rows = _counts(work.session)
            objects, octets = work.session.execute(
                text("SELECT count(*), coalesce(sum(size), 0)::bigint FROM stored_object")
            ).one()
            log = self._ports.audit.extent(work.session)
            obstacles = tuple(_obstacles(tenant, export, work.session))
        return Plan(tenant, rows, objects, octets, log, export, obstacles)

    def propose(
        self, county: str, scope: ProvinceScope, *, reason: str, retirement_id: uuid.UUID | None = None
    ) -> Retirement:
        """Propose to end a county; under an id that was given before, nothing changes.

        Raises `Obstacle` where it is not suspended, or where no export of its last state was verified.
        """
        POLICY.require("retire", scope.principal.roles)
        if not reason.strip() or len(reason) > _LONGEST_REASON:
            raise Invalid((Fault("length", "reason", allowed=f"1–{_LONGEST_REASON}"),))
        plan = self._clear(county, scope)
        assert plan.export is not None  # noqa: S101  # else there were an obstacle
        retirement_id, person = retirement_id or new_id(), self._person(scope)
        for retirement in self.of(county, scope):
            if retirement.id == retirement_id:
                return retirement
        event = RetirementProposed(retirement_id, export=plan.export.id)
        with self._province(scope) as told:
            told.record(plan.county.id, event)
        with entered(office(scope)), self._works() as work:
            work.session.add(
                RetirementRow(
                    id=retirement_id, county=plan.county.id, export_id=plan.export.id, reason=reason.strip(),
                    proposed_by=scope.principal.id, proposer=person,
                    proposed_at=clock.now(), facts={},
                )
            )  # fmt: skip
            work.record(event)
            return _get(work, retirement_id)

    def approve(self, retirement_id: uuid.UUID, county: str, scope: ProvinceScope, *, job: bool = True) -> Retirement:
        """Approve as a second person, and have it carried out; the same person again changes nothing.

        Parameters
        ----------
        job : bool
            Whether the workers shall carry it out; else the caller does, by `run`.

        Raises `SecondPersonNeeded` and `Obstacle`.
        """
        POLICY.require("retire", scope.principal.roles)
        person = self._person(scope)
        proposed = self.get(retirement_id, county, scope)
        with entered(office(scope)), self._works() as work:
            row = _row(work, retirement_id)
            if scope.principal.id == row.proposed_by or person == row.proposer:
                raise SecondPersonNeeded
            if row.approved_by not in (None, scope.principal.id):
                raise Conflict("approved", "approve")
        if proposed.approved_at is None:
            self._clear(proposed.county, scope)
            event = RetirementApproved(retirement_id, export=proposed.export_id)
            with self._province(scope) as told:
                told.record(proposed.county, event)
            with entered(office(scope)), self._works() as work:
                row = _row(work, retirement_id)
                row.approved_by, row.approver, row.approved_at = scope.principal.id, person, clock.now()
                work.record(event)
        if job:
            with entered(office(scope)), self._works() as work:
                work.jobs.ask(TASK, retirement_id)
        return self.get(retirement_id, county, scope)

    def get(self, retirement_id: uuid.UUID, county: str, scope: ProvinceScope) -> Retirement:
        """Return one of a county; raises `NotFound`."""
        POLICY.require("read", scope.principal.roles)
        with entered(office(scope)), self._works() as work:
            found = _get(work, retirement_id)
        if found.county != county:
            raise NotFound("retirement")
        return found

    def of(self, county: str, scope: ProvinceScope) -> tuple[Retirement, ...]:
        """Return what was ever proposed for a county, newest first."""
        POLICY.require("read", scope.principal.roles)
        query = (
            select(RetirementRow.id).where(RetirementRow.county == county).order_by(RetirementRow.proposed_at.desc())
        )
        with entered(office(scope)), self._works() as work:
            return tuple(_get(work, retirement_id) for retirement_id in work.session.scalars(query))

    def run(self, retirement_id: uuid.UUID, progress: Progress) -> Retirement:
        """Carry an approved retirement out, or go on where it was left; in the scope of the province's office."""
        here = current_scope()
        scope = ProvinceScope(here.principal, here.purpose, here.request_id, here.client, here.session)
        with self._works() as work:
            retirement = _get(work, retirement_id)
        tenant = self._county(retirement.county)
        if retirement.approved_at is None:
            raise SecondPersonNeeded
        if retirement.destroyed_at is None:
            plan = self._clear(tenant.id, scope)
            with self._works() as work:
                log = {"size": plan.log.size, "root": plan.log.root}
                _row(work, retirement_id).facts = {"objects": plan.objects, "bytes": plan.octets, "audit": log}
            with self._province(scope) as work:
                work.session.execute(_DESTROY, {"county": tenant.id, "retirement": retirement_id})
        progress(1, 3)
        self._ports.objects.destroy(tenant)
        progress(2, 3)
        with self._works() as work:
            row = _row(work, retirement_id)
            if row.certificate is None:
                row.certificate = self._sign(_certificate(tenant, _get(work, retirement_id)))
                objects = int(str(row.facts["objects"]))
                work.record(CountyRetired(retirement_id, tenant.id, objects, retirement.export_digest))
            certificate = row.certificate
        self._lay_down(f"{tenant.id}-{retirement_id}.txt", certificate)
        progress(3, 3)
        with self._works() as work:
            return _get(work, retirement_id)

    def _county(self, county: str) -> Tenant:
        tenant = self._directory.get(county)
        if tenant.kind != "county":
            raise NotFound("county")
        return tenant

    def _clear(self, county: str, scope: ProvinceScope) -> Plan:
        """Return the plan of a county that nothing stands against; raises `Obstacle`."""
        plan = self.plan(county, scope)
        if plan.obstacles:
            raise plan.obstacles[0]
        return plan

    def _person(self, scope: ProvinceScope) -> str:
        """Return who acts, whichever of their accounts they use."""
        with entered(office(scope)):
            return self._ports.person(scope.principal.id)

    def _lay_down(self, name: str, told: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}"
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(told)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)


def _obstacles(tenant: Tenant, export: Export | None, session: Session) -> Iterator[Obstacle]:
    changed_at = session.scalar(select(TenantRow.changed_at).where(TenantRow.id == tenant.id))
    if tenant.state != TenantState.SUSPENDED:
        yield CountyOpen(tenant.name)
    if export is None or export.taken_at is None or changed_at is None or export.taken_at <= changed_at:
        yield ExportMissing(tenant.name)
    elif session.scalar(_LATER, {"size": export.facts["audit"]["size"]}):
        yield ChangedSince(tenant.name)


def _counts(session: Session) -> dict[str, int]:
    counts = {
        name: session.scalar(select(func.count()).select_from(Base.metadata.tables[name])) or 0
        for name in tenant_tables()
    }
    return {name: rows for name, rows in counts.items() if rows}


def _row(work: Work, retirement_id: uuid.UUID) -> RetirementRow:
    row = work.session.get(RetirementRow, (PROVINCE, retirement_id), with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("retirement")
    return row


def _get(work: Work, retirement_id: uuid.UUID) -> Retirement:
    row = work.session.get(RetirementRow, (PROVINCE, retirement_id), populate_existing=True)
    if row is None:
        raise NotFound("retirement")
    export = work.session.get_one(ExportRow, (PROVINCE, row.export_id))
    return Retirement(
        row.id, TenantId(row.county), row.export_id, export.digest, row.reason, row.proposed_by, row.proposed_at,
        row.approved_by, row.approved_at, row.facts, row.destroyed, row.destroyed_at, row.certificate or "",
    )  # fmt: skip


def _certificate(tenant: Tenant, retirement: Retirement) -> str:
    """Return what the certificate says, in both languages."""
    rows = retirement.destroyed or {}
    log = retirement.facts["audit"]
    told = {
        "id": retirement.id,
        "county": tenant.id,
        "name": " ".join(tenant.name.split()),
        "archive_code": tenant.archive_code,
        "reason": " ".join(retirement.reason.split()),
        "proposed_by": retirement.proposed_by,
        "proposed_at": f"{retirement.proposed_at:%Y-%m-%dT%H:%M:%SZ}",
        "approved_by": retirement.approved_by,
        "approved_at": f"{retirement.approved_at:%Y-%m-%dT%H:%M:%SZ}",
        "destroyed_at": f"{retirement.destroyed_at:%Y-%m-%dT%H:%M:%SZ}",
        "export": retirement.export_digest,
        "rows": sum(map(int, rows.values())),
        "tables": ", ".join(f"{name} {count}" for name, count in sorted(rows.items())),
        "objects": retirement.facts["objects"],
        "bytes": retirement.facts["bytes"],
        "entries": log["size"],
        "root": log["root"],
    }
    return "\n\n".join(messages.text("departure.certificate", language, **told) for language in ("zh", "en")) + "\n"
