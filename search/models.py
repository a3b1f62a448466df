"""The index: what is searched, and what a hit shows without asking another room."""

import uuid

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantRow


class SearchDocumentRow(TenantRow, Base):
    """An item's catalogue entry (``id`` is the item's), or the text of one of its pages (``id`` is the page's).

    Filters and policy look at the catalogue entry alone; a page's row leaves those columns empty, and is
    found only through its item's.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        UniqueConstraint("tenant_id", "item_id", "page_id", postgresql_nulls_not_distinct=True),
        Index("ix_search_document_terms", "terms", postgresql_using="gin"),
    )

    item_id: Mapped[uuid.UUID]
    page_id: Mapped[uuid.UUID | None]
    page_no: Mapped[int | None]
    version: Mapped[int]
    fonds_code: Mapped[str] = mapped_column(default="")
    year: Mapped[int | None]
    state: Mapped[str] = mapped_column(default="")
    open_status: Mapped[str] = mapped_column(default="")
    ref_code: Mapped[str] = mapped_column(default="")
    code_key: Mapped[str] = mapped_column(default="")
    title: Mapped[str] = mapped_column(default="")
    title_key: Mapped[str] = mapped_column(default="")
    creator: Mapped[str] = mapped_column(default="")
    doc_no: Mapped[str] = mapped_column(default="")
    persons: Mapped[str] = mapped_column(default="")
    keywords: Mapped[str] = mapped_column(default="")
    date: Mapped[str] = mapped_column(default="")
    body: Mapped[str] = mapped_column(default="")
    terms: Mapped[str] = mapped_column(TSVECTOR, deferred=True)
