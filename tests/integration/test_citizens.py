"""Citizens: signing in by a code, what is held about them, and how far they are from everything else."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.bootstrap import build
from app.citizens.codes import LIFE, PAUSE, PER_CLIENT, PER_PHONE, TRIES
from app.citizens.rules import phone as read_phone
from app.citizens.service import ABSOLUTE
from app.citizens.types import (
    ROLE,
    CitizenSignInClosed,
    CodeTooSoon,
    CodeWrong,
    NotACitizen,
    TooManyCodes,
)
from app.identity.types import ROLES
from app.kernel import clock
from app.kernel.errors import Invalid, NotFound
from app.kernel.predicate import Policy, permits
from app.platform.settings import Settings
from app.services import Services
from tenants.scope import PROVINCE, Principal, Scope, entered
from tests.conftest import County

ID_CARD = "11010519491231002X"
"""Of GB 11643-1999's own example."""


def new_phone() -> str:
    return f"138{secrets.randbelow(10**8):08d}"


def sent_to(services: Services, phone: str) -> str:
    assert services.outbox
    return next(message.code for message in services.outbox.messages() if message.phone == phone)


def begun(services: Services, phone: str, client: str = "") -> UUID:
    return services.citizens.begin(phone, request_id="r", client=client or secrets.token_hex(4))


def finished(services: Services, challenge: UUID, code: str) -> str:
    return services.citizens.finish(challenge, code, request_id="r", client="192.0.2.1")


def signed_in(services: Services, phone: str) -> str:
    return finished(services, begun(services, phone), sent_to(services, phone))


@contextmanager
def as_citizen(services: Services, secret: str) -> Iterator[Scope]:
    with entered(services.citizens.scope(secret, request_id="r", client="192.0.2.1")) as scope:
        yield scope


def rows(services: Services, query: str, **values: object) -> list[object]:
    with entered(Scope(PROVINCE, Principal("system:test"))), services.works() as work:
        return list(work.session.execute(text(query), values).scalars())


def test_the_first_code_makes_an_account_and_the_next_finds_it(services: Services) -> None:
    phone = new_phone()
    with as_citizen(services, signed_in(services, phone)) as first:
        held = services.citizens.held()
    assert held.phone == f"{phone[:3]}****{phone[-4:]}"
    assert (held.name, held.id_card) == ("", "")
    with clock.fixed(clock.now() + PAUSE), as_citizen(services, signed_in(services, phone)) as again:
        assert again.principal.id == first.principal.id
        assert len(services.citizens.sessions()) == 2


def test_nothing_of_a_citizen_is_stored_in_the_clear(services: Services) -> None:
    phone = new_phone()
    with as_citizen(services, signed_in(services, phone)) as scope:
        services.citizens.state_name("王小明", ID_CARD.lower())
        held = services.citizens.held()
    assert (held.name, held.id_card) == ("王*", "110***********002X")
    stored = rows(services, "SELECT row_to_json(c)::text FROM citizen c WHERE id = :id", id=scope.principal.id)
    stored += rows(services, "SELECT row_to_json(c)::text FROM citizen_code c")
    stored += rows(services, "SELECT row_to_json(e)::text FROM audit_entry e")
    for plain in (phone, "王小明", ID_CARD):
        assert not [row for row in stored if plain in str(row) or plain.encode().hex() in str(row)]


def test_what_is_answered_does_not_depend_on_an_account(web: Flask, services: Services) -> None:
    known, unknown = new_phone(), new_phone()
    signed_in(services, known)
    answers = []
    with clock.fixed(clock.now() + PAUSE):
        for phone in (known, unknown):
            client = web.test_client()
            answers.append((visit(client, "/me/sign-in", phone=phone), client.get("/me/sign-in/code")))
    assert len({(begun.status_code, begun.headers["Location"], begun.text) for begun, _ in answers}) == 1
    assert len({re.sub(r'nonce="[^"]*|value="[^"]*', "", page.text) for _, page in answers}) == 1


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_a_code_is_good_for_five_tries(services: Services) -> None:
    phone = new_phone()
    challenge, code = begun(services, phone), sent_to(services, phone)
    for _ in range(TRIES):
        with pytest.raises(CodeWrong):
            finished(services, challenge, wrong(code))
    with pytest.raises(CodeWrong):
        finished(services, challenge, code)


def test_a_code_is_good_for_five_minutes_and_once(services: Services) -> None:
    phone = new_phone()
    challenge, code = begun(services, phone), sent_to(services, phone)
    with clock.fixed(clock.now() + LIFE), pytest.raises(CodeWrong):
        finished(services, challenge, code)
    assert finished(services, challenge, f" {code} ")
    with pytest.raises(CodeWrong):
        finished(services, challenge, code)
    with pytest.raises(CodeWrong):
        finished(services, uuid4(), code)


def test_codes_to_a_phone_are_few(services: Services) -> None:
    phone, start = new_phone(), clock.now()
    for number in range(PER_PHONE):
        with clock.fixed(start + number * PAUSE):
            begun(services, phone)
            with pytest.raises(CodeTooSoon) as refusal:
                begun(services, f"+86 {phone[:3]}-{phone[3:]}")
            assert refusal.value.seconds == 61
    with clock.fixed(start + PER_PHONE * PAUSE), pytest.raises(TooManyCodes):
        begun(services, phone)
    with clock.fixed(start + timedelta(hours=1, minutes=PER_PHONE)):
        begun(services, phone)


def test_codes_at_the_wish_of_one_address_are_few(services: Services) -> None:
    for _ in range(PER_CLIENT):
        begun(services, new_phone(), "192.0.2.77")
    with pytest.raises(TooManyCodes):
        begun(services, new_phone(), "192.0.2.77")
    begun(services, new_phone(), "192.0.2.78")


