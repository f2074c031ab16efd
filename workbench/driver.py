"""The driver of a run past one machine: it writes the shards, has them done, and merges each when it is."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from distributed import Client, Future, KilledWorker, as_completed

from workbench.articles import Article, Rejected
from workbench.completions import Usage
from workbench.errors import EndpointRefused, RunError
from workbench.extract import Extraction, rejected, unextracted
from workbench.interrupts import interruptible
from workbench.resume import told_of
from workbench.seat import GIVEN_UP, RUNNING, STOPPING
from workbench.shards import Share, articles_of, merge, write
from workbench.sittings import Sitting
from workbench.summary import Summary
from workbench.workers import Order, run_shard

__all__ = ["Driver", "Say", "reached"]

SMALLEST, LARGEST = 50, 1_000
"""Articles of a shard: fewer are not worth their beginning, more are long in being merged."""
ROUNDS: Final = 4
"""Shards that each worker's thread gets at the least, where there are articles enough: the last to end are not waited for so long."""
LOOK: Final = 1.0
"""Seconds between two looks at how far the shards are."""
POLL: Final = 0.02
"""Seconds between two looks at whether a shard is done."""
PATIENCE: Final = 600.0
"""Seconds in which another worker must come when none is left."""

Say = Callable[..., dict[str, Any]]
"""Says something to the seat."""


@contextmanager
def reached(client: Client, way_out: str = "go on with --resume when there is one") -> Iterator[None]:
    """Say so where the scheduler is not reached any more.

    Raises:
        RunError: It is not.
    """
    address = _address(client)
    try:
        yield
    except (OSError, RuntimeError) as error:  # the latter where the client has closed its connections
        raise RunError("the scheduler does not answer any more", where=address, way_out=way_out) from error


def _address(client: Client) -> str:
    return str(client.scheduler.address) if client.scheduler else ""


