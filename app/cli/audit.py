"""Commands of the audit log: read, verify, sign, prove, hand out."""

from pathlib import Path

import click

from app.audit.service import Checkpoint, Entry, EntryFilter, Finding, Verdict
from app.audit.types import Alert
from app.cli.session import say, services, signed_in, spoken
from app.kernel.paging import PageRequest
from app.platform.messages import text


@click.group()
def audit() -> None:
    """Read, verify and export the audit log of your county (audit administrator)."""


def _entry_line(entry: Entry) -> str:
    return f"{entry.seq}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.principal_id}  {entry.action}  {entry.object_id}"


@audit.command("list")
@click.option("--action", default="", help="Beginning of the action, e.g. records:item.")
@click.option("--result", default="", type=click.Choice(["", "done", "refused"]))
@click.option("--limit", default=50, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True)
def list_audit(action: str, result: str, limit: int, *, as_json: bool) -> None:
    """List entries, newest first."""
    with signed_in(writing=False):
        page = services().audit.page(PageRequest(limit), EntryFilter(action=action, result=result))
    say(page.rows, as_json=as_json, line=_entry_line)


def _finding_line(finding: Finding) -> str:
    facts = {"seq": finding.seq, "until": finding.until, "where": finding.where}
    return text(f"audit.finding.{finding.kind}", spoken(), **facts)


def _verdict_line(verdict: Verdict) -> str:
    if verdict.findings:
        return "\n".join(map(_finding_line, verdict.findings))
    facts = {"entries": verdict.entries, "checkpoints": verdict.checkpoints, "head": verdict.head}
    return text("cli.audit.holds", spoken(), **facts)


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify_audit(*, as_json: bool) -> None:
    """Hold every entry against hashes and signed checkpoints; exit code 1 where something was changed."""
    with signed_in(writing=False):
        verdict = services().audit.verify()
    say(verdict, as_json=as_json, line=_verdict_line)
    raise SystemExit(1 if verdict.findings else 0)


@audit.command("checkpoint")
def checkpoint() -> None:
    """Sign how the log stands now, on both sites; workers do so by themselves every few minutes."""
    with signed_in():
        signed = services().audit.checkpoint()
    say([signed], as_json=False, line=_checkpoint_line)


def _checkpoint_line(signed: Checkpoint | None) -> str:
    if signed is None:
        return text("cli.audit.empty", spoken())
    return text("cli.audit.signed", spoken(), size=signed.size, root=signed.root.hex())


@audit.command("proof")
@click.argument("seq", type=click.IntRange(1))
@click.option("--size", type=click.IntRange(1), help="Of the log; as it stands where not given.")
def proof(seq: int, size: int | None) -> None:
    """Print the proof, as JSON, that an entry is in the log (RFC 9162, 2.1.3)."""
    with signed_in(writing=False):
        proved = services().audit.inclusion(seq, size)
    say(proved, as_json=True, line=str)


@audit.command("key")
@click.option("--json", "as_json", is_flag=True)
def key(*, as_json: bool) -> None:
    """Print the public keys that verify checkpoints, the one that signs first."""
    say(services().audit.keys(), as_json=as_json, line=str)


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path) -> None:
    """Write the log as a ZIP file that a stranger can verify offline (audit administrator)."""
    with signed_in(), file.open("wb") as out:
        signed = services().audit.export(out)
    click.echo(text("cli.audit.exported", spoken(), size=signed.size, file=file))


def _alert_line(alert: Alert) -> str:
    state = text("alerts.acknowledged" if alert.acknowledged_at else "alerts.waiting", spoken())
    told = f"{text(f'severity.{alert.severity}', spoken())}  {text(f'detector.{alert.detector}', spoken())}"
    return f"{alert.raised_at:%Y-%m-%d %H:%M:%S}  {state}  {told}  {alert.subject}  {alert.id}"


@click.command()
@click.option("--waiting", is_flag=True, help="Only those nobody has acknowledged.")
@click.option("--limit", default=50, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True)
def alerts(*, waiting: bool, limit: int, as_json: bool) -> None:
    """List the alerts of the detectors, newest first (security administrator)."""
    with signed_in(writing=False):
        page = services().alerts.page(PageRequest(limit), waiting=waiting)
    say(page.rows, as_json=as_json, line=_alert_line)


COMMANDS = (audit, alerts)
