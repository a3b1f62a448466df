"""Ledger of objects and of their copies."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned, TenantRow


class StoredObjectRow(TenantRow, Base):
    """One sequence of bytes."""

    __tablename__ = "stored_object"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]), UniqueConstraint("tenant_id", "key"))

    key: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    created_at: Mapped[datetime]


class ReplicaRow(TenantOwned, Base):
    """One copy of an object."""

    __tablename__ = "replica"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "object_id"], ["stored_object.tenant_id", "stored_object.id"]),
    )

    object_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    verified_at: Mapped[datetime]
