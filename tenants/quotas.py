"""How much of the shared cloud a county may use: limits as data, spending that is exact, use that can be seen."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from typing_extensions import override

from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid
from app.kernel.events import Event
from app.kernel.ids import derived_id
from app.kernel.predicate import Policy, role
from app.platform.jobs import RUNNING
from app.platform.provincial import ProvinceWork, ProvinceWorks
from app.platform.work import Works
from tenants.models import QuotaRow, UsageRow
from tenants.policy import POLICY as OFFICE
from tenants.scope import PROVINCE, ProvinceScope, TenantId, current_scope

Kind = Literal["storage", "pages", "calls", "jobs", "users"]

POLICY = Policy({"read": role("sys_admin", "director")})
GB = 2**30
_CHINA = ZoneInfo("Asia/Shanghai")
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of something a county may use.

    Attributes
    ----------
    daily : bool
        Whether use begins anew each day, midnight in China; else it stays until given back.
    soft : int
        From here on a warning is shown.
    hard : int
        No further.
    """

    kind: Kind
    daily: bool
    soft: int
    hard: int


LIMITS: Mapping[Kind, Limit] = {
    limit.kind: limit
    for limit in (
        Limit("storage", daily=False, soft=1600 * GB, hard=2000 * GB),
        Limit("pages", daily=True, soft=40_000, hard=50_000),
        Limit("calls", daily=True, soft=160_000, hard=200_000),
        Limit("jobs", daily=False, soft=RUNNING * 4 // 5, hard=RUNNING),
        Limit("users", daily=False, soft=160, hard=200),
    )
}
"""What a county has until the province sets something else."""

BLOCK = 50
"""API calls a process takes at one time, so that a call is not a write."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A limit and what is used of it."""

    limit: Limit
    used: int

    @property
    def state(self) -> Literal["ok", "warned", "full"]:
        """How near the limit is."""
        if self.used >= self.limit.hard:
            return "full"
        return "warned" if self.used >= self.limit.soft else "ok"

    @property
    def share(self) -> float:
        """Return the used part of the hard limit."""
        return self.used / self.limit.hard if self.limit.hard else 1.0


@dataclass(eq=False)
class QuotaExceeded(DomainError):
    """What was asked for would go past a limit; nothing of it was done."""

    code: ClassVar[str] = "quota.exceeded"
    status: ClassVar[int] = 403
    field: Kind
    used: int
    limit: int


@dataclass(eq=False)
class StorageFull(QuotaExceeded):
    """No room for another original."""

    code: ClassVar[str] = "quota.storage"

    @override
    def facts(self) -> dict[str, object]:
        return {"field": self.field, "used": round(self.used / GB, 1), "limit": round(self.limit / GB, 1)}


@dataclass(eq=False)
class PagesSpent(QuotaExceeded):
    """Today's pages are used up."""

    code: ClassVar[str] = "quota.pages"


@dataclass(eq=False)
class CallsSpent(QuotaExceeded):
    """Today's API calls are used up."""

    code: ClassVar[str] = "quota.calls"
    status: ClassVar[int] = 429

    @override
    def facts(self) -> dict[str, object]:
        return {**super().facts(), "retry_after": until_midnight(clock.now())}


@dataclass(eq=False)
class UsersFull(QuotaExceeded):
    """No further account may be made."""

    code: ClassVar[str] = "quota.users"


_REFUSALS: Mapping[Kind, type[QuotaExceeded]] = {
    "storage": StorageFull,
    "pages": PagesSpent,
    "calls": CallsSpent,
    "users": UsersFull,
}


@dataclass(frozen=True, slots=True)
class QuotaNearing(Event):
    """Use reached the soft limit."""

    action: ClassVar[str] = "tenants:quota:nearing"
    kind: str
    used: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class QuotaSet(Event):
    """The province set a county's limit."""

    action: ClassVar[str] = "tenants:quota:set"
    tenant: str
    kind: str
    soft: int
    hard: int
    soft_before: int
    hard_before: int


_SPEND = text("""
    WITH spent AS (
        INSERT INTO usage AS u (tenant_id, kind, period, used) VALUES (:tenant, :kind, :period, greatest(:amount, 0))
        ON CONFLICT (tenant_id, kind, period) DO UPDATE SET used = greatest(u.used + :amount, 0)
        RETURNING used
    )
    SELECT s.used, q.soft, q.hard FROM spent s LEFT JOIN quota q ON q.tenant_id = :tenant AND q.kind = :kind
""")


def period(limit: Limit, now: datetime) -> str:
    """Return the period that use at a moment counts in: a day in China, or ``''`` for what stays."""
    return now.astimezone(_CHINA).date().isoformat() if limit.daily else ""


def until_midnight(now: datetime) -> int:
    """Return the whole seconds until use of daily limits begins anew."""
    here = now.astimezone(_CHINA)
    return int((datetime.combine(here.date() + timedelta(days=1), time(), _CHINA) - here).total_seconds()) + 1


class Quotas:
    """Counts, limits and shows what counties use.

    Parameters
    ----------
    works : Works
    province : ProvinceWorks
    """

    def __init__(self, works: Works, province: ProvinceWorks) -> None:
        self._work = works
        self._province = province
        self._leases = _Leases()

    def spend(self, kind: Kind, amount: int) -> None:
        """Use some of a limit, in the unit of work in progress; a negative amount gives back.

        Whoever spends holds the count until the end of the transaction, so no two can pass the limit together.
        Raises `QuotaExceeded`.
        """
        limit = LIMITS[kind]
        tenant = current_scope().tenant
        with self._work() as work:
            told = {"tenant": tenant, "kind": kind, "period": period(limit, clock.now()), "amount": amount}
            used, soft, hard = work.session.execute(_SPEND, told).one()
            if hard is not None:
                limit = replace(limit, soft=soft, hard=hard)
            if amount > 0 and used > limit.hard:
                raise _REFUSALS[kind](kind, used - amount, limit.hard)
            if used - amount < limit.soft <= used:
                work.record(QuotaNearing(derived_id("quota", tenant, kind), kind, used, limit.soft, limit.hard))

    def check(self, kind: Kind, amount: int) -> None:
        """Raise `QuotaExceeded` where an amount would not fit now; before work that only later is spent for."""
        limit = LIMITS[kind]
        with self._work() as work:
            row = work.session.get(QuotaRow, (work.scope.tenant, kind))
            hard = row.hard if row else limit.hard
            counted = work.session.get(UsageRow, (work.scope.tenant, kind, period(limit, clock.now())))
            used = counted.used if counted else 0
            if used + amount > hard:
                raise _REFUSALS[kind](kind, used, hard)

    def call(self) -> None:
        """Count one API call; raises `CallsSpent`. Only every fiftieth call of a process is a write."""
        tenant, day = current_scope().tenant, period(LIMITS["calls"], clock.now())
        if self._leases.take(tenant, day):
            return
        with self._work.apart() as work:
            row = work.session.get(QuotaRow, (tenant, "calls"))
            hard = row.hard if row else LIMITS["calls"].hard
            used = work.session.scalar(
                select(UsageRow.used).where(UsageRow.kind == "calls", UsageRow.period == day).with_for_update()
            )
            block = min(BLOCK, hard - (used or 0))
            if block <= 0:
                raise CallsSpent("calls", used or 0, hard)
            self.spend("calls", block)
        self._leases.grant(tenant, day, block - 1)

    def usage(self) -> tuple[Usage, ...]:
        """Return every limit of the county in scope and what is used of it."""
        scope = current_scope()
        POLICY.require("read", scope.principal.roles)
        with self._work() as work:
            limits = {row.kind: row for row in work.session.scalars(select(QuotaRow))}
            now = clock.now()
            counted = {(row.kind, row.period): row.used for row in work.session.scalars(_used(now))}
            counted["jobs", ""] = work.jobs.in_flight()
            return tuple(
                Usage(_limit(limits.get(kind), limit), counted.get((kind, period(limit, now)), 0))
                for kind, limit in LIMITS.items()
            )

    def set(self, tenant: TenantId, kind: Kind, soft: int, hard: int, scope: ProvinceScope) -> Usage:
        """Set a county's limit; both logs keep what it was. Raises `Refused` and `Invalid`."""
        (usage,) = self.set_all(tenant, {kind: (soft, hard)}, scope)
        return usage

    def set_all(
        self, tenant: TenantId, bounds: Mapping[Kind, tuple[int, int]], scope: ProvinceScope
    ) -> tuple[Usage, ...]:
        """Set several of a county's limits, all or none; both logs keep what they were.

        Parameters
        ----------
        tenant : TenantId
        bounds : mapping of Kind to pair of int
            Soft and hard limit of each.
        scope : ProvinceScope

        Raises
        ------
        Refused
        Invalid
            With every fault found.
        """
        OFFICE.require("quota", scope.principal.roles)
        faults = tuple(fault for kind, (soft, hard) in bounds.items() for fault in limit_faults(kind, soft, hard))
        if faults:
            raise Invalid(faults)
        with self._province(scope) as work:
            before = {usage.limit.kind: usage for usage in usage_in(work, (tenant,), clock.now())[tenant]}
            return tuple(_changed(work, tenant, before[kind], *bound) for kind, bound in bounds.items())


def _changed(work: ProvinceWork, tenant: TenantId, before: Usage, soft: int, hard: int) -> Usage:
    old = before.limit
    if (old.soft, old.hard) == (soft, hard):
        return before
    set_in(work, tenant, old.kind, soft, hard)
    event = QuotaSet(derived_id("tenant", tenant), tenant, old.kind, soft, hard, old.soft, old.hard)
    work.record(tenant, event)
    work.record(PROVINCE, event)
    return Usage(replace(old, soft=soft, hard=hard), before.used)


def limit_faults(kind: str, soft: int, hard: int) -> list[Fault]:
    """Return what is wrong with a limit that somebody wants to set."""
    if kind not in LIMITS:
        return [Fault("choice", "kind", kind[:40], allowed=", ".join(LIMITS))]
    if not 0 <= hard <= _MOST:
        return [Fault("number", f"{kind}_hard", str(hard)[:40], allowed=f"0–{_MOST}")]
    if not 0 <= soft <= hard:
        return [Fault("number", f"{kind}_soft", str(soft)[:40], allowed=f"0–{hard}")]
    return []


def set_in(work: ProvinceWork, tenant: TenantId, kind: Kind, soft: int, hard: int) -> None:
    """Write a limit in the province's unit of work."""
    values = {"soft": soft, "hard": hard}
    work.session.execute(
        insert(QuotaRow)
        .values(tenant_id=tenant, kind=kind, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "kind"], set_=values)
    )


