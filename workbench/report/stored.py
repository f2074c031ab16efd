"""A record as a run stores it, asked by the places of its form: there a cited value is bare, here it lies beside its quote.

Scores name a value ``/site/region``; spans, readings and findings name it ``/site/value/region`` where the site is cited as a whole.
"""

from collections.abc import Iterator
from functools import cached_property

from pydantic import JsonValue

from workbench.extract import Extraction
from workbench.pointers import pointer
from workbench.schema import scalars

__all__ = ["Stored"]

CITED = frozenset({"value", "quote"})


class Stored:
    """The record of an extraction, as it is stored.

    Args:
        extraction: The extraction; it may have no record.
    """

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self.scalars = dict(scalars(extraction.record))
        self._places = dict(_places(extraction.record, "", ""))

    @cached_property
    def form_at(self) -> dict[str, str]:
        """The place in the form of each scalar that is no cited value's quote, by where it is stored."""
        return {at: place for at, place in self._places.items() if at in self.scalars}

    @cached_property
    def _of_form(self) -> dict[str, str]:
        return {place: at for at, place in self._places.items() if at != place}

    def at(self, place: str) -> str:
        """Where the value is stored that stands at a place of the form: a scalar, or what is scored as a whole."""
        return place if place in self.scalars else self._of_form.get(place, place)

    def quote_at(self, at: str) -> str | None:
        """Where the quote is stored that a scalar rests on: the nearest beside it or beside what it is in; None if there is none."""
        above = at.rpartition("/")[0] if at else None
        while above is not None:
            quote = f"{above}/quote"
            if quote in self.scalars:
                return quote if isinstance(self.scalars[quote], str) else None
            above = above.rpartition("/")[0] if above else None
        return None


def _places(item: JsonValue, at: str, place: str) -> Iterator[tuple[str, str]]:
    yield at, place
    if isinstance(item, dict):
        cited = item.keys() == CITED
        for name, child in item.items():
            step = pointer(name)
            if not cited:
                yield from _places(child, at + step, place + step)
            elif name == "value":
                yield from _places(child, at + step, place)
    elif isinstance(item, list):
        for number, child in enumerate(item):
            yield from _places(child, at + pointer(number), place + pointer(number))
