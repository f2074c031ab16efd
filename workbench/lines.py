"""JSON Lines files that survive a kill: one writer, one write a line, and a torn last line recognised and set aside.

A line is handed to the kernel in one ``write`` on a descriptor opened for appending, so that whatever ends the process leaves at most one
torn line, the last.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import jsonlines
from pydantic import JsonValue

from workbench.canonical import line
from workbench.errors import InputError

__all__ = ["Appender", "read_lines"]


class Appender:
    """The one writer of a JSON Lines file.

    Attributes:
        torn: What was found torn at the file's end and set aside in ``FILE.torn``, in bytes; 0 if nothing was.

    Raises:
        InputError: If another process is writing the file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise InputError(
                "another process is writing this file", where=str(path), way_out="wait for it to end, or stop it"
            ) from error
        self.torn = _set_torn_aside(path)
        self.size = path.stat().st_size

    def append(self, value: JsonValue) -> int:
        """Write one line; returns the offset in bytes at which it starts."""
        raw = line(value).encode()
        offset = self.size
        view = memoryview(raw)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size += len(raw)
        return offset

    def close(self) -> None:
        """Give up the file and its lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        """The appender itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _set_torn_aside(path: Path) -> int:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        whole = _end_of_last_line(file, size)
        if whole == size:
            return 0
        file.seek(whole)
        with path.with_name(path.name + ".torn").open("ab") as aside:
            aside.write(file.read() + b"\n")
        file.truncate(whole)
        return size - whole


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    block = 1 << 16
    end = size
    while end > 0:
        start = max(0, end - block)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def read_lines(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Number (from 1), offset in bytes and object of each line. A torn last line is no line.

    Raises:
        InputError: If a line is no JSON object; names the line.
    """
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                return
            try:
                with jsonlines.Reader([raw.decode()]) as reader:
                    yield number, offset, reader.read(type=dict)
            except (jsonlines.InvalidLineError, UnicodeDecodeError) as error:
                raise InputError(
                    "the line is no JSON object", where=f"{path}:{number}", way_out="mend or delete the line"
                ) from error
            offset += len(raw)
