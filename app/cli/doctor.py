"""Whether an installation is safe to run."""

import json
from collections.abc import Mapping

import click

from app.cli.session import settings_of, spoken
from app.doctor import Finding, Unsafe, examine, require
from app.platform.messages import text
from app.platform.settings import Settings, named


def told(finding: Finding) -> str:
    """Return the sentence for a finding, and its remedy."""
    return text(f"doctor.{finding.code}", spoken(), what=finding.what)


def refuse_unsafe(environment: Mapping[str, str]) -> None:
    """End the command in words where no process may start with these ``LANTAI_*`` settings."""
    settings = Settings.model_validate(named(environment))
    try:
        require(settings, settings.database_url)
    except Unsafe as refusal:
        raise click.ClickException("\n".join(map(told, refusal.findings))) from refusal


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Show the settings in force, secrets hidden, and everything that makes the installation unsafe."""
    settings = settings_of(ctx.find_root().params["data"])
    shown = {f"LANTAI_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    findings = examine(settings)
    grave = [finding for finding in findings if finding.grave]
    if as_json:
        each = [{"code": f.code, "what": f.what, "grave": f.grave, "words": told(f)} for f in findings]
        click.echo(json.dumps({"settings": shown, "findings": each, "safe": not grave}, ensure_ascii=False))
    else:
        for name, value in shown.items():
            click.echo(f"{name}={value}")
        for finding in findings:
            click.secho(told(finding), fg="red" if finding.grave else "yellow", err=True)
        if not grave:
            click.secho(text("doctor.safe", spoken()), fg="green", err=True)
    if grave:
        raise SystemExit(1)
