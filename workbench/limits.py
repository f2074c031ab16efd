"""A provider's limits: requests and tokens a minute, drawn on before a request is sent and settled when it has ended.

Each is a token bucket (J. Turner, New directions in communications, IEEE Communications Magazine 24(10), 1986), small enough that what is
sent in any minute is at most the limit and one second's worth more.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

__all__ = ["PATIENCE", "Bucket", "Limits", "NotSentError", "RateLimits", "duration", "said_of_limits"]

BURST = 1.0
"""Seconds' worth that a bucket holds."""
NAP = 0.1
"""Seconds after which whoever waits looks again: a settled request may have given back, an endpoint may have asked for more."""
INSTANT = 1e-6
"""Seconds that are no waiting: less than a clock can be trusted for."""
PATIENCE = 20.0
"""Seconds of waiting from which the user is told."""


class NotSentError(Exception):
    """The run was stopped while a request waited to be sent: nothing is known of its article, and nothing was paid."""


class Limits(Protocol):
    """What a client asks of its provider's limits: those of this process, or those that several share."""

    @property
    def counts_tokens(self) -> bool:
        """Whether there is a limit of tokens, so that it is worth knowing how many a request will take."""

    async def reserve(self, tokens: float) -> None:
        """Wait until one request of so many tokens may be sent, and draw it."""

    def settle(self, reserved: float, used: float) -> None:
        """Correct the tokens that were reserved for a request to those that it took."""

    def close(self, seconds: float, why: str) -> None:
        """Send nothing for so long."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of limits."""


