"""Tables of uploads and pages."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned, TenantRow


class UploadRow(TenantRow, Base):
    """One delivery of scans."""

    __tablename__ = "upload"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        Index("ix_upload_created_at", "tenant_id", "created_at", "id"),
    )

    name: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class UploadFileRow(TenantRow, Base):
    """One file of a delivery, as it arrived."""

    __tablename__ = "upload_file"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "upload_id"], ["upload.tenant_id", "upload.id"]),
        ForeignKeyConstraint(["tenant_id", "object_id"], ["stored_object.tenant_id", "stored_object.id"]),
        UniqueConstraint("tenant_id", "upload_id", "path"),
        Index("ix_upload_file_sha256", "tenant_id", "sha256"),
    )

    upload_id: Mapped[uuid.UUID]
    object_id: Mapped[uuid.UUID]
    path: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    frames: Mapped[int]
    created_at: Mapped[datetime]


class UploadRefusalRow(TenantOwned, Base):
    """A file that was not taken, and why; the last word on each path."""

    __tablename__ = "upload_refusal"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "upload_id"], ["upload.tenant_id", "upload.id"]),)

    upload_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    facts: Mapped[dict[str, object]]
    at: Mapped[datetime]


class PageRow(TenantRow, Base):
    """One page image: a frame of a file, what was made of it, and the item it belongs to."""

    __tablename__ = "page"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "upload_file_id"], ["upload_file.tenant_id", "upload_file.id"]),
        ForeignKeyConstraint(["tenant_id", "item_id"], ["item.tenant_id", "item.id"]),
        ForeignKeyConstraint(["tenant_id", "pyramid_id"], ["stored_object.tenant_id", "stored_object.id"]),
        ForeignKeyConstraint(["tenant_id", "thumbnail_id"], ["stored_object.tenant_id", "stored_object.id"]),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        UniqueConstraint("tenant_id", "upload_file_id", "frame"),
        Index(
            "uq_page_place", "tenant_id", "item_id", "page_no",
            unique=True, postgresql_where=text("item_id IS NOT NULL"),
        ),
        Index("ix_page_tray", "tenant_id", "id", postgresql_where=text("item_id IS NULL")),
    )  # fmt: skip

    upload_file_id: Mapped[uuid.UUID]
    frame: Mapped[int]
    item_id: Mapped[uuid.UUID | None]
    page_no: Mapped[int | None]
    unplaced: Mapped[str] = mapped_column(default="")
    job_id: Mapped[uuid.UUID]
    original_width: Mapped[int]
    original_height: Mapped[int]
    dpi: Mapped[float | None]
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    transform: Mapped[list[object] | None]
    angle: Mapped[float | None]
    orientation: Mapped[int | None]
    findings: Mapped[list[object]] = mapped_column(default=list)
    dhash: Mapped[str] = mapped_column(default="")
    pyramid_id: Mapped[uuid.UUID | None]
    thumbnail_id: Mapped[uuid.UUID | None]
    processed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class PageTextRow(TenantOwned, Base):
    """What OCR read on a page; lines with their boxes in pixels of the original frame."""

    __tablename__ = "page_text"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "page_id"], ["page.tenant_id", "page.id"]),)

    page_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    engine: Mapped[str]
    engine_version: Mapped[str]
    lines: Mapped[list[object]]
    mean_confidence: Mapped[float | None]
    proofread: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[datetime]


class PageReadingRow(TenantOwned, Base):
    """When somebody's reading of a page was last recorded: tiles of one picture are one reading."""

    __tablename__ = "page_reading"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "page_id"], ["page.tenant_id", "page.id"]),)

    principal_id: Mapped[str] = mapped_column(primary_key=True)
    page_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
