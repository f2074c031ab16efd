"""Several samples and several models side by side: a run for each, kept apart in the recordings, within one budget."""

from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, ok, unauthorized
from small_project import ANSWERS, PROMPT, Command, lines

from workbench.runs import RunInfo, open_run

INVALID = ok('{"street": 1}')


def runs_of(result: Any) -> list[Path]:
    return [Path(run["run"]) for run in result.json["runs"]]


def infos(folders: list[Path]) -> list[RunInfo]:
    return [open_run(folder).info for folder in folders]


def samples_in(folder: Path) -> dict[str, int]:
    return {line["article"]: line["sample"] for line in lines(folder / "extractions.jsonl")}


def set_front_matter(project: Path, more: str) -> None:
    prompt = PROMPT.replace("max_tokens = 500", f"max_tokens = 500\n{more}")
    (project / "prompts" / "street.md").write_text(prompt, encoding="utf-8")


def test_each_sample_is_asked_for_itself_and_gets_a_run(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--samples", "3", "--base-url", server.base_url, "--json")
    folders = runs_of(result)
    assert (result.code, len(server.requests)) == (0, 6)
    assert [(info.sample, info.samples) for info in infos(folders)] == [(0, 3), (1, 3), (2, 3)]
    assert samples_in(folders[2]) == {"bakery": 2, "bookshop": 2}


def test_samples_are_replayed_each_as_it_was(project: Path, server: Loopback, workbench: Command) -> None:
    other = {**ANSWERS["bakery"], "street": None}
    server.script(ok(ANSWERS["bakery"]), ok(other))
    workbench("run", "articles/bakery.txt", "--samples", "2", "--base-url", server.base_url)
    result = workbench("run", "articles/bakery.txt", "--samples", "2", "--replay", "--json")
    records = [lines(folder / "extractions.jsonl")[0]["record"] for folder in runs_of(result)]
    assert [record["street"] is None for record in records] == [False, True]


def test_each_model_gets_a_run(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--model", "one", "--model", "two", "--base-url", server.base_url, "--json")
    assert [info.model for info in infos(runs_of(result))] == ["one", "two"]
    assert [received.json["model"] for received in server.requests] == ["one", "one", "two", "two"]


def test_a_seed_is_another_in_each_sample(project: Path, server: Loopback, workbench: Command) -> None:
    set_front_matter(project, "seed = 7")
    workbench("run", "articles/bakery.txt", "--samples", "3", "--base-url", server.base_url)
    assert [received.json["seed"] for received in server.requests] == [7, 8, 9]


@pytest.mark.parametrize(
    ("front", "said"),
    [("temperature = 0.0", True), ("temperature = 0.7", False), ("temperature = 0.0\nseed = 1", False)],
)
def test_samples_that_will_differ_little_are_said_to(
    project: Path, server: Loopback, workbench: Command, front: str, said: bool
) -> None:
    set_front_matter(project, front)
    result = workbench("run", "articles/bakery.txt", "--samples", "2", "--base-url", server.base_url)
    assert ("at temperature 0 differ little" in result.err) is said


def test_one_budget_is_for_all_samples(project: Path, server: Loopback, workbench: Command) -> None:
    """Each request takes 1,500 tokens and some 700 at its worst, so that three fit into 5,200 and a fourth does not."""
    options = ("--concurrency", "1", "--max-tokens-total", "5200", "--base-url", server.base_url, "--json")
    result = workbench("run", "--samples", "2", *options)
    assert (result.code, len(server.requests)) == (5, 3)
    assert [run["states"] for run in result.json["runs"]] == [{"ok": 2}, {"ok": 1, "unspent": 1}]
    assert sum(run["tokens"]["prompt"] + run["tokens"]["completion"] for run in result.json["runs"]) <= 5200


def test_a_budget_over_two_currencies_is_refused(project: Path, server: Loopback, workbench: Command) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as settings:
        for model, currency in (("won", "KRW"), ("dollar", "USD")):
            settings.write(
                f'[tool.workbench.models.{model}]\nprice = {{ input = 1, output = 2, currency = "{currency}" }}\n'
            )
    asked = ("--model", "won", "--model", "dollar", "--budget", "5", "--base-url", server.base_url)
    result = workbench("run", *asked)
    assert (result.code, len(server.requests)) == (2, 0)
    assert "KRW (won), USD (dollar)" in result.err


def test_a_dry_run_counts_every_sample(project: Path, server: Loopback, workbench: Command) -> None:
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    result = workbench("run", "--samples", "2", "--dry-run", "--base-url", server.base_url, "--json")
    assert [run["requests"] for run in result.json["runs"]] == [1, 2]


def test_a_retried_article_takes_a_sample_that_no_run_beside_it_takes(
    project: Path, server: Loopback, workbench: Command
) -> None:
    server.script(INVALID, INVALID, INVALID)
    asked = ("articles/bakery.txt", "--base-url", server.base_url, "--json")
    first, _ = runs_of(workbench("run", "--samples", "2", *asked))
    workbench("run", "--resume", first, "--retry", "invalid", "--base-url", server.base_url)
    assert samples_in(first) == {"bakery": 2}


def test_a_new_run_of_a_retried_one_takes_the_samples_that_it_took(
    project: Path, server: Loopback, workbench: Command
) -> None:
    server.script(INVALID, INVALID, INVALID)
    first = Path(workbench("run", "--concurrency", "1", "--base-url", server.base_url, "--json").json["run"])
    workbench("run", "--resume", first, "--retry", "invalid", "--base-url", server.base_url)
    again = Path(workbench("run", "--resume", first, "--new", "--replay", "--json").json["run"])
    assert samples_in(again) == {"bakery": 1, "bookshop": 0}
    assert sorted(lines(again / "extractions.jsonl"), key=str) == sorted(
        ({**line, "cost": {"amount": "0", "currency": "USD"}} for line in lines(first / "extractions.jsonl")), key=str
    )


def test_a_refused_key_is_said_and_ends_them_all(project: Path, workbench: Command) -> None:
    with Loopback(answer=lambda _: unauthorized()) as server:
        result = workbench("run", "--samples", "3", "--base-url", server.base_url)
    assert result.code == 3
    assert "answered 401" in result.out
    assert "workbench run --resume" in result.out
    assert "workbench vote" not in result.out
    assert len(infos([*(project / "runs").iterdir()])) == 1


def test_several_samples_do_not_go_on_with_one_run(project: Path, server: Loopback, workbench: Command) -> None:
    first = workbench("run", "--base-url", server.base_url, "--json").json["run"]
    result = workbench("run", "--resume", first, "--samples", "2", "--base-url", server.base_url)
    assert (result.code, len(server.requests)) == (2, 2)


def test_several_runs_end_with_what_can_be_made_of_them(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--samples", "2", "--base-url", server.base_url)
    assert result.code == 0
    assert "workbench vote runs/" in result.out.replace(str(project) + "/", "")
