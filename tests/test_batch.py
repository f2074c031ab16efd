"""Batches over the whole path: handed in, ended in every way there is, fetched, asked again, and the same by hand."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batching_server import EXPIRED, GOOD, LIVE, MISSING, BatchServer, RowSays, StoredBatch, hold_articles, priced
from loopback import (
    Answer,
    Loopback,
    Received,
    Usage,
    dropped_midway,
    error,
    length,
    ok,
    rate_limited,
    refusal,
    status,
    wrong_shape,
)
from small_project import Command, lines

from workbench.batch import BatchLog
from workbench.batching import _Desk
from workbench.limits import NotSentError
from workbench.lines import Appender
from workbench.recordings import Exchange
from workbench.requests import Request

BAD = {"street": None, "shops": "none"}


def article_of(row: dict[str, Any]) -> str:
    """The id of the article that a row is about."""
    text: str = row["body"]["messages"][1]["content"]
    return text.split(maxsplit=1)[0]


def is_reask(row: dict[str, Any]) -> bool:
    return len(row["body"]["messages"]) > 2


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(answer=lambda _: GOOD) as started:
        yield started


@pytest.fixture
def world(project: Path, server: BatchServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with eight articles that each say their id first, and the server as its endpoint."""
    priced(project)
    hold_articles(project, "abcdefgh")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return project


def states(folder: Path) -> dict[str, str]:
    return {line["article"]: line["state"] for line in lines(folder / "extractions.jsonl")}


def reasons(folder: Path) -> dict[str, str]:
    return {line["article"]: line["reason"] for line in lines(folder / "extractions.jsonl") if line["reason"]}


def attempts(folder: Path) -> list[dict[str, Any]]:
    return lines(folder / "attempts.jsonl")


def bill(folder: Path) -> Decimal:
    return sum((Decimal(line["cost"]["amount"]) for line in attempts(folder)), Decimal(0))


def costs(folder: Path) -> Decimal:
    """What the extractions say that they cost."""
    return sum((Decimal(line["cost"]["amount"]) for line in lines(folder / "extractions.jsonl")), Decimal(0))


def test_a_batch_is_handed_in_waits_and_is_fetched(world: Path, server: BatchServer, workbench: Command) -> None:
    submitted = workbench("batch", "submit", "--json")
    assert submitted.code == 0, submitted.err
    assert (submitted.json["waiting"], submitted.json["states"]) == (8, {})
    folder = Path(submitted.json["run"])
    asked = workbench("batch", "status", "--json").json
    assert [part["state"] for part in asked["parts"]] == ["validating"]
    assert workbench("batch", "collect", "--json").json["waiting"] == 8
    assert not (folder / "attempts.jsonl").read_text()
    server.end()
    collected = workbench("batch", "collect", "--json")
    assert collected.code == 0, collected.err
    assert collected.json["finished"]
    assert states(folder) == dict.fromkeys("abcdefgh", "ok")
    assert bill(folder) == costs(folder) == 8 * LIVE / 2
    assert {line["part"] for line in attempts(folder)} == {1}
    assert {line["origin"] for line in lines(world / "recordings" / "local-model.jsonl")} == {"local-model"}
    assert list((folder / "batch").iterdir()) == []


