"""Signing in: password, second factor, sessions; and what ends them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from app.audit.service import EntryFilter
from app.bootstrap import build
from app.identity.models import AccountRow
from app.identity.rules import PASSWORD_LENGTH, check_password
from app.identity.types import (
    AccountDormant,
    AccountId,
    AccountLocked,
    Caller,
    EnrolmentDue,
    FactorObligatory,
    NotSignedIn,
    PasswordDue,
    SecondFactorFailed,
    SecondFactorRequired,
    SignInFailed,
    Token,
    TooManySignIns,
    WrongPassword,
)
from app.kernel import clock
from app.kernel.errors import Invalid
from app.kernel.paging import PageRequest
from app.platform.settings import Settings
from app.services import Services
from app.wsgi import create_app
from tenants.scope import Scope, entered
from tests.conftest import PASSWORD, SYSTEM, County

STEP = timedelta(seconds=30)
NEW = "Xinde-Mima-2027"


def somebody(county: County, *roles: str) -> str:
    """Make an account of its own for a test, and return its login."""
    login = f"p{uuid.uuid4().hex[:10]}"
    with entered(Scope(county.tenant, SYSTEM)):
        county.services.identity.create_account(login, "某人", PASSWORD, roles or ("archivist",))
    return login


def token(county: County, login: str, *, password: str = PASSWORD, otp: str = "") -> Token:
    return county.services.identity.sign_in(county.tenant, login, password, ("access",), otp=otp)[0]


@contextmanager
def as_(county: County, login: str, otp: str = "") -> Iterator[Scope]:
    """Enter the scope that signing in opens."""
    secret = token(county, login, otp=otp).secret
    who = county.services.identity.principal(secret, ("access",))
    with entered(Scope(who.tenant, who.principal, "test", "r", "192.0.2.1", who.session)) as scope:
        yield scope


def enrol(county: County, login: str) -> tuple[TOTP, tuple[str, ...]]:
    """Set up an authenticator of one's own accord; return it and the recovery codes."""
    with as_(county, login), clock.fixed(clock.now()):
        authenticator = TOTP(county.services.identity.begin_factor().secret)
        return authenticator, county.services.identity.confirm_factor(authenticator.at(clock.now()))


def next_code(authenticator: TOTP) -> str:
    """Return the code after the one that set the authenticator up."""
    return authenticator.at(clock.now() + STEP)


class TestPassword:
    """What a password must be, and when it must be changed."""

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=0, max_size=30))
    def test_a_password_is_taken_only_if_it_is_long_and_of_all_kinds(self, password: str) -> None:
        kinds = (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum())
        good = len(password) >= PASSWORD_LENGTH and all(any(map(kind, password)) for kind in kinds)
        try:
            check_password(password, "nobody-at-all")
        except Invalid:
            assert not good
        else:
            assert good

    def test_it_does_not_hold_the_login(self) -> None:
        with pytest.raises(Invalid) as refusal:
            check_password("Zhangsan-2026-Mima", "zhangsan")
        assert [fault.code for fault in refusal.value.faults] == ["password_login"]

    def test_none_of_the_last_five_comes_back(self, county: County) -> None:
        login = somebody(county)
        passwords = [PASSWORD, *(f"{NEW}-{n}" for n in range(5))]
        for present, chosen in pairwise(passwords):
            with entered(Scope(county.tenant, token(county, login, password=present).principal)):
                for former in passwords[: passwords.index(chosen)][-5:]:
                    with pytest.raises(Invalid):
                        county.services.identity.change_password(present, former)
                county.services.identity.change_password(present, chosen)
        with entered(Scope(county.tenant, token(county, login, password=passwords[-1]).principal)):
            county.services.identity.change_password(passwords[-1], PASSWORD)

    def test_changing_it_ends_the_other_sessions(self, county: County) -> None:
        login = somebody(county)
        elsewhere = token(county, login).secret
        with as_(county, login) as scope:
            with pytest.raises(WrongPassword):
                county.services.identity.change_password("Falsch-Mima-2026", NEW)
            county.services.identity.change_password(PASSWORD, NEW)
            assert [each.current for each in county.services.identity.sessions()] == [True]
        with pytest.raises(NotSignedIn):
            county.services.identity.principal(elsewhere, ("access",))
        with pytest.raises(SignInFailed):
            token(county, login)
        assert scope.session

    def test_after_ninety_days_it_is_due(self, county: County) -> None:
        login = somebody(county)
        later = clock.now() + timedelta(days=89)
        with clock.fixed(later):
            token(county, login)
        with clock.fixed(later + timedelta(days=1)):
            with pytest.raises(PasswordDue):
                token(county, login)
            pending = county.services.identity.begin(county.tenant, login, PASSWORD, Caller())
            assert (pending.kind, county.services.identity.pending(pending.secret).step) == ("pending", "password")
            opened = county.services.identity.renew_password(pending.secret, NEW)
            assert opened.kind == "session"
            token(county, login, password=NEW)


