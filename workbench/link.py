"""A shard's link to the seat: the provider's limits and the run's budget, as its client and its meter ask for them.

It puts together what the shard's requests ask at one time, so that a message carries many of them.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Generic, Protocol, TypeVar

from workbench.budget import Spend
from workbench.errors import BudgetReached, EndpointRefused
from workbench.limits import NotSentError, said_of_limits
from workbench.seat import BEAT, GIVEN_UP, plain_of

__all__ = ["Ask", "GivenUpError", "Link", "Spot"]

NAP: Final = 0.1
"""Seconds between two messages where another shard may be waiting for what they say."""
GATHER: Final = 0.03
"""Seconds in which those who ask are gathered for one message: little beside what a model takes to answer."""
MOST: Final = 1_000
"""Requests that one message asks for."""

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""Sends a message, its operation first, to the seat; the answer comes back."""
Amount = TypeVar("Amount")


class GivenUpError(Exception):
    """The run is given up: what is under way is dropped."""


class _Line(Generic[Amount]):
    """Who waits for the seat's word, in the order of asking."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Amount, asyncio.Future[None]]] = deque()
        self._more = asyncio.Event()

    async def join(self, amount: Amount) -> None:
        """Wait."""
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, said))
        self._more.set()
        await said

    async def first(self) -> list[tuple[Amount, asyncio.Future[None]]]:
        """Those who wait, soon after somebody does."""
        while True:
            await self._more.wait()
            await asyncio.sleep(GATHER)
            self._waiting = deque(one for one in self._waiting if not one[1].done())
            if self._waiting:
                return [one for one, _ in zip(self._waiting, range(MOST), strict=False)]
            self._more.clear()


def _let(said: asyncio.Future[None], error: Exception | None = None) -> None:
    if said.done():  # it was cancelled meanwhile
        return
    if error:
        said.set_exception(error)
    else:
        said.set_result(None)


class Spot(Protocol):
    """What a link has to know of the shard that it is of."""

    def report(self) -> dict[str, Any]:
        """How far it is."""

    def stop(self) -> None:
        """It is to come to its end."""

    refused: EndpointRefused | None
    """Why the endpoint stopped the run, if it did."""


class Link:
    """A shard's end: the limits and the budget of all, as its client and its meter ask for them.

    Args:
        shard: Its name.
        worker: The process that does it.
        ask: Sends a message to the seat.
        spot: The shard.
        money: The budget of the run; None for no limit.
        words: What the shard has to say to the user; what stands here is sent, and taken away.

    Attributes:
        limits: Of the provider.
        budget: Of the run.
    """

    def __init__(  # noqa: PLR0917 - each is of another kind
        self, shard: str, worker: str, ask: Ask, spot: Spot, money: Decimal | None, words: list[str]
    ) -> None:
        self._names = {"shard": shard, "who": f"{worker}#{uuid.uuid4().hex}"}
        self._ask = ask
        self._spot = spot
        self._told_refused = False
        self._hurry = False
        self._news = asyncio.Event()
        self._words = words
        self.limits = _SharedLimits(self._news)
        self.budget = _SharedBudget(money)

    async def begin(self, spent: Spend) -> bool:
        """Say what the shard's ledger says that it has spent; returns whether there is anything to do."""
        return not self._heed(await self._ask("begin", **self._names, spent=plain_of(spent)))

    async def hold(self) -> None:
        """Keep up the link until this is cancelled.

        Raises:
            GivenUpError: If the run is given up.
        """
        async with asyncio.TaskGroup() as group:
            for loop in (self._draw, self._reserve, self._beat):
                group.create_task(loop())

    async def end(self) -> None:
        """Say what has not been said yet."""
        await self._ask("tell", **self._names, **self._told())

    async def _draw(self) -> None:
        line = self.limits.line
        while True:
            waiting = await line.first()
            reply = await self._ask("draw", **self._names, tokens=[tokens for tokens, _ in waiting])
            stopping = self._heed(reply)
            for number, (_, said) in enumerate(waiting):
                if number < reply.get("granted", 0):
                    _let(said)
                elif stopping:
                    _let(said, NotSentError())

    async def _reserve(self) -> None:
        line = self.budget.line
        while True:
            waiting = await line.first()
            worsts = [plain_of(worst) for worst, _ in waiting]
            reply = await self._ask("reserve", **self._names, worsts=worsts, **self._told())
            stopping = self._heed(reply)
            verdicts = reply.get("verdicts") or [False] * len(waiting)
            for (_, said), verdict in zip(waiting, verdicts, strict=True):
                if verdict is True:
                    _let(said)
                elif stopping:
                    _let(said, NotSentError())
                elif verdict is not False:
                    _let(said, BudgetReached(verdict))
            if False in verdicts:
                await asyncio.sleep(NAP)

    async def _beat(self) -> None:
        while True:
            try:
                async with asyncio.timeout(NAP if self._hurry else BEAT):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self._heed(await self._ask("tell", **self._names, **self._told()))

    def _heed(self, reply: Mapping[str, Any]) -> bool:
        """Do as the seat says; returns whether the shard is to come to its end."""
        self.limits.counts_tokens = reply["counts_tokens"]
        self._hurry = reply["hurry"]
        if reply["refused"] and not self._spot.refused:
            self._spot.refused = EndpointRefused(**reply["refused"])
            self._told_refused = True
        if reply["stop"]:
            self._spot.stop()
        if reply["stop"] == GIVEN_UP:
            raise GivenUpError
        return bool(reply["stop"])

    def _told(self) -> dict[str, Any]:
        """What there is to say since this was last asked."""
        told: dict[str, Any] = {"report": self._spot.report(), **self.limits.told(), **self.budget.told()}
        if (refused := self._spot.refused) and not self._told_refused:
            self._told_refused = True
            told["refused"] = {
                name: getattr(refused, name) for name in ("what", "status", "where", "expected", "way_out")
            }
        if self._words:
            told["words"], self._words[:] = [*self._words], []
        return told


class _SharedLimits:
    """The limits, asked for over the link."""

    def __init__(self, news: asyncio.Event) -> None:
        self.counts_tokens = False
        self.line: _Line[float] = _Line()
        self._news = news
        self._back = 0.0
        self._headers: dict[str, str] = {}
        self._closed: list[tuple[float, str]] = []

    async def reserve(self, tokens: float) -> None:
        await self.line.join(tokens)

    def settle(self, reserved: float, used: float) -> None:
        self._back += used - reserved

    def close(self, seconds: float, why: str) -> None:
        self._closed.append((seconds, why))
        self._news.set()

    def learn(self, headers: Mapping[str, str]) -> None:
        self._headers.update(said_of_limits(headers))

    def told(self) -> dict[str, Any]:
        told = {"back": self._back if self.counts_tokens else 0.0, "headers": self._headers, "closed": self._closed}
        self._back, self._headers, self._closed = 0.0, {}, []
        return {name: value for name, value in told.items() if value}


class _SharedBudget:
    """The budget, asked for over the link."""

    def __init__(self, money: Decimal | None) -> None:
        self.money = money
        self.line: _Line[Spend] = _Line()
        self._worst, self._actual, self._requests = Spend(), Spend(), 0

    async def reserve(self, worst: Spend) -> None:
        await self.line.join(worst)

    def settle(self, worst: Spend, actual: Spend) -> None:
        self._worst += worst
        self._actual += actual
        self._requests += 1

    def told(self) -> dict[str, Any]:
        settled = [plain_of(self._worst), plain_of(self._actual), self._requests]
        told = {"settled": settled} if self._requests else {}
        self._worst, self._actual, self._requests = Spend(), Spend(), 0
        return told
