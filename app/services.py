"""The services of all rooms, as the front doors and the workers hold them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.audit.service import AlertsService, AuditService
from app.citizens.service import CitizensService
from app.clients.service import ClientsService
from app.digitisation.service import DigitisationService
from app.identity.service import AccountsService, IdentityService
from app.intake.service import IntakeService
from app.lookups.service import LookupService
from app.platform.ledger import JobsService
from app.platform.outbox import Outbox
from app.platform.provincial import ProvinceWorks
from app.platform.settings import Settings
from app.platform.vault import Vault
from app.platform.work import Works
from app.records.service import RecordsService
from app.storage.service import StorageService
from search.service import SearchService
from tenants.agreements import AgreementService
from tenants.arrival import Arrivals
from tenants.console import Console
from tenants.departure import Departures
from tenants.directory import Directory
from tenants.provisioning import Provisioning
from tenants.quotas import Quotas
from tenants.retirement import Retirements

if TYPE_CHECKING:
    from app.identity.federation import FederatedIdentity
    from app.identity.organizations import Organizations


@dataclass(frozen=True, slots=True)
class Services:
    """Wired once by `app.bootstrap`."""

    settings: Settings
    works: Works
    province: ProvinceWorks
    vault: Vault
    directory: Directory
    quotas: Quotas
    provisioning: Provisioning
    console: Console
    sites: tuple[str, ...]
    departures: Departures
    arrivals: Arrivals
    retirements: Retirements
    audit: AuditService
    alerts: AlertsService
    identity: IdentityService
    sign_on: "FederatedIdentity | None"
    organizations: "Organizations | None"
    accounts: AccountsService
    storage: StorageService
    records: RecordsService
    intake: IntakeService
    digitisation: DigitisationService
    search: SearchService
    jobs: JobsService
    agreements: AgreementService
    lookups: LookupService
    clients: ClientsService
    citizens: CitizensService
    outbox: Outbox | None
