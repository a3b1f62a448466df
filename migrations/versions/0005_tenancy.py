"""Provisioning, quotas, states of counties."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ADDED = {"kind": "county", "domain": "", "region": "", "home_site": "a", "second_site": "b", "reason": ""}
"""Columns of ``tenant`` and what the counties there already are."""

OWN = "tenant_id = (SELECT app_tenant())"
TABLES = {
    "tenant_order": ("SELECT", "SELECT, INSERT, UPDATE"),
    "tenant_step": ("SELECT", "SELECT, INSERT, UPDATE"),
    "quota": ("SELECT", "SELECT, INSERT, UPDATE"),
    "usage": ("SELECT, INSERT, UPDATE", "SELECT"),
}
"""What the county itself and the province may do with its rows."""

EDITABLE = "name, division_code, archive_code, domain, region, home_site, second_site, state, reason, changed_at"


def upgrade() -> None:
    for name, first in ADDED.items():
        op.add_column("tenant", sa.Column(name, sa.Text(), nullable=False, server_default=first))
        op.alter_column("tenant", name, server_default=None)
    op.add_column("tenant", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE tenant SET changed_at = created_at")
    op.alter_column("tenant", "changed_at", nullable=False)
    op.create_check_constraint(op.f("ck_tenant_kind"), "tenant", "kind IN ('county', 'province')")
    op.create_check_constraint(
        op.f("ck_tenant_state"), "tenant", "state IN ('provisioning', 'active', 'read_only', 'suspended', 'retired')"
    )
    op.create_index("uq_tenant_domain", "tenant", ["domain"], unique=True, postgresql_where=sa.text("domain <> ''"))
    op.execute(
        "INSERT INTO tenant (id, kind, name, division_code, archive_code, domain, region, home_site, second_site,"
        " state, reason, changed_at, created_at)"
        " VALUES ('province', 'province', '省档案馆', '', '', '', '', 'a', 'b', 'active', '', now(), now())"
    )
    op.execute("REVOKE UPDATE ON tenant FROM lantai_province")
    op.execute(f"GRANT UPDATE ({EDITABLE}) ON tenant TO lantai_province")
    _tables()
    _count()
    for table, (county, province) in TABLES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {county} ON {table} TO lantai_app")
        op.execute(f"CREATE POLICY province ON {table} TO lantai_province USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {province} ON {table} TO lantai_province")
    op.execute("CREATE POLICY dispatcher ON quota FOR SELECT TO lantai_dispatcher USING (kind = 'jobs')")
    op.execute("GRANT SELECT ON quota TO lantai_dispatcher")
    # When a county was last at work, and how many of its jobs run, is all the province may see of either.
    op.execute("CREATE POLICY running ON job FOR SELECT TO lantai_province USING (state IN ('sent', 'running'))")
    op.execute("GRANT SELECT (tenant_id, state) ON job TO lantai_province")
    op.execute("CREATE POLICY province ON audit_head FOR SELECT TO lantai_province USING (true)")
    op.execute("GRANT SELECT (tenant_id, at) ON audit_head TO lantai_province")


def _owned(table: str, *columns: sa.Column[object], key: tuple[str, ...] = ()) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{table}")),
    )


def _tables() -> None:
    moment = sa.DateTime(timezone=True)
    _owned(
        "tenant_order",
        sa.Column("administrators", postgresql.JSONB(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", moment, nullable=False),
    )
    _owned(
        "tenant_step",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        key=("name",),
    )
    _owned(
        "quota",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("soft", sa.BigInteger(), nullable=False),
        sa.Column("hard", sa.BigInteger(), nullable=False),
        key=("kind",),
    )
    _owned(
        "usage",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        key=("kind", "period"),
    )


def _count() -> None:
    """Count what counties already use. The owner is held by row security too, and lifts it for itself meanwhile."""
    for table in ("account", "stored_object"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO usage (tenant_id, kind, period, used)"
        " SELECT tenant_id, 'users', '', count(*) FROM account GROUP BY tenant_id"
    )
    op.execute(
        "INSERT INTO usage (tenant_id, kind, period, used)"
        " SELECT tenant_id, 'storage', '', sum(size) FROM stored_object WHERE key LIKE 'originals/%' GROUP BY tenant_id"
    )
    for table in ("account", "stored_object"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("REVOKE SELECT (tenant_id, at) ON audit_head FROM lantai_province")
    op.execute("DROP POLICY province ON audit_head")
    op.execute("REVOKE SELECT (tenant_id, state) ON job FROM lantai_province")
    op.execute("DROP POLICY running ON job")
    for table in TABLES:
        op.drop_table(table)
    op.execute(f"REVOKE UPDATE ({EDITABLE}) ON tenant FROM lantai_province")
    op.execute("GRANT UPDATE ON tenant TO lantai_province")
    op.execute("DELETE FROM tenant WHERE kind = 'province'")
    op.drop_index("uq_tenant_domain", "tenant")
    op.drop_constraint(op.f("ck_tenant_state"), "tenant")
    op.drop_constraint(op.f("ck_tenant_kind"), "tenant")
    for name in (*ADDED, "changed_at"):
        op.drop_column("tenant", name)
