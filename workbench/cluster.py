"""A run past one machine: its articles fall to shards, and the workers of a Dask cluster do them, each as a run of one process is done.

The driver, which is the process that the run was begun in, writes the shards and merges each when it is done. The limits and the budget of all lie on
the scheduler. A worker that dies takes nothing along: its shard is begun again elsewhere and goes on from its own files. A driver that dies
leaves its shards as they are; going on with the run, on one machine or on many, merges them first.
"""

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from distributed import Client, Future, KilledWorker, LocalCluster, Scheduler, as_completed
from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin
from distributed.security import Security

from workbench.articles import Article, Rejected
from workbench.budget import Budget, Spend
from workbench.completions import Usage
from workbench.endpoints import Endpoint
from workbench.errors import RunError, SettingsError, WorkbenchError
from workbench.extract import Extraction, rejected, unextracted
from workbench.jobs import Job, Resume, Sitting, Summary, Watch, sitting_at
from workbench.live import check_priced, close_left_over
from workbench.recordings import Recordings
from workbench.runs import open_run
from workbench.seat import GIVEN_UP, STOPPING, Seat
from workbench.shards import Share, articles_of, merge, write
from workbench.workers import Order, look, run_shard, versions_of

__all__ = ["Where", "run_sharded"]

SMALLEST, LARGEST = 50, 1_000
"""Articles of a shard: fewer are not worth their beginning, more are long in being merged."""
ROUNDS: Final = 4
"""Shards that each worker's thread gets at the least, where there are articles enough: the last to end are not waited for so long."""
LOOK: Final = 1.0
"""Seconds between two looks at how far the shards are."""
POLL: Final = 0.02
"""Seconds between two looks at whether a shard is done."""
CONNECT: Final = 30.0
"""Seconds in which a scheduler must answer, and its first worker be there."""


@dataclass(frozen=True)
class Where:
    """Where a run past one machine is done.

    Attributes:
        root: The project's folder, which all workers see under the same path.
        environment: The folder whose ``.env`` is read, likewise.
        scheduler: Its address; None to start as many processes here as there are cores.
    """

    root: Path
    environment: Path
    scheduler: str | None = None


