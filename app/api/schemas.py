"""Shapes of the API's answers and inputs; names are the handbook's element names."""

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.identity.types import PURPOSES, AccountState

LONGEST = 10_000
STATES = ("", "captured", "returned", "checked", "catalogued")


class Strict(Schema):
    """An input in which an unknown field is an error."""

    class Meta:
        """Refuse what is not declared."""

        unknown = RAISE


def _storable(text: str) -> None:
    """Refuse what no database takes as text: the character NUL, and halves of surrogate pairs (RFC 8259, 8.2)."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = "Not text: it holds NUL or half a character."
        raise ValidationError(message)


def _text(least: int = 0, most: int = LONGEST, **more: object) -> fields.String:
    length = validate.Length(min=least or None, max=most)
    return fields.String(validate=[length, _storable], **more)  # pyright: ignore[reportArgumentType]


class PageArguments(Schema):
    """Which part of a listing is wanted."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.String(load_default="", validate=validate.Length(max=2000))


class DescriptionSchema(Schema):
    """What is said of an item (DA/T 46 names)."""

    fonds_code = _text()
    category_code = _text()
    catalogue_no = _text()
    year = fields.Integer(allow_none=True, validate=validate.Range(1000, 2999))
    org_or_question = _text()
    archive_file_no = _text()
    archive_item_no = fields.Integer(allow_none=True, validate=validate.Range(1, 99_999))
    ref_code = _text()
    title = _text()
    creator = _text()
    doc_no = _text()
    date = _text(metadata={"description": "DATE18: YYYYMMDD or YYYYMMDD-YYYYMMDD"})
    retention = _text()
    secrecy = _text()
    persons = _text()
    keywords = _text()
    abstract = _text()
    doc_type = _text()
    language = _text()
    page_count = fields.Integer(allow_none=True, validate=validate.Range(1, 99_999))
    note = _text()


class DescriptionInput(DescriptionSchema, Strict):
    """A description to store."""


class RevisionInput(Strict):
    """Elements to replace, and why."""

    change = fields.Nested(DescriptionInput, required=True)
    reason = _text(load_default="")


class ItemSchema(Schema):
    """One record."""

    id = fields.UUID()
    fonds_id = fields.UUID()
    file_unit_id = fields.UUID(allow_none=True)
    ref_code = fields.String(allow_none=True)
    described = fields.Nested(DescriptionSchema)
    open_status = fields.String()
    state = fields.String()
    version = fields.Integer()
    created_at = fields.AwareDateTime(format="iso")
    changed_at = fields.AwareDateTime(format="iso")
    accepted_at = fields.AwareDateTime(format="iso", allow_none=True)


class ItemQueryArguments(PageArguments):
    """Which items are wanted."""

    fonds_code = _text(load_default="")
    state = fields.String(
        load_default="", validate=validate.OneOf(["", "captured", "returned", "checked", "catalogued"])
    )
    prefix = _text(load_default="")


class ItemPage(Schema):
    """Items, and the cursor to the next."""

    rows = fields.List(fields.Nested(ItemSchema))
    next_cursor = fields.String(allow_none=True)


class RevisionSchema(Schema):
    """A former description."""

    version = fields.Integer()
    described = fields.Nested(DescriptionSchema)
    replaced_at = fields.AwareDateTime(format="iso")
    replaced_by = fields.String()
    reason = fields.String()


class FindingSchema(Schema):
    """What a check found."""

    code = fields.String()
    severity = fields.String()
    field = fields.String()
    value = fields.String()
    allowed = fields.String()
    message = fields.String()


class CheckSchema(Schema):
    """All findings on an item."""

    item_id = fields.UUID()
    passed = fields.Boolean()
    findings = fields.List(fields.Nested(FindingSchema))


class FondsSchema(Schema):
    """All records of one unit."""

    id = fields.UUID(dump_only=True)
    fonds_code = _text(required=True)
    fonds_name = _text(required=True)


