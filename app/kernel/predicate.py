"""Policies as predicate trees: one tree answers in Python and becomes a SQL condition.

A tree speaks of a principal's roles and a resource's fields. ``permits`` decides for one resource;
`app.platform.predicates.where` compiles the same tree for a query. Nothing else decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition; combine with ``&``, ``|`` and ``~``."""

    def __and__(self, other: "Predicate") -> "Predicate":
        return And(self, other)

    def __or__(self, other: "Predicate") -> "Predicate":
        return Or(self, other)

    def __invert__(self) -> "Predicate":
        return Not(self)


@dataclass(frozen=True, slots=True)
class And(Predicate):
    """Both hold."""

    left: Predicate
    right: Predicate


@dataclass(frozen=True, slots=True)
class Or(Predicate):
    """One of them holds, or both."""

    left: Predicate
    right: Predicate


@dataclass(frozen=True, slots=True)
class Not(Predicate):
    """It does not hold."""

    inner: Predicate


@dataclass(frozen=True, slots=True)
class Role(Predicate):
    """The principal holds one of these roles."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Is(Predicate):
    """A field of the resource has one of these values."""

    field: str
    values: frozenset[str]


def role(*names: str) -> Predicate:
    """Return the condition that the principal holds one of these roles."""
    return Role(frozenset(names))


def field(name: str, *values: str) -> Predicate:
    """Return the condition that a field of the resource has one of these values."""
    return Is(name, frozenset(values))


def permits(tree: Predicate, roles: frozenset[str], resource: Mapping[str, str]) -> bool:
    """Say whether a principal with these roles may act on the resource.

    Parameters
    ----------
    tree : Predicate
    roles : frozenset of str
    resource : mapping of str to str
        Every field the tree speaks of; a missing one is a KeyError, never a yes.
    """
    match tree:
        case And(left, right):
            return permits(left, roles, resource) and permits(right, roles, resource)
        case Or(left, right):
            return permits(left, roles, resource) or permits(right, roles, resource)
        case Not(inner):
            return not permits(inner, roles, resource)
        case Role(names):
            return not names.isdisjoint(roles)
        case Is(name, values):
            return resource[name] in values
        case _:
            raise TypeError(tree)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which predicate governs which action of a room. An action not named is refused."""

    rules: Mapping[str, Predicate]

    def rule(self, action: str) -> Predicate:
        """Return the predicate of an action; raises `Refused` for an action nobody declared."""
        if action not in self.rules:
            raise Refused(action)
        return self.rules[action]

    def require(self, action: str, roles: frozenset[str], resource: Mapping[str, str] | None = None) -> None:
        """Raise `Refused` unless the roles permit the action on the resource."""
        if not permits(self.rule(action), roles, resource or {}):
            raise Refused(action)
