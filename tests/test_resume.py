"""Going on with a run: nothing is paid twice, nothing is lost, and the question stays the same."""

import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, dropped_midway, ok, quota_exhausted, rate_limited, refusal, stalled, status
from rich.console import Console
from sittings import CRASHED_WRITING, Crash, Sittings
from small_project import ANSWERS, ARTICLES, SCHEMA, Command, lines

from workbench.cli.progress import progress
from workbench.completions import Usage
from workbench.errors import RunError
from workbench.ledger import Attempt, Totals
from workbench.prices import NOTHING, Cost
from workbench.resume import Kept, Left, check_records
from workbench.runs import FILES, open_run
from workbench.summary import Summary
from workbench.tasks import load_task

BROKEN = status(400)
EMPTY = json.dumps({"street": None, "shops": []})


@pytest.fixture
def begun(project: Path, server: Loopback, workbench: Command) -> Any:
    """A run of both articles in which the first failed; gives its folder."""

    def run(*script: Any, options: tuple[str, ...] = ()) -> Path:
        server.script(*(script or (BROKEN,)))
        result = workbench("run", "--concurrency", "1", "--base-url", server.base_url, "--json", *options)
        return Path(result.json["run"])

    return run


def states(folder: Path) -> dict[str, str]:
    found = [(line["article"], line["state"]) for line in lines(folder / "extractions.jsonl")]
    assert len(found) == len({article for article, _ in found})
    return dict(found)


def go_on(workbench: Command, server: Loopback, folder: Path, *options: str) -> Any:
    return workbench("run", "--resume", folder, "--base-url", server.base_url, "--json", *options)


