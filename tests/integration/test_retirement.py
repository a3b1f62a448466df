"""A county's end: two people, a verified export of its last state, nothing left but a certificate and its name."""

import base64
import io
import uuid
from contextlib import nullcontext
from dataclasses import dataclass

import psycopg
import pytest

from app.audit.offline import read_keys
from app.audit.service import EntryFilter
from app.kernel import clock
from app.kernel.errors import Conflict, NotFound, Refused
from app.kernel.paging import PageRequest
from app.platform.database import tenant_tables
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.settings import Settings
from app.platform.vault import KeyDestroyed
from app.records.types import Description
from app.services import Services
from tenants.departure import Export, office
from tenants.directory import Tenant, TenantState, TenantTaken
from tenants.models import RetirementRow
from tenants.retirement import ChangedSince, CountyOpen, ExportMissing, Obstacle, Plan, Retirement, SecondPersonNeeded
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered
from tests import sheets
from tests.conftest import SYSTEM, County, MakeCounty
from tests.halting import killed

INSTALLER = ProvinceScope(SYSTEM, "test")
REASON = "并入邻县"


def somebody(account: uuid.UUID) -> ProvinceScope:
    return ProvinceScope(Principal(str(account), roles=frozenset({"province_admin"})), "test", "r")


FIRST, SECOND = (somebody(uuid.UUID(int=number)) for number in (1, 2))


def ignored(_done: int, _total: int) -> None:
    """Take no notice of progress."""


def export(services: Services, county: County) -> Export:
    begun = services.departures.begin(county.tenant, FIRST, job=False)
    with entered(office(FIRST)):
        return services.departures.run(begun.id, ignored)


def suspend(services: Services, county: County) -> None:
    services.directory.suspend(county.tenant, TenantState.SUSPENDED, REASON, FIRST)


def carry_out(services: Services, retirement: Retirement) -> Retirement:
    with entered(office(SECOND)):
        return services.retirements.run(retirement.id, ignored)


def living(make_county: MakeCounty, services: Services) -> County:
    """Return a county with a record, a file and a sealed value."""
    county = make_county()
    with county.acting("archivist"):
        services.records.create(Description(fonds_code="Z109", title="移交清册", archive_file_no="001"))
        upload = services.digitisation.begin("一箱")
        services.digitisation.receive(upload.id, "一.jpg", io.BytesIO(sheets.jpeg("移交清册")))
        services.vault.seal("秘", context="test")
    return county


@pytest.fixture
def lived(make_county: MakeCounty, services: Services) -> County:
    """Return a county of a test's own."""
    return living(make_county, services)


@pytest.fixture(scope="module")
def leaving(make_county: MakeCounty, services: Services) -> County:
    """Return a county suspended and exported, which no test ends."""
    county = living(make_county, services)
    suspend(services, county)
    export(services, county)
    return county


@dataclass(frozen=True)
class Gone:
    """A county that was ended, and what there had been of it."""

    county: County
    entry: Tenant
    before: dict[str, int]
    plan: Plan
    done: Retirement


@pytest.fixture(scope="module")
def gone(make_county: MakeCounty, services: Services, postgres: EmbeddedPostgres) -> Gone:
    county = living(make_county, services)
    suspend(services, county)
    export(services, county)
    before, plan = rows_of(postgres, county), services.retirements.plan(county.tenant, FIRST)
    assert rows_of(postgres, county) == before
    proposed = services.retirements.propose(county.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, county.tenant, SECOND, job=False)
    entry = services.directory.get(county.tenant)
    return Gone(county, entry, before, plan, carry_out(services, proposed))


def rows_of(postgres: EmbeddedPostgres, county: County) -> dict[str, int]:
    with psycopg.connect(postgres.dsn()) as connection:
        counted = {
            table: connection.execute(
                f"SELECT count(*) FROM {table} WHERE tenant_id = %s".encode(), (county.tenant,)
            ).fetchone()
            for table in tenant_tables()
        }
    return {table: rows[0] for table, rows in counted.items() if rows and rows[0]}


def test_the_plan_tells_what_is_destroyed(gone: Gone) -> None:
    assert gone.plan.obstacles == ()
    assert gone.plan.rows == gone.before
    assert gone.plan.objects == gone.before["stored_object"]


