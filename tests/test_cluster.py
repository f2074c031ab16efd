"""A run over a real scheduler and worker processes is the run that one process makes, whoever dies on the way.

Scheduler and workers are processes of their own, started once; a worker that a test kills is one that the test has started.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster
from loopback import Loopback, Received, Usage, ok, slow, unauthorized
from small_project import PROMPT, SCHEMA, Command, lines

from workbench import shards
from workbench.canonical import hash_text
from workbench.lines import Appender

KEY = "sk-of-the-cluster-0451"
SETTINGS = """[tool.workbench]
task = "street"
model = "small"
retries = 2
[tool.workbench.models.small]
requests_per_minute = 15000
price = { input = 1.0, output = 2.0 }
"""
ARTICLES = 400


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"), KEY)
    yield started
    started.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with articles of all kinds: some texts stand in two of them, some answers are cut, some never fit."""
    root = tmp_path / "project"
    for name, text in {
        "pyproject.toml": SETTINGS,
        "prompts/street.md": PROMPT,
        "schemas/street.py": SCHEMA,
        "news.jsonl": "".join(
            json.dumps({"id": f"소식 {number}", "text": text_of(number)}, ensure_ascii=False) + "\n"
            for number in range(ARTICLES)
        )
        + '{"id": "빈 글", "text": ""}\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return root


def text_of(number: int) -> str:
    """Of each ten articles, two have the same text."""
    return f"{number - 1 if number % 10 == 9 else number}번 거리에 빵집이 들어선다."


def answer(received: Received) -> Any:
    """What the server says depends on nothing but the article."""
    used = Usage(200, 100)
    article = received.json["messages"][1]["content"]
    number = int(article.split("번")[0])
    if number % 17 == 3:
        return slow(ok('{"street": {"val', usage=used, finish_reason="length"), 0.05)
    if number % 23 == 5:
        return slow(ok('{"street": 7}', usage=used), 0.05)  # it never fits the schema
    record = {"street": {"value": f"{number}번 거리", "quote": article.strip()}, "shops": []}
    return slow(ok(record, usage=used), 0.05)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(answer=answer) as started:
        yield started


@contextmanager
def when(server: Loopback, requests: int, act: Callable[[], object], *, begun: int = 0) -> Iterator[None]:
    """Once so many more requests are answered do something, while the next wait: what is done then is done in the midst of the run.

    Args:
        server: That answers.
        requests: How many it answers before.
        act: What is done.
        begun: How many must have come in before the first is answered.
    """
    before = len(server.requests)
    server.hold_after = before if begun else before + requests
    failed: list[BaseException] = []

    def watch() -> None:
        try:
            server.wait_for(before + begun)
            server.hold_after = before + requests
            server.wait_for(before + requests + 1)
            act()
        except BaseException as error:  # noqa: BLE001 - it is the test's, whose thread raises it
            failed.append(error)
        finally:
            server.hold_after = None

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    watcher.join()
    if failed:
        raise failed[0]


def folder_of(project: Path) -> Path:
    (folder,) = (project / "runs").iterdir()
    return folder


def extractions(folder: Path) -> list[str]:
    return sorted((folder / "extractions.jsonl").read_text(encoding="utf-8").splitlines())


def timeless(attempts: list[dict[str, Any]]) -> Counter[str]:
    """Attempts without their times, and without those that a death cut short."""
    return Counter(
        json.dumps({name: value for name, value in one.items() if name not in {"started", "seconds"}}, sort_keys=True)
        for one in attempts
        if one["outcome"] != "killed"
    )


def check_asked_once(folder: Path, asked: list[Received]) -> None:
    """The server saw what the ledger says, and each request again only where a death had left it under way."""
    ledger = lines(folder / "attempts.jsonl")
    killed = Counter(one["text"] for one in ledger if one["outcome"] == "killed")
    ended = Counter(one["text"] for one in ledger if one["outcome"] != "killed")
    seen = Counter(hash_text(one.json["messages"][1]["content"].strip()) for one in asked)
    for text in {*seen, *ended, *killed}:
        assert ended[text] <= seen[text] <= ended[text] + killed[text]


def check_same(folder: Path, local: Path) -> None:
    """The run is the one that one process makes."""
    assert extractions(folder) == extractions(local)
    ids = [json.loads(line)["article"] for line in extractions(folder)]
    assert len(ids) == len({*ids}) == ARTICLES + 1
    ours, theirs = lines(folder / "failures.jsonl"), lines(local / "failures.jsonl")
    texts = {hash_text(text_of(number)): f"소식 {number}" for number in range(ARTICLES) if number % 10 != 9}
    killed = Counter(texts[one["text"]] for one in lines(folder / "attempts.jsonl") if one["outcome"] == "killed")
    for failure in theirs:  # what was sent once more is counted once more
        failure["attempts"] += killed[failure["article"]]
    assert sorted(map(str, ours)) == sorted(map(str, theirs))
    assert timeless(lines(folder / "attempts.jsonl")) == timeless(lines(local / "attempts.jsonl"))
    mine, other = (json.loads((one / "run.json").read_text(encoding="utf-8")) for one in (folder, local))
    assert mine["finished"]
    differing = {"id", "started", "finished", "resumed"}
    assert {k: v for k, v in mine.items() if k not in differing} == {
        k: v for k, v in other.items() if k not in differing
    }
    assert {file.name for file in folder.iterdir() if file.suffix != ".torn"} == {file.name for file in local.iterdir()}


def recorded(project: Path) -> list[tuple[str, Any]]:
    return sorted((one["key"], one["response"]) for one in lines(project / "recordings" / "local-model.jsonl"))


def test_a_budget_holds_over_all_workers(cluster: Cluster, place: Path, server: Loopback, workbench: Command) -> None:
    """Two processes spend no more than one may, nearly all of it, and what does not fit ends unspent."""
    cluster.ready()
    most = 20_000
    result = workbench(
        *("run", "news.jsonl", "--base-url", server.base_url, "--limit", "120", "--max-tokens-total", str(most)),
        *("--engine", "dask", "--scheduler", cluster.address),
    )
    assert result.code == 5, result.err
    ledger = lines(folder_of(place) / "attempts.jsonl")
    spent = sum(one["usage"]["prompt"] + one["usage"]["completion"] for one in ledger)
    states = Counter(one["state"] for one in lines(folder_of(place) / "extractions.jsonl"))
    worst = max(len(one.body) for one in server.requests) + 500
    assert len(server.requests) == len(ledger)
    assert most - worst < spent <= most
    assert states.total() == 120
    assert states["unspent"] > 0


def test_a_worker_without_the_key_is_named_before_anything_is_sent(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key goes to a worker: it has one of its own, or the run does not begin."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    monkeypatch.setenv("WORKBENCH_THERE_KEY", "sk-there")
    with (place / "pyproject.toml").open("a") as file:
        file.write(f'[tool.workbench.endpoint]\nbase_url = "{server.base_url}"\nkey_variable = "WORKBENCH_THERE_KEY"\n')
    result = workbench("run", "news.jsonl", "--engine", "dask", "--scheduler", cluster.address)
    assert result.code == 2
    assert "the worker tcp://127.0.0.1" in result.err
    assert "WORKBENCH_THERE_KEY is not set" in result.err
    assert not server.requests
    assert not [*(place / "runs").iterdir()]


def test_a_stopped_run_is_gone_on_with_by_one_process(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command
) -> None:
    """Ctrl-C lets the shards come to their ends; the local engine does what is left, and nothing twice."""
    on = ("--engine", "dask", "--scheduler", cluster.address)

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        cluster.wait_until_stopping()

    with when(server, 100, stop):
        stopped = workbench("run", "news.jsonl", "--base-url", server.base_url, *on)
    assert stopped.code == 130, stopped.err
    folder = folder_of(place)
    assert not (folder / "shards").exists()
    assert 0 < len(extractions(folder)) < ARTICLES
    result = workbench("run", "--resume", folder, "--base-url", server.base_url, "--concurrency", "32")
    assert result.code == 5, result.err
    ids = [json.loads(line)["article"] for line in extractions(folder)]
    assert len(ids) == len({*ids}) == ARTICLES + 1
    check_asked_once(folder, server.requests)
    assert not any(one["outcome"] == "killed" for one in lines(folder / "attempts.jsonl"))


def test_a_killed_driver_leaves_what_was_done(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command
) -> None:
    """kill -9 of the process that merges: its shards stop by themselves, and going on merges them first, asks nothing twice and counts all of it."""
    cluster.ready()
    on = ("--engine", "dask", "--scheduler", cluster.address)
    command = [sys.executable, "-m", "workbench", "run", "news.jsonl", "--base-url", server.base_url, *on]
    quiet = subprocess.DEVNULL
    with (
        subprocess.Popen(command, cwd=place, stdout=quiet, stderr=quiet) as driver,  # noqa: S603
        when(server, 100, driver.kill),
    ):
        assert driver.wait(300) == -signal.SIGKILL
    folder = folder_of(place)
    # As it is where the death came between recording and telling.
    for shard in folder.glob("shards/*/extractions.jsonl"):
        with Appender(shard, wait=300) as told:
            os.truncate(shard, 0)
            told.size = 0
    result = workbench("run", "--resume", folder, "--base-url", server.base_url, *on)
    assert result.code == 5, result.err
    ended = lines(folder / "extractions.jsonl")
    assert len(ended) == len({one["article"] for one in ended}) == ARTICLES + 1
    check_asked_once(folder, server.requests)
    assert not (folder / "shards").exists()
    ledger = lines(folder / "attempts.jsonl")
    assert money(one["cost"] for one in ended) == money(one["cost"] for one in ledger if one["outcome"] == "answered")
    attempts = Counter(one["text"] for one in ledger)
    texts = {one["article"]: one["text"] for one in ended}
    said: Counter[str] = Counter()
    for failure in lines(folder / "failures.jsonl"):
        said[texts.get(failure["article"]) or ""] += failure["attempts"]
    assert +said == Counter({text: attempts[text] for text in said if text})


def money(costs: Iterable[Any]) -> Decimal:
    return sum((Decimal(cost["amount"]) for cost in costs if cost), Decimal(0))


def test_a_key_that_is_refused_ends_the_run_and_is_said(cluster: Cluster, place: Path, workbench: Command) -> None:
    cluster.ready()
    on = ("--engine", "dask", "--scheduler", cluster.address)
    with Loopback(answer=lambda _: unauthorized()) as server:
        result = workbench("run", "news.jsonl", "--base-url", server.base_url, "--samples", "2", *on)
    assert result.code == 3, result.err
    assert "answered 401" in result.out
    assert len([*(place / "runs").iterdir()]) == 1  # the second sample was not begun


def test_a_run_that_all_workers_leave_says_so_and_can_be_stopped(
    tmp_path: Path, place: Path, server: Loopback, workbench: Command
) -> None:
    """What was done is merged; what is left is done by whoever goes on."""
    cluster = Cluster(tmp_path, KEY)
    try:
        cluster.ready()
        on = ("--engine", "dask", "--scheduler", cluster.address)
        command = [sys.executable, "-m", "workbench", "run", "news.jsonl", "--base-url", server.base_url, *on]
        with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:  # noqa: S603
            server.wait_for(100)
            cluster.lose_workers()
            assert run.stderr
            assert any("no worker is left" in said for said in run.stderr)
            run.send_signal(signal.SIGINT)
            assert run.wait(300) == 130
    finally:
        cluster.close()
    folder = folder_of(place)
    assert not (folder / "shards").exists()
    assert workbench("run", "--resume", folder, "--base-url", server.base_url).code == 5
    ids = [one["article"] for one in lines(folder / "extractions.jsonl")]
    assert len(ids) == len({*ids}) == ARTICLES + 1
    check_asked_once(folder, server.requests)


def test_a_run_whose_workers_never_come_back_ends_with_what_was_done(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever looks in the morning finds that it waits."""
    monkeypatch.setattr("workbench.driver.PATIENCE", 0.1)
    cluster.ready()
    on = ("--engine", "dask", "--scheduler", cluster.address)
    with when(server, 100, cluster.lose_workers):
        ended = workbench("run", "news.jsonl", "--base-url", server.base_url, *on)
    folder = folder_of(place)
    assert (ended.code, f"--resume {folder.name}" in ended.err) == (2, True), ended.err
    assert not (folder / "shards").exists()
    assert 0 < len(extractions(folder)) < ARTICLES
    assert workbench("run", "--resume", folder, "--base-url", server.base_url).code == 5
    ids = [one["article"] for one in lines(folder / "extractions.jsonl")]
    assert len(ids) == len({*ids}) == ARTICLES + 1
    check_asked_once(folder, server.requests)


def test_a_run_whose_worker_is_killed_is_the_run_of_one_process(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 articles over two processes, one killed at a third: each article once, nothing recorded asked again, the folder as a local run's."""
    alone = shutil.copytree(place, place.with_name("alone"))
    monkeypatch.chdir(alone)
    assert workbench("run", "news.jsonl", "--base-url", server.base_url, "--concurrency", "16").code == 5
    before = len(server.requests)
    monkeypatch.chdir(place)
    doomed = cluster.ready()
    in_shards: list[bytes] = []

    def kill() -> None:
        in_shards.extend(file.read_bytes() for file in folder_of(place).glob("shards/**/*.json*"))
        doomed.kill()

    with when(server, ARTICLES // 3, kill, begun=2 * 16 + 1):  # more than one worker's threads have under way
        result = workbench(
            *("run", "news.jsonl", "--base-url", server.base_url, "--concurrency", "16", "--budget", "1000000"),
            *("--engine", "dask", "--scheduler", cluster.address),
        )
    assert result.code == 5, result.err
    assert doomed.wait() == -signal.SIGKILL
    folder, local = folder_of(place), folder_of(alone)
    assert not (folder / "shards").exists()
    account = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (local / "run.json").write_text(
        json.dumps({**json.loads((local / "run.json").read_text("utf-8")), "budget": account["budget"]}), "utf-8"
    )
    check_same(folder, local)
    check_asked_once(folder, server.requests[before:])
    assert recorded(place) == recorded(alone)
    assert in_shards
    assert not any(KEY.encode() in held for held in in_shards)


POISON = """
    @model_validator(mode="after")
    def _die(self) -> "Street":
        if self.street and self.street.value == "13번 거리":
            os._exit(1)
        return self
"""


def poison(place: Path) -> Path:
    """Have article 13 kill whichever process reads its answer; returns the schema's file, whose old text is the antidote."""
    schema = place / "schemas" / "street.py"
    schema.write_text(f"import os\nfrom pydantic import model_validator\n{SCHEMA}{POISON}", encoding="utf-8")
    return schema


def test_a_shard_that_kills_its_workers_has_failed_and_the_rest_is_kept(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command
) -> None:
    """What it had done before stays, what it was killed by ends failed with that reason, and is asked again when the run is gone on with."""
    schema = poison(place)
    cluster.ready()
    result = workbench(
        *("run", "news.jsonl", "--base-url", server.base_url, "--limit", "20", "--concurrency", "1", "--json"),
        *("--engine", "dask", "--scheduler", cluster.address),
    )
    assert result.code == 5, result.err
    ended = lines(folder_of(place) / "extractions.jsonl")
    failed = [one for one in ended if one["state"] == "failed"]
    assert len(ended) == 20
    assert [one["article"] for one in failed] == [f"소식 {number}" for number in range(13, 20)]
    assert {one["error"] for one in failed} == {"KilledWorker"}
    assert "the workers that did its shard died" in failed[0]["reason"]
    sent = Counter(one["text"] for one in lines(folder_of(place) / "attempts.jsonl"))
    counted = {one["article"]: one["attempts"] for one in lines(folder_of(place) / "failures.jsonl")}
    assert {article: counted[article] for article in ("소식 13", "소식 14")} == {
        "소식 13": sent[hash_text(text_of(13))],
        "소식 14": 0,
    }
    assert counted["소식 13"] > 0
    schema.write_text(SCHEMA, encoding="utf-8")
    again = workbench("run", "--resume", folder_of(place), "--base-url", server.base_url, "--json")
    assert again.json["states"].get("failed", 0) == 0
    check_asked_once(folder_of(place), server.requests)


def test_a_shard_that_kills_its_workers_takes_no_other_along(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command
) -> None:
    """Dask blames all that was in a dead worker's hands; each is tried again by itself before it has failed."""
    poison(place)
    cluster.ready()
    on = ("--engine", "dask", "--scheduler", cluster.address)
    with cluster.restarting():
        assert workbench("run", "news.jsonl", "--base-url", server.base_url, *on).code == 5
    ended = lines(folder_of(place) / "extractions.jsonl")
    failed = [one for one in ended if one["error"] == "KilledWorker"]
    assert len(ended) == ARTICLES + 1
    assert "소식 13" in {one["article"] for one in failed}
    assert len({shard_of(one["text"]) for one in failed}) == 1


def shard_of(text: str) -> int:
    """Which of the nine shards of fifty that these articles make a text falls to."""
    return int(text[-12:], 16) % 9


def test_workers_that_die_once_all_is_done_are_not_waited_for(
    cluster: Cluster, place: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a shard is in a worker's memory alone."""

    rescue = threading.Timer(60, cluster.ready)  # whoever waits is not to wait for ever

    def merge(*given: Any, **named: Any) -> None:
        cluster.lose_workers()
        rescue.start()
        shards.merge(*given, **named)

    monkeypatch.setattr("workbench.driver.merge", merge)
    cluster.ready()
    result = workbench(
        *("run", "news.jsonl", "--base-url", server.base_url, "--limit", "20"),
        *("--engine", "dask", "--scheduler", cluster.address),
    )
    assert not rescue.finished.is_set()
    rescue.cancel()
    assert result.code == 5, result.err
    assert len(extractions(folder_of(place))) == 20


def test_a_worker_of_another_version_does_no_shard(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that came when the others had been looked at."""
    import asyncio

    from workbench.cluster import Where, _order
    from workbench.endpoints import Endpoint, Model
    from workbench.errors import SettingsError
    from workbench.jobs import Job, versions_of
    from workbench.tasks import load_task
    from workbench.workers import _do

    endpoint = Endpoint("http://127.0.0.1:9/v1", KEY, "--base-url")
    job = Job(load_task("street", place), Model("small", endpoint), lambda: iter(()), [])
    order = _order(job, endpoint, Where(place, place), place / "runs")
    monkeypatch.setattr("workbench.workers.versions_of", lambda: versions_of() | {"openai": "0.0.1"})

    async def ask(*_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError("it has asked the seat")

    with pytest.raises(SettingsError, match=r"other versions than the run: openai 0\.0\.1 for"):
        asyncio.run(_do(order, "0001", "w", ask))


def test_a_worker_with_another_code_of_the_schema_does_no_shard(place: Path) -> None:
    """It would validate by other rules than the rest, though the question is the same."""
    from workbench.cluster import Where, _order
    from workbench.endpoints import Endpoint, Model
    from workbench.errors import RunError
    from workbench.jobs import Job
    from workbench.tasks import load_task
    from workbench.workers import look

    endpoint = Endpoint("http://127.0.0.1:9/v1", KEY, "--base-url")
    job = Job(load_task("street", place), Model("small", endpoint), lambda: iter(()), [])
    job = replace(job, task=replace(job.task, code="sha256:older"))
    order = _order(job, endpoint, Where(place, place), place / "runs")
    with pytest.raises(RunError, match="another code of the schema than the driver"):
        look(order, str(place / "pyproject.toml"))


def test_no_key_travels_with_a_task(place: Path) -> None:
    """What is sent to a worker is a name and an order, and the order has no field that a key could be in."""
    from distributed.protocol.pickle import dumps

    from workbench.cluster import Where, _order
    from workbench.endpoints import Endpoint, Model
    from workbench.jobs import Job
    from workbench.tasks import load_task
    from workbench.workers import run_shard

    endpoint = Endpoint("http://127.0.0.1:9/v1", KEY, "--base-url")
    job = Job(load_task("street", place), Model("small", endpoint), lambda: iter(()), [])
    order = _order(job, endpoint, Where(place, place), place / "runs")
    assert KEY.encode() not in dumps((run_shard, order))
    assert KEY not in repr(order)


def scheduler_here() -> Any:
    """A scheduler in this process, without workers."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=0,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={
            "dashboard_address": "127.0.0.1:0"
        },  # there is an HTTP server all the same: at no port of others
    )


def test_the_processes_of_this_machine_tell_nothing_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask's own pages, which need no certificate, show tasks and logs to whoever is on the machine."""
    from workbench.cluster import _connected

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    with _connected(None, lambda _: None) as client:
        ports = [
            client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.http_server.port),
            *client.run(lambda dask_worker: dask_worker.http_server.port).values(),
        ]
        pages = []
        for port in ports:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/sitemap.json")
            pages.append(json.loads(connection.getresponse().read())["paths"])
            connection.close()
    assert pages == [["/sitemap.json"]] * 2  # which cannot be had away


def test_a_driver_that_dies_leaves_nothing_in_a_scheduler_that_lives_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its seat either, once no shard speaks to it."""
    from distributed import Client

    from workbench.budget import Spend
    from workbench.cluster import _Seated
    from workbench.endpoints import Model
    from workbench.jobs import Job
    from workbench.tasks import load_task

    monkeypatch.setattr("workbench.cluster.QUIET", 0.1, raising=False)
    job = Job(load_task("street", place), Model("small", None), lambda: iter(()), [])
    with scheduler_here() as here:
        with Client(here.scheduler_address, set_as_default=False) as client:
            client.register_plugin(_Seated("workbench-left", client.id, job, Spend()), name="workbench-left")
            assert client.sync(getattr(client.scheduler, "workbench-left"), operation="look")
        until = time.monotonic() + 300
        while "workbench-left" in here.scheduler.handlers or "workbench-left" in here.scheduler.plugins:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_scheduler_that_is_lost_is_said_and_is_no_fault_of_ours(place: Path) -> None:
    """While the workers are looked at, and in the midst of a run."""
    from distributed import Client

    from workbench.budget import Spend
    from workbench.cluster import Where, _check, _order, _seated
    from workbench.endpoints import Endpoint, Model
    from workbench.errors import RunError
    from workbench.jobs import Job
    from workbench.tasks import load_task

    endpoint = Endpoint("http://127.0.0.1:9/v1", KEY, "--base-url")
    job = Job(load_task("street", place), Model("small", endpoint), lambda: iter(()), [])
    order = _order(job, endpoint, Where(place, place), place / "runs")
    with (
        scheduler_here() as here,
        Client(here.scheduler_address, set_as_default=False) as client,
    ):

        def drive() -> None:
            with _seated(client, order.seat, job, Spend()) as say:
                assert say("look")
                client.rpc.timeout = 0.5  # seconds after which a connection that cannot be had is given up
                here.close()
                say("look")

        with pytest.raises(RunError) as midst:
            drive()
        with pytest.raises(RunError) as before:
            _check(client, order, place / "runs")
    assert "--resume" in midst.value.way_out
    assert "start the run again" in before.value.way_out
    assert before.value.where == midst.value.where == here.scheduler_address


def test_without_the_extra_the_way_out_is_named(
    place: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "workbench.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = workbench("run", "news.jsonl", "--base-url", "http://127.0.0.1:9/v1", "--engine", "dask")
    assert result.code == 2
    assert "workbench[dask]" in result.err


@pytest.mark.parametrize("address", ["ucx://127.0.0.1:9", "carrier-pigeon://127.0.0.1:9", "tls://127.0.0.1", ""])
def test_an_address_that_cannot_be_spoken_to_is_refused_without_waiting(
    place: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr("workbench.cluster.Client", None)  # nobody is tried
    on = ("--engine", "dask", "--scheduler", address)
    result = workbench("run", "news.jsonl", "--base-url", "http://127.0.0.1:9/v1", *on)
    assert result.code == 2
    assert "Dask cannot speak to this address here" in result.err and "tls:// or tcp://" in result.err
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    ("protocol", "said"),
    [("tcp", "the scheduler does not answer"), ("tls", "DASK_DISTRIBUTED__COMM__TLS__CA_FILE")],
)
def test_a_scheduler_that_is_not_there_or_certificates_that_are_not_are_named(
    place: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch, protocol: str, said: str
) -> None:
    monkeypatch.setattr("workbench.cluster.CONNECT", 1)
    on = ("--engine", "dask", "--scheduler", f"{protocol}://127.0.0.1:9")
    result = workbench("run", "news.jsonl", "--base-url", "http://127.0.0.1:9/v1", *on)
    assert result.code == 2
    assert said in result.err
    assert not (place / "runs").exists()
