"""Terms as PostgreSQL stores and asks for them.

All counties' documents share one GIN index. Each lexeme is led by the county's name, in the index and
in the query, so that one county's postings are never walked for another: no hit, no count and no delay
depends on what a stranger holds.
"""

from collections.abc import Sequence
from typing import Literal

from search import analysis

Weight = Literal["A", "B", "C", "D"]

LENGTH = 16_000
"""Characters of a document that are indexed: keeps positions below 16,383 and a vector below 1 MB."""

_GAP = 10


def vector(tenant: str, fields: Sequence[tuple[Weight, str]]) -> str:
    """Return a document as tsvector input.

    Parameters
    ----------
    tenant : str
        Slug of the county; leads every lexeme.
    fields : sequence of (weight, text)
        Texts as they are; no phrase reaches from one into the next.
    """
    lexemes: dict[str, list[str]] = {}
    offset, left = 0, LENGTH
    for weight, text in fields:
        if not text:
            continue
        spelt = analysis.normalise(text[:left])[:left]
        left -= len(spelt) + _GAP
        position = 0
        for term in analysis.terms(spelt):
            position = term.position
            lexemes.setdefault(term.text, []).append(f"{offset + position}{weight}")
        offset += position + _GAP
        if left <= 0:
            break
    return " ".join(f"'{tenant}:{lexeme}':{','.join(places)}" for lexeme, places in lexemes.items())


def query(tenant: str, phrase: analysis.Phrase) -> str:
    """Return one part of a query as tsquery input."""
    first, *rest = (f"'{tenant}:{step.text}'{':*' if step.beginning else ''}" for step in phrase.steps)
    return first + "".join(f" <{step.distance}> {lexeme}" for step, lexeme in zip(phrase.steps[1:], rest, strict=True))
