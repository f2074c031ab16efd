"""What size costs: a store of many recordings opened to its first replay, and the memory of runs of different lengths.

    .venv/bin/python benchmarks/storage.py
    .venv/bin/python benchmarks/storage.py --recordings 1000000 --runs 1000 10000 100000    # two or three minutes

Each figure is of a process of its own. The recordings are small (a request's hashes and a short answer, about 800 bytes); a run is one of short
articles into a run folder: a replay from a store that holds an answer to each, or over the wire, 64 at once, against a server on loopback.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from live import serving

PROMPT = '+++\nschema = "schemas/street.py:Street"\n+++\n# user\n{{ article.text }}\n'
SCHEMA = """from pydantic import BaseModel
from workbench.schema import Quote
class Shop(BaseModel):
    name: str
    quote: Quote
class Street(BaseModel):
    shops: list[Shop]
"""
MOST_SECONDS, MOST_MEGABYTES = 3.0, 300.0
MOST_MORE = 20.0
"""Megabytes that a long run may take beyond a short one: the index's page cache (16) and Pydantic's of strings (2) fill up."""


def project(root: Path) -> Any:
    """A task of two fields."""
    from workbench.tasks import load_task

    for name, text in {"prompts/street.md": PROMPT, "schemas/street.py": SCHEMA}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load_task("street", root)


def articles(count: int) -> Iterator[Any]:
    """Short articles, each another."""
    from workbench.articles import Article
    from workbench.canonical import hash_text

    for number in range(count):
        text = f"동문로에 빵집 {number}호가 문을 열었다. 서문길에는 떡집이 있다."
        yield Article(f"a{number}", text, hash_text(text), "made up")


def answer(number: int) -> str:
    """What a model would say of it."""
    return json.dumps(
        {"shops": [{"name": f"빵집 {number}호", "quote": f"빵집 {number}호가 문을 열었다"}]}, ensure_ascii=False
    )


def fill(root: Path, count: int, *, all_asked: bool) -> None:
    """A store of so many recordings; all of them answer an article, or only the first. Its own code is too slow for a million, and not measured here."""
    from workbench.canonical import line
    from workbench.recordings import record

    task, first = project(root), next(articles(1))
    asked = _asked(task, first)
    message = {"role": "assistant", "content": answer(0)}
    response: dict[str, Any] = {"id": "x", "choices": [{"message": message, "finish_reason": "stop"}]}
    written = line(record(asked, response, "synthetic").model_dump(mode="json"))
    said = json.dumps(answer(0), ensure_ascii=False)
    made = ((one.key, one.hash, one.facets.article) for one in (_asked(task, each) for each in articles(count)))
    unasked = (
        tuple(f"sha256:{hashlib.sha256(f'{n} {part}'.encode()).hexdigest()}" for part in "kra") for n in range(count)
    )
    (root / "recordings").mkdir()
    with (root / "recordings/synthetic.jsonl").open("w", encoding="utf-8") as file:
        for number, (key, body, article) in enumerate(made if all_asked else unasked):
            if number == 0:
                file.write(written)
                continue
            text = written.replace(asked.key, key).replace(asked.hash, body).replace(asked.facets.article, article)
            file.write(text.replace(said, json.dumps(answer(number), ensure_ascii=False)))


def _asked(task: Any, article: Any) -> Any:
    from workbench.endpoints import Model
    from workbench.tasks import render

    return render(task, article, Model("made-up"))


def opened(root: Path) -> tuple[float, float]:
    """Seconds from opening the store to its first replay, and this process's megabytes."""
    from workbench.recordings import Recordings

    asked = _asked(project(root), next(articles(1)))
    began = time.perf_counter()
    with Recordings(root / "recordings") as store:
        store.replay(asked)
        return time.perf_counter() - began, megabytes()


def replayed(root: Path, count: int) -> tuple[float, float]:
    """Seconds of a run, and this process's megabytes."""
    from workbench.endpoints import Model
    from workbench.jobs import Job
    from workbench.recordings import Recordings
    from workbench.sittings import replaying, run_job

    job = Job(project(root), Model("made-up"), lambda: articles(count), ["made up"])
    with Recordings(root / "recordings") as store:
        began = time.perf_counter()
        summary = asyncio.run(run_job(job, root / "runs", store, replaying))
        assert summary.states == {"ok": count}, summary
        return time.perf_counter() - began, megabytes()


def sent(root: Path, count: int, base_url: str) -> tuple[float, float]:
    """The same of a run over the wire."""
    from workbench.endpoints import Endpoint, Model
    from workbench.jobs import Job
    from workbench.live import live
    from workbench.recordings import Recordings
    from workbench.sittings import run_job

    model = Model("made-up", Endpoint(base_url, "sk-none", "the benchmark"))
    job = Job(project(root), model, lambda: articles(count), ["made up"], concurrency=64)
    with Recordings(root / "recordings") as store:
        began = time.perf_counter()
        summary = asyncio.run(run_job(job, root / "runs", store, live))
        assert summary.states == {"ok": count}, summary
        return time.perf_counter() - began, megabytes()


def whole_response() -> bytes:
    """The same answer to everybody, as it goes over the wire."""
    message = {"role": "assistant", "content": answer(0)}
    usage = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
    body = json.dumps({"id": "x", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def megabytes() -> float:
    """The most memory that this process has taken."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def apart(measure: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a function gives in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments, named)


def show(count: int, seconds: float, memory: float) -> float:
    """Print what a run took; its memory."""
    print(f"  {count:>9,}  {count / seconds:7,.0f}/s  {memory:5.0f} MB", flush=True)
    return memory


def main() -> int:
    """Measure, print, and say whether the goals are met."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--recordings", type=int, default=30_000)
    options.add_argument("--runs", type=int, nargs="*", default=[500, 5_000])
    asked = options.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # the user's own stays as it is
        root = Path(folder) / "store"
        apart(fill, root, asked.recordings, all_asked=False)
        size = (root / "recordings/synthetic.jsonl").stat().st_size
        print(f"{asked.recordings:,} recordings, {size / 1e6:,.0f} MB: seconds to the first replay, and memory")
        for index in ("made", "fresh"):
            seconds, memory = apart(opened, root)
            print(f"  index {index:>5}  {seconds:7.2f} s  {memory:5.0f} MB", flush=True)
        met = seconds < MOST_SECONDS and memory < MOST_MEGABYTES
    print("runs by replay: articles a second, and memory")
    memories = []
    for count in asked.runs:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            root = Path(folder) / "run"
            apart(fill, root, count, all_asked=True)
            apart(opened, root)  # its index is made by another
            memories.append(show(count, *apart(replayed, root, count)))
    met = met and memories[-1:] <= [memory + MOST_MORE for memory in memories[:1]]
    print("runs over the wire: articles a second, and memory")
    memories = []
    for count in asked.runs:
        with tempfile.TemporaryDirectory() as folder, serving(whole_response(), 0) as base_url:
            os.environ["XDG_CACHE_HOME"] = folder
            memories.append(show(count, *apart(sent, Path(folder) / "run", count, base_url)))
    met = met and memories[-1:] <= [memory + MOST_MORE for memory in memories[:1]]
    print(
        f"goals (first replay below {MOST_SECONDS:g} s and {MOST_MEGABYTES:g} MB, the longest run at most "
        f"{MOST_MORE:g} MB above the shortest):",
        "met" if met else "missed",
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
