"""Every known way past row security, tried on the embedded server, and what our own code must never say to one."""

import re
from pathlib import Path

import psycopg
import pytest

from app.doctor import DEFINERS
from app.platform.embedded.postgres import EmbeddedPostgres
from app.services import Services
from tests.bypasses import Bypasses, Ground, peopled
from tests.isolation.conftest import Superuser

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("app", "search", "tenants", "workers") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.fixture(scope="module")
def ground(services: Services, postgres: EmbeddedPostgres) -> Ground:
    app = postgres.dsn("lantai_app")
    return peopled(services, app=app, straight=app, superuser=postgres.dsn())


class TestEmbedded(Bypasses):
    """PostgreSQL as it comes with us."""


@pytest.mark.parametrize(
    "words",
    [
        r"set_config\('app\.tenant',[^)]*false\)",
        r"SET (?:SESSION )?app\.tenant",
        r"WITH HOLD",
        r"CREATE TEMP",
        r"\bLISTEN [a-z]|\bNOTIFY [a-z]|pg_notify",
        r"\blo_(?:create|put|from_bytea)\(",
        r"pg_advisory_lock|pg_try_advisory_lock",
        r"[\"']\s*EXPLAIN",
    ],
)
def test_our_code_leaves_nothing_on_a_connection(words: str) -> None:
    """Each of these outlives its transaction on a pooled connection, or speaks to every county's sessions."""
    allowed = {"roles.py"} if words.startswith(r"\blo_") else set()
    found = [path for path in SOURCES if path.name not in allowed and re.search(words, path.read_text("utf-8"))]
    assert found == []


def test_functions_with_their_owners_rights_are_called_by_those_named(superuser: Superuser) -> None:
    told = superuser.rows(
        "SELECT p.proname, string_agg(r.rolname, ' ' ORDER BY r.rolname) FILTER (WHERE r.oid <> p.proowner) AS callers,"
        " p.proconfig::text AS settings, o.rolcanlogin OR o.rolsuper OR o.rolbypassrls AS mighty FROM pg_proc p"
        " CROSS JOIN LATERAL aclexplode(p.proacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee"
        " JOIN pg_roles o ON o.oid = p.proowner WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
        " GROUP BY p.oid, p.proname, p.proconfig, o.rolcanlogin, o.rolsuper, o.rolbypassrls"
    )
    assert {str(row["proname"]): tuple(str(row["callers"]).split()) for row in told} == DEFINERS
    assert not [row for row in told if row["mighty"]]
    assert all("search_path=pg_catalog, pg_temp" in str(row["settings"]) for row in told)


def test_no_table_is_partitioned_or_inherits(superuser: Superuser) -> None:
    """A partition read by its own name does not obey its parent's policy; the doctor refuses one without its own."""
    assert (
        superuser.rows(
            "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid"
            " WHERE relkind IN ('r', 'p')"
        )
        == []
    )


def test_a_partition_needs_a_policy_of_its_own(postgres: EmbeddedPostgres) -> None:
    """Why the doctor looks at partitions: the parent's policy does not hold for rows asked of the partition."""
    own = "USING (tenant_id = (SELECT app_tenant()))"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE whole (tenant_id text) PARTITION BY LIST (tenant_id); ALTER TABLE whole"
            f" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY tenant ON whole TO lantai_app {own};"
            " CREATE TABLE part PARTITION OF whole FOR VALUES IN ('east'); INSERT INTO whole VALUES ('east');"
            " GRANT SELECT ON whole, part TO lantai_app".encode()
        )
        try:
            with psycopg.connect(postgres.dsn("lantai_app")) as application:
                application.execute("SELECT set_config('app.tenant', 'west', true)")
                assert application.execute("SELECT count(*) FROM whole").fetchone() == (0,)
                assert application.execute("SELECT count(*) FROM part").fetchone() == (1,)
        finally:
            connection.execute("DROP TABLE whole")
