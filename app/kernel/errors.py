"""Refusals. A refusal carries a stable code and facts; its words live in the message catalogue."""

from dataclasses import dataclass, fields
from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable code; subclasses are dataclasses whose fields are its facts."""

    code: ClassVar[str]
    status: ClassVar[int] = 422

    def facts(self) -> dict[str, object]:
        """Return what the words of this refusal are filled with."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]  # every subclass is a dataclass

    def __str__(self) -> str:
        return f"{self.code} {self.facts()}"


@dataclass(eq=False)
class NotFound(DomainError):
    """Absent, or another tenant's: the two are told apart by nobody."""

    code: ClassVar[str] = "absent"
    status: ClassVar[int] = 404
    what: str


@dataclass(eq=False)
class Refused(DomainError):
    """The principal's roles do not permit the action."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 403
    action: str


@dataclass(eq=False)
class StaleVersion(DomainError):
    """Somebody else changed the thing since it was read."""

    code: ClassVar[str] = "stale_version"
    status: ClassVar[int] = 412
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field of an input.

    Parameters
    ----------
    code : str
        Key in the message catalogue under ``fault``.
    field : str
        Name of the field (element identifier, column heading or parameter).
    value : str
        What was given, shortened for display by the writer of the message.
    row : int or None
        1-based row of a table, where the input is one.
    allowed : str
        What would be accepted, for the remedy; empty where the words need none.
    """

    code: str
    field: str
    value: str = ""
    row: int | None = None
    allowed: str = ""


@dataclass(eq=False)
class Invalid(DomainError):
    """Input that cannot be taken, with every fault found."""

    code: ClassVar[str] = "invalid"
    faults: tuple[Fault, ...]


@dataclass(eq=False)
class Conflict(DomainError):
    """The action does not fit the present state of the thing."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409
    state: str
    action: str