def test_nothing_is_left_but_the_notes_written_for_good(
    gone: Gone, services: Services, postgres: EmbeddedPostgres, settings: Settings
) -> None:
    tenant = gone.county.tenant
    assert rows_of(postgres, gone.county) == {"tenant_key": 1}
    with psycopg.connect(postgres.dsn()) as connection:
        key = connection.execute(
            "SELECT wrapped, destroyed_at IS NULL FROM tenant_key WHERE tenant_id = %s", (tenant,)
        ).fetchone()
    assert key == (None, False)
    for site in (settings.site_a, settings.site_b):
        assert {path.name for path in (site / tenant).iterdir()} == {"audit"}
    assert services.directory.get(tenant).state == "retired"
    with entered(Scope(tenant, SYSTEM)), pytest.raises(KeyDestroyed):
        services.vault.seal("秘", context="test")


def test_a_certificate_remains(gone: Gone, settings: Settings) -> None:
    done = gone.done
    assert done.destroyed is not None
    assert done.destroyed["item"] == gone.before["item"]
    words = (REASON, gone.entry.name, done.export_digest, done.proposed_by, str(done.approved_by))
    for word in words:
        assert word in done.certificate
    laid = settings.data / "exports" / f"{gone.county.tenant}-{done.id}.txt"
    assert laid.read_text("utf-8") == done.certificate


def test_the_certificate_is_signed_with_the_key_of_the_checkpoints(gone: Gone, services: Services) -> None:
    told, _, signature = gone.done.certificate.rpartition("\n— ")
    name, _, packed = signature.strip().partition(" ")
    key = next(key for key in read_keys("\n".join(services.audit.keys())) if key.name == name)
    sealed = base64.b64decode(packed)
    assert sealed[:4] == key.id()
    assert key.signed(told.encode(), sealed[4:])
    assert not key.signed(told.replace(REASON, "别的原因").encode(), sealed[4:])


def test_each_step_may_be_repeated(gone: Gone, services: Services) -> None:
    assert carry_out(services, gone.done) == gone.done
    assert services.retirements.approve(gone.done.id, gone.county.tenant, SECOND, job=False) == gone.done
    assert services.retirements.of(gone.county.tenant, FIRST) == (gone.done,)


def test_its_name_and_code_are_given_to_nobody(gone: Gone, services: Services) -> None:
    entry = gone.entry
    for slug, code in ((entry.id, "000001"), ("anothercounty", entry.archive_code)):
        with pytest.raises(TenantTaken):
            services.directory.create(Tenant(TenantId(slug), "别的馆", entry.division_code, code), INSTALLER)
    with pytest.raises(Conflict):
        services.directory.resume(entry.id, FIRST)
    with pytest.raises(Conflict):
        services.departures.begin(entry.id, FIRST)


def test_an_open_county_is_not_ended(services: Services, lived: County) -> None:
    export(services, lived)
    refuses(services, lived, CountyOpen)


def refuses(services: Services, county: County, obstacle: type[Obstacle]) -> None:
    assert [type(told) for told in services.retirements.plan(county.tenant, FIRST).obstacles][:1] == [obstacle]
    with pytest.raises(obstacle):
        services.retirements.propose(county.tenant, FIRST, reason=REASON)


def test_an_export_must_be_of_the_last_state(services: Services, lived: County) -> None:
    export(services, lived)
    suspend(services, lived)
    refuses(services, lived, ExportMissing)
    export(services, lived)
    services.retirements.propose(lived.tenant, FIRST, reason=REASON)
    services.directory.resume(lived.tenant, FIRST)
    suspend(services, lived)
    refuses(services, lived, ExportMissing)


def test_nothing_may_have_been_done_since_the_export(services: Services, lived: County) -> None:
    suspend(services, lived)
    export(services, lived)
    proposed = services.retirements.propose(lived.tenant, FIRST, reason=REASON)
    with lived.acting("archivist"):  # a job that was under way when the county was suspended
        services.records.create(Description(fonds_code="Z109", title="迟到的一件", archive_file_no="002"))
    refuses(services, lived, ChangedSince)
    with pytest.raises(ChangedSince):
        services.retirements.approve(proposed.id, lived.tenant, SECOND, job=False)


def test_giving_back_an_old_token_stands_against_nothing(services: Services, lived: County) -> None:
    (held,) = lived.signed_in("archivist", "refresh")
    suspend(services, lived)
    export(services, lived)
    proposed = services.retirements.propose(lived.tenant, FIRST, reason=REASON)
    services.identity.sign_out(held.secret)
    services.retirements.approve(proposed.id, lived.tenant, SECOND, job=False)
    assert carry_out(services, proposed).destroyed_at


def test_killed_midway_it_goes_on_where_it_was_left(
    services: Services, lived: County, settings: Settings, postgres: EmbeddedPostgres
) -> None:
    """Rows and key go in one transaction; then objects; then the certificate is made."""
    suspend(services, lived)
    export(services, lived)
    proposed = services.retirements.propose(lived.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, lived.tenant, SECOND, job=False)
    killed(settings, "retire", str(proposed.id))
    assert rows_of(postgres, lived) == {"tenant_key": 1}
    assert services.retirements.get(proposed.id, lived.tenant, FIRST).certificate == ""
    assert (settings.site_a / lived.tenant / "originals").exists()
    done = carry_out(services, proposed)
    assert done.certificate
    assert not (settings.site_a / lived.tenant / "originals").exists()


