"""What leaving, arriving and retiring ask of the rooms, each over the service that has the matter in hand."""

from collections.abc import Iterator, Mapping
from hashlib import sha256 as new_sha256
from pathlib import Path

from sqlalchemy.orm import Session

from app.audit.service import WRITTEN_ONCE, AuditService, entries_of, examined, extent, root_over
from app.platform.objectstore import CHUNK, LocalSite
from tenants.bags import BagBroken, digest
from tenants.departure import LOG, Extent, ObjectLost
from tenants.directory import Tenant

ORIGINALS = "originals/"


class CountyObjects:
    """Objects of a county on its sites.

    Parameters
    ----------
    sites : mapping of str to LocalSite
    """

    def __init__(self, sites: Mapping[str, LocalSite]) -> None:
        self._sites = sites

    def take(self, county: Tenant, key: str, sha256: str, target: Path) -> None:
        """Copy an object to a file from a site where it is sound; raises `ObjectLost`."""
        for name in (county.home_site, county.second_site):
            if self._sites[name].exists(county.id, key):
                found = new_sha256()
                with self._sites[name].open(county.id, key) as source, target.open("wb") as file:
                    while chunk := source.read(CHUNK):
                        found.update(chunk)
                        file.write(chunk)
                if found.hexdigest() == sha256:
                    return
        raise ObjectLost(key)

    def place(self, county: Tenant, source: Path, key: str, sha256: str) -> None:
        """Put an original on both sites, a derivative on the home site, and read it back; raises `ObjectLost`."""
        for name in (county.second_site, county.home_site) if key.startswith(ORIGINALS) else (county.home_site,):
            site = self._sites[name]
            if not (site.exists(county.id, key) and digest(site.path(county.id, key)) == sha256):
                site.put(source, county.id, key)
                if digest(site.path(county.id, key)) != sha256:
                    raise ObjectLost(key)

    def reaches(self, county: Tenant) -> bool:
        """Say whether the sites that the county names are two of this installation."""
        return county.home_site != county.second_site and {county.home_site, county.second_site} <= self._sites.keys()

    def destroy(self, county: Tenant) -> None:
        """Remove everything but what was written for good: the notes of the audit log."""
        for name in (county.home_site, county.second_site):
            self._sites[name].clear(county.id, besides=WRITTEN_ONCE)


class CountyLog:
    """The audit log of the county in scope, in the form of its offline verifier.

    Parameters
    ----------
    audit : AuditService
    """

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    def sealed(self) -> Extent:
        """Sign how the log stands now."""
        checkpoint = self._audit.checkpoint()
        return Extent(checkpoint.size, checkpoint.root.hex()) if checkpoint else Extent(0, root_over(b""))

    def write(self, session: Session, until: int, target: Path) -> None:
        """Write the log up to a signed size."""
        with target.open("wb") as out:
            self._audit.write(session, until, out)

    @staticmethod
    def verify(written: Path, county: str, keys: str) -> Extent:
        """Hold a county's written log against its hashes and the signer's keys, or those in it; raises `BagBroken`."""
        found = examined(written, county, keys)
        if found is None:
            raise BagBroken(LOG)
        return Extent(*found)

    @staticmethod
    def entries(written: Path) -> Iterator[tuple[str, str]]:
        """Give body and time of each entry of a written log that was verified."""
        return entries_of(written)

    @staticmethod
    def extent(session: Session) -> Extent:
        """Return how far the log goes now."""
        return Extent(*extent(session))

    @staticmethod
    def root(nodes: bytes) -> str:
        """Return the root over the complete subtrees of a log, largest first."""
        return root_over(nodes)
