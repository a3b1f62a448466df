"""A county arrives with everything it owned elsewhere: bags of an export become a county of this installation.

Bags are verified before anything is written. Objects are placed first, each whole or not there; then directory
entry, rows and audit log in one transaction, through functions of the database that reach a new county only.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from app.kernel import clock
from app.kernel.errors import DomainError
from app.kernel.events import Event
from app.kernel.hashes import canonical
from app.platform.jobs import JobState
from app.platform.provincial import ProvinceWorks
from app.platform.work import Works
from tenants.bags import MANIFEST, BagBroken, Packed, digest, packed, readable
from tenants.departure import FACTS, KEY, OBJECTS, REVISION, Contents, Ports, Progress, in_order, of_county, verify
from tenants.directory import Directory, Tenant, TenantState, TenantTaken, TenantUnknown, faults_of
from tenants.models import TenantRow
from tenants.policy import POLICY
from tenants.scope import PROVINCE, ProvinceScope, TenantId, entered

T = TypeVar("T")

_BATCH = 500
_RESTORE = text("SELECT county_restore(:county, :name, CAST(:told AS json))")
_RESTORE_AUDIT = text(
    "SELECT grown FROM county_restore_audit(:county, CAST(:bodies AS text[]), CAST(:moments AS timestamptz[]))"
)
_ARRIVED = text(
    "SELECT count(*) FROM audit_entry WHERE action = :action AND CAST(body AS json) #>> '{details,digest}' = :digest"
)


@dataclass(eq=False)
class RevisionDiffers(DomainError):
    """The bags were made by another version of the product; its tables are not these."""

    code: ClassVar[str] = "departure.revision"
    status: ClassVar[int] = 409
    theirs: str
    ours: str


@dataclass(eq=False)
class KeyMissing(DomainError):
    """The county's key lies in the bags, and no passphrase was given to open it."""

    code: ClassVar[str] = "departure.passphrase"


@dataclass(eq=False)
class SenderUnknown(DomainError):
    """Nothing was given by which to tell that the bags are what the sender made."""

    code: ClassVar[str] = "departure.sender"


@dataclass(frozen=True, slots=True)
class CountyArrived(Event):
    """A county was made out of an export."""

    action: ClassVar[str] = "departure:county:imported"
    digest: str
    entries: int
    root: str