class TestLock:
    """Failures, floods and long disuse."""

    def test_five_failures_lock_and_the_right_password_does_not_help(self, county: County) -> None:
        login = somebody(county)
        for _ in range(5):
            with pytest.raises(SignInFailed):
                token(county, login, password="Falsch-Mima-2026")
        with pytest.raises(AccountLocked):
            token(county, login)
        with clock.fixed(clock.now() + timedelta(minutes=31)):
            token(county, login)

    def test_while_it_is_locked_a_right_password_is_not_told_from_a_wrong_one(self, county: County) -> None:
        login = somebody(county)
        for _ in range(5):
            with pytest.raises(SignInFailed):
                token(county, login, password="Falsch-Mima-2026")
        for guess in ("Falsch-Mima-2026", PASSWORD):
            with pytest.raises(AccountLocked):
                token(county, login, password=guess)

    def test_a_right_password_that_opens_nothing_is_noted_and_limited(self, county: County) -> None:
        login = somebody(county, "sys_admin")
        prober = Caller("198.51.100.17")
        account = county.services.identity.begin(county.tenant, login, PASSWORD, Caller()).principal.id
        for _ in range(20):
            with pytest.raises(EnrolmentDue):
                county.services.identity.sign_in(county.tenant, login, PASSWORD, ("access",), caller=prober)
        with pytest.raises(TooManySignIns):
            county.services.identity.sign_in(county.tenant, login, PASSWORD, ("access",), caller=prober)
        with county.acting("audit"):
            wanted = EntryFilter(action="identity:account:sign_in_continued", object_id=uuid.UUID(account))
            assert len(county.services.audit.page(PageRequest(50), wanted).rows) == 21

    def test_a_flood_from_one_address_waits_whatever_the_names(self, county: County) -> None:
        flood = Caller("198.51.100.7")
        sign_in = county.services.identity.sign_in
        for n in range(20):
            with pytest.raises(SignInFailed):
                sign_in(county.tenant, f"nobody{n}", PASSWORD, ("access",), caller=flood)
        with pytest.raises(TooManySignIns) as refusal:
            sign_in(county.tenant, "archivist", PASSWORD, ("access",), caller=flood)
        assert 0 < refusal.value.retry_after <= 600
        sign_in(county.tenant, "archivist", PASSWORD, ("access",), caller=Caller("198.51.100.8"))
        with clock.fixed(clock.now() + timedelta(minutes=11)):
            sign_in(county.tenant, "archivist", PASSWORD, ("access",), caller=flood)

    def test_a_flood_is_told_when_to_come_back(self, county: County) -> None:
        form = {"grant_type": "password", "username": "nobody", "password": PASSWORD, "scope": county.tenant}
        client = county.web.test_client()
        client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
        answers = [client.post("/oauth/token", data=form) for _ in range(21)]
        assert [answer.status_code for answer in answers] == [401] * 20 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0

    def test_an_account_unused_for_ninety_days_waits_for_the_system_administrator(self, county: County) -> None:
        login = somebody(county)
        account = token(county, login).principal.id
        with clock.fixed(clock.now() + timedelta(days=90)):
            with pytest.raises(AccountDormant):
                token(county, login)
            with county.acting("sysadmin"):
                county.services.accounts.unlock(AccountId(uuid.UUID(account)))
            with pytest.raises(PasswordDue):
                token(county, login)


