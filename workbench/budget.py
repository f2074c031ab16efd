"""What a run may spend: reserved before each request at its worst, so that it is never exceeded, and settled after.

Money and tokens are counted over the whole run, however often it was interrupted.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from workbench.errors import BudgetReached

__all__ = ["Allowance", "Budget", "Spend"]


@dataclass(frozen=True, slots=True)
class Spend:
    """Money in the currency of the price list, and tokens, prompt and completion together."""

    money: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: "Spend") -> "Spend":
        """The sum."""
        return Spend(self.money + other.money, self.tokens + other.tokens)

    def __sub__(self, other: "Spend") -> "Spend":
        """The difference."""
        return Spend(self.money - other.money, self.tokens - other.tokens)


class Allowance(Protocol):
    """What a meter asks of a budget: one of this process, or one that several share."""

    @property
    def money(self) -> Decimal | None:
        """The most that may be spent; None for no limit."""

    async def reserve(self, worst: Spend) -> None:
        """Set aside what a request costs at its worst."""

    def settle(self, worst: Spend, actual: Spend) -> None:
        """Put what a request cost in the place of what was reserved for it."""


class Budget:
    """Limits to what is spent, and what is spent and reserved so far.

    Args:
        money: At the most; None for no limit.
        tokens: At the most; None for no limit.
        spent: By earlier sittings of the run.
    """

    def __init__(self, money: Decimal | None = None, tokens: int | None = None, spent: Spend | None = None) -> None:
        self.money = money
        self.tokens = tokens
        self.spent = spent or Spend()
        self._reserved = Spend()
        self._under_way = 0
        self._settled = asyncio.Event()

    async def reserve(self, worst: Spend) -> None:
        """Set aside what a request costs at its worst, waiting for others to cost less than theirs where that may help.

        Raises:
            BudgetReached: If it does not fit into what is left.
        """
        while not self.take(worst):
            await self._settled.wait()

    def take(self, worst: Spend) -> bool:
        """The same at once: whether it was set aside; False where others may yet cost less than theirs.

        Raises:
            BudgetReached: If it does not fit into what is left.
        """
        if not self._fits(self.spent + self._reserved + worst):
            if not self._under_way or not self._fits(self.spent + worst):
                raise BudgetReached(f"the budget is reached: {self._words(worst)}")
            return False
        self._reserved += worst
        self._under_way += 1
        return True

    def settle(self, worst: Spend, actual: Spend, requests: int = 1) -> None:
        """Put what a request cost, or what several did, in the place of what was reserved for it."""
        self._reserved -= worst
        self._under_way -= requests
        self.spent += actual
        self._settled.set()  # wakes all who wait now
        self._settled = asyncio.Event()

    def _fits(self, spend: Spend) -> bool:
        return (self.money is None or spend.money <= self.money) and (
            self.tokens is None or spend.tokens <= self.tokens
        )

    def _words(self, worst: Spend) -> str:
        said = []
        if self.money is not None:
            said.append(f"{self.spent.money:f} of {self.money:f} spent, and this may cost {worst.money:f}")
        if self.tokens is not None:
            said.append(f"{self.spent.tokens:,} of {self.tokens:,} tokens used, and this may take {worst.tokens:,}")
        return "; ".join(said)
