"""A run over two worker processes against the same run in one: how closely a shared limit is held, and what it costs to be two.

    .venv/bin/python benchmarks/engines.py               # 5,000 articles at 300 requests a second, one worker killed at a third
    .venv/bin/python benchmarks/engines.py --free        # without a limit: which engine is the quicker on this machine
    .venv/bin/python benchmarks/engines.py --parts       # what an article costs the driver to merge, and a message the scheduler to hear

The server is a process of its own; it answers after 100 ms and notes when each request came. The scheduler and the workers are started before the clock is.
It says whether every article was done once, the ledger is what the server counted, and the two run folders are equal.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from clusters import Cluster  # noqa: E402
from distributed import Client  # noqa: E402
from small_project import PROMPT, SCHEMA, lines  # noqa: E402

from workbench.budget import Budget, Spend  # noqa: E402
from workbench.ledger import Ledger  # noqa: E402
from workbench.lines import Appender  # noqa: E402
from workbench.recordings import Recordings  # noqa: E402
from workbench.runs import FILES  # noqa: E402
from workbench.seat import Seat  # noqa: E402
from workbench.shards import merge  # noqa: E402

KEY = "sk-none"
DELAY, WINDOW, RECOVERY = 0.1, 5.0, 2.0
ANSWER: dict[str, Any] = {"street": None, "shops": []}


class _Noting(asyncio.Protocol):
    """Enough of HTTP/1.1 for clients that keep their connections; notes when each request was there, and what it was."""

    def __init__(self, seen: list[tuple[float, str]], response: bytes) -> None:
        self._seen, self._response, self._data = seen, response, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            size = int(self._data[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            self._seen.append((time.monotonic(), hashlib.sha256(body).hexdigest()))
            asyncio.get_running_loop().call_later(DELAY, self._transport.write, self._response)


def _serve(told: Any) -> None:
    message = {"role": "assistant", "content": json.dumps(ANSWER)}
    body = json.dumps(
        {
            "id": "one",
            "object": "chat.completion",
            "created": 0,
            "model": "small",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320},
        }
    ).encode()
    response = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    seen: list[tuple[float, str]] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Noting(seen, response), "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        while True:
            question = await loop.run_in_executor(None, told.recv)
            told.send(len(seen) if question == "count" else list(seen))
            if question == "all":
                seen.clear()

    asyncio.run(serve())


class Ran(NamedTuple):
    """What a run was: its folder, the seconds of the whole command, and the server's notes."""

    folder: Path
    seconds: float
    seen: list[tuple[float, str]]

    @property
    def sending(self) -> float:
        """Seconds from the first request to the last."""
        return self.seen[-1][0] - self.seen[0][0]


