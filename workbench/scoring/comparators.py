"""How two values of one field are compared: declared on the schema's fields, read by the scorer.

``Annotated[str, Amount()]`` says that a field holds amounts, ``Annotated[str, Text(floor=0.9)]`` that spelling may differ a little.
The method of a field belongs to the schema (arXiv 2602.12247). A comparator is a frozen dataclass with two methods, so that anyone can
write one; it must be symmetric, and a value must equal itself.

Numbers, amounts and dates are equal or they are not: edit distance says that 10⁸ is nearly 10⁹.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor, inf
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import JsonValue

from workbench.errors import SchemaError
from workbench.scoring.reasons import Reason
from workbench.scoring.spelling import glosses_differ, same, spell

__all__ = [
    "ALMOST",
    "LONG",
    "SAME",
    "Category",
    "Comparator",
    "Comparison",
    "Context",
    "Exact",
    "Number",
    "Reading",
    "Set",
    "Text",
    "Typed",
    "Url",
    "check_range",
    "letters_in_common",
]


@dataclass(frozen=True, slots=True)
class Context:
    """What a comparator may need to know beside the two values.

    Attributes:
        as_of: The day that ``올해`` and ``다음 달`` are read from, ``YYYY-MM-DD``.
        article: Gives the article, where it is at hand. It is asked for only where it may settle something: 광주시 may be two cities.
    """

    as_of: str | None = None
    article: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two values.

    Attributes:
        equal: Whether they count as the same.
        similarity: From 0 to 1; 1 exactly when equal. Only the alignment of lists looks at it.
        reason: Why.
    """

    equal: bool
    similarity: float
    reason: Reason


class Reading(NamedTuple):
    """One value made ready for comparing with thousands of others.

    Attributes:
        keys: Two values can be equal only if they share a key; `Comparator.compare` then decides.
        text: What likeness is measured on, where there is likeness; readings of one text share a key. Two whose texts are alike
            to the comparator's ``floor``, if it has one below 1, can be equal too.
    """

    keys: tuple[Hashable, ...]
    text: str | None = None


class Comparator(Protocol):
    """What the scorer asks of a comparator. Both methods take any JSON value but null."""

    def read(self, value: JsonValue, context: Context) -> Reading:
        """The value made ready; what makes lists of thousands fast."""
        ...

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """The verdict on two values."""
        ...


ALMOST = 0.99
"""The most that the likeness of two values can be that are not equal."""
SAME = Comparison(True, 1.0, Reason("same"))
"""What comes of comparing a value with itself."""


def check_range(what: str, value: float, most: float) -> None:
    """Refuses a number that is not from 0 to the most that makes sense.

    Raises:
        SchemaError: It is not.
    """
    if not 0 <= value <= most:
        raise SchemaError(f"{what} of {value} makes no sense", expected=f"a number from 0 to {most}")


_SAME_SPELLING = Comparison(True, 1.0, Reason("same_spelling"))
_DIFFERS = Comparison(False, 0.0, Reason("differs"))

_TYPES = {bool: "true/false", str: "text", int: "number", float: "number", list: "list", dict: "object"}


def _typed_key(value: JsonValue) -> Hashable:
    """The value as a key that tells ``1`` from ``true`` and ``"1"``, but not from ``1.0``; NaN equals itself."""
    return ("number", value) if type(value) in (int, float) and value == value else (type(value), repr(value))  # noqa: PLR0124


def _exact(golden: JsonValue, record: JsonValue) -> Comparison:
    """Equal as JSON values; where the types differ, that is the reason."""
    if _typed_key(golden) == _typed_key(record):
        return SAME
    types = _TYPES.get(type(golden), "null"), _TYPES.get(type(record), "null")
    if types[0] != types[1]:
        return Comparison(False, 0.0, Reason("type", (("golden", types[0]), ("record", types[1]))))
    return _DIFFERS


@dataclass(frozen=True, slots=True)
class Exact:
    """The same JSON value, character for character. ``1`` and ``1.0`` are the same number; ``1``, ``true`` and ``"1"`` are not."""

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """The value itself."""
        return Reading((_typed_key(value),))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:  # noqa: ARG002
        """Equal as JSON values."""
        return _exact(golden, record)


@dataclass(frozen=True, slots=True)
class Text:
    """The same name, however it is spelt; see `workbench.scoring.spelling`.

    With the floor at 1, the default, what is left of the two must be the same: ``…확대`` is not ``…축소`` and ``혁신도시1`` is not
    ``혁신도시2``, though nearly all their characters are. Below 1, texts that are alike at least so much are equal too (Indel
    likeness, https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#ratio), provided that the figures in them are the same.
    """

    floor: float = 1.0

    def __post_init__(self) -> None:
        """Refuses a floor outside 0 to 1."""
        check_range("a floor", self.floor, 1)

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """The forms of the spelling."""
        return _read_text(value) if isinstance(value, str) else Reading((_typed_key(value),))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:  # noqa: ARG002
        """Equal as spellings, or alike to the floor."""
        if not (isinstance(golden, str) and isinstance(record, str)):
            return _exact(golden, record)
        if golden == record:
            return SAME
        one, other = spell(golden), spell(record)
        if same(one, other):
            return _SAME_SPELLING
        similarity = _likeness(one.forms[0], other.forms[0])
        if glosses_differ(one, other) and one.forms[0] == other.forms[0]:
            return Comparison(False, similarity, Reason("gloss"))
        if _figures(one.forms[0]) != _figures(other.forms[0]):
            return Comparison(False, similarity, Reason("figures"))
        if similarity < self.floor or not _reaches(one.forms[0], other.forms[0], self.floor):
            return Comparison(False, similarity, Reason("differs"))
        return Comparison(
            True, 1.0, Reason("alike", (("similarity", f"{similarity:.2f}"), ("floor", f"{self.floor:.2f}")))
        )


