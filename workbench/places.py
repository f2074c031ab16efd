"""Where a thing stands in a golden, and where a thing of the record would stand in it."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, JsonValue

from workbench.errors import WishError
from workbench.goldens import Golden
from workbench.pointers import pointer, resolve, steps_of
from workbench.schema import form
from workbench.scoring import score
from workbench.scoring.verdicts import partners

__all__ = ["found_at", "place_of"]


def found_at(value: JsonValue, at: str, whose: str) -> JsonValue:
    """What stands at a JSON Pointer. It may come from a page, and so from anybody.

    Raises:
        WishError: If nothing does.
    """
    try:
        return resolve(value, at)
    except KeyError as error:
        raise WishError(f"{whose} has nothing at {at}", at=at) from error


def place_of(
    record_at: str,
    golden: Golden,
    record: JsonValue,
    schema: type[BaseModel],
    *,
    as_of: str | None,
    article: Callable[[], str | None],
) -> tuple[list[str], bool]:
    """Where in a golden something of a record belongs, and whether it is an item that the golden lacks.

    A golden and a record are aligned as the scorer aligns them. An item that the golden lacks belongs after the nearest of those before it that the
    golden has, else before the nearest of those after it, else at the end.

    Args:
        record_at: JSON Pointer into the record; it points at something.
        golden: The golden.
        record: The record, as its form has it.
        schema: Their schema.
        as_of: The day by which relative dates are read, where the golden names none.
        article: Gives the article's text, if it is at hand.

    Raises:
        WishError: If the golden lacks what it would be in; names that place.
    """
    as_of = golden.published or as_of
    held = score(golden.record, record, form(schema), alternates=golden.alternates, as_of=as_of, article=article)
    known = {"": "", **partners(held.leaves)}
    steps = steps_of(record_at)
    length = next(length for length in range(len(steps), -1, -1) if pointer(*steps[:length]) in known)
    path = steps_of(known[pointer(*steps[:length])])
    found: Any = found_at(golden.record, pointer(*path), "the golden")
    for number, name in enumerate(steps[length:], length + 1):
        if isinstance(found, list) and number == len(steps):
            return [*path, str(_beside(known, steps, len(found)))], True
        if not isinstance(found, dict) or name not in found:
            whole = "item" if isinstance(found, list) else "whole"
            raise WishError(
                f"the golden has nothing that this could stand in: accept the {whole} first", at=pointer(*path)
            )
        path.append(name)
        found = found[name]
    return path, False


def _beside(known: Mapping[str, str], steps: list[str], length: int) -> int:
    """The number that an item of the record gets among those of the golden."""
    own = int(steps[-1])
    siblings = pointer(*steps[:-1]) + "/"
    in_golden = {
        int(at.rpartition("/")[2]): int(partner.rpartition("/")[2])
        for at, partner in known.items()
        if at.startswith(siblings) and "/" not in at[len(siblings) :]
    }
    before = [number for number in in_golden if number < own]
    after = [number for number in in_golden if number > own]
    return in_golden[max(before)] + 1 if before else in_golden[min(after)] if after else length
