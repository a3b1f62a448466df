"""Counties that leave and arrive: export, offline verification, import, retirement."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click

from app.cli.session import province, say, services, signed_in, spoken
from app.kernel.errors import Fault, Invalid
from app.leaving import CountyLog
from app.platform.messages import text
from tenants.departure import Contents, Progress, office, verify
from tenants.policy import as_province
from tenants.retirement import Plan
from tenants.scope import entered

FOLDER = click.Path(path_type=Path)
KEY = click.Path(path_type=Path, exists=True, dir_okay=False)
_KEY_HELP = "File of the sender's public keys, as `lantai audit key` prints them there."


def _keys(file: Path | None) -> str:
    """Return the keys of a file; one without any is refused."""
    keys = file.read_text("utf-8", errors="replace").strip() if file else ""
    if file and not keys:
        raise Invalid((Fault("required", "key"),))
    return keys


@contextmanager
def _bar(label: str) -> Generator[Progress]:
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield tell


def _passphrase(*, twice: bool) -> str:
    """Return the county's passphrase: from the environment, asked for at a terminal, or none."""
    given = os.environ.get("LANTAI_EXPORT_PASSPHRASE")  # noqa: TID251  # a secret, given like this or typed
    if given is not None or not sys.stdin.isatty():
        return given or ""
    return click.prompt(
        text("departure.prompt", spoken()), default="", show_default=False, hide_input=True, confirmation_prompt=twice
    )


def _whole(contents: Contents) -> str:
    facts = contents.facts
    rows = sum(facts["tables"].values())
    return text(
        "departure.whole", spoken(),
        county=contents.county, rows=rows, objects=contents.objects, entries=facts["audit"]["size"],
        digest=contents.digest,
    )  # fmt: skip


@click.command("export")
@click.argument("slug")
@click.option("--to", type=FOLDER, help="Folder to make; otherwise one below the data folder.")
@click.option("--json", "as_json", is_flag=True)
def export_tenant(slug: str, to: Path | None, *, as_json: bool) -> None:
    """Export everything a county owns as BagIt bags, and read it back.

    The county's own passphrase for its key is taken from LANTAI_EXPORT_PASSPHRASE, or asked for; without one,
    what is sealed cannot be opened elsewhere.
    """
    scope, departures = province("tenant export"), services().departures
    begun = departures.begin(slug, scope, passphrase=_passphrase(twice=True), to=to, job=False)
    with entered(office(scope)), _bar(slug) as tell:
        made = departures.run(begun.id, tell)
    say(made, as_json=as_json, line=lambda export: f"{export.folder}\n{export.digest}")


@click.command("verify-export")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", type=KEY, help=_KEY_HELP)
@click.option("--json", "as_json", is_flag=True)
def verify_export(folder: Path, key: Path | None, *, as_json: bool) -> None:
    """Verify an export offline: no archive, database or network is needed. Names the first bad file.

    Without --key it is not checked who signed the audit log.
    """
    contents = verify(folder, CountyLog.verify, _keys(key))
    if key is None:
        click.secho(text("departure.signer_unchecked", spoken()), fg="yellow", err=True)
    if as_json:
        say({"digest": contents.digest, "objects": contents.objects, "facts": contents.facts}, as_json=True, line=str)
    else:
        click.echo(_whole(contents))


@click.command("import")
@click.argument("folder", type=FOLDER)
@click.option("--key", type=KEY, help=_KEY_HELP)
@click.option("--digest", default="", help="SHA-256 of manifest-sha256.txt, as the sender told it.")
@click.option("--json", "as_json", is_flag=True)
def import_tenant(folder: Path, key: Path | None, digest: str, *, as_json: bool) -> None:
    """Make a county out of its export; again, nothing changes. One of --key and --digest is needed.

    The passphrase of its key is taken from LANTAI_EXPORT_PASSPHRASE, or asked for.
    """
    with _bar(text("departure.copying", spoken())) as tell:
        county = services().arrivals.bring(
            folder,
            province("tenant import"),
            passphrase=_passphrase(twice=False),
            progress=tell,
            keys=_keys(key),
            told=digest,
        )
    say(county, as_json=as_json, line=lambda one: text("departure.imported", spoken(), county=one.id))


def _tell_plan(plan: Plan) -> None:
    click.echo(f"{plan.county.id}  {plan.county.name}")
    for name, rows in sorted(plan.rows.items()):
        click.echo(f"  {name}  {rows}")
    click.echo(f"  {text('departure.objects', spoken())}  {plan.objects}  {plan.octets} B")
    click.echo(f"  {text('departure.digest', spoken())}  {plan.export.digest if plan.export else '–'}")
    for obstacle in plan.obstacles:
        click.secho(text(obstacle.code, spoken(), **obstacle.facts()), fg="yellow")


@click.command("retire")
@click.argument("slug")
@click.option("--propose", metavar="REASON", help="Propose it; the reason stands on the certificate.")
@click.option("--approve", metavar="ID", type=UUID, help="Approve a proposal as a second person, and carry it out.")
@click.option("--json", "as_json", is_flag=True)
def retire_tenant(slug: str, propose: str | None, approve: UUID | None, *, as_json: bool) -> None:
    """Destroy a county that was suspended and exported. Without an option: shows what would be destroyed.

    Both people sign in as administrators of the province, with LANTAI_TOKEN. A signed certificate remains.
    """
    with signed_in() as scope:
        office_scope, retirements = as_province(scope, "tenant retire"), services().retirements
        if propose is not None:
            made = retirements.propose(slug, office_scope, reason=propose)
            say(made, as_json=as_json, line=lambda one: text("departure.proposed", spoken(), id=one.id))
        elif approve is not None:
            retirements.approve(approve, slug, office_scope, job=False)
            with _bar(slug) as tell:
                done = retirements.run(approve, tell)
            say(done, as_json=as_json, line=lambda one: one.certificate)
        else:
            plan = retirements.plan(slug, office_scope)
            if as_json:
                told = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
                say(told | {"obstacles": [obstacle.code for obstacle in plan.obstacles]}, as_json=True, line=str)
            else:
                _tell_plan(plan)


COMMANDS = (export_tenant, verify_export, import_tenant, retire_tenant)
