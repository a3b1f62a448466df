"""Tables of description; columns carry the element names of DA/T 46 and DA/T 18 (handbook description.md)."""

import uuid
from datetime import date as Date  # noqa: N812  # a column is called date
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned, TenantRow


class FondsRow(TenantRow, Base):
    """All records of one unit."""

    __tablename__ = "fonds"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]), UniqueConstraint("tenant_id", "fonds_code"))

    fonds_code: Mapped[str]
    fonds_name: Mapped[str]
    unit_name: Mapped[str]
    custody_history: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class SeriesRow(TenantRow, Base):
    """A class inside a fonds; classes may nest."""

    __tablename__ = "series"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fonds_id"], ["fonds.tenant_id", "fonds.id"]),
        ForeignKeyConstraint(["tenant_id", "parent_id"], ["series.tenant_id", "series.id"]),
        UniqueConstraint("tenant_id", "fonds_id", "series_code"),
    )

    fonds_id: Mapped[uuid.UUID]
    parent_id: Mapped[uuid.UUID | None]
    series_code: Mapped[str]
    title: Mapped[str]


class FileUnitRow(TenantRow, Base):
    """A bound folder of items (案卷); photo groups and accounting registers are its kinds."""

    __tablename__ = "file_unit"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fonds_id"], ["fonds.tenant_id", "fonds.id"]),
        ForeignKeyConstraint(["tenant_id", "series_id"], ["series.tenant_id", "series.id"]),
        UniqueConstraint("tenant_id", "ref_code"),
    )

    fonds_id: Mapped[uuid.UUID]
    series_id: Mapped[uuid.UUID | None]
    ref_code: Mapped[str]
    archive_file_no: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str] = mapped_column(default="file_unit")


class ItemRow(TenantRow, Base):
    """The smallest managed record (件)."""

    __tablename__ = "item"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fonds_id"], ["fonds.tenant_id", "fonds.id"]),
        ForeignKeyConstraint(["tenant_id", "series_id"], ["series.tenant_id", "series.id"]),
        ForeignKeyConstraint(["tenant_id", "file_unit_id"], ["file_unit.tenant_id", "file_unit.id"]),
        CheckConstraint("secrecy IN ('公开', '内部')", name="no_state_secret"),
        Index("uq_item_ref_code", "tenant_id", "ref_code", unique=True, postgresql_where=text("ref_code <> ''")),
        Index("ix_item_ref_code", "tenant_id", "ref_code", "id"),
        Index("ix_item_fonds", "tenant_id", "fonds_code", "ref_code", "id"),
        Index("ix_item_file_unit", "tenant_id", "file_unit_id"),
        Index("ix_item_state", "tenant_id", "state", "ref_code", "id"),
    )

    fonds_id: Mapped[uuid.UUID]
    series_id: Mapped[uuid.UUID | None]
    file_unit_id: Mapped[uuid.UUID | None]
    ref_code: Mapped[str] = mapped_column(Text(collation="C"), default="")
    fonds_code: Mapped[str]
    category_code: Mapped[str]
    catalogue_no: Mapped[str] = mapped_column(default="")
    year: Mapped[int | None]
    org_or_question: Mapped[str] = mapped_column(default="")
    archive_file_no: Mapped[str] = mapped_column(default="")
    archive_item_no: Mapped[int | None]
    title: Mapped[str]
    creator: Mapped[str]
    doc_no: Mapped[str] = mapped_column(default="")
    date: Mapped[str]
    date_from: Mapped[Date | None]
    date_to: Mapped[Date | None]
    retention: Mapped[str]
    secrecy: Mapped[str] = mapped_column(default="内部")
    disclosure: Mapped[str] = mapped_column(default="")
    open_status: Mapped[str] = mapped_column(default="未审核")
    persons: Mapped[str] = mapped_column(default="")
    keywords: Mapped[str] = mapped_column(default="")
    abstract: Mapped[str] = mapped_column(default="")
    doc_type: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="汉语")
    page_count: Mapped[int | None]
    note: Mapped[str] = mapped_column(default="")
    generation: Mapped[str] = mapped_column(default="数字化")
    state: Mapped[str] = mapped_column(default="captured")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]


class ItemRevisionRow(TenantOwned, Base):
    """A former description of an item."""

    __tablename__ = "item_revision"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "item_id"], ["item.tenant_id", "item.id"]),)

    item_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    described: Mapped[dict[str, object]]
    replaced_at: Mapped[datetime]
    replaced_by: Mapped[str]
    reason: Mapped[str]


class ComponentRow(TenantRow, Base):
    """A computer file of an item's document (body or attachment)."""

    __tablename__ = "component"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "item_id"], ["item.tenant_id", "item.id"]),
        ForeignKeyConstraint(["tenant_id", "object_id"], ["stored_object.tenant_id", "stored_object.id"]),
        UniqueConstraint("tenant_id", "item_id", "object_id"),
    )

    item_id: Mapped[uuid.UUID]
    object_id: Mapped[uuid.UUID]
    doc_order: Mapped[int] = mapped_column(default=0)
    carrier: Mapped[str] = mapped_column(default="surrogate")
    file_name: Mapped[str]
    file_size: Mapped[int]
    format: Mapped[str]


class CodeRuleRow(TenantRow, Base):
    """How reference codes are built, as data (DA/T 13, DA/T 22); chosen by fonds, category and years."""

    __tablename__ = "code_rule"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]), UniqueConstraint("tenant_id", "name"))

    name: Mapped[str]
    fonds_code: Mapped[str] = mapped_column(default="")
    category_code: Mapped[str] = mapped_column(default="")
    rank: Mapped[int]
    rule: Mapped[dict[str, object]]


class CodeSequenceRow(TenantOwned, Base):
    """The last number given in a smallest class; locked while one is given, so that none is lost or doubled."""

    __tablename__ = "code_sequence"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    smallest_class: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
