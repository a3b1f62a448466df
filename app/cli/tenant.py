"""Counties of the province; whoever runs this on the installation's own machine acts for the province."""

import sys

import click

from app.cli import departure
from app.cli.session import plain, province, say, services, spoken
from app.kernel.errors import DomainError
from app.platform.messages import text
from tenants.console import CountyView
from tenants.directory import CLOSING, Tenant, TenantState
from tenants.provisioning import ADMINISTRATORS, Administrator, Order, StepState, StepView
from tenants.quotas import GB, LIMITS, Kind, Usage
from tenants.scope import TenantId

LIMIT_HELP = "Hard limit, storage in GB; repeat."
STATES = {StepState.DONE: "green", StepState.FAILED: "red"}


@click.group()
def tenant() -> None:
    """Counties of the province."""


def _limit(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[Kind, int]:
    limits: dict[Kind, int] = {}
    for one in given:
        name, _, number = one.partition("=")
        known: dict[str, Kind] = {kind: kind for kind in LIMITS}
        if name not in known or not (number.isascii() and number.isdecimal()):
            message = f"{one}: KIND=NUMBER, KIND one of {', '.join(LIMITS)}"
            raise click.BadParameter(message)
        limits[known[name]] = int(number) * _unit(known[name])
    return limits


def _unit(kind: Kind) -> int:
    return GB if kind == "storage" else 1


def _amount(kind: Kind, number: int) -> str:
    shown = f"{number / _unit(kind):,.1f}".removesuffix(".0")
    return f"{shown} {text(f'quota.unit.{kind}', spoken())}"


def _used(usage: Usage) -> str:
    limit = usage.limit
    used, hard, soft = (_amount(limit.kind, number) for number in (usage.used, limit.hard, limit.soft))
    return f"{used} / {hard}  ({text('quota.soft', spoken())} {soft})"


def _person(role: str, given: str) -> Administrator:
    login, _, name = given.partition(":")
    return Administrator(role, login, name)


@tenant.command("create")
@click.argument("slug")
@click.option("--name", required=True)
@click.option("--division-code", required=True, help="GB/T 2260, six digits.")
@click.option("--archive-code", required=True, help="Of the archive, six digits.")
@click.option("--domain", default="", help="Host name of the county's own.")
@click.option("--region", default="", help="Where its computing runs, e.g. cn-east.")
@click.option("--home-site", default="a", show_default=True)
@click.option("--second-site", default="b", show_default=True)
@click.option("--sys-admin", required=True, metavar="LOGIN:NAME", help="System administrator.")
@click.option("--sec-admin", required=True, metavar="LOGIN:NAME", help="Security administrator, another person.")
@click.option("--audit-admin", required=True, metavar="LOGIN:NAME", help="Audit administrator, a third person.")
@click.option("--limit", "limits", multiple=True, callback=_limit, metavar="KIND=NUMBER", help=LIMIT_HELP)
@click.option("--json", "as_json", is_flag=True)
def create_tenant(slug: str, limits: dict[Kind, int], *, as_json: bool, **given: str) -> None:
    """Set a county up, step by step, and show the first passwords of its administrators.

    Again after a failure: goes on where it stopped. A county that is set up is left as it is, its passwords too.
    """
    scope = province("tenant create")
    people = tuple(_person(role, given.pop(role)) for role in ADMINISTRATORS)
    entry = Tenant(
        TenantId(slug), given["name"], given["division_code"], given["archive_code"],
        domain=given["domain"], region=given["region"],
        home_site=given["home_site"], second_site=given["second_site"],
    )  # fmt: skip
    order = Order(entry, people, limits)
    provisioning = services().provisioning
    county = provisioning.begin(order, scope, queued=False)
    if county.state != TenantState.PROVISIONING:
        if as_json:
            told = {"tenant": county, "steps": provisioning.steps(slug, scope), "administrators": ()}
            say(plain(told), as_json=True, line=str)
        click.echo(text("cli.tenant.exists", spoken(), county=county.name, slug=slug), err=True)
        return
    try:
        with click.progressbar(length=1, label=slug, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

            def tell(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            provisioning.run(slug, scope, tell)
    except DomainError:
        _tell_steps(provisioning.steps(slug, scope))
        raise
    steps, invitations = provisioning.steps(slug, scope), provisioning.welcome(slug, scope)
    if as_json:
        told = {"tenant": services().directory.get(slug), "steps": steps, "administrators": invitations}
        say(plain(told), as_json=True, line=str)
        return
    _tell_steps(steps)
    for one in invitations:
        click.echo(f"{text(f'role.{one.role}', spoken())}  {one.login}  {one.name}  {one.password}")
    click.echo(text("tenant.welcome.once", spoken()), err=True)


def _tell_steps(steps: tuple[StepView, ...]) -> None:
    for step in steps:
        words = f"{text(f'tenant.step.{step.name}', spoken())}  {text(f'state.step.{step.state}', spoken())}"
        click.secho(words, fg=STATES.get(step.state), err=True)


def _line(view: CountyView) -> str:
    county = view.tenant
    state = text(f"state.tenant.{county.state}", spoken())
    return f"{county.id}  {county.division_code}  {county.name}  {state}  {view.worst.share:.0%}"


@tenant.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_tenants(*, as_json: bool) -> None:
    """List the counties, the one that needs looking at first."""
    say(services().console.counties(province("tenant list")), as_json=as_json, line=_line)


@tenant.command("show")
@click.argument("slug")
@click.option("--json", "as_json", is_flag=True)
def show_tenant(slug: str, *, as_json: bool) -> None:
    """Show a county: state, limits and use, steps of its setting up."""
    scope = province("tenant show")
    view = services().console.county(slug, scope)
    steps = services().provisioning.steps(slug, scope)
    if as_json:
        say(plain({"county": view, "steps": steps}), as_json=True, line=str)
        return
    click.echo(_line(view))
    if view.tenant.reason:
        click.echo(view.tenant.reason)
    for usage in view.usage:
        click.echo(f"  {text(f'quota.kind.{usage.limit.kind}', spoken())}  {_used(usage)}")
    if any(step.state is not StepState.DONE for step in steps):
        _tell_steps(steps)


@tenant.command("suspend")
@click.argument("slug")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in CLOSING]),
    default=TenantState.SUSPENDED.value,
    show_default=True,
)
@click.option("--reason", required=True, help="Shown to the county's people.")
def suspend_tenant(slug: str, mode: str, reason: str) -> None:
    """Close a county at once, sessions and tokens included, or keep it from changing."""
    county = services().directory.suspend(slug, TenantState(mode), reason, province("tenant suspend"))
    click.echo(f"{county.id}  {text(f'state.tenant.{county.state}', spoken())}")


@tenant.command("resume")
@click.argument("slug")
def resume_tenant(slug: str) -> None:
    """Open a county again."""
    county = services().directory.resume(slug, province("tenant resume"))
    click.echo(f"{county.id}  {text(f'state.tenant.{county.state}', spoken())}")


@tenant.command("quota")
@click.argument("slug")
@click.argument("kind", type=click.Choice(sorted(LIMITS)))
@click.option("--soft", type=click.IntRange(0), help="From here on a warning; default four fifths of the limit.")
@click.option("--hard", type=click.IntRange(0), required=True, help="No further. Storage is in GB.")
def set_quota(slug: str, kind: Kind, soft: int | None, hard: int) -> None:
    """Set a limit of a county."""
    county = services().directory.get(slug)
    most = hard * _unit(kind)
    wanted = most * 4 // 5 if soft is None else soft * _unit(kind)
    click.echo(_used(services().quotas.set(county.id, kind, wanted, most, province("tenant quota"))))


for command in departure.COMMANDS:
    tenant.add_command(command)

COMMANDS = (tenant,)
