"""The model behind its endpoint: with ``depot``, which takes batches there, all that talks to a network or imports openai, instructor and tenacity.

There are two retry budgets. A request that met a 429, a 5xx, a timeout or a reset is sent again here, within ``create``. An answer that does not
validate is asked again above it, by instructor. What cannot get better by repeating (a wrong key, an empty account, a malformed request) is not repeated.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Self, TypeVar

import aiohttp
import httpx2
import instructor
import openai
from instructor.core.exceptions import InstructorRetryException
from openai.types.chat import ChatCompletion
from pydantic import JsonValue
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from workbench.canonical import check_json
from workbench.completions import NO_API, SHORTEN, Usage, is_too_long, read_completion
from workbench.endpoints import Endpoint
from workbench.errors import EndpointRefused, ProviderError, RequestTooLong
from workbench.ledger import Attempt, Sending
from workbench.meter import Gate
from workbench.prices import NOTHING
from workbench.recordings import Answer, Exchange
from workbench.requests import Request
from workbench.tasks import Task

__all__ = ["OWN_PACE", "Answered", "Client", "Failure", "Passing", "reask"]

LONGEST_WAIT = 86_400.0
"""Seconds. An endpoint that asks for more has failed for now: what it did not answer can be asked again by a later run."""

OWN_PACE = -1.0
"""Wait as long as our own back-off says."""

NO_USAGE = Usage()

Result = TypeVar("Result")

# Instructor logs each invalid answer as an error; an invalid answer is a state here, and is reported as one.
logging.getLogger("instructor").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Answered:
    """A response, and the attempt that it ended: whoever sent the request stores the one before the gate is told of the other."""

    body: dict[str, JsonValue]
    sending: Sending
    attempt: Attempt


class Passing(Exception):
    """A failure after which a call is made again.

    Args:
        error: In our words: what is raised if it was the last time.
        wait: Seconds before that, or ``OWN_PACE``.
    """

    def __init__(self, error: ProviderError, wait: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed.

    Attributes:
        error: In our words.
        wait: Seconds before the next attempt, ``OWN_PACE``, or None if there is to be none.
        assumed: Whether the endpoint may have counted tokens all the same.
    """

    error: ProviderError
    wait: float | None
    assumed: bool


