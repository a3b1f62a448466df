"""From a catalogue and a scan to a sentence boxed on its page, in a real browser."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from app.records.types import Description
from app.services import Services
from tests import sheets
from tests.browser.conftest import PHONE, Sit
from tests.conftest import County, MakeCounty

CODE = "Z109-WS·2011-Y-BGS-0001"
SENTENCE = "柳荫渡口的石桥已经修好"
WORD = "石桥"


@dataclass(frozen=True)
class Scanned:
    """A county with an accepted item of one page."""

    county: County
    item: str
    upload: str


@pytest.fixture(scope="module")
def scanned(make_county: MakeCounty, services: Services, work_off: Callable[[], int]) -> Scanned:
    """Return a county whose one item has a page that reads `SENTENCE`, accepted and indexed."""
    county = make_county()
    with county.acting("archivist"):
        item = services.records.create(
            Description(
                fonds_code="Z109", category_code="WS", year=2011, ref_code=CODE, title="关于修桥的通知",
                creator="县政府", date="20110305", retention="永久",
            )
        )  # fmt: skip
        upload = services.digitisation.begin("一盒")
        services.digitisation.receive(upload.id, f"{CODE}-001.jpg", io.BytesIO(sheets.jpeg(SENTENCE)))
    work_off()
    with county.acting("archivist"):
        services.records.check(item.id)
        services.records.accept(item.id, expected=services.records.get(item.id).version)
    work_off()
    return Scanned(county, str(item.id), str(upload.id))


def scan(name: str, *lines: str) -> FilePayload:
    return FilePayload(name=name, mimeType="image/jpeg", buffer=sheets.jpeg(*lines))


def import_catalogue(page: Page, *rows: str) -> None:
    table = FilePayload(name="目录.csv", mimeType="text/csv", buffer=sheets.catalogue(*rows))
    page.set_input_files("#file", table)
    page.click("main form button")
    page.wait_for_url("**/desk/imports/*")


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    return page.evaluate(
        "s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect().toJSON())", selector
    )


def test_a_scan_becomes_a_hit_on_its_page(county: County, sit: Sit, work_off: Callable[[], int]) -> None:
    desk = sit(county)
    page = desk.open("/desk/imports")
    import_catalogue(page, sheets.catalogue_row(1, "关于修桥的通知", person="李四"))
    work_off()
    expect(page.locator("#import")).to_contain_text("确认导入（新建 1 件）", timeout=8000)
    page.get_by_role("button", name="确认导入").click()
    work_off()
    expect(page.locator("#import")).to_contain_text("完成：新建 1 件", timeout=8000)

    page = desk.open("/desk/uploads")
    page.fill("#upload-name", "一盒")
    page.set_input_files("#upload-files", [scan(f"{CODE}-001.jpg", SENTENCE), scan("无名.jpg", "别的")])
    page.get_by_role("button", name="上传", exact=True).click()
    page.wait_for_url("**/desk/uploads/*-*")
    work_off()
    expect(page.locator("#upload")).to_contain_text("2 页都已处理完", timeout=8000)

    desk.open("/desk/catalogue").get_by_role("link", name="关于修桥的通知").click()
    page.get_by_role("button", name="检查").click()
    expect(page.locator(".notice.good")).to_contain_text("检查通过")
    page.get_by_role("button", name="接收入库").click()
    expect(page.locator("main")).to_contain_text("已接收")
    work_off()

    page = desk.open("/desk/search")
    page.fill("#q", WORD)
    page.get_by_role("search").get_by_role("button").click()
    expect(page.locator("mark").first).to_have_text(WORD)
    page.get_by_role("link", name="第 1 页").click()
    expect(page.locator("#place")).to_have_text("第 1 页，共 1 页，1 处命中")
    expect(page.locator(".zooming .hit.current")).to_be_visible(timeout=8000)
    assert desk.complaints == []


def test_a_box_stands_where_the_words_are_printed(scanned: Scanned, sit: Sit) -> None:
    """The sentence is printed from x 60 in 30-pixel type on a sheet 820 wide; 石桥 are its 6th and 7th signs."""
    page = sit(scanned.county, script=False).open(f"/items/{scanned.item}/pages/1?q={WORD}&hit=1")
    (image,), (hit,) = boxes(page, "#still"), boxes(page, ".overlay .hit")
    scale = image["width"] / 820
    assert (hit["left"] - image["left"]) / scale == pytest.approx(60 + 5 * 30, abs=20)
    assert hit["width"] / scale == pytest.approx(60, abs=20)
    assert (hit["top"] - image["top"]) / scale == pytest.approx(55, abs=20)


def test_zooming_carries_the_box_along(scanned: Scanned, sit: Sit) -> None:
    desk = sit(scanned.county)
    page = desk.open(f"/items/{scanned.item}/pages/1?q={WORD}&hit=1")
    page.wait_for_selector("#text-mode")
    page.wait_for_timeout(900)
    (before,) = boxes(page, ".overlay .hit")
    page.get_by_role("button", name="放大").click()
    page.wait_for_timeout(900)
    (after,) = boxes(page, ".overlay .hit")
    assert after["width"] > 1.2 * before["width"]
    assert after["width"] / after["height"] == pytest.approx(before["width"] / before["height"], rel=0.05)
    assert desk.complaints == []


def test_recognised_text_can_be_selected_over_the_image(scanned: Scanned, sit: Sit) -> None:
    page = sit(scanned.county).open(f"/items/{scanned.item}/pages/1")
    page.wait_for_selector("#text-mode")
    page.keyboard.press("t")
    assert page.get_attribute("#text-mode", "aria-pressed") == "true"
    page.locator(".overlay text").first.select_text()
    assert page.evaluate("getSelection().toString()") == SENTENCE
    expect(page.locator(".label")).to_contain_text("机器识别，未校对，仅供检索")


def test_without_script_scans_arrive_and_hits_are_shown(county: County, sit: Sit) -> None:
    page = sit(county, script=False).open("/desk/uploads")
    page.fill("#upload-name", "无脚本")
    page.set_input_files("#upload-files", [scan("甲.jpg", "甲"), scan("乙.jpg", "乙")])
    page.get_by_role("button", name="上传", exact=True).click()
    page.wait_for_url("**/desk/uploads/*-*")
    expect(page.locator(".pages tbody tr")).to_have_count(2)


def test_a_refused_file_is_named_and_the_others_go_on(county: County, sit: Sit) -> None:
    page = sit(county).open("/desk/uploads")
    page.fill("#upload-name", "混装")
    program = FilePayload(name="扫描.jpg", mimeType="image/jpeg", buffer=b"MZ not a picture")
    page.set_input_files("#upload-files", [scan("丙.jpg", "丙"), program])
    page.get_by_role("button", name="上传", exact=True).click()
    expect(page.locator("[data-refusals] li")).to_have_count(1)
    expect(page.locator("[data-refusals] li")).to_contain_text("扫描.jpg")
    expect(page.locator("[data-told]")).to_contain_text("1 个文件已接收，1 个需要处理")
    expect(page.get_by_role("button", name="重试失败项")).to_be_visible()


def test_a_folder_is_sent_whole_and_twice_changes_nothing(county: County, sit: Sit, tmp_path: Path) -> None:
    folder = tmp_path / "第一盒"
    (folder / "内").mkdir(parents=True)
    for name in ("甲.jpg", "内/乙.jpg", "内/丙.jpg", "内/丁.jpg", "戊.jpg", "己.jpg"):
        (folder / name).write_bytes(sheets.jpeg(name))
    (folder / "Thumbs.db").write_bytes(b"litter")
    page = sit(county).open("/desk/uploads")
    page.set_input_files("[data-folder]", folder)
    page.wait_for_url("**/desk/uploads/*-*")
    expect(page.locator("h1")).to_have_text("第一盒")
    expect(page.locator(".pages tbody tr")).to_have_count(6)
    page.get_by_text("继续往这一批加文件").click()
    with page.expect_navigation():
        page.set_input_files("[data-folder]", folder)
    expect(page.locator(".pages tbody tr")).to_have_count(6)


def test_a_stray_page_is_placed_by_hand(make_county: MakeCounty, sit: Sit) -> None:
    county = make_county()
    with county.acting():
        county.services.records.create(
            Description(
                fonds_code="Z109", category_code="WS", year=2011, ref_code=CODE, title="一件", creator="县政府",
                date="20110305", retention="永久",
            )
        )  # fmt: skip
        upload = county.services.digitisation.begin("散页")
        county.services.digitisation.receive(upload.id, "IMG_1.jpg", io.BytesIO(sheets.jpeg("散页")))
    page = sit(county).open("/desk/tray")
    page.get_by_label("档号").fill("Z109-WS·2011-Y-BGS-9999")
    page.get_by_label("页号").fill("3")
    page.get_by_role("button", name="归位").click()
    expect(page.get_by_role("alert")).to_contain_text("没有找到")
    page.get_by_label("档号").fill(CODE)
    page.get_by_role("button", name="归位").click()
    expect(page.locator("main")).to_contain_text("没有待归位的页")


def test_faulty_rows_are_told_with_row_value_and_remedy(county: County, sit: Sit, work_off: Callable[[], int]) -> None:
    page = sit(county).open("/desk/imports")
    import_catalogue(page, sheets.catalogue_row(8), sheets.catalogue_row(9, secrecy="机密"))
    work_off()
    row = page.locator("#import .list tbody tr").first
    expect(row).to_contain_text("机密", timeout=8000)
    expect(row).to_contain_text("国家秘密不得进入本系统")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载全部错误").click()
    assert "机密" in download.value.path().read_text("utf-8-sig")


def test_the_day_can_be_done_on_a_telephone(scanned: Scanned, sit: Sit) -> None:
    desk = sit(scanned.county, size=PHONE)
    paths = (
        "/desk/", "/desk/catalogue", f"/desk/items/{scanned.item}", "/desk/imports", "/desk/uploads", "/desk/tray",
        f"/desk/search?q={WORD}", f"/items/{scanned.item}/pages/1?q={WORD}", "/desk/jobs",
    )  # fmt: skip
    for path in paths:
        page = desk.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
