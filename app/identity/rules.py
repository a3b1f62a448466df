"""What roles one person may hold together, and what a password must be."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from app.identity.types import ADMINISTRATORS, BUSINESS_ROLES, PROVINCE_ADMIN, ROLES, RoleElsewhere, RolesClash
from app.kernel.errors import Fault, Invalid
from tenants.scope import PROVINCE, TenantId

PASSWORD_LENGTH = 12
PASSWORD_LIFE = timedelta(days=90)
PASSWORDS_REMEMBERED = 5
DORMANT = timedelta(days=90)
FAILURES = 5
LOCK = timedelta(minutes=30)
"""Handbook security.md, 2 and 4."""

LOGIN = re.compile(r"[a-z][a-z0-9_.-]{1,39}")
_KINDS = (r"[A-Z]", r"[a-z]", r"[0-9]", r"[^A-Za-z0-9\s]")


def check_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return the roles if one person may hold them together; none at all is fine.

    Raises `Invalid` for an unknown role and `RolesClash` for two administrators' roles, or an
    administrator's beside a business role. Source: GB/T 39784 T4.10, GB/T 22239 (handbook security.md, 2).
    """
    held = frozenset(roles)
    unknown = held - ROLES
    if unknown:
        shown = ", ".join(sorted(unknown))
        raise Invalid((Fault("choice", "roles", shown, allowed=", ".join(sorted(ROLES))),))
    administrator = held & (ADMINISTRATORS | {PROVINCE_ADMIN})
    if len(administrator) > 1 or (administrator and held & BUSINESS_ROLES):
        raise RolesClash(", ".join(sorted(held)))
    return held


def check_office(roles: Iterable[str], tenant: TenantId) -> None:
    """Raise `RoleElsewhere` for the province's administrator in a county."""
    if PROVINCE_ADMIN in roles and tenant != PROVINCE:
        raise RoleElsewhere(PROVINCE_ADMIN)


def check_password(password: str, login: str) -> None:
    """Raise `Invalid` for a password that is too short, of too few kinds of characters, or holds the login."""
    faults = tuple(_password_faults(password, login))
    if faults:
        raise Invalid(faults)


def _password_faults(password: str, login: str) -> Iterator[Fault]:
    if len(password) < PASSWORD_LENGTH:
        yield Fault("too_short", "password", allowed=str(PASSWORD_LENGTH))
    if not all(re.search(kind, password) for kind in _KINDS):
        yield Fault("password_kinds", "password")
    if login and login in password.lower():
        yield Fault("password_login", "password")
