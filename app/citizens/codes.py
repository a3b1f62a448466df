"""Sign-in by a code sent to a phone."""

import hmac
import secrets
import uuid
from datetime import timedelta

from sqlalchemy import delete, func, select, text

from app.citizens import rules
from app.citizens.models import CitizenCodeRow
from app.citizens.types import CodeRefused, CodeSender, CodeSent, CodeTooSoon, CodeWrong, Proven, TooManyCodes
from app.kernel import clock
from app.kernel.ids import new_id
from app.platform.vault import Vault
from app.platform.work import Work, Works
from tenants.scope import current_scope

ISSUER = "phone"
LIFE = timedelta(minutes=5)
TRIES = 5
PAUSE = timedelta(seconds=60)
HOUR = timedelta(hours=1)
PER_PHONE, PER_CLIENT = 5, 30
_PHONE = "citizen_code.phone"


class PhoneCodes:
    """Six digits, good for five minutes and five tries; the scope in force is the province's.

    Parameters
    ----------
    works : Works
    vault : Vault
    sender : CodeSender
    """

    def __init__(self, works: Works, vault: Vault, sender: CodeSender) -> None:
        self._work = works
        self._vault = vault
        self._sender = sender

    def begin(self, claimed: str) -> uuid.UUID:
        """Send a code; raises `Invalid`, `CodeTooSoon` and `TooManyCodes`, whoever has an account."""
        phone = rules.phone(claimed)
        code, code_id = f"{secrets.randbelow(10**6):06d}", new_id()
        with self._work() as work:
            subject = self._vault.blind(phone, context="citizen.phone")
            client = self._vault.blind(current_scope().client, context="citizen_code.client")
            self._admit(work, subject, client)
            row = CitizenCodeRow(
                id=code_id,
                subject=subject,
                phone=self._vault.seal(phone, context=_PHONE),
                client=client,
                digest=self._digest(code_id, code),
                created_at=clock.now(),
            )
            work.session.add(row)
            work.record(CodeSent(code_id))
        self._sender.send(phone, code)
        return code_id

    def finish(self, challenge: uuid.UUID, answer: str) -> Proven:
        """Return whose phone the code came to; raises `CodeWrong`."""
        with self._work() as work:
            row = work.session.get(CitizenCodeRow, (work.scope.tenant, challenge), with_for_update=True)
            right = row is not None and self._right(row, answer.strip())
            if row is not None and not right:
                row.tries += 1
                work.record(CodeRefused(challenge))
            if row is not None and right:
                row.used = True
                return Proven(ISSUER, row.subject, phone=self._vault.open(row.phone, context=_PHONE))
        raise CodeWrong

    def _admit(self, work: Work, subject: str, client: str) -> None:
        """Refuse more codes than are sent; two requests at once are counted one after the other."""
        for key in (subject, client):
            work.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
        now = clock.now()
        work.session.execute(delete(CitizenCodeRow).where(CitizenCodeRow.created_at < now - HOUR))
        sent = select(func.count()).select_from(CitizenCodeRow)
        last = work.session.scalar(select(func.max(CitizenCodeRow.created_at)).where(CitizenCodeRow.subject == subject))
        if last is not None and last > now - PAUSE:
            raise CodeTooSoon((last + PAUSE - now) // timedelta(seconds=1) + 1)
        codes = work.session.scalars(sent.where(CitizenCodeRow.subject == subject)).one()
        asked = work.session.scalars(sent.where(CitizenCodeRow.client == client)).one()
        if codes >= PER_PHONE or asked >= PER_CLIENT:
            raise TooManyCodes

    def _right(self, row: CitizenCodeRow, answer: str) -> bool:
        alive = not row.used and row.tries < TRIES and row.created_at > clock.now() - LIFE
        return hmac.compare_digest(row.digest, self._digest(row.id, answer)) and alive

    def _digest(self, code_id: uuid.UUID, code: str) -> str:
        return self._vault.blind(code, context=f"citizen_code.{code_id}")
