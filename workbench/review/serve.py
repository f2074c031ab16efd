"""The review page's server: on loopback, from the first request to Ctrl-C."""

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from workbench.errors import SettingsError
from workbench.report.terminal import plain

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

__all__ = ["HOST", "config_of", "held_back", "listen", "serve", "server_of", "telling"]

HOST: Final = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1 that takes connections from now on.

    Args:
        port: Which; 0 is any that is free.

    Raises:
        SettingsError: If it cannot be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"port {port} cannot be had: {error.strerror}", where=HOST, way_out="pass another --port, or none"
        ) from error
    return listening


def config_of(app: "ASGIApp") -> "uvicorn.Config":
    """How the server is set."""
    import uvicorn  # noqa: PLC0415 - the socket listens before it is there

    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,  # an address may carry the token
        proxy_headers=False,
        server_header=False,
        limit_concurrency=100,
        timeout_graceful_shutdown=1,
    )


def server_of(app: "ASGIApp") -> "uvicorn.Server":
    """A server that is ready to begin."""
    import uvicorn  # noqa: PLC0415 - as above

    return uvicorn.Server(config_of(app))


def serve(server: "uvicorn.Server", listening: socket.socket) -> None:
    """Serve until Ctrl-C, which is no error."""
    with telling(), suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


@contextmanager
def held_back() -> Iterator[Sequence[int]]:
    """Note each Ctrl-C, and raise none.

    Python 3.11 leaves by the signal if KeyboardInterrupt has ever come out of a string that it ran, as a module's
    dataclasses have it do, though it was caught: in the midst of imports that cannot be told apart from a crash.
    """
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def telling() -> Iterator[None]:
    """Say on stderr what goes wrong in the server."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(message)s"))
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Plain(logging.Formatter):
    """What goes wrong may quote an article: it is shown, and cannot speak to the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in plain letters."""
        return str(plain(super().format(record)))
