"""Pages of a listing, each with the cursor to the next."""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from app.kernel.errors import Fault, Invalid

T = TypeVar("T")

LARGEST = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a listing is wanted.

    Parameters
    ----------
    limit : int
        Rows, 1 to 200.
    after : tuple of str
        Sort key of the last row seen; empty for the first page.
    """

    limit: int = 50
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows, and the cursor that leads to the rows after them."""

    rows: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(key: tuple[str, ...]) -> str:
    """Return an opaque cursor for a sort key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


_KINDS: dict[str, Callable[[str], object]] = {
    "s": str,
    "i": int,
    "u": uuid.UUID,
    "t": datetime.fromisoformat,
}


def decode_cursor(cursor: str | None, *, kinds: str) -> tuple[str, ...]:
    """Read a cursor back; raises `Invalid` for anything `encode_cursor` did not write.

    Parameters
    ----------
    cursor : str or None
        As handed out, or nothing for the first page.
    kinds : str
        What the listing's sort key consists of, a letter each: string, integer, UUID, time.
    """
    if not cursor:
        return ()
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parts = [str(part) for part in key]
        for kind, part in zip(kinds, parts, strict=True):
            _KINDS[kind](part)
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid((Fault("cursor", "cursor", cursor[:80]),)) from error
    if any("\x00" in part or _integer_too_long(kind, part) for kind, part in zip(kinds, parts, strict=True)):
        raise Invalid((Fault("cursor", "cursor", cursor[:80]),))
    return tuple(parts)


def _integer_too_long(kind: str, part: str) -> bool:
    return kind == "i" and len(part) > 18  # noqa: PLR2004  # a bigint
