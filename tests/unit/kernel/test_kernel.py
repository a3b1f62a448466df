"""Values that everything stands on: clock, ids, digests, cursors, predicates, scope."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel import clock
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.hashes import canonical, sha256
from app.kernel.ids import derived_id, new_id
from app.kernel.paging import decode_cursor, encode_cursor
from app.kernel.predicate import Policy, field, permits, role
from tenants.scope import Principal, Scope, ScopeMissing, TenantId, current_scope, entered, scope_or_none

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
EAST, WEST = (Scope(TenantId(name), Principal("system:test")) for name in ("east", "west"))


def test_the_clock_is_held_inside_its_block_only() -> None:
    with clock.fixed(NOON):
        assert clock.now() == NOON
        with clock.fixed(NOON + timedelta(days=1)):
            assert clock.now() == NOON + timedelta(days=1)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_ids_are_of_version_7_and_ordered_by_time() -> None:
    ids: list[uuid.UUID] = []
    for seconds in range(5):
        with clock.fixed(NOON + timedelta(seconds=seconds)):
            ids.append(new_id())
    assert ids == sorted(ids)
    assert {(value.version, value.variant) for value in ids} == {(7, uuid.RFC_4122)}
    assert ids[0].int >> 80 == int(NOON.timestamp() * 1000)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f")), min_size=1))
def test_parts_lead_to_one_id_and_no_other_parts_to_it(parts: list[str]) -> None:
    assert derived_id(*parts) == derived_id(*parts)
    assert derived_id(*parts) != derived_id(*parts, "")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json))
def test_equal_values_have_equal_bytes(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(value) == canonical(backwards)


def test_a_digest_is_sha256() -> None:
    """Source: FIPS 180-4, the empty message."""
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical({"乙": 1, "a": [True, None]}) == '{"a":[true,null],"乙":1}'.encode()


KEYS: dict[str, st.SearchStrategy[str]] = {
    "s": st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    "i": st.integers(0, 10**17).map(str),
    "u": st.uuids().map(str),
    "t": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
}
keys = st.text("siut", min_size=1, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.tuples(*(KEYS[kind] for kind in kinds)))
)


@given(keys)
def test_a_cursor_is_read_back(kinds_and_key: tuple[str, tuple[str, ...]]) -> None:
    kinds, key = kinds_and_key
    assert decode_cursor(encode_cursor(key), kinds=kinds) == key


@given(st.text(), st.text("siut", min_size=1, max_size=3))
def test_any_other_text_is_no_cursor(text: str, kinds: str) -> None:
    try:
        key = decode_cursor(text, kinds=kinds)
    except Invalid:
        return
    assert len(key) == (len(kinds) if text else 0)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        (("x",), "u"),
        (("x",), "i"),
        (("x",), "t"),
        (("a", "b"), "s"),
        ((), "s"),
        (("a\x00",), "s"),
        (("9" * 19,), "i"),
        (("9" * 5000,), "i"),
    ],
)
def test_a_cursor_of_another_listing_is_refused(key: tuple[str, ...], kinds: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(key), kinds=kinds)


def test_an_action_nobody_declared_is_refused() -> None:
    policy = Policy({"read": role("reader")})
    policy.require("read", frozenset({"reader"}))
    for action, roles in (("write", {"reader"}), ("read", {"writer"}), ("read", set[str]())):
        with pytest.raises(Refused):
            policy.require(action, frozenset(roles))


def test_a_predicate_about_a_field_needs_the_field() -> None:
    tree = role("reader") & ~field("state", "secret", "closed")
    assert permits(tree, frozenset({"reader"}), {"state": "open"})
    assert not permits(tree, frozenset({"reader"}), {"state": "closed"})
    assert not permits(tree, frozenset(), {"state": "open"})
    with pytest.raises(KeyError):
        permits(tree, frozenset({"reader"}), {})


def test_a_refusal_tells_its_facts() -> None:
    assert (NotFound("item").facts(), str(NotFound("item"))) == ({"what": "item"}, "absent {'what': 'item'}")


def test_no_scope_is_an_error_and_never_a_default() -> None:
    assert scope_or_none() is None
    with pytest.raises(ScopeMissing):
        current_scope()


def test_a_scope_is_left_whatever_happens() -> None:
    with entered(EAST):
        with pytest.raises(RuntimeError), entered(WEST):
            raise RuntimeError
        assert current_scope() is EAST
    assert scope_or_none() is None


def test_a_scope_does_not_leak_into_threads() -> None:
    seen: list[Scope | None] = []
    with entered(EAST):
        thread = threading.Thread(target=lambda: seen.append(scope_or_none()))
        thread.start()
        thread.join()
    assert seen == [None]
