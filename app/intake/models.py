"""Tables of imports and of remembered column mappings."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class CatalogueImportRow(TenantRow, Base):
    """One catalogue on its way in: the file, what was found in it, what became of it."""

    __tablename__ = "catalogue_import"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "object_id"], ["stored_object.tenant_id", "stored_object.id"]),
        ForeignKeyConstraint(["tenant_id", "faults_object_id"], ["stored_object.tenant_id", "stored_object.id"]),
        Index("ix_catalogue_import_created", "tenant_id", "created_at", "id"),
    )

    object_id: Mapped[uuid.UUID]
    sha256: Mapped[str]
    file_name: Mapped[str]
    state: Mapped[str]
    columns: Mapped[list[object]]
    mapping: Mapped[dict[str, object]]
    total: Mapped[int] = mapped_column(default=0)
    valid: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    faults: Mapped[list[object]]
    fault_count: Mapped[int] = mapped_column(default=0)
    faults_object_id: Mapped[uuid.UUID | None]
    notes: Mapped[list[object]]
    sample: Mapped[list[object]]
    skip_faulty: Mapped[bool] = mapped_column(default=False)
    error: Mapped[dict[str, object] | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class ImportProfileRow(TenantRow, Base):
    """The mapping last chosen for a row of headings, so that it is chosen once."""

    __tablename__ = "import_profile"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        UniqueConstraint("tenant_id", "headings_digest"),
    )

    headings_digest: Mapped[str]
    mapping: Mapped[dict[str, object]]
    changed_at: Mapped[datetime]
