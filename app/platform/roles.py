"""Database roles: who owns the tables, and as whom each process connects.

Run once by whoever administers the PostgreSQL server (embedded: the supervisor). The application is
neither owner nor superuser; ``lantai_owner``, ``lantai_search`` and ``lantai_audit`` log in nowhere.
"""

import psycopg
from psycopg import sql

LOGINS = ("lantai_migrator", "lantai_app", "lantai_dispatcher", "lantai_province")
OWNERS = ("lantai_owner", "lantai_search", "lantai_audit")

_GRANTS = (
    "GRANT lantai_owner TO lantai_migrator",
    "GRANT lantai_search, lantai_audit TO lantai_owner",
    "ALTER SCHEMA public OWNER TO lantai_owner",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO lantai_app, lantai_dispatcher, lantai_province, lantai_search, lantai_audit",
)


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


def dangerous(app_dsn: str) -> str:
    """Return why a role must not serve as the application's, or nothing.

    Parameters
    ----------
    app_dsn : str
        As the application would connect.
    """
    query = """
        SELECT CASE WHEN r.rolsuper THEN 'superuser' WHEN r.rolbypassrls THEN 'bypassrls'
            WHEN EXISTS (
                SELECT 1 FROM pg_tables t WHERE t.schemaname = 'public' AND pg_has_role(t.tableowner, 'member')
            ) THEN 'owner' ELSE '' END
        FROM pg_roles r WHERE r.rolname = current_user
    """
    with psycopg.connect(app_dsn) as connection:
        row = connection.execute(query).fetchone()
    return str(row[0]) if row else "unknown"
