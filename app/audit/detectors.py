"""What counts as unusual, declared. A rule is pure: it reads acts and says what it found.

Thresholds are those of the handbook (security.md, 8): an alert is raised when there are so many. A county sets
its own where they do not fit.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from app.audit.types import Severity

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DORMANT = timedelta(days=90)
TIMES_USUAL = 5
MOST_EVIDENCE = 200

ITEM_VIEWED = "records:item:viewed"
PAGE_VIEWED = "digitisation:page:viewed"
PAGE_DOWNLOADED = "digitisation:page:downloaded"
VIEWS = (ITEM_VIEWED, PAGE_VIEWED, PAGE_DOWNLOADED)
EXPORTS = ("audit:log:exported", "audit:log:selection_exported", "departure:export:asked")
SIGNED_IN = "identity:account:signed_in"
SIGN_IN_REFUSED = "identity:account:sign_in_refused"
SIGN_INS_REFUSED = (SIGN_IN_REFUSED, "client:client:sign_in_refused")
GRANTED, REMOVED = "identity:grant:given", "identity:grant:removed"
REVEALED = "identity:account:revealed"
RESETS = ("identity:account:password_reset", "identity:factor:removed")
ENTRIES = (SIGNED_IN, "identity:account:sign_in_continued", "identity:factor:enrolled")
LOOKUPS = ("lookup:person:asked", "lookup:person:answered")

_CHINA = ZoneInfo("Asia/Shanghai")
_EVENING, _MORNING, _SATURDAY = 22, 6, 5
_NUMBERED = re.compile(r"(.*?)([0-9]+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Act:
    """An entry of the log, as rules read it.

    Attributes
    ----------
    whole : bool
        Whether the entry still has the leaf that was kept of it.
    """

    seq: int
    at: datetime
    principal: str = ""
    roles: tuple[str, ...] = ()
    action: str = ""
    thing: str = ""
    client: str = ""
    request: str = ""
    result: str = "done"
    reason: str = ""
    details: Mapping[str, object] | None = None
    whole: bool = True

    def told(self, name: str) -> str:
        """Return a detail as text; empty where there is none."""
        return str((self.details or {}).get(name, ""))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual about a subject, and the entries that show it."""

    subject: str
    since: datetime
    until: datetime
    evidence: tuple[int, ...]


class Past(Protocol):
    """What rules ask of the log beyond the acts they are given."""

    def usual(self, principal: str, before: datetime) -> float:
        """Return how many records a person opened in an hour, on average of the hours of 30 days with any."""
        ...

    def signed_in_before(self, act: Act) -> datetime | None:
        """Return when the account of a sign-in had signed in before."""
        ...

    def used(self, principal: str, role: str, since: datetime, until: datetime) -> tuple[int, ...]:
        """Return the entries of what somebody did while holding a role."""
        ...

    def size(self) -> int:
        """Return how many entries the log claims."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """How a rule is put to the acts: how many within how long, and the past."""

    threshold: int
    window: timedelta
    past: Past


Rule = Callable[[Sequence[Act], Asked], Iterator[Finding]]
Subject = Callable[[Act], str]


@dataclass(frozen=True, slots=True)
class Detector:
    """One pattern.

    Attributes
    ----------
    actions : tuple of str
        What it reads of the log; nothing named means everything.
    result : str
        Of the acts it reads; empty for any.
    """

    name: str
    severity: Severity
    window: timedelta
    threshold: int
    rule: Rule
    actions: tuple[str, ...] = ()
    result: str = ""


def started(at: datetime, window: timedelta) -> datetime:
    """Return the beginning of the window a moment lies in, so that what goes on is found once a window."""
    return datetime.fromtimestamp(at.timestamp() // window.total_seconds() * window.total_seconds(), UTC)


def found(subject: str, acts: Sequence[Act]) -> Finding:
    """Return a finding that stands on acts."""
    return Finding(subject, acts[0].at, acts[-1].at, tuple(act.seq for act in acts[-MOST_EVIDENCE:]))


def crowd(subject: Subject, counted: Callable[[Act], Hashable]) -> Rule:
    """Return the rule that one subject did so many different things within the window.

    Parameters
    ----------
    subject : callable
        Of an act; empty leaves it out.
    counted : callable
        What makes an act another one.
    """

    def rule(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
        for who, theirs in _of_each(acts, subject).items():
            yield from _crowded(who, theirs, counted, asked)

    return rule


def _crowded(who: str, acts: Sequence[Act], counted: Callable[[Act], Hashable], asked: Asked) -> Iterator[Finding]:
    recent: deque[Act] = deque()
    kinds: Counter[Hashable] = Counter()
    told: datetime | None = None
    for act in acts:
        recent.append(act)
        kinds[counted(act)] += 1
        while recent[0].at <= act.at - asked.window:
            gone = counted(recent.popleft())
            kinds[gone] -= 1
            if not kinds[gone]:
                del kinds[gone]
        if len(kinds) >= asked.threshold and told != started(act.at, asked.window):
            told = started(act.at, asked.window)
            yield found(who, tuple(recent))


def surge(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find who opened so many records within the window, and five times as many as usual for them."""
    for finding in crowd(_principal, _record)(acts, asked):
        usual = asked.past.usual(finding.subject, finding.since)
        opened = {_record(act) for act in acts if act.seq in finding.evidence}
        if 0 < usual * TIMES_USUAL <= len(opened):
            yield finding


