"""Catalogue: import, list, show, describe, number, check, accept, search."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import click

from app.api.problems import fault_text
from app.cli.progress import follow
from app.cli.session import say, services, signed_in, spoken
from app.intake.types import CatalogueImport, ImportId, ImportState
from app.kernel.paging import PageRequest, decode_cursor
from app.platform.messages import known, text
from app.records.types import Item, ItemQuery
from search.types import ItemHit, Query


def _settled(import_id: ImportId, label: str) -> CatalogueImport:
    intake = services().intake

    def look() -> tuple[int, int, bool]:
        found = intake.get(import_id)
        busy = found.state in (ImportState.READING, ImportState.IMPORTING)
        return (0 if busy else found.total), found.total, not busy

    follow(text(label, spoken()), look)
    return intake.get(import_id)


def _told(found: CatalogueImport) -> str:
    return text(
        "cli.import", spoken(), id=found.id, state=found.state, total=found.total, valid=found.valid,
        created=found.created, unchanged=found.unchanged, faults=found.fault_count,
    )  # fmt: skip


def _reason(error: Mapping[str, object]) -> str:
    code, facts = str(error.get("code", "")), {name: value for name, value in error.items() if name != "code"}
    if known(code, spoken()):
        return text(code, spoken(), **facts)
    return text("portal.unknown_failure", spoken(), number=code)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--map", "pairs", multiple=True, help="COLUMN=ELEMENT; remembered for these headings.")
@click.option("--confirm", is_flag=True, help="Write the rows; without it, only a preview is made.")
@click.option("--skip-faulty", is_flag=True, help="Leave faulty rows out.")
@click.option("--json", "as_json", is_flag=True)
def import_catalogue(file: Path, pairs: tuple[str, ...], *, confirm: bool, skip_faulty: bool, as_json: bool) -> None:
    """Import a catalogue from CSV or Excel: preview first, then with --confirm in one transaction."""
    with signed_in():
        with file.open("rb") as stream:
            begun = services().intake.begin(stream, file.name)
        found = _settled(begun.id, "cli.reading")
        if pairs:
            chosen = {column: element for column, _, element in (pair.rpartition("=") for pair in pairs)}
            services().intake.remap(begun.id, {**found.mapping, **chosen})
            found = _settled(begun.id, "cli.reading")
        for fault in found.faults[:50]:
            row = text("cli.row", spoken(), row=fault.row) if fault.row else ""
            click.secho(row + fault_text(fault, spoken(), "fault"), fg="yellow", err=True)
        if confirm and found.state is ImportState.PREVIEWED:
            services().intake.confirm(begun.id, skip_faulty=skip_faulty)
            found = _settled(begun.id, "cli.importing")
        if found.error:
            click.secho(_reason(found.error), fg="red", err=True)
        say(found, as_json=as_json, line=_told)
        if found.state is ImportState.FAILED or (confirm and found.state is not ImportState.DONE) or found.fault_count:
            raise SystemExit(1)


def _item_line(item: Item) -> str:
    return f"{item.ref_code or '-'}  {item.state}  v{item.version}  {item.described.title}  {item.id}"


def _named(name: str) -> Item:
    records = services().records
    found = records.by_code(name)
    if found:
        return found
    try:
        return records.get(UUID(name))
    except ValueError as error:
        raise click.ClickException(text("cli.no_item", spoken(), name=name)) from error


@click.group()
def item() -> None:
    """Items of your county, named by reference code or id."""


@item.command("list")
@click.option("--fonds", default="")
@click.option("--state", default="")
@click.option("--prefix", default="")
@click.option("--limit", default=50, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True)
def list_items(fonds: str, state: str, prefix: str, limit: int, *, as_json: bool) -> None:
    """List items in the order of their codes."""
    with signed_in(writing=False):
        page = services().records.items(ItemQuery(fonds, None, state, prefix), PageRequest(limit))
    say(page.rows, as_json=as_json, line=_item_line)


@item.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def show_item(name: str, *, as_json: bool) -> None:
    """Show an item's description."""
    with signed_in(writing=False):
        found = services().records.view(_named(name).id)
    say(found, as_json=as_json, line=lambda i: "\n".join([_item_line(i), *_elements(i)]))


