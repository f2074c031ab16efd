"""A real server on loopback, and requests to it as an attacker would write them: byte by byte."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from workbench.review.guard import Guard
from workbench.review.serve import config_of, listen, telling

TOKEN = "t0ken-of-a-test"  # noqa: S105 - a test's own
ONCE = "once-of-a-test"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Served:
    """A guarded app that is being served."""

    port: int
    guard: Guard

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, raw: bytes) -> Reply:
        """Send these bytes, and read to the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=300) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(1 << 16):
                parts.append(part)
        head, _, body = b"".join(parts).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Reply(int(first.split()[1]), headers, body.decode())

    def ask(self, target: str = "/", method: str = "GET", body: bytes = b"", **headers: str | None) -> Reply:
        """A request as the page itself would make it, but for what is said otherwise; a header of None is left out."""
        own: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"workbench-{self.port}={TOKEN}"}
        if method != "GET":
            own |= {"Origin": self.origin, "Content-Length": str(len(body)), "Sec-Fetch-Site": "same-origin"}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in own.items() if value is not None]
        return self.send(
            "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "Connection: close", "", ""]).encode() + body
        )


@contextmanager
def running(app: ASGIApp, listening: socket.socket) -> Iterator[None]:
    """A server as `workbench review` has it, in a thread."""
    server = uvicorn.Server(config_of(app))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    with telling():
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving(app: ASGIApp, **guarded: Any) -> Iterator[Served]:
    """Serve an app behind its guard, as `workbench review` does."""
    listening = listen(0)
    port = listening.getsockname()[1]
    guard = Guard(app, port=port, token=TOKEN, once=ONCE, **({"styles": [], "scripts": []} | guarded))
    with running(guard, listening):
        yield Served(port, guard)


@contextmanager
def unguarded(app: ASGIApp) -> Iterator[int]:
    """Serve an app as somebody else would, who guards nothing; gives the port."""
    listening = listen(0)
    port: int = listening.getsockname()[1]
    with running(app, listening):
        yield port
