"""The only place that wires everything."""

from functools import cache

from app.audit.notary import Notary
from app.audit.service import AlertsService, AuditService, Writer
from app.citizens.codes import PhoneCodes
from app.citizens.service import CitizensService
from app.clients.service import ClientsService
from app.digitisation.receiving import Receiving
from app.digitisation.service import DigitisationService, PageImages
from app.identity.federation import FederatedIdentity
from app.identity.organizations import Organizations
from app.identity.realm import Realm
from app.identity.rules import check_office, check_roles
from app.identity.service import AccountsService, IdentityService
from app.intake.service import IntakeService
from app.joining import Administrators, Buckets, Defaults, Isolation, Keys, RealmAdministrators
from app.kernel.events import Event
from app.leaving import CountyLog, CountyObjects
from app.lookups.service import LookupService
from app.platform.database import Database
from app.platform.ledger import JobsService
from app.platform.objectstore import LocalSite
from app.platform.outbox import Outbox
from app.platform.provincial import ProvinceWorks
from app.platform.settings import Settings
from app.platform.vault import Vault
from app.platform.work import Work, Works
from app.records.service import RecordsService
from app.records.types import ItemAccepted, ItemRevised
from app.services import Services
from app.storage.service import StorageService
from search.service import SearchService
from tenants.agreements import AgreementService
from tenants.arrival import Arrivals
from tenants.console import Console
from tenants.departure import Departures, Ports
from tenants.directory import Directory
from tenants.provisioning import Provisioning
from tenants.quotas import Quotas
from tenants.retirement import Retirements
from tenants.scope import TenantId
from workers.imaging.inspect import Limits
from workers.imaging.sandbox import Sandbox
from workers.ocr.rapid import RapidEngine

INDEX = "search.index_item"


def subscribe(work: Work, events: list[Event]) -> None:
    """Ask for the jobs that events call for, in the transaction of the events."""
    for event in events:
        if isinstance(event, ItemAccepted | ItemRevised):
            work.jobs.ask(INDEX, event.object_id, key=f"v{event.version}", priority=1)


def build(settings: Settings) -> Services:
    """Wire the services for one process.

    Parameters
    ----------
    settings : Settings
    """
    database = Database(settings.database_url.get_secret_value())
    written = Writer(entries=settings.audit_checkpoint_entries, minutes=settings.audit_checkpoint_minutes)
    province = ProvinceWorks(Database(settings.province_database_url.get_secret_value(), pool_size=1), written)
    works = Works(database, (subscribe, written))
    vault = Vault(works, settings.master_key.get_secret_value(), cipher=settings.cipher)
    outbox = Outbox(settings.data / "outbox") if settings.outbox_page else None
    codes = PhoneCodes(works, vault, outbox) if outbox else None
    limits = Limits(pixels=settings.upload_pixels)
    directory = Directory(database, province)
    quotas = Quotas(works, province)
    sites = {"a": LocalSite("a", settings.site_a), "b": LocalSite("b", settings.site_b)}

    notary = Notary(settings.audit_key.get_secret_value(), settings.audit_signature, tuple(sites.values()))

    @cache
    def sites_of(tenant: TenantId) -> tuple[LocalSite, LocalSite]:  # a county does not move while it is served
        county = directory.get(tenant)
        return sites[county.home_site], sites[county.second_site]

    storage = StorageService(works, sites_of, quotas, largest=settings.upload_bytes)
    search = SearchService(works)
    agreements = AgreementService(works, province, directory)
    records = RecordsService(works, search, PageImages(works))
    receiving = Receiving(works, storage, records, Sandbox(limits), quotas, largest=settings.upload_bytes)
    engine = RapidEngine(threads=settings.worker_threads)
    lives = {
        "access_minutes": settings.access_minutes,
        "session_hours": settings.session_hours,
        "sessions": settings.sessions_per_account,
    }
    sign_on = (
        FederatedIdentity(works, vault, _realm(settings), province, quotas, **lives) if settings.oidc_issuer else None
    )
    organizations = _organizations(works, settings) if settings.oidc_issuer else None
    identity = sign_on or IdentityService(works, vault, quotas, **lives)
    accounts = AccountsService(works, vault, quotas)
    administrators = RealmAdministrators(organizations) if organizations else Administrators(identity, accounts)
    steps = (Keys(vault), Buckets(sites), administrators, Defaults(records), Isolation(database))
    audit = AuditService(works, notary)
    ports = Ports(CountyLog(audit), CountyObjects(sites), vault, accounts.person, _roles)
    exports = settings.data / "exports"
    return Services(
        settings=settings,
        works=works,
        province=province,
        vault=vault,
        directory=directory,
        quotas=quotas,
        departures=Departures(works, province, directory, ports, exports),
        arrivals=Arrivals(works, province, directory, ports),
        retirements=Retirements(works, province, directory, ports, notary.sealed, exports),
        audit=audit,
        alerts=AlertsService(works),
        identity=identity,
        sign_on=sign_on,
        organizations=organizations,
        accounts=accounts,
        provisioning=Provisioning(directory, province, steps, administrators.invite),
        console=Console(directory, province),
        sites=tuple(sites),
        storage=storage,
        records=records,
        intake=IntakeService(works, storage, records),
        digitisation=DigitisationService(works, storage, records, search, receiving, engine, limits),
        search=search,
        jobs=JobsService(works),
        agreements=agreements,
        lookups=LookupService(works, agreements, directory, search, vault),
        clients=ClientsService(works, agreements),
        citizens=CitizensService(works, vault, codes, idle_minutes=settings.access_minutes),
        outbox=outbox,
    )


def _realm(settings: Settings) -> Realm:
    return Realm(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        callback=f"{settings.public_url}/auth/callback",
        api_clients=settings.oidc_api_clients.split(),
    )


def _organizations(works: Works, settings: Settings) -> Organizations:
    return Organizations(
        works,
        settings.oidc_issuer,
        settings.oidc_admin_client_id,
        settings.oidc_admin_client_secret.get_secret_value(),
    )


def _roles(roles: list[str], county: TenantId) -> None:
    check_office(check_roles(roles), county)
