"""A citizen with a telephone: signs in by a code, reads what is held, and erases it; without script too."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PHONE
from tests.browser.test_pages import violations

WIDTH = PHONE[0]


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": PHONE[1]}, java_script_enabled=request.param, locale="zh-CN"
    )
    yield context.new_page()
    context.close()


def fits(page: Page) -> None:
    """Nothing is wider than the telephone, and what is pressed is large."""
    assert page.locator("html").bounding_box()["width"] <= WIDTH
    for control in page.locator("main button, main .button").all():
        box = control.bounding_box()
        assert box["height"] >= 60
        assert box["x"] + box["width"] <= WIDTH


def test_a_citizen_comes_and_goes(page: Page, address: str) -> None:
    phone = f"139{secrets.randbelow(10**8):08d}"
    page.goto(f"{address}/")
    page.get_by_role("link", name="个人登录").click()
    page.fill("#phone", "12345")
    page.get_by_role("button", name="获取验证码").click()
    assert "11 位手机号" in page.inner_text("[role=alert]")
    page.fill("#phone", phone)
    fits(page)
    page.get_by_role("button", name="获取验证码").click()
    page.wait_for_url("**/me/sign-in/code")
    fits(page)
    outbox = page.context.new_page()
    outbox.goto(f"{address}/dev/outbox")
    code = re.search(rf"{phone}\s*(\d{{6}})", outbox.inner_text("main"))
    assert code
    outbox.close()
    page.fill("#code", code[1])
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/me/")
    fits(page)
    assert f"139****{phone[-4:]}" in page.inner_text("main")
    assert "今日" not in page.inner_text("body")
    page.get_by_role("link", name="填写姓名和身份证号").click()
    page.fill("#name", "王小明")
    page.fill("#id_card", "11010519491231002x")
    fits(page)
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**/me/")
    assert "110***********002X" in page.inner_text("main")
    page.get_by_role("link", name="注销账号").click()
    fits(page)
    page.check("[name=sure]")
    page.get_by_role("button", name="注销账号").click()
    assert "账号已注销" in page.inner_text("main")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_fails_axe(browser: Browser, address: str, *, dark: bool) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": PHONE[1]}, color_scheme="dark" if dark else "light", locale="zh-CN"
    )
    page = context.new_page()
    phone = f"137{secrets.randbelow(10**8):08d}"
    for path in ("/me/sign-in", "/me/sign-in/code", "/dev/outbox"):
        page.goto(address + path)
        assert violations(page) == [], path
    page.goto(f"{address}/me/sign-in")
    page.fill("#phone", phone)
    page.get_by_role("button", name="获取验证码").click()
    page.wait_for_url("**/me/sign-in/code")
    sent = context.new_page()
    sent.goto(f"{address}/dev/outbox")
    code = re.search(rf"{phone}\s*(\d{{6}})", sent.inner_text("main"))
    assert code
    page.fill("#code", code[1])
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/me/")
    for path in ("/me/", "/me/name", "/me/erase"):
        page.goto(address + path)
        assert violations(page) == [], path
    context.close()
