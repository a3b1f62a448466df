"""The message catalogue: every word a user reads, in Chinese first and English complete."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

_FOLDER = Path(__file__).parent.parent / "messages"


def _flatten(prefix: str, tree: dict[str, object]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(f"{prefix}{key}.", value)  # pyright: ignore[reportUnknownArgumentType]  # TOML tables
        else:
            flat[prefix + key] = str(value)
    return flat


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return all messages of a language, keyed by dotted code; ``<language>/<room>.toml`` hold them."""
    texts: dict[str, str] = {}
    for path in sorted((_FOLDER / language).glob("*.toml")):
        for key, value in _flatten("", tomllib.loads(path.read_text("utf-8"))).items():
            if key in texts:
                message = f"{path.name} repeats message {key}"
                raise ValueError(message)
            texts[key] = value
    return texts


def text(code: str, language: Language, **facts: object) -> str:
    """Return a message with its facts filled in; raises KeyError for a code without words.

    Parameters
    ----------
    code : str
        Dotted key of the catalogue.
    language : "zh" or "en"
    **facts : object
        Values for the ``{names}`` in the message.
    """
    return catalogue(language)[code].format(**facts)


def known(code: str, language: Language) -> bool:
    """Say whether the catalogue has words for a code."""
    return code in catalogue(language)


def preferred(accept_language: str | None) -> Language:
    """Choose between the two languages from an ``Accept-Language`` header; Chinese unless asked."""
    for part in (accept_language or "").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"
