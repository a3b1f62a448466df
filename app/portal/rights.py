"""What the rooms' own policies allow whoever asks, and whose a missing function is; decides nothing itself."""

from collections.abc import Mapping

from app.audit.service import POLICY as AUDIT
from app.digitisation.service import POLICY as DIGITISATION
from app.intake.service import POLICY as INTAKE
from app.kernel.predicate import And, Or, Policy, Predicate, Role, permits
from app.platform.ledger import POLICY as JOBS
from app.records.service import POLICY as RECORDS
from search.service import POLICY as SEARCH
from tenants.scope import scope_or_none

_POLICIES: Mapping[str, Policy] = {
    "audit": AUDIT,
    "digitisation": DIGITISATION,
    "intake": INTAKE,
    "jobs": JOBS,
    "records": RECORDS,
    "search": SEARCH,
}


def may(room: str, action: str) -> bool:
    """Say whether a room's policy lets whoever asks do something; used to show or leave out, never to refuse."""
    scope = scope_or_none()
    return scope is not None and permits(_POLICIES[room].rule(action), scope.principal.roles, {})


def whose(room: str, action: str) -> tuple[str, ...]:
    """Return the roles that an action belongs to, in the order of their names."""
    rules = _POLICIES[room].rules
    return tuple(sorted(_roles(rules[action]))) if action in rules else ()


def _roles(tree: Predicate) -> frozenset[str]:
    match tree:
        case Role(names):
            return names
        case And(left, right) | Or(left, right):
            return _roles(left) | _roles(right)
        case _:
            return frozenset()
