"""Each tenant's own key, wrapped."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"


def upgrade() -> None:
    op.create_table(
        "tenant_key",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_key_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_key")),
    )
    op.execute("ALTER TABLE tenant_key ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tenant_key FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON tenant_key TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
    op.execute("GRANT SELECT, INSERT, UPDATE ON tenant_key TO lantai_app")


def downgrade() -> None:
    op.drop_table("tenant_key")
