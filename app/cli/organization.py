"""Organizations at the province's realm, for the office of the province itself and for one deleted there by hand."""

from typing import TYPE_CHECKING

import click

from app.cli.session import installing, services, spoken
from app.identity.types import ROLES
from app.platform.messages import text

if TYPE_CHECKING:
    from app.identity.organizations import Organizations

TENANT = click.argument("tenant")


@click.group()
def organization() -> None:
    """Counties and the province's office (`province`) at the realm that people sign in at."""


def _organizations() -> "Organizations":
    found = services().organizations
    if found is None:
        raise click.ClickException(text("cli.organization.none", spoken()))
    return found


@organization.command("ensure")
@TENANT
def ensure(tenant: str) -> None:
    """Make the organization where there is none, and take its id anew; nobody signs in without."""
    organizations = _organizations()
    entry = services().directory.get(tenant)
    with installing(entry.id):
        made = organizations.ensure(entry.name, entry.domain)
    click.echo(text("cli.organization.ensured", spoken(), tenant=tenant, organization=made))


@organization.command("invite")
@TENANT
@click.argument("login")
@click.argument("name")
@click.argument("role", type=click.Choice(sorted(ROLES)))
def invite(tenant: str, login: str, name: str, role: str) -> None:
    """Make a user who is a member and holds a role, and show the one-time password."""
    organizations = _organizations()
    with installing(services().directory.get(tenant).id):
        username, password = organizations.invite(login, name, role)
    key = "cli.organization.invited" if password else "cli.organization.known"
    click.echo(text(key, spoken(), login=username, password=password))


COMMANDS = (organization,)
