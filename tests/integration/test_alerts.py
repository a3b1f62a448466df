"""Refusals and readings in the log, what the detectors make of it, and alerts that stay."""

import csv
import io
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from flask.testing import FlaskClient

from app.audit import merkle
from app.audit.service import EntryFilter, log_id
from app.audit.types import Alert, OwnAlert, refusal
from app.digitisation.types import IiifRequest
from app.identity.types import GrantGiven, GrantRemoved, SignedIn, SignInFailed
from app.kernel import clock
from app.kernel.errors import DomainError, Invalid, NotFound, Refused
from app.kernel.ids import new_id
from app.kernel.paging import PageRequest
from app.platform.embedded.postgres import EmbeddedPostgres
from app.records.types import Description, ItemQuery
from app.services import Services
from tenants.scope import Principal, entered
from tests import sheets
from tests.conftest import SYSTEM, County, MakeCounty
from workers.tasks.register import HANDLERS


@contextmanager
def watching(county: County) -> Iterator[None]:
    with county.acting("archivist") as scope, entered(replace(scope, principal=SYSTEM)):
        yield


def detect(county: County) -> None:
    with watching(county):
        county.services.alerts.detect()


def alerts(county: County, subject: str = "") -> tuple[Alert, ...]:
    with county.acting("secadmin"):
        rows = county.services.alerts.page(PageRequest(200)).rows
    return tuple(alert for alert in rows if subject in ("", alert.subject))


def person(who: object, role: str) -> Principal:
    return Principal(str(who), "某", frozenset({role}))


def turned_away(county: County, times: int, who: str = "") -> str:
    """Note refusals of somebody, and return his id."""
    who = who or str(new_id())
    with county.acting("scan") as scope, entered(replace(scope, principal=person(who, "scan_op"))):
        for n in range(times):
            told = refusal(NotFound("item"), county.tenant, door="api", act="GET /api/v1/items", asked=str(n))
            county.services.audit.note(told)
    return who


def entries(county: County, action: str) -> list[dict[str, object]]:
    with county.acting("audit"):
        rows = county.services.audit.page(PageRequest(200), EntryFilter(action=action)).rows
    return [
        {
            "action": e.action,
            "who": e.principal_id,
            "result": e.result,
            "reason": e.reason,
            "object": e.object_id,
            **e.details,
        }
        for e in rows
    ]


def refused(county: County, times: int, login: str = "scan") -> None:
    client = county.client(login)
    for _ in range(times):
        assert client.get("/api/v1/audit").status_code == 403


def browser(county: County, login: str) -> FlaskClient:
    client = county.web.test_client()
    client.set_cookie("lantai_session", county.signed_in(login, "session")[0].secret)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"
    return client


@pytest.fixture
def alert(county: County) -> Alert:
    """Return an alert nobody has taken note of."""
    who = turned_away(county, 10)
    detect(county)
    return alerts(county, who)[0]


@pytest.fixture
def fresh(make_county: MakeCounty) -> County:
    return make_county()


class TestRefusals:
    """Whoever is turned away is in the log, by every door."""

    def test_at_the_api(self, fresh: County) -> None:
        client = fresh.client("scan")
        assert client.get("/api/v1/audit").status_code == 403
        missing = new_id()
        assert client.get(f"/api/v1/items/{missing}").status_code == 404
        absent, forbidden = entries(fresh, "access:door:refused")
        assert forbidden["act"] == "GET /api/v1/audit"
        assert (forbidden["door"], forbidden["result"], forbidden["reason"]) == ("api", "refused", "refused")
        assert (absent["reason"], absent["status"]) == ("absent.item", 404)
        assert str(missing) not in json.dumps(absent, default=str)

    def test_on_a_page_and_in_a_form(self, fresh: County) -> None:
        desk = browser(fresh, "scan")
        assert desk.get("/desk/audit").status_code == 403
        key = desk.get("/desk/catalogue").text.partition('name="csrf" value="')[2].partition('"')[0]
        told = {"csrf": key, "fonds_code": "Z109", "title": "一件", "secrecy": "内部"}
        assert desk.post("/desk/items/new", data=told).status_code == 403
        acts = {entry["act"] for entry in entries(fresh, "access:door:refused")}
        assert acts == {"GET /desk/audit", "POST /desk/items/new"}

    def test_what_is_wrong_with_an_input_is_no_refusal(self, fresh: County) -> None:
        assert fresh.client().post("/api/v1/items", json={"fonds_code": "?", "title": ""}).status_code == 422
        assert entries(fresh, "access:door:refused") == []

    def test_an_unknown_login_is_noted_in_the_county_named(self, fresh: County) -> None:
        with pytest.raises(SignInFailed):
            fresh.services.identity.sign_in(fresh.tenant, "nobody", "x" * 12, ("session",))
        (entry,) = entries(fresh, "identity:account:sign_in_refused")
        assert "nobody" not in json.dumps(entry, default=str)


