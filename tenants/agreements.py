"""Agreements between counties: who may look up what of whom, signed by both and held by each in rows of its own.

No county's rows are opened to another for it: both copies are written in one transaction of the province.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kernel import clock
from app.kernel.errors import NotFound, Refused, StaleVersion
from app.kernel.ids import new_id
from app.kernel.predicate import Policy, role
from app.platform.database import Base, TenantRow
from app.platform.provincial import ProvinceWorks
from app.platform.work import Works
from tenants import terms as rules
from tenants.directory import Directory, TenantUnknown
from tenants.scope import PROVINCE, ProvinceScope, Scope, TenantId, current_scope
from tenants.terms import (
    Agreement,
    AgreementDrafted,
    AgreementId,
    AgreementProposed,
    AgreementRevoked,
    AgreementSigned,
    AgreementWithdrawn,
    NoAgreement,
    NotCovered,
    Signature,
    State,
    Terms,
    WrongState,
)

POLICY = Policy(
    {
        "read": role("archivist", "desk", "director"),
        "draft": role("archivist", "director"),
        "propose": role("director"),
        "sign": role("director"),
        "revoke": role("director", "province_admin"),
        "oversee": role("province_admin"),
    }
)

DRAFT = 0
"""Version of a county's own draft; a version gets its number when it is proposed."""


