"""Where else another county's things may be named: query, body, headers, cursors; and where an answer is kept."""

import io
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import structlog
from werkzeug.routing import Rule

from app.platform import telemetry
from tests import sheets
from tests.conftest import County
from tests.isolation.conftest import WORD, Lived
from tests.isolation.test_routes import (
    API,
    ASKED,
    LISTS,
    RULES,
    SENT,
    THINGS,
    address_of,
    call,
    ids_for,
    levelled,
    named,
    plain,
)

ROOT = Path(__file__).parents[2]
SHOWN = [rule for method, rule in LISTS if method == "GET" and not rule.arguments]
PARAMETERS = (
    "item_id", "upload_id", "page_id", "import_id", "job_id", "account_id", "client_id", "agreement_id", "object",
    "object_id", "principal", "fonds_code", "prefix", "state", "q", "tenant", "county", "id", "next",
)  # fmt: skip
"""Names under which an address may be told of a thing; an unknown one is passed over or refused alike."""

TELLS_OF_ITS_READING = ("/audit", "/alerts", "/me/")
"""Whoever reads these finds the reading itself there, so two answers differ."""


@pytest.mark.parametrize("rule", SHOWN, ids=str)
def test_a_query_that_names_another_countys_thing_is_answered_as_any(
    lived: Lived, neighbour: County, rule: Rule
) -> None:
    told = []
    for value in (lived.ids["item_id"], uuid.uuid4()):
        answer = call(neighbour, "GET", rule, rule.rule, {"query_string": dict.fromkeys(PARAMETERS, str(value))})
        packed = answer.mimetype.startswith("application/vnd.")  # a workbook carries its own time
        body = "" if packed else answer.get_data().decode(errors="replace")
        body = body.replace(str(value), "ID").replace(value.hex, "ID")
        told.append((answer.status_code, re.sub(r'(?:nonce|value)="[^"]*"|\b[0-9a-f]{8,}\b|\d\d:\d\d', "", body)))
    assert WORD not in told[0][1]
    if not any(part in rule.rule for part in TELLS_OF_ITS_READING):
        assert told[0] == told[1]


def cursors(lived: Lived) -> Iterator[tuple[Rule, str, str]]:
    """Yield each list of the API with a cursor of the first county's."""
    for rule in SHOWN:
        if rule.rule.startswith(API):
            answer = call(lived.county, "GET", rule, rule.rule, {"query_string": {"limit": 1, "q": WORD}})
            told = answer.get_json() if answer.is_json and answer.status_code == 200 else None
            cursor = told.get("next_cursor") if isinstance(told, dict) else None
            if cursor:
                yield rule, str(cursor), answer.text


def test_a_cursor_of_another_county_leads_nowhere_in_it(lived: Lived, neighbour: County) -> None:
    tried = 0
    for rule, cursor, _ in cursors(lived):
        sample = {"query_string": {"limit": 200, "cursor": cursor, "q": WORD}}
        answer = call(neighbour, "GET", rule, rule.rule, sample)
        assert answer.status_code in (200, 422), rule.rule
        assert WORD not in answer.text.replace(json.dumps(WORD), "").replace(f'"{WORD}"', ""), rule.rule
        assert not [name for name, value in lived.ids.items() if str(value) in answer.text], rule.rule
        tried += 1
    assert tried >= 4


CREATED: Mapping[str, Mapping[str, object]] = {
    f"{API}/items": {"json": {"fonds_code": "Z109", "title": "一件"}},
    f"{API}/uploads": {"json": {"name": "扫描"}},
}


@pytest.mark.parametrize("path", CREATED)
def test_a_key_that_another_county_used_creates_ones_own(lived: Lived, neighbour: County, path: str) -> None:
    rule = next(rule for method, rule in RULES if (method, rule.rule) == ("POST", path))
    headers = {"Idempotency-Key": f"shared {path}"}
    first, second = (
        call(county, "POST", rule, path, {**CREATED[path], "headers": headers}) for county in (lived.county, neighbour)
    )
    assert first.status_code == second.status_code == 201
    assert first.get_json()["id"] != second.get_json()["id"]
    assert first.get_json()["id"] not in second.text


