"""The whole journey by HTTP alone: a catalogue and a scan come in, a sentence of the page is found on it."""

import io
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.identity.types import SignInFailed
from tenants.directory import TenantUnknown
from tests import sheets
from tests.conftest import PASSWORD, County

API = "/api/v1"
CODE = "Z109-WS·2011-Y-BGS-0001"
SENTENCE = "修缮经费由镇政府统一拨付"
STEPS = (
    "identity:account:signed_in", "intake:catalogue:received", "intake:catalogue:confirmed", "records:item:created",
    "intake:catalogue:imported", "digitisation:upload:begun", "digitisation:file:received",
    "records:item:component_linked", "digitisation:page:processed", "records:item:checked", "records:item:accepted",
)  # fmt: skip


def import_catalogue(client: FlaskClient, content: bytes, work_off: Callable[[], int], **headers: str) -> str:
    sent = {"file": (io.BytesIO(content), "目录.csv")}
    begun = client.post(f"{API}/imports", data=sent, headers=headers)
    assert begun.status_code == 202
    work_off()
    return f"{API}/imports/{begun.json['id']}"


def test_from_a_box_of_scans_to_a_hit_on_the_page(county: County, work_off: Callable[[], int]) -> None:
    client = county.web.test_client()
    told = {"grant_type": "password", "username": "archivist", "password": PASSWORD, "scope": county.tenant}
    token = client.post("/oauth/token", data=told).json
    assert token["token_type"] == "Bearer"
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token['access_token']}"

    rows = sheets.catalogue_row(1, "关于古桥修缮的通知", person="周文秀"), sheets.catalogue_row(2, "")
    faulty = import_catalogue(client, sheets.catalogue(*rows), work_off)
    shown = client.get(faulty).json
    assert (shown["state"], shown["total"], shown["valid"], shown["fault_count"]) == ("previewed", 2, 1, 1)
    assert {k: shown["faults"][0][k] for k in ("row", "field", "code")} == {
        "row": 3, "field": "题名", "code": "required",
    }  # fmt: skip
    assert client.post(f"{faulty}/confirm", json={}).status_code == 409
    assert "题名" in client.get(f"{faulty}/faults.csv").text
    assert client.get(f"{API}/items").json["rows"] == []

    mended = import_catalogue(client, sheets.catalogue(rows[0], sheets.catalogue_row(2)), work_off)
    assert client.post(f"{mended}/confirm", json={}).status_code == 202
    work_off()
    assert client.get(mended).json["created"] == 2
    again = import_catalogue(client, sheets.catalogue(rows[0], sheets.catalogue_row(2)), work_off)
    client.post(f"{again}/confirm", json={})
    work_off()
    done = client.get(again).json
    assert (done["state"], done["created"], done["unchanged"]) == ("done", 0, 2)

    (item,) = client.get(f"{API}/items", query_string={"prefix": CODE}).json["rows"]
    upload = client.post(f"{API}/uploads", json={"name": "第一箱"}).json
    page_sent = {"file": (io.BytesIO(sheets.jpeg("关于古桥修缮的通知", SENTENCE)), f"{CODE}-1.jpg")}
    received = client.post(f"{API}/uploads/{upload['id']}/files", data=page_sent)
    assert (received.status_code, received.json["outcome"]) == (201, "stored")
    (page,) = received.json["pages"]
    assert (page["item_id"], page["page_no"], page["state"]) == (item["id"], 1, "waiting")
    work_off()
    assert client.get(f"{API}/pages/{page['id']}").json["state"] == "ready"

    checked = client.post(f"{API}/items/{item['id']}/check").json
    assert checked["passed"], checked["findings"]
    etag = client.get(f"{API}/items/{item['id']}").headers["ETag"]
    accepted = client.post(f"{API}/items/{item['id']}/accept", headers={"If-Match": etag})
    assert (accepted.status_code, accepted.json["state"]) == (200, "catalogued")
    work_off()

    for query, kind in (
        (SENTENCE[:6], "text"),
        ("周文秀", "person"),
        ("古桥", "title"),
        ("县政发〔2011〕1号", "doc_no"),
    ):
        hits = client.get(f"{API}/search", query_string={"q": query}).json["hits"]
        assert hits[0]["item_id"] == item["id"]
        assert kind in {reason["kind"] for reason in hits[0]["reasons"]}
    text = client.get(f"{API}/pages/{page['id']}/text").json
    assert SENTENCE[:6] in text["text"]
    canvas = client.get(f"{API}/pages/{page['id']}").json
    for line in text["lines"]:
        assert all(-2 <= x <= canvas["width"] + 2 and -2 <= y <= canvas["height"] + 2 for x, y in line["quad"])
    assert client.get(f"{API}/pages/{page['id']}/thumbnail").data[:3] == b"\xff\xd8\xff"

    auditor = county.client("audit")
    entries = auditor.get(f"{API}/audit", query_string={"limit": 200}).json["rows"]
    assert set(STEPS) <= {entry["action"] for entry in entries}
    assert auditor.post(f"{API}/audit/verify").json["broken_at"] is None


