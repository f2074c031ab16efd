"""Replaying recordings into a run folder, against the same recordings through instructor, side by side in one run.

    .venv/bin/python benchmarks/replay.py               # --articles 1000 for a glance

The recordings are the seed articles' own, again and again with a line added to each article, so that no two requests are the same. The workbench
finds each by its request, validates, grounds and appends; instructor gets what was found handed to it, and validates.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
GOAL = 10.0
ROUNDS = 20


def seeds() -> list[tuple[Any, dict[str, Any]]]:
    """Each seed article with the response that was recorded for it."""
    from workbench.articles import Article, read_articles

    recorded = {}
    for line in (ROOT / "seeds/recordings/transcribed.jsonl").open(encoding="utf-8"):
        response = json.loads(line)["response"]
        recorded[response["id"].removeprefix("transcribed-")] = response
    articles = [one for one in read_articles([ROOT / "seeds/articles"]) if isinstance(one, Article)]
    return [(article, recorded[article.id]) for article in articles if article.id in recorded]


def again(seeds: list[tuple[Any, dict[str, Any]]], count: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """So many articles, each of another text, with their responses."""
    from workbench.canonical import hash_text

    for number in range(count):
        article, response = seeds[number % len(seeds)]
        text = f"{article.text}\n제{number}호\n"
        yield replace(article, id=f"{article.id}-{number}", text=text, hash=hash_text(text)), response


def time_workbench(given: list[tuple[Any, dict[str, Any]]]) -> tuple[float, int]:
    """CPU seconds of a run, and how many quotes it grounded."""
    from workbench.endpoints import Model
    from workbench.jobs import Job
    from workbench.recordings import Recordings, record
    from workbench.runs import open_run
    from workbench.sittings import replaying, run_job
    from workbench.tasks import load_task, render

    task, model = load_task("plan", ROOT), Model("made-up")
    with tempfile.TemporaryDirectory() as folder, Recordings(Path(folder) / "recordings") as store:
        for article, response in given:
            store.append(record(render(task, article, model), response, "synthetic"))
        job = Job(task, model, lambda: (article for article, _ in given), ["the seeds"])
        began = time.process_time()
        summary = asyncio.run(run_job(job, Path(folder) / "runs", store, replaying))
        seconds = time.process_time() - began
        assert summary.states == {"ok": len(given)}, summary
        return seconds, sum(extraction.quotes for extraction in open_run(summary.folder).extractions())


def time_instructor(given: list[tuple[Any, dict[str, Any]]]) -> float:
    """CPU seconds of instructor, given the responses."""
    import instructor
    from openai.types.chat import ChatCompletion

    from workbench.tasks import load_task

    schema = load_task("plan", ROOT).schema
    responses = iter([response for _, response in given])

    async def create(**_: Any) -> ChatCompletion:
        return ChatCompletion.model_validate(next(responses))

    ask: Any = instructor.patch(create=create, mode=instructor.Mode.JSON_SCHEMA)

    async def all_of_them() -> None:
        for article, _ in given:
            messages = [{"role": "user", "content": article.text}]
            await ask(response_model=schema, max_retries=0, model="made-up", messages=messages)

    began = time.process_time()
    asyncio.run(all_of_them())
    return time.process_time() - began


def main() -> int:
    """Measure, print, and say whether the goal is met."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--articles", type=int, default=9_000)
    asked = options.parse_args()
    known = seeds()
    time_workbench(list(again(known, 50)))  # both are warm
    time_instructor(list(again(known, 10)))
    # In turns, for the machine is now quicker and now slower; the middle one of the rounds counts.
    each = max(22, asked.articles // ROUNDS)
    rounds = []
    for _ in range(ROUNDS):
        given = list(again(known, each))
        some = given[: max(22, each // 10)]
        seconds, quotes = time_workbench(given)
        rounds.append((len(given) / seconds, len(some) / time_instructor(some)))
    ours, theirs = (median(side) for side in zip(*rounds, strict=True))
    times = median(one / other for one, other in rounds)
    print(f"{ROUNDS} rounds of {each:,} articles of {quotes / each:.0f} quotes, by CPU time of one process")
    print(f"workbench, into a run folder  {ours:7,.0f}/s")
    print(f"instructor                    {theirs:7,.0f}/s: {times:.1f} times")
    print(f"goal ({GOAL:g} times instructor):", "met" if times >= GOAL else "missed")
    return 0 if times >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
