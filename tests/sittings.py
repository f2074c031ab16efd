"""The command line in processes of their own that may be killed at any moment, or at each moment in turn.

What is slow to import is imported once: a parent has done it, and each command is a fork of it.

    with Sittings() as sittings:
        sittings.run(project, "run", "--resume", folder, kill=Kill(0.2))  # kill -9, from outside
        sittings.run(project, "run", "--resume", folder, crash=Crash(17))  # dies before it touches a file for the 17th time
"""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

CRASHED, CRASHED_WRITING = 98, 99
"""Exit codes of a process that crashed on command; the second where the step was to write a line."""


@dataclass(frozen=True)
class Kill:
    """When a process is to be killed.

    Attributes:
        after: Seconds from its beginning.
        working: From its first recording instead.
    """

    after: float
    working: bool = False


@dataclass(frozen=True)
class Crash:
    """When a process is to crash: nothing is flushed, closed or cleaned up.

    Attributes:
        at: Before which of the steps that it takes on files (opened to be written, written to, renamed, removed), from 1.
        torn: Half of what that step would have written is written.
        file: Only steps on files whose paths end so are counted.
    """

    at: int
    torn: bool = False
    file: str = ""


@dataclass(frozen=True)
class Sitting:
    """What became of a command.

    Attributes:
        code: Its exit code, one of those of a crash, or -9 where it was killed.
        out: What it said on stdout.
        err: What it said on stderr.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        assert self.out, self.err
        return json.loads(self.out)


class Sittings:
    """The parent, as a context manager. Its commands run one at a time."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parent.communicate()  # the end of its input is its end

    def run(
        self, folder: Path, *arguments: str | Path, kill: Kill | None = None, crash: Crash | None = None
    ) -> Sitting:
        """Run ``workbench`` in a folder.

        Args:
            folder: The working directory.
            arguments: Of the command line.
            kill: When it is to be killed, if it still runs.
            crash: When it is to die by itself.
        """
        order = {
            "folder": str(folder),
            "arguments": [str(argument) for argument in arguments],
            "kill": kill and asdict(kill),
            "crash": crash and asdict(crash),
        }
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        return Sitting(**json.loads(self._parent.stdout.readline()))


LATE = (
    "anyio._backends._asyncio",
    "docstring_parser",
    "genai_prices.data",
    "httpcore2",
    "instructor.v2.providers.openai.client",
    "openai.resources.batches",
    "openai.resources.files",
    "requests",
    "workbench.depot",
    "workbench.evaluate",
    "workbench.model",
)
"""Modules that a live run imports on its way."""


@pytest.fixture(scope="session")
def sittings() -> Iterator[Sittings]:
    """One parent for all tests."""
    with Sittings() as started:
        yield started


def _serve() -> None:
    from workbench.cli import main

    for module in LATE:
        import_module(module)
    gc.freeze()
    patched = pytest.MonkeyPatch()
    # A small run does what a large one does: it rewrites its list, and comes to keep an index of its recordings.
    patched.setattr("workbench.ledger.ROUND", 2)
    patched.setattr("workbench.recordings.SMALL", 3_000)
    patched.setattr("random.uniform", lambda low, _: low)  # nobody here waits out a back-off
    for line in sys.stdin:
        order = json.loads(line)
        out, err, cache = (Path(order["folder"] + suffix) for suffix in (".out", ".err", ".cache"))
        child = os.fork()
        if not child:
            os.chdir(order["folder"])
            os.environ["XDG_CACHE_HOME"] = str(cache)
            for file, descriptor in ((out, 1), (err, 2)):
                os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            if order["crash"]:
                _crash(Path(order["folder"]), Crash(**order["crash"]))
            sys.argv = ["workbench", *order["arguments"]]
            main()
        code = _wait(child, order["kill"] and Kill(**order["kill"]), Path(order["folder"]) / "recordings")
        said = {"code": code, "out": out.read_text("utf-8"), "err": err.read_text("utf-8")}
        print(json.dumps(said), flush=True)  # noqa: T201 - it is the answer


def _wait(child: int, kill: Kill | None, recordings: Path) -> int:
    if kill:
        began, before = None if kill.working else time.monotonic(), _size(recordings)
        while began is None or time.monotonic() < began + kill.after:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
            if began is None and _size(recordings) > before:
                began = time.monotonic()
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.jsonl"))


def _crash(folder: Path, crash: Crash) -> None:
    """Count the steps that are taken on the files of a folder, and die at the one that is asked for."""
    steps, open_, write = 0, os.open, os.write
    names: dict[int, str] = {}

    def step(path: str) -> bool:
        nonlocal steps
        steps += path.startswith(f"{folder}/") and path.endswith(crash.file)
        return steps == crash.at

    def named(path: Any, *arguments: Any, **named: Any) -> int:
        descriptor = open_(path, *arguments, **named)
        names[descriptor] = str(path)
        return descriptor

    def torn(descriptor: int, data: Any, /) -> int:
        if step(names.get(descriptor, "")):
            if crash.torn:
                write(descriptor, bytes(data)[: len(data) // 2])
            os._exit(CRASHED_WRITING)
        return write(descriptor, data)

    def touched(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in {"open", "os.rename", "os.remove", "os.truncate", "os.mkdir"}:
            return
        if (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)) and step(str(arguments[0])):
            os._exit(CRASHED)

    os.open, os.write = named, torn
    sys.addaudithook(touched)


if __name__ == "__main__":
    _serve()
