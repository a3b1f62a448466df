"""A county that has been through the whole journey, whose rows, pages and jobs another county must never meet."""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from app.audit.offline import TILE
from app.audit.service import log_id
from app.audit.types import refusal
from app.identity.types import Caller, NewAccount, SignInFailed
from app.intake.types import ImportId
from app.kernel.errors import NotFound
from app.kernel.events import Event
from app.kernel.ids import derived_id
from app.kernel.paging import PageRequest
from app.platform.embedded.postgres import EmbeddedPostgres
from app.records.types import Description, ItemQuery
from app.services import Services
from tenants.scope import ProvinceScope, Scope, entered
from tests import sheets
from tests.conftest import PASSWORD, SYSTEM, County, MakeCounty
from tests.integration.test_agreements import concluded
from tests.integration.test_clients import bureau
from tests.integration.test_lookups import ask

WORD = "柳荫渡口"
"""Stands in titles, on a page and in names of the first county alone."""

FILLED_BY_HAND = {
    "series": "INSERT INTO series (tenant_id, id, fonds_id, series_code, title)"
    " SELECT tenant_id, gen_random_uuid(), id, 'WS', '文书' FROM fonds WHERE tenant_id = %s LIMIT 1",
    "code_rule": "INSERT INTO code_rule (tenant_id, id, name, fonds_code, category_code, rank, rule)"
    """ VALUES (%s, gen_random_uuid(), '甲', 'Z999', 'WS', 1, '{"segments": [], "width": 4}')""",
    "tenant_order": "INSERT INTO tenant_order (tenant_id, administrators, asked_by, asked_at)"
    " VALUES (%s, '[]', 'x', now())",
    "organization": "INSERT INTO organization (tenant_id, issuer, organization_id, created_at)"
    " VALUES (%s, 'x', gen_random_uuid(), now())",
    "logout_token": "INSERT INTO logout_token (tenant_id, jti, expires_at) VALUES (%s, 'x', now())",
    "tenant_step": "INSERT INTO tenant_step (tenant_id, name, state, attempts) VALUES (%s, 'keys', 'done', 1)",
    "citizen": "INSERT INTO citizen (tenant_id, id, issuer, subject, created_at)"
    " VALUES (%s, gen_random_uuid(), 'phone', 'x', now())",
    "citizen_code": "INSERT INTO citizen_code (tenant_id, id, subject, phone, client, digest, tries, used, created_at)"
    " VALUES (%s, gen_random_uuid(), 'x', 'x', 'x', 'x', 0, false, now())",
    "citizen_session": "INSERT INTO citizen_session"
    " (tenant_id, id, citizen_id, digest, created_at, expires_at, ends_at)"
    " SELECT tenant_id, gen_random_uuid(), id, 'x', now(), now(), now() FROM citizen WHERE tenant_id = %s LIMIT 1",
    "tenant_export": "INSERT INTO tenant_export"
    " (tenant_id, id, county, folder, key, asked_by, asked_at, digest, facts)"
    " VALUES (%s, gen_random_uuid(), '', '', '', '', now(), '', '{}')",
    "tenant_retirement": "INSERT INTO tenant_retirement"
    " (tenant_id, id, county, export_id, reason, proposed_by, proposer, proposed_at, facts)"
    " SELECT tenant_id, gen_random_uuid(), county, id, '', '', '', now(), '{}' FROM tenant_export WHERE tenant_id = %s",
}
"""Tables that no verb of the product writes yet, or none for a county."""


@dataclass(frozen=True, slots=True)
class Counted(Event):
    """Something of no consequence, of which a tile of the audit log is made."""

    action: ClassVar[str] = "tests:thing:counted"


AsApp = Callable[[County], AbstractContextManager[psycopg.Connection[DictRow]]]


@dataclass(frozen=True)
class Lived:
    """A county with rows in every table.

    Attributes
    ----------
    ids : mapping
        An id of each kind, by the name that addresses use.
    subjects : mapping
        What each task is about, by the name of the task.
    """

    county: County
    ids: Mapping[str, uuid.UUID]
    subjects: Mapping[str, uuid.UUID]


class Superuser:
    """Looks at the database past row security."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    def rows(self, query: str, *values: object) -> list[dict[str, object]]:
        return self._connection.execute(query.encode(), values).fetchall()

    def row_of(self, table: str, county: County) -> dict[str, object]:
        found = self.rows(f"SELECT to_jsonb(t) AS row FROM {table} t WHERE tenant_id = %s LIMIT 1", county.tenant)
        assert found, f"{table} has no row in the test: drive a verb that writes it, or name it in FILLED_BY_HAND"
        row = found[0]["row"]
        assert isinstance(row, dict)
        return row

    def state(self, tables: list[str], county: County) -> dict[str, object]:
        """Return a digest of each table's rows of a county."""
        query = "SELECT count(*) || ':' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') AS d FROM {} t"
        return {t: self.rows(query.format(t) + " WHERE tenant_id = %s", county.tenant)[0]["d"] for t in tables}


@pytest.fixture(scope="session")
def superuser(postgres: EmbeddedPostgres) -> Iterator[Superuser]:
    with psycopg.Connection[DictRow].connect(postgres.dsn(), autocommit=True, row_factory=dict_row) as connection:
        yield Superuser(connection)


@pytest.fixture(scope="session")
def as_app(postgres: EmbeddedPostgres) -> AsApp:
    """Return a way to a transaction under the application's role, bound to a county."""

    @contextmanager
    def connect(county: County) -> Iterator[psycopg.Connection[DictRow]]:
        with psycopg.Connection[DictRow].connect(postgres.dsn("lantai_app"), row_factory=dict_row) as connection:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (county.tenant,))
            yield connection
            connection.rollback()

    return connect


