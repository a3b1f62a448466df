"""The county's ledgers: jobs and audit."""

import click

from app.audit.service import Entry, EntryFilter
from app.cli.session import say, services, signed_in, spoken
from app.kernel.paging import PageRequest
from app.platform.jobs import Job, JobState
from app.platform.messages import text


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


@click.group()
def audit() -> None:
    """Read and verify the audit log of your county (audit administrator, director)."""


def _entry_line(entry: Entry) -> str:
    return f"{entry.seq}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.principal_id}  {entry.action}  {entry.object_id}"


@audit.command("list")
@click.option("--action", default="")
@click.option("--limit", default=50, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True)
def list_audit(action: str, limit: int, *, as_json: bool) -> None:
    """List entries, newest first."""
    with signed_in(writing=False):
        page = services().audit.page(PageRequest(limit), EntryFilter(action=action))
    say(page.rows, as_json=as_json, line=_entry_line)


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify_audit(*, as_json: bool) -> None:
    """Recompute the chain; exit code 1 where it is broken."""
    with signed_in(writing=False):
        verdict = services().audit.verify()
    key = "cli.chain_holds" if verdict.broken_at is None else "cli.chain_broken"
    say(verdict, as_json=as_json, line=lambda v: text(key, spoken(), entries=v.entries, at=v.broken_at))
    raise SystemExit(0 if verdict.broken_at is None else 1)


COMMANDS = (jobs, audit)
