"""The county's audit log, for its audit administrator and director."""

from uuid import UUID

from flask import Blueprint, Response, request

from app.audit.service import EntryFilter, Verdict
from app.kernel.errors import Fault, Invalid
from app.portal.edge import services, show
from app.portal.listing import asked

bp = Blueprint("audit", __name__, url_prefix="/desk/audit")


@bp.get("")
def index() -> Response:
    """List the entries, newest first."""
    return _index()


@bp.post("/verify")
def verify() -> Response:
    """Recompute the chain, and say whether it holds."""
    return _index(services().audit.verify())


def _index(verdict: Verdict | None = None) -> Response:
    wanted = EntryFilter(
        action=request.args.get("action", "").strip(),
        principal=request.args.get("principal", "").strip(),
        object_id=_object(),
    )
    page = services().audit.page(asked("i"), wanted)
    return show("audit.html", page=page, wanted=wanted, verdict=verdict)


def _object() -> UUID | None:
    written = request.args.get("object", "").strip()
    try:
        return UUID(written) if written else None
    except ValueError:
        raise Invalid((Fault("pattern", "object", written[:40], allowed="UUID"),)) from None
