"""What holds for every page: the policy, both languages, contrast, names on controls, the two counties apart."""

import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.platform.messages import catalogue
from app.portal import assets
from tests.browser.conftest import AXE, PHONE, Sit
from tests.browser.test_journey import WORD, Scanned, scanned
from tests.conftest import PASSWORD, County

__all__ = ["scanned"]

DESK = (
    "/", "/desk/", "/desk/catalogue", "/desk/catalogue?state=returned", "/desk/items/new", "/desk/imports",
    "/desk/uploads", "/desk/tray", "/desk/search", f"/desk/search?q={WORD}", "/desk/search?q=没有的词", "/desk/jobs",
    "/desk/nothing", "/desk/audit",
)  # fmt: skip
CSS = (Path(assets.__file__).parent / "static" / "portal.css").read_text()


def violations(page: Page) -> list[str]:
    page.evaluate(Path(AXE).read_text())
    found = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))"
    )
    return list(found)


def paths(scanned: Scanned) -> tuple[str, ...]:
    item = scanned.item
    return (
        *DESK,
        f"/desk/items/{item}",
        f"/desk/uploads/{scanned.upload}",
        f"/items/{item}/pages/1",
        f"/items/{item}/pages/1?q={WORD}&hit=1",
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_fails_axe_or_its_own_policy(scanned: Scanned, sit: Sit, *, dark: bool) -> None:
    desk = sit(scanned.county, dark=dark)
    for path in paths(scanned):
        page = desk.open(path)
        assert violations(page) == [], path
    told = [complaint for complaint in desk.complaints if "Failed to load resource" not in complaint]
    assert told == []


def test_no_page_fails_axe_on_a_telephone_in_english(scanned: Scanned, sit: Sit) -> None:
    desk = sit(scanned.county, "director", size=PHONE, language="en")
    for path in paths(scanned):
        page = desk.open(path)
        assert violations(page) == [], path


def test_the_language_switch_is_remembered(scanned: Scanned, sit: Sit) -> None:
    desk = sit(scanned.county)
    page = desk.open("/desk/")
    page.get_by_role("link", name="English").click()
    assert page.get_attribute("html", "lang") == "en"
    assert desk.open("/desk/catalogue").title() == "Catalogue · Lantai Cloud"


def test_english_says_all_that_chinese_says() -> None:
    chinese, english = catalogue("zh"), catalogue("en")
    assert set(chinese) == set(english)
    blanks = re.compile(r"\{(\w+)")
    differing = [
        key for key, words in chinese.items() if set(blanks.findall(words)) != set(blanks.findall(english[key]))
    ]
    assert differing == []


def test_a_page_lets_nothing_inline_run_and_is_kept_by_nobody(scanned: Scanned) -> None:
    client = scanned.county.web.test_client()
    answer = client.get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*nonce)", answer.text)


def test_a_forged_form_is_refused(scanned: Scanned) -> None:
    client = scanned.county.web.test_client()
    client.get("/sign-in")
    form = {"county": scanned.county.tenant, "login": "archivist", "password": PASSWORD}
    refused = client.post("/sign-in", data=form | {"csrf": "0" * 64})
    assert refused.status_code == 400
    assert "表单已失效" in refused.text


@pytest.mark.parametrize("there", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"])
def test_signing_in_leads_to_this_site_only(scanned: Scanned, there: str) -> None:
    client = scanned.county.web.test_client()
    token = re.search(r'name="csrf" value="(\w+)"', client.get("/sign-in").text)
    assert token
    form = {"county": scanned.county.tenant, "login": "archivist", "password": PASSWORD, "csrf": token[1]}
    answer = client.post("/sign-in", data=form | {"next": there})
    assert answer.headers["Location"] == "/desk/"


def test_a_visitor_is_asked_to_sign_in_and_sent_back(scanned: Scanned) -> None:
    answer = scanned.county.web.test_client().get("/desk/catalogue?state=checked")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=%2Fdesk%2Fcatalogue%3Fstate%3Dchecked")


def test_iiif_describes_pages_to_their_own_county_alone(scanned: Scanned, other: County) -> None:
    own, foreign = scanned.county.client(), other.client()
    manifest = own.get(f"/iiif/items/{scanned.item}/manifest.json").get_json()
    assert manifest["type"] == "Manifest"
    service = manifest["items"][0]["items"][0]["items"][0]["body"]["service"][0]["id"]
    info = own.get(f"{service}/info.json").get_json()
    assert (info["profile"], info["width"]) == ("level2", manifest["items"][0]["width"])
    picture = own.get(f"{service}/full/100,/0/default.jpg")
    assert (picture.status_code, picture.content_type) == (200, "image/jpeg")
    addresses = (
        f"{service}/info.json", f"{service}/full/100,/0/default.jpg", f"/iiif/items/{scanned.item}/manifest.json",
    )  # fmt: skip
    for path in addresses:
        assert foreign.get(path).status_code == 404
        assert foreign.get(re.sub(r"[0-9a-f-]{36}", str(uuid.uuid4()), path)).data == foreign.get(path).data
    hits = own.get(f"/iiif/items/{scanned.item}/search?q={WORD}").get_json()
    assert len(hits["items"]) == 1


def ratio(one: str, other: str) -> float:
    """Return the contrast of two colours. Source: WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_apart(theme: int) -> None:
    block = CSS.split(":root {")[1 + theme].split("}")[0]
    token = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) | ({"card": "#ffffff"} if theme == 0 else {})
    for ground in ("paper", "card"):
        for name in ("ink", "soft", "brand", "seal", "good", "soon"):
            assert ratio(token[name], token[ground]) >= 4.5, (name, ground)
        assert ratio(token["control"], token[ground]) >= 3, ground


def test_the_portal_stays_within_its_budget() -> None:
    files = assets.load()
    assert len(files["portal.css"].body) <= 25_000
    own = sum(len(file.body) for name, file in files.items() if name.endswith(".js") and "/" not in name)
    assert own <= 30_000
