"""Each process's role reaches what its work needs and no more."""

import uuid

import psycopg
import pytest
from psycopg import errors

from app.kernel.errors import Refused
from app.platform.database import Database, tenant_tables
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.roles import dangerous
from app.platform.settings import Settings
from app.platform.work import Works
from app.services import Services
from tenants.scope import Scope, entered
from tests.conftest import SYSTEM, County
from tests.isolation.conftest import Lived, Superuser

OPENED = {
    ("lantai_dispatcher", "quota"),
    *(
        ("lantai_province", table)
        for table in ("agreement", "audit_head", "credential", "quota", "tenant_order", "tenant_step", "usage")
    ),
}
"""Tables of counties that are a role's work, besides the jobs."""

OTHERS = [table for table in tenant_tables() if table != "job"]
CLOSED = [
    (role, table)
    for role in ("lantai_dispatcher", "lantai_province")
    for table in OTHERS
    if (role, table) not in OPENED
]


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET body = ''", "DELETE FROM audit_entry"])
def test_the_application_cannot_change_the_audit_log(postgres: EmbeddedPostgres, lived: Lived, statement: str) -> None:
    with psycopg.connect(postgres.dsn("lantai_app")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (lived.county.tenant,))
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
            connection.execute(statement.encode())


@pytest.mark.parametrize(("role", "table"), CLOSED)
def test_neither_dispatcher_nor_province_reads_records(postgres: EmbeddedPostgres, role: str, table: str) -> None:
    with psycopg.connect(postgres.dsn(role)) as connection:
        connection.execute("SELECT set_config('app.tenant', 'any', true)")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(f"SELECT 1 FROM {table}".encode())


def test_the_dispatcher_sees_the_jobs_of_all_counties(postgres: EmbeddedPostgres, lived: Lived) -> None:
    with psycopg.connect(postgres.dsn("lantai_dispatcher")) as connection:
        whose = {tenant for (tenant,) in connection.execute("SELECT DISTINCT tenant_id FROM job")}
        assert lived.county.tenant in whose
        assert connection.execute("SELECT count(*) FROM tenant").fetchone() != (0,)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM job")


def test_the_province_counts_the_jobs_that_run_and_sees_nothing_of_them(
    postgres: EmbeddedPostgres, superuser: Superuser
) -> None:
    assert superuser.rows("SELECT 1 FROM job WHERE state NOT IN ('sent', 'running') LIMIT 1")
    with psycopg.connect(postgres.dsn("lantai_province")) as connection:
        seen = {state for (state,) in connection.execute("SELECT DISTINCT state FROM job")}
    assert seen <= {"sent", "running"}


@pytest.mark.parametrize(
    ("table", "column"), [("job", "args"), ("job", "subject_id"), ("job", "principal"), ("audit_head", "roots")]
)
def test_the_province_reads_no_column_but_its_own(postgres: EmbeddedPostgres, table: str, column: str) -> None:
    with (
        psycopg.connect(postgres.dsn("lantai_province")) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT {column} FROM {table}".encode())


def test_the_dispatcher_reads_limits_of_jobs_alone(postgres: EmbeddedPostgres, lived: Lived) -> None:
    assert lived
    with psycopg.connect(postgres.dsn("lantai_dispatcher")) as connection:
        kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM quota")}
    assert kinds <= {"jobs"}


@pytest.mark.parametrize("role", ["lantai_app", "lantai_dispatcher"])
def test_only_the_province_writes_the_directory(postgres: EmbeddedPostgres, role: str) -> None:
    with psycopg.connect(postgres.dsn(role)) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("UPDATE tenant SET name = name")


@pytest.mark.parametrize("role", ["lantai_app", "lantai_dispatcher", "lantai_province"])
def test_what_processes_connect_as_is_harmless(postgres: EmbeddedPostgres, role: str) -> None:
    assert dangerous(postgres.dsn(role)) == ""


def test_owner_and_superuser_are_named(postgres: EmbeddedPostgres) -> None:
    assert dangerous(postgres.dsn("lantai_migrator")) == "owner"
    assert dangerous(postgres.dsn()) == "superuser"


def test_counties_take_turns_on_one_pooled_connection(settings: Settings, lived: Lived, neighbour: County) -> None:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    works, servers = Works(database, ()), set[int]()
    for _ in range(10):
        for county in (lived.county, neighbour):
            with entered(Scope(county.tenant, SYSTEM)), works() as work:
                connection = work.session.connection()
                servers.add(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
                found = connection.exec_driver_sql("SELECT DISTINCT tenant_id FROM account").scalars().all()
                assert found == [county.tenant]
        with pytest.raises(Exception, match="no tenant is bound"), database.unscoped() as session:
            session.connection().exec_driver_sql("SELECT 1 FROM item")
    database.close()
    assert len(servers) == 1


def test_pages_follow_the_rights_of_their_item(services: Services, superuser: Superuser, lived: Lived) -> None:
    """An accepted item is closed to scan operators, and its pages, text and images with it."""
    (page_id,) = superuser.rows(
        "SELECT p.id FROM page p JOIN item i USING (tenant_id) WHERE p.item_id = i.id AND i.state = 'catalogued'"
        " AND p.tenant_id = %s LIMIT 1",
        lived.county.tenant,
    )
    with lived.county.acting("scan"), pytest.raises(Refused):
        services.digitisation.page(uuid.UUID(str(page_id["id"])))
