"""API clients: made by one administrator, granted by another, five minutes at a time, ended at once."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.audit.service import EntryFilter
from app.clients import rules
from app.clients.types import PURPOSES, SCOPES, Calling, Client, ClientNameTaken, ClientRevoked, OwnGrant, Told
from app.kernel import clock
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.ids import new_id
from app.kernel.paging import PageRequest
from app.platform.settings import Settings
from app.services import Services
from tenants.scope import Principal, Scope, entered
from tests import sheets
from tests.conftest import County, MakeCounty
from tests.integration.test_agreements import concluded

PROOF = "ab" * 32
Address = IPv4Address | IPv6Address


def told(**other: object) -> Told:
    plain = Told(f"审批系统 {new_id()}", ("benefits", "own_record"), clock.now() + timedelta(days=90))
    return replace(plain, **other)


@dataclass(frozen=True)
class Bureau:
    """An office whose program calls."""

    county: County
    client: Client
    secret: str

    def asks(self, secret: str = "", *, basic: bool = False, **more: str) -> TestResponse:
        """Ask for a token."""
        own = secret or self.secret
        form = {"grant_type": "client_credentials", "purpose": "benefits", **more}
        headers = {}
        if basic:
            pair = f"{self.client.oauth_id}:{own}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": self.client.oauth_id, "client_secret": own}
        return self.county.web.test_client().post("/oauth/token", data=form, headers=headers)

    def at(self, **more: str) -> FlaskClient:
        """Return an HTTP client with a token."""
        answer = self.asks(basic=False, **more)
        assert answer.status_code == 200, answer.text
        client = self.county.web.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {answer.json['access_token']}"
        return client


def bureau(county: County, *scopes: str, **other: object) -> Bureau:
    with county.acting("sysadmin"):
        client, secret = county.services.clients.create(told(**other))
    if scopes:
        with county.acting("secadmin"):
            client = county.services.clients.grant(client.id, scopes)
    return Bureau(county, client, secret)


@pytest.mark.parametrize("basic", [True, False])
def test_a_secret_buys_a_token_of_five_minutes(county: County, *, basic: bool) -> None:
    answer = bureau(county, "records:read").asks(basic=basic)
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["scope"] == "records:read"
    assert 290 <= answer.json["expires_in"] <= 300
    assert not answer.json.get("refresh_token")


def test_a_token_does_what_was_granted_and_nothing_else(county: County) -> None:
    reader = bureau(county, "records:read").at()
    assert reader.get("/api/v1/items").status_code == 200
    assert reader.get("/api/v1/me").json["roles"] == ["records:read"]
    for path in ("/api/v1/search?q=春耕", "/api/v1/audit", "/api/v1/imports", "/api/v1/clients", "/api/v1/agreements"):
        assert reader.get(path).status_code == 403, path
    assert reader.post("/api/v1/fonds", json={"fonds_code": "Z109", "fonds_name": "办"}).status_code == 403
    finder = bureau(county, "search:search").at()
    assert finder.get("/api/v1/search?q=春耕").status_code == 200
    assert finder.get("/api/v1/items").status_code == 403


def test_a_deposit_is_read_and_waits_for_the_archivist(county: County, work_off: Callable[[], int]) -> None:
    depositor = bureau(county, "intake:deposit", purposes=("office",)).at(purpose="office")
    table = io.BytesIO(sheets.catalogue(sheets.catalogue_row(1)))
    begun = depositor.post("/api/v1/imports", data={"file": (table, "公文.csv")})
    assert begun.status_code in (201, 202), begun.text
    work_off()
    address = f"/api/v1/imports/{begun.json['id']}"
    assert depositor.get(address).json["state"] == "previewed"
    assert depositor.post(f"{address}/confirm", json={}).status_code == 403
    assert county.client().post(f"{address}/confirm", json={}).status_code < 300


def test_its_purpose_is_in_the_log(county: County, services: Services) -> None:
    office = bureau(county, "search:search")
    assert office.at(purpose="own_record").get("/api/v1/search?q=春耕").status_code == 200
    with county.acting("audit"):
        wanted = EntryFilter(principal=f"client:{office.client.id}")
        entries = services.audit.page(PageRequest(), wanted).rows
    assert {(each.action, each.purpose) for each in entries} == {("search:query:asked", "own_record")}


@pytest.mark.parametrize("purpose", ["", "justice", "business"])
def test_without_a_purpose_of_its_own_there_is_no_token(county: County, purpose: str) -> None:
    answer = bureau(county, "records:read").asks(purpose=purpose)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_more_than_was_granted_is_not_handed_out(county: County) -> None:
    office = bureau(county, "records:read", "search:search")
    assert office.asks(scope="search:search").json["scope"] == "search:search"
    answer = office.asks(scope="records:read intake:deposit")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


def test_whoever_is_refused_is_not_told_why(county: County, other: County) -> None:
    office, ungranted = bureau(county, "records:read"), bureau(county)
    expired = bureau(county, "records:read", expires_at=clock.now() + timedelta(seconds=1))
    elsewhere = bureau(county, "records:read", networks=("203.0.113.0/24",))
    moved = replace(office, client=replace(office.client, oauth_id=f"{other.tenant}.{office.client.id}"))
    nowhere = replace(office, client=replace(office.client, oauth_id=f"nowhere.{office.client.id}"))
    broken = replace(office, client=replace(office.client, oauth_id="秘密"))
    with clock.fixed(clock.now() + timedelta(seconds=2)):
        answers = [
            office.asks(secret="wrong"), ungranted.asks(), expired.asks(), elsewhere.asks(), moved.asks(),
            nowhere.asks(), broken.asks(),
        ]  # fmt: skip
    assert {(each.status_code, each.json["error"], each.json["detail"]) for each in answers} == {
        (401, "invalid_client", answers[0].json["detail"])
    }
    assert answers[0].headers["WWW-Authenticate"].startswith("Basic")


def test_neither_administrator_suffices_alone(county: County, services: Services) -> None:
    with county.acting("secadmin"), pytest.raises(Refused):
        services.clients.create(told())
    office = bureau(county)
    with county.acting("sysadmin"), pytest.raises(Refused):
        services.clients.grant(office.client.id, ("records:read",))
    both = Principal("one person", roles=frozenset({"sys_admin", "sec_admin"}))
    with entered(Scope(county.tenant, both)):
        client, _ = services.clients.create(told())
        with pytest.raises(OwnGrant):
            services.clients.grant(client.id, ("records:read",))
    for login in ("archivist", "director", "audit"):
        with county.acting(login), pytest.raises(Refused):
            services.clients.list()


def test_right_after_it_is_revoked_its_token_is_worth_nothing(county: County, services: Services) -> None:
    office = bureau(county, "records:read")
    caller = office.at()
    assert caller.get("/api/v1/items").status_code == 200
    with county.acting("secadmin"):
        assert services.clients.revoke(office.client.id).state == "revoked"
    assert caller.get("/api/v1/items").status_code == 401
    assert office.asks().status_code == 401
    with county.acting("sysadmin"), pytest.raises(ClientRevoked):
        services.clients.rotate(office.client.id, overlap=timedelta())


def test_a_token_given_back_is_worth_nothing(county: County) -> None:
    reader = bureau(county, "records:read").at()
    given = reader.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    assert reader.get("/api/v1/me").status_code == 200
    for _ in range(2):
        assert reader.post("/oauth/revoke", data={"token": given}).status_code == 200
    assert reader.get("/api/v1/me").status_code == 401


def test_guessing_secrets_waits_like_guessing_passwords(make_county: MakeCounty) -> None:
    office = bureau(make_county(), "records:read")
    assert {office.asks("falsch").status_code for _ in range(20)} == {401}
    waiting = office.asks()
    assert (waiting.status_code, waiting.json["code"]) == (429, "identity.too_many_sign_ins")
    with clock.fixed(clock.now() + timedelta(minutes=11)):
        assert office.asks().status_code == 200


def test_a_narrower_grant_ends_tokens_at_once(county: County, services: Services) -> None:
    office = bureau(county, "records:read", "search:search")
    caller = office.at()
    with county.acting("secadmin"):
        services.clients.grant(office.client.id, ("search:search",))
    assert caller.get("/api/v1/items").status_code == 401
    assert office.at().get("/api/v1/items").status_code == 403


def test_a_token_ends_after_five_minutes_and_with_its_client(county: County) -> None:
    office = bureau(county, "records:read", expires_at=clock.now() + timedelta(minutes=3))
    caller = office.at()
    for minutes, status in ((2, 200), (4, 401)):
        with clock.fixed(clock.now() + timedelta(minutes=minutes)):
            assert caller.get("/api/v1/items").status_code == status


def test_two_secrets_are_valid_while_they_overlap(county: County, services: Services) -> None:
    office = bureau(county, "records:read")
    with county.acting("sysadmin"):
        client, second = services.clients.rotate(office.client.id, overlap=timedelta(days=7))
        assert len(client.secrets_end) == 2
    assert office.asks().status_code == office.asks(secret=second).status_code == 200
    with clock.fixed(clock.now() + timedelta(days=8)):
        assert (office.asks().status_code, office.asks(secret=second).status_code) == (401, 200)
    with county.acting("sysadmin"):
        client, third = services.clients.rotate(office.client.id, overlap=timedelta(days=7))
        assert len(client.secrets_end) == 2
    assert [office.asks(secret=each).status_code for each in (office.secret, second, third)] == [401, 200, 200]
    with county.acting("sysadmin"), pytest.raises(Invalid):
        services.clients.rotate(office.client.id, overlap=timedelta(days=31))


def test_it_calls_from_where_it_said(county: County) -> None:
    office = bureau(county, "records:read", networks=("127.0.0.0/8",))
    caller = office.at()
    assert caller.get("/api/v1/items").status_code == 200
    caller.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert caller.get("/api/v1/items").status_code == 401


def test_a_certificate_is_believed_of_a_trusted_proxy_alone(
    county: County, services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = bureau(county, "records:read", certificate=PROOF.upper())
    form = {
        "grant_type": "client_credentials", "purpose": "benefits", "client_id": office.client.oauth_id,
        "client_secret": office.secret,
    }  # fmt: skip
    proof = {"X-Client-Cert-SHA256": PROOF}
    assert county.web.test_client().post("/oauth/token", data=form, headers=proof).status_code == 401
    proxied = settings.model_copy(update={"trusted_proxies": 1})
    monkeypatch.setitem(county.web.extensions, "lantai", replace(services, settings=proxied))
    client = county.web.test_client()
    assert client.post("/oauth/token", data=form).status_code == 401
    assert client.post("/oauth/token", data=form, headers={"X-Client-Cert-SHA256": "cd" * 32}).status_code == 401
    answer = client.post("/oauth/token", data=form, headers=proof)
    assert answer.status_code == 200
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert client.get("/api/v1/items", headers=bearer).status_code == 401
    assert client.get("/api/v1/items", headers=bearer | proof).status_code == 200


def test_bound_to_an_agreement_it_looks_up_under_it_alone(county: County, other: County, services: Services) -> None:
    bound, unbound = concluded(county, other), concluded(county, other)
    with county.acting("director"):
        services.agreements.revoke(unbound.id, reason="试")
    office = bureau(county, "lookup:ask", agreement_id=bound.id)
    question = {
        "holder": other.tenant, "name": "司徒山", "kind": "marriage", "purpose": "own_record", "ticket": "2026-7",
    }  # fmt: skip
    caller = office.at(purpose="own_record")
    answer = caller.post("/api/v1/lookups", json=question)
    assert (answer.status_code, answer.json["outcome"]) == (201, "not_found")
    assert answer.json["agreement_id"] == str(bound.id)
    assert caller.post("/api/v1/lookups", json=question | {"purpose": "benefits"}).status_code == 422
    assert caller.get("/api/v1/lookups").status_code == 403
    with county.acting("secadmin"), pytest.raises(Invalid):
        services.clients.grant(office.client.id, ("records:read",))
    stranger = bureau(county, "lookup:ask", agreement_id=unbound.id)
    refused = stranger.at(purpose="own_record").post("/api/v1/lookups", json=question)
    assert (refused.status_code, refused.json["code"]) == (403, "agreement.none")
    with county.acting("director"):
        services.agreements.revoke(bound.id, reason="试毕")
    assert caller.post("/api/v1/lookups", json=question).status_code == 403


def test_another_countys_agreement_binds_nobody_here(county: County, other: County, make_county: MakeCounty) -> None:
    agreement = concluded(county, other)
    third = make_county()
    with third.acting("sysadmin"), pytest.raises(NotFound):
        third.services.clients.create(told(agreement_id=agreement.id))


def test_secrets_and_tokens_lie_as_digests(county: County, services: Services) -> None:
    office = bureau(county, "records:read")
    token = office.asks().json["access_token"]
    with county.acting("sysadmin"), services.works() as work:
        for table in ("client_secret", "client_token", "api_client"):
            rows = str(work.session.connection().exec_driver_sql(f"SELECT * FROM {table}").all())
            assert office.secret not in rows
            assert token.rpartition(".")[2] not in rows


def test_a_name_stands_for_one_client(county: County, services: Services) -> None:
    with county.acting("sysadmin"):
        services.clients.create(told(name="人社局"))
        with pytest.raises(ClientNameTaken):
            services.clients.create(told(name="人社局 "))
        with pytest.raises(NotFound):
            services.clients.get(new_id())


def test_one_key_makes_one_client(county: County) -> None:
    sysadmin = county.client("sysadmin")
    body = {
        "name": "医保局", "purposes": ["benefits"], "expires_at": (clock.now() + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    first, again = (sysadmin.post("/api/v1/clients", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["client"]["id"] == again.json["client"]["id"]
    assert (bool(first.json["client_secret"]), again.json["client_secret"]) == (True, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"purposes": ()},
        {"purposes": ("curiosity",)},
        {"expires_at": clock.now() - timedelta(days=1)},
        {"expires_at": clock.now() + timedelta(days=400)},
        {"networks": ("203.0.113.0/33",)},
        {"networks": ("everywhere",)},
        {"certificate": "ab"},
    ],
)
def test_what_is_said_of_a_client_is_checked(county: County, services: Services, wrong: dict[str, Any]) -> None:
    with county.acting("sysadmin"), pytest.raises(Invalid):
        services.clients.create(told(**{"name": "甲", **wrong}))


@given(st.ip_addresses(), st.ip_addresses(v=4), st.integers(8, 32))
def test_a_call_is_let_in_from_its_networks_alone(address: Address, base: Address, length: int) -> None:
    network = rules.ip_network(f"{base}/{length}", strict=False)
    inside = address in network
    assert rules.may_call((str(network),), "", Calling(str(address))) is inside
    assert rules.may_call((str(network),), "", Calling(str(base)))
    assert not rules.may_call((str(network),), "", Calling(""))
    assert not rules.may_call((), PROOF, Calling(str(address), "cd" * 32))


@given(scopes=st.lists(st.sampled_from((*SCOPES, "sys_admin", "archivist")), unique=True), bound=st.booleans())
def test_a_grant_is_never_a_role_of_people(scopes: list[str], *, bound: bool) -> None:
    allowed = {"lookup:ask"} if bound else set(SCOPES)
    if set(scopes) <= allowed:
        assert set(rules.check_scopes(scopes, bound=bound)) == set(scopes)
    else:
        with pytest.raises(Invalid):
            rules.check_scopes(scopes, bound=bound)
    assert set(PURPOSES) >= {"benefits"}
