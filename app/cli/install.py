"""Starting, checking and entering an installation: up, doctor, token."""

from collections.abc import Mapping
from pathlib import Path

import click

from app.cli import demo, up
from app.cli.doctor import doctor, refuse_unsafe
from app.cli.session import services, spoken, tuning
from app.identity.types import SecondFactorRequired
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


@click.command()
@click.option("--tenant", "county", required=True)
@click.option("--user", "login", required=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LANTAI_PASSWORD")
@click.option("--otp", default="", help="Code of the authenticator; asked for where one is set up.")
def token(county: str, login: str, password: str, otp: str) -> None:
    """Sign in and print an access token for LANTAI_TOKEN."""
    tenant = services().directory.admit(county, writing=False).id
    try:
        (access,) = services().identity.sign_in(tenant, login, password, ("access",), otp=otp)
    except SecondFactorRequired:
        otp = click.prompt(text("account.code", spoken()), err=True)
        (access,) = services().identity.sign_in(tenant, login, password, ("access",), otp=otp)
    click.echo(access.secret)


COMMANDS = (start, demo.command, doctor, token)