class TestFactor:
    """The authenticator, its codes, and the codes for whoever lost it."""

    def test_once_set_up_it_is_asked_for(self, county: County) -> None:
        login = somebody(county)
        authenticator, _ = enrol(county, login)
        with pytest.raises(SecondFactorRequired):
            token(county, login)
        token(county, login, otp=next_code(authenticator))

    def test_a_code_works_once(self, county: County) -> None:
        login = somebody(county)
        authenticator, _ = enrol(county, login)
        code = next_code(authenticator)
        token(county, login, otp=code)
        with pytest.raises(SecondFactorFailed):
            token(county, login, otp=code)

    @pytest.mark.parametrize(("steps", "taken"), [(-3, False), (0, True), (1, True), (3, False)])
    def test_a_clock_may_be_one_step_off(self, county: County, steps: int, *, taken: bool) -> None:
        login = somebody(county)
        authenticator, _ = enrol(county, login)
        later = clock.now() + timedelta(minutes=10)
        code = authenticator.at(later + steps * STEP)
        with clock.fixed(later):
            if taken:
                token(county, login, otp=code)
            else:
                with pytest.raises(SecondFactorFailed):
                    token(county, login, otp=code)

    def test_a_recovery_code_works_once_however_it_is_written(self, county: County) -> None:
        login = somebody(county)
        _, codes = enrol(county, login)
        assert len(set(codes)) == 10
        token(county, login, otp=codes[0].upper().replace("-", " "))
        with pytest.raises(SecondFactorFailed):
            token(county, login, otp=codes[0])

    def test_new_recovery_codes_void_the_old(self, county: County) -> None:
        login = somebody(county)
        _, codes = enrol(county, login)
        with as_(county, login, otp=codes[0]):
            fresh = county.services.identity.renew_recovery(codes[1])
            assert county.services.identity.recovery_left() == 10
        with pytest.raises(SecondFactorFailed):
            token(county, login, otp=codes[2])
        token(county, login, otp=fresh[0])

    def test_guessing_codes_locks_the_account(self, county: County) -> None:
        login = somebody(county)
        enrol(county, login)
        for _ in range(5):
            with pytest.raises(SecondFactorFailed):
                token(county, login, otp="not-it")
        with pytest.raises(AccountLocked):
            token(county, login, otp="not-it")

    def test_who_must_have_one_gets_no_token_without(self, county: County) -> None:
        login = somebody(county, "sec_admin")
        with pytest.raises(EnrolmentDue):
            token(county, login)
        pending = county.services.identity.begin(county.tenant, login, PASSWORD, Caller())
        with pytest.raises(NotSignedIn):
            county.services.identity.principal(pending.secret, ("session", "access"))
        authenticator = TOTP(county.services.identity.enrolment(pending.secret).secret)
        opened, codes = county.services.identity.confirm_enrolment(pending.secret, authenticator.at(clock.now()))
        who = county.services.identity.principal(opened.secret, ("session",))
        assert who.principal.roles == {"sec_admin"}
        with entered(Scope(who.tenant, who.principal, session=who.session)), pytest.raises(FactorObligatory):
            county.services.identity.drop_factor(codes[0])

    def test_a_session_without_it_has_no_role_however_the_role_came(self, county: County) -> None:
        access = token(county, somebody(county))
        with county.acting("archivist"), county.services.works() as work:  # as nothing in the product would
            account = work.session.get_one(AccountRow, (county.tenant, uuid.UUID(access.principal.id)))
            account.roles = ["sec_admin"]
        assert county.services.identity.principal(access.secret, ("access",)).principal.roles == frozenset()

    def test_a_pending_sign_in_takes_no_other_step(self, county: County) -> None:
        pending = county.services.identity.begin(county.tenant, somebody(county, "sec_admin"), PASSWORD, Caller())
        with pytest.raises(NotSignedIn):
            county.services.identity.renew_password(pending.secret, NEW)
        with pytest.raises(NotSignedIn):
            county.services.identity.pass_factor(pending.secret, "000000")
        with clock.fixed(clock.now() + timedelta(minutes=11)), pytest.raises(NotSignedIn):
            county.services.identity.pending(pending.secret)

    def test_the_code_comes_with_the_password_grant(self, county: County) -> None:
        form = {"grant_type": "password", "username": "audit", "password": PASSWORD, "scope": county.tenant}
        code = county.code("audit")
        refused = county.web.test_client().post("/oauth/token", data=form)
        assert (refused.status_code, refused.get_json()["code"]) == (401, "identity.second_factor_required")
        assert county.web.test_client().post("/oauth/token", data=form | {"otp": code}).status_code == 200


