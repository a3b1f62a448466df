"""Policies as SQL: the same tree that answers in Python, as a condition of a query."""

import sys
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, false, not_, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from app.kernel.predicate import And, Is, Not, Or, Predicate, Role


def where(
    tree: Predicate, roles: frozenset[str], columns: Mapping[str, InstrumentedAttribute[str]]
) -> ColumnElement[bool]:
    """Compile a predicate for a query; agrees with `app.kernel.predicate.permits` row by row.

    Parameters
    ----------
    tree : Predicate
    roles : frozenset of str
        Of the principal who asks; decided here, so that the query carries no roles.
    columns : mapping
        The column of each field the tree speaks of; all NOT NULL.
    """
    match tree:
        case And(left, right):
            return and_(where(left, roles, columns), where(right, roles, columns))
        case Or(left, right):
            return or_(where(left, roles, columns), where(right, roles, columns))
        case Not(inner):
            return not_(where(inner, roles, columns))
        case Role(names):
            return false() if names.isdisjoint(roles) else true()
        case Is(name, values):
            return columns[name].in_(sorted(values))
        case _:
            raise TypeError(tree)


def beginning(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    """Return the condition that a text begins with a prefix, as a range of a column under collation C.

    ``LIKE`` is not leakproof, so that row security would keep it from using an index; comparing is.
    """
    return and_(column >= prefix, column < prefix + chr(sys.maxunicode))
