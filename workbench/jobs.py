"""A job: what a run is to do, and the account that the run gives of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from itertools import islice
from typing import Any

from workbench.articles import Article, Rejected
from workbench.completions import Usage
from workbench.endpoints import LOOPBACK_HOSTS, Endpoint, Model
from workbench.errors import SettingsError
from workbench.extract import Price, State
from workbench.prices import NOTHING, Cost, context_window, price
from workbench.recordings import Origin, Recording
from workbench.resume import Kept, Left, check_records, check_same, left_of, taken_samples
from workbench.runs import Run, RunInfo, now
from workbench.summary import Notify
from workbench.tasks import Task

__all__ = ["Job", "Resume", "info_of", "origin_of", "resumed_info", "versions_of"]

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

    def takes(self, found: Recording, kept: Kept) -> bool:
        """Whether a recording answers: a run that asks everything again takes only what was recorded since it began."""
        return not self.refresh or (kept.since is not None and found.recorded >= kept.since)

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


def resumed_info(job: Job, then: RunInfo) -> RunInfo:
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
