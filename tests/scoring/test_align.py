"""Which item is which: the optimum, the floor, identity, ties, and what is refused."""

import itertools
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.scoring import Floor, Identity, Text, TooLarge, align, score


class Project(BaseModel):
    name: Annotated[str, Text(), Identity()]
    begin: str | None = None
    place: str | None = None
    status: str | None = None


class Plan(BaseModel):
    projects: list[Project]


class Free(BaseModel):
    rows: Annotated[list[dict[str, int]], Floor(0.0)]


ANY_ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1), max_size=5)


@given(golden=ANY_ROWS, record=ANY_ROWS)
def test_no_alignment_has_more_leaves_right(golden: list[dict[str, int]], record: list[dict[str, int]]) -> None:
    """Against every permutation; without a floor. Equal rows are among them, and so the short cuts too."""

    def right(one: dict[str, int], other: dict[str, int]) -> int:
        return len(one.items() & other.items())

    short, long = sorted((golden, record), key=len)
    best = max(
        sum(right(one, other) for one, other in zip(short, chosen, strict=False))
        for chosen in itertools.permutations(long, len(short))
    )
    assert score({"rows": golden}, {"rows": record}, Free).counts["correct"] == best


def test_greedy_matching_would_lose_a_leaf() -> None:
    golden = [{"a": 1, "b": 1, "c": 1, "d": 0}, {"a": 1, "b": 1, "c": 2, "d": 2}]
    record = [{"a": 1, "b": 1, "c": 1, "d": 2}, {"a": 1, "b": 9, "c": 1, "d": 0}]
    assert score(golden, record).counts["correct"] == 6


def test_what_identifies_an_item_outweighs_what_happens_to_agree() -> None:
    golden = {"projects": [{"name": "특장차 전문단지", "begin": "2024년", "place": "백구면", "status": "planned"}]}
    record = {
        "projects": [
            {"name": "국제종자박람회", "begin": "2024년", "place": "백구면", "status": "planned"},
            {"name": "특장차 전문단지", "begin": "2025년", "place": "용지면", "status": "done"},
        ]
    }
    leaves = score(golden, record, Plan).leaves
    assert leaves[0].record_at == "/projects/1/name"


def test_names_need_only_be_alike() -> None:
    golden = {"projects": [{"name": "특장차 전문단지 조성"}, {"name": "국제종자박람회 개최"}]}
    record = {"projects": [{"name": "국제종자박람회"}, {"name": "특장차 전문단지 구축"}]}
    assert score(golden, record, Plan).counts["mismatch"] == 2


def test_below_the_floor_two_items_are_not_the_same_thing() -> None:
    golden = {"projects": [{"name": "특장차 전문단지", "status": "planned"}]}
    record = {"projects": [{"name": "국제종자박람회", "status": "planned"}]}
    counts = score(golden, record, Plan).counts
    assert (counts["omission"], counts["hallucination"], counts["correct"]) == (2, 2, 0)


def test_a_list_has_its_own_floor() -> None:
    golden, record = {"rows": [{"a": 1}]}, {"rows": [{"a": 2}]}
    assert score(golden, record, Free).counts["mismatch"] == 1
    assert score(golden, record).counts["omission"] == 1


def test_parents_are_aligned_by_what_is_inside_them() -> None:
    golden = [{"name": "전략", "tasks": ["가나다라", "마바사아"]}, {"name": "전략", "tasks": ["자차카타", "파하거너"]}]
    record = [{"name": "전략", "tasks": ["파하거너", "자차카타"]}, {"name": "전략", "tasks": ["마바사아", "두루두루"]}]
    counts = score(golden, record).counts
    assert (counts["correct"], counts["omission"], counts["hallucination"]) == (5, 1, 1)


def test_lists_in_lists_are_aligned() -> None:
    assert score([[1, 2], [3, 4], []], [[4, 3], [], [2, 1]]).f1 == 1


def test_rows_that_hold_different_types_are_aligned() -> None:
    golden: Any = [1, "가나", {"a": 1}, [1], None, True]
    assert score(golden, golden[::-1]).f1 == 1


def test_ties_go_by_the_order_of_equal_items() -> None:
    leaves = score(["a", "a", "b"], ["a", "b", "a"]).leaves
    assert [leaf.record_at for leaf in leaves] == ["/0", "/2", "/1"]


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    numbers = [(seed * 7919 + number * 104729) % 1_000_003 for number in range(count)]
    return [
        {
            "name": f"사업 {n % 977} {n % 89} {n % 13}",
            "place": f"{n % 31}동",
            "year": n % 40,
            "amount": n,
            "who": f"기관 {n % 7}",
        }
        for n in numbers
    ]


def test_a_thousand_items_against_a_thousand_are_aligned_without_a_short_cut() -> None:
    golden = rows(1000, 1)
    record = [row | {"amount": row["amount"] + 1} if index % 5 else row for index, row in enumerate(reversed(golden))]
    result = score(golden, record)
    assert result.counts["correct"] >= 4200
    assert result.notes == ()


def test_thirty_thousand_distinct_rows_are_refused_in_words() -> None:
    golden, record = ({"rows": [{"n": start + number} for number in range(30_000)]} for start in (0, 10**6))
    with pytest.raises(TooLarge, match=r"rows\[\]: 30,000 items against 30,000 are too many") as caught:
        score(golden, record)
    assert "way out" in str(caught.value)


def test_thirty_thousand_rows_of_which_each_has_its_equal_need_no_grid() -> None:
    golden: Any = [{"n": number} for number in range(30_000)]
    result = score(golden, golden[::-1])
    assert result.f1 == 1
    assert result.notes == ()


def test_a_short_cut_that_may_cost_the_optimum_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "MOST_CELLS", 8)
    golden: Any = [{"n": 1, "m": 1}, {"n": 2, "m": 2}, {"n": 3, "m": 3}]
    result = score(golden, [{"n": 1, "m": 1}, {"n": 2, "m": 2}, {"n": 3, "m": 4}])
    assert result.counts["correct"] == 5
    assert result.notes == (
        "[]: 2 items that are equal word for word were paired before 3 × 3 were aligned, which may cost the optimum",
    )


@settings(max_examples=30)
@given(golden=ANY_ROWS, record=ANY_ROWS)
def test_nested_lists_are_aligned_as_if_alone(golden: list[dict[str, int]], record: list[dict[str, int]]) -> None:
    """Inside a pair of items, and by way of their parents' grid."""
    alone = score(golden, record).counts
    nested = score([{"id": "x", "rows": golden}, {"id": "y"}], [{"id": "y"}, {"id": "x", "rows": record}])
    if nested.items["[]"].paired == 2:
        assert nested.counts["correct"] == alone["correct"] + 2
