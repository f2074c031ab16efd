"""Recordings: each exchange with a model as it came back, to be replayed without a key, a network or a bill.

A store is a folder of JSON Lines files, one for each origin. A recording is found by its request's key; what it holds besides says where
it came from and, through the facets, what changed when a request finds none.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.canonical import canonical_json, first_problem
from workbench.errors import InputError, RecordingError, ReplayMiss
from workbench.lines import Appender, read_lines, torn_bytes
from workbench.settings import MOST_REASKS
from workbench.tasks import Facets, Request, reask_key

__all__ = ["FORMAT", "Answer", "Exchange", "Origin", "Recording", "Recordings", "record"]

FORMAT: Final = "workbench.recording/1"

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
    """A request's recording, and whether this run sent it or found it."""

    recording: Recording
    sent: bool


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
    """A folder of recordings: found by key, appended to by one writer.

    Attributes:
        notes: What was noticed on opening that a person should know, such as a torn line set aside.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._places: dict[str, tuple[Path, int]] = {}
        self._facets: dict[str, Facets] = {}
        self._appenders: dict[str, Appender] = {}
        for file in sorted(folder.glob("*.jsonl")):
            self._index(file)

    def _index(self, file: Path) -> None:
        try:
            for number, offset, fields in read_lines(file):
                recording = _parse(fields, f"{file}:{number}")
                if self._replaces(recording, file, number):
                    self._take(recording, file, offset)
            if torn := torn_bytes(file):
                self.notes.append(f"{file}: its last line is torn ({torn:,} bytes) and is passed over")
        except RecordingError:
            raise
        except InputError as error:
            raise RecordingError(error.what, where=error.where, way_out=error.way_out) from error
        except OSError as error:
            raise RecordingError(f"this file cannot be read: {error.strerror}", where=str(file)) from error

    def _take(self, recording: Recording, file: Path, offset: int) -> None:
        if recording.key in self._places and not recording.attempt:
            # Its re-asks were put to the answer that this one replaces.
            for attempt in range(1, MOST_REASKS + 1):
                self._places.pop(reask_key(recording.key, attempt), None)
                self._facets.pop(reask_key(recording.key, attempt), None)
        self._places[recording.key] = (file, offset)
        self._facets[recording.key] = recording.facets

    def _replaces(self, recording: Recording, file: Path, number: int) -> bool:
        """A refresh replaces what it asked again: in one file by the later line, in two by the time, which must tell them apart."""
        place = self._places.get(recording.key)
        if not place or place[0] == file:
            return True
        other = self._read(*place)
        if other.response == recording.response:
            return recording.recorded > other.recorded
        if other.recorded == recording.recorded:
            raise RecordingError(
                "two files answer the same request differently, and neither is the newer",
                where=f"{place[0]} and {file}:{number}",
                expected="one response for each key",
                way_out=f"delete one of the two lines with the key {recording.key}",
            )
        self.notes.append(
            f"{place[0].name} and {file.name} answer the request {recording.key[:19]} differently; the newer is taken"
        )
        return recording.recorded > other.recorded

    def __len__(self) -> int:
        """How many requests have an answer here."""
        return len(self._places)

    def find(self, request: Request) -> Recording | None:
        """The recording that answers this request, or None."""
        return self.get(request.key)

    def get(self, key: str) -> Recording | None:
        """The recording with this key, or None."""
        place = self._places.get(key)
        return self._read(*place) if place else None

    def replay(self, request: Request) -> Recording:
        """The recording that answers this request.

        Raises:
            ReplayMiss: If there is none; says which part changed since the nearest one.
        """
        found = self.find(request)
        if found is None:
            raise ReplayMiss(
                "no recording answers this request: " + self._explain(request),
                where=str(self.folder),
                way_out="undo the change, or run with a key to record it",
            )
        return found

    def _explain(self, request: Request) -> str:
        if request.parent and request.parent in self._places:
            return f"its first answer was recorded, re-ask {request.attempt} was not"
        if not self._facets:
            return "there are no recordings"
        wanted = asdict(request.facets)
        changes = {
            key: [name for name, value in asdict(facets).items() if value != wanted[name]]
            for key, facets in self._facets.items()
            if facets.article == request.facets.article
        }
        if not changes:
            return "this article was never recorded (its text may have changed)"
        nearest = min(changes, key=lambda key: len(changes[key]))
        if not changes[nearest]:
            return f"the same parts were recorded as {nearest[:19]}, as another sample or by another version"
        changed = " and ".join(f"the {name}" for name in changes[nearest])
        return f"{changed} changed since this was recorded (nearest: {nearest[:19]})"

    def append(self, recording: Recording) -> None:
        """Store a recording; it is on its way to the disk when this returns.

        Raises:
            InputError: If another process is writing this store.
        """
        file = self.folder / f"{recording.origin}.jsonl"
        appender = self.writer(recording.origin)
        self._take(recording, file, appender.append(recording.model_dump(mode="json")))

    def writer(self, origin: Origin) -> Appender:
        """The one writer of an origin's file; asking for it early finds out early whether the store is free."""
        if origin not in self._appenders:
            appender = Appender(self.folder / f"{origin}.jsonl")
            if appender.torn:
                self.notes.append(f"{self.folder / origin}.jsonl: the torn line was set aside in {origin}.jsonl.torn")
            self._appenders[origin] = appender
        return self._appenders[origin]

    def origins(self) -> Counter[str]:
        """How many recordings each origin has."""
        return Counter(self._read(*place).origin for place in self._places.values())

    def _read(self, file: Path, offset: int) -> Recording:
        try:
            with file.open("rb") as lines:
                lines.seek(offset)
                return Recording.model_validate_json(lines.readline())
        except (ValidationError, OSError) as error:
            raise RecordingError(
                "the recordings were changed while they were in use", where=str(file), way_out="run again"
            ) from error

    def close(self) -> None:
        """Give up the files that were written."""
        for appender in self._appenders.values():
            appender.close()
        self._appenders.clear()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _parse(fields: dict[str, Any], where: str) -> Recording:
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
        raise RecordingError(f"the line is no JSON object that can be stored: {error}", where=where) from error
