"""Every address of the web application: another county's thing is as absent as one that never was."""

import io
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.citizens.service import CitizensService
from app.citizens.types import Proven
from app.platform.database import tenant_tables
from tenants.terms import today
from tests.conftest import PASSWORD, County
from tests.integration.test_agreements import terms
from tests.integration.test_clients import bureau
from tests.isolation.conftest import WORD, Lived, Superuser
from tests.unwired import unwired

API = "/api/v1"
IF_MATCH = {"headers": {"If-Match": '"1"'}}
Sample = Callable[[County, Lived], Mapping[str, object]]


def rules() -> list[tuple[str, Rule]]:
    """Return method and rule of every address."""
    return sorted(
        (
            (method, rule)
            for rule in unwired().url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        ),
        key=lambda pair: (pair[1].rule, pair[0]),
    )


def of_one_thing(rule: Rule) -> bool:
    return any("id" in name for name in rule.arguments)


RULES = rules()
THINGS = [(method, rule) for method, rule in RULES if of_one_thing(rule)]
LISTS = [(method, rule) for method, rule in RULES if not of_one_thing(rule)]


def named(pair: tuple[str, Rule]) -> str:
    return f"{pair[0]} {pair[1].rule}"


def plain(**more: object) -> Sample:
    return lambda _county, _lived: more


def a_file(field: str) -> Sample:
    return lambda _county, _lived: {"data": {field: (io.BytesIO(b"%PDF-"), "a.pdf")}}


A_COUNTY = {
    "id": "further", "name": "县", "division_code": "990121", "archive_code": "123456",
    **{role: {"login": "one", "name": "某"} for role in ("sys_admin", "sec_admin", "audit_admin")},
}  # fmt: skip

UNTIL = (today() + timedelta(days=30)).isoformat()
TERMS = {"holdings": {"land": ["G033"]}, "purposes": ["own_record"], "daily": 1, "until": UNTIL}
TERMS_FORM = {"kind-land": "G033", "purposes": "own_record", "daily": "1", "until": UNTIL}
QUESTION = {"name": WORD, "kind": "marriage", "purpose": "own_record", "ticket": "1"}

