"""Database roles: who owns the tables, and as whom each process connects.

Run once by whoever administers the PostgreSQL server (embedded: the supervisor). The application is
neither owner nor superuser; the `OWNERS` log in nowhere.
"""

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

LOGINS = ("lantai_migrator", "lantai_app", "lantai_dispatcher", "lantai_province")
OWNERS = ("lantai_owner", "lantai_search", "lantai_audit", "lantai_departure")

_GRANTS = (
    "GRANT lantai_owner TO lantai_migrator",
    "GRANT lantai_search, lantai_audit, lantai_departure TO lantai_owner",
    "ALTER SCHEMA public OWNER TO lantai_owner",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO lantai_app, lantai_dispatcher, lantai_province",
    "GRANT USAGE ON SCHEMA public TO lantai_search, lantai_audit, lantai_departure",
)


# What one county left behind on a pooled connection, or under the role that all of them share, another could meet:
# a temporary table that shadows a real one, a large object. Nothing of ours makes either.
_NOBODYS = "REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC"


def establish(superuser_dsn: str) -> None:
    """Make the owning roles and give the database to them; again is harmless.

    Parameters
    ----------
    superuser_dsn : str
        To the product's database; the `LOGINS` exist already.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in OWNERS:
            if role not in present:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        for statement in _GRANTS:
            connection.execute(statement)
        connection.execute(_NOBODYS)
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))


def dangerous(dsn: str) -> str:
    """Return why a role must not serve a process of the archive, or nothing.

    Parameters
    ----------
    dsn : str
        As the process would connect.
    """
    with psycopg.connect(dsn) as connection:
        return danger_of(connection)


def danger_of(connection: psycopg.Connection[TupleRow]) -> str:
    """Return why the role of a connection must not serve a process of the archive, or nothing."""
    query = """
        SELECT CASE WHEN r.rolsuper THEN 'superuser' WHEN r.rolbypassrls THEN 'bypassrls'
            WHEN EXISTS (
                SELECT 1 FROM pg_tables t WHERE t.schemaname = 'public' AND pg_has_role(t.tableowner, 'member')
            ) THEN 'owner'
            WHEN r.rolcreaterole THEN 'createrole' WHEN r.rolreplication THEN 'replication'
            WHEN EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid) THEN 'member' ELSE '' END
        FROM pg_roles r WHERE r.rolname = current_user
    """
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else "unknown"
