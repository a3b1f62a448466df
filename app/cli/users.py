"""Accounts: made by whoever installs or by the system administrator, given roles by the security administrator."""

from collections.abc import Generator
from contextlib import contextmanager

import click
import segno

from app.cli.session import installing, say, services, signed_in, spoken
from app.identity.types import ROLES, Account, AccountId, Caller, NewAccount
from app.platform.messages import text

_ROLE = click.Choice(sorted(ROLES))
_COUNTY = click.option(
    "--tenant", "county", help="Act as the installation in this county, not as LANTAI_TOKEN; audited as such."
)


@contextmanager
def _acting(county: str | None) -> Generator[None]:
    if county:
        with installing(services().directory.get(county).id):
            yield
    else:
        with signed_in():
            yield


def _id(login: str) -> AccountId:
    return services().accounts.by_login(login).id


def _line(account: Account) -> str:
    return f"{account.login}  {account.display_name}  {', '.join(sorted(account.roles)) or '-'}  {account.state}"


@click.group()
def user() -> None:
    """Accounts of a county."""


@user.command("create")
@click.argument("login")
@click.option("--tenant", "county", required=True)
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=_ROLE)
@click.password_option(envvar="LANTAI_NEW_PASSWORD")
def create(login: str, county: str, name: str, roles: tuple[str, ...], password: str) -> None:
    """Make an account with its roles, at installation; the password is asked for, or LANTAI_NEW_PASSWORD."""
    with installing(services().directory.get(county).id):
        account = services().identity.create_account(login, name, password, roles)
    click.echo(f"{account.login}  {', '.join(sorted(account.roles))}")


@user.command("propose")
@click.argument("login")
@click.option("--name", required=True)
def propose(login: str, name: str) -> None:
    """Make an account that waits for its roles, and print its first password (system administrator)."""
    with signed_in():
        account, password = services().accounts.create(NewAccount(login, name))
    click.echo(f"{account.login}  {password}")


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
@_COUNTY
def list_users(county: str | None, *, as_json: bool) -> None:
    """List the accounts of your county (system or security administrator)."""
    with _acting(county):
        found = services().identity.accounts()
    say(found, as_json=as_json, line=_line)


@user.command("grant")
@click.argument("login")
@click.argument("role", type=_ROLE)
def grant(login: str, role: str) -> None:
    """Give an account a role (security administrator)."""
    with signed_in():
        click.echo(_line(services().accounts.grant(_id(login), role)))


@user.command("revoke")
@click.argument("login")
@click.argument("role", type=_ROLE)
def revoke(login: str, role: str) -> None:
    """Take a role from an account (security administrator)."""
    with signed_in():
        click.echo(_line(services().accounts.remove(_id(login), role)))


@user.command("disable")
@click.argument("login")
def disable(login: str) -> None:
    """Close the account of a person who left (system administrator)."""
    with signed_in():
        click.echo(_line(services().accounts.leave(_id(login))))


@user.command("unlock")
@click.argument("login")
@_COUNTY
def unlock(login: str, county: str | None) -> None:
    """Open a locked account (system administrator)."""
    with _acting(county):
        click.echo(_line(services().accounts.unlock(_id(login))))


@user.command("reset-password")
@click.argument("login")
@_COUNTY
def reset_password(login: str, county: str | None) -> None:
    """Print a temporary password, which must be changed (system administrator)."""
    with _acting(county):
        click.echo(services().accounts.reset_password(_id(login)))


@user.command("reset-factor")
@click.argument("login")
@_COUNTY
def reset_factor(login: str, county: str | None) -> None:
    """Take a lost authenticator away, so that another is set up (security administrator)."""
    with _acting(county):
        click.echo(_line(services().accounts.reset_factor(_id(login))))


@click.command("enrol")
@click.option("--tenant", "county", required=True)
@click.option("--user", "login", required=True)
@click.option("--password", prompt=True, hide_input=True, envvar="LANTAI_PASSWORD")
def enrol(county: str, login: str, password: str) -> None:
    """Set up the authenticator that your role needs; the same is asked at the first sign-in to the portal."""
    identity = services().identity
    pending = identity.begin(services().directory.admit(county, writing=False).id, login, password, Caller())
    enrolment = identity.enrolment(pending.secret)
    segno.make(enrolment.uri, error="m").terminal(compact=True)
    click.echo(enrolment.secret)
    _, codes = identity.confirm_enrolment(pending.secret, click.prompt(text("account.digits", spoken())))
    click.echo(text("account.codes.keep", spoken()))
    click.echo("\n".join(codes))


COMMANDS = (user, enrol)
