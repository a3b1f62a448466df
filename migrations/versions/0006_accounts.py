"""Second factors, sessions and grants of accounts. Expand."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OWN = "tenant_id = (SELECT app_tenant())"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
GRANTS = {
    "role_grant": "SELECT, INSERT, UPDATE",
    "password_history": "SELECT, INSERT, DELETE",
    "second_factor": EVERYTHING,
    "recovery_code": "SELECT, INSERT, UPDATE, DELETE",
    "sign_in_source": EVERYTHING,
}
MOMENT = sa.DateTime(timezone=True)


def _of_account(table: str, *, cascade: bool = True) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "account_id"],
        ["account.tenant_id", "account.id"],
        name=op.f(f"fk_{table}_tenant_id_account_id"),
        ondelete="CASCADE" if cascade else None,
    )


def _row_of_account(table: str, *columns: sa.schema.SchemaItem, cascade: bool = True) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        *columns,
        _of_account(table, cascade=cascade),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def _add(table: str, name: str, kind: sa.types.TypeEngine[Any], filled: str) -> None:
    """Add a column that rows already there get a value for."""
    op.add_column(table, sa.Column(name, kind, nullable=True))
    op.execute(f"UPDATE {table} SET {name} = {filled}")  # noqa: S608  # this file's own words
    op.alter_column(table, name, nullable=False)


def upgrade() -> None:
    # The migrations' role is held by row security too; it owns the tables, so it may lift that for itself.
    for table in ("account", "credential"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for name in ("issuer", "subject", "person"):
        _add("account", name, sa.Text(), "''")
    _add("account", "created_by", sa.Text(), "'system:install'")
    _add("account", "password_changed_at", MOMENT, "created_at")
    _add("account", "must_change", sa.Boolean(), "false")
    for name in ("id_card", "phone"):
        op.add_column("account", sa.Column(name, sa.LargeBinary(), nullable=True))
    for name in ("valid_until", "last_sign_in_at", "unlocked_at"):
        op.add_column("account", sa.Column(name, MOMENT, nullable=True))
    op.create_index(
        "uq_account_subject", "account", ["tenant_id", "issuer", "subject"],
        unique=True, postgresql_where=sa.text("issuer <> ''"),
    )  # fmt: skip
    op.create_index("ix_account_person", "account", ["tenant_id", "person"], postgresql_where=sa.text("person <> ''"))

    _add("credential", "session_id", sa.Uuid(), "id")
    for name in ("signed_in_at", "last_used_at"):
        _add("credential", name, MOMENT, "created_at")
    for name in ("client", "device", "sid"):
        _add("credential", name, sa.Text(), "''")
    _add("credential", "factors", sa.Text(), "'pwd'")
    op.add_column("credential", sa.Column("refresh", sa.LargeBinary(), nullable=True))
    op.create_index("ix_credential_account", "credential", ["tenant_id", "account_id"])
    op.create_index("ix_credential_sid", "credential", ["tenant_id", "sid"], postgresql_where=sa.text("sid <> ''"))

    _row_of_account(
        "role_grant",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("removed_at", MOMENT, nullable=True),
        cascade=False,
    )
    op.create_index(
        "uq_role_grant_in_force", "role_grant", ["tenant_id", "account_id", "role"],
        unique=True, postgresql_where=sa.text("removed_at IS NULL"),
    )  # fmt: skip
    op.execute(
        "INSERT INTO role_grant (tenant_id, id, account_id, role, granted_by, granted_at)"
        " SELECT tenant_id, gen_random_uuid(), id, jsonb_array_elements_text(roles), 'system:install', created_at"
        " FROM account"
    )
    _row_of_account(
        "password_history",
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
    )
    op.create_index("ix_password_history_account", "password_history", ["tenant_id", "account_id", "changed_at"])
    op.create_table(
        "second_factor",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_counter", sa.BigInteger(), nullable=False),
        _of_account("second_factor"),
        sa.PrimaryKeyConstraint("tenant_id", "account_id", name=op.f("pk_second_factor")),
    )
    _row_of_account(
        "recovery_code",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.UniqueConstraint(
            "tenant_id", "account_id", "digest", name=op.f("uq_recovery_code_tenant_id_account_id_digest")
        ),
    )
    op.create_table(
        "sign_in_source",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_sign_in_source_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "address", name=op.f("pk_sign_in_source")),
    )
    for table, verbs in GRANTS.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO lantai_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"GRANT {verbs} ON {table} TO lantai_app")
    for table in ("account", "credential", *GRANTS):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in GRANTS:
        op.drop_table(table)
    for index in ("ix_credential_sid", "ix_credential_account"):
        op.drop_index(index, "credential")
    for name in ("session_id", "signed_in_at", "last_used_at", "client", "device", "sid", "factors", "refresh"):
        op.drop_column("credential", name)
    for index in ("ix_account_person", "uq_account_subject"):
        op.drop_index(index, "account")
    for name in (
        "issuer", "subject", "person", "created_by", "password_changed_at", "must_change", "id_card", "phone",
        "valid_until", "last_sign_in_at", "unlocked_at",
    ):  # fmt: skip
        op.drop_column("account", name)
