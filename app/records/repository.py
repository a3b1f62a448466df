"""Queries on the tables of description; hands out values, never rows."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVarTuple

from sqlalchemy import Select, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.kernel import clock
from app.kernel.errors import NotFound, StaleVersion
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.kernel.predicate import Predicate
from app.platform.predicates import beginning, where
from app.records.models import (
    CodeRuleRow,
    CodeSequenceRow,
    ComponentRow,
    FileUnitRow,
    FondsRow,
    ItemRevisionRow,
    ItemRow,
)
from app.records.rules import DEFAULT_RULES, date_span
from app.records.types import (
    Description,
    FileUnit,
    FileUnitId,
    Fonds,
    FondsId,
    Item,
    ItemId,
    ItemQuery,
    ItemState,
    Revision,
)
from app.storage.types import StoredObject
from tenants.scope import current_scope

Columns = TypeVarTuple("Columns")

_ELEMENTS = tuple(field.name for field in fields(Description))
_BATCH = 1000
_COLUMNS = {"state": ItemRow.state, "open_status": ItemRow.open_status}


def described(row: ItemRow) -> Description:
    """Return an item row's description."""
    told: dict[str, Any] = {name: getattr(row, name) for name in _ELEMENTS}
    return Description(**told)


def _item(row: ItemRow) -> Item:
    return Item(
        id=ItemId(row.id),
        fonds_id=FondsId(row.fonds_id),
        file_unit_id=FileUnitId(row.file_unit_id) if row.file_unit_id else None,
        ref_code=row.ref_code or None,
        described=described(row),
        open_status=row.open_status,
        state=ItemState(row.state),
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
        accepted_at=row.accepted_at,
    )


def _columns(description: Description) -> dict[str, object]:
    span = date_span(description.date) if description.date else None
    told: dict[str, object] = {name: getattr(description, name) for name in _ELEMENTS}  # `asdict` takes 60 µs a row
    return told | {
        "date_from": span[0] if span else None,
        "date_to": span[1] if span else None,
    }


