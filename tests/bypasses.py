"""Ways past row security that are known, each tried on a server; the same for each kind of server.

Whoever inherits from `Bypasses` gives a fixture ``ground``: two counties, of which the second tries to see the first.
"""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.rows import TupleRow
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.platform.database import Database
from app.platform.jobs import JobRow
from app.platform.work import Works
from app.records.models import ItemRow
from app.records.types import Description
from app.services import Services
from tenants.directory import Tenant
from tenants.scope import ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM

WORD = "芦花渡槽"
CODE = "Z109-WS·2011-Y-BGS-0777"
ROWS = ("fonds", "item", "job", "audit_entry", "search_document")
"""Tables with rows of the first county, one of each way of being written."""

Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True)
class Ground:
    """Two counties on a server.

    Attributes
    ----------
    app : str
        As the application connects: straight, or through PgBouncer.
    straight : str
        The application's role, straight to the server.
    superuser : str
    first, second : TenantId
        The first has rows; the second looks for them.
    item : UUID
        Of the first.
    """

    app: str
    straight: str
    superuser: str
    first: TenantId
    second: TenantId
    item: uuid.UUID

    @contextmanager
    def as_second(self, *, straight: bool = False) -> Iterator[Connection]:
        """Open a transaction of the second county, undone at its end."""
        with psycopg.connect(self.straight if straight else self.app, prepare_threshold=None) as connection:
            bind(connection, self.second)
            yield connection
            connection.rollback()

    @contextmanager
    def as_superuser(self) -> Iterator[Connection]:
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            yield connection


def bind(connection: Connection, tenant: str) -> None:
    connection.execute("SELECT set_config('app.tenant', %s, true)", (tenant,))


