"""What there is to decide on an article: one stop for each field, and one for each item that only one side has.

An item of the record that the golden lacks is taken or left as a whole, and so is an item of the golden that the record lacks: such fields
are one stop. Once taken, its fields are stops of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from pydantic import JsonValue

from workbench.goldens import steps_of
from workbench.report.view import ArticleView, Group, Row

__all__ = ["NOWHERE", "Place", "Stop", "item_of", "stops", "value_at"]

Place: TypeAlias = tuple[str | None, str | None]
"""JSON Pointers into the golden and into the record's form; None where there is nothing."""
NOWHERE: Final[Place] = (None, None)
"""The place of what only a second run has."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A thing to decide.

    Attributes:
        number: Of its first field.
        place: Where it is, on the sides that have it.
        target: JSON Pointer into the golden, of where it is or would be; None for an item that the golden has not.
        rows: The numbers of its fields; more than one for an item that only one side has.
        label: What it goes by.
        wrong: Whether golden and record say different things.
        beside: The same place, by the second run's record; None where that has nothing there.
    """

    number: int
    place: Place
    target: str | None
    rows: tuple[int, ...]
    label: str
    wrong: bool
    beside: Place | None = None

    @property
    def whole(self) -> bool:
        """Whether it is an item or object of several fields."""
        return len(self.rows) > 1

    @property
    def anchor(self) -> str:
        """The id of its element on the page."""
        return f"u{self.number}" if self.whole else f"f{self.number}"


def stops(
    view: ArticleView,
    partners: Mapping[str, str],
    golden: JsonValue,
    record: JsonValue,
    beside: Mapping[str, str] | None = None,
) -> list[Stop]:
    """The stops of an article, in the order in which its fields are shown.

    Args:
        view: The article as it is shown.
        partners: Which item of the record is which of the golden, as pointers.
        golden: The golden's record.
        record: The record in the form of a golden.
        beside: The partners of the second run's record; None where there is none.
    """
    of_golden = {other: one for one, other in partners.items()}
    placed = []
    for group in view.groups:
        for row in group.rows:
            place, target = _place(row, partners, of_golden, golden, record)
            other = _beside(row, beside or {}, golden)
            placed.append(((place, target, other if place == NOWHERE else None), other, group, row))
    found = []
    for (place, target, _), together in groupby(placed, key=lambda each: each[0]):
        members = list(together)
        _, other, group, first = members[0]
        whole = len(members) > 1
        label = _label(group, None if whole else first) or "the record"
        rows = tuple(row.number for *_, row in members)
        wrong = place != NOWHERE and any(row.verdict != "correct" for *_, row in members)
        found.append(Stop(first.number, place, target, rows, label, wrong, other))
    return found


def _beside(row: Row, partners: Mapping[str, str], golden: JsonValue) -> Place | None:
    if row.beside is None or row.beside.at is None:
        return None
    if row.golden_at is not None:
        return row.golden_at, row.beside.at
    return None, _lacking(row.beside.at, partners, golden)[0]


def _label(group: Group, row: Row | None) -> str:
    return " › ".join(part for part in (group.label, row.name if row else "") if part)


def _place(
    row: Row, partners: Mapping[str, str], of_golden: Mapping[str, str], golden: JsonValue, record: JsonValue
) -> tuple[Place, str | None]:
    """The largest part that holds the row and that one side lacks altogether, the row itself where both have it; and the golden's place for it."""
    if row.golden_at is not None and row.at is not None:
        return (row.golden_at, row.at), row.golden_at
    if row.at is not None:
        at, there = _lacking(row.at, partners, golden)
        return (None, at), there
    if row.golden_at is None:
        return NOWHERE, None
    at, _ = _lacking(row.golden_at, of_golden, record)
    return (at, None), at


def _lacking(at: str, partners: Mapping[str, str], other: JsonValue) -> tuple[str, str | None]:
    """The shortest pointer on the way to ``at`` whose counterpart the other side lacks; and that counterpart, None for an item."""
    steps, there = at.split("/"), ""
    for length in range(2, len(steps) + 1):
        here = "/".join(steps[:length])
        if isinstance(value_at(other, there), list):
            if here not in partners:
                return here, None
            there = partners[here]
        else:
            there = f"{there}/{steps[length - 1]}"
            if value_at(other, there) is None:
                return here, there
    return at, there


def value_at(value: JsonValue, at: str) -> Any:
    """What a JSON Pointer points at; None where it points at nothing."""
    for step in steps_of(at):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def item_of(place: Place) -> Place | None:
    """The item of a list that a field stands in, where both sides have it; None of a field that is an item itself, or in none."""
    golden, record = (_item(at) if at else None for at in place)
    return (golden, record) if golden and record else None


def _item(at: str) -> str | None:
    steps = at.split("/")
    numbers = [index for index, step in enumerate(steps) if step.isascii() and step.isdigit()]
    return "/".join(steps[: numbers[-1] + 1]) if numbers and numbers[-1] < len(steps) - 1 else None
