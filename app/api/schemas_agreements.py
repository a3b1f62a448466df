"""Shapes of agreements and lookups."""

from marshmallow import Schema, fields, validate

from app.api.schemas import PageArguments, Strict
from tenants.terms import FIELDS, KINDS, PURPOSES, State

_SHORT = validate.Length(max=200)


class TermsInput(Strict):
    """What the holder opens; ``holdings`` says for each kind how the holder's reference codes begin."""

    holdings = fields.Dict(
        keys=fields.String(validate=validate.OneOf(KINDS)),
        values=fields.List(fields.String(validate=_SHORT)),
        required=True,
    )
    purposes = fields.List(fields.String(validate=validate.OneOf(PURPOSES)), required=True)
    told = fields.List(
        fields.String(validate=validate.OneOf(FIELDS)), data_key="fields", attribute="fields", load_default=[]
    )
    daily = fields.Integer(required=True, validate=validate.Range(1, 1000))
    until = fields.Date(required=True)


class DraftInput(Strict):
    """A new agreement; one of the two is the county that asks."""

    requester = fields.String(required=True, validate=_SHORT)
    holder = fields.String(required=True, validate=_SHORT)
    terms = fields.Nested(TermsInput, required=True)


class VersionInput(Strict):
    """Which version is signed."""

    version = fields.Integer(required=True, validate=validate.Range(1, 10_000))


class ReasonInput(Strict):
    """Why something ends; the other county sees it."""

    reason = fields.String(required=True, validate=_SHORT)


class TermsSchema(Schema):
    """What the holder opens."""

    holdings = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    purposes = fields.List(fields.String())
    told = fields.List(fields.String(), data_key="fields", attribute="fields")
    daily = fields.Integer()
    until = fields.Date()


class SignatureSchema(Schema):
    """A director's consent."""

    tenant = fields.String()
    name = fields.String()
    at = fields.DateTime()


class AgreementSchema(Schema):
    """One version of an agreement; version 0 is one's own draft."""

    id = fields.UUID()
    version = fields.Integer()
    requester = fields.String()
    holder = fields.String()
    proposed_by = fields.String(attribute="by")
    terms = fields.Nested(TermsSchema)
    state = fields.String(validate=validate.OneOf([*State]))
    signatures = fields.List(fields.Nested(SignatureSchema))
    reason = fields.String()
    digest = fields.String()
    created_at = fields.DateTime()
    changed_at = fields.DateTime()


class AgreementList(Schema):
    """Agreements, or the versions of one."""

    rows = fields.List(fields.Nested(AgreementSchema))


class LookupArguments(PageArguments):
    """Which lookups: those this county asked, or those it answered."""

    side = fields.String(load_default="asked", validate=validate.OneOf(["asked", "answered"]))


class QuestionInput(Strict):
    """Who is looked for in which county, and why."""

    holder = fields.String(required=True, validate=_SHORT)
    name = fields.String(required=True, validate=_SHORT)
    spouse = fields.String(load_default="", validate=_SHORT)
    birth_year = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1000, 2999))
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    year_from = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1000, 2999))
    year_to = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1000, 2999))
    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))
    ticket = fields.String(required=True, validate=_SHORT)


class LookupSchema(Schema):
    """A lookup and its answer; each record has the fields the agreement names and no other."""

    id = fields.UUID()
    side = fields.String()
    agreement_id = fields.UUID()
    agreement_version = fields.Integer()
    counterpart = fields.String()
    asked_by = fields.String()
    asked_at = fields.DateTime()
    kind = fields.String()
    purpose = fields.String()
    ticket = fields.String()
    year_from = fields.Integer(allow_none=True)
    year_to = fields.Integer(allow_none=True)
    subject = fields.String()
    outcome = fields.String()
    records = fields.List(fields.Dict())


class LookupPage(Schema):
    """Lookups, newest first."""

    rows = fields.List(fields.Nested(LookupSchema))
    next_cursor = fields.String(allow_none=True)
