"""A province whose people sign in at a real Keycloak, and a real browser before its portal."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import request
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from app.bootstrap import build
from app.identity.federation import FederatedIdentity
from app.identity.types import Returned
from app.platform.settings import Settings
from app.services import Services
from app.wsgi import create_app
from tenants.directory import Tenant
from tenants.scope import PROVINCE, Principal, ProvinceScope, Scope, TenantId, entered
from tests.stack.conftest import Postgres
from tests.stack.keycloak import (
    AGENCY,
    PASSWORD,
    SECRETS,
    Keycloak,
    code,
    free_port,
    later,
    person,
    serving,
    start,
)

SYSTEM = Principal("system:install", roles=frozenset({"system"}))
QINGCHUAN = TenantId("qingchuan")
BAIHE = TenantId("baihe")
SHIQUAN = TenantId("shiquan")
"""Whose organization is deleted and forged by hand; no other test goes there."""

PEOPLE = (
    person("zhang", "archivist"),
    person("both", "archivist"),
    person("outsider", "archivist"),
    person("idle"),
    person("changing", "archivist", "desk"),
    person("leaving", "archivist"),
    person("disabled", "archivist"),
    person("ending", "archivist"),
    person("working", "archivist"),
    person("forgetful", "archivist"),
    person("sysadmin", "sys_admin", otp=True),
    person("enrolling", "sec_admin"),
    person("clashing", "archivist", "audit_admin", otp=True),
    person("governor", "province_admin", otp=True),
    person("counting", "archivist"),
    person("mending", "archivist"),
)
NOWHERE = {"outsider"}
ELSEWHERE = {"both": (QINGCHUAN, BAIHE), "governor": (PROVINCE,), "mending": (SHIQUAN,)}


@dataclass(frozen=True)
class Site:
    """The product before Keycloak.

    Attributes
    ----------
    organizations : dict
        By tenant, the ids of the organizations at Keycloak.
    heard : list of str
        Logout tokens that Keycloak sent.
    """

    address: str
    services: Services
    keycloak: Keycloak
    organizations: dict[TenantId, str]
    heard: list[str]

    @property
    def identity(self) -> FederatedIdentity:
        found = self.services.sign_on
        assert found is not None
        return found

    def told(self, logout_token: str) -> int:
        """Return the status for a logout token."""
        sent = {"logout_token": logout_token}
        return requests.post(f"{self.address}/auth/backchannel-logout", data=sent, timeout=10).status_code

    def overdue(self, *, tenant: TenantId = QINGCHUAN, ended: bool = False) -> None:
        """Let a county's sessions be due for renewal, as they are after five minutes; or past it, as after hours."""
        until = ", refresh_until = now()" if ended else ""
        with self.services.works._database.scoped(Scope(tenant, SYSTEM)) as session:
            session.connection().exec_driver_sql(
                f"UPDATE credential SET renew_at = now(){until} WHERE renew_at IS NOT NULL"
            )

    def forget_keys(self) -> None:
        """Let the product ask Keycloak for its keys at the next need, as it does after a while."""
        keys = self.identity._realm.keys
        keys._fetched = keys._tried = later(days=-1)

    def entries(self, tenant: TenantId = QINGCHUAN) -> list[dict[str, Any]]:
        """Return the bodies of a county's audit log."""
        with self.services.works._database.scoped(Scope(tenant, SYSTEM)) as session:
            rows = session.connection().exec_driver_sql("SELECT action, body FROM audit_entry ORDER BY seq")
            return [dict(row._mapping) for row in rows]


