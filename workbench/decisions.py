"""The log of decisions beside the goldens: ``goldens/TASK/decisions.jsonl``.

A line says who did what about which place, when, and what that changed in the golden's file, so that it can be taken back to the byte. Lines are only ever
appended; an undo is a line too. The one thing that is written anew is the name of a field that the schema has renamed.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, JsonValue, Tag, TypeAdapter, ValidationError

from workbench.canonical import first_problem, hash_json
from workbench.carryover import present_place, present_value
from workbench.errors import GoldenError, InputError, WishError
from workbench.files import write_whole
from workbench.jsontext import Edit, edits, rewritten
from workbench.lines import Appender, parse_object, read_lines, torn_bytes
from workbench.standing import Mark, Standing
from workbench.wishes import Action, Selection

__all__ = ["FORMAT", "Adjudication", "Decision", "Line", "Log"]

FORMAT: Final = "workbench.decision/1"
PATIENCE: Final = 5.0
"""Seconds for which another writer of the log is waited for; it takes milliseconds."""


class Adjudication(BaseModel):
    """Which of two labellings was taken at a place where they differed: a line of the log from before there was a review."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    format: Literal["workbench.decision/1"] = FORMAT
    article: str
    """The golden's id."""
    when: datetime
    by: str
    at: str
    """JSON Pointer into the golden: a leaf, or the list that something was or was not an item of."""
    first: JsonValue
    """What the first labeller had, null for nothing."""
    second: JsonValue
    """What the second had."""
    took: JsonValue
    """What went into the golden."""
    reason: str


class Decision(BaseModel):
    """What one person decided about one place of a golden: a line of ``goldens/TASK/decisions.jsonl``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    format: Literal["workbench.decision/1"] = FORMAT
    id: str
    article: str
    """The golden's id."""
    when: datetime
    by: str
    action: Action | Literal["undo"]
    at: str | None = None
    """JSON Pointer into the golden: of an item added where it came to stand, of one removed where it stood. Empty for all of it; null where the golden
    has no such place."""
    record_at: str | None = None
    """JSON Pointer into the form of the record that was shown."""
    record: str | None = None
    """The hash of that form."""
    value: JsonValue = None
    """What the golden holds at the place since, or the alternate; of the whole, nothing."""
    was: JsonValue = None
    """What it held before."""
    selected: Selection | None = None
    """Where in the article the value was selected."""
    note: str = ""
    item: Literal["added", "removed"] | None = None
    """Whether an item came or went, so that its neighbours have other numbers since."""
    undoes: str | None = None
    """The id of the decision that an undo takes back."""
    before: str | None = None
    """The hash of the golden's file before, null for no file."""
    after: str | None = None
    """The same since."""
    edits: tuple[Edit, ...] = ()
    """What was replaced in the file's text: where, in code points; what stood there; what does since."""

    @property
    def line(self) -> dict[str, Any]:
        """It as its line has it: what is as it is by default is left out."""
        return {"format": self.format, **self.model_dump(mode="json", exclude_defaults=True)}

    @property
    def mark(self) -> Mark:
        """What of it matters to what stands."""
        held = self.was if self.action == "alternate" else self.value
        return Mark(
            self.id,
            self.action,
            self.at,
            self.record_at,
            self.record,
            self.item,
            self.undoes,
            self.before,
            self.after,
            hash_json(held) if self.at else None,
        )


def _kind(line: Any) -> str:
    return "decision" if (line.get("action") if isinstance(line, dict) else hasattr(line, "action")) else "adjudication"


Line = Annotated[
    Annotated[Decision, Tag("decision")] | Annotated[Adjudication, Tag("adjudication")], Discriminator(_kind)
]
"""A line of the log."""
_LINE: Final[TypeAdapter[Decision | Adjudication]] = TypeAdapter(Line)


