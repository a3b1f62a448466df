"""What goes wrong on the way: answers that come twice or changed, a Keycloak that hangs, what is deleted there."""

from dataclasses import replace

import pytest
import requests

from app.identity.types import Caller, ProviderDown, Returned, SignInStale
from tenants.scope import Scope, entered
from tests.stack.keycloak import start
from tests.stack.sign_in.conftest import QINGCHUAN, SHIQUAN, SYSTEM, Site, Visit

pytestmark = pytest.mark.stack

NOBODY = Caller()


def test_what_came_back_opens_one_session(site: Site, visit: Visit) -> None:
    visitor = visit()
    address, attempt = site.identity.depart(QINGCHUAN)
    returned = visitor.caught(address, "forgetful")
    assert site.identity.arrive(attempt, returned, NOBODY)
    with pytest.raises(SignInStale):
        site.identity.arrive(attempt, returned, NOBODY)


@pytest.mark.parametrize(
    ("attempted", "brought"),
    [
        ({"state": "another"}, {}),
        ({"nonce": "another"}, {}),
        ({"verifier": "v" * 43}, {}),
        ({}, {"state": ""}),
        ({}, {"issuer": "https://example.org/realms/province"}),
        ({}, {"issuer": ""}),
        ({}, {"code": ""}),
        ({}, {"code": "made.up.code"}),
        ({}, {"error": "access_denied", "code": ""}),
    ],
)
def test_what_fits_no_sign_in_opens_none(
    site: Site, visit: Visit, attempted: dict[str, str], brought: dict[str, str]
) -> None:
    visitor = visit()
    address, attempt = site.identity.depart(QINGCHUAN)
    returned = visitor.caught(address, "forgetful")
    with pytest.raises(SignInStale):
        site.identity.arrive(replace(attempt, **attempted), replace(returned, **brought), NOBODY)


def test_an_address_of_another_s_sign_in_is_of_no_use(site: Site, visit: Visit) -> None:
    """Nobody is signed in as somebody else by following a link. Source: RFC 9700, 4.7."""
    other = visit()
    address, _ = site.identity.depart(QINGCHUAN)
    returned = other.caught(address, "forgetful")
    told = {"state": returned.state, "iss": returned.issuer, "code": returned.code}
    callback = f"{site.address}/auth/callback"
    answer = requests.get(callback, params=told, timeout=10)
    assert (answer.status_code, "identity.stale" in answer.text) == (400, True)
    with requests.Session() as browser:
        browser.get(start(site.address, QINGCHUAN), allow_redirects=False, timeout=10)
        answer = browser.get(callback, params=told, timeout=10)
        assert (answer.status_code, "identity.stale" in answer.text) == (400, True)
        answer = browser.get(callback, params=told, headers={"Cookie": "lantai_sign_in=forged"}, timeout=10)
        assert answer.status_code == 400
        assert "lantai_session" not in browser.cookies


def test_an_unknown_county_leads_nowhere(site: Site) -> None:
    for county in ("nowhere", "", "../admin", "qingchuan:*"):
        assert requests.get(start(site.address, county), allow_redirects=False, timeout=10).status_code == 404


def test_while_keycloak_hangs_nobody_new_comes_in_and_whoever_is_in_goes_on(site: Site, visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("working")
    address, attempt = site.identity.depart(QINGCHUAN)
    returned = visit().caught(address, "working")
    token = site.keycloak.token(QINGCHUAN)
    bearer = {"Authorization": f"Bearer {token}"}
    me = f"{site.address}/api/v1/me"
    assert requests.get(me, headers=bearer, timeout=10).status_code == 200
    with site.keycloak.hung():
        site.identity._realm.keys._tried = site.identity._realm.keys._tried.replace(year=2000)
        page = requests.get(start(site.address, QINGCHUAN), allow_redirects=False, timeout=20)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "15")
        assert "统一登录暂时没有响应" in page.text
        with pytest.raises(ProviderDown):
            site.identity.arrive(attempt, returned, NOBODY)
        site.overdue()
        assert visitor.desk() == 200
        assert visitor.desk() == 200, "and does not wait again"
        assert requests.get(me, headers=bearer, timeout=10).status_code == 200
        site.forget_keys()
        answer = requests.get(me, headers=bearer, timeout=20)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")
        site.overdue(ended=True)
        assert visitor.desk() == 303, "until the session would have ended there"
    site.forget_keys()
    visit().sign_in("working")


def test_an_organization_deleted_by_hand_is_told_and_made_again(site: Site, visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("mending", SHIQUAN)
    admin = site.keycloak.admin()
    admin.delete_organization(site.organizations[SHIQUAN])
    site.overdue(tenant=SHIQUAN)
    assert visitor.desk() == 303
    visitor.begin(SHIQUAN)
    assert visitor.refused() == "identity.organization_missing"
    with entered(Scope(SHIQUAN, SYSTEM)):
        again = site.services.organizations.ensure("石泉县档案馆")
        assert again == site.services.organizations.ensure("石泉县档案馆") != site.organizations[SHIQUAN]
    stranger = visit()
    stranger.begin(SHIQUAN)
    stranger.type_password("mending")
    assert stranger.refused() == "identity.not_member"
    admin.organization_user_add(site.keycloak.subject("mending"), again)
    visit().sign_in("mending", SHIQUAN)


def test_an_organization_of_the_same_alias_made_by_hand_is_not_the_county_s(site: Site, visit: Visit) -> None:
    """Whoever keeps users at Keycloak cannot open a county by an organization of their own."""
    admin = site.keycloak.admin()
    found = admin.get_organizations(query={"q": f"tenant_id:{SHIQUAN}"})[0]
    admin.delete_organization(found["id"])
    forged = str(admin.create_organization({"name": "石泉", "alias": SHIQUAN}))
    admin.organization_user_add(site.keycloak.subject("outsider"), forged)
    visitor = visit()
    visitor.begin(SHIQUAN)
    visitor.type_password("outsider")
    assert visitor.refused() == "identity.not_member"
    admin.delete_organization(forged)


def test_the_realm_s_answer_that_something_failed_there_is_not_the_visitor_s_fault(site: Site) -> None:
    _, attempt = site.identity.depart(QINGCHUAN)
    with pytest.raises(ProviderDown):
        site.identity.arrive(attempt, Returned(attempt.state, site.keycloak.issuer, "", "server_error"), NOBODY)


def test_an_invitation_is_made_once_and_its_password_must_be_changed(site: Site, visit: Visit) -> None:
    organizations = site.services.organizations
    with entered(Scope(QINGCHUAN, SYSTEM)):
        login, first = organizations.invite("nina", "王妮娜", "archivist")
        again, second = organizations.invite("nina", "王妮娜", "archivist")
    assert login == again == "nina@qingchuan"
    assert first != second
    visitor = visit()
    page = visitor.page
    visitor.begin()
    visitor.type_password(login, second)
    page.fill("#password-new", "Xin-Mima-2026-ok")
    page.fill("#password-confirm", "Xin-Mima-2026-ok")
    page.click("[type=submit]")
    page.wait_for_url("**/desk/")
    assert "王妮娜" in page.inner_text(".person")
    with entered(Scope(QINGCHUAN, SYSTEM)):
        assert organizations.invite("nina", "王妮娜", "archivist") == (login, "")
