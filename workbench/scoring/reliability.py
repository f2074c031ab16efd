"""Whether confidence means anything: are surer values right more often, and what is left if only the surest are kept?

A reliability table holds confidence against the share that is right, level by level; the expected calibration error is the mean distance of the two,
each level weighing as its leaves do (Naeini, Cooper & Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015; Guo
et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599). Both look at what a record gives: what it leaves out has no value to be sure of.

Intervals are Student's t over articles, as everywhere (`workbench.scoring.stats`): the leaves of one article are right or wrong together.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median_high
from typing import NamedTuple

from workbench.scoring.stats import Interval, interval
from workbench.scoring.verdicts import Measures

__all__ = ["MOST_LEVELS", "Figures", "Given", "Level", "Reliability", "Sure", "reliability"]

MOST_LEVELS = 10
"""Where confidence has more levels than this, they are put into so many bins of equal width."""


class Given(NamedTuple):
    """A leaf that a record gives.

    Attributes:
        confidence: Above 0, at most 1.
        correct: Whether the golden has it so.
        weight: How many times it counts in precision, recall and F1.
    """

    confidence: float
    correct: bool
    weight: float = 1.0


class Sure(NamedTuple):
    """One scored article.

    Attributes:
        given: The leaves that its record gives.
        expected: The leaves that its golden has, weighted.
        answered: Whether it has a record; without one it scores 0.
        mean: The mean confidence of all leaves of its record, null among them; None where it has none.
    """

    given: tuple[Given, ...]
    expected: float
    answered: bool
    mean: float | None

    def measures(self, least: float) -> Measures:
        """Its measures if the values under a confidence were left out."""
        if not self.answered:
            return Measures(0.0, 0.0, 0.0)
        kept = [leaf for leaf in self.given if leaf.confidence >= least]
        right = sum(leaf.weight for leaf in kept if leaf.correct)
        return Measures.of(right, self.expected, sum(leaf.weight for leaf in kept))


@dataclass(frozen=True)
class Level:
    """The leaves of one level of confidence, or of one bin.

    Attributes:
        low: The lowest confidence among them.
        high: The highest.
        confidence: The mean of theirs.
        leaves: How many there are.
        share: The share of them that is correct, all pooled.
        correct: The same share, the mean over the articles that have such leaves, with its interval.
    """

    low: float
    high: float
    confidence: float
    leaves: int
    share: float
    correct: Interval


@dataclass(frozen=True)
class Figures:
    """Means over all scored articles, with their intervals."""

    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True)
class Reliability:
    """What confidence is worth.

    Attributes:
        levels: The reliability table, the lowest confidence first.
        calibration_error: The expected calibration error over these levels, from 0 to 1.
        everything: The figures of the records as they are.
        threshold: The median confidence of the leaves given, the higher of the two in the middle.
        kept: The share of the leaves given that are at least so sure: a half, or more where many are as sure as the one in the middle.
        surest: The figures if only these were given. What is left out is an omission where the golden has it.
        article_threshold: The median of the articles' mean confidence, taken likewise; None where no article has any.
        surer: The F1 of the articles that are at least so sure.
        others: The F1 of the articles that are less sure; None where there is none.
        unsure: How many scored articles are in neither, because their records have no leaf at all, or there is no record.
    """

    levels: tuple[Level, ...]
    calibration_error: float
    everything: Figures
    threshold: float
    kept: float
    surest: Figures
    article_threshold: float | None
    surer: Interval | None
    others: Interval | None
    unsure: int


def reliability(articles: Sequence[Sure]) -> Reliability | None:
    """What the confidence of some articles' leaves is worth; None if no record gives a leaf.

    Args:
        articles: Every scored article, those without a record among them.
    """
    leaves = [leaf for article in articles for leaf in article.given]
    if not leaves:
        return None
    levels = tuple(_levels(articles))
    threshold = median_high(leaf.confidence for leaf in leaves)
    means = [article.mean for article in articles if article.mean is not None]
    middle = median_high(means) if means else None
    sides: dict[bool, list[float]] = {True: [], False: []}
    for article in articles:
        if middle is not None and article.mean is not None:
            sides[article.mean >= middle].append(article.measures(0).f1)
    return Reliability(
        levels=levels,
        calibration_error=sum(level.leaves * abs(level.share - level.confidence) for level in levels) / len(leaves),
        everything=_figures(article.measures(0) for article in articles),
        threshold=threshold,
        kept=sum(leaf.confidence >= threshold for leaf in leaves) / len(leaves),
        surest=_figures(article.measures(threshold) for article in articles),
        article_threshold=middle,
        surer=interval(sides[True]) if sides[True] else None,
        others=interval(sides[False]) if sides[False] else None,
        unsure=len(articles) - len(means),
    )


def _levels(articles: Sequence[Sure]) -> Iterable[Level]:
    confidences = {leaf.confidence for article in articles for leaf in article.given}
    binned = len(confidences) > MOST_LEVELS
    by_level: dict[float, list[list[Given]]] = defaultdict(list)
    for article in articles:
        of_article: dict[float, list[Given]] = defaultdict(list)
        for leaf in article.given:
            of_article[_bin(leaf.confidence) if binned else leaf.confidence].append(leaf)
        for level, some in of_article.items():
            by_level[level].append(some)
    for _, by_article in sorted(by_level.items()):
        together = [leaf for some in by_article for leaf in some]
        yield Level(
            low=min(leaf.confidence for leaf in together),
            high=max(leaf.confidence for leaf in together),
            confidence=fmean(leaf.confidence for leaf in together),
            leaves=len(together),
            share=fmean(leaf.correct for leaf in together),
            correct=interval([fmean(leaf.correct for leaf in some) for some in by_article]),
        )


def _bin(confidence: float) -> int:
    """The bin of a confidence: the first holds those up to a tenth, the tenth included; and so on."""
    return ceil(round(confidence * MOST_LEVELS, 9))  # 0.7 × 10 is more than 7 in floating point


def _figures(measures: Iterable[Measures]) -> Figures:
    precision, recall, f1 = zip(*measures, strict=True)
    return Figures(interval(precision), interval(recall), interval(f1))
