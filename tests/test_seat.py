"""Limits and a budget that several processes share: held as if there were one, whoever dies; in one process and with a clock of the test's own."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.budget import Budget, Spend
from workbench.errors import BudgetReached, EndpointRefused
from workbench.limits import NotSentError
from workbench.link import GivenUpError, Link
from workbench.seat import BURST, GIVEN_UP, STOPPING, Seat


class Spot:
    """A shard that counts nothing."""

    def __init__(self) -> None:
        self.refused: EndpointRefused | None = None
        self.stopped = False

    def report(self) -> dict[str, Any]:
        return {}

    def stop(self) -> None:
        self.stopped = True


def linked(seat: Seat, name: str = "1", worker: str = "w", words: list[str] | None = None) -> tuple[Link, Spot]:
    spot = Spot()
    return Link(name, worker, seat.heard, spot, Decimal(1), [] if words is None else words), spot


def held(body: Callable[[], Awaitable[None]], *links: Link) -> None:
    """Run while the links are kept up."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for link in links:
                await link.begin(Spend())
            holding = [group.create_task(link.hold()) for link in links]
            await body()
            for one in holding:
                one.cancel()

    asyncio.run(run())


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def test_two_shards_are_let_through_as_fast_as_one_would_be() -> None:
    """Over any five seconds at most the limit and a burst, and in the end as many as the limit lets through."""
    clock = Clock()
    seat = Seat(6_000, None, Budget(), clock=lambda: clock.now, sleep=clock.sleep)
    links = [linked(seat, name)[0] for name in "12"]
    let: list[float] = []

    async def send(link: Link) -> None:
        await link.limits.reserve(0)
        let.append(clock.now)

    async def body() -> None:
        await asyncio.gather(*(send(links[number % 2]) for number in range(2_000)))

    held(body, *links)
    assert len(let) == 2_000
    assert clock.now == pytest.approx(20, rel=0.02)
    for start in let:
        assert sum(start <= at < start + 5 for at in let) <= 5 * 100 + BURST * 100 + 1


def test_what_a_dead_worker_waits_for_is_left_to_the_others() -> None:
    """Be it gone, or its shard begun elsewhere."""
    clock = Clock()
    seat = Seat(6_000, None, Budget(), clock=lambda: clock.now, sleep=clock.sleep)

    async def draws(shard: str, who: str) -> list[asyncio.Task[dict[str, Any]]]:
        await seat.heard("begin", shard=shard, who=who, spent=["0", 0])
        return [asyncio.create_task(seat.heard("draw", shard=shard, who=who, tokens=[0.0] * 10)) for _ in range(20)]

    async def body() -> tuple[list[int], list[int]]:
        gone = await draws("1", "w#1")
        begun_elsewhere = await draws("2", "x#1")
        living = await draws("3", "y#1")
        await asyncio.sleep(0)
        seat.lost("w")
        await seat.heard("begin", shard="2", who="y#2", spent=["0", 0])
        answers = await asyncio.gather(*gone, *begun_elsewhere, *living)
        granted = [answer["granted"] for answer in answers]
        return granted[:40], granted[40:]

    dead, alive = asyncio.run(body())
    assert sum(dead) <= BURST * 100  # what had been let through before
    assert alive == [10] * 20
    assert clock.now == pytest.approx((sum(dead) + sum(alive)) / 100 - BURST, abs=0.1)


def test_tokens_that_were_not_used_are_given_back_to_all() -> None:
    clock = Clock()
    seat = Seat(None, 60, Budget(), clock=lambda: clock.now, sleep=clock.sleep)
    one, other = (linked(seat, name)[0] for name in "12")

    async def body() -> None:
        await one.limits.reserve(100)
        one.limits.settle(100, 1)
        await other.limits.reserve(1)

    held(body, one, other)
    assert clock.now < 100  # one a second: the hundred would have been waited for


def test_what_one_is_asked_to_wait_all_wait() -> None:
    clock = Clock()
    seat = Seat(None, None, Budget(), clock=lambda: clock.now, sleep=clock.sleep)
    one, other = (linked(seat, name)[0] for name in "12")

    async def body() -> None:
        one.limits.close(45, "rate limit reached")
        await one.end()  # what it says has come
        await other.limits.reserve(0)

    held(body, one, other)
    assert clock.now == pytest.approx(45)


def test_a_limit_that_one_learns_holds_for_all() -> None:
    seat = Seat(None, None, Budget())
    one, other = (linked(seat, name)[0] for name in "12")

    async def body() -> None:
        one.limits.learn({"x-ratelimit-limit-tokens": "6000", "server": "x"})
        await one.end()
        await other.end()
        await other.limits.reserve(1)
        assert other.limits.counts_tokens

    held(body, one, other)


REQUESTS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50), st.integers(0, 50)), max_size=40)
"""Which shard, the worst case, and how much less it turned out to be."""


