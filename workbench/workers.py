"""What a worker, one process of many, does of a run: a shard, by the same runner that a run of one process has.

What a worker is sent says where the project lies and what is asked; the task, the settings and the endpoint's key it takes from the project's folder
and from its own environment, as the command line does, and it refuses to ask anything else than the run.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from distributed import get_worker

from workbench.articles import Article
from workbench.endpoints import resolve_endpoint, resolve_model
from workbench.errors import EndpointRefused, RunError, SettingsError
from workbench.examples import Examples
from workbench.jobs import Job, info_of, origin_of, versions_of
from workbench.ledger import Ledger
from workbench.link import Ask, GivenUpError, Link
from workbench.live import close_left_over, live
from workbench.recordings import Recordings
from workbench.resume import check_same, keep, left_of, put_back, told_of
from workbench.runs import Run, RunInfo, RunWriter
from workbench.settings import environment, find_project
from workbench.shards import PATIENCE, articles_of, recordings_of
from workbench.sittings import Sitting, walk
from workbench.summary import Summary, Watch
from workbench.tasks import load_task

__all__ = ["Order", "look", "run_shard"]

OWN_ADDRESS: Final = "--base-url"


@dataclass(frozen=True)
class Order:
    """What the workers are told of a run. It holds no key.

    Attributes:
        root: The project's folder.
        environment: The folder whose ``.env`` is read.
        run: The run's folder.
        info: The run's own account, as JSON.
        seat: The name under which the scheduler hears what is said to the seat.
        base_url: The address that is asked.
        source: Who named it.
        has_key: Whether a key goes with it.
        timeout: Seconds without an answer after which an attempt has failed.
        concurrency: How many articles of a shard are under way at once.
        keep_bodies: Store the requests' texts beside the responses.
        before: The recordings that there are already; None if there are none.
        since: When the run began, if it is gone on with.
        examples: What requests show beside their article.
    """

    root: str
    environment: str
    run: str
    info: str
    seat: str
    base_url: str
    source: str
    has_key: bool
    timeout: float
    concurrency: int
    keep_bodies: bool
    before: str | None
    since: datetime | None
    examples: Examples | None = field(repr=False)

    @property
    def account(self) -> RunInfo:
        """The run's own account."""
        return RunInfo.model_validate_json(self.info)


def look(order: Order, token: str) -> None:
    """Whether this process can do what it is told.

    Raises:
        SettingsError: If it does not see the project's folder, is of another version, or would ask another endpoint.
        RunError: If it would ask another question.
    """
    if not Path(token).is_file():
        raise SettingsError(
            "this worker does not see the project's folder",
            where=order.root,
            expected="one file system that the driver and all workers have under the same path",
            way_out="mount it, or start the workers where it is",
        )
    _check_versions(order)
    _job_of(order)


def _check_versions(order: Order) -> None:
    if (own := versions_of()) != order.account.versions:
        differ = ", ".join(
            f"{name} {own[name]} for {then}" for name, then in order.account.versions.items() if own.get(name) != then
        )
        raise SettingsError(
            f"this worker has other versions than the run: {differ}", way_out="install what uv.lock says"
        )


@lru_cache(maxsize=2)
def _job_of(order: Order) -> Job:
    """The job, made here of the project's files and the settings of this process; it has no articles yet."""
    info, settings = order.account, find_project(Path(order.root)).settings
    named = info.label
    endpoint = resolve_endpoint(
        settings,
        *environment(Path(order.environment)),
        model=named,
        base_url=order.base_url if order.source == OWN_ADDRESS else None,
        allow_http=True,  # the driver has allowed this very address
    )
    if endpoint is None or endpoint.base_url != order.base_url:
        raise SettingsError(
            f"this worker would ask {endpoint.base_url if endpoint else 'nobody'}, and the run asks {order.base_url}",
            where=endpoint.source if endpoint else "",
            way_out=f"give the workers the driver's environment, or pass {OWN_ADDRESS}",
        )
    if bool(endpoint.key) != order.has_key:
        raise SettingsError(
            "this worker has no key" if order.has_key else "this worker has a key, and the driver has none",
            where=endpoint.source,
            way_out="set the key's variable where the workers are started: it is not sent to them",
        )
    model = resolve_model(settings, named, endpoint)
    job = Job(
        task=replace(load_task(info.task, Path(order.root), model.differences.mode), examples=order.examples),
        model=model,
        read=lambda: iter(()),
        sources=info.articles,
        reasks=info.reasks,
        retries=info.retries,
        timeout=order.timeout,
        concurrency=order.concurrency,
        limit=info.limit,
        refresh=info.refresh,
        keep_bodies=order.keep_bodies,
        budget=info.budget,
        most_tokens=info.most_tokens,
        sample=info.sample,
        samples=info.samples,
    )
    check_same(Run(Path(order.run), info), info_of(job, info.id, info.started), job.task)
    if job.task.code != info.schema_code:
        raise RunError(
            "this worker has another code of the schema than the driver",
            where=job.task.front.schema_,
            way_out="see that both have the project's files as they are now, and go on with --resume",
        )
    return job


