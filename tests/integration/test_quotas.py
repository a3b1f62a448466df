"""Limits: exact when many spend at once, seen before they are reached, refused with what to do."""

import io
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from app.kernel import clock
from app.kernel.errors import Invalid
from app.platform.database import Database
from app.platform.jobs import Ledger
from app.platform.settings import Settings
from app.services import Services
from tenants.quotas import (
    BLOCK,
    LIMITS,
    CallsSpent,
    Kind,
    PagesSpent,
    Quotas,
    StorageFull,
    Usage,
    UsersFull,
    limit_faults,
    period,
    until_midnight,
)
from tenants.scope import PROVINCE, ProvinceScope, Scope, entered
from tests import sheets
from tests.conftest import PASSWORD, SYSTEM, County, MakeCounty


def province() -> ProvinceScope:
    return ProvinceScope(SYSTEM, "test")


@pytest.fixture
def town(make_county: MakeCounty) -> County:
    return make_county()


def limit(town: County, kind: Kind, hard: int, soft: int | None = None) -> None:
    town.services.quotas.set(town.tenant, kind, hard if soft is None else soft, hard, province())


def used(town: County, kind: Kind) -> Usage:
    (found,) = (
        usage for usage in town.services.console.county(town.tenant, province()).usage if usage.limit.kind == kind
    )
    return found