def _elements(found: Item) -> list[str]:
    told = {name: getattr(found.described, name) for name in found.described.__dataclass_fields__}
    return [f"  {text(f'element.{name}', spoken())}: {value}" for name, value in told.items() if value]


@item.command("set")
@click.argument("name")
@click.argument("changes", nargs=-1, required=True, metavar="ELEMENT=VALUE...")
@click.option("--reason", default="")
def set_item(name: str, changes: tuple[str, ...], reason: str) -> None:
    """Replace elements of a description; the former one is kept as a revision."""
    given = {element: value for element, _, value in (change.partition("=") for change in changes)}
    numbers = ("year", "page_count", "archive_item_no")
    change: dict[str, object] = {
        key: int(value) if key in numbers and value.isdecimal() else value for key, value in given.items()
    }
    with signed_in():
        found = _named(name)
        click.echo(_item_line(services().records.revise(found.id, change, expected=found.version, reason=reason)))


@item.command("number")
@click.argument("name")
def number_item(name: str) -> None:
    """Give an item its reference code by rule."""
    with signed_in():
        found = _named(name)
        click.echo(_item_line(services().records.allocate_code(found.id, expected=found.version)))


@item.command("check")
@click.argument("name")
def check_item(name: str) -> None:
    """Check description, code and pages; exit code 1 where something blocks."""
    with signed_in():
        report = services().records.check(_named(name).id)
    for finding in report.findings:
        click.secho(fault_text(finding, spoken(), "check"), fg="red" if finding.severity == "E" else "yellow")
    click.echo(text("cli.check_passed" if report.passed else "cli.check_failed", spoken()))
    raise SystemExit(0 if report.passed else 1)


@item.command("accept")
@click.argument("name")
def accept_item(name: str) -> None:
    """Accept a checked item: locked, and found by its pages' text from now on."""
    with signed_in():
        found = _named(name)
        click.echo(_item_line(services().records.accept(found.id, expected=found.version)))


def _hit_line(hit: ItemHit) -> str:
    lines = [f"{hit.ref_code}  {hit.title}"]
    for reason in hit.reasons:
        where = text("cli.on_page", spoken(), page=reason.page_no) if reason.page_no else ""
        lines.append(f"    {text(f'portal.search.reason.{reason.kind}', spoken())} {where}{reason.text}")
    return "\n".join(lines)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", default=20, type=click.IntRange(1, 200))
@click.option("--cursor", default="")
@click.option("--json", "as_json", is_flag=True)
def search(words: tuple[str, ...], limit: int, cursor: str, *, as_json: bool) -> None:
    """Find items by title, number, person or the text of their pages."""
    with signed_in(writing=False):
        after = decode_cursor(cursor, kinds="i")
        found = services().search.search(Query(" ".join(words)), PageRequest(limit, after))
    if as_json:
        say(found, as_json=True, line=str)
        return
    say(found.hits, as_json=False, line=_hit_line)
    click.echo(text("cli.found", spoken(), total=found.total), err=True)


@click.command()
@click.option("--fonds", default="")
def reindex(fonds: str) -> None:
    """Index all accepted items of your county anew."""
    with signed_in():
        cursor: tuple[str, ...] = ()
        asked = 0
        while True:
            page = services().records.items(ItemQuery(fonds, None, "catalogued", ""), PageRequest(200, cursor))
            for found in page.rows:
                services().digitisation.index_item(found.id)
                asked += 1
            if page.next_cursor is None:
                break
            cursor = decode_cursor(page.next_cursor, kinds="su")
    click.echo(text("cli.reindexed", spoken(), count=asked))


COMMANDS = (import_catalogue, item, search, reindex)