class Client:
    """An endpoint that requests are sent to.

    Args:
        endpoint: Address and key.
        retries: How often a request is sent again after a transient failure.
        timeout: Seconds without an answer after which an attempt has failed.
        stopping: Whether what waits to be sent again is not to wait any longer: its gate then says that it is not sent.

    Attributes:
        api: OpenAI's own client of it, for what is no chat completion.
    """

    def __init__(
        self, endpoint: Endpoint, *, retries: int, timeout: float, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self.endpoint = endpoint
        self.retries = retries
        self._timeout = timeout
        self._stopping = stopping
        self.api = openai.AsyncOpenAI(
            api_key=endpoint.key or "no-key",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            # A redirected POST would come back as the GET of another page, and take the articles along.
            # aiohttp below takes half the time that the SDK's own transport does.
            http_client=openai.DefaultAioHttpClient(follow_redirects=False),
        )
        # Whole, so that the SDK need not put it together for each request.
        self._completions = str(self.api.base_url) + "chat/completions"

    async def send(self, request: Request, gate: Gate) -> Answered:
        """Send a request, again after transient failures, and return the response.

        The gate lets each attempt through and is told how each but the answered one ended.

        Raises:
            ProviderError: If the endpoint gave no chat completion within the retries.
            EndpointRefused: If the rest of the run would fail in the same way.
            BudgetReached: If an attempt could cost more than is left.
        """
        return await self.repeat(lambda number: self._attempt(request, gate, number, last=number > self.retries))

    async def repeat(self, call: Callable[[int], Awaitable[Result]]) -> Result:
        """The result of a call, which is told which attempt it is, from 1, and is made again when it raises ``Passing``.

        Raises:
            ProviderError: If it gives none within the retries.
        """
        # Made anew for each call: a shared AsyncRetrying is corrupted by concurrent ones.
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.retries + 1),
            retry=retry_if_exception_type(Passing),
            wait=_wait,
            sleep=self._pause,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    result = await call(attempt.retry_state.attempt_number)
        except Passing as passing:
            raise passing.error from passing
        return result

    async def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping():  # noqa: ASYNC110 - a signal's handler sets it
            await asyncio.sleep(min(left, 0.25))

    async def _attempt(self, request: Request, gate: Gate, number: int, *, last: bool) -> Answered:
        sending, clock = await gate.admit(request, number), time.monotonic()
        status: int | None = None
        usage, failure = Usage(), None
        try:
            # The client's own timeout is for each read: a body that trickles would never meet it.
            async with asyncio.timeout(self._timeout):
                response: httpx2.Response = await self.api.post(
                    self._completions, content=request.raw, cast_to=httpx2.Response
                )
            status = response.status_code
            gate.limits.learn(response.headers)
            body = _object(response)
            usage = read_completion(body).usage
        except openai.APIStatusError as error:
            status = error.status_code
            gate.limits.learn(error.response.headers)
            failure = self.status_error(error)
        except (openai.APIConnectionError, TimeoutError) as error:
            failure = self.connection_error(error)
        except ProviderError as error:
            failure = Failure(error, None, assumed=True)
        except asyncio.CancelledError:
            interrupted = ProviderError("interrupted: the endpoint may bill it all the same")
            gate.ended(sending, self._ended(sending, clock, gate, Failure(interrupted, None, assumed=True)))
            raise
        ended = self._ended(sending, clock, gate, failure, status=status, usage=usage, last=last)
        if failure is None:
            return Answered(body, sending, ended)
        gate.ended(sending, ended)
        failure.error.where = failure.error.where or self.endpoint.base_url
        if failure.wait is None:
            raise failure.error
        if failure.wait == OWN_PACE:
            raise Passing(failure.error, OWN_PACE)
        gate.limits.close(failure.wait, failure.error.what)  # which keeps everybody waiting, this one too
        raise Passing(failure.error, 0.0)

    @staticmethod
    def _ended(
        sending: Sending,
        clock: float,
        gate: Gate,
        failure: Failure | None,
        *,
        status: int | None = None,
        usage: Usage = NO_USAGE,
        last: bool = False,
    ) -> Attempt:
        outcome: Literal["answered", "repeated", "failed"] = (
            "answered" if failure is None else "failed" if failure.wait is None or last else "repeated"
        )
        # No completion takes no tokens: an endpoint that says so, or nothing, has not counted.
        assumed = failure.assumed if failure else not (usage.prompt or usage.completion)
        taken = sending.worst if assumed else usage
        return Attempt(
            key=sending.key,
            text=sending.text,
            number=sending.number,
            started=sending.started,
            seconds=round(time.monotonic() - clock, 3),
            status=status,
            outcome=outcome,
            error=failure.error.what if failure else None,
            usage=taken,
            cost=gate.price(taken) if taken != NO_USAGE else NOTHING,
            assumed=assumed,
            too_long=failure is not None and isinstance(failure.error, RequestTooLong),
        )

    def connection_error(self, error: Exception) -> Failure:
        """What a lost connection means."""
        # The transport calls a reset a timeout of connecting: what happened is what aiohttp raised, at the end of the chain.
        cause: BaseException = error
        while cause.__cause__:
            cause = cause.__cause__
        # What never reached the endpoint costs nothing.
        unsent = isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        if isinstance(cause, TimeoutError | asyncio.CancelledError):
            lost = self._transient(f"no answer came in {self._timeout:g} s")
            lost.way_out += "; a slow model needs a longer `timeout` under [tool.workbench], or less --concurrency"
        else:
            lost = self._transient(f"the connection failed: {type(cause).__name__}: {cause}")
        return Failure(lost, OWN_PACE, assumed=not unsent)

    def status_error(self, error: openai.APIStatusError) -> Failure:
        """What an answer that is an error means."""
        status, details = error.status_code, error.body if isinstance(error.body, dict) else {}
        said = self.endpoint.scrub(str(details.get("message") or error.response.text[:300]).strip())
        what = f"the endpoint answered {status}" + (f": {said}" if said else "")
        way_out = _WAY_OUT.get(status)
        if status == 429 and details.get("code") == "insufficient_quota":
            way_out = _WAY_OUT[402]
        if way_out:
            return Failure(EndpointRefused(what, status=status, way_out=way_out), None, assumed=False)
        if is_too_long(status, details):
            return Failure(RequestTooLong(what, status=status, way_out=SHORTEN), None, assumed=False)
        if status == 429 or status >= 500 or status in {408, 409}:
            wait = _retry_after(error.response)
            if wait > LONGEST_WAIT:
                refused = ProviderError(
                    what, status=status, way_out=f"it asks to wait {wait / 3600:.0f} h: run again then"
                )
                return Failure(refused, None, assumed=False)
            # What stands before the model may have given up on it while it went on, and was billed.
            gave_up = status in {408, 502, 504} or status >= 520
            return Failure(ProviderError(what, status=status, way_out="try again later"), wait, assumed=gave_up)
        unlike = "if it is the form of the request: `workbench doctor --probe` finds out what the endpoint takes"
        malformed = ProviderError(what, status=status, way_out=unlike if status in {400, 422} else "")
        return Failure(malformed, None, assumed=False)

    def _transient(self, what: str) -> ProviderError:
        return ProviderError(self.endpoint.scrub(what), way_out="check the address and the network, then try again")

    async def models(self) -> list[dict[str, Any]]:
        """The models that the endpoint offers, by their ``id``, each with what else it says of them.

        Raises:
            ProviderError: If it does not say.
        """
        try:
            body: Any = _object(await self.api.get("/models", cast_to=httpx2.Response))
            listed = body["data"]
            return sorted((model for model in listed if isinstance(model["id"], str)), key=lambda model: model["id"])
        except openai.APIStatusError as error:
            raise self.status_error(error).error from None
        except openai.OpenAIError as error:
            raise self._transient(f"the endpoint does not answer: {error.__cause__ or error}") from error
        except (KeyError, TypeError) as error:
            raise ProviderError("the endpoint lists no models", where=self.endpoint.base_url, way_out=NO_API) from error

    async def close(self) -> None:
        """Close the connections."""
        await self.api.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()