def _zip(**files: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    out.seek(0)
    return out


def _across(county: County, partner: County) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
    """Bring an agreement into force, ask once under it, and let a program have a token."""
    agreement = concluded(county, partner)
    lookup = ask(county, partner, WORD)
    client = bureau(county, "records:read")
    client.at()
    return agreement.id, lookup.id, client.client.id


def _keep_accounts(county: County) -> uuid.UUID:
    """Make an account, give it a role, let its person in for the first time, and a stranger fail."""
    with county.acting("sysadmin"):
        new = NewAccount("zhang", f"{WORD}某人", "11010519491231002X", "13800138000")
        account, password = county.services.accounts.create(new)
    with county.acting("secadmin"):
        county.services.accounts.grant(account.id, "director")
    identity = county.services.identity
    pending = identity.begin(county.tenant, account.login, password, Caller())
    identity.renew_password(pending.secret, PASSWORD)
    county.code("audit")
    with suppress(SignInFailed):
        identity.begin(county.tenant, "nobody", PASSWORD, Caller("192.0.2.1"))
    return account.id


def _alarmed(county: County) -> uuid.UUID:
    """Have somebody refused so often that an alert is raised."""
    services = county.services
    with county.acting("scan"):
        for n in range(10):
            services.audit.note(refusal(NotFound("item"), county.tenant, door="api", act="GET", asked=str(n)))
    with entered(Scope(county.tenant, SYSTEM)):
        services.alerts.detect()
    with county.acting("secadmin"):
        return services.alerts.page(PageRequest()).rows[0].id


@pytest.fixture(scope="session")
def lived(make_county: MakeCounty, services: Services, superuser: Superuser, work_off: Callable[[], int]) -> Lived:
    """Return a county that imported, scanned, numbered, checked and accepted."""
    county = make_county()
    with county.acting("archivist"):
        table = sheets.catalogue(sheets.catalogue_row(1, f"关于{WORD}修缮的通知", person=WORD), sheets.catalogue_row(2))
        begun = services.intake.begin(io.BytesIO(table), f"{WORD}.csv")
    work_off()
    with county.acting("archivist"):
        services.intake.remap(ImportId(begun.id), services.intake.get(begun.id).mapping)
    work_off()
    with county.acting("archivist"):
        services.intake.confirm(begun.id)
    work_off()
    with county.acting("archivist"):
        first, second = services.records.items(ItemQuery(), PageRequest()).rows
        services.records.revise(first.id, {"ref_code": "", "archive_file_no": ""}, expected=1, reason=WORD)
        coded = services.records.allocate_code(first.id, expected=2)
        services.records.revise(second.id, {"note": WORD}, expected=1, reason=WORD)
        bound = services.records.create(
            Description(fonds_code="Z109", title=f"{WORD}案卷", archive_file_no="001", ref_code="Z109-001-001-001")
        )
        upload = services.digitisation.begin(f"{WORD}扫描")
        name = f"{coded.ref_code}-1.jpg"
        page = services.digitisation.receive(upload.id, name, io.BytesIO(sheets.jpeg(f"{WORD}修缮经费已经下达"))).pages[
            0
        ]
        stray = services.digitisation.receive(
            upload.id, f"{WORD}.png", io.BytesIO(sheets.encoded(sheets.sheet(["无处安放"], size=(300, 150)), "PNG"))
        ).pages[0]
        services.vault.seal(WORD, context="test")
        zipped = services.digitisation.receive(upload.id, f"{WORD}.zip", _zip(**{"坏.jpg": b"not a picture"}))
    work_off()
    with county.acting("archivist"):
        assert services.records.check(coded.id).passed
        services.records.accept(coded.id, expected=services.records.get(coded.id).version)
    work_off()
    with county.acting("audit"), services.works() as work:
        work.record(*(Counted(log_id(county.tenant)) for _ in range(TILE)))
    with county.acting("audit"):
        services.audit.checkpoint()
    services.quotas.set(county.tenant, "pages", 100, 1000, ProvinceScope(SYSTEM, "test"))
    agreement, lookup, client = _across(county, make_county())
    account = _keep_accounts(county)
    with county.acting("archivist"):
        services.digitisation.read(page.id)
    alert = _alarmed(county)
    for statement in FILLED_BY_HAND.values():
        superuser._connection.execute(statement.encode(), (county.tenant,))
    job = superuser.rows("SELECT id FROM job WHERE tenant_id = %s AND subject_id = %s", county.tenant, stray.id)[0]
    ids = {
        "item_id": coded.id,
        "upload_id": upload.id,
        "page_id": page.id,
        "import_id": begun.id,
        "job_id": uuid.UUID(str(job["id"])),
        "stray": stray.id,
        "open_item": bound.id,
        "account_id": account,
        "session_id": uuid.UUID(services.identity.principal(county.token(), ("access",)).session),
        "agreement_id": agreement,
        "lookup_id": lookup,
        "client_id": client,
        "alert_id": alert,
    }
    assert zipped.file_id
    subjects = {
        "audit.checkpoint": log_id(county.tenant),
        "audit.detect": log_id(county.tenant),
        "departure.export": uuid.UUID(str(superuser.row_of("tenant_export", county)["id"])),
        "departure.retire": uuid.UUID(str(superuser.row_of("tenant_retirement", county)["id"])),
        "digitisation.page": page.id,
        "digitisation.unpack": zipped.file_id,
        "intake.read": begun.id,
        "intake.write": begun.id,
        "search.index_item": coded.id,
        "tenants.provision": derived_id("tenant", county.tenant),
    }
    return Lived(county, ids, subjects)


@pytest.fixture(scope="session")
def neighbour(make_county: MakeCounty) -> County:
    """Return the county that must see nothing."""
    return make_county()
