"""Three administrators in three persons: who makes accounts, who gives roles, and what never meets in one person."""

import uuid
from collections.abc import Mapping
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP
from sqlalchemy import text

from app.identity.models import AccountRow
from app.identity.rules import check_office, check_roles
from app.identity.types import (
    ADMINISTRATORS,
    BUSINESS_ROLES,
    PROVINCE_ADMIN,
    ROLES,
    Account,
    AccountId,
    AccountWaiting,
    Caller,
    EnrolmentDue,
    LoginTaken,
    NewAccount,
    NotSignedIn,
    OwnProposal,
    PersonUnknown,
    RoleElsewhere,
    RolesClash,
    SelfGrant,
    SignInFailed,
)
from app.kernel import clock, masks
from app.kernel.errors import Conflict, Invalid, NotFound, Refused
from app.portal import rights
from tenants.scope import PROVINCE, Principal, Scope, TenantId, entered
from tests.conftest import PASSWORD, SYSTEM, County

ANY_ROLES = st.frozensets(st.sampled_from(sorted(ROLES)))


_serials = count(1)


def card() -> str:
    """Return a well-formed ID card number that no other test uses."""
    body = f"99012119900307{next(_serials):03d}"
    return next(body + end for end in "0123456789X" if masks.valid_id_card(body + end))


def made(county: County, *, id_card: str = "", login: str = "") -> Account:
    with county.acting("sysadmin"):
        new = NewAccount(login or f"p{uuid.uuid4().hex[:10]}", "某人", id_card, "13912345678")
        return county.services.accounts.create(new)[0]


def granted(county: County, account: Account, *roles: str) -> Account:
    with county.acting("secadmin"):
        for role in roles:
            account = county.services.accounts.grant(account.id, role)
    return account


class TestRules:
    """Which roles meet in one person."""

    @given(ANY_ROLES)
    def test_an_administrator_is_nothing_else(self, roles: frozenset[str]) -> None:
        above = roles & (ADMINISTRATORS | {PROVINCE_ADMIN})
        clash = len(above) > 1 or bool(above and roles & BUSINESS_ROLES)
        try:
            assert check_roles(roles) == roles
        except RolesClash:
            assert clash
        else:
            assert not clash

    @given(ANY_ROLES, ANY_ROLES)
    def test_what_clashes_goes_on_clashing_with_more(self, roles: frozenset[str], more: frozenset[str]) -> None:
        try:
            check_roles(roles)
        except RolesClash:
            with pytest.raises(RolesClash):
                check_roles(roles | more)

    @given(st.sampled_from(sorted(ROLES)), st.sampled_from(["qinghe", PROVINCE]))
    def test_the_provinces_administrator_is_in_the_provinces_office(self, role: str, tenant: str) -> None:
        if role == PROVINCE_ADMIN and tenant != PROVINCE:
            with pytest.raises(RoleElsewhere):
                check_office({role}, TenantId(tenant))
        else:
            check_office({role}, TenantId(tenant))

    def test_an_unknown_role_is_refused(self) -> None:
        with pytest.raises(Invalid):
            check_roles({"superuser"})


READING: Mapping[str, frozenset[str]] = {
    "records": frozenset({"read", "read_item", "compare"}),
    "digitisation": frozenset({"read"}),
    "intake": frozenset({"read"}),
    "search": frozenset({"search", "find", "find_named"}),
}
"""What shows records, by room; a room of records with another action must say here whether it shows them."""


@pytest.mark.parametrize(("room", "action"), [(r, a) for r in READING for a in rights.actions(r)])
def test_no_administrator_touches_records(room: str, action: str) -> None:
    held = {role for _, roles in rights.holders(room, action) for role in roles}
    assert held & (ADMINISTRATORS | {PROVINCE_ADMIN}) == set()


def test_what_shows_records_is_an_action_of_its_room() -> None:
    assert all(actions <= set(rights.actions(room)) for room, actions in READING.items())


