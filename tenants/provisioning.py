"""How a county joins: one order, then ordered steps that may each be repeated, ending in a proof of isolation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid, NotFound
from app.kernel.events import Event
from app.kernel.ids import derived_id
from app.platform.provincial import ProvinceWork, ProvinceWorks
from tenants.directory import Directory, Tenant, TenantState, TenantTaken, faults_of
from tenants.models import TenantOrderRow, TenantRow, TenantStepRow
from tenants.policy import POLICY
from tenants.quotas import Kind, limit_faults, set_in
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered

TASK = "tenants.provision"
ADMINISTRATORS = ("sys_admin", "sec_admin", "audit_admin")
_SYSTEM = Principal("system:install", roles=frozenset({"system"}))
_LONGEST_NAME = 40


class StepState(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Administrator:
    """One of a new county's three administrators.

    Attributes
    ----------
    role : str
        ``sys_admin``, ``sec_admin`` or ``audit_admin``.
    """

    role: str
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What the province fills in for a new county.

    Attributes
    ----------
    quota : mapping
        Hard limits other than everybody's; a warning comes at four fifths.
    """

    tenant: Tenant
    administrators: tuple[Administrator, ...]
    quota: Mapping[Kind, int]


class Step(Protocol):
    """A part of setting a county up. It runs in the new county's scope, and again without harm."""

    name: str

    def faults(self, order: Order, /) -> Iterator[Fault]:
        """Yield what of an order this step could not carry out."""
        ...

    def ensure(self, order: Order, /) -> None:
        """Bring about what the step stands for, whatever of it is there already."""
        ...


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as the console shows it.

    Attributes
    ----------
    error : mapping or None
        ``code`` of the catalogue and its facts.
    """

    name: str
    state: StepState
    error: Mapping[str, object] | None
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """How an administrator signs in for the first time; shown this once.

    Attributes
    ----------
    password : str
        Must be changed at once; empty for somebody who has signed in before, or is invited by mail.
    """

    role: str
    login: str
    name: str
    password: str


Invite = Callable[[Order], tuple[Invitation, ...]]
"""Makes invitations, in the new county's scope; earlier ones end."""


@dataclass(eq=False)
class IsolationBroken(DomainError):
    """The self-test saw another county's rows, or read without a county bound."""

    code: ClassVar[str] = "tenant.isolation_broken"
    status: ClassVar[int] = 500
    table: str


@dataclass(frozen=True, slots=True)
class TenantOrdered(Event):
    """The province asked for a county."""

    action: ClassVar[str] = "tenants:county:ordered"
    tenant: str


@dataclass(frozen=True, slots=True)
class TenantOpened(Event):
    """A county is set up and open."""

    action: ClassVar[str] = "tenants:county:opened"
    tenant: str


@dataclass(frozen=True, slots=True)
class AdministratorsInvited(Event):
    """Invitations for a county's administrators were made."""

    action: ClassVar[str] = "tenants:county:invited"
    tenant: str
    invitations: int


def order_faults(order: Order) -> Iterator[Fault]:
    """Yield what is wrong with an order by itself: entry, three different people, limits."""
    yield from faults_of(order.tenant)
    if tuple(person.role for person in order.administrators) != ADMINISTRATORS:
        yield Fault("choice", "administrators", allowed=", ".join(ADMINISTRATORS))
    seen: set[str] = set()
    for person in order.administrators:
        name = person.name.strip()
        if not name:
            yield Fault("required", f"{person.role}_name")
        elif len(name) > _LONGEST_NAME or not name.isprintable():
            yield Fault("length", f"{person.role}_name", name[:_LONGEST_NAME], allowed=f"1–{_LONGEST_NAME}")
        elif name in seen:
            yield Fault("same_person", f"{person.role}_name", name)
        if person.login in seen:
            yield Fault("same_person", f"{person.role}_login", person.login[:40])
        seen |= {name, person.login}
    for kind, hard in order.quota.items():
        yield from limit_faults(kind, 0, hard)


