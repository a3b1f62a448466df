"""What the audit log looks like in the API."""

from marshmallow import Schema, fields, validate

from app.api.schemas import LONGEST, PageArguments

_LARGEST = 2**62


def _words() -> fields.String:
    return fields.String(load_default="", validate=validate.Length(max=LONGEST))


def _number(**more: object) -> fields.Integer:
    return fields.Integer(validate=validate.Range(0, _LARGEST), **more)  # pyright: ignore[reportArgumentType]  # passed on


class EntrySchema(Schema):
    """One entry of the audit log."""

    seq = fields.Integer()
    at = fields.AwareDateTime(format="iso")
    principal_id = fields.String()
    roles = fields.List(fields.String())
    action = fields.String()
    object_id = fields.UUID()
    purpose = fields.String()
    request_id = fields.String()
    client = fields.String(metadata={"description": "network address; empty for jobs and commands"})
    session = fields.String(metadata={"description": "id of the session or token"})
    result = fields.String(metadata={"description": "done or refused"})
    reason = fields.String(metadata={"description": "code of the refusal"})
    before = fields.String(metadata={"description": "digest of what was changed"})
    after = fields.String(metadata={"description": "digest of what it became"})
    details = fields.Dict()
    leaf = fields.String(metadata={"description": "hash in the Merkle tree (RFC 9162), hexadecimal"})


class EntryPage(Schema):
    """Entries, and the cursor to the next."""

    rows = fields.List(fields.Nested(EntrySchema))
    next_cursor = fields.String(allow_none=True)


class EntryArguments(PageArguments):
    """Which entries are wanted."""

    action = _words()
    principal = _words()
    object_id = fields.UUID(load_default=None, allow_none=True)
    result = _words()
    session = _words()
    since = fields.AwareDateTime(format="iso", load_default=None, allow_none=True)
    until = fields.AwareDateTime(format="iso", load_default=None, allow_none=True)


class BreachSchema(Schema):
    """Something of the log that does not hold."""

    kind = fields.String()
    seq = fields.Integer(metadata={"description": "first entry it concerns"})
    until = fields.Integer(metadata={"description": "last entry it concerns"})
    where = fields.String()


class VerdictSchema(Schema):
    """Whether the log holds."""

    entries = fields.Integer()
    checkpoints = fields.Integer()
    broken_at = fields.Integer(allow_none=True)
    kind = fields.String()
    head = fields.String(metadata={"description": "root of the Merkle tree, hexadecimal"})
    findings = fields.List(fields.Nested(BreachSchema))


class CheckpointSchema(Schema):
    """A signed checkpoint (C2SP tlog-checkpoint)."""

    size = fields.Integer()
    root = fields.String()
    at = fields.String()
    note = fields.String()


class CheckpointPage(Schema):
    """Checkpoints, and the cursor to the next."""

    rows = fields.List(fields.Nested(CheckpointSchema))
    next_cursor = fields.String(allow_none=True)


class InclusionArguments(Schema):
    """Of which entry, and in a log of which size."""

    seq = _number(required=True)
    size = _number(load_default=None, allow_none=True)


class InclusionSchema(Schema):
    """The proof that an entry is in the log (RFC 9162, 2.1.3)."""

    seq = fields.Integer()
    at = fields.String()
    body = fields.String(metadata={"description": "what was hashed, byte by byte"})
    leaf = fields.String()
    size = fields.Integer()
    root = fields.String()
    path = fields.List(fields.String())


class ConsistencyArguments(Schema):
    """From which size to which."""

    first = _number(required=True)
    second = _number(load_default=None, allow_none=True)


class ConsistencySchema(Schema):
    """The proof that the log only grew (RFC 9162, 2.1.4)."""

    first = fields.Integer()
    second = fields.Integer()
    first_root = fields.String()
    second_root = fields.String()
    path = fields.List(fields.String())


class KeysSchema(Schema):
    """Public keys of checkpoints (C2SP signed-note), the one that signs first."""

    keys = fields.List(fields.String())
