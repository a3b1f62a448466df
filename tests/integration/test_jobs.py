"""The job ledger: fair between counties, nothing lost, nothing run for ever."""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from app.kernel import clock
from app.platform.database import Database
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.jobs import ATTEMPTS, Handed, Job, JobId, JobState, Ledger
from app.platform.settings import Settings
from app.services import Services
from tests.conftest import County, MakeCounty
from workers.tasks.running import run

LEASE = timedelta(seconds=60)


@pytest.fixture(scope="module")
def dispatcher(settings: Settings) -> Iterator[Database]:
    database = Database(settings.dispatcher_database_url.get_secret_value(), pool_size=1)
    yield database
    database.close()


@pytest.fixture(autouse=True)
def nothing_waits(dispatcher: Database) -> None:
    """Leave no job of another test in the queue."""
    with dispatcher.unscoped() as session:
        session.execute(text("UPDATE job SET state = 'done' WHERE state IN ('waiting', 'sent', 'running')"))


def take(dispatcher: Database, in_flight: int = 10, queue: str = "default") -> tuple[Handed, ...]:
    with dispatcher.unscoped() as session:
        return Ledger(session).take(queue, in_flight, LEASE)


def release(dispatcher: Database) -> None:
    with dispatcher.unscoped() as session:
        Ledger(session).release_lost()


def ask(
    services: Services, county: County, count: int = 1, *, task: str = "nothing", queue: str = "default"
) -> list[JobId]:
    with county.acting("archivist"), services.works() as work:
        return [work.jobs.ask(task, uuid.uuid4(), queue=queue) for _ in range(count)]


def found(services: Services, county: County, job: JobId) -> Job:
    with county.acting("archivist"), services.works() as work:
        return work.jobs.get(job)


def claimed(services: Services, county: County, job: JobId) -> Job | None:
    with county.acting("archivist"), services.works() as work:
        return work.jobs.claim(job, LEASE)


def test_a_county_with_one_job_does_not_wait_behind_a_hundred(
    services: Services, dispatcher: Database, make_county: MakeCounty
) -> None:
    large, small = make_county(), make_county()
    ask(services, large, 100)
    (only,) = ask(services, small)
    handed = take(dispatcher, 10)
    assert Counter(job.tenant for job in handed) == {large.tenant: 9, small.tenant: 1}
    assert only in {job.id for job in handed}


def test_counties_share_what_may_be_in_flight(
    services: Services, dispatcher: Database, make_county: MakeCounty
) -> None:
    counties = [make_county() for _ in range(3)]
    for county in counties:
        ask(services, county, 20)
    handed = take(dispatcher, 9)
    assert Counter(job.tenant for job in handed) == {county.tenant: 3 for county in counties}
    assert take(dispatcher, 9) == ()


def test_queues_do_not_wait_for_one_another(services: Services, dispatcher: Database, county: County) -> None:
    ask(services, county, 5, queue="pages")
    (index,) = ask(services, county)
    assert len(take(dispatcher, 3, "pages")) == 3
    assert [handed.id for handed in take(dispatcher, 3)] == [index]


def test_a_job_asked_for_twice_is_one_job(services: Services, county: County) -> None:
    subject = uuid.uuid4()
    with county.acting("archivist"), services.works() as work:
        same = {work.jobs.ask("nothing", subject, key="a") for _ in range(2)}
        other = work.jobs.ask("nothing", subject, key="b")
        assert len(same) == 1
        assert len(work.jobs.about(subject)) == 2
        assert other not in same


def test_work_undone_asks_for_nothing(services: Services, dispatcher: Database, county: County) -> None:
    with suppress(RuntimeError), county.acting("archivist"), services.works() as work:
        work.jobs.ask("nothing", uuid.uuid4())
        raise RuntimeError
    assert take(dispatcher) == ()


