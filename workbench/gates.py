"""Gates: a run is let through, or the reason why not.

A gate holds on the lower bound of the 95% interval over articles, not on the mean: a mean of few articles is above a line by luck too
often. What cannot be judged does not pass. Scores crowded below 1 make that bound a little too high: `benchmarks/intervals.py` has
how often it lies above the truth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel

from workbench.compare import Comparison
from workbench.errors import AnswerIsNo, SettingsError
from workbench.evaluate import Evaluation, field_scores
from workbench.runs import RunInfo
from workbench.schema import form
from workbench.scoring.shape import placed, shape_of
from workbench.scoring.stats import interval

__all__ = ["Gate", "Judgement", "ended", "field_paths", "judge", "no_worse_than", "parse_gate", "require"]

_MEASURES: Mapping[str, Literal["f1", "precision", "recall"]] = {
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
}


@dataclass(frozen=True)
class Gate:
    """A line that a run must not fall below.

    Attributes:
        name: ``F1``, ``precision``, ``recall``, or a field as it was written.
        least: What the lower bound must reach.
        field: The path of the field whose F1 is meant; None for the whole record.
    """

    name: str
    least: float
    field: str | None = None

    def __str__(self) -> str:
        """As it is written: ``targets.amount=0.95``."""
        return f"{self.name}={self.least:g}"


@dataclass(frozen=True)
class Judgement:
    """What became of a gate.

    Attributes:
        gate: The gate, as it is written.
        passed: Whether it holds.
        reason: Why, in words.
    """

    gate: str
    passed: bool
    reason: str


def parse_gate(text: str, fields: Mapping[str, str]) -> Gate:
    """Read ``F1=0.9``, ``precision=0.9``, ``recall=0.9`` or ``targets.amount=0.95``: a field's F1.

    Args:
        text: The gate.
        fields: The path of every field and its short name, by either of which it may be meant: `field_paths`, shortened as in reports.

    Raises:
        SettingsError: If it is no gate, its number is not within 0 and 1, or there is no such field; names those like it.
    """
    name, equals, number = (part.strip() for part in text.rpartition("="))
    least = _number(number)
    if not (name and equals) or not 0 <= least <= 1:
        raise SettingsError(
            f"{text!r} is no gate",
            expected="NAME=NUMBER, the number from 0 to 1",
            way_out="for example F1=0.9, or a field: targets.amount=0.95",
        )
    if name.lower() in _MEASURES:
        return Gate("F1" if name.lower() == "f1" else name.lower(), least)
    path = next((path for path, short in fields.items() if name in (path, short)), None)
    if path is None:
        raise SettingsError(
            f"there is no field {name!r}",
            where=text,
            expected=_near(name, list(fields.values())),
            way_out="`workbench eval` lists the fields",
        )
    return Gate(name, least, path)


def field_paths(schema: type[BaseModel], evaluation: Evaluation) -> tuple[str, ...]:
    """Every field of the schema, found in an article or not, and those that only the articles know: keys that a schema leaves open."""
    leaves = (path for path, place in placed(shape_of(form(schema))) if place.scalar or place.whole)
    return tuple(dict.fromkeys((*leaves, *evaluation.fields)))


def judge(gate: Gate, evaluation: Evaluation) -> Judgement:
    """Whether a run passes a gate. A field is judged over the articles whose golden or record has it."""
    scores = _scores(gate, evaluation)
    if not evaluation.scored:
        return Judgement(str(gate), passed=False, reason="no article has a golden, and so none is scored")
    if not scores:
        return Judgement(str(gate), passed=False, reason="no golden and no record has this field")
    found = interval(scores)
    if found.low is None:
        return Judgement(
            str(gate), passed=False, reason=f"a single article, at {found.mean:.3f}, has no interval; two are the least"
        )
    passed = found.low >= gate.least
    side = "reaches" if passed else "is below"
    reason = f"the lower bound {_floor(found.low)} {side} {gate.least:g} (mean {found.mean:.3f}, {found.n} articles)"
    if found.low == found.high:
        reason += "; all of them score the same, which leaves the interval no width: it says little of other articles"
    return Judgement(str(gate), passed, reason)


def no_worse_than(comparison: Comparison, margin: float) -> Judgement:
    """Whether the candidate is at most ``margin`` worse than the baseline: the lower bound of the difference is not below -margin.

    A candidate that left articles of the baseline out does not pass: they may be those that it is worse on.

    Raises:
        SettingsError: If the margin is not within 0 and 1.
    """
    if not 0 <= margin <= 1:
        raise SettingsError(f"{margin:g} is no margin", expected="a number from 0 to 1, such as 0.01")
    name, change = f"no worse than the baseline by {margin:g}", comparison.change
    if left := len(comparison.only_baseline):
        reason = (
            f"{left} of the {left + change.n} articles scored in the baseline {'is' if left == 1 else 'are'} not scored here; "
            "`workbench compare` names them"
        )
        return Judgement(name, passed=False, reason=reason)
    if change.low is None:
        return Judgement(name, passed=False, reason="a single article is scored in both, and has no interval")
    passed = change.low >= -margin
    side = "reaches" if passed else "is below"
    reason = (
        f"the lower bound of the difference, {_floor(change.low)}, {side} {0 - margin:g} "
        f"(mean difference {change.difference:+.3f}, {change.n} articles)"
    )
    return Judgement(name, passed, reason)


def ended(info: RunInfo) -> Judgement:
    """Whether a run came to its end: what it has not done yet may be what it is worse on."""
    if info.finished:
        return Judgement("the run is whole", passed=True, reason=f"{info.id} came to its end")
    reason = f"{info.id} has not come to its end: go on with `workbench run --resume {info.id}`"
    return Judgement("the run is whole", passed=False, reason=reason)


def require(judgements: Sequence[Judgement]) -> None:
    """Go on if every gate holds.

    Raises:
        AnswerIsNo: If one does not; names every one that does not, and why.
    """
    failed = [f"  {judgement.gate}: {judgement.reason}" for judgement in judgements if not judgement.passed]
    if failed:
        of = "the gate" if len(judgements) == 1 else f"{len(failed)} of {len(judgements)} gates"
        raise AnswerIsNo("\n".join((f"{of} failed", *failed)))


def _scores(gate: Gate, evaluation: Evaluation) -> list[float]:
    """One an article."""
    if gate.field is None:
        return [getattr(article, _MEASURES[gate.name.lower()]) for article in evaluation.scored]
    scores = (field_scores(article).get(gate.field) for article in evaluation.scored)
    return [score for score in scores if score is not None]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _floor(bound: float) -> str:
    """A lower bound to three places, never rounded up over the line that it does not reach."""
    return f"{math.floor(round(bound * 1000, 6)) / 1000:.3f}"


def _near(name: str, fields: list[str]) -> str:
    near = [field for field in fields if name in field.split(".")] or get_close_matches(name, fields, 5, 0.5)
    return "one of " + ", ".join(near or sorted(fields))
