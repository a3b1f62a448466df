"""The province's office at a browser: a county on one screen, its limits, closing and opening."""

import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.services import Services
from tenants.directory import TenantState
from tests.browser.conftest import PHONE, Desk, Sit
from tests.browser.test_pages import violations
from tests.conftest import County, MakeCounty

NARROW = (1280, 800)
PEOPLE = {"sys_admin": "沈志强", "sec_admin": "韩雪松", "audit_admin": "杨慎之"}


WAYS = pytest.mark.parametrize(
    "way",
    [{"size": size, "script": script} for size in (NARROW, PHONE) for script in (True, False)],
    ids=["desk", "desk without script", "telephone", "telephone without script"],
)


def sound(page: Page, desk: Desk, picture: Path) -> None:
    """Look at a page, and keep a picture of it for people to look at."""
    page.screenshot(path=picture, full_page=True)
    if page.evaluate("() => typeof htmx !== 'undefined'"):
        assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [told for told in desk.complaints if "Failed to load resource" not in told] == []


@WAYS
def test_a_county_joins_on_one_screen(
    office: County, sit: Sit, work_off: Callable[[], int], way: Mapping[str, object], tmp_path: Path
) -> None:
    desk = sit(office, "province", **way)
    number = uuid.uuid4().int % 10**6
    name, slug = f"云溪{number}县档案馆", f"y{number:06d}"
    page = desk.open("/province/")
    page.click("text=新开通一家县馆")
    page.fill("#f-name", name)
    page.fill("#f-division_code", "990121")
    page.fill("#f-id", slug)
    page.fill("#f-archive_code", "12")
    page.click("[name=fill]")
    filled = {field: page.input_value(f"#f-{field}") for field in ("name", "id", "region", "sec_admin_login")}
    assert filled == {"name": name, "id": slug, "region": "cn-99", "sec_admin_login": "secadmin"}
    for role in PEOPLE:
        page.fill(f"#f-{role}_name", "同一人")
    page.click("main .primary")
    assert page.locator("[aria-invalid]").count() == 3
    assert page.input_value("#f-name") == name
    sound(page, desk, tmp_path / "faults.png")
    page.fill("#f-archive_code", f"{number:06d}")
    for role, person in PEOPLE.items():
        page.fill(f"#f-{role}_name", person)
    page.fill("#f-users_hard", "30")
    sound(page, desk, tmp_path / "form.png")
    page.click("main .primary")
    page.wait_for_url(re.compile(f"/province/tenants/{slug}$"))
    assert "开通中" in page.inner_text("#steps")
    sound(page, desk, tmp_path / "waiting.png")
    work_off()
    if way["script"]:
        page.wait_for_selector("#f-mode")
    else:
        page.reload()
    assert "在用" in page.inner_text("#steps")
    assert page.locator("#f-mode").count() == 1
    sound(page, desk, tmp_path / "open.png")
    page.click("text=生成欢迎单")
    assert page.locator(".slip").count() == 3
    sound(page, desk, tmp_path / "welcome.png")


@WAYS
def test_a_county_is_limited_closed_and_opened(
    services: Services, office: County, make_county: MakeCounty, sit: Sit, way: Mapping[str, object], tmp_path: Path
) -> None:
    desk, county = sit(office, "province", **way), make_county()
    page = desk.open(f"/province/tenants/{county.tenant}")
    page.fill('[name="pages_hard"]', "5")
    page.click("text=保存上限")
    assert "提醒线" in page.inner_text(".notice.bad")
    page.fill('[name="pages_soft"]', "4")
    page.click("text=保存上限")
    assert page.input_value('[name="pages_hard"]') == "5"
    with county.acting():
        services.quotas.spend("pages", 4)
    page.reload()
    sound(page, desk, tmp_path / "limits.png")
    page.select_option("#f-mode", "suspended")
    page.fill("#f-reason", "设备检修")
    page.click("text=先看后果")
    assert services.directory.get(county.tenant).state == TenantState.ACTIVE
    sound(page, desk, tmp_path / "closing.png")
    page.click("main .primary")
    assert "已停用" in page.inner_text("#steps")
    sound(page, desk, tmp_path / "closed.png")
    page = desk.open("/province/")
    sound(page, desk, tmp_path / "counties.png")
    page = desk.open(f"/province/tenants/{county.tenant}")
    page.click("button:has-text('恢复使用')")
    assert services.directory.get(county.tenant).state == TenantState.ACTIVE


def test_a_countys_people_meet_a_closed_door(county: County, other: County, sit: Sit) -> None:
    desk = sit(county)
    for path in ("/province/", "/province/tenants/new", f"/province/tenants/{other.tenant}", "/province/tenants/none"):
        page = desk.open(path)
        assert "您的角色不能做这件事" in page.inner_text("main")
        assert other.tenant not in page.inner_text("main")
    assert "各县馆" not in page.inner_text("nav")