def test_the_words_are_boxed_where_they_stand(county: County, work_off: Callable[[], int]) -> None:
    with county.acting("archivist"):
        service = county.services.digitisation
        upload = service.begin("框")
        lines = sheets.jpeg("第一行没有它", SENTENCE)
        (page,) = service.receive(upload.id, "框.jpg", io.BytesIO(lines)).pages
    work_off()
    with county.acting("archivist"):
        (hit,) = service.hits(page.id, "镇政府")
    ((a, b, c, d),) = hit.quads
    assert 95 < a[1] < c[1] < 165, "the second line is drawn 110 to 140 pixels from the top"
    assert 60 + 5 * 30 - 25 < a[0] < 60 + 5 * 30 + 25
    assert 60 < b[0] - a[0] < 130
    assert d[0] == pytest.approx(a[0], abs=15)


class TestOnce:
    """A request repeated with its key creates once."""

    @pytest.mark.parametrize(
        ("address", "body"),
        [("uploads", {"name": "箱"}), ("items", {"fonds_code": "Z110", "title": "一件"})],
    )
    def test_json(self, county: County, address: str, body: dict[str, str]) -> None:
        client, key = county.client(), {"Idempotency-Key": "k-1"}
        first, again = (client.post(f"{API}/{address}", json=body, headers=key) for _ in range(2))
        other = client.post(f"{API}/{address}", json=body, headers={"Idempotency-Key": "k-2"})
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json["id"] == again.json["id"] != other.json["id"]

    def test_an_import(self, county: County, work_off: Callable[[], int]) -> None:
        content = sheets.catalogue(sheets.catalogue_row(9))
        first, again = (
            import_catalogue(county.client(), content, work_off, **{"Idempotency-Key": "i"}) for _ in range(2)
        )
        assert first == again

    def test_a_key_for_another_description_is_a_conflict(self, county: County) -> None:
        client, key = county.client(), {"Idempotency-Key": "k-3"}
        client.post(f"{API}/items", json={"fonds_code": "Z110", "title": "甲"}, headers=key)
        other = client.post(f"{API}/items", json={"fonds_code": "Z110", "title": "乙"}, headers=key)
        assert (other.status_code, other.json["code"]) == (409, "conflict")