def test_what_failed_is_asked_again_and_what_is_done_is_not(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    assert states(folder) == {"bakery": "failed", "bookshop": "ok"}
    result = go_on(workbench, server, folder)
    assert (result.code, result.json["kept"], len(server.requests)) == (0, 1, 3)
    assert states(folder) == {"bakery": "ok", "bookshop": "ok"}


def test_the_failures_file_names_class_message_and_attempts(begun: Any) -> None:
    (failure,) = lines(begun(status(500, headers={"retry-after": "0"}), BROKEN) / "failures.jsonl")
    assert (failure["article"], failure["error"], failure["attempts"]) == ("bakery", "ProviderError", 2)
    assert "400" in failure["reason"]


def test_a_failure_that_was_mended_is_no_longer_among_them(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    go_on(workbench, server, folder)
    assert lines(folder / "failures.jsonl") == []


def test_going_on_with_a_finished_run_does_nothing(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun(ok(ANSWERS["bakery"]))
    before = (folder / "extractions.jsonl").read_bytes()
    result = go_on(workbench, server, folder)
    assert (result.code, len(server.requests)) == (0, 2)
    assert (folder / "extractions.jsonl").read_bytes() == before


def test_the_run_is_found_by_its_name(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    assert go_on(workbench, server, Path(folder.name)).code == 0


def test_only_failed_leaves_new_articles_alone(begun: Any, project: Path, server: Loopback, workbench: Command) -> None:
    folder = begun()
    (project / "articles" / "new.txt").write_text("새 기사다.\n", encoding="utf-8")
    result = workbench("run", "--only", "failed", "--base-url", server.base_url, "--json")
    assert result.code == 0
    assert states(folder) == {"bakery": "ok", "bookshop": "ok"}


def test_an_article_that_came_to_the_folder_later_is_done_too(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    (project / "articles" / "new.txt").write_text("새 기사다.\n", encoding="utf-8")
    go_on(workbench, server, folder)
    assert states(folder) == {"bakery": "ok", "bookshop": "ok", "new": "ok"}


def test_an_article_whose_text_changed_is_done_again_and_stands_there_once(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    (project / "articles" / "bookshop.txt").write_text("서문길의 헌책방이 문을 닫았다.\n", encoding="utf-8")
    result = go_on(workbench, server, folder)
    assert result.json["states"] == {"ok": 2}
    assert len(server.requests) == 4
    states(folder)


@pytest.mark.parametrize("less", [("articles/bookshop.txt",), ("--limit", "1")])
def test_what_failed_and_is_not_among_the_articles_stays_as_it_was(
    begun: Any, server: Loopback, workbench: Command, less: tuple[str, ...]
) -> None:
    folder = begun(BROKEN, BROKEN)
    result = go_on(workbench, server, folder, *less)
    assert (result.code, result.json["states"], len(server.requests)) == (5, {"ok": 1, "failed": 1}, 3)
    assert sorted(states(folder).values()) == ["failed", "ok"]
    assert len(lines(folder / "failures.jsonl")) == 1


def test_an_invalid_answer_stays_until_it_is_retried_and_then_is_a_new_sample(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    bad = [ok('{"street": 1}')] * 3
    folder = begun(*bad)
    assert states(folder)["bakery"] == "invalid"
    go_on(workbench, server, folder)
    assert (states(folder)["bakery"], len(server.requests)) == ("invalid", 4)
    go_on(workbench, server, folder, "--retry", "invalid")
    bakery = next(line for line in lines(folder / "extractions.jsonl") if line["article"] == "bakery")
    assert (bakery["state"], bakery["sample"], len(server.requests)) == ("ok", 1, 5)


def test_a_changed_prompt_is_refused_with_the_difference(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    prompt = project / "prompts" / "street.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("적는다", "모두 적는다"), encoding="utf-8")
    result = go_on(workbench, server, folder)
    assert (result.code, len(server.requests)) == (2, 2)
    assert "-기사에 나온 거리와 가게를 적는다." in result.err
    assert "+기사에 나온 거리와 가게를 모두 적는다." in result.err
    assert "--new" in result.err


def test_a_changed_schema_is_refused_with_the_difference(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    (project / "schemas" / "street.py").write_text(SCHEMA.replace("가게 하나.", "가게나 노점 하나."), encoding="utf-8")
    result = go_on(workbench, server, folder)
    assert result.code == 2
    assert "+" in result.err
    assert "가게나 노점 하나." in result.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("max_tokens = 500", "max_tokens = 600", "max_tokens: 500 became 600")],
)
def test_a_changed_setting_is_refused(
    begun: Any, project: Path, server: Loopback, workbench: Command, old: str, new: str, said: str
) -> None:
    folder = begun()
    prompt = project / "prompts" / "street.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    result = go_on(workbench, server, folder)
    assert result.code == 2
    assert said in result.err


def test_going_on_says_that_nothing_was_to_be_done(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    assert go_on(workbench, server, folder).json["nothing_to_do"] is False
    result = go_on(workbench, server, folder)
    assert (result.code, result.json["nothing_to_do"], len(server.requests)) == (0, True, 3)
    assert "nothing was to be done: no article is left; what follows is the run as it stood\n" in result.err


def test_only_says_that_no_article_ended_so_though_others_are_left(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    begun(ok(ANSWERS["bakery"]))
    (project / "articles" / "new.txt").write_text("새 기사다.\n", encoding="utf-8")
    only = ("--only", "failed", "--only", "missed")
    result = workbench("run", *only, "--base-url", server.base_url, "--events")
    notices = [event["words"] for event in map(json.loads, result.err.splitlines()) if event["event"] == "notice"]
    assert notices[-1].startswith("nothing was to be done: none of these articles ended failed or missed;")
    assert (result.code, len(server.requests)) == (0, 2)


def test_what_nothing_is_to_be_done_about_is_named_with_the_option_that_asks_it_anew(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun(refusal("못 한다"))
    result = go_on(workbench, server, folder)
    assert result.code == 5
    assert "no article is left; --retry asks anew what ended refused;" in result.err


def test_a_sitting_that_did_something_does_not_say_that_nothing_was_to_be_done(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    """Also where all that it did ended as before."""
    folder = begun()
    server.script(BROKEN)
    result = go_on(workbench, server, folder)
    assert (result.json["states"], result.json["nothing_to_do"]) == ({"ok": 1, "failed": 1}, False)
    assert "nothing was to be done" not in result.err


# What it would cost


def dry(workbench: Command, server: Loopback, folder: Path, *options: str) -> Any:
    """What a dry run says, which sends nothing and leaves every file as it was."""
    sent, before = len(server.requests), contents(folder)
    result = go_on(workbench, server, folder, "--dry-run", *options)
    assert (len(server.requests), contents(folder)) == (sent, before)
    return result


@pytest.mark.parametrize(
    ("options", "requests", "kept"),
    [((), 2, 1), (("--only", "failed"), 1, 2), (("--retry", "ok"), 3, 0), (("--only", "ok", "--retry", "ok"), 1, 2)],
)
def test_a_dry_run_of_going_on_counts_what_going_on_then_sends(
    begun: Any,
    project: Path,
    server: Loopback,
    workbench: Command,
    options: tuple[str, ...],
    requests: int,
    kept: int,
) -> None:
    folder = begun()
    (project / "articles" / "new.txt").write_text("새 기사다.\n", encoding="utf-8")
    found = dry(workbench, server, folder, *options).json
    assert (found["requests"], found["kept"]) == (requests, kept)
    sent = len(server.requests)
    go_on(workbench, server, folder, *options)
    assert len(server.requests) - sent == requests


def test_a_dry_run_of_only_what_failed_takes_the_last_run_and_names_it(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    result = workbench("run", "--only", "failed", "--base-url", server.base_url, "--dry-run")
    assert f"going on with {folder.name}, which leaves 1 articles as they are" in result.out
    assert "1 articles: 0 recorded, 0 rejected, 1 to be sent" in result.out


def test_a_dry_run_of_going_on_under_another_question_is_refused_as_going_on_is(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    validating(project, "assert name != '종이숲', 'no forest'; return name")
    assert "the record of bookshop is another" in dry(workbench, server, folder).err
    assert dry(workbench, server, folder, "--model", "large").code == 2


def test_a_dry_run_counts_what_a_killed_sitting_took_out_as_it_had_ended(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    for name in FILES:
        text = (folder / name).read_text(encoding="utf-8")
        failed, rest = text.splitlines(keepends=True)[0], "".join(text.splitlines(keepends=True)[1:])
        (folder / name).with_suffix(".again.jsonl").write_text(failed, encoding="utf-8")
        (folder / name).write_text(rest, encoding="utf-8")
    assert dry(workbench, server, folder, "--only", "failed").json["requests"] == 1
    assert dry(workbench, server, folder, "--only", "unspent").json["requests"] == 0


def test_a_dry_run_says_what_is_left_of_the_budget_and_that_it_is_too_little(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.workbench.models.small]\nprice = { input = 1, output = 1, currency = "EUR" }\n')
    folder = begun(ok(ANSWERS["bakery"]), options=("--max-tokens-total", "2400", "--budget", "1"))
    left = dry(workbench, server, folder).json["left"]
    assert left == {"tokens": 900, "money": {"amount": "0.9985", "currency": "EUR"}}
    said = workbench("run", "--resume", folder, "--base-url", server.base_url, "--dry-run").out
    assert "left of the budget of 1: 0.9985 EUR\n" in said
    assert "left of the budget of 2,400 tokens: 900, less than the worst case" in said
    assert dry(workbench, server, folder, "--max-tokens-total", "5000").json["left"]["tokens"] == 3500


def test_a_dry_run_counts_a_killed_request_at_its_worst_case_against_the_budget(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    found = dry(workbench, server, folder, "--max-tokens-total", "5000").json["left"]["tokens"]
    sending = {"key": "sha256:k", "text": "sha256:t", "number": 1, "started": "2031-03-01T00:00:00Z"}
    worst = {"prompt": 700, "completion": 500, "cached": 0}
    (folder / "sent.jsonl").write_text(json.dumps({**sending, "worst": worst}) + "\n", encoding="utf-8")
    assert dry(workbench, server, folder, "--max-tokens-total", "5000").json["left"]["tokens"] == found - 1200


def test_a_dry_run_of_what_shards_hold_is_refused_with_the_command_that_merges_them(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    (folder / "shards" / "0001").mkdir(parents=True)
    (folder / "shards" / "0001" / "attempts.jsonl").touch()
    result = dry(workbench, server, folder)
    assert result.code == 2
    assert f"workbench run --resume {folder.name}" in result.err


def test_a_dry_run_of_a_refresh_counts_what_it_has_asked_again_as_recorded(
    project: Path, server: Loopback, workbench: Command
) -> None:
    """The first failed when it was asked again; the second was answered, and the run died before it told of it."""
    workbench("run", "--base-url", server.base_url)
    store = project / "recordings" / "local-model.jsonl"
    store.write_text(re.sub(r'"recorded": "[^"]+"', '"recorded": "2026-01-01T00:00:00Z"', store.read_text("utf-8")))
    server.script(BROKEN)
    result = workbench("run", "--refresh", "--concurrency", "1", "--base-url", server.base_url, "--json")
    told = Path(result.json["run"]) / "extractions.jsonl"
    told.write_text(told.read_text("utf-8").splitlines(keepends=True)[0], encoding="utf-8")
    found = dry(workbench, server, told.parent).json
    assert (found["kept"], found["recorded"], found["requests"]) == (0, 1, 1)


# The schema's own code


def validating(project: Path, rule: str) -> None:
    """Have the schema validate a shop's name; its JSON Schema stays as it was."""
    check = f'    @field_validator("name")\n    def _check(cls, name: str) -> str:\n        {rule}\n'
    changed = SCHEMA.replace("import BaseModel", "import BaseModel, field_validator")
    changed = changed.replace("    quote: Quote\n", f"    quote: Quote\n\n{check}", 1)
    (project / "schemas" / "street.py").write_text(changed, encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("assert name != '종이숲', 'no forest'; return name", "/shops/0/name: Assertion failed, no forest"),
        ("return name + ' (헌책방)'", '/shops/0/name: "종이숲" became "종이숲 (헌책방)"'),
    ],
)
def test_a_changed_validator_by_which_a_kept_record_is_another_is_refused_before_anything_is_sent(
    begun: Any, project: Path, server: Loopback, workbench: Command, rule: str, said: str
) -> None:
    folder = begun()
    before = contents(folder)
    validating(project, rule)
    result = go_on(workbench, server, folder)
    assert (result.code, len(server.requests), contents(folder)) == (2, 2, before)
    assert f"the record of bookshop is another; at {said}" in result.err
    assert "extractions.jsonl:2" in result.err
    assert "--new" in result.err
    (project / "schemas" / "street.py").write_text(SCHEMA, encoding="utf-8")
    assert go_on(workbench, server, folder).code == 0


def test_a_validator_that_fails_on_a_kept_record_is_named_and_nothing_is_sent(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    validating(project, "return {}[name]")
    result = go_on(workbench, server, folder)
    assert (result.code, len(server.requests)) == (2, 2)
    assert "a validator fails: KeyError" in result.err


@pytest.mark.parametrize("change", ["# 가게와 거리\n", None])
def test_code_by_which_all_that_is_kept_reads_the_same_is_gone_on_with_and_noted(
    begun: Any, project: Path, server: Loopback, workbench: Command, change: str | None
) -> None:
    """A comment, or a validator that lets through what is there."""
    folder = begun()
    then = open_run(folder).info.schema_code
    if change:
        (project / "schemas" / "street.py").write_text(SCHEMA + change, encoding="utf-8")
    else:
        validating(project, "assert name != '밀밭', 'no field'; return name")
    result = go_on(workbench, server, folder)
    assert states(folder) == {"bakery": "ok" if change else "invalid", "bookshop": "ok"}
    assert "the records that it keeps are read anew" in result.err
    assert open_run(folder).info.schema_code not in {then, None}
    assert "read anew" not in go_on(workbench, server, folder).err


def test_a_run_from_before_the_code_was_noted_is_read_anew_and_notes_it(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    code = info.pop("schema_code")
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")
    result = go_on(workbench, server, folder)
    assert (result.code, open_run(folder).info.schema_code) == (0, code)
    assert "read anew" in result.err


def test_what_is_asked_anew_need_not_read_the_same(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun()
    validating(project, "assert name != '종이숲', 'no forest'; return name")
    go_on(workbench, server, folder, "--retry", "ok")
    assert states(folder) == {"bakery": "ok", "bookshop": "invalid"}


def test_where_the_code_is_the_one_noted_no_record_is_read(begun: Any, project: Path) -> None:
    run, task = open_run(begun()), load_task("street", project)
    (run.folder / "extractions.jsonl").unlink()
    (run.folder / "extractions.jsonl").mkdir()  # whatever reads it fails
    check_records(run, task, Left(Kept(), set()))
    with pytest.raises(IsADirectoryError):
        check_records(run, replace(task, code="sha256:other"), Left(Kept(), set()))


def test_another_model_is_refused(begun: Any, server: Loopback, workbench: Command) -> None:
    result = go_on(workbench, server, begun(), "--model", "large")
    assert result.code == 2
    assert 'model: "small" became "large"' in result.err


def test_new_starts_another_run_of_the_same_articles(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    result = go_on(workbench, server, folder, "--new", "--model", "large")
    assert result.code == 0
    assert result.json["run"] != str(folder)
    assert states(folder)["bakery"] == "failed"


def test_what_a_replay_missed_is_asked_when_there_is_an_endpoint(
    project: Path, server: Loopback, workbench: Command
) -> None:
    folder = project / workbench("run", "--replay", "--json").json["run"]
    assert set(states(folder).values()) == {"missed"}
    assert go_on(workbench, server, folder).code == 0
    assert set(states(folder).values()) == {"ok"}


def test_retry_without_a_run_is_a_usage_error(project: Path, workbench: Command) -> None:
    result = workbench("run", "--retry", "invalid")
    assert result.code == 2
    assert "--resume" in result.err


def test_two_processes_cannot_go_on_with_one_run(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun()
    with (folder / "attempts.jsonl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = go_on(workbench, server, folder)
    assert result.code == 2
    assert "another process" in result.err


# Budgets


def test_a_budget_of_tokens_leaves_the_rest_unspent_and_a_larger_one_goes_on(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun(ok(ANSWERS["bakery"]), options=("--max-tokens-total", "2400"))
    assert states(folder) == {"bakery": "ok", "bookshop": "unspent"}
    reason = lines(folder / "failures.jsonl")[0]["reason"]
    assert "1,500 of 2,400 tokens used" in reason
    result = go_on(workbench, server, folder, "--max-tokens-total", "8000")
    assert (result.code, len(server.requests)) == (0, 2)


def test_what_was_spent_before_counts_when_the_run_goes_on(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun(ok(ANSWERS["bakery"]), options=("--max-tokens-total", "2400"))
    result = go_on(workbench, server, folder, "--max-tokens-total", "2400")
    assert (result.code, len(server.requests)) == (5, 1)


PRICED = "\n[tool.workbench.models.small]\nprice = { input = 1, output = 10 }\n"


def test_a_budget_in_money_leaves_the_rest_unspent_and_a_larger_one_goes_on(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(PRICED)
    folder = begun(ok(ANSWERS["bakery"]), options=("--budget", "0.0100"))
    assert states(folder) == {"bakery": "ok", "bookshop": "unspent"}
    assert "0.0042 of 0.0100 spent" in lines(folder / "failures.jsonl")[0]["reason"]
    result = go_on(workbench, server, folder, "--budget", "0.0200")
    assert (result.code, len(server.requests)) == (0, 2)


def test_what_took_no_tokens_costs_nothing_of_a_budget_in_money(begun: Any, project: Path) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(PRICED)
    folder = begun(rate_limited(0), status(500, headers={"retry-after": "0"}), options=("--budget", "1"))
    assert set(states(folder).values()) == {"ok"}


def test_a_budget_in_money_needs_a_price(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--model", "gpt-4o-mini", "--budget", "0.0001", "--base-url", server.base_url)
    assert result.code == 2
    assert "the price of gpt-4o-mini, which is not known" in result.err


def test_a_budget_without_a_bound_for_the_answer_is_refused(
    project: Path, server: Loopback, workbench: Command
) -> None:
    prompt = project / "prompts" / "street.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("max_tokens = 500\n", ""), encoding="utf-8")
    result = workbench("run", "--max-tokens-total", "99999", "--base-url", server.base_url)
    assert (result.code, server.requests) == (2, [])
    assert "set max_tokens" in result.err


@pytest.mark.parametrize("amount", ["0", "-1", "five", "nan", "inf"])
def test_a_budget_that_is_no_amount_is_a_usage_error(project: Path, workbench: Command, amount: str) -> None:
    assert workbench("run", "--budget", amount).code == 2


def test_a_request_that_was_never_answered_stands_at_its_worst_case(begun: Any, server: Loopback) -> None:
    folder = begun(dropped_midway(EMPTY), ok(ANSWERS["bakery"]))
    first, second, _ = lines(folder / "attempts.jsonl")
    assert (first["assumed"], second["assumed"]) == (True, False)
    assert first["usage"]["prompt"] == len(server.requests[0].body)
    assert first["usage"]["completion"] == 500


def test_an_endpoint_that_counts_nothing_leaves_the_worst_case_in_the_ledger(begun: Any) -> None:
    folder = begun(ok(ANSWERS["bakery"], usage=None))
    first, second = lines(folder / "attempts.jsonl")
    assert (first["assumed"], second["assumed"]) == (True, False)


def test_an_empty_account_leaves_the_rest_failed_and_going_on_asks_it(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun(quota_exhausted())
    assert set(states(folder).values()) == {"failed"}
    assert go_on(workbench, server, folder).code == 0


# Stopping


def start(project: Path, server: Loopback, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "workbench", "run", "--base-url", server.base_url, *options],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hear(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what it says, up to this."""
    assert process.stderr
    assert any(words in line for line in process.stderr), f"it has ended and never said: {words}"


def test_ctrl_c_lets_what_is_under_way_end_and_names_the_command_that_goes_on(
    project: Path, server: Loopback, workbench: Command
) -> None:
    server.hold_after = 0
    process = start(project, server, "--concurrency", "1")
    server.wait_for(1)
    process.send_signal(signal.SIGINT)
    hear(process, "stopping")
    server.hold_after = None
    out, err = process.communicate(timeout=300)
    (folder,) = (project / "runs").iterdir()
    assert process.returncode == 130, err
    assert states(folder) == {"bakery": "ok"}
    assert f"--resume {folder}" in out
    assert go_on(workbench, server, folder).code == 0
    assert len(server.requests) == 2


def test_a_second_ctrl_c_gives_up_what_is_under_way_and_counts_it_at_its_worst(project: Path, server: Loopback) -> None:
    server.script(stalled())
    process = start(project, server, "--concurrency", "1")
    server.wait_for(1)
    process.send_signal(signal.SIGINT)
    with process:
        hear(process, "stopping")
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    (folder,) = (project / "runs").iterdir()
    (attempt,) = lines(folder / "attempts.jsonl")
    assert attempt["assumed"]
    assert not (folder / "sent.jsonl").exists()


def test_what_a_stopped_sitting_did_not_come_to_stands_as_it_stood(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    folder = begun(BROKEN, BROKEN)
    before = {name: (folder / name).read_bytes().splitlines() for name in FILES}
    server.hold_after = 2
    process = start(project, server, "--resume", str(folder), "--concurrency", "1")
    server.wait_for(3)
    process.send_signal(signal.SIGINT)
    hear(process, "stopping")
    server.hold_after = None
    process.communicate(timeout=300)
    assert process.returncode == 130
    assert states(folder) == {"bakery": "ok", "bookshop": "failed"}
    assert (folder / "extractions.jsonl").read_bytes().splitlines()[1:] == before["extractions.jsonl"][1:]
    assert (folder / "failures.jsonl").read_bytes().splitlines() == before["failures.jsonl"][1:]
    assert go_on(workbench, server, folder, "--only", "failed").code == 0


@pytest.mark.parametrize(
    ("first", "options"),
    [([BROKEN], ("--only", "failed")), ([ok('{"street": 1}')] * 3, ("--retry", "invalid"))],
    ids=["only", "retry"],
)
def test_a_sitting_that_was_killed_can_be_had_again_with_the_same_words(
    begun: Any, project: Path, server: Loopback, workbench: Command, first: list[Any], options: tuple[str, ...]
) -> None:
    folder = begun(*first)
    before = len(server.requests)
    server.script(stalled())
    process = start(project, server, "--resume", str(folder), *options)
    server.wait_for(before + 1)
    process.kill()
    process.communicate()
    result = go_on(workbench, server, folder, *options)
    assert (result.code, len(server.requests)) == (0, before + 2)
    assert states(folder) == {"bakery": "ok", "bookshop": "ok"}
    assert lines(folder / "failures.jsonl") == []


def test_only_takes_the_last_run_though_it_was_killed_and_does_not_call_it_done(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    begun(BROKEN, BROKEN)
    server.script(BROKEN, stalled())
    process = start(project, server, "--concurrency", "1")
    server.wait_for(4)
    process.kill()
    process.communicate()
    folder = max((project / "runs").iterdir())
    result = workbench("run", "--only", "failed", "--base-url", server.base_url, "--json")
    assert Path(result.json["run"]) == folder
    assert states(folder) == {"bakery": "ok"}
    assert not json.loads((folder / "run.json").read_text("utf-8"))["finished"]


@pytest.mark.parametrize("name", ["extractions", "failures", "attempts", "sent"])
def test_a_torn_line_is_set_aside_and_said(begun: Any, server: Loopback, workbench: Command, name: str) -> None:
    folder = begun(BROKEN)
    with (folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"article": "북')
    result = go_on(workbench, server, folder)
    assert result.code == 0
    assert f"{name}.jsonl: its last line was torn" in result.err
    assert "북" in (folder / f"{name}.jsonl.torn").read_text(encoding="utf-8")
    assert states(folder) == {"bakery": "ok", "bookshop": "ok"}


def test_a_killed_request_stands_at_its_worst_case_when_the_run_goes_on(
    project: Path, server: Loopback, workbench: Command
) -> None:
    server.script(stalled())
    process = start(project, server, "--concurrency", "1")
    server.wait_for(1)
    process.kill()
    process.communicate()
    (folder,) = (project / "runs").iterdir()
    assert len(lines(folder / "sent.jsonl")) == 1
    result = go_on(workbench, server, folder)
    assert result.code == 0
    killed, *others = lines(folder / "attempts.jsonl")
    assert (killed["outcome"], killed["assumed"], len(others)) == ("killed", True, 2)
    assert result.json["assumed"]["attempts"] == 1
    assert not (folder / "sent.jsonl").exists()


def test_an_answer_without_a_count_stands_at_its_worst_case_even_if_the_run_died_before_its_line(
    project: Path, server: Loopback, sittings: Sittings, workbench: Command
) -> None:
    server.script(ok(ANSWERS["bakery"], usage=None))
    died = sittings.run(project, "run", "--base-url", server.base_url, crash=Crash(3, file="attempts.jsonl"))
    assert died.code == CRASHED_WRITING
    (folder,) = (project / "runs").iterdir()
    assert go_on(workbench, server, folder, "--concurrency", "1").code == 0
    first = next(line for line in lines(folder / "attempts.jsonl") if line["outcome"] == "answered")
    assert (first["status"], first["assumed"], first["usage"]["completion"]) == (200, True, 500)


def test_a_refresh_that_was_killed_goes_on_refreshing_and_asks_nothing_twice(
    begun: Any, project: Path, server: Loopback, workbench: Command
) -> None:
    begun(ok(ANSWERS["bakery"]))
    store = project / "recordings" / "local-model.jsonl"
    store.write_text(re.sub(r'"recorded": "[^"]+"', '"recorded": "2026-01-01T00:00:00Z"', store.read_text("utf-8")))
    server.script(ok(ANSWERS["bakery"]), stalled())
    process = start(project, server, "--refresh", "--concurrency", "1")
    server.wait_for(4)
    process.kill()
    process.communicate()
    folder = max((project / "runs").iterdir())
    assert go_on(workbench, server, folder).code == 0
    assert len(server.requests) == 5
    outcomes = [line["outcome"] for line in lines(folder / "attempts.jsonl")]
    assert outcomes == ["answered", "killed", "answered"]


# Progress


def test_events_are_json_lines_on_stderr(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--events", "--base-url", server.base_url, "--json")
    told = [json.loads(line) for line in result.err.splitlines()]
    assert [one["event"] for one in told] == ["begin", "notice", "notice", "article", "article", "end"]
    assert {one["article"]: one["state"] for one in told if one["event"] == "article"} == dict.fromkeys(ARTICLES, "ok")
    assert told[-1]["run"] == str(project / result.json["run"])
    assert told[-1]["tokens"]["prompt"] == 2400


def test_events_stay_json_where_there_is_something_to_note(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
    assert workbench("run", "--base-url", server.base_url).code == 0
    file = project / "recordings" / "local-model.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + '{"torn', encoding="utf-8")
    monkeypatch.setattr("workbench.recordings.SMALL", 0)
    monkeypatch.setattr("workbench.index.LARGE", 0)
    told = [json.loads(one) for one in workbench("run", "--replay", "--events").err.splitlines()]
    notices = [one["words"] for one in told if one["event"] == "notice"]
    assert "indexing" in notices[0]
    assert "its last line is torn" in notices[-1]
    assert notices[-1].startswith(str(file)), "a program needs no word that says what kind of words they are"
    assert "end" in {one["event"] for one in told}
    said = workbench("run", "--replay").err.splitlines()
    assert f"note  {notices[-1]}" in said, "a person is told in one line, as of every other note"


def test_an_error_is_an_event_too(project: Path, workbench: Command) -> None:
    result = workbench("run", "none.txt", "--events")
    (told,) = [json.loads(one) for one in result.err.splitlines()]
    assert (result.code, told["event"], "none.txt" in told["words"]) == (2, "error", True)


def test_that_it_was_stopped_before_its_articles_were_read_is_an_event_too(
    project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.cli.run.count_articles", press)
    result = workbench("run", "--replay", "--events")
    (told,) = [json.loads(one) for one in result.err.splitlines() if one]  # a blank line ends the one with ^C
    assert (result.code, told["event"], "interrupted" in told["words"]) == (130, "error", True)


@pytest.mark.parametrize("arguments", [("--samples", "0"), ("--replay", "--refresh")], ids=["click's", "ours"])
def test_a_wrong_option_is_an_event_too(project: Path, workbench: Command, arguments: tuple[str, ...]) -> None:
    result = workbench("run", "--events", *arguments)
    (told,) = [json.loads(one) for one in result.err.splitlines()]
    assert (result.code, told["event"], arguments[0] in told["words"]) == (2, "error", True)


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    told = io.StringIO()
    console = Console(file=told, force_terminal=False, width=200)
    with progress(console, 10, every=0.01) as watch:
        watch.notify("the endpoint asks to wait")
        until = time.monotonic() + 300
        while "0 of 10: no article yet" not in told.getvalue():
            assert time.monotonic() < until
            time.sleep(0.01)
    assert "the endpoint asks to wait" in told.getvalue()


def so_far(ok: int, kept: int, requests: int = 0) -> Summary:
    totals = Totals(attempts=requests, usage=Usage(1200 * requests, 300 * requests), money=Decimal(requests) / 100)
    return Summary(Path("run"), totals, Counter({"ok": ok} if ok else {}), kept)


def test_a_line_says_states_rate_time_left_requests_tokens_and_cost() -> None:
    told = io.StringIO()
    with progress(Console(file=told, force_terminal=False, width=200), 1000, every=0.01) as watch:
        watch.under_way(so_far(ok=500, kept=200, requests=310))
        while "500 of 1,000" not in told.getvalue():
            time.sleep(0.01)
    words = r"500 of 1,000: 500 ok; [\d.]+/(s|min), \d+ s left; 310 requests, 372,000 \+ 93,000 tokens; 3\.1000 USD"
    assert re.search(words, told.getvalue())


def test_a_run_that_is_gone_on_with_shows_what_it_has_before_the_first_article() -> None:
    for terminal, shown in ((False, "900 of 1,000: 900 ok\n"), (True, "900/1000")):
        told = io.StringIO()
        with progress(Console(file=told, force_terminal=terminal, width=200), 1000, every=0.01) as watch:
            watch.begun(so_far(ok=900, kept=900))
            while shown not in told.getvalue():
                time.sleep(0.01)


def test_requests_are_told_of_while_no_article_ends() -> None:
    told = io.StringIO()
    with progress(Console(file=told, force_terminal=False, width=200), 10, every=0.01) as watch:
        watch.begun(so_far(ok=0, kept=0, requests=7))
        while "0 of 10: no article yet; 7 requests" not in told.getvalue():
            time.sleep(0.01)


def test_a_run_keeps_its_budget_when_it_is_gone_on_with(begun: Any, server: Loopback, workbench: Command) -> None:
    folder = begun(ok(ANSWERS["bakery"]), options=("--max-tokens-total", "2400"))
    assert (go_on(workbench, server, folder).code, len(server.requests)) == (5, 1)


def test_the_command_that_is_named_goes_on(project: Path, server: Loopback, workbench: Command) -> None:
    server.script(BROKEN)
    out = workbench("run", "--concurrency", "1", "--base-url", server.base_url).out
    (line,) = [line for line in out.splitlines() if "go on with" in line]
    result = workbench(*line.partition("workbench ")[2].split())
    assert (result.code, len(server.requests)) == (0, 3)


def test_a_budget_that_was_reached_is_said_with_the_option_that_a_larger_one_takes(
    project: Path, server: Loopback, workbench: Command
) -> None:
    arguments = ("--concurrency", "1", "--base-url", server.base_url)
    out = workbench("run", "--max-tokens-total", "2400", *arguments).out
    (line,) = [line for line in out.splitlines() if "go on with" in line]
    assert line.startswith("1 unspent, which a larger budget lets through: go on with")
    result = workbench(*line.partition("workbench ")[2].replace("MORE", "9000").split())
    assert (result.code, len(server.requests)) == (0, 2)


def test_a_reason_that_many_articles_have_is_said_once_and_states_are_counted(
    project: Path, server: Loopback, workbench: Command
) -> None:
    with (project / "many.jsonl").open("w", encoding="utf-8") as file:
        for number in range(40):
            file.write(
                json.dumps({"id": f"n{number}", "text": f"{number}번째 골목에 가게가 들어섰다. " * (number + 1)}) + "\n"
            )
    server.script(*(BROKEN,) * 3)
    arguments = ("--concurrency", "1", "--base-url", server.base_url)
    out = workbench("run", "many.jsonl", "--max-tokens-total", "3000", *arguments).out
    assert out.count("answered 400") == 1
    assert "n0 and 2 more: " in out
    assert out.count("the budget is reached: ") == 5  # each would take another number of tokens
    assert re.search(r"^31 more unspent, each with its reason in the run's failures\.jsonl$", out, re.MULTILINE)
    assert "40 articles: 36 unspent, 3 failed, 1 ok" in out


def test_a_run_that_asked_an_address_is_not_silently_replayed(begun: Any, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--resume", begun())
    assert (result.code, len(server.requests)) == (2, 2)
    assert f"--base-url {server.base_url}" in result.err


@pytest.mark.parametrize("options", [("--new", "--only", "failed"), ("--new", "--retry", "ok"), ("--only", "invalid")])
def test_options_that_contradict_each_other_are_refused(
    begun: Any, server: Loopback, workbench: Command, options: tuple[str, ...]
) -> None:
    result = go_on(workbench, server, begun(), *options)
    assert (result.code, len(server.requests)) == (2, 2)


def test_a_gateway_that_gave_up_stands_at_the_worst_case(begun: Any) -> None:
    folder = begun(status(504, headers={"retry-after": "0"}), ok(ANSWERS["bakery"]))
    assert [attempt["assumed"] for attempt in lines(folder / "attempts.jsonl")] == [True, False, False]


def test_events_carry_no_character_that_steers_a_terminal(project: Path, server: Loopback, workbench: Command) -> None:
    server.script(refusal("\x9b31m\u202e싫다"))
    result = workbench("run", "articles/bakery.txt", "--events", "--base-url", server.base_url)
    assert "싫다" in result.err
    assert not {"\x9b", "\u202e"} & set(result.err)


def test_money_of_two_currencies_is_not_added_up() -> None:
    totals = Totals()
    for currency in ("USD", "USD"):
        totals.add(attempt(Cost(Decimal(1), currency)))
    totals.add(attempt(NOTHING))
    assert (totals.money, totals.currency) == (Decimal(2), "USD")
    with pytest.raises(RunError, match="USD and would now cost KRW"):
        totals.add(attempt(Cost(Decimal(1), "KRW")))


def attempt(cost: Cost) -> Attempt:
    return Attempt("k", "t", 1, datetime.now(UTC), 1.0, 200, "answered", None, Usage(1, 1), cost, assumed=False)


def test_ctrl_c_gives_up_what_waits_to_be_sent(project: Path, server: Loopback) -> None:
    server.script(rate_limited(3600))
    process = start(project, server, "--concurrency", "1")
    with process:
        hear(process, "asks to wait")
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 130
    (folder,) = (project / "runs").iterdir()
    assert (lines(folder / "extractions.jsonl"), len(server.requests)) == ([], 1)


def test_ctrl_c_gives_up_what_waits_to_be_sent_again(
    project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.model._wait", lambda _: 3600.0)

    def broken_and_stopped(_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return status(500)

    with Loopback(answer=broken_and_stopped) as server:
        result = workbench("run", "--concurrency", "1", "--base-url", server.base_url, "--json")
        assert (result.code, result.json["interrupted"], len(server.requests)) == (130, True, 1)
    (attempt,) = lines(project / result.json["run"] / "attempts.jsonl")
    assert (attempt["outcome"], lines(project / result.json["run"] / "extractions.jsonl")) == ("repeated", [])


@pytest.mark.parametrize("header", ["Wed, 99999999999999999999 Oct 2030 07:28:00 GMT", "soon", "-5", "1e400"])
def test_an_odd_retry_after_is_no_fault_of_ours(begun: Any, header: str) -> None:
    folder = begun(rate_limited(header), rate_limited(header), rate_limited(header))
    assert set(states(folder).values()) <= {"ok", "failed"}


@pytest.mark.parametrize("count", [10**400, 10**15, -1, "many", [1]])
def test_a_count_of_tokens_that_makes_no_sense_stands_at_the_worst_case(begun: Any, count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count}
    folder = begun(ok(ANSWERS["bakery"], usage=usage))
    assert [attempt["assumed"] for attempt in lines(folder / "attempts.jsonl")] == [True, False]


def test_events_end_with_the_figures_though_nothing_was_left_to_do(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    folder = begun(ok(ANSWERS["bakery"]))
    result = go_on(workbench, server, folder, "--events")
    last = json.loads(result.err.splitlines()[-1])
    assert (last["event"], last["run"], last["states"]) == ("end", str(folder.resolve()), {"ok": 2})


def test_a_run_of_another_project_is_refused(
    begun: Any, tmp_path: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun().resolve()
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text('[tool.workbench]\nmodel = "small"\n', encoding="utf-8")
    monkeypatch.chdir(other)
    result = go_on(workbench, server, folder)
    assert (result.code, len(server.requests)) == (2, 2)
    assert "this run is of another project" in result.err


def test_a_run_whose_articles_were_edited_into_no_files_is_refused_in_words(
    begun: Any, server: Loopback, workbench: Command
) -> None:
    file = begun() / "run.json"
    info = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**info, "articles": ["a\0b"]}), encoding="utf-8")
    result = go_on(workbench, server, file.parent)
    assert result.code == 2
    assert "holds a null" in result.err
