"""People of the counties sign in through Keycloak, in a browser."""

import pytest
from playwright.sync_api import expect

from tests.stack.sign_in.conftest import QINGCHUAN, Visit

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


def test_an_outsider_cannot(visit: Visit) -> None:
    visitor = visit()
    visitor.begin(QINGCHUAN)
    visitor.type_password("outsider")
    assert visitor.refused() == "identity.not_member"
    assert visitor.desk() == 303