class TestTwoHands:
    """One makes the account, another gives the role."""

    def test_an_account_waits_until_it_is_given_a_role_and_a_password_of_its_own(self, county: County) -> None:
        with county.acting("sysadmin"):
            account, password = county.services.accounts.create(NewAccount(f"p{uuid.uuid4().hex[:8]}", "某人"))
        assert (account.state, account.roles) == ("waiting", frozenset())
        sign_in = county.services.identity.sign_in
        with pytest.raises(AccountWaiting):
            sign_in(county.tenant, account.login, password, ("access",))
        with pytest.raises(SignInFailed):
            sign_in(county.tenant, account.login, PASSWORD, ("access",))
        assert granted(county, account, "archivist").state == "active"

    @pytest.mark.parametrize("login", ["sysadmin", "audit", "archivist", "director"])
    def test_only_the_security_administrator_gives_roles(self, county: County, login: str) -> None:
        account = made(county)
        with county.acting(login), pytest.raises(Refused):
            county.services.accounts.grant(account.id, "archivist")

    @pytest.mark.parametrize("login", ["secadmin", "audit", "archivist", "director"])
    def test_only_the_system_administrator_makes_accounts(self, county: County, login: str) -> None:
        with county.acting(login), pytest.raises(Refused):
            county.services.accounts.create(NewAccount("somebody", "某人"))

    def test_in_one_go_only_the_installation(self, county: County) -> None:
        with county.acting("sysadmin"), pytest.raises(Refused):
            county.services.identity.create_account("somebody", "某人", PASSWORD, ["archivist"])

    def test_nobody_gives_or_takes_a_role_of_their_own(self, county: County) -> None:
        with county.acting("secadmin") as scope:
            mine = AccountId(uuid.UUID(scope.principal.id))
            with pytest.raises(SelfGrant):
                county.services.accounts.grant(mine, "archivist")
            with pytest.raises(SelfGrant):
                county.services.accounts.remove(mine, "sec_admin")
            with pytest.raises(SelfGrant):
                county.services.accounts.reset_factor(mine)

    def test_nor_of_another_account_of_the_same_person(self, county: County) -> None:
        number = card()
        first = granted(county, made(county, id_card=number), "sec_admin")
        second = made(county, id_card=number)
        as_first = Scope(county.tenant, Principal(str(first.id), roles=first.roles))
        with entered(as_first), pytest.raises(SelfGrant):
            county.services.accounts.grant(second.id, "archivist")

    def test_who_made_an_account_and_became_security_administrator_does_not_give_its_roles(
        self, county: County
    ) -> None:
        with county.acting("sysadmin") as scope:
            account, _ = county.services.accounts.create(NewAccount(f"p{uuid.uuid4().hex[:8]}", "某人"))
        moved = Scope(scope.tenant, Principal(scope.principal.id, roles=frozenset({"sec_admin"})))
        with entered(moved), pytest.raises(OwnProposal):
            county.services.accounts.grant(account.id, "archivist")


