"""The tenant's audit log: entries, what is signed of them, and proofs for whoever does not trust us."""

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api import schemas, schemas_alerts, schemas_audit
from app.api.edge import blueprint, services
from app.audit.service import EntryFilter
from app.kernel.paging import PageRequest, decode_cursor

blp = blueprint("audit", "Audit log")

_KINDS = {"csv": "text/csv", "json": "application/json", "zip": "application/zip"}


def _page(asked: dict[str, Any]) -> PageRequest:
    return PageRequest(asked["limit"], decode_cursor(asked["cursor"], kinds="i"))


def _wanted(asked: dict[str, Any]) -> EntryFilter:
    return EntryFilter(
        asked["action"],
        asked["principal"],
        asked["object_id"],
        asked["result"],
        asked["session"],
        asked["since"],
        asked["until"],
    )


@blp.route("/audit", endpoint="Audit")
class AuditView(MethodView):
    """What anyone did."""

    @blp.arguments(schemas_audit.EntryArguments, location="query")
    @blp.response(200, schemas_audit.EntryPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return entries, newest first."""
        return services().audit.page(_page(asked), _wanted(asked))


@blp.route("/audit/export", endpoint="AuditExport")
class ExportView(MethodView):
    """Entries to take away."""

    @blp.arguments(schemas_alerts.ExportArguments, location="query")
    @blp.response(200, content_type="application/octet-stream")
    def get(self, asked: dict[str, Any]) -> Response:
        """Return the wanted entries as CSV or as JSON with signed proofs; or, as ZIP, the whole log."""
        form = asked["format"]
        named_so = {"Content-Disposition": f"attachment; filename=audit.{form}"}
        return Response(services().audit.handed_out(form, _wanted(asked)), mimetype=_KINDS[form], headers=named_so)


@blp.route("/audit/trends", endpoint="AuditTrends")
class TrendsView(MethodView):
    """The log in numbers."""

    @blp.arguments(schemas_alerts.TrendArguments, location="query")
    @blp.response(200, schemas_alerts.TrendsSchema)
    def get(self, asked: dict[str, Any]) -> object:
        """Return acts, refusals and failed sign-ins of each of the last days, and how often each action came."""
        return services().audit.count(asked["days"])


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
