"""Objects on local disk: a folder is a site, a folder in it a tenant's bucket.

Nothing partial is ever visible: bytes are written beside their place, synced, and renamed into it.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from app.kernel.ids import new_id

CHUNK = 1 << 20


class WrittenBefore(RuntimeError):
    """Other bytes lie for good under the key: a defect or an attack, never a user's fault."""


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class LocalSite:
    """One site.

    Parameters
    ----------
    name : str
        As the ledger of replicas calls it.
    root : Path
        Folder of the site's buckets; on a disk of its own in production.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root

    def make_bucket(self, bucket: str) -> None:
        """Make a tenant's bucket, on the disk before this returns; one that is there stays as it is.

        Keeping versions and locking objects belong to sites that can do so (S3); a folder cannot.
        """
        folder = self._root / bucket
        folder.mkdir(parents=True, exist_ok=True)
        for made in (folder, self._root):
            _sync_folder(made)

    def path(self, bucket: str, key: str) -> Path:
        """Return where an object lies; raises ValueError for a key that would leave its bucket."""
        base = (self._root / bucket).resolve()
        path = (base / key).resolve()
        if base not in path.parents:
            message = f"key leaves its bucket: {key!r}"
            raise ValueError(message)
        return path

    @contextmanager
    def staged(self, bucket: str) -> Generator[Path]:
        """Give a path on the site's own disk to write to; whatever is left there is removed."""
        folder = self._root / bucket / ".staging"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / new_id().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def forget_staged(self) -> None:
        """Remove what a killed process left half-written; only while nobody writes to the site."""
        for folder in self._root.glob("*/.staging"):
            shutil.rmtree(folder)

    def adopt(self, staged: Path, bucket: str, key: str) -> None:
        """Make a staged file an object: synced, then visible at once and whole. The same key again is harmless."""
        target = self.path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(target)
        for folder in (target.parent, target.parent.parent):
            _sync_folder(folder)

    def put(self, source: Path, bucket: str, key: str) -> None:
        """Store a copy of a file as an object."""
        with self.staged(bucket) as path:
            with source.open("rb") as reader, path.open("wb") as writer:
                shutil.copyfileobj(reader, writer, CHUNK)
            self.adopt(path, bucket, key)

    def put_once(self, content: bytes, bucket: str, key: str) -> None:
        """Store bytes for good: the same again is harmless, others are refused with `WrittenBefore`."""
        target = self.path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.staged(bucket) as path:
            with path.open("wb") as writer:
                writer.write(content)
                writer.flush()
                os.fsync(writer.fileno())
            path.chmod(0o444)
            try:
                target.hardlink_to(path)  # unlike a renaming, never onto another file
            except FileExistsError:
                if target.read_bytes() != content:
                    raise WrittenBefore(key) from None
        for folder in (target.parent, target.parent.parent):
            _sync_folder(folder)

    def keys(self, bucket: str, folder: str) -> list[str]:
        """Return the keys of a folder's objects, in order."""
        base = self.path(bucket, folder)
        return sorted(f"{folder}/{path.name}" for path in base.iterdir()) if base.is_dir() else []

    def open(self, bucket: str, key: str) -> BufferedReader:
        """Open an object for reading; raises FileNotFoundError."""
        return self.path(bucket, key).open("rb")

    def exists(self, bucket: str, key: str) -> bool:
        """Say whether the site holds the object."""
        return self.path(bucket, key).is_file()

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object that may be made again; originals are never passed here."""
        self.path(bucket, key).unlink(missing_ok=True)

    def clear(self, bucket: str, *, besides: str) -> None:
        """Remove all of a bucket's objects but those below one folder; again is harmless."""
        base = self._root / bucket
        for path in base.iterdir() if base.is_dir() else ():
            if path.name != besides:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
