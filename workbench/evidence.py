"""Quotes become spans: where in the article the passage stands that a value rests on.

A quote is found or it is not; it is never repaired. White space counts for nothing, and a ``?`` that an encoding error left in the article stands
for the quotation mark or middle dot that it ate. Everything else must match to the letter. Spans are half-open, in code points of the NFC text.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from pydantic import BaseModel

from workbench.schema import citations

__all__ = ["Grounding", "Span", "Text", "ground"]

Span = tuple[int, int]
"""Start and end of a passage, half-open."""

LOST = frozenset("'\"‘’“”『』「」〈〉《》·‧․・ㆍ•")
"""Marks that broken encodings print as ``?``."""
SPACE = re.compile(r"(\s+)")


class Text:
    """An article's text, made ready for finding passages in it."""

    def __init__(self, text: str) -> None:
        pieces = SPACE.split(text)  # words and what is between them by turns
        places = [0, *accumulate(map(len, pieces))]
        self._letters = "".join(pieces[::2])
        self._starts = places[:-1:2]
        """Where each word starts in the text, and below among the letters."""
        self._offsets = [0, *accumulate(map(len, pieces[::2]))]
        self._lossy = "?" in self._letters

    def find(self, passage: str) -> list[Span]:
        """Every place where the passage stands, in order; none if it is empty."""
        letters = _letters(passage)
        return [self._span(at, len(letters)) for at in self._find(letters, 0, len(self._letters))]

    def first(self, passage: str, within: Span) -> Span | None:
        """The first place where the passage stands in a part of the text."""
        letters = _letters(passage)
        for at in self._find(letters, self._before(within[0]), self._before(within[1])):
            return self._span(at, len(letters))
        return None

    def _before(self, place: int) -> int:
        """How many letters stand before a place in the text."""
        word = bisect_right(self._starts, place) - 1
        return min(self._offsets[word] + place - self._starts[word], self._offsets[word + 1])

    def _span(self, letter: int, length: int) -> Span:
        word = bisect_right(self._offsets, letter) - 1
        start = self._starts[word] + letter - self._offsets[word]
        last = letter + length - 1
        if last >= self._offsets[word + 1]:
            word = bisect_right(self._offsets, last, word) - 1
        return start, self._starts[word] + last - self._offsets[word] + 1

    def _find(self, letters: str, first: int, last: int) -> Iterator[int]:
        start = self._letters.find(letters, first, last) if letters else -1
        if start < 0 and self._lossy and not LOST.isdisjoint(letters):
            found = re.compile("".join(f"[{re.escape(c)}?]" if c in LOST else re.escape(c) for c in letters))
            match = found.search(self._letters, first, last)
            while match:
                yield match.start()
                match = found.search(self._letters, match.start() + 1, last)
        while start >= 0:
            yield start
            start = self._letters.find(letters, start + 1, last)


def _letters(passage: str) -> str:
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


def ground(record: BaseModel, article: str) -> Grounding:
    """Find every quote of a record, and in it every copied leaf that it supports."""
    text = Text(article)
    cited = citations(record)
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
