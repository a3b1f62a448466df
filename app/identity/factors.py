"""The second factor: an authenticator's codes by time (RFC 6238), and codes for whoever lost it."""

import secrets
import uuid
from datetime import timedelta

from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.identity.models import AccountRow, RecoveryCodeRow, SecondFactorRow
from app.identity.types import AlreadyEnrolled, Enrolment, NotEnrolled, RecoveryUsed
from app.kernel import clock
from app.kernel.ids import new_id
from app.platform.vault import Vault
from app.platform.work import Work

STEP = timedelta(seconds=30)
DRIFT = 1
RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_RECOVERY_LENGTH = 12
_SEALED = "second_factor.secret"
_RECOVERY = "recovery_code.digest"


class Factors:
    """Keeps the second factor of accounts, inside the unit of work of whoever asks.

    Parameters
    ----------
    vault : Vault
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @staticmethod
    def enrolled(session: Session, account: uuid.UUID) -> bool:
        """Say whether an authenticator is set up and has shown a code."""
        confirmed = select(SecondFactorRow.confirmed_at).where(SecondFactorRow.account_id == account)
        return session.scalar(confirmed) is not None

    def begin(self, session: Session, account: AccountRow, issuer: str) -> Enrolment:
        """Return the secret to put into an authenticator; the same until it is confirmed.

        Raises `AlreadyEnrolled`.
        """
        row = _factor(session, account.id)
        if row is not None and row.confirmed_at is not None:
            raise AlreadyEnrolled
        if row is None:
            row = SecondFactorRow(
                account_id=account.id,
                secret=self._vault.seal(random_base32(), context=_SEALED),
                created_at=clock.now(),
            )
            session.add(row)
        totp = self._totp(row)
        return Enrolment(totp.secret, totp.provisioning_uri(name=account.login, issuer_name=issuer))

    def confirm(self, session: Session, account: AccountRow, code: str) -> tuple[str, ...] | None:
        """Take an authenticator into use by its first code; return the recovery codes, or None for a wrong code.

        Raises `NotEnrolled` where none is being set up and `AlreadyEnrolled`.
        """
        row = _factor(session, account.id)
        if row is None:
            raise NotEnrolled
        if row.confirmed_at is not None:
            raise AlreadyEnrolled
        if not self._takes(row, code):
            return None
        row.confirmed_at = clock.now()
        return self.renew_recovery(session, account.id)

    def verify(self, work: Work, account: AccountRow, code: str) -> bool:
        """Say whether a code of the authenticator, or a recovery code, is right; either works once."""
        row = _factor(work.session, account.id)
        if row is None or row.confirmed_at is None:
            raise NotEnrolled
        return self._takes(row, code) or self._recovers(work, account.id, code)

    def renew_recovery(self, session: Session, account: uuid.UUID) -> tuple[str, ...]:
        """Return new recovery codes, shown this once; former ones are void."""
        session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_id == account))
        codes = tuple("".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES))
        now = clock.now()
        for code in codes:
            session.add(
                RecoveryCodeRow(
                    id=new_id(), account_id=account, digest=self._vault.blind(code, context=_RECOVERY), created_at=now
                )
            )
        return tuple("-".join((code[:4], code[4:8], code[8:])) for code in codes)

    @staticmethod
    def recovery_left(session: Session, account: uuid.UUID) -> int:
        """Return how many recovery codes are unused."""
        unused = (RecoveryCodeRow.account_id == account) & RecoveryCodeRow.used_at.is_(None)
        return session.scalar(select(func.count()).select_from(RecoveryCodeRow).where(unused)) or 0

    @staticmethod
    def remove(session: Session, account: uuid.UUID) -> bool:
        """Take an authenticator and its recovery codes away; say whether there was one."""
        session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.account_id == account))
        gone = (
            delete(SecondFactorRow).where(SecondFactorRow.account_id == account).returning(SecondFactorRow.account_id)
        )
        return session.scalar(gone) is not None

    def _totp(self, row: SecondFactorRow) -> TOTP:
        return TOTP(self._vault.open(row.secret, context=_SEALED), interval=int(STEP.total_seconds()))

    def _takes(self, row: SecondFactorRow, code: str) -> bool:
        """Check a code against the present step and its neighbours, and use the step up. Source: RFC 6238, 5.2."""
        totp = self._totp(row)
        present = totp.timecode(clock.now())
        for counter in range(present - DRIFT, present + DRIFT + 1):
            if counter > row.last_counter and secrets.compare_digest(totp.generate_otp(counter), _digits(code)):
                row.last_counter = counter
                return True
        return False

    def _recovers(self, work: Work, account: uuid.UUID, code: str) -> bool:
        plain = code.strip().lower().replace("-", "").replace(" ", "")
        used = (
            update(RecoveryCodeRow)
            .where(
                RecoveryCodeRow.account_id == account,
                RecoveryCodeRow.digest == self._vault.blind(plain, context=_RECOVERY),
                RecoveryCodeRow.used_at.is_(None),
            )
            .values(used_at=clock.now())
            .returning(RecoveryCodeRow.id)
        )
        if work.session.scalar(used) is None:
            return False
        work.record(RecoveryUsed(account, left=self.recovery_left(work.session, account)))
        return True


def _factor(session: Session, account: uuid.UUID) -> SecondFactorRow | None:
    return session.scalar(select(SecondFactorRow).where(SecondFactorRow.account_id == account).with_for_update())


def _digits(code: str) -> str:
    digits = code.strip().replace(" ", "")
    return digits if digits.isascii() else ""