class TestVersions:
    """A change names the version it was made from."""

    @pytest.fixture
    def item(self, county: County) -> str:
        told = {"fonds_code": "Z111", "title": "原名"}
        return f"{API}/items/{county.client().post(f'{API}/items', json=told).json['id']}"

    def test_a_change_from_the_current_version_is_made(self, county: County, item: str) -> None:
        client, change = county.client(), {"change": {"title": "新名"}, "reason": "改正"}
        etag = client.get(item).headers["ETag"]
        changed = client.patch(item, json=change, headers={"If-Match": etag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != etag
        assert client.get(item).json["described"]["title"] == "新名"
        former = client.get(f"{item}/revisions").json[0]
        assert (former["described"]["title"], former["reason"]) == ("原名", "改正")
        late = client.patch(item, json={"change": {"title": "迟到"}}, headers={"If-Match": etag})
        assert (late.status_code, late.json["code"]) == (412, "stale_version")

    @pytest.mark.parametrize("tag", [None, "", '"x"', "*", '"-1"', f'"{10**12}"'])
    def test_without_a_version_nothing_is_changed(self, county: County, item: str, tag: str | None) -> None:
        headers = {} if tag is None else {"If-Match": tag}
        refused = county.client().patch(item, json={"change": {"title": "新名"}}, headers=headers)
        assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "if_match")


class TestProblems:
    """Every refusal is a problem+json with a code and a sentence in the reader's language."""

    @pytest.mark.parametrize(
        ("address", "status", "code"),
        [
            ("/items/00000000-0000-0000-0000-000000000000", 404, "absent"),
            ("/items/not-an-id", 404, "http.404"),
            ("/nothing", 404, "http.404"),
            ("/audit", 403, "refused"),
            ("/items?limit=0", 422, "http.422"),
            ("/items?cursor=%21", 422, "invalid"),
        ],
    )
    def test_shape(self, county: County, address: str, status: int, code: str) -> None:
        answer = county.client().get(API + address)
        assert answer.content_type == "application/problem+json"
        assert (answer.status_code, answer.json["status"], answer.json["code"]) == (status, status, code)
        assert answer.json["type"] == f"urn:lantai:{code}"
        assert answer.json["detail"]
        assert len(answer.json["request_id"]) == 32

    def test_the_wrong_method(self, county: County) -> None:
        answer = county.client().delete(f"{API}/items")
        assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
        assert "GET" in answer.headers["Allow"]

    @pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "Bearer nonsense", "Bearer a.b"])
    def test_whoever_does_not_say_who_they_are(self, county: County, header: str | None) -> None:
        answer = county.web.test_client().get(f"{API}/me", headers={"Authorization": header} if header else {})
        assert (answer.status_code, answer.json["code"]) == (401, "identity.not_signed_in")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_languages(self, county: County) -> None:
        told = {
            spoken: county.client().get(f"{API}/items/{'0' * 32}", headers={"Accept-Language": spoken}).json["detail"]
            for spoken in ("zh-CN", "en-GB", "fr")
        }
        assert told["en-GB"].isascii()
        assert not told["zh-CN"].isascii()
        assert told["fr"] == told["zh-CN"]

    def test_every_fault_of_a_description_at_once(self, county: County) -> None:
        told = {"fonds_code": "109", "title": "", "date": "2011-02-30", "secrecy": "机密"}
        answer = county.client().post(f"{API}/items", json=told)
        assert answer.status_code == 422
        found = {(e["field"], e["code"]) for e in answer.json["errors"]}
        assert found == {
            ("title", "required"), ("secrecy", "state_secret"), ("date", "date"), ("fonds_code", "pattern"),
        }  # fmt: skip
        assert all(e["message"] for e in answer.json["errors"])


NUL, HALF = "a\x00b", "\ud800"