def test_one_person_is_not_two(services: Services, leaving: County, postgres: EmbeddedPostgres) -> None:
    """Neither under the same account, nor under another account of the same person."""
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with pytest.raises(SecondPersonNeeded):
        services.retirements.approve(proposed.id, leaving.tenant, FIRST, job=False)
    with pytest.raises(SecondPersonNeeded):
        carry_out(services, proposed)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        one, other = (uuid.uuid4() for _ in range(2))
        for account in (one, other):
            connection.execute(
                "INSERT INTO account (tenant_id, id, login, display_name, password_hash, roles, state, failures,"
                " created_at, created_by, issuer, subject, person, password_changed_at, must_change)"
                " VALUES ('province', %s, %s, '', '', '[]', 'active', 0, now(), '', '', '', 'the same', now(), false)",
                (account, str(account)),
            )
    again = services.retirements.propose(leaving.tenant, somebody(one), reason=REASON)
    with pytest.raises(SecondPersonNeeded):
        services.retirements.approve(again.id, leaving.tenant, somebody(other), job=False)


@pytest.mark.parametrize("role", ["system", "archivist", "sys_admin", "audit_admin"])
def test_only_administrators_of_the_province_end_a_county(services: Services, leaving: County, role: str) -> None:
    scope = ProvinceScope(Principal(str(uuid.uuid4()), roles=frozenset({role})), "test")
    with pytest.raises(Refused):
        services.retirements.propose(leaving.tenant, scope, reason=REASON)
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with pytest.raises(Refused):
        services.retirements.approve(proposed.id, leaving.tenant, scope)


def test_a_proposal_is_of_its_county(services: Services, leaving: County, county: County) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with pytest.raises(NotFound):
        services.retirements.approve(proposed.id, county.tenant, SECOND)
    with pytest.raises(NotFound):
        services.retirements.propose(PROVINCE, FIRST, reason=REASON)


UNDONE = {
    "not approved": "UPDATE tenant_retirement SET approved_by = NULL, approver = NULL, approved_at = NULL",
    "not suspended": "UPDATE tenant SET state = 'active'",
    "changed since": "UPDATE tenant SET changed_at = now()",
    "not verified": "UPDATE tenant_export SET verified_at = NULL",
    "verified late": "UPDATE tenant_export SET verified_at = now()",
    "done since": "UPDATE tenant_export SET facts = jsonb_set(facts, '{audit,size}', '0')",
    "other county": "UPDATE tenant_export SET county = 'another'",
}


@pytest.mark.parametrize("undone", ["", *UNDONE])
def test_the_database_looks_everything_up_itself(
    services: Services, leaving: County, postgres: EmbeddedPostgres, undone: str
) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with entered(office(SECOND)), services.works() as work:  # approved, and handed to no worker
        row = work.session.get_one(RetirementRow, (PROVINCE, proposed.id))
        row.approved_by, row.approver, row.approved_at = SECOND.principal.id, "another", clock.now()
    with psycopg.connect(postgres.dsn()) as connection:
        if undone:
            whose = "id" if "UPDATE tenant SET" in UNDONE[undone] else "county"
            connection.execute(f"{UNDONE[undone]} WHERE {whose} = %s".encode(), (leaving.tenant,))
        connection.execute("SET ROLE lantai_province")
        with pytest.raises(psycopg.DatabaseError, match="may not be destroyed") if undone else nullcontext():
            connection.execute("SELECT county_destroy(%s, %s)", (leaving.tenant, proposed.id))
        connection.rollback()


def test_no_row_can_say_that_one_person_did_both(
    services: Services, leaving: County, postgres: EmbeddedPostgres
) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with psycopg.connect(postgres.dsn()) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE tenant_retirement SET approved_by = proposed_by, approver = '' WHERE id = %s", (proposed.id,)
        )


def test_both_logs_tell_of_it(services: Services, leaving: County) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    for tenant in (leaving.tenant, PROVINCE):
        with entered(Scope(tenant, Principal("system:test", roles=frozenset({"audit_admin"})))):
            rows = services.audit.page(PageRequest(), EntryFilter(action="departure:")).rows
        assert (rows[0].action, rows[0].object_id) == ("departure:retirement:proposed", proposed.id)
        assert {"departure:export:asked", "departure:export:finished"} <= {entry.action for entry in rows}
