"""The verbs of description: create, revise, number, check, accept."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from app.kernel.errors import Conflict, Fault, Invalid
from app.kernel.hashes import canonical, sha256
from app.kernel.ids import derived_id, new_id
from app.kernel.paging import Page, PageRequest
from app.platform.work import Work, Works
from app.records import rules
from app.records.policy import POLICY
from app.records.repository import Records
from app.records.types import (
    CheckFailed,
    CheckReport,
    CodeAllocated,
    CodeTaken,
    ComponentLinked,
    Description,
    FileUnit,
    FileUnitId,
    Finding,
    Fonds,
    FondsCreated,
    FondsId,
    ImportOutcome,
    Item,
    ItemAccepted,
    ItemChecked,
    ItemCreated,
    ItemId,
    ItemQuery,
    ItemRevised,
    ItemState,
    ItemViewed,
    NoCodeRule,
    Pages,
    Revision,
    RulesAdopted,
    SequenceFull,
)
from app.storage.types import StoredObject
from search.service import SearchService
from search.types import IndexedItem
from tenants.scope import current_scope

_ELEMENTS = frozenset(field.name for field in fields(Description))


def digest(description: Description) -> str:
    """Return the SHA-256 of a description, for audit entries."""
    return sha256(canonical({name: getattr(description, name) for name in _ELEMENTS}))


def indexed(
    item_id: uuid.UUID,
    told: Description,
    *,
    state: str = ItemState.CAPTURED,
    open_status: str = "未审核",
    version: int = 1,
) -> IndexedItem:
    """Return what search keeps of an item; the defaults are those of a new one."""
    return IndexedItem(
        item_id=item_id,
        ref_code=told.ref_code,
        title=told.title,
        doc_no=told.doc_no,
        persons=told.persons,
        creator=told.creator,
        keywords=told.keywords,
        abstract=" ".join(filter(None, (told.abstract, told.note))),
        date=told.date,
        year=told.year,
        fonds_code=told.fonds_code,
        state=state,
        open_status=open_status,
        version=version,
    )


class RecordsService:
    """Fonds, file units and items of the county in scope.

    Parameters
    ----------
    works : Works
    search : SearchService
        Keeps new items findable in the same transaction.
    pages : Pages
        Tells how an item's page images stand.
    """

    def __init__(self, works: Works, search: SearchService, pages: Pages) -> None:
        self._work = works
        self._search = search
        self._pages = pages

    def fonds(self) -> tuple[Fonds, ...]:
        """Return the county's fonds in the order of their codes."""
        self._require("read")
        with self._work() as work:
            return Records(work.session).fonds()

    def create_fonds(self, fonds_code: str, fonds_name: str) -> Fonds:
        """Open a fonds; the same fonds again changes nothing. Raises `Invalid`."""
        self._require("describe")
        faults = tuple(rules.entry_faults(Description(fonds_code=fonds_code, title=fonds_name or "-")))
        if faults:
            raise Invalid(faults)
        with self._work() as work:
            before = {f.fonds_code for f in Records(work.session).fonds()}
            fonds_id = Records(work.session).open_fonds(fonds_code, fonds_name)
            if fonds_code not in before:
                work.record(FondsCreated(fonds_id, fonds_code=fonds_code))
            return Fonds(fonds_id, fonds_code, fonds_name)

    def file_units(self, fonds_id: FondsId) -> tuple[FileUnit, ...]:
        """Return a fonds' file units."""
        self._require("read")
        with self._work() as work:
            return Records(work.session).file_units(fonds_id)

    def items(self, wanted: ItemQuery, request: PageRequest) -> Page[Item]:
        """Return the items the principal may read."""
        self._require("read")
        with self._work() as work:
            return Records(work.session).page(wanted, request, readable=POLICY.rule("read_item"))

    def counts(self) -> dict[str, int]:
        """Return how many items stand in each state."""
        self._require("read")
        with self._work() as work:
            return Records(work.session).counts(POLICY.rule("read_item"))

    def get(self, item_id: uuid.UUID) -> Item:
        """Return an item; raises `NotFound` where there is none the principal may read."""
        with self._work() as work:
            item = Records(work.session).get(item_id)
            self._require("read_item", item)
            return item

    def view(self, item_id: uuid.UUID) -> Item:
        """Return an item for somebody to read, and record that he did; raises as `get` does."""
        with self._work() as work:
            item = self.get(item_id)
            work.record(ItemViewed(item.id, ref_code=item.ref_code or ""))
            return item

    def by_code(self, ref_code: str) -> Item | None:
        """Return the item a reference code names, or None; the code may be in any tolerated writing."""
        self._require("read")
        with self._work() as work:
            return Records(work.session).by_code(rules.canonical_code(ref_code))

    def existing(self, codes: Sequence[str]) -> dict[str, Description]:
        """Return the descriptions of those canonical codes that are taken, for an import's preview."""
        self._require("compare")
        with self._work() as work:
            return Records(work.session).existing(codes)

    def create(self, description: Description, *, item_id: uuid.UUID | None = None) -> Item:
        """Describe a new item.

        Parameters
        ----------
        description : Description
        item_id : UUID, optional
            Chosen by the caller so that a repeated request creates once.

        Raises `Invalid`, and `CodeTaken` where the reference code names another record.
        """
        self._require("describe")
        description = replace(description, ref_code=rules.canonical_code(description.ref_code))
        self._sound(description)
        with self._work() as work:
            records = Records(work.session)
            if item_id is not None and (before := records.find(item_id)):
                if before.described != description:
                    raise Conflict(before.state, "create")
                return before
            self._free(records, description.ref_code)
            new = item_id or new_id()
            fonds_id, unit = self._places(work, [description])[0]
            item = records.add(new, description, fonds_id, unit)
            self._search.index_items([indexed(item.id, description)])
            work.record(ItemCreated(item.id, digest=digest(description)))
            return item

    def import_items(self, rows: Sequence[tuple[uuid.UUID, Description]]) -> ImportOutcome:
        """Describe many items at once, inside the caller's unit of work.

        Parameters
        ----------
        rows : sequence of (id, description)
            Checked one by one before; codes canonical and unique among the rows.

        A code already described the same way is left alone; described differently, it raises `CodeTaken`.
        """
        self._require("describe")
        with self._work() as work:
            records = Records(work.session)
            taken = records.existing([d.ref_code for _, d in rows if d.ref_code])
            fresh: list[tuple[uuid.UUID, Description]] = []
            for item_id, description in rows:
                before = taken.get(description.ref_code)
                if before is None:
                    fresh.append((item_id, description))
                elif before != description:
                    raise CodeTaken(description.ref_code)
            places = self._places(work, [description for _, description in fresh])
            records.add_all((i, d, fonds, unit) for (i, d), (fonds, unit) in zip(fresh, places, strict=True))
            self._search.index_items([indexed(i, d) for i, d in fresh])
            work.record(*(ItemCreated(item_id, digest=digest(d)) for item_id, d in fresh))
            return ImportOutcome(len(fresh), len(rows) - len(fresh))

    def revise(self, item_id: uuid.UUID, change: Mapping[str, object], *, expected: int, reason: str) -> Item:
        """Replace elements of a description, keeping the former one as a revision.

        Parameters
        ----------
        change : mapping
            New values by element name.
        expected : int
            Version the change was made from.
        reason : str
            Why; kept with the revision.

        Raises `StaleVersion`, `Invalid`, `CodeTaken`, and `Conflict` for an accepted item.
        """
        self._require("describe")
        unknown = sorted(change.keys() - _ELEMENTS)
        if unknown:
            raise Invalid(tuple(Fault("unknown_field", name, allowed="、".join(sorted(_ELEMENTS))) for name in unknown))
        with self._work() as work:
            records = Records(work.session)
            item = self._acted("revise", records.at_version(item_id, expected))
            revised = replace(item.described, **change)
            revised = replace(revised, ref_code=rules.canonical_code(revised.ref_code))
            if revised == item.described:
                return item
            self._sound(revised)
            if revised.ref_code != (item.ref_code or ""):
                self._free(records, revised.ref_code)
            saved = records.replace(item, revised, reason)
            work.record(
                ItemRevised(item.id, version=saved.version, before=digest(item.described), after=digest(revised))
            )
            return saved

    def adopt_rules(self) -> None:
        """Write the numbering rules of the standards as the county's own, where it has none yet."""
        self._require("adopt_rules")
        with self._work() as work:
            if Records(work.session).adopt_rules():
                work.record(RulesAdopted(derived_id(work.scope.tenant, "code_rule")))

    def allocate_code(self, item_id: uuid.UUID, *, expected: int) -> Item:
        """Give an item its reference code by the rule of its fonds and category; gapless.

        Raises `NoCodeRule`, `SequenceFull`, `StaleVersion`, and `Conflict` where it has one already.
        """
        self._require("describe")
        with self._work() as work:
            records = Records(work.session)
            item = self._acted("allocate_code", records.at_version(item_id, expected))
            if item.ref_code:
                raise Conflict(item.state, "allocate_code")
            parts = self._stem(records, item.described)
            number = records.next_number(parts.smallest_class)
            code = parts.render(number)
            if code is None:
                raise SequenceFull(parts.smallest_class)
            numbered = replace(item.described, ref_code=code, archive_item_no=number)
            saved = records.replace(item, numbered, "allocate_code")
            work.record(CodeAllocated(item.id, ref_code=code))
            return saved

    def check(self, item_id: uuid.UUID) -> CheckReport:
        """Check description, code and pages; an item without blocking findings becomes ``checked``."""
        with self._work() as work:
            records = Records(work.session)
            item = records.get(item_id, lock=True)
            self._require("check", item)
            findings = rules.check(item.described, self._pages.summary(item.id))
            report = CheckReport(item.id, findings)
            if item.state in rules.ACTS["check"]:
                state = ItemState.CHECKED if report.passed else ItemState.CAPTURED
                if state != item.state:
                    records.move(item, state)
                errors = sum(f.severity == "E" for f in findings)
                work.record(ItemChecked(item.id, passed=report.passed, errors=errors))
            return report

    def accept(self, item_id: uuid.UUID, *, expected: int) -> Item:
        """Take a checked item into the catalogue: locked from now on, and indexed with its pages.

        Raises `StaleVersion`, `Conflict` unless it was checked, and `CheckFailed` where the check no longer holds.
        """
        self._require("accept")
        with self._work() as work:
            records = Records(work.session)
            item = self._acted("accept", records.at_version(item_id, expected))
            findings: tuple[Finding, ...] = rules.check(item.described, self._pages.summary(item.id))
            blocking = tuple(f for f in findings if f.severity == "E")
            if blocking:
                raise CheckFailed(blocking, len(blocking))
            accepted = records.move(item, ItemState.CATALOGUED)
            work.record(ItemAccepted(item.id, ref_code=accepted.ref_code or "", version=accepted.version))
            return accepted

    def link(self, item_id: ItemId, stored: StoredObject, file_name: str) -> None:
        """Join a stored file to an item as a component, a surrogate of the paper (挂接); once."""
        with self._work() as work:
            Records(work.session).add_component(item_id, stored, file_name)
            work.record(ComponentLinked(item_id, sha256=stored.sha256))

    def revisions(self, item_id: uuid.UUID) -> tuple[Revision, ...]:
        """Return an item's former descriptions, newest first."""
        self.get(item_id)
        with self._work() as work:
            return Records(work.session).revisions(item_id)

    @staticmethod
    def _require(action: str, item: Item | None = None) -> None:
        resource = {"state": item.state, "open_status": item.open_status} if item else None
        POLICY.require(action, current_scope().principal.roles, resource)

    @staticmethod
    def _acted(action: str, item: Item) -> Item:
        if item.state not in rules.ACTS[action]:
            raise Conflict(item.state, action)
        return item

    @staticmethod
    def _sound(description: Description) -> None:
        faults = tuple(rules.entry_faults(description))
        if faults:
            raise Invalid(faults)

    @staticmethod
    def _free(records: Records, ref_code: str) -> None:
        if ref_code and records.by_code(ref_code):
            raise CodeTaken(ref_code)

    @staticmethod
    def _places(work: Work, described: Sequence[Description]) -> list[tuple[FondsId, FileUnitId | None]]:
        records = Records(work.session)
        known = {fonds.fonds_code: fonds.id for fonds in records.fonds()}
        for code in {d.fonds_code for d in described} - known.keys():
            known[code] = records.open_fonds(code, code)
            work.record(FondsCreated(known[code], fonds_code=code))
        units = {
            d.ref_code.rpartition("-")[0]: (known[d.fonds_code], d.archive_file_no)
            for d in described
            if d.archive_file_no and d.ref_code
        }
        opened = records.open_file_units(units)
        return [(known[d.fonds_code], opened.get(d.ref_code.rpartition("-")[0])) for d in described]

    @staticmethod
    def _stem(records: Records, described: Description) -> rules.CodeParts:
        missing: Fault | None = None
        for rule in records.code_rules(described.fonds_code, described.category_code):
            stem = rules.code_stem(described, rule)
            if isinstance(stem, rules.CodeParts):
                return stem
            missing = missing or stem
        if missing is None:
            raise NoCodeRule(described.fonds_code, described.category_code)
        raise Invalid((missing,))