class Log:
    """The decisions on the goldens in a folder. Safe to use from several threads; what other processes append is seen.

    What is held in memory of a decision is what it takes to say what stands; the rest is read when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "decisions.jsonl"
        self._lock = RLock()
        self._forget()

    def _forget(self) -> None:
        self._known: os.stat_result | None = None
        self._next = (1, 0)
        self._last = b""
        self._marks: dict[str, list[Mark]] = {}
        self._offsets: dict[str, list[int]] = {}
        self._standings: dict[str, tuple[str | None, Standing]] = {}

    def of(self, article: str) -> tuple[Decision | Adjudication, ...]:
        """The history of one golden, oldest first.

        Raises:
            GoldenError: If a line of the log does not hold; names it.
        """
        with self._lock:
            self._refresh()
            return tuple(self._read(offset) for offset in self._offsets.get(article, ()))

    def get(self, article: str, decision: str) -> Decision:
        """One decision on a golden.

        Raises:
            WishError: If there is none of that id.
        """
        for line in self.of(article):
            if isinstance(line, Decision) and line.id == decision:
                return line
        raise WishError(f"there is no decision {decision!r} on {article}")

    def standing(self, article: str, seen: str | None) -> Standing:
        """What stands decided about a golden.

        Args:
            article: The golden's id.
            seen: The hash of its file as it is, None for no file.
        """
        with self._lock:
            self._refresh()
            known = self._standings.get(article)
            if known is None or known[0] != seen:
                known = self._standings[article] = seen, Standing(self._marks.get(article, []), seen)
            return known[1]

    def marks(self, article: str) -> tuple[Mark, ...]:
        """What was decided about a golden, oldest first, in force or not."""
        with self._lock:
            self._refresh()
            return tuple(self._marks.get(article, ()))

    @property
    def articles(self) -> tuple[str, ...]:
        """The ids of the goldens on which there is a line."""
        with self._lock:
            self._refresh()
            return tuple(self._offsets)

    @property
    def torn(self) -> int:
        """How many bytes of a line that was never finished stand at the log's end; the next decision sets them aside."""
        with self._lock:
            return torn_bytes(self.file) if self.file.exists() else 0

    def outdated(self, schema: type[BaseModel]) -> int:
        """How many lines name a field by a name that the schema says it had formerly.

        Raises:
            InputError: If a line is no JSON object.
        """
        return sum(
            _present(fields, schema, f"{self.file}:{number}") != fields
            for number, _, fields in read_lines(self.file, missing_ok=True)
        )

    def carry_over(self, schema: type[BaseModel]) -> int:
        """Have every line name fields by their present names, as the goldens do once they are carried over; returns how many changed.

        Only names are written anew: who decided what, when, and the hashes stay to the byte. The golden is another file since, so that what was
        decided stands where the same value does, and cannot be taken back byte for byte.

        Raises:
            InputError: If another process does not let go of the log, or a line is no JSON object.
        """
        if not self.outdated(schema):
            return 0
        count = 0
        with self.writing():
            parts = []
            with self.file.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    text, fields = raw.decode(), parse_object(raw)
                    if (present := _present(fields, schema, f"{self.file}:{number}")) != fields:
                        text = rewritten(text, edits(text, present))
                        count += 1
                    parts.append(text)
            write_whole(self.file, "".join(parts))
        return count

    @contextmanager
    def writing(self) -> Iterator[Appender]:
        """The log to the caller alone, read to its end.

        Raises:
            InputError: If another process does not let go of it.
        """
        with self._lock, Appender(self.file, wait=PATIENCE) as appender:
            self._refresh()
            yield appender

    def _refresh(self) -> None:
        """Read what was appended since; all of it if the file is another, or was written anew."""
        try:
            now = self.file.stat()
        except FileNotFoundError:
            self._forget()
            return
        if self._known and _same_file(self._known, now):
            return
        if self._known is None or self._known.st_ino != now.st_ino or not self._goes_on():
            self._forget()
        self._known = now
        last = None
        try:
            for number, offset, fields in read_lines(self.file, *self._next):
                self._take(_parsed(fields, f"{self.file}:{number}"), offset)
                last = number, offset
        except BaseException:
            self._forget()
            raise
        if last:
            self._settle(*last)

    def _goes_on(self) -> bool:
        with self.file.open("rb") as file:
            file.seek(self._next[1] - len(self._last))
            return file.read(len(self._last)) == self._last

    def _settle(self, number: int, offset: int) -> None:
        """Remember how far was read: to the end of the last line."""
        with self.file.open("rb") as file:
            file.seek(offset)
            self._last = file.readline()
        self._next = number + 1, offset + len(self._last)
        if not self._last.endswith(b"\n"):
            self._known = None  # the next writer ends it; then the file is read anew

    def _take(self, line: Decision | Adjudication, offset: int) -> None:
        self._offsets.setdefault(line.article, []).append(offset)
        if isinstance(line, Decision):
            self._marks.setdefault(line.article, []).append(line.mark)
            self._standings.pop(line.article, None)

    def _read(self, offset: int) -> Decision | Adjudication:
        _, _, fields = next(read_lines(self.file, offset=offset))
        return _parsed(fields, str(self.file))


def _same_file(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_size, one.st_mtime_ns) == (other.st_ino, other.st_size, other.st_mtime_ns)


def _present(fields: Mapping[str, Any], schema: type[BaseModel], where: str) -> dict[str, Any]:
    """A line's fields with its places, and what it says stood there, by present names.

    Raises:
        InputError: If what it says is nested too deeply to be anything of a schema.
    """
    present = dict(fields)
    for name in ("at", "record_at"):
        if isinstance(at := fields.get(name), str):
            present[name] = present_place(schema, at)
    at = fields.get("at")
    try:
        for name in ("value", "was", "first", "second", "took"):
            if isinstance(at, str) and isinstance(held := fields.get(name), dict | list):
                present[name] = present_value(schema, at, held)
    except RecursionError as error:
        raise InputError("the line is nested too deeply", where=where, way_out="mend or delete the line") from error
    return present


def _parsed(fields: Mapping[str, Any], where: str) -> Decision | Adjudication:
    try:
        return _LINE.validate_python(fields)
    except ValidationError as error:
        raise GoldenError(first_problem(error), where=where, expected=f"a line of {FORMAT}") from error
