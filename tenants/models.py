"""The province's directory of tenants, readable by every county, and what joining and limits leave behind."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned


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


class TenantOrderRow(TenantOwned, Base):
    """Who asked for a county, and whom it was to have as its three administrators."""

    __tablename__ = "tenant_order"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    administrators: Mapped[list[object]]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]


class TenantStepRow(TenantOwned, Base):
    """How far one step of setting a county up has come."""

    __tablename__ = "tenant_step"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    error: Mapped[dict[str, object] | None]
    attempts: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class QuotaRow(TenantOwned, Base):
    """A limit the province has set for a county, in place of the one everybody has."""

    __tablename__ = "quota"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    soft: Mapped[int] = mapped_column(BigInteger)
    hard: Mapped[int] = mapped_column(BigInteger)


class UsageRow(TenantOwned, Base):
    """What a county has used of a limit in a period: a day in China, or ``''`` for what stays."""

    __tablename__ = "usage"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger)


class ExportRow(TenantOwned, Base):
    """A county's export; a row of the province's office, so that it outlives the county."""

    __tablename__ = "tenant_export"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    county: Mapped[str]
    folder: Mapped[str]
    key: Mapped[str]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    digest: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, object]]
    verified_at: Mapped[datetime | None]


class RetirementRow(TenantOwned, Base):
    """The end of a county: who proposed it, who approved it, what was destroyed; a row of the province's office."""

    __tablename__ = "tenant_retirement"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        ForeignKeyConstraint(["tenant_id", "export_id"], ["tenant_export.tenant_id", "tenant_export.id"]),
        CheckConstraint("approved_by <> proposed_by AND approver <> proposer", name="two_people"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    county: Mapped[str]
    export_id: Mapped[uuid.UUID]
    reason: Mapped[str]
    proposed_by: Mapped[str]
    proposer: Mapped[str]
    proposed_at: Mapped[datetime]
    approved_by: Mapped[str | None]
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    facts: Mapped[dict[str, object]]
    destroyed: Mapped[dict[str, object] | None]
    destroyed_at: Mapped[datetime | None]
    certificate: Mapped[str | None]