def run_shard(order: Order, name: str) -> None:
    """Do a shard, or what is left of it. What came of it stands in its folder."""
    worker = get_worker()
    heard = getattr(worker.scheduler, order.seat)
    loop = worker.loop.asyncio_loop  # type: ignore[attr-defined]

    async def ask(operation: str, **message: Any) -> dict[str, Any]:
        # The shard has a loop of its own; what is said to the scheduler goes by the worker's.
        sent = asyncio.run_coroutine_threadsafe(heard(operation=operation, **message), loop)
        try:
            answer: dict[str, Any] = await asyncio.wrap_future(sent)
        except OSError as error:
            raise RunError(
                "the scheduler does not answer any more", where=worker.address, way_out="go on with --resume"
            ) from error
        return answer

    asyncio.run(_do(order, name, worker.address, ask))


async def _do(order: Order, name: str, worker: str, ask: Ask) -> None:
    _check_versions(order)  # it may have come after the others were looked at
    job, shard, words = _job_of(order), Path(order.run) / "shards" / name, list[str]()
    if not shard.is_dir():
        raise RunError("this worker does not see the shard's folder", where=str(shard))
    with _sitting_at(order, job, shard, words) as (sitting, before):
        link = Link(name, worker, ask, _Spot(sitting.summary), job.budget, words)
        close_left_over(sitting)
        sitting.store.writer(origin_of(job.model.endpoint))  # type: ignore[arg-type] # before money is spent
        limited = job.budget is not None or job.most_tokens is not None
        try:
            if await link.begin(sitting.ledger.totals.spend):
                async with asyncio.TaskGroup() as group:
                    holding = group.create_task(link.hold())
                    budget = link.budget if limited else None
                    async with live(sitting, limits=link.limits, budget=budget, before=before) as answers:
                        await walk(sitting, answers)
                    holding.cancel()
            await link.end()
        except ExceptionGroup as failures:
            first = _first(failures)
            if not isinstance(first, GivenUpError):
                raise first from failures
        except GivenUpError:
            pass
        put_back(shard, sitting.writer.files)


@contextmanager
def _sitting_at(order: Order, job: Job, shard: Path, words: list[str]) -> Iterator[tuple[Sitting, Recordings | None]]:
    """A sitting at a shard, the first or one after a worker's death, with what was recorded before the run."""
    shares = [*articles_of(shard)]
    with ExitStack() as failing:
        # Opened first and given up last: whoever has the ledger has the shard.
        ledger = Ledger(shard, wait=PATIENCE)
        failing.callback(ledger.close)
        # What has ended stays as it ended, as it does in a run of one process.
        begun = Run(shard, order.account)
        kept = keep(begun, left_of(begun, (share.article for share in shares), redone=frozenset()))
        writer = RunWriter(shard, order.account, ledger)
        failing.pop_all()  # the writer closes it
    kept.since = order.since
    told = told_of(shard)
    for article, sample, sent, paid in shares:
        if isinstance(article, Article):
            kept.take(article, sample)
            if sent and article.hash not in told:
                kept.sent[article.hash] = sent
                kept.paid.update(paid)
    summary = Summary(shard, ledger.totals, +kept.states, kept.states.total())
    mine = replace(job, read=lambda: (share.article for share in shares), limit=None)
    recorded = Recordings(Path(order.before)) if order.before else nullcontext()
    with writer, recordings_of(shard) as store, recorded as before:
        yield Sitting(mine, store, writer, summary, kept, Watch(notify=words.append)), before


def _first(failures: ExceptionGroup) -> Exception:
    """The failure that ended all, out of groups in groups; another before one that only says that the run is given up."""
    found = [_first(one) if isinstance(one, ExceptionGroup) else one for one in failures.exceptions]
    return next((one for one in found if not isinstance(one, GivenUpError)), found[0])


class _Spot:
    """A shard as its link sees it."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    @property
    def refused(self) -> EndpointRefused | None:
        """Why the endpoint stopped the run, if it did."""
        return self._summary.refused

    @refused.setter
    def refused(self, error: EndpointRefused | None) -> None:
        self._summary.refused = error

    def stop(self) -> None:
        """It is to come to its end."""
        self._summary.interrupted = True

    def report(self) -> dict[str, Any]:
        """How far it is."""
        totals = self._summary.totals
        return {
            "states": dict(self._summary.states),
            "attempts": totals.attempts,
            "usage": [totals.usage.prompt, totals.usage.completion, totals.usage.cached],
            "money": str(totals.money),
            "currency": totals.currency,
            "unpriced": totals.unpriced,
        }
