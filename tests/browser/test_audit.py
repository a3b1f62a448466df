"""The auditor's day at a browser, wide and narrow: filter, detail, export, plots with their tables, an alert."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.audit.types import refusal
from app.kernel.errors import NotFound
from tenants.scope import Scope, entered
from tests.browser.conftest import Sit
from tests.browser.test_pages import violations
from tests.conftest import SYSTEM, County

SIZES = pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def watched(county: County) -> County:
    """Return a county where somebody was refused ten times, and an alert was raised."""
    services = county.services
    with county.acting("scan"):
        for n in range(10):
            services.audit.note(refusal(NotFound("item"), county.tenant, door="api", act="GET /items", asked=str(n)))
    with entered(Scope(county.tenant, SYSTEM)):
        services.alerts.detect()
    with county.acting("audit"):
        services.audit.checkpoint()
    return county


def fits(page: Page) -> bool:
    """Say whether nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@SIZES
def test_the_log_is_filtered_looked_into_and_taken_away(sit: Sit, watched: County, size: tuple[int, int]) -> None:
    desk = sit(watched, "audit", size=size)
    page = desk.open("/desk/audit")
    page.select_option("#result", "refused")
    page.get_by_role("button", name="筛选").click()
    assert page.locator("tbody tr").count() == 10
    row = page.locator("tbody tr").first
    assert "拒绝了访问" in row.inner_text()
    row.locator("summary").click()
    assert "absent.item" in row.inner_text()
    assert fits(page)
    assert violations(page) == []
    with page.expect_download() as taking:
        page.get_by_role("link", name="带签名证明的 JSON").click()
    told = json.loads(Path(taking.value.path()).read_text("utf-8"))
    assert {json.loads(entry["body"])["result"] for entry in told["entries"]} == {"refused"}
    page.get_by_role("button", name="验证整条日志").click()
    assert "完整，没有改动" in page.inner_text("[role=status]")
    assert desk.complaints == []


@SIZES
def test_a_plot_has_its_numbers_behind_it(sit: Sit, watched: County, size: tuple[int, int]) -> None:
    desk = sit(watched, "audit", size=size)
    page = desk.open("/desk/audit/trends?days=7")
    plot = page.locator("figure").nth(1)
    assert "10 次被拒绝" in plot.locator("figcaption").inner_text()
    assert plot.locator("rect").count() == 1
    plot.locator("summary").click()
    assert plot.locator("tbody tr").count() == 7
    assert plot.locator("tbody tr").first.locator("td").inner_text().strip().endswith("10")
    assert fits(page)
    assert violations(page) == []
    plot.locator("tbody a").first.click()
    assert page.locator("tbody tr").count() == 10
    desk.open("/desk/audit/checkpoints")
    assert "lantai" in page.inner_text("main")
    assert violations(page) == []
    assert desk.complaints == []


@SIZES
def test_an_alert_is_acknowledged_and_stays(sit: Sit, watched: County, size: tuple[int, int]) -> None:
    desk = sit(watched, "secadmin", size=size)
    page = desk.open("/admin/alerts")
    assert fits(page)
    assert violations(page) == []
    page.get_by_role("link", name="连续被拒绝").first.click()
    assert "拒绝了访问" in page.inner_text("main")
    assert fits(page)
    assert violations(page) == []
    if page.locator("#note").count():
        page.fill("#note", "扫描员点错，已说明")
        page.get_by_role("button", name="确认").click()
    assert "扫描员点错，已说明" in page.inner_text("main")
    assert page.locator("#note").count() == 0
    assert desk.complaints == []
