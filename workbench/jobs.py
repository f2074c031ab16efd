"""A job: many articles become a run, by replay or over the wire, some at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter

from workbench.articles import Article, Rejected
from workbench.canonical import hash_json
from workbench.completions import Usage
from workbench.endpoints import LOOPBACK_HOSTS, Endpoint, Model
from workbench.errors import ArticleError, EndpointRefused, RunError
from workbench.extract import Extraction, Reask, State, extract, look_up_reasks, rejected
from workbench.prices import NOTHING, Cost, context_window, count_tokens, price
from workbench.recordings import Answer, Exchange, Origin, Recordings, record
from workbench.runs import RunInfo, RunWriter, now
from workbench.tasks import Request, Task, render

__all__ = ["Estimate", "Job", "Summary", "estimate", "run_job"]

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


@dataclass
class Summary:
    """What came of a run.

    Attributes:
        folder: Of the run.
        states: How many articles ended in each.
        tokens: Of all exchanges, sent or replayed.
        cost: Of what was sent; None if its price is not known.
        refused: Why the endpoint stopped the run, if it did.
    """

    folder: Path
    states: Counter[State] = field(default_factory=Counter)
    tokens: Usage = field(default_factory=Usage)
    cost: Cost | None = NOTHING
    refused: EndpointRefused | None = None

    def add(self, extraction: Extraction) -> None:
        """Count one more article."""
        self.states[extraction.state] += 1
        self.tokens += extraction.tokens
        if self.cost is None or extraction.cost is None:
            self.cost = None
        else:
            self.cost += extraction.cost


async def run_job(
    job: Job,
    runs: Path,
    store: Recordings,
    *,
    done: Callable[[Extraction], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Extract every article of a job into a new run folder.

    ``done`` is called with each extraction when it is on the disk, ``notify`` with words for the user.

    Raises:
        InputError: If another process is writing to the store of recordings.
    """
    if job.endpoint:
        store.writer(_origin(job.endpoint))  # before money is spent
    folder, info = _make_folder(job, runs)
    summary = Summary(folder)
    with RunWriter(folder, info) as writer:

        def keep(extraction: Extraction) -> None:
            writer.keep(extraction)
            summary.add(extraction)
            done(extraction)

        if job.endpoint:
            await _run_live(job, job.endpoint, store, writer, summary, keep, notify)
        else:
            await _run(job, _replay(store), look_up_reasks, keep)
        writer.finish()
    return summary


async def _run_live(  # noqa: PLR0917 - the parts of one run, each used once
    job: Job,
    endpoint: Endpoint,
    store: Recordings,
    writer: RunWriter,
    summary: Summary,
    keep: Callable[[Extraction], None],
    notify: Callable[[str], None],
) -> None:
    from workbench.model import Attempt, Client, reask  # noqa: PLC0415 - 2.5 s, and a replay needs none of it

    lines = TypeAdapter(tuple[Attempt, Cost | None])

    def ledger(attempt: Attempt) -> None:
        cost = price(job.model, attempt.usage) if attempt.outcome == "answered" else None
        fields, priced = lines.dump_python((attempt, cost), mode="json")
        writer.keep_attempt(fields | {"cost": priced})

    async with Client(endpoint, retries=job.retries, timeout=job.timeout, ledger=ledger, notify=notify) as client:
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

        async def ask(request: Request) -> Exchange:
            found = None if job.refresh and request.key not in refreshed else store.find(request)
            if found:
                return Exchange(found, sent=False)
            if summary.refused:
                raise summary.refused
            _check_length(request, reads)
            try:
                response = await client.send(request)
            except EndpointRefused as error:
                summary.refused = summary.refused or error
                raise
            recording = record(request, response, _origin(endpoint), keep_body=job.keep_bodies)
            store.append(recording)
            if job.refresh:
                refreshed.add(request.key)
            return Exchange(recording, sent=True)

        reads = job.reads
        await _run(job, answer, reask, keep)


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


async def _run(job: Job, answer: Answer, reask: Reask, keep: Callable[[Extraction], None]) -> None:
    articles = job.articles()

    def cost(usage: Usage) -> Cost | None:
        return price(job.model, usage) if job.endpoint else NOTHING

    async def work() -> None:
        for article in articles:
            if isinstance(article, Rejected):
                keep(rejected(article))
            else:
                keep(
                    await extract(
                        article, job.task, job.model, answer=answer, reask=reask, reasks=job.reasks, price=cost
                    )
                )

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
        return folder, RunInfo(
            id=folder.name,
            started=started,
            task=job.task.name,
            model=job.model.name,
            differences=job.model.differences.model_dump(mode="json", exclude_defaults=True),
            endpoint=job.endpoint.base_url if job.endpoint else None,
            prompt=job.task.prompt_hash,
            json_schema=hash_json(job.task.json_schema),
            front_matter=job.task.front.model_dump(mode="json", by_alias=True),
            reasks=job.reasks,
            retries=job.retries,
            articles=list(job.sources),
            limit=job.limit,
            versions={name: version(name) for name in ("workbench", "instructor", "openai", "pydantic")},
        )
    raise RunError("there are a thousand runs of this second", where=str(runs))


@dataclass(frozen=True)
class Estimate:
    """What a job would send.

    Attributes:
        articles: How many there are; ``rejected`` of them cannot be read, ``recorded`` need not be sent.
        prompt_tokens: Of the requests to be sent, by o200k.
        completion_tokens: At the most, from the prompt's ``max_tokens``; None if that is not set.
        cost: At the most; None if the price or the most tokens are not known.
    """

    articles: int
    rejected: int
    recorded: int
    prompt_tokens: int
    completion_tokens: int | None
    cost: Cost | None


def estimate(job: Job, store: Recordings) -> Estimate:
    """What a job would send and cost at the most, sending nothing."""
    articles = refused = recorded = prompt = 0
    for article in job.articles():
        articles += 1
        if isinstance(article, Rejected):
            refused += 1
            continue
        request = render(job.task, article, job.model)
        if not job.refresh and store.find(request):
            recorded += 1
        else:
            prompt += count_tokens(request.text)
    sent, each = articles - refused - recorded, job.task.front.max_tokens
    completion = 0 if not sent else each and sent * each
    cost = None
    if completion is not None and job.endpoint:
        cost = price(job.model, Usage(prompt, completion)) if sent else NOTHING
    return Estimate(articles, refused, recorded, prompt, completion, cost)
