"""From codes to the words on a page, in the language of the answer."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import request

from app.kernel.errors import DomainError, Fault, Invalid
from app.platform.messages import known, text
from app.portal.edge import language, note_refusal
from app.records.types import CheckFailed, Finding
from tenants.quotas import GB, Kind

_CHINA = ZoneInfo("Asia/Shanghai")
_EIGHT = 8
_BROWSERS = (
    ("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip
"""What clients write into User-Agent, in the order in which the first match names them: most name others too."""


_ROOMS = {
    "portal.catalogue": "records",
    "portal.imports": "intake",
    "portal.uploads": "digitisation",
    "portal.viewer": "digitisation",
    "portal.search": "search",
    "portal.jobs": "jobs",
    "portal.alerts": "alerts",
    "portal.audit": "audit",
    "portal.admin": "identity",
    "portal.province": "province",
    "portal.leaving": "province",
    "portal.agreements": "agreements",
    "portal.all_agreements": "agreements",
    "portal.lookups": "lookups",
    "portal.clients": "clients",
}
"""Which room's policy answers for which pages, to say what was refused and whose it is."""

_STATES = (
    "state.item", "intake.state", "state.tenant", "state.account", "state.agreement", "state.client", "state.job",
)  # fmt: skip
"""Where the names of states are, in the order in which they are looked for."""


def t(code: str, **facts: object) -> str:
    """Return a message of the catalogue."""
    return text(code, language(), **facts)


def named(kind: str, code: object) -> str:
    """Return the name of a role, state, element or finding; the code itself where it has none."""
    key = f"{kind}.{code}"
    return t(key) if known(key, language()) else str(code)


def _first(code: str, *kinds: str) -> str:
    """Return the name of a code in the first part of the catalogue that has one; the code itself where none has."""
    return next((t(key) for kind in kinds if known(key := f"{kind}.{code}", language())), code)


def room() -> str:
    """Return the room whose page this is."""
    return _ROOMS.get(request.blueprint or "", "records")


def fault(found: Fault | Finding, kind: str = "fault") -> str:
    """Return what is wrong with a field, and the remedy.

    Parameters
    ----------
    found : Fault or Finding
    kind : str
        Part of the catalogue: ``fault`` or ``check``.
    """
    field = named("element", found.field)
    return t(f"{kind}.{found.code}", field=field, value=found.value, allowed=found.allowed)


def refusal(error: DomainError) -> str:
    """Return the sentence for a refusal, which is noted in the audit log where whoever is told is signed in."""
    note_refusal(error)
    facts = error.facts()
    if "state" in facts:
        facts["state"] = _first(str(facts["state"]), *_STATES)
    if "action" in facts:
        facts["action"] = _first(str(facts["action"]), f"rights.{room()}", "act")
    for name in ("role", "roles"):
        if name in facts:
            facts[name] = t("rights.list").join(named("role", role) for role in str(facts[name]).split(", "))
    return t(error.code, **facts)


def faults(error: DomainError) -> tuple[str, ...]:
    """Return the sentences for each thing wrong, where a refusal names several."""
    if isinstance(error, Invalid):
        return tuple(fault(each) for each in error.faults)
    if isinstance(error, CheckFailed):
        return tuple(fault(each, "check") for each in error.findings)
    return ()


def reason(error: Mapping[str, object]) -> str:
    """Return the sentence for a stored failure: its code with its facts."""
    facts = {name: value for name, value in error.items() if name != "code"}
    code = str(error.get("code", ""))
    return t(code, **facts) if known(code, language()) else t("portal.unknown_failure", number=code)


def amount(kind: Kind, number: int) -> str:
    """Return a number of a limit as people read it: storage in GB."""
    shown = f"{number / GB:,.1f}".removesuffix(".0") if kind == "storage" else f"{number:,}"
    return f"{shown} {t(f'quota.unit.{kind}')}"


def moment(at: datetime) -> str:
    """Return a time as it reads in China."""
    return t("portal.moment", at=at.astimezone(_CHINA))


def day(date18: str) -> str:
    """Return a DATE18 as a person writes it; unknown parts are left out."""
    first, dash, last = date18.partition("-")
    if dash:
        return f"{day(first)}—{day(last)}"
    if len(first) != _EIGHT or not first.isdecimal():
        return date18
    year, month, number = first[:4], int(first[4:6]), int(first[6:])
    if number:
        return t("portal.day.full", year=year, month=month, day=number)
    return t("portal.day.month", year=year, month=month) if month else t("portal.day.year", year=year)


def is_id(value: str) -> bool:
    """Say whether a string is an id, which people need not see."""
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def device(client: str) -> str:
    """Return what a client calls itself in few words: browser and system; as it is where neither is known."""
    seen = [next((name for mark, name in marks if mark in client), "") for marks in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, seen)) or client