class _Seated(SchedulerPlugin):
    """The seat of a run, in its scheduler."""

    def __init__(self, name: str, client: str, job: Job, spent: Spend) -> None:
        self.name = name
        self._client = client
        self._limits = (job.model.requests_per_minute, job.model.tokens_per_minute)
        self._budget = (job.budget, job.most_tokens, spent)

    async def start(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._seat = Seat(*self._limits, Budget(*self._budget))
        scheduler.handlers[self.name] = self._heard

    async def _heard(self, operation: str, **message: Any) -> dict[str, Any]:
        if operation == "close":
            del self._scheduler.handlers[self.name]
            return {}
        return await self._seat.heard(operation, **message)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:  # noqa: ARG002 - distributed's
        self._seat.lost(worker)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:  # noqa: ARG002 - distributed's
        if client == self._client:  # the driver is gone: nobody would merge what the shards still do
            self._seat.stop = STOPPING


class _Undisturbed(WorkerPlugin):
    """A terminal's Ctrl-C reaches all processes that it started; what it means to the workers is the driver's to say."""

    name = "workbench-undisturbed"

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - distributed's
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_sharded(
    job: Job, runs: Path, store: Recordings, where: Where, *, resume: Resume | None = None, watch: Watch | None = None
) -> Summary:
    """Do what ``run_job`` does, over the workers of a cluster.

    Args:
        job: What is to be done.
        runs: The folder in which a new run gets its own.
        store: Where answers are recorded, or stand recorded.
        where: The cluster, and what its workers need to know.
        resume: The run that is gone on with.
        watch: Who is told.

    Raises:
        As ``run_job``, and
        SettingsError: If there is nobody to ask, the scheduler does not answer, or a worker could not do the same as this process.
        RunError: If the scheduler is lost; the run can be gone on with.
    """
    watch = watch or Watch()
    if job.endpoint is None:
        raise SettingsError("a replay asks nobody: it needs no cluster", way_out="leave --engine away")
    before = str(store.folder.resolve()) if len(store) else None
    with (
        _connected(where.scheduler, watch.notify) as client,
        sitting_at(job, runs, store, resume=resume, watch=watch) as sitting,
    ):
        close_left_over(sitting)
        check_priced(job, sitting.summary)
        order = _order(sitting, job.endpoint, where, before)
        _check(client, order, sitting.summary.folder)
        with _seated(client, order.seat, job, sitting.ledger.totals.spend) as say:
            _Driver(client, order, sitting, say).drive()
    return sitting.summary


@contextmanager
def _connected(address: str | None, notify: Callable[[str], None]) -> Iterator[Client]:
    if address is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # Whoever reaches a scheduler can have any code run: on a machine with other users not even loopback is private.
        with (
            LocalCluster(
                n_workers=cores,
                threads_per_worker=2,  # one shard begins while another ends
                processes=True,
                host="127.0.0.1",
                security=Security.temporary(),
                dashboard_address=None,
                worker_dashboard_address=None,
            ) as cluster,
            Client(cluster) as client,
        ):
            client.register_plugin(_Undisturbed())
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the scheduler does not answer: {error}",
            where=address,
            expected="an address such as tls://host:8786",
            way_out="start one with `dask scheduler`, or leave --scheduler away to use this machine alone",
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            notify(f"{address} has no workers yet: waiting for one")
            try:
                client.wait_for_workers(1, timeout=CONNECT)
            except TimeoutError as error:
                raise SettingsError(
                    "the scheduler has no workers", where=address, way_out=f"start some with `dask worker {address}`"
                ) from error
        yield client


def _order(sitting: Sitting, endpoint: Endpoint, where: Where, before: str | None) -> Order:
    job, folder = sitting.job, sitting.summary.folder.resolve()
    return Order(
        root=str(where.root),
        environment=str(where.environment),
        run=str(folder),
        info=open_run(folder).info.model_dump_json(),
        seat=f"workbench-{uuid.uuid4().hex}",
        base_url=endpoint.base_url,
        source=endpoint.source,
        has_key=bool(endpoint.key),
        timeout=job.timeout,
        concurrency=job.concurrency,
        keep_bodies=job.keep_bodies,
        before=before,
        since=sitting.kept.since,
        examples=job.task.examples,
    )


def _check(client: Client, order: Order, folder: Path) -> None:
    """See that the scheduler and each worker that is there can do what they will be told.

    Raises:
        SettingsError: If one cannot; names it.
    """
    where = "the scheduler"
    token = folder / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        if (own := client.run_on_scheduler(versions_of)) != versions_of():
            raise SettingsError(f"it has other versions: {own}", where=where, expected=str(versions_of()))
        answers = client.run(look, order, str(token), on_error="return")
        where, failed = next(((f"the worker {at}", one) for at, one in answers.items() if one is not None), ("", None))
    except ImportError as error:
        failed = error
    finally:
        token.unlink()
    if isinstance(failed, WorkbenchError):
        raise SettingsError(
            failed.what,
            where=f"{where}, {failed.where}" if failed.where else where,
            expected=failed.expected,
            way_out=failed.way_out,
        ) from failed
    if isinstance(failed, ImportError):
        raise SettingsError(
            f"the workbench cannot be loaded there: {failed}", where=where, way_out="install what uv.lock says"
        ) from failed
    if failed is not None:
        raise failed


Say = Callable[..., dict[str, Any]]
"""Says something to the seat."""


@contextmanager
def _seated(client: Client, name: str, job: Job, spent: Spend) -> Iterator[Say]:
    client.register_plugin(_Seated(name, client.id, job, spent), name=name)

    def say(operation: str, **message: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = client.sync(getattr(client.scheduler, name), operation=operation, **message)
        except OSError as error:
            raise RunError(
                "the scheduler does not answer any more", where=name, way_out="go on with --resume when there is one"
            ) from error
        return answer

    yield say
    say("close")
    client.unregister_scheduler_plugin(name)


class _Driver:
    """The sitting at a run that is done over a cluster."""

    def __init__(self, client: Client, order: Order, sitting: Sitting, say: Say) -> None:
        self._client = client
        self._order = order
        self._sitting = sitting
        self._say = say
        self._wanted = self._said = 0
        self._failed: Exception | None = None
        self._shown = sitting.summary

    def drive(self) -> None:
        """Have all shards done, and merge each when it is.

        Raises:
            What ended a shard, once the others have come to their ends.
        """
        folder = self._sitting.summary.folder
        futures: dict[Any, Path] = {}
        for shard in write(folder, self._shares(), self._count()):
            futures[self._client.submit(run_shard, self._order, shard.name, pure=False)] = shard
        waiting, looked = as_completed(list(futures)), time.monotonic()
        with self._interruptible():
            while not waiting.is_empty():
                if waiting.has_ready():
                    future = next(waiting)
                    self._ended(future, futures.pop(future))
                else:
                    time.sleep(POLL)
                if self._wanted > self._said:
                    self._said = self._wanted
                    self._say("stop", level=self._said)
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    self._look()
        self._look()
        if (folder / "shards").is_dir():
            (folder / "shards").rmdir()
        if self._failed:
            raise self._failed

    def _shares(self) -> Iterator[Share]:
        job, kept = self._sitting.job, self._sitting.kept
        for article in job.articles():
            if kept.wants(article):
                yield Share(article, kept.sample(article) if isinstance(article, Article) else job.sample)

    def _count(self) -> int:
        """How many shards there are to be."""
        articles = sum(1 for _ in self._shares())
        threads: int = max(1, sum(self._client.nthreads().values()))
        size = min(LARGEST, max(SMALLEST, articles // (threads * ROUNDS)))
        return max(1, -(-articles // size))

    def _ended(self, future: "Future[int]", shard: Path) -> None:
        sitting = self._sitting
        failed: Exception | None = None
        left: list[Share] = []
        if future.status == "finished":
            sitting.summary.left += future.result()
        elif future.status == "error":
            failed = future.exception()
        else:
            raise RunError(f"the scheduler has lost the shard {shard.name}", way_out="go on with --resume")
        if isinstance(failed, KilledWorker):
            left = [*articles_of(shard)]
        done: set[str] = set()

        def tell(extraction: Extraction) -> None:
            if left:
                done.add(extraction.article)
            sitting.summary.add(extraction)
            sitting.watch.done(extraction, self._shown)

        merge(shard, sitting.ledger, sitting.writer.files, sitting.store, sitting.job.price, done=tell)
        self._say("merged", shard=shard.name)
        for article, sample in left:
            if article.id not in done:
                sitting.keep(_killed(article, sample, str(failed)))
        if failed and not isinstance(failed, KilledWorker):
            self._failed = self._failed or failed
            self._wanted = max(self._wanted, STOPPING)
            sitting.summary.interrupted = True

    def _look(self) -> None:
        """Hear how far the shards are, and tell."""
        heard = self._say("look")
        for words in heard["words"]:
            self._sitting.notify(words)
        self._shown = _with(self._sitting.summary, heard["reports"])
        self._sitting.watch.under_way(self._shown)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM lets what is under way come to its end, the second gives it up."""

        def interrupt(*_: object) -> None:
            self._wanted = min(GIVEN_UP, self._wanted + 1)
            self._sitting.summary.interrupted = True
            if self._wanted == STOPPING:
                self._sitting.notify(
                    "stopping: what is under way comes to its end; Ctrl-C again gives it up (it may be billed all the same)"
                )

        kinds = (signal.SIGINT, signal.SIGTERM)
        try:
            before = [signal.signal(kind, interrupt) for kind in kinds]
        except ValueError:  # only the main thread has signals
            yield
            return
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)


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
