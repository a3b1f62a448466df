"""Lookups, as the county that asked and the county that answered each keep them."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class LookupRow(TenantRow, Base):
    """One lookup; both copies have the same id.

    Attributes
    ----------
    person : str
        Keyed digest of the name, equal in all counties.
    subject : bytes or None
        The name, sealed; in the copy of the county that asked.
    """

    __tablename__ = "lookup"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "agreement_id", "agreement_version"],
            ["agreement.tenant_id", "agreement.id", "agreement.version"],
        ),
        Index("ix_lookup_asked", "tenant_id", "side", "asked_at", "id"),
        Index("ix_lookup_agreement", "tenant_id", "agreement_id", "side", "asked_at"),
    )

    side: Mapped[str]
    agreement_id: Mapped[uuid.UUID]
    agreement_version: Mapped[int]
    counterpart: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    kind: Mapped[str]
    purpose: Mapped[str]
    ticket: Mapped[str]
    year_from: Mapped[int | None]
    year_to: Mapped[int | None]
    person: Mapped[str]
    subject: Mapped[bytes | None] = mapped_column(LargeBinary)
    outcome: Mapped[str]
    records: Mapped[list[object]]
