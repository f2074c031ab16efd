"""Limits a minute: what is sent in any minute is at most the limit and one second's worth more."""

import asyncio
from itertools import accumulate

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.limits import Bucket, RateLimits, said_of_limits

LIMITS = st.integers(1, 100_000)
AMOUNTS = st.lists(st.integers(1, 5_000), min_size=1, max_size=60)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def limits(clock: Clock, requests: float | None = None, tokens: float | None = None) -> tuple[RateLimits, list[str]]:
    said: list[str] = []
    return RateLimits(requests, tokens, notify=said.append, clock=clock, sleep=clock.sleep), said


@given(LIMITS, AMOUNTS)
def test_a_bucket_never_lets_more_through_than_its_rate_and_what_it_holds(limit: int, amounts: list[int]) -> None:
    bucket, now, drawn = Bucket(limit, 0.0), 0.0, []
    for amount in amounts:
        now += bucket.wait(amount, now)
        bucket.draw(amount, now)
        drawn.append((now, amount))
    capacity = max(1.0, limit / 60)
    for (at, _), before in zip(drawn, accumulate((0, *amounts)), strict=False):
        # All but the one that is let through on credit has been paid for by the time that has passed.
        assert before <= capacity + at * limit / 60 + max(amounts) + 1e-6


@given(LIMITS, AMOUNTS)
def test_a_bucket_lets_everything_through_in_the_end(limit: int, amounts: list[int]) -> None:
    bucket, now = Bucket(limit, 0.0), 0.0
    for amount in amounts:
        wait = bucket.wait(amount, now)
        assert wait <= (amount + max(amounts)) * 60 / limit + 60
        now += wait
        bucket.draw(amount, now)


@pytest.mark.parametrize(("requests", "seconds"), [(60, 9), (600, 0.9), (6, 90)])
def test_requests_are_spread_over_the_minute(requests: int, seconds: float) -> None:
    clock = Clock()
    held, _ = limits(clock, requests)

    async def send() -> None:
        for _ in range(10 + max(0, requests // 60 - 1)):
            await held.reserve(0)

    asyncio.run(send())
    assert clock.now - 1_000 == pytest.approx(seconds, abs=0.2)


def test_tokens_that_were_reserved_and_not_used_are_given_back() -> None:
    clock = Clock()
    held, _ = limits(clock, tokens=60)  # one a second

    async def send() -> None:
        await held.reserve(100)
        held.settle(100, 1)
        await held.reserve(1)

    asyncio.run(send())
    assert clock.now - 1_000 == pytest.approx(1, abs=0.2)


def test_tokens_that_were_used_beyond_the_reserved_are_waited_for() -> None:
    clock = Clock()
    held, _ = limits(clock, tokens=60)

    async def send() -> None:
        await held.reserve(1)
        held.settle(1, 30)
        await held.reserve(1)

    asyncio.run(send())
    assert clock.now - 1_000 == pytest.approx(30, abs=0.2)


def test_nothing_is_sent_while_the_endpoint_asks_to_wait_and_the_user_is_told_once() -> None:
    clock = Clock()
    held, said = limits(clock)

    async def send() -> None:
        held.close(45, "rate limit reached")
        held.close(45, "rate limit reached")
        await asyncio.gather(*(held.reserve(0) for _ in range(5)))

    asyncio.run(send())
    assert clock.now == pytest.approx(1_045, abs=0.001)
    assert said == ["the endpoint asks to wait 45 s: rate limit reached"]


@pytest.mark.parametrize("requests", [None, 600])
def test_a_wait_that_the_endpoint_asks_for_is_not_said_to_be_a_limits(requests: int | None) -> None:
    clock = Clock()

    def ticking() -> float:
        clock.now += 0.001  # as a real one: between two looks some time has passed
        return clock.now

    said: list[str] = []
    bucket = RateLimits(requests, notify=said.append, clock=ticking, sleep=clock.sleep)
    bucket.close(45, "rate limit reached")
    asyncio.run(bucket.reserve(0))
    assert said == ["the endpoint asks to wait 45 s: rate limit reached"]


def test_a_limit_that_lets_little_through_is_said_once() -> None:
    clock = Clock()
    bucket, said = limits(clock, requests=2)

    async def take() -> None:
        for _ in range(3):
            await bucket.reserve(0)

    asyncio.run(take())
    assert said == ["the limit of 2 requests a minute lets the next request through in 30 s"]


def test_a_limit_is_learned_from_the_headers_and_said() -> None:
    clock = Clock()
    held, said = limits(clock)
    held.learn({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0"})

    async def send() -> None:
        for _ in range(10):
            await held.reserve(0)

    asyncio.run(send())
    assert clock.now - 1_000 == pytest.approx(10, abs=0.2)
    assert "60 requests a minute" in said[0]


def test_a_limit_that_settings_give_stands_whatever_the_headers_say() -> None:
    clock = Clock()
    held, said = limits(clock, requests=600)
    held.learn({"x-ratelimit-limit-requests": "6"})
    asyncio.run(held.reserve(0))
    asyncio.run(held.reserve(0))
    assert clock.now - 1_000 < 1
    assert said == []


@pytest.mark.parametrize("header", ["", "many", "-5", "0", "60x", "٦٠"])
def test_a_header_that_is_no_limit_is_none(header: str) -> None:
    clock = Clock()
    held, said = limits(clock)
    held.learn({"x-ratelimit-limit-tokens": header})
    assert not held.counts_tokens
    assert said == []


def test_of_an_answers_headers_only_what_says_something_of_limits_is_kept() -> None:
    """What is kept is shown to the user and goes from process to process: a cookie has no business there."""
    headers = httpx2.Headers({"X-RateLimit-Limit-Tokens": "6000", "Set-Cookie": "session=1", "Server": "x"})
    assert said_of_limits(headers) == {"x-ratelimit-limit-tokens": "6000"}


def test_a_header_with_its_window_is_a_limit() -> None:
    held, _ = limits(Clock())
    held.learn({"x-ratelimit-limit-tokens": "100, 100;w=60"})
    assert held.counts_tokens