class TestSpending:
    """`Quotas.spend`."""

    def test_many_at_once_use_exactly_what_there_is(self, services: Services, town: County) -> None:
        limit(town, "pages", 20)
        refused: list[PagesSpent] = []

        def spend() -> None:
            with entered(Scope(town.tenant, SYSTEM)):
                for _ in range(5):
                    try:
                        services.quotas.spend("pages", 1)
                    except PagesSpent as refusal:
                        refused.append(refusal)

        threads = [threading.Thread(target=spend) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert used(town, "pages").used == 20
        assert len(refused) == 10
        assert {(refusal.field, refusal.used, refusal.limit) for refusal in refused} == {("pages", 20, 20)}

    def test_what_does_not_commit_is_not_spent(self, services: Services, town: County) -> None:
        def fails() -> None:
            with services.works():
                services.quotas.spend("pages", 7)
                raise ConnectionError

        with town.acting(), pytest.raises(ConnectionError):
            fails()
        assert used(town, "pages").used == 0

    def test_daily_use_begins_anew_at_midnight_in_china(self, services: Services, town: County) -> None:
        limit(town, "pages", 1)
        with town.acting():
            for day in range(3):
                with clock.fixed(clock.now() + timedelta(days=day)):
                    services.quotas.spend("pages", 1)
                    with pytest.raises(PagesSpent):
                        services.quotas.spend("pages", 1)

    def test_reaching_the_soft_limit_is_told_once(self, services: Services, town: County) -> None:
        limit(town, "pages", 10, soft=4)
        with town.acting(), services.works() as work:
            for _ in range(6):
                services.quotas.spend("pages", 1)
        assert used(town, "pages").state == "warned"
        with entered(Scope(town.tenant, SYSTEM)), services.works() as work:
            told = work.session.scalar(text("SELECT count(*) FROM audit_entry WHERE action = 'tenants:quota:nearing'"))
        assert told == 1

    def test_what_is_given_back_may_be_used_again(self, services: Services, town: County) -> None:
        with town.acting():
            limit(town, "storage", 10)
            services.quotas.spend("storage", 10)
            services.quotas.spend("storage", -4)
            services.quotas.spend("storage", 4)
            with pytest.raises(StorageFull):
                services.quotas.spend("storage", 1)


class TestDoors:
    """Where limits are held."""

    def test_originals_and_pages(self, services: Services, town: County) -> None:
        picture = sheets.jpeg("一页")
        with town.acting():
            upload = services.digitisation.begin("一批")
            services.digitisation.receive(upload.id, "a.jpg", io.BytesIO(picture))
            assert used(town, "storage").used == len(picture)
            assert used(town, "pages").used == 1
            services.digitisation.receive(upload.id, "a.jpg", io.BytesIO(picture))
            assert used(town, "pages").used == 1
            limit(town, "pages", 1)
            with pytest.raises(PagesSpent):
                services.digitisation.receive(upload.id, "b.jpg", io.BytesIO(sheets.jpeg("又一页")))
            assert used(town, "storage").used == len(picture)
            limit(town, "pages", 100)
            limit(town, "storage", len(picture) + 1)
            with pytest.raises(StorageFull):
                services.digitisation.receive(upload.id, "c.jpg", io.BytesIO(sheets.jpeg("再一页")))

    def test_calls_of_the_api(self, town: County) -> None:
        api = town.client()
        limit(town, "calls", BLOCK + 3)
        answers = [api.get("/api/v1/me") for _ in range(BLOCK + 4)]
        assert {answer.status_code for answer in answers[:-1]} == {200}
        last = answers[-1]
        assert last.status_code == 429
        assert 0 < int(last.headers["Retry-After"]) <= 24 * 3600 + 1
        assert last.get_json()["code"] == "quota.calls"
        assert last.get_json()["facts"]["limit"] == BLOCK + 3
        limit(town, "calls", 10 * BLOCK)
        assert api.get("/api/v1/me").status_code == 200

    def test_a_call_is_not_a_write(self, services: Services, town: County) -> None:
        asked: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        with town.acting():
            services.quotas.call()
            event.listen(services.works._database.engine, "before_cursor_execute", note)
            try:
                for _ in range(BLOCK - 1):
                    services.quotas.call()
            finally:
                event.remove(services.works._database.engine, "before_cursor_execute", note)
        assert asked == []

    def test_processes_share_one_limit(self, services: Services, town: County) -> None:
        limit(town, "calls", 2 * BLOCK + 10)
        processes = [Quotas(services.works, services.province) for _ in range(4)]
        taken = 0
        with town.acting():
            for turn in range(20 * BLOCK):
                try:
                    processes[turn % 4].call()
                except CallsSpent:
                    continue
                taken += 1
        assert taken == 2 * BLOCK + 10

    def test_accounts(self, services: Services, town: County) -> None:
        there = used(town, "users").used
        assert there == len(town.staff)
        limit(town, "users", there)
        with entered(Scope(town.tenant, SYSTEM)):
            with pytest.raises(UsersFull):
                services.identity.create_account("further", "又一人", PASSWORD, ["archivist"])
            services.identity.create_account("archivist", "测试archivist", PASSWORD, ["archivist"])
        assert used(town, "users").used == there

    def test_jobs_handed_out(
        self, services: Services, settings: Settings, town: County, work_off: Callable[[], int]
    ) -> None:
        work_off()
        limit(town, "jobs", 3)
        with town.acting(), services.works() as work:
            for _ in range(5):
                work.jobs.ask("search.index_item", uuid.uuid4())
                work.jobs.ask("digitisation.page", uuid.uuid4(), queue="pages")
        database = Database(settings.dispatcher_database_url.get_secret_value(), pool_size=1)
        try:
            with database.unscoped() as session:
                first = Ledger(session).take("default", 100, timedelta(seconds=60))
                second = Ledger(session).take("pages", 100, timedelta(seconds=60))
                session.rollback()
        finally:
            database.close()
        assert (len(first), len(second)) == (3, 0)
        work_off()


class TestSetting:
    """Raising and lowering."""

    def test_both_logs_keep_what_it_was(self, services: Services, town: County) -> None:
        limit(town, "pages", 7)
        limit(town, "pages", 7)
        limit(town, "pages", 9)
        for tenant in (town.tenant, PROVINCE):
            with entered(Scope(tenant, SYSTEM)), services.works() as work:
                told = work.session.execute(
                    text(
                        "SELECT body::jsonb #>> '{details,hard_before}', body::jsonb #>> '{details,hard}'"
                        " FROM audit_entry WHERE action = 'tenants:quota:set'"
                        " AND body::jsonb #>> '{details,tenant}' = :tenant ORDER BY seq"
                    ),
                    {"tenant": town.tenant},
                ).all()
            assert [tuple(row) for row in told] == [(str(LIMITS["pages"].hard), "7"), ("7", "9")]

    def test_a_county_sees_its_use_and_sets_nothing(self, services: Services, town: County) -> None:
        limit(town, "pages", 7)
        with town.acting("sysadmin"):
            services.quotas.spend("pages", 3)
            (pages,) = (usage for usage in services.quotas.usage() if usage.limit.kind == "pages")
        assert (pages.used, pages.limit.hard) == (3, 7)

    @pytest.mark.parametrize(("soft", "hard"), [(2, 1), (-1, 1), (0, -1), (0, 2**63)])
    def test_impossible_limits(self, services: Services, town: County, soft: int, hard: int) -> None:
        with pytest.raises(Invalid):
            services.quotas.set(town.tenant, "pages", soft, hard, province())


@given(st.integers(-(2**64), 2**64), st.integers(-(2**64), 2**64))
def test_a_limit_that_is_taken_can_be_kept(soft: int, hard: int) -> None:
    assert (not limit_faults("pages", soft, hard)) == (0 <= soft <= hard <= 2**62)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)))  # noqa: DTZ001  # the strategy wants naive bounds
def test_after_the_wait_it_is_another_day(moment: datetime) -> None:
    pages = LIMITS["pages"]
    wait = timedelta(seconds=until_midnight(moment))
    assert period(pages, moment + wait) != period(pages, moment)
    assert period(pages, moment + wait - timedelta(seconds=2)) == period(pages, moment)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_state_says_how_near_the_limit_is(spent: int, hard: int) -> None:
    usage = Usage(LIMITS["pages"].__class__("pages", daily=True, soft=hard * 4 // 5, hard=hard), spent)
    assert (usage.state == "full") == (spent >= hard)
    assert (usage.state == "ok") == (spent < hard * 4 // 5)
