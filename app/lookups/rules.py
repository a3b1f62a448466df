"""What may be asked, and what of a record is told. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from app.kernel.errors import Fault, Invalid
from app.lookups.types import Answer, Lookup, Outcome, Question
from search import analysis
from search.types import NamedItem
from tenants.terms import FIELDS, KINDS, PURPOSES, Terms, today

LONGEST_NAME = 40
LONGEST_TICKET = 100
MOST_RECORDS = 20
YEARS = range(1000, 3000)

_CHINA = ZoneInfo("Asia/Shanghai")


def check(question: Question) -> None:
    """Raise `Invalid` with everything that is wrong with a question."""
    if faults := tuple(_faults(question)):
        raise Invalid(faults)


def _faults(question: Question) -> Iterator[Fault]:
    if len(spelt(question.name)) < 2:  # noqa: PLR2004  # one character would find half the county
        yield Fault("too_short", "person", allowed="2")
    for field, value, most in (
        ("person", question.name, LONGEST_NAME),
        ("spouse", question.spouse, LONGEST_NAME),
        ("ticket", question.ticket, LONGEST_TICKET),
    ):
        if len(value) > most:
            yield Fault("too_long", field, allowed=str(most))
        if not value.isprintable() or any(mark in value for mark in '"*?%_'):
            yield Fault("no_pattern", field)
    if not question.ticket.strip():
        yield Fault("required", "ticket")
    if question.kind not in KINDS:
        yield Fault("choice", "kind", question.kind[:40], allowed=", ".join(KINDS))
    if question.purpose not in PURPOSES:
        yield Fault("choice", "purpose", question.purpose[:40], allowed=", ".join(PURPOSES))
    for field, year in (
        ("birth_year", question.birth_year),
        ("year_from", question.year_from),
        ("year_to", question.year_to),
    ):
        if year is not None and year not in YEARS:
            yield Fault("number", field, str(year), allowed=f"{YEARS[0]}–{YEARS[-1]}")


def spelt(name: str) -> str:
    """Return a name in the one spelling by which it is found, and whose digest stands for the person."""
    return analysis.key(name)


def names(question: Question) -> tuple[str, ...]:
    """Return the names that must stand on one record."""
    return tuple(spelt(name) for name in (question.name, question.spouse) if spelt(name))


def first_year(question: Question) -> int | None:
    """Return the earliest year a record may be of: none is older than the person."""
    given = [year for year in (question.year_from, question.birth_year) if year is not None]
    return max(given, default=None)


def is_of(question: Question, asked: Lookup) -> bool:
    """Say whether a lookup asked this question, as far as it is kept: of a spouse and of years of birth nothing is."""
    told = (question.holder, question.name, question.kind, question.purpose, question.ticket.strip())
    kept = (asked.counterpart, asked.subject, asked.kind, asked.purpose, asked.ticket)
    return (*told, question.year_from, question.year_to) == (*kept, asked.year_from, asked.year_to)


def day_began() -> datetime:
    """Return when the day in China began, from which lookups are counted."""
    return datetime.combine(today(), time(), _CHINA)


def answer(found: Sequence[NamedItem], *, kind: str, archive: str, terms: Terms) -> Answer:
    """Return what the agreement lets the holder tell of the records found."""
    told: list[Mapping[str, object]] = []
    for item in found[:MOST_RECORDS]:
        whole: Mapping[str, object] = {
            "archive": archive,
            "kind": kind,
            "year": item.year,
            "ref_code": item.ref_code,
            "title": item.title,
        }
        told.append({field: whole[field] for field in FIELDS if field in terms.fields})
    if not found:
        return Answer(Outcome.NOT_FOUND, ())
    return Answer(Outcome.HELD if len(found) == 1 else Outcome.SEVERAL, tuple(told))
