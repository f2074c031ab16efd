"""Korean numbers: digits, Hangul numerals and the scales 만, 억, 조, as they are mixed in print. Exact: no floats, no rounding."""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

__all__ = ["Number", "as_decimal", "read_number"]

DIGITS = {"영": 0, "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
SMALL = {"십": 10, "백": 100, "천": 1000}
LARGE = {"만": 10**4, "억": 10**8, "조": 10**12, "경": 10**16}
# What stands for a number before a counter: 두 배, 세 곳.
NATIVE = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10}

ARABIC = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?![0-9])")
# Words that begin as a numeral does: 10조 이상 is not 10조 2, nor 5만 사업 a number with a 4 in it.
WORDS = re.compile(
    r"이상|이하|이내|이 넘|이었|일간|일일|사업|사람|오전|오후|(?<= )[일이삼사오육칠팔구](?![십백천만억조경]|$)"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number read at the beginning of a text.

    Attributes:
        value: The number, exactly.
        end: Where the text goes on.
        scale: What the number is a multiple of, where it is one digit group before its scales (`2천억`: 10 to the 11th), else 1.
    """

    value: Fraction
    end: int
    scale: int = 1


def as_decimal(value: Fraction) -> Decimal | Fraction:
    """The same value as a `Decimal`, or unchanged where no decimal is exact (a third)."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return value
    places = max(twos, fives)
    digits = value.numerator * 10**places // value.denominator
    # Made from its digits: arithmetic on decimals would round to the context's precision.
    return Decimal((int(digits < 0), tuple(map(int, str(abs(digits)))), -places))


def read_number(text: str) -> Number | None:
    """Reads the longest number that a text begins with; None where it begins with none.

    `1조 2,000억` is one number, because each group is smaller than the scale before it; so are `3천500만`, `32만8000`, `2만5천`,
    `이백오십만` and `천억`. `10 20` is not, nor is `1조 20000억`: the reading ends after the first.
    """
    total, end, scales, groups = Fraction(0), 0, 1, 0
    ceiling: int | None = None  # each group counts less than the scale before it
    while True:
        group = _group(text, end if groups == 0 else _after_space(text, end))
        if group is None:
            break
        mark = _after_space(text, group.end)
        large = LARGE.get(text[mark : mark + 1])
        worth = group.value * (large or 1)
        if large in {10**8, 10**12, 10**16} and group.bare:
            break  # 억 alone is no number; 만, 천 and 백 are
        if ceiling is not None and worth >= ceiling:
            break
        total, groups = total + worth, groups + 1
        end = mark + 1 if large else group.end
        scales = group.scale * (large or 1)
        if large is None or group.value.denominator != 1:
            break  # nothing follows the ones, nor a fraction: 3.5조 200억 would overlap
        ceiling = large
        if group.bare and groups == 1 and re.match(" [0-9]", text[end:]):
            break  # 만 65세 is an age, not 10,065
    if groups:
        return Number(total, end, scales if groups == 1 else 1)
    native = ((word, value) for word, value in NATIVE.items() if text.startswith(word))
    return next((Number(Fraction(value), len(word)) for word, value in native), None)


@dataclass(frozen=True, slots=True)
class _Group:
    value: Fraction
    end: int
    scale: int
    bare: bool  # no digit: the scale stands alone


def _after_space(text: str, at: int) -> int:
    return at + 1 if text[at : at + 1] == " " else at


def _group(text: str, start: int) -> _Group | None:
    """A group below 만: `3천500`, `2,000`, `350백`, `이백오십`, `천`; also 만 with nothing before it."""
    total, at, ceiling, parts, scale = Fraction(0), start, 10**4, 0, 1
    while True:
        digits, after = _digits(text, _after_space(text, at) if parts else at)  # 2천 2백억
        if (
            parts == 0
            and digits is not None
            and text[after : after + 1] == " "
            and text[after + 1 : after + 2] in SMALL
        ):
            after += 1  # 5 천만
        small = SMALL.get(text[after : after + 1])
        if small is None:
            if digits is None or (parts and digits >= ceiling):
                break
            total, at, parts, scale = total + digits, after, parts + 1, 1 if parts else scale
            break
        worth = (1 if digits is None else digits) * small
        if parts and worth >= ceiling:
            break
        total, at, ceiling, scale = total + worth, after + 1, small, 1 if parts else small
        parts += 1
        if digits is not None and digits.denominator != 1:
            break
    if parts:
        return _Group(total, at, scale, bare=False)
    return _Group(Fraction(1), at, 1, bare=True) if text[at : at + 1] in LARGE else None


def _digits(text: str, at: int) -> tuple[Fraction | None, int]:
    if match := ARABIC.match(text, at):
        return Fraction(match.group().replace(",", "")), match.end()
    if (digit := DIGITS.get(text[at : at + 1])) is not None and not WORDS.match(text, at):
        return Fraction(digit), at + 1
    return None, at