SENT: Mapping[str, Sample] = {
    f"PATCH {API}/items/<uuid:item_id>": plain(json={"change": {"note": "x"}}, **IF_MATCH),
    f"POST {API}/items/<uuid:item_id>/accept": plain(**IF_MATCH),
    f"POST {API}/items/<uuid:item_id>/check": plain(),
    f"POST {API}/items/<uuid:item_id>/code": plain(**IF_MATCH),
    f"PUT {API}/imports/<uuid:import_id>/mapping": plain(json={"mapping": {"题名": "title"}}),
    f"POST {API}/imports/<uuid:import_id>/confirm": plain(json={}),
    f"POST {API}/uploads/<uuid:upload_id>/files": a_file("file"),
    f"POST {API}/pages/<uuid:page_id>/place": lambda _county, lived: {
        "json": {"item_id": str(lived.ids["open_item"]), "page_no": 1},
        **IF_MATCH,
    },
    f"POST {API}/pages/<uuid:page_id>/retry": plain(),
    f"POST {API}/jobs/<uuid:job_id>/retry": plain(),
    "POST /desk/items/<uuid:item_id>/edit": plain(data={"version": "1", "title": "x"}),
    "POST /desk/items/<uuid:item_id>/code": plain(data={"version": "1"}),
    "POST /desk/items/<uuid:item_id>/accept": plain(data={"version": "1"}),
    "POST /desk/items/<uuid:item_id>/check": plain(data={}),
    "POST /desk/imports/<uuid:import_id>/mapping": plain(data={"column-0": "title"}),
    "POST /desk/imports/<uuid:import_id>/confirm": plain(data={}),
    "POST /desk/jobs/<uuid:job_id>/retry": plain(data={}),
    "POST /desk/uploads/<uuid:upload_id>/files": a_file("files"),
    "POST /desk/pages/<uuid:page_id>/retry": plain(data={}),
    "POST /me/sessions/<uuid:session_id>/end": plain(data={}),
    f"DELETE {API}/me/sessions/<uuid:session_id>": plain(),
    "POST /account/sessions/<uuid:session_id>/end": plain(data={}),
    f"PUT {API}/accounts/<uuid:account_id>/state": plain(json={"state": "left"}),
    f"POST {API}/accounts/<uuid:account_id>/unlock": plain(),
    f"POST {API}/accounts/<uuid:account_id>/password": plain(),
    f"DELETE {API}/accounts/<uuid:account_id>/second-factor": plain(),
    f"POST {API}/accounts/<uuid:account_id>/reveal": plain(json={"number": "phone", "purpose": "contact"}),
    f"PUT {API}/accounts/<uuid:account_id>/roles/<role>": plain(),
    f"DELETE {API}/accounts/<uuid:account_id>/roles/<role>": plain(),
    "POST /admin/accounts/<uuid:account_id>/roles": plain(data={"role": "desk"}),
    "POST /admin/accounts/<uuid:account_id>/roles/remove": plain(data={"role": "desk"}),
    "POST /admin/accounts/<uuid:account_id>/state": plain(data={"state": "waiting"}),
    "POST /admin/accounts/<uuid:account_id>/unlock": plain(data={}),
    "POST /admin/accounts/<uuid:account_id>/password": plain(data={}),
    "POST /admin/accounts/<uuid:account_id>/factor": plain(data={}),
    "POST /admin/accounts/<uuid:account_id>/person": plain(data={"id_card": "11010519491231002X"}),
    "POST /admin/accounts/<uuid:account_id>/reveal": plain(data={"number": "phone", "purpose": "contact"}),
    f"PUT {API}/agreements/<uuid:agreement_id>/draft": lambda _county, _lived: {"json": TERMS},
    f"DELETE {API}/agreements/<uuid:agreement_id>/draft": plain(),
    f"POST {API}/agreements/<uuid:agreement_id>/propose": plain(),
    f"POST {API}/agreements/<uuid:agreement_id>/sign": plain(json={"version": 1}),
    f"POST {API}/agreements/<uuid:agreement_id>/withdraw": plain(json={"reason": "x"}),
    f"POST {API}/agreements/<uuid:agreement_id>/revoke": plain(json={"reason": "x"}),
    f"POST {API}/clients/<uuid:client_id>/grant": plain(json={"scopes": ["records:read"]}),
    f"POST {API}/clients/<uuid:client_id>/rotate": plain(json={}),
    f"POST {API}/clients/<uuid:client_id>/revoke": plain(),
    "POST /desk/agreements/<uuid:agreement_id>/edit": plain(data=TERMS_FORM),
    **{
        f"POST /desk/agreements/<uuid:agreement_id>/{act}": plain(
            data={"version": "1", "confirmed": "1", "reason": "x"}
        )
        for act in ("discard", "propose", "sign", "withdraw", "revoke")
    },
    **{
        f"POST /admin/clients/<uuid:client_id>/{act}": plain(
            data={"scopes": "records:read", "overlap_days": "1", "confirmed": "1"}
        )
        for act in ("grant", "rotate", "revoke")
    },
    f"POST {API}/alerts/<uuid:alert_id>/acknowledge": plain(json={"note": "x"}),
    "POST /admin/alerts/<uuid:alert_id>/acknowledge": plain(data={"note": "x"}),
    "POST /desk/tray/<uuid:page_id>": plain(data={"code": "Z109-001-001-001", "page_no": "1", "version": "1"}),
}
"""What is sent to the addresses of one thing that change something."""

