"""The comparators that read Korean: amounts, dates and regions compared as what they say, not as they are written.

What cannot be read is compared as text, and the reason says so. `workbench.korean` is imported when the first value is read.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import JsonValue

from workbench.errors import ReadingRefused
from workbench.scoring.comparators import SAME, Comparison, Context, Reading, Text
from workbench.scoring.reasons import Reason

if TYPE_CHECKING:
    from workbench import korean

__all__ = ["Amount", "Date", "Region"]

_TEXT = Text()


@dataclass(frozen=True, slots=True)
class Amount:
    """The same value, unit, currency and bound (``이상``). A JSON number has no unit, and so its value alone is compared."""

    def read(self, value: JsonValue, context: Context) -> Reading:
        """The values of both ends."""
        amount = _amount(value)
        return Reading(((amount.low, amount.high),) if amount else _TEXT.read(value, context).keys)

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """Equal in all four."""
        one, other = _amount(golden), _amount(record)
        if one is None or other is None:
            return _as_text(golden, record, context)
        if (one.low, one.high) != (other.low, other.high):
            return _another("value", one, other)
        if isinstance(golden, str) and isinstance(record, str) and not one.same_as(other):
            for part in ("unit", "currency", "bound"):
                if getattr(one, part) != getattr(other, part):
                    return _another(part, getattr(one, part) or "-", getattr(other, part) or "-")
            return _another("value", one, other)
        return _read_the_same(golden, record, other)


@dataclass(frozen=True, slots=True)
class Date:
    """The same day, month, year or span, as read from the article's day: at its grain, so that a month is not one of its days."""

    def read(self, value: JsonValue, context: Context) -> Reading:
        """The period, and what the words say, which is all there is when the period is not known."""
        date = _date(value, context.as_of)
        if date is None:
            return Reading(_TEXT.read(value, context).keys)
        begins, ends = (
            moment and replace(moment, relation=None, clock="", weekday="") for moment in (date.begins, date.ends)
        )
        return Reading(((date.grain, begins, ends), *([(date.grain, date.period)] if date.period else [])))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """Equal in period and grain."""
        one, other = _date(golden, context.as_of), _date(record, context.as_of)
        if one is None or other is None:
            return _as_text(golden, record, context)
        return _read_the_same(golden, record, other) if one.same_as(other) else _another("value", one, other)


@dataclass(frozen=True, slots=True)
class Region:
    """The same 시도 or 시군구, under whatever name: 충북 is 충청북도, 전라북도 is 전북특별자치도.

    A name that several regions bear (광주시) is settled by the article; without it, it is compared as text. With ``leading`` the text is a
    place that may begin with a region's name: what follows it must be the same too, and a place that names none is compared as `Text`.
    """

    leading: bool = False

    def read(self, value: JsonValue, context: Context) -> Reading:
        """The regions that it may be, and how it is spelt."""
        spelt = _TEXT.read(value, context)
        if not isinstance(value, str):
            return spelt
        lineages = _lineages(_named(value, leading=self.leading)[0])
        if not lineages:
            return spelt if self.leading else Reading(spelt.keys)
        return Reading((*(("region", lineage) for lineage in lineages), *spelt.keys))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """Equal in the region, and in what follows."""
        if golden == record or not (isinstance(golden, str) and isinstance(record, str)):
            return _TEXT.compare(golden, record, context)
        (name, rest), (other_name, other_rest) = (_named(text, leading=self.leading) for text in (golden, record))
        if self.leading and not (_lineages(name) or _lineages(other_name)):
            return _TEXT.compare(golden, record, context)
        one, other = _region(name, context), _region(other_name, context)
        if one is None or other is None:
            return _as_text(golden, record, context)
        if not one.same_as(other):
            return _another("value", one, other)
        if rest or other_rest:
            return _TEXT.compare(rest, other_rest, context)
        return _read_the_same(golden, record, other)


def _another(part: str, one: object, other: object) -> Comparison:
    return Comparison(False, 0.0, Reason(part, (("golden", str(one)), ("record", str(other)))))


def _read_the_same(golden: JsonValue, record: JsonValue, reading: object) -> Comparison:
    return SAME if golden == record else Comparison(True, 1.0, Reason("same_reading", (("reading", str(reading)),)))


def _as_text(golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
    """Two values of which one cannot be read. They are never alike: a text that is no date is not nearly one."""
    if not (isinstance(golden, str) and isinstance(record, str)):
        return _TEXT.compare(golden, record, context)
    equal = _TEXT.compare(golden, record, context).equal
    return Comparison(equal, float(equal), Reason("unread_same" if equal else "unread_differs"))


def _amount(value: JsonValue) -> "korean.Amount | None":
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bare(value)
    return _read_amount(value) if isinstance(value, str) else None


def _bare(value: float) -> "korean.Amount | None":
    from workbench.korean import Amount as Read  # noqa: PLC0415

    number = Decimal(repr(value))
    return Read(str(value), number, number) if number.is_finite() else None


@lru_cache(maxsize=1 << 14)
def _read_amount(text: str) -> "korean.Amount | None":
    from workbench.korean import read_amount  # noqa: PLC0415

    try:
        return read_amount(text)
    except ReadingRefused:
        return None


def _date(value: JsonValue, as_of: str | None) -> "korean.DateReading | None":
    if isinstance(value, int) and not isinstance(value, bool):  # a year
        value = str(value)
    return _read_date(value, as_of) if isinstance(value, str) else None


@lru_cache(maxsize=1 << 14)
def _read_date(text: str, as_of: str | None) -> "korean.DateReading | None":
    from workbench.korean import read_as_of, read_date  # noqa: PLC0415

    read_as_of(as_of)  # a day that is none is the caller's mistake, and no reason to compare dates as text
    try:
        return read_date(text, as_of)
    except ReadingRefused:
        return None


@lru_cache(maxsize=1 << 12)
def _named(text: str, *, leading: bool) -> tuple[str, str]:
    """The words that name a region, and those that follow; of a place that begins with no region's name all words follow."""
    from workbench.korean import leading_name  # noqa: PLC0415

    return (leading_name(text) or ("", text)) if leading else (text, "")


@lru_cache(maxsize=1 << 12)
def _lineages(name: str) -> tuple[str, ...]:
    """The regions that a name may mean; none if it is no region's."""
    from workbench.korean import regions_called  # noqa: PLC0415

    return tuple(regions_called(name))


def _region(name: str, context: Context) -> "korean.Region | None":
    """The region; the article is looked into only if the name is one of several."""
    from workbench.korean import read_region  # noqa: PLC0415

    article = (context.article() or "") if len(_lineages(name)) > 1 else ""
    try:
        return read_region(name, article)
    except ReadingRefused:
        return None
