"""A real browser before the real application; where no browser is found the tests say so."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from app.identity.types import FACTOR_ROLES
from tests.conftest import PASSWORD, County

AXE = "node_modules/axe-core/axe.min.js"
DESKTOP = (1440, 900)
PHONE = (390, 844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return Chromium: LANTAI_CHROMIUM, else the machine's; LANTAI_REQUIRE_BROWSER makes its absence a failure."""
    path = os.environ.get("LANTAI_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        told = "no Chromium on this machine: install it, or set LANTAI_CHROMIUM to its path"
        if os.environ.get("LANTAI_REQUIRE_BROWSER"):
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address(web: Flask) -> Iterator[str]:
    """Return where the application listens."""
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Desk:
    """A person of a county at a browser.

    Attributes
    ----------
    complaints : list of str
        What the browser's console or a script reported; a policy violation shows here.
    """

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page of the site."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        return self.page


Sit = Callable[..., Desk]


@pytest.fixture
def sit(browser: Browser, address: str) -> Iterator[Sit]:
    """Return a way to sit down at a browser and sign in."""
    contexts: list[BrowserContext] = []

    def down(  # how a browser may differ
        county: County,
        login: str = "archivist",
        *,
        size: tuple[int, int] = DESKTOP,
        script: bool = True,
        dark: bool = False,
        language: str = "zh-CN",
    ) -> Desk:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=script,
            color_scheme="dark" if dark else "light",
            locale=language,
        )
        contexts.append(context)
        desk = Desk(context.new_page(), address)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desk.page.on("console", lambda said: desk.complaints.append(said.text) if said.type == "error" else None)
        page = desk.open(f"/sign-in?county={county.tenant}")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        needs_code = county.staff[login] in FACTOR_ROLES
        if needs_code:
            county.code(login)  # set up before it is asked for
        page.click("main button")
        if needs_code:
            page.fill("#code", county.code(login))
            page.click("main button")
        page.wait_for_url(re.compile("/(desk|admin|province)/$"))
        return desk

    yield down
    for context in contexts:
        context.close()
