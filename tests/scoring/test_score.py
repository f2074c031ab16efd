"""Verdicts, measures and what else a score says."""

import json
from typing import Annotated

import pytest
from pydantic import BaseModel

from workbench.errors import GoldenError
from workbench.scoring import Critical, Reason, Set, TooLarge, Weight, score


class Target(BaseModel):
    metric: str | None = None
    amount: Annotated[str, Critical()] | None = None


class Plan(BaseModel):
    title: Annotated[str, Weight(2.0)] | None = None
    targets: list[Target] = []
    places: Annotated[list[str], Set()] = []


def verdicts(golden: object, record: object, schema: type[BaseModel] | None = None) -> list[tuple[str, str]]:
    return [(leaf.path, leaf.verdict) for leaf in score(golden, record, schema).leaves]


def test_each_verdict() -> None:
    golden = {"a": 1, "b": 1, "c": 1, "d": None, "e": None}
    record = {"a": 1, "b": 2, "c": None, "d": 1, "e": None}
    assert verdicts(golden, record) == [
        ("a", "correct"),
        ("b", "mismatch"),
        ("c", "omission"),
        ("d", "hallucination"),
        ("e", "absent"),
    ]


def test_precision_recall_and_f1() -> None:
    golden = {"a": 1, "b": 1, "c": 1, "d": None, "e": None}
    record = {"a": 1, "b": 2, "c": None, "d": 1, "e": None}
    result = score(golden, record)
    assert result.precision == result.recall == result.f1 == 1 / 3


def test_nothing_expected_and_nothing_given_is_right() -> None:
    assert score({"a": None}, {}).measures == (1, 1, 1)


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_null_a_missing_key_and_blank_text_are_one(nothing: str | None) -> None:
    assert verdicts({"a": nothing, "b": 1}, {"b": 1})[0] == ("a", "absent")
    assert verdicts({"a": 1}, {"a": nothing}) == [("a", "omission")]


def test_nothing_where_something_was_expected_has_f1_0() -> None:
    result = score({"a": 1}, None)
    assert (result.precision, result.recall, result.f1) == (1, 0, 0)


def test_an_unmatched_item_charges_its_leaves_that_are_not_null() -> None:
    golden = [{"name": "특장차 전문단지", "place": "김제", "by": None, "parts": [{"n": 1}, {"n": 2}]}]
    counts = score(golden, []).counts
    assert counts == {"correct": 0, "mismatch": 0, "omission": 4, "hallucination": 0, "absent": 0}


@pytest.mark.parametrize(("golden", "record"), [("x", {"a": 1}), ({"a": 1}, "x"), ([1], {"a": 1}), ("x", ["x"])])
def test_a_container_and_a_scalar_have_nothing_in_common(golden: object, record: object) -> None:
    result = score({"v": golden}, {"v": record})
    assert result.f1 == 0
    assert {leaf.reason.code for leaf in result.leaves} == {"type"}


def test_a_scalar_of_another_type_is_a_mismatch_with_its_reason() -> None:
    (leaf,) = score({"a": "1"}, {"a": 1}).leaves
    assert (leaf.verdict, leaf.reason.words("ko")) == ("mismatch", "자료형이 다름: text ↔ number")


def test_a_leaf_says_where_it_stands_on_either_side() -> None:
    golden = {"x/y": [{"name": "가나다라", "n~": 1}, {"name": "마바사아", "n~": 2}]}
    record = {"x/y": [{"name": "마바사아", "n~": 2}]}
    places = [(leaf.path, leaf.golden_at, leaf.record_at) for leaf in score(golden, record).leaves]
    assert places == [
        ("x/y[].name", "/x~1y/0/name", None),
        ("x/y[].n~", "/x~1y/0/n~0", None),
        ("x/y[].name", "/x~1y/1/name", "/x~1y/0/name"),
        ("x/y[].n~", "/x~1y/1/n~0", "/x~1y/0/n~0"),
    ]