def test_a_job_is_claimed_once(services: Services, dispatcher: Database, county: County) -> None:
    (job,) = ask(services, county)
    assert claimed(services, county, job) is None, "it has not been handed out"
    take(dispatcher)
    first, second = claimed(services, county, job), claimed(services, county, job)
    assert first is not None
    assert (first.state, first.attempts) == (JobState.RUNNING, 1)
    assert second is None


@pytest.mark.parametrize("reached", ["handed out", "claimed"])
def test_what_was_lost_on_its_way_is_handed_out_again(
    services: Services, dispatcher: Database, county: County, reached: str
) -> None:
    (job,) = ask(services, county)
    take(dispatcher)
    if reached == "claimed":
        claimed(services, county, job)
    release(dispatcher)
    assert take(dispatcher) == (), "its lease still runs"
    with clock.fixed(clock.now() + LEASE * 2):
        release(dispatcher)
        assert [handed.id for handed in take(dispatcher)] == [job]


def test_a_job_that_loses_its_worker_each_time_is_shelved(
    services: Services, dispatcher: Database, county: County
) -> None:
    (job,) = ask(services, county)
    start = clock.now()
    for turn in range(ATTEMPTS):
        with clock.fixed(start + LEASE * 2 * turn):
            release(dispatcher)
            take(dispatcher)
            assert claimed(services, county, job) is not None
    with clock.fixed(start + LEASE * 2 * ATTEMPTS):
        release(dispatcher)
    shelved = found(services, county, job)
    assert (shelved.state, shelved.attempts) == (JobState.DEAD, ATTEMPTS)
    assert shelved.error == {"code": "job.worker_lost"}
    assert shelved.finished_at is not None


def test_a_row_that_cannot_be_read_holds_up_nobody(
    services: Services, dispatcher: Database, county: County, postgres: EmbeddedPostgres
) -> None:
    unreadable, sound = sorted(ask(services, county, 2))
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute('UPDATE job SET principal = \'{"id": "x"}\' WHERE id = %s', (unreadable,))
        assert [handed.id for handed in take(dispatcher)] == [sound]
        row = connection.execute("SELECT state, error ->> 'code' FROM job WHERE id = %s", (unreadable,)).fetchone()
        connection.execute("DELETE FROM job WHERE id = %s", (unreadable,))
    assert row == ("dead", "job.unreadable")


def test_a_defect_is_tried_again_after_pauses_and_then_shelved(
    services: Services, dispatcher: Database, county: County
) -> None:
    (job,) = ask(services, county, task="no.such.task")
    moment = clock.now()
    for turn in range(1, ATTEMPTS + 1):
        with clock.fixed(moment):
            assert [handed.id for handed in take(dispatcher)] == [job]
            with county.acting("archivist"):
                run(services, job)
            state = found(services, county, job).state
            assert state is (JobState.DEAD if turn == ATTEMPTS else JobState.WAITING)
            assert take(dispatcher) == (), "not before a pause"
        moment += timedelta(seconds=2**turn)
    assert found(services, county, job).error == {"code": "job.failed", "kind": "KeyError"}

    with county.acting("archivist"):
        services.jobs.retry(job)
    again = found(services, county, job)
    assert (again.state, again.attempts, again.error) == (JobState.WAITING, 0, None)
    assert [handed.id for handed in take(dispatcher)] == [job]


def test_a_fault_of_the_input_is_final(services: Services, dispatcher: Database, county: County) -> None:
    (job,) = ask(services, county, task="digitisation.page")
    take(dispatcher)
    with county.acting("archivist"):
        run(services, job)
    failed = found(services, county, job)
    assert (failed.state, failed.attempts) == (JobState.FAILED, 1)
    assert failed.error is not None
    assert failed.error["code"] == "absent"


def test_a_retry_of_what_has_not_failed_changes_nothing(
    services: Services, dispatcher: Database, county: County
) -> None:
    (job,) = ask(services, county)
    take(dispatcher)
    claimed(services, county, job)
    before = found(services, county, job)
    with county.acting("archivist"):
        services.jobs.retry(job)
    assert found(services, county, job) == before
