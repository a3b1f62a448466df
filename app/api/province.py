"""The province's counties: setting up, limits, suspension. For accounts of the province's office alone."""

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from app.api import schemas_province as schemas
from app.api.edge import blueprint, creation_id, services
from tenants.console import CountyView
from tenants.directory import Tenant, TenantState
from tenants.policy import as_province
from tenants.provisioning import ADMINISTRATORS, Administrator, Order, StepView
from tenants.scope import ProvinceScope, TenantId, current_scope

blp = blueprint("province", "Counties, for the province's office")
ENTRY = ("name", "division_code", "archive_code", "domain", "region", "home_site", "second_site")


def _scope(purpose: str) -> ProvinceScope:
    return as_province(current_scope(), purpose)


def _told(view: CountyView, steps: tuple[StepView, ...]) -> dict[str, object]:
    usage = [asdict(usage) | {"state": usage.state} for usage in view.usage]
    return {"tenant": view.tenant, "usage": usage, "active_at": view.active_at, "steps": steps}


def _details(tenant: str, scope: ProvinceScope) -> dict[str, object]:
    built = services()
    return _told(built.console.county(tenant, scope), built.provisioning.steps(tenant, scope))


@blp.route("/province/tenants", endpoint="Counties")
class CountiesView(MethodView):
    """The counties of the province."""

    @blp.response(200, schemas.CountyList)
    def get(self) -> dict[str, object]:
        """Return every county with its use, the one that needs looking at first."""
        return {"rows": [_told(view, ()) for view in services().console.counties(_scope("read"))]}

    @blp.arguments(schemas.OrderInput)
    @blp.response(202, schemas.CountyDetails)
    def post(self, asked: dict[str, Any]) -> dict[str, object]:
        """Set a county up; its id makes the order one and the same, so that it may be sent again."""
        creation_id("county")
        scope = _scope("create")
        entry = Tenant(TenantId(asked["id"]), **{name: asked[name] for name in ENTRY})
        people = tuple(Administrator(role, asked[role]["login"], asked[role]["name"]) for role in ADMINISTRATORS)
        services().provisioning.begin(Order(entry, people, asked["limits"]), scope)
        return _details(entry.id, scope)


@blp.route("/province/tenants/<tenant>", endpoint="County")
class CountyViewOfOne(MethodView):
    """One county."""

    @blp.response(200, schemas.CountyDetails)
    def get(self, tenant: str) -> dict[str, object]:
        """Return a county with its use and the steps of its setting up."""
        return _details(tenant, _scope("read"))


@blp.route("/province/tenants/<tenant>/suspend", endpoint="CountySuspension")
class SuspensionView(MethodView):
    """Closing a county."""

    @blp.arguments(schemas.SuspensionInput)
    @blp.response(200, schemas.CountyDetails)
    def post(self, asked: dict[str, Any], tenant: str) -> dict[str, object]:
        """Close a county at once, or make it read-only."""
        scope = _scope("suspend")
        services().directory.suspend(tenant, TenantState(asked["mode"]), asked["reason"], scope)
        return _details(tenant, scope)


@blp.route("/province/tenants/<tenant>/resume", endpoint="CountyResumption")
class ResumptionView(MethodView):
    """Opening a county again."""

    @blp.response(200, schemas.CountyDetails)
    def post(self, tenant: str) -> dict[str, object]:
        """Open a county again."""
        scope = _scope("suspend")
        services().directory.resume(tenant, scope)
        return _details(tenant, scope)


@blp.route("/province/tenants/<tenant>/quota", endpoint="CountyQuota")
class QuotaView(MethodView):
    """A county's limits."""

    @blp.arguments(schemas.LimitInput)
    @blp.response(200, schemas.CountyDetails)
    def put(self, asked: dict[str, Any], tenant: str) -> dict[str, object]:
        """Set one limit."""
        scope = _scope("quota")
        county = services().console.county(tenant, scope).tenant
        services().quotas.set(county.id, asked["kind"], asked["soft"], asked["hard"], scope)
        return _details(tenant, scope)


@blp.route("/province/tenants/<tenant>/steps/retry", endpoint="CountyRetry")
class RetryView(MethodView):
    """Going on with setting a county up."""

    @blp.response(202, schemas.CountyDetails)
    def post(self, tenant: str) -> dict[str, object]:
        """Take the steps up where they stopped."""
        scope = _scope("create")
        services().provisioning.retry(tenant, scope)
        return _details(tenant, scope)
