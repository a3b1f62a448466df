"""The audit log by the API: what is signed of it, and proofs that hold without us."""

from app.audit import merkle
from app.audit.offline import read_keys, read_note
from app.services import Services
from tests.conftest import County

API = "/api/v1/audit"


def test_the_key_is_open_to_all_and_signed_the_checkpoints(county: County, services: Services) -> None:
    with county.acting("audit"):
        services.audit.checkpoint()
    keys = read_keys("\n".join(county.web.test_client().get(f"{API}/key").json["keys"]))
    (row, *_) = county.client("audit").get(f"{API}/checkpoints").json["rows"]
    told = read_note(row["note"].encode(), keys)
    assert told is not None
    assert (told.origin, told.size, told.root.hex()) == (f"lantai/{county.tenant}", row["size"], row["root"])


def test_a_proof_leads_from_an_entry_to_the_signed_root(county: County, services: Services) -> None:
    with county.acting("audit"):
        signed = services.audit.checkpoint()
    assert signed is not None
    client = county.client("audit")
    told = client.get(f"{API}/proofs/inclusion", query_string={"seq": 2, "size": signed.size}).json
    hashed = merkle.leaf(f"2\n{told['at']}\n{told['body']}".encode())
    assert merkle.included(1, signed.size, hashed, [bytes.fromhex(step) for step in told["path"]], signed.root)
    grown = client.get(f"{API}/proofs/consistency", query_string={"first": 2, "second": signed.size}).json
    path = [bytes.fromhex(step) for step in grown["path"]]
    assert merkle.grown(2, signed.size, bytes.fromhex(grown["first_root"]), signed.root, path)
    assert client.get(f"{API}/proofs/inclusion", query_string={"seq": 10**9}).status_code == 404
    assert client.get(f"{API}/proofs/inclusion", query_string={"seq": -1}).status_code in (400, 422)


def test_entries_are_narrowed_by_time_and_result(county: County) -> None:
    client = county.client("audit")
    newest = client.get(API, query_string={"limit": 1}).json["rows"][0]
    after = client.get(API, query_string={"since": newest["at"], "result": "done"}).json["rows"]
    assert newest["seq"] in [row["seq"] for row in after]
    assert client.get(API, query_string={"until": "2026-01-01T00:00:00Z"}).json["rows"] == []


def test_the_last_day_there_is_ends_nothing_and_the_right_comes_first(county: County) -> None:
    assert county.client("audit").get(API, query_string={"until": "9999-12-31T23:59:59-12:00"}).status_code in (
        200,
        422,
    )
    for login, status in (("audit", 422), ("archivist", 403)):
        browser = county.web.test_client()
        browser.set_cookie("lantai_session", county.signed_in(login, "session")[0].secret)
        assert browser.get("/desk/audit?until=9999-12-31").status_code == status
        assert browser.get("/desk/audit/export?format=csv&until=9999-12-31").status_code == status
