"""What a run shows while it is under way: a bar, a line now and then, or events for a program. All of it goes to stderr."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from workbench.cli.common import cost_fields, json_text, say
from workbench.extract import Extraction
from workbench.limits import duration
from workbench.summary import Summary, Watch

__all__ = ["EVERY", "events", "notice", "progress"]

EVERY = 30.0
"""Seconds between two lines where there is no terminal to draw a bar on."""


class _Pace:
    """What has come of a run of so many articles, in words: as it stands when it is asked, also where nothing has ended of late."""

    def __init__(self, total: int) -> None:
        self._began = time.monotonic()
        self._total = total
        self._summary: Summary | None = None

    @property
    def done(self) -> int:
        return self._summary.states.total() if self._summary else 0

    def count(self, summary: Summary) -> None:
        self._summary = summary

    def words(self, *, left: bool = False) -> str:
        """States, rate, requests, tokens and cost; and on demand the time left, which a bar has of itself."""
        if self._summary is None:
            return "no article yet"
        states, totals = dict(self._summary.states), self._summary.totals
        parts = [", ".join(f"{count:,} {state}" for state, count in states.items()) or "no article yet"]
        if (done := sum(states.values())) > self._summary.kept:
            rate = (done - self._summary.kept) / max(time.monotonic() - self._began, 0.001)
            parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min")
            if left and self._total > done:
                parts[-1] += f", {duration((self._total - done) / rate)} left"
        if totals.attempts:
            parts.append(f"{totals.attempts:,} requests, {totals.usage.prompt:,} + {totals.usage.completion:,} tokens")
        if totals.unpriced:
            parts.append("cost unknown")
        elif totals.money:
            parts.append(f"{totals.money:.4f} {totals.currency}")
        return "; ".join(parts)


class _Words(ProgressColumn):
    """The pace beside a bar."""

    def __init__(self, pace: _Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, _: Task) -> Text:
        return Text(self._pace.words())


@contextmanager
def progress(console: Console, total: int, *, every: float = EVERY) -> Iterator[Watch]:
    """A bar on a terminal, a line every so many seconds elsewhere."""
    with (_bar if console.is_terminal else _lines)(console, total, every) as watch:
        yield watch


@contextmanager
def _bar(console: Console, total: int, _: float) -> Iterator[Watch]:
    pace = _Pace(total)
    columns = (
        TextColumn("extracting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        _Words(pace),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        bar = shown.add_task("extracting", total=total)

        def count(summary: Summary) -> None:
            pace.count(summary)
            shown.update(bar, completed=pace.done)

        yield Watch(
            begun=count, under_way=count, done=lambda _, summary: count(summary), notify=partial(say, console=console)
        )


@contextmanager
def _lines(console: Console, total: int, every: float) -> Iterator[Watch]:
    pace, ended = _Pace(total), threading.Event()

    def tell() -> None:
        while not ended.wait(every):
            say(f"{pace.done:,} of {total:,}: {pace.words(left=True)}", console)

    # A thread: the line has to come when nothing else does.
    ticker = threading.Thread(target=tell, name="progress", daemon=True)
    ticker.start()
    try:
        yield Watch(
            begun=pace.count,
            under_way=pace.count,
            done=lambda _, summary: pace.count(summary),
            notify=partial(say, console=console),
        )
    finally:
        ended.set()
        ticker.join()


def _tell(event: str, **fields: Any) -> None:
    sys.stderr.write(json_text({"event": event, **fields}) + "\n")


def notice(words: str) -> None:
    """Tell a program words for its user, as one of its events."""
    _tell("notice", words=words)


@contextmanager
def events(total: int) -> Iterator[Watch]:
    """One JSON object a line: ``begin``, ``article`` for each as it is done, ``progress``, ``notice`` for words, ``end``."""
    of: list[Summary] = []

    def done(extraction: Extraction, summary: Summary) -> None:
        _tell(
            "article",
            article=extraction.article,
            state=extraction.state,
            reason=extraction.reason,
            done=summary.states.total(),
            **_figures(summary),
        )

    def under_way(summary: Summary) -> None:
        _tell("progress", done=summary.states.total(), **_figures(summary))

    _tell("begin", articles=total)
    try:
        yield Watch(begun=of.append, under_way=under_way, done=done, notify=notice)
    finally:
        _tell("end", **({"run": str(of[0].folder), **_figures(of[0])} if of else {}))


def _figures(summary: Summary) -> dict[str, Any]:
    return {
        "states": dict(summary.states),
        "tokens": asdict(summary.totals.usage),
        "cost": cost_fields(summary.cost),
    }
