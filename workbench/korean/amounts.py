"""Reading an amount: `101조원`, `25만여명`, `10조 이상`, `1~2조원`, `10분의 1`, `200% 신장`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from workbench.errors import ReadingRefused
from workbench.korean.numerals import Number, as_decimal, read_number
from workbench.korean.reading import plain, refused
from workbench.korean.units import CURRENCIES, PER, SYMBOLS, UNIT, UNITS

__all__ = ["Amount", "Bound", "read_amount"]

Bound = Literal["exact", "about", "at_least", "at_most", "more_than", "less_than"]

SIGNS: dict[Bound, str] = {
    "exact": "",
    "about": "≈ ",
    "at_least": "≥ ",
    "at_most": "≤ ",
    "more_than": "> ",
    "less_than": "< ",
}
BEFORE: dict[str, Bound] = {
    "대략": "about",
    "약": "about",
    "최소": "at_least",
    "적어도": "at_least",
    "최대": "at_most",
    "많게는": "at_most",
    "총": "exact",  # says that it is a sum, bounds nothing
    "공정률": "exact",  # nor does what the percentage is of
}
AFTER: dict[str, Bound] = {
    "이상": "at_least",
    "이하": "at_most",
    "이내": "at_most",
    "미만": "less_than",
    "초과": "more_than",
    "넘는": "more_than",
    "이 넘는": "more_than",
    "가 넘는": "more_than",
    "내외": "about",
    "안팎": "about",
    "가량": "about",
    "남짓": "about",
    "정도": "about",
    "전후": "about",
    "쯤": "about",
    "여": "about",
    "규모": "exact",  # 100만평 규모 is 100만평
    "상당": "exact",
    "수준": "exact",
    "달성": "exact",
}
RISES = re.findall(r"\S+", "신장 확대 증가 증대 상승 향상 성장 개선 증액 증원 증설 인상")
FALLS = re.findall(r"\S+", "감소 축소 절감 감축 하락 저감 단축 인하")
VAGUE = re.compile(r"(?:수|몇)\s?(?:십|백|천|만|억|조|개|명|배|곳)|여러|다수|[십백천]\s?수\s?[십백천만억조년명개]")


def _words(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(" ?(" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ") ?")


PREFIX, SUFFIX, CHANGE, RATE = _words(BEFORE), _words(AFTER), _words(RISES + FALLS), _words(PER)
SYMBOL = _words(SYMBOLS)
SIGN = re.compile(r"([-+]|마이너스 ?)")
RANGE = re.compile(r" ?(?:~|에서 |부터 |-(?=[0-9])) ?")


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount, exactly as large as the text says.

    Attributes:
        text: What was read.
        low: The value, or the lower end of a range; a `Fraction` only where no decimal is exact (`3분의 1`).
        high: The same value, or the upper end of a range.
        unit: What is counted or measured, in one spelling (`명`, `평`, `㎡`, `%`, `배`); empty for money and bare numbers.
        currency: The ISO 4217 code, None where it is no money.
        bound: Whether the value is exact, about so, or a bound, and which.
        direction: The word for the change that the amount is of (`신장`, `확대`, `절감`), else empty.
        per: What it comes back with (`년`, `월`, `일`: `연간 100명`), else empty.
    """

    text: str
    low: Decimal | Fraction
    high: Decimal | Fraction
    unit: str = ""
    currency: str | None = None
    bound: Bound = "exact"
    direction: str = ""
    per: str = ""

    @property
    def is_range(self) -> bool:
        """Whether it has two ends."""
        return self.low != self.high

    @property
    def value(self) -> Decimal | Fraction | None:
        """The one value; None for a range."""
        return None if self.is_range else self.low

    def same_as(self, other: object) -> bool:
        """Whether the other is an amount of equal value, unit, currency, bound and rate.

        Of the words for the change only the direction counts, and only where both have one: `20% 확대` is `20% 증가` and `20%`, but
        not `20% 축소`.
        """
        if not isinstance(other, Amount) or self._said() != other._said():
            return False
        falls = [amount.direction in FALLS for amount in (self, other) if amount.direction]
        return len(set(falls)) < 2

    def _said(self) -> tuple[object, ...]:
        return (Fraction(self.low), Fraction(self.high), self.unit, self.currency, self.bound, self.per)

    def __str__(self) -> str:
        """A form to check by eye: `≥ 10,000,000,000,000 KRW`."""
        ends = _digits(self.low) + (f"–{_digits(self.high)}" if self.is_range else "")
        rate = f"/{self.per}" if self.per else ""
        return SIGNS[self.bound] + " ".join(
            part for part in (ends, (self.currency or self.unit) + rate, self.direction) if part
        )


def _digits(value: Decimal | Fraction) -> str:
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def read_amount(text: str) -> Amount:
    """Reads an amount out of a few words that hold nothing else.

    Args:
        text: The words: a number or a range with its unit or currency, and the words that bound it or say what changes.

    Raises:
        ReadingRefused: There is no number in it (`수십억원`), something is left over, or it contradicts itself.
    """
    return _Reader(text).read()


