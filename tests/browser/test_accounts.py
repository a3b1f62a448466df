"""The three administrators at their browsers: an account made by one, given its role by another, used by its person."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pyotp.totp import TOTP

from app.kernel import masks
from tests.browser.conftest import PHONE, Desk, Sit
from tests.browser.test_pages import violations
from tests.conftest import PASSWORD, County, MakeCounty

CHOSEN = "Zijide-Mima-2027"


@pytest.fixture(scope="module")
def county(make_county: MakeCounty) -> County:
    return make_county()


@dataclass
class Album:
    """Pictures of one journey, to look at."""

    folder: Path
    width: int
    taken: int = 0

    def keep(self, desk: Desk, name: str) -> None:
        """Take a picture of a page on which axe and the browser find nothing to complain of."""
        page = desk.page
        self.taken += 1
        page.screenshot(path=self.folder / f"accounts-{self.width}-{self.taken:02}-{name}.png", full_page=True)
        assert violations(page) == [], page.url
        assert [told for told in desk.complaints if "Failed to load resource" not in told] == []


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Return the folder for pictures."""
    folder = request.config.rootpath / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def card(birthday: str) -> str:
    return next(number for end in "0123456789X" if masks.valid_id_card(number := f"990121{birthday}612{end}"))


def propose(desk: Desk, login: str, number: str, album: Album) -> str:
    """Make an account as the system administrator, and return the password to hand over."""
    album.keep(desk, "system-home")
    page = desk.open("/admin/accounts/new")
    page.fill("#login", login)
    page.fill("#display_name", "林清河")
    page.fill("#id_card", number)
    album.keep(desk, "new")
    page.click("main form button.primary")
    album.keep(desk, "handed")
    return page.inner_text("#handed")


def grant(desk: Desk, login: str, number: str, role: str, album: Album) -> None:
    """Give the account a role as the security administrator, and look at the person's number."""
    page = desk.page
    album.keep(desk, "security-home")
    page.click(f"text={login}")
    assert number not in page.content()
    page.select_option("#role", role)
    album.keep(desk, "account")
    page.click("main form button.primary")
    expect(page.locator("main .state.active")).to_be_visible()
    page.select_option("#purpose", "identity_check")
    page.get_by_role("button", name="查看", exact=True).click()
    expect(page.locator("main")).to_contain_text(number)
    album.keep(desk, "revealed")


def visit(sit: Sit, county: County, login: str, password: str, *, size: tuple[int, int]) -> Desk:
    """Sit down as somebody whose sign-in takes further steps."""
    desk = sit(county, size=size)
    page = desk.page
    page.click("text=退出")
    page.goto(f"{desk.address}/sign-in?county={county.tenant}")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("main button")
    page.wait_for_url(re.compile("/sign-in/step"))
    return desk


def enter_for_the_first_time(desk: Desk, album: Album) -> str:
    """Set up an authenticator and choose a password; return a recovery code."""
    page = desk.page
    page.click("summary")
    secret = page.inner_text("#secret")
    album.keep(desk, "enrol")
    page.fill("#code", "000000")
    page.click("main button")
    expect(page.locator("[role=alert]")).to_be_visible()
    page.fill("#code", TOTP(secret).now())
    page.click("main button")
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.inner_text()
    album.keep(desk, "codes")
    page.click("main a.button")
    album.keep(desk, "password-due")
    page.fill("#password", "nur-kleinbuchstaben")
    page.click("main button")
    expect(page.locator("[role=alert]")).to_contain_text("大写字母")
    page.fill("#password", CHOSEN)
    page.click("main button")
    page.wait_for_url(re.compile("/admin/$"))
    album.keep(desk, "own-home")
    return recovery


@pytest.mark.parametrize(
    ("size", "role", "birthday"),
    [((1280, 900), "sec_admin", "19900307"), (PHONE, "audit_admin", "19850307")],
    ids=["desktop", "phone"],
)
def test_an_administrator_is_made_by_two_and_sets_up_a_second_factor(
    county: County, sit: Sit, pictures: Path, size: tuple[int, int], role: str, birthday: str
) -> None:
    login, number, album = f"lin{size[0]}", card(birthday), Album(pictures, size[0])
    handed = propose(sit(county, "sysadmin", size=size), login, number, album)
    grant(sit(county, "secadmin", size=size), login, number, role, album)
    person = visit(sit, county, login, handed, size=size)
    recovery = enter_for_the_first_time(person, album)
    person.open("/account/")
    album.keep(person, "my-account")

    again = visit(sit, county, login, CHOSEN, size=size)
    album.keep(again, "code")
    again.page.fill("#code", recovery)
    again.page.click("main button")
    again.page.wait_for_url(re.compile("/admin/$"))
    page = again.open("/account/")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.click("text=退出其他全部设备")
    expect(page.locator("tbody tr")).to_have_count(1)
    page = person.open("/account/")
    page.wait_for_url(re.compile("/sign-in"))


def test_everybody_sees_who_may_do_what(county: County, sit: Sit, pictures: Path) -> None:
    desk = sit(county, size=(1280, 900))
    page = desk.open("/desk/rights")
    expect(page.locator("main")).to_contain_text("不是（状态为“")
    Album(pictures, 1280, taken=90).keep(desk, "rights")
    phone = sit(county, "sysadmin", size=PHONE)
    phone.open("/desk/rights?role=sys_admin")
    Album(pictures, PHONE[0], taken=90).keep(phone, "rights")


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
