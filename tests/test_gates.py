"""Gates: what passes, what does not, and in which words."""

from contextlib import suppress
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.compare import compare
from workbench.errors import AnswerIsNo, InputError
from workbench.evaluate import ArticleScore, Evaluation
from workbench.extract import Extraction, State
from workbench.gates import Gate, Judgement, field_paths, judge, no_worse_than, parse_gate, require
from workbench.report.terminal import short_paths
from workbench.schema import Cited, Quote
from workbench.scoring import Set, score

GOLDEN = {"name": "밀밭", "since": "2031", "street": "동문로", "owner": None}
FIELDS = {
    "plans[].targets[].amount": "targets.amount",
    "plans[].budgets[].amount": "budgets.amount",
    "plans[].title": "title",
}


def article(name: str, wrong: int = 0, state: State = "ok") -> ArticleScore:
    """An article with so many of its three leaves wrong; with any other state than ok it has no record."""
    record = GOLDEN | dict.fromkeys(list(GOLDEN)[:wrong], "아니다") if state == "ok" else None
    extraction = Extraction(article=name, text="sha256:0", place="articles", state=state)
    return ArticleScore(extraction, name, score(GOLDEN, record))


def evaluation(*wrong: int) -> Evaluation:
    return Evaluation(tuple(article(str(index), leaves) for index, leaves in enumerate(wrong)), ())


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("F1=0.9", Gate("F1", 0.9)),
        ("f1 = .9", Gate("F1", 0.9)),
        ("precision=1", Gate("precision", 1.0)),
        ("recall=0", Gate("recall", 0.0)),
        ("targets.amount=0.95", Gate("targets.amount", 0.95, "plans[].targets[].amount")),
        ("plans[].title=0.5", Gate("plans[].title", 0.5, "plans[].title")),
    ],
)
def test_a_gate_names_a_measure_or_a_field_by_its_full_or_short_path(text: str, gate: Gate) -> None:
    assert parse_gate(text, FIELDS) == gate


@pytest.mark.parametrize("text", ["", "F1", "F1=", "=0.9", "F1=much", "F1=90", "F1=-0.1", "F1=nan", "F1=inf"])
def test_a_malformed_gate_is_a_usage_error_that_shows_a_right_one(text: str) -> None:
    with pytest.raises(InputError, match="is no gate") as refused:
        parse_gate(text, FIELDS)
    assert (refused.value.exit_code, "F1=0.9" in refused.value.way_out) == (2, True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("amount", "one of targets.amount, budgets.amount"),
        ("target.amount", "one of targets.amount, budgets.amount"),
        ("산업", "one of budgets.amount, targets.amount, title"),
    ],
)
def test_an_unknown_field_is_refused_with_those_like_it(name: str, near: str) -> None:
    with pytest.raises(InputError, match="there is no field") as refused:
        parse_gate(f"{name}=0.9", FIELDS)
    assert refused.value.expected == near


@given(st.text())
def test_whatever_is_written_is_a_gate_or_a_usage_error(text: str) -> None:
    with suppress(InputError):
        assert parse_gate(text, FIELDS).field in {None, *FIELDS}


class Shop(BaseModel):
    name: str
    tags: Annotated[list[str], Set()]
    branches: list["Shop"]
    quote: Quote


class Street(BaseModel):
    street: Cited[str] | None
    slogans: list[str]
    shops: list[Shop]


def test_every_field_of_a_schema_is_known_before_any_article_has_it() -> None:
    assert field_paths(Street, Evaluation((), ())) == (
        "street",
        "slogans[]",
        "shops[].name",
        "shops[].tags",
    )


def test_a_field_that_only_the_articles_have_is_known_too() -> None:
    class Open(BaseModel):
        rest: dict[str, str]

    found = score({"rest": {"색": "파랑"}}, {"rest": {}})
    extraction = Extraction(article="a", text="sha256:0", place="articles", state="ok")
    paths = field_paths(Open, Evaluation((ArticleScore(extraction, "a", found),), ()))
    assert paths == ("rest.색",)
    assert parse_gate("rest.색=0.9", short_paths(paths)).field == "rest.색"


def test_a_gate_holds_on_the_lower_bound_and_not_on_the_mean() -> None:
    few = evaluation(0, 0, 1)
    assert few.f1 == pytest.approx(0.889, abs=1e-3)
    found = judge(Gate("F1", 0.8), few)
    assert not found.passed
    assert found.reason == "the lower bound 0.410 is below 0.8 (mean 0.889, 3 articles)"


def test_the_same_mean_passes_with_more_articles() -> None:
    found = judge(Gate("F1", 0.8), evaluation(*[0, 0, 1] * 20))
    assert found.passed
    assert "reaches 0.8 (mean 0.889, 60 articles)" in found.reason


