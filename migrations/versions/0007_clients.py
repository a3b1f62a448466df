"""API clients: who they are, their secrets and their tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
GRANTS = {
    "api_client": "SELECT, INSERT, UPDATE",
    "client_secret": "SELECT, INSERT, UPDATE, DELETE",
    "client_token": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    op.create_table(
        "api_client",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purposes", JSONB(), nullable=False),
        sa.Column("scopes", JSONB(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=True),
        sa.Column("networks", JSONB(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_api_client_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_client")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_api_client_tenant_id_name")),
    )
    for table, more in (
        ("client_secret", [sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False)]),
        (
            "client_token",
            [
                sa.Column("scopes", JSONB(), nullable=False),
                sa.Column("purpose", sa.Text(), nullable=False),
                sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
            ],
        ),
    ):
        op.create_table(
            table,
            sa.Column("tenant_id", sa.Text(), nullable=False),
            sa.Column("id", sa.Uuid(), nullable=False),
            sa.Column("client_id", sa.Uuid(), nullable=False),
            sa.Column("digest", sa.Text(), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            *more,
            sa.ForeignKeyConstraint(
                ["tenant_id", "client_id"],
                ["api_client.tenant_id", "api_client.id"],
                name=op.f(f"fk_{table}_tenant_id"),
            ),
            sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("tenant_id", "digest", name=op.f(f"uq_{table}_tenant_id_digest")),
        )
        op.create_index(f"ix_{table}_client", table, ["tenant_id", "client_id"])
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")


def downgrade() -> None:
    for table in reversed(GRANTS):
        op.drop_table(table)