def test_every_way_in_which_a_row_can_end_is_a_state_of_its_article(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    def rows(row: dict[str, Any]) -> RowSays:
        if is_reask(row):
            return None
        fates: dict[str, RowSays] = {
            "a": status(500),
            "b": EXPIRED,
            "c": MISSING,
            "d": BAD,
            "e": length('{"street": nu'),
            "f": refusal("no"),
            "g": status(400),
        }
        return fates.get(article_of(row))

    server.rows = rows
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end("expired")
    first = workbench("batch", "collect", "--json")
    assert first.code == 5, first.err
    assert states(folder) == {
        "a": "failed", "b": "failed", "c": "failed", "e": "truncated", "f": "refused", "g": "failed", "h": "ok",
    }  # fmt: skip
    said = reasons(folder)
    assert "500" in said["a"] and "submit --resume" in said["a"]
    assert "batch_expired" in said["b"]
    assert "the batch expired before this was done" in said["c"]
    assert "400" in said["g"] and "would be again" in said["g"]
    assert first.json["waiting"] == 1
    assert [part["requests"] for part in first.json["parts"]] == [8, 1], (
        "the invalid answer is asked again in a second batch"
    )
    server.end()
    second = workbench("batch", "collect", "--json")
    assert states(folder)["d"] == "ok"
    assert second.json["finished"]
    # Answered were d twice, e, f and h; what was not done costs nothing.
    assert bill(folder) == costs(folder) == 5 * LIVE / 2
    failed = [line for line in attempts(folder) if line["outcome"] == "failed"]
    assert [Decimal(line["cost"]["amount"]) for line in failed] == [0, 0, 0, 0]


def test_a_row_that_the_endpoint_finds_too_long_is_rejected_and_not_asked_again(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    said = error("Your input exceeds the context window of this model.", code="context_length_exceeded")
    server.rows = lambda row: status(400, said) if article_of(row) == "a" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    collected = workbench("batch", "collect", "--json")
    assert collected.json["states"] == {"ok": 7, "rejected": 1}
    assert "exceeds the context window" in reasons(folder)["a"]
    assert "split the article" in reasons(folder)["a"]
    assert bill(folder) == costs(folder) == 7 * LIVE / 2
    again = workbench("batch", "submit", "--resume", folder.name, "--json")
    assert [part["requests"] for part in again.json["parts"]] == [8], again.err
    assert states(folder)["a"] == "rejected"


def test_what_failed_is_asked_again_when_somebody_says_so(world: Path, server: BatchServer, workbench: Command) -> None:
    server.rows = lambda row: rate_limited() if article_of(row) in "ab" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    assert workbench("batch", "collect").code == 5
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 6, "failed": 2}, "and not before"
    server.rows = lambda _: None
    again = workbench("batch", "submit", "--resume", folder.name, "--json")
    assert again.code == 0, "what has failed waits again"
    assert (again.json["states"], again.json["waiting"]) == ({"ok": 6}, 2)
    assert [part["requests"] for part in again.json["parts"]] == [8, 2]
    server.end()
    assert workbench("batch", "collect").code == 0
    assert states(folder) == dict.fromkeys("abcdefgh", "ok")
    assert len(server.answered) == 8
    assert bill(folder) == costs(folder) == 8 * LIVE / 2


def test_a_changed_validator_is_refused_before_anything_is_handed_in(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.script(status(400))
    folder = Path(workbench("run", "--concurrency", "1", "--json").json["run"])
    schema = world / "schemas" / "street.py"
    rule = '\n    @field_validator("street")\n    def _check(cls, street: object) -> object:\n        raise ValueError("no street")\n'
    text = schema.read_text(encoding="utf-8").replace("import BaseModel", "import BaseModel, field_validator")
    schema.write_text(text + rule, encoding="utf-8")
    result = workbench("batch", "submit", "--resume", folder)
    assert (result.code, server.batches) == (2, {})
    assert "is another; at /street: Value error, no street" in result.err


def test_a_failure_says_how_many_requests_it_took_in_all(world: Path, server: BatchServer, workbench: Command) -> None:
    server.rows = lambda row: rate_limited() if article_of(row) in "ab" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    workbench("batch", "collect")
    workbench("batch", "submit", "--resume", folder.name)
    server.end()
    for _ in range(2):  # the second has nothing to take in
        workbench("batch", "collect")
        assert {line["article"]: line["attempts"] for line in lines(folder / "failures.jsonl")} == {"a": 2, "b": 2}
    workbench("batch", "submit", "--resume", folder.name, "--budget", "0.000001")
    assert {line["article"]: line["attempts"] for line in lines(folder / "failures.jsonl")} == {"a": 2, "b": 2}


def test_reasks_can_go_one_by_one_at_the_full_price(world: Path, server: BatchServer, workbench: Command) -> None:
    server.rows = lambda row: BAD if article_of(row) in "abc" else None
    folder = Path(workbench("batch", "submit", "--reasks", "live", "--json").json["run"])
    server.end()
    collected = workbench("batch", "collect", "--json")
    assert collected.code == 0, collected.err
    assert states(folder) == dict.fromkeys("abcdefgh", "ok")
    assert bill(folder) == costs(folder) == 8 * LIVE / 2 + 3 * LIVE
    assert sum(request.path.endswith("/chat/completions") for request in server.requests) == 3


def stop_at(monkeypatch: pytest.MonkeyPatch, count: int, stop: Callable[[], None]) -> None:
    """Have something happen before the so-many-th re-ask is asked."""
    answer = _Desk.answer
    asked = 0

    async def stopping(self: _Desk, request: Request) -> Exchange:
        nonlocal asked
        asked += bool(request.parent)
        if request.parent and asked == count:
            stop()
        return await answer(self, request)

    monkeypatch.setattr(_Desk, "answer", stopping)


def not_sent() -> None:
    """What Ctrl-C does to a request that is not on its way yet."""
    raise NotSentError


def test_a_re_ask_that_was_paid_for_before_a_stop_is_in_its_articles_cost(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the full price, beside its first request's in the batch."""
    hold_articles(world, "a")
    server.rows = lambda _: BAD
    server.script(ok(BAD), ok(BAD))
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    with monkeypatch.context() as stop:
        stop_at(stop, 2, not_sent)
        assert workbench("batch", "collect", "--reasks", "live", "--json").json["waiting"] == 1
    assert bill(folder) == LIVE / 2 + LIVE
    assert workbench("batch", "collect", "--reasks", "live", "--json").json["states"] == {"invalid": 1}
    assert bill(folder) == costs(folder) == LIVE / 2 + 2 * LIVE


def test_the_way_that_re_asks_go_is_kept_though_the_first_walk_is_stopped(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rows = lambda _: BAD
    workbench("batch", "submit")
    server.end()
    with monkeypatch.context() as stop:
        stop_at(stop, 1, lambda: os.kill(os.getpid(), signal.SIGINT))
        assert workbench("batch", "collect", "--reasks", "live", "--concurrency", "1").code == 130
    ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["finished"], len(server.batches)) == ({"ok": 8}, True, 1)


def test_the_way_that_re_asks_go_is_kept_though_nothing_has_come_in(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda _: BAD
    workbench("batch", "submit")
    workbench("batch", "collect", "--reasks", "live")
    server.end()
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}


def test_a_batch_that_the_provider_refuses_fails_all_its_articles_and_costs_nothing(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end("failed", "Enqueued token limit reached for small.")
    collected = workbench("batch", "collect", "--json")
    assert collected.code == 3
    assert set(states(folder).values()) == {"failed"}
    assert "Enqueued token limit reached" in reasons(folder)["a"]
    assert bill(folder) == 0


def test_the_same_text_in_two_articles_is_one_row(world: Path, server: BatchServer, workbench: Command) -> None:
    (world / "articles" / "z.txt").write_text((world / "articles" / "a.txt").read_text("utf-8"), encoding="utf-8")
    submitted = workbench("batch", "submit", "--json").json
    assert (submitted["waiting"], submitted["parts"][0]["requests"]) == (9, 8)
    server.end()
    assert workbench("batch", "collect").code == 0
    folder = Path(submitted["run"])
    assert len(states(folder)) == 9
    assert bill(folder) == costs(folder) == 8 * LIVE / 2


def test_what_is_recorded_is_not_asked_and_costs_nothing(world: Path, server: BatchServer, workbench: Command) -> None:
    assert workbench("run", "--limit", "3").code == 0
    submitted = workbench("batch", "submit", "--json").json
    assert submitted["parts"][0]["requests"] == 5
    assert submitted["states"] == {"ok": 3}
    assert costs(Path(submitted["run"])) == 0


def test_requests_are_split_where_a_file_is_full(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.gatherer.MOST_REQUESTS", 3)
    submitted = workbench("batch", "submit", "--json").json
    assert [part["requests"] for part in submitted["parts"]] == [3, 3, 2]
    server.end()
    assert workbench("batch", "collect").code == 0
    size = len(server.files["file-1"].content)
    monkeypatch.setattr("workbench.gatherer.MOST_REQUESTS", 50_000)
    monkeypatch.setattr("workbench.gatherer.MOST_BYTES", size)
    (world / "recordings" / "local-model.jsonl").unlink()
    by_bytes = workbench("batch", "submit", "--json").json
    assert [part["requests"] for part in by_bytes["parts"]] == [3, 3, 2]


def test_a_request_is_in_the_providers_form_and_named_by_its_key(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    workbench("batch", "submit", "--json")
    rows = [json.loads(line) for line in server.files["file-1"].content.splitlines()]
    rendered = workbench("render", "a", "--json").json
    assert rows[0] == {
        "custom_id": rendered["key"],
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": rendered["body"],
    }
    assert b"\\u" not in server.files["file-1"].content
    assert server.batches["batch_1"].metadata["part"] == "1"


def test_a_cancelled_batch_keeps_what_was_done_and_asks_no_more(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda row: MISSING if article_of(row) in "abcd" else BAD if article_of(row) == "e" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    assert workbench("batch", "cancel").code == 0
    assert server.batches["batch_1"].status == "cancelling"
    assert workbench("batch", "collect", "--json").json["waiting"] == 8
    server.end("cancelled")
    assert workbench("batch", "collect", "--json").json["finished"]
    assert states(folder) == dict.fromkeys("abcde", "failed") | dict.fromkeys("fgh", "ok")
    assert "cancelled" in reasons(folder)["a"] and "cancelled" in reasons(folder)["e"]
    assert bill(folder) == 4 * LIVE / 2
    server.rows = lambda _: None
    again = workbench("batch", "submit", "--resume", folder.name, "--json").json
    assert [part["requests"] for part in again["parts"]] == [8, 5]


def test_a_run_whose_batch_is_under_way_is_not_gone_on_with_one_by_one(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    refused = workbench("run", "--resume", folder.name)
    assert refused.code == 2
    assert "8 requests of this run wait in a batch" in refused.err
    assert f"batch collect {folder.name}" in refused.err
    assert workbench("run", "--only", "failed").code == 2
    server.rows = lambda row: status(500) if article_of(row) == "a" else None
    server.end()
    workbench("batch", "collect")
    assert workbench("run", "--resume", folder.name).code == 0, "once it has come in, it is"
    assert bill(folder) == costs(folder) == 7 * LIVE / 2 + LIVE


def test_a_run_that_waits_for_another_runs_batch_is_not_gone_on_with_one_by_one(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """Else both would pay; once that batch has come in, there is nothing to pay twice."""
    first = Path(workbench("batch", "submit", "--json").json["run"])
    second = Path(workbench("batch", "submit", "--json").json["run"])
    refused = workbench("run", "--resume", second.name)
    assert (refused.code, "8 articles of this run wait" in refused.err) == (2, True), refused.err
    assert f"batch collect {first.name}" in refused.err
    server.end()
    workbench("batch", "collect", first.name)
    assert workbench("run", "--resume", second.name).code == 0
    assert not any(request.path.endswith("/chat/completions") for request in server.requests)


def test_what_failed_and_is_asked_again_by_another_run_is_answered_here_too(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda row: rate_limited() if article_of(row) in "ab" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    workbench("batch", "collect")
    server.rows = lambda _: None
    other = Path(workbench("batch", "submit", "--json").json["run"])
    again = workbench("batch", "submit", "--resume", folder.name, "--json")
    assert (again.json["states"], again.json["waiting"], len(again.json["parts"])) == ({"ok": 6}, 2, 1)
    server.end()
    workbench("batch", "collect", other.name)
    ended = workbench("batch", "collect", folder.name, "--json").json
    assert (ended["states"], ended["finished"]) == ({"ok": 8}, True)


def test_a_run_that_asks_what_waits_in_another_runs_batch_says_so_first(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    first = Path(workbench("batch", "submit", "--limit", "2", "--json").json["run"])
    asked = workbench("run", "--json")
    assert asked.code == 0, asked.err
    assert asked.err.count(f"wait in a batch of {first.name} already, and are paid for twice") == 1
    again = workbench("run", "--json")
    assert "paid for twice" not in again.err, "what is recorded is not asked"


def test_a_run_of_many_processes_says_so_before_any_of_them_asks(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    first = Path(workbench("batch", "submit", "--limit", "2", "--json").json["run"])
    asked = workbench("run", "--engine", "dask", "--events", "--json")
    assert asked.code == 0, asked.err
    said = [json.loads(line) for line in asked.err.splitlines() if line.startswith("{")]
    told = [at for at, event in enumerate(said) if f"batch of {first.name} already" in str(event)]
    assert len(told) == 1
    assert told[0] < min(at for at, event in enumerate(said) if event["event"] == "article")


def test_a_budget_counts_what_is_under_way_at_its_worst_and_does_not_wait(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """Each request may cost about 0.003: 500 tokens of answer at 8, some 1,400 bytes at 2, halved."""
    submitted = workbench("batch", "submit", "--budget", "0.012", "--json")
    folder = Path(submitted.json["run"])
    asked = submitted.json["parts"][0]["requests"]
    assert 1 < asked < 8
    assert submitted.json["states"] == {"unspent": 8 - asked}
    assert "what waits in a batch counts" in reasons(folder)["h"]
    assert workbench("batch", "collect", "--json").json["parts"][0]["requests"] == asked
    server.end()
    collected = workbench("batch", "collect", "--budget", "1", "--json").json
    assert [part["requests"] for part in collected["parts"]] == [asked, 8 - asked], (
        "the rest goes on under a larger budget"
    )
    server.end()
    assert workbench("batch", "collect").code == 0
    assert states(folder) == dict.fromkeys("abcdefgh", "ok")


def test_another_limit_holds_though_nothing_has_come_in(world: Path, server: BatchServer, workbench: Command) -> None:
    """Be it that nothing waits, or that a part is under way."""
    folder = Path(workbench("batch", "submit", "--max-tokens-total", "1", "--json").json["run"])
    some = workbench("batch", "collect", "--max-tokens-total", "4000", "--json").json
    asked = some["waiting"]
    assert 0 < asked < 8
    more = workbench("batch", "collect", "--max-tokens-total", "1000000", "--json").json
    assert [part["requests"] for part in more["parts"]] == [asked, 8 - asked]
    server.end()
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}
    assert json.loads((folder / "run.json").read_text("utf-8"))["most_tokens"] == 1_000_000


@pytest.mark.parametrize(("limit", "least"), [("--budget", "0.000001"), ("--max-tokens-total", "1")])
def test_where_nothing_fits_into_the_budget_that_is_said(
    world: Path, server: BatchServer, workbench: Command, limit: str, least: str
) -> None:
    submitted = workbench("batch", "submit", limit, least)
    assert "8 unspent" in submitted.out
    assert f"a larger {limit}" in submitted.out and f"{limit} MORE" in submitted.out
    assert not server.batches


def test_what_was_unspent_and_waits_now_is_counted_once(world: Path, server: BatchServer, workbench: Command) -> None:
    """Its old line stands in the run until there is an answer, and counts again where there will be none."""
    workbench("batch", "submit", "--max-tokens-total", "1")
    collected = workbench("batch", "collect", "--max-tokens-total", "4000", "--json")
    waiting = collected.json["waiting"]
    assert 0 < waiting < 8
    assert collected.json["states"] == {"unspent": 8 - waiting}
    collected = workbench("batch", "collect", "--max-tokens-total", "1000000")
    for said in (collected, workbench("batch", "status")):
        assert (said.code, "none done yet; 8 wait for an answer" in said.out) == (0, True), said.out
        assert " unspent" not in said.out
    workbench("batch", "cancel")
    assert workbench("batch", "status", "--json").json["states"] == {"unspent": 8}


def test_what_an_older_version_noted_of_a_walk_still_reads(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """It did not note what had ended before."""
    file = Path(workbench("batch", "submit", "--json").json["run"]) / "batches.jsonl"
    walked = file.read_text(encoding="utf-8")
    assert '"again": {}, ' in walked
    file.write_text(walked.replace('"again": {}, ', ""), encoding="utf-8")
    assert workbench("batch", "status", "--json").json["waiting"] == 8


def test_tokens_are_a_budget_too(world: Path, server: BatchServer, workbench: Command) -> None:
    submitted = workbench("batch", "submit", "--max-tokens-total", "5000", "--json").json
    assert submitted["waiting"] + submitted["states"]["unspent"] == 8
    assert 0 < submitted["waiting"] < 8


def leave_under_way(folder: Path, prompt: int) -> None:
    """What the kill of a live sitting leaves: a request that may take so many tokens of prompt, and 500 of answer."""
    sending = {
        "key": f"sha256:{'0' * 64}",
        "text": f"sha256:{'1' * 64}",
        "number": 1,
        "started": datetime.now(UTC).isoformat(),
        "worst": {"prompt": prompt, "completion": 500, "cached": 0},
    }
    (folder / "sent.jsonl").write_text(json.dumps(sending) + "\n", encoding="utf-8")


def test_what_a_kill_left_under_way_counts_before_more_is_handed_in(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """At its worst and at the full price, as it went out one by one."""
    folder = Path(workbench("batch", "submit", "--limit", "1", "--max-tokens-total", "120000", "--json").json["run"])
    server.end()
    workbench("batch", "collect")
    leave_under_way(folder, 118_000)
    more = workbench("batch", "submit", "--resume", folder.name, "--limit", "8", "--json").json
    assert (more["states"], len(more["parts"])) == ({"ok": 1, "unspent": 7}, 1)
    assert more["assumed"] == {"attempts": 1, "amount": "0.24"}
    assert not (folder / "sent.jsonl").exists()


def test_what_a_kill_left_under_way_counts_before_re_asks_go_one_by_one(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda _: BAD
    folder = Path(workbench("batch", "submit", "--limit", "3", "--max-tokens-total", "20000", "--json").json["run"])
    server.end()
    leave_under_way(folder, 15_000)
    collected = workbench("batch", "collect", "--reasks", "live", "--json").json
    assert collected["states"] == {"unspent": 3}
    assert not any(request.path.endswith("/chat/completions") for request in server.requests)


def test_the_share_of_the_price_is_a_setting(world: Path, server: BatchServer, workbench: Command) -> None:
    priced(world, "batch_price = 0.25")
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    workbench("batch", "collect")
    assert bill(folder) == 8 * LIVE / 4


def test_an_article_too_long_for_the_model_is_rejected_at_once(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    priced(world, "context_tokens = 2000")
    (world / "articles" / "a.txt").write_text("a " + "긴 글이다. " * 3000, encoding="utf-8")
    submitted = workbench("batch", "submit", "--json").json
    assert (submitted["states"], submitted["waiting"]) == ({"rejected": 1}, 7)


def test_a_request_without_a_count_of_tokens_stands_at_its_worst(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    def rows(row: dict[str, Any]) -> RowSays:
        return {"a": ok(GOOD, usage=None), "b": wrong_shape(), "c": MISSING}.get(article_of(row))  # type: ignore[return-value]

    server.rows = rows
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    collected = workbench("batch", "collect", "--json").json
    assert collected["assumed"]["attempts"] == 3
    assert states(folder) == dict.fromkeys("adefgh", "ok") | dict.fromkeys("bc", "failed")
    assert "no chat completion" in reasons(folder)["b"]
    assert "in neither of its files" in reasons(folder)["c"]


def test_lines_that_are_wrong_are_said_and_lose_no_other(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (batch,) = server.end()
    output = server.files[batch.output or ""]
    rows = output.content.splitlines(keepends=True)
    stranger = json.dumps({"custom_id": "\x1b[31mstranger", "response": {"status_code": 200, "body": {}}}).encode()
    output.content = b"".join(
        [b"no json\n", rows[0], rows[0], stranger + b"\n", b'{"custom_id": 3}\n', b"\n", *rows[1:-1], rows[-1][:-20]]
    )
    collected = workbench("batch", "collect", "--json")
    assert states(folder) == dict.fromkeys("bcdefgh", "ok") | {"a": "failed"}
    answers = folder / "batch" / "0001.answers.jsonl"
    for number, words in (
        (1, "no JSON object"),
        (3, "a second answer"),
        (4, "custom_id"),
        (5, "no custom_id"),
        (13, "cut off"),
    ):
        assert any(f"{answers.name}:{number}: " in line and words in line for line in collected.err.splitlines()), words
    assert "\x1b" not in collected.err
    assert answers.exists(), "what could not be used is kept"
    assert bill(folder) > 7 * LIVE / 2, "nobody knows what the lost one cost: it stands at its worst"


def test_a_download_that_ends_early_is_begun_anew(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (batch,) = server.end()
    content = server.files[batch.output or ""].content
    server.script(dropped_midway(status(200, content)), path=f"/v1/files/{batch.output}/content")
    assert workbench("batch", "collect").code == 0
    assert len(states(folder)) == 8


def lose_first(server: BatchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server make the first batch that it is asked for, and say that it did not."""
    create = server._create
    lost: list[Any] = []

    def losing(body: Any) -> Any:
        made = create(body)
        if not lost:
            lost.append(made)
            return status(502)
        return made

    monkeypatch.setattr(server, "_create", losing)


def fill(server: BatchServer) -> None:
    """Somebody else's batches, more than a page shows."""
    file = server.store("theirs.jsonl", "batch", b"").id
    for number in range(150):
        server.batches[f"theirs_{number}"] = StoredBatch(f"theirs_{number}", file, {}, "completed")


@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_batch_that_was_made_though_its_answer_was_lost_is_found_and_not_made_twice(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch, oldest_first: bool
) -> None:
    """In whichever order the provider lists what it has."""
    fill(server)
    server.oldest_first = oldest_first
    lose_first(server, monkeypatch)
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    forget(folder, "uploaded", "submitted")
    assert workbench("batch", "collect").code == 0
    assert (len(server.batches), len(server.files)) == (151, 2)


def test_a_list_that_begins_anew_ends_the_search_and_hands_nothing_in_twice(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server)
    server.oldest_first = server.forgets_after = True
    lose_first(server, monkeypatch)
    refused = workbench("batch", "submit")
    assert (refused.code, "again and again" in refused.err) == (3, True), refused.err
    assert len(server.batches) == 151
    assert workbench("batch", "cancel").code == 3
    assert workbench("batch", "cancel", "--give-up").code == 0
    ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["assumed"]["attempts"], ended["finished"]) == ({"failed": 8}, 8, True)
    assert len(server.batches) == 151


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
def test_what_is_handed_in_and_gets_no_name_is_not_taken_for_handed_in(
    world: Path, server: BatchServer, workbench: Command, path: str
) -> None:
    kind = "file" if path == "/v1/files" else "batch"
    server.script(status(200, json.dumps({"id": "", "object": kind}).encode()), path=path)
    refused = workbench("batch", "submit")
    assert (refused.code, "no file and no batch" in refused.err) == (3, True), refused.err


def test_nothing_but_its_content_is_asked_of_a_file(world: Path, server: BatchServer, workbench: Command) -> None:
    """There are providers that give no more."""
    workbench("batch", "submit")
    (batch,) = server.end()
    server.script(status(404), path=f"/v1/files/{batch.output}")
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}


def test_keys_are_in_no_message(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123")
    said = status(401, {"error": {"message": "Incorrect API key provided: sk-secret-123.", "code": "invalid_api_key"}})
    server.rows = lambda row: said if article_of(row) == "a" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    collected = workbench("batch", "collect")
    assert "[key]" in reasons(folder)["a"]
    server.script(said, path="/v1/files")
    refused = workbench("batch", "submit", "--resume", folder.name)
    assert refused.code == 3
    assert "[key]" in refused.err
    files = [file.read_text("utf-8") for file in world.rglob("*.jsonl")]
    assert not any("sk-secret" in text for text in [collected.out, collected.err, refused.err, *files])


def test_an_endpoint_without_batches_is_refused_with_the_way_out(
    world: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback() as plain:
        monkeypatch.setenv("OPENAI_BASE_URL", plain.base_url)
        refused = workbench("batch", "submit")
    assert refused.code == 3
    assert "no Batch API" in refused.err


def test_waiting_looks_until_all_is_done(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.cli.batch.FIRST_WAIT", 0.0)
    server.rows = lambda row: None if is_reask(row) else BAD if article_of(row) == "a" else None
    workbench("batch", "submit")

    async def sleep(_: float) -> None:
        server.end()

    monkeypatch.setattr("workbench.cli.batch._pause", sleep)
    collected = workbench("batch", "collect", "--wait", "--json")
    assert collected.json["states"] == {"ok": 8}
    assert collected.err.count("looking again") == 2


def test_waiting_is_for_what_another_run_has_in_a_batch_too(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which that run's own `collect` brings."""
    first = Path(workbench("batch", "submit", "--json").json["run"])
    second = Path(workbench("batch", "submit", "--json").json["run"])
    command = (sys.executable, "-m", "workbench", "batch", "collect", first.name)

    async def sleep(_: float) -> None:
        server.end()
        other = await asyncio.create_subprocess_exec(*command)
        assert await other.wait() == 0

    monkeypatch.setattr("workbench.cli.batch._pause", sleep)
    collected = workbench("batch", "collect", second.name, "--wait")
    assert collected.code == 0, collected.err
    assert states(second) == dict.fromkeys("abcdefgh", "ok")
    assert bill(second) == 0


def test_waiting_goes_on_though_another_process_is_writing_recordings(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every other run of the project does, for a while."""
    workbench("batch", "submit")
    server.end()
    with ExitStack() as other:
        other.enter_context(Appender(world / "recordings" / "local-model.jsonl"))

        async def sleep(_: float) -> None:
            other.close()

        monkeypatch.setattr("workbench.cli.batch._pause", sleep)
        collected = workbench("batch", "collect", "--wait", "--json")
    assert "another process is writing this file" in collected.err
    assert collected.json["states"] == {"ok": 8}


def answer_by_hand(requests: Path, to: Path, says: Any = lambda _: GOOD) -> Path:
    """What somebody's script makes of a file of requests."""
    with to.open("w", encoding="utf-8") as out:
        for row in lines(requests):
            received = Received("POST", "", {}, json.dumps(row["body"]).encode(), row["body"], 0)
            body = json.loads(ok(says(row), usage=Usage(0, 0)).message(received).body)
            answered = {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}
            out.write(json.dumps(answered, ensure_ascii=False) + "\n")
    return to


def test_a_file_that_is_there_is_not_written_over(
    world: Path, workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    mine = tmp_path / "mine.jsonl"
    mine.write_text("mine", encoding="utf-8")
    refused = workbench("batch", "export", "--to", mine)
    assert (refused.code, "there already" in refused.err) == (2, True), refused.err
    assert mine.read_text("utf-8") == "mine"
    assert not (world / "runs").exists(), "and no run is made for nothing"


def error_rows(requests: Path, to: Path) -> Path:
    """What a provider's error file says of each request: not now."""
    rows = (
        {"custom_id": row["custom_id"], "response": {"status_code": 429, "body": {}}, "error": None}
        for row in lines(requests)
    )
    to.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return to


def first_lines(file: Path, count: int) -> Path:
    kept = file.read_text("utf-8").splitlines(keepends=True)[:count]
    some = file.with_name(f"{count}-{file.name}")
    some.write_text("".join(kept), encoding="utf-8")
    return some


@pytest.mark.parametrize("at_once", [True, False])
def test_by_hand_a_good_answer_wins_over_an_error_that_came_before_it(
    world: Path, workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """Be it in the same command or in a later one."""
    monkeypatch.delenv("OPENAI_BASE_URL")
    folder = Path(workbench("batch", "export", "--to", tmp_path / "ask.jsonl", "--json").json["run"])
    errors = first_lines(error_rows(tmp_path / "ask.jsonl", tmp_path / "errors.jsonl"), 5)
    good = answer_by_hand(tmp_path / "ask.jsonl", tmp_path / "good.jsonl")
    if at_once:
        imported = workbench("batch", "import", folder.name, errors, good, "--json")
    else:
        first = workbench("batch", "import", folder.name, errors, "--json")
        assert (first.json["states"], first.json["waiting"]) == ({"failed": 5}, 3)
        assert first.code == 5, "what has failed is not what waits"
        imported = workbench("batch", "import", folder.name, good, "--json")
    assert (imported.json["states"], imported.json["finished"]) == ({"ok": 8}, True), imported.err
    assert imported.json["parts"][0]["answered"] == 8
    assert "8 rows were taken in" in imported.err


def test_by_hand_an_answer_to_a_row_that_is_done_with_is_not_passed_over_in_silence(
    world: Path, workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    folder = Path(workbench("batch", "export", "--to", tmp_path / "ask.jsonl", "--json").json["run"])
    errors = error_rows(tmp_path / "ask.jsonl", tmp_path / "errors.jsonl")
    good = answer_by_hand(tmp_path / "ask.jsonl", tmp_path / "good.jsonl")
    assert workbench("batch", "import", folder.name, errors, "--json").json["states"] == {"failed": 8}
    late = workbench("batch", "import", folder.name, good)
    assert f"batch export --resume {folder.name}" in late.err
    assert "and 3 more lines" in late.err
    workbench("batch", "export", "--resume", folder.name)
    assert workbench("batch", "import", folder.name, good, "--json").json["states"] == {"ok": 8}


def test_by_hand_the_same_run_comes_out_without_an_endpoint(
    world: Path, workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    exported = workbench("batch", "export", "--to", tmp_path / "ask.jsonl", "--json")
    assert exported.code == 0, exported.err
    folder = Path(exported.json["run"])
    answers = answer_by_hand(
        tmp_path / "ask.jsonl", tmp_path / "told.jsonl", lambda row: BAD if article_of(row) == "a" else GOOD
    )
    some = tmp_path / "some.jsonl"
    some.write_text("".join(answers.read_text("utf-8").splitlines(keepends=True)[4:]), encoding="utf-8")
    first = workbench("batch", "import", folder.name, some, "--origin", "transcribed", "--json")
    assert first.json["states"] == {"ok": 4} and first.json["waiting"] == 4
    second = workbench(
        "batch", "import", folder.name, answers, "--origin", "transcribed", "--to", tmp_path / "next", "--json"
    )
    assert second.json["states"] == {"ok": 7} and second.json["waiting"] == 1
    (more,) = (tmp_path / "next").iterdir()
    third = workbench(
        "batch", "import", folder.name, answer_by_hand(more, tmp_path / "3.jsonl"), "--origin", "transcribed", "--json"
    )
    assert third.json["finished"] and third.json["states"] == {"ok": 8}
    assert third.json["cost"]["amount"] == "0"
    assert third.json["assumed"]["attempts"] == 0
    assert {line["origin"] for line in lines(world / "recordings" / "transcribed.jsonl")} == {"transcribed"}
    assert all(line["origins"] == ["transcribed"] for line in lines(folder / "extractions.jsonl"))
    again = workbench("batch", "import", folder.name, answers)
    assert again.code == 0 and "0 rows were taken in" in again.err


@pytest.mark.parametrize(
    "body", ["[]", '"x"', '{"id": "b", "object": "batch", "request_counts": "8", "errors": {"data": ["x"]}}']
)
def test_an_odd_word_of_a_batch_is_no_fault_of_ours(
    world: Path, server: BatchServer, workbench: Command, body: str
) -> None:
    workbench("batch", "submit")
    for _ in range(8):
        server.script(status(200, body.encode()), path="/v1/batches/batch_1")
    assert workbench("batch", "status").code in {0, 3}


def test_a_batch_whose_answers_are_not_there_yet_stays_open(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    workbench("batch", "submit")
    done = {"completed": 8, "failed": 0, "total": 8}
    body = {"id": "batch_1", "object": "batch", "status": "completed", "request_counts": done, "output_file_id": None}
    server.script(status(200, json.dumps(body).encode()), path="/v1/batches/batch_1")
    early = workbench("batch", "collect", "--json")
    assert (early.json["waiting"], "not there yet" in early.err) == (8, True), early.err
    server.end()
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}


def test_somebodys_own_file_among_a_runs_is_left_alone(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (folder / "batch" / "notes.txt").write_text("mine", encoding="utf-8")
    server.end()
    assert workbench("batch", "collect", "--json").json["finished"]
    assert [file.name for file in (folder / "batch").iterdir()] == ["notes.txt"]


def test_by_hand_a_run_is_looked_at_given_up_and_ended_without_an_endpoint(
    world: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    folder = Path(workbench("batch", "export", "--json").json["run"])
    status = workbench("batch", "status", folder.name, "--json")
    assert (status.code, status.json["waiting"]) == (0, 8), status.err
    workbench("batch", "cancel", folder.name)
    ended = workbench("batch", "collect", folder.name, "--json")
    assert (ended.json["finished"], ended.json["states"]) == (True, {"failed": 8}), ended.err


def test_answers_from_a_console_are_paid_for_at_the_batch_price(
    world: Path, workbench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    folder = Path(workbench("batch", "export", "--to", tmp_path, "--json").json["run"])
    (requests,) = tmp_path.glob("*.requests.jsonl")
    out = tmp_path / "out.jsonl"
    answer_by_hand(requests, out)
    counted = out.read_text("utf-8").replace('"prompt_tokens": 0', '"prompt_tokens": 1200')
    out.write_text(counted.replace('"completion_tokens": 0', '"completion_tokens": 300'), encoding="utf-8")
    assert workbench("batch", "import", folder.name, out).code == 0
    assert bill(folder) == costs(folder) == 8 * LIVE / 2


def test_rows_in_somebodys_hands_can_be_given_up(
    world: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    folder = Path(workbench("batch", "export", "--json").json["run"])
    assert workbench("batch", "cancel", folder.name).code == 0
    assert not list((folder / "batch").iterdir())
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert workbench("batch", "collect", folder.name, "--json").json["states"] == {"failed": 8}


def forget(folder: Path, *events: str) -> None:
    """Have the log end before these steps, as a death between a call and its note leaves it."""
    file = folder / "batches.jsonl"
    kept = [
        line for line in file.read_text("utf-8").splitlines(keepends=True) if json.loads(line)["event"] not in events
    ]
    file.write_text("".join(kept), encoding="utf-8")


@pytest.mark.parametrize("events", [["submitted"], ["uploaded", "submitted"], ["sending", "uploaded", "submitted"]])
def test_what_was_handed_in_and_not_noted_is_found_again(
    world: Path, server: BatchServer, workbench: Command, events: list[str]
) -> None:
    """But for a death before anything was sent, which is told from the others by its note."""
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    forget(folder, *events)
    if "sending" in events:
        server.files.clear()
        server.batches.clear()
    assert workbench("batch", "collect").code == 0
    assert list(server.batches) == ["batch_1"]
    assert list(server.files) == ["file-1"]


def test_a_batch_that_was_made_and_not_noted_is_cancelled_too(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    forget(folder, "submitted")
    assert workbench("batch", "cancel", folder.name).code == 0
    assert server.batches["batch_1"].status == "cancelling"


@pytest.mark.parametrize("older", [False, True])
def test_another_endpoint_is_not_asked_about_a_batch(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    """It knows nothing of it, and what it says would be taken for the batch's end; also where an older version has not noted whose it is."""
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    if older:
        written, *others = lines(folder / "batches.jsonl")
        del written["endpoint"]
        text = "".join(json.dumps(event) + "\n" for event in (written, *others))
        (folder / "batches.jsonl").write_text(text, encoding="utf-8")
    with BatchServer() as stranger:
        monkeypatch.setenv("OPENAI_BASE_URL", stranger.base_url)
        for command in ("cancel", "collect", "status"):
            refused = workbench("batch", command, folder.name)
            assert refused.code == 2, refused.err
            assert server.base_url in refused.err and stranger.base_url in refused.err
        assert not stranger.requests
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url + "/")
    assert workbench("batch", "status").code == 0, "a slash is no other endpoint"
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.end()
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}


def test_a_part_that_was_not_handed_in_is_not_handed_in_elsewhere(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(status(400), path="/v1/files")
    assert workbench("batch", "submit").code == 3
    with BatchServer() as stranger:
        monkeypatch.setenv("OPENAI_BASE_URL", stranger.base_url)
        assert workbench("batch", "collect").code == 2
        assert not stranger.requests


def test_a_part_that_was_never_handed_in_is_given_up_when_it_is_cancelled(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.script(status(400), path="/v1/files")
    refused = workbench("batch", "submit")
    assert refused.code == 3
    (folder,) = (world / "runs").iterdir()
    assert workbench("batch", "cancel", folder.name, "--json").json["parts"][0]["state"] == "given up"
    assert workbench("batch", "collect", "--json").json["states"] == {"failed": 8}
    assert not server.batches
    assert not attempts(folder)


def test_a_batch_that_the_endpoint_forgot_can_be_given_up(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.batches.clear()
    lost = workbench("batch", "collect")
    assert lost.code == 3
    assert "batch cancel" in lost.err
    refused = workbench("batch", "cancel")
    assert (refused.code, "cancel --give-up" in refused.err) == (3, True), refused.err
    assert workbench("batch", "cancel", "--give-up").code == 0
    given_up = workbench("batch", "collect", "--json").json
    assert given_up["finished"] and set(states(folder).values()) == {"failed"}
    assert given_up["assumed"]["attempts"] == 8, "it may have been paid for"


@pytest.fixture
def parts(world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three parts of three, three and two rows that have ended, and the first part's answers are gone."""
    monkeypatch.setattr("workbench.gatherer.MOST_REQUESTS", 3)
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.end()
    del server.files[server.batches["batch_1"].output or ""]
    return folder


def test_a_batch_that_the_endpoint_forgot_hides_no_other(parts: Path, server: BatchServer, workbench: Command) -> None:
    del server.batches["batch_1"]
    asked = workbench("batch", "status")
    assert (asked.code, asked.out.count("completed")) == (3, 2)
    assert "part 1: the endpoint answered 404" in asked.err


def test_a_batch_whose_endpoint_is_gone_can_be_given_up(
    world: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no other run could ever ask what waits in it."""
    with BatchServer() as gone:
        monkeypatch.setenv("OPENAI_BASE_URL", gone.base_url)
        folder = Path(workbench("batch", "submit", "--json").json["run"])
    assert workbench("batch", "cancel").code == 3
    assert workbench("batch", "cancel", "--give-up").code == 0
    ended = workbench("batch", "collect", "--json").json
    assert (ended["finished"], ended["assumed"]["attempts"]) == (True, 8)
    assert states(folder) == dict.fromkeys("abcdefgh", "failed")


def test_a_part_whose_answers_are_gone_can_be_given_up_at_its_worst(parts: Path, workbench: Command) -> None:
    refused = workbench("batch", "cancel")
    assert (refused.code, "cancel --give-up" in refused.err) == (0, False), "what has ended is left for `collect`"
    given_up = workbench("batch", "cancel", "--give-up")
    assert (given_up.code, "part 1 is given up" in given_up.err) == (0, True), given_up.err
    collected = workbench("batch", "collect", "--json").json
    assert collected["finished"]
    assert states(parts) == dict.fromkeys("abc", "failed") | dict.fromkeys("defgh", "ok")
    assert collected["assumed"]["attempts"] == 3
    assert "given up" in reasons(parts)["a"] and "submit --resume" in reasons(parts)["a"]
    assert bill(parts) > 5 * LIVE / 2, "they may have been paid for"


def test_a_part_whose_answers_never_come_can_be_given_up(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (batch,) = server.end()
    batch.output = None
    assert workbench("batch", "collect", "--json").json["waiting"] == 8
    workbench("batch", "cancel", "--give-up")
    assert workbench("batch", "collect", "--json").json["finished"]
    assert states(folder) == dict.fromkeys("abcdefgh", "failed")


@pytest.mark.parametrize("words", [[], ["--wait"]])
def test_a_part_that_is_gone_keeps_none_of_the_others(parts: Path, workbench: Command, words: list[str]) -> None:
    collected = workbench("batch", "collect", *words)
    assert collected.code == 3
    assert "5 ok; 3 wait for an answer" in collected.out
    assert "part 1: the endpoint answered 404" in collected.err
    assert states(parts) == dict.fromkeys("defgh", "ok")


@pytest.mark.parametrize(
    ("of", "trouble"),
    [
        ("batch", [status(500)] * 3),
        ("batch", [status(403)]),
        ("answers", [status(500)] * 3),
        ("answers", [dropped_midway(status(200, b"{}" * 99))] * 3),
    ],
    ids=["batch 500", "batch 403", "answers 500", "answers broken off"],
)
def test_a_part_that_fails_keeps_none_of_the_others(
    world: Path,
    server: BatchServer,
    workbench: Command,
    monkeypatch: pytest.MonkeyPatch,
    of: str,
    trouble: list[Answer],
) -> None:
    """Whatever it is that fails: its turn comes with the next `collect`."""
    monkeypatch.setattr("workbench.gatherer.MOST_REQUESTS", 3)
    monkeypatch.setattr("workbench.model._wait", lambda _: 0)
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    first, *_ = server.end()
    path = "/v1/batches/batch_1" if of == "batch" else f"/v1/files/{first.output}/content"
    server.script(*trouble, path=path)
    collected = workbench("batch", "collect")
    assert (collected.code, "part 1: " in collected.err) == (3, True), collected.err
    assert states(folder) == dict.fromkeys("defgh", "ok")
    assert workbench("batch", "collect", "--json").json["states"] == {"ok": 8}


def cancel_in_vain(server: BatchServer, workbench: Command) -> Path:
    """A run whose part was on its way when somebody cancelled it, and the cancel failed; returns its folder."""
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    forget(folder, "submitted")
    server.batches.clear()
    server.script(status(400), path="/v1/batches")
    assert workbench("batch", "cancel").code == 3
    return folder


def test_what_was_cancelled_is_not_handed_in_even_where_the_cancel_failed(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    cancel_in_vain(server, workbench)
    collected = workbench("batch", "collect", "--json")
    assert (collected.json["states"], collected.json["finished"]) == ({"failed": 8}, True), collected.err
    assert not server.batches


def test_what_was_cancelled_is_asked_where_it_is_submitted_again(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = cancel_in_vain(server, workbench)
    assert workbench("batch", "submit", "--resume", folder.name).code == 0
    assert [batch.metadata["part"] for batch in server.batches.values()] == ["2"]


@pytest.mark.parametrize("trouble", ["finalizing", "fails"])
def test_a_part_that_cannot_be_cancelled_keeps_none_of_the_others_from_it(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("workbench.gatherer.MOST_REQUESTS", 3)
    workbench("batch", "submit")
    if trouble == "finalizing":
        server.batches["batch_1"].status = "finalizing"
    else:
        server.script(status(403, error("Not yours.")), path="/v1/batches/batch_1")
    cancelled = workbench("batch", "cancel")
    assert [server.batches[name].status for name in ("batch_2", "batch_3")] == ["cancelling"] * 2
    assert (cancelled.code, "part 1: the endpoint answered 403" in cancelled.err) == (
        (0, False) if trouble == "finalizing" else (3, True)
    )


def test_what_another_run_is_about_to_hand_in_is_not_paid_for_twice(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.script(status(400), path="/v1/files")
    assert workbench("batch", "submit").code == 3
    (first,) = (world / "runs").iterdir()
    second = workbench("batch", "submit", "--json")
    assert (second.json["parts"], f"8 requests wait in a batch of {first.name}" in second.err) == ([], True)
    workbench("batch", "collect", first.name)
    server.end()
    workbench("batch", "collect", first.name)
    assert workbench("batch", "collect", Path(second.json["run"]).name, "--json").json["states"] == {"ok": 8}
    assert len(server.answered) == 8


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
def test_what_was_answered_before_it_was_handed_in_is_not_paid_for_again(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Nor is a store looked at that takes long to open without saying so."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(world / "cache"))
    server.script(status(400), path=path)
    assert workbench("batch", "submit").code == 3
    (folder,) = (world / "runs").iterdir()
    assert workbench("run", "--limit", "3").code == 0
    monkeypatch.setattr("workbench.recordings.SMALL", 0)
    monkeypatch.setattr("workbench.index.LARGE", 0)
    collected = workbench("batch", "collect", folder.name, "--json")
    assert collected.json["states"] == {"ok": 3}, collected.err
    assert "indexing" in collected.err
    assert [batch.total for batch in server.batches.values()] == [5]


def test_what_was_answered_is_not_handed_in_where_the_look_for_its_part_failed(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """Though the endpoint has recovered when the same command comes to handing in."""
    server.script(status(400), path="/v1/batches")
    assert workbench("batch", "submit").code == 3
    (folder,) = (world / "runs").iterdir()
    assert workbench("run").code == 0
    server.script(status(400), path="/v1/batches")
    failed = workbench("batch", "collect", folder.name)
    assert (failed.code, "part 1: the endpoint answered 400" in failed.err) == (3, True), failed.err
    assert not server.batches
    ended = workbench("batch", "collect", folder.name, "--json").json
    assert (ended["states"], ended["finished"]) == ({"ok": 8}, True)
    assert not server.batches


@pytest.mark.parametrize("trouble", ["key", "status"])
def test_a_batch_of_which_the_endpoint_does_not_tell_can_be_given_up(
    world: Path, server: BatchServer, workbench: Command, trouble: str
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    server.batches["batch_1"].status = "canceled" if trouble == "status" else "validating"
    refused = status(401, error("This key was revoked."))
    server.script(*[refused] * 2 if trouble == "key" else (), path="/v1/batches/batch_1")
    told = workbench("batch", "cancel")
    assert (told.code, "batch cancel --give-up" in told.err) == (3, True), told.err
    given_up = workbench("batch", "cancel", "--give-up")
    assert given_up.code == 0, given_up.err
    ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["assumed"]["attempts"]) == ({"failed": 8}, 8)
    assert workbench("run", "--resume", folder.name).code == 0


def test_what_an_endpoint_without_batches_never_took_is_given_up_and_costs_nothing(
    world: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback() as plain:
        monkeypatch.setenv("OPENAI_BASE_URL", plain.base_url)
        assert workbench("batch", "submit").code == 3
        cancelled = workbench("batch", "cancel")
        assert cancelled.code == 0, cancelled.err
        ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["attempts"], ended["finished"]) == ({"failed": 8}, 0, True)


def test_by_hand_no_answer_is_taken_to_what_the_endpoint_has(
    world: Path, server: BatchServer, workbench: Command, tmp_path: Path
) -> None:
    """It would be billed, and nobody could cancel it any more."""
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    answers = answer_by_hand(folder / "batch" / "0001.requests.jsonl", tmp_path / "answers.jsonl")
    refused = workbench("batch", "import", folder.name, answers, "--origin", "transcribed")
    assert (refused.code, f"batch collect {folder.name}" in refused.err) == (2, True), refused.err
    assert workbench("batch", "cancel", folder.name).code == 0
    assert server.batches["batch_1"].status == "cancelling"


def test_by_hand_what_is_not_at_the_endpoint_is_taken_beside_what_is(
    world: Path, server: BatchServer, workbench: Command, tmp_path: Path
) -> None:
    folder = Path(workbench("batch", "submit", "--limit", "3", "--json").json["run"])
    workbench("batch", "export", "--resume", folder.name, "--limit", "8")
    both = tmp_path / "both.jsonl"
    both.write_bytes(
        b"".join(
            answer_by_hand(folder / "batch" / f"000{part}.requests.jsonl", tmp_path / f"{part}.jsonl").read_bytes()
            for part in (1, 2)
        )
    )
    taken = workbench("batch", "import", folder.name, both, "--origin", "transcribed", "--json")
    assert taken.err.count("is in a batch at the endpoint") == 3
    assert states(folder) == dict.fromkeys("defgh", "ok")
    assert [part["state"] for part in taken.json["parts"]] == ["handed in", "collected"]


@pytest.mark.parametrize("broken", ["schemas/street.py", "prompts/street.md"])
def test_a_batch_is_looked_at_and_cancelled_though_its_prompt_or_schema_is_broken(
    world: Path, server: BatchServer, workbench: Command, broken: str
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (world / broken).write_text("class Street(:\n", encoding="utf-8")
    asked = workbench("batch", "status", folder.name, "--json")
    assert (asked.code, server.base_url in asked.err) == (0, True), asked.err
    cancelled = workbench("batch", "cancel", folder.name)
    assert cancelled.code == 0, cancelled.err
    assert server.batches["batch_1"].status == "cancelling"


@pytest.mark.parametrize("keeps", [[], ["--keep-requests"]])
def test_a_file_of_requests_that_is_gone_costs_no_answer(
    world: Path, server: BatchServer, workbench: Command, keeps: list[str]
) -> None:
    folder = Path(workbench("batch", "submit", "--json", *keeps).json["run"])
    server.end()
    (folder / "batch" / "0001.requests.jsonl").unlink()
    collected = workbench("batch", "collect", "--json")
    assert collected.json["states"] == {"ok": 8}, collected.err
    assert ("8 recordings are without their requests' texts" in collected.err) == bool(keeps)


@pytest.mark.parametrize("damage", ["gone", "not as it was written"])
def test_a_file_of_requests_that_is_damaged_before_it_is_handed_in_is_refused_with_the_way_out(
    world: Path, server: BatchServer, workbench: Command, damage: str
) -> None:
    server.script(status(400), path="/v1/files")
    workbench("batch", "submit")
    (folder,) = (world / "runs").iterdir()
    file = folder / "batch" / "0001.requests.jsonl"
    if damage == "gone":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size - 10)
    refused = workbench("batch", "collect")
    assert (refused.code, "0001.requests.jsonl" in refused.err, damage in refused.err) == (2, True, True), refused.err
    assert workbench("batch", "cancel", folder.name).code == 0
    assert workbench("batch", "submit", "--resume", folder.name).code == 0
    assert [batch.total for batch in server.batches.values()] == [8]


def third_line(rows: bytes, line: bytes) -> bytes:
    """Rows whose third is another line."""
    return b"".join(line if number == 3 else one for number, one in enumerate(rows.splitlines(keepends=True), 1))


GONE, NO_ROW = (lambda _: None), (lambda rows: third_line(rows, b'{"key": "k"}\n'))


@pytest.mark.parametrize(
    ("when", "damage", "words", "left"),
    [
        ("under way", GONE, "", ""),
        ("under way", NO_ROW, "", "abdefgh"),
        ("before it is fetched", GONE, "", ""),
        ("after", GONE, "0001.rows.jsonl: 8 of the 8 rows", ""),
        ("after", NO_ROW, "0001.rows.jsonl:3: 1 of the 8 rows", "abdefgh"),
        ("after", lambda rows: third_line(rows, b"\0\n"), "0001.rows.jsonl:3: 1 of the 8 rows", "abdefgh"),
        ("after", lambda rows: third_line(rows, b""), "0001.rows.jsonl: 1 of the 8 rows", "abdefgh"),
        ("after", lambda rows: rows[:-10], "0001.rows.jsonl:8: 1 of the 8 rows", "abcdefg"),
        ("after", lambda rows: b"\0" * len(rows), "0001.rows.jsonl:1: 8 of the 8 rows", ""),
    ],
    ids=[
        "gone under way",
        "no row under way",
        "gone early",
        "gone",
        "no row",
        "no JSON",
        "a line less",
        "torn",
        "zeros",
    ],
)
def test_rows_that_cannot_be_read_can_be_given_up_and_lose_no_answer(
    world: Path,
    server: BatchServer,
    workbench: Command,
    when: str,
    damage: Callable[[bytes], bytes | None],
    words: str,
    left: str,
) -> None:
    """It is said which, the others are taken in, and what was answered to them can be taken by hand, unpaid for a second time."""
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    file = folder / "batch" / "0001.rows.jsonl"
    damaged = damage(file.read_bytes())
    file.unlink() if damaged is None else file.write_bytes(damaged)
    if when != "under way":
        server.end()
    if when == "after":
        refused = workbench("batch", "collect")
        assert (refused.code, words in refused.err) == (2, True), refused.err
        assert f"batch cancel --give-up {folder.name}" in refused.err
    given_up = workbench("batch", "cancel", "--give-up")
    assert (given_up.code, "is in no account" in given_up.err) == (0, True), given_up.err
    if when == "under way":
        server.end()
    collected = workbench("batch", "collect", "--json").json
    gone = sorted({*"abcdefgh"} - {*left})
    assert collected["finished"]
    assert states(folder) == dict.fromkeys(left, "ok") | dict.fromkeys(gone, "failed")
    assert [part["answered"] for part in collected["parts"]] == [len(left)]
    assert workbench("batch", "export", "--resume", folder.name).code == 0
    answers = folder / "batch" / "0001.answers.jsonl"
    taken = workbench("batch", "import", folder.name, answers, "--origin", "api", "--json").json
    assert (taken["states"], Decimal(taken["cost"]["amount"])) == ({"ok": 8}, 8 * LIVE / 2)
    assert len(server.answered) == 8


def test_rows_that_were_given_up_are_asked_again_when_the_run_is_submitted_again(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (folder / "batch" / "0001.rows.jsonl").unlink()
    server.end()
    workbench("batch", "cancel", "--give-up")
    workbench("batch", "collect")
    assert workbench("batch", "submit", "--resume", folder.name).code == 0
    assert [batch.total for batch in server.batches.values()] == [8, 8]


def test_a_batch_whose_errors_are_not_there_yet_stays_open(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """Else its rows that failed would stand at their worst, as those of which nobody knows."""
    server.rows = lambda row: status(500) if article_of(row) in "ab" else None
    workbench("batch", "submit")
    (batch,) = server.end()
    errors, batch.errors = batch.errors, None
    early = workbench("batch", "collect", "--json")
    assert (early.json["waiting"], "2 errors are not there yet" in early.err) == (8, True), early.err
    batch.errors = errors
    ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["assumed"]["attempts"]) == ({"ok": 6, "failed": 2}, 0)


@pytest.mark.parametrize("kind", ["errors", "output"])
def test_files_that_never_come_are_not_waited_for_without_end(
    world: Path, server: BatchServer, workbench: Command, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """For as long as they may come the command that goes without them is named, then it ends so though it is to wait."""
    server.rows = lambda row: status(500) if article_of(row) in "ab" else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    (batch,) = server.end()
    setattr(batch, kind, None)
    way_out = f"batch cancel --give-up {folder.name}"
    early = workbench("batch", "collect")
    assert (early.code, way_out in early.err) == (0, True), early.err
    monkeypatch.setattr("workbench.handover.LATE", timedelta(0))
    late = workbench("batch", "collect", "--wait")
    assert (late.code, "are not there: so it was found at" in late.err, way_out in late.err) == (3, True, True), (
        late.err
    )
    assert workbench("batch", "cancel", "--give-up", folder.name).code == 0
    assert workbench("batch", "collect", "--json").json["finished"]
    ended = states(folder)
    assert {article for article in ended if ended[article] == "failed"} == {
        *("ab" if kind == "errors" else "cdefgh"),
        *"ab",
    }
    assert ("in neither of its files" if kind == "errors" else "with 500") in reasons(folder)["a"]
    assert kind == "errors" or "its 6 answers are not there" in reasons(folder)["c"]


def test_what_is_there_of_a_part_that_is_given_up_is_taken(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda row: status(500) if article_of(row) in "ab" else None
    workbench("batch", "submit")
    (batch,) = server.end()
    batch.errors = None
    assert workbench("batch", "cancel", "--give-up").code == 0
    ended = workbench("batch", "collect", "--json").json
    assert (ended["states"], ended["assumed"]["attempts"]) == ({"ok": 6, "failed": 2}, 2)


def test_the_requests_texts_are_recorded_only_where_it_was_asked_for(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    workbench("batch", "submit", "--keep-requests", "--limit", "1")
    server.end()
    workbench("batch", "collect")
    workbench("batch", "submit")
    server.end()
    workbench("batch", "collect")
    recorded = lines(world / "recordings" / "local-model.jsonl")
    assert [recording.get("body") for recording in recorded[:1]] == [json.loads(server.files["file-1"].content)["body"]]
    assert len(recorded) == 8
    assert not any("body" in recording for recording in recorded[1:])


def test_an_answer_is_recorded_without_a_text_that_was_edited_away(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--keep-requests", "--json").json["run"])
    requests = folder / "batch" / "0001.requests.jsonl"
    raw = requests.read_bytes()
    first, second = raw.splitlines(keepends=True)[:2]
    requests.write_bytes(
        raw.replace(first, b"{" * (len(first) - 1) + b"\n").replace(second, second.replace(b"b ", b"B "))
    )
    server.end()
    collected = workbench("batch", "collect", "--json")
    assert collected.json["states"] == {"ok": 8}, collected.err
    assert "2 recordings are without their requests' texts" in collected.err
    recorded = lines(world / "recordings" / "local-model.jsonl")
    assert sum(recording.get("body") is not None for recording in recorded) == 6


def test_a_replay_of_what_a_batch_recorded_gives_the_same_records(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    server.rows = lambda row: BAD if article_of(row) == "a" and not is_reask(row) else None
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    for _ in range(2):
        server.end()
        workbench("batch", "collect")
    replayed = Path(workbench("run", "--replay", "--json").json["run"])
    records = [
        {line["article"]: (line["record"], line["exchanges"]) for line in lines(run / "extractions.jsonl")}
        for run in (folder, replayed)
    ]
    assert records[0] == records[1]


def test_more_articles_join_a_run_when_it_is_submitted_again(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    folder = Path(workbench("batch", "submit", "--limit", "3", "--json").json["run"])
    more = workbench("batch", "submit", "--resume", folder.name, "--limit", "5", "--json").json
    assert [part["requests"] for part in more["parts"]] == [3, 2], "and what waits is not asked twice"
    server.end()
    assert workbench("batch", "collect").code == 0
    assert len(states(folder)) == len(server.answered) == 5


def test_what_waits_in_another_run_is_not_paid_for_twice(world: Path, server: BatchServer, workbench: Command) -> None:
    first = Path(workbench("batch", "submit", "--limit", "5", "--json").json["run"])
    submitted = workbench("batch", "submit", "--json")
    second = Path(submitted.json["run"])
    assert f"5 requests wait in a batch of {first.name}" in submitted.err
    assert (submitted.json["waiting"], [part["requests"] for part in submitted.json["parts"]]) == (8, [3])
    server.end()
    assert workbench("batch", "collect", second.name, "--json").json["states"] == {"ok": 3}
    assert workbench("batch", "collect", second.name, "--json").json["waiting"] == 5
    workbench("batch", "collect", first.name)
    ended = workbench("batch", "collect", second.name, "--json").json
    assert (ended["states"], ended["finished"]) == ({"ok": 8}, True)
    assert len(server.answered) == 8
    assert (bill(first), bill(second)) == (5 * LIVE / 2, 3 * LIVE / 2)


@pytest.mark.parametrize("damage", ["log", "rows"])
def test_a_damaged_batch_of_another_run_keeps_none_from_being_submitted_and_is_said(
    world: Path, server: BatchServer, workbench: Command, damage: str
) -> None:
    """In silence it would be paid for twice."""
    first = Path(workbench("batch", "submit", "--json").json["run"])
    if damage == "log":
        with (first / "batches.jsonl").open("a") as log:
            log.write("\0\0\0\n")
    else:
        file = first / "batch" / "0001.rows.jsonl"
        file.write_bytes(file.read_bytes()[:-10])
    submitted = workbench("batch", "submit", "--json")
    assert submitted.code == 0, submitted.err
    assert f"what waits in the batches of {first.name} is not known, and may be paid for twice" in submitted.err
    assert [part["requests"] for part in submitted.json["parts"]] == [8]


def test_who_follows_the_words_on_what_waits_elsewhere_gets_it_asked(
    world: Path, server: BatchServer, workbench: Command
) -> None:
    """A cancelled batch may still be answered: until it is collected it is waited for."""
    first = Path(workbench("batch", "submit", "--json").json["run"])
    submitted = workbench("batch", "submit", "--json")
    commands = re.findall(r"`workbench (batch \w+) (\S+)`", submitted.err)
    assert commands == [(f"batch {word}", first.name) for word in ("collect", "cancel", "collect")]
    server.rows = lambda _: MISSING
    for command, name in commands[1:]:
        workbench(*command.split(), name)
        server.end("cancelled")
    again = workbench("batch", "submit", "--resume", Path(submitted.json["run"]).name, "--json").json
    assert [part["requests"] for part in again["parts"]] == [8]


def test_what_another_run_gave_up_is_asked(world: Path, server: BatchServer, workbench: Command) -> None:
    first = workbench("batch", "submit", "--json").json["run"]
    second = workbench("batch", "submit", "--json").json
    assert (second["parts"], second["next"]) == ([], [f"workbench batch collect {Path(second['run']).name}"])
    workbench("batch", "cancel", Path(first).name)
    server.end("cancelled")
    workbench("batch", "collect", Path(first).name)
    (world / "recordings" / "local-model.jsonl").unlink(missing_ok=True)
    asked = workbench("batch", "collect", Path(second["run"]).name, "--json").json
    assert [part["requests"] for part in asked["parts"]] == [8]


def test_only_one_process_at_a_time_works_on_a_run(world: Path, server: BatchServer, workbench: Command) -> None:
    folder = Path(workbench("batch", "submit", "--json").json["run"])
    with BatchLog(folder):
        refused = workbench("batch", "collect")
    assert refused.code == 2
    assert "another process is writing" in refused.err


@pytest.mark.parametrize("command", ["submit", "export"])
def test_articles_that_cannot_be_read_again_are_refused(world: Path, workbench: Command, command: str) -> None:
    refused = workbench("batch", command, "-")
    assert refused.code == 2
    assert "standard input is gone" in refused.err
    assert not (world / "runs").exists()
