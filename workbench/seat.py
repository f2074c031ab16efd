"""The seat: where the limits and the budget lie that the shards of a run share, and which none of their processes takes along when it dies.

Shards talk to it over their links (``workbench.link``). What a shard has spent its own ledger knows: it says so when it begins, also when it begins
again, and what was set aside for a process that died counts as spent until then.

Messages are dictionaries of plain values; money goes as text, to the last digit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from workbench.budget import Budget, Spend
from workbench.errors import BudgetReached
from workbench.limits import NotSentError, RateLimits

__all__ = ["BEAT", "GIVEN_UP", "RUNNING", "STOPPING", "Seat", "plain_of", "spend_of"]

RUNNING, STOPPING, GIVEN_UP = 0, 1, 2
"""What a shard is to do: go on; let what is under way come to its end; drop that too."""
BURST: Final = 0.2
"""Seconds' worth of the limits that may go out at once: in any five seconds at most 4% more than they allow."""
LEASE: Final = 0.1
"""Seconds' worth that a shard is let have at a time, so that a message is worth sending."""
TURN: Final = 5.0
"""Seconds after which a shard that waits for its turn is told to ask again."""
BEAT: Final = 0.5
"""Seconds between two messages of a shard, where nothing presses."""


def plain_of(spend: Spend) -> list[Any]:
    """As a message has it."""
    return [str(spend.money), spend.tokens]


def spend_of(plain: Sequence[Any]) -> Spend:
    """As a message had it."""
    return Spend(Decimal(plain[0]), plain[1])


@dataclass
class _Account:
    """Of a shard: who does it, what it has spent, and what is set aside for its requests under way."""

    who: str
    spent: Spend
    reserved: Spend = field(default_factory=Spend)
    requests: int = 0
    report: dict[str, Any] = field(default_factory=dict)


class Seat:
    """The limits and the budget of all shards of a run.

    Args:
        requests: A minute; None if not known.
        tokens: A minute; None if not known.
        budget: Of the run, with what it has spent before.
        clock: Seconds that only grow.
        sleep: Waits so many of them.

    Attributes:
        stop: What the shards are to do.
    """

    def __init__(
        self,
        requests: float | None,
        tokens: float | None,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.stop = RUNNING
        self._words: list[str] = []
        self._clock = clock
        self._budget = budget
        self._limits = RateLimits(
            requests,
            tokens,
            notify=self._words.append,
            stopping=lambda: bool(self.stop),
            clock=clock,
            sleep=sleep,
            burst=BURST,
        )
        self._accounts: dict[str, _Account] = {}
        self._refused: dict[str, Any] | None = None
        self._waited = -BEAT

    async def heard(self, operation: str, **message: Any) -> dict[str, Any]:
        """The answer to a message."""
        if operation == "begin":
            self._begin(**message)
        elif operation == "look":
            return self._look()
        elif operation == "stop":
            self.stop = max(self.stop, message["level"])
        elif operation == "merged":
            if account := self._accounts.get(message["shard"]):
                account.report.clear()
        else:
            shard, who = message.pop("shard"), message.pop("who")
            account = self._accounts.get(shard)
            # Another has begun the shard since, or this one was taken for dead.
            if account is None or account.who != who:
                return {"stop": GIVEN_UP, "refused": None, "counts_tokens": False, "hurry": False}
            return await self._said(operation, account, message)
        return self._standing()

    async def _said(self, operation: str, account: _Account, message: dict[str, Any]) -> dict[str, Any]:
        if operation == "draw":
            return await self._draw(account, **message)
        return self._reserve(account, **message) if operation == "reserve" else self._tell(account, **message)

    def lost(self, worker: str) -> None:
        """A worker is gone: what was set aside for it may have been spent, and nobody is to wait for it."""
        for account in self._accounts.values():
            if account.who.rpartition("#")[0] == worker:
                account.who = ""
                self._settle(account, account.reserved, account.reserved, account.requests)

    def _standing(self, **more: Any) -> dict[str, Any]:
        hurry = self._limits.counts_tokens or self._clock() < self._waited + BEAT
        counts = self._limits.counts_tokens
        return {"stop": self.stop, "refused": self._refused, "counts_tokens": counts, "hurry": hurry, **more}

    def _begin(self, shard: str, who: str, spent: Sequence[Any]) -> None:
        """A shard is begun, perhaps again: its ledger knows better than what was told here before."""
        if before := self._accounts.get(shard):
            before.who = ""
            self._budget.settle(before.reserved, Spend(), before.requests)
            self._budget.spent -= before.spent
        account = self._accounts[shard] = _Account(who, spend_of(spent))
        self._budget.spent += account.spent

    def _settle(self, account: _Account, worst: Spend, actual: Spend, requests: int) -> None:
        self._budget.settle(worst, actual, requests)
        account.reserved -= worst
        account.spent += actual
        account.requests -= requests

    async def _draw(self, account: _Account, tokens: list[float]) -> dict[str, Any]:
        """Lets the first of some requests go, as soon as the limits do; what a worker that died meanwhile waits for is left to the others."""
        count, who = self._limits.worth(LEASE, tokens), account.who
        try:
            async with asyncio.timeout(TURN):
                await self._limits.reserve(sum(tokens[:count]), count, wanted=lambda: account.who == who)
        except (TimeoutError, NotSentError):
            count = 0
        return self._standing(granted=count)

    def _reserve(self, account: _Account, worsts: list[Sequence[Any]], **told: Any) -> dict[str, Any]:
        """Says of each request whether it may be sent: True, False for not yet, or why it may not."""
        self._tell(account, **told)
        verdicts: list[bool | str] = []
        for worst in map(spend_of, worsts):
            try:
                verdicts.append(self._budget.take(worst))
            except BudgetReached as error:
                verdicts.append(error.what)
            if verdicts[-1] is True:
                account.reserved += worst
                account.requests += 1
        if False in verdicts:
            self._waited = self._clock()
        return self._standing(verdicts=verdicts)

    def _tell(  # noqa: PLR0917 - a message
        self,
        account: _Account,
        settled: Sequence[Any] | None = None,
        back: float = 0.0,
        headers: Mapping[str, str] | None = None,
        closed: Sequence[tuple[float, str]] = (),
        refused: dict[str, Any] | None = None,
        words: Sequence[str] = (),
        report: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        if settled:
            worst, actual, requests = settled
            self._settle(account, spend_of(worst), spend_of(actual), requests)
        if back:
            self._limits.settle(0.0, back)
        if headers:
            self._limits.learn(headers)
        for seconds, why in closed:
            self._limits.close(seconds, why)
        self._refused = self._refused or refused
        self._words += words
        if report is not None:
            account.report = report
        return self._standing()

    def _look(self) -> dict[str, Any]:
        """What the driver wants to know: how far each shard is, and what there is to say."""
        words = [*self._words]
        self._words.clear()
        reports = [one.report for one in self._accounts.values() if one.report]
        return {"words": words, "reports": reports, "refused": self._refused}
