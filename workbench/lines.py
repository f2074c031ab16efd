"""JSON Lines files that survive a kill: one writer, one write a line, and a torn last line recognised and set aside.

A line is handed to the kernel in one ``write`` on a descriptor opened for appending, so that whatever ends the process leaves at most one
torn line, the last. A last line that lacks nothing but its line end is whole: no part of a JSON object is itself one.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from pydantic import JsonValue

from workbench.canonical import line
from workbench.errors import InputError, InUse

__all__ = ["Appender", "backup", "drop_lines", "is_whole", "parse_object", "raw_lines", "read_lines", "torn_bytes"]

BLOCK: Final = 1 << 16
"""Bytes that are read at once."""


class Appender:
    """The one writer of a JSON Lines file.

    Args:
        path: The file; it and its folders are made if they are not there.
        wait: Seconds to wait for another writer to end.

    Attributes:
        torn: What was found torn at the file's end and set aside in ``FILE.torn``, in bytes; 0 if nothing was.
        size: Of the file, in bytes.

    Raises:
        InUse: If another process is writing the file.
        InputError: If it cannot be written.
    """

    def __init__(self, path: Path, *, wait: float = 0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = _locked(path, wait)
        except OSError as error:
            raise InputError(f"this file cannot be written: {error.strerror}", where=str(path)) from error
        self._path = path
        self.torn = _mend_end(path)
        self.size = path.stat().st_size

    def append(self, value: JsonValue) -> int:
        """Write one line, whole or not at all; returns the offset in bytes at which it starts.

        Raises:
            InputError: If the disk does not take it.
        """
        return self.append_raw(line(value).encode())

    def append_raw(self, raw: bytes) -> int:
        """The same for a line that is written already, its line end included."""
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


def _locked(path: Path, wait: float) -> int:
    """A descriptor of the file that has this name, and is ours alone."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, wait)
        except OSError as error:
            os.close(descriptor)
            raise InUse(
                "another process is writing this file", where=str(path), way_out="wait for it to end, or stop it"
            ) from error
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        # Between opening and locking it was replaced by another, as pruning does: lines written here would be lost with it.
        os.close(descriptor)


def torn_bytes(path: Path) -> int:
    """How many bytes of a torn line stand at a file's end; 0 if its last line is whole."""
    with path.open("rb") as file:
        _, rest = _rest(file)
    return 0 if not rest or is_whole(rest) else len(rest)


def _mend_end(path: Path) -> int:
    """End a last line that is whole, set one that is torn aside; returns how many bytes were torn."""
    with path.open("r+b") as file:
        whole, rest = _rest(file)
        if not rest:
            return 0
        if is_whole(rest):
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


def is_whole(raw: bytes) -> bool:
    """Whether the last line of a file, found without its line end, lacks nothing else."""
    try:
        parse_object(raw)
    except ValueError:
        return False
    return True


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a line is.

    Raises:
        ValueError: If it is none.
    """
    try:
        value = json.loads(raw.decode())
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict):
        raise ValueError("this is no JSON object")  # noqa: TRY004 - as of every other line that is none
    return value


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def backup(path: Path) -> Path:
    """Where a file is kept as it was before lines were dropped from it."""
    return path.with_name(path.name + ".bak")


def drop_lines(path: Path, dropped: Iterable[tuple[int, int]]) -> None:
    """Replace a file by one without some of its lines, at once or not at all; the old one stays as its backup.

    Whoever calls holds the file's lock, by an ``Appender``.

    Args:
        path: The file.
        dropped: Offset and length of each line that goes, in the file's order.

    Raises:
        InputError: If there is a backup already, or the disk does not take the new file.
    """
    part = path.with_name(path.name + ".part")
    try:
        with path.open("rb") as old, part.open("wb") as new:
            for start, length in dropped:
                _copy(old, new, start)
                old.seek(start + length)
            _copy(old, new, None)
            new.flush()
            os.fsync(new.fileno())
        shutil.copymode(path, part)
        backup(path).hardlink_to(path)
        part.replace(path)
    except FileExistsError as error:
        part.unlink()
        raise InputError(
            "a backup is there already", where=str(backup(path)), way_out="delete it, or move it away, and try again"
        ) from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"this file cannot be replaced: {error.strerror}", where=str(path)) from error


def _copy(old: BinaryIO, new: BinaryIO, until: int | None) -> None:
    """Copy from where a file stands to an offset, or to its end."""
    while block := old.read(BLOCK if until is None else min(BLOCK, until - old.tell())):
        new.write(block)


def raw_lines(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line from one offset to another, each with its line end, the last perhaps without."""
    file.seek(start)
    for raw in file:
        if start + len(raw) >= end:
            if start < end:
                yield start, raw[: end - start]
            return
        yield start, raw
        start += len(raw)


def read_lines(
    path: Path, number: int = 1, offset: int = 0, *, missing_ok: bool = False
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Number (from 1), offset in bytes and object of each line. A torn last line is no line.

    Args:
        path: The file.
        number: The number of the first line that is read.
        offset: Where that line starts.
        missing_ok: Whether a file that is not there has no line, rather than being an error.

    Raises:
        InputError: If a line is no JSON object; names the line.
    """
    if missing_ok and not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for number, raw in enumerate(file, number):  # noqa: PLR1704, B020 - it goes on from there
            try:
                fields = parse_object(raw)
            except ValueError as error:
                if not raw.endswith(b"\n"):
                    return
                raise InputError(
                    "the line is no JSON object", where=f"{path}:{number}", way_out="mend or delete the line"
                ) from error
            yield number, offset, fields
            offset += len(raw)
