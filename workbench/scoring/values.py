"""JSON values as the scorer sees them: what is a leaf, what is nothing, in which order a list is taken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from workbench.errors import GoldenError, InputError
from workbench.pointers import step
from workbench.scoring.shape import Shape

__all__ = ["DEEPEST", "Either", "Kind", "Rows", "TooLarge", "blank", "kind_of", "rows", "with_alternates"]

DEEPEST: Final = 100
"""Values nested deeper than this are refused: Python's stack would end before they do."""


class TooLarge(InputError):
    """Two values are too large to be aligned optimally, or too deep to be walked."""


@dataclass(frozen=True, slots=True)
class Either:
    """A golden's leaf that more than one value answers.

    Attributes:
        value: The golden's own; what is charged when the record has none of them.
        alternates: The others; null among them says that the record may leave it out.
    """

    value: Any
    alternates: tuple[Any, ...]


def blank(value: Any) -> bool:
    """Whether a value says nothing: null, or text of nothing but white space."""
    return value is None or (type(value) is str and (not value or value.isspace()))


Kind: TypeAlias = Literal["nothing", "leaf", "object", "list"]


def kind_of(value: Any, shape: Shape) -> Kind:
    """What a value is at a place of this shape: a list that counts as one value is a leaf."""
    if type(value) is dict:
        return "object"
    if type(value) is list:
        if not shape.whole:
            return "list"
        return "leaf" if value else "nothing"
    return "nothing" if blank(value) else "leaf"


def with_alternates(golden: object, alternates: Mapping[str, Sequence[object]], shape: Shape) -> Any:
    """The golden with an `Either` at each pointer.

    Raises:
        GoldenError: If a pointer does not point at a leaf.
    """
    left = dict(alternates)

    def replaced(value: Any, at: str, shape: Shape) -> Any:
        others = left.pop(at, None)
        if isinstance(value, dict):
            new: Any = {name: replaced(child, at + step(name), shape.of_field(name)) for name, child in value.items()}
        elif isinstance(value, list) and not shape.whole:
            new = [replaced(child, f"{at}/{index}", shape.of_item()) for index, child in enumerate(value)]
        else:
            return value if others is None else Either(value, tuple(others))
        if others is not None:
            left[at] = others  # a list or an object is no leaf
        return new

    result = replaced(golden, "", shape)
    if left:
        raise GoldenError(
            "alternates point at no leaf of the golden",
            where=", ".join(sorted(left)),
            expected="JSON Pointers (RFC 6901) of leaves",
        )
    return result


_INNER = {dict, list, Either}


@dataclass(frozen=True, slots=True)
class Rows:
    """The items of a list in the one order in which they are taken, whatever order they came in.

    Ties between assignments are broken by position. For a score that depends neither on the order of a list nor on which side it
    is on, positions are those of this order: by a text that tells any two values apart, but not two orders of a list inside.

    Attributes:
        items: The items.
        positions: Where in the list each stood.
        keys: That text of each.
    """

    items: list[Any]
    positions: list[int]
    keys: list[str]

    def split(self, some: Counter[str]) -> "tuple[Rows, Rows]":
        """The first so many of each key, and the rest."""
        left = some.copy()
        first: list[int] = []
        rest: list[int] = []
        for index, key in enumerate(self.keys):
            if left[key] > 0:
                left[key] -= 1
                first.append(index)
            else:
                rest.append(index)
        return self._at(first), self._at(rest)

    def _at(self, indexes: list[int]) -> "Rows":
        items, positions, keys = self.items, self.positions, self.keys
        return Rows([items[i] for i in indexes], [positions[i] for i in indexes], [keys[i] for i in indexes])


def rows(*values: Any) -> dict[int, Rows]:
    """The rows of every list inside the values, by the list's address: they hold as long as the values do.

    Raises:
        TooLarge: If a value is nested deeper than `DEEPEST`.
    """
    found: dict[int, Rows] = {}

    def key(value: Any, depth: int) -> str:
        kind = type(value)
        if kind not in _INNER:
            return repr(value)
        if kind is Either:
            return "(" + "|".join([key(answer, depth) for answer in (value.value, *value.alternates)]) + ")"
        if depth > DEEPEST:
            raise TooLarge("a value is nested too deep to be scored", expected=f"at most {DEEPEST} levels")
        if kind is dict:
            if _INNER.isdisjoint(map(type, value.values())):
                return repr(dict(sorted(value.items())))
            inner = sorted(name for name, child in value.items() if type(child) in _INNER)
            flat = {name: value[name] for name in sorted(value.keys() - inner)}
            return repr(flat) + "{" + ",".join([f"{name!r}:{key(value[name], depth + 1)}" for name in inner]) + "}"
        keys = [key(item, depth + 1) for item in value]
        positions = sorted(range(len(keys)), key=keys.__getitem__)
        keys.sort()
        found[id(value)] = Rows([value[position] for position in positions], positions, keys)
        return "[" + ",".join(keys) + "]"

    for value in values:
        key(value, 0)
    return found