@lru_cache(maxsize=1 << 16)
def _read_text(text: str) -> Reading:
    forms = spell(text).forms
    return Reading(forms, forms[0])


LONG = 20_000
"""Letters from which a text is not held letter by letter against another as long: that takes the product of their lengths."""


def letters_in_common(one: Counter[str], other: Counter[str]) -> float:
    """The most that the likeness of two texts of these letters can be: the share that they have in common, wherever they stand."""
    return 2 * (one & other).total() / (one.total() + other.total())


def _likeness(one: str, other: str) -> float:
    if len(one) > LONG and len(other) > LONG:
        return min(letters_in_common(Counter(one), Counter(other)), ALMOST)
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415  (a schema imports the comparators, and should not wait for it)

    return min(ratio(one, other) / 100, ALMOST)


def _reaches(one: str, other: str, floor: float) -> bool:
    """Whether two texts are really as alike as that: of long ones the likeness is what it could be at the most."""
    if len(one) <= LONG or len(other) <= LONG:
        return True  # the likeness was no estimate
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415

    return ratio(one, other, score_cutoff=100 * floor) > 0


_DIGITS = re.compile(r"\d+")


def _figures(text: str) -> list[str]:
    return _DIGITS.findall(text)


@dataclass(frozen=True, slots=True)
class Number:
    """The same number, up to a tolerance: absolute, or relative to the larger of the two. Text such as ``"1,200"`` is read."""

    tolerance: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        """Refuses a tolerance below 0."""
        check_range("a tolerance", self.tolerance, inf)
        check_range("a relative tolerance", self.relative, 1)

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """The number, or where it is in steps of the tolerance; under a relative one any number may equal any other."""
        number = _number(value)
        if number is None:
            return Reading((_typed_key(value),))
        if self.relative:
            return Reading(("number",))
        if not self.tolerance:
            return Reading((number,))
        step = floor(Fraction(number) / Fraction(str(self.tolerance)))
        return Reading((step, step + 1))  # two numbers within the tolerance are in one step or in neighbours

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:  # noqa: ARG002
        """Equal as numbers, computed in decimal so that 3.5 and 3.6 are 0.1 apart."""
        one, other = _number(golden), _number(record)
        if one is None or other is None:
            return _exact(golden, record)
        if one == other:
            return SAME
        allowed = max(Decimal(str(self.tolerance)), Decimal(str(self.relative)) * max(abs(one), abs(other)))
        if abs(one - other) <= allowed:
            return Comparison(True, 1.0, Reason("within", (("tolerance", str(allowed)),)))
        return Comparison(False, 0.0, Reason("value", (("golden", str(one)), ("record", str(other)))))


_PLAIN_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?")


def _number(value: JsonValue) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        return Decimal(text.replace(",", "")) if _PLAIN_NUMBER.fullmatch(text) else None
    number = Decimal(repr(value))
    return number if number.is_finite() else None


@dataclass(frozen=True, slots=True)
class Category:
    """The same member of a closed list: case and white space aside, no likeness."""

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """The member's name."""
        return Reading((_member(value) if isinstance(value, str) else _typed_key(value),))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:  # noqa: ARG002
        """Equal as names."""
        if isinstance(golden, str) and isinstance(record, str):
            return SAME if _member(golden) == _member(record) else _DIFFERS
        return _exact(golden, record)


def _member(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).casefold().split())


@dataclass(frozen=True, slots=True)
class Url:
    """The same page: scheme, ``www.``, default port, fragment and a slash at the end do not matter."""

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """The address without what does not matter."""
        return Reading((_address(value) if isinstance(value, str) else _typed_key(value),))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:  # noqa: ARG002
        """Equal as addresses."""
        if isinstance(golden, str) and isinstance(record, str):
            return SAME if _address(golden) == _address(record) else _DIFFERS
        return _exact(golden, record)


@lru_cache(maxsize=1 << 12)
def _address(text: str) -> Hashable:
    text = unicodedata.normalize("NFC", text.strip())
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port
    except ValueError:  # brackets that hold no address, a port that is none
        return text
    host = (parts.hostname or "").removeprefix("www.")
    return host, None if port in (80, 443) else port, unquote(parts.path).rstrip("/"), unquote(parts.query)


@dataclass(frozen=True, slots=True)
class Set:
    """A list of scalars as one value: the same members, in any order, however often. Members are compared by ``member``."""

    member: Comparator = field(default_factory=Text)

    def read(self, value: JsonValue, context: Context) -> Reading:  # noqa: ARG002
        """Any set may resemble any other."""
        return Reading(("set",) if isinstance(value, list) else (_typed_key(value),))

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """Equal if each member of either is in the other; else alike by the share of members that are."""
        if not (isinstance(golden, list) and isinstance(record, list)):
            return _exact(golden, record)
        found = [any(self.member.compare(one, other, context).equal for other in record) for one in golden]
        found += [any(self.member.compare(one, other, context).equal for one in golden) for other in record]
        if all(found):
            return SAME
        return Comparison(False, min(sum(found) / len(found), ALMOST), Reason("differs"))


@dataclass(frozen=True, slots=True)
class Typed:
    """What a field without a comparator gets: text as `Text`, all else as `Exact`."""

    def read(self, value: JsonValue, context: Context) -> Reading:
        """As the value's type has it."""
        return _read_text(value) if type(value) is str else _EXACT.read(value, context)

    def compare(self, golden: JsonValue, record: JsonValue, context: Context) -> Comparison:
        """As the values' type has it; two types are never equal."""
        return (_TEXT if isinstance(golden, str) else _EXACT).compare(golden, record, context)


_TEXT = Text()
_EXACT = Exact()
