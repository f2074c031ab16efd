"""``workbench eval`` with its gates and reports, ``compare``, ``agreement`` and ``goldens check``, as a user runs them."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback
from small_project import ARTICLES, ROOT, Command

from workbench.canonical import hash_text
from workbench.cli.main import cli


@pytest.fixture
def run(project: Path, server: Loopback, workbench: Command) -> Path:
    """A run of both articles, with a golden for each; the bookshop's has a leaf that the record has not."""
    records = {
        "bakery": {"street": "동문로", "shops": [{"name": "밀밭", "since": "2031년 3월"}]},
        "bookshop": {"street": "서문길", "shops": [{"name": "종이숲", "since": "2029년"}]},
    }
    for folder in ("street", "street-second"):
        for name, record in records.items():
            file = project / "goldens" / folder / f"{name}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            fields = {"format": "workbench.golden/1", "id": name, "schema": "1", "texts": [hash_text(ARTICLES[name])]}
            file.write_text(json.dumps({**fields, "record": record}, ensure_ascii=False), encoding="utf-8")
    return Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])


def test_a_gate_that_holds_lets_the_run_through(run: Path, workbench: Command) -> None:
    result = workbench("eval", "--fail-under", "street=0.9", "--json")
    assert (result.code, [gate["passed"] for gate in result.json["gates"]]) == (0, [True])


def test_a_gate_that_does_not_hold_exits_with_1_and_the_reason(run: Path, workbench: Command) -> None:
    result = workbench("eval", "--fail-under", "F1=0.99", "--fail-under", "street=0.9")
    assert result.code == 1
    assert "1 of 2 gates failed" in result.err


def test_a_gate_of_an_unknown_field_is_a_usage_error(run: Path, workbench: Command) -> None:
    assert workbench("eval", "--fail-under", "roof=0.9").code == 2


def test_a_run_is_no_worse_than_itself(run: Path, workbench: Command) -> None:
    assert workbench("eval", run, "--no-worse-than", run).code == 0


def test_the_page_holds_the_article_and_opens_from_disk(run: Path, workbench: Command, tmp_path: Path) -> None:
    file = tmp_path / "out" / "report.html"
    assert workbench("eval", "--html", file).code == 0
    page = file.read_text(encoding="utf-8")
    assert "밀밭" in page
    assert "default-src 'none'" in page.replace("&#39;", "'")


def test_the_markdown_begins_with_the_figures(run: Path, workbench: Command, tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    workbench("eval", "--markdown", file)
    assert "**F1 0.9" in file.read_text(encoding="utf-8")


def test_an_evaluation_is_of_its_published_form(run: Path, workbench: Command) -> None:
    from workbench.report.plain import EvaluationReport

    fields = workbench("eval", "--json").json
    EvaluationReport.model_validate({name: value for name, value in fields.items() if name not in {"run", "gates"}})
    assert fields["format"] == "workbench.evaluation/1"


def test_compare_of_a_run_with_itself_finds_no_difference(run: Path, workbench: Command) -> None:
    result = workbench("compare", run, run, "--json")
    assert (result.code, result.json["change"]["difference"], result.json["change"]["p"]) == (0, 0, 1)


def test_two_labellings_that_say_the_same_agree_wholly(run: Path, project: Path, workbench: Command) -> None:
    goldens = project / "goldens"
    result = workbench("agreement", goldens / "street", goldens / "street-second", "--json").json
    assert (result["f1"], result["only_first"], result["only_second"]) == (1, [], [])


def test_a_leaf_that_two_labellers_read_differently_lowers_their_agreement(
    run: Path, project: Path, workbench: Command
) -> None:
    file = project / "goldens" / "street-second" / "bakery.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"밀밭"', '"보리밭"'), encoding="utf-8")
    goldens = project / "goldens"
    result = workbench("agreement", goldens / "street", goldens / "street-second", "--json").json
    assert result["fields"]["shops[].name"]["f1"] < 1
    assert result["fields"]["street"]["f1"] == 1


def test_goldens_check_is_content_with_values_that_stand_in_their_articles(run: Path, workbench: Command) -> None:
    assert workbench("goldens", "check").code == 0


def test_goldens_check_names_a_value_that_its_article_does_not_have(
    run: Path, project: Path, workbench: Command
) -> None:
    file = project / "goldens" / "street" / "bakery.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"밀밭"', '"보리밭"'), encoding="utf-8")
    result = workbench("goldens", "check", "--json")
    assert (result.code, result.json["not_found"]) == (1, {"bakery": {"/shops/0/name": "보리밭"}})


def test_goldens_check_names_an_article_that_nobody_labelled(run: Path, project: Path, workbench: Command) -> None:
    (project / "articles" / "new.txt").write_text("새 글이다.", encoding="utf-8")
    result = workbench("goldens", "check", "--json")
    assert (result.code, result.json["unanswered"]) == (1, ["new"])


RETOLD = "동문로에 빵집이 생긴다. 밀밭이라는 가게로, 2031년 봄에 연다.\n"


def relabel(project: Path, **changes: Any) -> None:
    """Change the bakery's golden."""
    file = project / "goldens" / "street" / "bakery.json"
    file.write_text(
        json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes, ensure_ascii=False), encoding="utf-8"
    )


@pytest.mark.parametrize("name", ["a-retelling", "z-retelling"])
def test_goldens_check_looks_in_every_text_of_a_golden_whichever_comes_last(
    run: Path, project: Path, workbench: Command, name: str
) -> None:
    """The month stands in the article as it was published, and not in the retelling."""
    (project / "articles" / f"{name}.txt").write_text(RETOLD, encoding="utf-8")
    relabel(project, texts=[hash_text(ARTICLES["bakery"]), hash_text(RETOLD)])
    result = workbench("goldens", "check", "--json")
    assert (result.code, result.json["not_found"]) == (1, {"bakery": {"/shops/0/since": "2031년 3월"}})


