"""A sitting: many articles become a run, some at a time, however it is that their requests are answered.

A run is made in one sitting or in several. In each, every article that is still to be done is walked over once: its requests are put to an
*answering*, which replays them, sends them, or has them wait for a batch, and what comes of it is a line of the run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workbench import shards
from workbench.articles import Article, Rejected
from workbench.extract import Extraction, Reask, extract, look_up_reasks, rejected
from workbench.jobs import Job, Resume, info_of, origin_of, resumed_info
from workbench.ledger import Ledger
from workbench.limits import NotSentError
from workbench.recordings import Answer, Exchange, Recording, Recordings
from workbench.requests import Request
from workbench.resume import Kept, keep, put_back
from workbench.runs import RunWriter, new_folder, now, write_task
from workbench.summary import Notify, Summary, Watch

__all__ = ["Answering", "Answers", "Sitting", "replaying", "run_job", "sitting_at", "walk"]


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
        """Whether a recording answers, as ``Job.takes`` has it."""
        return self.job.takes(found, self.kept)

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
        folder, info = resume.run.folder, resumed_info(job, resume.run.info)
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