class AgreementRow(TenantRow, Base):
    """A party's copy of one version, or its own draft of the next."""

    __tablename__ = "agreement"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    version: Mapped[int] = mapped_column(primary_key=True, sort_order=-8, autoincrement=False)
    requester: Mapped[str]
    holder: Mapped[str]
    proposed_by: Mapped[str]
    terms: Mapped[dict[str, object]]
    state: Mapped[str]
    signatures: Mapped[list[object]]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class AgreementService:
    """Agreements of the county in scope, and the province's view of all.

    Parameters
    ----------
    works : Works
        Reads a county's own copies.
    province : ProvinceWorks
        Writes both copies at once.
    directory : Directory
    """

    def __init__(self, works: Works, province: ProvinceWorks, directory: Directory) -> None:
        self._work = works
        self._province = province
        self._directory = directory

    def draft(self, *, requester: str, holder: str, terms: Terms, agreement_id: uuid.UUID | None = None) -> Agreement:
        """Write down a new agreement; the other county sees nothing of it yet. The same id again changes nothing.

        Raises `Invalid`, and `TenantUnknown` for a county that is not there.
        """
        scope = self._permitted("draft")
        pair = self._county(requester), self._county(holder)
        rules.check(*pair, terms)
        if scope.tenant not in pair:
            raise Refused("draft")
        if agreement_id and (known := self._find(agreement_id)):
            return known
        return self._save_draft(scope, AgreementId(agreement_id or new_id()), *pair, terms)

    def amend(self, agreement_id: uuid.UUID, terms: Terms) -> Agreement:
        """Write down other terms as one's own draft of the next version; what is in force stays so.

        Raises `WrongState` for an agreement that has ended.
        """
        scope = self._permitted("draft")
        known = self.versions(agreement_id)[0]
        if known.state not in (State.DRAFT, State.PROPOSED, State.IN_FORCE):
            raise WrongState(known.state, "amend")
        rules.check(known.requester, known.holder, terms)
        return self._save_draft(scope, known.id, known.requester, known.holder, terms)

    def discard(self, agreement_id: uuid.UUID) -> None:
        """Throw one's own draft away."""
        scope = self._permitted("draft")
        self.get(agreement_id, version=DRAFT)
        with self._province(_as_province(scope)) as work:
            _drop_draft(work.session, scope.tenant, agreement_id)

    def propose(self, agreement_id: uuid.UUID) -> Agreement:
        """Send one's draft to the other county as the next version; it takes the place of a former proposal."""
        scope = self._permitted("propose")
        draft = self.get(agreement_id, version=DRAFT)
        rules.check(draft.requester, draft.holder, draft.terms)
        with self._province(_as_province(scope)) as work:
            sent = _locked(work.session, draft)
            if sent and not any(each.state in (State.PROPOSED, State.IN_FORCE) for each in sent):
                raise WrongState(sent[-1].state, "propose")
            for former in sent:
                if former.state is State.PROPOSED:
                    _put(work.session, rules.acted(former, "replace"))
            proposed = replace(
                rules.acted(draft, "propose"), version=max((each.version for each in sent), default=0) + 1
            )
            _put(work.session, proposed)
            _drop_draft(work.session, scope.tenant, agreement_id)
            event = AgreementProposed(draft.id, by=scope.tenant, version=proposed.version, digest=proposed.digest)
            for party in proposed.parties:
                work.record(party, event)
            return proposed

    def sign(self, agreement_id: uuid.UUID, *, version: int) -> Agreement:
        """Sign a proposed version for one's county; with the other county's signature it is in force.

        Raises `StaleVersion` where a later version was proposed meanwhile, `WrongState` and `SameSigner`.
        """
        scope = self._permitted("sign")
        known = self.get(agreement_id, version=version)
        signature = Signature(scope.tenant, scope.principal.id, scope.principal.name, clock.now())
        with self._province(_as_province(scope)) as work:
            sent = _locked(work.session, known)
            if sent[-1].version != version:
                raise StaleVersion(version, sent[-1].version)
            done = rules.signed(sent[-1], signature)
            if done == sent[-1]:
                return done
            if done.state is State.IN_FORCE:
                for replaced in sent[:-1]:
                    if replaced.state is State.IN_FORCE:
                        _put(work.session, rules.acted(replaced, "replace"))
            _put(work.session, done)
            event = AgreementSigned(done.id, by=scope.tenant, version=version, digest=done.digest, state=done.state)
            for party in done.parties:
                work.record(party, event)
            return done

    def withdraw(self, agreement_id: uuid.UUID, *, reason: str) -> Agreement:
        """Take a proposal back, or decline the other county's; what is in force stays so. Raises `WrongState`."""
        scope = self._permitted("propose")
        reason = rules.check_reason(reason)
        known = self._sent(agreement_id)[0]
        with self._province(_as_province(scope)) as work:
            done = rules.acted(_locked(work.session, known)[-1], "withdraw", reason=reason)
            _put(work.session, done)
            for party in done.parties:
                work.record(party, AgreementWithdrawn(done.id, by=scope.tenant, version=done.version))
            return done

    def revoke(self, agreement_id: uuid.UUID, *, reason: str) -> Agreement:
        """End an agreement at once, for one of its counties or for the province; a proposal falls with it.

        Raises `WrongState` where none of its versions is in force.
        """
        scope = self._permitted("revoke")
        reason = rules.check_reason(reason)
        known = self.oversee(agreement_id)[0] if scope.tenant == PROVINCE else self._sent(agreement_id)[0]
        with self._province(_as_province(scope)) as work:
            sent = _locked(work.session, known)
            ended = [rules.acted(each, "revoke", reason=reason) for each in sent if each.state is State.IN_FORCE]
            if not ended:
                raise WrongState(sent[-1].state, "revoke")
            ended += [rules.acted(each, "withdraw", reason=reason) for each in sent if each.state is State.PROPOSED]
            for each in ended:
                _put(work.session, each)
            for party in known.parties:
                work.record(party, AgreementRevoked(known.id, by=scope.tenant, version=ended[0].version))
            if scope.tenant == PROVINCE:
                work.record(PROVINCE, AgreementRevoked(known.id, by=PROVINCE, version=ended[0].version))
            return ended[0]

    def list(self) -> tuple[Agreement, ...]:
        """Return the county's agreements, each in its version in force or else its newest, newest first."""
        self._permitted("read")
        with self._work() as work:
            rows = work.session.scalars(select(AgreementRow).order_by(AgreementRow.version))
            every = [rules.standing(_value(row)) for row in rows]
        return _foremost(every)

    def versions(self, agreement_id: uuid.UUID) -> tuple[Agreement, ...]:
        """Return an agreement's versions: one's own draft, then the newest first; raises `NotFound`."""
        self._permitted("read")
        with self._work() as work:
            query = select(AgreementRow).where(AgreementRow.id == agreement_id)
            found = [rules.standing(_value(row)) for row in work.session.scalars(query)]
        if not found:
            raise NotFound("agreement")
        return tuple(sorted(found, key=lambda each: each.version or float("inf"), reverse=True))

    def get(self, agreement_id: uuid.UUID, *, version: int | None = None) -> Agreement:
        """Return one version, by default the one `list` shows; raises `NotFound`."""
        every = self.versions(agreement_id)
        if version is None:
            return _foremost(every)[0]
        for each in every:
            if each.version == version:
                return each
        raise NotFound("agreement")

    def permit(
        self, *, requester: TenantId, holder: TenantId, kind: str, purpose: str, only: AgreementId | None = None
    ) -> Agreement:
        """Return the agreement in force under which a kind may be looked up, as the county in scope holds it.

        Parameters
        ----------
        only : AgreementId or None
            The one that may serve; None for any.

        Raises `NoAgreement` where none is in force, and `NotCovered` where it does not say so.
        """
        with self._work() as work:
            query = select(AgreementRow).where(
                AgreementRow.requester == requester, AgreementRow.holder == holder, AgreementRow.state == State.IN_FORCE
            )
            every = [rules.standing(_value(row)) for row in work.session.scalars(query)]
        in_force = [each for each in every if each.state is State.IN_FORCE and only in (None, each.id)]
        if not in_force:
            raise NoAgreement(self._directory.get(holder).name)
        for each in in_force:
            if each.covers(kind, purpose):
                return each
        raise NotCovered(self._directory.get(holder).name)

    def is_party(self, agreement_id: uuid.UUID) -> bool:
        """Say whether the county in scope is a party of an agreement that was proposed."""
        with self._work() as work:
            query = select(AgreementRow.version).where(AgreementRow.id == agreement_id, AgreementRow.version != DRAFT)
            return work.session.scalar(query.limit(1)) is not None

    def overview(self) -> tuple[Agreement, ...]:
        """Return every agreement that was proposed in the province, as its holder has it."""
        scope = self._permitted("oversee")
        with self._province(_as_province(scope)) as work:
            query = select(AgreementRow).where(
                AgreementRow.tenant_id == AgreementRow.holder, AgreementRow.version != DRAFT
            )
            return _foremost([rules.standing(_value(row)) for row in work.session.scalars(query)])

    def oversee(self, agreement_id: uuid.UUID) -> tuple[Agreement, ...]:
        """Return the versions of any agreement of the province, newest first; raises `NotFound`."""
        scope = self._permitted("oversee")
        with self._province(_as_province(scope)) as work:
            query = (
                select(AgreementRow)
                .where(
                    AgreementRow.id == agreement_id,
                    AgreementRow.tenant_id == AgreementRow.holder,
                    AgreementRow.version != DRAFT,
                )
                .order_by(AgreementRow.version.desc())
            )
            found = tuple(rules.standing(_value(row)) for row in work.session.scalars(query))
        if not found:
            raise NotFound("agreement")
        return found

    def _permitted(self, action: str) -> Scope:
        scope = current_scope()
        POLICY.require(action, scope.principal.roles)
        if action == "oversee" and scope.tenant != PROVINCE:
            raise Refused(action)
        return scope

    def _county(self, tenant: str) -> TenantId:
        found = self._directory.get(tenant)
        if found.kind != "county":
            raise TenantUnknown(tenant)
        return found.id

    def _find(self, agreement_id: uuid.UUID) -> Agreement | None:
        with self._work() as work:
            row = work.session.scalar(select(AgreementRow).where(AgreementRow.id == agreement_id).limit(1))
        return row and _value(row)

    def _sent(self, agreement_id: uuid.UUID) -> tuple[Agreement, ...]:
        """Return the versions that both counties hold, newest first; raises `NotFound`."""
        sent = tuple(each for each in self.versions(agreement_id) if each.version != DRAFT)
        if not sent:
            raise NotFound("agreement")
        return sent

    def _save_draft(
        self, scope: Scope, agreement_id: AgreementId, requester: TenantId, holder: TenantId, terms: Terms
    ) -> Agreement:
        now = clock.now()
        draft = Agreement(agreement_id, DRAFT, requester, holder, scope.tenant, terms, State.DRAFT, (), "", now, now)
        with self._province(_as_province(scope)) as work:
            _drop_draft(work.session, scope.tenant, agreement_id)
            work.session.add(_row(scope.tenant, draft))
            work.record(scope.tenant, AgreementDrafted(agreement_id, counterpart=draft.counterpart(scope.tenant)))
        return draft


