"""The three administrators at their browsers: an account made by one, given its role by another, used by its person."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP

from app.kernel import masks
from tests.browser.conftest import PHONE, Desk, Sit
from tests.browser.test_pages import violations
from tests.conftest import PASSWORD, County, MakeCounty

CARD = next(card for end in "0123456789X" if masks.valid_id_card(card := f"99012119900307612{end}"))
CHOSEN = "Zijide-Mima-2027"


@pytest.fixture(scope="module")
def county(make_county: MakeCounty) -> County:
    return make_county()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Path:
    """Return a folder for pictures to look at; they are kept where --basetemp says."""
    folder = Path(request.config.rootpath) / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sound(desk: Desk, page: Page) -> None:
    assert violations(page) == [], page.url
    assert [told for told in desk.complaints if "Failed to load resource" not in told] == []


def visit(sit: Sit, county: County, login: str, password: str, *, size: tuple[int, int]) -> Desk:
    """Sit down as nobody in particular and give a name and password."""
    desk = sit(county, size=size)
    page = desk.page
    page.click("text=退出")
    page.goto(f"{desk.address}/sign-in?county={county.tenant}")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("main button")
    return desk


@pytest.mark.parametrize("size", [(1280, 900), PHONE], ids=["desktop", "phone"])
def test_an_administrator_is_made_by_two_and_sets_up_a_second_factor(
    county: County, sit: Sit, picture: Path, size: tuple[int, int]
) -> None:
    width, number = size[0], 0
    login = f"lin{width}"
    card = CARD if width != PHONE[0] else next(c for e in "0123456789X" if masks.valid_id_card(c := f"99012119850307613{e}"))

    def look(page: Page, name: str) -> None:
        nonlocal number
        number += 1
        page.screenshot(path=picture / f"accounts-{width}-{number:02}-{name}.png", full_page=True)

    system = sit(county, "sysadmin", size=size)
    page = system.page
    look(page, "system-home")
    sound(system, page)
    page = system.open("/admin/accounts/new")
    page.fill("#login", login)
    page.fill("#display_name", "林清河")
    page.fill("#id_card", card)
    look(page, "new")
    sound(system, page)
    page.click("main form button.primary")
    handed = page.inner_text("#handed")
    look(page, "handed")
    sound(system, page)

    security = sit(county, "secadmin", size=size)
    page = security.page
    look(page, "security-home")
    page.click(f"text={login}")
    assert card not in page.content()
    page.select_option("#role", "sec_admin" if width != PHONE[0] else "audit_admin")
    look(page, "account")
    sound(security, page)
    page.click("main form button.primary")
    expect(page.locator("main .state.active")).to_be_visible()
    page.select_option("#purpose", "identity_check")
    page.get_by_role("button", name="查看", exact=True).click()
    expect(page.locator("main")).to_contain_text(card)
    look(page, "revealed")

    person = visit(sit, county, login, handed, size=size)
    page = person.page
    page.wait_for_url(re.compile("/sign-in/step"))
    page.click("summary")
    secret = page.inner_text("#secret")
    look(page, "enrol")
    sound(person, page)
    page.fill("#code", "000000")
    page.click("main button")
    expect(page.locator("[role=alert]")).to_be_visible()
    page.fill("#code", TOTP(secret).now())
    page.click("main button")
    assert page.locator(".codes li").count() == 10
    recovery = page.locator(".codes li").first.inner_text()
    look(page, "codes")
    sound(person, page)
    page.click("main a.button")
    page.fill("#password", "zhangsan")
    look(page, "password-due")
    page.evaluate("document.querySelector('#password').removeAttribute('minlength')")
    page.click("main button")
    expect(page.locator("[role=alert]")).to_contain_text("12")
    page.fill("#password", CHOSEN)
    page.click("main button")
    page.wait_for_url(re.compile("/admin/$"))
    look(page, "own-home")
    page = person.open("/account/")
    look(page, "my-account")
    sound(person, page)

    again = visit(sit, county, login, CHOSEN, size=size)
    page = again.page
    look(page, "code")
    sound(again, page)
    page.fill("#code", recovery)
    page.click("main button")
    page.wait_for_url(re.compile("/admin/$"))
    page = again.open("/account/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.click("text=退出其他全部设备")
    expect(page.locator("tbody tr")).to_have_count(1)
    page = person.open("/account/")
    page.wait_for_url(re.compile("/sign-in"))


def test_everybody_sees_who_may_do_what(county: County, sit: Sit, picture: Path) -> None:
    desk = sit(county, size=(1280, 900))
    page = desk.open("/desk/rights")
    expect(page.locator("main")).to_contain_text("不是（状态为“")
    page.screenshot(path=picture / "rights-1280.png", full_page=True)
    sound(desk, page)
    phone = sit(county, "sysadmin", size=PHONE)
    page = phone.open("/desk/rights?role=sys_admin")
    page.screenshot(path=picture / "rights-390.png", full_page=True)
    sound(phone, page)


def test_without_script_a_person_sets_up_a_factor_of_their_own_accord(county: County, sit: Sit) -> None:
    page = sit(county, "desk", script=False).open("/account/authenticator")
    secret = page.locator("#secret").text_content()
    assert secret
    page.fill("#code", TOTP(secret).now())
    page.click("main form button")
    assert page.locator(".codes li").count() == 10
    page.click("main a.button")
    page.fill("#present", PASSWORD)
    page.fill("#password", PASSWORD)
    page.click("#password-part button")
    expect(page.locator("[role=alert]")).to_be_visible()
