"""What the province's addresses take and give."""

from marshmallow import Schema, fields, validate

from tenants.directory import CLOSING
from tenants.provisioning import StepState
from tenants.quotas import LIMITS

_NUMBER = validate.Range(0, 2**62)
_COUNTED = "Storage in bytes; pages, calls, jobs and users by number."


class PersonSchema(Schema):
    """An administrator of a new county."""

    login = fields.String(required=True, validate=validate.Length(max=100))
    name = fields.String(required=True, validate=validate.Length(max=100))


class OrderInput(Schema):
    """A new county."""

    id = fields.String(required=True, validate=validate.Length(max=100))
    name = fields.String(required=True, validate=validate.Length(max=200))
    division_code = fields.String(required=True, validate=validate.Length(max=100))
    archive_code = fields.String(required=True, validate=validate.Length(max=100))
    domain = fields.String(load_default="", validate=validate.Length(max=300))
    region = fields.String(load_default="", validate=validate.Length(max=100))
    home_site = fields.String(load_default="a", validate=validate.Length(max=40))
    second_site = fields.String(load_default="b", validate=validate.Length(max=40))
    sys_admin = fields.Nested(PersonSchema, required=True)
    sec_admin = fields.Nested(PersonSchema, required=True)
    audit_admin = fields.Nested(PersonSchema, required=True)
    limits = fields.Dict(
        keys=fields.String(validate=validate.OneOf([*LIMITS])),
        values=fields.Integer(validate=_NUMBER),
        load_default={},
        metadata={"description": _COUNTED},
    )


class SuspensionInput(Schema):
    """How a county is closed, and why."""

    mode = fields.String(required=True, validate=validate.OneOf([*CLOSING]))
    reason = fields.String(required=True, validate=validate.Length(min=1, max=200))


class LimitInput(Schema):
    """A limit of a county."""

    kind = fields.String(required=True, validate=validate.OneOf([*LIMITS]))
    soft = fields.Integer(required=True, validate=_NUMBER, metadata={"description": _COUNTED})
    hard = fields.Integer(required=True, validate=_NUMBER, metadata={"description": _COUNTED})


class UsageSchema(Schema):
    """A limit and what is used of it."""

    kind = fields.String(attribute="limit.kind", validate=validate.OneOf([*LIMITS]))
    daily = fields.Boolean(attribute="limit.daily")
    soft = fields.Integer(attribute="limit.soft")
    hard = fields.Integer(attribute="limit.hard")
    used = fields.Integer()
    state = fields.String(validate=validate.OneOf(["ok", "warned", "full"]))


class StepSchema(Schema):
    """A step of setting a county up."""

    name = fields.String()
    state = fields.String(validate=validate.OneOf([*StepState]))
    error = fields.Dict(allow_none=True)
    attempts = fields.Integer()
    started_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class CountySchema(Schema):
    """A county as the province sees it."""

    id = fields.String(attribute="tenant.id")
    name = fields.String(attribute="tenant.name")
    division_code = fields.String(attribute="tenant.division_code")
    archive_code = fields.String(attribute="tenant.archive_code")
    domain = fields.String(attribute="tenant.domain")
    region = fields.String(attribute="tenant.region")
    home_site = fields.String(attribute="tenant.home_site")
    second_site = fields.String(attribute="tenant.second_site")
    state = fields.String(attribute="tenant.state")
    reason = fields.String(attribute="tenant.reason")
    active_at = fields.DateTime(allow_none=True)
    usage = fields.List(fields.Nested(UsageSchema))


class CountyList(Schema):
    """The counties, the one that needs looking at first."""

    rows = fields.List(fields.Nested(CountySchema))


class CountyDetails(CountySchema):
    """A county with the steps of its setting up."""

    steps = fields.List(fields.Nested(StepSchema))
