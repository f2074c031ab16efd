"""The guard, attacked over a real server."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from review.serving import ONCE, TOKEN, Reply, Served, serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workbench.review.guard import LARGEST_BODY, Guard

changed: list[bytes] = []


async def show(request: Request) -> Response:
    return PlainTextResponse(
        f"golden of {request.path_params.get('article', 'all')}", headers={"Cache-Control": "public"}
    )


async def change(request: Request) -> Response:
    changed.append(await request.body())
    return PlainTextResponse("changed")


async def fail(request: Request) -> Response:
    raise RuntimeError("what the article says: \x9b31m")


APP = Starlette(
    routes=[
        Route("/", show, methods=["GET"]),
        Route("/fail", fail, methods=["GET"]),
        Route("/article/{article}", show, methods=["GET"]),
        Route("/article/{article}/decide", change, methods=["POST"]),
    ]
)


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    with serving(APP, styles=["'sha256-style'"], scripts=["'sha256-script'"]) as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_changed_yet() -> None:
    changed.clear()


DECIDE = "/article/gimje-2025/decide"
ROUTES = [("/", "GET"), ("/article/gimje-2025", "GET"), ("/none", "GET"), (DECIDE, "POST"), ("/", "HEAD")]


def refused(reply: Reply, status: int, words: str) -> bool:
    """Whether it is a no in words that tells nothing of what is behind."""
    assert (reply.status, changed) == (status, [])
    assert "golden" not in reply.body
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    return words in reply.body


# --- who may


def test_the_page_itself_may_read_and_change(site: Served) -> None:
    assert site.ask("/article/gimje-2025").body == "golden of gimje-2025"
    assert site.ask(DECIDE, "POST", b"action=keep").body == "changed"
    assert changed == [b"action=keep"]


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:{port}",
            "localhost:{port}",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.0.0.1:{port}.evil.example",
        ),
        *("[::1]:{port}", "0.0.0.0:{port}", "127.1:{port}", "user@127.0.0.1:{port}", "", None),
    ],
)
@pytest.mark.parametrize(("target", "method"), ROUTES[:4])
def test_a_name_that_was_rebound_to_this_machine_is_refused_on_every_route(
    site: Served, host: str | None, target: str, method: str
) -> None:
    reply = site.ask(target, method, Host=host and host.format(port=site.port))
    if host is None:  # no request at all, says the server
        assert (reply.status, changed) == (400, [])
    else:
        assert refused(reply, 421, "goes by no other name")


def test_two_hosts_are_one_too_many(site: Served) -> None:
    own = f"Host: 127.0.0.1:{site.port}\r\n"
    reply = site.send(f"GET / HTTP/1.1\r\n{own}Host: evil.example\r\nConnection: close\r\n\r\n".encode())
    assert reply.status in {400, 421}


@pytest.mark.parametrize(("target", "method"), ROUTES)
@pytest.mark.parametrize(
    "cookie",
    [
        *(
            None,
            "",
            "workbench-{port}=",
            "workbench-{port}=wrong",
            "workbench-1={token}",
            "workbench={token}",
            "{token}",
        ),
        *("workbench-{port}={token}x", "workbench-{port}=t\xf6ken", "WORKBENCH-{port}={token}"),
    ],
)
def test_who_has_no_token_is_refused_on_every_route(site: Served, cookie: str | None, target: str, method: str) -> None:
    reply = site.ask(target, method, Cookie=cookie and cookie.format(port=site.port, token=TOKEN))
    assert refused(reply, 403, "open the address that" if method != "HEAD" else "")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "%F0%9F", "%ED%A0%80", "토큰"])
def test_a_wrong_token_is_refused_and_gives_no_cookie(site: Served, token: str) -> None:
    reply = site.ask(f"/?token={token}".encode().decode("latin-1"), Cookie=None)
    assert reply.status in {400, 403}
    assert "set-cookie" not in reply.headers


def test_a_token_in_the_address_does_not_let_a_post_through(site: Served) -> None:
    assert refused(site.ask(f"{DECIDE}?token={TOKEN}", "POST", Cookie=None), 403, "open the address")


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(site: Served) -> None:
    reply = site.ask(f"/article/%EA%B0%80%20b?field=a&token={TOKEN}&q=%EB%82%98", Cookie=None, Sec_Fetch_Site="none")
    assert (reply.status, reply.headers["location"]) == (
        303,
        f"{site.origin}/article/%EA%B0%80%20b?field=a&q=%EB%82%98",
    )
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"workbench-{site.port}={TOKEN}; ")
    assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.lower().split("; "))
    assert "domain" not in cookie.lower()


def test_an_address_that_looks_like_another_host_leads_nowhere_else(site: Served) -> None:
    assert site.ask(f"//evil.example/?token={TOKEN}", Cookie=None).headers["location"].startswith(f"{site.origin}/")


def test_a_token_that_others_may_see_is_good_once() -> None:
    with serving(APP) as site:
        replies = [site.ask(f"/?token={ONCE}", Cookie=None) for _ in range(2)]
        assert replies[0].status == 303
        assert refused(replies[1], 403, "open the address that `workbench review` printed")
        assert f"={TOKEN}; " in replies[0].headers["set-cookie"]
        assert site.ask("/", Cookie=f"workbench-{site.port}={ONCE}").status == 403


# --- from where


@pytest.mark.parametrize(
    "origin",
    [
        *(
            None,
            "null",
            "",
            "http://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            "https://127.0.0.1:{port}",
        ),
        *(
            "http://localhost:{port}",
            "http://127.0.0.1:{port}.evil.example",
            "HTTP://127.0.0.1:{port}",
            "http://127.0.0.1:{port}/",
        ),
    ],
)
def test_a_post_from_anywhere_but_the_page_itself_is_refused(site: Served, origin: str | None) -> None:
    reply = site.ask(DECIDE, "POST", b"action=accept", Origin=origin and origin.format(port=site.port))
    assert refused(reply, 403, "only this page itself")


@pytest.mark.parametrize("fetched_from", ["same-site", "cross-site", "elsewhere", ""])
@pytest.mark.parametrize(("target", "method"), ROUTES[:4])
def test_a_request_that_another_page_makes_is_refused_another_port_of_this_machine_too(
    site: Served, fetched_from: str, target: str, method: str
) -> None:
    assert refused(site.ask(target, method, Sec_Fetch_Site=fetched_from), 403, "from another page")


def test_the_way_in_is_closed_to_other_pages_even_with_the_token(site: Served) -> None:
    reply = site.ask(f"/?token={TOKEN}", Cookie=None, Sec_Fetch_Site="cross-site")
    assert "set-cookie" not in reply.headers
    assert refused(reply, 403, "from another page")


# --- what


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_only_reading_and_posting_is_answered(site: Served, method: str) -> None:
    assert refused(site.ask(DECIDE, method), 405, "only GET and POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_changes_something_is_not_read(site: Served, method: str) -> None:
    assert site.ask(DECIDE, method, Content_Length=None).status == 405
    assert changed == []


@pytest.mark.parametrize(
    "target",
    [
        *("/../pyproject.toml", "/article/../../etc/passwd", "/article/%2e%2e/x", "/article/..%2f..%2fetc%2fpasswd"),
        *("/article/..%5c..%5cx", "/article/a%00b", "/article/.", "/article/%c2%9b31m", "/article/a%0d%0ax"),
    ],
)
def test_no_address_climbs(site: Served, target: str) -> None:
    reply = site.ask(target)
    assert (reply.status, "golden" in reply.body) == (400, False)


def test_an_address_in_hangul_is_one(site: Served) -> None:
    assert site.ask("/article/%EA%B9%80%EC%A0%9C%202025").body == "golden of 김제 2025"


def test_as_much_as_fits_is_taken(site: Served) -> None:
    assert site.ask(DECIDE, "POST", b"x" * LARGEST_BODY).status == 200
    assert [len(body) for body in changed] == [LARGEST_BODY]


def test_more_than_fits_is_refused_before_it_is_read(site: Served) -> None:
    reply = site.ask(DECIDE, "POST", b"", Content_Length=str(LARGEST_BODY + 1))
    assert refused(reply, 413, "at most")


def test_more_than_fits_is_refused_where_no_length_was_given(site: Served) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    body = chunk * (LARGEST_BODY // 0x10000 + 1) + b"0\r\n\r\n"
    reply = site.ask(DECIDE, "POST", body, Content_Length=None, Transfer_Encoding="chunked")
    assert refused(reply, 413, "at most")


def test_who_may_not_write_is_not_listened_to(site: Served) -> None:
    """The answer comes before the body does."""
    reply = site.ask(DECIDE, "POST", b"", Content_Length="1000", Cookie=None)
    assert refused(reply, 403, "open the address")


# --- what the browser is told


@pytest.mark.parametrize("target", ["/", "/none", "/fail", f"/?token={TOKEN}", "/../x"])
def test_every_answer_lets_the_browser_load_and_run_nothing_but_ours(
    site: Served, target: str, capfd: pytest.CaptureFixture[str]
) -> None:
    headers = site.ask(target).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'sha256-style'; script-src 'sha256-script'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers
    assert not {name for name in headers if name.startswith("access-control")}


def test_what_fails_is_told_to_the_terminal_in_plain_letters_and_not_to_the_page(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(APP) as site:
        reply = site.ask("/fail")
    assert (reply.status, "article says" in reply.body) == (500, False)
    said = capfd.readouterr().err
    assert "what the article says: \\x9b31m" in said
    assert "\x9b" not in said


def test_a_web_socket_is_closed() -> None:
    sent: list[Any] = []

    async def take(message: Any) -> None:
        sent.append(message)

    async def nothing() -> Any:
        return {}

    guard = Guard(APP, port=1, token=TOKEN, styles=[], scripts=[])
    asyncio.run(guard({"type": "websocket", "headers": []}, nothing, take))
    assert sent == [{"type": "websocket.close", "code": 1008}]
