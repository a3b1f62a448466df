"""Lookups in other counties, under agreements."""

from typing import Any

from flask.views import MethodView

from app.api import schemas_agreements as schemas
from app.api.edge import blueprint, creation_id, services
from app.kernel.paging import PageRequest, decode_cursor
from app.lookups.types import Lookup, Question

blp = blueprint("lookups", "Lookups across counties")


@blp.route("/lookups", endpoint="Lookups")
class LookupsView(MethodView):
    """What was asked across counties."""

    @blp.arguments(schemas.LookupArguments, location="query")
    @blp.response(200, schemas.LookupPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return what this county asked, or what others asked of it, newest first."""
        request = PageRequest(asked["limit"], decode_cursor(asked["cursor"], kinds="tu"))
        return services().lookups.page(request, side=asked["side"])

    @blp.arguments(schemas.QuestionInput)
    @blp.response(201, schemas.LookupSchema)
    def post(self, told: dict[str, Any]) -> Lookup:
        """Ask another county whether it holds a person's record; with an ``Idempotency-Key``, once."""
        return services().lookups.ask(Question(**told), lookup_id=creation_id("lookup"))
