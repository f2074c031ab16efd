"""Recordings: each exchange with a model as it came back, to be replayed without a key, a network or a bill.

A store is a folder of JSON Lines files, one for each origin. A recording is found by its request's key; what it holds besides says where
it came from and, through the facets, what changed when a request finds none.
"""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.answers import Dispute, answer, dead, differing
from workbench.canonical import canonical_json, first_problem, hash_json
from workbench.completions import Completion, Usage, read_completion
from workbench.entries import Entry, Kind, Line, digest
from workbench.errors import RecordingError, ReplayMiss
from workbench.index import Index, cache_file, remove_index
from workbench.lines import Appender, parse_object
from workbench.prices import Cost
from workbench.requests import Facets, Request

__all__ = [
    "FORMAT",
    "Answer",
    "Exchange",
    "Origin",
    "Recording",
    "Recordings",
    "open_index",
    "read_recording",
    "record",
]

FORMAT: Final = "workbench.recording/1"
SMALL: Final = 4 << 20
"""Bytes below which a store's index is not kept: they are read in about 50 ms."""
FACETS: Final = ("prompt", "schema", "model", "settings", "examples")
BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""What is wrong with an index that is to be made again, rather than with the place where it lies."""

Origin = Literal["api", "local-model", "transcribed", "synthetic"]
"""Where a response came from: a provider; a model that ran here; written by hand from the rendered request alone; made up for a test."""


class Recording(BaseModel):
    """A stored exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["workbench.recording/1"] = FORMAT
    key: str
    origin: Origin
    api: Literal["chat.completions"] = "chat.completions"
    model: str
    recorded: datetime
    sample: int
    parent: str | None = None
    """The key of the exchange that this one re-asks."""
    attempt: int = 0
    request: str
    """The hash of the exact body that was sent."""
    facets: Facets
    response: dict[str, JsonValue]
    """The response body, as the endpoint sent it."""
    body: dict[str, JsonValue] | None = Field(default=None, exclude_if=lambda body: body is None)
    """The request, only where it was asked for: articles are other people's."""


@dataclass(frozen=True)
class Exchange:
    """A request's recording, and whether this run sent it or found it.

    Attributes:
        recording: What is stored of it.
        sent: Whether this run pays for it.
        price: What its tokens cost, where that is known or is not what the run pays for those it sends one by one.
    """

    recording: Recording
    sent: bool
    price: Callable[[Usage], Cost | None] | None = None

    @cached_property
    def completion(self) -> Completion:
        """What the response says.

        Raises:
            ProviderError: If it is no chat completion.
        """
        return read_completion(self.recording.response)


Answer = Callable[[Request], Awaitable[Exchange]]
"""The seam: a request goes in, its exchange comes out, from a recording or from the endpoint."""


def record(request: Request, response: dict[str, JsonValue], origin: Origin, *, keep_body: bool = False) -> Recording:
    """The recording of an exchange that has just ended."""
    return Recording(
        key=request.key,
        origin=origin,
        model=request.facets.model,
        recorded=datetime.now(UTC).replace(microsecond=0),
        sample=request.sample,
        parent=request.parent,
        attempt=request.attempt,
        request=request.hash,
        facets=request.facets,
        response=response,
        body=request.body if keep_body else None,
    )


