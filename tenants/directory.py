"""Which counties there are, and whether one may be entered now."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock
from app.kernel.errors import Conflict, DomainError, Fault, Invalid
from app.kernel.events import Event
from app.kernel.ids import derived_id
from app.platform.database import Database
from app.platform.provincial import ProvinceWork, ProvinceWorks
from tenants import divisions
from tenants.models import TenantRow
from tenants.policy import POLICY
from tenants.scope import PROVINCE, ProvinceScope, TenantId

_SLUG = re.compile(r"[a-z][a-z0-9]{1,30}")
_SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{0,40}")
_LONGEST_NAME = 60
_LONGEST_REASON = 200
_ENTRY = ("name", "division_code", "archive_code", "domain", "region", "home_site", "second_site")


class TenantState(StrEnum):
    """Whether a county's people may come in."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    READ_ONLY = "read_only"
    SUSPENDED = "suspended"
    RETIRED = "retired"


CLOSING = (TenantState.READ_ONLY, TenantState.SUSPENDED)
_OPEN = {TenantState.ACTIVE, TenantState.READ_ONLY}


@dataclass(frozen=True, slots=True)
class Tenant:
    """A county's archive, or the province's office, as everybody may see it.

    Attributes
    ----------
    division_code : str
        Six digits, GB/T 2260.
    archive_code : str
        Six digits, of the archive itself (DA/T 46, M4).
    domain : str
        Host name of the county's own; empty without one.
    region : str
        Where its computing runs, in the operator's words, e.g. ``cn-east``.
    home_site, second_site : str
        Sites of its objects.
    reason : str
        Shown to its people while it is suspended or read-only.
    """

    id: TenantId
    name: str
    division_code: str
    archive_code: str
    state: str = TenantState.ACTIVE
    kind: Literal["county", "province"] = "county"
    domain: str = ""
    region: str = ""
    home_site: str = "a"
    second_site: str = "b"
    reason: str = ""

    @staticmethod
    def told(columns: Mapping[str, Any] | RowMapping) -> "Tenant":
        """Return the value of a row's columns."""
        return Tenant(**{name: columns[name] for name in Tenant.__dataclass_fields__})

    @staticmethod
    def of(row: TenantRow) -> "Tenant":
        """Return the value of a row."""
        return Tenant(**{name: getattr(row, name) for name in Tenant.__dataclass_fields__})


@dataclass(eq=False)
class TenantUnknown(DomainError):
    """No county goes by this name."""

    code: ClassVar[str] = "tenant.unknown"
    status: ClassVar[int] = 404
    tenant: str


@dataclass(eq=False)
class TenantTaken(DomainError):
    """The name, archive code or domain belongs to another county."""

    code: ClassVar[str] = "tenant.taken"
    status: ClassVar[int] = 409
    tenant: str


@dataclass(eq=False)
class TenantSuspended(DomainError):
    """The county is not open."""

    code: ClassVar[str] = "tenant.suspended"
    status: ClassVar[int] = 403
    name: str
    reason: str


class TenantRetired(TenantSuspended):
    """The county has left for good."""

    code: ClassVar[str] = "tenant.retired"


class TenantNotReady(TenantSuspended):
    """The county is not set up to the end."""

    code: ClassVar[str] = "tenant.not_ready"


@dataclass(eq=False)
class TenantReadOnly(DomainError):
    """The county may be read and not changed."""

    code: ClassVar[str] = "tenant.read_only"
    status: ClassVar[int] = 403
    name: str
    reason: str


_CLOSED: Mapping[str, type[TenantSuspended]] = {
    TenantState.RETIRED: TenantRetired,
    TenantState.PROVISIONING: TenantNotReady,
}


@dataclass(frozen=True, slots=True)
class TenantStateSet(Event):
    """The province closed a county, kept it from changing, or opened it again."""

    action: ClassVar[str] = "tenants:county:state_set"
    tenant: str
    state_before: str
    state: str
    notice: str


def faults_of(tenant: Tenant) -> Iterator[Fault]:
    """Yield what is wrong with a county's entry."""
    if not _SLUG.fullmatch(tenant.id) or tenant.id == PROVINCE:
        yield Fault("slug", "id", tenant.id[:40])
    if not tenant.name.strip():
        yield Fault("required", "name")
    elif len(tenant.name) > _LONGEST_NAME or not tenant.name.isprintable():
        yield Fault("length", "name", tenant.name[:_LONGEST_NAME], allowed=f"1–{_LONGEST_NAME}")
    if not divisions.plausible(tenant.division_code):
        yield Fault("division_code", "division_code", tenant.division_code[:40])
    if not _SIX_DIGITS.fullmatch(tenant.archive_code):
        yield Fault("six_digits", "archive_code", tenant.archive_code[:40])
    if tenant.domain and not _DOMAIN.fullmatch(tenant.domain):
        yield Fault("domain", "domain", tenant.domain[:100])
    if not _REGION.fullmatch(tenant.region):
        yield Fault("pattern", "region", tenant.region[:40], allowed="a–z 0–9 -")


