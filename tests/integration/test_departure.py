"""Leaving at the doors of the province's office: API, pages, command line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from app.cli import session
from app.cli.main import main
from app.platform.settings import Settings
from app.services import Services
from tenants.scope import PROVINCE, Scope, entered
from tests.conftest import PASSWORD, SYSTEM, County, MakeCounty

PASSPHRASE = "一个只有县馆自己知道的口令"
REASON = "并入邻县"


@dataclass(frozen=True)
class Office:
    """Two administrators of the province, at the API and in a browser."""

    first: FlaskClient
    second: FlaskClient
    browsing: FlaskClient
    approving: FlaskClient


@pytest.fixture(scope="module")
def people(office: County) -> Office:
    with entered(Scope(PROVINCE, SYSTEM)):
        office.services.identity.create_account("second", "第二人", PASSWORD, ["province_admin"])
    both = County(office.services, PROVINCE, office.web, {"province": "province_admin", "second": "province_admin"})

    def browser(login: str) -> FlaskClient:
        made = office.web.test_client()
        made.set_cookie("lantai_session", both.signed_in(login, "session")[0].secret)
        return made

    return Office(both.client("province"), both.client("second"), browser("province"), browser("second"))


def form(browser: FlaskClient, page: str) -> dict[str, str]:
    """Return the hidden token that a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    assert found
    return {"csrf": found[1]}


def suspended(county: County, api: FlaskClient) -> str:
    address = f"/api/v1/province/tenants/{county.tenant}"
    assert api.post(f"{address}/suspend", json={"mode": "suspended", "reason": REASON}).status_code == 200
    return address


def test_a_county_leaves_by_the_api(people: Office, make_county: MakeCounty, work_off: Callable[[], int]) -> None:
    county, api = make_county(), people.first
    address = suspended(county, api)
    for _ in range(2):
        begun = api.post(f"{address}/exports", json={"passphrase": PASSPHRASE}, headers={"Idempotency-Key": "1"})
        assert (begun.status_code, begun.get_json()["digest"]) == (202, "")
        assert PASSPHRASE not in begun.text
    work_off()
    (made,) = api.get(f"{address}/exports").get_json()["rows"]
    assert made["verified_at"]
    assert made["with_key"]
    assert (Path(made["folder"]) / "key.json").is_file()
    plan = api.get(f"{address}/retirements").get_json()
    assert plan["obstacles"] == []
    assert plan["rows"]["account"] == len(county.staff)
    proposed = api.post(f"{address}/retirements", json={"reason": REASON})
    assert proposed.status_code == 201
    approval = f"{address}/retirements/{proposed.get_json()['id']}"
    assert api.get(f"{approval}/certificate").status_code == 404
    own = api.post(f"{approval}/approval")
    assert (own.status_code, own.get_json()["code"]) == (403, "departure.second_person")
    assert people.second.post(f"{approval}/approval").status_code == 202
    work_off()
    told = api.get(f"{approval}/certificate")
    assert (told.status_code, told.mimetype) == (200, "text/plain")
    assert made["digest"] in told.text
    assert api.get(address).get_json()["state"] == "retired"


def test_an_open_county_is_refused_in_words(people: Office, county: County) -> None:
    answer = people.first.post(f"/api/v1/province/tenants/{county.tenant}/retirements", json={"reason": REASON})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "departure.open")


@pytest.mark.parametrize("words", ["短", "x" * 11])
def test_a_passphrase_must_be_long_enough(people: Office, county: County, words: str) -> None:
    answer = people.first.post(f"/api/v1/province/tenants/{county.tenant}/exports", json={"passphrase": words})
    assert answer.status_code == 422
    assert words not in answer.text.replace("passphrase", "")