class _Reader:
    """Takes one part of the text after the other; what it cannot take is left over."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = plain(text, kind="an amount")
        self.bounds: list[Bound] = []
        self.currency: str | None = None
        self.unit: str | None = None
        self.direction = ""
        self.per = ""

    def read(self) -> Amount:
        if VAGUE.search(self.rest):
            raise self.refusal("says an amount without a number", expected="a number, as in 30억원")
        self.before()
        if fraction := self.part():
            low = high = fraction
        else:
            low, high = self.ends()
        self.after()
        if self.rest:
            raise self.refusal("is no amount throughout", leftover=self.rest)
        if self.unit == "년" and 1900 <= low <= high < 2200 and "," not in self.text:
            raise self.refusal("is a year, not an amount", way_out="read it as a date")
        return Amount(
            text=self.text,
            low=as_decimal(low),
            high=as_decimal(high),
            unit=self.unit or "",
            currency=self.currency,
            bound=self.bound(),
            direction=self.direction,
            per=self.per,
        )

    def refusal(self, why: str, *, expected: str = "", leftover: str = "", way_out: str = "") -> ReadingRefused:
        return refused(self.text, why, expected=expected, leftover=leftover, way_out=way_out)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        if match := pattern.match(self.rest):
            self.rest = self.rest[match.end() :]
            return match.group(match.lastindex or 0)
        return None

    def before(self) -> None:
        """The words and signs before the number."""
        while True:
            if word := self.take(PREFIX):
                self.bounds.append(BEFORE[word])
            elif not self.per and (word := self.take(RATE)):
                self.per = PER[word]
            elif not self.currency and (word := self.take(SYMBOL)):
                self.currency = SYMBOLS[word]
            elif word := self.take(re.compile(r"(만) (?=[0-9]+ ?세)")):
                continue  # 만 19세: how the years are counted
            else:
                return

    def number(self) -> Number:
        sign = self.take(SIGN)
        found = read_number(self.rest)
        if found is None:
            raise self.refusal(
                "holds no number where one was looked for", leftover=self.rest, expected="a number, as in 30억원"
            )
        self.rest = self.rest[found.end :]
        return found if sign in {None, "+"} else Number(-found.value, found.end, found.scale)

    def part(self) -> Fraction | None:
        """A part of a whole: `10분의 1`."""
        match = re.match(r"([0-9]+) ?분의 ?([0-9]+)", self.rest)
        if match is None or int(match[1]) == 0:
            return None
        self.rest = self.rest[match.end() :]
        return Fraction(int(match[2]), int(match[1]))

    def ends(self) -> tuple[Fraction, Fraction]:
        """Both ends of a range, or the one number twice."""
        low = self.number()
        self.measure()
        bare = low.scale == 1 and self.unit is None and self.currency is None
        if not (match := RANGE.match(self.rest)):
            return low.value, low.value
        self.rest = self.rest[match.end() :]
        unit, currency = self.unit, self.currency
        self.unit = None
        self.take(SYMBOL)
        high = self.number()
        self.measure()
        if (unit is not None and unit != self.unit) or (currency is not None and currency != self.currency):
            raise self.refusal("is a range between two different units")
        # 1~2조원 is 1조 to 2조: a bare lower end shares the scale of the upper one, where that leaves it the lower end.
        shared = low.value * high.scale
        bottom = shared if bare and shared <= high.value else low.value
        if bare and high.scale == 1 and high.value >= 10**4 and not self.rest_is_plain(high):
            raise self.refusal("leaves open whether the lower end shares the scale of the upper one")
        if bottom > high.value:
            raise self.refusal("is a range whose lower end is the higher")
        return bottom, high.value

    def rest_is_plain(self, high: Number) -> bool:
        """Whether the upper end was printed in digits alone, so that there is no scale to share."""
        return format(int(high.value), ",") in self.text or str(int(high.value)) in self.text

    def measure(self) -> None:
        """The unit or currency after a number, with 여 or 남짓 before it."""
        while word := self.take(re.compile(r" ?(여|남짓) ?(?=[가-힣㎡%a-zA-Z])")):
            self.bounds.append(AFTER[word])
        space = self.rest.startswith(" ")
        match = UNIT.match(self.rest, int(space))
        if match is None or (self.currency is not None and UNITS[match.group()]):
            return
        word = match.group()
        self.rest = self.rest[match.end() :]
        self.unit = UNITS[word]
        self.currency = CURRENCIES.get(word, self.currency)
        if word in {"년", "개월", "일", "개년"}:
            self.take(re.compile("간"))

    def after(self) -> None:
        """The words after the number: bounds, and what changes."""
        while True:
            if word := self.take(SUFFIX):
                self.bounds.append(AFTER[word])
            elif not self.direction and (word := self.take(CHANGE)):
                self.direction = word
            else:
                return

    def bound(self) -> Bound:
        """What the bounding words come to: a bound is stronger than 약 and 여, and two different bounds contradict each other."""
        said = {bound for bound in self.bounds if bound != "exact"}
        firm = said - {"about"}
        if len(firm) > 1:
            raise self.refusal("bounds its amount in two ways")
        return next(iter(firm or said), "exact")
