"""Replay: no key, no network, the same result to the byte."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, ok, refusal, status
from small_project import ANSWERS, ROOT, Command, lines

NO_SOCKETS = """
import os, socket, sys

def refuse(event, arguments):
    # asyncio itself opens a pair of local sockets to wake its loop; a network socket it has no need of.
    network = event == "socket.__new__" and arguments[1] != socket.AF_UNIX
    if network or event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}:
        os._exit(97)  # an exception could be caught and taken for a lost connection

sys.addaudithook(refuse)
from workbench.cli import main
main()
"""
CLOCK = {"id", "started", "finished"}
"""What differs between two runs of the same job: the run's id and its times, all of them in run.json."""


def without_network(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_SOCKETS, "run", "--json", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - our own command


def contents(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {file.name: file.read_bytes() for file in folder.iterdir()}
    info = json.loads(found.pop("run.json"))
    return {**found, "run.json": {name: value for name, value in info.items() if name not in CLOCK}}


@pytest.fixture
def recorded(project: Path, server: Loopback, workbench: Command) -> Path:
    """The small project after a run whose first answer was invalid and asked again."""
    server.script(ok('{"street": 3}'))
    result = workbench("run", "--base-url", server.base_url, "--concurrency", "1", "--json")
    assert result.json["states"] == {"ok": 2}
    assert len(server.requests) == 3
    return project


def test_the_seeds_replay_twice_to_the_byte_with_every_socket_blocked(tmp_path: Path) -> None:
    """Only the run's id and its times in run.json differ."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "runs", "workbench", "tests", "docs", "benchmarks"))
    runs = []
    for _ in range(2):
        done = without_network(copy, "--replay")
        assert done.returncode == 0, done.stderr
        runs.append(Path(json.loads(done.stdout)["run"]))
    first, second = map(contents, runs)
    assert first == second
    assert first["attempts.jsonl"] == b""


def test_the_guard_of_the_test_above_does_catch_a_run_that_goes_out(project: Path) -> None:
    done = without_network(project, "--base-url", "http://127.0.0.1:9/v1")
    assert done.returncode == 97


def test_a_replay_gives_the_records_of_the_live_run(recorded: Path, workbench: Command) -> None:
    (live,) = (recorded / "runs").iterdir()
    replayed = Path(workbench("run", "--replay", "--json").json["run"])
    by_article = [
        {
            line["article"]: (line["record"], line["spans"], line["exchanges"])
            for line in lines(run / "extractions.jsonl")
        }
        for run in (live, replayed)
    ]
    assert by_article[0] == by_article[1]


def test_a_keyed_run_sends_only_what_is_not_recorded(recorded: Path, server: Loopback, workbench: Command) -> None:
    sent = len(server.requests)
    (recorded / "articles" / "new.txt").write_text("새 거리에 찻집 온기가 있다.\n", encoding="utf-8")
    result = workbench("run", "--base-url", server.base_url, "--json")
    assert result.json["states"] == {"ok": 3}
    assert len(server.requests) - sent == 1


def test_refresh_asks_again_and_the_new_answer_replaces_the_old(
    recorded: Path, server: Loopback, workbench: Command
) -> None:
    changed = {**ANSWERS["bakery"], "street": None}
    server.script(ok(json.dumps(changed, ensure_ascii=False)))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--refresh")
    replayed = Path(workbench("run", "articles/bakery.txt", "--replay", "--json").json["run"])
    assert lines(replayed / "extractions.jsonl")[0]["record"] == changed


def test_with_neither_key_nor_endpoint_a_run_replays(recorded: Path, workbench: Command) -> None:
    result = workbench("run")
    assert result.code == 0
    assert "replaying recordings" in result.err


def test_what_the_endpoint_refused_to_answer_is_replayed_as_that(
    project: Path, server: Loopback, workbench: Command
) -> None:
    server.script(refusal("못 합니다"))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    result = workbench("run", "articles/bakery.txt", "--replay", "--json")
    assert result.json["states"] == {"refused": 1}


def test_failed_attempts_are_no_recordings(project: Path, server: Loopback, workbench: Command) -> None:
    server.script(status(400))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    assert workbench("run", "articles/bakery.txt", "--replay").code == 4


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("prompts/street.md", "거리와 가게", "길과 가게", "the prompt changed since this was recorded"),
        ("prompts/street.md", "max_tokens = 500", "max_tokens = 600", "the settings changed since this was recorded"),
        ("schemas/street.py", "가게 하나", "상점 하나", "the schema changed since this was recorded"),
        ("pyproject.toml", '"small"', '"large"', "the model changed since this was recorded"),
        ("articles/bakery.txt", "밀밭", "보리밭", "this article was never recorded (its text may have changed)"),
    ],
)
def test_a_miss_exits_with_4_and_says_what_changed(
    recorded: Path, workbench: Command, file: str, old: str, new: str, says: str
) -> None:
    path = recorded / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    result = workbench("run", "articles/bakery.txt", "--replay")
    assert result.code == 4
    assert says in " ".join(result.out.split())


def test_one_word_of_the_seeds_prompt_changed_is_a_miss_that_says_so(
    tmp_path: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "runs", "workbench", "tests", "docs", "benchmarks"))
    prompt = copy / "prompts" / "plan.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("베껴", "옮겨", 1), encoding="utf-8")
    monkeypatch.chdir(copy)
    result = workbench("run", "--replay", "--json")
    assert (result.code, result.json["states"]) == (4, {"missed": 22})
    (first, *_) = lines(Path(result.json["run"]) / "failures.jsonl")
    assert "the prompt changed since this was recorded" in first["reason"]


def test_a_replay_with_fewer_recorded_reasks_than_it_wants_misses(recorded: Path, workbench: Command) -> None:
    """An answer that is invalid and whose re-ask was not recorded is a miss, not an invalid record."""
    file = recorded / "recordings" / "local-model.jsonl"
    kept = [line for line in lines(file) if not line["parent"]]
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), encoding="utf-8")
    result = workbench("run", "--replay", "--json")
    assert (result.code, result.json["states"]) == (4, {"missed": 1, "ok": 1})


def test_instructors_way_and_the_short_way_of_replay_agree(recorded: Path) -> None:
    """The re-ask through instructor, answered from recordings, gives the exchanges that looking up their keys gives."""
    import asyncio

    from workbench.articles import Article, read_articles
    from workbench.endpoints import Model
    from workbench.extract import Extraction, Reask, extract, look_up_reasks
    from workbench.model import reask
    from workbench.prices import NOTHING
    from workbench.recordings import Exchange, Recordings
    from workbench.requests import Request
    from workbench.tasks import load_task, render

    task, store = load_task("street", recorded), Recordings(recorded / "recordings")

    async def answer(request: Request) -> Exchange:
        return Exchange(store.replay(request), sent=False)

    def extractions(way: Reask) -> list[Extraction]:
        articles = [article for article in read_articles([recorded / "articles"]) if isinstance(article, Article)]
        asked = (
            extract(article, task, Model("small"), answer=answer, reask=way, reasks=2, price=lambda _: NOTHING)
            for article in articles
        )

        async def all_of_them() -> list[Extraction]:
            return [await extraction for extraction in asked]

        return asyncio.run(all_of_them())

    long_way, short_way = extractions(reask), extractions(look_up_reasks)
    assert long_way == short_way
    assert [len(extraction.exchanges) for extraction in short_way] == [2, 1]
    for article in read_articles([recorded / "articles"]):  # and what requests share is as it was
        assert isinstance(article, Article)
        request = render(task, article, Model("small"))
        assert json.loads(request.text) == request.body


def states(result: Any) -> list[tuple[str, Any]]:
    return [(line["article"], line["record"]) for line in lines(Path(result.json["run"]) / "extractions.jsonl")]


def test_an_endpoint_that_leaves_out_what_nobody_reads_replays_as_it_ran(
    project: Path, server: Loopback, workbench: Command
) -> None:
    """No id, no created, no model: the answer is asked for no more often than it needs to be."""

    def bare(content: str) -> Any:
        body = {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]
        }
        return status(200, json.dumps(body, ensure_ascii=False).encode(), headers={"content-type": "application/json"})

    other = {**ANSWERS["bakery"], "street": None}
    server.script(*(bare(text) for text in ('{"street": 3}', json.dumps(ANSWERS["bakery"]), json.dumps(other))))
    live = workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--json")
    replayed = workbench("run", "articles/bakery.txt", "--replay", "--json")
    assert states(live) == states(replayed) == [("bakery", ANSWERS["bakery"])]
    assert len(server.requests) == 2


def test_two_articles_with_one_text_are_asked_about_once(project: Path, server: Loopback, workbench: Command) -> None:
    (project / "articles" / "copy.txt").write_bytes((project / "articles" / "bakery.txt").read_bytes())
    first, second = (
        json.dumps({**ANSWERS["bakery"], "street": street}) for street in (None, ANSWERS["bookshop"]["street"])
    )
    server.script(ok(first), ok(first), ok(second))
    live = workbench("run", "--base-url", server.base_url, "--concurrency", "3", "--json")
    replayed = workbench("run", "--replay", "--json")
    assert sorted(map(str, states(live))) == sorted(map(str, states(replayed)))
    assert len(server.requests) == 2


def test_a_new_first_answer_forgets_the_re_asks_of_the_old_one(
    recorded: Path, server: Loopback, workbench: Command
) -> None:
    server.script(ok('{"street": 5}'), status(400))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--refresh")
    assert workbench("run", "articles/bakery.txt", "--replay", "--json").json["states"] == {"missed": 1}


def test_a_golden_that_does_not_hold_is_known_before_anything_is_sent(
    project: Path, server: Loopback, workbench: Command
) -> None:
    (project / "goldens" / "street").mkdir(parents=True)
    (project / "goldens" / "street" / "bakery.json").write_text("{}", encoding="utf-8")
    result = workbench("run", "--base-url", server.base_url)
    assert (result.code, server.requests) == (2, [])
