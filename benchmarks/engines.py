"""A run over two worker processes against the same run in one: how closely a shared limit is held, and what it costs to be two.

    .venv/bin/python benchmarks/engines.py               # 5,000 articles at 300 requests a second, one worker killed at a third
    .venv/bin/python benchmarks/engines.py --free        # without a limit too: which engine is the quicker on this machine

The server is a process of its own; it answers after 100 ms and notes when each request came. The scheduler and the workers are started before the clock is.
It says whether every article was done once, the ledger is what the server counted, and the two run folders are equal.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from clusters import Cluster  # noqa: E402
from small_project import PROMPT, SCHEMA, lines  # noqa: E402

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


def main() -> int:
    """Measure, print, and say whether the goal is met."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--articles", type=int, default=5_000)
    options.add_argument("--rate", type=int, default=300, help="requests a second")
    options.add_argument("--free", action="store_true", help="without a limit too")
    asked = options.parse_args()
    heard, told = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(told,), daemon=True)
    server.start()
    base_url = f"http://127.0.0.1:{heard.recv()}/v1"
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), KEY)
        on = ("--engine", "dask", "--scheduler", cluster.address)
        try:
            local = run(project(Path(folder) / "local", asked.articles, asked.rate), base_url, heard)
            doomed = cluster.ready()
            place = project(Path(folder) / "dask", asked.articles, asked.rate)

            deaths: list[float] = []

            def kill() -> None:
                while True:
                    heard.send("count")
                    if heard.recv() >= asked.articles // 3:
                        doomed.kill()
                        deaths.append(time.monotonic())
                        return
                    time.sleep(0.05)

            killer = threading.Thread(target=kill)
            killer.start()
            both = run(place, base_url, heard, *on)
            killer.join()
            check(both, local, asked.articles)
            met = True
            for name, ran in (("one process", local), ("two workers", both)):
                found = windows(ran.seen, deaths[0] if ran is both else None)
                low, quiet, high = (count / asked.rate / WINDOW - 1 for count in found)
                print(
                    f"{name}: {quiet:+.1%} to {high:+.1%} of the limit in any {WINDOW:.0f} s; {low:+.1%} around a death"
                )
                print(f"  {len(ran.seen) / ran.sending:,.0f} requests/s; {ran.seconds:.1f} s with beginning and end")
                met = ran is local or (quiet >= -0.05 and high <= 0.05)
            print(
                f"sending took {both.sending / local.sending:.2f} times as long as in one process, in all {both.seconds / local.seconds:.2f}"
            )
            if asked.free:
                local = run(project(Path(folder) / "free-local", asked.articles, None), base_url, heard)
                cluster.ready()
                both = run(project(Path(folder) / "free-dask", asked.articles, None), base_url, heard, *on)
                rates = [len(one.seen) / one.sending for one in (local, both)]
                print(
                    f"without a limit: {rates[0]:,.0f}/s in one process, {rates[1]:,.0f}/s over two: {rates[1] / rates[0]:.2f} times"
                )
        finally:
            cluster.close()
            server.kill()
    print(
        "goal (within 5% of the limit over any 5 s, a death and two seconds after it aside):",
        "met" if met else "missed",
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