def test_goldens_check_names_goldens_whose_articles_were_not_given_and_does_not_fail(
    run: Path, workbench: Command
) -> None:
    result = workbench("goldens", "check", "articles/bookshop.txt", "--json")
    assert (result.code, result.json["unseen"]) == (0, ["bakery"])
    assert "not looked at: bakery" in workbench("goldens", "check", "articles/bookshop.txt").out


def test_goldens_check_names_an_alternate_that_no_article_has(run: Path, project: Path, workbench: Command) -> None:
    relabel(project, alternates={"/shops/0/name": ["밀밭이며", "보리밭"], "/street": [None]})
    result = workbench("goldens", "check", "--json")
    assert (result.code, result.json["alternates_not_found"]) == (1, {"bakery": {"/shops/0/name": ["보리밭"]}})
    shown = workbench("goldens", "check")
    assert "bakery /shops/0/name: the alternate '보리밭' stands in none of its articles" in shown.out
    assert "1 values were not found" in shown.err


def test_an_alternate_may_be_the_spelling_of_one_text_alone(run: Path, project: Path, workbench: Command) -> None:
    (project / "articles" / "retelling.txt").write_text(RETOLD.replace("봄에", "3월에"), encoding="utf-8")
    texts = [hash_text(ARTICLES["bakery"]), hash_text(RETOLD.replace("봄에", "3월에"))]
    relabel(project, texts=texts, alternates={"/shops/0/name": ["밀밭이라는 가게"]})
    assert workbench("goldens", "check").code == 0


def test_an_alternate_of_a_leaf_that_the_golden_leaves_empty_is_looked_up(
    run: Path, project: Path, workbench: Command
) -> None:
    record = {"street": "동문로", "shops": [{"name": "밀밭", "since": None}]}
    relabel(project, record=record, alternates={"/shops/0/since": ["2031년", "내년"]})
    result = workbench("goldens", "check", "--json").json
    assert result["alternates_not_found"] == {"bakery": {"/shops/0/since": ["내년"]}}


def test_an_alternate_that_is_chosen_from_a_list_need_not_stand_in_the_article(
    run: Path, project: Path, workbench: Command
) -> None:
    schema = project / "schemas" / "street.py"
    text = schema.read_text(encoding="utf-8").replace("import ClassVar", "import ClassVar, Literal")
    chosen = 'Literal["2031년 3월", "2029년", "내년"]'
    schema.write_text(text.replace("since: str", f"since: {chosen}"), encoding="utf-8")
    relabel(project, alternates={"/shops/0/since": ["내년", "냬년"]})
    result = workbench("goldens", "check", "--json").json
    assert (result["not_found"], result["alternates_not_found"]) == ({}, {"bakery": {"/shops/0/since": ["냬년"]}})


def test_goldens_check_ends_at_a_file_that_is_no_golden_and_names_it(
    run: Path, project: Path, workbench: Command
) -> None:
    relabel(project, texts="sha256:1")
    result = workbench("goldens", "check")
    assert (result.code, "bakery.json" in result.err) == (2, True)


@pytest.mark.parametrize(
    "command",
    [
        "eval RUN",
        "eval RUN --no-worse-than RUN",
        "compare RUN RUN",
        "show --run RUN bakery",
        "diff --run RUN",
        "export RUN --to jsonl",
    ],
)
def test_a_run_goes_by_its_name_alone_in_any_folder(
    run: Path, project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(project / "goldens")
    result = workbench(*command.replace("RUN", run.name).split())
    assert (result.code, result.err.count("error")) == (0, 0)


def test_a_run_that_is_none_is_named_as_it_was_written(run: Path, workbench: Command) -> None:
    result = workbench("compare", run.name, "tomorrow")
    assert (result.code, "tomorrow: there is no run.json" in result.err) == (2, True)


@pytest.mark.parametrize("command", ["", "eval", "goldens", "goldens check"])
def test_the_page_of_the_command_line_shows_what_help_prints(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Commands within commands too, and `-h`."""
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()["cli.md"]
    cli.main([*command.split(), "--help"], prog_name="workbench", standalone_mode=False)
    shown = capsys.readouterr().out
    assert f"```\n{shown}```\n" in page
    assert "-h, --help" in shown


def test_a_critical_leaf_that_is_wrong_is_listed_and_noted(run: Path, project: Path, workbench: Command) -> None:
    schema = project / "schemas" / "street.py"
    text = schema.read_text(encoding="utf-8").replace(
        "    since: str | None", "    since: Annotated[str, Critical()] | None"
    )
    marks = "from typing import Annotated\n\nfrom workbench.scoring import Critical\n"
    schema.write_text(marks + text, encoding="utf-8")
    result = workbench("eval", run, "--json").json
    assert [(leaf["article"], leaf["path"], leaf["golden"]) for leaf in result["critical"]] == [
        ("bookshop", "shops[].since", "2029년")
    ]
    assert any("1 critical leaves are wrong" in note for note in result["notes"])


def test_a_run_that_has_not_come_to_its_end_passes_no_gate(run: Path, workbench: Command) -> None:
    file = run / "run.json"
    info = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(info | {"finished": None}), encoding="utf-8")
    result = workbench("eval", run, "--fail-under", "F1=0")
    assert result.code == 1
    assert "has not come to its end: go on with `workbench run --resume" in result.err
