"""Digests, and the canonical form of the values that are digested."""

import hashlib
import json
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 in lower-case hexadecimal."""


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys, no spaces and UTF-8, so that equal values have equal bytes.

    Parameters
    ----------
    value : object
        JSON types, and whatever ``str`` renders faithfully (UUID, datetime, enum).
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def sha256(data: bytes) -> Digest:
    """Return the SHA-256 of some bytes."""
    return Digest(hashlib.sha256(data).hexdigest())
