"""Starting, checking and peopling an installation: up, doctor, user, token."""

from collections.abc import Mapping
from pathlib import Path

import click

from app.cli import demo, up
from app.cli.doctor import doctor, refuse_unsafe
from app.cli.session import installing, say, services, signed_in, spoken, tuning
from app.identity.types import ROLES
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.messages import text
from app.platform.objectstore import LocalSite
from app.platform.roles import establish
from migrations.run import migrate


def _prepare(with_demo: bool) -> up.Prepare:  # noqa: FBT001  # click's flag
    def prepare(postgres: EmbeddedPostgres, settings: Mapping[str, str]) -> None:
        establish(postgres.dsn())
        migrate(postgres.dsn("lantai_migrator"))
        for name in ("LANTAI_SITE_A", "LANTAI_SITE_B"):
            LocalSite(name, Path(settings[name])).forget_staged()
        refuse_unsafe(settings)
        if with_demo:
            demo.people(settings)

    return prepare


def _announce(settings: Mapping[str, str]) -> None:
    language = spoken()
    click.secho(text("cli.ready", language, url=settings["LANTAI_PUBLIC_URL"]), fg="green", bold=True)
    demo.announce(settings)


start = up.command(_prepare, _announce, tuning)


@click.group()
def user() -> None:
    """Accounts of a county."""


@user.command("create")
@click.argument("login")
@click.option("--tenant", "county", required=True)
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(sorted(ROLES)))
@click.password_option(envvar="LANTAI_NEW_PASSWORD")
def create_user(login: str, county: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Make an account; the password is asked for, or taken from LANTAI_NEW_PASSWORD."""
    with installing(services().directory.get(county).id):
        account = services().identity.create_account(login, name, password, roles)
    click.echo(f"{account.login}  {', '.join(sorted(account.roles))}")


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_users(*, as_json: bool) -> None:
    """List the accounts of your county (system or security administrator)."""
    with signed_in(writing=False):
        found = services().identity.accounts()
    say(found, as_json=as_json, line=lambda a: f"{a.login}  {a.display_name}  {', '.join(sorted(a.roles))}  {a.state}")


@click.command()
@click.option("--tenant", "county", required=True)
@click.option("--user", "login", required=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LANTAI_PASSWORD")
def token(county: str, login: str, password: str) -> None:
    """Sign in and print an access token for LANTAI_TOKEN."""
    tokens = services().identity.sign_in(
        services().directory.admit(county, writing=False).id, login, password, ("access",)
    )
    click.echo(tokens[0].secret)


COMMANDS = (start, demo.command, doctor, user, token)