def usage_in(work: ProvinceWork, tenants: tuple[TenantId, ...], now: datetime) -> dict[TenantId, tuple[Usage, ...]]:
    """Return the use of several counties in the province's unit of work."""
    limits = {
        (row.tenant_id, row.kind): row
        for row in work.session.scalars(select(QuotaRow).where(QuotaRow.tenant_id.in_(tenants)))
    }
    rows = work.session.scalars(_used(now).where(UsageRow.tenant_id.in_(tenants)))
    used = {(row.tenant_id, row.kind): row.used for row in rows}
    running = text(
        "SELECT tenant_id, count(*) FROM job WHERE state IN ('sent', 'running') AND tenant_id = ANY(:tenants)"
        " GROUP BY tenant_id"
    )
    for tenant, count in work.session.execute(running, {"tenants": list(tenants)}):
        used[tenant, "jobs"] = count
    return {
        tenant: tuple(
            Usage(_limit(limits.get((tenant, kind)), limit), used.get((tenant, kind), 0))
            for kind, limit in LIMITS.items()
        )
        for tenant in tenants
    }


def _used(now: datetime) -> Select[UsageRow]:
    return select(UsageRow).where(UsageRow.period.in_({period(limit, now) for limit in LIMITS.values()}))


def _limit(row: QuotaRow | None, limit: Limit) -> Limit:
    return replace(limit, soft=row.soft, hard=row.hard) if row else limit


class _Leases:
    """API calls this process has taken and not yet counted off. What it does not use by midnight is forgotten."""

    def __init__(self) -> None:
        self._left: dict[TenantId, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def take(self, tenant: TenantId, day: str) -> bool:
        with self._lock:
            leased, left = self._left.get(tenant, ("", 0))
            if leased != day or left <= 0:
                return False
            self._left[tenant] = (day, left - 1)
            return True

    def grant(self, tenant: TenantId, day: str, calls: int) -> None:
        with self._lock:
            leased, left = self._left.get(tenant, ("", 0))
            self._left[tenant] = (day, calls + (left if leased == day else 0))
