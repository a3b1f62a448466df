"""The county's API clients."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas_clients as schemas
from app.api.edge import blueprint, creation_id, services
from app.clients.types import Client, Told

blp = blueprint("clients", "API clients")


def _shown(made: tuple[Client, str]) -> dict[str, object]:
    client, secret = made
    return {"client": client, "client_secret": secret}


@blp.route("/clients", endpoint="Clients")
class ClientsView(MethodView):
    """Clients of the county."""

    @blp.response(200, schemas.ClientList)
    def get(self) -> dict[str, object]:
        """Return the clients, newest first."""
        return {"rows": services().clients.list()}

    @blp.arguments(schemas.ClientInput)
    @blp.response(201, schemas.ClientWithSecret)
    def post(self, told: dict[str, Any]) -> dict[str, object]:
        """Make a client; its secret is shown this once. With an ``Idempotency-Key``, once."""
        client = Told(
            told["name"], tuple(told["purposes"]), told["expires_at"], told["agreement_id"], tuple(told["networks"]),
            told["certificate"],
        )  # fmt: skip
        return _shown(services().clients.create(client, client_id=creation_id("client")))


@blp.route("/clients/<uuid:client_id>", endpoint="Client")
class ClientView(MethodView):
    """One client."""

    @blp.response(200, schemas.ClientSchema)
    def get(self, client_id: UUID) -> Client:
        """Return a client."""
        return services().clients.get(client_id)


@blp.route("/clients/<uuid:client_id>/grant", endpoint="ClientGrant")
class GrantView(MethodView):
    """What a client may do."""

    @blp.arguments(schemas.GrantInput)
    @blp.response(200, schemas.ClientSchema)
    def post(self, told: dict[str, Any], client_id: UUID) -> Client:
        """Set the client's scopes; its tokens end."""
        return services().clients.grant(client_id, tuple(told["scopes"]))


@blp.route("/clients/<uuid:client_id>/rotate", endpoint="ClientRotation")
class RotationView(MethodView):
    """A client's secrets."""

    @blp.arguments(schemas.RotationInput)
    @blp.response(200, schemas.ClientWithSecret)
    def post(self, told: dict[str, Any], client_id: UUID) -> dict[str, object]:
        """Give the client a new secret, shown this once; the old one ends after the overlap."""
        return _shown(services().clients.rotate(client_id, overlap=timedelta(days=told["overlap_days"])))


@blp.route("/clients/<uuid:client_id>/revoke", endpoint="ClientRevocation")
class RevocationView(MethodView):
    """A client's end."""

    @blp.response(200, schemas.ClientSchema)
    def post(self, client_id: UUID) -> Client:
        """End the client, its secrets and its tokens at once."""
        return services().clients.revoke(client_id)
