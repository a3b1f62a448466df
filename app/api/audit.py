"""The tenant's audit log: entries, what is signed of them, and proofs for whoever does not trust us."""

from typing import Any

from flask.views import MethodView

from app.api import schemas, schemas_audit
from app.api.edge import blueprint, services
from app.audit.service import EntryFilter
from app.kernel.paging import PageRequest, decode_cursor

blp = blueprint("audit", "Audit log")


def _page(asked: dict[str, Any]) -> PageRequest:
    return PageRequest(asked["limit"], decode_cursor(asked["cursor"], kinds="i"))


@blp.route("/audit", endpoint="Audit")
class AuditView(MethodView):
    """What anyone did."""

    @blp.arguments(schemas_audit.EntryArguments, location="query")
    @blp.response(200, schemas_audit.EntryPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return entries, newest first."""
        wanted = EntryFilter(
            asked["action"],
            asked["principal"],
            asked["object_id"],
            asked["result"],
            asked["session"],
            asked["since"],
            asked["until"],
        )
        return services().audit.page(_page(asked), wanted)


@blp.route("/audit/verify", endpoint="AuditVerification")
class VerificationView(MethodView):
    """Whether the log holds."""

    @blp.response(200, schemas_audit.VerdictSchema)
    def post(self) -> object:
        """Hold every entry against hashes and signed checkpoints."""
        return services().audit.verify()


@blp.route("/audit/checkpoints", endpoint="AuditCheckpoints")
class CheckpointsView(MethodView):
    """What was signed of the log."""

    @blp.arguments(schemas.PageArguments, location="query")
    @blp.response(200, schemas_audit.CheckpointPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return the signed checkpoints, newest first."""
        return services().audit.checkpoints(_page(asked))


@blp.route("/audit/proofs/inclusion", endpoint="AuditInclusion")
class InclusionView(MethodView):
    """The proof that an entry is in the log."""

    @blp.arguments(schemas_audit.InclusionArguments, location="query")
    @blp.response(200, schemas_audit.InclusionSchema)
    def get(self, asked: dict[str, Any]) -> object:
        """Return the proof for a size, or for the log as it stands."""
        return services().audit.inclusion(asked["seq"], asked["size"])


@blp.route("/audit/proofs/consistency", endpoint="AuditConsistency")
class ConsistencyView(MethodView):
    """The proof that the log only grew."""

    @blp.arguments(schemas_audit.ConsistencyArguments, location="query")
    @blp.response(200, schemas_audit.ConsistencySchema)
    def get(self, asked: dict[str, Any]) -> object:
        """Return the proof from one size to another, or to the log as it stands."""
        return services().audit.consistency(asked["first"], asked["second"])


@blp.route("/audit/key", endpoint="AuditKey")
class KeyView(MethodView):
    """What verifies the checkpoints."""

    @blp.response(200, schemas_audit.KeysSchema)
    def get(self) -> dict[str, object]:
        """Return the public keys; open to all."""
        return {"keys": services().audit.keys()}
