"""Which counties there are, and whether one may be entered now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid
from app.kernel.predicate import Policy, role
from app.platform.database import Database
from app.platform.provincial import ProvinceWorks
from tenants import divisions
from tenants.models import TenantRow
from tenants.scope import PROVINCE, ProvinceScope, TenantId

_SLUG = re.compile(r"[a-z][a-z0-9]{1,30}")
_SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{0,40}")
_LONGEST_NAME = 60

POLICY = Policy({"create": role("province_admin", "system")})


class TenantState(StrEnum):
    """Whether a county's people may come in."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    READ_ONLY = "read_only"
    SUSPENDED = "suspended"
    RETIRED = "retired"


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
    """The county is not open: suspended, retired, or not set up to the end."""

    code: ClassVar[str] = "tenant.suspended"
    status: ClassVar[int] = 403
    name: str
    reason: str


@dataclass(eq=False)
class TenantReadOnly(DomainError):
    """The county may be read and not changed."""

    code: ClassVar[str] = "tenant.read_only"
    status: ClassVar[int] = 403
    name: str
    reason: str


def faults_of(tenant: Tenant) -> Iterator[Fault]:
    """Yield what is wrong with a county's entry."""
    if not _SLUG.fullmatch(tenant.id) or tenant.id == PROVINCE:
        yield Fault("pattern", "id", tenant.id[:40], allowed=_SLUG.pattern)
    if not tenant.name.strip():
        yield Fault("required", "name")
    elif len(tenant.name) > _LONGEST_NAME or not tenant.name.isprintable():
        yield Fault("length", "name", tenant.name[:_LONGEST_NAME], allowed=f"1–{_LONGEST_NAME}")
    if not divisions.plausible(tenant.division_code):
        yield Fault("division_code", "division_code", tenant.division_code[:40])
    if not _SIX_DIGITS.fullmatch(tenant.archive_code):
        yield Fault("pattern", "archive_code", tenant.archive_code[:40], allowed=_SIX_DIGITS.pattern)
    if tenant.domain and not _DOMAIN.fullmatch(tenant.domain):
        yield Fault("domain", "domain", tenant.domain[:100])
    if not _REGION.fullmatch(tenant.region):
        yield Fault("pattern", "region", tenant.region[:40], allowed=_REGION.pattern)


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
            return tuple(map(_value, rows))

    def get(self, tenant: str) -> Tenant:
        """Return a county or the province's office; raises `TenantUnknown`."""
        row = None
        if _SLUG.fullmatch(tenant):
            with self._database.glance() as connection:
                row = connection.execute(select(TenantRow.__table__).where(TenantRow.id == tenant)).mappings().first()
        if row is None:
            raise TenantUnknown(tenant[:40])
        return _value(row)

    def admit(self, tenant: str, *, writing: bool) -> Tenant:
        """Return a county whose scope may be entered now.

        Parameters
        ----------
        tenant : str
        writing : bool
            Whether it is entered to change something.

        Raises `TenantUnknown`, `TenantSuspended` and `TenantReadOnly`.
        """
        found = self.get(tenant)
        if found.state not in _OPEN:
            raise TenantSuspended(found.name, found.reason)
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
        entry = {
            "name": tenant.name,
            "division_code": tenant.division_code,
            "archive_code": tenant.archive_code,
            "domain": tenant.domain,
            "region": tenant.region,
            "home_site": tenant.home_site,
            "second_site": tenant.second_site,
        }
        now = clock.now()
        with self._province(scope) as work:
            work.session.execute(
                insert(TenantRow)
                .values(
                    id=tenant.id, kind="county", state=tenant.state, reason="", changed_at=now, created_at=now, **entry
                )
                .on_conflict_do_nothing()
            )
            row = work.session.get(TenantRow, tenant.id)
            if row is None or any(getattr(row, name) != value for name, value in entry.items()):
                raise TenantTaken(tenant.id)
        return self.get(tenant.id)


def _value(row: RowMapping) -> Tenant:
    return Tenant(**{name: row[name] for name in Tenant.__dataclass_fields__})
