"""What alerts, and the audit log in numbers, look like in the API."""

from marshmallow import Schema, fields, validate

from app.api.schemas import PageArguments, Strict
from app.api.schemas_audit import EntryArguments
from app.audit.service import FORMS


class AlertSchema(Schema):
    """What a detector found, and who took note of it."""

    id = fields.UUID()
    detector = fields.String()
    severity = fields.String()
    subject = fields.String(metadata={"description": "a principal, an account, an address, or a person's digest"})
    since = fields.AwareDateTime(format="iso")
    until = fields.AwareDateTime(format="iso")
    evidence = fields.List(fields.Integer(), metadata={"description": "numbers of audit entries"})
    raised_at = fields.AwareDateTime(format="iso")
    acknowledged_at = fields.AwareDateTime(format="iso", allow_none=True)
    acknowledged_by = fields.String()
    note = fields.String()


class AlertPage(Schema):
    """Alerts, and the cursor to the next."""

    rows = fields.List(fields.Nested(AlertSchema))
    next_cursor = fields.String(allow_none=True)


class AlertArguments(PageArguments):
    """Which alerts are wanted."""

    waiting = fields.Boolean(load_default=False)


class AcknowledgementInput(Strict):
    """What was found out."""

    note = fields.String(required=True, validate=validate.Length(1, 2000))


class ExportArguments(EntryArguments):
    """Which entries are handed out, and how."""

    format = fields.String(load_default="csv", validate=validate.OneOf(FORMS))


class TrendArguments(Schema):
    """How many days are counted."""

    days = fields.Integer(load_default=30, validate=validate.Range(1, 366))


class DaySchema(Schema):
    """A day of the log in numbers."""

    day = fields.Date()
    acts = fields.Integer()
    refusals = fields.Integer()
    sign_in_failures = fields.Integer()


class TrendsSchema(Schema):
    """The last days of the log, the oldest first, and how often each action came."""

    days = fields.List(fields.Nested(DaySchema))
    actions = fields.Dict(keys=fields.String(), values=fields.Integer())