class Directory:
    """Reads the directory under any role, and writes it under the province's.

    Parameters
    ----------
    database : Database
        Any role: the directory is open to all counties.
    province : ProvinceWorks
    """

    def __init__(self, database: Database, province: ProvinceWorks) -> None:
        self._database = database
        self._province = province

    def all(self) -> tuple[Tenant, ...]:
        """Return every county in the order of its division code; the province's office is none."""
        query = select(TenantRow.__table__).where(TenantRow.kind == "county")
        with self._database.glance() as connection:
            rows = connection.execute(query.order_by(TenantRow.division_code, TenantRow.id)).mappings()
            return tuple(map(Tenant.told, rows))

    def get(self, tenant: str) -> Tenant:
        """Return a county or the province's office; raises `TenantUnknown`."""
        row = None
        if _SLUG.fullmatch(tenant):
            with self._database.glance() as connection:
                row = connection.execute(select(TenantRow.__table__).where(TenantRow.id == tenant)).mappings().first()
        if row is None:
            raise TenantUnknown(tenant[:40])
        return Tenant.told(row)

    def admit(self, tenant: "str | Tenant", *, writing: bool) -> Tenant:
        """Return a county whose scope may be entered now.

        Parameters
        ----------
        tenant : str or Tenant
            Its name, or as it was read a moment ago.
        writing : bool
            Whether it is entered to change something.

        Raises `TenantUnknown`, `TenantSuspended` and `TenantReadOnly`.
        """
        found = tenant if isinstance(tenant, Tenant) else self.get(tenant)
        if found.state not in _OPEN:
            raise _CLOSED.get(found.state, TenantSuspended)(found.name, found.reason)
        if writing and found.state == TenantState.READ_ONLY:
            raise TenantReadOnly(found.name, found.reason)
        return found

    def create(self, tenant: Tenant, scope: ProvinceScope) -> Tenant:
        """Enter a county in the directory; the same entry again changes nothing.

        Raises `Refused`, `Invalid` for a malformed entry and `TenantTaken` where another county has the name,
        the archive code or the domain.
        """
        POLICY.require("create", scope.principal.roles)
        faults = tuple(faults_of(tenant))
        if faults:
            raise Invalid(faults)
        with self._province(scope) as work:
            self.enter(work, tenant)
        return self.get(tenant.id)

    def enter(self, work: ProvinceWork, tenant: Tenant) -> bool:
        """Write a county's row in the province's unit of work, and say whether it was not there; `TenantTaken`."""
        now = clock.now()
        entry = {name: getattr(tenant, name) for name in _ENTRY}
        entered = work.session.scalar(
            insert(TenantRow)
            .values(id=tenant.id, kind="county", state=tenant.state, reason="", changed_at=now, created_at=now, **entry)
            .on_conflict_do_nothing()
            .returning(TenantRow.id)
        )
        row = work.session.get(TenantRow, tenant.id)
        if row is None or any(getattr(row, name) != value for name, value in entry.items()):
            raise TenantTaken(tenant.id)
        return entered is not None

    def suspend(self, tenant: str, mode: TenantState, reason: str, scope: ProvinceScope) -> Tenant:
        """Close an open county, or keep it from changing; from this moment at every door.

        Parameters
        ----------
        tenant : str
        mode : TenantState
            ``read_only`` or ``suspended``.
        reason : str
            Shown to the county's people and to whoever tries to sign in there.
        scope : ProvinceScope

        Raises `Refused`, `Invalid`, `TenantUnknown`, and `Conflict` for a county that is not open or is retired.
        """
        faults = [] if mode in CLOSING else [Fault("choice", "mode", mode[:40], allowed=", ".join(CLOSING))]
        if not reason.strip():
            faults.append(Fault("required", "reason"))
        elif len(reason) > _LONGEST_REASON or not reason.isprintable():
            faults.append(Fault("length", "reason", reason[:40], allowed=f"1–{_LONGEST_REASON}"))
        POLICY.require("suspend", scope.principal.roles)
        if faults:
            raise Invalid(tuple(faults))
        return self._change(tenant, mode, reason.strip(), scope)

    def resume(self, tenant: str, scope: ProvinceScope) -> Tenant:
        """Open a county again that was suspended or read-only; one that is open stays so."""
        POLICY.require("suspend", scope.principal.roles)
        return self._change(tenant, TenantState.ACTIVE, "", scope)

    def _change(self, tenant: str, state: TenantState, reason: str, scope: ProvinceScope) -> Tenant:
        self._county(tenant)
        with self._province(scope) as work:
            row = work.session.get_one(TenantRow, tenant, with_for_update=True)
            if row.state not in (TenantState.ACTIVE, *CLOSING):
                raise Conflict(row.state, state)
            if (row.state, row.reason) != (state, reason):
                event = TenantStateSet(derived_id("tenant", tenant), tenant, row.state, state, reason)
                row.state, row.reason, row.changed_at = state, reason, clock.now()
                work.record(TenantId(tenant), event)
                work.record(PROVINCE, event)
        return self.get(tenant)

    def _county(self, tenant: str) -> None:
        if self.get(tenant).kind != "county":
            raise TenantUnknown(tenant)
