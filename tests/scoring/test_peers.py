"""What other evaluators get wrong, and the cases that theirs and ours should agree on; each names its source."""

from typing import Annotated

import pytest
from pydantic import BaseModel

from workbench.scoring import Amount, score


class Task(BaseModel):
    name: str


class Strategy(BaseModel):
    name: str
    tasks: list[Task]


class Plan(BaseModel):
    strategies: list[Strategy]


class Budget(BaseModel):
    amount: Annotated[str, Amount()] | None = None


def test_stickler_missing_tasks_inside_a_strategy_count() -> None:
    """stickler: 3 of 4 tasks missing inside a strategy, and precision, recall and F1 are 1."""
    tasks = [{"name": name} for name in ("기업 유치", "전문단지 조성", "인력 양성", "실증센터 구축")]
    golden = {"strategies": [{"name": "특장차 산업 육성", "tasks": tasks}]}
    record = {"strategies": [{"name": "특장차 산업 육성", "tasks": tasks[:1]}]}
    result = score(golden, record, Plan)
    assert result.recall == 2 / 5
    assert result.counts["omission"] == 3


@pytest.mark.parametrize(("golden", "record"), [("1.5조원", "1.5억원"), ("100억원", "100억 달러")])
def test_stickler_amounts_alike_are_not_equal(golden: str, record: str) -> None:
    """stickler: both pairs are equal."""
    assert score({"amount": golden}, {"amount": record}, Budget).f1 == 0


def test_stickler_an_amount_equals_its_number() -> None:
    """stickler: `1억 2천만원` against 120000000 scores 0."""
    assert score({"amount": "1억 2천만원"}, {"amount": 120000000}, Budget).f1 == 1


def test_stickler_two_empty_lists_are_right() -> None:
    """stickler: 0."""
    assert score({"strategies": []}, {"strategies": []}, Plan).f1 == 1


@pytest.mark.parametrize(
    ("golden", "record"),
    [(10**8, 10**9), ("2025-06-12", "2025-06-13"), ("수소 경제 기반 시설 확대", "수소 경제 기반 시설 축소")],
)
def test_anls_star_nearly_is_not_right(golden: object, record: object) -> None:
    """anls-star: 0.9, 0.9 and 0.8."""
    assert score({"value": golden}, {"value": record}).f1 == 0


def test_stickler_and_anls_star_normal_forms_are_one() -> None:
    """Both: the same Hangul in NFC and NFD scores 0."""
    assert score({"name": "\uae40\uc81c"}, {"name": "\u1100\u1175\u11b7\u110c\u1166"}).f1 == 1


def test_extract_eval_long_lists_are_still_aligned() -> None:
    """extract-eval: above 2,500 pairs it falls back to matching by index and does not say so."""
    golden = [{"name": f"사업 {number}", "place": f"{number}동"} for number in range(60)]
    record = [row | {"place": "없음"} for row in reversed(golden)]
    result = score(golden, record)
    assert result.counts["correct"] == 60
    assert result.notes == ()


def test_contextual_spurious_items_cost() -> None:
    """Contextual extract-bench: they are free."""
    assert score(["a"], ["a", "b", "c", "d"]).precision == 1 / 4


def test_jsondiff_an_error_costs_the_same_at_any_depth() -> None:
    """JSONDiff: depth dilutes errors, and a budget ten times too high in a full record scores 0.9996."""
    flat = score({"a": "1", "b": "2"}, {"a": "1", "b": "20"})
    deep = score({"a": "1", "x": {"y": {"z": [{"b": "2"}]}}}, {"a": "1", "x": {"y": {"z": [{"b": "20"}]}}})
    assert flat.f1 == deep.f1 == 0.5


def test_jsondiff_lists_are_not_matched_by_index() -> None:
    """JSONDiff matches by index."""
    assert score([{"a": 1, "b": 2}, {"a": 3, "b": 4}], [{"a": 3, "b": 4}, {"a": 1, "b": 2}]).f1 == 1


def test_anls_star_a_reversed_list_is_right() -> None:
    """ANLS*: 1.0."""
    assert score(["a", "b"], ["b", "a"]).f1 == 1


def test_anls_star_a_missing_element_costs_recall() -> None:
    """ANLS*: recall 0.5."""
    result = score(["a", "b"], ["a"])
    assert (result.precision, result.recall) == (1, 0.5)


def test_anls_star_a_list_beside_a_scalar() -> None:
    """ANLS*: `[w,r,l,d]` against `[w,r,d]` beside one correct scalar is 0.8: 4 of 5 leaves."""
    result = score({"a": "hello", "b": ["w", "r", "l", "d"]}, {"a": "hello", "b": ["w", "r", "d"]})
    assert result.recall == 0.8
    assert result.precision == 1


def test_extract_eval_a_list_that_overlaps() -> None:
    """extract-eval: `[a,b,c]` against `[c,d]` is 1 match, 2 omissions, 1 hallucination."""
    counts = score(["a", "b", "c"], ["c", "d"]).counts
    assert (counts["correct"], counts["omission"], counts["hallucination"], counts["mismatch"]) == (1, 2, 1, 0)


def test_extract_eval_a_list_with_nothing_in_common() -> None:
    """extract-eval: `[a,b]` against `[x,y]` is 2 omissions and 2 hallucinations."""
    counts = score(["a", "b"], ["x", "y"]).counts
    assert (counts["omission"], counts["hallucination"]) == (2, 2)


def test_llamaindex_thirty_thousand_equal_rows_and_one_more() -> None:
    """LlamaIndex: recall 1, precision 60000/60002."""
    row = {"name": "같은 사업", "amount": 10}
    result = score([row] * 30_000, [{"name": "처음", "amount": 9}, *[row] * 30_000])
    assert (result.recall, result.precision) == (1, 60_000 / 60_002)
    assert result.notes == ()


def test_llamaindex_a_wrong_cell_costs_that_cell() -> None:
    """LlamaIndex: not the row."""
    rows = [{"name": f"사업 {number}", "detail": [{"place": f"{number}동", "year": number}]} for number in range(10)]
    wrong = [*rows[:9], {"name": "사업 9", "detail": [{"place": "9동", "year": 99}]}]
    wrong.reverse()
    counts = score(rows, wrong).counts
    assert (counts["correct"], counts["mismatch"]) == (29, 1)
