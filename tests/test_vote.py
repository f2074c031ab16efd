"""``workbench vote`` and what it makes of runs: a run like any other, with quotes, confidence, ties and states."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from small_project import ANSWERS, ARTICLES, Command, lines

from workbench.canonical import hash_text
from workbench.errors import RunError
from workbench.extract import Extraction
from workbench.runs import Run, open_run
from workbench.schema import load_schema
from workbench.vote import Vote, check_may_vote, vote_on

RECORDS = {
    "bakery": {"street": "동문로", "shops": [{"name": "밀밭", "since": "2031년 3월"}]},
    "bookshop": {"street": "서문길", "shops": [{"name": "종이숲", "since": "2029년"}]},
}
Runs = Callable[..., list[Path]]


@pytest.fixture
def goldens(project: Path) -> None:
    for name, record in RECORDS.items():
        file = project / "goldens" / "street" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        fields = {"format": "workbench.golden/1", "id": name, "schema": "1", "texts": [hash_text(ARTICLES[name])]}
        file.write_text(json.dumps({**fields, "record": record}, ensure_ascii=False), encoding="utf-8")


@pytest.fixture
def runs(project: Path, goldens: None, server: Loopback, workbench: Command) -> Runs:
    """A run for each of the arguments, which change what its extractions say."""
    made = Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])

    def copies(*changes: Callable[[dict[str, Any]], None] | None) -> list[Path]:
        found = []
        for number, change in enumerate(changes):
            folder = made.parent / f"sample-{number}"
            folder.mkdir()
            info = json.loads((made / "run.json").read_text(encoding="utf-8"))
            (folder / "run.json").write_text(json.dumps(info | {"id": folder.name, "sample": number}), encoding="utf-8")
            for name in ("prompt.md", "schema.json"):
                (folder / name).write_bytes((made / name).read_bytes())
            with (folder / "extractions.jsonl").open("w", encoding="utf-8") as file:
                for extraction in lines(made / "extractions.jsonl"):
                    if change:
                        change(extraction)
                    if extraction["article"]:
                        file.write(json.dumps(extraction) + "\n")
            found.append(folder)
        return found

    return copies


def renamed(name: str) -> Callable[[dict[str, Any]], None]:
    """The bakery by another name."""

    def change(extraction: dict[str, Any]) -> None:
        if extraction["article"] == "bakery":
            extraction["record"]["shops"][0] |= {"name": name, "quote": "새 빵집"}

    return change


def became(state: str, article: str = "bakery") -> Callable[[dict[str, Any]], None]:
    def change(extraction: dict[str, Any]) -> None:
        if extraction["article"] == article:
            extraction |= {"state": state, "reason": "왜냐하면", "record": None, "spans": {}, "findings": []}

    return change


def without(article: str) -> Callable[[dict[str, Any]], None]:
    def change(extraction: dict[str, Any]) -> None:
        if extraction["article"] == article:
            extraction["article"] = ""

    return change


def of(folder: str | Path, article: str = "bakery") -> dict[str, Any]:
    return next(line for line in lines(Path(folder) / "extractions.jsonl") if line["article"] == article)


def named(extraction: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [finding for finding in extraction["findings"] if finding["name"] == name]


# --- the run that it makes


def test_a_vote_is_a_run_of_what_most_runs_say(runs: Runs, workbench: Command) -> None:
    result = workbench("vote", *runs(None, renamed("보리밭"), None), "--json")
    assert result.code == 0
    made = of(result.json["run"])
    assert made["record"] == ANSWERS["bakery"]
    assert made["confidence"] == {"/street/value": 1.0, "/shops/0/name": 2 / 3, "/shops/0/since": 1.0}
    assert result.json["confidence"] == [{"confidence": 2 / 3, "leaves": 1}, {"confidence": 1.0, "leaves": 5}]
    assert (result.json["states"], result.json["ties"], result.json["fewer"]) == ({"ok": 2}, 0, 0)


def test_evidence_is_looked_for_anew_as_a_run_does(runs: Runs, workbench: Command) -> None:
    """Three equal runs: the line is theirs, but for its confidence and what was spent."""
    folders = runs(None, None, None)
    made, own = of(workbench("vote", *folders, "--json").json["run"]), of(folders[0])
    assert made.pop("confidence")
    spent = ("tokens", "cost")
    assert {name: made[name] for name in made if name not in spent} == {
        name: own[name] for name in own if name not in spent
    }
    assert made["cost"]["amount"] == "0"


def test_a_vote_says_which_runs_it_merged_and_an_ordinary_run_says_nothing_of_it(
    runs: Runs, workbench: Command
) -> None:
    folders = runs(None, None)
    made = Path(workbench("vote", *folders, "--json").json["run"])
    info = json.loads((made / "run.json").read_text(encoding="utf-8"))
    assert [(voted["id"], voted["model"], voted["sample"]) for voted in info["votes"]] == [
        ("sample-0", "small", 0),
        ("sample-1", "small", 1),
    ]
    assert info["model"] == "2 × small"
    assert info["finished"]
    assert (made / "prompt.md").read_bytes() == (folders[0] / "prompt.md").read_bytes()
    original = next(folder for folder in made.parent.iterdir() if folder.name.startswith("street-2"))
    assert b'"votes"' not in (original / "run.json").read_bytes()
    assert b'"confidence"' not in (original / "extractions.jsonl").read_bytes()


@pytest.mark.parametrize("command", ["eval", "diff", "show", "export", "compare"])
def test_other_commands_take_a_vote_like_any_run(runs: Runs, workbench: Command, command: str) -> None:
    folders = runs(None, renamed("보리밭"), None)
    made = workbench("vote", *folders, "--json").json["run"]
    arguments = {
        "eval": (made,),
        "diff": ("--run", made, "bookshop"),
        "show": ("--run", made, "bakery"),
        "export": (made, "--to", "csv"),
        "compare": (folders[0], made),
    }
    assert workbench(command, *arguments[command], "--json").code == 0


def test_a_person_is_told_of_ties_and_of_leaves_at_each_confidence(runs: Runs, workbench: Command) -> None:
    result = workbench("vote", *runs(None, renamed("보리밭")))
    assert "confidence: 6 leaves, empty ones among them: 5 at 1.00, 1 at 0.50" in result.out
    assert "ties: 1; the first of the runs" in result.out


# --- ties


def test_a_tie_is_the_first_runs_and_a_finding_says_what_the_other_had(runs: Runs, workbench: Command) -> None:
    one, other = runs(None, renamed("보리밭"))
    made = of(workbench("vote", one, other, "--json").json["run"])
    (tie,) = named(made, "tie")
    assert (made["record"]["shops"][0]["name"], tie["at"]) == ("밀밭", "/shops/0/name")
    assert "보리밭" in tie["says"]
    made = of(workbench("vote", other, one, "--json").json["run"])
    assert made["record"]["shops"][0]["name"] == "보리밭"


# --- who has no record


def test_who_has_no_record_does_not_vote_and_that_is_said(runs: Runs, workbench: Command) -> None:
    made = of(workbench("vote", *runs(None, became("truncated"), renamed("보리밭"), None), "--json").json["run"])
    assert made["confidence"]["/shops/0/name"] == 2 / 3
    (fewer,) = named(made, "fewer_votes")
    assert fewer["says"].startswith("3 of 4 runs voted")
    assert "sample-1: truncated (왜냐하면)" in fewer["says"]


def test_where_most_have_no_record_there_is_none_and_the_reason_says_which_run_said_what(
    runs: Runs, workbench: Command
) -> None:
    changes = (None, became("refused"), became("truncated"), became("refused"), None)
    result = workbench("vote", *runs(*changes), "--json")
    made = of(result.json["run"])
    assert (result.code, made["state"], made["record"]) == (5, "refused", None)
    assert made["reason"].startswith(
        "3 of 5 runs have no record: sample-0: ok; sample-1: refused (왜냐하면); sample-2: trunc"
    )
    assert "confidence" not in made


def test_an_article_that_not_all_runs_have_is_voted_on_by_those_that_have_it(runs: Runs, workbench: Command) -> None:
    result = workbench("vote", *runs(without("bakery"), None, renamed("보리밭"), None), "--json").json
    made = of(result["run"])
    assert (made["record"]["shops"][0]["name"], made["confidence"]["/shops/0/name"]) == ("밀밭", 2 / 3)
    assert "sample-0: has not this article" in named(made, "fewer_votes")[0]["says"]
    assert result["fewer"] == 1


def test_who_read_another_text_does_not_vote(runs: Runs, workbench: Command) -> None:
    def other_text(extraction: dict[str, Any]) -> None:
        renamed("보리밭")(extraction)
        if extraction["article"] == "bakery":
            extraction["text"] = "sha256:" + "1" * 64
            extraction["place"] = "articles/bookshop.txt"

    one, other, third = runs(None, None, None)
    for extraction in (found := lines(other / "extractions.jsonl")):
        other_text(extraction)
    (other / "extractions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    refused = workbench("vote", one, other, third)
    assert (refused.code, "bakery (articles/bookshop.txt)" in refused.err) == (2, True)
    votes = [Vote(folder.name, Extraction.model_validate(of(folder))) for folder in (one, other, third)]
    made = vote_on(votes, load_schema("schemas/street.py:Street", Path.cwd()), lambda _: ARTICLES["bakery"])
    assert made.confidence["/shops/0/name"] == 1
    assert "sample-1: read another text of it" in next(f.says for f in made.findings if f.name == "fewer_votes")


# --- what is refused


def test_an_article_whose_text_is_gone_ends_the_vote_before_anything_is_written(
    runs: Runs, project: Path, workbench: Command
) -> None:
    folders = runs(None, None)
    (project / "articles" / "bakery.txt").write_text("다른 글이다.\n", encoding="utf-8")
    refused = workbench("vote", *folders)
    assert refused.code == 2
    assert "1 of the articles are not, or not as they were" in refused.err
    assert "way out: put them back" in refused.err
    assert not [folder for folder in (project / "runs").iterdir() if "-vote-" in folder.name]


def changed(folder: Path, **info: Any) -> Run:
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | info), encoding="utf-8")
    return open_run(folder)


def test_runs_that_have_no_vote_together_are_refused_in_words(runs: Runs, workbench: Command) -> None:
    one, other = map(open_run, runs(None, None))
    for voters, words in (
        ([one], "one run alone"),
        ([one, one], "named twice"),
        ([one, changed(other.folder, json_schema="sha256:1")], "different schemas"),
        ([one, changed(other.folder, task="square")], "of the task 'street', another of 'square'"),
    ):
        with pytest.raises(RunError, match=words):
            check_may_vote(voters)


def test_a_vote_is_neither_voted_on_nor_gone_on_with(runs: Runs, workbench: Command, server: Loopback) -> None:
    folders = runs(None, None)
    made = workbench("vote", *folders, "--json").json["run"]
    again = workbench("vote", made, folders[0])
    assert (again.code, "is a vote itself" in again.err, "sample-0 sample-1" in again.err) == (2, True, True)
    resumed = workbench("run", "--resume", made, "--base-url", server.base_url)
    assert (resumed.code, "there is nothing to go on with" in resumed.err) == (2, True)


def test_a_vote_is_not_asked_anew_for_it_asked_nothing(runs: Runs, project: Path, workbench: Command) -> None:
    """The command ends before any request is looked for: the runs that it merged are named, and no folder is made."""
    made = workbench("vote", *runs(None, None), "--json").json["run"]
    before = sorted((project / "runs").iterdir())
    result = workbench("run", "--resume", made, "--new", "--replay")
    assert result.code == 2
    assert "there is nothing to ask anew" in result.err
    assert "sample-0, sample-1" in result.err
    assert sorted((project / "runs").iterdir()) == before


def test_the_last_run_to_go_on_with_is_never_a_vote(runs: Runs, workbench: Command, server: Loopback) -> None:
    workbench("vote", *runs(None, None))
    result = workbench("run", "--only", "failed", "--replay", "--json")
    assert (result.code, open_run(Path(result.json["run"])).info.votes) == (0, ())


def test_what_no_record_can_hold_together_is_invalid_and_said(runs: Runs, project: Path, workbench: Command) -> None:
    folders = runs(None, None)
    file = project / "schemas" / "street.py"
    rule = """
    @model_validator(mode="after")
    def _alone(self) -> "Street":
        if self.street is None and not self.shops:
            raise ValueError("an article of nothing")
        return self
