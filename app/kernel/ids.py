"""Identifiers: time-ordered UUIDs (RFC 9562, version 7), and ids derived from a key."""

import secrets
import uuid

from app.kernel import clock

_CREATIONS = uuid.UUID("6c616e74-6169-5000-8000-000000000001")


def new_id() -> uuid.UUID:
    """Return a new UUIDv7: 48 bits of milliseconds, then chance. Source: RFC 9562, 5.7."""
    milliseconds = int(clock.now().timestamp() * 1000)
    value = (milliseconds << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


def derived_id(*parts: str) -> uuid.UUID:
    """Return the id that these parts always lead to, so that a repeated request creates once.

    Parameters
    ----------
    parts : str
        What makes the request one and the same: tenant, principal, address, Idempotency-Key.
    """
    return uuid.uuid5(_CREATIONS, "\x1f".join(parts))
