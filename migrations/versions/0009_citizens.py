"""Citizens' accounts, apart from staff."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
GRANTS = {
    "citizen": "SELECT, INSERT, UPDATE, DELETE",
    "citizen_code": "SELECT, INSERT, UPDATE, DELETE",
    "citizen_session": "SELECT, INSERT, UPDATE, DELETE",
}


def upgrade() -> None:
    op.create_table(
        "citizen",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("id_card", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_citizen_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_citizen")),
        sa.UniqueConstraint("tenant_id", "issuer", "subject", name=op.f("uq_citizen_tenant_id_issuer_subject")),
    )
    op.create_table(
        "citizen_code",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_citizen_code_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_citizen_code")),
    )
    op.create_index("ix_citizen_code_subject", "citizen_code", ["tenant_id", "subject", "created_at"])
    op.create_index("ix_citizen_code_client", "citizen_code", ["tenant_id", "client", "created_at"])
    op.create_table(
        "citizen_session",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("citizen_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "citizen_id"],
            ["citizen.tenant_id", "citizen.id"],
            name=op.f("fk_citizen_session_tenant_id_citizen_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_citizen_session")),
        sa.UniqueConstraint("tenant_id", "digest", name=op.f("uq_citizen_session_tenant_id_digest")),
    )
    op.create_index("ix_citizen_session_citizen", "citizen_session", ["tenant_id", "citizen_id"])
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")
    # Every process asks before it starts whether the database is at its revision.
    op.execute("GRANT SELECT ON alembic_version TO lantai_app, lantai_dispatcher, lantai_province")


def downgrade() -> None:
    op.execute("REVOKE SELECT ON alembic_version FROM lantai_app, lantai_dispatcher, lantai_province")
    for table in ("citizen_session", "citizen_code", "citizen"):
        op.drop_table(table)
