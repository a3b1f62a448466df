"""A county's end: two people, a verified export of its last state, nothing left but a certificate and its name."""

import base64
import io
import uuid

import psycopg
import pytest

from app.audit.offline import read_keys
from app.audit.service import EntryFilter
from app.kernel.errors import Conflict, NotFound, Refused
from app.kernel.paging import PageRequest
from app.platform.database import tenant_tables
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.settings import Settings
from app.records.types import Description
from app.services import Services
from tenants.departure import Export, office
from tenants.directory import Tenant, TenantState, TenantTaken
from tenants.retirement import ChangedSince, CountyOpen, ExportMissing, Obstacle, Retirement, SecondPersonNeeded
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered
from tests import sheets
from tests.conftest import SYSTEM, County, MakeCounty

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


@pytest.fixture
def lived(make_county: MakeCounty, services: Services) -> County:
    """Return a county with a record, a file and a sealed value."""
    county = make_county()
    with county.acting("archivist"):
        services.records.create(Description(fonds_code="Z109", title="移交清册", archive_file_no="001"))
        upload = services.digitisation.begin("一箱")
        services.digitisation.receive(upload.id, "一.jpg", io.BytesIO(sheets.jpeg("移交清册")))
        services.vault.seal("秘", context="test")
    return county


@pytest.fixture
def leaving(services: Services, lived: County) -> County:
    """Return the county suspended and exported."""
    suspend(services, lived)
    export(services, lived)
    return lived


def rows_of(postgres: EmbeddedPostgres, county: County) -> dict[str, int]:
    with psycopg.connect(postgres.dsn()) as connection:
        counted = {
            table: connection.execute(
                f"SELECT count(*) FROM {table} WHERE tenant_id = %s".encode(), (county.tenant,)
            ).fetchone()
            for table in tenant_tables()
        }
    return {table: rows[0] for table, rows in counted.items() if rows and rows[0]}


def test_a_county_leaves_nothing_but_a_certificate(
    services: Services, leaving: County, postgres: EmbeddedPostgres, settings: Settings
) -> None:
    before = rows_of(postgres, leaving)
    plan = services.retirements.plan(leaving.tenant, FIRST)
    assert plan.obstacles == ()
    assert plan.rows == before
    assert plan.objects == before["stored_object"]
    assert rows_of(postgres, leaving) == before
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)
    done = carry_out(services, proposed)
    assert rows_of(postgres, leaving) == {"tenant_key": 1}
    with psycopg.connect(postgres.dsn()) as connection:
        key = connection.execute(
            "SELECT wrapped, destroyed_at IS NULL FROM tenant_key WHERE tenant_id = %s", (leaving.tenant,)
        )
        assert key.fetchone() == (None, False)
    for site in (settings.site_a, settings.site_b):
        assert {path.name for path in (site / leaving.tenant).iterdir()} == {"audit"}
    assert services.directory.get(leaving.tenant).state == "retired"
    assert done.destroyed is not None
    assert done.destroyed["item"] == before["item"]
    for word in (REASON, plan.county.name, done.export_digest, done.proposed_by, str(done.approved_by)):
        assert word in done.certificate
    assert (settings.data / "exports" / f"{leaving.tenant}-{proposed.id}.txt").read_text("utf-8") == done.certificate


def test_the_certificate_is_signed_with_the_key_of_the_checkpoints(services: Services, leaving: County) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)
    certificate = carry_out(services, proposed).certificate
    told, _, signature = certificate.rpartition("\n— ")
    name, _, packed = signature.strip().partition(" ")
    key = next(key for key in read_keys("\n".join(services.audit.keys())) if key.name == name)
    sealed = base64.b64decode(packed)
    assert sealed[:4] == key.id()
    assert key.signed(told.encode(), sealed[4:])
    assert not key.signed(told.replace(REASON, "别的原因").encode(), sealed[4:])


def test_each_step_may_be_repeated(services: Services, leaving: County) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    for _ in range(2):
        services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)
    done = carry_out(services, proposed)
    assert carry_out(services, proposed) == done
    assert services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False) == done
    assert services.retirements.of(leaving.tenant, FIRST) == (done,)


def test_its_name_and_code_are_given_to_nobody(services: Services, leaving: County) -> None:
    gone = services.directory.get(leaving.tenant)
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)
    carry_out(services, proposed)
    for slug, code in ((gone.id, "000001"), ("anothercounty", gone.archive_code)):
        with pytest.raises(TenantTaken):
            services.directory.create(Tenant(TenantId(slug), "别的馆", gone.division_code, code), INSTALLER)
    with pytest.raises(Conflict):
        services.directory.resume(leaving.tenant, FIRST)
    with pytest.raises(Conflict):
        services.departures.begin(leaving.tenant, FIRST)


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


def test_nothing_may_have_been_done_since_the_export(services: Services, leaving: County) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    with leaving.acting("archivist"):  # a job that was under way when the county was suspended
        services.records.create(Description(fonds_code="Z109", title="迟到的一件", archive_file_no="002"))
    refuses(services, leaving, ChangedSince)
    with pytest.raises(ChangedSince):
        services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)


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


@pytest.mark.parametrize("undone", UNDONE)
def test_the_database_looks_everything_up_itself(
    services: Services, leaving: County, postgres: EmbeddedPostgres, undone: str
) -> None:
    proposed = services.retirements.propose(leaving.tenant, FIRST, reason=REASON)
    services.retirements.approve(proposed.id, leaving.tenant, SECOND, job=False)
    before = rows_of(postgres, leaving)
    whose = "id" if "UPDATE tenant SET" in UNDONE[undone] else "county"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"{UNDONE[undone]} WHERE {whose} = %s".encode(), (leaving.tenant,))
    with (
        psycopg.connect(postgres.dsn("lantai_province")) as connection,
        pytest.raises(psycopg.DatabaseError, match="may not be destroyed"),
    ):
        connection.execute("SELECT county_destroy(%s, %s)", (leaving.tenant, proposed.id))
    assert rows_of(postgres, leaving) == before


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
    for tenant, told in (
        (leaving.tenant, ["departure:retirement:proposed", "departure:export:finished", "departure:export:asked"]),
        (PROVINCE, ["departure:retirement:proposed", "departure:export:finished", "departure:export:asked"]),
    ):
        with entered(Scope(tenant, Principal("system:test", roles=frozenset({"audit_admin"})))):
            rows = services.audit.page(PageRequest(), EntryFilter(action="departure:")).rows
        assert [entry.action for entry in rows][:3] == told
        assert rows[0].object_id == proposed.id