def _as_province(scope: Scope) -> ProvinceScope:
    return ProvinceScope(scope.principal, scope.purpose, scope.request_id, scope.client, scope.session)


def _drop_draft(session: Session, tenant: TenantId, agreement_id: uuid.UUID) -> None:
    session.execute(
        delete(AgreementRow).where(
            AgreementRow.tenant_id == tenant, AgreementRow.id == agreement_id, AgreementRow.version == DRAFT
        )
    )


def _locked(session: Session, known: Agreement) -> tuple[Agreement, ...]:
    """Return the versions both parties hold, oldest first, locked in both copies until the transaction ends."""
    query = (
        select(AgreementRow)
        .where(AgreementRow.id == known.id, AgreementRow.tenant_id.in_(known.parties), AgreementRow.version != DRAFT)
        .order_by(AgreementRow.version, AgreementRow.tenant_id)
        .with_for_update()
    )
    return tuple(rules.standing(_value(row)) for row in session.scalars(query) if row.tenant_id == known.holder)


def _put(session: Session, agreement: Agreement) -> None:
    """Write a version to both parties' copies."""
    for party in agreement.parties:
        session.merge(_row(party, agreement))


def _foremost(every: Iterable[Agreement]) -> tuple[Agreement, ...]:
    """Return each agreement once, newest first: in force before proposed before draft before ended."""
    rank = {State.IN_FORCE: 3, State.PROPOSED: 2, State.DRAFT: 1}
    best: dict[AgreementId, Agreement] = {}
    for each in every:
        other = best.get(each.id)
        if other is None or (rank.get(each.state, 0), each.version) > (rank.get(other.state, 0), other.version):
            best[each.id] = each
    return tuple(sorted(best.values(), key=lambda each: each.created_at, reverse=True))


