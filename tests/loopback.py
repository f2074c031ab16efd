"""A real HTTP/1.1 server on loopback that speaks enough of OpenAI's API for the real client, and misbehaves when told.

    with Loopback(answer=lambda request: {"plans": []}) as server:
        server.script(rate_limited(0), ok('{"plans": []}'))  # in this order; then the default answer again
        client = AsyncOpenAI(base_url=server.base_url, api_key="sk-test", max_retries=0)

It stands on asyncio's streams, in a thread of its own, because what it is for happens below HTTP: a connection that is
reset, a body that ends early. An answer is a small value and knows nothing of the server; the functions under "The
answers, by name" make them. Bodies are in real characters and depend on nothing but the answer and the request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import responses as REASONS  # noqa: N812 - it is a table
from types import TracebackType
from typing import Any, Self, TypeAlias

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"

CREATED = 1_767_225_600
"""When every completion says that it was made: 2026-01-01T00:00:00Z."""
HELD = 0.005
"""Seconds between two looks at whether an answer is still held back."""


# What comes in


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in, header names in lower case; `json` is None where the body is not JSON."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    json: Any = field(repr=False)
    port: int
    """The client's port: requests with the same one came over the same connection."""

    @property
    def key(self) -> str:
        """The credential that was sent, or an empty string."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


async def _read(reader: asyncio.StreamReader, port: int) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, path, _ = line.split(" ")
    pairs = (each.partition(":") for each in fields)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if "transfer-encoding" in headers:
        raise NotImplementedError("the loopback server reads request bodies with a Content-Length only")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body, _parsed(body), port)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


# What goes out


@dataclass(frozen=True, slots=True)
class Message:
    """One complete HTTP response."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def head(self) -> bytes:
        fields = {"content-type": self.content_type, "content-length": str(len(self.body))}
        fields |= {name.lower(): value for name, value in self.headers.items()}
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Turn:
    """One request, and the connection on which it waits for its answer."""

    request: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Answer(ABC):
    """How the server treats one request."""

    __slots__ = ()

    @abstractmethod
    async def play(self, turn: Turn) -> bool:
        """Do it on the wire, and say whether the connection can take another request."""


class Whole(Answer):
    """An answer that is one complete HTTP response; what bends an answer (`slow`, `dropped_midway`) bends one of these."""

    __slots__ = ()

    @abstractmethod
    def message(self, request: Received) -> Message:
        """The response to this request."""

    async def play(self, turn: Turn) -> bool:
        message = self.message(turn.request)
        turn.writer.write(message.head + message.body)
        await turn.writer.drain()
        return True


