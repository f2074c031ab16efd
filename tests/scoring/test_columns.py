"""Columns of scalars, each value against each."""

from typing import Any

import numpy as np
import pytest

from workbench.scoring import Amount, Comparator, Context, Date, Exact, Number, Text
from workbench.scoring.columns import compared
from workbench.scoring.comparators import LONG, Typed
from workbench.scoring.values import Either

CONTEXT = Context("2025-06-12")
VALUES: list[Any] = [
    "특장차 전문단지",
    "특장차 전문단지를",
    None,
    "특장차 단지",
    1,
    1.0,
    True,
    1.05,
    "오는 9월",
    "2025년 9월",
    "1.5조원",
    "15000억원",
]


@pytest.mark.parametrize("comparator", [Amount(), Date(), Exact(), Number(), Number(0.1), Text(), Text(0.7), Typed()])
def test_a_column_is_compared_as_its_values_are(comparator: Comparator) -> None:
    alike = compared(VALUES, VALUES[::-1], comparator, CONTEXT, 0.0)
    for i, golden in enumerate(VALUES):
        for j, record in enumerate(VALUES[::-1]):
            if golden is None or record is None:
                assert alike[i, j] == 0
                continue
            comparison = comparator.compare(golden, record, CONTEXT)
            assert (alike[i, j] == 1) == comparison.equal


@pytest.mark.parametrize("comparator", [Amount(), Date()])
def test_what_cannot_be_read_is_not_nearly_right_either(comparator: Comparator) -> None:
    assert compared(["2025년 13월 5일에"], ["2025년 13월 6일에"], comparator, CONTEXT, 0.0)[0, 0] == 0


def test_null_is_alike_to_nothing_whatever_the_memory_held() -> None:
    """RapidFuzz's cdist leaves the cells of None as they were."""
    texts: list[Any] = [None if number % 3 else f"사업 {number}" for number in range(15)]
    for _ in range(50):
        junk = [np.full((15, 15), 7e9, np.float32) for _ in range(50)]
        del junk
        alike = compared(texts, texts, Text(), CONTEXT, 0.5)
        assert not alike[1].any()
        assert alike.max() == 1


def test_texts_less_alike_than_the_least_are_not_alike() -> None:
    alike = compared(["특장차 전문단지 조성"], ["국제종자박람회 조성"], Text(), CONTEXT, 0.5)
    assert alike[0, 0] == 0


def test_the_best_of_alternates_counts() -> None:
    alike = compared([Either("일자리", ("고용", None))], ["고용", "일자리", "매출"], Text(), CONTEXT, 0.5)
    assert alike.tolist() == [[1, 1, 0]]


def test_of_two_long_texts_the_likeness_is_the_share_of_letters_in_common() -> None:
    """Held letter by letter, a megabyte against a megabyte takes half a minute."""
    long, turned = "가나" * LONG, "나가" * LONG + "다" * LONG
    alike = compared([long, "가나다"], [turned, "가나"], Text(), CONTEXT, 0.0)
    assert alike[0, 0] == pytest.approx(4 / 5)
    assert alike[1, 1] == pytest.approx(4 / 5)
    assert alike[0, 1] == pytest.approx(4 / (2 * LONG + 2), abs=1e-6)


@pytest.mark.parametrize(
    ("other", "equal"), [("가나다" * LONG + "라", True), ("다" * LONG + "나" * LONG + "가" * LONG, False)]
)
def test_long_texts_are_equal_only_where_they_really_are_as_alike_as_the_floor(other: str, equal: bool) -> None:
    assert Text(0.9).compare("가나다" * LONG, other, CONTEXT).equal is equal
