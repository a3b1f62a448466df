"""Counties that leave: exports, and retirement by two people. For accounts of the province's office alone."""

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from app.api import schemas_departure as schemas
from app.api.edge import blueprint, creation_id, services
from app.kernel.errors import NotFound
from tenants.policy import as_province
from tenants.retirement import Plan
from tenants.scope import ProvinceScope, current_scope

blp = blueprint("departure", "Counties that leave, for the province's office")


def _scope(purpose: str) -> ProvinceScope:
    return as_province(current_scope(), purpose)


@blp.route("/province/tenants/<tenant>/exports", endpoint="Exports")
class ExportsView(MethodView):
    """Exports of a county."""

    @blp.response(200, schemas.ExportList)
    def get(self, tenant: str) -> dict[str, object]:
        """Return the exports of a county, newest first."""
        return {"rows": services().departures.of(tenant, _scope("read"))}

    @blp.arguments(schemas.ExportInput)
    @blp.response(202, schemas.ExportSchema)
    def post(self, asked: dict[str, Any], tenant: str) -> object:
        """Have everything the county owns written as BagIt bags and read back."""
        return services().departures.begin(
            tenant, _scope("export"), export_id=creation_id("export"), passphrase=asked["passphrase"]
        )


@blp.route("/province/tenants/<tenant>/retirements", endpoint="Retirements")
class RetirementsView(MethodView):
    """Ending a county."""

    @blp.response(200, schemas.PlanSchema)
    def get(self, tenant: str) -> dict[str, object]:
        """Return what would be destroyed, what stands against it, and what was proposed."""
        scope = _scope("read")
        plan = services().retirements.plan(tenant, scope)
        told: dict[str, object] = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
        return told | {"proposals": services().retirements.of(tenant, scope)}

    @blp.arguments(schemas.ProposalInput)
    @blp.response(201, schemas.RetirementSchema)
    def post(self, asked: dict[str, Any], tenant: str) -> object:
        """Propose to end the county; it must be suspended, and exported since."""
        return services().retirements.propose(
            tenant, _scope("retire"), reason=asked["reason"], retirement_id=creation_id("retirement")
        )


@blp.route("/province/tenants/<tenant>/retirements/<uuid:retirement>/approval", endpoint="RetirementApproval")
class ApprovalView(MethodView):
    """A second person's approval."""

    @blp.response(202, schemas.RetirementSchema)
    def post(self, tenant: str, retirement: UUID) -> object:
        """Approve as a second person; destruction begins at once."""
        return services().retirements.approve(retirement, tenant, _scope("retire"))


@blp.route("/province/tenants/<tenant>/retirements/<uuid:retirement>/certificate", endpoint="RetirementCertificate")
class CertificateView(MethodView):
    """What remains."""

    @blp.response(200, content_type="text/plain")
    def get(self, tenant: str, retirement: UUID) -> Response:
        """Return the signed certificate."""
        certificate = services().retirements.get(retirement, tenant, _scope("read")).certificate
        if not certificate:
            raise NotFound("certificate")
        return Response(certificate, mimetype="text/plain")
