"""Why the archive cannot start here; the words are in the catalogue under ``up``."""

from dataclasses import dataclass
from typing import ClassVar

from app.kernel.errors import DomainError


class StartupError(DomainError):
    """A start that was refused; one sentence tells the operator what to do."""


@dataclass(eq=False)
class PortTaken(StartupError):
    """The port is in use, or not ours to open."""

    code: ClassVar[str] = "up.port_taken"
    port: int


@dataclass(eq=False)
class DiskFull(StartupError):
    """Too little room is left to work safely."""

    code: ClassVar[str] = "up.disk_full"
    folder: str
    free_mb: int
    needed_mb: int


@dataclass(eq=False)
class AlreadyRunning(StartupError):
    """Another supervisor holds the folder."""

    code: ClassVar[str] = "up.already_running"
    folder: str
    pid: str


@dataclass(eq=False)
class FolderForeign(StartupError):
    """The folder holds something that is not an archive's data."""

    code: ClassVar[str] = "up.folder_foreign"
    folder: str
    found: str


@dataclass(eq=False)
class FolderIncomplete(StartupError):
    """A part of the data is gone or unreadable; starting would begin an empty archive over it."""

    code: ClassVar[str] = "up.folder_corrupt"
    folder: str
    part: str


@dataclass(eq=False)
class FolderVersion(StartupError):
    """The data was written by another version."""

    code: ClassVar[str] = "up.folder_version"
    folder: str
    part: str
    found: str
    wanted: str


@dataclass(eq=False)
class FolderForbidden(StartupError):
    """The account we run as may not write the folder."""

    code: ClassVar[str] = "up.folder_forbidden"
    folder: str


@dataclass(eq=False)
class EngineDied(StartupError):
    """A process ended, or stayed silent, before it was ready."""

    code: ClassVar[str] = "up.engine_died"
    name: str
    log: str
    last: str
