"""The county's ledger of jobs."""

import click

from app.cli.session import say, services, signed_in
from app.kernel.paging import PageRequest
from app.platform.jobs import Job, JobState


def _job_line(job: Job) -> str:
    why = f"  {job.error.get('code')}" if job.error else ""
    return f"{job.id}  {job.state}  {job.task}  {job.done}/{job.total}{why}"


@click.command()
@click.option("--state", type=click.Choice([state.value for state in JobState]))
@click.option("--json", "as_json", is_flag=True)
def jobs(state: str | None, *, as_json: bool) -> None:
    """List what was asked of the workers, newest first."""
    with signed_in(writing=False):
        page = services().jobs.page(PageRequest(50), state=JobState(state) if state else None)
    say(page.rows, as_json=as_json, line=_job_line)


COMMANDS = (jobs,)
