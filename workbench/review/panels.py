"""What stands with a field for a person to decide: its controls, what was decided before, what was typed and is no value."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, JsonValue

from workbench.decisions import Decision, Line
from workbench.goldens import Golden
from workbench.pointers import pointer, steps_of
from workbench.report.places import steps_for_people
from workbench.report.spans import Clipped, clip
from workbench.review.forms import Asked, shown_value
from workbench.review.opened import Opened
from workbench.review.stops import NOWHERE, Stop, value_at, wants
from workbench.schema import scalars
from workbench.standing import Mark
from workbench.wanted import Wanted, wanted

__all__ = ["Gap", "Panel", "Past", "Problem", "gaps", "history", "panel", "place_words"]

DONE: Final = {
    "accept": "accepted",
    "keep": "kept",
    "correct": "corrected",
    "alternate": "alternate",
    "absent": "absent",
    "skip": "skipped",
    "flag": "flagged",
    "undo": "undone",
    "adjudication": "adjudicated",
}
"""What an action is called once it was taken."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a decision was not taken.

    Attributes:
        asked: What was asked, to be shown again as it was typed.
        says: What is the matter.
    """

    asked: Asked
    says: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The controls of a stop.

    Attributes:
        stop: What is decided.
        wanted: What the schema wants there; None for an item that only the record has.
        fill: What its text field holds.
        mark: The decision in force; None if there is none.
        done: That decision in a word.
        wants: Whether a decision is wanted.
        gives: Whether the record has something to accept.
        has: Whether the golden has something to keep.
        error: Why what was typed is no value.
        note: What its field for a note holds.
    """

    stop: Stop
    wanted: Wanted | None
    fill: str
    mark: Decision | None
    done: str
    wants: bool
    gives: bool
    has: bool
    error: str
    note: str

    @property
    def types(self) -> bool:
        """Whether a value can be typed."""
        return self.wanted is not None and self.wanted.kind in {"text", "choice", "number", "flag"}


def panel(
    stop: Stop,
    opened: Opened,
    schema: type[BaseModel],
    decisions: Mapping[str, Decision],
    problem: Problem | None = None,
) -> Panel:
    """The controls of a stop.

    Args:
        stop: What is decided.
        opened: The article.
        schema: The task's.
        decisions: What was decided on the golden, by id.
        problem: Why the last decision was not taken.
    """
    golden_at, record_at = stop.place
    held = value_at(opened.golden.record, golden_at) if opened.golden and golden_at is not None else None
    given = value_at(opened.about.record, record_at) if record_at is not None else None
    mark = _mark(stop, opened)
    asked = problem.asked if problem and (problem.asked.at, problem.asked.record_at) == stop.place else None
    return Panel(
        stop=stop,
        wanted=wanted(schema, steps_of(stop.target)) if stop.target is not None else None,
        fill=asked.typed if asked else shown_value(given) or shown_value(held),
        mark=decisions[mark.id] if mark else None,
        done=DONE[mark.action] if mark else "",
        wants=wants(stop.place, mark, opened.standing, wrong=stop.wrong),
        gives=given is not None,
        has=held is not None,
        error=problem.says if problem and asked else "",
        note=asked.note if asked else "",
    )


def _mark(stop: Stop, opened: Opened) -> Mark | None:
    """The decision in force on a stop."""
    if stop.place == NOWHERE and stop.beside:
        return opened.standing.of(*stop.beside, opened.beside_record, opened.golden)
    return opened.standing.of(*stop.place, opened.record, opened.golden)


@dataclass(frozen=True, slots=True)
class Gap:
    """A place of the golden that can be filled: an empty field, or a list that takes one more.

    Attributes:
        at: JSON Pointer to write to.
        label: What it goes by.
    """

    at: str
    label: str


def gaps(golden: Golden) -> tuple[list[Gap], list[Gap]]:
    """The lists and the empty fields of a golden, in its order."""
    lists = [Gap(f"{at}/-", place_words(at)) for at in _lists(golden.record, "") if at]
    return lists, [Gap(at, place_words(at)) for at, value in scalars(golden.record) if value is None]


def _lists(value: JsonValue, at: str) -> Iterator[str]:
    if isinstance(value, list):
        yield at
        for number, child in enumerate(value):
            yield from _lists(child, f"{at}{pointer(number)}")
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _lists(child, f"{at}{pointer(name)}")


def place_words(at: str | None) -> str:
    """A pointer for people."""
    return " › ".join(map(str, steps_for_people(at))) if at else "the article"


@dataclass(frozen=True, slots=True)
class Past:
    """A line of an article's history.

    Attributes:
        number: Its decision's id; None for a line of the older kind.
        when: To the minute, in UTC.
        by: Who decided.
        did: What, in a word.
        where: The place, for people.
        value: What is there since; None where nothing is, or nothing changed.
        was: What was there.
        note: What was noted.
        undone: Whether it was undone since.
    """

    number: str | None
    when: str
    by: str
    did: str
    where: str
    value: Clipped | None
    was: Clipped | None
    note: Clipped | None
    undone: bool


def history(lines: Iterable[Line]) -> list[Past]:
    """What was decided on an article, the latest first."""
    lines = list(lines)
    by_id = {line.id: line for line in lines if isinstance(line, Decision)}
    undone: dict[str, bool] = {}
    for line in lines:
        if isinstance(line, Decision) and line.undoes is not None:
            _turn(line.undoes, by_id, undone)
    return [_past(line, by_id, undone) for line in reversed(lines)]


def _turn(number: str, by_id: Mapping[str, Decision], undone: dict[str, bool]) -> None:
    """An undo ends a decision; the undo of an undo puts it in force again."""
    undone[number] = not undone.get(number, False)
    target = by_id.get(number)
    if target is not None and target.undoes is not None:
        _turn(target.undoes, by_id, undone)


def _past(line: Line, by_id: Mapping[str, Decision], undone: Mapping[str, bool]) -> Past:
    when = f"{line.when:%Y-%m-%d %H:%M}"
    if not isinstance(line, Decision):
        took, reason = _words(line.took), clip(line.reason, 400)
        return Past(None, when, line.by, DONE["adjudication"], place_words(line.at), took, None, reason, undone=False)
    of = by_id.get(line.undoes) if line.undoes else None
    did = f"{DONE['undo']}: {DONE[of.action]}" if of else DONE[line.action]
    where = place_words((of or line).at or (of or line).record_at)
    note = clip(line.note, 400) if line.note else None
    changed = line.before != line.after
    value, was = (_words(line.value), _words(line.was)) if changed else (None, None)
    return Past(line.id, when, line.by, did, where, value, was, note, undone=undone.get(line.id, False))


def _words(value: JsonValue) -> Clipped | None:
    if value is None:
        return None
    return clip(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 200)
