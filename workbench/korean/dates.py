"""Reading a date: absolute, partial, or relative to the article's date; what cannot be reckoned from it stays unresolved."""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from workbench.korean.asof import LAST_YEAR, AsOf, month_start, read_as_of
from workbench.korean.datewords import Moment, Role, Tail, moment, tail, weekday_of
from workbench.korean.reading import plain, refused
from workbench.korean.terms import TERMS, term

__all__ = ["DateReading", "Period", "read_date"]

RECURRING = re.compile(r"매년|매월|매주|매일|매달|격년|해마다|[0-9]년마다")
OPENING = re.compile(r"^[(\[]([^()\[\]]*)[)\]]$")
# A number before a dash takes the unit of the number after it: 2025~2029년, 3~5월, 25~27일.
SHARED_UNIT = re.compile(r"(?<![0-9.])([0-9]+) ?~ ?(?='?[0-9]+ ?(년|월|일|분기))")
# A hyphen between two years is a span; between year and month it is part of a date.
YEARS_APART = re.compile(r"(?<=[0-9]{4}) ?- ?(?=(?:19|20|21)[0-9]{2})")
# The words that join the two ends of a span.
JOINT = re.compile(r" ?(?:부터|에서|~) ?")
LENGTH = re.compile(r"([0-9]{1,2}) ?(년|개월) ?(?:간|동안)")


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open interval of days."""

    first: date
    until: date


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date or period, as far as it is known.

    Attributes:
        text: What was read.
        grain: How fine: `day`, `month`, `quarter`, `half`, `year`, `term` or `span`.
        role: What the words make of the period: `during` it, `by` its end (까지), `before` it (이전), `from` its beginning (부터, 이후).
        period: The period that is named, whatever its role; None when it is unresolved.
        begins: What the words say, of the period or of a span's beginning.
        ends: What they say of a span's end; None for what is no span.
        approximate: Whether the words say about (쯤, 경, 무렵).
        hangs_on: What would have to be known to resolve it; empty when it is resolved.
    """

    text: str
    grain: str
    role: Role
    period: Period | None
    begins: Moment
    ends: Moment | None = None
    approximate: bool = False
    hangs_on: str = ""

    @property
    def resolved(self) -> bool:
        """Whether the days are known."""
        return self.period is not None

    @property
    def start(self) -> date | None:
        """The first day; None when it is unresolved or open (a deadline has no beginning)."""
        return self.period.first if self.period and self.role in {"during", "from"} else None

    @property
    def end(self) -> date | None:
        """The first day after it; None when it is unresolved or open (what is said to begin has no end)."""
        if self.period is None or self.role == "from":
            return None
        return self.period.first if self.role == "before" else self.period.until

    def same_as(self, other: object) -> bool:
        """Whether the other is a date that names the same period.

        What was copied around the date makes no difference: the role (까지, 부터, 이후), particles, 쯤, and the time of day. The
        period, the grain and the part of it (초, 말) do. Two resolved readings are compared by their days; otherwise by what the words
        say, where a relation that only one of them has makes no difference (`9월` and `오는 9월`) but different ones do.
        """
        if not isinstance(other, DateReading) or self.grain != other.grain:
            return False
        if self.period and other.period:
            return self.period == other.period and self._parts() == other._parts()
        if (self.ends is None) != (other.ends is None):
            return False
        pairs = [(self.begins, other.begins)]
        if self.ends is not None and other.ends is not None:
            pairs.append((self.ends, other.ends))
        return all(_said_alike(a, b) for a, b in pairs)

    def _parts(self) -> tuple[str, str]:
        return self.begins.part, self.ends.part if self.ends else ""

    def __str__(self) -> str:
        """A form to check by eye: `2025-09-01 to 2025-09-30`, or what it hangs on."""
        if self.period is None:
            return f"unresolved: hangs on {self.hangs_on}"
        first = self.start.isoformat() if self.start else "…"
        last = (self.end - timedelta(days=1)).isoformat() if self.end else "…"
        return first if first == last else f"{first} to {last}"


def _said_alike(a: Moment, b: Moment) -> bool:
    if a.relation is None or b.relation is None:
        a, b = replace(a, relation=None), replace(b, relation=None)
    bare = {"clock": "", "weekday": ""}
    return replace(a, **bare) == replace(b, **bare)  # type: ignore[arg-type]


