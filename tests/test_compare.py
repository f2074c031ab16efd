"""A run against a run: pairing, ranking, what is said beside the figures, and the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback, ok, status
from rich.console import Console
from small_project import ANSWERS, ARTICLES, PROMPT, Command

from workbench.canonical import hash_text
from workbench.cli.compare import compare as command
from workbench.cli.compare import comparison_view
from workbench.compare import Asked, Comparison, asked_differently, check_same_task, compare
from workbench.errors import RunError
from workbench.evaluate import ArticleScore, Evaluation, field_scores
from workbench.extract import Extraction, State
from workbench.runs import open_run
from workbench.scoring import score

GOLDEN = {"name": "밀밭", "since": "2031", "street": "동문로", "owner": None}


def scored(article: str, record: dict[str, Any] | None, state: State = "ok", **known: Any) -> ArticleScore:
    """An article's score against the golden above; a record says only what differs from it."""
    extraction = Extraction(article=article, text=known.pop("text", "sha256:0"), place="articles", state=state, **known)
    return ArticleScore(extraction, article, score(GOLDEN, None if record is None else GOLDEN | record))


def evaluation(*articles: ArticleScore, notes: tuple[str, ...] = ()) -> Evaluation:
    return Evaluation(articles, notes)


def wrong(article: str, leaves: int) -> ArticleScore:
    """An article with so many of its three leaves wrong."""
    return scored(article, dict.fromkeys(list(GOLDEN)[:leaves], "아니다"))


def view(comparison: Comparison) -> str:
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        console.print(comparison_view(comparison))
    return captured.get()


def test_the_difference_is_candidate_less_baseline() -> None:
    found = compare(evaluation(wrong("a", 1), wrong("b", 0)), evaluation(wrong("a", 0), wrong("b", 0)))
    assert found.change.difference == pytest.approx((1 / 3 + 0) / 2)
    assert (found.change.wins, found.change.ties, found.change.losses) == (1, 1, 0)


def test_articles_are_paired_by_id_in_whatever_order_the_runs_have_them() -> None:
    found = compare(evaluation(wrong("a", 0), wrong("b", 3)), evaluation(wrong("b", 3), wrong("a", 0)))
    assert found.change.ties == 2


def test_an_article_that_only_one_run_has_scored_is_listed_and_counts_in_no_figure() -> None:
    found = compare(evaluation(wrong("a", 1), wrong("b", 3)), evaluation(wrong("a", 1), wrong("ㄷ", 0)))
    assert (found.only_baseline, found.only_candidate, found.change.n) == (("b",), ("ㄷ",), 1)
    assert found.baseline.mean == pytest.approx(2 / 3)
    assert "only in A, not counted  b" in view(found)


def test_runs_without_an_article_in_common_are_refused_with_what_each_has() -> None:
    with pytest.raises(RunError, match="no article is scored in both") as refused:
        compare(evaluation(wrong("a", 1)), evaluation(wrong("b", 1)))
    assert "the first has a, the second b" in str(refused.value)


def test_articles_are_ranked_by_what_they_lost() -> None:
    before = evaluation(wrong("a", 1), wrong("b", 0), wrong("c", 0), wrong("d", 2))
    after = evaluation(wrong("a", 1), wrong("b", 1), wrong("c", 3), wrong("d", 0))
    assert [article.article for article in compare(before, after).articles] == ["c", "b", "a", "d"]


def test_an_article_that_came_back_without_a_record_lost_everything() -> None:
    found = compare(evaluation(wrong("a", 0)), evaluation(scored("a", None, "failed")))
    assert (found.change.difference, found.articles[0].states) == (-1.0, ("ok", "failed"))


def test_fields_are_ranked_by_change_either_way() -> None:
    before = evaluation(scored("a", {"since": "?"}), scored("b", {}))
    after = evaluation(scored("a", {"name": "?"}), scored("b", {"name": "?"}))
    assert [(field.path, field.change.difference) for field in compare(before, after).fields] == [
        ("name", -1.0),
        ("since", 0.5),
        ("street", 0.0),
    ]


def test_a_field_is_counted_over_the_articles_that_have_it() -> None:
    """No golden has an owner; one article of the baseline makes one up, and its leaving out is what became better."""
    before = evaluation(scored("a", {"owner": "김밀"}), scored("b", {}))
    owner = next(
        field for field in compare(before, evaluation(scored("a", {}), scored("b", {}))).fields if field.path == "owner"
    )
    assert (owner.change.n, owner.baseline, owner.candidate) == (1, 0.0, 1.0)


