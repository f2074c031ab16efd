"""What a handful of articles can say of all the others: intervals, paired differences, and what would have gone unseen.

Every sequence here holds one score an article. Leaves of one article are right or wrong together, and so the article is the unit
(Miller, "Adding Error Bars to Evals", arXiv 2411.00640); leaves pooled would give intervals far too narrow: `benchmarks/intervals.py`.
Scores are treated as a sample of the articles that are meant; an interval says nothing of articles of another kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isfinite, ldexp, sqrt
from statistics import fmean, stdev

__all__ = ["Interval", "Paired", "detectable", "holm", "interval", "paired"]

EXACT_PAIRS = 32
"""Up to so many differences other than 0 the permutation test counts every arrangement of signs."""
DRAWS = 19_999
"""Above that it draws so many."""
SEED = 20_260_101


@dataclass(frozen=True)
class Interval:
    """A mean over articles and where the mean over all such articles may lie.

    The bounds are Student's, and may pass 0 or 1: a gate reads them as they are, and only `clipped` and ``str`` cut them, for display.

    Attributes:
        mean: Of the scores.
        low: The lower bound; None where one article leaves nothing to measure the spread by.
        high: The upper bound; None likewise.
        n: How many articles.
        level: The share of such intervals that hold the true mean.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    level: float

    def clipped(self) -> tuple[float, float] | None:
        """The bounds for display, within [0, 1]; None where there are none."""
        if self.low is None or self.high is None:
            return None
        return min(1.0, max(0.0, self.low)), min(1.0, max(0.0, self.high))

    def __str__(self) -> str:
        """The mean and its clipped bounds: ``0.912 [0.871, 0.953]``."""
        bounds = self.clipped()
        return f"{self.mean:.3f} [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else f"{self.mean:.3f}"


@dataclass(frozen=True)
class Paired:
    """How much better the second of two sequences is than the first, article by article.

    Attributes:
        difference: The mean of second minus first.
        low: The lower bound of its 95% interval; None with a single article.
        high: The upper bound; None likewise.
        p: How often signs given by chance make a mean difference as large as this, either way.
        wins: Articles on which the second is better.
        ties: Articles on which they are equal.
        losses: Articles on which the first is better.
        n: How many articles.
        detectable: See `detectable`.
    """

    difference: float
    low: float | None
    high: float | None
    p: float
    wins: int
    ties: int
    losses: int
    n: int
    detectable: float | None

    def clipped(self) -> tuple[float, float] | None:
        """The interval's bounds for display, within [-1, 1]; None where there are none."""
        if self.low is None or self.high is None:
            return None
        return max(-1.0, self.low), min(1.0, self.high)


