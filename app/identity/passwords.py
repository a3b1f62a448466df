"""Passwords as Argon2id, no more of them computed at one time than the machine bears."""

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.identity.models import AccountRow, PasswordHistoryRow
from app.identity.rules import PASSWORDS_REMEMBERED, check_password
from app.kernel import clock
from app.kernel.errors import Fault, Invalid
from app.kernel.ids import new_id

_hasher = PasswordHasher()
_at_once = BoundedSemaphore(4)
_UPPER, _LOWER, _DIGITS, _MARKS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghjkmnpqrstuvwxyz", "23456789", "-+=%@"


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with _at_once:
        return _hasher.hash(password)


NOBODY = hashed(secrets.token_urlsafe())
"""Compared with where no such account exists, so that both answers take as long."""


def matches(stored: str, password: str) -> bool:
    """Say whether a password is the one kept; an account that signs in elsewhere has none."""
    try:
        with _at_once:
            return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def temporary() -> str:
    """Return a password to hand over once, which has to be changed: letters that are not mistaken for others."""
    groups = [[secrets.choice(kind) for _ in range(4)] for kind in (_UPPER, _LOWER, _DIGITS)]
    return secrets.choice(_MARKS).join("".join(group) for group in groups)


def change(session: Session, account: AccountRow, password: str) -> None:
    """Give an account a password of its person's choice; raises `Invalid` for a weak one and for a former one."""
    check_password(password, account.login)
    former = session.scalars(
        select(PasswordHistoryRow)
        .where(PasswordHistoryRow.account_id == account.id)
        .order_by(PasswordHistoryRow.changed_at.desc(), PasswordHistoryRow.id.desc())
    ).all()
    remembered = former[: PASSWORDS_REMEMBERED - 1]
    if any(matches(stored, password) for stored in (account.password_hash, *(row.password_hash for row in remembered))):
        raise Invalid((Fault("password_reused", "password", allowed=str(PASSWORDS_REMEMBERED)),))
    forgotten = [row.id for row in former[PASSWORDS_REMEMBERED - 1 :]]
    session.execute(delete(PasswordHistoryRow).where(PasswordHistoryRow.id.in_(forgotten)))
    now = clock.now()
    session.add(
        PasswordHistoryRow(id=new_id(), account_id=account.id, password_hash=account.password_hash, changed_at=now)
    )
    account.password_hash, account.password_changed_at, account.must_change = hashed(password), now, False
