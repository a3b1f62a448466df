"""Tables of the audit log. The application's role reads them; only ``audit_append`` adds to them."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Computed, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned, TenantRow


def _told(name: str) -> Computed:
    return Computed(f"((body)::jsonb ->> '{name}'::text)", persisted=True)


class AuditHeadRow(TenantOwned, Base):
    """How large a log is and the roots of its complete subtrees; locked while entries are added."""

    __tablename__ = "audit_head"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    size: Mapped[int] = mapped_column(BigInteger)
    roots: Mapped[bytes]
    at: Mapped[datetime]
    counted: Mapped[int] = mapped_column(BigInteger)
    timed: Mapped[datetime | None]


class AuditEntryRow(TenantOwned, Base):
    """One act: what was hashed, its leaf, and what can be searched by, generated from what was hashed."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["audit_head.tenant_id"]),
        Index("ix_audit_entry_object", "tenant_id", "object_id", "seq"),
        Index("ix_audit_entry_principal", "tenant_id", "principal_id", "seq"),
        Index("ix_audit_entry_at", "tenant_id", "at"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    leaf: Mapped[bytes]
    body: Mapped[str]
    principal_id: Mapped[str] = mapped_column(_told("principal"))
    action: Mapped[str] = mapped_column(Text(collation="C"), _told("action"))
    object_id: Mapped[uuid.UUID] = mapped_column(Computed("(((body)::jsonb ->> 'object'::text))::uuid", persisted=True))
    session: Mapped[str] = mapped_column(_told("session"))
    result: Mapped[str] = mapped_column(_told("result"))


class AuditTileRow(TenantOwned, Base):
    """256 neighbouring hashes of one level, and their root: a hash of the next level, eight steps up."""

    __tablename__ = "audit_tile"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["audit_head.tenant_id"]),)

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]
    root: Mapped[bytes]


class AuditCheckpointRow(TenantOwned, Base):
    """A signed note of how large the log was and what its root was."""

    __tablename__ = "audit_checkpoint"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["audit_head.tenant_id"]),)

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str]


class AlertRow(TenantRow, Base):
    """What a detector found, and who took note of it."""

    __tablename__ = "alert"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        Index("ix_alert_raised_at", "tenant_id", "raised_at", "id"),
    )

    detector: Mapped[str]
    severity: Mapped[str]
    subject: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    evidence: Mapped[list[object]]
    raised_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="")


class DetectorRow(TenantOwned, Base):
    """How far a detector has read a log, and the threshold a tenant set for it."""

    __tablename__ = "detector"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    name: Mapped[str] = mapped_column(primary_key=True)
    threshold: Mapped[int | None]
    read_until: Mapped[datetime | None]
