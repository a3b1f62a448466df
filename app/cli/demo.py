"""The demonstration province: counties and people at the start, then catalogues and scans while one watches."""

import io
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy.exc import OperationalError

from app.bootstrap import build
from app.cli.session import installing, province, services, spoken
from app.demo import catalogue, scans
from app.demo.fonts import Fonts
from app.demo.province import PROVINCE, County, Staff
from app.digitisation.types import PageState, UploadId
from app.intake.types import ImportId, ImportState
from app.kernel.errors import NotFound
from app.kernel.ids import derived_id
from app.platform.messages import text
from app.platform.settings import Settings, named
from app.records.types import ItemState
from app.services import Services
from tenants.directory import Tenant, TenantState
from tenants.provisioning import ADMINISTRATORS, Administrator, Order
from tenants.scope import PROVINCE as OFFICE
from tenants.scope import Scope, TenantId, entered, new_request_id
from tenants.terms import Terms, today

SHOWN = ("archivist", "scan", "desk", "director", "sysadmin", "secadmin", "audit")
LEFT_TO_TRY = 1
"""Items of each county that are left unaccepted, for whoever tries the product."""

AGREED = {"marriage": "M021-ZY·HY", "land": "G033-ZY·TD", "labour": "L052-RS", "school": "J019-ZY·XJ"}
"""Kinds that the second county opens to the first, and where they lie in its catalogue."""

PATIENCE = 1200.0


def people(settings: Mapping[str, str]) -> None:
    """Make the counties and their staff; again, nothing changes."""
    built = build(Settings.model_validate(named(settings)))
    _seat(built, OFFICE, PROVINCE.office)
    there = {tenant.id for tenant in built.directory.all()}
    for county in PROVINCE.counties:
        tenant = TenantId(county.tenant)
        if tenant not in there:
            built.provisioning.begin(_order(county), province("demo"), queued=False)
        _seat(built, tenant, county.staff)
        if built.directory.get(tenant).state == TenantState.PROVISIONING:
            built.provisioning.run(tenant, province("demo"), lambda _done, _total: None)
    _agree(built, *PROVINCE.counties[:2])


def _agree(built: Services, requester: County, holder: County) -> None:
    """Bring an agreement of two counties into force, so that one can try a lookup."""
    agreement_id = derived_id(requester.tenant, "demo", "agreement")
    with installing(TenantId(requester.tenant)):
        if built.agreements.is_party(agreement_id):
            return
    holdings = {kind: (beginning,) for kind, beginning in AGREED.items()}
    terms = Terms(
        holdings, ("own_record", "benefits"), ("archive", "year", "ref_code"), 30, today() + timedelta(days=365)
    )
    with entered(_as(built, requester, "director")):
        built.agreements.draft(requester=requester.tenant, holder=holder.tenant, terms=terms, agreement_id=agreement_id)
        proposed = built.agreements.propose(agreement_id)
        built.agreements.sign(agreement_id, version=proposed.version)
    with entered(_as(built, holder, "director")):
        built.agreements.sign(agreement_id, version=proposed.version)


def _order(county: County) -> Order:
    entry = Tenant(TenantId(county.tenant), county.archive_name, county.division_code, county.archive_code)
    held = {person.roles: person for person in county.staff}
    people = (held[role,] for role in ADMINISTRATORS)
    administrators = (
        Administrator(role, person.login, person.display_name)
        for role, person in zip(ADMINISTRATORS, people, strict=True)
    )
    return Order(entry, tuple(administrators), {})


def _seat(built: Services, tenant: TenantId, staff: Iterable[Staff]) -> None:
    with installing(tenant):
        for person in staff:
            built.identity.create_account(person.login, person.display_name, person.password, person.roles)


