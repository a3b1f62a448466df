"""Lookups: one county asks another under an agreement, and learns what the agreement names and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.service import Entry, EntryFilter
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, Refused
from app.kernel.paging import PageRequest, decode_cursor
from app.lookups.types import DayIsFull, HolderClosed, Lookup, Outcome, Question
from app.records.types import Description
from app.services import Services
from search.types import IndexedItem
from tenants.directory import TenantState, TenantUnknown
from tenants.scope import Principal, ProvinceScope, TenantId, scope_or_none
from tenants.terms import FIELDS, Agreement, NoAgreement, NotCovered, Terms
from tests.conftest import County, MakeCounty
from tests.integration.test_agreements import concluded, proposed, terms

REGISTER = "柳林镇1987年结婚登记册"
PEOPLE = ("欧阳静", "司徒山")
RECORDS = (
    Description(
        fonds_code="M021", category_code="ZY", year=1987, ref_code="M021-ZY·HY·1987·Y-001-001", title=REGISTER,
        creator="柳林镇", date="19870101-19871231", retention="永久", persons=";".join(PEOPLE) + ";赵大",
    ),
    Description(
        fonds_code="M021", category_code="ZY", year=1996, ref_code="M021-ZY·HY·1996·Y-001-001",
        title="石桥镇1996年结婚登记册", creator="石桥镇", date="19960101-19961231", retention="永久",
        persons="欧阳静;钱二",
    ),
    Description(
        fonds_code="G033", category_code="ZY", year=1992, ref_code="G033-ZY·TD·1992·Y-001-001",
        title="司徒山宅基地使用证", creator="土地管理局", date="19920305", retention="永久", persons="司徒山",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def holder(other: County, services: Services) -> County:
    """Return a county with three accepted records."""
    with other.acting("archivist"):
        for each in RECORDS:
            item = services.records.create(each)
            services.search.index_items(
                [
                    IndexedItem(
                        item.id, 9, each.title, each.fonds_code, "catalogued", "未审核", each.year, each.ref_code,
                        persons=each.persons, date=each.date,
                    )
                ]
            )  # fmt: skip
    return other


@pytest.fixture
def agreed(county: County, holder: County, services: Services) -> Iterator[Agreement]:
    """Return an agreement in force that ends with the test."""
    agreement = concluded(county, holder)
    yield agreement
    with county.acting("director"):
        if services.agreements.get(agreement.id).state == "in_force":
            services.agreements.revoke(agreement.id, reason="试毕")


def question(holder: County, name: str = "司徒山", **other: object) -> Question:
    return replace(Question(holder.tenant, name, "marriage", "own_record", "2026-001"), **other)


def ask(county: County, holder: County, name: str = "司徒山", **other: object) -> Lookup:
    with county.acting("desk"):
        return county.services.lookups.ask(question(holder, name, **other))


def log(county: County, lookup: Lookup) -> list[Entry]:
    with county.acting("audit"):
        return list(county.services.audit.page(PageRequest(), EntryFilter(object_id=lookup.id)).rows)


def test_a_record_is_held_and_told_in_the_agreed_fields(county: County, holder: County, agreed: Agreement) -> None:
    found = ask(county, holder)
    assert found.outcome is Outcome.HELD
    assert found.records == ({"year": 1987, "ref_code": "M021-ZY·HY·1987·Y-001-001"},)
    assert found.agreement_id == agreed.id


@pytest.mark.usefixtures("agreed")
@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, Outcome.SEVERAL),
        ({"spouse": "司徒山"}, Outcome.HELD),
        ({"spouse": "王五"}, Outcome.NOT_FOUND),
        ({"year_to": 1990}, Outcome.HELD),
        ({"birth_year": 1990}, Outcome.HELD),
        ({"birth_year": 1997}, Outcome.NOT_FOUND),
        ({"name": "欧 阳静"}, Outcome.SEVERAL),
        ({"name": "欧阳"}, Outcome.NOT_FOUND),
        ({"name": "结婚登记册"}, Outcome.NOT_FOUND),
    ],
)
def test_a_name_is_found_whole_and_within_years(
    county: County, holder: County, more: dict[str, Any], outcome: Outcome
) -> None:
    assert ask(county, holder, **{"name": "欧阳静", **more}).outcome is outcome


@pytest.mark.usefixtures("agreed")
def test_what_is_outside_the_agreed_holdings_is_as_if_it_were_not(county: County, holder: County) -> None:
    absent, outside = (ask(county, holder, "钱无此人"), ask(county, holder, "司徒山", year_from=1990))
    shape = [(each.outcome, each.records) for each in (absent, outside)]
    assert shape == [(Outcome.NOT_FOUND, ())] * 2


@pytest.mark.usefixtures("agreed")
def test_a_kind_or_purpose_that_was_not_agreed_is_refused_before_the_other_county_is_entered(
    county: County, holder: County
) -> None:
    for other in ({"kind": "land"}, {"purpose": "justice"}):
        for name in ("司徒山", "钱无此人"):
            with pytest.raises(NotCovered):
                ask(county, holder, name, **other)


def test_without_an_agreement_nothing_is_asked(county: County, holder: County) -> None:
    proposed(county, holder)
    with pytest.raises(NoAgreement):
        ask(county, holder)
    with holder.acting("desk"), pytest.raises(NoAgreement):
        holder.services.lookups.ask(question(county))


def test_an_agreement_opens_one_way(county: County, holder: County, agreed: Agreement) -> None:
    with holder.acting("desk"), pytest.raises(NoAgreement):
        holder.services.lookups.ask(question(county))
    assert ask(county, holder).agreement_id == agreed.id


def test_right_after_it_is_revoked_a_lookup_is_refused(
    county: County, holder: County, agreed: Agreement, services: Services
) -> None:
    assert ask(county, holder).outcome is Outcome.HELD
    with holder.acting("director"):
        services.agreements.revoke(agreed.id, reason="停止")
    with pytest.raises(NoAgreement):
        ask(county, holder)


def test_the_holders_own_copy_decides(
    county: County, holder: County, agreed: Agreement, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is revoked between the requester's look at its copy and the holder's answer."""
    permit = services.agreements.permit

    def meanwhile(**asked: Any) -> Agreement:  # noqa: ANN401  # handed on as it came
        scope = scope_or_none()
        if scope and scope.tenant == holder.tenant:
            raise NoAgreement("停止")
        return permit(**asked)

    monkeypatch.setattr(type(services.agreements), "permit", lambda _self, **asked: meanwhile(**asked))
    with pytest.raises(NoAgreement):
        ask(county, holder)
    monkeypatch.undo()
    with county.acting("desk"):
        refused = services.lookups.page(PageRequest(1), side="asked").rows[0]
    assert (refused.outcome, refused.records) == (Outcome.REFUSED, ())
    assert agreed.id == refused.agreement_id


