"""Provisioning, quotas, states of counties."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ADDED = {"kind": "county", "domain": "", "region": "", "home_site": "a", "second_site": "b", "reason": ""}
"""Columns of ``tenant`` and what the counties there already are."""

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


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE ({EDITABLE}) ON tenant FROM lantai_province")
    op.execute("GRANT UPDATE ON tenant TO lantai_province")
    op.execute("DELETE FROM tenant WHERE kind = 'province'")
    op.drop_index("uq_tenant_domain", "tenant")
    op.drop_constraint(op.f("ck_tenant_state"), "tenant")
    op.drop_constraint(op.f("ck_tenant_kind"), "tenant")
    for name in (*ADDED, "changed_at"):
        op.drop_column("tenant", name)
