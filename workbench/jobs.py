"""A job: many articles become a run, by replay or over the wire, some at a time."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.articles import Article, Rejected
from workbench.budget import Budget
from workbench.canonical import hash_json
from workbench.completions import Usage, read_completion
from workbench.endpoints import LOOPBACK_HOSTS, Endpoint, Model
from workbench.errors import ArticleError, EndpointRefused, RunError, SettingsError
from workbench.extract import Extraction, Reask, State, extract, look_up_reasks, rejected
from workbench.ledger import Ledger, Sending, Totals
from workbench.limits import NotSentError, RateLimits
from workbench.meter import Meter
from workbench.prices import NOTHING, Cost, context_window, count_tokens, price
from workbench.recordings import Answer, Exchange, Origin, Recording, Recordings, record
from workbench.resume import Kept, check_same, keep, put_back
from workbench.runs import Run, RunInfo, RunWriter, now, write_task
from workbench.tasks import Request, Task

__all__ = ["Done", "Job", "Notify", "Resume", "Summary", "run_job"]

READS = 128_000
"""Tokens that a model is taken to read where neither settings nor its provider say."""


@dataclass(frozen=True)
class Job:
    """What a run is to do.

    Attributes:
        task: What is asked of each article.
        model: Who is asked, and where; without an endpoint it only replays.
        read: Gives the articles anew each time it is called, so that a million need not be held.
        sources: The files and folders they come from, for the run's own account.
        reasks: How often an invalid answer is asked again.
        retries: How often a request is sent again after a transient failure.
        timeout: Seconds without an answer after which an attempt has failed.
        concurrency: How many articles are under way at once.
        limit: Only the first so many articles.
        refresh: Send even what is recorded.
        keep_bodies: Store the requests' texts beside the responses.
        budget: Money that the run may cost in all; None for no limit.
        most_tokens: Tokens that it may take in all; None for no limit.
    """

    task: Task
    model: Model
    read: Callable[[], Iterator[Article | Rejected]]
    sources: Sequence[str]
    reasks: int = 2
    retries: int = 5
    timeout: float = 120.0
    concurrency: int = 8
    limit: int | None = None
    refresh: bool = False
    keep_bodies: bool = False
    budget: Decimal | None = None
    most_tokens: int | None = None

    def articles(self) -> Iterator[Article | Rejected]:
        """The articles, up to the limit."""
        return islice(self.read(), self.limit)

    @property
    def endpoint(self) -> Endpoint | None:
        """Where to send what is not recorded; None to replay only."""
        return self.model.endpoint

    @property
    def reads(self) -> int:
        """How many tokens the model reads and writes."""
        return context_window(self.model) or READS

    def price(self, usage: Usage) -> Cost | None:
        """What tokens cost where they are sent, None if that is not known."""
        return price(self.model, usage) if self.endpoint else NOTHING

    def check_budget(self) -> None:
        """Refuse a budget that could not be kept.

        Raises:
            SettingsError: If the price of the model or the length of an answer is not known.
        """
        if self.budget is None and self.most_tokens is None:
            return
        if self.task.front.max_tokens is None:
            raise SettingsError(
                "a budget cannot be kept where an answer has no limit",
                where=f"prompts/{self.task.name}.md",
                way_out="set max_tokens in its front matter",
            )
        if self.budget is not None and self.price(Usage(1, 1)) is None:
            raise SettingsError(
                f"a budget in money needs the price of {self.model.name}, which is not known",
                where=self.endpoint.base_url if self.endpoint else "",
                way_out=f"give it a price in {self.model.table}, or limit --max-tokens-total",
            )


@dataclass(frozen=True)
class Resume:
    """How to go on with a run.

    Attributes:
        run: What was done so far.
        retried: States to be asked anew, as the next sample.
        only: Do nothing but what ended in one of these; empty for everything that is left.
    """

    run: Run
    retried: frozenset[State] = frozenset()
    only: frozenset[State] = frozenset()


@dataclass
class Summary:
    """What came of a run.

    Attributes:
        folder: Of the run.
        states: How many of its articles ended in each, earlier sittings' among them.
        kept: How many articles earlier sittings had done.
        tokens: Of this sitting's exchanges, sent or replayed.
        totals: Of the ledger: what the run has sent in all.
        refused: Why the endpoint stopped the run, if it did.
        interrupted: Whether the user stopped it.
    """

    folder: Path
    totals: Totals
    states: Counter[State] = field(default_factory=Counter)
    kept: int = 0
    tokens: Usage = field(default_factory=Usage)
    refused: EndpointRefused | None = None
    interrupted: bool = False

    @property
    def cost(self) -> Cost | None:
        """Of what was sent; None if its price is not known."""
        return None if self.totals.unpriced else Cost(self.totals.money, self.totals.currency)

    def add(self, extraction: Extraction) -> None:
        """Count one more article."""
        self.states[extraction.state] += 1
        self.tokens += extraction.tokens


Done = Callable[[Extraction, Summary], None]
"""Called with each extraction when it is on the disk, and with what has come of the run so far."""
Notify = Callable[[str], None]
"""Called with words for the user."""


async def run_job(
    job: Job,
    runs: Path,
    store: Recordings,
    *,
    resume: Resume | None = None,
    done: Done = lambda *_: None,
    notify: Notify = lambda _: None,
) -> Summary:
    """Extract every article of a job into a new run folder, or what is left of them into that of an earlier run.

    Raises:
        InputError: If another process is writing to the store of recordings or to the run.
        RunError: If a run is to be gone on with under another question.
        SettingsError: If its budget could not be kept.
    """
    if job.endpoint:
        job.check_budget()
        store.writer(_origin(job.endpoint))  # before money is spent
    if resume:
        folder, info = (
            resume.run.folder,
            resume.run.info.model_copy(
                update={
                    "resumed": (*resume.run.info.resumed, now()),
                    "finished": None,
                    **_may_differ(job),
                    "endpoint": job.endpoint.base_url if job.endpoint else resume.run.info.endpoint,
                }
            ),
        )
        check_same(resume.run, _info(job, info.id, info.started), job.task)
        ledger = Ledger(folder)
        kept = keep(resume.run, job.articles(), retried=resume.retried, only=resume.only)
    else:
        folder, info = _make_folder(job, runs)
        ledger, kept = Ledger(folder), Kept()
    for file in (*ledger.torn, *kept.torn):
        notify(f"{file}: its last line was torn, and is set aside in {file.name}.torn")
    summary = Summary(folder, ledger.totals, +kept.states, kept.states.total())
    with RunWriter(folder, info, ledger) as writer:

        def keep_one(extraction: Extraction) -> None:
            writer.keep(extraction)
            summary.add(extraction)
            done(extraction, summary)

        if job.endpoint:
            with _interruptible(summary, notify):
                await _run_live(job, job.endpoint, store, ledger, summary, kept, keep_one, notify)
        else:
            await _run(job, _replay(store), look_up_reasks, kept, keep_one, lambda: False)
        if resume:
            summary.states += put_back(folder, writer.files)
        if not summary.interrupted and not kept.leaves:
            writer.finish()
    return summary


@contextmanager
def _interruptible(summary: Summary, notify: Notify) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets what is under way come to its end, the second gives it up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if summary.interrupted and task:
            task.cancel()
            return
        summary.interrupted = True
        notify("stopping: what is under way comes to its end; Ctrl-C again gives it up (it may be billed all the same)")

    try:
        for kind in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(kind, interrupt)
    except (ValueError, RuntimeError):  # only the main thread has signals
        yield
        return
    try:
        yield
    except asyncio.CancelledError:
        if not summary.interrupted or task is None:
            raise
        task.uncancel()
    finally:
        for kind in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(kind)


async def _run_live(  # noqa: PLR0917 - the parts of one run, each used once
    job: Job,
    endpoint: Endpoint,
    store: Recordings,
    ledger: Ledger,
    summary: Summary,
    kept: Kept,
    keep_one: Callable[[Extraction], None],
    notify: Notify,
) -> None:
    from workbench.model import Client, reask  # noqa: PLC0415 - 2.5 s, and a replay needs none of it

    def recorded(sending: Sending) -> Usage | None:
        found = store.get(sending.key)
        # What was recorded before is what a refresh asked again. Recordings have whole seconds.
        if found is None or found.recorded < sending.started.replace(microsecond=0):
            return None
        return read_completion(found.response).usage

    if left := ledger.close_left_over(recorded, job.price):
        notify(
            f"{left} requests were under way when the run was killed; those not recorded are counted at their worst case"
        )
    _check_priced(job, summary)
    limits = RateLimits(
        job.model.requests_per_minute,
        job.model.tokens_per_minute,
        notify=notify,
        stopping=lambda: summary.interrupted,
    )
    budget = Budget(job.budget, job.most_tokens, ledger.totals.spend)
    meter = Meter(ledger, limits, budget, job.price)
    async with Client(endpoint, retries=job.retries, timeout=job.timeout) as client:
        under_way: dict[str, asyncio.Event] = {}
        refreshed: set[str] = set()

        async def answer(request: Request) -> Exchange:
            # Two articles may hold one text: the second waits for the first's answer, as a replay knows only one.
            while request.key in under_way:
                await under_way[request.key].wait()
            ended = under_way[request.key] = asyncio.Event()
            try:
                return await ask(request)
            finally:
                del under_way[request.key]
                ended.set()

        def is_fresh(found: Recording) -> bool:
            """Whether a refresh has asked it again, in this sitting or an earlier one."""
            return found.key in refreshed or (kept.since is not None and found.recorded >= kept.since)

        async def ask(request: Request) -> Exchange:
            found = store.find(request)
            if found and (not job.refresh or is_fresh(found)):
                return Exchange(found, sent=False)
            if summary.refused:
                raise summary.refused
            _check_length(request, reads)
            try:
                answered = await client.send(request, meter)
            except EndpointRefused as error:
                summary.refused = summary.refused or error
                raise
            recording = record(request, answered.body, _origin(endpoint), keep_body=job.keep_bodies)
            store.append(recording)
            meter.ended(answered.sending, answered.attempt)
            if job.refresh:
                refreshed.add(request.key)
            return Exchange(recording, sent=True)

        reads = job.reads
        await _run(job, answer, reask, kept, keep_one, lambda: summary.interrupted)


def _check_priced(job: Job, summary: Summary) -> None:
    if job.budget is not None and summary.totals.unpriced:
        raise SettingsError(
            f"a budget in money cannot be kept: the price of {summary.totals.unpriced} requests of this run is not known",
            where=str(summary.folder),
            way_out="limit --max-tokens-total, or start another run with --new",
        )


def _replay(store: Recordings) -> Answer:
    async def answer(request: Request) -> Exchange:
        return Exchange(store.replay(request), sent=False)

    return answer


def _check_length(request: Request, reads: int) -> None:
    """Nothing is cut to fit. A text never has more tokens than bytes, so that most need no counting."""
    writes = request.body.get("max_completion_tokens", request.body.get("max_tokens"))
    room = reads - (writes if isinstance(writes, int) else 0)
    if len(request.text.encode()) > room and (tokens := count_tokens(request.text)) > room:
        raise ArticleError(
            f"the request has about {tokens:,} tokens, more than the model reads beside its answer ({room:,})",
            way_out="split the article, take a model that reads more, or set context_tokens",
        )


async def _run(  # noqa: PLR0917 - the parts of one run, each used once
    job: Job,
    answer: Answer,
    reask: Reask,
    kept: Kept,
    keep_one: Callable[[Extraction], None],
    stopping: Callable[[], bool],
) -> None:
    articles = (article for article in job.articles() if kept.wants(article))

    async def one(article: Article | Rejected) -> Extraction:
        if isinstance(article, Rejected):
            return rejected(article)
        return await extract(
            article,
            job.task,
            job.model,
            answer=answer,
            reask=reask,
            reasks=job.reasks,
            price=job.price,
            sample=kept.sample(article),
        )

    async def work() -> None:
        for article in articles:
            with suppress(NotSentError):  # the run is being stopped, and the article is not done
                keep_one(await one(article))
            if stopping():
                return

    try:
        async with asyncio.TaskGroup() as group:
            # A replay waits for nothing, and in one row its lines come out in the articles' order.
            for _ in range(job.concurrency if job.endpoint else 1):
                group.create_task(work())
    except ExceptionGroup as failures:
        # What ends one worker ends the run; the first error says it as it would without a group around it.
        raise failures.exceptions[0] from failures


def _origin(endpoint: Endpoint) -> Origin:
    return "local-model" if endpoint.host in LOOPBACK_HOSTS else "api"


def _make_folder(job: Job, runs: Path) -> tuple[Path, RunInfo]:
    started = now()
    name = f"{job.task.name}-{started:%Y%m%d-%H%M%S}"
    for folder in (runs / name, *(runs / f"{name}-{number}" for number in range(2, 1000))):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        write_task(folder, job.task)
        return folder, _info(job, folder.name, started)
    raise RunError("there are a thousand runs of this second", where=str(runs))


def _info(job: Job, name: str, started: datetime) -> RunInfo:
    return RunInfo(
        id=name,
        started=started,
        task=job.task.name,
        model=job.model.name,
        alias=job.model.alias,
        differences=job.model.differences.model_dump(mode="json", exclude_defaults=True),
        prompt=job.task.prompt_hash,
        json_schema=hash_json(job.task.json_schema),
        front_matter=job.task.front.model_dump(mode="json", by_alias=True),
        reasks=job.reasks,
        refresh=job.refresh,
        examples=job.task.examples.versions if job.task.examples else {},
        **_may_differ(job),
    )


def _may_differ(job: Job) -> dict[str, Any]:
    """What may be another when a run is gone on with: no answer depends on it, or only whether there is one."""
    return {
        "endpoint": job.endpoint.base_url if job.endpoint else None,
        "retries": job.retries,
        "articles": list(job.sources),
        "limit": job.limit,
        "budget": job.budget,
        "most_tokens": job.most_tokens,
        "versions": {name: version(name) for name in ("workbench", "instructor", "openai", "pydantic")},
    }