@pytest.mark.parametrize(
    "told", ["", "12345678901", "1380000000", "138000000000", "+1 13800000000", "１３８００００００００"]
)
def test_what_is_no_mobile_number_is_refused(told: str) -> None:
    with pytest.raises(Invalid):
        read_phone(told)


@pytest.mark.parametrize(
    ("name", "id_card"),
    [("王小明", "110105194912310021"), ("王小明", "11010519491331002X"), ("", ID_CARD), ("王1", ID_CARD)],
)
def test_a_name_or_number_that_cannot_be_is_refused(services: Services, name: str, id_card: str) -> None:
    with as_citizen(services, signed_in(services, new_phone())):
        with pytest.raises(Invalid) as refusal:
            services.citizens.state_name(name, id_card)
        assert not [fault for fault in refusal.value.faults if fault.value]
        assert services.citizens.held().name == ""


def test_name_and_number_can_be_taken_back(services: Services) -> None:
    with as_citizen(services, signed_in(services, new_phone())):
        services.citizens.state_name("王小明", ID_CARD)
        services.citizens.take_name_back()
        assert services.citizens.held().id_card == ""


def test_a_session_ends_when_nobody_uses_it_and_in_any_case(services: Services, settings: Settings) -> None:
    secret, idle = signed_in(services, new_phone()), timedelta(minutes=settings.access_minutes)
    start = clock.now()
    with clock.fixed(start + idle), pytest.raises(NotACitizen), as_citizen(services, secret):
        pass
    moment = start
    while moment < start + ABSOLUTE - idle:
        with clock.fixed(moment), as_citizen(services, secret):
            moment += idle / 2
    with clock.fixed(start + ABSOLUTE), pytest.raises(NotACitizen), as_citizen(services, secret):
        pass


def test_one_ends_ones_own_sessions_and_nobody_elses(services: Services) -> None:
    mine, theirs = signed_in(services, new_phone()), signed_in(services, new_phone())
    with as_citizen(services, theirs) as scope:
        foreign = UUID(scope.session)
    with as_citizen(services, mine), pytest.raises(NotFound):
        services.citizens.end_session(foreign)
    with as_citizen(services, theirs):
        services.citizens.end_session(foreign)
    with pytest.raises(NotACitizen), as_citizen(services, theirs):
        pass


def test_an_erased_account_leaves_nothing(services: Services) -> None:
    phone = new_phone()
    secret = signed_in(services, phone)
    with as_citizen(services, secret) as scope:
        services.citizens.erase()
    for table, column in (("citizen", "id"), ("citizen_session", "citizen_id")):
        assert rows(services, f"SELECT 1 FROM {table} WHERE {column} = :id", id=scope.principal.id) == []
    with pytest.raises(NotACitizen), as_citizen(services, secret):
        pass
    with as_citizen(services, signed_in(services, phone)) as again:
        assert again.principal.id != scope.principal.id


def test_where_no_way_in_is_set_up_none_is_offered(settings: Settings) -> None:
    closed = build(settings.model_copy(update={"outbox_page": False}))
    with pytest.raises(CitizenSignInClosed):
        begun(closed, new_phone())
    assert closed.outbox is None


def policies() -> dict[str, Policy]:
    """Return every policy that a room declares."""
    found: dict[str, Policy] = {}
    for folder in ("app", "search", "tenants"):
        for path in sorted((Path(__file__).parents[2] / folder).rglob("*.py")):
            if re.search(r"^POLICY\b", path.read_text("utf-8"), re.MULTILINE):
                name = ".".join(path.relative_to(Path(__file__).parents[2]).with_suffix("").parts)
                found[name] = import_module(name).POLICY
    return found


POLICIES = policies()


@pytest.mark.parametrize("room", sorted(POLICIES.keys() - {"app.citizens.service"}))
def test_no_room_of_the_staff_admits_a_citizen(room: str) -> None:
    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return ""

    assert not [name for name, rule in POLICIES[room].rules.items() if permits(rule, frozenset({ROLE}), Anything())]


def test_a_citizen_is_no_role_that_staff_can_be_given() -> None:
    assert len(POLICIES) > 5
    assert ROLE not in ROLES


def visit(client: FlaskClient, path: str, **form: str):  # noqa: ANN201  # werkzeug's answer
    page = client.get("/me/sign-in" if path.startswith("/me/sign-in") else "/me/name")
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token
    return client.post(path, data={"csrf": token[1], **form})


def test_a_citizens_session_opens_no_page_of_the_staff_and_theirs_none_of_a_citizen(
    web: Flask, services: Services, county: County
) -> None:
    secret = signed_in(services, new_phone())
    client = web.test_client()
    client.set_cookie("lantai_session", secret)
    assert client.get("/desk/").status_code == 303
    client.set_cookie("lantai_session", f"province.{secret}")
    assert client.get("/desk/").status_code == 303
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer province.{secret}"}).status_code == 401
    staff = web.test_client()
    staff.set_cookie("lantai_citizen", county.token())
    assert staff.get("/me/").headers["Location"].startswith("/me/sign-in")


def test_pages_ask_who_one_is_and_for_their_own_forms(web: Flask, services: Services) -> None:
    client = web.test_client()
    assert client.get("/me/").headers["Location"] == "/me/sign-in"
    client.set_cookie("lantai_citizen", signed_in(services, new_phone()))
    assert client.get("/me/").status_code == 200
    assert client.post("/me/erase", data={"sure": "on"}).status_code == 400
    assert visit(client, "/me/erase").status_code == 422
    assert client.get("/me/").status_code == 200
    assert visit(client, "/me/erase", sure="on").headers["Location"].endswith("why=erased")
    assert client.get("/me/").status_code == 303
