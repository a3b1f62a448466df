"""Agreements with other counties, and lookups under them."""

from uuid import UUID

import click

from app.cli.session import say, services, signed_in, spoken
from app.lookups.types import Lookup, Question
from app.platform.messages import text
from tenants.terms import KINDS, PURPOSES, Agreement


@click.group()
def agreement() -> None:
    """Agreements between counties: who may look up what of whom."""


def _line(told: Agreement) -> str:
    return text(
        "cli.agreement", spoken(), id=told.id, version=told.version,
        state=text(f"state.agreement.{told.state}", spoken()), requester=told.requester, holder=told.holder,
        until=told.terms.until,
    )  # fmt: skip


def _whole(told: Agreement) -> str:
    kinds = [f"  {text(f'kind.{kind}', spoken())}: {' '.join(begin)}" for kind, begin in told.terms.holdings.items()]
    purposes = "、".join(text(f"purpose.{each}", spoken()) for each in told.terms.purposes)
    fields = "、".join(text(f"lookup_field.{each}", spoken()) for each in told.terms.fields)
    rest = [f"  {text('element.purposes', spoken())}: {purposes}", f"  {text('element.fields', spoken())}: {fields}"]
    signed = [f"  {each.tenant}  {each.name}  {each.at:%Y-%m-%d %H:%M}" for each in told.signatures]
    return "\n".join([_line(told), *kinds, *rest, f"  {text('element.daily', spoken())}: {told.terms.daily}", *signed])


@agreement.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_agreements(*, as_json: bool) -> None:
    """List your county's agreements."""
    with signed_in(writing=False):
        say(services().agreements.list(), as_json=as_json, line=_line)


@agreement.command("show")
@click.argument("agreement_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
def show_agreement(agreement_id: UUID, *, as_json: bool) -> None:
    """Show an agreement's versions, the newest first."""
    with signed_in(writing=False):
        say(services().agreements.versions(agreement_id), as_json=as_json, line=_whole)


@agreement.command("sign")
@click.argument("agreement_id", type=click.UUID)
@click.option("--version", required=True, type=click.IntRange(1), help="The version you have read.")
def sign_agreement(agreement_id: UUID, version: int) -> None:
    """Sign a proposed version for your county (director)."""
    with signed_in():
        click.echo(_line(services().agreements.sign(agreement_id, version=version)))


@agreement.command("revoke")
@click.argument("agreement_id", type=click.UUID)
@click.option("--reason", required=True, help="The other county sees it.")
def revoke_agreement(agreement_id: UUID, reason: str) -> None:
    """End an agreement at once (director, or the province)."""
    with signed_in():
        click.echo(_line(services().agreements.revoke(agreement_id, reason=reason)))


def _answer(told: Lookup) -> str:
    records = [" ".join(f"{field}={value}" for field, value in each.items()) for each in told.records]
    outcome = text(f"state.lookup.{told.outcome}", spoken())
    return text("cli.lookup", spoken(), outcome=outcome, records="\n".join(records)).rstrip()


@click.command()
@click.argument("name")
@click.option("--holder", required=True, help="County that is asked.")
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option("--purpose", required=True, type=click.Choice(PURPOSES))
@click.option("--ticket", required=True, help="Number of the request or case.")
@click.option("--spouse", default="")
@click.option("--birth-year", type=int)
@click.option("--year-from", type=int)
@click.option("--year-to", type=int)
@click.option("--json", "as_json", is_flag=True)
def lookup(  # noqa: PLR0913  # an option for each part of the question
    *,
    name: str,
    holder: str,
    kind: str,
    purpose: str,
    ticket: str,
    spouse: str,
    birth_year: int | None,
    year_from: int | None,
    year_to: int | None,
    as_json: bool,
) -> None:
    """Ask another county, under an agreement, whether it holds a record of the person NAME."""
    question = Question(holder, name, kind, purpose, ticket, spouse, birth_year, year_from, year_to)
    with signed_in():
        say(services().lookups.ask(question), as_json=as_json, line=_answer)


COMMANDS = (agreement, lookup)
