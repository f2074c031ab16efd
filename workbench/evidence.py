"""Quotes become spans: where in the article the passage stands that a value rests on.

A quote is found or it is not; it is never repaired. Where it does not stand to the letter, white space counts for nothing, and a ``?`` that an
encoding error left in the article stands for the quotation mark or middle dot that it ate. Spans are half-open, in code points of the NFC text.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, count

from workbench.leaves import Walked

__all__ = ["Grounding", "Span", "Text", "all_letters_of", "ground", "letters_of"]

Span = tuple[int, int]
"""Start and end of a passage, half-open."""

LOST = frozenset("'\"‘’“”『』「」〈〉《》·‧․・ㆍ•")
"""Marks that broken encodings print as ``?``."""
ASCII_LETTERS = bytes(not chr(code).isspace() for code in range(256))
"""Of each ASCII code, whether it is more than white space."""
NARROW = 1_000
"""Code points of a part that is made ready by itself: quicker than the whole text, and not worth keeping."""


class Text:
    """An article's text, in which passages are looked for.

    Where a passage stands to the letter it stands there alone; only where it does not, its white space counts for nothing, and only where it
    does not so either, a ``?`` of the text may stand for a lost mark.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def find(self, passage: str) -> list[Span]:
        """Every place where the passage stands, in order; none if it is empty."""
        text, exact = self._text, passage.strip()
        at = text.find(exact) if exact else -1
        if at < 0:
            return list(self._find(passage, (0, len(text))))
        length = len(exact)
        spans = [(at, at + length)]
        while (at := text.find(exact, at + 1)) >= 0:
            spans.append((at, at + length))
        return spans

    def first(self, passage: str, within: Span) -> Span | None:
        """The first place where the passage stands in a part of the text."""
        exact = passage.strip()
        start, end = within
        at = self._text.find(exact, start, end) if exact else -1
        if at < 0:
            return next(self._find(passage, within), None)
        return at, at + len(exact)

    def _find(self, passage: str, within: Span) -> Iterator[Span]:
        """Where it stands in a part of the text, but not to the letter."""
        start, end = within
        letters = letters_of(passage)
        if end - start > NARROW:
            return self._squeezed.find(letters, within)
        part = _Squeezed(self._text[start:end])  # nearly always a quote, and a small part of the text
        if part.lacks(letters):
            return iter(())
        return ((start + first, start + last) for first, last in part.find(letters, (0, end - start)))

    @cached_property
    def _squeezed(self) -> "_Squeezed":
        return _Squeezed(self._text)


class _Squeezed:
    """A text without its white space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._letters = "".join(text.split())

    @cached_property
    def _places(self) -> list[int]:
        """Where each letter stands in the text."""
        # What is not ASCII becomes one "?" a code point, and a byte is looked at much more quickly than a text of one letter.
        is_letter = self._text.encode("ascii", "replace").translate(ASCII_LETTERS)
        if is_letter.count(1) > len(self._letters):  # there is white space that is not ASCII
            is_letter = bytes(not mark.isspace() for mark in self._text)
        return list(compress(count(), is_letter))

    def lacks(self, letters: str) -> bool:
        """Whether the letters certainly stand nowhere in it: asked of many, and quicker than to look for their places."""
        return letters not in self._letters and ("?" not in self._letters or LOST.isdisjoint(letters))

    def find(self, letters: str, within: Span) -> Iterator[Span]:
        """The places where the letters stand in a part of the text."""
        start, end = within
        first, last = 0, len(self._letters)
        if start or end < len(self._text):
            first, last = bisect_left(self._places, start), bisect_left(self._places, end)
        for at in self._find(letters, first, last):
            yield self._places[at], self._places[at + len(letters) - 1] + 1

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


def all_letters_of(passages: Sequence[str]) -> list[str]:
    """The same of several, in a fraction of the time."""
    letters = letters_of("\0".join(passages)).split("\0")
    return letters if len(letters) == len(passages) else [letters_of(passage) for passage in passages]


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
    cited = [text.find(quote) for _, quote, _ in walked.citations]
    certain = sorted([places[0] for places in cited if len(places) == 1])
    spans: dict[str, Span] = {}
    ungrounded, ambiguous, beside, unfound = [], {}, [], []
    for (at, _, leaves), places in zip(walked.citations, cited, strict=True):
        quote = places[0] if len(places) == 1 else _nearest(places, certain)
        if quote is None:
            ungrounded.append(at)
        else:
            spans[at] = quote
            start, end = quote
            if len(places) > 1:
                ambiguous[at] = len(places)
        for place, value, _ in leaves:
            exact = value.strip()
            # Nearly always: as `Text.first` has it, without a call.
            if quote and exact and (first := article.find(exact, start, end)) >= 0:
                spans[place] = first, first + len(exact)
            elif quote and (inside := text.first(value, quote)):
                spans[place] = inside
            elif elsewhere := _nearest(text.find(value), [quote] if quote else []):
                spans[place] = elsewhere
                beside.append(place)
            else:
                unfound.append(place)
    return Grounding(
        spans,
        quotes=len(cited),
        leaves=sum([len(leaves) for _, _, leaves in walked.citations]),
        ungrounded=tuple(ungrounded),
        ambiguous=ambiguous,
        beside=tuple(beside),
        unfound=tuple(unfound),
    )


def _nearest(places: Sequence[Span], others: Sequence[Span]) -> Span | None:
    """The place with the least distance to any of the others (sorted); the first of equals."""
    if not places:
        return None
    if len(places) == 1 or not others:
        return places[0]

    def distance(place: Span) -> int:
        at = bisect_left(others, place)
        return min([abs(place[0] - other[0]) for other in others[max(0, at - 1) : at + 1]])

    return min(places, key=distance)