def read_date(text: str, as_of: date | str | None = None) -> DateReading:
    """Reads a date, a period or a span out of a few words that hold nothing else.

    A month or day without a year or month is the article's own, as newspapers print it; `오는` and `지난` are the next and the last
    one seen from the article. What the article's date does not settle is not guessed: the reading is unresolved, and says what it
    hangs on.

    Args:
        text: The words.
        as_of: The article's date, as far as it is known: a date, or `2025`, `2025-06`, `2025-06-12`.

    Raises:
        ReadingRefused: There is no date in it, something is left over, it is no day of the calendar, or it comes back every year.
    """
    seen = read_as_of(as_of)
    flat = plain(text, kind="a date")
    if inner := OPENING.match(flat):
        flat = inner[1].strip()
    if match := RECURRING.search(flat):
        raise refused(text, f"comes back ({match.group()}), so it is not one date")
    flat = YEARS_APART.sub("~", flat)
    flat = SHARED_UNIT.sub(r"\1\2~", flat)
    begins, rest = moment(re.sub(r"^(?:늦어도|이르면|당초|약) ", "", flat))
    if not begins.grain:
        raise refused(
            text, "holds no date where one was looked for", leftover=rest, expected="a date, as in 2025년 9월"
        )
    if (
        (joint := JOINT.match(rest))
        and (rest[joint.end() :])
        and (span := _span(text, begins, rest[joint.end() :], seen))
    ):
        return span
    word, left = tail(rest)
    if left:
        raise refused(text, "is no date throughout", leftover=left)
    found = _resolve(text, begins, seen, word.role)
    return _reading(text, begins, None, found, word)


def _span(text: str, begins: Moment, rest: str, seen: AsOf | None) -> DateReading | None:
    """A span from one date to another, or of a length; None where no date follows (`2025년부터 …`)."""
    if match := LENGTH.match(rest):
        word, left = tail(rest[match.end() :])
        ends = Moment(years=int(match[1])) if match[2] == "년" else Moment(months=int(match[1]))
    else:
        ends, rest = moment(_spell_out(rest, begins))
        if not ends.grain:
            return None
        word, left = tail(rest)
        ends = _inherit(ends, begins)
    if left:
        raise refused(text, "is no date throughout", leftover=left)
    word = Tail("during", word.approximate)
    first = _resolve(text, begins, seen, "from")
    last = _lasting(first, ends) if ends.grain == "span" else _resolve(text, ends, seen, "from")
    if isinstance(first, str) or isinstance(last, str):
        return _reading(text, begins, ends, first if isinstance(first, str) else str(last), word)
    if last.until <= first.first:
        raise refused(text, "ends before it begins")
    return _reading(text, begins, ends, Period(first.first, last.until), word)


def _spell_out(rest: str, begins: Moment) -> str:
    """The end of `2025~29년`, with the century of its beginning."""
    match = re.match(r"'?([0-9]{2}) ?년", rest)
    return f"{begins.year // 100}{match[1]}년{rest[match.end() :]}" if match and begins.year else rest


def _lasting(first: Period | str, ends: Moment) -> Period | str:
    """The span of a length that begins with a period's first day."""
    if isinstance(first, str):
        return first
    begin = first.first
    months = (ends.years or 0) * 12 + (ends.months or 0)
    after = month_start(begin.year, begin.month + months)
    return Period(begin, min(after + timedelta(days=begin.day - 1), month_start(after.year, after.month + 1)))


def _inherit(ends: Moment, begins: Moment) -> Moment:
    """The end of a span, with the year and month that only its beginning says (`2017년 10월 25일부터 27일까지`)."""
    if ends.grain == "day" and ends.month is None and ends.shift_month is None and ends.shift_day is None:
        ends = replace(ends, month=begins.month, shift_month=begins.shift_month)
    if ends.year is None and ends.shift_year is None and ends.grain in {"day", "month", "quarter", "half"}:
        ends = replace(ends, year=begins.year, shift_year=begins.shift_year, relation=begins.relation)
    return ends


def _reading(text: str, begins: Moment, ends: Moment | None, found: Period | str, word: Tail) -> DateReading:
    return DateReading(
        text=text,
        grain=begins.grain if ends is None else "span",
        role=word.role,
        period=None if isinstance(found, str) else found,
        begins=begins,
        ends=ends,
        approximate=word.approximate,
        hangs_on=found if isinstance(found, str) else "",
    )


