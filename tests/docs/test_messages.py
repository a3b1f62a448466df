"""The two languages say the same things."""

from app.platform.messages import LANGUAGES, catalogue
from tests.docs.words import placeholders

ZH, EN = (catalogue(language) for language in LANGUAGES)


def test_both_languages_have_the_same_messages() -> None:
    assert set(ZH) ^ set(EN) == set()


def test_a_message_wants_the_same_facts_in_both_languages() -> None:
    assert [code for code in ZH if placeholders(ZH[code]) != placeholders(EN.get(code, ""))] == []


def test_every_message_says_something() -> None:
    assert [code for texts in (ZH, EN) for code, text in texts.items() if not text.strip()] == []