class TestReadings:
    """Whoever is shown something is in the log; tiles of one picture are one reading."""

    def test_an_item(self, fresh: County) -> None:
        with fresh.acting():
            item = fresh.services.records.create(Description(fonds_code="Z109", title="一件"))
            fresh.services.records.get(item.id)
        assert entries(fresh, "records:item:viewed") == []
        assert fresh.client().get(f"/api/v1/items/{item.id}").status_code == 200
        assert browser(fresh, "archivist").get(f"/desk/items/{item.id}").status_code == 200
        assert [entry["object"] for entry in entries(fresh, "records:item:viewed")] == [item.id] * 2

    def test_the_log_itself(self, fresh: County) -> None:
        auditor = fresh.client("audit")
        for method, path in (
            ("GET", "/audit"), ("POST", "/audit/verify"), ("GET", "/audit/trends"),
            ("GET", "/audit/export?format=csv"), ("GET", "/audit/export?format=json"),
            ("GET", "/audit/export?format=zip"),
        ):  # fmt: skip
            assert auditor.open(f"/api/v1{path}", method=method).status_code == 200, path
        with fresh.acting("audit"):
            told = [e.action for e in fresh.services.audit.page(PageRequest(), EntryFilter(action="audit:log")).rows]
        assert told[::-1] == [
            "audit:log:read", "audit:log:verified", "audit:log:counted", "audit:log:selection_exported",
            "audit:log:selection_exported", "audit:log:exported",
        ]  # fmt: skip