class Provisioning:
    """Takes orders for counties and carries them out.

    Parameters
    ----------
    directory : Directory
    province : ProvinceWorks
    steps : tuple of Step
        In their order; the directory's row comes with the order itself.
    invite : callable
    """

    def __init__(self, directory: Directory, province: ProvinceWorks, steps: tuple[Step, ...], invite: Invite) -> None:
        self._directory = directory
        self._province = province
        self._steps = steps
        self._invite = invite

    def begin(self, order: Order, scope: ProvinceScope, *, queued: bool = True) -> Tenant:
        """Enter a county as ordered, and have the workers set it up; the same order again changes nothing.

        Parameters
        ----------
        order : Order
        scope : ProvinceScope
        queued : bool
            Whether the workers are to run the steps; else whoever calls does, by `run`.

        Raises `Refused`, `Invalid` with every fault found, and `TenantTaken`.
        """
        POLICY.require("create", scope.principal.roles)
        faults = (*order_faults(order), *(fault for step in self._steps for fault in step.faults(order)))
        if faults:
            raise Invalid(faults)
        tenant = replace(order.tenant, state=TenantState.PROVISIONING)
        with self._province(scope) as work:
            if self._directory.enter(work, tenant):
                self._write(work, order)
                event = TenantOrdered(derived_id("tenant", tenant.id), tenant.id)
                work.record(tenant.id, event)
                work.record(PROVINCE, event)
            elif not _same(work, order):
                raise TenantTaken(tenant.id)
            if queued:
                self._ask(work, tenant.id, key="")
        return self._directory.get(tenant.id)

    def retry(self, tenant: str, scope: ProvinceScope) -> None:
        """Have the workers take a county's steps up where they stopped. Raises `Refused` and `NotFound`."""
        POLICY.require("create", scope.principal.roles)
        with self._province(scope) as work:
            self._ask(work, _order(work, tenant).tenant.id, key=scope.request_id)

    def steps(self, tenant: str, scope: ProvinceScope) -> tuple[StepView, ...]:
        """Return how far a county's steps have come; none for a county that was there before there were steps."""
        POLICY.require("read", scope.principal.roles)
        with self._province(scope) as work:
            rows = {
                row.name: row
                for row in work.session.scalars(select(TenantStepRow).where(TenantStepRow.tenant_id == tenant))
            }
        found = (rows[step.name] for step in self._steps if step.name in rows)
        return tuple(
            StepView(r.name, StepState(r.state), r.error, r.attempts, r.started_at, r.finished_at) for r in found
        )

    def run(self, tenant: str, scope: ProvinceScope, tell: Callable[[int, int], None]) -> None:
        """Carry out what is not yet done, step by step, and open the county.

        Parameters
        ----------
        tenant : str
        scope : ProvinceScope
        tell : callable
            Told the steps done and all steps.

        A step that raises is noted as failed, and raises here too; a further run begins with it.
        """
        POLICY.require("create", scope.principal.roles)
        with self._province(scope) as work:
            order = _order(work, tenant)
        done = {step.name for step in self.steps(tenant, scope) if step.state is StepState.DONE}
        for number, step in enumerate(self._steps):
            tell(number, len(self._steps))
            if step.name not in done:
                self._carry_out(step, order, scope)
        self._open(order.tenant.id, scope)
        tell(len(self._steps), len(self._steps))

    def welcome(self, tenant: str, scope: ProvinceScope) -> tuple[Invitation, ...]:
        """Return new invitations for the administrators who have never signed in; earlier ones end."""
        POLICY.require("create", scope.principal.roles)
        with self._province(scope) as work:
            order = _order(work, tenant)
        with entered(_within(order, scope)):
            invitations = self._invite(order)
        with self._province(scope) as work:
            made = sum(1 for invitation in invitations if invitation.password)
            event = AdministratorsInvited(derived_id("tenant", order.tenant.id), order.tenant.id, made)
            work.record(order.tenant.id, event)
            work.record(PROVINCE, event)
        return invitations

    def _write(self, work: ProvinceWork, order: Order) -> None:
        tenant = order.tenant.id
        who = work.scope.principal.id
        work.session.add(
            TenantOrderRow(tenant_id=tenant, administrators=_people(order), asked_by=who, asked_at=clock.now())
        )
        for step in self._steps:
            work.session.add(TenantStepRow(tenant_id=tenant, name=step.name, state=StepState.WAITING))
        for kind, hard in order.quota.items():
            set_in(work, tenant, kind, hard * 4 // 5, hard)

    def _ask(self, work: ProvinceWork, tenant: TenantId, *, key: str) -> None:
        work.ask(TASK, derived_id("tenant", tenant), key=key, total=len(self._steps), tenant=tenant)

    def _carry_out(self, step: Step, order: Order, scope: ProvinceScope) -> None:
        now = clock.now()
        begun = {"state": StepState.RUNNING, "error": None, "started_at": now, "finished_at": None}
        self._note(step, order, scope, begun, attempts=1)
        try:
            with entered(_within(order, scope)):
                step.ensure(order)
        except Exception as error:
            self._note(step, order, scope, {"state": StepState.FAILED, "error": _told(error)})
            raise
        self._note(step, order, scope, {"state": StepState.DONE, "finished_at": clock.now()})

    def _note(
        self, step: Step, order: Order, scope: ProvinceScope, values: Mapping[str, object], *, attempts: int = 0
    ) -> None:
        added = {"tenant_id": order.tenant.id, "name": step.name, "attempts": attempts, **values}
        changed = {**values, "attempts": TenantStepRow.attempts + attempts}
        with self._province(scope) as work:
            work.session.execute(
                insert(TenantStepRow)
                .values(added)
                .on_conflict_do_update(index_elements=["tenant_id", "name"], set_=changed)
            )

    def _open(self, tenant: TenantId, scope: ProvinceScope) -> None:
        with self._province(scope) as work:
            opened = work.session.execute(
                update(TenantRow)
                .where(TenantRow.id == tenant, TenantRow.state == TenantState.PROVISIONING)
                .values(state=TenantState.ACTIVE, changed_at=clock.now())
                .returning(TenantRow.id)
            ).first()
            if opened:
                event = TenantOpened(derived_id("tenant", tenant), tenant)
                work.record(tenant, event)
                work.record(PROVINCE, event)


def _within(order: Order, scope: ProvinceScope) -> Scope:
    return Scope(order.tenant.id, _SYSTEM, scope.purpose, scope.request_id, scope.client, scope.session)


def _order(work: ProvinceWork, tenant: str) -> Order:
    """Return what was ordered for a county; raises `NotFound` where nothing was."""
    row = work.session.get(TenantOrderRow, tenant)
    if row is None:
        raise NotFound("tenant")
    entry = work.session.get_one(TenantRow, tenant)
    people = tuple(Administrator(**told) for told in row.administrators)  # pyright: ignore[reportCallIssue]  # JSON we wrote
    return Order(Tenant.of(entry), people, {})


def _same(work: ProvinceWork, order: Order) -> bool:
    row = work.session.get(TenantOrderRow, order.tenant.id)
    return row is not None and row.administrators == _people(order)


def _people(order: Order) -> list[object]:
    return [{"role": p.role, "login": p.login, "name": p.name.strip()} for p in order.administrators]


def _told(error: Exception) -> dict[str, object]:
    """Return an error as the ledger of steps keeps it: code of the catalogue, and facts."""
    if isinstance(error, DomainError):
        return {"code": error.code, **{key: str(value) for key, value in error.facts().items()}}
    return {"code": "job.failed", "kind": type(error).__name__}
