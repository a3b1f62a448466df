"""API clients of the county."""

from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import click
from typing_extensions import override

from app.cli.session import say, services, signed_in, spoken
from app.clients.types import PURPOSES, SCOPES, Client, Told
from app.platform.messages import text

_CHINA = ZoneInfo("Asia/Shanghai")


class _ClientId(click.ParamType):
    """A client's id, with its county before it as it is printed, or without."""

    name = "client_id"

    @override
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> UUID:
        return click.UUID.convert(value.rpartition(".")[2], param, ctx)


@click.group()
def client() -> None:
    """Programs of other offices that call the API."""


def _line(told: Client) -> str:
    state = text(f"state.client.{told.state}", spoken())
    return text(
        "cli.client", spoken(), id=told.oauth_id, state=state, name=told.told.name, scopes=" ".join(told.scopes)
    )


def _handed(made: tuple[Client, str], *, as_json: bool) -> None:
    told, secret = made
    shown = {"client_id": told.oauth_id, "client_secret": secret}
    say(shown, as_json=as_json, line=lambda _: text("cli.client_secret", spoken(), id=told.oauth_id, secret=secret))


@client.command("create")
@click.argument("name")
@click.option("--purpose", "purposes", multiple=True, required=True, type=click.Choice(PURPOSES))
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day, a year ahead at most.")
@click.option("--agreement", "agreement_id", type=click.UUID, help="The one agreement it may look up under.")
@click.option("--network", "networks", multiple=True, help="CIDR it calls from; without one, from anywhere.")
@click.option("--certificate", default="", help="SHA-256 of its TLS client certificate.")
@click.option("--json", "as_json", is_flag=True)
def create_client(  # noqa: PLR0913  # an option for each thing that is said of a client
    *,
    name: str,
    purposes: tuple[str, ...],
    until: datetime,
    agreement_id: UUID | None,
    networks: tuple[str, ...],
    certificate: str,
    as_json: bool,
) -> None:
    """Make a client and print its secret this once (system administrator)."""
    last = datetime.combine(until.date(), time.max, _CHINA)
    with signed_in():
        made = services().clients.create(Told(name, purposes, last, agreement_id, networks, certificate))
    _handed(made, as_json=as_json)


@client.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_clients(*, as_json: bool) -> None:
    """List your county's clients (system and security administrator)."""
    with signed_in(writing=False):
        say(services().clients.list(), as_json=as_json, line=_line)


@client.command("grant")
@click.argument("client_id", type=_ClientId())
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Without one, nothing is left.")
def grant_client(client_id: UUID, scopes: tuple[str, ...]) -> None:
    """Set what a client may do; its tokens end (security administrator)."""
    with signed_in():
        click.echo(_line(services().clients.grant(client_id, scopes)))


@client.command("rotate")
@click.argument("client_id", type=_ClientId())
@click.option("--overlap", default=7, show_default=True, type=click.IntRange(0, 30), help="Days the old secret stays.")
@click.option("--json", "as_json", is_flag=True)
def rotate_client(client_id: UUID, overlap: int, *, as_json: bool) -> None:
    """Give a client a new secret and print it this once (system administrator)."""
    with signed_in():
        made = services().clients.rotate(client_id, overlap=timedelta(days=overlap))
    _handed(made, as_json=as_json)


@client.command("revoke")
@click.argument("client_id", type=_ClientId())
def revoke_client(client_id: UUID) -> None:
    """End a client and its tokens at once (system or security administrator)."""
    with signed_in():
        click.echo(_line(services().clients.revoke(client_id)))


COMMANDS = (client,)
