"""Counties stay apart on the server of production: one server connection, passed from county to county."""

import uuid
from collections.abc import Iterator
from itertools import cycle, islice

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError, ProgrammingError

from app.audit.service import Writer
from app.platform.database import Base, Database, tenant_tables
from app.platform.jobs import JobRow
from app.platform.provincial import ProvinceWorks
from app.platform.work import Works
from migrations import metadata
from tenants.directory import Directory, Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM
from tests.stack.conftest import Postgres

assert metadata  # it gathers every room's tables
pytestmark = pytest.mark.stack

SERVER = text("SELECT pg_backend_pid()")
EAST = Scope(TenantId("east"), Principal("system:test"))
WEST = Scope(TenantId("west"), Principal("system:test"))


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Database]:
    """Connect as the application does: often to PgBouncer, which has one connection to the server."""
    database = Database(postgres.pooled("lantai_app"))
    province = Database(postgres.pooled("lantai_province"))
    directory = Directory(database, ProvinceWorks(province, Writer(entries=10_000, minutes=5)))
    for number, scope in enumerate((EAST, WEST)):
        county = Tenant(scope.tenant, scope.tenant, f"33010{number}", f"43310{number}")
        directory.create(county, ProvinceScope(SYSTEM, "test"))
    yield database
    database.close()
    province.close()


def seen(database: Database, scope: Scope) -> tuple[int, set[str]]:
    """Return which server connection answers, and whose jobs it shows."""
    with database.scoped(scope) as session:
        return session.scalars(SERVER).one(), set(session.scalars(select(JobRow.tenant_id)))


def sqlstate(error: DatabaseError) -> object:
    return getattr(error.orig, "sqlstate", None)


def test_counties_take_turns_on_one_server_connection_and_never_meet(database: Database) -> None:
    works = Works(database, ())
    servers: set[int] = set()
    for scope in islice(cycle((EAST, WEST)), 40):
        with entered(scope), works() as work:
            work.jobs.ask("test", uuid.uuid4())
        server, whose = seen(database, scope)
        servers.add(server)
        assert whose == {scope.tenant}
    assert len(servers) == 1


def test_two_clients_at_once_are_each_their_own_county(database: Database) -> None:
    with database.engine.connect() as one, database.engine.connect() as other:
        assert one is not other
        for connection, scope in islice(cycle(((one, EAST), (other, WEST))), 20):
            with connection.begin():
                connection.execute(text("SELECT set_config('app.tenant', :t, true)"), {"t": scope.tenant})
                assert set(connection.scalars(select(JobRow.tenant_id))) == {scope.tenant}


@pytest.mark.parametrize("table", tenant_tables())
def test_without_a_county_no_table_answers(database: Database, table: str) -> None:
    server, _ = seen(database, EAST)
    with database.unscoped() as session:
        assert session.scalars(SERVER).one() == server
        with pytest.raises(DatabaseError) as refusal:
            session.execute(select(1).select_from(Base.metadata.tables[table])).all()
        session.rollback()
    assert sqlstate(refusal.value) == "LT001"


def test_nothing_stays_bound_after_a_transaction_that_failed(database: Database) -> None:
    with pytest.raises(ProgrammingError), database.scoped(EAST) as session:
        session.execute(text("SELECT * FROM nowhere"))
    with pytest.raises(DatabaseError) as refusal, database.unscoped() as session:
        session.scalars(select(JobRow.id)).all()
    assert sqlstate(refusal.value) == "LT001"


def test_a_row_cannot_be_written_for_another_county(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), database.scoped(EAST) as session:
        session.execute(text("UPDATE job SET tenant_id = 'west'"))


def test_the_application_cannot_switch_isolation_off(database: Database) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), database.scoped(EAST) as session:
        session.scalars(text("SET LOCAL row_security = off; SELECT id FROM job")).all()
    with pytest.raises(ProgrammingError, match="must be owner"), database.scoped(EAST) as session:
        session.execute(text("ALTER TABLE job DISABLE ROW LEVEL SECURITY"))