class Arrivals:
    """Counties that come with bags.

    Parameters
    ----------
    works, province : Works, ProvinceWorks
    directory : Directory
    ports : Ports
    """

    def __init__(self, works: Works, province: ProvinceWorks, directory: Directory, ports: Ports) -> None:
        self._works = works
        self._province = province
        self._directory = directory
        self._ports = ports

    def bring(  # what the sender told
        self,
        folder: Path,
        scope: ProvinceScope,
        *,
        passphrase: str,
        progress: Progress,
        keys: str = "",
        told: str = "",
    ) -> Tenant:
        """Make a county out of its export; the same export again changes nothing, and a failure leaves nothing.

        Parameters
        ----------
        folder : Path
        scope : ProvinceScope
        passphrase : str
            Of the county's key.
        progress : Progress
        keys, told : str
            Public keys of the sender's audit log, or the digest of the top manifest as the sender told it; one
            of them is needed, for whoever forges an export signs its log with a key of their own.

        Raises `SenderUnknown`, `BagBroken`, `TenantTaken` where another county has the name or archive code,
        `RevisionDiffers`, `KeyMissing` and `WrongPassphrase`, all before anything is written.
        """
        POLICY.require("import", scope.principal.roles)
        if not (keys or told):
            raise SenderUnknown
        if told and not ((folder / MANIFEST).is_file() and digest(folder / MANIFEST) == told.strip().lower()):
            raise BagBroken(MANIFEST)
        contents = verify(folder, self._ports.audit.verify, keys)
        tenant = _tenant(contents.facts["county"])
        if not self._ports.objects.reaches(tenant):
            raise BagBroken(FACTS)
        if self._there(contents, scope):
            return self._directory.get(tenant.id)
        with self._province(scope) as work:
            ours = work.session.execute(REVISION).scalar_one()
            named = (TenantRow.domain == tenant.domain) & (TenantRow.domain != "")
            same = or_(TenantRow.archive_code == tenant.archive_code, named)
            if work.session.scalar(select(TenantRow.id).where(same).limit(1)):
                raise TenantTaken(tenant.id)
        if contents.facts["revision"] != ours:
            raise RevisionDiffers(str(contents.facts["revision"])[:40], ours)
        key = self._key(contents, passphrase, scope)
        try:
            self._write(contents, tenant, key, scope, progress)
        except Exception:
            if tenant.id not in {county.id for county in self._directory.all()}:
                self._ports.objects.destroy(tenant)
            raise
        return self._directory.get(tenant.id)

    def _write(
        self, contents: Contents, tenant: Tenant, key: str | None, scope: ProvinceScope, progress: Progress
    ) -> None:
        for number, file in enumerate(_objects(contents), 1):
            self._ports.objects.place(tenant, file.path, file.name.removeprefix(OBJECTS), file.sha256)
            progress(number, contents.objects)
        with self._province(scope) as work:
            _enter(work.session, tenant)
            if key is not None:
                _restore(work.session, tenant.id, "tenant_key", iter([key]))
            for table in in_order():
                _restore(work.session, tenant.id, table, self._rows(tenant.id, table, contents.rows.get(table, [])))
            self._restore_audit(work.session, contents)
            open_now = {"state": TenantState.ACTIVE, "changed_at": clock.now()}
            work.session.execute(update(TenantRow).where(TenantRow.id == tenant.id).values(open_now))
            log = contents.facts["audit"]
            event = CountyArrived(
                uuid.UUID(str(contents.facts["export"])), digest=contents.digest, entries=log["size"], root=log["root"]
            )
            work.record(tenant.id, event)
            work.record(PROVINCE, event)

    def _there(self, contents: Contents, scope: ProvinceScope) -> bool:
        """Say whether this very export has been imported; raises `TenantTaken` where something else is there."""
        try:
            self._directory.get(contents.county)
        except TenantUnknown:
            return False
        with entered(of_county(contents.county, scope.principal, scope.request_id)), self._works() as work:
            if work.session.scalar(_ARRIVED, {"action": CountyArrived.action, "digest": contents.digest}):
                return True
        raise TenantTaken(contents.county)

    def _key(self, contents: Contents, passphrase: str, scope: ProvinceScope) -> str | None:
        """Return the row of the county's key under this installation's master key, as JSON."""
        told = contents.key()
        if told is None:
            return None
        if not passphrase:
            raise KeyMissing
        with entered(of_county(contents.county, scope.principal, scope.request_id)), readable(KEY):
            wrapped = self._ports.keys.arrive(told, passphrase)
        row = {"tenant_id": contents.county, "wrapped": f"\\x{wrapped.hex()}", "created_at": clock.now()}
        return canonical(row).decode()

    def _rows(self, county: TenantId, table: str, parts: list[Path]) -> Iterator[str]:
        for part in parts:
            with readable(f"rows/{table}"), part.open(encoding="utf-8") as lines:
                for line in lines:
                    if table == "account":
                        self._ports.roles(json.loads(line)["roles"], county)
                    yield _resting(line) if table == "job" else line

    def _restore_audit(self, session: Session, contents: Contents) -> None:
        nodes = b""
        for batch in _batches(self._ports.audit.entries(contents.audit)):
            bodies, moments = map(list, zip(*batch, strict=True))
            asked = {"county": contents.county, "bodies": bodies, "moments": moments}
            nodes = session.execute(_RESTORE_AUDIT, asked).scalar_one()
        if self._ports.audit.root(nodes) != contents.facts["audit"]["root"]:
            raise BagBroken(FACTS)


def _tenant(told: Mapping[str, Any]) -> Tenant:
    with readable(FACTS):
        tenant = Tenant.told(told)
    if not all(isinstance(value, str) for value in asdict(tenant).values()):
        raise BagBroken(FACTS)
    if tenant.kind != "county" or any(faults_of(tenant)):
        raise BagBroken(FACTS)
    return tenant


def _enter(session: Session, tenant: Tenant) -> None:
    now = clock.now()
    entry = asdict(tenant) | {"state": TenantState.PROVISIONING, "reason": "", "changed_at": now, "created_at": now}
    made = session.scalar(insert(TenantRow).values(entry).on_conflict_do_nothing().returning(TenantRow.id))
    if made is None:
        raise TenantTaken(tenant.id)


def _objects(contents: Contents) -> Iterator[Packed]:
    return (file for file in packed(contents.folder) if file.name.startswith(OBJECTS))


def _resting(line: str) -> str:
    """Return a job as nobody works on it: what was not finished elsewhere is shelved until a person wants it."""
    job = json.loads(line)
    if not isinstance(job["principal"]["roles"], list) or not {"id", "name"} <= job["principal"].keys():
        raise BagBroken("rows/job")
    if job["state"] in (JobState.WAITING, JobState.SENT, JobState.RUNNING):
        moved = {"code": "job.moved"}
        job |= {"state": JobState.DEAD, "lease_until": None, "finished_at": job["created_at"], "error": moved}
    return json.dumps(job)


def _restore(session: Session, county: TenantId, table: str, rows: Iterator[str]) -> None:
    for batch in _batches(rows):
        try:
            session.execute(_RESTORE, {"county": county, "name": table, "told": f"[{','.join(batch)}]"})
        except (DataError, IntegrityError, ProgrammingError) as error:
            file = f"rows/{table}"
            raise BagBroken(file) from error


def _batches(things: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(things, _BATCH)):
        yield batch
