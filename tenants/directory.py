"""Which counties there are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock
from app.kernel.errors import DomainError, Fault, Invalid
from app.platform.database import Database
from tenants.models import TenantRow
from tenants.scope import ProvinceScope, TenantId

_SLUG = re.compile(r"[a-z][a-z0-9]{1,30}")
_SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A county's archive as everybody may see it.

    Attributes
    ----------
    division_code : str
        Six digits, GB/T 2260.
    archive_code : str
        Six digits, of the archive itself (DA/T 46, M4).
    """

    id: TenantId
    name: str
    division_code: str
    archive_code: str
    state: str = "active"


@dataclass(eq=False)
class TenantUnknown(DomainError):
    """No county goes by this name."""

    code: ClassVar[str] = "tenant.unknown"
    status: ClassVar[int] = 404
    tenant: str


@dataclass(eq=False)
class TenantTaken(DomainError):
    """The name or archive code belongs to another county."""

    code: ClassVar[str] = "tenant.taken"
    status: ClassVar[int] = 409
    tenant: str


def _faults(tenant: Tenant) -> Iterator[Fault]:
    if not _SLUG.fullmatch(tenant.id):
        yield Fault("pattern", "id", tenant.id, allowed=_SLUG.pattern)
    if not tenant.name.strip():
        yield Fault("required", "name")
    for name, value in (("division_code", tenant.division_code), ("archive_code", tenant.archive_code)):
        if not _SIX_DIGITS.fullmatch(value):
            yield Fault("pattern", name, value, allowed=_SIX_DIGITS.pattern)


class Directory:
    """Reads the directory under any role, and writes it under the province's.

    Parameters
    ----------
    database : Database
        Any role: the directory is open to all counties.
    province : Database
        As ``lantai_province``.
    """

    def __init__(self, database: Database, province: Database) -> None:
        self._database = database
        self._province = province

    def all(self) -> tuple[Tenant, ...]:
        """Return every county in the order of its division code."""
        with self._database.unscoped() as session:
            rows = session.scalars(select(TenantRow).order_by(TenantRow.division_code))
            return tuple(self._value(row) for row in rows)

    def get(self, tenant: str) -> Tenant:
        """Return a county; raises `TenantUnknown`."""
        with self._database.unscoped() as session:
            row = session.get(TenantRow, tenant) if _SLUG.fullmatch(tenant) else None
            if row is None:
                raise TenantUnknown(tenant[:40])
            return self._value(row)

    def create(self, tenant: Tenant, _scope: ProvinceScope) -> Tenant:
        """Enter a county in the directory; the same entry again changes nothing.

        Raises `Invalid` for a malformed entry and `TenantTaken` where another county has the name or code.
        """
        faults = tuple(_faults(tenant))
        if faults:
            raise Invalid(faults)
        with self._province.unscoped() as session:
            session.execute(
                insert(TenantRow)
                .values(
                    id=tenant.id,
                    name=tenant.name,
                    division_code=tenant.division_code,
                    archive_code=tenant.archive_code,
                    state=tenant.state,
                    created_at=clock.now(),
                )
                .on_conflict_do_nothing()
            )
            row = session.get(TenantRow, tenant.id)
            if row is None or self._value(row) != tenant:
                raise TenantTaken(tenant.id)
        return tenant

    @staticmethod
    def _value(row: TenantRow) -> Tenant:
        return Tenant(TenantId(row.id), row.name, row.division_code, row.archive_code, row.state)
