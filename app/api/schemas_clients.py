"""Shapes of API clients."""

from marshmallow import Schema, fields, validate

from app.api.schemas import Strict
from app.clients.types import PURPOSES, SCOPES

_SHORT = validate.Length(max=200)


class ClientInput(Strict):
    """A new client; it may do nothing until the security administrator grants it something."""

    name = fields.String(required=True, validate=_SHORT)
    purposes = fields.List(fields.String(validate=validate.OneOf(PURPOSES)), required=True)
    expires_at = fields.AwareDateTime(required=True)
    agreement_id = fields.UUID(load_default=None, allow_none=True)
    networks = fields.List(fields.String(validate=_SHORT), load_default=[])
    certificate = fields.String(load_default="", validate=_SHORT)


class GrantInput(Strict):
    """All that the client may do from now on."""

    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)), required=True)


class RotationInput(Strict):
    """How long the old secret still works."""

    overlap_days = fields.Integer(load_default=7, validate=validate.Range(0, 30))


class ClientSchema(Schema):
    """A client as administrators see it."""

    id = fields.UUID()
    client_id = fields.String(attribute="oauth_id")
    name = fields.String(attribute="told.name")
    purposes = fields.List(fields.String(), attribute="told.purposes")
    expires_at = fields.DateTime(attribute="told.expires_at")
    agreement_id = fields.UUID(attribute="told.agreement_id", allow_none=True)
    networks = fields.List(fields.String(), attribute="told.networks")
    certificate = fields.String(attribute="told.certificate")
    scopes = fields.List(fields.String())
    state = fields.String()
    created_by = fields.String()
    created_at = fields.DateTime()
    secrets_end = fields.List(fields.DateTime())


class ClientWithSecret(Schema):
    """A client and its new secret, shown this once; empty where the request was repeated."""

    client = fields.Nested(ClientSchema)
    client_secret = fields.String()


class ClientList(Schema):
    """The county's clients."""

    rows = fields.List(fields.Nested(ClientSchema))
