"""Who may see the review page and change goldens through it: the person at this machine who was given its address, and no page of anybody else's.

A server on loopback is reached by every page that the browser shows and by every program of every user of the machine. Hence each request, whatever its
route, has to name this host and port (a name that was rebound to 127.0.0.1 does not), to hold the secret that the printed address carries, and to come from
this page itself. What a page sends back may load nothing and run nothing but our own style and script.
"""

import re
from collections.abc import Sequence
from hmac import compare_digest
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench.review.serve import HOST

__all__ = ["LARGEST_BODY", "Guard"]

LARGEST_BODY: Final = 4 << 20
"""Bytes that a request may send: a form that carries a long article's worth of text."""
UNFIT: Final = re.compile(r"[\\\x00-\x1f\x7f-\x9f]")
"""What stands in no article's id."""
READING: Final = frozenset({"GET", "HEAD"})
OWN_SITE: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request from the page itself, and of one that the person typed. Another port of this machine is the same site, and refused."""


class Guard:
    """ASGI middleware around the whole of an app.

    Args:
        app: What is guarded.
        port: Where it is served.
        token: The secret that the printed address carries as ``?token=…``, for a cookie to carry from then on.
        once: Another, that is good for one time: for an address that others may see, as on a browser's command line.
        styles: How a Content Security Policy names the styles of the pages: ``'sha256-…'``.
        scripts: The same of their scripts.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int,
        token: str,
        styles: Sequence[str],
        scripts: Sequence[str],
        once: str | None = None,
    ) -> None:
        self.app = app
        self.host = HOST if port == 80 else f"{HOST}:{port}"
        self.origin = f"http://{self.host}"
        self.cookie = f"workbench-{port}"  # cookies know no ports: two reviews at once would overwrite each other's
        self.token = token
        self.once = once
        policy = {
            "default-src": ["'none'"],
            "style-src": styles or ["'none'"],
            "script-src": scripts or ["'none'"],
            "connect-src": ["'self'"],
            "form-action": ["'self'"],
            "base-uri": ["'none'"],
            "frame-ancestors": ["'none'"],
        }
        self.headers = {
            "Content-Security-Policy": "; ".join(" ".join((name, *sources)) for name, sources in policy.items()),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            # Not `no-referrer`: under it browsers call the origin of a form `null`, which is that of every hostile page in a sandbox, too.
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app do it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
            await send(message)

        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self.refusal(scope) or self._entrance(scope)
        if refusal is None and scope["method"] not in READING:
            body = await _body(scope, receive)
            if body is None:
                refusal = _no(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY:,} bytes can be sent")
            else:
                receive = _again(body, receive)
        await (refusal or self.app)(scope, receive, guarded)

    def refusal(self, scope: Scope) -> Response | None:
        """Why a request is answered with a no, whoever sends it; None if it need not be."""
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self.host]:
            return _no(HTTPStatus.MISDIRECTED_REQUEST, f"this page is at {self.origin} and goes by no other name")
        if scope["method"] not in {*READING, "POST"}:
            return _no(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST are answered")
        if any(site not in OWN_SITE for site in headers.getlist("sec-fetch-site")):
            return _no(
                HTTPStatus.FORBIDDEN, "this came from another page; open the address itself, in a tab of its own"
            )
        if scope["method"] == "POST" and headers.getlist("origin") != [self.origin]:
            return _no(HTTPStatus.FORBIDDEN, "only this page itself can change something")
        if any(part in {".", ".."} or UNFIT.search(part) for part in scope["path"].split("/")):
            return _no(HTTPStatus.BAD_REQUEST, "this is no address of the page")
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """None for who holds the cookie; who comes with the token gets it, and goes on to the same address without."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if scope["method"] in READING and given:
            if not self._opens(given):
                why = "this token is another review's, or was good only once: open the address that `workbench review` printed"
                return _no(HTTPStatus.FORBIDDEN, why)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            target = self.origin + quote(scope["path"]) + (f"?{rest}" if rest else "")
            entrance = RedirectResponse(target, HTTPStatus.SEE_OTHER)
            entrance.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
            return entrance
        held = [cookie_parser(header).get(self.cookie, "") for header in Headers(scope=scope).getlist("cookie")]
        if not any(_same(one, self.token) for one in held):
            return _no(HTTPStatus.FORBIDDEN, "open the address that `workbench review` printed: it carries a token")
        return None

    def _opens(self, given: Sequence[str]) -> bool:
        if any(_same(one, self.token) for one in given):
            return True
        if self.once is not None and any(_same(one, self.once) for one in given):
            self.once = None
            return True
        return False


def _same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how nearly."""
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def _no(status: HTTPStatus, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """All that a request sends; None as soon as it is too much."""
    declared = Headers(scope=scope).get("content-length", "0")
    if declared.isdecimal() and int(declared) > LARGEST_BODY:
        return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # whoever sent it has gone
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The receiving of a body that has been received."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again