def test_fields_have_measures_of_their_own() -> None:
    golden = {"targets": [{"metric": "일자리", "amount": "100명"}, {"metric": "기업", "amount": "10개"}]}
    record = {"targets": [{"metric": "일자리", "amount": "100명"}, {"metric": "기업", "amount": "20개"}]}
    by_field = score(golden, record, Plan).by_field
    assert by_field["targets[].metric"].f1 == 1
    assert by_field["targets[].amount"].counts["mismatch"] == 1


def test_items_are_found_or_exact() -> None:
    golden = {"targets": [{"metric": "일자리", "amount": "100명"}, {"metric": "기업", "amount": "10개"}]}
    record = {
        "targets": [{"metric": "일자리", "amount": "100명"}, {"metric": "기업", "amount": "20개"}, {"metric": "매출"}]
    }
    items = score(golden, record, Plan).items["targets[]"]
    assert (items.golden, items.record, items.paired, items.right) == (2, 3, 2, 1)
    assert items.found.recall == 1
    assert items.exact.precision == 1 / 3


def test_a_weight_counts_a_leaf_more_than_once() -> None:
    result = score({"title": "가", "targets": [{"metric": "나"}]}, {"title": "가", "targets": []}, Plan)
    assert result.recall == 2 / 3
    assert result.counts["correct"] == 1


def test_critical_leaves_that_are_wrong_are_listed() -> None:
    golden, record = {"metric": "일자리", "amount": "100명"}, {"metric": "고용", "amount": "200명"}
    result = score(golden, record, Target)
    assert [leaf.path for leaf in result.critical] == ["amount"]


def test_a_set_is_one_leaf() -> None:
    assert verdicts({"places": ["a", "b"]}, {"places": ["b", "a"]}, Plan)[-1] == ("places", "correct")
    assert verdicts({"places": ["a", "b"]}, {"places": ["b"]}, Plan)[-1] == ("places", "mismatch")
    assert verdicts({"places": ["a", "b"]}, {"places": []}, Plan)[-1] == ("places", "omission")


def test_an_alternate_is_right_and_says_so() -> None:
    golden = {"targets": [{"metric": "일자리"}, {"metric": "기업"}]}
    record = {"targets": [{"metric": "고용"}, {"metric": "기업"}]}
    result = score(golden, record, Plan, alternates={"/targets/0/metric": ["고용"]})
    assert result.f1 == 1
    assert "accepted as an alternate" in [leaf.reason.words() for leaf in result.leaves]


def test_an_alternate_null_may_be_left_out() -> None:
    result = score({"a": "x", "b": "y"}, {"b": "y"}, alternates={"/a": [None]})
    assert result.f1 == 1
    assert result.counts["absent"] == 1


def test_an_alternate_to_null_may_be_given() -> None:
    assert score({"a": None, "b": "y"}, {"a": "x", "b": "y"}, alternates={"/a": ["x"]}).f1 == 1
    assert score({"a": None, "b": "y"}, {"a": "z", "b": "y"}, alternates={"/a": ["x"]}).counts["hallucination"] == 1


@pytest.mark.parametrize("pointer", ["/b", "/a/0", "/c", "a"])
def test_an_alternate_points_at_a_leaf(pointer: str) -> None:
    with pytest.raises(GoldenError):
        score({"a": "x", "c": [1]}, {"a": "x"}, alternates={pointer: ["y"]})


def test_a_score_is_plain_json() -> None:
    golden, record = {"title": "가", "targets": [{"metric": "나"}]}, {"title": "다", "targets": []}
    result = json.loads(json.dumps(score(golden, record, Plan).to_json("ko")))
    assert {"precision", "recall", "f1", "counts", "leaves"} <= result.keys()
    assert result["leaves"][0]["reason"] == "서로 다름"


def test_a_reason_without_a_sentence_is_its_own() -> None:
    assert Reason("rounded up").words("ko") == "rounded up"


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(TooLarge, match="nested too deep"):
        score(deep, deep)
