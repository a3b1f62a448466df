"""The dispatcher: hands waiting jobs to the broker, county by county in turn. May repeat, never lose."""

import signal
import threading
from datetime import timedelta

from kombu.exceptions import OperationalError
from psycopg import OperationalError as NotReached
from sqlalchemy.exc import OperationalError as DatabaseDown

from app.doctor import require
from app.platform import telemetry
from app.platform.database import Database
from app.platform.jobs import QUEUES, Handed, Ledger
from tenants.scope import Scope, entered
from workers.main import run_job, settings

PAUSE = 0.2
TROUBLE = 2.0

log = telemetry.logger("dispatcher")


def dispatch(database: Database, in_flight: int, lease: timedelta) -> int:
    """Hand on what there is room for; returns how many jobs.

    Parameters
    ----------
    database : Database
        As ``lantai_dispatcher``.
    in_flight : int
        Most jobs of a queue with the broker and the workers at one time.
    lease : timedelta
        How long a job may stay silent before it is handed out again.
    """
    with database.unscoped() as session:
        ledger = Ledger(session)
        ledger.release_lost()
        handed = [job for queue in QUEUES for job in ledger.take(queue, in_flight, lease)]
    for job in handed:
        _send(job)
    return len(handed)


def _send(job: Handed) -> None:
    with entered(Scope(job.tenant, job.principal, "job", job.request_id)):
        run_job.apply_async([str(job.id)], queue=job.queue, retry=False)  # pyright: ignore[reportFunctionMemberAccess]  # of a task


def main() -> None:
    """Dispatch until told to stop; a broker or database that is down is waited for."""
    telemetry.configure("dispatcher")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.dispatcher_database_url.get_secret_value(), pool_size=1)
    lease = timedelta(seconds=settings.job_lease_seconds)
    pause, examined = 0.0, False
    while not stop.wait(pause):
        try:
            if not examined:
                require(settings, settings.dispatcher_database_url)
                examined = True
            pause = 0.0 if dispatch(database, settings.jobs_in_flight, lease) else PAUSE
        except (OperationalError, DatabaseDown, NotReached) as error:
            log.warning("engine not reachable", kind=type(error).__name__)
            pause = TROUBLE


if __name__ == "__main__":
    main()