"""
    text = file.read_text(encoding="utf-8").replace("import BaseModel", "import BaseModel, model_validator")
    file.write_text(text + rule, encoding="utf-8")
    without_street: dict[str, Any] = {"street": None}
    for folder, change in zip(folders, (without_street, {"shops": []}), strict=True):
        found = lines(folder / "extractions.jsonl")
        for extraction in found:
            extraction["record"] |= change
        (folder / "extractions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    third = folders[0].parent / "third"
    third.mkdir()
    for name in ("run.json", "extractions.jsonl"):
        (third / name).write_bytes((folders[1] / name).read_bytes())
    found = lines(third / "extractions.jsonl")
    for extraction in found:
        extraction["record"] |= {"street": None, "shops": [{"name": "없는집", "since": None, "quote": "없다"}]}
    (third / "extractions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    result = workbench("vote", *folders, third, "--json")
    assert (result.code, result.json["states"]) == (5, {"invalid": 2})
    assert "an article of nothing" in of(result.json["run"])["reason"]


def test_samples_that_one_command_takes_are_voted_on_by_their_names(
    project: Path, server: Loopback, workbench: Command
) -> None:
    taken = workbench("run", "--samples", "3", "--base-url", server.base_url, "--json").json["runs"]
    result = workbench("vote", *(Path(one["run"]).name for one in taken), "--json")
    assert (result.code, result.json["states"]) == (0, {"ok": 2})
    votes = json.loads((Path(result.json["run"]) / "run.json").read_text(encoding="utf-8"))["votes"]
    assert [voted["sample"] for voted in votes] == [0, 1, 2]
    assert set(of(result.json["run"])["confidence"].values()) == {1.0}


def test_records_that_are_too_large_to_be_merged_are_invalid_and_said(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = runs(None, renamed("보리밭"))
    monkeypatch.setattr("workbench.scoring.align.MOST_CELLS", 0)
    votes = [Vote(folder.name, Extraction.model_validate(of(folder))) for folder in (one, other)]
    made = vote_on(votes, load_schema("schemas/street.py:Street", Path.cwd()), lambda _: ARTICLES["bakery"])
    assert (made.state, made.record, "too many to be aligned" in (made.reason or "")) == ("invalid", None, True)


# --- examples


def test_a_value_that_stands_in_an_example_is_found_out_as_a_run_does(
    project: Path, goldens: None, server: Loopback, workbench: Command
) -> None:
    """The bakery was shown the bookshop, and the server answers the first article that it sees. Where that golden changed since, nobody looks, and that is said."""
    prompt = project / "prompts" / "street.md"
    prompt.write_text(
        prompt.read_text(encoding="utf-8").replace("max_tokens = 500", "max_tokens = 500\nexamples = 1"),
        encoding="utf-8",
    )
    golden = project / "goldens" / "street" / "bookshop.json"
    golden.write_text(golden.read_text(encoding="utf-8").replace('"2029년"', "null"), encoding="utf-8")
    taken = workbench("run", "--samples", "2", "--base-url", server.base_url, "--json").json["runs"]
    folders = [one["run"] for one in taken]
    made = of(workbench("vote", *folders, "--json").json["run"])
    assert {finding["at"] for finding in named(made, "value_from_example")} >= {"/shops/0/name", "/street/value"}
    assert made["examples"] == ["bookshop"]
    golden.write_text(golden.read_text(encoding="utf-8").replace("null", '"2029년"'), encoding="utf-8")
    result = workbench("vote", *folders, "--json")
    assert "values that come from them are not looked for" in result.err
    assert named(of(result.json["run"]), "value_from_example") == []


# --- what confidence is worth


def test_eval_of_a_vote_says_what_its_confidence_is_worth(runs: Runs, workbench: Command) -> None:
    """The bakery's name is right and two of three say so; the bookshop's since is left out by all."""
    made = workbench("vote", *runs(None, renamed("보리밭"), None), "--json").json["run"]
    result = workbench("eval", made, "--json").json
    found = result["reliability"]
    assert [(level["confidence"], level["leaves"], level["share"]) for level in found["levels"]] == [
        (pytest.approx(2 / 3), 1, 1.0),
        (1.0, 4, 1.0),
    ]
    assert found["calibration_error"] == pytest.approx(1 / 3 / 5)
    assert (found["threshold"], found["kept"]) == (1.0, 0.8)
    assert found["everything"]["f1"]["mean"] == pytest.approx(result["f1"])
    assert found["everything"]["precision"]["mean"] == pytest.approx(result["precision"])
    assert found["surest"]["recall"]["mean"] < result["recall"]
    assert any("is a vote of 3 runs" in note for note in result["notes"])


def test_an_ordinary_runs_evaluation_says_nothing_of_confidence(runs: Runs, workbench: Command) -> None:
    (one,) = runs(None)
    assert workbench("eval", one, "--json").json["reliability"] is None
    assert "calibration" not in workbench("eval", one).out


def test_every_report_of_a_vote_shows_its_confidence(runs: Runs, workbench: Command, tmp_path: Path) -> None:
    made = workbench("vote", *runs(None, renamed("보리밭"), None), "--json").json["run"]
    page, summary = tmp_path / "report.html", tmp_path / "report.md"
    said = workbench("eval", made, "--html", page, "--markdown", summary)
    error = "expected calibration error 0.067"
    half = "only the surest half, at 1.00 or more (80% of the values): F1"
    for text in (said.out, page.read_text(encoding="utf-8"), summary.read_text(encoding="utf-8")):
        assert error in text
        assert half in text


def test_the_data_set_of_a_vote_says_how_sure_each_value_is(runs: Runs, workbench: Command, tmp_path: Path) -> None:
    made = workbench("vote", *runs(None, renamed("보리밭"), None), "--json").json["run"]
    workbench("export", made, "--to", "jsonl", "--out", tmp_path)
    bakery, *_ = lines(tmp_path / "shops.jsonl")
    assert (bakery["name"], bakery["name_confidence"]) == ("밀밭", pytest.approx(2 / 3))
    assert bakery["since_confidence"] == 1
    assert {line["article"]: line["confidence"] < 1 for line in lines(tmp_path / "articles.jsonl")} == {
        "bakery": True,
        "bookshop": False,
    }


def test_a_vote_whose_lines_lost_a_confidence_is_not_evaluated(runs: Runs, workbench: Command) -> None:
    made = Path(workbench("vote", *runs(None, None), "--json").json["run"])
    file = made / "extractions.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace('"/street/value":1.0,', ""), encoding="utf-8")
    refused = workbench("eval", made)
    assert (refused.code, "a value without a confidence" in refused.err) == (2, True)