def _row(tenant: TenantId, agreement: Agreement) -> AgreementRow:
    return AgreementRow(
        tenant_id=tenant,
        id=agreement.id,
        version=agreement.version,
        requester=agreement.requester,
        holder=agreement.holder,
        proposed_by=agreement.by,
        terms=agreement.terms.told(),
        state=agreement.state,
        signatures=[asdict(each) | {"at": each.at.isoformat()} for each in agreement.signatures],
        reason=agreement.reason,
        created_at=agreement.created_at,
        changed_at=agreement.changed_at,
    )


def _value(row: AgreementRow) -> Agreement:
    return Agreement(
        id=AgreementId(row.id),
        version=row.version,
        requester=TenantId(row.requester),
        holder=TenantId(row.holder),
        by=TenantId(row.proposed_by),
        terms=_terms(row.terms),
        state=State(row.state),
        signatures=tuple(map(_signature, row.signatures)),
        reason=row.reason,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _terms(told: Mapping[str, Any]) -> Terms:
    return Terms(
        holdings={str(kind): tuple(map(str, beginnings)) for kind, beginnings in told["holdings"].items()},
        purposes=tuple(told["purposes"]),
        fields=tuple(told["fields"]),
        daily=int(told["daily"]),
        until=date.fromisoformat(told["until"]),
    )


def _signature(told: Any) -> Signature:  # noqa: ANN401  # JSON we wrote
    return Signature(TenantId(told["tenant"]), told["signer"], told["name"], datetime.fromisoformat(told["at"]))