# Statuses that every other request of the run would meet too.
_WAY_OUT = {
    401: "check OPENAI_API_KEY, or the variable that the settings name for the key",
    402: "top up the account, then run again: what is recorded is not asked again",
    403: "check what the key may do",
    404: "check --base-url and --model (`workbench doctor` lists the models)",
}


def _wait(state: RetryCallState) -> float:
    """As long as the failure says, else as our own back-off does."""
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.wait if isinstance(failure, Passing) else OWN_PACE
    return wait_random_exponential(multiplier=0.5, max=60)(state) if asked == OWN_PACE else asked


def _retry_after(response: httpx2.Response) -> float:
    """Seconds that the endpoint asks to wait, by ``Retry-After`` (RFC 9110, seconds or a date) or ``retry-after-ms``."""
    milliseconds, asked = response.headers.get("retry-after-ms"), response.headers.get("retry-after")
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        if asked:
            return max(0.0, float(asked))
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(str(asked)) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return OWN_PACE
    return OWN_PACE


def _object(response: httpx2.Response) -> dict[str, JsonValue]:
    try:
        text = response.content.decode()
        body = json.loads(text)
        check_json(body)  # what could not be stored is no answer: halves of characters, NaN, a depth without end
    except (ValueError, RecursionError) as error:
        kind = response.headers.get("content-type", "no content type")
        size = len(response.content)
        raise ProviderError(
            f"the endpoint answered {response.status_code} with {size} bytes that are no JSON ({kind})",
            status=response.status_code,
            expected="a chat completion",
            way_out=NO_API,
        ) from error
    return body if isinstance(body, dict) else {"": body}


class _NoAnswerError(Exception):
    """Stops instructor: a refusal, a filter or the token limit is a state, and asking again would not change it."""


async def reask(task: Task, request: Request, first: Exchange, answer: Answer, reasks: int) -> None:
    """Have instructor ask again for what did not validate, at most ``reasks`` times; ``answer`` sees each exchange.

    Instructor writes the messages; the rest of the body stays as the first request had it, ``strict`` included.

    Raises:
        ProviderError: If the endpoint fails.
        ReplayMiss: If the exchange is to be replayed and was not recorded.
    """
    exchanges: list[Exchange] = []
    failures: list[Exception] = []

    async def create(**arguments: Any) -> ChatCompletion:
        if not exchanges:
            exchanges.append(first)
        else:
            # Instructor appends to this very list later: what is sent is serialised before it gets it back.
            messages = json.loads(json.dumps(arguments["messages"]))
            for message in messages:
                if message.get("content") == []:  # which instructor makes of the empty content beside an example's call
                    message["content"] = ""
            try:
                exchanges.append(await answer(request.reask(len(exchanges), {**request.body, "messages": messages})))
            except Exception as error:
                failures.append(error)
                raise
        response: Any = exchanges[-1].recording.response
        if read_completion(response).state != "answered":
            raise _NoAnswerError
        return ChatCompletion.construct(**response)  # endpoints leave out what nobody reads; what is read was checked

    mode = instructor.Mode.TOOLS if task.front.mode == "tools" else instructor.Mode.JSON_SCHEMA
    ask: Any = instructor.patch(create=create, mode=mode)
    # Instructor may change the messages that it is given; those before the article's turn are other requests' too.
    messages = deepcopy(request.body["messages"])
    try:
        await ask(response_model=task.schema, max_retries=reasks, model=request.body["model"], messages=messages)
    except InstructorRetryException as error:
        if failures:
            raise failures[0] from error