def test_leaving_a_field_out_is_no_merit_where_nothing_was_answered() -> None:
    found = compare(evaluation(scored("a", {"owner": "김밀"})), evaluation(scored("a", None, "refused")))
    owner = next(field for field in found.fields if field.path == "owner")
    assert (owner.baseline, owner.candidate) == (0.0, 0.0)


def test_a_field_that_neither_golden_nor_record_has_has_no_score() -> None:
    assert field_scores(scored("a", {"name": "?"})) == {"name": 0.0, "since": 1.0, "street": 1.0}


def test_the_p_of_a_field_is_raised_for_the_number_of_fields() -> None:
    ids = [str(number) for number in range(6)]
    before = evaluation(*(scored(article, {}) for article in ids))
    after = evaluation(*(scored(article, {"name": "?"}) for article in ids))
    name = compare(before, after).fields[0]
    assert (name.path, name.change.p, name.p_adjusted) == ("name", 2 / 64, 3 * 2 / 64)


@pytest.mark.parametrize(("before", "after", "answer"), [(3, 0, "better"), (0, 3, "worse"), (1, 1, "undecided")])
def test_the_answer_is_the_tests(before: int, after: int, answer: str) -> None:
    ids = [str(number) for number in range(6)]
    found = compare(
        evaluation(*(wrong(article, before) for article in ids)),
        evaluation(*(wrong(article, after) for article in ids)),
    )
    assert found.answer == answer


def test_five_articles_cannot_decide_and_it_says_so() -> None:
    ids = [str(number) for number in range(5)]
    found = compare(evaluation(*(wrong(i, 3) for i in ids)), evaluation(*(wrong(i, 0) for i in ids)))
    assert found.answer == "undecided"
    assert "5 articles are too few to decide anything: p cannot fall below 0.0625, however large" in found.notes[0]


def test_under_30_articles_it_says_what_would_go_unseen() -> None:
    ids = [str(number) for number in range(29)]
    found = compare(evaluation(*(wrong(i, 0) for i in ids)), evaluation(*(wrong(i, int(i) % 2) for i in ids)))
    assert found.notes[0].startswith(
        f"29 articles are few: a true difference under {found.change.detectable:.3f} would"
    )


def test_from_30_articles_on_it_is_silent() -> None:
    ids = [str(number) for number in range(30)]
    assert compare(evaluation(*(wrong(i, 0) for i in ids)), evaluation(*(wrong(i, 1) for i in ids))).notes == ()


def test_notes_say_which_run_they_are_of() -> None:
    before = evaluation(wrong("a", 0), notes=("all transcribed", "one lost"))
    after = evaluation(wrong("a", 0), notes=("all transcribed", "two lost"))
    assert compare(before, after).notes[1:] == ("both: all transcribed", "A: one lost", "B: two lost")


def test_an_article_whose_text_changed_between_the_runs_is_named() -> None:
    before, after = scored("a", {}, text="sha256:1"), scored("a", {}, text="sha256:2")
    assert "a: the runs read different texts of this article" in compare(evaluation(before), evaluation(after)).notes


def test_to_json_is_json_with_real_names() -> None:
    found = compare(evaluation(wrong("빵집", 1)), evaluation(wrong("빵집", 0)), (Asked("model", "small", "large"),))
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["articles"][0]["article"] == "빵집"
    assert plain["asked"] == [{"what": "model", "baseline": "small", "candidate": "large"}]
    assert (plain["change"]["n"], plain["change"]["low"], plain["answer"]) == (1, None, "undecided")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_swapping_the_runs_turns_the_answer(pairs: list[tuple[int, int]]) -> None:
    before = evaluation(*(wrong(str(index), pair[0]) for index, pair in enumerate(pairs)))
    after = evaluation(*(wrong(str(index), pair[1]) for index, pair in enumerate(pairs)))
    there, back = compare(before, after), compare(after, before)
    assert {there.answer, back.answer} in ({"better", "worse"}, {"undecided"})
    assert [field.p_adjusted for field in there.fields] == [field.p_adjusted for field in back.fields]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=25))
def test_the_view_fits_80_columns(pairs: list[tuple[int, int]]) -> None:
    before = evaluation(*(wrong(f"기사-{index}", pair[0]) for index, pair in enumerate(pairs)))
    after = evaluation(*(wrong(f"기사-{index}", pair[1]) for index, pair in enumerate(pairs)))
    shown = view(compare(before, after))
    assert f"{len(pairs)} articles in both" in shown
    assert "…" not in shown


