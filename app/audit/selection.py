"""Entries of a log as somebody takes them away: a table for spreadsheets, or a document that proves itself."""

import csv
import io
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


def write_csv(out: IO[bytes], rows: Iterable[Row]) -> int:
    """Write entries as CSV (RFC 4180), and return how many; no cell is a formula to a spreadsheet."""
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    count = 0
    for row in rows:
        table.writerow(inert(_cell(row[name])) for name in COLUMNS)
        count += 1
    text.detach()
    return count


def write_json(out: IO[bytes], head: Mapping[str, object], entries: Iterable[Mapping[str, object]]) -> int:
    """Write a JSON document whose last member is ``entries``, one at a time, and return how many."""
    text = io.TextIOWrapper(out, "utf-8", newline="")
    text.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "entries": [')
    count = 0
    for entry in entries:
        text.write((",\n" if count else "\n") + json.dumps(entry, ensure_ascii=False))
        count += 1
    text.write("\n]}\n")
    text.detach()
    return count


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
