"""A county joins by steps that may be repeated, is closed and opened, and nobody but the province may do so."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP
from sqlalchemy import event, text
from werkzeug.test import TestResponse

from app.identity.types import Caller, NotSignedIn, SignInFailed
from app.joining import Isolation
from app.kernel import clock
from app.kernel.errors import Conflict, Fault, Invalid, NotFound, Refused
from app.platform.database import Database
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.jobs import JobState, Ledger
from app.platform.settings import Settings
from app.services import Services
from tenants import divisions
from tenants.directory import (
    Tenant,
    TenantNotReady,
    TenantReadOnly,
    TenantState,
    TenantSuspended,
    TenantTaken,
    TenantUnknown,
)
from tenants.policy import as_province
from tenants.provisioning import (
    ADMINISTRATORS,
    Administrator,
    IsolationBroken,
    Order,
    Provisioning,
    Step,
    StepState,
    order_faults,
)
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered, new_request_id
from tests.conftest import PASSWORD, SYSTEM, County, MakeCounty
from workers.tasks.running import run

_serial = count(uuid.uuid4().int % 900_000)
WORDS = "设备检修，预计明日恢复。"


@pytest.fixture(autouse=True)
def _idle(postgres: EmbeddedPostgres) -> None:
    """Leave no work of other tests behind, which would be counted here once it may be tried again."""
    with psycopg.connect(postgres.dsn("lantai_dispatcher")) as connection:
        connection.execute("UPDATE job SET state = 'done' WHERE state IN ('waiting', 'sent', 'running')")


def province() -> ProvinceScope:
    return ProvinceScope(SYSTEM, "test", new_request_id())


def order(**changed: str) -> Order:
    number = next(_serial) % 10**6
    entry = Tenant(TenantId(f"n{number:06d}"), f"新{number}县档案馆", "990121", f"{number:06d}")
    people = (
        Administrator("sys_admin", "sys.one", "甲某"),
        Administrator("sec_admin", "sec.two", "乙某"),
        Administrator("audit_admin", "audit.three", "丙某"),
    )
    return Order(replace(entry, **changed), people, {"pages": 100})


def joined(services: Services) -> Order:
    new = order()
    services.provisioning.begin(new, province(), queued=False)
    services.provisioning.run(new.tenant.id, province(), lambda _done, _total: None)
    return new


def states(services: Services, tenant: str) -> list[StepState]:
    return [step.state for step in services.provisioning.steps(tenant, province())]


def everything(services: Services, tenant: TenantId) -> dict[str, int]:
    """Return how much of what a county is made of is there."""
    with entered(Scope(tenant, SYSTEM)), services.works() as work:
        tables = ("account", "role_grant", "code_rule", "tenant_key", "tenant_order", "tenant_step", "quota")
        return {table: work.session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables}


MADE = {
    "account": 3, "role_grant": 3, "code_rule": 2, "tenant_key": 1, "tenant_order": 1, "tenant_step": 5, "quota": 1,
}  # fmt: skip


class Stumbling:
    """A step that fails before or after it has done its work, as often as it is told."""

    def __init__(self, step: Step, *, after: bool) -> None:
        self._step = step
        self._after = after
        self.name: str = step.name
        self.falls = 1

    def faults(self, given: Order) -> Iterator[Fault]:
        yield from self._step.faults(given)

    def ensure(self, given: Order) -> None:
        if self._after:
            self._step.ensure(given)
        if self.falls:
            self.falls -= 1
            raise ConnectionError
        self._step.ensure(given)


class TestJoining:
    """Provisioning."""

    def test_a_county_is_whole_and_open_and_its_administrators_can_come_in(self, services: Services) -> None:
        new = joined(services)
        tenant = new.tenant.id
        assert everything(services, tenant) == MADE
        assert services.directory.admit(tenant, writing=True).state == TenantState.ACTIVE
        for site in services.storage._sites(tenant):
            assert site.path(tenant, "x").parent.is_dir()
        invitations = services.provisioning.welcome(tenant, province())
        assert [invitation.role for invitation in invitations] == list(ADMINISTRATORS)
        assert len({invitation.password for invitation in invitations}) == 3

    def test_ordered_twice_it_is_made_once(self, services: Services, work_off: Callable[[], int]) -> None:
        new = order()
        for _ in range(2):
            services.provisioning.begin(new, province())
        work_off()
        services.provisioning.begin(new, province())
        assert work_off() == 0
        assert everything(services, new.tenant.id) == MADE

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("number", range(5))
    def test_a_run_that_breaks_anywhere_is_taken_up_and_doubles_nothing(
        self, services: Services, number: int, *, after: bool
    ) -> None:
        built = services.provisioning
        steps = list(built._steps)
        steps[number] = Stumbling(steps[number], after=after)
        broken = Provisioning(services.directory, services.province, tuple(steps), built._invite)
        new = order()
        tenant = new.tenant.id
        broken.begin(new, province(), queued=False)
        with pytest.raises(ConnectionError):
            broken.run(tenant, province(), lambda _done, _total: None)
        waiting = [StepState.WAITING] * (4 - number)
        assert states(services, tenant) == [StepState.DONE] * number + [StepState.FAILED] + waiting
        with pytest.raises(TenantSuspended):
            services.directory.admit(tenant, writing=False)
        broken.run(tenant, province(), lambda _done, _total: None)
        assert set(states(services, tenant)) == {StepState.DONE}
        assert everything(services, tenant) == MADE
        assert services.directory.admit(tenant, writing=True)

    def test_a_refused_step_is_shown_and_retried_by_the_workers(
        self, services: Services, work_off: Callable[[], int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = order()

        def fails(_step: Isolation, _order: Order) -> None:
            raise IsolationBroken("item")

        with monkeypatch.context() as patch:
            patch.setattr(Isolation, "ensure", fails)
            services.provisioning.begin(new, province())
            work_off()
        last = services.provisioning.steps(new.tenant.id, province())[-1]
        assert (last.state, last.error) == (StepState.FAILED, {"code": "tenant.isolation_broken", "table": "item"})
        services.provisioning.retry(new.tenant.id, province())
        work_off()
        last = services.provisioning.steps(new.tenant.id, province())[-1]
        assert (last.state, last.error, last.attempts) == (StepState.DONE, None, 2)

    def test_a_worker_killed_in_the_middle_of_a_step_is_replaced(
        self, services: Services, settings: Settings, work_off: Callable[[], int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = order()

        def dies(_step: Isolation, _order: Order) -> None:
            raise KeyboardInterrupt  # like a kill, it leaves no time to write anything down

        with monkeypatch.context() as patch:
            patch.setattr(Isolation, "ensure", dies)
            services.provisioning.begin(new, province())
            with pytest.raises(KeyboardInterrupt):
                work_off()
        assert states(services, new.tenant.id)[-1] is StepState.RUNNING
        assert work_off() == 0
        database = Database(settings.dispatcher_database_url.get_secret_value(), pool_size=1)
        with clock.fixed(clock.now() + timedelta(minutes=5)), database.unscoped() as session:
            Ledger(session).release_lost()
        database.close()
        assert work_off() == 1
        assert set(states(services, new.tenant.id)) == {StepState.DONE}
        assert everything(services, new.tenant.id) == MADE

    def test_its_cost_does_not_grow_with_the_number_of_counties(self, services: Services) -> None:
        asked: list[int] = []
        engines = (services.works._database.engine, services.province._database.engine)

        def note(*_: object) -> None:
            asked[-1] += 1

        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            for _ in range(30):
                asked.append(0)
                new = order()
                services.provisioning.begin(new, province(), queued=False)
                with_accounts = services.provisioning._steps
                cheap = tuple(step for step in with_accounts if step.name != "administrators")  # hashing is slow
                Provisioning(services.directory, services.province, cheap, services.provisioning._invite).run(
                    new.tenant.id, province(), lambda _done, _total: None
                )
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)
        assert asked[2] == asked[29]

    def test_the_self_test_finds_a_table_left_open(self, services: Services, postgres: EmbeddedPostgres) -> None:
        new = joined(services)
        isolation = Isolation(services.works._database)
        with psycopg.connect(postgres.dsn(), autocommit=True) as owner:
            owner.execute("ALTER TABLE component NO FORCE ROW LEVEL SECURITY")
            try:
                with (
                    entered(Scope(new.tenant.id, SYSTEM)),
                    pytest.raises(IsolationBroken, match="component"),
                ):
                    isolation.ensure(new)
            finally:
                owner.execute("ALTER TABLE component FORCE ROW LEVEL SECURITY")
        with entered(Scope(new.tenant.id, SYSTEM)):
            isolation.ensure(new)

    def test_another_countys_codes_and_names_are_taken(self, services: Services) -> None:
        first = joined(services).tenant
        second = order()
        for changed in ({"id": first.id}, {"archive_code": first.archive_code}):
            taken = replace(second, tenant=replace(second.tenant, **changed))
            with pytest.raises(TenantTaken):
                services.provisioning.begin(taken, province(), queued=False)
        third, fourth = order(domain="dag.example.cn"), order(domain="dag.example.cn")
        services.provisioning.begin(third, province(), queued=False)
        with pytest.raises(TenantTaken):
            services.provisioning.begin(fourth, province(), queued=False)

    def test_every_fault_of_an_order_is_told_at_once(self, services: Services) -> None:
        people = tuple(Administrator(role, "Same Login", "同一人") for role in ADMINISTRATORS)
        entry = Tenant(
            TenantId("Bad"), " ", "001234", "12", domain="no domain", region="A B", home_site="c", second_site="c"
        )
        with pytest.raises(Invalid) as refusal:
            services.provisioning.begin(Order(entry, people, {"pages": -1}), province())
        assert {fault.field for fault in refusal.value.faults} == {
            "id", "name", "division_code", "archive_code", "domain", "region", "home_site", "second_site",
            "sec_admin_name", "sec_admin_login", "audit_admin_name", "audit_admin_login", "sys_admin_login",
            "pages_hard",
        }  # fmt: skip


@given(
    names=st.tuples(*[st.sampled_from(["甲", "乙", "丙"])] * 3),
    logins=st.tuples(*[st.sampled_from(["a1", "b2", "c3"])] * 3),
)
def test_three_administrators_are_three_people(names: tuple[str, ...], logins: tuple[str, ...]) -> None:
    people = tuple(map(Administrator, ADMINISTRATORS, logins, names))
    different = len(set(names)) == len(set(logins)) == 3
    assert (not list(order_faults(replace(order(), administrators=people)))) == different


@given(st.text("0123456789０", min_size=4, max_size=8))
def test_a_division_code_is_six_digits_of_a_known_province_below_it(code: str) -> None:
    good = divisions.plausible(code)
    assert not good or (re.fullmatch("[0-9]{6}", code) and divisions.province_of(code) and code[2:4] != "00")


@pytest.mark.parametrize("code", ["320583", "110105", "419001", "441900", "990121", "652301", "500240"])
def test_real_division_codes_are_plausible(code: str) -> None:
    assert divisions.plausible(code)


class TestClosing:
    """Suspension and reading only."""

    @pytest.fixture
    def town(self, make_county: MakeCounty) -> County:
        return make_county()

    @staticmethod
    def session(town: County) -> FlaskClient:
        browser = town.web.test_client()
        browser.set_cookie("lantai_session", town.signed_in("archivist", "session")[0].secret)
        return browser

    def test_a_sign_in_under_way_goes_no_further(self, services: Services, town: County) -> None:
        pending = services.identity.begin(town.tenant, "secadmin", PASSWORD, Caller())
        browser = town.web.test_client()
        browser.set_cookie("lantai_pending", pending.secret)
        key = browser.get("/sign-in/step").text.partition('name="csrf" value="')[2].partition('"')[0]
        code = TOTP(services.identity.enrolment(pending.secret).secret).at(clock.now())
        services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
        page = browser.get("/sign-in/step")
        sent = browser.post("/sign-in/authenticator", data={"csrf": key, "code": code})
        for refused in (page, sent):
            assert refused.status_code == 403
            assert WORDS in refused.text
        services.directory.resume(town.tenant, province())
        assert services.identity.pending(pending.secret).step == "enrol"

    def test_a_suspended_county_is_closed_at_every_door_at_once(
        self, services: Services, town: County, work_off: Callable[[], int]
    ) -> None:
        api, browser = town.client(), self.session(town)
        _, refresh = town.signed_in("archivist", "access", "refresh")
        image = f"/iiif/3/{uuid.uuid4()}/info.json"
        bearer = {"Authorization": api.environ_base["HTTP_AUTHORIZATION"]}
        assert api.get("/api/v1/items").status_code == 200
        assert browser.get("/desk/catalogue").status_code == 200
        assert town.web.test_client().get(image, headers=bearer).status_code == 404
        with town.acting(), services.works() as work:
            job = work.jobs.ask("search.index_item", uuid.uuid4(), key="closing")
        services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
        refused = api.get("/api/v1/items")
        assert (refused.status_code, refused.get_json()["code"]) == (403, "tenant.suspended")
        assert WORDS in refused.get_json()["detail"]
        page = browser.get("/desk/catalogue")
        assert page.status_code == 403
        assert WORDS in page.text
        assert town.web.test_client().get(image, headers=bearer).status_code == 403
        with_refresh = {"grant_type": "refresh_token", "refresh_token": refresh.secret}
        with_password = {"grant_type": "password", "username": "archivist", "password": PASSWORD, "scope": town.tenant}
        for sent in (with_refresh, with_password):
            assert town.web.test_client().post("/oauth/token", data=sent).get_json()["code"] == "tenant.suspended"
        assert self.sign_in(town).status_code == 422
        assert WORDS in self.sign_in(town).text
        assert browser.get("/").status_code == 200
        assert work_off() == 0
        services.directory.resume(town.tenant, province())
        assert api.get("/api/v1/items").status_code == 200
        assert town.web.test_client().post("/oauth/token", data=with_refresh).status_code == 200
        assert work_off() == 1
        with town.acting(), services.works() as work:
            assert work.jobs.get(job).state != JobState.WAITING

    @staticmethod
    def sign_in(town: County) -> TestResponse:
        browser = town.web.test_client()
        form = re.search(r'name="csrf"[^>]*value="([^"]+)"', browser.get("/sign-in").text)
        assert form
        told = {"csrf": form[1], "county": town.tenant, "login": "archivist", "password": PASSWORD}
        return browser.post("/sign-in", data=told)

    def test_signing_out_works_while_suspended(self, services: Services, town: County) -> None:
        browser = self.session(town)
        form = re.search(r'name="csrf"[^>]*value="([^"]+)"', browser.get("/desk/catalogue").text)
        assert form
        cookie = browser.get_cookie("lantai_session")
        assert cookie
        services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
        assert browser.post("/sign-out", data={"csrf": form[1]}).status_code == 303
        with pytest.raises(NotSignedIn):
            services.identity.principal(cookie.value, ("session",))

    def test_a_job_that_was_handed_out_waits_too(self, services: Services, town: County) -> None:
        with town.acting(), services.works() as work:
            job = work.jobs.ask("search.index_item", uuid.uuid4(), key="sent")
            work.session.execute(text("UPDATE job SET state = 'sent' WHERE id = :id"), {"id": job})
        services.directory.suspend(town.tenant, TenantState.READ_ONLY, WORDS, province())
        with town.acting():
            run(services, job)
            with services.works() as work:
                assert (work.jobs.get(job).state, work.jobs.get(job).attempts) == (JobState.SENT, 0)

    def test_a_read_only_county_is_read_and_not_changed(
        self, services: Services, town: County, work_off: Callable[[], int]
    ) -> None:
        api, browser, auditor = town.client(), self.session(town), town.client("audit")
        services.directory.suspend(town.tenant, TenantState.READ_ONLY, WORDS, province())
        assert api.get("/api/v1/items").status_code == 200
        assert browser.get("/desk/catalogue").status_code == 200
        assert auditor.post("/api/v1/audit/verify").status_code == 200
        refused = api.post("/api/v1/items", json={"fonds_code": "Z109", "title": "一件"})
        assert (refused.status_code, refused.get_json()["code"]) == (403, "tenant.read_only")
        assert api.get("/api/v1/me").status_code == 200
        assert self.sign_in(town).status_code == 303
        with town.acting(), services.works() as work:
            work.jobs.ask("search.index_item", uuid.uuid4(), key="reading")
        assert work_off() == 0

    def test_both_logs_tell_what_the_province_did(self, services: Services, town: County) -> None:
        services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
        services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
        services.directory.resume(town.tenant, province())
        for tenant in (town.tenant, PROVINCE):
            with entered(Scope(tenant, SYSTEM)), services.works() as work:
                told = work.session.scalars(
                    text(
                        "SELECT body::jsonb #>> '{details,state}' FROM audit_entry"
                        " WHERE action = 'tenants:county:state_set'"
                        " AND body::jsonb #>> '{details,tenant}' = :tenant ORDER BY seq"
                    ),
                    {"tenant": town.tenant},
                ).all()
            assert told == ["suspended", "active"]

    def test_what_cannot_be_closed(self, services: Services, town: County) -> None:
        with pytest.raises(TenantUnknown):
            services.directory.suspend(PROVINCE, TenantState.SUSPENDED, WORDS, province())
        with pytest.raises(TenantUnknown):
            services.directory.suspend("nowhere", TenantState.SUSPENDED, WORDS, province())
        for mode, reason in ((TenantState.RETIRED, WORDS), (TenantState.SUSPENDED, " ")):
            with pytest.raises(Invalid):
                services.directory.suspend(town.tenant, mode, reason, province())
        new = order()
        services.provisioning.begin(new, province(), queued=False)
        with pytest.raises(Conflict):
            services.directory.suspend(new.tenant.id, TenantState.SUSPENDED, WORDS, province())

    def test_writing_and_reading_are_admitted_by_state(self, services: Services, town: County) -> None:
        services.directory.suspend(town.tenant, TenantState.READ_ONLY, WORDS, province())
        assert services.directory.admit(town.tenant, writing=False).reason == WORDS
        with pytest.raises(TenantReadOnly):
            services.directory.admit(town.tenant, writing=True)


class TestOffice:
    """Whose this is."""

    def test_no_role_of_a_county_may_do_anything(self, services: Services, county: County) -> None:
        for role in ("archivist", "director", "sys_admin", "sec_admin", "audit_admin"):
            scope = ProvinceScope(Principal("account:1", roles=frozenset({role})), "test")
            for act in (
                services.console.counties,
                lambda s: services.console.county(county.tenant, s),
                lambda s: services.provisioning.begin(order(), s),
                lambda s: services.provisioning.retry(county.tenant, s),
                lambda s: services.provisioning.steps(county.tenant, s),
                lambda s: services.provisioning.welcome(county.tenant, s),
                lambda s: services.directory.create(order().tenant, s),
                lambda s: services.directory.suspend(county.tenant, TenantState.SUSPENDED, WORDS, s),
                lambda s: services.directory.resume(county.tenant, s),
                lambda s: services.quotas.set(county.tenant, "pages", 1, 1, s),
            ):
                with pytest.raises(Refused):
                    act(scope)

    def test_the_provinces_role_in_a_county_is_nothing(self, county: County) -> None:
        with pytest.raises(Refused):
            as_province(Scope(county.tenant, Principal("a", roles=frozenset({"province_admin"}))), "read")

    @pytest.mark.parametrize("address", ["", "/{0}"])
    def test_a_county_that_asks_is_refused_and_told_nothing(self, county: County, other: County, address: str) -> None:
        answer = county.client().get(f"/api/v1/province/tenants{address}".format(other.tenant))
        unknown = county.client().get(f"/api/v1/province/tenants{address}".format("nowhere"))
        assert answer.status_code == unknown.status_code == 403
        assert other.tenant not in answer.text

    def test_the_office_works_by_the_api(self, office: County, work_off: Callable[[], int]) -> None:
        api, new = office.client("province"), order()
        sent = {
            "id": new.tenant.id,
            "name": new.tenant.name,
            "division_code": "990121",
            "archive_code": new.tenant.archive_code,
            "limits": {"users": 9},
            **{person.role: {"login": person.login, "name": person.name} for person in new.administrators},
        }
        for _ in range(2):
            begun = api.post("/api/v1/province/tenants", json=sent, headers={"Idempotency-Key": "one"})
            assert (begun.status_code, begun.get_json()["state"]) == (202, "provisioning")
        work_off()
        address = f"/api/v1/province/tenants/{new.tenant.id}"
        told = api.get(address).get_json()
        assert told["state"] == "active"
        assert {step["state"] for step in told["steps"]} == {"done"}
        assert {usage["kind"]: usage["hard"] for usage in told["usage"]}["users"] == 9
        listed = api.get("/api/v1/province/tenants").get_json()["rows"]
        assert new.tenant.id in [row["id"] for row in listed]
        assert PROVINCE not in [row["id"] for row in listed]
        closed = api.post(f"{address}/suspend", json={"mode": "suspended", "reason": WORDS}).get_json()
        assert (closed["state"], closed["reason"]) == ("suspended", WORDS)
        assert api.post(f"{address}/resume").get_json()["state"] == "active"
        raised = api.put(f"{address}/quota", json={"kind": "calls", "soft": 1, "hard": 2}).get_json()
        assert {usage["kind"]: usage["hard"] for usage in raised["usage"]}["calls"] == 2
        assert api.post(f"{address}/steps/retry").status_code == 202
        assert work_off() == 1
        taken = api.post("/api/v1/province/tenants", json=sent | {"name": "别名"})
        assert (taken.status_code, taken.get_json()["code"]) == (409, "tenant.taken")
        assert api.get("/api/v1/province/tenants/nowhere").status_code == 404
        assert api.get(f"/api/v1/province/tenants/{PROVINCE}").status_code == 404

    def test_the_worst_county_comes_first(self, services: Services, make_county: MakeCounty) -> None:
        good, closed = make_county(), make_county()
        services.directory.suspend(closed.tenant, TenantState.SUSPENDED, WORDS, province())
        listed = [view.tenant.id for view in services.console.counties(province())]
        assert listed.index(closed.tenant) < listed.index(good.tenant)

    def test_what_was_not_ordered_has_no_steps(self, services: Services, county: County) -> None:
        assert services.provisioning.steps(county.tenant, province()) == ()
        with pytest.raises(NotFound):
            services.provisioning.retry(county.tenant, province())


class TestTheOfficesPages:
    """What is typed on a page is taken whole or not at all, and every fault is told."""

    @staticmethod
    def browser(office: County, page: str) -> tuple[FlaskClient, dict[str, str]]:
        desk = office.web.test_client()
        desk.set_cookie("lantai_session", office.signed_in("province", "session")[0].secret)
        key = re.search(r'name="csrf" value="([^"]+)"', desk.get(page).text)
        assert key
        return desk, {"csrf": key[1]}

    def test_limits_are_set_all_or_none(self, services: Services, office: County, make_county: MakeCounty) -> None:
        town = make_county()
        address = f"/province/tenants/{town.tenant}"
        desk, typed = self.browser(office, address)
        before = services.console.county(town.tenant, province()).usage
        for usage in before:
            size = 2**30 if usage.limit.kind == "storage" else 1
            for end, bound in (("soft", usage.limit.soft), ("hard", usage.limit.hard)):
                typed[f"{usage.limit.kind}_{end}"] = str(bound // size)
        typed |= {"storage_soft": "5", "pages_soft": "x", "users_hard": "y"}
        refused = desk.post(f"{address}/quota", data=typed)
        assert refused.status_code == 422
        assert "“x”" in refused.text
        assert "“y”" in refused.text
        typed |= {"pages_soft": "7", "users_hard": "1"}
        assert desk.post(f"{address}/quota", data=typed).status_code == 422
        assert services.console.county(town.tenant, province()).usage == before
        assert desk.post(f"{address}/quota", data=typed | {"users_hard": "170"}).status_code == 303
        after = {usage.limit.kind: usage.limit for usage in services.console.county(town.tenant, province()).usage}
        assert (after["storage"].soft, after["pages"].soft, after["users"].hard) == (5 * 2**30, 7, 170)

    def test_every_fault_of_a_new_county_is_told_at_once(self, office: County) -> None:
        desk, typed = self.browser(office, "/province/tenants/new")
        told = desk.post("/province/tenants/new", data=typed | {"division_code": "1", "pages_hard": "many"})
        assert told.status_code == 422
        assert {"f-division_code", "f-pages_hard"} <= set(re.findall(r'id="(\S+)"[^>]* aria-invalid', told.text))

    def test_the_page_is_whole_again_when_the_county_is_open(self, services: Services, office: County) -> None:
        new = order()
        services.provisioning.begin(new, province(), queued=False)
        address = f"/province/tenants/{new.tenant.id}"
        desk, _ = self.browser(office, "/province/")
        polled = {"HX-Request": "true"}
        assert "HX-Refresh" not in desk.get(address, headers=polled).headers
        services.provisioning.run(new.tenant.id, province(), lambda _done, _total: None)
        assert desk.get(address, headers=polled).headers["HX-Refresh"] == "true"


def test_a_closed_county_says_why(services: Services, make_county: MakeCounty) -> None:
    new, town = order(), make_county()
    services.provisioning.begin(new, province(), queued=False)
    with pytest.raises(TenantNotReady):
        services.directory.admit(new.tenant.id, writing=False)
    services.directory.suspend(town.tenant, TenantState.SUSPENDED, WORDS, province())
    refused = town.web.test_client().post(
        "/oauth/token",
        data={"grant_type": "password", "username": "archivist", "password": PASSWORD, "scope": town.tenant},
    )
    assert "已被省档案馆停用" in refused.get_json()["detail"]


def test_what_was_refused_is_named(county: County, office: County, services: Services) -> None:
    browser = county.web.test_client()
    browser.set_cookie("lantai_session", county.signed_in("archivist", "session")[0].secret)
    for path, words in (("/province/", "查看各馆概况"), ("/desk/audit", "查阅审计记录")):
        assert f"您的角色不能做这件事（{words}）" in browser.get(path).text
    desk, typed = TestTheOfficesPages.browser(office, "/province/")
    new = order()
    services.provisioning.begin(new, province(), queued=False)
    told = {"mode": "suspended", "reason": "检修", "confirmed": "1"}
    refused = desk.post(f"/province/tenants/{new.tenant.id}/suspend", data=typed | told)
    assert (refused.status_code, "目前的状态（开通中）不允许这样做（停用）" in refused.text) == (409, True)


def test_the_log_names_who_and_whom(county: County) -> None:
    with pytest.raises(SignInFailed):
        county.services.identity.sign_in(county.tenant, "archivist", "wrong password", ("session",))
    auditor = county.web.test_client()
    auditor.set_cookie("lantai_session", county.signed_in("audit", "session")[0].secret)
    page = auditor.get("/desk/audit?action=identity:account:sign_in_refused").text
    assert "登录检查" in page
    assert ">测试archivist</a>" in page
    assert ">system:sign-in</" not in page.partition("<table")[2].partition("<details")[0]


def test_unlocking_is_offered_for_what_is_locked(services: Services, make_county: MakeCounty) -> None:
    town = make_county()
    with entered(Scope(town.tenant, SYSTEM)):
        account = next(each.id for each in services.identity.accounts() if each.login == "archivist")
    admin = town.web.test_client()
    admin.set_cookie("lantai_session", town.signed_in("sysadmin", "session")[0].secret)
    assert "解锁" not in admin.get(f"/admin/accounts/{account}").text
    for _ in range(5):
        with pytest.raises(SignInFailed):
            services.identity.sign_in(town.tenant, "archivist", "wrong password", ("session",))
    assert "解锁" in admin.get(f"/admin/accounts/{account}").text
