"""An article's text cut where its evidence begins and ends, and text made fit to be looked at.

Articles and what a model made of them are other people's text: it may hold characters that are not seen and yet change what is (zero-width
letters, marks that turn the direction of writing), and values of a megabyte. Such characters are shown by their number, long values are cut
and their length said. The text as it was read stays in the files.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise
from typing import Final

from workbench.evidence import Span

__all__ = ["LONGEST_TEXT", "LONGEST_VALUE", "Clipped", "Segment", "clip", "segments", "visible"]

LONGEST_VALUE: Final = 300
"""Characters of a value that are shown; names and amounts have some ten."""
LONGEST_TEXT: Final = 100_000
"""Characters of an article that are shown; a news article has some two thousand."""
MOST_AT_ONCE: Final = 50
"""Quotes that one place of a text is said to belong to; a record that cites it more often is no reading of an article."""


DRAWN_AS_NOTHING: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters by their category, blanks by their looks: fillers of Hangul, of Khmer, of Braille."""


class _Shown(dict[int, str]):
    """What each character is shown as, worked out once."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        space = letter in "\n\t" or unicodedata.category(letter) == "Zs"
        seen = (space or letter.isprintable()) and letter not in DRAWN_AS_NOTHING
        self[code] = letter if seen else f"⟨U+{code:04X}⟩"
        return self[code]


_SHOWN = _Shown()


def visible(text: str) -> str:
    """The text with every character that is not seen shown by its number: ``⟨U+202E⟩``."""
    return text if text.isascii() and text.isprintable() else text.translate(_SHOWN)


@dataclass(frozen=True, slots=True)
class Clipped:
    """A text as it is shown.

    Attributes:
        text: All of it, or its beginning.
        length: How long the whole is, where only the beginning is shown.
    """

    text: str
    length: int | None = None


def clip(text: str, most: int = LONGEST_VALUE) -> Clipped:
    """The text, or its beginning and its length."""
    return Clipped(text) if len(text) <= most else Clipped(text[:most].rstrip() + "…", len(text))


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text of which every character supports the same things.

    Attributes:
        text: The stretch.
        quotes: The quotes that it is part of, the shortest first: where they overlap, that is the one meant by pointing at it.
        values: The fields whose own words it is part of, the shortest first.
    """

    text: str
    quotes: tuple[int, ...] = ()
    values: tuple[int, ...] = ()


def segments(text: str, quotes: Mapping[int, Span], values: Mapping[int, Span]) -> list[Segment]:
    """Cut a text at every end of a quote or value, so that all that overlap remain to be pointed at.

    A span that does not lie in the text is passed over: the text is cut to a length, or not the one that was read.

    Args:
        text: What is shown.
        quotes: The place of each quote, by its number.
        values: The place of each field's own words, by the field's number.
    """
    whole = len(text)
    spans = [
        (start, end, kind, number)
        for kind, some in enumerate((quotes, values))
        for number, (start, end) in some.items()
        if 0 <= start < end <= whole
    ]
    begins, ends = _at(spans, 0), _at(spans, 1)
    cuts = sorted({0, whole, *begins, *ends})
    active: tuple[dict[int, int], dict[int, int]] = ({}, {})
    found = []
    for start, end in pairwise(cuts):
        for _, _, kind, number in ends.get(start, ()):
            del active[kind][number]
        for first, last, kind, number in begins.get(start, ()):
            active[kind][number] = last - first
        found.append(Segment(text[start:end], _shortest(active[0]), _shortest(active[1])))
    return found


def _at(spans: Iterable[tuple[int, int, int, int]], which: int) -> dict[int, Sequence[tuple[int, int, int, int]]]:
    places: dict[int, list[tuple[int, int, int, int]]] = {}
    for span in spans:
        places.setdefault(span[which], []).append(span)
    return {**places}


def _shortest(active: Mapping[int, int]) -> tuple[int, ...]:
    if len(active) < 2:
        return tuple(active)
    return tuple(nsmallest(MOST_AT_ONCE, active, key=lambda number: (active[number], number)))