class TestPerson:
    """One person with two accounts is one person."""

    def test_two_administrators_do_not_meet_in_one_account(self, county: County) -> None:
        account = granted(county, made(county, id_card=card()), "sys_admin")
        for role in ("sec_admin", "audit_admin", "net_admin", "archivist"):
            with county.acting("secadmin"), pytest.raises(RolesClash):
                county.services.accounts.grant(account.id, role)

    def test_nor_in_two_accounts_of_one_person(self, county: County) -> None:
        number = card()
        granted(county, made(county, id_card=number), "audit_admin")
        second = made(county, id_card=number)
        for role in ("sys_admin", "sec_admin", "archivist"):
            with county.acting("secadmin"), pytest.raises(RolesClash):
                county.services.accounts.grant(second.id, role)

    def test_an_account_that_was_closed_no_longer_counts(self, county: County) -> None:
        number = card()
        first = granted(county, made(county, id_card=number), "audit_admin")
        second = made(county, id_card=number)
        with county.acting("sysadmin"):
            assert county.services.accounts.leave(first.id).roles == frozenset()
        assert granted(county, second, "archivist").roles == {"archivist"}

    def test_a_number_put_on_file_later_is_checked_too(self, county: County) -> None:
        number = card()
        granted(county, made(county, id_card=number), "sys_admin")
        second = granted(county, made(county), "archivist")
        with county.acting("sysadmin"), pytest.raises(RolesClash):
            county.services.accounts.record_person(second.id, number, "")

    def test_an_administrator_is_a_person_who_is_known(self, county: County) -> None:
        with county.acting("secadmin"), pytest.raises(PersonUnknown):
            county.services.accounts.grant(made(county).id, "sys_admin")

    def test_what_could_not_be_given_is_told_before_it_is_tried(self, county: County) -> None:
        account = granted(county, made(county, id_card=card()), "archivist")
        with county.acting("secadmin"):
            told = county.services.accounts.grantable(account.id)
        assert {role for role, why in told.items() if why is None} == BUSINESS_ROLES - {"archivist"}
        assert isinstance(told[PROVINCE_ADMIN], RoleElsewhere)
        assert isinstance(told["sys_admin"], RolesClash)

    def test_the_provinces_role_opens_nothing_in_a_county(self, county: County) -> None:
        account = granted(county, made(county, id_card=card()), "archivist")
        with county.acting("sysadmin"):
            password = county.services.accounts.reset_password(account.id)
        with county.acting("archivist"), county.services.works() as work:  # as nothing in the product would
            work.session.get_one(AccountRow, (county.tenant, account.id)).roles = ["province_admin"]
        with pytest.raises(RoleElsewhere):
            county.services.identity.begin(county.tenant, account.login, password, Caller())

    def test_roles_that_came_to_clash_are_noticed_at_the_next_sign_in(self, county: County) -> None:
        account = granted(county, made(county, id_card=card()), "archivist")
        with county.acting("sysadmin"):
            password = county.services.accounts.reset_password(account.id)
        with county.acting("archivist"), county.services.works() as work:  # as nothing in the product would
            work.session.get_one(AccountRow, (county.tenant, account.id)).roles = ["archivist", "audit_admin"]
        with pytest.raises(RolesClash):
            county.services.identity.sign_in(county.tenant, account.login, password, ("access",))


class TestNumbers:
    """ID card and phone numbers: sealed, masked, shown in full for a purpose."""

    def test_they_are_masked_and_found_nowhere_in_the_database(self, county: County) -> None:
        number = card()
        account = made(county, id_card=number)
        assert account.id_card == masks.id_card(number)
        assert number not in str(account)
        with county.acting("archivist"), county.services.works() as work:
            stored = work.session.execute(text("SELECT account::text FROM account")).scalars().all()
        assert not any(number in row or number.encode().hex() in row for row in stored)

    def test_the_security_administrator_sees_one_for_a_purpose_and_it_is_told(self, county: County) -> None:
        number = card()
        account = made(county, id_card=number)
        with county.acting("sysadmin"), pytest.raises(Refused):
            county.services.accounts.reveal(account.id, "id_card", "identity_check")
        with county.acting("secadmin"):
            assert county.services.accounts.reveal(account.id, "id_card", "identity_check") == number
            with pytest.raises(Invalid):
                county.services.accounts.reveal(account.id, "id_card", "curiosity")  # pyright: ignore[reportArgumentType]
        seen = county.client("audit").get(f"/api/v1/audit?object_id={account.id}").get_json()["rows"]
        assert [e["details"] for e in seen if e["action"] == "identity:account:revealed"] == [
            {"field": "id_card", "purpose": "identity_check"}
        ]
        assert number not in str(seen)

    @pytest.mark.parametrize(
        "number", ["990121199003076120X", "123", "990121199013076121", "９９０１２１１９９００３０７６１２１"]
    )
    def test_what_is_no_number_is_refused_without_repeating_it(self, county: County, number: str) -> None:
        with county.acting("sysadmin"), pytest.raises(Invalid) as refusal:
            county.services.accounts.create(NewAccount("somebody", "某人", number))
        assert number not in str(refusal.value.faults)


