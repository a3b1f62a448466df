"""What leaving, arriving and retiring ask of the rooms, each over the service that has the matter in hand."""

import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256 as new_sha256
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.models import AuditHeadRow
from app.audit.notary import FOLDER
from app.audit.offline import HASH, examine_export, folded, read_keys, read_line
from app.audit.service import AuditService
from app.identity.models import AccountRow
from app.platform.objectstore import CHUNK, LocalSite
from app.platform.work import Works
from tenants.bags import BagBroken, digest
from tenants.departure import LOG, Extent, ObjectLost
from tenants.directory import Tenant
from tenants.scope import current_scope

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

    def destroy(self, county: Tenant) -> None:
        """Remove everything but what was written for good: the notes of the audit log."""
        kept, _, _ = FOLDER.partition("/")
        for name in (county.home_site, county.second_site):
            self._sites[name].clear(county.id, besides=kept)


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
        return Extent(checkpoint.size, checkpoint.root.hex()) if checkpoint else Extent(0, self.root(b""))

    def write(self, session: Session, until: int, target: Path) -> None:
        """Write the log up to a signed size."""
        with target.open("wb") as out:
            self._audit.write(session, until, out)

    @staticmethod
    def verify(written: Path) -> Extent:
        """Hold a written log against its hashes and its signatures, by the key that lies in it; raises `BagBroken`."""
        try:
            keys = read_keys((zipfile.Path(written) / "key.txt").read_text("utf-8"))
            report = examine_export(written, keys)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise BagBroken(LOG) from error
        if report.findings:
            raise BagBroken(LOG)
        return Extent(report.tree.size, report.tree.root().hex())

    @staticmethod
    def entries(written: Path) -> Iterator[tuple[str, str]]:
        """Give body and time of each entry of a written log that was verified."""
        with (zipfile.Path(written) / "entries.jsonl").open("rb") as lines:
            for line in lines:
                entry = read_line(line)
                assert entry is not None  # noqa: S101  # verified
                yield entry.body.decode(), entry.at.decode()

    @classmethod
    def extent(cls, session: Session) -> Extent:
        """Return how far the log goes now."""
        head = session.execute(select(AuditHeadRow.size, AuditHeadRow.roots)).one_or_none()
        return Extent(head.size, cls.root(head.roots)) if head else Extent(0, cls.root(b""))

    @staticmethod
    def root(nodes: bytes) -> str:
        """Return the root over the complete subtrees of a log, largest first."""
        return folded([nodes[place : place + HASH] for place in range(0, len(nodes), HASH)]).hex()


class People:
    """Who is behind an account of the tenant in scope.

    Parameters
    ----------
    works : Works
    """

    def __init__(self, works: Works) -> None:
        self._works = works

    def __call__(self, principal: str) -> str:
        """Return what is the same for all accounts of one person; the account itself where the person is not known."""
        with self._works() as work:
            account = work.session.get(AccountRow, (current_scope().tenant, uuid.UUID(principal)))
            return (account.person if account else "") or principal
