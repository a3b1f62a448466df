"""The documentation says what the product does: made from it, and compared."""

from dataclasses import fields

import pytest

from app.kernel.errors import DomainError
from app.platform.messages import LANGUAGES, Language, catalogue
from app.platform.settings import Settings
from tests.docs.reference import DOCS, PARTS, commands, operations, refusals, renewed, specification
from tests.docs.words import placeholders

AGAIN = "run: .venv/bin/python -m tests.docs.reference"


@pytest.mark.parametrize("page", sorted({file for file, _ in PARTS.values()}))
def test_a_generated_page_is_as_the_product_is(page: str) -> None:
    told = (DOCS / page).read_text("utf-8")
    assert all(f"<!-- generated: {part} -->" in told for part, (file, _) in PARTS.items() if file == page)
    assert told == renewed(told), AGAIN


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `LANTAI_{name.upper()}` |" in (DOCS / "operations.md").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_documented(name: str) -> None:
    assert f"## {name}\n" in (DOCS / "cli.md").read_text("utf-8")


def test_a_usage_line_is_what_one_types() -> None:
    assert "Usage: lantai tenant quota [OPTIONS] SLUG" in dict(commands())["lantai tenant quota"]


def test_every_route_is_documented() -> None:
    told = (DOCS / "api.md").read_text("utf-8")
    missing = [
        f"{method} {path}" for method, path, _ in operations(specification()) if f"`{method} {path}`" not in told
    ]
    assert missing == []


def has_code(kind: type[DomainError]) -> bool:
    return isinstance(vars(kind).get("code"), str)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words(language: Language) -> None:
    specification()  # imports every room
    texts = catalogue(language)
    assert [kind.code for kind in refusals() if has_code(kind) and kind.code not in texts] == []


def test_every_refusal_has_words_filled_from_its_facts() -> None:
    """A placeholder that is no fact of the refusal would break the answer that explains it."""
    specification()
    texts = {language: catalogue(language) for language in LANGUAGES}
    for kind in filter(has_code, refusals()):
        facts = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]  # every refusal is a dataclass
        for language in LANGUAGES:
            text = texts[language][kind.code]
            assert placeholders(text) <= facts, f"{kind.code} in {language}: {text}"
