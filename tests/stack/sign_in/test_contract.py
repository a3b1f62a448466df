"""What the floors above know of a sign-in holds for the county's own accounts and for the province's Keycloak alike."""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import Protocol

import pytest
from flask import Flask

from app.bootstrap import build
from app.identity.types import AccountId, NotSignedIn
from app.kernel.errors import DomainError
from app.services import Services
from app.wsgi import create_app
from tenants.directory import Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.stack.keycloak import PASSWORD, person
from tests.stack.sign_in.conftest import BAIHE, QINGCHUAN, SYSTEM, Site, Visit

pytestmark = pytest.mark.stack

NANHE, DONGHE = TenantId("nanhe"), TenantId("donghe")


class Provider(Protocol):
    """Where accounts are kept and passwords are asked for."""

    county: TenantId
    other: TenantId
    services: Services

    def employ(self, login: str, role: str) -> None:
        """Have somebody in the county, with a role."""
        ...

    def sign_in(self, login: str, county: TenantId, password: str = PASSWORD) -> str:
        """Sign in; return the session's secret, or nothing."""
        ...

    def change(self, login: str, former: str, role: str) -> None:
        """Give somebody another role, and let that have its effect."""
        ...

    def dismiss(self, login: str) -> None:
        """Let somebody be no member any more, and let that have its effect."""
        ...


class Embedded:
    """The county's own accounts."""

    county, other = NANHE, DONGHE

    def __init__(self, services: Services) -> None:
        self.services = services

    def employ(self, login: str, role: str) -> None:
        with entered(Scope(self.county, SYSTEM)):
            self.services.identity.create_account(login, f"张{login}", PASSWORD, [role])

    def sign_in(self, login: str, county: TenantId, password: str = PASSWORD) -> str:
        try:
            return self.services.identity.sign_in(county, login, password, ("session",))[0].secret
        except DomainError:
            return ""

    def change(self, login: str, former: str, role: str) -> None:
        account = self._account(login)
        with self._acting("sec_admin"):
            self.services.accounts.grant(account, role)
            self.services.accounts.remove(account, former)

    def dismiss(self, login: str) -> None:
        account = self._account(login)
        with self._acting("sys_admin"):
            self.services.accounts.leave(account)

    def _account(self, login: str) -> AccountId:
        with entered(Scope(self.county, SYSTEM)):
            return self.services.accounts.by_login(login).id

    def _acting(self, role: str) -> AbstractContextManager[Scope]:
        return entered(Scope(self.county, Principal(str(uuid.uuid4()), role, frozenset({role}))))


class AtKeycloak:
    """The province's realm, with a browser for each sign-in."""

    county, other = QINGCHUAN, BAIHE

    def __init__(self, site: Site, visit: Visit) -> None:
        self.services = site.services
        self._site = site
        self._visit = visit

    def employ(self, login: str, role: str) -> None:
        admin = self._site.keycloak.admin()
        user = person(login)
        user.pop("realmRoles")
        subject = admin.create_user(user)
        admin.assign_realm_roles(subject, [admin.get_realm_role(role)])
        admin.organization_user_add(subject, self._site.organizations[self.county])

    def sign_in(self, login: str, county: TenantId, password: str = PASSWORD) -> str:
        visitor = self._visit()
        visitor.begin(county)
        with visitor.page.expect_navigation():
            visitor.type_password(login, password)
        return visitor.secret if visitor.page.locator(".person").count() else ""

    def change(self, login: str, former: str, role: str) -> None:
        admin, subject = self._site.keycloak.admin(), self._site.keycloak.subject(login)
        admin.assign_realm_roles(subject, [admin.get_realm_role(role)])
        admin.delete_realm_roles_of_user(subject, [admin.get_realm_role(former)])
        self._site.overdue()

    def dismiss(self, login: str) -> None:
        admin = self._site.keycloak.admin()
        admin.organization_user_remove(self._site.keycloak.subject(login), self._site.organizations[self.county])
        self._site.overdue()


