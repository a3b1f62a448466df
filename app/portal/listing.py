"""Where a reader stands in a listing, read from the address."""

from flask import request

from app.kernel.paging import PageRequest, decode_cursor


def asked(kinds: str, *, limit: int = 50) -> PageRequest:
    """Return the part of a listing that the address asks for; raises `Invalid` for a foreign cursor.

    Parameters
    ----------
    kinds : str
        Parts of the listing's sort key, as `decode_cursor` takes them.
    """
    return PageRequest(limit, decode_cursor(request.args.get("cursor"), kinds=kinds))


def number(name: str) -> int | None:
    """Return a whole number from a form or the address; None where there is none."""
    value = request.values.get(name, "").strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None  # noqa: PLR2004  # int4