def announce(settings: Mapping[str, str]) -> None:
    """Print who can sign in, where the demonstration is there."""
    built = build(Settings.model_validate(named(settings)))
    if not any(tenant.id == PROVINCE.counties[0].tenant for tenant in built.directory.all()):
        return
    click.echo(text("cli.demo.sign_ins", spoken()))
    for county in PROVINCE.counties:
        for person in county.staff:
            if person.login in SHOWN:
                roles = ", ".join(text(f"role.{role}", spoken()) for role in person.roles)
                click.echo(f"  {county.archive_name} ({county.tenant})  {person.login}  {person.password}  {roles}")
    for person in PROVINCE.office:
        if "province_admin" in person.roles:
            roles = ", ".join(text(f"role.{role}", spoken()) for role in person.roles)
            click.echo(f"  {text('province.office', spoken())} ({OFFICE})  {person.login}  {person.password}  {roles}")
    click.echo(text("cli.demo.citizens", spoken(), url=built.settings.public_url))
    threading.Thread(target=_fill_quietly, args=(built,), daemon=True).start()


def _fill_quietly(built: Services) -> None:
    with suppress(OperationalError):  # the archive is being stopped; its next start takes this up
        fill(built, lambda line: click.secho(line, fg="cyan", err=True))


def fill(built: Services, tell: Callable[[str], None]) -> None:
    """Import each county's catalogue, deliver its scans, and accept what the workers have made of them.

    Parameters
    ----------
    built : Services
    tell : callable
        Given a line for each step. What is there already is left alone.
    """
    for county in PROVINCE.counties:
        with entered(_as(built, county, "archivist")):
            if _filled(built, county):
                continue
            tell(text("cli.demo.catalogue", spoken(), county=county.name))
            _import(built, county)
            tell(text("cli.demo.scans", spoken(), county=county.name))
            _deliver(built, county)
    for county in PROVINCE.counties:
        with entered(_as(built, county, "archivist")):
            accepted = _accept(built, county)
            tell(text("cli.demo.accepted", spoken(), county=county.name, count=accepted))


def _as(built: Services, county: County, login: str) -> Scope:
    person = next(person for person in county.staff if person.login == login)
    tenant = TenantId(county.tenant)
    token = built.identity.sign_in(tenant, login, person.password, ("access",))[0]
    return Scope(tenant, token.principal, "demo", new_request_id())


def _upload_id(county: County) -> UploadId:
    return UploadId(derived_id(county.tenant, "demo", "upload"))


def _filled(built: Services, county: County) -> bool:
    with suppress(NotFound):
        return built.digitisation.upload(_upload_id(county)).files >= len(scans.SCANNED)
    return False


def _import(built: Services, county: County) -> None:
    import_id = ImportId(derived_id(county.tenant, "demo", "import"))
    table = io.BytesIO(catalogue.to_csv(catalogue.rows(county)))
    name = text("cli.demo.file", "zh", county=county.name)
    built.intake.begin(table, name, import_id=import_id)
    _wait(lambda: built.intake.get(import_id).state is not ImportState.READING)
    if built.intake.get(import_id).state is ImportState.PREVIEWED:
        built.intake.confirm(import_id)
    _wait(lambda: built.intake.get(import_id).state in (ImportState.DONE, ImportState.FAILED))


def _deliver(built: Services, county: County) -> None:
    upload = built.digitisation.begin(text("cli.demo.box", "zh", county=county.name), upload_id=_upload_id(county))
    with tempfile.TemporaryDirectory() as folder:
        for file in scans.write_scans(county, Path(folder), Fonts()):
            with file.path.open("rb") as stream:
                built.digitisation.receive(upload.id, file.path.name, stream)


def _accept(built: Services, county: County) -> int:
    upload = _upload_id(county)
    _wait(lambda: built.digitisation.upload(upload).waiting == 0)
    codes = scans.SCANNED
    accepted = 0
    for code in codes[: len(codes) - LEFT_TO_TRY]:
        item = built.records.by_code(code)
        if item is None or item.state is ItemState.CATALOGUED:
            continue
        pages = built.digitisation.pages_of_item(item.id)
        if pages and all(page.state is PageState.READY for page in pages) and built.records.check(item.id).passed:
            built.records.accept(item.id, expected=built.records.get(item.id).version)
            accepted += 1
    return accepted


def _wait(over: Callable[[], bool]) -> None:
    pause = threading.Event()
    waited = 0.0
    while not over():
        if waited > PATIENCE:
            raise click.ClickException(text("cli.demo.stuck", spoken()))
        pause.wait(0.5)
        waited += 0.5


@click.command("demo")
def command() -> None:
    """Fill a running archive with the demonstration province; again, nothing changes."""
    fill(services(), lambda line: click.echo(line, err=True))
