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
from workbench.errors import BudgetReached, ProviderError, RequestTooLong, SettingsError
from workbench.extract import Price
from workbench.gatherer import Gatherer
from workbench.intake import Handed, Past, read_past, take_in, take_in_handed, way_out_of
from workbench.jobs import Answering, Answers, Sitting, origin_of
from workbench.limits import NotSentError
from workbench.live import check_length, check_priced, close_left_over, live
from workbench.meter import worst_case
from workbench.prices import batch_price
from workbench.prices import price as live_price
from workbench.recordings import Answer, Exchange, Recording
from workbench.requests import Request
from workbench.resume import told_of
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
        model = priced or sitting.job.model
        price: Price = partial(batch_price, model)
        _check_price(sitting, price)
        if handed:
            sitting.store.writer(handed.origin)  # before anything is entered
        async with AsyncExitStack() as stack:
            log = stack.enter_context(BatchLog(sitting.summary.folder))
            if reasks != log.batches.reasks:
                log.note(Chosen(reasks=reasks))
            # First: else a row that is taken in would pass for the answer to a request that was under way when a live sitting was killed.
            full: Price = partial(live_price, model)
            close_left_over(sitting, full)
            past = _taken_in(sitting, log, price, handed)
            check_priced(sitting.job, sitting.summary)
            waiting, spend = _under_way(log, past, price, in_money=sitting.job.budget is not None)
            budget = Budget(sitting.job.budget, sitting.job.most_tokens, sitting.ledger.totals.spend + spend)
            one_by_one: set[bytes] = set()
            if sitting.ledger.totals.attempts:
                answered = sitting.ledger.count_again(told_of(log.folder))
                one_by_one = {digest(key) for key in answered} - past.answered
            wire = await stack.enter_async_context(live(sitting, budget=budget)) if reasks == "live" else None
            address = sitting.job.endpoint.base_url if how == "api" and sitting.job.endpoint else None
            gatherer = Gatherer(log, how, address, keep_bodies=sitting.job.keep_bodies, again=again)
            elsewhere = {} if sitting.job.refresh else waiting_elsewhere(log.folder, sitting.notify)
            stopped = log.batches.stopped and not again
            desk = _Desk(
                sitting, past, price, one_by_one, full, waiting, elsewhere, budget, gatherer, wire, again, stopped
            )
            try:
                yield Answers(desk.answer, _reask, wire.at_once if wire else 1)
            except BaseException:
                gatherer.abandon()
                raise
            if sitting.summary.interrupted:
                gatherer.abandon()
                return
            gatherer.finish()
            for run, count in desk.met.items():
                sitting.notify(
                    f"{count:,} requests wait in a batch of {run} already, and are not paid for twice: `workbench batch collect {run}` "
                    f"records their answers for this run too (or `workbench batch cancel {run}`, `workbench batch collect {run}`, then submit this one again)"
                )
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


def _check_price(sitting: Sitting, price: Price) -> None:
    job = sitting.job
    if job.budget is not None and price(Usage(1, 1)) is None:
        raise SettingsError(
            f"a budget in money needs the price of {job.model.name}, which is not known",
            way_out=f"give it a price in {job.model.table}, or limit --max-tokens-total",
        )


def _taken_in(sitting: Sitting, log: BatchLog, price: Price, handed: Handed | None) -> Past:
    """The run's past, with all that has come back since."""
    if log.torn:
        sitting.notify(f"{log.torn}: its last line was torn, and is set aside in {log.torn.name}.torn")
    past = read_past(log.folder)
    if sitting.job.endpoint:
        take_in(sitting, log, past, price, origin_of(sitting.job.endpoint))
    if handed:
        take_in_handed(sitting, log, past, price, handed)
    return past


@dataclass(frozen=True)
class _Desk:
    """Where the requests of a sitting are answered, turned away, or gathered.

    Attributes:
        sitting: What there is to work with.
        past: What became of rows.
        price: Of tokens in a batch.
        one_by_one: Digests of the keys that were answered over the wire in earlier sittings, and are in no extraction yet.
        full: The price of tokens that went so.
        waiting: Digests of the keys that wait for an answer.
        elsewhere: Those that wait for one in another run, with its name.
        budget: Of the run, what waits among it.
        gatherer: Writes the next part.
        wire: Answers re-asks at once, where they are to be.
        again: Whether what failed is asked again.
        stopped: Whether nothing more is to be asked.
        met: How many requests of this sitting wait in each other run.
    """

    sitting: Sitting
    past: Past
    price: Price
    one_by_one: set[bytes]
    full: Price
    waiting: set[bytes]
    elsewhere: Mapping[bytes, str]
    budget: Budget
    gatherer: Gatherer
    wire: Answers | None
    again: bool
    stopped: bool
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
        mark = digest(request.key)
        found = self.sitting.store.find(request)
        if found and _is_fresh(self.sitting, found):
            price = self.price if mark in self.past.paid else self.full if mark in self.one_by_one else None
            self.past.paid.discard(mark)  # two articles with one text are one request
            self.one_by_one.discard(mark)
            return Exchange(found, sent=price is not None, price=price)
        if mark in self.waiting:
            raise NotSentError
        self._refuse(mark)
        if run := self.elsewhere.get(mark):
            self.waiting.add(mark)
            self.met[run] += 1
            raise NotSentError
        if self.wire and request.parent:
            return await self.wire.answer(request)
        check_length(request, self.sitting.job.reads)
        self.waiting.add(mark)
        try:
            await _set_aside(self.budget, request, self.price)
            self.gatherer.add(request)
        except BaseException:
            self.waiting.discard(mark)
            raise
        raise NotSentError

    def _refuse(self, mark: bytes) -> None:
        run, failed = self.sitting.summary.folder.name, None if self.again else self.past.failed.get(mark)
        if failed and failed.too_long:
            raise RequestTooLong(failed.error, status=failed.status, way_out=SHORTEN)
        if failed:
            raise ProviderError(failed.error, status=failed.status, way_out=way_out_of(failed.status, run))
        if self.stopped:
            raise ProviderError(
                "the batch was cancelled before an answer to this was taken in", way_out=way_out_of(None, run)
            )


async def _reask(task: Task, request: Request, first: Exchange, answer: Answer, reasks: int) -> None:
    from workbench.model import reask  # noqa: PLC0415 - 2.5 s, and most walks ask nothing again

    await reask(task, request, first, answer, reasks)


def _is_fresh(sitting: Sitting, found: Recording) -> bool:
    """Whether a recording answers: a run that asked everything again goes on with what was recorded since."""
    return not sitting.job.refresh or (sitting.kept.since is not None and found.recorded >= sitting.kept.since)


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
