"""Row-level security: the statements that make the database itself refuse another county's rows.

The policy calls ``app_tenant()``, which raises when nothing is bound: a missing scope is an error,
never "all" and never "none". It stands in a sub-select so that it is evaluated once a statement.
"""

ROLES = ("lantai_owner", "lantai_migrator", "lantai_app", "lantai_dispatcher", "lantai_province", "lantai_search")
"""Owner and search log in nowhere; the rest are what processes connect as."""

APP_TENANT = """
CREATE OR REPLACE FUNCTION app_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE bound text := current_setting('app.tenant', true);
BEGIN
    IF bound IS NULL OR bound = '' THEN
        RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = 'LT001';
    END IF;
    RETURN bound;
END $$
"""


def protect(table: str) -> tuple[str, ...]:
    """Return the statements that put a tenant table under forced row security.

    Parameters
    ----------
    table : str
        A table led by ``tenant_id``; its name comes from a migration, never from outside.
    """
    own = "tenant_id = (SELECT app_tenant())"
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} TO lantai_app USING ({own}) WITH CHECK ({own})",
    )