class Records:
    """Fonds, file units and items of the tenant in scope."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fonds(self) -> tuple[Fonds, ...]:
        """Return all fonds in the order of their codes."""
        rows = self._session.scalars(select(FondsRow).order_by(FondsRow.fonds_code))
        return tuple(Fonds(FondsId(r.id), r.fonds_code, r.fonds_name) for r in rows)

    def open_fonds(self, code: str, name: str) -> FondsId:
        """Return the id of a fonds, opening it where there is none."""
        tenant = current_scope().tenant
        fonds_id = derived_id(tenant, "fonds", code)
        self._session.execute(
            upsert(FondsRow)
            .values(
                tenant_id=tenant, id=fonds_id, fonds_code=code, fonds_name=name, unit_name=name, custody_history="",
                created_at=clock.now(),
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
        return FondsId(fonds_id)

    def file_units(self, fonds_id: FondsId) -> tuple[FileUnit, ...]:
        """Return a fonds' file units in the order of their codes."""
        query = select(FileUnitRow).where(FileUnitRow.fonds_id == fonds_id).order_by(FileUnitRow.ref_code)
        rows = self._session.scalars(query)
        return tuple(FileUnit(FileUnitId(r.id), r.ref_code, r.archive_file_no, r.title) for r in rows)

    def open_file_units(self, wanted: Mapping[str, tuple[FondsId, str]]) -> dict[str, FileUnitId]:
        """Return the ids of file units by reference code, opening those that are not there.

        Parameters
        ----------
        wanted : mapping of code to (fonds, number of the file unit)
        """
        tenant = current_scope().tenant
        ids = {code: derived_id(tenant, "file_unit", code) for code in wanted}
        rows = [
            {
                "tenant_id": tenant, "id": ids[code], "fonds_id": fonds, "ref_code": code, "archive_file_no": number,
                "title": "", "kind": "file_unit",
            }
            for code, (fonds, number) in wanted.items()
        ]  # fmt: skip
        if rows:
            self._session.execute(upsert(FileUnitRow).on_conflict_do_nothing(), rows)
        return {code: FileUnitId(value) for code, value in ids.items()}

    def get(self, item_id: uuid.UUID, *, lock: bool = False) -> Item:
        """Return one item; a foreign id and an unknown id are equally absent."""
        return _item(self._row(item_id, lock=lock))

    def at_version(self, item_id: uuid.UUID, expected: int) -> Item:
        """Return an item locked for a change; raises `StaleVersion` unless it stands at the version."""
        item = self.get(item_id, lock=True)
        if item.version != expected:
            raise StaleVersion(expected, item.version)
        return item

    def find(self, item_id: uuid.UUID) -> Item | None:
        """Return one item, or None."""
        row = self._session.get(ItemRow, (current_scope().tenant, item_id))
        return _item(row) if row else None

    def by_code(self, ref_code: str) -> Item | None:
        """Return the item a reference code names."""
        row = self._session.scalar(select(ItemRow).where(ItemRow.ref_code == ref_code))
        return _item(row) if row else None

    def existing(self, codes: Sequence[str]) -> dict[str, Description]:
        """Return the descriptions of those codes that are taken."""
        found: dict[str, Description] = {}
        for start in range(0, len(codes), _BATCH):
            query = select(ItemRow).where(ItemRow.ref_code.in_(codes[start : start + _BATCH]))
            for row in self._session.scalars(query):
                found[str(row.ref_code)] = described(row)
                self._session.expunge(row)
        return found

    def page(self, wanted: ItemQuery, request: PageRequest, *, readable: Predicate) -> Page[Item]:
        """Return items in the order of their codes, those without one first."""
        query = (
            self._narrowed(select(ItemRow), wanted, readable)
            .order_by(ItemRow.ref_code, ItemRow.id)
            .limit(request.limit + 1)
        )
        if request.after:
            after_code, after_id = request.after[0], uuid.UUID(request.after[1])
            query = query.where(tuple_(ItemRow.ref_code, ItemRow.id) > tuple_(after_code, after_id))
        rows = tuple(map(_item, self._session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((shown[-1].ref_code or "", str(shown[-1].id))) if more else None)

    def counts(self, readable: Predicate) -> dict[str, int]:
        """Return how many items stand in each state."""
        query = self._narrowed(select(ItemRow.state, func.count()), ItemQuery(), readable).group_by(ItemRow.state)
        return dict(self._session.execute(query).all())

    def add(self, item_id: uuid.UUID, description: Description, fonds_id: FondsId, unit: FileUnitId | None) -> Item:
        """Add an item in state captured."""
        self.add_all([(item_id, description, fonds_id, unit)])
        return self.get(item_id)

    def add_all(self, items: Iterable[tuple[uuid.UUID, Description, FondsId, FileUnitId | None]]) -> None:
        """Add items in state captured, many at a time."""
        tenant, now = current_scope().tenant, clock.now()
        rows = [
            _columns(description)
            | {
                "tenant_id": tenant, "id": item_id, "fonds_id": fonds_id, "file_unit_id": unit,
                "created_at": now, "changed_at": now,
            }
            for item_id, description, fonds_id, unit in items
        ]  # fmt: skip
        for start in range(0, len(rows), _BATCH):
            self._session.execute(insert(ItemRow), rows[start : start + _BATCH])

    def add_component(self, item_id: ItemId, stored: StoredObject, file_name: str) -> None:
        """Join a stored file to an item, once."""
        tenant = current_scope().tenant
        self._session.execute(
            upsert(ComponentRow)
            .values(
                tenant_id=tenant,
                id=derived_id(tenant, "component", str(item_id), str(stored.id)),
                item_id=item_id,
                object_id=stored.id,
                doc_order=0,
                carrier="surrogate",
                file_name=file_name,
                file_size=stored.size,
                format=stored.media_type,
            )
            .on_conflict_do_nothing()
        )

    def replace(self, item: Item, description: Description, reason: str) -> Item:
        """Replace a description, keeping the former one as a revision."""
        scope = current_scope()
        self._session.add(
            ItemRevisionRow(
                item_id=item.id,
                version=item.version,
                described=asdict(item.described),
                replaced_at=clock.now(),
                replaced_by=scope.principal.id,
                reason=reason,
            )
        )
        row = self._row(item.id)
        for name, value in _columns(description).items():
            setattr(row, name, value)
        return self._moved(row, ItemState.CAPTURED)

    def move(self, item: Item, state: ItemState) -> Item:
        """Put an item into another state."""
        row = self._row(item.id)
        if state is ItemState.CATALOGUED:
            row.accepted_at = clock.now()
        return self._moved(row, state)

    def revisions(self, item_id: uuid.UUID) -> tuple[Revision, ...]:
        """Return an item's former descriptions, newest first."""
        query = (
            select(ItemRevisionRow).where(ItemRevisionRow.item_id == item_id).order_by(ItemRevisionRow.version.desc())
        )
        return tuple(
            Revision(r.version, Description(**r.described), r.replaced_at, r.replaced_by, r.reason)  # pyright: ignore[reportArgumentType]  # JSON we wrote
            for r in self._session.scalars(query)
        )

    def code_rules(self, fonds_code: str, category_code: str) -> tuple[Mapping[str, object], ...]:
        """Return the numbering rules that may apply, the most particular first; the standards' where none is set."""
        query = (
            select(CodeRuleRow)
            .where(CodeRuleRow.fonds_code.in_(["", fonds_code]), CodeRuleRow.category_code.in_(["", category_code]))
            .order_by(CodeRuleRow.rank)
        )
        own = tuple(row.rule for row in self._session.scalars(query))
        return own or tuple(rule for _, rule in DEFAULT_RULES)

    def adopt_rules(self) -> bool:
        """Write the standards' rules as the county's own, unless it has rules; say whether it had none."""
        if self._session.scalar(select(CodeRuleRow.id).limit(1)):
            return False
        tenant = current_scope().tenant
        for rank, (name, rule) in enumerate(DEFAULT_RULES):
            values = {"tenant_id": tenant, "id": derived_id(tenant, "code_rule", name), "name": name, "rank": rank}
            self._session.execute(
                upsert(CodeRuleRow)
                .values(**values, fonds_code="", category_code="", rule=rule)
                .on_conflict_do_nothing()
            )
        return True

    def next_number(self, smallest_class: str) -> int:
        """Give the next number of a smallest class: gapless and never twice, also when two ask at once."""
        tenant = current_scope().tenant
        self._session.execute(
            upsert(CodeSequenceRow)
            .values(tenant_id=tenant, smallest_class=smallest_class, last=0)
            .on_conflict_do_nothing()
        )
        row = self._session.get_one(
            CodeSequenceRow, (tenant, smallest_class), with_for_update=True, populate_existing=True
        )
        row.last = max(row.last, self._highest(smallest_class)) + 1
        return row.last

    def _highest(self, smallest_class: str) -> int:
        tail = func.substr(ItemRow.ref_code, len(smallest_class) + 2)
        query = select(func.max(func.lpad(tail, 5, "0"))).where(
            beginning(ItemRow.ref_code, smallest_class + "-"), tail.regexp_match("^[0-9]{1,5}$")
        )
        return int(self._session.scalar(query) or 0)

    def _moved(self, row: ItemRow, state: ItemState) -> Item:
        row.state, row.version, row.changed_at = state, row.version + 1, clock.now()
        self._session.flush()
        return _item(row)

    def _row(self, item_id: uuid.UUID, *, lock: bool = False) -> ItemRow:
        row = self._session.get(
            ItemRow, (current_scope().tenant, item_id), with_for_update=lock or None, populate_existing=lock
        )
        if row is None:
            raise NotFound("item")
        return row

    @staticmethod
    def _narrowed(query: Select[*Columns], wanted: ItemQuery, readable: Predicate) -> Select[*Columns]:
        query = query.where(where(readable, current_scope().principal.roles, _COLUMNS))
        if wanted.fonds_code:
            query = query.where(ItemRow.fonds_code == wanted.fonds_code)
        if wanted.file_unit_id:
            query = query.where(ItemRow.file_unit_id == wanted.file_unit_id)
        if wanted.state:
            query = query.where(ItemRow.state == wanted.state)
        if wanted.prefix:
            query = query.where(beginning(ItemRow.ref_code, wanted.prefix))
        return query