@pytest.fixture(scope="session")
def site(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the product over PostgreSQL behind PgBouncer, with two counties whose people are at Keycloak."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    data = tmp_path_factory.mktemp("archive")
    with serving(address, PEOPLE) as keycloak:
        settings = Settings.model_validate(
            {
                "data": data,
                "database_url": postgres.pooled("lantai_app"),
                "dispatcher_database_url": postgres.pooled("lantai_dispatcher"),
                "province_database_url": postgres.pooled("lantai_province"),
                "broker_url": "memory://",
                "secret_key": token_hex(),
                "master_key": token_hex(),
                "audit_key": token_hex(),
                "site_a": data / "a",
                "site_b": data / "b",
                "public_url": address,
                "oidc_issuer": keycloak.issuer,
                "oidc_client_secret": SECRETS["LANTAI_OIDC_CLIENT_SECRET"],
                "oidc_admin_client_secret": SECRETS["LANTAI_OIDC_ADMIN_CLIENT_SECRET"],
                "oidc_api_clients": f"{AGENCY} deaf",
            }
        )
        services = build(settings)
        organizations = dict(_counties(services))
        _join(keycloak, organizations)
        heard: list[str] = []
        web = create_app(services)

        @web.before_request
        def listen() -> None:
            if request.path.endswith("/backchannel-logout") and request.remote_addr:
                heard.append(request.form.get("logout_token", ""))

        server = make_server("127.0.0.1", port, web, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Site(address, services, keycloak, organizations, heard)
        server.shutdown()
        thread.join()
        server.server_close()
        for database in (services.works._database, services.province._database):
            database.close()


def _counties(services: Services) -> Iterator[tuple[TenantId, str]]:
    names = {QINGCHUAN: "青川县档案馆", BAIHE: "白河县档案馆", SHIQUAN: "石泉县档案馆"}
    for number, (tenant, name) in enumerate(names.items()):
        county = Tenant(tenant, name, f"51082{number}", f"45108{number}")
        services.directory.create(county, ProvinceScope(SYSTEM, "test"))
    for tenant in (*names, PROVINCE):
        with entered(Scope(tenant, SYSTEM)):
            yield tenant, services.organizations.ensure(services.directory.get(tenant).name)


def _join(keycloak: Keycloak, organizations: dict[TenantId, str]) -> None:
    admin = keycloak.admin()
    for user in admin.get_users():
        login = user["username"]
        if login not in NOWHERE:
            for tenant in ELSEWHERE.get(login, (QINGCHUAN,)):
                admin.organization_user_add(user["id"], organizations[tenant])
    for client in (AGENCY, "stranger", "deaf"):
        service = admin.get_client_service_account_user(admin.get_client_id(client) or "")
        admin.organization_user_add(service["id"], organizations[QINGCHUAN])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium on this machine; `make stack` as root installs it", pytrace=False)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser of their own."""

    page: Page
    site: Site

    def begin(self, tenant: TenantId = QINGCHUAN, *, there: str = "/desk/") -> None:
        """Ask to sign in to a county."""
        self.page.goto(start(self.site.address, tenant, there))

    def type_password(self, login: str, password: str = PASSWORD) -> None:
        self.page.fill("#username", login)
        self.page.fill("#password", password)
        self.page.click("#kc-login")

    def type_code(self) -> None:
        self.page.fill("#otp", code())
        self.page.click("#kc-login")

    def sign_in(self, login: str, tenant: TenantId = QINGCHUAN) -> None:
        """Sign in, and wait for the desk."""
        self.begin(tenant)
        self.type_password(login)
        self.page.wait_for_url("**/desk/")

    def caught(self, address: str, login: str) -> Returned:
        """Sign in, but keep what the browser would have brought back."""
        self.page.route("**/auth/callback**", lambda route: route.abort())
        self.page.goto(address)
        with self.page.expect_request("**/auth/callback**") as sent:
            self.type_password(login)
        self.page.unroute("**/auth/callback**")
        told = {name: values[0] for name, values in parse_qs(urlsplit(sent.value.url).query).items()}
        return Returned(told["state"], told["iss"], told["code"], "")

    def refused(self) -> str:
        """Return the code of the refusal that the page shows."""
        self.page.wait_for_selector("[role=alert]")
        return self.page.locator("main code").inner_text().split(" · ")[1]

    def desk(self) -> int:
        """Return how the portal answers a request of this browser for its desk."""
        return self.page.request.get(f"{self.site.address}/desk/", max_redirects=0).status

    @property
    def secret(self) -> str:
        """The session's secret."""
        cookies = self.page.context.cookies(self.site.address)
        return next(cookie.get("value", "") for cookie in cookies if cookie.get("name") == "lantai_session")


Visit = Callable[[], Visitor]


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """Return a way to open a browser that has never been here."""
    contexts: list[BrowserContext] = []

    def open_browser() -> Visitor:
        contexts.append(chromium.new_context(locale="zh-CN"))
        return Visitor(contexts[-1].new_page(), site)

    yield open_browser
    for context in contexts:
        context.close()