class FaultSchema(Schema):
    """One thing wrong with one cell."""

    code = fields.String()
    field = fields.String()
    value = fields.String()
    row = fields.Integer(allow_none=True)
    allowed = fields.String()
    message = fields.String()


class NoteSchema(Schema):
    """Something an import changes or supplies."""

    code = fields.String()
    field = fields.String()
    count = fields.Integer()
    row = fields.Integer()
    before = fields.String()
    after = fields.String()


class SampleSchema(Schema):
    """A row as it stands in the file."""

    row = fields.Integer()
    cells = fields.List(fields.String())


class ImportSchema(Schema):
    """One catalogue import."""

    id = fields.UUID()
    file_name = fields.String()
    sha256 = fields.String()
    state = fields.String()
    columns = fields.List(fields.String())
    mapping = fields.Dict(keys=fields.String(), values=fields.String())
    total = fields.Integer()
    valid = fields.Integer()
    created = fields.Integer()
    unchanged = fields.Integer()
    fault_count = fields.Integer()
    faults = fields.List(fields.Nested(FaultSchema))
    notes = fields.List(fields.Nested(NoteSchema))
    sample = fields.List(fields.Nested(SampleSchema))
    error = fields.Dict(allow_none=True)
    created_at = fields.AwareDateTime(format="iso")
    finished_at = fields.AwareDateTime(format="iso", allow_none=True)
    version = fields.Integer()


class ImportPage(Schema):
    """Imports, and the cursor to the next."""

    rows = fields.List(fields.Nested(ImportSchema))
    next_cursor = fields.String(allow_none=True)


class MappingInput(Strict):
    """Which column holds which element; an empty element leaves a column out."""

    mapping = fields.Dict(keys=_text(), values=_text(), required=True)


class ConfirmInput(Strict):
    """Whether faulty rows are left out."""

    skip_faulty = fields.Boolean(load_default=False)


class UploadInput(Strict):
    """A delivery to open."""

    name = _text(required=True)


class UploadSchema(Schema):
    """A delivery and how far it is."""

    id = fields.UUID()
    name = fields.String()
    created_at = fields.AwareDateTime(format="iso")
    files = fields.Integer()
    pages = fields.Integer()
    ready = fields.Integer()
    failed = fields.Integer()
    waiting = fields.Integer()
    in_tray = fields.Integer()
    refused = fields.Integer()
    unpacking = fields.Integer()


class UploadPage(Schema):
    """Deliveries, and the cursor to the next."""

    rows = fields.List(fields.Nested(UploadSchema))
    next_cursor = fields.String(allow_none=True)


class PageFindingSchema(Schema):
    """A fault an image shows."""

    id = fields.String()
    severity = fields.String()
    value = fields.Float()
    threshold = fields.Float()
    box = fields.List(fields.Integer(), allow_none=True)


class PageSchema(Schema):
    """One page."""

    id = fields.UUID()
    upload_id = fields.UUID()
    file_path = fields.String()
    frame = fields.Integer()
    item_id = fields.UUID(allow_none=True)
    page_no = fields.Integer(allow_none=True)
    unplaced = fields.String()
    state = fields.String()
    error = fields.Dict(allow_none=True)
    width = fields.Integer()
    height = fields.Integer()
    original_width = fields.Integer()
    original_height = fields.Integer()
    findings = fields.List(fields.Nested(PageFindingSchema))
    angle = fields.Float(allow_none=True)
    orientation = fields.Integer(allow_none=True)
    mean_confidence = fields.Float(allow_none=True)
    version = fields.Integer()


class PagePage(Schema):
    """Pages, and the cursor to the next."""

    rows = fields.List(fields.Nested(PageSchema))
    next_cursor = fields.String(allow_none=True)


class PageList(Schema):
    """All pages of an item."""

    rows = fields.List(fields.Nested(PageSchema))


class PlaceInput(Strict):
    """Where a page of the tray belongs."""

    item_id = fields.UUID(required=True)
    page_no = fields.Integer(required=True, validate=validate.Range(1, 9999))


