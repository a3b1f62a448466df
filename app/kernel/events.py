"""What happened, as values: each becomes an audit entry, and may ask for jobs."""

import uuid
from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Something a room did. ``action`` reads ``room:subject:verb``.

    Fields hold ids, counts and digests, never personal values.
    """

    action: ClassVar[str]
    object_id: uuid.UUID

    def details(self) -> dict[str, object]:
        """Return the fields besides the object, for the audit entry."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "object_id"}
