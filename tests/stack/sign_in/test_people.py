"""People of the counties sign in through Keycloak, in a browser."""

import re

import pytest
from playwright.sync_api import expect

from app.identity.types import SignsInElsewhere
from tenants.scope import PROVINCE
from tests.stack.conftest import until
from tests.stack.keycloak import PASSWORD, code, later, start
from tests.stack.sign_in.conftest import BAIHE, QINGCHUAN, Site, Visit

pytestmark = pytest.mark.stack


def test_an_archivist_signs_in_and_sees_the_desk(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(visitor.site.address + "/")
    page.click("text=青川县档案馆")
    page.click("a.primary")
    visitor.type_password("zhang")
    page.wait_for_url("**/desk/")
    expect(page.locator("header")).to_contain_text("青川县档案馆")
    expect(page.locator(".person")).to_contain_text("张zhang")
    expect(page.locator(".person")).to_contain_text("档案员")


def test_the_sign_in_leads_where_the_reader_wanted(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(visitor.site.address + "/desk/catalogue")
    page.click("text=青川县档案馆")
    visitor.type_password("zhang")
    page.wait_for_url("**/desk/catalogue")


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "/\\example.org"])
def test_the_sign_in_leads_to_no_other_site(visit: Visit, elsewhere: str) -> None:
    visitor = visit()
    visitor.begin(there=elsewhere)
    visitor.type_password("zhang")
    visitor.page.wait_for_url(f"{visitor.site.address}/desk/")


@pytest.mark.parametrize(
    ("login", "told"), [("outsider", "identity.not_member"), ("idle", "identity.no_role"), ("both", "")]
)
def test_only_a_member_with_a_role_comes_in(visit: Visit, login: str, told: str) -> None:
    visitor = visit()
    visitor.begin(QINGCHUAN)
    visitor.type_password(login)
    if told:
        assert visitor.refused() == told
        assert visitor.desk() == 303
    else:
        visitor.page.wait_for_url("**/desk/")


def test_a_member_of_one_county_does_not_come_into_another(visit: Visit) -> None:
    visitor = visit()
    visitor.begin(BAIHE)
    visitor.type_password("zhang")
    assert visitor.refused() == "identity.not_member"
    assert visitor.desk() == 303


