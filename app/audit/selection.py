"""Entries of a log as somebody takes them away: a table for spreadsheets, or a document that proves itself."""

import csv
import json
from collections.abc import Iterable, Mapping
from typing import IO

from app.kernel.tables import inert

COLUMNS = (
    "seq", "at", "principal", "roles", "action", "object", "result", "reason", "purpose", "request", "client",
    "session", "before", "after", "details", "leaf",
)  # fmt: skip

Row = Mapping[str, object]
"""An entry by the names of its body, with ``seq``, ``at`` and ``leaf``."""


def write_csv(out: IO[str], rows: Iterable[Row]) -> int:
    """Write entries as CSV (RFC 4180), and return how many; no cell is a formula to a spreadsheet."""
    table = csv.writer(out)
    table.writerow(COLUMNS)
    count = 0
    for row in rows:
        table.writerow(inert(_cell(row[name])) for name in COLUMNS)
        count += 1
    return count


def write_json(out: IO[str], head: Mapping[str, object], entries: Iterable[Mapping[str, object]]) -> int:
    """Write a JSON document whose last member is ``entries``, one at a time, and return how many."""
    out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "entries": [')
    count = 0
    for entry in entries:
        out.write((",\n" if count else "\n") + json.dumps(entry, ensure_ascii=False))
        count += 1
    out.write("\n]}\n")
    return count


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
