"""What happened, as values: each becomes an audit entry, and may ask for jobs."""

import uuid
from dataclasses import dataclass, fields
from typing import ClassVar

_OF_THE_ENTRY = frozenset({"object_id", "reason", "before", "after"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something a room did. ``action`` reads ``room:subject:verb``.

    Fields hold ids, counts and digests, never personal values. Three names have a meaning of their own: ``before``
    and ``after`` are digests of what was changed, ``reason`` is the code of a refusal.

    Attributes
    ----------
    result : str
        ``done``, or ``refused`` for an event that tells of a refusal.
    """

    action: ClassVar[str]
    result: ClassVar[str] = "done"
    object_id: uuid.UUID

    def details(self) -> dict[str, object]:
        """Return the fields that have no place of their own in the audit entry."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _OF_THE_ENTRY}