class ReceivedSchema(Schema):
    """What became of a file."""

    path = fields.String()
    outcome = fields.String()
    file_id = fields.UUID(allow_none=True)
    sha256 = fields.String()
    media_type = fields.String()
    pages = fields.List(fields.Nested(PageSchema))


class RefusalSchema(Schema):
    """A file that was not taken."""

    path = fields.String()
    code = fields.String()
    facts = fields.Dict()
    at = fields.AwareDateTime(format="iso")


class RefusalList(Schema):
    """The files of a delivery that were not taken."""

    rows = fields.List(fields.Nested(RefusalSchema))


class LineSchema(Schema):
    """A line of text and its four corners on the canvas, pixels."""

    text = fields.String()
    confidence = fields.Float()
    quad = fields.List(fields.List(fields.Float()))


class TextSchema(Schema):
    """What OCR read on a page; for searching, never evidence."""

    text = fields.String()
    lines = fields.List(fields.Nested(LineSchema))
    engine = fields.String()
    engine_version = fields.String()
    proofread = fields.Boolean()


class SearchArguments(PageArguments):
    """What is looked for."""

    q = _text(1, 200, required=True)
    fonds_code = _text(load_default="")
    year_from = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1000, 2999))
    year_to = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1000, 2999))
    state = fields.String(
        load_default="", validate=validate.OneOf(["", "captured", "returned", "checked", "catalogued"])
    )


class ReasonSchema(Schema):
    """Why an item is a hit."""

    kind = fields.String()
    text = fields.String()
    marks = fields.List(fields.List(fields.Integer()))
    page_id = fields.UUID(allow_none=True)
    page_no = fields.Integer(allow_none=True)
    count = fields.Integer()


class HitSchema(Schema):
    """One item that meets the query."""

    item_id = fields.UUID()
    ref_code = fields.String()
    title = fields.String()
    fonds_code = fields.String()
    date = fields.String()
    state = fields.String()
    reasons = fields.List(fields.Nested(ReasonSchema))


class ResultsSchema(Schema):
    """A page of hits, best first."""

    total = fields.Integer()
    at_least = fields.Boolean()
    understood = fields.List(fields.String())
    hits = fields.List(fields.Nested(HitSchema))
    next_cursor = fields.String(allow_none=True)


class JobSchema(Schema):
    """A job of the ledger."""

    id = fields.UUID()
    task = fields.String()
    subject_id = fields.UUID()
    state = fields.String()
    attempts = fields.Integer()
    done = fields.Integer()
    total = fields.Integer()
    error = fields.Dict(allow_none=True)
    created_at = fields.AwareDateTime(format="iso")
    finished_at = fields.AwareDateTime(format="iso", allow_none=True)


class JobPage(Schema):
    """Jobs, and the cursor to the next."""

    rows = fields.List(fields.Nested(JobSchema))
    next_cursor = fields.String(allow_none=True)


class JobArguments(PageArguments):
    """Which jobs are wanted."""

    state = fields.String(
        load_default="", validate=validate.OneOf(["", "waiting", "sent", "running", "done", "failed", "dead"])
    )


class TokenInput(Schema):
    """A password, refresh or client credentials grant (RFC 6749, 4.3, 4.4 and 6).

    ``scope`` names the county for a password, and what is asked for by a client.
    """

    grant_type = fields.String(
        required=True, validate=validate.OneOf(["password", "refresh_token", "client_credentials"])
    )
    username = _text(load_default="")
    password = _text(load_default="")
    otp = _text(load_default="", metadata={"description": "code of the authenticator, where one is set up"})
    scope = _text(load_default="", metadata={"description": "tenant, for the password grant; scopes, for a client"})
    refresh_token = _text(load_default="")
    client_id = _text(load_default="", metadata={"description": "of a client that does not use HTTP Basic"})
    client_secret = _text(load_default="")
    purpose = _text(load_default="", metadata={"description": "what a client's calls will be for"})


