"""Tables of citizens, of the codes they were sent, and of their sessions."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class CitizenRow(TenantRow, Base):
    """A citizen, known by whoever proved who it is and the subject's name there."""

    __tablename__ = "citizen"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        UniqueConstraint("tenant_id", "issuer", "subject"),
    )

    issuer: Mapped[str]
    subject: Mapped[str]
    phone: Mapped[bytes | None]
    name: Mapped[bytes | None]
    id_card: Mapped[bytes | None]
    created_at: Mapped[datetime]


class CitizenCodeRow(TenantRow, Base):
    """A code sent to a phone; kept so that the codes of an hour can be counted; older ones go with the next."""

    __tablename__ = "citizen_code"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        Index("ix_citizen_code_subject", "tenant_id", "subject", "created_at"),
        Index("ix_citizen_code_client", "tenant_id", "client", "created_at"),
    )

    subject: Mapped[str]
    phone: Mapped[bytes]
    client: Mapped[str]
    digest: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    used: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class CitizenSessionRow(TenantRow, Base):
    """A citizen's session, known by its digest."""

    __tablename__ = "citizen_session"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "citizen_id"], ["citizen.tenant_id", "citizen.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_citizen_session_citizen", "tenant_id", "citizen_id"),
    )

    citizen_id: Mapped[uuid.UUID]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ends_at: Mapped[datetime]