def test_a_county_leaves_by_the_pages(people: Office, make_county: MakeCounty, work_off: Callable[[], int]) -> None:
    county = make_county()
    suspended(county, people.first)
    page = f"/province/tenants/{county.tenant}/leaving"
    assert page in people.browsing.get(f"/province/tenants/{county.tenant}").text
    shown = people.browsing.get(page)
    assert shown.status_code == 200
    assert "现在还不能退出" in shown.text
    short = people.browsing.post(f"{page}/exports", data=form(people.browsing, page) | {"passphrase": "短"})
    assert short.status_code == 422
    assert people.browsing.post(f"{page}/exports", data=form(people.browsing, page)).status_code == 303
    assert "进行中" in people.browsing.get(page).text
    work_off()
    sent = form(people.browsing, page) | {"reason": REASON}
    assert people.browsing.post(f"{page}/retirements", data=sent).status_code == 303
    assert "批准并销毁" not in people.browsing.get(page).text
    found = re.search(rf'action="({page}/retirements/[^"]+/approval)"', people.approving.get(page).text)
    assert found
    assert people.browsing.post(found[1], data=form(people.browsing, page)).status_code == 403
    assert people.approving.post(found[1], data=form(people.approving, page)).status_code == 303
    work_off()
    link = re.search(rf'href="({page}/retirements/[^"]+/certificate)"', people.browsing.get(page).text)
    assert link
    certificate = people.browsing.get(link[1])
    assert certificate.headers["Content-Disposition"].startswith("attachment")
    assert county.tenant in certificate.text


def test_a_county_sees_nothing_of_this(county: County) -> None:
    for address in (
        f"/api/v1/province/tenants/{county.tenant}/exports",
        f"/api/v1/province/tenants/{county.tenant}/retirements",
    ):
        assert county.client("archivist").get(address).status_code == 403


class TestCommands:
    """``lantai tenant export | verify-export | import | retire``."""

    @pytest.fixture(autouse=True)
    def here(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(session, "services", lambda: services)
        monkeypatch.setattr("app.cli.departure.services", lambda: services)
        monkeypatch.setenv("LANTAI_LANG", "en")

    def test_from_export_to_certificate(
        self, people: Office, office: County, make_county: MakeCounty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        county, folder = make_county(), tmp_path / "bags"
        suspended(county, people.first)
        monkeypatch.setenv("LANTAI_EXPORT_PASSPHRASE", PASSPHRASE)
        made = CliRunner().invoke(main, ["tenant", "export", county.tenant, "--to", str(folder)])
        assert made.exit_code == 0, made.output
        whole = CliRunner().invoke(main, ["tenant", "verify-export", str(folder)])
        assert whole.exit_code == 0
        assert made.output.split()[-1] in whole.output
        assert "signer was not checked" in whole.stderr
        keys = tmp_path / "keys.txt"
        keys.write_text("\n".join(office.services.audit.keys()))
        whole = CliRunner().invoke(main, ["tenant", "verify-export", str(folder), "--key", str(keys)])
        assert (whole.exit_code, whole.stderr) == (0, ""), whole.output
        blind = CliRunner().invoke(main, ["tenant", "import", str(folder)])
        assert (blind.exit_code, "--digest" in blind.output) == (1, True)
        again = CliRunner().invoke(main, ["tenant", "import", str(folder), "--key", str(keys)])
        assert again.exit_code == 1
        both = County(office.services, PROVINCE, office.web, {"province": "province_admin", "second": "province_admin"})
        monkeypatch.setenv("LANTAI_TOKEN", both.token("province"))
        plan = CliRunner().invoke(main, ["tenant", "retire", county.tenant, "--json"])
        assert '"obstacles": []' in plan.output
        proposed = CliRunner().invoke(main, ["tenant", "retire", county.tenant, "--propose", REASON])
        assert proposed.exit_code == 0, proposed.output
        number = proposed.output.split()[-1]
        refused = CliRunner().invoke(main, ["tenant", "retire", county.tenant, "--approve", number])
        assert refused.exit_code == 1
        monkeypatch.setenv("LANTAI_TOKEN", both.token("second"))
        done = CliRunner().invoke(main, ["tenant", "retire", county.tenant, "--approve", number])
        assert done.exit_code == 0, done.output
        assert number in done.output

    def test_the_first_bad_file_is_named_without_an_archive(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "manifest-sha256.txt").write_text(f"{'0' * 64}  README.txt\n")
        result = CliRunner().invoke(main, ["--data", str(tmp_path / "none"), "tenant", "verify-export", str(tmp_path)])
        assert result.exit_code == 1
        assert "README.txt" in result.output
        assert settings