@pytest.mark.parametrize(("name", "passed"), [("precision", False), ("recall", True)])
def test_precision_and_recall_have_gates_of_their_own(name: str, passed: bool) -> None:
    """An owner is made up in every article: nothing is missing, but one in four is too many."""
    extraction = Extraction(article="a", text="sha256:0", place="articles", state="ok")
    made_up = [
        ArticleScore(
            extraction.model_copy(update={"article": str(index)}), str(index), score(GOLDEN, GOLDEN | {"owner": "김밀"})
        )
        for index in range(9)
    ]
    assert judge(Gate(name, 0.9), Evaluation(tuple(made_up), ())).passed is passed


def test_a_field_has_a_gate_of_its_own() -> None:
    few = evaluation(1, 1, 1, 0, 0, 0)
    assert not judge(Gate("name", 0.9, "name"), few).passed
    assert judge(Gate("street", 0.9, "street"), few).passed


def test_equal_scores_pass_and_are_said_to_show_little() -> None:
    found = judge(Gate("F1", 0.99), evaluation(0, 0))
    assert found.passed
    assert "no width" in found.reason


@pytest.mark.parametrize(
    ("gate", "given_", "reason"),
    [
        (Gate("F1", 0.1), Evaluation((), ()), "no article has a golden, and so none is scored"),
        (Gate("F1", 0.1), evaluation(0), "a single article, at 1.000, has no interval; two are the least"),
        (Gate("owner", 0.1, "owner"), evaluation(0, 0, 0), "no golden and no record has this field"),
    ],
)
def test_what_cannot_be_judged_does_not_pass(gate: Gate, given_: Evaluation, reason: str) -> None:
    assert judge(gate, given_) == Judgement(str(gate), passed=False, reason=reason)


def test_a_lost_article_counts_against_a_field() -> None:
    lost = Evaluation((article("a"), article("b"), article("c", state="failed")), ())
    assert "mean 0.667, 3 articles" in judge(Gate("street", 0.5, "street"), lost).reason


def test_no_worse_holds_where_the_whole_interval_is_above_the_margin() -> None:
    same = compare(evaluation(*[0, 1] * 20), evaluation(*[0, 1] * 20))
    slightly = compare(evaluation(*[0] * 40), evaluation(*[0] * 39, 1))
    assert no_worse_than(same, 0).passed
    assert no_worse_than(slightly, 0.05).passed
    assert not no_worse_than(slightly, 0.01).passed


def test_few_articles_do_not_show_that_a_run_is_no_worse() -> None:
    found = no_worse_than(compare(evaluation(0, 0, 0), evaluation(0, 0, 1)), 0.2)
    assert not found.passed
    assert (
        found.reason == "the lower bound of the difference, -0.590, is below -0.2 (mean difference -0.111, 3 articles)"
    )


@pytest.mark.parametrize(
    ("candidate", "left"),
    [(evaluation(0, 0), "1 of the 3 articles scored in the baseline is not"), (evaluation(0), "2 of the 3")],
)
def test_a_candidate_that_leaves_articles_of_the_baseline_out_does_not_pass(candidate: Evaluation, left: str) -> None:
    """However well it does on the others."""
    found = no_worse_than(compare(evaluation(0, 0, 0), candidate), 1)
    assert not found.passed
    assert found.reason.startswith(left)


def test_a_candidate_may_have_articles_that_the_baseline_has_not() -> None:
    assert no_worse_than(compare(evaluation(0, 0), evaluation(0, 0, 0)), 0.1).passed


def test_no_worse_cannot_be_judged_by_one_article() -> None:
    assert not no_worse_than(compare(evaluation(0), evaluation(0)), 0.5).passed


@pytest.mark.parametrize("margin", [-0.01, 1.5, float("nan")])
def test_a_margin_outside_0_to_1_is_a_usage_error(margin: float) -> None:
    with pytest.raises(InputError, match="no margin"):
        no_worse_than(compare(evaluation(0, 0), evaluation(0, 0)), margin)


def test_gates_that_hold_let_go_on() -> None:
    require([Judgement("F1=0.9", passed=True, reason="")])
    require([])


def test_every_failed_gate_is_named_with_its_reason() -> None:
    judgements: list[Any] = [
        Judgement("F1=0.9", passed=False, reason="too low"),
        Judgement("recall=0.9", passed=True, reason="fine"),
        Judgement("title=1", passed=False, reason="one article"),
    ]
    with pytest.raises(AnswerIsNo) as no:
        require(judgements)
    assert str(no.value) == "2 of 3 gates failed\n  F1=0.9: too low\n  title=1: one article"
    assert no.value.exit_code == 1


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.floats(0, 1), st.floats(0, 1))
def test_a_lower_line_is_never_harder(wrong: list[int], one: float, other: float) -> None:
    found = evaluation(*wrong)
    high, low = judge(Gate("F1", max(one, other)), found), judge(Gate("F1", min(one, other)), found)
    assert low.passed >= high.passed
