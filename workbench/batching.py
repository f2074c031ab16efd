"""Answering by batch: what is not recorded is gathered into parts, handed in, and found recorded by a later sitting.

Each sitting takes in what has come back, row by row, into the recordings and the ledger, then walks once over the articles that are left. One
that has all its answers gets its extraction; the requests of the others stand in a part that is under way, or go into the next.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from workbench.articles import Article
from workbench.batch import BatchLog, Chosen, How, ReasksGo, Walked
from workbench.budget import Budget, Spend
from workbench.completions import SHORTEN, Usage
from workbench.endpoints import Model
from workbench.entries import digest
from workbench.errors import BudgetReached, ProviderError, RequestTooLong
from workbench.extract import Price
from workbench.gatherer import Gatherer
from workbench.intake import Failed, Handed, Past, read_past, take_in, take_in_handed, way_out_of
from workbench.jobs import origin_of
from workbench.limits import NotSentError
from workbench.live import check_length, check_priced, close_left_over, live
from workbench.meter import worst_case
from workbench.prices import batch_price
from workbench.prices import price as live_price
from workbench.recordings import Answer, Exchange
from workbench.requests import Request
from workbench.resume import told_of
from workbench.sittings import Answering, Answers, Sitting
from workbench.tasks import Task, render
from workbench.underway import part_rows, waiting_elsewhere

__all__ = ["gathering", "tell_all", "telling"]


def gathering(
    how: How = "api",
    reasks: ReasksGo = "batch",
    *,
    again: bool = False,
    handed: Handed | None = None,
    priced: Model | None = None,
) -> Answering:
    """Answer what is recorded or has come back, and write the rest into the next part of a batch.

    Args:
        how: Who takes that part on.
        reasks: Which way invalid answers are asked again.
        again: Ask again what failed.
        handed: Answers that somebody brings.
        priced: The model as it is priced, where the job itself has no endpoint.
    """

    @asynccontextmanager
    async def answering(sitting: Sitting) -> AsyncIterator[Answers]:
        job, model = sitting.job, priced or sitting.job.model
        job.check_price(partial(batch_price, model))
        if handed:
            sitting.store.writer(handed.origin)  # before anything is entered
        async with AsyncExitStack() as stack:
            log = stack.enter_context(BatchLog(sitting.summary.folder))
            if reasks != log.batches.reasks:
                log.note(Chosen(reasks=reasks))
            known = _taken_in(sitting, log, model, handed, again=again)
            budget = Budget(job.budget, job.most_tokens, sitting.ledger.totals.spend + known.worst)
            wire = await stack.enter_async_context(live(sitting, budget=budget)) if reasks == "live" else None
            address = job.endpoint.base_url if how == "api" and job.endpoint else None
            gatherer = Gatherer(log, how, address, keep_bodies=job.keep_bodies, again=again)
            desk = _Desk(sitting, known, budget, gatherer, wire)
            try:
                yield Answers(desk.answer, _reask, wire.at_once if wire else 1)
            except BaseException:
                gatherer.abandon()
                raise
            if sitting.summary.interrupted:
                gatherer.abandon()
                return
            gatherer.finish()
            desk.tell_met()
            log.note(Walked(waiting=sitting.summary.left, again=dict(sitting.summary.left_again), reasks=reasks))

    return answering


def telling(answering: Answering) -> Answering:
    """The same answers, and words for the user before the first request that waits in a batch of another run: it is paid for there too."""

    @asynccontextmanager
    async def told(sitting: Sitting) -> AsyncIterator[Answers]:
        async with answering(sitting) as answers:
            waits = _Waits(sitting)

            async def answer(request: Request) -> Exchange:
                waits.tell(request)
                return await answers.answer(request)

            yield answers._replace(answer=answer) if waits.untold else answers

    return told


def tell_all(sitting: Sitting) -> None:
    """The same words before anything is answered, where it is not in this process that it will be."""
    waits, job, kept = _Waits(sitting), sitting.job, sitting.kept
    for article in job.articles() if waits.untold else ():
        if isinstance(article, Article) and kept.wants(article):
            waits.tell(render(job.task, article, job.model, kept.sample(article)))
        if not waits.untold:
            return


class _Waits:
    """What other runs have in batches, and which of them the user was not told of yet."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        # Who refreshes has everything asked twice.
        self._runs = {} if sitting.job.refresh else waiting_elsewhere(sitting.summary.folder, sitting.notify)
        self.untold = {*self._runs.values()}

    def tell(self, request: Request) -> None:
        run = self._runs.get(digest(request.key))
        if run in self.untold and not self._sitting.store.find(request):
            self.untold.discard(run)
            self._sitting.notify(
                f"requests of this run wait in a batch of {run} already, and are paid for twice: "
                f"to pay once, stop (Ctrl-C), `workbench batch collect {run}`, then go on"
            )


@dataclass(frozen=True)
class _Known:
    """What is known of requests when all that has come back is taken in. They go by the digests of their keys.

    Attributes:
        price: Of tokens in a batch.
        owed: Those that were answered and are in no extraction yet, with the price that the run pays.
        waiting: Those that wait for an answer.
        worst: What these cost at the worst.
        elsewhere: Those that wait for one in another run, with its name.
        failed: Those that are not asked again.
        stopped: Whether nothing more is to be asked.
    """

    price: Price
    owed: dict[bytes, Price]
    waiting: set[bytes]
    worst: Spend
    elsewhere: Mapping[bytes, str]
    failed: Mapping[bytes, Failed]
    stopped: bool