class Bucket:
    """Fills steadily, is drawn on at will. Times are seconds of one clock; amounts are requests or tokens.

    What is larger than the bucket is let through when it is full and leaves a debt, so that the rate holds over time.
    """

    def __init__(self, per_minute: float, now: float, burst: float = BURST) -> None:
        self.per_minute = per_minute
        self._level = self._capacity = max(1.0, per_minute / 60 * burst)
        self._filled = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much can be drawn."""
        missing = min(amount, self._capacity) - self._fill(now)
        return max(0.0, missing * 60 / self.per_minute)

    def draw(self, amount: float, now: float) -> None:
        """Take so much, whether it is there or not; a negative amount gives back."""
        self._level = min(self._capacity, self._fill(now) - amount)

    def lower(self, left: float, now: float) -> None:
        """Hold no more than the provider says is left."""
        self._level = min(self._fill(now), left)

    def _fill(self, now: float) -> float:
        self._level = min(self._capacity, self._level + (now - self._filled) * self.per_minute / 60)
        self._filled = now
        return self._level


class RateLimits:
    """What may be sent when. Who asks first is served first.

    A limit that is not given is learned from the ``x-ratelimit-limit-*`` headers of the answers, if they have any; one that is given stands.

    Args:
        requests: A minute; None if not known.
        tokens: A minute; None if not known.
        notify: Called with words for the user.
        stopping: Whether what waits is to give up.
        clock: Seconds that only grow.
        sleep: Waits so many of them.
        burst: Seconds' worth that may go out at once after a time of quiet.

    Attributes:
        said: The ``x-ratelimit-*`` headers as they were last heard.
    """

    def __init__(
        self,
        requests: float | None = None,
        tokens: float | None = None,
        *,
        notify: Callable[[str], None] = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        burst: float = BURST,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._burst = burst
        self._notify = notify
        self._stopping = stopping
        self._said_waiting = False
        self._given = {"requests": requests is not None, "tokens": tokens is not None}
        self._buckets = {
            name: Bucket(limit, clock(), burst) for name, limit in (("requests", requests), ("tokens", tokens)) if limit
        }
        self.said: dict[str, str] = {}
        self._closed_until = 0.0
        self._turn = asyncio.Lock()

    @property
    def counts_tokens(self) -> bool:
        """Whether there is a limit of tokens, so that it is worth knowing how many a request will take."""
        return "tokens" in self._buckets

    def worth(self, seconds: float, tokens: Sequence[float]) -> int:
        """How many of these requests, the first ones, so many seconds are worth; at least one."""
        count = len(tokens)
        for name, bucket in self._buckets.items():
            amounts = tokens if name == "tokens" else [1.0] * count
            most = bucket.per_minute / 60 * seconds
            count = min(count, sum(total <= most for total in accumulate(amounts)))
        return max(1, count)

    async def reserve(self, tokens: float, requests: int = 1, wanted: Callable[[], bool] = lambda: True) -> None:
        """Wait until one request, or several, of so many tokens may be sent, and draw them.

        Raises:
            NotSentError: If the run is being stopped, or they are not wanted any more.
        """
        async with self._turn:
            while (wait := self._wait(requests, tokens)) > INSTANT:
                if self._stopping() or not wanted():
                    raise NotSentError
                self._say_waiting(requests, tokens)
                await self._sleep(min(wait, NAP))
            if self._stopping() or not wanted():
                raise NotSentError
            self._draw(requests, tokens)

    def settle(self, reserved: float, used: float) -> None:
        """Correct the tokens that were reserved for a request to those that it took."""
        if "tokens" in self._buckets:
            self._buckets["tokens"].draw(used - reserved, self._clock())

    def close(self, seconds: float, why: str) -> None:
        """Send nothing for so long: the endpoint asks for it, and every other request would be told the same."""
        until = self._clock() + seconds
        if seconds >= PATIENCE and until > self._closed_until + 1:
            self._notify(f"the endpoint asks to wait {duration(seconds)}: {why}")
        self._closed_until = max(self._closed_until, until)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of limits and of what is left of them (OpenAI's headers, which others have taken over)."""
        said = said_of_limits(headers)
        if not said:
            return
        self.said.update(said)
        now = self._clock()
        for name in ("requests", "tokens"):
            limit = _number(said.get(f"x-ratelimit-limit-{name}"))
            if limit and not self._given[name]:
                known = self._buckets.get(name)
                if known is None or known.per_minute != limit:
                    self._buckets[name] = Bucket(limit, now, self._burst)
                    self._notify(
                        f"the endpoint names a limit of {limit:,.0f} {name} a minute, which is kept; "
                        f"{name}_per_minute in the model's settings would say otherwise"
                    )
            left = _number(said.get(f"x-ratelimit-remaining-{name}"))
            if left is not None and name in self._buckets:
                self._buckets[name].lower(left, now)

    def _say_waiting(self, requests: float, tokens: float) -> None:
        """Once: a limit that lets so little through is perhaps not what was meant."""
        wait = self._wait_for_buckets(requests, tokens, self._clock())
        if not self._said_waiting and wait >= PATIENCE:
            self._said_waiting = True
            limits = " and ".join(f"{bucket.per_minute:,.0f} {name} a minute" for name, bucket in self._buckets.items())
            self._notify(f"the limit of {limits} lets the next request through in {duration(wait)}")

    def _wait(self, requests: float, tokens: float) -> float:
        now = self._clock()
        return max(self._closed_until - now, self._wait_for_buckets(requests, tokens, now))

    def _wait_for_buckets(self, requests: float, tokens: float, now: float) -> float:
        amounts = {"requests": requests, "tokens": tokens}
        return max((bucket.wait(amounts[name], now) for name, bucket in self._buckets.items()), default=0.0)

    def _draw(self, requests: float, tokens: float) -> None:
        amounts = {"requests": requests, "tokens": tokens}
        for name, bucket in self._buckets.items():
            bucket.draw(amounts[name], self._clock())


def said_of_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that say something of limits; their names are in lower case, as httpx2 gives them."""
    return {name: value for name, value in headers.items() if name.startswith("x-ratelimit")}


def _number(header: str | None) -> float | None:
    """The number that a header begins with: some append its window (``100, 100;w=60``)."""
    digits = (header or "").split(",")[0].split(";")[0].strip()
    return float(digits) if digits.isascii() and digits.isdigit() else None


def duration(seconds: float) -> str:
    """Seconds in words, to two digits or so."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
