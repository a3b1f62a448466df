"""The county's job ledger, for people."""

from app.kernel.paging import Page, PageRequest
from app.kernel.predicate import Policy, role
from app.platform.jobs import Job, JobId, JobState
from app.platform.work import Works
from tenants.scope import current_scope

POLICY = Policy(
    {
        "read": role("archivist", "director", "scan_op", "scan_qc", "sys_admin"),
        "retry": role("archivist", "scan_op", "sys_admin"),
    }
)


class JobsService:
    """What the county has asked the workers for, and how it went."""

    def __init__(self, works: Works) -> None:
        self._work = works

    def page(self, request: PageRequest, *, state: JobState | None = None) -> Page[Job]:
        """Return jobs, newest first."""
        POLICY.require("read", current_scope().principal.roles)
        with self._work() as work:
            return work.jobs.page(request, state=state)

    def get(self, job_id: JobId) -> Job:
        """Return a job; raises `NotFound`."""
        POLICY.require("read", current_scope().principal.roles)
        with self._work() as work:
            return work.jobs.get(job_id)

    def counts(self) -> dict[str, int]:
        """Return how many jobs stand in each state."""
        POLICY.require("read", current_scope().principal.roles)
        with self._work() as work:
            return work.jobs.counts()

    def retry(self, job_id: JobId) -> Job:
        """Put a failed or shelved job back in the queue."""
        POLICY.require("retry", current_scope().principal.roles)
        with self._work() as work:
            return work.jobs.retry(job_id)