class TestAlerts:
    """Findings become alerts, once, in their own county alone."""

    def test_ten_refusals_raise_one_however_often_it_is_looked(self, county: County, other: County) -> None:
        who = turned_away(county, 9)
        detect(county)
        assert alerts(county, who) == ()
        turned_away(county, 1, who)
        for _ in range(3):
            detect(county)
        (alert,) = alerts(county, who)
        assert (alert.detector, len(alert.evidence), alert.acknowledged_at) == ("refusals", 10, None)
        raised = [entry for entry in entries(county, "audit:alert:raised") if entry["object"] == alert.id]
        assert [entry["detector"] for entry in raised] == ["refusals"]
        detect(other)
        assert alerts(other) == ()

    def test_its_evidence_can_be_read_and_reading_it_is_noted(
        self, services: Services, alert: Alert, county: County
    ) -> None:
        with county.acting("secadmin"):
            told, evidence = services.alerts.get(alert.id)
        assert told == alert
        assert {act.action for act in evidence} == {"access:door:refused"}
        assert all(act.whole for act in evidence)
        assert alert.id in {entry["object"] for entry in entries(county, "audit:alert:read")}

    def test_a_county_sets_its_own_threshold(self, services: Services, other: County) -> None:
        with other.acting("secadmin"):
            services.alerts.tune("refusals", 3)
            for wrong in (0, 10**7):
                with pytest.raises(Invalid):
                    services.alerts.tune("refusals", wrong)
            with pytest.raises(NotFound):
                services.alerts.tune("nothing", 3)
            (told,) = [each for each in services.alerts.thresholds() if each.detector == "refusals"]
        assert (told.threshold, told.usual) == (3, 10)
        who = turned_away(other, 3)
        detect(other)
        assert len(alerts(other, who)) == 1
        (entry,) = entries(other, "audit:detector:tuned")
        assert (entry["former"], entry["threshold"]) == (10, 3)

    def test_five_accounts_failing_from_one_address(self, county: County) -> None:
        client = county.web.test_client()
        told = {"grant_type": "password", "scope": county.tenant, "password": "x" * 12}
        for n in range(5):
            client.post("/oauth/token", data=told | {"username": f"guess{n}"})
        detect(county)
        assert [alert.detector for alert in alerts(county, "127.0.0.1")] == ["sign_in_flood"]

    def test_a_right_used_and_taken_away(self, services: Services, county: County) -> None:
        who = new_id()
        with county.acting("secadmin"), services.works() as work:
            work.record(GrantGiven(who, role="desk"))
        with county.acting("secadmin") as scope, entered(replace(scope, principal=person(who, "desk"))):
            services.records.items(ItemQuery(), PageRequest())
            services.audit.note(refusal(NotFound("item"), county.tenant, door="api", act="GET", asked="/"))
        with county.acting("secadmin"), services.works() as work:
            work.record(GrantRemoved(who, role="desk"))
        detect(county)
        assert [alert.detector for alert in alerts(county, str(who))] == ["brief_grant"]

    def test_an_account_that_slept(self, services: Services, county: County, postgres: EmbeddedPostgres) -> None:
        who = new_id()
        for _ in range(2):
            with county.acting("secadmin"), services.works() as work:
                work.record(SignedIn(who, kind="session"))
        detect(county)
        assert alerts(county, str(who)) == ()
        with psycopg.connect(postgres.dsn()) as connection:
            connection.execute(
                b"UPDATE audit_entry SET at = at - interval '91 days' WHERE seq = "
                b"(SELECT min(seq) FROM audit_entry WHERE object_id = %s) AND tenant_id = %s",
                (who, county.tenant),
            )
            connection.execute(b"UPDATE detector SET read_until = NULL WHERE tenant_id = %s", (county.tenant,))
        detect(county)
        assert [alert.detector for alert in alerts(county, str(who))] == ["awake"]

    def test_an_altered_entry_is_told(self, postgres: EmbeddedPostgres, other: County) -> None:
        detect(other)
        assert alerts(other, "3") == ()
        with psycopg.connect(postgres.dsn()) as connection:
            altered = b"UPDATE audit_entry SET body = body || ' ' WHERE seq = 3 AND tenant_id = %s"
            connection.execute(altered, (other.tenant,))
        detect(other)
        assert [(alert.detector, alert.evidence) for alert in alerts(other, "3")] == [("log_broken", (3,))]

    def test_the_workers_task_looks_as_the_system(self, services: Services, county: County) -> None:
        who = turned_away(county, 10)
        with county.acting("scan"), services.works() as work:
            job = work.jobs.get(work.jobs.ask("audit.detect", log_id(county.tenant), key="test"))
        with county.acting("scan"):
            HANDLERS["audit.detect"](services, job, lambda _done, _all: None)
        assert len(alerts(county, who)) == 1


