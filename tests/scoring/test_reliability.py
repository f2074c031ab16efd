"""What confidence is worth: the table, the calibration error, and what is left of the surest values and articles."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.scoring.reliability import MOST_LEVELS, Given, Reliability, Sure, reliability
from workbench.scoring.stats import interval


def article(*leaves: tuple[float, bool], expected: float | None = None, answered: bool = True) -> Sure:
    given = tuple(Given(confidence, correct) for confidence, correct in leaves)
    right = sum(leaf.correct for leaf in given)
    mean = fmean(leaf.confidence for leaf in given) if given else None
    return Sure(given, right if expected is None else expected, answered, mean)


def of(*articles: Sure) -> Reliability:
    found = reliability(articles)
    assert found is not None
    return found


shares = st.integers(1, 12).flatmap(lambda n: st.integers(1, n).map(lambda k: k / n))
articles = st.lists(
    st.builds(
        lambda leaves, more, answered: article(
            *leaves, expected=sum(right for _, right in leaves) + more, answered=answered
        ),
        st.lists(st.tuples(shares, st.booleans()), max_size=8),
        st.integers(0, 3),
        st.just(value=True),
    ),
    min_size=1,
    max_size=6,
)


@given(some=articles)
def test_every_leaf_given_is_in_one_level_and_the_levels_are_at_most_ten(some: list[Sure]) -> None:
    found = reliability(some)
    leaves = [leaf for one in some for leaf in one.given]
    if found is None:
        assert not leaves
        return
    assert sum(level.leaves for level in found.levels) == len(leaves)
    assert len(found.levels) <= MOST_LEVELS
    assert all(a.high < b.low for a, b in zip(found.levels, found.levels[1:], strict=False))
    assert 0 <= found.calibration_error <= 1


@given(some=articles)
def test_at_least_half_of_the_values_are_kept_and_none_less_sure_than_the_others(some: list[Sure]) -> None:
    found = reliability(some)
    if found is None:
        return
    leaves = [leaf.confidence for one in some for leaf in one.given]
    kept = [confidence for confidence in leaves if confidence >= found.threshold]
    assert found.kept == pytest.approx(len(kept) / len(leaves))
    assert found.kept >= 0.5
    assert found.surest.recall.mean <= found.everything.recall.mean + 1e-12


def test_a_level_pools_its_leaves_and_takes_its_interval_over_articles() -> None:
    found = of(article((0.5, True), (0.5, False), (1, True)), article((0.5, False)), article((1, True)))
    low, high = found.levels
    assert (low.confidence, low.leaves) == (0.5, 3)
    assert low.share == pytest.approx(1 / 3)
    assert low.correct == interval([0.5, 0])
    assert (high.leaves, high.share, high.correct) == (2, 1, interval([1, 1]))


def test_the_calibration_error_is_the_mean_distance_weighed_by_leaves() -> None:
    found = of(article((0.5, True), (0.5, True), (0.5, True), (1, False)))
    assert found.calibration_error == pytest.approx((3 * 0.5 + 1 * 1) / 4)


def test_confidence_that_says_how_often_it_is_right_has_no_error() -> None:
    assert of(article((0.5, True), (0.5, False), (1, True))).calibration_error == 0


def test_more_than_ten_levels_are_ten_bins_each_with_its_upper_edge() -> None:
    found = of(article(*((k / 20, True) for k in range(1, 21))))
    assert [level.leaves for level in found.levels] == [2] * 10
    assert [level.high for level in found.levels] == [k / 10 for k in range(1, 11)]


def test_what_is_left_out_is_an_omission() -> None:
    """Two of three right; the wrong one and a right one are less sure than the median, which two of four share."""
    found = of(article((0.4, False), (0.6, True), (0.8, True), (0.8, True), expected=4))
    assert (found.threshold, found.kept) == (0.8, 0.5)
    assert (found.everything.precision.mean, found.everything.recall.mean) == (3 / 4, 3 / 4)
    assert (found.surest.precision.mean, found.surest.recall.mean) == (1, 2 / 4)
    assert found.surest.f1.mean == pytest.approx(2 * 2 / (4 + 2))


def test_where_most_values_are_as_sure_as_the_median_more_than_half_is_kept() -> None:
    found = of(article((1, True), (1, True), (1, False), (0.5, False)))
    assert (found.threshold, found.kept) == (1, 0.75)


def test_an_article_without_a_record_counts_as_nothing_in_every_figure() -> None:
    found = of(article((1, True)), article(expected=3, answered=False))
    assert (found.everything.f1.mean, found.surest.f1.mean, found.unsure) == (0.5, 0.5, 1)


def test_an_article_of_which_nothing_is_kept_omits_all() -> None:
    found = of(article((1, True), (1, True)), article((0.5, True)))
    assert (found.surest.precision.mean, found.surest.recall.mean) == (1, 0.5)


def test_the_surer_articles_are_held_against_the_others() -> None:
    found = of(article((1, True)), article((0.9, True)), article((0.5, False), expected=1), article((0.4, True)))
    assert found.article_threshold == 0.9
    assert (found.surer, found.others) == (interval([1, 1]), interval([0, 1]))


def test_articles_that_are_all_as_sure_have_no_others() -> None:
    found = of(article((1, True)), article((1, False)))
    assert (found.others, found.surer is not None) == (None, True)


def test_leaves_count_by_their_weight_in_the_figures_and_once_in_the_table() -> None:
    found = of(Sure((Given(1, True, 3), Given(1, False, 1)), 3, True, 1.0))
    assert (found.everything.precision.mean, found.levels[0].share) == (0.75, 0.5)


def test_a_run_that_is_no_vote_has_no_reliability() -> None:
    assert reliability([article(expected=2)]) is None
    assert reliability([]) is None
