"""JSON Pointers (RFC 6901): the places of a JSON value, by the names and numbers that lead there."""

import re
from typing import Final

__all__ = ["INDEX", "pointer", "step", "steps_of"]

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
