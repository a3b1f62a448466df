"""The province's directory of tenants, readable by every county, and what joining and limits leave behind."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class TenantRow(Base):
    """One county's archive, or the province's own office; every role reads it, so nothing in it is confidential."""

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("archive_code"),
        Index("uq_tenant_domain", "domain", unique=True, postgresql_where=text("domain <> ''")),
        CheckConstraint("kind IN ('county', 'province')", name="kind"),
        CheckConstraint("state IN ('provisioning', 'active', 'read_only', 'suspended', 'retired')", name="state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="county")
    name: Mapped[str]
    division_code: Mapped[str]
    archive_code: Mapped[str]
    domain: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    home_site: Mapped[str] = mapped_column(default="a")
    second_site: Mapped[str] = mapped_column(default="b")
    state: Mapped[str] = mapped_column(default="active")
    reason: Mapped[str] = mapped_column(default="")
    changed_at: Mapped[datetime]
    created_at: Mapped[datetime]
