"""Alerts of the anomaly detectors, and the readings of pages they count."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
GRANTS = {
    "alert": "SELECT, INSERT, UPDATE (acknowledged_at, acknowledged_by, note)",
    "detector": "SELECT, INSERT, UPDATE (threshold, read_until)",
    "page_reading": "SELECT, INSERT, UPDATE (at)",
}


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_alert_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_raised_at", "alert", ["tenant_id", "raised_at", "id"])
    op.create_table(
        "detector",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("read_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_detector_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_detector")),
    )
    op.create_table(
        "page_reading",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "page_id"], ["page.tenant_id", "page.id"], name=op.f("fk_page_reading_tenant_id_page_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", "page_id", "action", name=op.f("pk_page_reading")),
    )
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")


def downgrade() -> None:
    for table in reversed(GRANTS):
        op.drop_table(table)
