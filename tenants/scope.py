"""Whose work is being done: frozen, entered once per entry point, always reset."""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NewType

TenantId = NewType("TenantId", str)
"""Slug of a county, ``[a-z][a-z0-9]{1,30}``; names its bucket, its postings and its rows."""

PROVINCE = TenantId("province")
"""The province's own archive office: a tenant like any other, with accounts, sessions and an audit log of its own,
but no county; it opens no county's rows."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: an account of the tenant, or the system on a job's behalf.

    Parameters
    ----------
    id : str
        Account id, or ``system:<part>``.
    name : str
        Shown to colleagues; never written to logs.
    roles : frozenset of str
    """

    id: str
    name: str = ""
    roles: frozenset[str] = field(default_factory=frozenset[str])


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant, one principal, one purpose, one request.

    Parameters
    ----------
    client : str
        Network address that asked; empty for jobs and commands.
    session : str
        Id of the session or token it came with; empty for jobs and commands.
    """

    tenant: TenantId
    principal: Principal
    purpose: str = "business"
    request_id: str = ""
    client: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class ProvinceScope:
    """The province's own work on the directory of tenants. It opens no county's rows."""

    principal: Principal
    purpose: str
    request_id: str = ""
    client: str = ""
    session: str = ""


class ScopeMissing(RuntimeError):
    """Code that needs a tenant ran without one: a defect, never a default."""


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """Return the scope in force; raises `ScopeMissing` when none was entered."""
    scope = _scope.get()
    if scope is None:
        message = "no tenant scope has been entered"
        raise ScopeMissing(message)
    return scope


def scope_or_none() -> Scope | None:
    """Return the scope if there is one; for log lines only."""
    return _scope.get()


@contextmanager
def entered(scope: Scope) -> Generator[Scope]:
    """Do the block's work in a scope, and leave it whatever happens."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def new_request_id() -> str:
    """Return an id that ties log lines, audit entries and jobs of one request together."""
    return uuid.uuid4().hex
