"""The model behind its endpoint: the only module that talks to a network, and the only one that imports openai, instructor and tenacity.

There are two retry budgets. A request that met a 429, a 5xx, a timeout or a reset is sent again here, within ``create``. An answer that does not
validate is asked again above it, by instructor. What cannot get better by repeating (a wrong key, an empty account, a malformed request) is not repeated.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Self

import httpx2
import instructor
import openai
from instructor.core.exceptions import InstructorRetryException
from openai.types.chat import ChatCompletion
from pydantic import JsonValue
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from workbench.completions import Usage, read_completion
from workbench.endpoints import Endpoint
from workbench.errors import EndpointRefused, ProviderError
from workbench.recordings import Answer, Exchange
from workbench.tasks import Request, Task

__all__ = ["Attempt", "Client", "reask"]

FATAL = {401, 402, 403, 404}
"""Statuses that every other request of the run would meet too."""
LONGEST_WAIT = 600.0
"""Seconds. An endpoint that asks for more has failed for now: what it did not answer can be asked again by a later run."""
PATIENCE = 20.0
"""Seconds of waiting from which the user is told."""

# Instructor logs each invalid answer as an error; an invalid answer is a state here, and is reported as one.
logging.getLogger("instructor").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Attempt:
    """One request over the wire: a line of the ledger.

    Attributes:
        key: Of the request.
        text: The hash of the article's text.
        number: Which attempt at it, from 1.
        started: UTC.
        seconds: Until it ended.
        status: The HTTP status, None where no response came.
        outcome: ``answered``; ``repeated``: it failed and was sent again; ``failed``: it failed for good.
        error: In words.
        usage: As the endpoint counted.
    """

    key: str
    text: str
    number: int
    started: datetime
    seconds: float
    status: int | None
    outcome: Literal["answered", "repeated", "failed"]
    error: str | None
    usage: Usage


class _Transient(Exception):
    def __init__(self, error: ProviderError, wait: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


class Client:
    """An endpoint that requests are sent to.

    Args:
        endpoint: Address and key.
        retries: How often a request is sent again after a transient failure.
        timeout: Seconds without an answer after which an attempt has failed.
        ledger: Called with each attempt when it has ended.
        notify: Called with words for the user, such as that the endpoint asks to wait.
        heard: Called with the headers of each response.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        retries: int,
        timeout: float,
        ledger: Callable[[Attempt], None],
        notify: Callable[[str], None],
        heard: Callable[[Mapping[str, str]], None] = lambda _: None,
    ) -> None:
        self.endpoint = endpoint
        self._retries = retries
        self._ledger = ledger
        self._notify = notify
        self._heard = heard
        self._timeout = timeout
        self._openai = openai.AsyncOpenAI(
            api_key=endpoint.key or "no-key",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            # A redirected POST would come back as the GET of another page, and take the articles along.
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
        )

    async def send(self, request: Request) -> dict[str, JsonValue]:
        """Send a request, again after transient failures, and return the body of its response.

        Raises:
            ProviderError: If the endpoint gave no chat completion within the budget.
            EndpointRefused: If the rest of the run would fail in the same way.
        """
        # Made anew for each call: a shared AsyncRetrying is corrupted by concurrent ones.
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._retries + 1),
            retry=retry_if_exception_type(_Transient),
            wait=self._wait,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    number = attempt.retry_state.attempt_number
                    body = await self._attempt(request, number, last=number > self._retries)
        except _Transient as transient:
            raise transient.error from transient
        return body

    def _wait(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if not isinstance(failure, _Transient) or failure.wait is None:
            return wait_random_exponential(multiplier=0.5, max=60)(state)
        if failure.wait >= PATIENCE:
            self._notify(f"the endpoint asks to wait {failure.wait:.0f} s: {failure.error.what}")
        return failure.wait

    async def _attempt(self, request: Request, number: int, *, last: bool) -> dict[str, JsonValue]:
        started, clock = datetime.now(UTC), time.monotonic()
        status: int | None = None
        usage, failure, wait, cancelled = Usage(), None, None, False
        try:
            # The client's own timeout is for each read: a body that trickles would never meet it.
            async with asyncio.timeout(self._timeout):
                response: httpx2.Response = await self._openai.post(
                    "/chat/completions", content=request.text.encode(), cast_to=httpx2.Response
                )
            status = response.status_code
            self._heard(response.headers)
            body = _object(response)
            usage = read_completion(body).usage
        except openai.APIStatusError as error:
            status = error.status_code
            self._heard(error.response.headers)
            failure, wait = self._status_error(error)
        except (openai.APITimeoutError, TimeoutError):
            failure, wait = self._transient(f"no answer came in {self._timeout:g} s"), _OWN_PACE
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            failure, wait = self._transient(f"the connection failed: {type(cause).__name__}: {cause}"), _OWN_PACE
        except ProviderError as error:
            failure = error
        except asyncio.CancelledError:
            failure, wait = ProviderError("interrupted: the endpoint may bill it all the same"), None
            cancelled = True
        if wait is not None and wait > LONGEST_WAIT:
            wait = None
        outcome: Literal["answered", "repeated", "failed"] = (
            "answered" if failure is None else "failed" if wait is None or last else "repeated"
        )
        self._ledger(
            Attempt(
                request.key,
                request.facets.article,
                number,
                started,
                round(time.monotonic() - clock, 3),
                status,
                outcome,
                failure.what if failure else None,
                usage,
            )
        )
        if cancelled:
            raise asyncio.CancelledError
        if failure is None:
            return body
        failure.where = failure.where or self.endpoint.base_url
        if wait is None:
            raise failure
        raise _Transient(failure, None if wait is _OWN_PACE else wait)

    def _status_error(self, error: openai.APIStatusError) -> tuple[ProviderError, float | None]:
        """The error in our words, and how long to wait before the next attempt; None if there is to be none."""
        status, details = error.status_code, error.body if isinstance(error.body, dict) else {}
        said = self._scrub(str(details.get("message") or error.response.text[:300]).strip())
        what = f"the endpoint answered {status}" + (f": {said}" if said else "")
        if status == 429 and details.get("code") == "insufficient_quota":
            return EndpointRefused(
                what, status=status, way_out="top up the account, then run again: what is recorded is not asked again"
            ), None
        if status in FATAL:
            return EndpointRefused(what, status=status, way_out=_WAY_OUT[status]), None
        if status == 429 or status >= 500 or status in {408, 409}:
            return ProviderError(what, status=status, way_out="try again later"), _retry_after(error.response)
        unlike = "if it is the form of the request: `workbench doctor --probe` finds out what the endpoint takes"
        return ProviderError(what, status=status, way_out=unlike if status in {400, 422} else ""), None

    def _transient(self, what: str) -> ProviderError:
        return ProviderError(self._scrub(what), way_out="check the address and the network, then try again")

    def _scrub(self, text: str) -> str:
        """An endpoint may quote the key that it was sent; nobody else is to see it."""
        return text.replace(self.endpoint.key, "[key]") if self.endpoint.key else text

    async def models(self) -> list[dict[str, Any]]:
        """The models that the endpoint offers, by their ``id``, each with what else it says of them.

        Raises:
            ProviderError: If it does not say.
        """
        try:
            body: Any = _object(await self._openai.get("/models", cast_to=httpx2.Response))
            listed = body["data"]
            return sorted((model for model in listed if isinstance(model["id"], str)), key=lambda model: model["id"])
        except openai.APIStatusError as error:
            failure, _ = self._status_error(error)
            raise failure from None
        except openai.OpenAIError as error:
            raise self._transient(f"the endpoint does not answer: {error.__cause__ or error}") from error
        except (KeyError, TypeError) as error:
            raise ProviderError(
                "the endpoint lists no models", where=self.endpoint.base_url, way_out=_NO_API
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()


_NO_API = "check that the base URL is that of an OpenAI-compatible API (it usually ends in /v1)"
_OWN_PACE = -1.0
"""Wait as long as our own back-off says."""
_WAY_OUT = {
    401: "check OPENAI_API_KEY, or the variable that the settings name for the key",
    402: "top up the account, then run again: what is recorded is not asked again",
    403: "check what the key may do",
    404: "check --base-url and --model (`workbench doctor` lists the models)",
}


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
        except (ValueError, TypeError):
            return _OWN_PACE
    return _OWN_PACE


def _object(response: httpx2.Response) -> dict[str, JsonValue]:
    try:
        text = response.content.decode()
        body = json.loads(text)
        # What could not be stored is no answer: halves of characters, NaN, a depth without end.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        kind = response.headers.get("content-type", "no content type")
        size = len(response.content)
        raise ProviderError(
            f"the endpoint answered {response.status_code} with {size} bytes that are no JSON ({kind})",
            status=response.status_code,
            expected="a chat completion",
            way_out=_NO_API,
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
    body = {name: value for name, value in request.body.items() if name in {"model", "messages"}}
    try:
        await ask(response_model=task.schema, max_retries=reasks, **body)
    except InstructorRetryException as error:
        if failures:
            raise failures[0] from error
