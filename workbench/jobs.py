"""A job: many articles become a run, some at a time, however it is that their requests are answered.

A run is made in one sitting or in several. In each, every article that is still to be done is walked over once: its requests are put to an
*answering*, which replays them, sends them, or has them wait for a batch, and what comes of it is a line of the run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from workbench import shards
from workbench.articles import Article, Rejected
from workbench.completions import Usage
from workbench.endpoints import LOOPBACK_HOSTS, Endpoint, Model
from workbench.errors import SettingsError
from workbench.extract import Extraction, Price, Reask, State, extract, look_up_reasks, rejected
from workbench.ledger import Ledger
from workbench.limits import NotSentError
from workbench.prices import NOTHING, Cost, context_window, price
from workbench.recordings import Answer, Exchange, Origin, Recording, Recordings
from workbench.requests import Request
from workbench.resume import Kept, Left, check_records, check_same, keep, left_of, put_back, taken_samples
from workbench.runs import Run, RunInfo, RunWriter, new_folder, now, write_task
from workbench.summary import Notify, Summary, Watch
from workbench.tasks import Task

__all__ = [
    "Answering",
    "Answers",
    "Job",
    "Resume",
    "Sitting",
    "info_of",
    "origin_of",
    "replaying",
    "run_job",
    "sitting_at",
    "versions_of",
    "walk",
]

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
        sample: The number of the sample that is taken, from 0.
        samples: How many samples are taken side by side, this one among them.
        like: A run whose articles are taken anew, each as the sample that it was there.
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
    sample: int = 0
    samples: int = 1
    like: Run | None = None

    def articles(self) -> Iterator[Article | Rejected]:
        """The articles, up to the limit."""
        return islice(self.read(), self.limit)

    def begun(self) -> Kept:
        """What a new run of it has: nothing, and which samples to take."""
        return Kept(first=self.sample, samples=taken_samples(self.like) if self.like else {})

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
        self.check_price(self.price)

    def check_price(self, price: Price) -> None:
        """Refuse a budget in money where nobody knows what tokens cost.

        Args:
            price: Of tokens as they are sent.

        Raises:
            SettingsError: It is so.
        """
        if self.budget is not None and price(Usage(1, 1)) is None:
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
        spared: States that stay as they are, though going on does them again.
    """

    run: Run
    retried: frozenset[State] = frozenset()
    only: frozenset[State] = frozenset()
    spared: frozenset[State] = frozenset()

    def check(self, job: Job) -> None:
        """Refuse to go on under another question.

        Raises:
            RunError: As `check_same`.
        """
        then = self.run.info
        check_same(self.run, info_of(job, then.id, then.started), job.task)

    def left(self, job: Job, notify: Notify) -> Left:
        """What is left to be done of the job. Nothing is written.

        Raises:
            RunError: If a line is no extraction, or a record that is kept is another by the schema's code as it is now.
        """
        left = left_of(self.run, job.articles(), retried=self.retried, only=self.only, spared=self.spared)
        if self.run.info.schema_code != job.task.code and left.kept.states["ok"]:
            notify("the run does not note this code of its schema: the records that it keeps are read anew")
            check_records(self.run, job.task, left)
        return left


@dataclass(frozen=True)
class Sitting:
    """One sitting at a run: what an answering has to work with."""

    job: Job
    store: Recordings
    writer: RunWriter
    summary: Summary
    kept: Kept
    watch: Watch

    @property
    def ledger(self) -> Ledger:
        """Of the run."""
        return self.writer.ledger

    @property
    def notify(self) -> Notify:
        """Called with words for the user."""
        return self.watch.notify

    def is_fresh(self, found: Recording) -> bool:
        """Whether a recording answers: a run that asks everything again takes only what was recorded since it began."""
        return not self.job.refresh or (self.kept.since is not None and found.recorded >= self.kept.since)

    def keep(self, extraction: Extraction) -> None:
        """Write down an article's extraction, count it and tell whoever watches."""
        self.writer.keep(extraction)
        self.summary.add(extraction)
        self.watch.done(extraction, self.summary)


class Answers(NamedTuple):
    """How the requests of a sitting are answered.

    Attributes:
        answer: A request goes in, its exchange comes out. ``NotSentError`` says that the article is not done in this sitting.
        reask: How an invalid answer is asked again.
        at_once: How many articles are under way at once.
    """

    answer: Answer
    reask: Reask
    at_once: int


Answering = Callable[[Sitting], AbstractAsyncContextManager[Answers]]
"""Gives the answers of a sitting, and ends with it: ``replaying`` here, ``workbench.live.live`` over the wire."""


async def run_job(
    job: Job,
    runs: Path,
    store: Recordings,
    answering: Answering,
    *,
    resume: Resume | None = None,
    watch: Watch | None = None,
) -> Summary:
    """Extract every article of a job into a new run folder, or what is left of them into that of an earlier run.

    Args:
        job: What is to be done.
        runs: The folder in which a new run gets its own.
        store: Where answers are recorded, or stand recorded.
        answering: How requests are answered.
        resume: The run that is gone on with.
        watch: Who is told.

    Raises:
        InputError: If another process is writing to the store of recordings or to the run.
        RunError: If a run is to be gone on with under another question.
        SettingsError: If its budget could not be kept.
    """
    with sitting_at(job, runs, store, resume=resume, watch=watch) as sitting:
        async with answering(sitting) as answers:
            await walk(sitting, answers)
    return sitting.summary


