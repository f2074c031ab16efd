"""Answering by batch: what is not recorded is gathered into parts, handed in, and found recorded by a later sitting.

Each sitting takes in what has come back, row by row, into the recordings and the ledger, then walks once over the articles that are left. One
that has all its answers gets its extraction; the requests of the others stand in a part that is under way, or go into the next.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.batch import (
    BatchLog,
    Cancelled,
    Ended,
    How,
    Part,
    ReasksGo,
    Sending,
    Submitted,
    Uploaded,
    Walked,
    check_address,
    part_file,
    read_batches,
)
from workbench.budget import Budget, Spend
from workbench.completions import Usage
from workbench.endpoints import Model
from workbench.errors import BudgetReached, ProviderError, SettingsError
from workbench.extract import Price
from workbench.gatherer import Gatherer
from workbench.index import digest
from workbench.intake import Handed, Past, part_rows, read_past, take_in, take_in_handed, way_out_of
from workbench.jobs import Answering, Answers, Notify, Sitting, origin_of
from workbench.limits import NotSentError
from workbench.live import check_length, check_priced, live
from workbench.meter import worst_case
from workbench.prices import batch_price
from workbench.recordings import Answer, Exchange, Recording
from workbench.requests import Request
from workbench.tasks import Task

if TYPE_CHECKING:
    from workbench.depot import Depot, Standing  # 2.5 s, and files by hand need none of it

__all__ = ["Fetched", "cancel", "fetch", "gathering", "look", "send"]

LOST: Final = frozenset({200, 404, 410})
"""Statuses of an endpoint that is there, and does not have what it was asked for: a deleted file, a batch of another key. 200 is nonsense in its place."""


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
        price: Price = partial(batch_price, priced or sitting.job.model)
        _check_price(sitting, price)
        if handed:
            sitting.store.writer(handed.origin)  # before anything is entered
        async with AsyncExitStack() as stack:
            log = stack.enter_context(BatchLog(sitting.summary.folder))
            past = _taken_in(sitting, log, price, handed)
            check_priced(sitting.job, sitting.summary)
            waiting, spend = _under_way(log, past, price, in_money=sitting.job.budget is not None)
            budget = Budget(sitting.job.budget, sitting.job.most_tokens, sitting.ledger.totals.spend + spend)
            wire = await stack.enter_async_context(live(sitting, budget=budget)) if reasks == "live" else None
            address = sitting.job.endpoint.base_url if how == "api" and sitting.job.endpoint else None
            gatherer = Gatherer(log, how, address, keep_bodies=sitting.job.keep_bodies, again=again)
            desk = _Desk(
                sitting, past, price, waiting, budget, gatherer, wire, again, log.batches.stopped and not again
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
            log.note(Walked(waiting=sitting.summary.left, reasks=reasks))

    return answering


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
        waiting: Digests of the keys that wait for an answer.
        budget: Of the run, what waits among it.
        gatherer: Writes the next part.
        wire: Answers re-asks at once, where they are to be.
        again: Whether what failed is asked again.
        stopped: Whether nothing more is to be asked.
    """

    sitting: Sitting
    past: Past
    price: Price
    waiting: set[bytes]
    budget: Budget
    gatherer: Gatherer
    wire: Answers | None
    again: bool
    stopped: bool

    async def answer(self, request: Request) -> Exchange:
        """The exchange of a request that has an answer.

        Raises:
            NotSentError: If it waits for one, from now on or still.
            ProviderError: If it failed, or nothing more is to be asked.
            ArticleError: If the model cannot read it.
            BudgetReached: If it could cost more than is left.
        """
        mark = digest(request.key)
        found = self.sitting.store.find(request)
        if found and _is_fresh(self.sitting, found):
            paid = mark in self.past.paid
            self.past.paid.discard(mark)  # two articles with one text are one request
            return Exchange(found, sent=paid, price=self.price)
        if mark in self.waiting:
            raise NotSentError
        self._refuse(mark)
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
        if failed:
            raise ProviderError(failed.error, status=failed.status, way_out=way_out_of(failed.status, run))
        if self.stopped:
            raise ProviderError("the batch was cancelled before this was asked", way_out=way_out_of(None, run))


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
        with part_rows(log, part) as rows:
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


def _metadata(log: BatchLog, part: Part) -> dict[str, str]:
    """By which a part's batch is known at the provider."""
    return {"run": log.folder.name[:512], "part": str(part.number), "label": part.written.label}


async def send(depot: "Depot", folder: Path, notify: Notify) -> None:
    """Hand in every part of a run that is written and was not. What a killed sitting handed in is found again, not handed in twice.

    Raises:
        ProviderError: If the endpoint does not take one; those before it are handed in.
        RunError: If one is for another endpoint.
    """
    with BatchLog(folder) as log:
        check_address(folder, log.batches, depot.address)
        for part in log.batches.open:
            if not part.is_unsent:
                continue
            look, since = part.sending, part.written.at
            if not look:
                log.note(Sending(part=part.number))
            file = part.file
            if file is None:
                name = f"{log.folder.name}-{part.number:04}-{part.written.label}.jsonl"
                file = await depot.upload(part_file(folder, part.number, "requests"), name, since, look=look)
                log.note(Uploaded(part=part.number, file=file))
            batch = await depot.submit(file, _metadata(log, part), since, look=look)
            log.note(Submitted(part=part.number, batch=batch))
            notify(f"part {part.number}: handed in as {batch}, requests: {part.written.requests:,}")


