"""The two languages say the same things."""

from app.identity.types import ROLES
from app.kernel.events import Event
from app.platform.database import tenant_tables
from app.platform.jobs import JobState
from app.platform.messages import LANGUAGES, catalogue
from app.portal import rights
from app.records.types import Description, ItemState
from tests.docs.words import placeholders
from workers.tasks.register import HANDLERS

ZH, EN = (catalogue(language) for language in LANGUAGES)


def test_both_languages_have_the_same_messages() -> None:
    assert set(ZH) ^ set(EN) == set()


def test_a_message_wants_the_same_facts_in_both_languages() -> None:
    assert [code for code in ZH if placeholders(ZH[code]) != placeholders(EN.get(code, ""))] == []


def test_every_message_says_something() -> None:
    assert [code for texts in (ZH, EN) for code, text in texts.items() if not text.strip()] == []


def test_whatever_a_user_may_meet_has_words() -> None:
    wanted = {
        *(f"audit.{event.action}" for event in events()),
        *(f"element.{name}" for name in Description.__dataclass_fields__),
        *(f"rights.{room}.{action}" for room in rights.rooms() for action in rights.actions(room)),
        *(f"role.{name}" for name in ROLES),
        *(f"state.item.{state}" for state in ItemState),
        *(f"state.job.{state}" for state in JobState),
        *(f"table.{name}" for name in tenant_tables()),
        *(f"task.{name}" for name in HANDLERS),
    }
    assert sorted(wanted - set(ZH)) == []


def events() -> list[type[Event]]:
    return [event for event in Event.__subclasses__() if not event.__module__.startswith("tests.")]
