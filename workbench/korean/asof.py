"""The day from which an article speaks, as far as it is known: a day, a month or only a year."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from workbench.errors import ReadingRefused

__all__ = ["LAST_YEAR", "AsOf", "month_start", "read_as_of"]

FIRST_YEAR = 1900
LAST_YEAR = 2199


def month_start(year: int, month: int) -> date:
    """The first day of a month; months below 1 and above 12 count on into the years beside."""
    years, index = divmod(month - 1, 12)
    return date(year + years, index + 1, 1)


@dataclass(frozen=True, slots=True)
class AsOf:
    """An article's date, known to the day, to the month or to the year.

    Attributes:
        year: The year.
        month: The month, None when only the year is known.
        day: The day of the month, None when only the month is known.
    """

    year: int
    month: int | None = None
    day: int | None = None

    @property
    def first(self) -> date:
        """The earliest day that the article may be from."""
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def last(self) -> date:
        """The latest day that the article may be from."""
        if self.month is None:
            return date(self.year, 12, 31)
        if self.day is None:
            return month_start(self.year, self.month + 1) - timedelta(days=1)
        return self.first


@lru_cache(maxsize=1 << 10)
def read_as_of(given: date | str | None) -> AsOf | None:
    """Reads what is known of an article's date.

    Args:
        given: A date, or `2025`, `2025-06`, `2025-06-12`; None or an empty string where nothing is known.

    Raises:
        ReadingRefused: The text has none of these forms, or names no day of the calendar from 1900 to 2199.
    """
    if given is None or given == "":
        return None
    if isinstance(given, date):
        known = AsOf(given.year, given.month, given.day)
    else:
        match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", given)
        if match is None:
            raise ReadingRefused(f"{given!r} is no date of an article", expected="2025, 2025-06 or 2025-06-12")
        year, month, day = (int(part) if part else None for part in match.groups())
        known = AsOf(year or 0, month, day)
    try:
        inside = FIRST_YEAR <= known.first.year <= LAST_YEAR
    except ValueError:
        inside = False
    if not inside:
        raise ReadingRefused(f"{given!s} is no day of the calendar from {FIRST_YEAR} to {LAST_YEAR}")
    return known