class TestOddValues:
    """What JSON and addresses can say and a database cannot hold is the caller's fault, not ours."""

    @pytest.mark.parametrize("value", [NUL, HALF, 10**30, -1, 1.5, [], {}, None])
    @pytest.mark.parametrize("field", ["title", "year", "fonds_code"])
    def test_in_json(self, county: County, field: str, value: object) -> None:
        told = {"fonds_code": "Z112", "title": "件", field: value}
        answer = county.client().post(f"{API}/items", data=json.dumps(told), content_type="application/json")
        assert answer.status_code == (201 if (field, value) == ("year", None) else 422)

    @pytest.mark.parametrize(
        "body", [{HALF: 1}, {"title": "件", "x": [{HALF: HALF}]}, {"title": "件", "x": {"y": HALF}}]
    )
    def test_halves_anywhere_in_json(self, county: County, body: object) -> None:
        answer = county.client().post(f"{API}/items", data=json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json["code"]) == (422, "http.422")

    @pytest.mark.parametrize("name", ["action", "principal", "result", "session"])
    def test_nul_in_what_is_asked_of_the_log(self, county: County, name: str) -> None:
        assert county.client("audit").get(f"{API}/audit?{name}=x&{name}=%00").status_code == 422

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"null", b"[]", b"1" * 5000, b"[" * 100_000])
    def test_as_json(self, county: County, body: bytes) -> None:
        answer = county.client().post(f"{API}/items", data=body, content_type="application/json")
        assert 400 <= answer.status_code < 500
        assert answer.content_type == "application/problem+json"

    @pytest.mark.parametrize(
        "address", ["search?q=%00", "items?prefix=%00", "items?cursor=WyJcdTAwMDAiLCAiIl0", "search?q=a&year_from=9e9"]
    )
    def test_in_an_address(self, county: County, address: str) -> None:
        assert county.client().get(f"{API}/{address}").status_code == 422

    @pytest.mark.parametrize("name", ["scope", "username", "password"])
    def test_at_sign_in(self, county: County, name: str) -> None:
        told = {"grant_type": "password", "username": "desk", "password": PASSWORD, "scope": county.tenant, name: NUL}
        assert county.web.test_client().post("/oauth/token", data=told).status_code == 422
        with pytest.raises((TenantUnknown, SignInFailed)):
            county.services.identity.sign_in(
                county.services.directory.get(told["scope"]).id, told["username"], told["password"], ("access",)
            )

    @pytest.mark.parametrize("name", ["path", "sha256", "item_id"])
    def test_beside_a_file(self, county: County, name: str) -> None:
        client = county.client()
        upload = client.post(f"{API}/uploads", json={"name": "箱"}).json["id"]
        sent = {"file": (io.BytesIO(b"x"), "x.jpg"), name: NUL}
        assert client.post(f"{API}/uploads/{upload}/files", data=sent).status_code == 422

    def test_in_the_name_of_a_catalogue(self, county: County) -> None:
        sent = {"file": (io.BytesIO(b"x"), f"{NUL}.csv")}
        assert county.client().post(f"{API}/imports", data=sent).status_code in (202, 415, 422)


class TestTokens:
    """Tokens of OAuth 2.0 shape."""

    def test_a_refresh_token_is_used_up(self, county: County) -> None:
        client = county.web.test_client()
        told = {"grant_type": "password", "username": "archivist", "password": PASSWORD, "scope": county.tenant}
        first = client.post("/oauth/token", data=told).json
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        assert client.post("/oauth/token", data=refresh).status_code == 200
        assert client.post("/oauth/token", data=refresh).status_code == 401

    def test_a_revoked_token_ends_at_once(self, county: County) -> None:
        token = county.token()
        client = county.web.test_client()
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get(f"{API}/me", headers=bearer).json["tenant"] == county.tenant
        assert client.post("/oauth/revoke", data={"token": token}).status_code == 200
        assert client.get(f"{API}/me", headers=bearer).status_code == 401
        assert client.post("/oauth/revoke", data={"token": token}).status_code == 200

    def test_a_wrong_password_and_an_unknown_name_read_the_same(self, county: County) -> None:
        client = county.web.test_client()
        bodies = []
        for name in ("desk", "nobody"):
            told = {"grant_type": "password", "username": name, "password": "wrong", "scope": county.tenant}
            answer = client.post("/oauth/token", data=told)
            assert answer.status_code == 401
            bodies.append({k: v for k, v in answer.json.items() if k != "request_id"})
        assert bodies[0] == bodies[1]