ASKED: Mapping[str, Sample] = {
    f"GET {API}/search": plain(query_string={"q": WORD}),
    f"POST {API}/audit/verify": plain(),
    f"GET {API}/audit/proofs/inclusion": plain(query_string={"seq": 1}),
    f"GET {API}/audit/proofs/consistency": plain(query_string={"first": 1}),
    f"GET {API}/audit/export": plain(query_string={"format": "json"}),
    "GET /desk/audit/export": plain(query_string={"format": "csv"}),
    "POST /admin/alerts/thresholds": plain(data={"detector": "refusals", "threshold": "9"}),
    f"POST {API}/fonds": plain(json={"fonds_code": "Z109", "fonds_name": "县政府办公室"}),
    f"POST {API}/imports": a_file("file"),
    f"POST {API}/items": plain(json={"fonds_code": "Z109", "title": "一件"}),
    f"POST {API}/uploads": plain(json={"name": "扫描"}),
    "POST /oauth/token": lambda county, _lived: {
        "data": {"grant_type": "password", "username": "archivist", "password": PASSWORD, "scope": county.tenant}
    },
    "POST /oauth/revoke": lambda _county, lived: {"data": {"token": f"{lived.county.tenant}.unknown"}},
    "GET /desk/search": plain(query_string={"q": WORD}),
    "POST /desk/audit/verify": plain(data={}),
    "POST /desk/imports": a_file("file"),
    "POST /desk/items/new": plain(data={"fonds_code": "Z109", "title": "一件"}),
    "POST /desk/uploads": plain(data={"name": "扫描"}),
    "POST /sign-in": lambda county, _lived: {
        "data": {"county": county.tenant, "login": "archivist", "password": PASSWORD}
    },
    "POST /sign-out": plain(data={}),
    **{f"POST /sign-in/{step}": plain(data={"code": "000000"}) for step in ("code", "authenticator", "password")},
    f"POST {API}/accounts": plain(json={"login": "further", "display_name": "某人"}),
    f"DELETE {API}/me/sessions": plain(),
    f"PUT {API}/me/password": plain(json={"present": "x", "password": "y"}),
    f"POST {API}/me/second-factor": plain(),
    f"PUT {API}/me/second-factor": plain(json={"code": "000000"}),
    f"POST {API}/me/second-factor/removal": plain(json={"code": "000000"}),
    f"POST {API}/me/recovery-codes": plain(json={"code": "000000"}),
    "POST /admin/accounts": plain(data={"login": "another", "display_name": "某人"}),
    "POST /account/password": plain(data={"present": "x", "password": "y"}),
    "POST /account/authenticator": plain(data={"code": "000000"}),
    "POST /account/authenticator/remove": plain(data={"code": "000000"}),
    "POST /account/recovery-codes": plain(data={"code": "000000"}),
    "POST /account/sessions/end-others": plain(data={}),
    f"POST {API}/province/tenants": plain(json=A_COUNTY),
    f"PUT {API}/province/tenants/<tenant>/quota": plain(json={"kind": "pages", "soft": 0, "hard": 0}),
    f"POST {API}/province/tenants/<tenant>/suspend": plain(json={"mode": "suspended", "reason": "x"}),
    f"POST {API}/province/tenants/<tenant>/resume": plain(),
    f"POST {API}/province/tenants/<tenant>/steps/retry": plain(),
    f"POST {API}/province/tenants/<tenant>/exports": plain(json={}),
    f"POST {API}/province/tenants/<tenant>/retirements": plain(json={"reason": "x"}),
    f"POST {API}/province/tenants/<tenant>/retirements/<uuid:retirement>/approval": plain(),
    "POST /province/tenants/<tenant>/leaving/exports": plain(data={}),
    "POST /province/tenants/<tenant>/leaving/retirements": plain(data={"reason": "x"}),
    "POST /province/tenants/<tenant>/leaving/retirements/<uuid:retirement>/approval": plain(data={}),
    "POST /province/tenants/new": plain(data={"id": "further"}),
    **{
        f"POST /province/tenants/<tenant>/{act}": plain(data={"mode": "suspended", "reason": "x", "confirmed": "1"})
        for act in ("quota", "resume", "retry", "suspend", "welcome")
    },
    f"POST {API}/agreements": lambda county, lived: {
        "json": {"requester": county.tenant, "holder": partner_of(lived), "terms": TERMS}
    },
    f"POST {API}/lookups": lambda _county, lived: {"json": {**QUESTION, "holder": partner_of(lived)}},
    f"POST {API}/clients": plain(json={"name": "某系统", "purposes": ["office"], "expires_at": f"{UNTIL}T00:00:00Z"}),
    "POST /desk/agreements/new": lambda _county, lived: {"data": {**TERMS_FORM, "counterpart": partner_of(lived)}},
    "POST /desk/lookups": lambda _county, lived: {"data": {**QUESTION, "name": "某人", "holder": partner_of(lived)}},
    "POST /admin/clients": plain(data={"name": "某程序", "purposes": "office", "expires_at": UNTIL}),
    "POST /province/agreements/<uuid:agreement>/revoke": plain(data={"reason": "x", "confirmed": "1"}),
    "POST /me/sign-in": plain(data={"phone": "13800138000"}),
    "POST /me/sign-in/code": plain(data={"code": "000000"}),
    "POST /me/name": plain(data={"name": "王小明", "id_card": "11010519491231002X"}),
    "POST /me/name/erase": plain(data={}),
    "POST /me/sign-out": plain(data={}),
    "POST /me/erase": plain(data={}),
}
"""What is sent to addresses that are not about one thing, where a plain GET would not do."""