# the command


@pytest.fixture
def runs(project: Path, server: Loopback, workbench: Command) -> tuple[Path, Path]:
    """Two runs of the small project: all is right in the first; the second, by another prompt and model, has a leaf wrong and an article lost."""
    folder = project / "goldens" / "street"
    folder.mkdir(parents=True)
    for name, answer in ANSWERS.items():
        shops = [{"name": shop["name"], "since": shop["since"]} for shop in answer["shops"]]  # type: ignore[index]
        golden = {
            "format": "workbench.golden/1",
            "id": name,
            "schema": "1",
            "texts": [hash_text(ARTICLES[name])],
            "record": {"street": answer["street"]["value"], "shops": shops},  # type: ignore[index]
        }
        (folder / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=False), encoding="utf-8")
    first = workbench("run", "--base-url", server.base_url, "--json").json["run"]
    (project / "prompts" / "street.md").write_text(PROMPT + "짧게.\n", encoding="utf-8")
    bakery = json.dumps(ANSWERS["bakery"], ensure_ascii=False).replace("3월", "4월", 1)
    server.script(ok(bakery), status(400))
    second = workbench(
        "run",
        "articles/bakery.txt",
        "articles/bookshop.txt",
        "--base-url",
        server.base_url,
        "--model",
        "large",
        "--json",
    ).json["run"]
    return Path(first), Path(second)


def run_command(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    capfd.readouterr()
    command.main([str(argument) for argument in arguments], standalone_mode=False)
    return capfd.readouterr().out


def test_the_command_says_which_run_is_the_baseline_and_what_changed(
    runs: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    shown = run_command(capfd, *runs)
    assert f"A  {runs[0]}  (the baseline)" in shown
    assert "2 articles in both: B better on 0, same on 0, worse on 2" in shown
    assert "ok → failed" in shown


def test_the_command_prints_one_object(runs: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run_command(capfd, *runs, "--json"))
    assert found["runs"] == {"baseline": str(runs[0]), "candidate": str(runs[1])}
    assert (found["change"]["losses"], found["articles"][0]["states"]) == (2, ["ok", "failed"])


def test_what_was_asked_differently_is_read_from_the_runs(runs: tuple[Path, Path]) -> None:
    differing = asked_differently(open_run(runs[0]).info, open_run(runs[1]).info)
    assert [question.what for question in differing] == ["prompt", "model"]
    assert (differing[1].baseline, differing[1].candidate) == ("small", "large")


def test_other_goldens_can_be_named(runs: tuple[Path, Path], project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "goldens" / "street").rename(project / "second-pass")
    found = json.loads(run_command(capfd, *runs, "--goldens", "second-pass", "--json"))
    assert found["change"]["n"] == 2


def test_a_folder_of_goldens_that_is_not_there_is_refused(runs: tuple[Path, Path]) -> None:
    with pytest.raises(RunError, match="no goldens here"):
        command.main([*map(str, runs), "--goldens", "nowhere"], standalone_mode=False)


def test_runs_of_two_tasks_are_refused(runs: tuple[Path, Path]) -> None:
    file = runs[1] / "run.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"task": "street"', '"task": "plan"'), encoding="utf-8")
    with pytest.raises(RunError, match="'street', the other of 'plan'"):
        command.main([*map(str, runs)], standalone_mode=False)


def test_runs_of_one_task_are_let_through_and_of_two_are_refused_by_name(runs: tuple[Path, Path]) -> None:
    one, other = (open_run(run).info for run in runs)
    check_same_task(one, other)
    with pytest.raises(RunError) as refused:
        check_same_task(one, other.model_copy(update={"task": "plan"}))
    assert refused.value.where == f"{one.id} and {other.id}"


def test_a_record_of_another_schema_is_refused_with_the_way_out(runs: tuple[Path, Path], project: Path) -> None:
    file = project / "schemas" / "street.py"
    file.write_text(
        file.read_text(encoding="utf-8").replace("since: str | None", "since: int | None"), encoding="utf-8"
    )
    for golden in (project / "goldens" / "street").glob("*.json"):
        golden.write_text(golden.read_text(encoding="utf-8").replace('"2031년 3월"', "2031"), encoding="utf-8")
    with pytest.raises(RunError, match="does not fit the schema as it is now"):
        command.main([*map(str, runs)], standalone_mode=False)
