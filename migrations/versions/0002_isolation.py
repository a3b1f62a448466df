"""Row security, grants and the search function. Every tenant table of 0001 is under forced row security."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP_TENANT = """
CREATE FUNCTION app_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE bound text := current_setting('app.tenant', true);
BEGIN
    IF bound IS NULL OR bound = '' THEN
        RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = 'LT001';
    END IF;
    RETURN bound;
END $$
"""

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
GRANTS = {
    "account": EVERYTHING,
    "audit_entry": "SELECT, INSERT",
    "audit_head": "SELECT, INSERT, UPDATE",
    "catalogue_import": EVERYTHING,
    "code_rule": EVERYTHING,
    "code_sequence": "SELECT, INSERT, UPDATE",
    "component": "SELECT, INSERT",
    "credential": EVERYTHING,
    "file_unit": "SELECT, INSERT, UPDATE",
    "fonds": "SELECT, INSERT, UPDATE",
    "import_profile": EVERYTHING,
    "item": "SELECT, INSERT, UPDATE",
    "item_revision": "SELECT, INSERT",
    "job": "SELECT, INSERT, UPDATE",
    "page": "SELECT, INSERT, UPDATE",
    "page_text": "SELECT, INSERT, UPDATE",
    "replica": "SELECT, INSERT, UPDATE",
    "search_document": EVERYTHING,
    "series": "SELECT, INSERT, UPDATE",
    "stored_object": "SELECT, INSERT, UPDATE",
    "upload": "SELECT, INSERT",
    "upload_file": "SELECT, INSERT",
    "upload_refusal": EVERYTHING,
}

# Text operators are not leakproof: row security would come first, and a search read the county's whole
# table. Hence one function, run as a role that owns nothing, logs in nowhere and reads this table only. It
# asks for the bound county itself, whatever it is passed. Lexemes are led by the county's name, so the index
# holds each county's postings apart; OFFSET 0 and enable_seqscan keep the planner from any other way in.
# A page's vector may be long, and is not fetched for a rank that would say little.
SEARCH_MATCH = """
CREATE FUNCTION search_match(parts tsquery[])
RETURNS TABLE (item_id uuid, score integer, pages integer, best_page uuid)
LANGUAGE plpgsql STABLE ROWS 50 SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bound text := public.app_tenant();
BEGIN
    RETURN QUERY WITH hit AS (
        SELECT d.item_id, d.id, d.page_id IS NOT NULL AS page, d.page_no, 1::bigint << p.n::integer AS part,
            CASE WHEN d.page_id IS NULL THEN ts_rank_cd('{0.1, 0.2, 0.5, 1}', d.terms, p.wanted, 1) ELSE 0.02 END rank
        FROM unnest(parts) WITH ORDINALITY AS p(wanted, n)
        CROSS JOIN LATERAL (SELECT * FROM public.search_document s WHERE s.terms @@ p.wanted OFFSET 0) d
        WHERE d.tenant_id = bound
    ), document AS (
        SELECT h.item_id, h.id, h.page, h.page_no, bit_or(h.part) AS met, count(*) AS parts_met, sum(h.rank) AS rank
        FROM hit h GROUP BY h.item_id, h.id, h.page, h.page_no
    )
    SELECT m.item_id,
        round(1e6 * (coalesce(max(m.rank) FILTER (WHERE NOT m.page), 0)
            + coalesce(max(m.rank) FILTER (WHERE m.page), 0)))::integer,
        (count(*) FILTER (WHERE m.page))::integer,
        (array_agg(m.id ORDER BY m.parts_met DESC, m.page_no, m.id) FILTER (WHERE m.page))[1]
    FROM document m GROUP BY m.item_id
    HAVING bit_or(m.met) = (1::bigint << cardinality(parts) + 1) - 2;
END $$
"""


def upgrade() -> None:
    op.execute(APP_TENANT)
    op.execute("GRANT SELECT ON tenant TO lantai_app, lantai_dispatcher, lantai_province")
    op.execute("GRANT INSERT, UPDATE ON tenant TO lantai_province")
    own = "tenant_id = (SELECT app_tenant())"
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({own}) WITH CHECK ({own})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")
    op.execute("CREATE POLICY dispatcher ON job TO lantai_dispatcher USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, UPDATE ON job TO lantai_dispatcher")
    op.execute("CREATE POLICY search ON search_document FOR SELECT TO lantai_search USING (true)")
    op.execute("GRANT SELECT ON search_document TO lantai_search")
    op.execute(SEARCH_MATCH)
    op.execute("REVOKE ALL ON FUNCTION search_match(tsquery[]) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION search_match(tsquery[]) TO lantai_app")
    # A function's owner must hold CREATE where the function lies at the moment it becomes the owner.
    op.execute("GRANT CREATE ON SCHEMA public TO lantai_search")
    op.execute("ALTER FUNCTION search_match(tsquery[]) OWNER TO lantai_search")
    op.execute("REVOKE CREATE ON SCHEMA public FROM lantai_search")


def downgrade() -> None:
    op.execute("ALTER FUNCTION search_match(tsquery[]) OWNER TO CURRENT_USER")
    op.execute("DROP FUNCTION search_match(tsquery[])")
    op.execute("DROP POLICY search ON search_document")
    op.execute("DROP POLICY dispatcher ON job")
    for table in GRANTS:
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM lantai_app")
    op.execute("REVOKE ALL ON tenant FROM lantai_app, lantai_dispatcher, lantai_province")
    op.execute("REVOKE ALL ON job FROM lantai_dispatcher")
    op.execute("REVOKE ALL ON search_document FROM lantai_search")
    op.execute("DROP FUNCTION app_tenant()")