LEADS_ON = "GET /iiif/3/<uuid:page_id>"
"""The one address of a thing that asks nothing about it: it leads to another one by its name alone."""

AUDITORS = (f"{API}/audit", "/desk/audit")
SHOWN_TO_ITS_OWN = {
    f"GET {API}/items", f"GET {API}/imports", f"GET {API}/uploads", f"GET {API}/jobs", f"GET {API}/tray",
    f"GET {API}/audit", f"GET {API}/search", f"GET {API}/alerts", "GET /admin/alerts",
    f"GET {API}/agreements", f"GET {API}/lookups", f"GET {API}/clients",
    "GET /desk/agreements", "GET /desk/lookups", "GET /admin/clients",
    "GET /desk/catalogue", "GET /desk/imports", "GET /desk/uploads", "GET /desk/tray", "GET /desk/search",
}  # fmt: skip
"""Lists that name the first county's things to the first county, so that their silence elsewhere means something."""


@cache
def credentials(county: County, login: str) -> tuple[str, str]:
    """Return an access token and a session, asked for once: checking a password is slow on purpose."""
    access, session = county.signed_in(login, "access", "session")
    return access.secret, session.secret


@dataclass(frozen=True)
class Proves:
    """Takes anybody for the citizen of this name."""

    name: str

    def begin(self, claimed: str) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_OID, claimed)

    def finish(self, challenge: uuid.UUID, answer: str) -> Proven:
        del challenge, answer
        return Proven("test", self.name)


def citizen_of(county: County) -> tuple[str, uuid.UUID]:
    """Return a new session, and its id, of the citizen who stands beside a county in these tests."""
    of = CitizensService(county.services.works, county.services.vault, Proves(county.tenant), idle_minutes=30)
    secret = of.finish(uuid.uuid4(), "", request_id="r", client="")
    return secret, uuid.UUID(of.scope(secret, request_id="r", client="").session)


def form_of(rule: Rule) -> str:
    """Return a page with a form, for whoever asks for an address."""
    if rule.rule.startswith("/me/"):
        return "/me/sign-in" if rule.rule.startswith("/me/sign-in") else "/me/name"
    return "/sign-in" if rule.rule.startswith("/sign") else "/desk/items/new"


def login_of(rule: Rule) -> str:
    """Return who may ask for an address at all."""
    if rule.rule.startswith(AUDITORS):
        return "audit"
    if rule.rule.startswith(f"{API}/alerts"):
        return "secadmin"
    if "/clients" in rule.rule:
        return "secadmin" if rule.rule.endswith("/grant") else "sysadmin"
    if rule.rule.startswith(("/admin/", f"{API}/accounts")):
        return "secadmin" if re.search("/(roles|factor|second-factor|reveal|alerts)", rule.rule) else "sysadmin"
    return "director" if "/agreements" in rule.rule else "archivist"


