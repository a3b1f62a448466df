"""Agreements between two counties: both sign, both hold the same, either ends it at once."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.service import EntryFilter
from app.kernel import clock
from app.kernel.errors import Invalid, NotFound, Refused, StaleVersion
from app.kernel.paging import PageRequest
from app.services import Services
from tenants import terms as rules
from tenants.directory import TenantUnknown
from tenants.scope import PROVINCE, Principal, Scope, TenantId, entered
from tenants.terms import (
    MOVES,
    Agreement,
    AgreementId,
    NoAgreement,
    NotCovered,
    SameSigner,
    Signature,
    State,
    Terms,
    WrongState,
    moved,
    signed,
)
from tests.conftest import County, MakeCounty

ENDED = {State.AMENDED, State.WITHDRAWN, State.REVOKED, State.EXPIRED}
OFFICE = Scope(PROVINCE, Principal("provincial", roles=frozenset({"province_admin"})), "oversight")


def terms(**other: object) -> Terms:
    told = Terms(
        {"marriage": ("M021-ZY·HY",)}, ("own_record",), ("year", "ref_code"), 30, rules.today() + timedelta(days=90)
    )
    return replace(told, **other)


def proposed(county: County, other: County, told: Terms | None = None) -> Agreement:
    with county.acting("director"):
        service = county.services.agreements
        draft = service.draft(requester=county.tenant, holder=other.tenant, terms=told or terms())
        return service.propose(draft.id)


def concluded(county: County, other: County, told: Terms | None = None) -> Agreement:
    agreement = proposed(county, other, told)
    for each in (county, other):
        with each.acting("director"):
            agreement = each.services.agreements.sign(agreement.id, version=agreement.version)
    return agreement


def states(county: County, agreement: Agreement) -> list[tuple[int, State]]:
    with county.acting("director"):
        return [(each.version, each.state) for each in county.services.agreements.versions(agreement.id)]


def permitted(county: County, agreement: Agreement, kind: str = "marriage", purpose: str = "own_record") -> bool:
    with county.acting("desk"):
        try:
            county.services.agreements.permit(
                requester=agreement.requester, holder=agreement.holder, kind=kind, purpose=purpose, only=agreement.id
            )
        except (NoAgreement, NotCovered):
            return False
        return True


def test_a_draft_is_ones_own(county: County, other: County, services: Services) -> None:
    with county.acting("archivist"):
        draft = services.agreements.draft(requester=county.tenant, holder=other.tenant, terms=terms())
        assert (draft.version, draft.state) == (0, State.DRAFT)
        with pytest.raises(Refused):
            services.agreements.propose(draft.id)
    with other.acting("director"), pytest.raises(NotFound):
        services.agreements.get(draft.id)


def test_one_signature_opens_nothing_and_two_do(county: County, other: County, services: Services) -> None:
    agreement = proposed(county, other)
    assert not permitted(county, agreement)
    with county.acting("director"):
        services.agreements.sign(agreement.id, version=1)
        assert services.agreements.sign(agreement.id, version=1).state is State.PROPOSED
    assert not permitted(county, agreement)
    assert not permitted(other, agreement)
    with other.acting("director"):
        done = services.agreements.sign(agreement.id, version=1)
    assert done.state is State.IN_FORCE
    assert permitted(county, agreement)
    assert permitted(other, agreement)
    assert not permitted(county, agreement, kind="land")
    assert not permitted(county, agreement, purpose="justice")


def test_both_copies_and_both_logs_say_the_same(county: County, other: County, services: Services) -> None:
    agreement = concluded(county, other)
    copies, acts = [], []
    for each in (county, other):
        with each.acting("director"):
            copies.append(services.agreements.get(agreement.id))
        with each.acting("audit"):
            wanted = EntryFilter(object_id=agreement.id)
            entries = services.audit.page(PageRequest(), wanted).rows
            acts.append([entry.action for entry in entries if not entry.action.endswith("drafted")])
    assert copies[0] == copies[1]
    assert acts[0] == acts[1] == ["agreement:version:signed"] * 2 + ["agreement:version:proposed"]


def test_one_person_does_not_sign_for_both(county: County, other: County, services: Services) -> None:
    agreement = proposed(county, other)
    someone = Principal("the same person", roles=frozenset({"director"}))
    with entered(Scope(county.tenant, someone)):
        services.agreements.sign(agreement.id, version=1)
    with entered(Scope(other.tenant, someone)), pytest.raises(SameSigner):
        services.agreements.sign(agreement.id, version=1)
    assert not permitted(county, agreement)


def test_only_directors_sign(county: County, other: County, services: Services) -> None:
    agreement = proposed(county, other)
    for login in ("archivist", "desk", "sysadmin", "audit"):
        with county.acting(login), pytest.raises(Refused):
            services.agreements.sign(agreement.id, version=1)


def test_an_amendment_needs_both_again_and_the_old_stays_until_then(
    county: County, other: County, services: Services
) -> None:
    agreement = concluded(county, other)
    with other.acting("director"):
        services.agreements.amend(agreement.id, terms(holdings={"land": ("G033-ZY·TD",)}))
        services.agreements.propose(agreement.id)
        services.agreements.sign(agreement.id, version=2)
    assert permitted(county, agreement)
    assert not permitted(county, agreement, kind="land")
    with county.acting("director"), pytest.raises(StaleVersion):
        services.agreements.sign(agreement.id, version=1)
    with county.acting("director"):
        services.agreements.sign(agreement.id, version=2)
    assert not permitted(county, agreement)
    assert permitted(county, agreement, kind="land")
    assert states(county, agreement) == states(other, agreement) == [(2, State.IN_FORCE), (1, State.AMENDED)]


def test_a_counterproposal_takes_the_place_of_the_proposal(county: County, other: County, services: Services) -> None:
    agreement = proposed(county, other)
    with county.acting("director"):
        services.agreements.sign(agreement.id, version=1)
    with other.acting("director"):
        services.agreements.amend(agreement.id, terms(daily=5))
        second = services.agreements.propose(agreement.id)
        assert second.signatures == ()
        with pytest.raises(StaleVersion):
            services.agreements.sign(agreement.id, version=1)
    assert states(county, agreement) == [(2, State.PROPOSED), (1, State.AMENDED)]


@pytest.mark.parametrize("who", ["requester", "holder", "province"])
def test_each_side_and_the_province_revoke_at_once(county: County, other: County, services: Services, who: str) -> None:
    agreement = concluded(county, other)
    scope = {
        "requester": lambda: county.acting("director"),
        "holder": lambda: other.acting("director"),
        "province": lambda: entered(OFFICE),
    }[who]
    with scope(), pytest.raises(Invalid):
        services.agreements.revoke(agreement.id, reason=" ")
    with scope():
        services.agreements.revoke(agreement.id, reason="不再需要")
        with pytest.raises(WrongState):
            services.agreements.revoke(agreement.id, reason="不再需要")
    assert not permitted(county, agreement)
    assert not permitted(other, agreement)
    assert states(county, agreement) == [(1, State.REVOKED)]
    with county.acting("director"), pytest.raises(WrongState):
        services.agreements.amend(agreement.id, terms())


def test_revoking_takes_the_open_amendment_along(county: County, other: County, services: Services) -> None:
    agreement = concluded(county, other)
    with other.acting("director"):
        services.agreements.amend(agreement.id, terms(daily=1))
        services.agreements.propose(agreement.id)
    with county.acting("director"):
        services.agreements.revoke(agreement.id, reason="不再需要")
    with other.acting("director"), pytest.raises(WrongState):
        services.agreements.sign(agreement.id, version=2)
    assert states(other, agreement) == [(2, State.WITHDRAWN), (1, State.REVOKED)]


def test_a_proposal_is_declined_with_a_reason(county: County, other: County, services: Services) -> None:
    agreement = proposed(county, other)
    with other.acting("director"):
        services.agreements.withdraw(agreement.id, reason="范围过大")
    with county.acting("director"):
        told = services.agreements.get(agreement.id)
        assert (told.state, told.reason) == (State.WITHDRAWN, "范围过大")
        with pytest.raises(WrongState):
            services.agreements.sign(agreement.id, version=1)


def test_it_ends_with_its_last_day(county: County, other: County) -> None:
    agreement = concluded(county, other, terms(until=rules.today()))
    assert permitted(county, agreement)
    with clock.fixed(clock.now() + timedelta(days=1)):
        assert not permitted(county, agreement)
        assert states(county, agreement) == [(1, State.EXPIRED)]
        with county.acting("director"), pytest.raises(WrongState):
            county.services.agreements.amend(agreement.id, terms())


def test_who_is_no_party_sees_and_does_nothing(
    county: County, other: County, make_county: MakeCounty, services: Services
) -> None:
    agreement = concluded(county, other)
    with make_county().acting("director"):
        assert services.agreements.list() == ()
        acts = [
            lambda: services.agreements.get(agreement.id),
            lambda: services.agreements.sign(agreement.id, version=1),
            lambda: services.agreements.revoke(agreement.id, reason="无"),
            lambda: services.agreements.amend(agreement.id, terms()),
            lambda: services.agreements.withdraw(agreement.id, reason="无"),
        ]
        for act in acts:
            with pytest.raises(NotFound):
                act()
        with pytest.raises(Refused):
            services.agreements.draft(requester=county.tenant, holder=other.tenant, terms=terms())


def test_the_province_sees_what_was_proposed_and_no_draft(county: County, other: County, services: Services) -> None:
    agreement = concluded(county, other)
    with county.acting("director"):
        draft = services.agreements.draft(requester=county.tenant, holder=other.tenant, terms=terms())
        with pytest.raises(Refused):
            services.agreements.overview()
    with entered(OFFICE):
        seen = {each.id for each in services.agreements.overview()}
        assert agreement.id in seen
        assert draft.id not in seen
        with pytest.raises(NotFound):
            services.agreements.oversee(draft.id)
    with entered(replace(OFFICE, tenant=county.tenant)), pytest.raises(Refused):
        services.agreements.overview()


@pytest.mark.parametrize(
    "wrong",
    [
        {"holdings": {}},
        {"holdings": {"gossip": ("M021",)}},
        {"holdings": {"land": ()}},
        {"holdings": {"land": ("%",)}},
        {"holdings": {"land": ("",)}},
        {"purposes": ()},
        {"purposes": ("curiosity",)},
        {"fields": ("persons",)},
        {"daily": 0},
        {"until": rules.today() - timedelta(days=1)},
        {"until": rules.today() + timedelta(days=9999)},
    ],
)
def test_terms_that_say_too_little_or_too_much_are_refused(
    county: County, other: County, services: Services, wrong: dict[str, Any]
) -> None:
    with county.acting("director"), pytest.raises(Invalid):
        services.agreements.draft(requester=county.tenant, holder=other.tenant, terms=terms(**wrong))


def test_parties_are_two_counties(county: County, services: Services) -> None:
    with county.acting("director"):
        with pytest.raises(Invalid):
            services.agreements.draft(requester=county.tenant, holder=county.tenant, terms=terms())
        for absent in (PROVINCE, "nowhere"):
            with pytest.raises(TenantUnknown):
                services.agreements.draft(requester=county.tenant, holder=absent, terms=terms())


EAST, WEST = TenantId("east"), TenantId("west")
ACTS: tuple[rules.Act, ...] = ("propose", "sign", "conclude", "replace", "withdraw", "revoke", "lapse")


@given(st.lists(st.sampled_from(ACTS), max_size=12))
def test_what_has_ended_stays_ended(acts: list[rules.Act]) -> None:
    state = State.DRAFT
    for act in acts:
        try:
            after = moved(state, act)
        except WrongState:
            assert (state, act) not in MOVES
            continue
        assert state not in ENDED
        assert after is not State.IN_FORCE or act == "conclude"
        state = after


@given(st.lists(st.tuples(st.sampled_from(["east", "west"]), st.sampled_from(["li", "wang"])), max_size=6))
def test_in_force_means_two_people_of_two_counties(hands: list[tuple[str, str]]) -> None:
    now = clock.now()
    agreement = Agreement(AgreementId(uuid.uuid4()), 1, EAST, WEST, EAST, terms(), State.PROPOSED, (), "", now, now)
    for tenant, person in hands:
        try:
            agreement = signed(agreement, Signature(TenantId(tenant), person, person, now))
        except SameSigner:
            assert person in {each.signer for each in agreement.signatures}
        except WrongState:
            assert agreement.state is State.IN_FORCE
    by = {each.tenant: each.signer for each in agreement.signatures}
    assert len(agreement.signatures) == len(by) == len(set(by.values()))
    assert (agreement.state is State.IN_FORCE) == (len(by) == 2)


VERBS = ("amend", "propose", "sign", "withdraw", "revoke")


@settings(max_examples=12)
@given(deeds=st.lists(st.tuples(st.booleans(), st.sampled_from(VERBS)), min_size=4, max_size=10))
def test_whatever_they_do_at_most_one_version_is_in_force_in_the_same_words(
    county: County, other: County, services: Services, deeds: list[tuple[bool, str]]
) -> None:
    agreement = concluded(county, other)
    for first, verb in deeds:
        with (county if first else other).acting("director"):
            try:
                match verb:
                    case "amend":
                        services.agreements.amend(agreement.id, terms(daily=7))
                    case "sign":
                        newest = max(each.version for each in services.agreements.versions(agreement.id))
                        services.agreements.sign(agreement.id, version=newest)
                    case "propose":
                        services.agreements.propose(agreement.id)
                    case _:
                        getattr(services.agreements, verb)(agreement.id, reason="试")
            except (WrongState, NotFound):
                pass
        copies = []
        for each in (county, other):
            with each.acting("director"):
                copies.append([one for one in services.agreements.versions(agreement.id) if one.version])
        assert copies[0] == copies[1]
        in_force = [one for one in copies[0] if one.state is State.IN_FORCE]
        assert len(in_force) <= 1
        assert all({each.tenant for each in one.signatures} == set(one.parties) for one in in_force)
