"""A budget is never exceeded, whatever is under way at once."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.budget import Budget, Spend
from workbench.errors import BudgetReached

REQUESTS = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), max_size=40)
"""Worst case, and how much less it turned out to be."""


@given(st.integers(0, 300), REQUESTS)
def test_the_sum_of_what_is_spent_and_reserved_stays_within(limit: int, requests: list[tuple[int, int]]) -> None:
    budget, reserved, refused = Budget(tokens=limit), [0], []

    async def one(worst: int, less: int) -> None:
        try:
            await budget.reserve(Spend(tokens=worst))
        except BudgetReached:
            refused.append(worst)
            return
        reserved[0] += worst
        assert budget.spent.tokens + reserved[0] <= limit
        await asyncio.sleep(0)
        reserved[0] -= worst
        budget.settle(Spend(tokens=worst), Spend(tokens=max(0, worst - less)))

    async def everything() -> None:
        await asyncio.gather(*(one(*request) for request in requests))

    asyncio.run(everything())
    assert budget.spent.tokens <= limit
    # What was refused would not have fitted even when all else had ended.
    assert all(budget.spent.tokens + worst > limit for worst in refused[-1:])


def test_a_request_waits_for_others_to_cost_less_than_their_worst() -> None:
    budget = Budget(tokens=10)

    async def everything() -> list[str]:
        order = []
        await budget.reserve(Spend(tokens=8))

        async def second() -> None:
            await budget.reserve(Spend(tokens=5))
            order.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        order.append("first ends")
        budget.settle(Spend(tokens=8), Spend(tokens=2))
        await waiting
        return order

    assert asyncio.run(everything()) == ["first ends", "second"]


def test_what_earlier_sittings_spent_counts() -> None:
    budget = Budget(money=Decimal("1.00"), spent=Spend(money=Decimal("0.99")))
    with pytest.raises(BudgetReached, match=r"0\.99 of 1\.00 spent, and this may cost 0\.02"):
        asyncio.run(budget.reserve(Spend(money=Decimal("0.02"))))


def test_without_limits_everything_fits() -> None:
    asyncio.run(Budget().reserve(Spend(Decimal(10**9), 10**12)))
