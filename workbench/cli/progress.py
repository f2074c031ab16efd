"""What a run shows while it is under way: a bar, a line now and then, or events for a program. All of it goes to stderr."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from workbench.cli.common import cost_fields, json_text
from workbench.extract import Extraction
from workbench.report.terminal import plain
from workbench.summary import Notify, Summary, Watch

__all__ = ["EVERY", "events", "progress"]

EVERY = 30.0
"""Seconds between two lines where there is no terminal to draw a bar on."""


class _Pace:
    """What has come of a run so far, in words."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._summary: Summary | None = None

    def count(self, summary: Summary) -> None:
        self._summary = summary

    def words(self) -> str:
        if self._summary is None:
            return "no article yet"
        summary = self._summary
        rate = (summary.states.total() - summary.kept) / max(time.monotonic() - self._began, 0.001)
        usage = summary.totals.usage
        parts = [
            ", ".join(f"{count:,} {state}" for state, count in dict(summary.states).items()),
            f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min",
        ]
        if usage.prompt:
            parts.append(f"{usage.prompt:,} + {usage.completion:,} tokens")
        if summary.totals.money:
            parts.append(f"{summary.totals.money:.4f} {summary.totals.currency}")
        return "; ".join(parts)


@contextmanager
def progress(console: Console, total: int, *, every: float = EVERY) -> Iterator[Watch]:
    """A bar on a terminal, a line every so many seconds elsewhere."""
    with (_bar if console.is_terminal else _lines)(console, total, every) as watch:
        yield watch


@contextmanager
def _bar(console: Console, total: int, _: float) -> Iterator[Watch]:
    pace = _Pace()
    columns = (
        TextColumn("extracting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        bar = shown.add_task("extracting", total=total, words="")

        def count(summary: Summary) -> None:
            pace.count(summary)
            shown.update(bar, completed=summary.states.total(), words=pace.words())

        yield Watch(under_way=count, done=lambda _, summary: count(summary), notify=_teller(console))


@contextmanager
def _lines(console: Console, total: int, every: float) -> Iterator[Watch]:
    pace, ended, finished = _Pace(), threading.Event(), [0]

    def tell() -> None:
        while not ended.wait(every):
            console.print(plain(f"{finished[0]:,} of {total:,}: {pace.words()}"), soft_wrap=True)

    def count(summary: Summary) -> None:
        pace.count(summary)
        finished[0] = summary.states.total()

    # A thread: the line has to come when nothing else does.
    teller = threading.Thread(target=tell, name="progress", daemon=True)
    teller.start()
    try:
        yield Watch(under_way=count, done=lambda _, summary: count(summary), notify=_teller(console))
    finally:
        ended.set()
        teller.join()


def _teller(console: Console) -> Notify:
    return lambda words: console.print(plain(words), soft_wrap=True)


@contextmanager
def events(total: int) -> Iterator[Watch]:
    """One JSON object a line: ``begin``, ``article`` for each as it is done, ``progress``, ``notice`` for words, ``end``."""
    of: list[Summary] = []

    def tell(event: str, **fields: Any) -> None:
        sys.stderr.write(json_text({"event": event, **fields}) + "\n")

    def done(extraction: Extraction, summary: Summary) -> None:
        tell(
            "article",
            article=extraction.article,
            state=extraction.state,
            reason=extraction.reason,
            done=summary.states.total(),
            **_figures(summary),
        )

    def under_way(summary: Summary) -> None:
        tell("progress", done=summary.states.total(), **_figures(summary))

    tell("begin", articles=total)
    try:
        yield Watch(begun=of.append, under_way=under_way, done=done, notify=lambda words: tell("notice", words=words))
    finally:
        tell("end", **({"run": str(of[0].folder), **_figures(of[0])} if of else {}))


def _figures(summary: Summary) -> dict[str, Any]:
    return {
        "states": dict(summary.states),
        "tokens": asdict(summary.totals.usage),
        "cost": cost_fields(summary.cost),
    }