def one(connection: Connection, query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def peopled(services: Services, *, app: str, straight: str, superuser: str) -> Ground:
    """Return two counties, the first with a described item."""
    serial = uuid.uuid4().int
    tenants = [TenantId(f"{side}{serial % 10**9}") for side in "fs"]
    for number, tenant in enumerate(tenants):
        code = f"{(serial + number) % 10**6:06d}"
        services.directory.create(Tenant(tenant, tenant, "990121", code), ProvinceScope(SYSTEM, "test"))
    archivist = type(SYSTEM)("account:test", roles=frozenset({"archivist"}))
    with entered(Scope(tenants[0], archivist, request_id="r")):
        services.records.create_fonds("Z109", WORD)
        item = services.records.create(Description(fonds_code="Z109", title=WORD, ref_code=CODE, year=2011))
        services.records.revise(item.id, {"title": f"{WORD}的请示"}, expected=item.version, reason="t")
    return Ground(app, straight, superuser, tenants[0], tenants[1], item.id)


def verbs(table: str) -> list[str]:
    return [
        f"SELECT * FROM {table}",
        f"SELECT count(*) FROM {table}",
        f"UPDATE {table} SET tenant_id = tenant_id",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"SELECT * FROM {table} FOR SHARE",
        f"COPY {table} TO STDOUT",
        f"COPY (SELECT * FROM {table}) TO STDOUT",
    ]


def run(connection: Connection, statement: str) -> list[object]:
    """Run a statement and return what it hands out."""
    with connection.cursor() as cursor:
        if statement.startswith("COPY"):
            with cursor.copy(statement.encode()) as copy:
                return list(copy.rows())
        cursor.execute(statement.encode())
        return list(cursor) if cursor.description else [cursor.rowcount] * bool(cursor.rowcount > 0)


class Bypasses:
    """Each way is one test."""

    @pytest.mark.parametrize("statement", [verb for table in ROWS for verb in verbs(table)])
    def test_without_a_county_nothing_is_said(self, ground: Ground, statement: str) -> None:
        with psycopg.connect(ground.app, prepare_threshold=None) as connection:
            with pytest.raises(psycopg.DatabaseError) as refusal:
                run(connection, statement)
            connection.rollback()
        refused = (errors.InsufficientPrivilege, errors.GeneratedAlways)
        assert refusal.value.sqlstate == "LT001" or isinstance(refusal.value, refused)
        assert WORD not in str(refusal.value)

    @pytest.mark.parametrize("statement", [verb for table in ROWS for verb in verbs(table)])
    def test_another_county_gets_nothing(self, ground: Ground, statement: str) -> None:
        with ground.as_second() as connection:
            try:
                told = run(connection, statement)
            except (errors.InsufficientPrivilege, errors.GeneratedAlways):
                return
            assert [row for row in told if row not in ((0,), ["0"], ("0",)) and ground.first in str(row)] == []
            assert WORD not in str(told)

    @pytest.mark.parametrize("how", ["commit", "rollback", "error", "killed", "savepoint"])
    def test_the_county_of_the_former_transaction_is_gone(self, ground: Ground, how: str) -> None:
        before = psycopg.connect(ground.app, prepare_threshold=None)
        bind(before, ground.first)
        server = one(before, "SELECT pg_backend_pid()")
        assert one(before, "SELECT count(*) FROM item") == 1
        if how == "error":
            with pytest.raises(errors.DivisionByZero):
                before.execute("SELECT 1 / 0")
        if how == "savepoint":
            before.execute("SAVEPOINT s")
            bind(before, ground.first)
            before.execute("RELEASE s")
        if how == "killed":
            os.close(before.pgconn.socket)
            before.pgconn.finish()
        else:
            before.commit() if how in ("commit", "savepoint") else before.rollback()
        before.close()
        with psycopg.connect(ground.app, prepare_threshold=None) as after:
            if ground.app != ground.straight and how != "killed":
                assert one(after, "SELECT pg_backend_pid()") == server
            with pytest.raises(psycopg.DatabaseError, match="no tenant is bound"):
                after.execute("SELECT 1 FROM item")
            after.rollback()
            bind(after, ground.second)
            assert one(after, "SELECT count(*) FROM item") == 0
            after.rollback()

    def test_a_scope_wins_over_what_a_session_was_left_with(self, ground: Ground) -> None:
        """Nothing of ours sets it for a session; were it set, the next transaction would not believe it."""
        database = Database(ground.app, pool_size=1)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SELECT set_config('app.tenant', %s, false)", (ground.first,))
            connection.commit()
        with database.scoped(Scope(ground.second, SYSTEM)) as session:
            assert session.scalars(select(ItemRow.id)).all() == []
        with database.engine.connect() as connection:
            connection.exec_driver_sql("RESET app.tenant")
            connection.commit()
        with pytest.raises(Exception, match="no tenant is bound"), database.unscoped() as session:
            session.scalars(select(ItemRow.id)).all()
        database.close()

    @pytest.mark.parametrize(
        "statement",
        [
            "SET ROLE lantai_owner",
            "SET ROLE lantai_migrator",
            "SET ROLE lantai_search",
            "SET ROLE lantai_audit",
            "SET ROLE lantai_province",
            "SET ROLE lantai_dispatcher",
            "SET ROLE postgres",
            "SET SESSION AUTHORIZATION lantai_owner",
            "ALTER TABLE item DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE item NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY tenant ON item",
            "CREATE POLICY wide ON item USING (true)",
            "ALTER ROLE lantai_app BYPASSRLS",
            "CREATE ROLE another",
            "TRUNCATE item CASCADE",
            "CREATE TABLE public.another (id int)",
            "CREATE TEMPORARY TABLE item (id int)",
            "CREATE VIEW public.wide AS SELECT * FROM item",
            "CREATE FUNCTION public.leak(text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
            "CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
            "CREATE OR REPLACE FUNCTION app_tenant() RETURNS text LANGUAGE sql AS 'SELECT NULL'",
            "CREATE SCHEMA another",
            "CREATE EXTENSION dblink",
            "COPY item TO '/tmp/item'",
            "COPY item TO PROGRAM 'cat'",
            "COPY item FROM '/tmp/item'",
            "COPY fonds FROM STDIN",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, 'x')",
            "SELECT lo_import('/etc/passwd')",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT * FROM pg_authid",
            "SELECT * FROM pg_statistic",
            "SELECT * FROM pg_largeobject",
            "VACUUM FULL item",
            "SET row_security = off; SELECT * FROM item",
            "SET LOCAL session_replication_role = replica",
            "LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE",
        ],
    )
    def test_the_application_may_not(self, ground: Ground, statement: str) -> None:
        refusals = (
            errors.InsufficientPrivilege, errors.InvalidParameterValue, errors.FeatureNotSupported,
            errors.ActiveSqlTransaction, errors.UndefinedObject,
        )  # fmt: skip
        with ground.as_second() as connection, pytest.raises(refusals) as refusal:
            connection.execute(statement.encode())
        assert WORD not in str(refusal.value)

    @pytest.mark.parametrize("statement", ["RESET app.tenant", "RESET ALL", "SET LOCAL app.tenant = ''"])
    def test_letting_go_of_the_county_opens_none(self, ground: Ground, statement: str) -> None:
        with ground.as_second() as connection:
            connection.execute(statement.encode())
            with pytest.raises(psycopg.DatabaseError, match="no tenant is bound"):
                connection.execute("SELECT 1 FROM item")

    def test_a_condition_that_fails_on_another_countys_row_does_not_fail(self, ground: Ground) -> None:
        """A condition that leaks is asked after the row's county."""
        loud = "SELECT count(*) FROM item WHERE 1 / (CASE WHEN tenant_id = %s THEN 0 ELSE 1 END) = 1"
        with ground.as_second() as connection:
            assert one(connection, loud, ground.first) == 0
        with psycopg.connect(ground.app, prepare_threshold=None) as connection:
            bind(connection, ground.first)
            with pytest.raises(errors.DivisionByZero):
                one(connection, loud, ground.first)
            connection.rollback()

    def test_a_cheap_function_that_tells_is_asked_about_ones_own_rows_alone(self, ground: Ground) -> None:
        with ground.as_superuser() as superuser:
            superuser.execute(
                "CREATE FUNCTION public.tell(told text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
                " AS $$ BEGIN RAISE NOTICE '%', told; RETURN true; END $$"
            )
            try:
                heard: list[str] = []
                with ground.as_second(straight=True) as connection:
                    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
                    connection.execute("SELECT * FROM item WHERE public.tell(title)")
                    assert heard == []
                    connection.rollback()
                    bind(connection, ground.first)
                    connection.execute("SELECT * FROM item WHERE public.tell(title)")
                    assert WORD in str(heard)
            finally:
                superuser.execute("DROP FUNCTION public.tell(text)")

    def test_statistics_of_a_countys_columns_are_hidden(self, ground: Ground) -> None:
        with ground.as_superuser() as superuser:
            superuser.execute("ANALYZE item")
            assert one(superuser, "SELECT count(*) FROM pg_stats WHERE tablename = 'item'") != 0
        with ground.as_second() as connection:
            for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
                tables = f"SELECT DISTINCT tablename FROM {view} WHERE schemaname = 'public'"
                assert {name for (name,) in connection.execute(tables.encode())} <= {"alembic_version", "tenant"}
                assert WORD not in str(connection.execute(f"SELECT * FROM {view}".encode()).fetchall())

    def test_a_plan_shows_no_value_of_another_county(self, ground: Ground) -> None:
        with ground.as_second() as connection:
            plan = connection.execute("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) SELECT * FROM item").fetchall()
        assert WORD not in str(plan)
        assert ground.first not in str(plan)

    @pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan", "auto"])
    def test_a_prepared_statement_belongs_to_the_county_that_runs_it(self, ground: Ground, mode: str) -> None:
        with psycopg.connect(ground.straight, autocommit=True) as connection:
            connection.execute(f"SET plan_cache_mode = {mode}".encode())
            connection.execute("PREPARE titles AS SELECT title FROM item")
            for _ in range(7):
                for tenant, count in ((ground.first, 1), (ground.second, 0)):
                    with connection.transaction():
                        bind(connection, tenant)
                        assert len(connection.execute("EXECUTE titles").fetchall()) == count
            with pytest.raises(psycopg.DatabaseError, match="no tenant is bound"):
                connection.execute("EXECUTE titles")

    def test_a_refusal_does_not_tell_whether_a_referenced_row_exists(self, ground: Ground) -> None:
        told: list[str] = []
        with ground.as_superuser() as superuser:
            theirs = one(superuser, "SELECT id FROM fonds WHERE tenant_id = %s", ground.first)
        for fonds in (theirs, uuid.uuid4()):
            with ground.as_second() as connection, pytest.raises(errors.ForeignKeyViolation) as refusal:
                connection.execute(
                    "INSERT INTO series (tenant_id, id, fonds_id, series_code, title)"
                    " VALUES (%s, gen_random_uuid(), %s, 'WS', '文书')",
                    (ground.second, fonds),
                )
            told.append(str(refusal.value).replace(str(fonds), "ID"))
        assert told[0] == told[1]

    def test_a_value_that_another_county_has_taken_is_free(self, ground: Ground) -> None:
        with ground.as_superuser() as superuser:
            rows = {
                table: one(superuser, f"SELECT to_jsonb(t) FROM {table} t WHERE tenant_id = %s LIMIT 1", ground.first)
                for table in ("fonds", "item", "job")
            }
        with ground.as_second() as connection:
            for table, row in rows.items():
                assert isinstance(row, dict)
                insert = sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, %s)")
                mine = json.dumps(row | {"tenant_id": ground.second})
                connection.execute(insert.format(sql.Identifier(table)), (mine,))
                assert one(connection, f"SELECT count(*) FROM {table}") == 1

    def test_another_sessions_statement_shows_no_value(self, ground: Ground) -> None:
        """All counties' sessions are of one role, which may read its own statements: values are not in them."""
        database = Database(ground.straight, pool_size=1)
        with database.scoped(Scope(ground.first, SYSTEM)) as session:
            session.scalars(select(ItemRow.id).where(ItemRow.title == WORD)).all()
            with ground.as_second(straight=True) as connection:
                running = connection.execute("SELECT query FROM pg_stat_activity").fetchall()
        database.close()
        assert "item" in str(running)
        assert WORD not in str(running)

    def test_nothing_is_counted_for_all_counties_together(self, ground: Ground) -> None:
        """A sequence would tell one county how much the others write."""
        with ground.as_second() as connection:
            assert connection.execute("SELECT * FROM pg_sequences WHERE schemaname = 'public'").fetchall() == []
            assert connection.execute("SELECT * FROM pg_largeobject_metadata").fetchall() == []

    def test_what_one_county_read_is_not_handed_to_another(self, ground: Ground) -> None:
        database = Database(ground.app, pool_size=1)
        works = Works(database, ())
        with entered(Scope(ground.first, SYSTEM)), works() as work:
            assert work.session.get(ItemRow, (ground.first, ground.item))
            with (
                entered(Scope(ground.second, SYSTEM)),
                pytest.raises(RuntimeError, match="cannot change tenant"),
                works(),
            ):
                pass
        with entered(Scope(ground.second, SYSTEM)), works() as work:
            assert work.session.get(ItemRow, (ground.first, ground.item)) is None
            assert len(work.session.identity_map) == 0
        database.close()

    def test_a_row_read_in_one_county_cannot_be_saved_in_another(self, ground: Ground) -> None:
        database = Database(ground.app, pool_size=1)
        with database.scoped(Scope(ground.first, SYSTEM)) as session:
            job = session.scalars(select(JobRow).limit(1)).one()
            session.expunge(job)
        with (
            pytest.raises(Exception, match=r"row-level security|matched"),
            database.scoped(Scope(ground.second, SYSTEM)) as session,
        ):
            _save(session, job)
        database.close()

    def test_a_cursor_does_not_outlive_its_county(self, ground: Ground) -> None:
        database = Database(ground.app, pool_size=1)
        with database.scoped(Scope(ground.first, SYSTEM)) as session:
            rows = session.scalars(select(ItemRow.id).execution_options(yield_per=1))
            assert next(iter(rows)) == ground.item
            rows.close()
        with database.scoped(Scope(ground.second, SYSTEM)) as session:
            names = session.connection().exec_driver_sql("SELECT name FROM pg_cursors WHERE is_holdable").all()
        database.close()
        assert names == []


def _save(session: Session, job: JobRow) -> None:
    session.add(job)
    job.attempts += 1
    session.flush()