class TestSessions:
    """How long sessions last, how many there are, and what ends them."""

    def test_a_session_unused_ends_and_one_used_ends_too(self, county: County, settings: Settings) -> None:
        identity, login = county.services.identity, somebody(county)
        start = clock.now()
        session = identity.begin(county.tenant, login, PASSWORD, Caller()).secret
        half = timedelta(minutes=settings.access_minutes) / 2
        moment = start
        while moment + half < start + timedelta(hours=settings.session_hours):
            moment += half
            with clock.fixed(moment):
                identity.principal(session, ("session",))
        with clock.fixed(start + timedelta(hours=settings.session_hours, seconds=5)), pytest.raises(NotSignedIn):
            identity.principal(session, ("session",))
        idle = identity.begin(county.tenant, login, PASSWORD, Caller()).secret
        with clock.fixed(clock.now() + 2 * half + timedelta(seconds=5)), pytest.raises(NotSignedIn):
            identity.principal(idle, ("session",))

    def test_one_more_than_allowed_ends_the_oldest(self, county: County, settings: Settings) -> None:
        built = build(settings.model_copy(update={"sessions_per_account": 2}))
        login = somebody(county)
        opened = [
            built.identity.sign_in(county.tenant, login, PASSWORD, ("session",), caller=Caller("192.0.2.1", f"B{n}"))[0]
            for n in range(3)
        ]
        with pytest.raises(NotSignedIn):
            built.identity.principal(opened[0].secret, ("session",))
        with entered(Scope(county.tenant, opened[1].principal)):
            assert {each.device for each in built.identity.sessions()} == {"B1", "B2"}
        built.works._database.close()
        built.province._database.close()

    def test_signing_out_ends_all_tokens_of_the_sign_in(self, county: County) -> None:
        identity = county.services.identity
        access, refresh = identity.sign_in(county.tenant, somebody(county), PASSWORD, ("access", "refresh"))
        access, refresh = identity.refresh(refresh.secret)
        identity.sign_out(access.secret)
        with pytest.raises(NotSignedIn):
            identity.refresh(refresh.secret)

    def test_a_disabled_account_stops_at_once(self, county: County) -> None:
        identity, login = county.services.identity, somebody(county)
        access, refresh, session = identity.sign_in(county.tenant, login, PASSWORD, ("access", "refresh", "session"))
        with county.acting("sysadmin"):
            county.services.accounts.leave(AccountId(uuid.UUID(access.principal.id)))
        for each in (access, refresh, session):
            with pytest.raises(NotSignedIn):
                identity.principal(each.secret, (each.kind,))
        with pytest.raises(NotSignedIn):
            identity.refresh(refresh.secret)
        with pytest.raises(SignInFailed):
            token(county, login)

    def test_a_role_given_or_taken_counts_from_the_next_request(self, county: County, services: Services) -> None:
        login = somebody(county, "archivist")
        access = token(county, login)
        account = AccountId(uuid.UUID(access.principal.id))
        with county.acting("secadmin"):
            services.accounts.grant(account, "desk")
        assert services.identity.principal(access.secret, ("access",)).principal.roles == {"archivist", "desk"}
        with county.acting("secadmin"):
            services.accounts.remove(account, "archivist")
        assert services.identity.principal(access.secret, ("access",)).principal.roles == {"desk"}
        with county.acting("secadmin"):
            services.accounts.grant(account, "seal_keeper")
        with pytest.raises(NotSignedIn):
            services.identity.principal(access.secret, ("access",))

    def test_ones_own_sessions_and_nobody_elses(self, county: County) -> None:
        client = county.client("desk")
        mine = client.get("/api/v1/me/sessions").get_json()["rows"]
        assert [each["current"] for each in mine].count(True) == 1
        with county.acting("director"):
            theirs = county.services.identity.sessions()
        token(county, "director")
        with county.acting("director"):
            theirs = county.services.identity.sessions()
        assert client.delete(f"/api/v1/me/sessions/{theirs[0].id}").status_code == 404
        this = next(each["id"] for each in mine if each["current"])
        assert client.delete("/api/v1/me/sessions").status_code == 204
        assert client.delete(f"/api/v1/me/sessions/{this}").status_code == 204
        assert client.get("/api/v1/me").status_code == 401

    @pytest.mark.parametrize(("proxies", "believed"), [(0, "127.0.0.1"), (1, "203.0.113.5")])
    def test_an_address_is_believed_of_trusted_proxies_alone(
        self, county: County, services: Services, settings: Settings, proxies: int, believed: str
    ) -> None:
        web = create_app(replace(services, settings=settings.model_copy(update={"trusted_proxies": proxies})))
        login, told = somebody(county), {"X-Forwarded-For": "198.51.100.66, 203.0.113.5"}
        form = {"grant_type": "password", "username": login, "password": PASSWORD, "scope": county.tenant}
        access = web.test_client().post("/oauth/token", data=form, headers=told).get_json()["access_token"]
        mine = web.test_client().get("/api/v1/me/sessions", headers={"Authorization": f"Bearer {access}"})
        assert [each["client"] for each in mine.get_json()["rows"]] == [believed]

    def test_what_is_done_is_audited_by_ids_alone(self, county: County) -> None:
        login = somebody(county)
        _, codes = enrol(county, login)
        with as_(county, login, otp=codes[0]):
            county.services.identity.change_password(PASSWORD, NEW)
        with county.acting("audit"):
            seen = county.client("audit").get("/api/v1/audit?limit=200").get_json()["rows"]
        told = {entry["action"] for entry in seen}
        assert {
            "identity:account:created", "identity:grant:given", "identity:factor:enrolled",
            "identity:factor:recovery_used", "identity:account:password_changed", "identity:account:session_ended",
        } <= told  # fmt: skip
        assert login not in str(seen)
        assert "某人" not in str(seen)
