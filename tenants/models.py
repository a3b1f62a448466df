"""The directory of counties: the province's table, readable by every county."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class TenantRow(Base):
    """One county's archive."""

    __tablename__ = "tenant"
    __table_args__ = (UniqueConstraint("archive_code"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    division_code: Mapped[str]
    archive_code: Mapped[str]
    state: Mapped[str] = mapped_column(default="active")
    created_at: Mapped[datetime]
