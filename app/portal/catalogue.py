"""The catalogue: its list, an item's page, and describing, numbering, checking and accepting it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.kernel.errors import DomainError, Fault, Invalid
from app.portal import words
from app.portal.edge import services, show
from app.portal.listing import asked, number
from app.portal.rights import may
from app.records.types import CheckReport, Description, Item, ItemQuery, ItemState

bp = Blueprint("catalogue", __name__, url_prefix="/desk")

FIELDS = tuple(field.name for field in fields(Description))
_NUMBERS = frozenset({"year", "archive_item_no", "page_count"})


@bp.get("/catalogue")
def items() -> Response:
    """List the items, by fonds, state or beginning of the code."""
    wanted = ItemQuery(
        fonds_code=request.args.get("fonds", ""),
        state=request.args.get("state", ""),
        prefix=request.args.get("prefix", "").strip(),
    )
    records = services().records
    return show(
        "catalogue.html",
        page=records.items(wanted, asked("su")),
        wanted=wanted,
        fonds=records.fonds(),
        states=tuple(ItemState),
        counts=records.counts(),
    )


@bp.get("/items/new")
def new() -> Response:
    """Show an empty form."""
    return _form(None, asdict(Description(fonds_code=request.args.get("fonds", ""))))


@bp.post("/items/new")
def create() -> Answer:
    """Describe an item for the first time."""
    try:
        item = services().records.create(Description(**_typed()))  # pyright: ignore[reportArgumentType]  # by FIELDS
    except DomainError as error:
        return _form(None, request.form, error)
    return redirect(url_for(".item", item_id=item.id), 303)


@bp.get("/items/<uuid:item_id>")
def item(item_id: UUID) -> Response:
    """Show an item: description, pages, former descriptions, and what can be done with it."""
    return _item(services().records.view(item_id))


@bp.get("/items/<uuid:item_id>/edit")
def edit(item_id: UUID) -> Response:
    """Show the description as a form."""
    found = services().records.view(item_id)
    return _form(found, asdict(found.described) | {"ref_code": found.ref_code or ""})


@bp.post("/items/<uuid:item_id>/edit")
def revise(item_id: UUID) -> Answer:
    """Replace the description, keeping the former one."""
    records = services().records
    before = records.get(item_id)
    try:
        now = asdict(before.described) | {"ref_code": before.ref_code or ""}
        change = {name: value for name, value in _typed().items() if value != now[name]}
        records.revise(item_id, change, expected=number("version") or 0, reason=request.form.get("reason", "").strip())
    except DomainError as error:
        return _form(before, request.form, error)
    return redirect(url_for(".item", item_id=item_id), 303)


@bp.post("/items/<uuid:item_id>/code")
def allocate_code(item_id: UUID) -> Answer:
    """Give the item its reference code by rule."""
    return _done(item_id, lambda: services().records.allocate_code(item_id, expected=number("version") or 0))


@bp.post("/items/<uuid:item_id>/accept")
def accept(item_id: UUID) -> Answer:
    """Accept the item into the catalogue."""
    return _done(item_id, lambda: services().records.accept(item_id, expected=number("version") or 0))


@bp.post("/items/<uuid:item_id>/check")
def check(item_id: UUID) -> Answer:
    """Check the item, and tell what was found."""
    report = services().records.check(item_id)
    return _item(services().records.get(item_id), report=report)


def _done(item_id: UUID, act: Callable[[], Item]) -> Answer:
    try:
        act()
    except DomainError as error:
        return _item(services().records.get(item_id), refused=error)
    return redirect(url_for(".item", item_id=item_id), 303)


def _item(found: Item, *, report: CheckReport | None = None, refused: DomainError | None = None) -> Response:
    fonds = next((each for each in services().records.fonds() if each.id == found.fonds_id), None)
    return show(
        "item.html",
        status=refused.status if refused else 200,
        item=found,
        fonds=fonds,
        described=asdict(found.described) | {"ref_code": found.ref_code or ""},
        pages=services().digitisation.pages_of_item(found.id) if may("digitisation", "read") else (),
        revisions=services().records.revisions(found.id),
        report=report,
        refusal=words.refusal(refused) if refused else "",
        faults=words.faults(refused) if refused else (),
    )


def _form(found: Item | None, values: Mapping[str, object], error: DomainError | None = None) -> Response:
    return show(
        "item_form.html",
        status=error.status if error else 200,
        item=found,
        version=values.get("version", found.version if found else 0),
        values=values,
        fields=FIELDS,
        fonds=services().records.fonds(),
        refusal=words.refusal(error) if error else "",
        faults=words.faults(error) if error else (),
        marked={fault.field for fault in error.faults} if isinstance(error, Invalid) else set[str](),
    )


def _typed() -> dict[str, object]:
    """Return the form's elements as a description holds them; raises `Invalid` for a number that is none."""
    typed: dict[str, object] = {}
    faults: list[Fault] = []
    for name in FIELDS:
        written = request.form.get(name, "").strip()
        if name not in _NUMBERS:
            typed[name] = written.replace("\r\n", "\n")
            continue
        typed[name] = number(name)
        if written and typed[name] is None:
            faults.append(Fault("number", name, written[:40], allowed="1–99999"))
    if faults:
        raise Invalid(tuple(faults))
    return typed
