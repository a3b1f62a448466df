"""Fonds and items: list, describe, revise, number, check, accept."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, creation_id, services, versioned
from app.api.problems import fault_text, language
from app.kernel.paging import PageRequest, decode_cursor
from app.records.types import Description, Fonds, Item, ItemQuery, Revision

blp = blueprint("items", "Fonds and items")


@blp.route("/fonds", endpoint="Fonds")
class FondsView(MethodView):
    """The fonds of the county."""

    @blp.response(200, schemas.FondsSchema(many=True))
    def get(self) -> list[Fonds]:
        """Return all fonds."""
        return list(services().records.fonds())

    @blp.arguments(schemas.FondsSchema)
    @blp.response(201, schemas.FondsSchema)
    def post(self, told: dict[str, Any]) -> Fonds:
        """Open a fonds; the same again changes nothing."""
        return services().records.create_fonds(told["fonds_code"], told["fonds_name"])


@blp.route("/items", endpoint="Items")
class ItemsView(MethodView):
    """The items of the county."""

    @blp.arguments(schemas.ItemQueryArguments, location="query")
    @blp.response(200, schemas.ItemPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return items in the order of their reference codes."""
        wanted = ItemQuery(fonds_code=asked["fonds_code"], state=asked["state"], prefix=asked["prefix"])
        after = decode_cursor(asked["cursor"], kinds="su")
        return services().records.items(wanted, PageRequest(asked["limit"], after))

    @blp.arguments(schemas.DescriptionInput)
    @blp.response(201, schemas.ItemSchema)
    def post(self, told: dict[str, Any]) -> Item:
        """Describe a new item; with an ``Idempotency-Key``, once."""
        return services().records.create(Description(**told), item_id=creation_id("item"))


@blp.route("/items/<uuid:item_id>", endpoint="Item")
class ItemView(MethodView):
    """One described item."""

    @blp.response(200, schemas.ItemSchema)
    def get(self, item_id: UUID) -> object:
        """Return an item; its ETag is its version."""
        item = services().records.view(item_id)
        return item, {"ETag": f'"{item.version}"'}

    @blp.arguments(schemas.RevisionInput)
    @blp.response(200, schemas.ItemSchema)
    def patch(self, told: dict[str, Any], item_id: UUID) -> object:
        """Replace elements of the description, keeping the former one as a revision; needs ``If-Match``."""
        item = services().records.revise(item_id, told["change"], expected=versioned(), reason=told["reason"])
        return item, {"ETag": f'"{item.version}"'}


@blp.route("/items/<uuid:item_id>/revisions", endpoint="Revisions")
class RevisionsView(MethodView):
    """An item's former descriptions."""

    @blp.response(200, schemas.RevisionSchema(many=True))
    def get(self, item_id: UUID) -> list[Revision]:
        """Return former descriptions, newest first."""
        return list(services().records.revisions(item_id))


@blp.route("/items/<uuid:item_id>/code", endpoint="Code")
class CodeView(MethodView):
    """An item's reference code."""

    @blp.response(200, schemas.ItemSchema)
    def post(self, item_id: UUID) -> object:
        """Give the item its reference code by rule; needs ``If-Match``."""
        item = services().records.allocate_code(item_id, expected=versioned())
        return item, {"ETag": f'"{item.version}"'}


@blp.route("/items/<uuid:item_id>/check", endpoint="Check")
class CheckView(MethodView):
    """The check before acceptance."""

    @blp.response(200, schemas.CheckSchema)
    def post(self, item_id: UUID) -> dict[str, object]:
        """Check description, code and pages."""
        report = services().records.check(item_id)
        spoken = language()
        findings = [asdict(f) | {"message": fault_text(f, spoken, "check")} for f in report.findings]
        return {"item_id": report.item_id, "passed": report.passed, "findings": findings}


@blp.route("/items/<uuid:item_id>/accept", endpoint="Acceptance")
class AcceptanceView(MethodView):
    """Acceptance into the catalogue."""

    @blp.response(200, schemas.ItemSchema)
    def post(self, item_id: UUID) -> object:
        """Accept a checked item: locked from now on, and found by its pages' text; needs ``If-Match``."""
        item = services().records.accept(item_id, expected=versioned())
        return item, {"ETag": f'"{item.version}"'}


@blp.route("/items/<uuid:item_id>/pages", endpoint="ItemPages")
class ItemPagesView(MethodView):
    """An item's pages."""

    @blp.response(200, schemas.PageList)
    def get(self, item_id: UUID) -> dict[str, object]:
        """Return the pages in order."""
        return {"rows": services().digitisation.pages_of_item(item_id)}
