"""Export, import and retirement of counties: their ledgers, and the three functions that reach a county whole."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
MOMENT = sa.DateTime(timezone=True)

# The role of these functions logs in nowhere and, like all others, sees the rows of the bound county only. A later
# revision that makes a tenant table calls this again.
REACH = """
CREATE FUNCTION departure_reach() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    own text := 'tenant_id = (SELECT public.app_tenant())';
    owned text;
BEGIN
    FOR owned IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_policies p WHERE p.tablename = c.relname AND p.policyname = 'departure')
    LOOP
        EXECUTE format('CREATE POLICY departure ON %I TO lantai_departure USING (%s) WITH CHECK (%s)', owned, own, own);
        EXECUTE format('GRANT SELECT, DELETE ON %I TO lantai_departure', owned);
        IF NOT starts_with(owned, 'audit_') THEN
            EXECUTE format('GRANT INSERT ON %I TO lantai_departure', owned);
        END IF;
    END LOOP;
END $$
"""

RESTORABLE = """
CREATE FUNCTION county_restorable(wanted text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', wanted, true);
    IF NOT EXISTS (SELECT FROM public.tenant t WHERE t.id = wanted AND t.kind = 'county' AND t.state = 'provisioning')
        OR EXISTS (SELECT FROM public.audit_entry e WHERE e.xmin::text <> pg_current_xact_id()::xid::text)
    THEN
        RAISE EXCEPTION 'rows are restored into a new county only' USING ERRCODE = 'LT003';
    END IF;
END $$
"""
"""A county that has lived has an audit log; one being restored got its entries in this very transaction."""

RESTORE = """
CREATE FUNCTION county_restore(wanted text, target text, told json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns text;
    restored bigint;
BEGIN
    PERFORM public.county_restorable(wanted);
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = target
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format('INSERT INTO public.%1$I (%2$s) SELECT %2$s FROM json_populate_recordset(NULL::public.%1$I, $1)',
        target, columns) USING told;
    GET DIAGNOSTICS restored = ROW_COUNT;
    RETURN restored;
END $$
"""

RESTORE_AUDIT = """
CREATE FUNCTION county_restore_audit(
    wanted text, bodies text[], moments timestamptz[], OUT reached bigint, OUT grown bytea
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head public.audit_head;
BEGIN
    PERFORM public.county_restorable(wanted);
    INSERT INTO public.audit_head (tenant_id, size, roots, at, counted) VALUES (wanted, 0, '', '-infinity', 0)
    ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM public.audit_head h WHERE h.tenant_id = wanted FOR UPDATE;
    SELECT g.reached, g.roots INTO reached, grown
    FROM public.audit_grow(wanted, head.size, head.roots, bodies, moments) g;
    UPDATE public.audit_head h SET size = reached, roots = grown, at = moments[cardinality(moments)]
    WHERE h.tenant_id = wanted;
END $$
"""

# Every condition is looked up here, whatever the caller has looked up before. The key's row stays, without the key,
# so that none is drawn again; of the rest, children go before their parents.
DESTROY = r"""
CREATE FUNCTION county_destroy(wanted text, retirement uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plan public.tenant_retirement;
    bag public.tenant_export;
    county public.tenant;
    rest oid[];
    target oid;
    gone bigint;
    counts jsonb := '{}';
BEGIN
    PERFORM set_config('app.tenant', 'province', true);
    SELECT * INTO plan FROM public.tenant_retirement r
    WHERE r.tenant_id = 'province' AND r.id = retirement AND r.county = wanted FOR UPDATE;
    IF plan.destroyed_at IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT * INTO bag FROM public.tenant_export x
    WHERE x.tenant_id = 'province' AND x.id = plan.export_id AND x.county = wanted;
    SELECT * INTO county FROM public.tenant t WHERE t.id = wanted AND t.kind = 'county' FOR UPDATE;
    PERFORM set_config('app.tenant', wanted, true);
    IF plan.approved_by = plan.proposed_by OR plan.approver = plan.proposer
        OR (plan.approved_at >= plan.proposed_at) IS NOT TRUE
        OR (bag.verified_at < plan.proposed_at) IS NOT TRUE
        OR (county.state = 'suspended' AND county.changed_at < bag.taken_at) IS NOT TRUE
        OR EXISTS (SELECT FROM public.audit_entry e WHERE e.tenant_id = wanted
            AND e.seq > (bag.facts #>> '{audit,size}')::bigint AND e.result = 'done'
            AND e.action !~ '^departure:|signed_out$')
    THEN
        RAISE EXCEPTION 'this county may not be destroyed' USING ERRCODE = 'LT004';
    END IF;
    UPDATE public.tenant_key k SET wrapped = NULL, destroyed_at = now() WHERE k.tenant_id = wanted;
    SELECT array_agg(c.oid) INTO rest
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'tenant_key';
    WHILE cardinality(rest) > 0 LOOP
        SELECT t INTO STRICT target FROM unnest(rest) t
        WHERE NOT EXISTS (
            SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid = t AND k.conrelid <> t
                AND k.conrelid = ANY (rest)
        ) ORDER BY t LIMIT 1;
        EXECUTE format('DELETE FROM %s WHERE tenant_id = $1', target::regclass) USING wanted;
        GET DIAGNOSTICS gone = ROW_COUNT;
        IF gone > 0 THEN
            counts := counts || jsonb_build_object((SELECT c.relname FROM pg_class c WHERE c.oid = target), gone);
        END IF;
        rest := array_remove(rest, target);
    END LOOP;
    UPDATE public.tenant t SET state = 'retired', changed_at = now() WHERE t.id = wanted;
    PERFORM set_config('app.tenant', 'province', true);
    UPDATE public.tenant_retirement r SET destroyed = counts, destroyed_at = now()
    WHERE r.tenant_id = 'province' AND r.id = retirement;
END $$
"""

DOORS = {
    "county_restore(text, text, json)": "lantai_departure",
    "county_restore_audit(text, text[], timestamptz[])": "lantai_audit",
    "county_destroy(text, uuid)": "lantai_departure",
}
"""Each function for the province alone, and the role as which it works."""


def upgrade() -> None:
    op.create_table(
        "tenant_export",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("verified_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_export_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tenant_export")),
    )
    op.create_table(
        "tenant_retirement",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposer", sa.Text(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approver", sa.Text(), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("destroyed", JSONB(), nullable=True),
        sa.Column("destroyed_at", MOMENT, nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "approved_by <> proposed_by AND approver <> proposer", name=op.f("ck_tenant_retirement_two_people")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_retirement_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "export_id"], ["tenant_export.tenant_id", "tenant_export.id"],
            name=op.f("fk_tenant_retirement_tenant_id_export_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tenant_retirement")),
    )  # fmt: skip
    for table in ("tenant_export", "tenant_retirement"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO lantai_app")
    op.execute(REACH)
    op.execute("REVOKE ALL ON FUNCTION departure_reach FROM PUBLIC")
    op.execute("SELECT departure_reach()")
    op.execute("GRANT UPDATE (destroyed, destroyed_at) ON tenant_retirement TO lantai_departure")
    op.execute("GRANT UPDATE (wrapped, destroyed_at) ON tenant_key TO lantai_departure")
    op.execute("GRANT SELECT, UPDATE (state, changed_at) ON tenant TO lantai_departure")
    op.execute("GRANT SELECT ON tenant TO lantai_audit")
    op.execute("GRANT SELECT ON alembic_version TO lantai_app, lantai_province")
    op.execute(RESTORABLE)
    for statement in (RESTORE, RESTORE_AUDIT, DESTROY):
        op.execute(statement)
    op.execute("REVOKE ALL ON FUNCTION county_restorable FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION county_restorable TO lantai_departure, lantai_audit")
    for role in set(DOORS.values()):
        op.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    for door, role in DOORS.items():
        op.execute(f"REVOKE ALL ON FUNCTION {door} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {door} TO lantai_province")
        op.execute(f"ALTER FUNCTION {door} OWNER TO {role}")
    for role in set(DOORS.values()):
        op.execute(f"REVOKE CREATE ON SCHEMA public FROM {role}")


def downgrade() -> None:
    for door in DOORS:
        op.execute(f"ALTER FUNCTION {door} OWNER TO CURRENT_USER")
        op.execute(f"DROP FUNCTION {door}")
    op.execute("DROP FUNCTION county_restorable")
    op.execute("DROP FUNCTION departure_reach")
    op.drop_table("tenant_retirement")
    op.drop_table("tenant_export")
    op.execute("""
        DO $$
        DECLARE
            owned text;
        BEGIN
            FOR owned IN SELECT tablename FROM pg_policies WHERE policyname = 'departure' LOOP
                EXECUTE format('DROP POLICY departure ON %I', owned);
                EXECUTE format('REVOKE ALL ON %I FROM lantai_departure', owned);
            END LOOP;
        END $$
    """)
    op.execute("REVOKE ALL ON tenant FROM lantai_departure, lantai_audit")
    op.execute("REVOKE ALL ON alembic_version FROM lantai_app, lantai_province")
