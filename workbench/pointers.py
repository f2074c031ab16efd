"""JSON Pointers (RFC 6901): the places of a JSON value, by the names and numbers that lead there."""

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import JsonValue

__all__ = ["INDEX", "first_difference", "parent", "pointer", "put", "resolve", "step", "steps_of"]

INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")
"""A step that may be a list's."""


def pointer(*steps: str | int) -> str:
    """A pointer from its steps."""
    return "".join([step(str(one)) for one in steps])


def step(name: str) -> str:
    """A field's name as a step of a pointer."""
    return "/" + (name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name)


def steps_of(at: str) -> list[str]:
    """The steps of a pointer, as `pointer` takes them."""
    return [one.replace("~1", "/").replace("~0", "~") for one in at.split("/")[1:]]


def resolve(value: JsonValue, at: str) -> JsonValue:
    """What a pointer points at. It may be anybody's.

    Raises:
        KeyError: If it points at nothing.
    """
    found: Any = value
    for name in steps_of(at):
        if isinstance(found, list) and INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict):
            found = found[name]
        else:
            raise KeyError(at)
    return found  # type: ignore[no-any-return]


def parent(value: JsonValue, steps: Sequence[str]) -> Any:
    """The object or list that a place is in, which has to exist."""
    found: Any = value
    for name in steps[:-1]:
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


def put(value: JsonValue, steps: Sequence[str], new: JsonValue) -> None:
    """Put something in the place of what stands there, or into an object that has no such field."""
    above = parent(value, steps)
    above[int(steps[-1]) if isinstance(above, list) else steps[-1]] = new


def first_difference(one: JsonValue, other: JsonValue, at: str = "") -> tuple[str, JsonValue, JsonValue] | None:
    """The first place, in the order of the first value, where two differ, and what each has there; None if they are equal.

    A place that only one of them has is that of the object or list around it. ``1`` and ``true`` differ, as they do in JSON; ``1`` and ``1.0`` do not.
    """
    pairs: list[tuple[str, JsonValue, JsonValue]]
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(pointer(name), child, other[name]) for name, child in one.items()]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(pointer(number), *both) for number, both in enumerate(zip(one, other, strict=True))]
    elif one == other and isinstance(one, bool) == isinstance(other, bool):
        return None
    else:
        return at, one, other
    found = (first_difference(child, beside, at + here) for here, child, beside in pairs)
    return next((each for each in found if each), None)
