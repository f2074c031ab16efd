"""JSON Lines files that survive a kill: one writer, one write a line, and a torn last line recognised and set aside.

A line is handed to the kernel in one ``write`` on a descriptor opened for appending, so that whatever ends the process leaves at most one
torn line, the last. A last line that lacks nothing but its line end is whole: no part of a JSON object is itself one.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import jsonlines
from pydantic import JsonValue

from workbench.canonical import line
from workbench.errors import InputError

__all__ = ["Appender", "read_lines", "torn_bytes"]


class Appender:
    """The one writer of a JSON Lines file.

    Args:
        path: The file; it and its folders are made if they are not there.
        wait: Seconds to wait for another writer to end.

    Attributes:
        torn: What was found torn at the file's end and set aside in ``FILE.torn``, in bytes; 0 if nothing was.

    Raises:
        InputError: If another process is writing the file, or it cannot be written.
    """

    def __init__(self, path: Path, *, wait: float = 0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise InputError(f"this file cannot be written: {error.strerror}", where=str(path)) from error
        try:
            _lock(self._descriptor, wait)
        except OSError as error:
            os.close(self._descriptor)
            raise InputError(
                "another process is writing this file", where=str(path), way_out="wait for it to end, or stop it"
            ) from error
        self._path = path
        self.torn = _mend_end(path)
        self.size = path.stat().st_size

    def append(self, value: JsonValue) -> int:
        """Write one line, whole or not at all; returns the offset in bytes at which it starts.

        Raises:
            InputError: If the disk does not take it.
        """
        raw = line(value).encode()
        offset = self.size
        view = memoryview(raw)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            os.ftruncate(self._descriptor, offset)  # else the next line would be written onto this one's remains
            raise InputError(f"this file cannot be written: {error.strerror}", where=str(self._path)) from error
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


def _lock(descriptor: int, wait: float) -> None:
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.01)  # flock can wait, but not for so long and no longer
        else:
            return


def torn_bytes(path: Path) -> int:
    """How many bytes of a torn line stand at a file's end; 0 if its last line is whole."""
    with path.open("rb") as file:
        _, rest = _rest(file)
    return 0 if not rest or _is_whole(rest) else len(rest)


def _mend_end(path: Path) -> int:
    """End a last line that is whole, set one that is torn aside; returns how many bytes were torn."""
    with path.open("r+b") as file:
        whole, rest = _rest(file)
        if not rest:
            return 0
        if _is_whole(rest):
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            return 0
        with path.with_name(path.name + ".torn").open("ab") as aside:
            aside.write(rest + b"\n")
        file.truncate(whole)
        return len(rest)


def _rest(file: BinaryIO) -> tuple[int, bytes]:
    """What follows a file's last line end, and where it starts."""
    whole = _end_of_last_line(file, file.seek(0, os.SEEK_END))
    file.seek(whole)
    return whole, file.read()


def _is_whole(raw: bytes) -> bool:
    try:
        _object(raw)
    except ValueError:
        return False
    return True


def _object(raw: bytes) -> dict[str, Any]:
    """The object that a line is.

    Raises:
        ValueError: If it is none.
    """
    try:
        with jsonlines.Reader([raw.decode()]) as reader:
            value: dict[str, Any] = reader.read(type=dict)
    except (jsonlines.InvalidLineError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return value


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


def read_lines(path: Path, number: int = 1, offset: int = 0) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Number (from 1), offset in bytes and object of each line. A torn last line is no line.

    Args:
        path: The file.
        number: The number of the first line that is read.
        offset: Where that line starts.

    Raises:
        InputError: If a line is no JSON object; names the line.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for number, raw in enumerate(file, number):  # noqa: PLR1704, B020 - it goes on from there
            try:
                fields = _object(raw)
            except ValueError as error:
                if not raw.endswith(b"\n"):
                    return
                raise InputError(
                    "the line is no JSON object", where=f"{path}:{number}", way_out="mend or delete the line"
                ) from error
            yield number, offset, fields
            offset += len(raw)
