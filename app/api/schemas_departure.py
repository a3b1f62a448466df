"""What the addresses of leaving take and give."""

from marshmallow import Schema, fields, validate


class ExportInput(Schema):
    """An export that is wanted; the county's own passphrase is not kept."""

    passphrase = fields.String(load_default="", load_only=True, validate=validate.Length(max=200))


class ExportSchema(Schema):
    """An export of a county."""

    id = fields.UUID()
    county = fields.String()
    folder = fields.String()
    with_key = fields.Boolean()
    asked_by = fields.String()
    asked_at = fields.DateTime()
    taken_at = fields.DateTime(allow_none=True)
    digest = fields.String()
    facts = fields.Dict()
    verified_at = fields.DateTime(allow_none=True)


class ExportList(Schema):
    """The exports of a county, newest first."""

    rows = fields.List(fields.Nested(ExportSchema))


class ProposalInput(Schema):
    """Why a county is to be ended; stands on the certificate."""

    reason = fields.String(required=True, validate=validate.Length(min=1, max=200))


class RetirementSchema(Schema):
    """The end of a county: proposed, approved, carried out."""

    id = fields.UUID()
    county = fields.String()
    export_id = fields.UUID()
    export_digest = fields.String()
    reason = fields.String()
    proposed_by = fields.String()
    proposed_at = fields.DateTime()
    approved_by = fields.String(allow_none=True)
    approved_at = fields.DateTime(allow_none=True)
    facts = fields.Dict()
    destroyed = fields.Dict(allow_none=True)
    destroyed_at = fields.DateTime(allow_none=True)


class ObstacleSchema(Schema):
    """What stands against retiring a county now."""

    code = fields.String()


class PlanSchema(Schema):
    """What retiring a county would destroy; nothing is changed by asking."""

    rows = fields.Dict(keys=fields.String(), values=fields.Integer())
    objects = fields.Integer()
    octets = fields.Integer()
    entries = fields.Integer(attribute="log.size")
    root = fields.String(attribute="log.root")
    export = fields.Nested(ExportSchema, allow_none=True)
    obstacles = fields.List(fields.Nested(ObstacleSchema))
    proposals = fields.List(fields.Nested(RetirementSchema))
