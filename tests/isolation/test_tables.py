"""Every table of a county: the database itself keeps it from every other county."""

import json

import psycopg
import pytest
from psycopg import errors, sql

from app.platform.database import tenant_tables
from app.platform.embedded.postgres import EmbeddedPostgres
from migrations.metadata import METADATA
from tests.conftest import County
from tests.isolation.conftest import AsApp, Lived, Superuser

TABLES = tenant_tables()
OF_THE_PROVINCE = {"tenant"}
THE_DATABASES_OWN = {"audit_entry", "audit_head", "audit_tile"}
"""Written by ``audit_append`` alone."""

THE_PROVINCES_WORD = {"agreement", "quota", "tenant_order", "tenant_step"}
"""Read by the county, written by the province."""


def query(words: str, table: str) -> sql.Composed:
    return sql.SQL(words).format(sql.Identifier(table))  # pyright: ignore[reportArgumentType]


def insertion(table: str) -> sql.Composed:
    """Return the statement that writes a row given as JSON, but for what the database itself works out."""
    written = [sql.Identifier(column.name) for column in METADATA.tables[table].columns if column.computed is None]
    return sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)").format(
        sql.Identifier(table), sql.SQL(", ").join(written)
    )


def test_every_table_is_a_countys_or_declared_the_provinces(superuser: Superuser) -> None:
    told = superuser.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    stored = {str(row["tablename"]) for row in told} - {"alembic_version"}
    assert stored == set(METADATA.tables) == set(TABLES) | OF_THE_PROVINCE


@pytest.mark.parametrize("table", TABLES)
class TestTable:
    """One table led by ``tenant_id``."""

    def test_row_security_is_on_and_forced(self, superuser: Superuser, table: str) -> None:
        (told,) = superuser.rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table)
        assert told == {"relrowsecurity": True, "relforcerowsecurity": True}

    def test_its_only_policy_for_the_application_asks_whose_the_row_is(self, superuser: Superuser, table: str) -> None:
        policies = superuser.rows(
            "SELECT cmd, qual, with_check FROM pg_policies WHERE tablename = %s AND roles && %s",
            table, ["lantai_app", "public"],
        )  # fmt: skip
        own = "(tenant_id = ( SELECT app_tenant() AS app_tenant))"
        assert policies == [{"cmd": "ALL", "qual": own, "with_check": own}]

    def test_its_keys_are_led_by_the_county(self, superuser: Superuser, table: str) -> None:
        leads = superuser.rows(
            "SELECT i.indexrelid::regclass::text AS name, a.attname AS lead FROM pg_index i"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indrelid = %s::regclass AND i.indisunique",
            table,
        )
        assert leads
        assert {row["lead"] for row in leads} == {"tenant_id"}

    def test_its_references_cannot_cross(self, superuser: Superuser, table: str) -> None:
        references = superuser.rows(
            "SELECT f.attname AS here, t.attname AS there, c.confrelid::regclass::text AS target FROM pg_constraint c"
            " JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]"
            " JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]"
            " WHERE c.conrelid = %s::regclass AND c.contype = 'f'",
            table,
        )
        assert references
        for reference in references:
            lead = "id" if reference["target"] == "tenant" else "tenant_id"
            assert (reference["here"], reference["there"]) == ("tenant_id", lead)

    def test_its_rows_are_seen_by_their_county_alone(
        self, as_app: AsApp, superuser: Superuser, lived: Lived, neighbour: County, table: str
    ) -> None:
        assert superuser.row_of(table, lived.county)
        count = query("SELECT count(*) AS n FROM {} WHERE tenant_id = %s", table)
        with as_app(lived.county) as own:
            assert own.execute(count, (lived.county.tenant,)).fetchone() != {"n": 0}
        with as_app(neighbour) as connection:
            assert connection.execute(count, (lived.county.tenant,)).fetchone() == {"n": 0}
            everything = connection.execute(query("SELECT DISTINCT tenant_id FROM {}", table)).fetchall()
            assert {row["tenant_id"] for row in everything} <= {neighbour.tenant}

    @pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}"])
    def test_its_rows_are_changed_by_nobody_else(
        self, as_app: AsApp, superuser: Superuser, lived: Lived, neighbour: County, table: str, statement: str
    ) -> None:
        before = superuser.state([table], lived.county)
        with as_app(neighbour) as connection:
            try:
                done = connection.execute(query(statement + " WHERE tenant_id = %s", table), (lived.county.tenant,))
            except errors.InsufficientPrivilege:
                pass  # not even on rows of one's own
            else:
                assert done.rowcount == 0
            connection.commit()
        assert superuser.state([table], lived.county) == before

    def test_no_row_is_written_for_another_county(
        self, as_app: AsApp, superuser: Superuser, lived: Lived, neighbour: County, table: str
    ) -> None:
        row = superuser.row_of(table, lived.county)
        why = "permission denied" if table in THE_DATABASES_OWN | THE_PROVINCES_WORD else "row-level security"
        with as_app(neighbour) as connection, pytest.raises(errors.InsufficientPrivilege, match=why):
            connection.execute(insertion(table), (json.dumps(row),))

    def test_no_row_refers_to_another_county(
        self, as_app: AsApp, superuser: Superuser, lived: Lived, neighbour: County, table: str
    ) -> None:
        row = superuser.row_of(table, lived.county) | {"tenant_id": neighbour.tenant}
        held = [
            key
            for key in METADATA.tables[table].foreign_keys
            if key.parent.name != "tenant_id" and row[key.parent.name] is not None
        ]
        with as_app(neighbour) as connection:
            if held:
                with pytest.raises(errors.ForeignKeyViolation):
                    connection.execute(insertion(table), (json.dumps(row),))

    @pytest.mark.parametrize("bound", [None, ""])
    def test_without_a_county_it_raises(self, postgres: EmbeddedPostgres, table: str, bound: str | None) -> None:
        with psycopg.connect(postgres.dsn("lantai_app")) as connection:
            if bound is not None:
                connection.execute("SELECT set_config('app.tenant', %s, true)", (bound,))
            with pytest.raises(psycopg.DatabaseError) as refusal:
                connection.execute(query("SELECT 1 FROM {}", table))
        assert refusal.value.sqlstate == "LT001"


def test_the_search_function_finds_in_the_bound_county_alone(as_app: AsApp, lived: Lived, neighbour: County) -> None:
    """It runs with its owner's rights, past row security, so it must narrow by itself."""
    match = "SELECT item_id FROM search_match(ARRAY[quote_literal(%s)::tsquery])"
    with as_app(lived.county) as own:
        words = own.execute("SELECT tsvector_to_array(terms) AS words FROM search_document LIMIT 1").fetchone()
        assert words is not None
        found = words["words"]
        assert isinstance(found, list)
        word = found[0]
        assert own.execute(match, (word,)).fetchall()
    with as_app(neighbour) as connection:
        assert connection.execute(match, (word,)).fetchall() == []
