"""Running one job: claimed from the ledger, kept alive while it runs, its outcome written to the ledger."""

import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from app.kernel.errors import DomainError
from app.platform import telemetry
from app.platform.jobs import Job, JobId
from app.platform.work import Works
from app.services import Services
from tenants.directory import TenantReadOnly, TenantSuspended
from tenants.scope import Scope, current_scope, entered
from workers.imaging.inspect import Unreadable
from workers.tasks.register import HANDLERS

log = telemetry.logger("jobs")


class _Lease:
    """Keeps a job's lease alive from a thread of its own, however long a step takes."""

    def __init__(self, works: Works, job: Job, lease: timedelta) -> None:
        self._works = works
        self._job = job
        self._lease = lease
        self._scope: Scope = current_scope()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def _keep(self) -> None:
        while not self._over.wait(self._lease.total_seconds() / 3):
            with entered(self._scope), self._works() as work:
                work.jobs.advance(self._job.id, self._lease)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


class _Progress:
    """Writes progress to the ledger, at most twice a second, so that counting costs nothing."""

    def __init__(self, works: Works, job: Job, lease: timedelta) -> None:
        self._works = works
        self._job = job
        self._lease = lease
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= 0.5 or done >= total:  # noqa: PLR2004  # seconds
            self._last = now
            with self._works.apart() as work:
                work.jobs.advance(self._job.id, self._lease, done=done, total=total)


def run(services: Services, job_id: JobId) -> None:
    """Run a job of the tenant in scope; one that is done or in other hands, or whose county is closed, is left alone.

    Parameters
    ----------
    services : Services
    job_id : JobId
    """
    try:
        services.directory.admit(current_scope().tenant, writing=True)
    except (TenantSuspended, TenantReadOnly):
        return  # its lease runs out, and it waits until the county is open again
    lease = timedelta(seconds=services.settings.job_lease_seconds)
    with services.works() as work:
        job = work.jobs.claim(job_id, lease)
    if job is None:
        return
    with _Lease(services.works, job, lease):
        try:
            HANDLERS[job.task](services, job, _Progress(services.works, job, lease))
        except Unreadable as error:
            _fail(services, job, {"code": f"upload.{error.code}", **error.facts}, again=False)
        except DomainError as error:
            _fail(services, job, {"code": error.code, **_plain(error.facts())}, again=False)
        except Exception as error:  # the outermost frame of a job: whatever it was, the ledger must know
            log.exception("job failed", job_id=str(job.id), task=job.task)
            _fail(services, job, {"code": "job.failed", "kind": type(error).__name__}, again=True)
        else:
            with services.works() as work:
                work.jobs.finish(job.id)


def _plain(facts: Mapping[str, object]) -> dict[str, object]:
    return {key: value if isinstance(value, (str, int)) else str(value) for key, value in facts.items()}


def _fail(services: Services, job: Job, error: Mapping[str, object], *, again: bool) -> None:
    with services.works() as work:
        work.jobs.fail(job.id, error, again=again)