class Recordings:
    """A folder of recordings: found by key, appended to by one writer a file.

    What is found is what the files hold; their index only says where (see ``workbench.index``).

    Args:
        folder: The folder; it need not exist.
        notify: Told, in words, where opening will take some seconds.

    Attributes:
        notes: What was noticed that a person should know, such as a torn line set aside.
        index: Where the lines stand, for whoever looks after the store.

    Raises:
        RecordingError: If a line is no recording, or two files answer a request differently and neither is the newer.
    """

    def __init__(self, folder: Path, *, notify: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._notify = notify
        self._appenders: dict[str, Appender] = {}
        self.index = self._open()
        try:
            self._look_over()
        except BaseException:
            self.index.close()
            raise

    def _open(self) -> Index:
        index, notes = open_index(self.folder, self._notify)
        self._grows = not index.place and not notes
        self.notes += notes
        return index

    def _look_over(self) -> None:
        """Note what is torn and what differs.

        Raises:
            RecordingError: If two files differ, and neither is the newer.
        """
        pairs: dict[tuple[str, ...], tuple[int, str]] = {}
        with self.asking():
            for name, torn in self.index.torn().items():
                self.notes.append(f"{self.folder / name}: its last line is torn ({torn:,} bytes) and is passed over")
            for taken, other in differing(self.index):
                pair = tuple(sorted((taken.file, other.file)))
                count, example = pairs.get(pair) or (0, self._read(taken).key[:19])
                pairs[pair] = count + 1, example
        for pair, (count, example) in pairs.items():
            requests = f"the request {example}" if count == 1 else f"{count:,} requests ({example} is one)"
            self.notes.append(f"{' and '.join(pair)} answer {requests} differently; the newer is taken")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """What the index has against what is asked of it, in words.

        Raises:
            RecordingError: If two files differ and neither is the newer, or the index fails.
        """
        try:
            yield
        except Dispute as dispute:
            one, other = (f"{self.folder / line.file}:{self.index.number(line)}" for line in dispute.lines)
            raise RecordingError(
                "two files answer the same request differently, and neither is the newer",
                where=f"{one} and {other}",
                expected="one response for each key",
                way_out=f"delete one of the two lines with the key {self._read(dispute.lines[0]).key}; "
                "`workbench recordings verify` shows all of them",
            ) from dispute
        except sqlite3.Error as error:
            raise RecordingError(
                f"the index of the recordings fails: {error}",
                where=self.index.place or "a temporary file",
                way_out="run again: no recording is lost, and what is broken is made again",
            ) from error

    def __len__(self) -> int:
        """How many requests have an answer here."""
        return self.origins().total()

    def origins(self) -> Counter[str]:
        """How many requests have an answer of each origin."""
        with self.asking():
            groups = self.index.groups()
            counted: Counter[str] = Counter()
            for group in groups.values():
                counted[group.kind.origin] += group.lines
            for line in dead(self.index):
                counted[groups[line.kind].kind.origin] -= 1
        return +counted

    def find(self, request: Request) -> Recording | None:
        """The recording that answers this request, or None."""
        return self.get(request.key)

    def get(self, key: str) -> Recording | None:
        """The recording with this key, or None."""
        with self.asking():
            line = answer(self.index, digest(key))
        return self._read(line, key) if line else None

    def replay(self, request: Request) -> Recording:
        """The recording that answers this request.

        Raises:
            ReplayMiss: If there is none; says which part changed since the nearest one.
        """
        found = self.find(request)
        if found is None:
            with self.asking():
                why = self._explain(request)
            raise ReplayMiss(
                f"no recording answers this request: {why}",
                where=str(self.folder),
                way_out="undo the change, or run with a key to record it",
            )
        return found

    def _explain(self, request: Request) -> str:
        if request.parent and answer(self.index, digest(request.parent)):
            return f"its first answer was recorded, re-ask {request.attempt} was not"
        if not self.index:
            return "there are no recordings"
        nearest: tuple[Line, list[str]] | None = None
        for line, kind in self.index.of_article(request.facets.article):
            changed = [name for name in FACETS if getattr(kind, name) != (getattr(request.facets, name) or "")]
            if nearest is None or len(changed) < len(nearest[1]):
                nearest = line, changed
        if nearest is None:
            return "this article was never recorded (its text may have changed)"
        key = self._read(nearest[0]).key[:19]
        if not nearest[1]:
            return f"the same parts were recorded as {key}, as another sample or by another version"
        return f"{' and '.join(f'the {name}' for name in nearest[1])} changed since this was recorded (nearest: {key})"

    def append(self, recording: Recording) -> None:
        """Store a recording; it is on its way to the disk when this returns.

        Raises:
            InputError: If another process is writing this store.
        """
        appender = self.writer(recording.origin)
        start = appender.append(recording.model_dump(mode="json"))
        with self.asking():
            file = self.folder / f"{recording.origin}.jsonl"
            self.index.appended(file, start, appender.size - start, _entry(recording))
            if self._grows and appender.size >= SMALL:
                self.index.close()
                self.index = self._open()

    def writer(self, origin: Origin) -> Appender:
        """The one writer of an origin's file; asking for it early finds out early whether the store is free."""
        if origin not in self._appenders:
            appender = Appender(self.folder / f"{origin}.jsonl")
            if appender.torn:
                self.notes.append(f"{self.folder / origin}.jsonl: the torn line was set aside in {origin}.jsonl.torn")
            self._appenders[origin] = appender
        return self._appenders[origin]

    def _read(self, line: Line, key: str | None = None) -> Recording:
        """What stands where the index says; it must answer the request of that key."""
        try:
            recording = Recording.model_validate_json(self.index.read(line))
        except (ValidationError, OSError) as error:
            raise self._changed(line) from error
        if key is not None and recording.key != key:
            raise self._changed(line)
        return recording

    def _changed(self, line: Line) -> RecordingError:
        with self.asking():
            self.index.forget(line)
        return RecordingError(
            "the recordings were changed while they were in use",
            where=str(self.folder / line.file),
            way_out="run again",
        )

    def close(self) -> None:
        """Give up the files, those that were written among them."""
        for appender in self._appenders.values():
            appender.close()
        self._appenders.clear()
        self.index.close()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def open_index(folder: Path, notify: Callable[[str], None] = lambda _: None) -> tuple[Index, list[str]]:
    """Where a folder's lines stand, and what there is to say of that. Where the files are long the index is kept, if it can be.

    Raises:
        RecordingError: If a line is no recording, or a file cannot be read.
    """
    files = sorted(folder.glob("*.jsonl"))
    if sum(file.stat().st_size for file in files) < SMALL:
        return Index(files, "", _indexed), []
    try:
        place = cache_file(folder)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return Index(files, str(place), _indexed, notify), []
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in BROKEN:
                raise
            remove_index(place)
            return Index(files, str(place), _indexed, notify), []
    except (sqlite3.Error, OSError) as error:
        note = (
            f"the recordings were read whole, as their index cannot be kept ({error}): "
            "let XDG_CACHE_HOME name a folder that can be written"
        )
        return Index(files, "", _indexed, notify), [note]


def _indexed(raw: bytes, where: str) -> Entry:
    recording = read_recording(raw, where)
    try:
        return _entry(recording)
    except ValueError as error:  # a NaN
        raise _unstorable(error, where) from error


def _entry(recording: Recording) -> Entry:
    facets = recording.facets
    kind = Kind(recording.origin, facets.model, facets.prompt, facets.schema, facets.settings, facets.examples or "")
    answer = hash_json(recording.response)
    return Entry(recording.key, recording.parent, recording.recorded, answer, kind, facets.article)


def read_recording(raw: bytes, where: str) -> Recording:
    """The recording that a line holds.

    Raises:
        RecordingError: If it holds none of this version.
    """
    try:
        return Recording.model_validate_json(raw)
    except ValidationError:
        return _parse(raw, where)


def _parse(raw: bytes, where: str) -> Recording:
    """The same, slowly, and with an eye to what is wrong."""
    try:
        fields = parse_object(raw)
    except ValueError as error:
        raise RecordingError(
            "the line is no JSON object",
            where=where,
            way_out="mend the line or delete it; `workbench recordings verify` shows all that is wrong",
        ) from error
    found = fields.get("format")
    if found != FORMAT:
        raise RecordingError(
            f"the format is {found!r}",
            where=where,
            expected=FORMAT,
            way_out="it is from another version of the workbench: use that one, or record again",
        )
    try:
        return Recording.model_validate_json(canonical_json(fields).encode())
    except ValidationError as error:
        raise RecordingError(first_problem(error), where=where) from error
    except ValueError as error:  # a NaN, or half a character
        raise _unstorable(error, where) from error


def _unstorable(error: ValueError, where: str) -> RecordingError:
    return RecordingError(f"the line is no JSON object that can be stored: {error}", where=where)
