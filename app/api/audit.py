"""The county's audit log."""

from typing import Any

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services
from app.audit.service import EntryFilter
from app.kernel.paging import PageRequest, decode_cursor

blp = blueprint("audit", "Audit log")


@blp.route("/audit", endpoint="Audit")
class AuditView(MethodView):
    """What anyone did."""

    @blp.arguments(schemas.EntryArguments, location="query")
    @blp.response(200, schemas.EntryPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return entries, newest first."""
        wanted = EntryFilter(asked["action"], asked["principal"], asked["object_id"])
        return services().audit.page(PageRequest(asked["limit"], decode_cursor(asked["cursor"], kinds="i")), wanted)


@blp.route("/audit/verify", endpoint="AuditVerification")
class VerificationView(MethodView):
    """Whether the chain holds."""

    @blp.response(200, schemas.VerdictSchema)
    def post(self) -> object:
        """Recompute the chain and compare."""
        return services().audit.verify()