class TestAcknowledging:
    """An alert is taken note of once, by somebody else than whom it is about; it stays."""

    def test_only_the_security_administrator_does(self, services: Services, county: County, alert: Alert) -> None:
        for login in ("archivist", "director", "sysadmin", "audit"):
            with county.acting(login), pytest.raises(Refused):
                services.alerts.acknowledge(alert.id, "查过")
        for login in ("archivist", "director", "sysadmin"):
            with county.acting(login), pytest.raises(Refused):
                services.alerts.page(PageRequest())

    def test_it_wants_words_and_is_done_once(self, services: Services, county: County, alert: Alert) -> None:
        client = county.client("secadmin")
        path = f"/api/v1/alerts/{alert.id}/acknowledge"
        assert client.post(path, json={"note": ""}).status_code == 422
        with county.acting("secadmin"):
            open_before = services.alerts.waiting()
        told = client.post(path, json={"note": "扫描员误点，已说明"})
        assert told.status_code == 200
        assert client.post(path, json={"note": "再来"}).status_code == 409
        assert [a.note for a in alerts(county, alert.subject)] == ["扫描员误点，已说明"]
        with county.acting("secadmin"):
            assert services.alerts.waiting() == open_before - 1
            assert alert.id not in {a.id for a in services.alerts.page(PageRequest(), waiting=True).rows}
        noted = [entry for entry in entries(county, "audit:alert:acknowledged") if entry["object"] == alert.id]
        assert len(noted) == 1

    def test_not_by_whom_it_is_about(self, services: Services, county: County) -> None:
        with county.acting("secadmin") as scope:
            turned_away(county, 10, scope.principal.id)
        detect(county)
        (alert,) = alerts(county, scope.principal.id)
        with county.acting("secadmin"), pytest.raises(OwnAlert):
            services.alerts.acknowledge(alert.id, "没事")

    @pytest.mark.parametrize(
        "statement", ["DELETE FROM alert", "UPDATE alert SET subject = ''", "UPDATE alert SET evidence = '[]'"]
    )
    def test_the_application_can_neither_delete_nor_alter_it(
        self, postgres: EmbeddedPostgres, county: County, statement: str
    ) -> None:
        with psycopg.connect(postgres.dsn("lantai_app")) as connection:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (county.tenant,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


class TestTaking:
    """What is taken away holds what was asked for, and proves itself."""

    def test_csv(self, fresh: County) -> None:
        refused(fresh, 2)
        answer = fresh.client("audit").get("/api/v1/audit/export?format=csv&result=refused")
        rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert [(row["action"], row["result"]) for row in rows] == [("access:door:refused", "refused")] * 2

    def test_json_proves_itself(self, fresh: County) -> None:
        refused(fresh, 2)
        told = json.loads(fresh.client("audit").get("/api/v1/audit/export?format=json&result=refused").data)
        _, size, root, *_ = told["checkpoint"].splitlines()
        assert len(told["entries"]) == 2
        for entry in told["entries"]:
            hashed = merkle.leaf(f"{entry['seq']}\n{entry['at']}\n{entry['body']}".encode())
            path = [bytes.fromhex(step) for step in entry["proof"]]
            assert hashed.hex() == entry["leaf"]
            assert merkle.included(entry["seq"] - 1, int(size), hashed, path, b64decode(root))

    def test_numbers_of_a_day(self, services: Services, fresh: County) -> None:
        refused(fresh, 3)
        with suppress(DomainError):
            services.identity.sign_in(fresh.tenant, "nobody", "x" * 12, ("session",))
        with fresh.acting("audit"):
            before = services.audit.count(2)
            with pytest.raises(Invalid):
                services.audit.count(0)
        yesterday, today = before.days
        assert (yesterday.acts, today.refusals, today.sign_in_failures) == (0, 4, 1)
        assert today.acts == sum(before.actions.values())


def test_who_resets_a_password_and_enters_from_the_same_address_is_told(make_county: MakeCounty) -> None:
    county = make_county()
    with county.acting("sysadmin"):
        account = county.services.accounts.by_login("desk")
    password = county.client("sysadmin").post(f"/api/v1/accounts/{account.id}/password").json["password"]
    detect(county)
    assert not [alert for alert in alerts(county) if alert.detector == "impersonated"]
    browser = county.web.test_client()
    form = browser.get("/sign-in").text
    token = re.search(r'name="csrf" value="([^"]+)"', form)
    assert token
    told = {"csrf": token[1], "county": county.tenant, "login": "desk", "password": password}
    assert browser.post("/sign-in", data=told).status_code in (302, 303)
    detect(county)
    (alert,) = (alert for alert in alerts(county) if alert.detector == "impersonated")
    assert (alert.severity, len(alert.evidence)) == ("grave", 2)
    with county.acting("audit"):
        assert alert in county.services.alerts.page(PageRequest()).rows


def test_tiles_of_a_page_are_one_reading_an_hour(services: Services, county: County) -> None:
    with county.acting():
        upload = services.digitisation.begin("扫描")
        scan = sheets.encoded(sheets.sheet(["读一页"], size=(300, 150)), "PNG")
        (page,) = services.digitisation.receive(upload.id, "a.png", io.BytesIO(scan)).pages
        services.digitisation.process_page(page.id)
        for region in ("0,0,50,50", "50,0,50,50", "0,50,50,50"):
            services.digitisation.image(page.id, IiifRequest(region, "max", "0", "default", "jpg"))
        whole = IiifRequest("full", "max", "0", "default", "jpg")
        services.digitisation.image(page.id, whole)
        with clock.fixed(clock.now() + timedelta(minutes=61)):
            services.digitisation.image(page.id, whole)
    with county.acting("director"):
        services.digitisation.read(page.id)
    read = [entry for entry in entries(county, "digitisation:page") if entry["object"] == page.id]
    actions = sorted(str(entry["action"]) for entry in read if "processed" not in str(entry["action"]))
    assert actions == ["digitisation:page:downloaded"] * 2 + ["digitisation:page:viewed"] * 2
