"""Pages of a listing, each with the cursor to the next."""

import base64
import binascii
import json
from dataclasses import dataclass
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


def decode_cursor(cursor: str | None, *, parts: int) -> tuple[str, ...]:
    """Read a cursor back; raises `Invalid` for anything `encode_cursor` did not write.

    Parameters
    ----------
    cursor : str or None
        As handed out, or nothing for the first page.
    parts : int
        How many strings the listing's sort key has.
    """
    if not cursor:
        return ()
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        key = None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(k, str) and "\x00" not in k for k in key):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # JSON from outside
        raise Invalid((Fault("cursor", "cursor", cursor[:80]),))
    return tuple(key)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # checked above