class TestState:
    """An account through its life."""

    def test_who_comes_back_waits_for_roles_again(self, county: County) -> None:
        account = granted(county, made(county), "archivist")
        with county.acting("sysadmin"):
            county.services.accounts.leave(account.id)
        with county.acting("secadmin"), pytest.raises(Conflict):
            county.services.accounts.grant(account.id, "archivist")
        with county.acting("sysadmin"):
            assert county.services.accounts.restore(account.id).state == "waiting"
        with county.acting("secadmin"):
            history = county.services.accounts.grants(account.id)
        assert [grant.removed_at is not None for grant in history] == [True]
        assert granted(county, account, "archivist").state == "active"

    def test_after_its_last_day_an_account_opens_no_more(self, county: County) -> None:
        with county.acting("sysadmin"):
            end = clock.now().replace(year=clock.now().year + 1)
            account, _ = county.services.accounts.create(
                NewAccount(f"p{uuid.uuid4().hex[:8]}", "某人", valid_until=end)
            )
            with pytest.raises(Invalid):
                county.services.accounts.create(NewAccount("somebody", "某人", valid_until=clock.now()))
        granted(county, account, "archivist")
        with county.acting("sysadmin"):
            password = county.services.accounts.reset_password(account.id)
        pending = county.services.identity.begin(county.tenant, account.login, password, Caller())
        with clock.fixed(end), pytest.raises(NotSignedIn):
            county.services.identity.pending(pending.secret)
        with clock.fixed(end), pytest.raises(SignInFailed):
            county.services.identity.begin(county.tenant, account.login, password, Caller())

    def test_a_login_is_taken_once(self, county: County) -> None:
        account = made(county)
        with pytest.raises(LoginTaken):
            made(county, login=account.login)

    def test_an_account_of_another_county_is_absent(self, county: County, other: County) -> None:
        account = made(county)
        with other.acting("secadmin"):
            with pytest.raises(NotFound):
                other.services.accounts.grant(account.id, "archivist")
            with pytest.raises(NotFound):
                other.services.accounts.get(account.id)


class TestApi:
    """The same through the API."""

    def test_an_account_from_proposal_to_token(self, county: County) -> None:
        system, security = county.client("sysadmin"), county.client("secadmin")
        asked = {"login": f"p{uuid.uuid4().hex[:8]}", "display_name": "某人"}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        first = system.post("/api/v1/accounts", json=asked, headers=key)
        again = system.post("/api/v1/accounts", json=asked, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.get_json() == first.get_json() | {"password": ""}
        account = first.get_json()["account"]["id"]
        assert system.put(f"/api/v1/accounts/{account}/roles/archivist").status_code == 403
        assert security.put(f"/api/v1/accounts/{account}/roles/archivist").get_json()["state"] == "active"
        form = {"grant_type": "password", "username": asked["login"], "scope": county.tenant}
        due = county.web.test_client().post("/oauth/token", data=form | {"password": first.get_json()["password"]})
        assert due.get_json()["code"] == "identity.unfinished.password"
        assert security.get(f"/api/v1/accounts/{account}/roles").get_json()["rows"][0]["role"] == "archivist"
        assert security.delete(f"/api/v1/accounts/{account}/roles/archivist").get_json()["roles"] == []
        assert system.put(f"/api/v1/accounts/{account}/state", json={"state": "left"}).get_json()["state"] == "left"

    def test_a_clash_is_told_with_its_code(self, county: County) -> None:
        account = granted(county, made(county, id_card=card()), "archivist")
        answer = county.client("secadmin").put(f"/api/v1/accounts/{account.id}/roles/sys_admin")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "identity.roles_clash")


def test_the_provinces_administrator_signs_in_with_a_second_factor_at_the_provinces_office(county: County) -> None:
    identity, login = county.services.identity, f"p{uuid.uuid4().hex[:8]}"
    with entered(Scope(PROVINCE, SYSTEM)):
        identity.create_account(login, "某人", PASSWORD, [PROVINCE_ADMIN])
    with entered(Scope(county.tenant, SYSTEM)), pytest.raises(RoleElsewhere):
        identity.create_account(login, "某人", PASSWORD, [PROVINCE_ADMIN])
    with pytest.raises(EnrolmentDue):
        identity.sign_in(PROVINCE, login, PASSWORD, ("access",))
    pending = identity.begin(PROVINCE, login, PASSWORD, Caller())
    code = TOTP(identity.enrolment(pending.secret).secret).at(clock.now())
    opened, _ = identity.confirm_enrolment(pending.secret, code)
    who = identity.principal(opened.secret, ("session",))
    assert (who.tenant, who.principal.roles) == (PROVINCE, {PROVINCE_ADMIN})
