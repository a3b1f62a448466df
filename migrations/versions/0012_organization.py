"""Organizations of the sign-in provider, and what sessions that come from it are renewed by."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("credential", sa.Column("renew_at", MOMENT, nullable=True))
    op.add_column("credential", sa.Column("refresh_until", MOMENT, nullable=True))
    op.create_table(
        "organization",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_organization_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_organization")),
    )
    op.create_table(
        "logout_token",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_logout_token_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "jti", name=op.f("pk_logout_token")),
    )
    for table, verbs in (("organization", "SELECT, INSERT, UPDATE"), ("logout_token", "SELECT, INSERT, DELETE")):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")
    # A logout token names a session of the provider and no county: the province may see where it is open, no more.
    op.execute("CREATE POLICY province ON credential FOR SELECT TO lantai_province USING (sid <> '')")
    op.execute("GRANT SELECT (tenant_id, sid) ON credential TO lantai_province")
    op.execute("SELECT departure_reach()")


def downgrade() -> None:
    op.execute("REVOKE SELECT (tenant_id, sid) ON credential FROM lantai_province")
    op.execute("DROP POLICY province ON credential")
    op.drop_table("logout_token")
    op.drop_table("organization")
    op.drop_column("credential", "refresh_until")
    op.drop_column("credential", "renew_at")
