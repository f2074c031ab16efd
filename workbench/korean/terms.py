"""The terms of elected local government (민선), counted since 1995, with the days on which they began and ended."""

from dataclasses import dataclass
from datetime import date

__all__ = ["TERMS", "Term", "term"]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of office of all local governments at once.

    Attributes:
        number: Its count: 8 for 민선8기.
        first: Its first day.
        until: The first day of the next term.
    """

    number: int
    first: date
    until: date


# The first term was three years, so that local elections fall between those of the National Assembly; all others are four, from
# 1 July to 30 June. The ninth began on 1 July 2026; its end is the law's, not yet history.
TERMS = (
    Term(1, date(1995, 7, 1), date(1998, 7, 1)),
    Term(2, date(1998, 7, 1), date(2002, 7, 1)),
    Term(3, date(2002, 7, 1), date(2006, 7, 1)),
    Term(4, date(2006, 7, 1), date(2010, 7, 1)),
    Term(5, date(2010, 7, 1), date(2014, 7, 1)),
    Term(6, date(2014, 7, 1), date(2018, 7, 1)),
    Term(7, date(2018, 7, 1), date(2022, 7, 1)),
    Term(8, date(2022, 7, 1), date(2026, 7, 1)),
    Term(9, date(2026, 7, 1), date(2030, 7, 1)),
)


def term(number: int) -> Term | None:
    """The term of that count; None where the table ends before it."""
    return next((one for one in TERMS if one.number == number), None)
