"""How often a nominal 95% interval holds the true mean: Student's t over articles, beside three others on the same samples.

An article has its own chance q that a leaf is right, drawn from a Beta distribution skewed towards 1, and 40 to 120 leaves (uniform),
each right with chance q: leaves of one article are right or wrong together. Its score is its share of right leaves; the truth is the
mean of q. In the last population one article in twenty came back without a record, and scores 0 whatever its q.

- t: Student's t over the articles' scores, `workbench.scoring.stats.interval`.
- leaf: Wilson's score interval over all leaves pooled (Wilson 1927), as if articles did not matter.
- pct, BCa: bootstrap over articles, 2,000 resamples, percentile and bias-corrected and accelerated (Efron 1987).

A coverage from 10,000 samples is uncertain by 0.005 to 0.01 (two standard errors); width is the median. "too high" is the share of
t intervals whose lower bound lies above the truth, nominally 0.025: how often a gate on that bound lets a run pass that it should not.
"""

import sys
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from workbench.scoring.stats import interval

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]

SEED = 20_260_101
SAMPLES, CHUNK, RESAMPLES = 10_000, 500, 2_000
SIZES = (10, 20, 50)
GOAL = 0.93
"""What t has to reach at n = 20 in the first population."""
POPULATIONS = (  # Beta's mean and its two parameters' sum, share of articles without a record
    ("mean 0.85, sd 0.11", 0.85, 10.0, 0.0),
    ("mean 0.95, sd 0.07", 0.95, 10.0, 0.0),
    ("mean 0.85, sd 0.11, 1 in 20 lost", 0.85, 10.0, 0.05),
)
Z = float(ndtri(0.975))


def draw(random: np.random.Generator, n: int, mean: float, total: float, lost: float) -> tuple[Floats, Floats]:
    """Right leaves and all leaves of n articles, for each sample of a chunk."""
    q = random.beta(mean * total, (1 - mean) * total, (CHUNK, n)) * (random.random((CHUNK, n)) >= lost)
    leaves = random.integers(40, 121, (CHUNK, n))
    return random.binomial(leaves, q).astype(float), leaves.astype(float)


def student(scores: Floats) -> Bounds:
    n = scores.shape[1]
    half = stdtrit(n - 1, 0.975) * scores.std(axis=1, ddof=1) / np.sqrt(n)
    mean = scores.mean(axis=1)
    return mean - half, mean + half


def wilson(right: Floats, leaves: Floats) -> Bounds:
    n = leaves.sum(axis=1)
    p = right.sum(axis=1) / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return centre - half, centre + half


def bootstrap(random: np.random.Generator, scores: Floats) -> tuple[Bounds, Bounds]:
    """The percentile and the BCa interval; the samples of a chunk share their resamples, which biases neither."""
    n = scores.shape[1]
    picks = random.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    means = np.sort(scores @ picks.T / n, axis=1)
    mean = scores.mean(axis=1, keepdims=True)

    def at(shares: Floats) -> Floats:
        return np.take_along_axis(means, np.clip((shares * RESAMPLES).astype(int), 0, RESAMPLES - 1), axis=1)

    def bounds(shares: Floats) -> Bounds:
        low, high = at(shares).T
        return low, high

    below = ((means < mean).mean(axis=1) + (means <= mean).mean(axis=1)) / 2
    z0 = ndtri(np.clip(below, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))[:, None]
    away = (scores - mean) / (n - 1)  # the jackknife's means are the mean less this
    spread = (away**2).sum(axis=1, keepdims=True)
    skew = (away**3).sum(axis=1, keepdims=True)
    a = np.divide(skew, 6 * spread**1.5, out=np.zeros_like(skew), where=spread > 0)
    z = z0 + np.array([[-Z, Z]])
    return bounds(np.tile([0.025, 0.975], (len(scores), 1))), bounds(ndtr(z0 + z / (1 - a * z)))


def same_as_ours(scores: Floats) -> None:
    """The vectors above are `interval`, many at a time."""
    low, high = student(scores)
    for sample, lower, upper in zip(scores[:20], low, high, strict=False):
        ours = interval(sample.tolist())
        assert ours.low is not None
        assert ours.high is not None
        assert abs(ours.low - lower) < 1e-9 > abs(ours.high - upper)


class Measured(NamedTuple):
    """Of one kind of interval: how often it held the truth, its median width, how often its lower bound was above the truth."""

    cover: float
    width: float
    too_high: float


def measure(n: int, mean: float, total: float, lost: float) -> dict[str, Measured]:
    random = np.random.default_rng([SEED, n, round(mean * 100), round(lost * 100)])
    truth = mean * (1 - lost)
    found: dict[str, list[Bounds]] = {"t": [], "leaf": [], "pct": [], "BCa": []}
    for _ in range(SAMPLES // CHUNK):
        right, leaves = draw(random, n, mean, total, lost)
        scores = right / leaves
        percentile, accelerated = bootstrap(random, scores)
        for name, bounds in zip(found, (student(scores), wilson(right, leaves), percentile, accelerated), strict=True):
            found[name].append(bounds)
    same_as_ours(scores)
    measured = {}
    for name, chunks in found.items():
        low, high = (np.concatenate(side) for side in zip(*chunks, strict=True))
        held = (low <= truth) & (truth <= high)
        measured[name] = Measured(float(held.mean()), float(np.median(high - low)), float((low > truth).mean()))
    return measured


def main() -> None:
    start = time.perf_counter()
    print(f"coverage (and median width) of nominal 95% intervals, {SAMPLES:,} samples each, seed {SEED}")
    reached = 0.0
    for name, mean, total, lost in POPULATIONS:
        print(f"\narticles of {name}; 40 to 120 leaves each\n{'n':>4}", end="")
        print(
            "".join(
                f"{column:>16}" for column in ("t", "leaf (Wilson)", "bootstrap pct", "bootstrap BCa", "t too high")
            )
        )
        for n in SIZES:
            measured = measure(n, mean, total, lost)
            cells = [f"{kind.cover:.3f} ({kind.width:.3f})" for kind in measured.values()]
            print(f"{n:>4}" + "".join(f"{cell:>16}" for cell in (*cells, f"{measured['t'].too_high:.3f}")))
            if n == 20 and name == POPULATIONS[0][0]:
                reached = measured["t"].cover
    print(f"\nt at n = 20 in the first population: {reached:.3f}; goal: {GOAL}   ({time.perf_counter() - start:.0f} s)")
    if reached < GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