def project(root: Path, count: int, per_second: int | None) -> Path:
    """A project with so many articles."""
    limit = f"requests_per_minute = {per_second * 60}\n" if per_second else ""
    settings = f'[tool.workbench]\ntask = "street"\nmodel = "small"\n[tool.workbench.models.small]\n{limit}'
    settings += "price = { input = 1.0, output = 2.0 }\n"
    articles = "".join(
        json.dumps({"id": f"{number}", "text": f"{number}번 거리에 빵집이 들어선다."}, ensure_ascii=False) + "\n"
        for number in range(count)
    )
    files = {
        "pyproject.toml": settings,
        "prompts/street.md": PROMPT,
        "schemas/street.py": SCHEMA,
        "news.jsonl": articles,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def run(place: Path, base_url: str, server: Any, *options: str) -> Ran:
    """Run the command line."""
    command = [sys.executable, "-m", "workbench", "run", "news.jsonl", "--base-url", base_url, "--concurrency", "128"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--budget", "1000", *options],
        cwd=place,
        env={**os.environ, "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    server.send("all")
    (folder,) = (place / "runs").iterdir()
    return Ran(folder, seconds, server.recv())


def windows(seen: list[tuple[float, str]], death: float | None) -> tuple[int, int, int]:
    """The fewest requests in any five seconds from the first request to the last, the fewest where nobody dies, and the most."""
    times = [at for at, _ in seen]
    counts = {
        at: bisect_left(times, at + WINDOW) - number for number, at in enumerate(times) if at + WINDOW <= times[-1]
    }
    quiet = [count for at, count in counts.items() if not (death and at - RECOVERY < death < at + WINDOW)]
    return min(counts.values()), min(quiet), max(counts.values())


def check(ours: Ran, local: Ran, count: int) -> None:
    """Every article once; the ledger what the server counted; the folders equal."""
    told = [sorted((one.folder / "extractions.jsonl").read_text("utf-8").splitlines()) for one in (ours, local)]
    assert len({json.loads(line)["article"] for line in told[0]}) == len(told[0]) == count
    assert told[0] == told[1]
    ledger = Counter(one["outcome"] for one in lines(ours.folder / "attempts.jsonl"))
    assert ledger["answered"] == count
    assert count <= len(ours.seen) <= ledger.total()
    again = sum(times - 1 for times in Counter(body for _, body in ours.seen).values())
    print(f"every article once; {ledger['killed']} requests were under way at the death, {again} of them asked again")


def held(  # noqa: PLR0917 - as the others, and the limit
    folder: Path, cluster: Cluster, base_url: str, server: Any, articles: int, rate: int
) -> bool:
    """Both engines at one limit, a worker killed at a third; returns whether the goal is met."""
    on = ("--engine", "dask", "--scheduler", cluster.address)
    local = run(project(folder / "local", articles, rate), base_url, server)
    doomed = cluster.ready()
    place = project(folder / "dask", articles, rate)

    deaths: list[float] = []

    def kill() -> None:
        while True:
            server.send("count")
            if server.recv() >= articles // 3:
                doomed.kill()
                deaths.append(time.monotonic())
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    both = run(place, base_url, server, *on)
    killer.join()
    check(both, local, articles)
    met = True
    for name, ran in (("one process", local), ("two workers", both)):
        found = windows(ran.seen, deaths[0] if ran is both else None)
        low, quiet, high = (count / rate / WINDOW - 1 for count in found)
        print(f"{name}: {quiet:+.1%} to {high:+.1%} of the limit in any {WINDOW:.0f} s; {low:+.1%} around a death")
        print(f"  {len(ran.seen) / ran.sending:,.0f} requests/s; {ran.seconds:.1f} s with beginning and end")
        met = ran is local or (quiet >= -0.05 and high <= 0.05)
    print(
        f"sending took {both.sending / local.sending:.2f} times as long as in one process, in all {both.seconds / local.seconds:.2f}"
    )
    print(
        "goal (within 5% of the limit over any 5 s, a death and two seconds after it aside):",
        "met" if met else "missed",
    )
    return met


def free(folder: Path, cluster: Cluster, base_url: str, server: Any, articles: int) -> None:
    """Both engines without a limit, in turn and twice: the quicker run of each counts."""
    on = ("--engine", "dask", "--scheduler", cluster.address)
    cluster.ready()
    best: dict[str, float] = {}
    for number in range(2):
        for name, options in (("one process", ()), ("two workers", on)):
            ran = run(project(folder / f"{name} {number}", articles, None), base_url, server, *options)
            rate = len(ran.seen) / ran.sending
            best[name] = max(best.get(name, 0.0), rate)
            print(f"{name}: {rate:,.0f} requests/s; {ran.seconds:.1f} s with beginning and end")
    print(f"two workers send {best['two workers'] / best['one process']:.2f} times as many a second as one process")


def parts(folder: Path, cluster: Cluster, base_url: str, server: Any, articles: int) -> None:
    """What driver and scheduler have to do, in CPU time: that does not depend on what else the machine does."""
    ran = run(project(folder / "local", articles, None), base_url, server)
    took = _merging(ran.folder, folder / "merged") / articles
    print(f"merging: {took * 1000:.2f} ms an article, so that {1 / took:,.0f} a second are the end")
    shards, each = 100, 50
    took = asyncio.run(_messages(cluster.address, shards, each)) / shards / each
    print(
        f"a message of one of {shards} shards: {took * 1000:.2f} ms of the scheduler's, so that {1 / took:,.0f} a second are the end"
    )


def _merging(run: Path, place: Path) -> float:
    """CPU seconds in which all of a run is merged, as a shard, into another."""
    into = place / "runs" / "all"
    shutil.copytree(run, into / "shards" / "0001")
    shutil.copytree(run.parent.parent / "recordings", into / "shards" / "0001" / "recordings")
    files = {name: Appender(into / name) for name in FILES}
    try:
        with Ledger(into) as ledger, Recordings(place / "recordings") as store:
            store.writer("local-model")
            began = time.process_time()
            merge(into / "shards" / "0001", ledger, files, store, lambda _: None)
            return time.process_time() - began
    finally:
        for file in files.values():
            file.close()


async def _messages(address: str, shards: int, each: int) -> float:
    """CPU seconds that the scheduler takes to hear so many messages of so many shards at once."""

    def seat(dask_scheduler: Any) -> None:
        dask_scheduler.handlers["measured"] = Seat(None, None, Budget(None, None, Spend())).heard

    spent, report = [str(Decimal("0.001")), 320], {"states": {"ok": 100}, "attempts": 100, "usage": [30_000, 2_000, 0]}

    async def shard(client: Any, name: str) -> None:
        names = {"shard": name, "who": f"tcp://127.0.0.1:9#{name}"}
        await client.scheduler.measured(operation="begin", **names, spent=spent)
        for _ in range(each):
            await client.scheduler.measured(operation="tell", **names, report=report, settled=[spent, spent, 1])

    async with Client(address, asynchronous=True) as client:
        await client.run_on_scheduler(seat)
        before: float = await client.run_on_scheduler(time.process_time)
        await asyncio.gather(*(shard(client, str(number)) for number in range(shards)))
        after: float = await client.run_on_scheduler(time.process_time)
        return after - before


def main() -> int:
    """Measure, print, and say whether the goal is met."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--articles", type=int, default=5_000)
    options.add_argument("--rate", type=int, default=300, help="requests a second")
    options.add_argument("--free", action="store_true", help="without a limit instead")
    options.add_argument("--parts", action="store_true", help="what driver and scheduler have to do instead")
    asked = options.parse_args()
    heard, told = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(told,), daemon=True)
    server.start()
    base_url = f"http://127.0.0.1:{heard.recv()}/v1"
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), KEY)
        try:
            given = (Path(folder), cluster, base_url, heard, asked.articles)
            if asked.free:
                free(*given)
            elif asked.parts:
                parts(*given)
            else:
                return 0 if held(*given, asked.rate) else 1
        finally:
            cluster.close()
            server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
