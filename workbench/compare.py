"""A run held against another: is it better, by how much, where, and could these articles have shown it?

Both runs are scored against the same goldens and paired by article, which takes out that some articles are harder than others. What
decides is the sign-flip test over articles; fields and articles are ranked beside it, to show where a difference comes from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, Literal

from workbench.errors import RunError
from workbench.evaluate import ArticleScore, Evaluation, field_scores
from workbench.runs import RunInfo
from workbench.scoring.stats import Interval, Paired, holm, interval, paired

__all__ = [
    "FEW",
    "Answer",
    "ArticleChange",
    "Asked",
    "Comparison",
    "FieldChange",
    "asked_differently",
    "check_same_task",
    "compare",
]

Answer = Literal["better", "worse", "undecided"]

FEW = 30
"""Under so many articles a comparison says how little that is."""
LEVEL = 0.05
"""The p at which a difference counts as seen."""


@dataclass(frozen=True)
class ArticleChange:
    """One article in both runs.

    Attributes:
        article: Its id.
        baseline: Its F1 in the baseline.
        candidate: Its F1 in the candidate.
        states: What became of it in the baseline and in the candidate.
    """

    article: str
    baseline: float
    candidate: float
    states: tuple[str, str]

    @property
    def difference(self) -> float:
        """Above 0 where the candidate is better."""
        return self.candidate - self.baseline


@dataclass(frozen=True)
class FieldChange:
    """One field, over the articles in which either run or the golden has it.

    Attributes:
        path: Which field: ``orders[].items[].price``.
        baseline: The mean over these articles of the field's F1 in the baseline.
        candidate: The same in the candidate.
        change: The difference, article by article.
        p_adjusted: Its p, raised for the number of fields (Holm).
    """

    path: str
    baseline: float
    candidate: float
    change: Paired
    p_adjusted: float


@dataclass(frozen=True)
class Asked:
    """Something that the runs were asked differently: a line of their ``run.json``."""

    what: str
    baseline: Any
    candidate: Any


@dataclass(frozen=True)
class Comparison:
    """A candidate against a baseline.

    Attributes:
        baseline: Mean F1 over the articles that are scored in both.
        candidate: Mean F1 over the same articles.
        change: The difference, article by article, with its interval and p.
        fields: The largest change first, whichever way it goes.
        articles: Those scored in both, the one that lost most first.
        only_baseline: Ids of articles that are scored in the baseline alone, and count in no figure here.
        only_candidate: Ids of articles that are scored in the candidate alone.
        asked: What the two runs were asked differently.
        notes: What a reader of the figures should know.
    """

    baseline: Interval
    candidate: Interval
    change: Paired
    fields: tuple[FieldChange, ...]
    articles: tuple[ArticleChange, ...]
    only_baseline: tuple[str, ...]
    only_candidate: tuple[str, ...]
    asked: tuple[Asked, ...]
    notes: tuple[str, ...]

    @cached_property
    def answer(self) -> Answer:
        """Whether the candidate is better; undecided where p is above 0.05."""
        if self.change.p > LEVEL:
            return "undecided"
        return "better" if self.change.difference > 0 else "worse"

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON; an interval's bounds as they are, past 0 and 1 too."""
        return {
            "answer": self.answer,
            "baseline": asdict(self.baseline),
            "candidate": asdict(self.candidate),
            "change": asdict(self.change),
            "fields": [asdict(field) for field in self.fields],
            "articles": [{**asdict(article), "difference": article.difference} for article in self.articles],
            "only_baseline": list(self.only_baseline),
            "only_candidate": list(self.only_candidate),
            "asked": [asdict(question) for question in self.asked],
            "notes": list(self.notes),
        }


def compare(baseline: Evaluation, candidate: Evaluation, asked: tuple[Asked, ...] = ()) -> Comparison:
    """Compare two runs that were scored against the same goldens.

    Args:
        baseline: The run to compare with.
        candidate: The run in question.
        asked: What they were asked differently: see `asked_differently`.

    Raises:
        RunError: If no article is scored in both.
    """
    before, after = _by_id(baseline), _by_id(candidate)
    shared = [article for article in before if article in after]
    if not shared:
        raise RunError(
            "no article is scored in both runs",
            expected="runs over the same articles, of which some have a golden",
            way_out=f"the first has {_some(before) or 'none'}, the second {_some(after) or 'none'}",
        )
    pairs = [(before[article], after[article]) for article in shared]
    first, second = [a.f1 for a, _ in pairs], [b.f1 for _, b in pairs]
    change = paired(first, second)
    articles = [
        ArticleChange(a.extraction.article, a.f1, b.f1, (a.extraction.state, b.extraction.state)) for a, b in pairs
    ]
    return Comparison(
        interval(first),
        interval(second),
        change,
        tuple(sorted(_fields(pairs), key=lambda field: (-abs(field.change.difference), field.path))),
        tuple(sorted(articles, key=lambda article: (article.difference, article.article))),
        tuple(article for article in before if article not in after),
        tuple(article for article in after if article not in before),
        asked,
        tuple(_notes(baseline, candidate, pairs, change)),
    )