def test_the_days_lookups_run_out(county: County, holder: County, services: Services) -> None:
    agreement = concluded(county, holder, terms(daily=2))
    ask(county, holder)
    ask(county, holder, "钱无此人")
    with pytest.raises(DayIsFull):
        ask(county, holder)
    with clock.fixed(clock.now() + timedelta(days=1)):
        assert ask(county, holder).outcome is Outcome.HELD
    with county.acting("director"):
        services.agreements.revoke(agreement.id, reason="试毕")


@pytest.mark.usefixtures("agreed")
def test_both_logs_have_it_under_one_digest(
    county: County, holder: County, make_county: MakeCounty, services: Services
) -> None:
    first = ask(county, holder)
    third = make_county()
    concluded(third, holder)
    second = ask(third, holder)
    asked, answered = log(county, first), log(holder, first)
    assert [each.action for each in asked] == ["lookup:person:received", "lookup:person:asked"]
    assert [each.action for each in answered] == ["lookup:person:answered"]
    assert answered[0].details["counterpart"] == county.tenant
    assert answered[0].purpose == "own_record"
    digests = {each.details["person"] for each in (asked[1], answered[0], *log(holder, second), log(third, second)[1])}
    assert len(digests) == 1
    everything = json.dumps([each.details for each in (*asked, *answered)], ensure_ascii=False, default=str)
    assert "司徒山" not in everything
    with holder.acting("archivist"):
        visits = services.lookups.page(PageRequest(), side="answered").rows
    assert {each.counterpart for each in visits} >= {county.tenant, third.tenant}
    assert {each.subject for each in visits} == {""}
    with county.acting("desk"):
        assert services.lookups.page(PageRequest(), side="asked").rows[0].subject == "司徒山"


@pytest.mark.usefixtures("agreed")
def test_a_name_in_any_writing_is_one_person(county: County, holder: County) -> None:
    written = ("张叶山", "張葉山", "张葉山", "张\ufe00叶 山")
    assert len({log(holder, ask(county, holder, name))[0].details["person"] for name in written}) == 1


