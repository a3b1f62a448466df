"""What the index needs beside its table: the statements that the migration copies.

Text operators are not leakproof, so row security would be applied before the index could answer: a
search would read the county's whole table. Hence one function, run as a role that owns nothing, logs
in nowhere and may read this table only; it asks for the bound tenant itself, whatever it is passed.
"""

from tenants.isolation import protect

MATCH = """
CREATE FUNCTION search_match(parts tsquery[])
RETURNS TABLE (item_id uuid, score integer, pages integer, best_page uuid)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH hit AS (
        SELECT d.item_id, d.id, d.page_id IS NOT NULL AS page, d.page_no, 1::bigint << p.n::integer AS part,
            ts_rank_cd('{0.1, 0.2, 0.5, 1}', d.terms, p.wanted, CASE WHEN d.page_id IS NULL THEN 1 ELSE 32 END) AS rank
        FROM unnest(parts) WITH ORDINALITY AS p(wanted, n)
        JOIN public.search_document d ON d.terms @@ p.wanted
        WHERE d.tenant_id = (SELECT public.app_tenant())
    ), document AS (
        SELECT h.item_id, h.id, h.page, h.page_no, bit_or(h.part) AS met, count(*) AS parts_met, sum(h.rank) AS rank
        FROM hit h GROUP BY h.item_id, h.id, h.page, h.page_no
    )
    SELECT m.item_id,
        round(1e6 * (coalesce(max(m.rank) FILTER (WHERE NOT m.page), 0)
            + 0.2 * coalesce(max(m.rank) FILTER (WHERE m.page), 0)))::integer,
        (count(*) FILTER (WHERE m.page))::integer,
        (array_agg(m.id ORDER BY m.parts_met DESC, m.rank DESC, m.page_no, m.id) FILTER (WHERE m.page))[1]
    FROM document m GROUP BY m.item_id
    HAVING bit_or(m.met) = (1::bigint << cardinality(parts) + 1) - 2
$$
"""

STATEMENTS = (
    *protect("search_document"),
    "CREATE POLICY search ON search_document FOR SELECT TO lantai_search USING (true)",
    "GRANT SELECT ON search_document TO lantai_search",
    MATCH,
    "REVOKE ALL ON FUNCTION search_match(tsquery[]) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION search_match(tsquery[]) TO lantai_app",
    # A function's owner must hold CREATE where the function lies at the moment it becomes the owner.
    "GRANT CREATE ON SCHEMA public TO lantai_search",
    "ALTER FUNCTION search_match(tsquery[]) OWNER TO lantai_search",
    "REVOKE CREATE ON SCHEMA public FROM lantai_search",
)
"""In order, after the table and its indexes exist; by a role that may become lantai_search."""
