"""What is indexed, asked and answered."""

import uuid
from dataclasses import dataclass
from typing import ClassVar, Literal

from app.kernel.events import Event

ReasonKind = Literal["ref_code", "title", "doc_no", "person", "creator", "keyword", "date", "abstract", "text"]


@dataclass(frozen=True, slots=True)
class IndexedItem:
    """An item's catalogue entry as search needs it.

    Parameters
    ----------
    version : int
        The item's; an entry with an older one changes nothing.
    """

    item_id: uuid.UUID
    version: int
    title: str
    fonds_code: str
    state: str
    open_status: str
    year: int | None = None
    ref_code: str = ""
    creator: str = ""
    doc_no: str = ""
    date: str = ""
    persons: str = ""
    keywords: str = ""
    abstract: str = ""


@dataclass(frozen=True, slots=True)
class IndexedPage:
    """The text of a page of an item.

    Parameters
    ----------
    text : str
        As read, lines separated by line feeds; a phrase may run from one line into the next.
    version : int
        The page's; an entry with an older one changes nothing.
    """

    page_id: uuid.UUID
    item_id: uuid.UUID
    page_no: int
    text: str
    version: int


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; empty filters ask nothing."""

    text: str
    fonds_code: str = ""
    year_from: int | None = None
    year_to: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is a hit.

    Attributes
    ----------
    text : str
        The field, or an excerpt of it.
    marks : tuple of (start, end)
        Spans of ``text`` that meet the query; disjoint and in order.
    page_id, page_no
        Of the page that meets the query best, where the reason is a page's text.
    count : int
        How many pages meet the query; 1 for a field.
    """

    kind: ReasonKind
    text: str
    marks: tuple[tuple[int, int], ...]
    page_id: uuid.UUID | None = None
    page_no: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ItemHit:
    """One item that meets the query."""

    item_id: uuid.UUID
    ref_code: str
    title: str
    fonds_code: str
    date: str
    state: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of hits, best first.

    Attributes
    ----------
    total : int
        Items that meet the query and may be seen.
    at_least : bool
        There are more than ``total``.
    understood : tuple of str
        The parts that were looked for, all of which each hit meets; none when nothing could be searched.
    """

    total: int
    at_least: bool
    hits: tuple[ItemHit, ...]
    next_cursor: str | None
    understood: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """Persons looked for in a part of the catalogue.

    Attributes
    ----------
    names : tuple of str
        All of them stand on a record that is found.
    beginnings : tuple of str
        Of the reference codes among which is looked.
    """

    names: tuple[str, ...]
    beginnings: tuple[str, ...]
    year_from: int | None = None
    year_to: int | None = None


@dataclass(frozen=True, slots=True)
class NamedItem:
    """An accepted item whose catalogue entry names the persons looked for."""

    ref_code: str
    title: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Searched(Event):
    """Somebody searched; the words are kept as a digest, since they may name a person."""

    action: ClassVar[str] = "search:query:asked"
    digest: str
    parts: int
    total: int
