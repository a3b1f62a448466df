"""The counties of the province: public, so that a client can offer a choice before signing in."""

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services

blp = blueprint("tenants", "Counties")


@blp.route("/tenants", endpoint="Tenants")
class TenantsView(MethodView):
    """The directory."""

    @blp.response(200, schemas.TenantList)
    def get(self) -> dict[str, object]:
        """Return every county."""
        return {"rows": services().directory.all()}
