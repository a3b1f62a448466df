"""Tables of accounts and of what they have been handed after signing in."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class AccountRow(TenantRow, Base):
    """A person's account in one county."""

    __tablename__ = "account"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]), UniqueConstraint("tenant_id", "login"))

    login: Mapped[str]
    display_name: Mapped[str]
    password_hash: Mapped[str]
    roles: Mapped[list[object]]
    state: Mapped[str] = mapped_column(default="active")
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class CredentialRow(TenantRow, Base):
    """A session, access token or refresh token, known by its digest."""

    __tablename__ = "credential"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_credential_expires", "tenant_id", "expires_at"),
    )

    account_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