class Driver:
    """The sitting at a run that is done over a cluster.

    Args:
        client: Of the cluster.
        order: What its workers are told.
        sitting: At the run.
        say: Says something to the seat.
    """

    def __init__(self, client: Client, order: Order, sitting: Sitting, say: Say) -> None:
        self._client = client
        self._order = order
        self._sitting = sitting
        self._say = say
        self._said, self._given_up = RUNNING, False
        self._failed: Exception | None = None
        self._shown = sitting.summary
        self._futures: dict[Any, Path] = {}
        self._waiting = as_completed([])
        self._suspects: list[Path] = []
        """Shards whose workers died, perhaps by another's doing: each is tried once more when nothing else is under way."""
        self._alone: Path | None = None
        self._lonely: float | None = None
        """Since when no worker is there."""

    def drive(self) -> None:
        """Have all shards done, and merge each when it is.

        Raises:
            What ended a shard, once the others have come to their ends.
        """
        folder = self._sitting.summary.folder
        for shard in write(folder, self._shares(), self._count()):
            self._submit(shard)
        if len(self._futures) == 1:
            (self._alone,) = self._futures.values()
        looked = time.monotonic()
        with interruptible(self._sitting.summary, self._sitting.notify, self._give_up):
            while self._futures or self._suspects:
                if not self._futures:
                    self._alone = self._suspects.pop(0)
                    self._submit(self._alone)
                if self._waiting.has_ready():
                    future = next(self._waiting)
                    self._ended(future, self._futures.pop(future))
                else:
                    time.sleep(POLL)
                if self._wanted > self._said:
                    self._said = self._wanted
                    self._say("stop", level=self._said)
                    looked = 0.0
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    self._look()
        self._look()
        if (folder / "shards").is_dir():
            (folder / "shards").rmdir()
        if self._failed:
            raise self._failed

    def _submit(self, shard: Path) -> None:
        future = self._client.submit(run_shard, self._order, shard.name, pure=False)
        self._futures[future] = shard
        self._waiting.add(future)

    def _shares(self) -> Iterator[Share]:
        job, kept, earlier = self._sitting.job, self._sitting.kept, self._earlier
        for article in job.articles():
            if not kept.wants(article):
                continue
            if isinstance(article, Article):
                yield Share(article, kept.sample(article), *earlier.get(article.hash, ()))
            else:
                yield Share(article, job.sample)

    @cached_property
    def _earlier(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """What earlier sittings sent for texts of which no extraction tells: how many requests, and the keys of those that were answered."""
        ledger = self._sitting.ledger
        if not ledger.totals.attempts:
            return {}
        answered: dict[str, list[str]] = {}
        for key, text in ledger.count_again(told_of(self._sitting.summary.folder)).items():
            answered.setdefault(text, []).append(key)
        return {text: (count, tuple(answered.get(text, ()))) for text, count in ledger.untold.items()}

    def _count(self) -> int:
        """How many shards there are to be."""
        articles = sum(1 for _ in self._shares())
        threads = max(1, sum(self._workers().values()))
        size = min(LARGEST, max(SMALLEST, articles // (threads * ROUNDS)))
        return max(1, -(-articles // size))

    def _ended(self, future: "Future[None]", shard: Path) -> None:
        if future.status == "finished":
            future.release()  # else the shard would be done once more if the worker that holds its result dies now
            self._sitting.summary.left += len(self._merge(shard))
            return
        if future.status != "error":
            raise RunError(f"the scheduler has lost the shard {shard.name}", way_out="go on with --resume")
        failed = future.exception()
        if not isinstance(failed, KilledWorker):
            self._merge(shard)
            self._failed = self._failed or failed
            self._sitting.summary.interrupted = True
        elif shard == self._alone or self._wanted:
            for article, sample, *_ in self._merge(shard):
                self._sitting.keep(_killed(article, sample, str(failed)))
        else:
            self._suspects.append(shard)

    def _merge(self, shard: Path) -> list[Share]:
        """Move what a shard has done into the run; returns what it has not."""
        sitting, shares, done = self._sitting, [*articles_of(shard)], set[str]()

        def tell(extraction: Extraction) -> None:
            done.add(extraction.article)
            sitting.summary.add(extraction)
            sitting.watch.done(extraction, self._shown)

        merge(shard, sitting.ledger, sitting.writer.files, sitting.store, sitting.job.price, done=tell)
        self._say("merged", shard=shard.name)
        return [share for share in shares if share.article.id not in done]

    def _abandon(self) -> None:
        """End without the shards that nobody is there to do: what they have is merged, the rest is left."""
        self._client.cancel(list(self._futures))
        for shard in (*self._futures.values(), *self._suspects):
            self._sitting.summary.left += len(self._merge(shard))
        self._futures.clear()
        self._suspects.clear()

    def _look(self) -> None:
        """Hear how far the shards are, and tell."""
        heard, summary = self._say("look"), self._sitting.summary
        for words in heard["words"]:
            self._sitting.notify(words)
        if heard["refused"] and not summary.refused:
            summary.refused = EndpointRefused(**heard["refused"])
        self._look_after_workers()
        self._shown = _with(summary, heard["reports"])
        self._sitting.watch.under_way(self._shown)

    def _look_after_workers(self) -> None:
        """Say when none is left to do what is to be done, and wait for others, but not for ever, and not where the run is to stop."""
        if not self._futures or self._workers():
            self._lonely = None
        elif self._wanted:
            self._abandon()
        elif self._lonely is None:
            self._lonely = time.monotonic()
            self._sitting.notify(
                f"no worker is left: waiting {PATIENCE / 60:.0f} min for others (start some with `dask worker`, or stop with Ctrl-C and go on with --resume)"
            )
        elif time.monotonic() - self._lonely >= PATIENCE:
            self._sitting.summary.interrupted = True
            self._abandon()
            self._failed = self._failed or RunError(
                f"no worker is left, and none has come in {PATIENCE / 60:.0f} min: what was done is kept",
                where=_address(self._client),
                way_out=f"start some with `dask worker`, and go on with --resume {self._sitting.summary.folder.name}; without --engine dask this machine does it alone",
            )

    def _workers(self) -> dict[str, int]:
        """The threads of each worker that is there.

        Raises:
            RunError: If the scheduler is lost.
        """
        with reached(self._client):
            threads: dict[str, int] = self._client.nthreads()
        return threads

    @property
    def _wanted(self) -> int:
        """What the shards are to do."""
        return GIVEN_UP if self._given_up else STOPPING if self._sitting.summary.interrupted else RUNNING

    def _give_up(self) -> None:
        self._given_up = True


def _killed(article: Article | Rejected, sample: int, why: str) -> Extraction:
    """The extraction of an article whose shard's workers died, one after the other."""
    if isinstance(article, Rejected):
        return rejected(article)
    update = {"error": KilledWorker.__name__, "sample": sample}
    return unextracted(article, "failed", f"the workers that did its shard died: {why}").model_copy(update=update)


def _with(summary: Summary, reports: list[dict[str, Any]]) -> Summary:
    """What has come of the run, with what its shards say that is not merged yet."""
    totals = replace(summary.totals)
    shown = replace(summary, totals=totals, states=Counter(summary.states))
    for report in reports:
        shown.states.update(report["states"])
        totals.attempts += report["attempts"]
        totals.usage += Usage(*report["usage"])
        totals.money += Decimal(report["money"])
        totals.unpriced += report["unpriced"]
        if totals.money:
            totals.currency = report["currency"]
    return shown
