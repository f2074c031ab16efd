"""Looking after a store of recordings: what is wrong with it, what is in it, what of it can go.

Nothing goes silently: what would go is said first, and a file that loses lines is replaced by a whole new one while the old stays beside it as
``FILE.bak``. However large the store, its lines go by one at a time; what must be put in order is put in order by SQLite, on the disk.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from workbench.answers import Dispute, answer, dead
from workbench.canonical import check_json
from workbench.entries import Kind
from workbench.errors import InputError, RecordingError
from workbench.lines import Appender, backup, drop_lines, is_whole, raw_lines
from workbench.recordings import Recording, Recordings, open_index, read_recording
from workbench.requests import reask_key, request_key

__all__ = ["Contents", "Problem", "Pruned", "by", "check_backups", "contents", "lock", "prune", "verify"]


# --- verify

MEND = "mend the line or delete it"


@dataclass(frozen=True)
class Problem:
    """Something wrong with a store, and where: ``FILE:LINE``, or ``FILE:FIRST-LAST`` where it is so of many lines on end."""

    where: str
    what: str
    way_out: str


def verify(folder: Path, notify: Callable[[str], None] = lambda _: None) -> Iterator[Problem]:
    """What is wrong with a store: lines that are no recordings, a torn end, false keys, requests that two files answer differently.

    Whether files agree can only be asked where every line is a recording.
    """
    readable = True
    for file in sorted(folder.glob("*.jsonl")):
        # Lines that follow on each other may have one fault, as all lines of a newer version have.
        for (_, fault), run in groupby(
            enumerate(_wrong_lines(file)), key=lambda each: (each[1][0] - each[0], each[1][1])
        ):
            numbers = [number for _, (number, _) in run]
            place = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
            readable = readable and not fault.fatal
            yield Problem(f"{file}:{place}", fault.what, fault.way_out)
    if readable:
        yield from _disputes(folder, notify)


class _Fault(NamedTuple):
    """What is wrong with a line, and whether it keeps the store from being read."""

    what: str
    way_out: str
    fatal: bool


def _wrong_lines(file: Path) -> Iterator[tuple[int, _Fault]]:
    """The number of each line that is not in order, and its fault; of several, one after the other."""
    try:
        with file.open("rb") as opened:
            for number, (_, raw) in enumerate(raw_lines(opened, 0, os.fstat(opened.fileno()).st_size), 1):
                if not raw.endswith(b"\n") and not is_whole(raw):
                    way_out = f"it is passed over; the next to record here sets it aside in {file.name}.torn"
                    yield number, _Fault(f"the line is torn ({len(raw):,} bytes)", way_out, fatal=False)
                    continue
                try:
                    recording = read_recording(raw, "")
                    check_json(recording.response)
                except RecordingError as error:
                    yield number, _Fault(error.what, error.way_out if error.expected else MEND, fatal=True)
                except ValueError as error:
                    yield number, _Fault(f"the line holds what JSON does not have: {error}", MEND, fatal=True)
                else:
                    for what in _false(recording):
                        yield number, _Fault(what, "delete the line and record it again", fatal=False)
    except OSError as error:
        yield 0, _Fault(f"this file cannot be read: {error.strerror}", "let it be read, or move it away", fatal=True)


def _false(recording: Recording) -> Iterator[str]:
    if (recording.parent is None) is not (recording.attempt == 0):
        yield "a re-ask has a parent and a number, a first answer neither: this line has one of the two"
    elif recording.parent is not None:
        if recording.key != reask_key(recording.parent, recording.attempt):
            yield "the key is not that of its parent's re-ask: no request will find it"
    elif recording.key != request_key(recording.request, recording.sample):
        yield "the key is not that of the request whose hash stands beside it: it answers another request, or none"


def _disputes(folder: Path, notify: Callable[[str], None]) -> Iterator[Problem]:
    index, _ = open_index(folder, notify)
    with closing(index):
        for key in index.differing():
            try:
                answer(index, key)
            except Dispute as dispute:
                one, other = (f"{folder / line.file}:{index.number(line)}" for line in dispute.lines)
                yield Problem(
                    f"{one} and {other}",
                    "two files answer the same request differently, and neither is the newer",
                    "delete one of the two lines; of many, move one file into a folder of its own and `workbench recordings merge` it, with --prefer",
                )


# --- contents


@dataclass(frozen=True)
class Contents:
    """What is in a store, or in a part of it.

    Attributes:
        answers: Requests that have an answer.
        replaced: Lines that answer nothing any more.
        size: In bytes.
        first: When the earliest was recorded, and ``last`` the latest.
    """

    answers: int
    replaced: int
    size: int
    first: datetime
    last: datetime

    def __add__(self, other: "Contents") -> "Contents":
        """Both together."""
        return Contents(
            self.answers + other.answers,
            self.replaced + other.replaced,
            self.size + other.size,
            min(self.first, other.first),
            max(self.last, other.last),
        )


def contents(store: Recordings) -> dict[Kind, Contents]:
    """What is in a store, by kind."""
    with store.asking():
        groups = store.index.groups()
        gone = Counter(line.kind for line in dead(store.index))
    return {
        group.kind: Contents(group.lines - gone[number], gone[number], group.size, group.first, group.last)
        for number, group in groups.items()
    }


def lock(folder: Path, stack: ExitStack) -> dict[str, Appender]:
    """Keep every other process from writing to a store until the stack is left; gives the writer of each file by its name.

    Raises:
        InputError: If another process is writing.
    """
    return {file.name: stack.enter_context(Appender(file)) for file in sorted(folder.glob("*.jsonl"))}


def check_backups(files: Iterable[Path]) -> None:
    """Refuse to take lines from files of which an earlier change left a backup. Asked before anything is written.

    Raises:
        InputError: One is still there.
    """
    for file in files:
        if backup(file).exists():
            raise InputError(
                "the backup of an earlier change is still there",
                where=str(backup(file)),
                way_out="if all is well delete it, else move it back over the file; then try again",
            )


def by(name: Callable[[Kind], str], found: Mapping[Kind, Contents]) -> dict[str, Contents]:
    """The same by something else: an origin, a model."""
    together: dict[str, Contents] = {}
    for kind, part in found.items():
        together[name(kind)] = together[name(kind)] + part if name(kind) in together else part
    return together


# --- prune


@dataclass(frozen=True)
class Pruned:
    """What goes, or went.

    Attributes:
        replaced: Lines that answer nothing any more, for a later or newer one answers.
        unused: Lines that answer what is not asked any more.
        size: Of both, in bytes.
        files: Those that lose lines.
    """

    replaced: int
    unused: int
    size: int
    files: tuple[Path, ...]


def prune(
    folder: Path,
    unused: Callable[[Kind], bool] = lambda _: False,
    *,
    dry_run: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> Pruned:
    """Drop what answers nothing any more, and the lines of the kinds that are unused. Every other request finds what it found.

    Raises:
        InputError: If another process is writing the store, a backup stands where one is needed, or the disk does not take it.
        RecordingError: If the store cannot be read.
    """
    with ExitStack() as stack:
        if not dry_run:
            lock(folder, stack)
        store = stack.enter_context(Recordings(folder, notify=notify))
        doomed = stack.enter_context(closing(sqlite3.connect("")))
        doomed.execute("CREATE TABLE doomed (file, start, length, unused, PRIMARY KEY (file, start)) WITHOUT ROWID")
        with store.asking():
            kinds = {number for number, group in store.index.groups().items() if unused(group.kind)}
            rows = ((line.file, line.start, line.length, False) for line in dead(store.index))
            doomed.executemany("INSERT INTO doomed VALUES (?, ?, ?, ?)", rows)
            if kinds:
                rows = (
                    (line.file, line.start, line.length, True) for line in store.index.lines() if line.kind in kinds
                )
                doomed.executemany("INSERT OR IGNORE INTO doomed VALUES (?, ?, ?, ?)", rows)
        counted = "SELECT count(*), coalesce(sum(unused), 0), coalesce(sum(length), 0) FROM doomed"
        count, of_unused, size = doomed.execute(counted).fetchone()
        names = [name for (name,) in doomed.execute("SELECT DISTINCT file FROM doomed ORDER BY file")]
        files = tuple(folder / name for name in names)
        if not dry_run:
            check_backups(files)
            for file in files:
                lines = doomed.execute("SELECT start, length FROM doomed WHERE file = ? ORDER BY start", (file.name,))
                drop_lines(file, lines)
    return Pruned(count - of_unused, of_unused, size, files)