@pytest.mark.usefixtures("agreed")
def test_asking_again_under_one_key_asks_once(county: County, holder: County, services: Services) -> None:
    with county.acting("desk"):
        first = services.lookups.ask(question(holder), lookup_id=services.lookups.ask(question(holder)).id)
        again = services.lookups.ask(question(holder), lookup_id=first.id)
    assert first == again
    assert len(log(holder, first)) == 1


@pytest.mark.parametrize("more", [{"name": "欧阳静"}, {"ticket": "2026-002"}, {"year_to": 1990}])
def test_a_key_is_of_one_question_and_opens_nothing_once_the_agreement_ended(
    county: County, holder: County, agreed: Agreement, services: Services, more: dict[str, Any]
) -> None:
    first = ask(county, holder)
    with county.acting("desk"), pytest.raises(Conflict):
        services.lookups.ask(question(holder, **more), lookup_id=first.id)
    with county.acting("director"):
        services.agreements.revoke(agreed.id, reason="试毕")
    with county.acting("desk"), pytest.raises(NoAgreement):
        services.lookups.ask(question(holder), lookup_id=first.id)


@pytest.mark.usefixtures("agreed")
def test_history_is_paged(county: County, holder: County, services: Services) -> None:
    for _ in range(3):
        ask(county, holder)
    with county.acting("desk"):
        first = services.lookups.page(PageRequest(2), side="asked")
        rest = services.lookups.page(PageRequest(200, decode_cursor(first.next_cursor, kinds="tu")), side="asked")
    ids = [each.id for each in (*first.rows, *rest.rows)]
    assert len(first.rows) == 2
    assert ids == sorted(set(ids), reverse=True)


@pytest.mark.usefixtures("agreed")
def test_a_suspended_holder_answers_nothing(county: County, holder: County, services: Services) -> None:
    office = ProvinceScope(Principal("provincial", roles=frozenset({"province_admin"})), "test")
    services.directory.suspend(holder.tenant, TenantState.SUSPENDED, "检修", office)
    try:
        with pytest.raises(HolderClosed):
            ask(county, holder)
    finally:
        services.directory.resume(holder.tenant, office)


@pytest.mark.usefixtures("agreed")
def test_only_the_desk_asks(county: County, holder: County, services: Services) -> None:
    for login in ("director", "scan", "sysadmin", "audit"):
        with county.acting(login), pytest.raises(Refused):
            services.lookups.ask(question(holder))


@pytest.mark.usefixtures("agreed")
@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "张"},
        {"name": "张*"},
        {"name": "张%三"},
        {"name": "张\x00三"},
        {"name": "张" * 50},
        {"ticket": ""},
        {"kind": "gossip"},
        {"purpose": "curiosity"},
        {"year_from": 12},
    ],
)
def test_a_question_is_one_person_for_one_reason(county: County, holder: County, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        ask(county, holder, **wrong)


@settings(max_examples=16)
@given(fields=st.sets(st.sampled_from(FIELDS)).map(tuple), name=st.sampled_from(PEOPLE))
def test_an_answer_says_no_more_than_the_fields(
    make_county: MakeCounty, holder: County, fields: tuple[str, ...], name: str
) -> None:
    told = Terms({"marriage": ("M021-ZY·HY",)}, ("own_record",), fields, 30, terms().until)
    answer = visit(make_county, holder, told, name)
    assert answer.records
    for record in answer.records:
        assert set(record) == set(fields)
    text = json.dumps(answer.records, ensure_ascii=False)
    silent = {value for each in RECORDS for value in (each.creator, each.date, *each.persons.split(";")) if value}
    silent |= {each.title for each in RECORDS} if "title" not in fields else set()
    silent |= {each.ref_code for each in RECORDS} if "ref_code" not in fields else set()
    assert not [value for value in silent if value in text.replace(REGISTER, "").replace("石桥镇1996年结婚登记册", "")]


_VISITORS: list[County] = []


def visit(make_county: MakeCounty, holder: County, told: Terms, name: str) -> Lookup:
    """Ask once under these terms, from one county that makes a new agreement each time."""
    if not _VISITORS:
        _VISITORS.append(make_county())
    (visitor,) = _VISITORS
    agreement = concluded(visitor, holder, told)
    answer = ask(visitor, holder, name)
    with visitor.acting("director"):
        visitor.services.agreements.revoke(agreement.id, reason="试毕")
    return answer


def test_an_unknown_county_is_refused(county: County) -> None:
    with county.acting("desk"), pytest.raises(TenantUnknown):
        county.services.lookups.ask(Question(TenantId("nowhere"), "司徒山", "marriage", "own_record", "1"))
