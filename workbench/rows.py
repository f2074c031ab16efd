"""The rows of a batch: what each asks, and what came back for it."""

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from pydantic import JsonValue, TypeAdapter, ValidationError

from workbench.canonical import canonical_json, first_problem, hash_text, line
from workbench.completions import Usage, is_too_long, read_completion
from workbench.entries import digest
from workbench.errors import ProviderError, RunError
from workbench.lines import parse_object
from workbench.meter import worst_case
from workbench.requests import Facets, Request

__all__ = ["Outcome", "Row", "Rows", "UnreadableRow", "is_passing", "read_answer", "row_of", "unanswered", "write_row"]

FORM: Final = '{"custom_id": …, "response": {"status_code": 200, "body": {…}}, "error": null}'
LONGEST: Final = 300
"""Characters of an endpoint's words that are shown."""
PASSING: Final = frozenset({408, 409, 429})


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was asked: what a recording of its answer needs, without the texts.

    Attributes:
        key: Of the request; in the provider's file it is the row's ``custom_id``.
        request: The hash of the body.
        facets: Hashes of its parts.
        sample: The number of the sample.
        parent: The key of the exchange that it re-asks.
        attempt: Which re-ask it is; 0 for a first request.
        worst: The most tokens that it can take.
        offset: Where its line begins in the file of requests, in bytes.
    """

    key: str
    request: str
    facets: Facets
    sample: int
    parent: str | None
    attempt: int
    worst: Usage
    offset: int


_ROW = TypeAdapter(Row)


def row_of(request: Request, offset: int) -> Row:
    """The row that asks a request."""
    return Row(
        key=request.key,
        request=request.hash,
        facets=request.facets,
        sample=request.sample,
        parent=request.parent,
        attempt=request.attempt,
        worst=worst_case(request),
        offset=offset,
    )


def write_row(row: Row) -> bytes:
    """A row as a line of ``NNNN.rows.jsonl``."""
    return line(_ROW.dump_python(row, mode="json")).encode()


class Rows:
    """The rows of a part, found by key. Only where they stand is held in memory.

    Attributes:
        strayed: How many bodies were asked for that the file of requests does not hold any more.
        damage: What is wrong with the file of rows, if something is; lines that are no rows are passed over.
        place: The file, and the first line of which that is so.

    Raises:
        RunError: If a file is there and cannot be read.
    """

    def __init__(self, rows: Path, requests: Path) -> None:
        self.strayed = 0
        self.damage, self.place = "", str(rows)
        self._offsets: dict[bytes, int] = {}
        self._rows: BinaryIO = BytesIO()
        self._requests: BinaryIO | None = None
        with ExitStack() as stack:
            try:
                try:
                    self._rows = stack.enter_context(rows.open("rb"))
                except FileNotFoundError:
                    self.damage = "the file is gone"
                with suppress(FileNotFoundError):  # it holds bodies alone, and most recordings are without
                    self._requests = stack.enter_context(requests.open("rb"))
                self._find()
            except OSError as error:
                raise RunError(
                    f"a file of a batch that is under way cannot be read: {error.strerror}",
                    where=str(error.filename or rows),
                    way_out="let it be read by whoever goes on with the run",
                ) from error
            self._open = stack.pop_all()

    def _find(self) -> None:
        offset = 0
        for number, raw in enumerate(self._rows, 1):
            try:
                self._offsets[digest(_ROW.validate_json(raw).key)] = offset
            except ValidationError as error:
                if not self.damage:
                    what = first_problem(error).removeprefix(": ")
                    self.damage, self.place = f"the line is no row: {what}", f"{self.place}:{number}"
            offset += len(raw)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._offsets)

    def __contains__(self, key: str) -> bool:
        """Whether one of them has this key."""
        return digest(key) in self._offsets

    @property
    def marks(self) -> Collection[bytes]:
        """The digests of their keys."""
        return self._offsets.keys()

    def __iter__(self) -> Iterator[Row]:
        """Each, in the order in which they were asked."""
        for offset in list(self._offsets.values()):
            yield self._at(offset)

    def __getitem__(self, key: str) -> Row:
        """The row with this key."""
        return self._at(self._offsets[digest(key)])

    def body(self, row: Row) -> dict[str, JsonValue] | None:
        """The body that was sent, texts and all; None where the file of requests does not hold it any more."""
        if self._requests:
            self._requests.seek(row.offset)
            try:
                body: dict[str, JsonValue] = parse_object(self._requests.readline())["body"]
                if hash_text(canonical_json(body)) == row.request:
                    return body
            except (ValueError, KeyError):
                pass  # somebody has edited it
        self.strayed += 1
        return None

    def _at(self, offset: int) -> Row:
        self._rows.seek(offset)
        return _ROW.validate_json(self._rows.readline())

    def __enter__(self) -> Self:
        """The rows themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._open.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for a row.

    Attributes:
        status: Of HTTP, as the row says; None where it says none.
        body: A chat completion, if it was answered.
        error: Why it was not, in words.
        assumed: Whether the provider may have counted tokens, and how many is not known.
        too_long: Whether it was not because the model reads less than the request holds.
    """

    status: int | None = None
    body: dict[str, JsonValue] | None = None
    error: str | None = None
    assumed: bool = False
    too_long: bool = False


class UnreadableRow(ValueError):
    """A line of an answer file that says nothing of any row; the message says why."""


def read_answer(raw: bytes) -> tuple[str, Outcome]:
    """The key and the outcome that a line of a provider's output file or error file gives.

    Raises:
        UnreadableRow: If it gives none.
    """
    try:
        fields = parse_object(raw)
    except ValueError as error:
        what = "is no JSON object" if raw.endswith(b"\n") else "is cut off"
        raise UnreadableRow(f"the line {what}") from error
    key, response, problem = fields.get("custom_id"), fields.get("response"), fields.get("error")
    if not isinstance(key, str) or not key.isascii():
        raise UnreadableRow(f"the line has no custom_id; expected {FORM}")
    if problem:
        said = problem if isinstance(problem, dict) else {"message": problem}
        words = ": ".join(str(part)[:LONGEST] for part in (said.get("code"), said.get("message")) if part) or "an error"
        return key, Outcome(error=_storable(f"its row in the batch says {words}"))
    status = response.get("status_code") if isinstance(response, dict) else None
    if not isinstance(response, dict) or not isinstance(status, int):
        raise UnreadableRow(f"the line has neither a response with a status_code nor an error; expected {FORM}")
    body: Any = response.get("body")
    if status != 200:
        refusal = body.get("error", body) if isinstance(body, dict) else None
        details = refusal if isinstance(refusal, dict) else {}
        message = details.get("message")
        words = f": {str(message)[:LONGEST]}" if message else ""
        why = _storable(f"the endpoint answered its row in the batch with {status}{words}")
        return key, Outcome(status, error=why, too_long=is_too_long(status, details))
    return key, _completed(body)


def _storable(words: str) -> str:
    """Words without halves of characters, which no file holds."""
    return words.encode(errors="replace").decode()


def _completed(body: Any) -> Outcome:
    try:
        # What could not be stored is no answer: halves of characters, NaN.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        fields = body if isinstance(body, dict) else {"": body}
        read_completion(fields)
    except ProviderError as error:
        return Outcome(200, error=error.what, assumed=True)
    except (ValueError, RecursionError) as error:
        return Outcome(200, error=f"its answer holds what JSON does not have: {error}", assumed=True)
    return Outcome(200, fields)


def unanswered(status: str, why: str | None) -> Outcome:
    """What becomes of a row that is in neither file of a batch that ended so. What was never done costs nothing."""
    if status == "expired":
        return Outcome(error="the batch expired before this was done")
    if status == "cancelled":
        return Outcome(error="the batch was cancelled before this was done")
    if status == "failed":
        return Outcome(error=f"the provider refused the batch{f': {why}' if why else ''}")
    if status == "lost":
        return Outcome(error=f"the batch was given up{f': {why}' if why else ''}", assumed=True)
    return Outcome(error="the batch has ended, and this is in neither of its files", assumed=True)


def is_passing(status: int | None) -> bool:
    """Whether what failed so may do better another time: a row without a status was not done, and can be."""
    return status is None or status in PASSING or status >= 500 or status == 200
