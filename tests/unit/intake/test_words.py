"""Everything intake says has words in every language."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import app.intake
from app.intake import types
from app.intake.types import CatalogueRefused, ImportState
from app.kernel.errors import DomainError
from app.platform.messages import LANGUAGES, Language, text

REFUSALS = [
    kind
    for kind in vars(types).values()
    if isinstance(kind, type) and issubclass(kind, DomainError) and kind not in (DomainError, CatalogueRefused)
]
SOURCE = "".join(path.read_text("utf-8") for path in Path(app.intake.__path__[0]).glob("*.py"))
FAULTS = sorted(set(re.findall(r'(?:Unfit|Fault|_fault)\(\s*"(\w+)"', SOURCE)))
NOTES = sorted(set(re.findall(r'Change\("(\w+)"', SOURCE)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_words(refusal: type[DomainError], language: Language) -> None:
    facts = {field.name: "§" for field in fields(refusal)}  # pyright: ignore[reportArgumentType]  # all are dataclasses
    assert text(refusal.code, language, **facts).count("§") >= len(facts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_words_with_its_column(code: str, language: Language) -> None:
    said = text(f"fault.{code}", language, field="题名", value="值", allowed="可用", row=2)
    assert "题名" in said or code == "extra_cells"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", NOTES)
def test_every_note_has_words(code: str, language: Language) -> None:
    assert "题名" in text(f"intake.note.{code}", language, field="题名", count=3, row=2, before="甲", after="乙")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", list(ImportState))
def test_every_state_has_a_name(state: ImportState, language: Language) -> None:
    assert text(f"intake.state.{state}", language)