def _taken_in(sitting: Sitting, log: BatchLog, model: Model, handed: Handed | None, *, again: bool) -> _Known:
    """Take in all that has come back."""
    job, ledger = sitting.job, sitting.ledger
    price, full = partial(batch_price, model), partial(live_price, model)
    # First: else a row that is taken in would pass for the answer to a request that was under way when a live sitting was killed.
    close_left_over(sitting, full)
    if log.torn:
        sitting.watch.torn(log.torn)
    past = read_past(log.folder)
    if job.endpoint:
        take_in(sitting, log, past, price, origin_of(job.endpoint))
    if handed:
        take_in_handed(sitting, log, past, price, handed)
    check_priced(job, sitting.summary)
    waiting, worst = _under_way(log, past, price, in_money=job.budget is not None)
    owed: dict[bytes, Price] = dict.fromkeys(past.paid, price)
    if ledger.totals.attempts:
        one_by_one = {digest(key) for key in ledger.count_again(told_of(log.folder))}
        owed.update(dict.fromkeys(one_by_one - past.answered, full))
    return _Known(
        price=price,
        owed=owed,
        waiting=waiting,
        worst=worst,
        elsewhere={} if job.refresh else waiting_elsewhere(log.folder, sitting.notify),
        failed={} if again else past.failed,
        stopped=log.batches.stopped and not again,
    )


@dataclass(frozen=True)
class _Desk:
    """Where the requests of a sitting are answered, turned away, or gathered.

    Attributes:
        sitting: What there is to work with.
        known: What is known of requests.
        budget: Of the run, what waits among it.
        gatherer: Writes the next part.
        wire: Answers re-asks at once, where they are to be.
        met: How many requests of this sitting wait in each other run.
    """

    sitting: Sitting
    known: _Known
    budget: Budget
    gatherer: Gatherer
    wire: Answers | None
    met: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: Request) -> Exchange:
        """The exchange of a request that has an answer.

        Raises:
            NotSentError: If it waits for one, from now on or still.
            ProviderError: If it failed, or nothing more is to be asked.
            ArticleError: If the model cannot read it, by our count.
            RequestTooLong: If it cannot, as it says itself.
            BudgetReached: If it could cost more than is left.
        """
        mark, known = digest(request.key), self.known
        found = self.sitting.store.find(request)
        if found and self.sitting.is_fresh(found):
            price = known.owed.pop(mark, None)  # two articles with one text are one request
            return Exchange(found, sent=price is not None, price=price)
        if mark in known.waiting:
            raise NotSentError
        self._refuse(mark)
        if run := known.elsewhere.get(mark):
            known.waiting.add(mark)
            self.met[run] += 1
            raise NotSentError
        if self.wire and request.parent:
            return await self.wire.answer(request)
        check_length(request, self.sitting.job.reads)
        known.waiting.add(mark)
        try:
            await _set_aside(self.budget, request, known.price)
            self.gatherer.add(request)
        except BaseException:
            known.waiting.discard(mark)
            raise
        raise NotSentError

    def _refuse(self, mark: bytes) -> None:
        run = self.sitting.summary.folder.name
        if failed := self.known.failed.get(mark):
            if failed.too_long:
                raise RequestTooLong(failed.error, status=failed.status, way_out=SHORTEN)
            raise ProviderError(failed.error, status=failed.status, way_out=way_out_of(failed.status, run))
        if self.known.stopped:
            raise ProviderError(
                "the batch was cancelled before an answer to this was taken in", way_out=way_out_of(None, run)
            )

    def tell_met(self) -> None:
        """Tell which other runs' answers are waited for."""
        for run, count in self.met.items():
            self.sitting.notify(
                f"{count:,} requests wait in a batch of {run} already, and are not paid for twice: `workbench batch collect {run}` "
                f"records their answers for this run too (or `workbench batch cancel {run}`, `workbench batch collect {run}`, then submit this one again)"
            )


async def _reask(task: Task, request: Request, first: Exchange, answer: Answer, reasks: int) -> None:
    from workbench.model import reask  # noqa: PLC0415 - 2.5 s, and most walks ask nothing again

    await reask(task, request, first, answer, reasks)


def _under_way(log: BatchLog, past: Past, price: Price, *, in_money: bool) -> tuple[set[bytes], Spend]:
    """The requests that wait for an answer, as digests of their keys, and what they cost at the worst."""
    waiting: set[bytes] = set()
    worst = Spend()
    for part in log.batches.open:
        entered = past.entered.get(part.number, set())
        with part_rows(log.folder, part) as rows:
            for row in rows:
                if (mark := digest(row.key)) not in entered:
                    waiting.add(mark)
                    worst += _spend(row.worst, price, in_money=in_money)
    return waiting, worst


async def _set_aside(budget: Budget, request: Request, price: Price) -> None:
    """Count a request at its worst until its answer is here: nothing in this sitting will settle it.

    Raises:
        BudgetReached: If it does not fit.
    """
    worst = _spend(worst_case(request), price, in_money=budget.money is not None)
    try:
        await budget.reserve(worst)
    except BudgetReached as error:
        raise BudgetReached(f"{error.what} (what waits in a batch counts at its worst until it is answered)") from error
    budget.settle(worst, worst)


def _spend(usage: Usage, price: Price, *, in_money: bool) -> Spend:
    cost = price(usage) if in_money else None
    return (
        Spend(cost.amount, usage.prompt + usage.completion) if cost else Spend(tokens=usage.prompt + usage.completion)
    )