async def look(depot: "Depot", folder: Path) -> "dict[int, Standing]":
    """What the endpoint says of each part that is there, by the part's number.

    Raises:
        ProviderError: If it does not say.
        RunError: If one is at another endpoint.
    """
    batches = read_batches(folder)
    check_address(folder, batches, depot.address)
    return {
        part.number: await depot.batch(part.submitted.batch)
        for part in batches.open
        if part.submitted and not part.ended
    }


@dataclass(frozen=True)
class Fetched:
    """What came of a look at a run's batches.

    Attributes:
        ended: How many of them have ended, and are fetched.
        lost: Why the endpoint does not give those that it should, by the parts' numbers.
    """

    ended: int = 0
    lost: Mapping[int, ProviderError] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse to be content with less than all.

        Raises:
            ProviderError: If some could not be fetched; says which.
        """
        if self.lost:
            first = next(iter(self.lost.values()))
            what = "; ".join(f"part {number}: {error.what}" for number, error in self.lost.items())
            raise ProviderError(what, status=first.status, where=first.where, way_out=first.way_out) from first


async def fetch(depot: "Depot", folder: Path, notify: Notify) -> Fetched:
    """Fetch the answers to every part of a run that has ended. One that the endpoint does not have keeps none of the others.

    Raises:
        ProviderError: If the endpoint fails; those before are fetched.
        RunError: If one is at another endpoint.
    """
    ended, lost = 0, {}
    with BatchLog(folder) as log:
        check_address(folder, log.batches, depot.address)
        for part in log.batches.open:
            if part.submitted is None or part.ended:
                continue
            try:
                ended += await _fetch(depot, log, part, part.submitted.batch, notify)
            except ProviderError as error:
                if error.status not in LOST:
                    raise
                lost[part.number] = error
    return Fetched(ended, lost)


async def _fetch(depot: "Depot", log: BatchLog, part: Part, batch: str, notify: Notify) -> bool:
    """Fetch the answers to a part if it has ended; returns whether it has, and they are here."""
    standing = await depot.batch(batch)
    if not standing.has_ended:
        done = f", {standing.completed + standing.failed:,} of {standing.total:,} done" if standing.total else ""
        notify(f"part {part.number} is {standing.status}{done}")
        return False
    if standing.completed and not standing.answers:
        notify(f"part {part.number} is {standing.status}, and its {standing.completed:,} answers are not there yet")
        return False
    for kind, file in (("answers", standing.answers), ("errors", standing.errors)):
        if file:
            await depot.fetch(file, part_file(log.folder, part.number, kind))
    log.note(Ended(part=part.number, status=standing.status, why=standing.why))
    return True


async def cancel(depot: "Depot | None", folder: Path, notify: Notify, *, give_up: bool = False) -> None:
    """Have no more asked of a run: its batches are ended, what was not handed in or is in somebody's hands is given up.

    Args:
        depot: Of the endpoint, where there is one.
        folder: Of the run.
        notify: Called with words for the user.
        give_up: Give up also what the endpoint does not have any more, though it may have been paid for.

    Raises:
        ProviderError: If the endpoint fails, or does not have what it should and that is not given up; nothing more is asked all the same.
        SettingsError: If there is a batch at a provider, and no depot to reach it.
        RunError: If there is one at another endpoint.
    """
    lost = {}
    with BatchLog(folder) as log:
        if depot:
            check_address(folder, log.batches, depot.address)
        log.note(Cancelled())
        for part in log.batches.open:
            if part.ended:
                continue
            if part.written.how == "hand":
                _give_up(log, part, notify)
                continue
            if depot is None:
                raise SettingsError(
                    "there is a batch at a provider, and no endpoint to reach it by",
                    where=str(folder),
                    way_out="pass --base-url, or set OPENAI_API_KEY",
                )
            try:
                await _end(depot, log, part, notify, give_up=give_up)
            except ProviderError as error:
                if error.status not in LOST:
                    raise
                if not give_up:
                    lost[part.number] = error
                    continue
                _lose(log, part, error.what, notify)
    Fetched(lost=lost).check()


async def _end(depot: "Depot", log: BatchLog, part: Part, notify: Notify, *, give_up: bool) -> None:
    batch = part.submitted.batch if part.submitted else None
    if batch is None and part.sending and (batch := await depot.find(_metadata(log, part), part.written.at)):
        log.note(Submitted(part=part.number, batch=batch))
    if batch is None:
        _give_up(log, part, notify)
        return
    standing = await depot.batch(batch)
    if standing.has_ended and give_up:
        if not await _fetch(depot, log, part, batch, notify):
            _lose(log, part, "its answers are not there", notify)
        return
    if not standing.has_ended and standing.status != "cancelling":
        standing = await depot.cancel(batch)
    notify(f"part {part.number} is {standing.status}")


def _lose(log: BatchLog, part: Part, why: str, notify: Notify) -> None:
    """Give up a part of which the endpoint may have answered rows, for which it bills."""
    log.note(Ended(part=part.number, status="lost", why=why))
    notify(
        f"part {part.number} is given up ({why}): rows that were not fetched will stand in the ledger at their worst"
    )


def _give_up(log: BatchLog, part: Part, notify: Notify) -> None:
    collected = read_past(log.folder).collected(part)
    log.settle(collected)
    notify(f"part {part.number}: {collected.given_up:,} rows are given up")
