"""One question at the door: whom a credential stands for, and how that county stands."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Not with its owner's rights: it binds the county that the credential names for its own statement, and row security
# holds for whoever calls it. Whoever may use the credential: as in app.identity.credentials, in_force.
AT_THE_DOOR = """
CREATE FUNCTION at_the_door(wanted text, told text, kinds text[], moment timestamptz)
RETURNS TABLE (
    id uuid, kind text, session_id uuid, signed_in_at timestamptz, last_used_at timestamptz, expires_at timestamptz,
    factors text, account uuid, display_name text, roles jsonb, county jsonb
) LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', wanted, true);
    RETURN QUERY SELECT c.id, c.kind, c.session_id, c.signed_in_at, c.last_used_at, c.expires_at, c.factors,
        a.id, a.display_name, a.roles, to_jsonb(t)
    FROM public.credential c
    JOIN public.account a ON a.tenant_id = c.tenant_id AND a.id = c.account_id
    JOIN public.tenant t ON t.id = c.tenant_id
    WHERE c.tenant_id = wanted AND c.digest = told AND c.kind = ANY (kinds) AND c.expires_at > moment
        AND a.state = 'active' AND (a.valid_until IS NULL OR a.valid_until > moment);
END $$
"""
SIGNATURE = "at_the_door(text, text, text[], timestamptz)"


def upgrade() -> None:
    op.execute(AT_THE_DOOR)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO lantai_app")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
