"""One embedded PostgreSQL for a test run, two counties on it, and a way to let the workers' tasks run."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp.totp import TOTP

from app.bootstrap import build
from app.identity.models import SecondFactorRow
from app.identity.types import FACTOR_ROLES, AlreadyEnrolled, Kind, Token
from app.platform.database import Database
from app.platform.embedded.postgres import EmbeddedPostgres, running
from app.platform.jobs import QUEUES, Ledger
from app.platform.roles import LOGINS, establish
from app.platform.settings import Settings
from app.services import Services
from app.wsgi import create_app
from migrations.run import migrate
from tenants.directory import Tenant
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered, new_request_id
from workers.tasks.running import run

hypothesis.settings.register_profile("lantai", deadline=None, derandomize=True)  # neither time nor chance decides
hypothesis.settings.load_profile("lantai")

PASSWORD = "Ceshi-Mima-2026"
STAFF = {
    "archivist": "archivist",
    "director": "director",
    "scan": "scan_op",
    "check": "scan_qc",
    "desk": "desk",
    "sysadmin": "sys_admin",
    "secadmin": "sec_admin",
    "audit": "audit_admin",
}
OFFICE = {"province": "province_admin", "audit": "audit_admin"}
SYSTEM = Principal("system:install", roles=frozenset({"system"}))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Return a migrated database."""
    with running(tmp_path_factory.mktemp("pg") / "data") as server:
        server.admit(LOGINS)
        establish(server.dsn())
        migrate(server.dsn("lantai_migrator"))
        yield server


@pytest.fixture(scope="session")
def settings(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings of an installation without broker: tests run the tasks themselves."""
    folder = tmp_path_factory.mktemp("lantai")
    return Settings.model_validate(
        {
            "data": folder,
            "database_url": postgres.dsn("lantai_app"),
            "dispatcher_database_url": postgres.dsn("lantai_dispatcher"),
            "province_database_url": postgres.dsn("lantai_province"),
            "broker_url": "memory://",
            "secret_key": "k" * 40,
            "master_key": "m" * 40,
            "audit_key": "a" * 40,
            "audit_checkpoint_minutes": 24 * 60,  # no checkpoint falls due while the tests run
            "outbox_page": True,
            "sessions_per_account": 1000,
            "site_a": folder / "site-a",
            "site_b": folder / "site-b",
        }
    )


@pytest.fixture(scope="session")
def services(settings: Settings) -> Iterator[Services]:
    """Return all services on the embedded engines."""
    built = build(settings)
    yield built
    built.digitisation._receiving._sandbox.close()
    built.works._database.close()
    built.province._database.close()


@pytest.fixture(scope="session")
def web(services: Services) -> Flask:
    """Return the web application."""
    return create_app(services)


@dataclass(frozen=True)
class County:
    """A county of the test, and its people."""

    services: Services
    tenant: TenantId
    web: Flask
    staff: Mapping[str, str] = field(default_factory=lambda: STAFF, compare=False)

    def acting(self, login: str = "archivist") -> AbstractContextManager[Scope]:
        """Enter the county's scope as one of its people."""
        role = self.staff[login]
        with entered(Scope(self.tenant, SYSTEM)):
            account = next(a for a in self.services.identity.accounts() if a.login == login)
        principal = Principal(str(account.id), login, frozenset({role}))
        return entered(Scope(self.tenant, principal, "test", new_request_id()))

    def signed_in(self, login: str, *kinds: Kind) -> tuple[Token, ...]:
        """Sign in as one of its people, with a code where the role calls for one."""
        otp = self.code(login) if self.staff[login] in FACTOR_ROLES else ""
        return self.services.identity.sign_in(self.tenant, login, PASSWORD, kinds, otp=otp)

    def code(self, login: str) -> str:
        """Return a code of a person's authenticator, set up when first asked for; one just used may be used again."""
        with self.acting(login) as scope, self.services.works() as work:
            with suppress(AlreadyEnrolled):
                fresh = self.services.identity.begin_factor().secret
                self.services.identity.confirm_factor(TOTP(fresh).now())
            factor = work.session.get_one(SecondFactorRow, (self.tenant, uuid.UUID(scope.principal.id)))
            factor.last_counter = 0
            return TOTP(self.services.vault.open(factor.secret, context="second_factor.secret")).now()

    def token(self, login: str = "archivist") -> str:
        """Return an access token of one of its people."""
        return self.signed_in(login, "access")[0].secret

    def client(self, login: str = "archivist") -> FlaskClient:
        """Return an HTTP client of the API, signed in."""
        client = self.web.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.token(login)}"
        return client


MakeCounty = Callable[[], County]


@pytest.fixture(scope="session")
def make_county(services: Services, web: Flask) -> MakeCounty:
    """Return a maker of fresh counties with staff, so that tests do not meet one another's rows."""

    def make() -> County:
        serial = uuid.uuid4().int
        tenant = TenantId(f"t{serial % 10**12:012d}")
        services.directory.create(
            Tenant(tenant, f"测试{serial % 1000}县档案馆", "990121", f"{serial // 7 % 10**6:06d}"),
            ProvinceScope(SYSTEM, "test"),
        )
        with entered(Scope(tenant, SYSTEM)):
            for login, role in STAFF.items():
                services.identity.create_account(login, f"测试{login}", PASSWORD, [role])
        return County(services, tenant, web)

    return make


@pytest.fixture(scope="session")
def office(services: Services, web: Flask) -> County:
    """Return the province's office, which works like a county with people of its own."""
    with entered(Scope(PROVINCE, SYSTEM)):
        for login, role in OFFICE.items():
            services.identity.create_account(login, f"测试{login}", PASSWORD, [role])
    return County(services, PROVINCE, web, OFFICE)


@pytest.fixture(scope="module")
def county(make_county: MakeCounty) -> County:
    """Return a county of this module's own."""
    return make_county()


@pytest.fixture(scope="module")
def other(make_county: MakeCounty) -> County:
    """Return a second county, which must see nothing of the first."""
    return make_county()


@pytest.fixture(scope="session")
def work_off(services: Services, settings: Settings) -> Iterator[Callable[[], int]]:
    """Return what dispatcher and workers would do: hand out and run jobs until none is left that may run now."""
    database = Database(settings.dispatcher_database_url.get_secret_value(), pool_size=1)

    def work() -> int:
        done = 0
        while True:
            with database.unscoped() as session:
                ledger = Ledger(session)
                handed = [job for queue in QUEUES for job in ledger.take(queue, 100, timedelta(seconds=60))]
            if not handed:
                return done
            for job in handed:
                with entered(Scope(job.tenant, job.principal, "job", job.request_id)):
                    run(services, job.id)
                done += 1

    yield work
    database.close()