@pytest.fixture(scope="module")
def embedded(site: Site) -> Iterator[Services]:
    """Return the same installation without Keycloak."""
    services = build(site.services.settings.model_copy(update={"oidc_issuer": ""}))
    for number, tenant in enumerate((NANHE, DONGHE)):
        county = Tenant(tenant, tenant, f"51083{number}", f"45109{number}")
        services.directory.create(county, ProvinceScope(SYSTEM, "test"))
    yield services
    for database in (services.works._database, services.province._database):
        database.close()


@pytest.fixture(params=["embedded", "keycloak"])
def provider(request: pytest.FixtureRequest) -> Provider:
    if request.param == "embedded":
        return Embedded(request.getfixturevalue("embedded"))
    return AtKeycloak(request.getfixturevalue("site"), request.getfixturevalue("visit"))


@pytest.fixture
def login() -> str:
    return f"p{uuid.uuid4().hex[:8]}"


def desk(web: Flask, secret: str) -> int:
    client = web.test_client()
    client.set_cookie("lantai_session", secret)
    return client.get("/desk/").status_code


def test_a_session_names_county_person_and_roles(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    tenant, dot, rest = secret.partition(".")
    assert (tenant, dot, len(rest)) == (provider.county, ".", 43)
    who = provider.services.identity.principal(secret, ("session",))
    assert (who.tenant, who.principal.name, who.principal.roles) == (provider.county, f"张{login}", {"archivist"})
    assert uuid.UUID(who.principal.id)
    assert uuid.UUID(who.session)
    with pytest.raises(NotSignedIn):
        provider.services.identity.principal(secret, ("access",))
    web = create_app(provider.services)
    assert desk(web, secret) == 200
    with entered(Scope(provider.county, who.principal, session=who.session)):
        (mine,) = provider.services.identity.sessions()
        assert mine.current
    assert provider.services.identity.principal(provider.sign_in(login, provider.county), ("session",)).principal == (
        who.principal
    ), "the same account again"


def test_no_session_without_the_password_nor_in_another_county(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    assert provider.sign_in(login, provider.county, "Falsche-Mima-2026") == ""
    assert provider.sign_in(login, provider.other) == ""
    assert provider.sign_in("nobodyatall", provider.county) == ""


def test_what_a_person_may_do_follows_the_role_they_have_now(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    provider.change(login, "archivist", "desk")
    assert provider.services.identity.principal(secret, ("session",)).principal.roles == {"desk"}


def test_whoever_left_is_out_and_stays_out(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    provider.dismiss(login)
    with pytest.raises(NotSignedIn):
        provider.services.identity.principal(secret, ("session",))
    assert provider.sign_in(login, provider.county) == ""


def test_an_account_closed_here_stays_closed_whoever_vouches_for_it(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    account = provider.services.identity.principal(secret, ("session",)).principal.id
    administrator = Principal(str(uuid.uuid4()), roles=frozenset({"sys_admin"}))
    with entered(Scope(provider.county, administrator)):
        provider.services.accounts.leave(AccountId(uuid.UUID(account)))
    with pytest.raises(NotSignedIn):
        provider.services.identity.principal(secret, ("session",))
    assert provider.sign_in(login, provider.county) == ""


def test_a_session_given_back_is_at_an_end(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    identity = provider.services.identity
    identity.sign_out(secret)
    identity.sign_out(secret)
    with pytest.raises(NotSignedIn):
        identity.principal(secret, ("session",))


def test_nobody_holds_what_excludes_each_other(provider: Provider, login: str) -> None:
    provider.employ(login, "archivist")
    secret = provider.sign_in(login, provider.county)
    with suppress(DomainError):  # the county's own accounts refuse at once
        provider.change(login, "desk", "net_admin")
    held: frozenset[str] = frozenset()
    try:
        held = provider.services.identity.principal(secret, ("session",)).principal.roles
    except NotSignedIn:
        assert provider.sign_in(login, provider.county) == ""
    assert held <= {"archivist"}
