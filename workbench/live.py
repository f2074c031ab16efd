"""Answering over the wire: what is not recorded is sent, within the limits and the budget, and recorded before it counts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from workbench.budget import Allowance, Budget
from workbench.errors import ArticleError, EndpointRefused, SettingsError
from workbench.extract import Price
from workbench.interrupts import interruptible
from workbench.jobs import Job, origin_of
from workbench.ledger import Attempt, recorded_in
from workbench.limits import Limits, RateLimits
from workbench.meter import Meter, worst_case
from workbench.prices import count_tokens
from workbench.recordings import Exchange, Recording, Recordings, record
from workbench.requests import Request
from workbench.resume import told_of
from workbench.sittings import Answers, Sitting
from workbench.summary import Summary

if TYPE_CHECKING:
    from workbench.model import Client

__all__ = ["check_length", "check_priced", "close_left_over", "live"]


@asynccontextmanager
async def live(
    sitting: Sitting,
    *,
    limits: Limits | None = None,
    budget: Allowance | None = None,
    before: Recordings | None = None,
) -> AsyncIterator[Answers]:
    """Send what is not recorded to the job's endpoint.

    Args:
        sitting: At which it is asked.
        limits: Of the provider, where others share them; None for the job's own.
        budget: Of the run, likewise.
        before: What was recorded before the sitting's own store began, which then holds nothing but this run's; it is only read.

    Raises:
        SettingsError: If the run's budget is in money and it has spent what nobody knows the price of.
    """
    from workbench.model import Client, reask  # noqa: PLC0415 - 2.5 s, and a replay needs none of it

    job, ledger, summary, kept = sitting.job, sitting.ledger, sitting.summary, sitting.kept
    endpoint = job.endpoint
    if endpoint is None:
        raise SettingsError("there is no endpoint to ask", way_out="pass --base-url, or set OPENAI_API_KEY")
    close_left_over(sitting)
    check_priced(job, summary)
    limits = limits or RateLimits(
        job.model.requests_per_minute,
        job.model.tokens_per_minute,
        notify=sitting.notify,
        stopping=lambda: summary.interrupted,
    )
    budget = budget or Budget(job.budget, job.most_tokens, ledger.totals.spend)
    meter = Meter(ledger, limits, budget, job.price)
    # What an earlier sitting paid for and did not come to tell of is this run's cost all the same.
    paid = kept.paid.union(
        ledger.count_again(told_of(summary.folder), kept.sent) if ledger.totals.attempts or kept.sent else ()
    )
    async with Client(
        endpoint, retries=job.retries, timeout=job.timeout, stopping=lambda: summary.interrupted
    ) as client:
        wire = _Wire(sitting, client, meter, before, paid)
        with _stoppable(sitting):
            yield Answers(wire.answer, reask, job.concurrency)


class _Wire:
    """Where the requests of a sitting are answered: by a recording, else by the endpoint.

    Args:
        sitting: At which they are asked.
        client: Of the endpoint.
        meter: Lets requests through.
        before: What was recorded before the sitting's own store began; None where that holds all.
        paid: The keys of what earlier sittings paid for and did not come to tell of.
    """

    def __init__(
        self, sitting: Sitting, client: "Client", meter: Meter, before: Recordings | None, paid: set[str]
    ) -> None:
        self._sitting, self._job, self._store, self._summary = sitting, sitting.job, sitting.store, sitting.summary
        self._client, self._meter, self._before, self._paid = client, meter, before, paid
        self._origin, self._reads = origin_of(client.endpoint), sitting.job.reads
        self._under_way: dict[str, asyncio.Event] = {}
        self._refreshed: set[str] = set()

    async def answer(self, request: Request) -> Exchange:
        # Two articles may hold one text: the second waits for the first's answer, as a replay knows only one.
        while request.key in self._under_way:
            await self._under_way[request.key].wait()
        ended = self._under_way[request.key] = asyncio.Event()
        try:
            return await self._ask(request)
        finally:
            del self._under_way[request.key]
            ended.set()

    async def _ask(self, request: Request) -> Exchange:
        if found := self._find(request):
            sent = request.key in self._paid
            self._paid.discard(request.key)
            return Exchange(found, sent=sent)
        if self._summary.refused:
            raise self._summary.refused
        check_length(request, self._reads)
        try:
            answered = await self._client.send(request, self._meter)
        except EndpointRefused as error:
            self._summary.refused = self._summary.refused or error
            raise
        recording = record(request, answered.body, self._origin, keep_body=self._job.keep_bodies)
        self._store.append(recording)
        self._meter.ended(answered.sending, answered.attempt)
        if self._job.refresh:
            self._refreshed.add(request.key)
        return Exchange(recording, sent=True, price=_as_billed(answered.attempt))

    def _find(self, request: Request) -> Recording | None:
        found = self._store.find(request)
        if found and (self._before is not None or self._is_fresh(found)):
            return found
        found = self._before.find(request) if self._before is not None else None
        return found if found and self._is_fresh(found) else None

    def _is_fresh(self, found: Recording) -> bool:
        return found.key in self._refreshed or self._sitting.is_fresh(found)


def _as_billed(attempt: Attempt) -> Price | None:
    """The price that the ledger has; where that stands at the worst case, it is not that of the answer's tokens."""
    return None if attempt.assumed else lambda _: attempt.cost


def close_left_over(sitting: Sitting, price: Price | None = None) -> None:
    """Write into the ledger what became of the requests that were under way when the run was killed.

    Args:
        sitting: That goes on with the run.
        price: Of tokens; None for the job's.
    """
    if left := sitting.ledger.close_left_over(recorded_in(sitting.store), price or sitting.job.price):
        sitting.notify(
            f"{left} requests were under way when the run was killed; those not recorded are counted at their worst case"
        )


def check_priced(job: Job, summary: Summary) -> None:
    """Refuse a budget in money for a run that has spent what nobody knows the price of.

    Raises:
        SettingsError: It has.
    """
    if job.budget is not None and summary.totals.unpriced:
        raise SettingsError(
            f"a budget in money cannot be kept: the price of {summary.totals.unpriced} requests of this run is not known",
            where=str(summary.folder),
            way_out="limit --max-tokens-total, or start another run with --new",
        )


def check_length(request: Request, reads: int) -> None:
    """Refuse a request that the model cannot read. Nothing is cut to fit.

    Raises:
        ArticleError: It has more tokens than the model reads beside its answer.
    """
    worst = worst_case(request)
    room = reads - worst.completion
    # Most need no counting: a text never has more tokens than bytes.
    if worst.prompt > room and (tokens := count_tokens(request.text)) > room:
        raise ArticleError(
            f"the request has about {tokens:,} tokens, more than the model reads beside its answer ({room:,})",
            way_out="split the article, take a model that reads more, or set context_tokens",
        )


@contextmanager
def _stoppable(sitting: Sitting) -> Iterator[None]:
    """Where the user may stop the sitting; given up, it ends without an error."""
    loop, task, given_up = asyncio.get_running_loop(), asyncio.current_task(), False

    def give_up() -> None:
        nonlocal given_up
        if task:
            given_up = True
            task.cancel()

    try:
        with interruptible(sitting.summary, sitting.notify, give_up, loop.call_soon_threadsafe):
            yield
    except asyncio.CancelledError:
        if not given_up or task is None:
            raise
        task.uncancel()
