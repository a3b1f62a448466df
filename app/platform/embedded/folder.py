"""The one folder in which an embedded archive lives: its lock, its marker, its secrets, its sockets."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from app.platform.embedded.errors import (
    AlreadyRunning,
    DiskFull,
    FolderForbidden,
    FolderForeign,
    FolderIncomplete,
    FolderVersion,
)

LAYOUT = 1
NEEDED_MB = 500
LONGEST_FOLDER = 80  # bytes; a socket's whole path may have 103 on some systems and 107 on Linux

_MARKER = "lantai.json"
_SECRETS = "secrets.json"
_LOCK = "lock"
_OURS = frozenset({_MARKER, _SECRETS, _LOCK, "log", "run", "postgres", "postgres.new", "site-a", "site-b"})


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    draft.replace(path)


class DataFolder:
    """A data folder.

    Parameters
    ----------
    path : Path
        May not exist yet; must then be creatable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def log(self) -> Path:
        """Folder of the processes' output."""
        return self.path / "log"

    @property
    def run(self) -> Path:
        """Folder of sockets and other things that mean nothing after a stop."""
        return self.path / "run"

    @contextmanager
    def held(self) -> Generator[None]:
        """Make the folder if it is new, check it, and keep every other supervisor out meanwhile.

        The lock is the kernel's, not a number in a file: it ends with the process that holds it.

        Raises
        ------
        StartupError
            The folder is in use, full, foreign, damaged, of another version or not ours to write.
        """
        self._check_room()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_owner()
            lock = (self.path / _LOCK).open("a+", encoding="ascii")
        except (FileExistsError, NotADirectoryError) as error:
            raise FolderForeign(str(self.path), self.path.name) from error
        except OSError as error:
            raise FolderForbidden(str(self.path)) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise AlreadyRunning(str(self.path), lock.read(20).strip() or "?") from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._check_contents()
            for part in (self.log, self.run):
                part.mkdir(mode=0o700, exist_ok=True)
            yield

    @property
    def complete(self) -> bool:
        """Whether a first start once went through, so that a missing part means loss."""
        return (self.path / _MARKER).exists()

    def completed(self) -> None:
        """Note that every part has been made."""
        if not self.complete:
            _write_private(self.path / _MARKER, json.dumps({"layout": LAYOUT}))

    def secret(self, name: str) -> str:
        """Return a secret of this folder, drawn when first asked for and kept readable to us alone."""
        known = self._secrets()
        if name not in known:
            known[name] = secrets.token_urlsafe(32)
            _write_private(self.path / _SECRETS, json.dumps(known, indent=1))
        return known[name]

    def short(self) -> Path:
        """Return a path to this folder that leaves room for a socket's name: itself, or a link to it.

        Raises
        ------
        FolderForbidden
            Somebody else has put something where the link belongs.
        """
        if len(os.fsencode(self.path)) <= LONGEST_FOLDER:
            return self.path
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        link = Path(tempfile.gettempdir()) / f"lantai-{digest}"
        with suppress(FileExistsError):
            link.symlink_to(self.path)
        if link.lstat().st_uid != os.geteuid() or link.resolve() != self.path:
            raise FolderForbidden(str(link))
        return link

    def _secrets(self) -> dict[str, str]:
        path = self.path / _SECRETS
        if not path.exists():
            return {}
        try:
            return cast("dict[str, str]", json.loads(path.read_text("utf-8")))
        except PermissionError as error:
            raise FolderForbidden(str(self.path)) from error
        except ValueError as error:
            raise FolderIncomplete(str(self.path), _SECRETS) from error

    def _check_room(self) -> None:
        standing = next(p for p in (self.path, *self.path.parents) if p.is_dir())
        free = shutil.disk_usage(standing).free >> 20
        if free < NEEDED_MB:
            raise DiskFull(str(self.path), free, NEEDED_MB)

    def _check_owner(self) -> None:
        names = {entry.name for entry in self.path.iterdir()}
        if _MARKER not in names and not names <= _OURS:
            raise FolderForeign(str(self.path), min(names - _OURS))

    def _check_contents(self) -> None:
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise FolderForbidden(str(self.path))
        if not self.complete:
            return
        try:
            marker = cast("dict[str, object]", json.loads((self.path / _MARKER).read_text("utf-8")))
        except ValueError as error:
            raise FolderIncomplete(str(self.path), _MARKER) from error
        if marker.get("layout") != LAYOUT:
            raise FolderVersion(str(self.path), _MARKER, str(marker.get("layout")), str(LAYOUT))
        if not self._secrets():
            raise FolderIncomplete(str(self.path), _SECRETS)