class TokenSchema(Schema):
    """Tokens (RFC 6749, 5.1)."""

    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    refresh_token = fields.String()
    scope = fields.String()


class RevocationInput(Schema):
    """A token to give back (RFC 7009)."""

    token = _text(required=True)


class MeSchema(Schema):
    """Who the token stands for."""

    tenant = fields.String()
    id = fields.String()
    name = fields.String()
    roles = fields.List(fields.String())


class TenantSchema(Schema):
    """A county of the province."""

    id = fields.String()
    name = fields.String()
    division_code = fields.String()
    archive_code = fields.String()
    state = fields.String()


class TenantList(Schema):
    """The counties of the province."""

    rows = fields.List(fields.Nested(TenantSchema))


class AccountSchema(Schema):
    """An account; numbers are masked, and left out of listings."""

    id = fields.UUID()
    login = fields.String()
    display_name = fields.String()
    roles = fields.List(fields.String())
    state = fields.String(metadata={"enum": [str(state) for state in AccountState]})
    created_at = fields.AwareDateTime(format="iso")
    id_card = fields.String()
    phone = fields.String()
    locked_until = fields.AwareDateTime(format="iso", allow_none=True)
    last_sign_in_at = fields.AwareDateTime(format="iso", allow_none=True)
    valid_until = fields.AwareDateTime(format="iso", allow_none=True)
    factor = fields.Boolean()


class AccountList(Schema):
    """All accounts of the county."""

    rows = fields.List(fields.Nested(AccountSchema))


class NewAccountInput(Strict):
    """An account to make; its roles are given by somebody else."""

    login = _text(least=1, most=40, required=True)
    display_name = _text(least=1, most=60, required=True)
    id_card = _text(most=18, load_default="")
    phone = _text(most=11, load_default="")
    valid_until = fields.AwareDateTime(format="iso", load_default=None)


class HandedSchema(Schema):
    """An account with a password to hand over; empty where it was shown before."""

    account = fields.Nested(AccountSchema)
    password = fields.String()


class GrantSchema(Schema):
    """That a role was given, and taken away."""

    role = fields.String()
    granted_by = fields.String()
    granted_at = fields.AwareDateTime(format="iso")
    removed_by = fields.String(allow_none=True)
    removed_at = fields.AwareDateTime(format="iso", allow_none=True)


class GrantList(Schema):
    """The roles an account was given, the latest first."""

    rows = fields.List(fields.Nested(GrantSchema))


class StateInput(Strict):
    """``left`` closes an account; ``waiting`` opens it again, for roles to be given."""

    state = fields.String(required=True, validate=validate.OneOf([str(AccountState.LEFT), str(AccountState.WAITING)]))


class RevealInput(Strict):
    """Which number is to be shown in full, and what for."""

    number = fields.String(required=True, validate=validate.OneOf(["id_card", "phone"]))
    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))


class RevealedSchema(Schema):
    """A number in full."""

    value = fields.String()


class UserSessionSchema(Schema):
    """One sign-in."""

    id = fields.UUID()
    client = fields.String()
    device = fields.String()
    factors = fields.String()
    signed_in_at = fields.AwareDateTime(format="iso")
    last_used_at = fields.AwareDateTime(format="iso")
    current = fields.Boolean()


class UserSessionList(Schema):
    """One's own sign-ins, the latest used first."""

    rows = fields.List(fields.Nested(UserSessionSchema))


class PasswordInput(Strict):
    """The present password, and the one to take its place."""

    present = _text(required=True)
    password = _text(required=True)


class CodeInput(Strict):
    """A code of the authenticator."""

    code = _text(least=1, most=20, required=True)


class EnrolmentSchema(Schema):
    """An authenticator to set up."""

    secret = fields.String()
    uri = fields.String()


class RecoverySchema(Schema):
    """Recovery codes, shown this once."""

    codes = fields.List(fields.String())
