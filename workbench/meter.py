"""What stands between a run and the wire: the limits a minute, the budget, and the ledger of what was sent."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from workbench.budget import Allowance, Spend
from workbench.completions import Usage
from workbench.errors import SettingsError
from workbench.ledger import Attempt, Ledger, Sending
from workbench.limits import Limits, RateLimits
from workbench.prices import Cost
from workbench.requests import Request

__all__ = ["Gate", "Meter", "Tally", "worst_case"]

TOKENS_PER_BYTE = 0.3
"""Of a request, until the endpoint has counted one: o200k makes 0.2 to 0.3 of Korean, 0.25 of English."""


def worst_case(request: Request) -> Usage:
    """The most tokens that a request can take: no tokenizer makes more of a text than it has bytes, and no answer is longer than its limit.

    Without a limit the answer counts as nothing, and what is said of it is no bound.
    """
    most = request.body.get("max_completion_tokens", request.body.get("max_tokens"))
    return Usage(len(request.raw), most if isinstance(most, int) else 0)


class Gate(Protocol):
    """What the client asks before an attempt and tells after it."""

    price: Callable[[Usage], Cost | None]

    @property
    def limits(self) -> Limits:
        """Of the provider."""

    async def admit(self, request: Request, number: int) -> Sending:
        """Wait until a request may be sent."""

    def ended(self, sending: Sending, attempt: Attempt) -> None:
        """Take note of how it ended."""


class Tally:
    """A gate that keeps what went through it in memory: for a few requests that are no run.

    Args:
        limits: Of the provider.
        price: What tokens cost; None if that is not known.

    Attributes:
        attempts: All that have ended.
    """

    def __init__(self, limits: RateLimits, price: Callable[[Usage], Cost | None]) -> None:
        self.limits = limits
        self.price = price
        self.attempts: list[Attempt] = []

    async def admit(self, request: Request, number: int) -> Sending:
        """Wait until the endpoint lets it through."""
        await self.limits.reserve(0)
        return Sending(request.key, request.facets.article, number, datetime.now(UTC), worst_case(request))

    def ended(self, sending: Sending, attempt: Attempt) -> None:  # noqa: ARG002 - the protocol's
        """Keep it."""
        self.attempts.append(attempt)


class Meter:
    """Lets requests through, and writes down what became of them.

    Args:
        ledger: Of the run.
        limits: Of the provider.
        budget: Of the run.
        price: What tokens cost; None if that is not known.
    """

    def __init__(
        self, ledger: Ledger, limits: Limits, budget: Allowance, price: Callable[[Usage], Cost | None]
    ) -> None:
        self.limits = limits
        self.price = price
        self._ledger = ledger
        self._budget = budget
        self._seen = Usage()
        self._seen_bytes = 0
        self._answers = 0
        self._drawn: dict[tuple[str, datetime], float] = {}

    async def admit(self, request: Request, number: int) -> Sending:
        """Wait until a request may be sent; its worst case is reserved.

        Raises:
            BudgetReached: If it could cost more than is left.
        """
        worst = worst_case(request)
        await self._budget.reserve(self._spend(worst))
        try:
            expected = self._expect(worst) if self.limits.counts_tokens else 0.0
            await self.limits.reserve(expected)
        except BaseException:
            self._budget.settle(self._spend(worst), Spend())
            raise
        sending = Sending(request.key, request.facets.article, number, datetime.now(UTC), worst)
        self._ledger.sent(sending)
        self._drawn[sending.key, sending.started] = expected
        return sending

    def ended(self, sending: Sending, attempt: Attempt) -> None:
        """Settle an attempt: what was reserved goes back, what it cost is written down."""
        used = attempt.usage.prompt + attempt.usage.completion
        if not attempt.assumed and used:
            self._seen += attempt.usage
            self._seen_bytes += sending.worst.prompt
            self._answers += 1
        self._budget.settle(self._spend(sending.worst), self._spend(attempt.usage))
        self.limits.settle(self._drawn.pop((sending.key, sending.started)), used)
        self._ledger.ended(attempt)

    def _spend(self, usage: Usage) -> Spend:
        return Spend(self._money(usage), usage.prompt + usage.completion)

    def _money(self, usage: Usage) -> Decimal:
        if self._budget.money is None or not (usage.prompt or usage.completion):  # a refused request has no price
            return Decimal(0)
        cost = self.price(usage)
        if cost is None:
            raise SettingsError("a budget in money needs the model's price, which is not known")
        return cost.amount

    def _expect(self, worst: Usage) -> float:
        """The tokens that a request will take, judged by those before it."""
        if not self._answers:
            return worst.prompt * TOKENS_PER_BYTE + worst.completion
        return worst.prompt * self._seen.prompt / self._seen_bytes + self._seen.completion / self._answers
