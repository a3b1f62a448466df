"""Who may do what, as the rooms' policies declare it."""

from flask import Blueprint, Response, request

from app.identity.types import ROLES
from app.kernel.predicate import And, Is, Not, Or, Predicate
from app.portal import rights
from app.portal.edge import show
from app.portal.words import named, t

bp = Blueprint("duties", __name__, url_prefix="/desk/rights")


@bp.get("")
def index() -> Response:
    """Show every action of every room with the roles it belongs to; or those of one role."""
    chosen = next((role for role in sorted(ROLES) if role == request.args.get("role")), "")
    rooms = {
        room: [
            (
                action,
                [(condition, roles) for condition, roles in rights.holders(room, action) if chosen in ("", *roles)],
            )
            for action in rights.actions(room)
        ]
        for room in rights.rooms()
    }
    shown = {room: [(action, held) for action, held in told if held] for room, told in rooms.items()}
    return show("rights.html", rooms=shown, chosen=chosen, roles=sorted(ROLES), condition=condition_words)


def condition_words(tree: Predicate) -> str:
    """Return a condition as a sentence would say it; nothing where there is none."""
    if tree == rights.ALWAYS:
        return ""
    match tree:
        case Is(field, values):
            told = t("rights.or").join(sorted(named("state.item", value) for value in values))
            return t("rights.is", field=named("element", field), values=told)
        case Not(inner):
            return t("rights.not", condition=condition_words(inner))
        case And(left, right):
            return t("rights.and", left=condition_words(left), right=condition_words(right))
        case Or(left, right):
            return t("rights.either", left=condition_words(left), right=condition_words(right))
        case _:
            raise TypeError(tree)
