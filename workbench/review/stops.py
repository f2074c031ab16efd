"""What there is to decide on an article: one stop for each field, and one for each item that only one side has.

An item of the record that the golden lacks is taken or left as a whole, and so is an item of the golden that the record lacks: such fields
are one stop. Once taken, its fields are stops of their own. Stops are what is counted, on the list as on the article's page.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from pydantic import JsonValue

from workbench.decide import record_hash
from workbench.evaluate import ArticleScore
from workbench.goldens import Golden
from workbench.pointers import resolve
from workbench.report.view import ArticleView, Group, Row
from workbench.scoring.verdicts import NOT_WRONG, partners
from workbench.standing import DECIDED, Mark, Standing

__all__ = ["NOWHERE", "Place", "Stop", "item_of", "progress", "stops", "value_at", "wants"]

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
    pairs: Mapping[str, str],
    golden: JsonValue,
    record: JsonValue,
    beside: Mapping[str, str] | None = None,
) -> list[Stop]:
    """The stops of an article, in the order in which its fields are shown.

    Args:
        view: The article as it is shown.
        pairs: Which item of the record is which of the golden, as pointers.
        golden: The golden's record.
        record: The record in the form of a golden.
        beside: The partners of the second run's record; None where there is none.
    """
    of_golden = {other: one for one, other in pairs.items()}
    placed = []
    for group in view.groups:
        for row in group.rows:
            place, target = _place((row.golden_at, row.at), pairs, of_golden, golden, record)
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


def _beside(row: Row, pairs: Mapping[str, str], golden: JsonValue) -> Place | None:
    if row.beside is None or row.beside.at is None:
        return None
    if row.golden_at is not None:
        return row.golden_at, row.beside.at
    return None, _lacking(row.beside.at, pairs, golden)[0]


def _label(group: Group, row: Row | None) -> str:
    return " › ".join(part for part in (group.label, row.name if row else "") if part)


def progress(article: ArticleScore, golden: Golden, record: JsonValue, standing: Standing) -> tuple[int, int]:
    """How many stops of an article somebody has decided on, and how many want it: see `wants`.

    Args:
        article: Its score.
        golden: Its golden.
        record: Its record in the form of a golden.
        standing: What stands decided.
    """
    leaves = article.score.leaves if article.score else ()
    of_record = partners(leaves)
    of_golden = {other: one for one, other in of_record.items()}
    wrong: dict[Place, bool] = {}
    for leaf in leaves:
        if leaf.verdict != "absent":
            place, _ = _place((leaf.golden_at, leaf.record_at), of_record, of_golden, golden.record, record)
            wrong[place] = wrong.get(place, False) or leaf.verdict not in NOT_WRONG
    name = record_hash(record) if standing.marks else None
    decided = left = 0
    for place, differs in wrong.items():
        mark = standing.of(*place, name, golden)
        left += wants(place, mark, standing, wrong=differs)
        decided += mark is not None and mark.action in DECIDED
    return decided, left


def wants(place: Place, mark: Mark | None, standing: Standing, *, wrong: bool) -> bool:
    """Whether a stop wants a decision.

    Those do that differ or that somebody skipped or flagged; of a golden that was started, all do: that it is as the record says is where it came from,
    not a judgement. What only a second run has is shown, and wants nothing.

    Args:
        place: The stop's.
        mark: The decision in force on it.
        standing: What stands decided on the article.
        wrong: Whether golden and record say different things there.
    """
    called_for = wrong or mark is not None or standing.started is not None
    return place != NOWHERE and called_for and (mark is None or mark.action not in DECIDED)


def _place(
    leaf: Place, pairs: Mapping[str, str], of_golden: Mapping[str, str], golden: JsonValue, record: JsonValue
) -> tuple[Place, str | None]:
    """The largest part that holds a leaf and that one side lacks altogether, the leaf itself where both have it; and the golden's place for it."""
    golden_at, record_at = leaf
    if golden_at is not None and record_at is not None:
        return (golden_at, record_at), golden_at
    if record_at is not None:
        at, there = _lacking(record_at, pairs, golden)
        return (None, at), there
    if golden_at is None:
        return NOWHERE, None
    at, _ = _lacking(golden_at, of_golden, record)
    return (at, None), at


def _lacking(at: str, pairs: Mapping[str, str], other: JsonValue) -> tuple[str, str | None]:
    """The shortest pointer on the way to ``at`` whose counterpart the other side lacks; and that counterpart, None for an item."""
    steps, there = at.split("/"), ""
    for length in range(2, len(steps) + 1):
        here = "/".join(steps[:length])
        if isinstance(value_at(other, there), list):
            if here not in pairs:
                return here, None
            there = pairs[here]
        else:
            there = f"{there}/{steps[length - 1]}"
            if value_at(other, there) is None:
                return here, there
    return at, there


def value_at(value: JsonValue, at: str) -> Any:
    """What a JSON Pointer points at; None where it points at nothing."""
    with suppress(KeyError):
        return resolve(value, at)
    return None


def item_of(place: Place) -> Place | None:
    """The item of a list that a field stands in, where both sides have it; None of a field that is an item itself, or in none."""
    golden, record = (_item(at) if at else None for at in place)
    return (golden, record) if golden and record else None


def _item(at: str) -> str | None:
    steps = at.split("/")
    numbers = [index for index, step in enumerate(steps) if step.isascii() and step.isdigit()]
    return "/".join(steps[: numbers[-1] + 1]) if numbers and numbers[-1] < len(steps) - 1 else None
