"""What the loopback server says, and what the real client makes of it: each test names one answer and what comes of it."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import re
import select
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import httpx2
import openai
import pytest
from loopback import (
    CHAT,
    CREATED,
    Loopback,
    Received,
    Usage,
    content_filter,
    dropped,
    dropped_midway,
    empty_body,
    error,
    length,
    not_json,
    ok,
    quota_exhausted,
    rate_limited,
    raw,
    refusal,
    slow,
    stalled,
    status,
    tool_call,
    truncated_json,
    unauthorized,
    wrong_shape,
)
from openai.types.chat import ChatCompletion

KEY = "sk-loopback-0000"
CONTENT = '{"사업":"강남 재건축","금액":"1조2천억원"}'
AGES = 3600.0

T = TypeVar("T")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as opened:
        yield opened


def called(server: Loopback, call: Callable[[openai.AsyncOpenAI], Awaitable[T]], *, timeout: float = 30.0) -> T:
    """What the real client returns from this call."""

    async def run() -> T:
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key=KEY, max_retries=0, timeout=timeout, http_client=_direct()
        ) as client:
            return await call(client)

    return asyncio.run(run())


def _direct() -> httpx2.AsyncClient:
    """A transport that no HTTP_PROXY of this machine diverts, and that loads no certificates (0.1 s) for plain HTTP."""
    return httpx2.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def asked(server: Loopback, text: str = "서울", *, timeout: float = 30.0) -> ChatCompletion:
    """What the real client returns for a plain question."""
    return called(
        server,
        lambda client: client.chat.completions.create(model="some-model", messages=[{"role": "user", "content": text}]),
        timeout=timeout,
    )


def test_answers_are_held_back_after_so_many(server: Loopback) -> None:
    """The first is answered, the second waits until it is let go."""
    server.hold_after = 1
    assert asked(server).choices
    with _asking(server) as second:
        server.wait_for(2)
        assert select.select([second], [], [], 0.2)[0] == []
        server.hold_after = None
        assert second.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def on_the_wire(server: Loopback) -> bytes:
    """Every byte that the server sends in answer to one question, up to the end of the connection."""
    with _asking(server) as connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _asking(server: Loopback) -> socket.socket:
    body = b'{"model":"some-model","messages":[]}'
    head = f"POST {CHAT} HTTP/1.1\r\nHost: loopback\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(_address(server), timeout=30)
    connection.sendall(head.encode() + body)
    return connection


def _address(server: Loopback) -> tuple[str, int]:
    url = httpx2.URL(server.base_url)
    assert url.port is not None
    return url.host, url.port


# Good answers


def test_ok_is_a_full_completion(server: Loopback) -> None:
    server.script(ok(CONTENT, usage=Usage(prompt=900, completion=80, cached=512), model="some-model-2026-01-01"))
    completion = asked(server)
    assert completion.choices[0].message.content == CONTENT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == "some-model-2026-01-01"
    assert completion.created == CREATED
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (900, 80, 980)
    assert completion.usage.prompt_tokens_details.cached_tokens == 512


def test_ok_passes_the_strictest_reading_of_its_type(server: Loopback) -> None:
    ChatCompletion.model_validate_json(on_the_wire(server).partition(b"\r\n\r\n")[2], strict=True)


def test_ok_names_the_model_that_was_asked_for_unless_told_otherwise(server: Loopback) -> None:
    assert asked(server).model == "some-model"


def test_the_same_question_gets_the_same_bytes(server: Loopback) -> None:
    assert on_the_wire(server) == on_the_wire(server)


def test_different_questions_get_different_ids(server: Loopback) -> None:
    assert asked(server, "서울").id != asked(server, "부산").id


def test_ok_can_leave_the_usage_out_as_some_local_servers_do(server: Loopback) -> None:
    server.script(ok(CONTENT, usage=None))
    assert asked(server).usage is None


def test_ok_can_give_a_usage_as_it_stands(server: Loopback) -> None:
    server.script(ok(CONTENT, usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}))
    usage = asked(server).usage
    assert usage is not None
    assert usage.prompt_tokens_details is None


def test_bodies_are_in_real_characters_unless_escapes_are_asked_for(server: Loopback) -> None:
    server.script(ok("강남"), ok("강남", escaped=True))
    assert "강남".encode() in on_the_wire(server)
    assert rb"\uac15\ub0a8" in on_the_wire(server)


def test_ok_writes_a_mapping_as_json(server: Loopback) -> None:
    server.script(ok({"사업": "강남 재건축"}))
    assert asked(server).choices[0].message.content == '{"사업":"강남 재건축"}'


def test_headers_go_out_with_the_answer(server: Loopback) -> None:
    server.script(ok(CONTENT, headers={"X-RateLimit-Remaining-Requests": "7", "x-request-id": "req_1"}))
    response = called(
        server, lambda client: client.chat.completions.with_raw_response.create(model="some-model", messages=[])
    )
    assert response.headers["x-ratelimit-remaining-requests"] == "7"
    assert response.request_id == "req_1"


def test_tool_call_calls_the_tool_that_the_request_offers(server: Loopback) -> None:
    server.script(tool_call({"사업": "강남 재건축"}))
    completion = called(
        server,
        lambda client: client.chat.completions.create(
            model="some-model", messages=[], tools=[{"type": "function", "function": {"name": "record"}}]
        ),
    )
    [call] = completion.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("record", '{"사업":"강남 재건축"}')
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.choices[0].message.content is None


def test_tool_call_can_call_a_tool_that_nobody_offered(server: Loopback) -> None:
    server.script(tool_call("{", name="other", finish_reason="stop"))
    [call] = asked(server).choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("other", "{")


# Completions that are no answer


def test_refusal_stands_in_its_own_field(server: Loopback) -> None:
    server.script(refusal("도와드릴 수 없습니다."))
    [choice] = asked(server).choices
    assert (choice.message.content, choice.message.refusal) == (None, "도와드릴 수 없습니다.")
    assert choice.finish_reason == "stop"


def test_length_ends_where_the_tokens_ended(server: Loopback) -> None:
    server.script(length('{"사업":"강'))
    [choice] = asked(server).choices
    assert (choice.message.content, choice.finish_reason) == ('{"사업":"강', "length")


def test_content_filter_leaves_no_content(server: Loopback) -> None:
    server.script(content_filter())
    [choice] = asked(server).choices
    assert (choice.message.content, choice.finish_reason) == (None, "content_filter")


# Errors with a status


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (400, openai.BadRequestError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (408, openai.APIStatusError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_status_becomes_the_error_of_its_code(server: Loopback, code: int, raised: type[openai.APIStatusError]) -> None:
    server.script(status(code))
    with pytest.raises(raised) as caught:
        asked(server)
    assert caught.value.status_code == code
    assert set(caught.value.body or ()) == {"message", "type", "param", "code"}  # type: ignore[call-overload]


def test_status_takes_an_error_of_ones_own_and_headers(server: Loopback) -> None:
    said = error("이 모델은 없습니다.", code="model_not_found", param="model")
    server.script(status(404, said, headers={"x-request-id": "req_2"}))
    with pytest.raises(openai.NotFoundError, match="이 모델은 없습니다") as caught:
        asked(server)
    assert (caught.value.code, caught.value.param, caught.value.request_id) == ("model_not_found", "model", "req_2")


def test_status_takes_a_web_page_as_proxies_send_it(server: Loopback) -> None:
    server.script(status(502, "<h1>502 Bad Gateway</h1>"))
    with pytest.raises(openai.InternalServerError) as caught:
        asked(server)
    assert caught.value.body == "<h1>502 Bad Gateway</h1>"


@pytest.mark.parametrize("wait", [0, 1.5, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_rate_limited_says_when_to_come_back(server: Loopback, wait: float | str) -> None:
    server.script(rate_limited(wait, headers={"x-ratelimit-remaining-tokens": "0"}))
    with pytest.raises(openai.RateLimitError) as caught:
        asked(server)
    assert caught.value.response.headers["retry-after"] == str(wait)
    assert caught.value.response.headers["x-ratelimit-remaining-tokens"] == "0"
    assert caught.value.code == "rate_limit_exceeded"


def test_rate_limited_may_not_say_when(server: Loopback) -> None:
    server.script(rate_limited())
    with pytest.raises(openai.RateLimitError) as caught:
        asked(server)
    assert "retry-after" not in caught.value.response.headers


def test_quota_exhausted_is_a_429_of_another_kind(server: Loopback) -> None:
    server.script(quota_exhausted())
    with pytest.raises(openai.RateLimitError) as caught:
        asked(server)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")


def test_unauthorized_says_the_key_back(server: Loopback) -> None:
    server.script(unauthorized())
    with pytest.raises(openai.AuthenticationError, match=KEY) as caught:
        asked(server)
    assert caught.value.code == "invalid_api_key"


# Trouble on the wire


def test_dropped_closes_before_any_answer(server: Loopback) -> None:
    server.script(dropped())
    with pytest.raises(openai.APIConnectionError) as caught:
        asked(server)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)
    server.script(dropped())
    assert on_the_wire(server) == b""


def test_dropped_can_reset_the_connection(server: Loopback) -> None:
    server.script(dropped(reset=True), dropped(reset=True))
    with pytest.raises(openai.APIConnectionError) as caught:
        asked(server)
    assert isinstance(caught.value.__cause__, httpx2.ReadError)
    with pytest.raises(ConnectionResetError):
        on_the_wire(server)


def test_a_dropped_request_was_received_once(server: Loopback) -> None:
    """Neither the client nor its transport sends it again on its own when it has no retries."""
    server.script(dropped())
    with pytest.raises(openai.APIConnectionError):
        asked(server)
    assert len(server.requests) == 1


def test_dropped_midway_sends_less_than_it_promised(server: Loopback) -> None:
    server.script(dropped_midway(CONTENT), dropped_midway(ok(CONTENT)))
    with pytest.raises(openai.APIConnectionError) as caught:
        asked(server)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)
    head, _, body = on_the_wire(server).partition(b"\r\n\r\n")
    promised = re.search(rb"content-length: (\d+)", head)
    assert promised is not None
    assert 0 < len(body) < int(promised[1])


def test_slow_gives_the_whole_answer_in_the_end(server: Loopback) -> None:
    server.script(slow(CONTENT, 0.0, pieces=100), slow(status(500), 0.0))
    assert asked(server).choices[0].message.content == CONTENT
    with pytest.raises(openai.InternalServerError):
        asked(server)


def test_slow_sends_the_head_before_it_waits(server: Loopback) -> None:
    server.script(slow(CONTENT, AGES))
    with _asking(server) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("answer", [slow(CONTENT, AGES), stalled()])
def test_slow_and_stalled_end_in_the_clients_own_timeout(server: Loopback, answer: Any) -> None:
    server.script(answer)
    with pytest.raises(openai.APITimeoutError):
        asked(server, timeout=0.05)


def test_raw_is_sent_as_it_is(server: Loopback) -> None:
    server.script(raw(b"HTTP/1.1 200 OK\r\nContent-Length: zwei\r\n\r\n"), raw(b"\x00\xff"))
    with pytest.raises(openai.APIConnectionError) as caught:
        asked(server)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)
    assert on_the_wire(server) == b"\x00\xff"


# A 200 that is nothing of the kind; the client lets most of these through


def test_empty_body_is_an_error_that_is_not_openais(server: Loopback) -> None:
    server.script(empty_body())
    with pytest.raises(json.JSONDecodeError):
        asked(server)


def test_not_json_comes_back_as_a_string(server: Loopback) -> None:
    server.script(not_json())
    answer: object = asked(server)
    assert isinstance(answer, str)
    assert "점검" in answer


def test_truncated_json_is_an_error_that_is_not_openais(server: Loopback) -> None:
    server.script(truncated_json(CONTENT))
    with pytest.raises(json.JSONDecodeError):
        asked(server)


def test_truncated_json_can_end_inside_a_character(server: Loopback) -> None:
    server.script(truncated_json(CONTENT, through_character=True))
    with pytest.raises(UnicodeDecodeError):
        asked(server)


def test_truncated_json_is_complete_as_http(server: Loopback) -> None:
    """The connection goes on after it."""
    server.script(truncated_json(CONTENT))
    connection = http.client.HTTPConnection(*_address(server))
    for _ in range(2):
        connection.request("POST", CHAT, b'{"model":"m","messages":[]}')
        response = connection.getresponse()
        assert len(response.read()) == int(response.headers["content-length"])
    connection.close()


def test_wrong_shape_comes_back_as_a_completion_of_nothing(server: Loopback) -> None:
    server.script(wrong_shape())
    completion: Any = asked(server)
    assert isinstance(completion, ChatCompletion)
    assert completion.model_dump(exclude_none=True) == {"결과": "없음"}


def test_wrong_shape_may_be_no_object_at_all(server: Loopback) -> None:
    server.script(wrong_shape([1, 2]))
    answer: object = asked(server)
    assert answer == [1, 2]


# What was received


def test_requests_are_kept_as_they_came(server: Loopback) -> None:
    asked(server)
    [received] = server.requests
    assert (received.method, received.path, received.key) == ("POST", CHAT, KEY)
    assert received.headers["content-type"] == "application/json"
    assert received.json == {"model": "some-model", "messages": [{"role": "user", "content": "서울"}]}
    assert received.json == json.loads(received.body)


def test_the_client_sends_real_characters(server: Loopback) -> None:
    asked(server)
    assert "서울".encode() in server.requests[0].body


def test_the_client_can_send_our_own_bytes_and_hand_back_the_servers(server: Loopback) -> None:
    """This is how a recording can hold exactly what went over the wire."""
    ours = '{ "model": "m",  "messages": [ {"content":"서울", "role":"user"} ] }'.encode()
    response = called(server, lambda client: client.post("/chat/completions", content=ours, cast_to=httpx2.Response))
    assert server.requests[0].body == ours
    assert server.requests[0].headers["content-type"] == "application/json"
    assert response.json()["choices"][0]["message"]["content"] == "{}"


def test_wait_for_returns_when_the_requests_are_in(server: Loopback) -> None:
    server.script(stalled(), stalled())
    with _asking(server), _asking(server):
        server.wait_for(2)
        assert len(server.requests) == 2


def test_wait_for_says_how_many_are_missing(server: Loopback) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        server.wait_for(1, seconds=0.0)


# Which answer comes when


def test_scripted_answers_come_in_order_and_then_the_default_again() -> None:
    with Loopback("나머지") as server:
        server.script("하나", ok("둘"))
        server.script({"셋": 3})
        said = [asked(server).choices[0].message.content for _ in range(5)]
    assert said == ["하나", "둘", '{"셋":3}', "나머지", "나머지"]


def test_the_default_answer_can_depend_on_the_request() -> None:
    def answer(request: Received) -> Any:
        return status(503) if request.json["messages"][0]["content"] == "서울" else {"지역": "부산"}

    with Loopback(answer) as server:
        with pytest.raises(openai.InternalServerError):
            asked(server)
        other = asked(server, "부산")
    assert other.choices[0].message.content == '{"지역":"부산"}'


def test_a_default_answer_that_raises_ends_the_request_and_then_the_block() -> None:
    def answer(request: Received) -> str:
        raise KeyError(request.path)

    def block() -> None:
        with Loopback(answer) as server, pytest.raises(openai.BadRequestError, match="KeyError"):
            asked(server)

    with pytest.raises(KeyError, match=CHAT):
        block()


def test_a_failure_of_the_server_is_a_note_on_a_failure_of_the_block() -> None:
    def answer(request: Received) -> str:
        raise KeyError(request.path)

    with pytest.raises(openai.BadRequestError) as caught, Loopback(answer) as server:
        asked(server)
    assert any("KeyError" in note for note in caught.value.__notes__)


def test_models_are_listed() -> None:
    with Loopback(models=["some-model", "other-model"]) as server:
        page = called(server, lambda client: client.models.list())
    assert [model.id for model in page.data] == ["some-model", "other-model"]


def test_other_paths_have_scripts_of_their_own(server: Loopback) -> None:
    server.script(unauthorized(), path="/v1/models")
    assert asked(server).choices[0].message.content == "{}"
    with pytest.raises(openai.AuthenticationError):
        called(server, lambda client: client.models.list())


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/embeddings", b"{}", 404),
        ("GET", CHAT, b"", 405),
        ("POST", CHAT, b"not json", 400),
        ("POST", CHAT, b"[]", 400),
        ("POST", CHAT, b'{"messages":[]}', 400),
        ("POST", CHAT, b'{"model":"m"}', 400),
        ("POST", CHAT, b'{"model":"m","messages":[],"stream":true}', 400),
    ],
)
def test_a_wrong_request_is_told_so_and_uses_up_no_answer(
    server: Loopback, method: str, path: str, body: bytes, code: int
) -> None:
    server.script("답")
    connection = http.client.HTTPConnection(*_address(server))
    connection.request(method, path, body)
    response = connection.getresponse()
    assert response.status == code
    assert json.loads(response.read())["error"]["message"]
    connection.close()
    assert asked(server).choices[0].message.content == "답"


# Connections and threads


def test_connections_are_kept_alive(server: Loopback) -> None:
    async def thrice(client: openai.AsyncOpenAI) -> None:
        for _ in range(3):
            await client.post("/chat/completions", body={"model": "m", "messages": []}, cast_to=httpx2.Response)

    called(server, thrice)
    first, *others = (request.port for request in server.requests)
    assert others == [first, first]


def test_many_requests_at_once_are_all_answered(server: Loopback) -> None:
    async def flood(client: openai.AsyncOpenAI) -> set[int]:
        body = {"model": "m", "messages": []}
        posts = (client.post("/chat/completions", body=body, cast_to=httpx2.Response) for _ in range(200))
        return {response.status_code for response in await asyncio.gather(*posts)}

    assert called(server, flood) == {200}
    assert len(server.requests) == 200


def test_closing_leaves_no_thread_and_nobody_listening() -> None:
    before = set(threading.enumerate())
    with Loopback() as server:
        asked(server)
    assert set(threading.enumerate()) == before
    with pytest.raises(openai.APIConnectionError):
        asked(server)


def test_closing_cuts_off_whatever_is_under_way() -> None:
    with Loopback() as server:
        server.script(stalled(), slow(CONTENT, AGES))
        stuck = [_asking(server), _asking(server)]
        idle = socket.create_connection(_address(server))
        server.wait_for(2)
    for connection in (*stuck, idle):
        connection.close()
    gc.collect()  # an unclosed socket of the server's would warn here, and a warning is an error


def test_closing_at_once_is_clean_even_while_connections_come_in() -> None:
    for _ in range(20):
        with Loopback() as server:
            connections = [socket.create_connection(_address(server)) for _ in range(5)]
        for connection in connections:
            connection.close()
    gc.collect()