@dataclass(frozen=True, slots=True)
class Plain(Whole):
    """The same response whatever the request was."""

    response: Message

    def message(self, request: Received) -> Message:  # noqa: ARG002
        return self.response


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that a completion says it took."""

    prompt: int = 1200
    completion: int = 300
    cached: int = 0

    def body(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Completion(Whole):
    """A chat completion. Where `model` or `tool` is None it names the model asked for, the first tool offered."""

    content: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    tool: str | None = None
    finish_reason: str = "stop"
    usage: Usage | Mapping[str, Any] | None = USAGE
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    escaped: bool = False

    def message(self, request: Received) -> Message:
        return Message(200, _json(self._body(request), escaped=self.escaped), headers=self.headers)

    def _body(self, request: Received) -> dict[str, Any]:
        digest = hashlib.sha256(request.body).hexdigest()
        message: dict[str, Any] = {"role": "assistant", "content": self.content, "refusal": self.refusal}
        if self.arguments is not None:
            function = {"name": self.tool or request.json["tools"][0]["function"]["name"], "arguments": self.arguments}
            message["tool_calls"] = [{"id": f"call_{digest[:24]}", "type": "function", "function": function}]
        body: dict[str, Any] = {
            "id": f"chatcmpl-{digest[:29]}",
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model or request.json["model"],
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}],
        }
        if self.usage is not None:
            body["usage"] = self.usage.body() if isinstance(self.usage, Usage) else self.usage
        return body


@dataclass(frozen=True, slots=True)
class Unauthorized(Whole):
    """A 401 that says the key back, as some servers do."""

    headers: Mapping[str, str] = field(default_factory=dict)

    def message(self, request: Received) -> Message:
        said = error(f"Incorrect API key provided: {request.key}.", code="invalid_api_key")
        return Message(401, _json(said), headers=self.headers)


@dataclass(frozen=True, slots=True)
class Truncated(Whole):
    """A body cut short under a Content-Length that fits: in the middle, or through its last character of several bytes."""

    answer: Whole
    through_character: bool

    def message(self, request: Received) -> Message:
        full = self.answer.message(request)
        text = full.body.decode()
        if self.through_character:
            last = max(index for index, character in enumerate(text) if ord(character) > 0x7F)
            body = text[: last + 1].encode()[:-1]
        else:
            body = text[: len(text) // 2].encode()
        return Message(full.status, body, full.content_type, full.headers)


@dataclass(frozen=True, slots=True)
class Slow(Answer):
    """The head at once, the body in pieces: `seconds` before the first, `gap` after each."""

    answer: Whole
    seconds: float
    pieces: int
    gap: float

    async def play(self, turn: Turn) -> bool:
        message = self.answer.message(turn.request)
        size = max(1, -(-len(message.body) // self.pieces))
        turn.writer.write(message.head)
        await asyncio.sleep(self.seconds)
        for start in range(0, len(message.body), size):
            turn.writer.write(message.body[start : start + size])
            await turn.writer.drain()
            await asyncio.sleep(self.gap)
        return True


@dataclass(frozen=True, slots=True)
class DroppedMidway(Answer):
    """The whole head, half of the body that it promises, and the end of the connection."""

    answer: Whole

    async def play(self, turn: Turn) -> bool:
        message = self.answer.message(turn.request)
        turn.writer.write(message.head + message.body[: len(message.body) // 2])
        return False


@dataclass(frozen=True, slots=True)
class Dropped(Answer):
    """The end of the connection before any answer: closed in good order, or reset."""

    reset: bool

    async def play(self, turn: Turn) -> bool:
        if self.reset:
            connection: Any = turn.writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


@dataclass(frozen=True, slots=True)
class Stalled(Answer):
    """Nothing, until the client gives up or the server is closed."""

    async def play(self, turn: Turn) -> bool:
        await turn.reader.read()
        return False


@dataclass(frozen=True, slots=True)
class Raw(Answer):
    """These bytes, HTTP or not, and the end of the connection."""

    data: bytes

    async def play(self, turn: Turn) -> bool:
        turn.writer.write(self.data)
        return False


# The answers, by name

Says: TypeAlias = str | Mapping[str, Any] | Answer
"""An answer, or the content of a good one."""

Headers: TypeAlias = Mapping[str, str] | None


def ok(
    content: str | Mapping[str, Any],
    *,
    usage: Usage | Mapping[str, Any] | None = USAGE,
    model: str | None = None,
    finish_reason: str = "stop",
    headers: Headers = None,
    escaped: bool = False,
) -> Completion:
    r"""A completion with this content; `usage=None` leaves the usage out, `escaped` writes Hangul as \uXXXX."""
    return Completion(
        content=_content(content),
        usage=usage,
        model=model,
        finish_reason=finish_reason,
        headers=headers or {},
        escaped=escaped,
    )


def tool_call(
    arguments: str | Mapping[str, Any],
    *,
    name: str | None = None,
    usage: Usage | Mapping[str, Any] | None = USAGE,
    finish_reason: str = "tool_calls",
    headers: Headers = None,
) -> Completion:
    """A completion that calls a tool: the one named, else the first that the request offers."""
    return Completion(
        arguments=_content(arguments), tool=name, usage=usage, finish_reason=finish_reason, headers=headers or {}
    )


def refusal(text: str, *, headers: Headers = None) -> Completion:
    """A completion in which the model declines, in the field that is there for it."""
    return Completion(refusal=text, headers=headers or {})


def length(content: str, *, headers: Headers = None) -> Completion:
    """A completion that reached the token limit; `content` is as far as it came."""
    return Completion(content=content, finish_reason="length", headers=headers or {})


def content_filter(content: str | None = None, *, headers: Headers = None) -> Completion:
    """A completion that the provider's filter cut off."""
    return Completion(content=content, finish_reason="content_filter", headers=headers or {})


