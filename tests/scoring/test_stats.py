"""Intervals, the paired test, Holm's correction and what can be seen at all."""

import random
from dataclasses import replace
from itertools import product
from math import sqrt
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.scoring import stats
from workbench.scoring.stats import detectable, holm, interval, paired

score = st.integers(0, 60).map(lambda right: right / 60)
scores = st.lists(score, min_size=1, max_size=40)
pairs = st.lists(st.tuples(score, score), min_size=1, max_size=40)
few_pairs = st.lists(st.tuples(score, score), min_size=1, max_size=9)
ps = st.lists(st.floats(1e-6, 1), max_size=20)


def brute_force(differences: list[float]) -> float:
    """p by trying every arrangement of signs, zeros too."""
    seen = abs(sum(differences))
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    return sum(total >= seen - 1e-9 for total in sums) / len(sums)


def test_an_interval_is_students() -> None:
    """Student's own example, the sleep that ten patients gained with one drug over the other; bounds as R's t.test gives them."""
    sleep = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    found = interval(sleep)
    assert (found.mean, found.low, found.high) == pytest.approx((1.58, 0.7001, 2.4599), abs=1e-4)


@given(scores)
def test_an_interval_holds_its_mean(values: list[float]) -> None:
    found = interval(values)
    assert found.low is None or found.high is None or found.low <= found.mean <= found.high


@given(st.lists(score, min_size=2), st.floats(0.5, 0.9))
def test_a_higher_level_is_no_narrower(values: list[float], level: float) -> None:
    narrow, wide = interval(values, level), interval(values, level + 0.05)
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.low <= narrow.low


def test_one_article_has_a_mean_and_no_interval() -> None:
    found = interval([0.7])
    assert (found.mean, found.low, found.high, found.clipped(), str(found)) == (0.7, None, None, None, "0.700")


def test_bounds_pass_1_and_are_cut_for_display_alone() -> None:
    found = interval([1.0, 1.0, 0.7])
    assert found.high is not None
    assert found.high > 1
    assert found.clipped() == (found.low, 1.0)
    assert str(found) == "0.900 [0.470, 1.000]"


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [float("inf")]])
def test_no_score_and_no_number_are_errors(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no "):
        interval(values)


def test_paired_sequences_have_one_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired([0.5, 0.5], [0.5])


def test_wins_ties_and_losses_are_the_seconds() -> None:
    found = paired([0.5, 0.5, 0.5, 0.5], [0.9, 0.8, 0.5, 0.1])
    assert (found.wins, found.ties, found.losses, found.n) == (2, 1, 1, 4)


def test_the_last_bits_of_a_difference_are_no_difference() -> None:
    found = paired([0.8, 0.7], [0.9, 0.8])
    assert (found.low, found.high, found.detectable) == (0.1, 0.1, None)


@given(pairs)
def test_p_is_above_0_and_at_most_1(values: list[tuple[float, float]]) -> None:
    assert 0 < paired(*zip(*values, strict=True)).p <= 1


@given(pairs)
def test_swapping_the_two_turns_the_difference_and_keeps_p(values: list[tuple[float, float]]) -> None:
    first, second = zip(*values, strict=True)
    there, back = paired(first, second), paired(second, first)
    assert back.difference == -there.difference
    assert replace(there, difference=0, low=0, high=0, wins=there.losses, losses=there.wins) == replace(
        back, difference=0, low=0, high=0
    )


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_articles_changes_nothing(values: list[tuple[float, float]], shuffle: random.Random) -> None:
    shuffled = shuffle.sample(values, len(values))
    assert paired(*zip(*values, strict=True)).p == paired(*zip(*shuffled, strict=True)).p


@given(few_pairs)
def test_p_is_that_of_every_arrangement_tried(values: list[tuple[float, float]]) -> None:
    first, second = zip(*values, strict=True)
    differences = [b - a for a, b in values]
    assert paired(first, second).p == pytest.approx(brute_force(differences))


def test_darwins_maize_has_fishers_p() -> None:
    """Darwin's 15 pairs of maize, in eighths of an inch: 1,726 of 32,768 arrangements (Fisher, The Design of Experiments, section 21)."""
    differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert paired([0.0] * 15, differences).p == 1726 / 32768


def test_equal_scores_have_a_p_of_1() -> None:
    assert paired([0.3, 0.9], [0.3, 0.9]).p == 1


def test_a_large_difference_in_many_articles_has_the_smallest_p_that_is_drawn() -> None:
    assert paired([0.0] * 50, [0.5] * 50).p == 1 / 20_000


def test_drawn_p_comes_close_to_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    source = np.random.default_rng(1)
    first = source.random(25)
    second = first + source.normal(0.05, 0.2, 25)
    exact = paired(first.tolist(), second.tolist()).p
    monkeypatch.setattr(stats, "EXACT_PAIRS", 0)
    drawn = paired(first.tolist(), second.tolist()).p
    assert drawn == pytest.approx(exact, abs=3.5 * sqrt(exact * (1 - exact) / stats.DRAWS))


def test_a_drawn_p_is_the_same_each_time() -> None:
    first, second = [0.5] * 40, [0.5 + index / 400 * (-1) ** index for index in range(40)]
    assert paired(first, second).p == paired(first, second).p


def test_what_is_detectable_is_the_error_times_both_quantiles() -> None:
    """Four differences with a standard error of sqrt(1/3); t(0.975, 3) = 3.1824 and t(0.8, 3) = 0.9785 in any table."""
    assert detectable([-1.0, 1.0, -1.0, 1.0]) == pytest.approx((3.1824 + 0.9785) * sqrt(1 / 3), abs=1e-3)


def test_a_difference_as_large_as_is_detectable_is_found_four_times_in_five() -> None:
    source = np.random.default_rng(7)
    found = []
    for _ in range(400):
        true = 0.05 / sqrt(20) * (2.0930 + 0.8610)  # t(0.975, 19) and t(0.8, 19)
        found.append(paired([0.0] * 20, source.normal(true, 0.05, 20).tolist()).p <= 0.05)
    assert fmean(found) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("differences", [[0.3], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_without_a_spread_nothing_is_known_of_what_could_be_seen(differences: list[float]) -> None:
    assert detectable(differences) is None


def test_holm_multiplies_the_smallest_most() -> None:
    """By hand: 4 x 0.01, 3 x 0.02, then 2 x 0.03 and 1 x 0.04, which may not fall below the one before."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


@given(ps)
def test_holm_keeps_the_order_and_lowers_nothing(values: list[float]) -> None:
    raised = holm(values)
    assert all(p <= adjusted <= 1 for p, adjusted in zip(values, raised, strict=True))
    by_p = [adjusted for _, adjusted in sorted(zip(values, raised, strict=True))]
    assert by_p == sorted(by_p)