def partner_of(lived: Lived) -> str:
    """Return the county that the first county has an agreement with."""
    with lived.county.acting("director"):
        return lived.county.services.agreements.get(lived.ids["agreement_id"]).holder


def fresh_agreement(rule: Rule, lived: Lived) -> uuid.UUID:
    """Return an agreement at which the act of an address is in order."""
    service = lived.county.services.agreements
    partner = partner_of(lived)
    with lived.county.acting("director"):
        draft = service.draft(requester=lived.county.tenant, holder=partner, terms=terms())
        if rule.rule.endswith(("/sign", "/withdraw")):
            service.propose(draft.id)
    return draft.id


def client_of(county: County, rule: Rule) -> FlaskClient:
    client = county.web.test_client()
    if rule.rule.startswith(("/sign-in", "/sign-out")):
        return client  # a session of its own, which the test may end
    if rule.rule.startswith("/me/"):
        client.set_cookie("lantai_citizen", citizen_of(county)[0])
        return client
    access, session = credentials(county, login_of(rule))
    if rule.rule.startswith(("/api/", "/oauth/")):
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {access}"
    else:
        client.set_cookie("lantai_session", session)
    return client


def call(county: County, method: str, rule: Rule, address: str, sample: Mapping[str, object]) -> TestResponse:
    client = client_of(county, rule)
    told = dict(sample)
    if method == "POST" and not rule.rule.startswith(("/api/", "/oauth/")):
        page = client.get(form_of(rule))
        form = re.search(r'name="csrf"[^>]*value="([^"]+)"', page.text)
        assert form, "a page of the desk shows the key of its forms"
        told["data"] = {**told["data"], "csrf": form[1]}  # pyright: ignore[reportGeneralTypeIssues]
    return client.open(address, method=method, **told)  # pyright: ignore[reportArgumentType]


def address_of(rule: Rule, ids: Mapping[str, object]) -> str:
    others = {
        "region": "full", "size": "max", "rotation": "0", "quality": "default", "suffix": "jpg", "page_no": 1,
        "way": "next", "role": "desk",
    }  # fmt: skip
    unknown = rule.arguments - ids.keys() - others.keys()
    assert not unknown, f"{rule.rule}: the fixture has no {unknown}"
    built = rule.build({name: {**others, **ids}[name] for name in rule.arguments})
    assert built is not None
    return built[1]


def ids_for(rule: Rule, lived: Lived) -> dict[str, uuid.UUID]:
    """Return the first county's ids; where a page is placed, one that still lies in the tray."""
    if rule.rule.startswith("/me/"):
        return {**lived.ids, "session_id": citizen_of(lived.county)[1]}
    if rule.rule.endswith(("/draft", "/discard", "/propose", "/sign", "/withdraw")):
        return {**lived.ids, "agreement_id": fresh_agreement(rule, lived)}
    if "session_id" in rule.arguments:
        (fresh,) = lived.county.signed_in("archivist", "session")
        session = lived.county.services.identity.principal(fresh.secret, ("session",)).session
        return {**lived.ids, "session_id": uuid.UUID(session)}
    if rule.rule.endswith(("/grant", "/rotate")) or rule.rule.endswith("<uuid:client_id>/revoke"):
        return {**lived.ids, "client_id": bureau(lived.county).client.id}
    placed = rule.rule.endswith("/place") or "/tray/" in rule.rule
    return {**lived.ids, "page_id": lived.ids["stray"]} if placed else dict(lived.ids)


def levelled(answer: TestResponse, ids: Mapping[str, uuid.UUID]) -> str:
    """Return a body without what differs from one request to the next."""
    text = answer.text
    for value in ids.values():
        text = text.replace(str(value), "ID")
    return re.sub(r'(?:request_id": "|nonce="|absent · )[\w-]+|\b(?:[0-9a-f]{32}){1,2}\b', "", text)


