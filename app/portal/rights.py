"""What the rooms' own policies allow whoever asks, and whose a missing function is; decides nothing itself."""

from collections.abc import Mapping

from app.audit.service import ALERTS
from app.audit.service import POLICY as AUDIT
from app.clients.service import POLICY as CLIENTS
from app.clients.types import SCOPES
from app.digitisation.service import POLICY as DIGITISATION
from app.identity.service import POLICY as IDENTITY
from app.identity.types import ROLES
from app.intake.service import POLICY as INTAKE
from app.kernel.predicate import And, Is, Not, Or, Policy, Predicate, Role, permits
from app.lookups.service import POLICY as LOOKUPS
from app.platform.ledger import POLICY as JOBS
from app.records.service import POLICY as RECORDS
from search.service import POLICY as SEARCH
from tenants.agreements import POLICY as AGREEMENTS
from tenants.policy import POLICY as PROVINCE
from tenants.quotas import POLICY as QUOTA
from tenants.scope import scope_or_none

_POLICIES: Mapping[str, Policy] = {
    "agreements": AGREEMENTS,
    "alerts": ALERTS,
    "audit": AUDIT,
    "clients": CLIENTS,
    "digitisation": DIGITISATION,
    "identity": IDENTITY,
    "intake": INTAKE,
    "jobs": JOBS,
    "lookups": LOOKUPS,
    "province": PROVINCE,
    "quota": QUOTA,
    "records": RECORDS,
    "search": SEARCH,
}

NEVER: Predicate = Role(frozenset())
ALWAYS: Predicate = Not(NEVER)


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


def rooms() -> tuple[str, ...]:
    """Return the rooms that declare a policy, in the order of their names."""
    return tuple(sorted(_POLICIES))


def actions(room: str) -> tuple[str, ...]:
    """Return what a room's policy speaks of, in its own order."""
    return tuple(_POLICIES[room].rules)


def holders(room: str, action: str) -> tuple[tuple[Predicate, tuple[str, ...]], ...]:
    """Return the roles that may do something, those under one condition together; `ALWAYS` under none."""
    tree = _POLICIES[room].rules[action]
    found: dict[Predicate, list[str]] = {}
    for role in (*sorted(ROLES), *SCOPES, "agreement"):
        condition = _left(tree, role)
        if condition != NEVER:
            found.setdefault(condition, []).append(role)
    return tuple((condition, tuple(roles)) for condition, roles in found.items())


def _left(tree: Predicate, role: str) -> Predicate:
    """Return what a tree still asks of somebody who holds one role alone."""
    match tree:
        case Role(names):
            return ALWAYS if role in names else NEVER
        case Is():
            return tree
        case Not(inner):
            rest = _left(inner, role)
            return {NEVER: ALWAYS, ALWAYS: NEVER}.get(rest, Not(rest))
        case And(left, right):
            return _joined(_left(left, role), _left(right, role), And, decides=NEVER)
        case Or(left, right):
            return _joined(_left(left, role), _left(right, role), Or, decides=ALWAYS)
        case _:
            raise TypeError(tree)


def _joined(left: Predicate, right: Predicate, join: type[And | Or], *, decides: Predicate) -> Predicate:
    if decides in (left, right):
        return decides
    if left in (ALWAYS, NEVER):
        return right
    return left if right in (ALWAYS, NEVER, left) else join(left, right)
