"""The door of the web pages: what an address may say."""

import pytest
from flask.testing import FlaskClient

from tests.conftest import PASSWORD, County

NUL = "%00"


@pytest.fixture(scope="module")
def reader(county: County) -> FlaskClient:
    """Return a browser with the archivist's session."""
    client = county.web.test_client()
    (session,) = county.services.identity.sign_in(county.tenant, "archivist", PASSWORD, ("session",))
    client.set_cookie("lantai_session", session.secret)
    return client


@pytest.mark.parametrize(
    "address", ["catalogue?prefix=", "catalogue?fonds=", "catalogue?state=", "search?q=", "jobs?state=", "tray?cursor="]
)
def test_what_no_database_holds_is_refused_in_words(reader: FlaskClient, address: str) -> None:
    answer = reader.get(f"/desk/{address}{NUL}", headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 400
    assert "请求的写法不对" in answer.text


def test_the_same_in_a_form(reader: FlaskClient) -> None:
    key = reader.get("/desk/items/new").text.partition('name="csrf" value="')[2].partition('"')[0]
    told = {"csrf": key, "fonds_code": "Z109", "title": "一件", "secrecy": "内部"}
    assert reader.post("/desk/items/new", data=told | {"note": "a\x00"}).status_code == 400
    assert reader.post("/desk/items/new", data=told).status_code == 303
