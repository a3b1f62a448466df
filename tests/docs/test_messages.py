"""The two languages say the same things."""

import pytest

from app.platform.messages import LANGUAGES, catalogue
from tests.docs.words import placeholders

ZH, EN = (catalogue(language) for language in LANGUAGES)


def test_both_languages_have_the_same_messages() -> None:
    assert set(ZH) ^ set(EN) == set()


@pytest.mark.parametrize("code", sorted(set(ZH) & set(EN)))
def test_a_message_wants_the_same_facts_in_both_languages(code: str) -> None:
    assert placeholders(ZH[code]) == placeholders(EN[code])


@pytest.mark.parametrize("code", sorted(ZH))
def test_a_message_says_something(code: str) -> None:
    assert ZH[code].strip()
    assert EN[code].strip()
