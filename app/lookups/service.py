"""Asking another county, and what others asked of one's own."""

import uuid
from datetime import datetime
from typing import cast

from sqlalchemy import func, select, text, tuple_

from app.kernel import clock
from app.kernel.errors import Conflict, DomainError, Fault, Invalid, NotFound
from app.kernel.ids import new_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.lookups import rules
from app.lookups.models import LookupRow
from app.lookups.policy import POLICY
from app.lookups.types import (
    Answer,
    DayIsFull,
    HolderClosed,
    Lookup,
    LookupId,
    Outcome,
    PersonAnswered,
    PersonAsked,
    PersonReceived,
    Question,
    Side,
)
from app.platform.vault import Vault
from app.platform.work import Works
from search.service import SearchService
from search.types import NamedQuery
from tenants.agreements import AgreementService
from tenants.directory import Directory, TenantSuspended
from tenants.scope import PROVINCE, Principal, Scope, TenantId, current_scope, entered
from tenants.terms import Agreement, AgreementId

_SUBJECT = "lookup.subject"
_PERSON = "lookup.person"
_BOUND = "agreement:"


class LookupService:
    """Lookups across counties, under agreements.

    Parameters
    ----------
    works : Works
    agreements : AgreementService
    directory : Directory
    search : SearchService
    vault : Vault
    """

    def __init__(
        self, works: Works, agreements: AgreementService, directory: Directory, search: SearchService, vault: Vault
    ) -> None:
        self._work = works
        self._agreements = agreements
        self._directory = directory
        self._search = search
        self._vault = vault

    def ask(self, question: Question, *, lookup_id: uuid.UUID | None = None) -> Lookup:
        """Ask another county whether it holds a person's record; the same id again asks nothing.

        The question is in this county's log before the other county is entered, and the answer in the other's
        before it comes back. Raises `Invalid`, `NoAgreement`, `NotCovered`, `HolderClosed` and `DayIsFull`; `Conflict`
        where the id is that of another question.
        """
        scope = current_scope()
        POLICY.require("ask", scope.principal.roles)
        rules.check(question)
        if "lookup:ask" in scope.principal.roles and question.purpose != scope.purpose:
            raise Invalid((Fault("choice", "purpose", question.purpose, allowed=scope.purpose),))
        holder = self._directory.get(question.holder)
        agreement = self._agreements.permit(
            requester=scope.tenant,
            holder=holder.id,
            kind=question.kind,
            purpose=question.purpose,
            only=_bound(scope.principal),
        )
        if lookup_id and (known := self._find(lookup_id)):
            if not rules.is_of(question, known):
                raise Conflict(known.outcome, "ask")
            return known
        try:
            self._directory.admit(holder.id, writing=False)
        except TenantSuspended:
            raise HolderClosed(holder.name) from None
        asked = LookupId(lookup_id or new_id())
        person = self._person(scope, question)
        self._note(asked, question, agreement, person)
        try:
            answer = self._answer(scope, asked, question, agreement, person)
        except DomainError:
            self._receive(asked, Answer(Outcome.REFUSED, ()))
            raise
        return self._receive(asked, answer)

    def get(self, lookup_id: uuid.UUID) -> Lookup:
        """Return a lookup this county asked or answered; raises `NotFound`."""
        POLICY.require("read", current_scope().principal.roles)
        found = self._find(lookup_id)
        if found is None:
            raise NotFound("lookup")
        return found

    def page(self, request: PageRequest, *, side: Side) -> Page[Lookup]:
        """Return what this county asked, or what others asked of it, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        query = (
            select(LookupRow)
            .where(LookupRow.side == side)
            .order_by(LookupRow.asked_at.desc(), LookupRow.id.desc())
            .limit(request.limit + 1)
        )
        if request.after:
            at, last = datetime.fromisoformat(request.after[0]), uuid.UUID(request.after[1])
            query = query.where(tuple_(LookupRow.asked_at, LookupRow.id) < tuple_(at, last))
        with self._work() as work:
            rows = tuple(map(self._value, work.session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((shown[-1].asked_at.isoformat(), str(shown[-1].id))) if more else None)

    def _person(self, scope: Scope, question: Question) -> str:
        """Return the digest that stands for the person in every county's log: the province's key makes it."""
        office = Scope(PROVINCE, Principal("system:lookup"), scope.purpose, scope.request_id)
        with entered(office):
            return self._vault.blind(rules.spelt(question.name), context=_PERSON)

    def _note(self, asked: LookupId, question: Question, agreement: Agreement, person: str) -> None:
        with self._work() as work:
            row = _row(asked, "asked", question, agreement, person)
            row.counterpart, row.asked_by = agreement.holder, work.scope.principal.id
            row.subject = self._vault.seal(question.name, context=_SUBJECT)
            work.session.add(row)
            work.record(
                PersonAsked(
                    asked, person=person, counterpart=agreement.holder, agreement=str(agreement.id),
                    version=agreement.version, kind=question.kind,
                )
            )  # fmt: skip

    def _answer(self, scope: Scope, asked: LookupId, question: Question, agreement: Agreement, person: str) -> Answer:
        """Answer in the holder's scope, by the holder's copy of the agreement, counted and recorded there."""
        visitor = Principal(f"{_BOUND}{agreement.id}", roles=frozenset({"agreement"}))
        visit = Scope(agreement.holder, visitor, question.purpose, scope.request_id, scope.client, scope.session)
        with entered(visit), self._work() as work:
            work.session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": str(agreement.id)}
            )
            own = self._agreements.permit(
                requester=scope.tenant,
                holder=agreement.holder,
                kind=question.kind,
                purpose=question.purpose,
                only=agreement.id,
            )
            done = select(func.count()).where(
                LookupRow.side == "answered",
                LookupRow.agreement_id == own.id,
                LookupRow.asked_at >= rules.day_began(),
            )
            if (work.session.scalar(done) or 0) >= own.terms.daily:
                raise DayIsFull(own.terms.daily)
            found = self._search.named(
                NamedQuery(
                    names=rules.names(question),
                    beginnings=own.terms.holdings[question.kind],
                    year_from=rules.first_year(question),
                    year_to=question.year_to,
                ),
                limit=rules.MOST_RECORDS,
            )
            archive = self._directory.get(agreement.holder).name
            answer = rules.answer(found, kind=question.kind, archive=archive, terms=own.terms)
            row = _row(asked, "answered", question, own, person)
            row.counterpart, row.asked_by = scope.tenant, scope.principal.id
            row.outcome, row.records = answer.outcome, list(answer.records)
            work.session.add(row)
            work.record(
                PersonAnswered(
                    asked, person=person, counterpart=scope.tenant, agreement=str(own.id), version=own.version,
                    kind=question.kind, outcome=answer.outcome, records=len(found),
                )
            )  # fmt: skip
            return answer

    def _receive(self, asked: LookupId, answer: Answer) -> Lookup:
        with self._work() as work:
            row = work.session.get_one(LookupRow, (work.scope.tenant, asked))
            row.outcome, row.records = answer.outcome, list(answer.records)
            work.record(PersonReceived(asked, outcome=answer.outcome, records=len(answer.records)))
            return self._value(row)

    def _find(self, lookup_id: uuid.UUID) -> Lookup | None:
        with self._work() as work:
            row = work.session.get(LookupRow, (work.scope.tenant, lookup_id))
            return row and self._value(row)

    def _value(self, row: LookupRow) -> Lookup:
        return Lookup(
            id=LookupId(row.id),
            side=cast("Side", row.side),
            agreement_id=AgreementId(row.agreement_id),
            agreement_version=row.agreement_version,
            counterpart=TenantId(row.counterpart),
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            kind=row.kind,
            purpose=row.purpose,
            ticket=row.ticket,
            year_from=row.year_from,
            year_to=row.year_to,
            subject=self._vault.open(row.subject, context=_SUBJECT) if row.subject else "",
            outcome=Outcome(row.outcome),
            records=tuple(cast("dict[str, object]", each) for each in row.records),
        )


def _bound(principal: Principal) -> AgreementId | None:
    """Return the one agreement an API client is bound to; None for anybody else."""
    names = [role.removeprefix(_BOUND) for role in principal.roles if role.startswith(_BOUND)]
    return AgreementId(uuid.UUID(names[0])) if names else None


def _row(asked: LookupId, side: Side, question: Question, agreement: Agreement, person: str) -> LookupRow:
    return LookupRow(
        id=asked,
        side=side,
        agreement_id=agreement.id,
        agreement_version=agreement.version,
        asked_at=clock.now(),
        kind=question.kind,
        purpose=question.purpose,
        ticket=question.ticket.strip(),
        year_from=question.year_from,
        year_to=question.year_to,
        person=person,
        outcome=Outcome.ASKED,
        records=[],
    )