@contextmanager
def sitting_at(
    job: Job, runs: Path, store: Recordings, *, resume: Resume | None = None, watch: Watch | None = None
) -> Iterator[Sitting]:
    """A sitting at a new run, or at one that is gone on with: what `run_job` does before and after the articles are walked over.

    Raises:
        As `run_job`.
    """
    watch = watch or Watch()
    if job.endpoint:
        job.check_budget()
        store.writer(origin_of(job.endpoint))  # before money is spent
    if resume:
        folder, info = resume.run.folder, _resumed(job, resume.run.info)
        resume.check(job)
        shards.roll_back(folder)
        ledger = Ledger(folder)
        with ExitStack() as failing:
            failing.callback(ledger.close)
            shards.take_in(folder, ledger, store, job.price)
            kept = keep(resume.run, resume.left(job, watch.notify))
            failing.pop_all()  # the writer closes it
    else:
        started = now()
        folder = new_folder(runs, job.task.name, started)
        write_task(folder, job.task)
        info, ledger = info_of(job, folder.name, started), Ledger(folder)
        kept = job.begun()
    for file in (*ledger.torn, *kept.torn):
        watch.torn(file)
    summary = Summary(folder, ledger.totals, +kept.states, kept.states.total())
    watch.begun(summary)
    with RunWriter(folder, info, ledger) as writer:
        yield Sitting(job, store, writer, summary, kept, watch)
        if resume:
            summary.states += put_back(folder, writer.files)
        if not (summary.interrupted or summary.left or kept.leaves):
            writer.finish()


@asynccontextmanager
async def replaying(sitting: Sitting) -> AsyncIterator[Answers]:
    """Answer from recordings alone. No client exists."""

    async def answer(request: Request) -> Exchange:
        return Exchange(sitting.store.replay(request), sent=False)

    # A replay waits for nothing, and in one row its lines come out in the articles' order.
    yield Answers(answer, look_up_reasks, at_once=1)


async def walk(sitting: Sitting, answers: Answers) -> None:
    """Extract every article that is still to be done."""
    job, kept, summary = sitting.job, sitting.kept, sitting.summary
    articles = (article for article in job.articles() if kept.wants(article))

    async def one(article: Article | Rejected) -> Extraction:
        if isinstance(article, Rejected):
            return rejected(article)
        return await extract(
            article,
            job.task,
            job.model,
            answer=answers.answer,
            reask=answers.reask,
            reasks=job.reasks,
            price=job.price,
            sample=kept.sample(article),
        )

    async def work() -> None:
        for article in articles:
            try:
                sitting.keep(await one(article))
            except NotSentError:
                summary.left += 1
                if ended := kept.ended(article):
                    summary.left_again[ended] += 1
            if summary.interrupted:
                return

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(answers.at_once):
                group.create_task(work())
    except ExceptionGroup as failures:
        # What ends one worker ends the run; the first error says it as it would without a group around it.
        raise failures.exceptions[0] from failures


def origin_of(endpoint: Endpoint) -> Origin:
    """Where an answer from an endpoint comes from: a provider, or a model that runs here."""
    return "local-model" if endpoint.host in LOOPBACK_HOSTS else "api"


def info_of(job: Job, name: str, started: datetime) -> RunInfo:
    """The account of a new run."""
    return RunInfo(
        id=name,
        started=started,
        task=job.task.name,
        model=job.model.name,
        alias=job.model.alias,
        differences=job.model.differences.model_dump(mode="json", exclude_defaults=True),
        prompt=job.task.prompt_hash,
        json_schema=job.task.schema_hash,
        schema_code=job.task.code,
        front_matter=job.task.front.model_dump(mode="json", by_alias=True),
        reasks=job.reasks,
        refresh=job.refresh,
        examples=job.task.examples.versions if job.task.examples else {},
        sample=job.sample,
        samples=job.samples,
        **_may_differ(job),
    )


def _resumed(job: Job, then: RunInfo) -> RunInfo:
    """The account of a run that is gone on with: what may differ is as it is now."""
    now_is = {**_may_differ(job), "endpoint": job.endpoint.base_url if job.endpoint else then.endpoint}
    now_is["schema_code"] = job.task.code  # by which what the run keeps reads the same
    return then.model_copy(update={**now_is, "resumed": (*then.resumed, now()), "finished": None})


def _may_differ(job: Job) -> dict[str, Any]:
    """What may be another when a run is gone on with: no answer depends on it, or only whether there is one."""
    return {
        "endpoint": job.endpoint.base_url if job.endpoint else None,
        "retries": job.retries,
        "articles": list(job.sources),
        "limit": job.limit,
        "budget": job.budget,
        "most_tokens": job.most_tokens,
        "versions": versions_of(),
    }


def versions_of() -> dict[str, str]:
    """What decides how a run goes, each with its version: of one wherever parts of one run are done."""
    return {name: _version(name) for name in ("workbench", "instructor", "openai", "pydantic")}


@cache
def _version(name: str) -> str:
    """Read once: it takes as long as an article or two, and several samples are several runs."""
    return version(name)
