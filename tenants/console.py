"""The counties as the province sees them: state, use, last activity. Aggregates only, nothing of records."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.kernel import clock
from app.platform.provincial import ProvinceWorks
from tenants.directory import Directory, Tenant, TenantState, TenantUnknown
from tenants.policy import POLICY
from tenants.quotas import Usage, usage_in
from tenants.scope import ProvinceScope, TenantId

_WORST = {
    TenantState.SUSPENDED: 0,
    TenantState.PROVISIONING: 1,
    TenantState.READ_ONLY: 2,
    TenantState.ACTIVE: 3,
    TenantState.RETIRED: 4,
}


@dataclass(frozen=True, slots=True)
class CountyView:
    """A county in the province's console.

    Attributes
    ----------
    active_at : datetime or None
        When its audit log last grew; None where nothing was ever done.
    """

    tenant: Tenant
    usage: tuple[Usage, ...]
    active_at: datetime | None

    @property
    def worst(self) -> Usage:
        """Return the limit that is nearest to being reached."""
        return max(self.usage, key=lambda usage: usage.share)


class Console:
    """What the province may see of its counties.

    Parameters
    ----------
    directory : Directory
    province : ProvinceWorks
    """

    def __init__(self, directory: Directory, province: ProvinceWorks) -> None:
        self._directory = directory
        self._province = province

    def counties(self, scope: ProvinceScope) -> tuple[CountyView, ...]:
        """Return every county, the one that needs looking at first."""
        POLICY.require("read", scope.principal.roles)
        found = self._views(self._directory.all(), scope)
        return tuple(
            sorted(found, key=lambda view: (_WORST[TenantState(view.tenant.state)], -view.worst.share, view.tenant.id))
        )

    def county(self, tenant: str, scope: ProvinceScope) -> CountyView:
        """Return one county; raises `Refused` and `TenantUnknown`."""
        POLICY.require("read", scope.principal.roles)
        found = self._directory.get(tenant)
        if found.kind != "county":
            raise TenantUnknown(tenant)
        return self._views((found,), scope)[0]

    def _views(self, counties: tuple[Tenant, ...], scope: ProvinceScope) -> tuple[CountyView, ...]:
        ids: tuple[TenantId, ...] = tuple(county.id for county in counties)
        asked = text("SELECT tenant_id, at FROM audit_head WHERE tenant_id = ANY(:tenants)")
        with self._province(scope) as work:
            usage = usage_in(work, ids, clock.now())
            active = {row.tenant_id: row.at for row in work.session.execute(asked, {"tenants": list(ids)})}
        return tuple(CountyView(county, usage[county.id], active.get(county.id)) for county in counties)
