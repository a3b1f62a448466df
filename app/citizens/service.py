"""What a citizen does with an account of one's own."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from sqlalchemy import delete, select

from app.citizens import rules
from app.citizens.models import CitizenCodeRow, CitizenRow, CitizenSessionRow
from app.citizens.types import (
    ROLE,
    CitizenErased,
    CitizenId,
    CitizenNamed,
    CitizenSession,
    CitizenSessionId,
    CitizenSignedIn,
    CitizenSignedOut,
    CitizenSignIn,
    CitizenSignInClosed,
    Held,
    NotACitizen,
    Proven,
)
from app.kernel import clock, masks
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.predicate import Policy, role
from app.platform.vault import Vault
from app.platform.work import Work, Works
from tenants.scope import PROVINCE, Principal, Scope, current_scope, entered

ABSOLUTE = timedelta(hours=12)

POLICY = Policy({"own": role(ROLE)})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _at_the_door(request_id: str, client: str) -> Scope:
    return Scope(PROVINCE, Principal("system:citizens"), "sign-in", request_id, client)


class CitizensService:
    """Sign-in, sessions and data of citizens.

    Parameters
    ----------
    works : Works
    vault : Vault
    sign_in : CitizenSignIn or None
        None where citizens cannot sign in here.
    idle_minutes : int
        Life of a session nobody uses.
    """

    def __init__(self, works: Works, vault: Vault, sign_in: CitizenSignIn | None, *, idle_minutes: int) -> None:
        self._work = works
        self._vault = vault
        self._sign_in = sign_in
        self._idle = timedelta(minutes=idle_minutes)

    @property
    def open(self) -> bool:
        """Say whether citizens can sign in here."""
        return self._sign_in is not None

    def begin(self, claimed: str, *, request_id: str, client: str) -> uuid.UUID:
        """Begin to sign in; the answer does not tell whether there is an account.

        Raises what `CitizenSignIn.begin` raises, and `CitizenSignInClosed`.
        """
        if self._sign_in is None:
            raise CitizenSignInClosed
        with entered(_at_the_door(request_id, client)):
            return self._sign_in.begin(claimed)

    def finish(self, challenge: uuid.UUID, answer: str, *, request_id: str, client: str) -> str:
        """Open a session for whoever answered, and an account where there is none; returns the session's secret.

        Raises `CodeWrong` and `CitizenSignInClosed`.
        """
        if self._sign_in is None:
            raise CitizenSignInClosed
        with entered(_at_the_door(request_id, client)):
            proven = self._sign_in.finish(challenge, answer)
            secret, now = secrets.token_urlsafe(32), clock.now()
            with self._work() as work:
                work.session.execute(delete(CitizenSessionRow).where(CitizenSessionRow.expires_at < now))
                citizen, first = self._account(work, proven)
                work.session.add(
                    CitizenSessionRow(
                        id=new_id(),
                        citizen_id=citizen.id,
                        digest=_digest(secret),
                        created_at=now,
                        expires_at=now + self._idle,
                        ends_at=now + ABSOLUTE,
                    )
                )
                work.record(CitizenSignedIn(citizen.id, first=first))
            return secret

    def scope(self, secret: str, *, request_id: str, client: str) -> Scope:
        """Return the scope of a citizen's session, which lives on by being used; raises `NotACitizen`."""
        with entered(_at_the_door(request_id, client)), self._work() as work:
            now = clock.now()
            row = work.session.scalar(
                select(CitizenSessionRow).where(
                    CitizenSessionRow.digest == _digest(secret),
                    CitizenSessionRow.expires_at > now,
                    CitizenSessionRow.ends_at > now,
                )
            )
            if row is None:
                raise NotACitizen
            if row.expires_at - now < self._idle * 0.9:
                row.expires_at = now + self._idle
            principal = Principal(str(row.citizen_id), roles=frozenset({ROLE}))
            return Scope(PROVINCE, principal, "citizen", request_id, client, str(row.id))

    def held(self) -> Held:
        """Return what is held about the citizen who asks."""
        with self._work() as work:
            row = self._me(work)
            return Held(
                CitizenId(row.id),
                masks.phone(self._opened(row.phone, "phone")),
                masks.name(self._opened(row.name, "name")),
                masks.id_card(self._opened(row.id_card, "id_card")),
                row.created_at,
            )

    def sessions(self) -> tuple[CitizenSession, ...]:
        """Return the citizen's sessions, newest first."""
        with self._work() as work:
            me, now = self._me(work), clock.now()
            rows = work.session.scalars(
                select(CitizenSessionRow)
                .where(CitizenSessionRow.citizen_id == me.id)
                .where(CitizenSessionRow.expires_at > now, CitizenSessionRow.ends_at > now)
                .order_by(CitizenSessionRow.created_at.desc())
            )
            return tuple(
                CitizenSession(
                    CitizenSessionId(row.id), row.created_at, row.ends_at, str(row.id) == current_scope().session
                )
                for row in rows
            )

    def end_session(self, session_id: uuid.UUID) -> None:
        """End one of the citizen's sessions; raises `NotFound` for anybody else's."""
        with self._work() as work:
            me = self._me(work)
            row = work.session.get(CitizenSessionRow, (work.scope.tenant, session_id))
            if row is None or row.citizen_id != me.id:
                raise NotFound("citizen_session")
            work.session.delete(row)
            work.record(CitizenSignedOut(me.id))

    def sign_out(self) -> None:
        """End the session in use."""
        self.end_session(uuid.UUID(current_scope().session))

    def state_name(self, name: str, id_card: str) -> None:
        """Keep the citizen's name and ID card number, unchecked but well formed; raises `Invalid`."""
        kept, number = rules.real_name(name, id_card)
        with self._work() as work:
            me = self._me(work)
            me.name = self._vault.seal(kept, context="citizen.name")
            me.id_card = self._vault.seal(number, context="citizen.id_card")
            work.record(CitizenNamed(me.id, stated=True))

    def take_name_back(self) -> None:
        """Erase the name and number that were stated."""
        with self._work() as work:
            me = self._me(work)
            me.name = me.id_card = None
            work.record(CitizenNamed(me.id, stated=False))

    def erase(self) -> None:
        """Erase the citizen's account with everything held in it; the audit log keeps that it was done, and no name."""
        with self._work() as work:
            me = self._me(work)
            work.session.execute(delete(CitizenCodeRow).where(CitizenCodeRow.subject == me.subject))
            work.session.delete(me)
            work.record(CitizenErased(me.id))

    def _account(self, work: Work, proven: Proven) -> tuple[CitizenRow, bool]:
        known = select(CitizenRow).where(CitizenRow.issuer == proven.issuer, CitizenRow.subject == proven.subject)
        row = work.session.scalar(known)
        if row is not None:
            return row, False
        row = CitizenRow(
            id=new_id(),
            issuer=proven.issuer,
            subject=proven.subject,
            phone=self._sealed(proven.phone, "phone"),
            name=self._sealed(proven.name, "name"),
            id_card=self._sealed(proven.id_card, "id_card"),
            created_at=clock.now(),
        )
        work.session.add(row)
        work.session.flush()
        return row, True

    @staticmethod
    def _me(work: Work) -> CitizenRow:
        who = work.scope.principal
        POLICY.require("own", who.roles)
        row = work.session.get(CitizenRow, (work.scope.tenant, uuid.UUID(who.id)))
        if row is None:
            raise NotACitizen
        return row

    def _sealed(self, plain: str, column: str) -> bytes | None:
        return self._vault.seal(plain, context=f"citizen.{column}") if plain else None

    def _opened(self, sealed: bytes | None, column: str) -> str:
        return self._vault.open(sealed, context=f"citizen.{column}") if sealed else ""
