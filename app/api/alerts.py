"""Alerts of the detectors, for the security administrator."""

from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas_alerts
from app.api.edge import blueprint, services
from app.kernel.paging import PageRequest, decode_cursor

blp = blueprint("alerts", "Alerts")


@blp.route("/alerts", endpoint="Alerts")
class AlertsView(MethodView):
    """What the detectors found."""

    @blp.arguments(schemas_alerts.AlertArguments, location="query")
    @blp.response(200, schemas_alerts.AlertPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return alerts, newest first."""
        request = PageRequest(asked["limit"], decode_cursor(asked["cursor"], kinds="tu"))
        return services().alerts.page(request, waiting=asked["waiting"])


@blp.route("/alerts/<uuid:alert_id>", endpoint="Alert")
class AlertView(MethodView):
    """One alert."""

    @blp.response(200, schemas_alerts.AlertSchema)
    def get(self, alert_id: UUID) -> object:
        """Return the alert; its entries are on its page and in the audit log."""
        return services().alerts.get(alert_id)[0]


@blp.route("/alerts/<uuid:alert_id>/acknowledge", endpoint="AlertAcknowledgement")
class AcknowledgementView(MethodView):
    """Somebody takes note of an alert."""

    @blp.arguments(schemas_alerts.AcknowledgementInput)
    @blp.response(200, schemas_alerts.AlertSchema)
    def post(self, told: dict[str, Any], alert_id: UUID) -> object:
        """Acknowledge an alert, once; it stays."""
        return services().alerts.acknowledge(alert_id, told["note"])