def error(
    message: str, kind: str = "invalid_request_error", *, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """The body in which OpenAI reports an error, for `status`."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def status(code: int, body: Mapping[str, Any] | str | bytes | None = None, headers: Headers = None) -> Plain:
    """A response with this status: a mapping goes out as JSON, text as a web page, nothing as OpenAI's error."""
    if isinstance(body, str | bytes):
        page = body if isinstance(body, bytes) else body.encode()
        return Plain(Message(code, page, "text/html; charset=utf-8", headers or {}))
    kind = "server_error" if code >= 500 else "invalid_request_error"
    said = error(f"The loopback server was told to answer {code}.", kind) if body is None else body
    return Plain(Message(code, _json(said), headers=headers or {}))


def rate_limited(retry_after: float | str | None = None, *, headers: Headers = None) -> Plain:
    """A 429 that passes with time; `retry_after` is in seconds, or a string as it stands (an HTTP date)."""
    wait = {} if retry_after is None else {"retry-after": str(retry_after)}
    said = error("Rate limit reached for requests.", "requests", code="rate_limit_exceeded")
    return status(429, said, {**wait, **(headers or {})})


def quota_exhausted(*, headers: Headers = None) -> Plain:
    """A 429 that no waiting cures."""
    said = error("You exceeded your current quota.", "insufficient_quota", code="insufficient_quota")
    return status(429, said, headers)


def unauthorized(*, headers: Headers = None) -> Unauthorized:
    """A 401 whose message holds the key that was sent."""
    return Unauthorized(headers or {})


def dropped(*, reset: bool = False) -> Dropped:
    """The connection closed before any response, or with `reset` torn down by a RST."""
    return Dropped(reset)


def dropped_midway(content: str | Whole) -> DroppedMidway:
    """The connection closed in the middle of a body whose Content-Length promised all of it."""
    return DroppedMidway(_whole(content))


def slow(answer: str | Whole, seconds: float, *, pieces: int = 8, gap: float = 0.0) -> Slow:
    """An answer whose head comes at once and whose body dribbles in after `seconds`, cut through characters too."""
    return Slow(_whole(answer), seconds, pieces, gap)


def stalled() -> Stalled:
    """No answer for as long as the server is open: the client's own timeout has to end it."""
    return Stalled()


def empty_body(*, headers: Headers = None) -> Plain:
    """A 200 that calls itself JSON and is empty."""
    return Plain(Message(200, b"", headers=headers or {}))


def not_json(
    page: str = "<!doctype html><title>점검</title><p>서비스 점검 중입니다.", *, headers: Headers = None
) -> Plain:
    """A 200 that is a web page, as a captive portal or a wrong base URL gives."""
    return status(200, page, headers)


def truncated_json(content: str | Whole, *, through_character: bool = False) -> Truncated:
    """A 200 that is complete as HTTP and holds JSON cut short, between two characters or through one of several bytes."""
    return Truncated(_whole(content), through_character)


def wrong_shape(body: Any = None, *, headers: Headers = None) -> Plain:
    """A 200 with JSON that is no chat completion; another body can be given."""
    return Plain(Message(200, _json({"결과": "없음"} if body is None else body), headers=headers or {}))


def raw(data: bytes) -> Raw:
    """These bytes on the wire, then the end of the connection."""
    return Raw(data)


def _whole(answer: str | Whole) -> Whole:
    return ok(answer) if isinstance(answer, str) else answer


def _content(content: str | Mapping[str, Any]) -> str:
    return content if isinstance(content, str) else _json(content).decode()


def _json(value: Any, *, escaped: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=escaped, separators=(",", ":")).encode()


# The server


class Loopback:
    """The server, as a context manager; it can be entered once.

    `answer` is what it says to a chat request when nothing is scripted: a string or a mapping (the content of a good
    completion), an answer, or a function from the request to one of these. The function is called in the server's
    thread, one request at a time; where it raises, the client gets a 400 and leaving the block raises the error itself.
    """

    def __init__(
        self, answer: Says | Callable[[Received], Says] = "{}", *, models: Sequence[str] = ("loopback",)
    ) -> None:
        self.requests: list[Received] = []
        self.hold_after: int | None = None
        """Requests after so many wait for their answers until this is raised, or None."""
        self.base_url = ""
        self._default = answer
        self._models = models
        self._scripts: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._arrived = threading.Condition()
        self._faults: list[BaseException] = []
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def script(self, *answers: Says, path: str = CHAT) -> None:
        """The next answers on a path, in this order; they add to what was scripted before."""
        self._scripts[path].extend(_answer(each) for each in answers)

    def wait_for(self, count: int, *, seconds: float = 300.0) -> None:
        """Return once so many requests have come in. It blocks: inside a coroutine use `asyncio.to_thread`."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, seconds):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came in within {seconds} s")

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="loopback", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        if not self._faults:
            return
        if raised is None:
            raise self._faults[0]
        raised.add_note(f"the loopback server failed too: {self._faults[0]!r}")

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._greet, sock=self._listener, limit=1 << 20, backlog=1024)
        await self._closing.wait()
        # A server that closes while it accepts leaks the connection (Python 3.11): first no more, then those half in.
        self._loop.remove_reader(self._listener.fileno())
        if accepting := asyncio.all_tasks() - set(self._talks) - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        server.close()
        talks = dict(self._talks)
        for talk, writer in talks.items():
            talk.cancel()
            writer.transport.abort()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next round

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks[talk] = writer
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._turn(reader, writer):
                pass
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has hung up, which is its right; the writer's own account of it has to be heard, or asyncio complains.
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        except Exception as fault:  # noqa: BLE001 - kept for the thread that leaves the block
            self._faults.append(fault)
        finally:
            writer.transport.abort()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _read(reader, writer.get_extra_info("peername")[1])
        with self._arrived:
            self.requests.append(request)
            number = len(self.requests)
            self._arrived.notify_all()
        while self.hold_after is not None and number > self.hold_after:  # noqa: ASYNC110 - another thread raises it
            await asyncio.sleep(HELD)
        goes_on = await self._choose(request).play(Turn(request, reader, writer))
        return goes_on and request.headers.get("connection", "").lower() != "close"

    def _choose(self, request: Received) -> Answer:
        path = request.path.partition("?")[0]
        if complaint := _complaint(request, path):
            return complaint
        with suppress(IndexError):
            return self._scripts[path].popleft()
        if path == MODELS:
            listed = [
                {"id": each, "object": "model", "created": CREATED, "owned_by": "loopback"} for each in self._models
            ]
            return status(200, {"object": "list", "data": listed})
        try:
            return _answer(self._default(request) if callable(self._default) else self._default)
        except BaseException as fault:  # noqa: BLE001 - kept for the thread that leaves the block
            self._faults.append(fault)
            return status(400, error(f"the test's answer function raised {fault!r}"))


def _answer(says: Says) -> Answer:
    return says if isinstance(says, Answer) else ok(says)


def _complaint(request: Received, path: str) -> Answer | None:
    """What OpenAI too would say to a request that is wrong."""
    method = {CHAT: "POST", MODELS: "GET"}.get(path)
    if method is None:
        return status(404, error(f"Invalid URL ({request.method} {path})"))
    if request.method != method:
        return status(405, error(f"Not allowed to {request.method} on {path}", code="method_not_supported"))
    return _chat_complaint(request.json) if path == CHAT else None


def _chat_complaint(body: Any) -> Answer | None:
    if not isinstance(body, dict):
        return status(400, error("We could not parse the JSON body of your request."))
    for name in ("model", "messages"):
        if name not in body:
            return status(400, error(f"you must provide a {name} parameter", param=name))
    if body.get("stream"):
        return status(400, error("the loopback server does not stream", param="stream"))
    return None
