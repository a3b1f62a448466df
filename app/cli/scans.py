"""Scans: ingest, and the pages that lie in the tray."""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import click

from app.api.problems import detail
from app.cli.progress import follow
from app.cli.session import say, services, signed_in, spoken
from app.digitisation.types import PageView, UploadId, UploadRefused, UploadView
from app.kernel.paging import PageRequest
from app.platform.messages import text
from app.storage.types import DigestMismatch, TooLarge


def files_below(paths: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Yield each file with its name inside the delivery: folders keep their names."""
    for path in paths:
        if path.is_dir():
            for inside in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
                yield inside, f"{path.name}/{inside.relative_to(path).as_posix()}"
        else:
            yield path, path.name


def deliver(upload_id: UploadId, paths: tuple[Path, ...]) -> tuple[list[str], int]:
    """Send files to a delivery; returns the refusals in words, each about one file, and how many were there before."""
    refused: list[str] = []
    before = 0
    found = list(files_below(paths))
    with click.progressbar(found, label=text("cli.sending", spoken()), hidden=not sys.stderr.isatty()) as bar:
        for path, name in bar:
            try:
                with path.open("rb") as stream:
                    taken = services().digitisation.receive(upload_id, name, stream)
                before += taken.outcome == "already_here"
            except (UploadRefused, TooLarge, DigestMismatch) as refusal:
                refused.append(detail(refusal, spoken()))
    return refused, before


def _progress(upload_id: UploadId) -> tuple[int, int, bool]:
    view = services().digitisation.upload(upload_id)
    return view.ready + view.failed, view.pages, not view.waiting and not view.unpacking


def _upload_line(view: UploadView) -> str:
    return text(
        "cli.upload", spoken(), id=view.id, name=view.name, files=view.files, pages=view.pages, ready=view.ready,
        failed=view.failed, waiting=view.waiting, tray=view.in_tray, refused=view.refused,
    )  # fmt: skip


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--name", default="", help="Of the delivery; default: the first file or folder.")
@click.option("--wait", is_flag=True, help="Wait until every page is processed.")
@click.option("--json", "as_json", is_flag=True)
def ingest(paths: tuple[Path, ...], name: str, *, wait: bool, as_json: bool) -> None:
    """Send scans (folders, ZIP, PDF, TIFF, JPEG, PNG); exit code 1 where a file was refused or a page failed."""
    with signed_in():
        digitisation = services().digitisation
        begun = digitisation.begin(name or paths[0].resolve().name)
        refused, before = deliver(begun.id, paths)
        if wait:
            follow(text("cli.processing", spoken()), lambda: _progress(begun.id))
        view = digitisation.upload(begun.id)
        for refusal in refused:
            click.secho(refusal, fg="yellow", err=True)
        if before:
            click.echo(text("cli.already_here", spoken(), count=before), err=True)
        say(view, as_json=as_json, line=_upload_line)
        if refused or view.failed or view.refused:
            raise SystemExit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True)
def uploads(*, as_json: bool) -> None:
    """List deliveries, newest first."""
    with signed_in(writing=False):
        page = services().digitisation.uploads(PageRequest(50))
    say(page.rows, as_json=as_json, line=_upload_line)


@click.group()
def page() -> None:
    """Pages: the tray, placing, trying again."""


def _page_line(view: PageView) -> str:
    place = f"{view.item_id} p.{view.page_no}" if view.item_id else "-"
    return f"{view.id}  {view.state}  {view.file_path}#{view.frame + 1}  {place}"


@page.command("tray")
@click.option("--json", "as_json", is_flag=True)
def tray(*, as_json: bool) -> None:
    """List the pages that no name could place."""
    with signed_in(writing=False):
        found = services().digitisation.tray(PageRequest(200))
    say(found.rows, as_json=as_json, line=_page_line)


@page.command("place")
@click.argument("page_id", type=click.UUID)
@click.argument("ref_code")
@click.argument("page_no", type=int)
def place(page_id: UUID, ref_code: str, page_no: int) -> None:
    """Give a page of the tray its item and number."""
    with signed_in():
        item = services().records.by_code(ref_code)
        if item is None:
            raise click.ClickException(text("cli.no_item", spoken(), name=ref_code))
        before = services().digitisation.page(page_id)
        view = services().digitisation.place(page_id, item.id, page_no, expected=before.version)
    click.echo(_page_line(view))


@page.command("retry")
@click.argument("page_id", type=click.UUID)
def retry(page_id: UUID) -> None:
    """Put a failed page back in the queue."""
    with signed_in():
        click.echo(_page_line(services().digitisation.retry(page_id)))


@page.command("text")
@click.argument("page_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True)
def page_text(page_id: UUID, *, as_json: bool) -> None:
    """Print what OCR read; for searching, never evidence."""
    with signed_in(writing=False):
        found = services().digitisation.text(page_id)
    say(found, as_json=as_json, line=lambda told: told.text)


COMMANDS = (ingest, uploads, page)
