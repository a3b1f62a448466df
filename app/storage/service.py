"""Putting objects on both sites, and reading them back."""

import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.kernel import clock
from app.kernel.errors import Fault, Invalid, NotFound
from app.kernel.ids import derived_id
from app.platform.objectstore import CHUNK, LocalSite
from app.platform.work import Work, Works
from app.storage.models import ReplicaRow, StoredObjectRow
from app.storage.types import DigestMismatch, ObjectId, StoredObject, TooLarge
from tenants.quotas import Quotas
from tenants.scope import TenantId, current_scope

Sites = Callable[[TenantId], tuple[LocalSite, LocalSite]]
"""A county's home site and its second one."""

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


@dataclass(frozen=True, slots=True)
class Received:
    """A stranger's bytes, set down on the home site but not yet an object."""

    path: Path
    sha256: str
    size: int


class StorageService:
    """The county's objects.

    Parameters
    ----------
    works : Works
    sites : callable
        Home and second site of a county: originals go to both, derivatives to the home site.
    quotas : Quotas
    largest : int
        Most bytes of one object.
    """

    def __init__(self, works: Works, sites: Sites, quotas: Quotas, *, largest: int) -> None:
        self._work = works
        self._sites = sites
        self._quotas = quotas
        self._largest = largest

    @contextmanager
    def receive(self, stream: IO[bytes], *, announced: str = "") -> Generator[Received]:
        """Set a stream down and digest it on the way; whatever is not stored in the block is removed.

        Parameters
        ----------
        stream : IO[bytes]
            Read in pieces of 1 MiB; memory does not grow with its length.
        announced : str
            SHA-256 the sender computed, or empty.

        Raises `TooLarge` and `DigestMismatch`, and `Invalid` where what was announced is no SHA-256.
        """
        if announced and not _SHA256.fullmatch(announced):
            raise Invalid((Fault("pattern", "sha256", announced[:64], allowed=_SHA256.pattern),))
        tenant = current_scope().tenant
        home, _ = self._sites(tenant)
        with home.staged(tenant) as path:
            digest, size = hashlib.sha256(), 0
            with path.open("wb") as file:
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > self._largest:
                        raise TooLarge(self._largest)
                    digest.update(chunk)
                    file.write(chunk)
            found = digest.hexdigest()
            if announced and announced.lower() != found:
                raise DigestMismatch(announced, found)
            yield Received(path, found, size)

    def keep(self, received: Received, media_type: str) -> StoredObject:
        """Make received bytes an original: on both sites, synced and read back, before this returns."""
        key = f"originals/{received.sha256[:2]}/{received.sha256}"
        bucket = current_scope().tenant
        self._quotas.check("storage", received.size)
        home, second = self._sites(bucket)
        for site in (second, home):
            if not self._holds(site, bucket, key, received.sha256):
                site.put(received.path, bucket, key)
                if not self._holds(site, bucket, key, received.sha256):
                    raise DigestMismatch(received.sha256, site.name)
        with self._work() as work:
            if work.session.get(StoredObjectRow, (bucket, derived_id(bucket, "object", key))) is None:
                self._quotas.spend("storage", received.size)
            return self._enter(work, key, received.sha256, received.size, media_type, (home, second))

    def derive(self, source: Path, key: str, media_type: str) -> StoredObject:
        """Store a derivative at the home site; the same key replaces what was made before.

        Parameters
        ----------
        source : Path
            File to copy.
        key : str
            Below ``derived/``; names what it was made from and how.
        """
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        full = f"derived/{key}"
        bucket = current_scope().tenant
        home, _ = self._sites(bucket)
        home.put(source, bucket, full)
        with self._work() as work:
            return self._enter(work, full, sha256, source.stat().st_size, media_type, (home,))

    @contextmanager
    def path_of(self, object_id: ObjectId) -> Generator[Path]:
        """Give an object as a local file for libraries that want one; raises `NotFound`."""
        stored = self.get(object_id)
        bucket = current_scope().tenant
        for site in self._sites(bucket):
            if site.exists(bucket, stored.key):
                yield site.path(bucket, stored.key)
                return
        raise NotFound("object")

    def get(self, object_id: ObjectId) -> StoredObject:
        """Return what is known of an object; raises `NotFound`."""
        with self._work() as work:
            row = work.session.get(StoredObjectRow, (current_scope().tenant, object_id))
            if row is None:
                raise NotFound("object")
            return _value(row)

    def replicas(self, object_id: ObjectId) -> dict[str, str]:
        """Return the state of each copy by site."""
        with self._work() as work:
            rows = work.session.scalars(select(ReplicaRow).where(ReplicaRow.object_id == object_id))
            return {row.site: row.state for row in rows}

    @staticmethod
    def _holds(site: LocalSite, bucket: str, key: str, sha256: str) -> bool:
        if not site.exists(bucket, key):
            return False
        with site.open(bucket, key) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    @staticmethod
    def _enter(
        work: Work, key: str, sha256: str, size: int, media_type: str, sites: tuple[LocalSite, ...]
    ) -> StoredObject:
        tenant, now = current_scope().tenant, clock.now()
        object_id = derived_id(tenant, "object", key)
        content = {"sha256": sha256, "size": size, "media_type": media_type}
        work.session.execute(
            insert(StoredObjectRow)
            .values(tenant_id=tenant, id=object_id, key=key, created_at=now, **content)
            .on_conflict_do_update(index_elements=["tenant_id", "id"], set_=content)
        )
        for site in sites:
            verified = {"state": "verified", "verified_at": now}
            work.session.execute(
                insert(ReplicaRow)
                .values(tenant_id=tenant, object_id=object_id, site=site.name, **verified)
                .on_conflict_do_update(index_elements=["tenant_id", "object_id", "site"], set_=verified)
            )
        return StoredObject(ObjectId(object_id), key, sha256, size, media_type)


def _value(row: StoredObjectRow) -> StoredObject:
    return StoredObject(ObjectId(row.id), row.key, row.sha256, row.size, row.media_type)
