"""Text analysis: one spelling for texts and queries, and the terms they are found by.

A run of Han characters becomes overlapping pairs, so that no dictionary decides what can be found;
the run's last character stands alone as well. Letters and digits become words. Every term has a
position of its own, hence a phrase is a sequence of terms. Each engine indexes these terms as given.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

WORD_LENGTH = 64
"""Longer words are cut into pieces, so that a term stays below every engine's limit."""

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(rf"([{_HAN}](?:\s*[{_HAN}])*)|[^\W_{_HAN}]{{1,{WORD_LENGTH}}}")
_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')

# Issuing numbers are written with any bracket, reference codes with any dot and dash.
_FOLDED = {
    "(": "〔[【〖",
    ")": "〕]】〗",
    "·": ".•‧・∙⋅",
    "-": "‐‒–—―−─",
    '"': "“”„‟",
}
_VARIANTS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HANGUL_JAMO = ("\u1100", "\u11ff")


@dataclass(frozen=True, slots=True)
class Spelling:
    """A text in its one spelling.

    Attributes
    ----------
    text : str
    starts, ends : sequence of int
        For each character of ``text``, the span of the source that it came from.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


class Term(NamedTuple):
    """A word, a pair of Han characters, or the last Han character of a run.

    Attributes
    ----------
    position : int
        From 1; neighbouring terms have neighbouring positions.
    start, end : int
        Span in the normalised text.
    closing : bool
        The last character of a run of two or more: its pair has been given already.
    """

    text: str
    position: int
    start: int
    end: int
    closing: bool


class Step(NamedTuple):
    """A term that a phrase wants, so many positions after the one before; ``beginning`` accepts longer terms."""

    text: str
    distance: int
    beginning: bool

    def meets(self, term: Term) -> bool:
        """Say whether a term is the one wanted."""
        return term.text.startswith(self.text) if self.beginning else term.text == self.text


@dataclass(frozen=True, slots=True)
class Phrase:
    """One part of a query: its terms must follow each other.

    Attributes
    ----------
    text : str
        The part as understood, in the one spelling.
    steps : tuple of Step
        At least one.
    """

    text: str
    steps: tuple[Step, ...]


@cache
def _table() -> dict[int, str]:
    """Return what single characters are replaced by: traditional forms (OpenCC's table), brackets, dots, dashes."""
    lines = files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text("utf-8").splitlines()
    simplified = {ord(line[0]): line.split("\t")[1].split(" ")[0] for line in lines}
    return simplified | {ord(char): one for one, chars in _FOLDED.items() for char in chars}


@lru_cache(maxsize=1 << 16)
def _joins(char: str) -> bool:
    """Say whether a character may combine with what stands before it, or is invisible."""
    first = unicodedata.normalize("NFKC", char)[0]
    category = unicodedata.category(first)
    return category[0] == "M" or category == "Cf" or _HANGUL_JAMO[0] <= first <= _HANGUL_JAMO[1]


@lru_cache(maxsize=1 << 16)
def _spelt(cluster: str) -> str:
    """Return the spelling of characters that may combine; repeated, since one folding can call for another."""
    while True:
        visible = "".join(char for char in cluster if unicodedata.category(char) != "Cf")
        folded = unicodedata.normalize("NFKC", _VARIANTS.sub("", visible)).casefold().translate(_table())
        if folded == cluster:
            return folded
        cluster = folded


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for index, char in enumerate(text):
        if index and not _joins(char):
            yield start, index
            start = index
    if text:
        yield start, len(text)


def normalise(text: str) -> str:
    """Return a text in its one spelling: NFKC, lower case, simplified characters, folded marks.

    Idempotent. Not for display. Source: UAX 15; handbook digitisation.md, OCR.
    """
    if not any(map(_joins, text)):  # each character stands alone, as in nearly every text: twice as fast
        return "".join(map(_spelt, text))
    return "".join(_spelt(text[start:end]) for start, end in _clusters(text))


def normalise_with_offsets(text: str) -> Spelling:
    """Return a text in its one spelling, with where each character came from."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        spelt = _spelt(text[start:end])
        pieces.append(spelt)
        starts += [start] * len(spelt)
        ends += [end] * len(spelt)
    return Spelling("".join(pieces), starts, ends)


def key(text: str) -> str:
    """Return a text by which equal titles and codes are equal: its one spelling without spaces."""
    return "".join(normalise(text).split())


def terms(spelt: str) -> Iterator[Term]:
    """Yield the terms of a normalised text in order.

    White space between Han characters is looked through, since it is padding (王　明) or the end of a
    line; any other mark ends the run.
    """
    position = 0
    for run in _RUNS.finditer(spelt):
        if run.lastindex is None:
            position += 1
            yield Term(run[0], position, *run.span(), closing=False)
            continue
        places = [index for index in range(*run.span()) if not spelt[index].isspace()]
        for first, second in pairwise(places):
            position += 1
            yield Term(spelt[first] + spelt[second], position, first, second + 1, closing=False)
        position += 1
        last = places[-1]
        yield Term(spelt[last], position, last, last + 1, closing=len(places) > 1)


def parse(query: str) -> tuple[Phrase, ...]:
    """Return the parts of a query, all of which must be met; none when nothing in it can be searched.

    Parts are separated by spaces; quotes hold a part with spaces together. A part's last word is taken
    as a beginning (``1985`` meets 19850312) unless quoted or a single character.
    """
    phrases: list[Phrase] = []
    for part in _PARTS.finditer(normalise(query)):
        quoted = part.lastindex != 2  # noqa: PLR2004  # the second group is the bare part
        text = (part[1] if quoted else part[2]).strip()
        steps = tuple(_steps(text, quoted=quoted))
        if steps and all(phrase.steps != steps for phrase in phrases):
            phrases.append(Phrase(text, steps))
    return tuple(phrases)


def _steps(text: str, *, quoted: bool) -> Iterator[Step]:
    wanted = [term for term in terms(text) if not term.closing]
    position = wanted[0].position if wanted else 0
    for term in wanted:
        last = term is wanted[-1]
        han = re.match(f"[{_HAN}]", term.text) is not None
        lone = han and len(term.text) == 1
        beginning = last and (lone or (not han and not quoted and len(term.text) > 1))
        yield Step(term.text, term.position - position, beginning)
        position = term.position


def find(text: str, query: str) -> list[tuple[int, int]]:
    """Return where a text meets the parts of a query: spans of the text as given, in order, disjoint.

    A text meets a query's part here exactly where an engine finds it by that part.
    """
    return marks(text, parse(query))


def marks(text: str, phrases: Sequence[Phrase]) -> list[tuple[int, int]]:
    """Return where a text meets any of the phrases; see `find`."""
    spelling = normalise_with_offsets(text)
    found = list(terms(spelling.text))
    spans = sorted(span for phrase in phrases for span in _spans(found, phrase))
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [(spelling.starts[start], spelling.ends[end - 1]) for start, end in joined]


def _spans(found: Sequence[Term], phrase: Phrase) -> Iterator[tuple[int, int]]:
    free = 0
    for index, term in enumerate(found):
        if term.start < free or not phrase.steps[0].meets(term):
            continue
        last = index
        for step in phrase.steps[1:]:
            last += step.distance
            if last >= len(found) or not step.meets(found[last]):
                break
        else:
            final = phrase.steps[-1]
            free = found[last].start + len(final.text) if final.beginning else found[last].end
            yield term.start, free