def interval(scores: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of scores and its interval by Student's t (Student, "The Probable Error of a Mean", Biometrika 6, 1908).

    Equal scores give an interval without width: it knows no more than they show.

    Args:
        scores: One an article.
        level: The share of such intervals that hold the true mean, between 0 and 1.

    Raises:
        ValueError: If there is no score, or one is no finite number.
    """
    values = _finite(scores)
    mean, error = fmean(values), _standard_error(values)
    if error is None:
        return Interval(mean, None, None, len(values), level)
    half = _t(0.5 + level / 2, len(values) - 1) * error
    return Interval(mean, mean - half, mean + half, len(values), level)


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two scores of the same articles.

    The interval is Student's t over the differences; p is that of the two-sided sign-flip test (Fisher, "The Design of Experiments",
    1935; Pitman, "Significance tests which may be applied to samples from any populations", 1937), which assumes nothing of how
    differences are distributed but that, were the two equally good, each might as well have had the other sign. It is exact up to
    32 differences other than 0, counted over all arrangements of signs; above that it is drawn at random, the same way each time,
    with the arrangement seen counted among those drawn (Phipson & Smyth, "Permutation P-values should never be zero", 2010).

    Args:
        first: The scores to compare with, one an article.
        second: The scores of the same articles in the same order.

    Raises:
        ValueError: If there is no score, one is no finite number, or the sequences differ in length.
    """
    # To 12 places: 0.9 - 0.8 and 0.8 - 0.7 are one difference, and their last bits none.
    differences = [round(b - a, 12) for a, b in zip(_finite(first), _finite(second), strict=True)]
    bounds = interval(differences)
    return Paired(
        bounds.mean,
        bounds.low,
        bounds.high,
        _sign_flip(differences),
        wins=sum(d > 0 for d in differences),
        ties=sum(d == 0 for d in differences),
        losses=sum(d < 0 for d in differences),
        n=len(differences),
        detectable=detectable(differences),
    )


def detectable(differences: Sequence[float]) -> float | None:
    """The smallest true mean difference that so many articles, differing as much as these do, would have shown four times in five.

    It is the standard error times the sum of two quantiles of Student's t, of 0.975 (found means p below 0.05, two-sided) and of 0.8 (Bloom, "Minimum
    Detectable Effects", Evaluation Review 19, 1995; Miller, arXiv 2411.00640, does it with the normal's, which promise too much
    for few articles).

    Args:
        differences: One an article.

    Returns:
        The difference, above 0; None where the differences are one or all the same: their spread is not known then.

    Raises:
        ValueError: If there is no difference, or one is no finite number.
    """
    values = _finite(differences)
    error = _standard_error(values)
    if not error:
        return None
    return (_t(0.975, len(values) - 1) + _t(0.8, len(values) - 1)) * error


def holm(ps: Sequence[float]) -> list[float]:
    """Raise p values so that, of however many hypotheses, a true one is rejected no oftener than one alone would be.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.

    Returns:
        The raised p values, in the order given.
    """
    raised = [1.0] * len(ps)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[index]))
        raised[index] = least
    return raised


def _finite(values: Iterable[float]) -> list[float]:
    found = list(values)
    if not found:
        raise ValueError("no article, no statistics")
    if not all(map(isfinite, found)):
        raise ValueError("a score is no finite number")
    return found


def _standard_error(values: Sequence[float]) -> float | None:
    """Of the mean; None with a single value."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else None


def _t(probability: float, freedom: int) -> float:
    """A quantile of Student's t."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.5 s, and most commands estimate nothing

    return float(stdtrit(freedom, probability))


def _sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p of the sign-flip test."""
    # Sizes alone, in order: p is then the same to the last bit whichever run comes first and however the articles are sorted.
    sizes = sorted(abs(d) for d in differences if d)
    # Arrangements with the very sum that was seen must count, however its last bits were rounded.
    seen = abs(fsum(differences)) - 1e-9 * fsum(sizes)
    if seen <= 0:
        return 1.0
    return _exact(sizes, seen) if len(sizes) <= EXACT_PAIRS else _drawn(sizes, seen)


def _exact(sizes: list[float], seen: float) -> float:
    """The share of all arrangements of signs whose sum is at least as large.

    Every sum is one of half the sizes and one of the other half: with one of these lists sorted, those that are large enough are
    counted without being made (Horowitz & Sahni, "Computing Partitions with Applications to the Knapsack Problem", 1974).
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s, and most commands compare nothing

    halves = [np.zeros(1), np.zeros(1)]
    for index, size in enumerate(sizes):
        half = halves[index % 2]
        halves[index % 2] = np.concatenate((half - size, half + size))
    first, second = halves[0], np.sort(halves[1])
    above = int((second.size - np.searchsorted(second, seen - first)).sum())
    return ldexp(above, 1 - len(sizes))  # for each that is as large one way, its mirror image is the other way


def _drawn(sizes: list[float], seen: float) -> float:
    """The same share among arrangements drawn at random, the one that was seen added to them."""
    import numpy as np  # noqa: PLC0415 - as above

    random = np.random.default_rng(SEED)
    values = np.array(sizes)
    above = 1
    for start in range(0, DRAWS, 1000):  # some at a time: a thousand articles are 8 MB of signs
        signs = random.integers(0, 2, (min(1000, DRAWS - start), len(sizes)), np.int8)
        above += int((np.abs((2.0 * signs - 1) @ values) >= seen).sum())
    return above / (DRAWS + 1)
