"""Agreements between counties, and the lookups made under them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
GRANTS = {"agreement": "SELECT", "lookup": "SELECT, INSERT, UPDATE"}


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("terms", JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("signatures", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_agreement_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", "version", name=op.f("pk_agreement")),
    )
    op.create_table(
        "lookup",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_version", sa.Integer(), nullable=False),
        sa.Column("counterpart", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("year_from", sa.Integer(), nullable=True),
        sa.Column("year_to", sa.Integer(), nullable=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("records", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "agreement_id", "agreement_version"],
            ["agreement.tenant_id", "agreement.id", "agreement.version"],
            name=op.f("fk_lookup_tenant_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_lookup")),
    )
    op.create_index("ix_lookup_asked", "lookup", ["tenant_id", "side", "asked_at", "id"])
    op.create_index("ix_lookup_agreement", "lookup", ["tenant_id", "agreement_id", "side", "asked_at"])
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")
    # Both parties' copies are written in one transaction, which is the province's; it opens no other table of theirs.
    op.execute("CREATE POLICY province ON agreement TO lantai_province USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON agreement TO lantai_province")


def downgrade() -> None:
    op.drop_table("lookup")
    op.drop_table("agreement")