def test_whoever_works_for_two_counties_changes_over_without_a_password(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("both", QINGCHUAN)
    expect(visitor.page.locator("header")).to_contain_text("青川县档案馆")
    former = visitor.secret
    visitor.begin(BAIHE)
    visitor.page.wait_for_url("**/desk/")
    expect(visitor.page.locator("header")).to_contain_text("白河县档案馆")
    former_cookie = {"Cookie": f"lantai_session={former}"}
    answer = visit().page.request.get(f"{visitor.site.address}/desk/", headers=former_cookie, max_redirects=0)
    assert answer.status == 303


def test_an_administrator_gives_password_and_code(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.begin()
    visitor.type_password("sysadmin")
    assert visitor.desk() == 303
    visitor.type_code()
    visitor.page.wait_for_selector(".person")
    expect(visitor.page.locator(".person")).to_contain_text("系统管理员")
    who = site.identity.principal(visitor.secret, ("session",))
    assert who.principal.roles == {"sys_admin"}


def test_the_province_s_office_signs_in_like_a_county(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.begin(PROVINCE)
    visitor.type_password("governor")
    visitor.type_code()
    visitor.page.wait_for_selector(".person")
    who = site.identity.principal(visitor.secret, ("session",))
    assert (who.tenant, who.principal.roles) == (PROVINCE, {"province_admin"})


def test_setting_up_an_authenticator_is_not_yet_a_second_factor(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.begin()
    visitor.type_password("enrolling")
    page.click("#mode-manual")
    secret = re.sub(r"\s", "", page.inner_text("#kc-totp-secret-key"))
    page.fill("#totp", code(secret=secret))
    page.fill("#userLabel", "phone")
    page.click("#saveTOTPBtn")
    page.wait_for_selector("#otp")  # it came back to us, and we asked for the factor
    assert visitor.desk() == 303
    page.fill("#otp", code(later(seconds=30), secret=secret))
    page.click("#kc-login")
    expect(page.locator(".person")).to_contain_text("安全管理员")


def test_two_duties_that_exclude_each_other_let_nobody_in(visit: Visit) -> None:
    """Keycloak cannot refuse to give them; we can refuse to take them."""
    visitor = visit()
    visitor.begin()
    visitor.type_password("clashing")
    visitor.type_code()
    assert visitor.refused() == "identity.roles_clash"
    assert visitor.desk() == 303


def test_guessing_is_locked_out_and_no_password_is_taken_here(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.begin()
    for _ in range(5):
        visitor.type_password("counting", "falsch")
        visitor.page.wait_for_selector("#kc-login")
    visitor.type_password("counting")
    visitor.page.wait_for_selector("#kc-login")
    assert visitor.desk() == 303
    with pytest.raises(SignsInElsewhere):
        site.identity.sign_in(QINGCHUAN, "zhang", PASSWORD, ("session",))
    form = {"grant_type": "password", "username": "zhang", "password": PASSWORD, "scope": QINGCHUAN}
    answer = visitor.page.request.post(f"{site.address}/oauth/token", form=form)
    assert (answer.status, answer.json()["code"]) == (409, "identity.elsewhere")


def test_a_form_without_its_token_changes_nothing(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in("zhang")
    answer = visitor.page.request.post(f"{site.address}/sign-out", form={}, max_redirects=0)
    assert answer.status == 400
    assert visitor.desk() == 200


def test_signing_out_here_signs_out_there(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("zhang")
    visitor.page.click("form[action='/sign-out'] button")
    visitor.page.wait_for_url(visitor.site.address + "/")
    assert visitor.desk() == 303
    visitor.begin()
    visitor.page.wait_for_selector("#password")


def test_roles_are_taken_anew_and_removals_too(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in("changing")
    admin = site.keycloak.admin()
    subject = site.keycloak.subject("changing")
    admin.delete_realm_roles_of_user(subject, [admin.get_realm_role("archivist")])
    site.overdue()
    assert site.identity.principal(visitor.secret, ("session",)).principal.roles == {"desk"}
    assert "identity:grant:removed" in {entry["action"] for entry in site.entries()}
    admin.delete_realm_roles_of_user(subject, [admin.get_realm_role("desk")])
    site.overdue()
    assert visitor.desk() == 303
    visitor.page.goto(start(site.address, QINGCHUAN))
    assert visitor.refused() == "identity.no_role"


def test_whoever_is_no_member_any_more_is_out_at_the_next_renewal(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in("leaving")
    admin = site.keycloak.admin()
    admin.organization_user_remove(site.keycloak.subject("leaving"), site.organizations[QINGCHUAN])
    site.overdue()
    assert visitor.desk() == 303


def test_a_user_disabled_at_keycloak_is_out_at_the_next_renewal(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in("disabled")
    admin = site.keycloak.admin()
    admin.update_user(site.keycloak.subject("disabled"), {"enabled": False})
    assert visitor.desk() == 200
    site.overdue()
    assert visitor.desk() == 303
    visitor.begin()
    visitor.type_password("disabled")
    visitor.page.wait_for_selector("#kc-login")


def test_a_session_ended_at_keycloak_has_ended_here(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.sign_in("ending")
    admin = site.keycloak.admin()
    admin.user_logout(site.keycloak.subject("ending"))
    until(lambda: visitor.desk() == 303)
    token = site.heard[-1]
    assert site.told(token) == 400, "it is not taken twice"
    assert site.told(token[:-4] + "AAAA") == 400
    assert site.told("") == 400
    assert site.told(site.keycloak.token(QINGCHUAN)) == 400
