"""Quotes become spans: where in the article the passage stands that a value rests on.

A quote is found or it is not; it is never repaired. White space counts for nothing, and a ``?`` that an encoding error left in the article stands
for the quotation mark or middle dot that it ate. Everything else must match to the letter. Spans are half-open, in code points of the NFC text.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, count

from workbench.leaves import Walked

__all__ = ["Grounding", "Span", "Text", "ground", "letters_of"]

Span = tuple[int, int]
"""Start and end of a passage, half-open."""

LOST = frozenset("'\"‘’“”『』「」〈〉《》·‧․・ㆍ•")
"""Marks that broken encodings print as ``?``."""


class Text:
    """An article's text, made ready for finding passages in it."""

    def __init__(self, text: str) -> None:
        self._letters = "".join(text.split())
        self._places = list(compress(count(), map(str.strip, text)))
        """Where each letter stands in the text."""

    def find(self, passage: str) -> list[Span]:
        """Every place where the passage stands, in order; none if it is empty."""
        letters = letters_of(passage)
        return [self._span(at, len(letters)) for at in self._find(letters, 0, len(self._letters))]

    def first(self, passage: str, within: Span) -> Span | None:
        """The first place where the passage stands in a part of the text."""
        letters = letters_of(passage)
        first, last = (bisect_left(self._places, place) for place in within)
        at = next(self._find(letters, first, last), None)
        return None if at is None else self._span(at, len(letters))

    def _span(self, letter: int, length: int) -> Span:
        return self._places[letter], self._places[letter + length - 1] + 1

    def _find(self, letters: str, first: int, last: int) -> Iterator[int]:
        if not letters:
            return
        at = self._letters.find(letters, first, last)
        if at < 0 and not LOST.isdisjoint(letters):
            yield from self._find_lossy(letters, first, last)
        while at >= 0:
            yield at
            at = self._letters.find(letters, at + 1, last)

    def _find_lossy(self, letters: str, first: int, last: int) -> Iterator[int]:
        """Where a ``?`` of the text may stand for a mark: all such marks are made alike, and what is found so is looked at."""
        if "?" not in self._letters:
            return
        lossy = _without_marks(letters)
        at = self._lossy.find(lossy, first, last)
        while at >= 0:
            stood = self._letters[at : at + len(letters)]
            if all(mark in (given, "?") for given, mark in zip(letters, stood, strict=True)):
                yield at
            at = self._lossy.find(lossy, at + 1, last)

    @cached_property
    def _lossy(self) -> str:
        return _without_marks(self._letters)


def _without_marks(letters: str) -> str:
    for mark in LOST:  # several times quicker than to translate them
        letters = letters.replace(mark, "?")
    return letters


def letters_of(passage: str) -> str:
    """A text as passages are compared: in NFC, without its white space."""
    return "".join(unicodedata.normalize("NFC", passage).split())


@dataclass(frozen=True)
class Grounding:
    """Where a record's evidence stands. Keys are JSON Pointers into the record.

    Attributes:
        spans: Of each quote and each copied leaf that was found.
        quotes: How many quotes the record has.
        leaves: How many copied leaves stand beside a quote.
        ungrounded: Quotes that stand nowhere in the article.
        ambiguous: Quotes that stand in several places, and in how many; the span is the place nearest the record's other evidence.
        beside: Leaves that are not in their quote, but elsewhere in the article.
        unfound: Leaves whose text stands nowhere in the article.
    """

    spans: dict[str, Span] = field(default_factory=dict)
    quotes: int = 0
    leaves: int = 0
    ungrounded: tuple[str, ...] = ()
    ambiguous: dict[str, int] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    unfound: tuple[str, ...] = ()


def ground(walked: Walked, article: str) -> Grounding:
    """Find every quote of a record, and in it every copied leaf that it supports."""
    text = Text(article)
    cited = walked.citations
    found = {citation.at: text.find(citation.quote) for citation in cited}
    certain = sorted(spans[0] for spans in found.values() if len(spans) == 1)
    spans: dict[str, Span] = {}
    beside, unfound = [], []
    for citation in cited:
        quote = _nearest(found[citation.at], certain)
        if quote:
            spans[citation.at] = quote
        for at, value in citation.leaves:
            span, inside = _leaf(text, value, quote)
            if span is None:
                unfound.append(at)
                continue
            spans[at] = span
            if not inside:
                beside.append(at)
    return Grounding(
        spans,
        quotes=len(cited),
        leaves=sum(len(citation.leaves) for citation in cited),
        ungrounded=tuple(citation.at for citation in cited if not found[citation.at]),
        ambiguous={at: len(places) for at, places in found.items() if len(places) > 1},
        beside=tuple(beside),
        unfound=tuple(unfound),
    )


def _leaf(text: Text, value: str, quote: Span | None) -> tuple[Span | None, bool]:
    """The leaf's own place, and whether that is inside its quote."""
    if quote and (inside := text.first(value, quote)):
        return inside, True
    places = text.find(value)
    return _nearest(places, [quote] if quote else []), False


def _nearest(places: Sequence[Span], others: Sequence[Span]) -> Span | None:
    """The place with the least distance to any of the others (sorted); the first of equals."""
    if not places:
        return None
    if len(places) == 1 or not others:
        return places[0]

    def distance(place: Span) -> int:
        at = bisect_left(others, place)
        return min(abs(place[0] - other[0]) for other in others[max(0, at - 1) : at + 1])

    return min(places, key=distance)
