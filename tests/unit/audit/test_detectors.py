"""Each detector, just below its threshold and at it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit import detectors
from app.audit.detectors import DETECTORS, Act, Asked, Finding, at_rest, started
from app.bootstrap import build  # noqa: F401  # every room, and with it every event
from app.kernel.events import Event

NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)  # a Wednesday, 12 o'clock in China
BY_NAME = {detector.name: detector for detector in DETECTORS}
Acts = Callable[[int], list[Act]]


class Past:
    """A log of which this is known."""

    def __init__(self, *, usual: float = 0, before: datetime | None = None, used: int = 1, size: int = 0) -> None:
        self._usual, self._before, self._used, self._size = usual, before, used, size

    def usual(self, principal: str, before: datetime) -> float:
        del principal, before
        return self._usual

    def signed_in_before(self, act: Act) -> datetime | None:
        del act
        return self._before

    def used(self, principal: str, role: str, since: datetime, until: datetime) -> tuple[int, ...]:
        del principal, role, since, until
        return tuple(range(100, 100 + self._used))

    def size(self) -> int:
        return self._size


def run(name: str, acts: Sequence[Act], *, past: Past | None = None, threshold: int | None = None) -> list[Finding]:
    detector = BY_NAME[name]
    asked = Asked(threshold or detector.threshold, detector.window, past or Past())
    return list(detector.rule(acts, asked))


def acts(n: int, *, action: str, every: timedelta = timedelta(seconds=30), start: datetime = NOON) -> list[Act]:
    return [
        Act(k + 1, start + k * every, "wang", ("archivist",), action, f"item-{k}", "10.0.0.9", f"r{k}")
        for k in range(n)
    ]


def viewed(n: int) -> list[Act]:
    return acts(n, action=detectors.ITEM_VIEWED)


def downloaded_at_night(n: int) -> list[Act]:
    return acts(n, action=detectors.PAGE_DOWNLOADED, start=NOON + timedelta(hours=11))


def in_a_row(n: int) -> list[Act]:
    return [replace(act, details={"ref_code": f"Z1-WS-{k + 7:04d}"}) for k, act in enumerate(viewed(n))]


def refused(n: int) -> list[Act]:
    return [replace(a, result="refused") for a in acts(n, action="access:door:refused")]


def failed(n: int) -> list[Act]:
    return [replace(a, result="refused") for a in acts(n, action=detectors.SIGN_IN_REFUSED)]


def sought(n: int) -> list[Act]:
    told = acts(n, action="lookup:person:answered")
    return [replace(act, details={"person": "digest", "counterpart": f"county-{k}"}) for k, act in enumerate(told)]


def sought_here(n: int) -> list[Act]:
    told = acts(n, action="lookup:person:asked")
    return [replace(act, principal=f"clerk-{k}", details={"person": "digest"}) for k, act in enumerate(told)]


def exported(n: int) -> list[Act]:
    return acts(n, action="audit:log:exported")


def revealed(n: int) -> list[Act]:
    return acts(n, action=detectors.REVEALED)


def same_moment(n: int) -> list[Act]:
    return acts(n, action="records:item:created", every=timedelta())


COUNTING: dict[str, list[Acts]] = {
    "bulk_viewing": [viewed],
    "night_download": [downloaded_at_night],
    "in_a_row": [in_a_row],
    "refusals": [refused],
    "sign_in_flood": [failed],
    "person_sought": [sought, sought_here],
    "exports": [exported],
    "revealed": [revealed],
    "clock_held": [same_moment],
}


@pytest.mark.parametrize(("name", "made"), [(name, made) for name, each in COUNTING.items() for made in each])
def test_it_is_silent_below_its_threshold_and_speaks_at_it(name: str, made: Acts) -> None:
    threshold = BY_NAME[name].threshold
    assert run(name, made(threshold - 1)) == []
    (finding,) = run(name, made(threshold))
    assert finding.evidence == tuple(range(1, threshold + 1))


@pytest.mark.parametrize("name", sorted(set(COUNTING) - {"clock_held", "in_a_row"}))
def test_acts_apart_by_more_than_the_window_do_not_add_up(name: str) -> None:
    detector = BY_NAME[name]
    made = COUNTING[name][0](detector.threshold)
    spread = [replace(act, at=act.at + k * detector.window) for k, act in enumerate(made)]
    assert run(name, spread) == []


@given(st.integers(2, 30), st.lists(st.sampled_from("abcde"), max_size=60))
def test_the_same_record_opened_again_counts_once(threshold: int, opened: list[str]) -> None:
    made = [replace(act, thing=thing) for act, thing in zip(viewed(len(opened)), opened, strict=True)]
    assert bool(run("bulk_viewing", made, threshold=threshold)) == (len(set(opened)) >= threshold)


@given(st.lists(st.sampled_from(["wang", "li", ""]), max_size=20))
def test_everybody_is_counted_alone(who: list[str]) -> None:
    made = [replace(act, principal=name) for act, name in zip(refused(len(who)), who, strict=True)]
    told = {finding.subject for finding in run("refusals", made)}
    assert told == {name for name in ("wang", "li") if who.count(name) >= 10}


@given(st.integers(0, 12), st.integers(0, 12))
def test_what_is_read_again_is_found_again_under_the_same_window(extra: int, dropped: int) -> None:
    """A later run reads from one window before; what it finds leads to the same alerts."""
    detector = BY_NAME["refusals"]
    whole = refused(detector.threshold + extra)
    keys = [(f.subject, started(f.until, detector.window)) for f in run("refusals", whole)]
    again = [(f.subject, started(f.until, detector.window)) for f in run("refusals", whole[dropped:])]
    assert set(again) <= set(keys)


def test_a_page_counts_as_its_item() -> None:
    pages = [replace(act, action=detectors.PAGE_VIEWED, details={"item": "one"}) for act in viewed(60)]
    assert run("bulk_viewing", pages) == []


@pytest.mark.parametrize(("usual", "speaks"), [(0, False), (3, True), (4, True), (4.1, False)])
def test_a_surge_is_five_times_ones_own_mean(usual: float, *, speaks: bool) -> None:
    assert bool(run("viewing_surge", viewed(20), past=Past(usual=usual))) == speaks
    assert run("viewing_surge", viewed(19), past=Past(usual=1)) == []


@pytest.mark.parametrize(
    ("moment", "rest"),
    [
        (datetime(2026, 11, 18, 13, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 18, 14, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 21, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 22, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 4, 0, tzinfo=UTC), True),
    ],
)
def test_rest_is_the_night_and_the_weekend_in_china(moment: datetime, *, rest: bool) -> None:
    assert at_rest(moment) == rest


def test_downloads_by_day_are_work() -> None:
    assert run("night_download", acts(60, action=detectors.PAGE_DOWNLOADED)) == []


def test_a_gap_between_numbers_ends_the_row() -> None:
    made = in_a_row(25)
    del made[12]
    assert run("in_a_row", made) == []


@pytest.mark.parametrize(("days", "speaks"), [(89, False), (90, True)])
def test_an_account_awakes_after_ninety_days(days: int, *, speaks: bool) -> None:
    signed_in = acts(1, action=detectors.SIGNED_IN)
    assert bool(run("awake", signed_in, past=Past(before=NOON - timedelta(days=days)))) == speaks
    assert run("awake", signed_in) == []


def test_a_dormant_account_that_is_refused_is_told_too() -> None:
    (act,) = failed(1)
    assert run("awake", [act]) == []
    assert run("awake", [replace(act, reason="identity.dormant")])


@pytest.mark.parametrize(
    ("after", "used", "role", "speaks"),
    [
        (timedelta(hours=24), 1, "desk", True),
        (timedelta(hours=24, seconds=1), 1, "desk", False),
        (timedelta(hours=1), 0, "desk", False),
        (timedelta(hours=1), 1, "director", False),
    ],
)
def test_a_right_given_used_and_removed(after: timedelta, used: int, role: str, *, speaks: bool) -> None:
    told = [
        Act(1, NOON, "sec", action=detectors.GRANTED, thing="wang", details={"role": "desk"}),
        Act(200, NOON + after, "sec", action=detectors.REMOVED, thing="wang", details={"role": role}),
    ]
    found = run("brief_grant", told, past=Past(used=used))
    assert [f.evidence for f in found] == ([(1, 100, 200)] if speaks else [])


@pytest.mark.parametrize("reset", detectors.RESETS)
@pytest.mark.parametrize("entry", detectors.ENTRIES)
@pytest.mark.parametrize(
    ("after", "client", "by", "speaks"),
    [
        (timedelta(hours=24), "10.0.0.9", "admin", True),
        (timedelta(hours=24, seconds=1), "10.0.0.9", "admin", False),
        (timedelta(hours=1), "10.0.0.8", "admin", False),
        (timedelta(hours=1), "10.0.0.9", "wang", False),
        (timedelta(hours=1), "", "admin", False),
    ],
)
def test_an_account_entered_from_where_it_was_reset(
    reset: str, entry: str, after: timedelta, client: str, by: str, *, speaks: bool
) -> None:
    told = [
        Act(1, NOON, by, action=reset, thing="wang", client=client and "10.0.0.9"),
        Act(2, NOON + timedelta(minutes=1), by, action=entry, thing="li", client="10.0.0.9"),
        Act(3, NOON + after, "door", action=entry, thing="wang", client=client),
    ]
    found = run("impersonated", told)
    assert [(f.subject, f.evidence) for f in found] == ([("admin", (1, 3))] if speaks else [])


def test_every_action_a_detector_names_is_one_that_is_recorded() -> None:
    def kinds(kind: type[Event]) -> Iterator[type[Event]]:
        for each in kind.__subclasses__():
            yield each
            yield from kinds(each)

    recorded = {each.action for each in kinds(Event) if hasattr(each, "action")}
    assert {action for detector in DETECTORS for action in detector.actions} <= recorded


def test_a_whole_log_is_not_broken() -> None:
    assert run("log_broken", viewed(30), past=Past(size=30)) == []
    assert run("log_broken", [], past=Past(size=30)) == []


@given(st.integers(1, 28), st.sampled_from(["removed", "altered", "cut"]))
def test_the_break_is_named(place: int, how: str) -> None:
    made = viewed(30)
    if how == "removed":
        del made[place]
    elif how == "altered":
        made[place] = replace(made[place], whole=False)
    else:
        del made[place:]
    (finding,) = run("log_broken", made, past=Past(size=30))
    assert finding.subject == str(place + 1)


def test_one_request_may_write_several_entries_at_once() -> None:
    made = [replace(act, request="r") for act in same_moment(9)]
    assert run("clock_held", made) == []
