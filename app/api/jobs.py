"""The job ledger."""

from typing import Any
from uuid import UUID

from flask.views import MethodView

from app.api import schemas
from app.api.edge import blueprint, services
from app.kernel.paging import PageRequest, decode_cursor
from app.platform.jobs import JobId, JobState

blp = blueprint("jobs", "Jobs")


@blp.route("/jobs", endpoint="Jobs")
class JobsView(MethodView):
    """What was asked of the workers."""

    @blp.arguments(schemas.JobArguments, location="query")
    @blp.response(200, schemas.JobPage)
    def get(self, asked: dict[str, Any]) -> object:
        """Return jobs, newest first."""
        after = decode_cursor(asked["cursor"], kinds="tu")
        state = JobState(asked["state"]) if asked["state"] else None
        return services().jobs.page(PageRequest(asked["limit"], after), state=state)


@blp.route("/jobs/<uuid:job_id>", endpoint="Job")
class JobView(MethodView):
    """One job."""

    @blp.response(200, schemas.JobSchema)
    def get(self, job_id: UUID) -> object:
        """Return the job with its progress."""
        return services().jobs.get(JobId(job_id))


@blp.route("/jobs/<uuid:job_id>/retry", endpoint="JobRetry")
class JobRetryView(MethodView):
    """Another try."""

    @blp.response(200, schemas.JobSchema)
    def post(self, job_id: UUID) -> object:
        """Put a failed or shelved job back in the queue."""
        return services().jobs.retry(JobId(job_id))