def in_a_row(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find who opened so many records one after the other by their numbers."""
    for who, theirs in _of_each(acts, _principal).items():
        row: list[Act] = []
        for act in theirs:
            if row and _place(act) == _place(row[-1]):
                continue
            follows = row and act.at - row[0].at < asked.window and _follows(row[-1], act)
            row = [*row, act] if follows else [act]
            if len(row) == asked.threshold:
                yield found(who, row)


def awake(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find accounts that signed in, or tried to, after not having done so for 90 days."""
    for act in acts:
        before = asked.past.signed_in_before(act) if act.action == SIGNED_IN else None
        slept = before is not None and act.at - before >= DORMANT
        if slept or act.reason == "identity.dormant":
            yield found(act.thing, (act,))


def granted_used_removed(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find roles that were given, used and taken away again within the window."""
    given: dict[tuple[str, str], Act] = {}
    for act in acts:
        key = act.thing, act.told("role")
        if act.action == GRANTED:
            given[key] = act
        elif (start := given.pop(key, None)) and act.at - start.at <= asked.window:
            used = asked.past.used(*key, start.at, act.at)
            if len(used) >= asked.threshold:
                yield Finding(act.thing, start.at, act.at, (start.seq, *used[-MOST_EVIDENCE + 2 :], act.seq))


def impersonated(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find who reset another's password or factor, where the account was then entered from the same address."""
    resets: defaultdict[str, list[Act]] = defaultdict(list)
    for act in acts:
        if act.action in RESETS:
            if act.client and act.principal != act.thing:
                resets[act.thing].append(act)
            continue
        for reset in resets[act.thing]:
            if act.client == reset.client and act.at - reset.at <= asked.window:
                yield found(reset.principal, (reset, act))


def broken(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find entries that were altered, and gaps between entries and after the last."""
    for before, act in pairwise(acts):
        if act.seq != before.seq + 1:
            yield found(str(before.seq + 1), (before, act))
    for act in acts:
        if not act.whole:
            yield found(str(act.seq), (act,))
    if acts and acts[-1].seq < asked.past.size():
        yield found(str(acts[-1].seq + 1), acts[-1:])


def clock_held(acts: Sequence[Act], asked: Asked) -> Iterator[Finding]:
    """Find different requests at the very same moment: the clock ran back, and the log waited for it."""
    same: list[Act] = []
    for act in acts:
        same = [*same, act] if same and same[-1].at == act.at else [act]
        requests = {each.request for each in same}
        if len(requests) == asked.threshold and act.request not in {each.request for each in same[:-1]}:
            yield found("clock", same)


def at_rest(at: datetime) -> bool:
    """Say whether people are at home in China: from 22 to 6 o'clock, on Saturdays and Sundays."""
    there = at.astimezone(_CHINA)
    return there.hour >= _EVENING or there.hour < _MORNING or there.weekday() >= _SATURDAY


def _of_each(acts: Sequence[Act], subject: Subject) -> Mapping[str, list[Act]]:
    theirs: defaultdict[str, list[Act]] = defaultdict(list)
    for act in acts:
        if who := subject(act):
            theirs[who].append(act)
    return theirs


def _principal(act: Act) -> str:
    return act.principal


def _record(act: Act) -> str:
    """Return which record was opened: an item, or the item of a page."""
    return act.told("item") or act.thing


def _seeker(act: Act) -> str:
    """Return who looks for a person: an officer of one's own, or another county."""
    return act.principal if act.action == LOOKUPS[0] else act.told("counterpart")


def _place(act: Act) -> tuple[str, int] | None:
    numbered = _NUMBERED.match(act.told("ref_code"))
    return (numbered[1], int(numbered[2])) if numbered else None


def _follows(before: Act, act: Act) -> bool:
    here, there = _place(before), _place(act)
    return here is not None and there == (here[0], here[1] + 1)


DETECTORS = (
    Detector("bulk_viewing", Severity.WARNING, HOUR, 51, crowd(_principal, _record), VIEWS, "done"),
    Detector("viewing_surge", Severity.HINT, HOUR, 20, surge, VIEWS, "done"),
    Detector(
        "night_download", Severity.WARNING, DAY, 21,
        crowd(lambda act: act.principal if at_rest(act.at) else "", lambda act: act.thing), (PAGE_DOWNLOADED,),
    ),
    Detector("in_a_row", Severity.WARNING, HOUR, 20, in_a_row, (ITEM_VIEWED,), "done"),
    Detector(
        "refusals", Severity.WARNING, timedelta(minutes=10), 10,
        crowd(lambda act: "" if act.action in SIGN_INS_REFUSED else act.principal, lambda act: act.seq),
        result="refused",
    ),
    Detector(
        "sign_in_flood", Severity.GRAVE, HOUR, 5,
        crowd(lambda act: act.client, lambda act: act.thing), SIGN_INS_REFUSED,
    ),
    Detector(
        "person_sought", Severity.WARNING, DAY, 3,
        crowd(lambda act: act.told("person"), _seeker), LOOKUPS,
    ),
    Detector("awake", Severity.WARNING, DAY, 1, awake, (SIGNED_IN, SIGN_IN_REFUSED)),
    Detector("exports", Severity.WARNING, DAY, 5, crowd(_principal, lambda act: act.seq), EXPORTS, "done"),
    Detector("revealed", Severity.WARNING, HOUR, 10, crowd(_principal, lambda act: act.seq), (REVEALED,), "done"),
    Detector("impersonated", Severity.GRAVE, DAY, 1, impersonated, (*RESETS, *ENTRIES), "done"),
    Detector("brief_grant", Severity.GRAVE, DAY, 1, granted_used_removed, (GRANTED, REMOVED), "done"),
    Detector("log_broken", Severity.GRAVE, HOUR, 1, broken),
    Detector("clock_held", Severity.HINT, HOUR, 2, clock_held),
)  # fmt: skip