@given(st.integers(0, 300), REQUESTS, st.integers(0, 40))
def test_a_budget_is_never_exceeded_whenever_a_worker_dies(
    limit: int, requests: list[tuple[int, int, int]], death: int
) -> None:
    """Shard 0's worker dies after so many requests; its ledger counts what it had under way at the worst, and it begins again."""

    async def run() -> None:
        seat = Seat(None, None, Budget(tokens=limit))
        names = {shard: {"shard": str(shard), "who": f"w{shard}#1"} for shard in range(3)}
        spent = Counter[int]()
        under_way: list[tuple[int, int, int]] = []
        for name in names.values():
            await seat.heard("begin", **name, spent=["0", 0])
        for number, (shard, worst, less) in enumerate(requests):
            if number == death:
                seat.lost("w0")
                spent[0] += sum(one[1] for one in under_way if one[0] == 0)
                under_way = [one for one in under_way if one[0] != 0]
                assert (await seat.heard("tell", **names[0]))["stop"] == GIVEN_UP  # it may live still
                names[0] = {"shard": "0", "who": "w1#2"}
                await seat.heard("begin", **names[0], spent=["0", spent[0]])
            (verdict,) = (await seat.heard("reserve", **names[shard], worsts=[["0", worst]]))["verdicts"]
            fits = spent.total() + sum(one[1] for one in under_way) + worst <= limit
            assert (verdict is True) == fits
            if fits:
                under_way.append((shard, worst, less))
            if verdict is not True or number % 3 == 0:
                for one, most, saved in under_way:
                    used = max(0, most - saved)
                    spent[one] += used
                    await seat.heard("tell", **names[one], settled=[["0", most], ["0", used], 1])
                under_way = []
            assert spent.total() + sum(one[1] for one in under_way) <= limit

    asyncio.run(run())


def test_nobody_waits_for_what_was_set_aside_for_a_dead_worker() -> None:
    """What it had under way counts as spent, and a request that does not fit beside it is told so."""
    seat = Seat(None, None, Budget(tokens=100))
    dead, living = linked(seat, "1", "dead")[0], linked(seat, "2", "living")[0]

    async def body() -> None:
        await dead.begin(Spend())
        await seat.heard("reserve", **dead._names, worsts=[["0", 80]])
        waiting = asyncio.ensure_future(living.budget.reserve(Spend(tokens=50)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        seat.lost("dead")
        with pytest.raises(BudgetReached, match="80 of 100 tokens used"):
            await waiting

    held(body, living)


def test_what_a_shard_spent_is_counted_from_its_ledger_when_it_begins_again() -> None:
    """Neither lost nor counted twice: the budget has room for the rest, to the token."""

    async def run() -> None:
        seat = Seat(None, None, Budget(tokens=100))
        first, again = linked(seat, "1", "a")[0], linked(seat, "1", "b")[0]
        await first.begin(Spend())
        await seat.heard("reserve", shard="1", who=first._names["who"], worsts=[["0", 60]])
        seat.lost("a")
        await again.begin(Spend(tokens=10))
        who = {"shard": "1", "who": again._names["who"]}
        assert (await seat.heard("reserve", **who, worsts=[["0", 91]]))["verdicts"] != [True]
        assert (await seat.heard("reserve", **who, worsts=[["0", 90]]))["verdicts"] == [True]

    asyncio.run(run())


def test_a_refusal_that_one_meets_ends_the_others() -> None:
    seat = Seat(None, None, Budget())
    (one, met), (other, told) = (linked(seat, name) for name in "12")

    async def body() -> None:
        met.refused = EndpointRefused("the key is unknown", status=401, way_out="check the key")
        await one.end()
        await other.limits.reserve(0)
        await other.limits.reserve(0)  # the answer to the first was sent before the refusal, perhaps

        heard.append((await seat.heard("look"))["refused"])

    heard: list[dict[str, Any]] = []
    held(body, one, other)
    assert str(EndpointRefused(**heard[0])) == str(met.refused)  # what the driver hears
    assert str(told.refused) == str(met.refused)
    assert told.refused
    assert told.refused.status == 401


def test_stopping_sends_nothing_that_waits_and_giving_up_ends_the_shard() -> None:
    async def run() -> None:
        seat = Seat(1, None, Budget())
        link, spot = linked(seat)
        await link.begin(Spend())
        holding = asyncio.ensure_future(link.hold())
        await link.limits.reserve(0)
        waiting = asyncio.ensure_future(link.limits.reserve(0))
        await seat.heard("stop", level=STOPPING)
        with pytest.raises(NotSentError):
            await waiting
        assert spot.stopped
        await seat.heard("stop", level=GIVEN_UP)
        with pytest.raises(ExceptionGroup) as ended:
            await holding
        assert ended.group_contains(GivenUpError)

    asyncio.run(run())


def test_what_a_shard_has_to_say_comes_to_the_driver_once() -> None:
    words = ["the endpoint is slow"]

    async def run() -> None:
        seat = Seat(None, None, Budget())
        link, _ = linked(seat, words=words)
        await link.begin(Spend())
        await link.end()
        assert (await seat.heard("look"))["words"] == ["the endpoint is slow"]
        assert (await seat.heard("look"))["words"] == []

    asyncio.run(run())
    assert words == []
