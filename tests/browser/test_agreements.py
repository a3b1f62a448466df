"""Two directors sign an agreement, a desk officer looks a person up, and one of them ends it, in a real browser."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.records.types import Description
from app.services import Services
from search.types import IndexedItem
from tenants.terms import today
from tests.browser.conftest import PHONE, Sit
from tests.conftest import County

NAME = "司徒静"
CODE = "M021-ZY·HY·1987·Y-001-001"


@pytest.fixture(scope="module")
def holder(other: County, services: Services) -> County:
    """Return a county that holds a marriage register."""
    with other.acting("archivist"):
        told = Description(
            fonds_code="M021", category_code="ZY", year=1987, ref_code=CODE, title="柳林镇1987年结婚登记册",
            creator="柳林镇", date="19870000", retention="永久", persons=f"{NAME};欧阳山",
        )  # fmt: skip
        item = services.records.create(told)
        entry = IndexedItem(item.id, 9, told.title, "M021", "catalogued", "未审核", 1987, CODE, persons=told.persons)
        services.search.index_items([entry])
    return other


def shot(page: Page, tmp_path: Path, name: str) -> None:
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def sign(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("我已核对以上内容").check()
    page.get_by_role("button", name="签署这一版").click()


def draft(page: Page, holder: County, tmp_path: Path) -> None:
    page.get_by_role("link", name="起草协议").click()
    page.select_option("#counterpart", str(holder.tenant))
    page.fill("#kind-marriage", "M021-ZY·HY")
    page.get_by_label("本人查本人档案").check()
    page.get_by_label("档号", exact=True).check()
    page.fill("#until", (today() + timedelta(days=30)).isoformat())
    shot(page, tmp_path, "form")
    page.get_by_role("button", name="存为草稿").click()


def test_signed_by_two_looked_up_and_ended(county: County, holder: County, sit: Sit, tmp_path: Path) -> None:
    director = sit(county, "director")
    page = director.open("/desk/agreements")
    expect(page.locator(".empty")).to_contain_text("还没有协议")
    draft(page, holder, tmp_path)
    expect(page.locator("h1")).to_contain_text("草稿")
    address = page.url
    shot(page, tmp_path, "draft")
    page.get_by_role("button", name="发给对方").click()
    expect(page.locator(".state").first).to_have_text("待签署")
    sign(page, address)
    expect(page.locator("main")).to_contain_text("等待对方馆长签署")

    theirs = sit(holder, "director", script=False)
    sign(theirs.page, address)
    expect(theirs.page.locator(".state").first).to_have_text("生效")
    shot(theirs.page, tmp_path, "in-force")

    desk = sit(county, "desk", size=PHONE)
    page = desk.open("/desk/lookups")
    page.fill("#name", NAME)
    page.fill("#ticket", "2026-001")
    shot(page, tmp_path, "lookup-form")
    page.get_by_role("button", name="查询").click()
    expect(page.locator(".notice")).to_contain_text("有这个人的这类档案")
    expect(page.locator("main")).to_contain_text(CODE)
    expect(page.locator("main")).not_to_contain_text("欧阳山")
    shot(page, tmp_path, "answer")

    page = sit(holder, "archivist").open("/desk/lookups/answered")
    expect(page.locator("table")).to_contain_text("2026-001")
    expect(page.locator("main")).not_to_contain_text(NAME)
    shot(page, tmp_path, "answered")

    page = theirs.open(address.removeprefix(theirs.address) + "/edit")
    page.fill("#kind-land", "G033-ZY·TD")
    page.get_by_role("button", name="存为草稿").click()
    page.goto(address + "?version=0")
    expect(page.locator(".changed")).to_contain_text("原为：（无）")
    shot(page, tmp_path, "amended")
    page.goto(address)
    page.locator("summary", has_text="终止协议").click()
    page.fill("#revoke-reason", "年度调整")
    page.get_by_label("我确认立即终止").check()
    shot(page, tmp_path, "revoking")
    page.get_by_role("button", name="终止协议").click()
    expect(page.locator("main")).to_contain_text("已终止")

    page = desk.open("/desk/lookups")
    expect(page.locator(".empty")).to_contain_text("没有生效的协议")
    assert director.complaints + desk.complaints + theirs.complaints == []


def test_a_client_is_made_by_one_and_granted_by_another(county: County, sit: Sit, tmp_path: Path) -> None:
    page = sit(county, "sysadmin").open("/admin/clients")
    expect(page.locator(".empty")).to_contain_text("还没有接口客户端")
    page.get_by_role("link", name="新建客户端").click()
    page.fill("#name", "人社局退休审批系统")
    page.fill("#expires_at", (today() + timedelta(days=90)).isoformat())
    page.get_by_label("核定待遇").check()
    page.fill("#networks", "203.0.113.0/24")
    shot(page, tmp_path, "client-form")
    page.get_by_role("button", name="建立并显示密钥").click()
    expect(page.locator("#secret")).not_to_be_empty()
    shot(page, tmp_path, "client-secret")
    page.get_by_role("link", name="人社局退休审批系统").click()
    expect(page.locator(".state").first).to_have_text("待授权")
    address = page.url

    granting = sit(county, "secadmin", size=PHONE)
    page = granting.page
    page.goto(address)
    page.get_by_label("接口：检索").check()
    page.get_by_role("button", name="授权").click()
    expect(page.locator(".state").first).to_have_text("在用")
    shot(page, tmp_path, "client-granted")
    page.locator("summary", has_text="停用").click()
    page.get_by_label("我确认立即停用").check()
    page.get_by_role("button", name="停用").click()
    expect(page.locator(".state").first).to_have_text("已停用")
    assert granting.complaints == []
