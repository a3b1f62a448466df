"""The audit logs as Merkle trees (RFC 9162), which only a function of the database can add to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
OBJECT = "(((body)::jsonb ->> 'object'::text))::uuid"
TABLES = ("audit_head", "audit_entry", "audit_tile", "audit_checkpoint")

# Adds entries and tiles to a log whose head the caller holds, and returns how large it then is and the roots
# of its complete subtrees, largest first. What is hashed is the body as it stands: columns to search by are
# generated from it, so that they cannot say otherwise.
GROW = r"""
CREATE FUNCTION audit_grow(
    log text, INOUT reached bigint, INOUT roots bytea, bodies text[], moments timestamptz[]
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaves bytea[];
    node bytea;
    height integer;
BEGIN
    WITH added AS (
        INSERT INTO public.audit_entry (tenant_id, seq, at, leaf, body)
        SELECT log, reached + e.n, e.moment, sha256('\x00'::bytea || convert_to(concat_ws(E'\n', reached + e.n,
            to_char(e.moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.body), 'UTF8')), e.body
        FROM unnest(bodies, moments) WITH ORDINALITY AS e(body, moment, n)
        RETURNING seq, leaf
    )
    SELECT array_agg(a.leaf ORDER BY a.seq) INTO leaves FROM added a;
    FOREACH node IN ARRAY leaves LOOP
        height := 0;
        WHILE (reached >> height) & 1 = 1 LOOP
            node := sha256('\x01'::bytea || substring(roots FROM octet_length(roots) - 31) || node);
            roots := substring(roots FOR octet_length(roots) - 32);
            height := height + 1;
            IF height = 8 THEN
                INSERT INTO public.audit_tile (tenant_id, level, number, hashes, root)
                SELECT log, 0, reached >> 8, string_agg(e.leaf, ''::bytea ORDER BY e.seq), node
                FROM public.audit_entry e
                WHERE e.tenant_id = log AND e.seq > (reached >> 8 << 8) AND e.seq <= reached + 1;
            ELSIF height % 8 = 0 THEN
                INSERT INTO public.audit_tile (tenant_id, level, number, hashes, root)
                SELECT log, height / 8 - 1, reached >> height, string_agg(t.root, ''::bytea ORDER BY t.number), node
                FROM public.audit_tile t
                WHERE t.tenant_id = log AND t.level = height / 8 - 2
                    AND t.number BETWEEN reached >> height << 8 AND (reached >> height << 8) + 255;
            END IF;
        END LOOP;
        roots := roots || node;
        reached := reached + 1;
    END LOOP;
END $$
"""

# The one way in. The time is the database's and never runs back; a clock that jumped stops all writing. Whoever
# is told to ask for a checkpoint is told once: at once after so many entries, later after so much time. With no
# bodies it waits for those who are writing.
APPEND = r"""
CREATE FUNCTION audit_append(
    bodies text[], told timestamptz, entries integer, span interval,
    OUT reached bigint, OUT at_once boolean, OUT later boolean
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    log text := public.app_tenant();
    head public.audit_head;
    moment timestamptz;
    grown bytea;
BEGIN
    SELECT * INTO head FROM public.audit_head h WHERE h.tenant_id = log FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO public.audit_head (tenant_id, size, roots, at, counted) VALUES (log, 0, '', 'epoch', 0)
        ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM public.audit_head h WHERE h.tenant_id = log FOR UPDATE;
    END IF;
    reached := head.size;
    at_once := false;
    later := false;
    IF cardinality(bodies) = 0 THEN
        RETURN;
    END IF;
    moment := clock_timestamp();
    IF head.at > moment + interval '60 s' OR abs(extract(epoch FROM moment - told)) > 60 THEN
        RAISE EXCEPTION 'the clock jumped' USING ERRCODE = 'LT002';
    END IF;
    moment := greatest(moment, head.at);
    SELECT g.reached, g.roots INTO reached, grown
    FROM public.audit_grow(log, head.size, head.roots, bodies, array_fill(moment, ARRAY[cardinality(bodies)])) g;
    at_once := reached - head.counted >= entries;
    later := coalesce(moment >= head.timed + span, true);
    UPDATE public.audit_head h SET size = reached, roots = grown, at = moment,
        counted = CASE WHEN at_once THEN reached ELSE h.counted END,
        timed = CASE WHEN later THEN moment ELSE h.timed END
    WHERE h.tenant_id = log;
END $$
"""

# Entries of the chains of 0002, in their order and with their times; each keeps the digest it had there.
CARRY = """
DO $$
DECLARE
    log text;
    head audit_head;
    part record;
BEGIN
    FOR log IN SELECT DISTINCT tenant_id FROM chained_entry LOOP
        head.size := 0;
        head.roots := '';
        INSERT INTO audit_head (tenant_id, size, roots, at, counted) VALUES (log, 0, '', 'epoch', 0);
        FOR part IN
            SELECT max(c.at) AS last, array_agg(c.at ORDER BY c.seq) AS moments,
                array_agg(jsonb_build_object('tenant', c.tenant_id, 'principal', c.principal_id, 'roles', c.roles,
                    'action', c.action, 'object', c.object_id, 'purpose', c.purpose, 'request', c.request_id,
                    'client', '', 'session', '', 'result', 'done', 'reason', '', 'before', '', 'after', '',
                    'details', c.details || jsonb_build_object('chain', c.digest))::text ORDER BY c.seq) AS bodies
            FROM chained_entry c WHERE c.tenant_id = log GROUP BY c.seq / 2000 ORDER BY c.seq / 2000
        LOOP
            SELECT g.reached, g.roots INTO head.size, head.roots
            FROM audit_grow(log, head.size, head.roots, part.bodies, part.moments) g;
            UPDATE audit_head h SET size = head.size, roots = head.roots, at = part.last
            WHERE h.tenant_id = log;
        END LOOP;
    END LOOP;
END $$
"""


def told(column: str, member: str) -> sa.Column[object]:
    """Return a column that repeats a member of the body; each costs an entry some microseconds."""
    value = sa.Computed(f"((body)::jsonb ->> '{member}'::text)", persisted=True)
    return sa.Column(column, sa.Text(collation="C" if column == "action" else None), value, nullable=False)


def upgrade() -> None:
    op.execute("ALTER TABLE audit_entry RENAME TO chained_entry")
    op.execute("ALTER TABLE chained_entry DROP CONSTRAINT pk_audit_entry, DROP CONSTRAINT fk_audit_entry_tenant_id")
    op.execute("DROP INDEX ix_audit_entry_object, ix_audit_entry_principal")
    op.execute("ALTER TABLE chained_entry NO FORCE ROW LEVEL SECURITY")
    op.drop_table("audit_head")
    _tables()
    op.execute(GROW)
    op.execute(CARRY)
    op.drop_table("chained_entry")
    _rights()


def _tables() -> None:
    op.create_table(
        "audit_head",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("roots", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_audit_head_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_audit_head")),
    )
    of_a_log = {
        table: sa.ForeignKeyConstraint(["tenant_id"], ["audit_head.tenant_id"], name=op.f(f"fk_{table}_tenant_id"))
        for table in TABLES[1:]
    }
    op.create_table(
        "audit_entry",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        told("principal_id", "principal"),
        told("action", "action"),
        sa.Column("object_id", sa.Uuid(), sa.Computed(OBJECT, persisted=True), nullable=False),
        told("session", "session"),
        told("result", "result"),
        of_a_log["audit_entry"],
        sa.PrimaryKeyConstraint("tenant_id", "seq", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_object", "audit_entry", ["tenant_id", "object_id", "seq"])
    op.create_index("ix_audit_entry_principal", "audit_entry", ["tenant_id", "principal_id", "seq"])
    op.create_index("ix_audit_entry_at", "audit_entry", ["tenant_id", "at"])
    op.create_table(
        "audit_tile",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        of_a_log["audit_tile"],
        sa.PrimaryKeyConstraint("tenant_id", "level", "number", name=op.f("pk_audit_tile")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        of_a_log["audit_checkpoint"],
        sa.PrimaryKeyConstraint("tenant_id", "size", name=op.f("pk_audit_checkpoint")),
    )


def _rights() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app, lantai_audit USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT SELECT ON {table} TO lantai_app, lantai_audit")
    op.execute("GRANT INSERT ON audit_checkpoint TO lantai_app")
    op.execute("GRANT INSERT ON audit_entry, audit_tile TO lantai_audit")
    op.execute("GRANT INSERT, UPDATE ON audit_head TO lantai_audit")
    # What the province does is in the log of whom it concerns, and asks for a checkpoint like all else.
    op.execute(f"CREATE POLICY province ON job FOR INSERT TO lantai_province WITH CHECK ({OWN})")
    op.execute("GRANT INSERT ON job TO lantai_province")
    op.execute(APPEND)
    op.execute("REVOKE ALL ON FUNCTION audit_grow, audit_append FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION audit_append TO lantai_app, lantai_province")
    op.execute("GRANT CREATE ON SCHEMA public TO lantai_audit")
    op.execute("ALTER FUNCTION audit_grow OWNER TO lantai_audit")
    op.execute("ALTER FUNCTION audit_append OWNER TO lantai_audit")
    op.execute("REVOKE CREATE ON SCHEMA public FROM lantai_audit")


def downgrade() -> None:
    message = "an audit log is not thrown away, and a chain cannot be made of it again"
    raise RuntimeError(message)
