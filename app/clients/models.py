"""Tables of API clients, of their secrets and of their tokens."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class ClientRow(TenantRow, Base):
    """A program another office runs, and what it may do here."""

    __tablename__ = "api_client"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]), UniqueConstraint("tenant_id", "name"))

    name: Mapped[str]
    purposes: Mapped[list[object]]
    scopes: Mapped[list[object]]
    agreement_id: Mapped[uuid.UUID | None]
    networks: Mapped[list[object]]
    certificate: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ClientSecretRow(TenantRow, Base):
    """A client's secret, known by its digest, until it ends."""

    __tablename__ = "client_secret"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["api_client.tenant_id", "api_client.id"]),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_client_secret_client", "tenant_id", "client_id"),
    )

    client_id: Mapped[uuid.UUID]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class ClientTokenRow(TenantRow, Base):
    """A token handed to a client, known by its digest."""

    __tablename__ = "client_token"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["api_client.tenant_id", "api_client.id"]),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_client_token_client", "tenant_id", "client_id"),
    )

    client_id: Mapped[uuid.UUID]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    scopes: Mapped[list[object]]
    purpose: Mapped[str]
    expires_at: Mapped[datetime]