@pytest.mark.parametrize(("method", "rule"), THINGS, ids=map(named, THINGS))
class TestThing:
    """One address of one thing."""

    def sample(self, method: str, rule: Rule, lived: Lived, county: County) -> Mapping[str, object]:
        if method == "GET":
            return {"query_string": {"q": WORD}}
        name = f"{method} {rule.rule}"
        assert name in SENT, f"say in SENT what {name} is sent"
        return SENT[name](county, lived)

    def test_of_another_county_is_absent_and_stays_as_it_is(
        self, superuser: Superuser, lived: Lived, neighbour: County, method: str, rule: Rule
    ) -> None:
        foreign = ids_for(rule, lived)
        unknown = {name: uuid.uuid4() for name in foreign}
        before = superuser.state(tenant_tables(), lived.county)
        answers = [
            call(neighbour, method, rule, address_of(rule, ids), self.sample(method, rule, lived, neighbour))
            for ids in (foreign, unknown)
        ]
        assert {answer.status_code for answer in answers} == {303 if f"{method} {rule.rule}" == LEADS_ON else 404}
        assert levelled(answers[0], foreign) == levelled(answers[1], unknown)
        assert WORD not in answers[0].text.replace(f'value="{WORD}"', "")
        assert superuser.state(tenant_tables(), lived.county) == before

    def test_of_ones_own_county_is_there(self, lived: Lived, method: str, rule: Rule) -> None:
        sample = self.sample(method, rule, lived, lived.county)
        answer = call(lived.county, method, rule, address_of(rule, ids_for(rule, lived)), sample)
        assert answer.status_code < 500
        assert answer.status_code != 404

    def test_asks_who_one_is(self, web: Flask, lived: Lived, method: str, rule: Rule) -> None:
        answer = web.test_client().open(address_of(rule, ids_for(rule, lived)), method=method)
        assert answer.status_code in (401, 303, 400)
        assert WORD not in answer.text


@pytest.mark.parametrize(("method", "rule"), LISTS, ids=map(named, LISTS))
class TestList:
    """One address that is not about one thing."""

    def answer(self, method: str, rule: Rule, lived: Lived, county: County) -> TestResponse:
        name = f"{method} {rule.rule}"
        assert method == "GET" or name in ASKED, f"say in ASKED what {name} is sent"
        sample = ASKED.get(name, plain())(county, lived)
        about: dict[str, object] = {"agreement": uuid.uuid4(), "retirement": uuid.uuid4()}
        address = address_of(
            rule, {"digest": "0", "name": "none", "filename": "none", "tenant": lived.county.tenant, **about}
        )
        return call(county, method, rule, address, sample)

    def test_shows_nothing_of_another_county(self, lived: Lived, neighbour: County, method: str, rule: Rule) -> None:
        answer = self.answer(method, rule, lived, neighbour)
        body = answer.get_data().decode(errors="replace")
        if rule.rule.endswith("/search"):  # it repeats what was looked for
            body = re.sub(rf'<(?:input|title)[^<]*|“{WORD}”|\["{WORD}"\]', "", body)
        assert answer.status_code < 500
        assert WORD not in body
        assert not [name for name, value in lived.ids.items() if str(value) in body]

    def test_shows_a_countys_own(self, lived: Lived, method: str, rule: Rule) -> None:
        if f"{method} {rule.rule}" in SHOWN_TO_ITS_OWN:
            body = self.answer(method, rule, lived, lived.county).text
            assert WORD in body or any(str(value) in body for value in lived.ids.values())


def test_the_lists_that_show_something_are_addresses() -> None:
    portal = any(rule.rule.startswith("/desk") for _, rule in RULES)
    wanted = {name for name in {*SENT, *ASKED, *SHOWN_TO_ITS_OWN} if portal or API in name or "/oauth/" in name}
    assert wanted <= set(map(named, RULES))
