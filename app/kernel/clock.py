"""The one place that asks what time it is."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_fixed: ContextVar[datetime | None] = ContextVar("fixed_time", default=None)


def now() -> datetime:
    """Return the present moment in UTC."""
    return _fixed.get() or datetime.now(UTC)  # noqa: TID251  # here is where the others ask


def held() -> bool:
    """Say whether the clock is held at a moment, and so tells nothing about the machine's."""
    return _fixed.get() is not None


@contextmanager
def fixed(moment: datetime) -> Generator[None]:
    """Hold the clock at a moment, for tests and for re-running a dated computation.

    Parameters
    ----------
    moment : datetime
        With a time zone.
    """
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