def _resolve(text: str, said: Moment, seen: AsOf | None, role: Role) -> Period | str:
    """The period that is meant, or what it hangs on."""
    if said.term is not None:
        known = term(said.term)
        if known is None:
            raise refused(text, "is no term that the table knows", expected=f"민선1기 to 민선{TERMS[-1].number}기")
        return Period(known.first, known.until)
    if said.grain == "span":
        return f"when the {said.years or said.months} {'years' if said.years else 'months'} begin"
    found = _reckon(said, seen, role)
    if isinstance(found, str):
        if (
            said.month
            and said.day
            and said.day > (29 if said.month == 2 else 30 if said.month in {4, 6, 9, 11} else 31)
        ):
            raise refused(text, "is no day of the calendar")
        return found
    if found is None:
        raise refused(text, "is no day of the calendar")
    if said.weekday and said.weekday != (actual := weekday_of(found.first)):
        if said.year is None:  # then it was the year or month taken from the article that is wrong
            return f"the year and month in which the {said.day}일 is a {said.weekday}요일"
        raise refused(text, f"says {said.weekday}요일, but {found.first.isoformat()} is a {actual}요일")
    return found


def _reckon(said: Moment, seen: AsOf | None, role: Role) -> Period | str | None:
    """The period that is meant, None where the calendar has no such day, or what it hangs on."""
    if said.shift_day is not None:
        if seen is None or seen.day is None:
            return "the day of the article"
        day = seen.first + timedelta(days=said.shift_day)
        return Period(day, day + timedelta(days=1))
    if said.shift_month is not None:
        if seen is None or seen.month is None:
            return "the month of the article"
        return _period(said, month_start(seen.year, seen.month + said.shift_month))
    if said.year is not None:
        return _period(said, date(said.year, 1, 1))
    if seen is None:
        return "the month of the article" if said.grain == "day" and said.month is None else "the year of the article"
    if said.shift_year is not None:
        return _period(said, date(seen.year + said.shift_year, 1, 1))
    if said.relation in {"coming", "last"}:
        return _next_or_last(said, seen)
    if said.grain == "day" and said.month is None:
        if seen.month is None:
            return "the month of the article"
        return _period(said, month_start(seen.year, seen.month))
    own = _period(said, date(seen.year, 1, 1))
    if own and role == "by" and own.until <= seen.first:
        return "whether the deadline is in the year after the article's"  # 3월까지, printed in November
    return own


def _next_or_last(said: Moment, seen: AsOf) -> Period | str | None:
    """The next or last such period, if it is the same one seen from every day that the article may be from."""
    monthly = said.grain == "day" and said.month is None
    if monthly and seen.month is None:
        return "the month of the article"
    around = (
        [month_start(seen.year, (seen.month or 1) + step) for step in range(-14, 15)]
        if monthly
        else [date(year, 1, 1) for year in range(seen.year - 8, seen.year + 9)]
    )
    periods = [period for base in around if (period := _period(said, base))]
    if not periods:
        return None
    chosen = {_choose(periods, day, coming=said.relation == "coming") for day in (seen.first, seen.last)}
    only = chosen.pop()
    if chosen or only is None:
        return f"whether the article is from before or after the {said.grain} that it names"
    return only


def _choose(periods: list[Period], day: date, *, coming: bool) -> Period | None:
    """The next period after a day, or the last before it; None when the day is within one, where the words are no help."""
    if any(period.first <= day < period.until for period in periods):
        return None
    if coming:
        return min((period for period in periods if period.first > day), key=lambda period: period.first)
    return max((period for period in periods if period.until <= day), key=lambda period: period.until)


def _period(said: Moment, base: date) -> Period | None:
    """The period of that grain in the year or month that begins with the base; None where the calendar has no such day."""
    month = base.month if said.month is None else said.month
    if said.grain == "day":
        try:
            day = date(base.year, month, said.day or 1)
        except ValueError:
            return None
        return Period(day, day + timedelta(days=1))
    first, months = {
        "month": (month, 1),
        "quarter": (3 * (said.quarter or 1) - 2, 3),
        "half": (6 * (said.half or 1) - 5, 6),
        "year": (1, 12),
    }[said.grain]
    begin = month_start(base.year, first)
    return Period(begin, month_start(base.year, first + months)) if begin.year <= LAST_YEAR + 3 else None