def test_a_page_is_not_placed_into_another_countys_item(lived: Lived, neighbour: County) -> None:
    with neighbour.acting():
        upload = neighbour.services.digitisation.begin("一盒")
        jpeg = io.BytesIO(sheets.jpeg("无处安放"))
        page = neighbour.services.digitisation.receive(upload.id, "无名.jpg", jpeg).pages[0]
    rule = next(rule for method, rule in RULES if method == "POST" and rule.rule == f"{API}/pages/<uuid:page_id>/place")
    answers = []
    for item in (lived.ids["open_item"], uuid.uuid4()):
        sample = {"json": {"item_id": str(item), "page_no": 1}, "headers": {"If-Match": '"1"'}}
        answer = call(neighbour, "POST", rule, address_of(rule, {"page_id": page.id}), sample)
        answers.append((answer.status_code, levelled(answer, {"ID": item})))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    import logging  # noqa: PLC0415  # put back as it was

    handlers, level = logging.root.handlers[:], logging.root.level
    telemetry.configure("test")
    logging.root.setLevel(logging.INFO)
    yield capfd
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_no_log_line_of_a_countys_requests_tells_of_another(
    lived: Lived, neighbour: County, log: pytest.CaptureFixture[str]
) -> None:
    for method, rule in THINGS:
        foreign = ids_for(rule, lived)
        sample = SENT.get(f"{method} {rule.rule}", plain(query_string={"q": WORD}))(neighbour, lived)
        if method == "GET" or f"{method} {rule.rule}" in SENT:
            call(neighbour, method, rule, address_of(rule, foreign), sample)
    said = "".join(log.readouterr())
    assert WORD not in said
    assert lived.county.tenant not in said
    assert not [name for name, value in lived.ids.items() if str(value) in said]


FIXED = {"region", "size", "rotation", "quality", "suffix", "page_no", "way"}
"""Parts of an address that `address_of` fills in itself."""

THE_SAME_FOR_ALL = ("/healthz", "/readyz", f"{API}/docs", f"{API}/openapi.json")
KEPT_BY_THE_READERS_BROWSER = "private, max-age=600"


@pytest.mark.parametrize(
    ("method", "rule"),
    [(m, r) for m, r in THINGS + LISTS if m == "GET" and not r.rule.startswith("/static")],
    ids=lambda each: each if isinstance(each, str) else each.rule,
)
def test_no_answer_is_kept_for_anybody_else(lived: Lived, method: str, rule: Rule) -> None:
    known = {"digest": "0", "name": "none", "filename": "none", "tenant": lived.county.tenant, **ids_for(rule, lived)}
    ids = {name: uuid.uuid4() for name in rule.arguments - FIXED} | known
    sample = ASKED.get(named((method, rule)), plain())(lived.county, lived)
    answer = call(lived.county, method, rule, address_of(rule, ids), sample)
    kept = answer.headers.get("Cache-Control", "")
    if rule.rule in THE_SAME_FOR_ALL:
        return
    assert kept in ("no-store", KEPT_BY_THE_READERS_BROWSER), rule.rule
    if kept == KEPT_BY_THE_READERS_BROWSER:
        assert {"cookie", "authorization"} <= {name.lower() for name in answer.vary}


PURE = {
    "app/bootstrap.py": {"sites_of"},  # by tenant: a county's sites do not change while it is served
    "app/audit/service.py": {"row"},  # within one call
    "app/cli/session.py": {"services"},
    "app/intake/rules.py": {"date18"},
    "app/platform/messages.py": {"catalogue"},
    "app/records/rules.py": {"_shapes"},
    "search/analysis.py": {"_table", "_joins", "_spelt"},
}
"""Every memory of a process: it holds what follows from the argument alone, or is led by the county."""


def test_every_memory_of_a_process_is_known() -> None:
    found: dict[str, set[str]] = {}
    for folder in ("app", "search", "tenants", "workers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            names = re.findall(r"@(?:functools\.)?(?:lru_)?cache(?:\([^)]*\))?\n\s*def (\w+)", path.read_text("utf-8"))
            if names:
                found[path.relative_to(ROOT).as_posix()] = set(names)
    assert found == PURE
