"""An evaluation as plain JSON, of a published form (docs/formats/evaluation.schema.json)."""

from dataclasses import asdict
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from workbench.evaluate import ArticleScore, Evaluation
from workbench.extract import State
from workbench.scoring import Tally, Verdict
from workbench.scoring.reliability import Reliability
from workbench.scoring.stats import Interval

__all__ = ["FORMAT", "EvaluationReport", "report"]

FORMAT: Final = "workbench.evaluation/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CountsReport(_Part):
    """How many leaves have each verdict."""

    correct: int
    mismatch: int
    omission: int
    hallucination: int
    absent: int


class MeasuresReport(_Part):
    """Measures over pooled leaves."""

    precision: float
    recall: float
    f1: float
    counts: CountsReport


class FieldReport(MeasuresReport):
    """A field: leaves pooled, and beside them the mean F1 over the articles that have it; null where none has."""

    mean: "IntervalReport | None"


class ItemsReport(_Part):
    """The items of a list field, those of all articles together: ``found`` if they were paired, ``exact`` if they were also right in every leaf."""

    golden: int
    record: int
    paired: int
    right: int
    found_f1: float
    exact_f1: float


class IntervalReport(_Part):
    """A mean over articles and its t interval, not clipped; the bounds are null for a single article."""

    mean: float
    low: float | None
    high: float | None
    n: int
    level: float


class ArticleReport(_Part):
    """One article; its measures are null where it has no golden."""

    article: str
    state: State
    golden: str | None
    f1: float | None
    precision: float | None
    recall: float | None
    quotes: int
    grounded: int
    leaves: int
    """Copied values that stand beside a quote."""
    contained: int
    """Those of them that stand inside it."""
    findings: int
    worst: str | None
    """The field with the most leaves wrong."""
    counts: CountsReport | None


class CriticalReport(_Part):
    """A leaf that had to be right and is not."""

    article: str
    path: str
    golden_at: str | None
    record_at: str | None
    verdict: Verdict
    golden: JsonValue
    record: JsonValue


class EvidenceReport(_Part):
    """Shares over all articles; null where there are no quotes."""

    grounded: float | None
    contained: float | None


class LevelReport(_Part):
    """The leaves that records give at one level of confidence, or in one bin of ten where there are more levels."""

    low: float
    high: float
    confidence: float
    """The mean of theirs."""
    leaves: int
    share: float
    """The share that is correct, pooled."""
    correct: IntervalReport
    """The same share, the mean over the articles that have such leaves."""


class FiguresReport(_Part):
    """Means over all scored articles."""

    precision: IntervalReport
    recall: IntervalReport
    f1: IntervalReport


class ReliabilityReport(_Part):
    """What the confidence of a vote is worth; docs/evaluation.md says how each figure is taken."""

    levels: tuple[LevelReport, ...]
    calibration_error: float
    everything: FiguresReport
    threshold: float
    """The median confidence of the leaves given."""
    kept: float
    """The share of them that is at least so sure."""
    surest: FiguresReport
    article_threshold: float | None
    surer: IntervalReport | None
    """The F1 of the articles whose mean confidence is at least the median."""
    others: IntervalReport | None
    unsure: int


class EvaluationReport(_Part):
    """A run held against its goldens. ``f1``, ``precision`` and ``recall`` are means over articles; ``micro`` and ``fields`` pool leaves."""

    format: Literal["workbench.evaluation/1"] = FORMAT
    f1: float | None
    interval: IntervalReport | None
    precision: float | None
    recall: float | None
    micro: MeasuresReport
    evidence: EvidenceReport
    articles: tuple[ArticleReport, ...]
    fields: dict[str, FieldReport]
    items: dict[str, ItemsReport]
    critical: tuple[CriticalReport, ...]
    origins: dict[str, int]
    reliability: ReliabilityReport | None = None
    """Null where the run is no vote."""
    notes: tuple[str, ...]


def report(evaluation: Evaluation) -> EvaluationReport:
    """The evaluation in its published form."""
    return EvaluationReport(
        f1=evaluation.f1,
        interval=_interval(evaluation.interval),
        precision=evaluation.precision,
        recall=evaluation.recall,
        micro=_measures(evaluation.micro),
        evidence=EvidenceReport(grounded=evaluation.grounded, contained=evaluation.contained),
        articles=tuple(_article(article) for article in evaluation.articles),
        fields={
            path: FieldReport(**_measures(tally).model_dump(), mean=_interval(evaluation.field_intervals.get(path)))
            for path, tally in evaluation.fields.items()
        },
        items={
            path: ItemsReport(**asdict(items), found_f1=items.found.f1, exact_f1=items.exact.f1)
            for path, items in evaluation.items.items()
        },
        critical=tuple(
            CriticalReport(
                article=article,
                path=leaf.path,
                golden_at=leaf.golden_at,
                record_at=leaf.record_at,
                verdict=leaf.verdict,
                golden=leaf.golden,
                record=leaf.record,
            )
            for article, leaf in evaluation.critical
        ),
        origins=dict(evaluation.origins),
        reliability=_reliability(evaluation.reliability),
        notes=evaluation.notes,
    )


def _article(article: ArticleScore) -> ArticleReport:
    scored = article.score is not None
    return ArticleReport(
        article=article.extraction.article,
        state=article.extraction.state,
        golden=article.golden,
        f1=article.f1 if scored else None,
        precision=article.precision if scored else None,
        recall=article.recall if scored else None,
        quotes=article.extraction.quotes,
        grounded=article.grounded,
        leaves=article.extraction.leaves,
        contained=article.contained,
        findings=len(article.extraction.findings),
        worst=article.worst,
        counts=_counts(article.score) if article.score else None,
    )


def _reliability(of: Reliability | None) -> ReliabilityReport | None:
    return None if of is None else ReliabilityReport.model_validate(asdict(of))


def _interval(of: Interval | None) -> IntervalReport | None:
    return None if of is None else IntervalReport(**asdict(of))


def _measures(tally: Tally) -> MeasuresReport:
    return MeasuresReport(precision=tally.precision, recall=tally.recall, f1=tally.f1, counts=_counts(tally))


def _counts(tally: Tally) -> CountsReport:
    return CountsReport.model_validate(tally.counts)
