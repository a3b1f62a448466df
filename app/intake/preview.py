"""One pass over a table: what would be created, what is there already, and what stands in the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.intake.headings import proposed
from app.intake.readers import Cells, Table, batches
from app.intake.rules import Change, ReadRow, RowReader
from app.intake.types import ChangedSincePreview, Note, Progress, SampleRow
from app.kernel.errors import Fault
from app.records.types import Description

BATCH = 1000
TOLD_EVERY = 500
FAULTS_KEPT = 1000
SAMPLE = 20

Existing = Callable[[Sequence[str]], dict[str, Description]]
"""Asked for the descriptions that reference codes already name."""


class Preview:
    """Reads a whole table without writing anything.

    Parameters
    ----------
    table : Table
    mapping : mapping of str to str, or None
        Element by column; without one, what the headings mean.
    existing : callable

    Attributes
    ----------
    total, created, unchanged, fault_count : int
        Rows read, rows to create, rows already described so, and faults; whole after `run`.
    faults : list of Fault
        The first thousand.
    sample : list of SampleRow
        The first twenty.
    """

    def __init__(self, table: Table, mapping: Mapping[str, str] | None, existing: Existing) -> None:
        self._table = table
        self._existing = existing
        self.mapping = mapping or proposed(table.columns)
        self.total = self.created = self.unchanged = self.fault_count = 0
        self.faults: list[Fault] = []
        self.sample: list[SampleRow] = []
        self._notes: dict[tuple[str, str], Note] = {}

    @property
    def notes(self) -> tuple[Note, ...]:
        """What would be taken otherwise than it was written, by column."""
        return tuple(self._notes.values())

    def run(self, progress: Progress) -> Iterator[Fault]:
        """Read all rows and yield every fault; progress is told each five hundred rows."""
        reader = RowReader(self._table.columns, self.mapping)
        missing = reader.missing_columns()
        yield from self._counted(missing)
        for batch in batches(self._table.rows, TOLD_EVERY):
            self.total += len(batch)
            for row, cells in batch[: SAMPLE - len(self.sample)]:
                self.sample.append(SampleRow(row, tuple(cells)))
            if not missing:
                for read, known in _judged(reader, batch, self._table.merged, self._existing):
                    yield from self._taken(read, known=known)
            progress(self.total, max(self._table.expected, self.total))

    def _taken(self, read: ReadRow, *, known: bool) -> Iterator[Fault]:
        for change in read.changes:
            self._note(read.row, change)
        if read.faults:
            yield from self._counted(read.faults)
        elif known:
            self.unchanged += 1
        else:
            self.created += 1

    def _counted(self, faults: Sequence[Fault]) -> Sequence[Fault]:
        self.fault_count += len(faults)
        self.faults += faults[: FAULTS_KEPT - len(self.faults)]
        return faults

    def _note(self, row: int, change: Change) -> None:
        key = change.code, change.field
        note = self._notes.get(key)
        self._notes[key] = (
            replace(note, count=note.count + 1)
            if note
            else Note(change.code, change.field, 1, row, change.before[:80], change.after[:80])
        )


def sound_rows(
    table: Table, mapping: Mapping[str, str], existing: Existing, *, skip: bool
) -> Iterator[tuple[list[ReadRow], int]]:
    """Yield the rows to create, a thousand at a time, with how many are there already.

    Parameters
    ----------
    skip : bool
        Pass faulty rows over; otherwise the first one raises `ChangedSincePreview`.
    """
    reader = RowReader(table.columns, mapping)
    if reader.missing_columns():
        raise ChangedSincePreview
    for batch in batches(table.rows, BATCH):
        judged = list(_judged(reader, batch, table.merged, existing))
        if not skip and any(read.faults for read, _ in judged):
            raise ChangedSincePreview
        sound = [(read, known) for read, known in judged if not read.faults]
        yield [read for read, known in sound if not known], sum(known for _, known in sound)


def _judged(
    reader: RowReader, batch: Sequence[tuple[int, Cells]], merged: Mapping[int, tuple[int, str]], existing: Existing
) -> Iterator[tuple[ReadRow, bool]]:
    """Yield each row of a batch, and whether it is there already in the same words."""
    rows = [reader.read(row, cells) for row, cells in batch]
    found = existing([read.described.ref_code for read in rows if read.described.ref_code])
    for read in rows:
        faults = read.faults
        if read.row in merged:
            faults = (*faults, reader.merged(read.row, *merged[read.row]))
        before = found.get(read.described.ref_code)
        if before is not None and not faults:
            faults = reader.differences(read, before)
        yield (replace(read, faults=faults) if faults is not read.faults else read), before is not None