def check_same_task(baseline: RunInfo, candidate: RunInfo) -> None:
    """Refuse runs of two tasks: what one was asked, the other was not, even where both have the same article.

    Raises:
        RunError: If their tasks differ.
    """
    if baseline.task != candidate.task:
        raise RunError(
            f"one run is of the task {baseline.task!r}, the other of {candidate.task!r}",
            where=f"{baseline.id} and {candidate.id}",
            expected="two runs of the same task",
        )


def asked_differently(baseline: RunInfo, candidate: RunInfo) -> tuple[Asked, ...]:
    """What two runs were asked differently, from their ``run.json``; what no answer depends on is left out."""
    first, second = _questions(baseline), _questions(candidate)
    return tuple(
        Asked(what, first.get(what), second.get(what))
        for what in (*first, *(what for what in second if what not in first))
        if first.get(what) != second.get(what)
    )


def _by_id(evaluation: Evaluation) -> dict[str, ArticleScore]:
    """The scored articles; a run has one of each id."""
    return {article.extraction.article: article for article in evaluation.scored}


def _questions(info: RunInfo) -> dict[str, Any]:
    return {
        "task": info.task,
        "prompt": info.prompt,
        "JSON Schema": info.json_schema,
        "model": info.model,
        "endpoint": info.endpoint,
        **info.front_matter,
        "goldens shown": [f"{golden} {version[7:13]}" for golden, version in info.examples.items()],
        "reasks": info.reasks,
        **{f"version of {name}": version for name, version in info.versions.items()},
    }


def _fields(pairs: list[tuple[ArticleScore, ArticleScore]]) -> Iterator[FieldChange]:
    scores: dict[str, tuple[list[float], list[float]]] = {}
    for a, b in pairs:
        first, second = field_scores(a), field_scores(b)
        for path in first.keys() | second.keys():
            befores, afters = scores.setdefault(path, ([], []))
            befores.append(first.get(path, _left_out(a)))
            afters.append(second.get(path, _left_out(b)))
    changes = {path: paired(*both) for path, both in scores.items()}
    raised = holm([change.p for change in changes.values()])
    for (path, change), p in zip(changes.items(), raised, strict=True):
        befores, afters = scores[path]
        yield FieldChange(path, fmean(befores), fmean(afters), change, p)


def _left_out(article: ArticleScore) -> float:
    """The score of a field that only the other run gave: to leave it out was right, unless nothing was answered at all."""
    return 1.0 if article.extraction.state == "ok" else 0.0


def _notes(
    baseline: Evaluation, candidate: Evaluation, pairs: list[tuple[ArticleScore, ArticleScore]], change: Paired
) -> Iterator[str]:
    if change.n < FEW:
        yield _few(change)
    for a, b in pairs:
        if a.extraction.text != b.extraction.text and a.extraction.text and b.extraction.text:
            yield f"{a.extraction.article}: the runs read different texts of this article"
    both = [note for note in baseline.notes if note in candidate.notes]
    yield from (f"both: {note}" for note in both)
    yield from (f"A: {note}" for note in baseline.notes if note not in both)
    yield from (f"B: {note}" for note in candidate.notes if note not in both)


def _few(change: Paired) -> str:
    articles = "1 article is" if change.n == 1 else f"{change.n} articles are"
    least = 2.0 ** (1 - change.n)
    if least > LEVEL:
        return f"{articles} too few to decide anything: p cannot fall below {least:.3g}, however large the difference"
    if change.detectable is None:
        return f"{articles} few: {FEW} or more are what a decision should rest on"
    return (
        f"{articles} few: a true difference under {change.detectable:.3f} would more likely than one time in five "
        f"go unseen; {FEW} or more are what a decision should rest on"
    )


def _some(articles: Mapping[str, ArticleScore]) -> str:
    ids = list(articles)
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
