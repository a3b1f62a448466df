"""The job ledger: what the workers were asked, how it went, and another try."""

from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from app.platform.jobs import JobId, JobState
from app.portal.edge import services, show
from app.portal.listing import asked

bp = Blueprint("jobs", __name__, url_prefix="/desk/jobs")


@bp.get("")
def index() -> Response:
    """List the county's jobs, newest first."""
    chosen = next((state for state in JobState if state == request.args.get("state")), None)
    jobs = services().jobs
    return show(
        "jobs.html",
        part="_jobs.html",
        page=jobs.page(asked("tu"), state=chosen),
        counts=jobs.counts(),
        states=tuple(JobState),
        chosen=chosen,
    )


@bp.post("/<uuid:job_id>/retry")
def retry(job_id: UUID) -> Answer:
    """Put a failed or shelved job back in the queue."""
    services().jobs.retry(JobId(job_id))
    return redirect(url_for(".index", state=request.args.get("state")), 303)
