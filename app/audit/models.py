"""Tables of the audit log. The application's role may insert and read entries, nothing else."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned


class AuditEntryRow(TenantOwned, Base):
    """One act."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        Index("ix_audit_entry_object", "tenant_id", "object_id", "seq"),
        Index("ix_audit_entry_principal", "tenant_id", "principal_id", "seq"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    principal_id: Mapped[str]
    roles: Mapped[list[object]]
    action: Mapped[str] = mapped_column(Text(collation="C"))
    object_id: Mapped[uuid.UUID]
    purpose: Mapped[str]
    request_id: Mapped[str]
    details: Mapped[dict[str, object]]
    previous: Mapped[str]
    digest: Mapped[str]


class AuditHeadRow(TenantOwned, Base):
    """Where a county's chain ends; locked while entries are added, so that no number is given twice."""

    __tablename__ = "audit_head"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]
