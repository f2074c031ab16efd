"""What came back of batches is taken in: each row into the recordings and the ledger, exactly once however often this is begun anew."""

import codecs
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import JsonValue

from workbench.batch import BatchLog, Collected, Part, part_file
from workbench.completions import Usage, read_completion
from workbench.entries import digest
from workbench.errors import InputError, RunError
from workbench.extract import Price
from workbench.ledger import Attempt, read_attempts
from workbench.lines import read_lines
from workbench.prices import NOTHING
from workbench.recordings import Origin, Recording
from workbench.rows import Outcome, Row, Rows, UnreadableRow, is_passing, read_answer, unanswered
from workbench.runs import now
from workbench.sittings import Sitting
from workbench.summary import Notify
from workbench.underway import part_rows

__all__ = ["Failed", "Handed", "Past", "read_past", "take_in", "take_in_handed", "way_out_of"]

FREE: Final = frozenset({"transcribed", "synthetic"})
"""Origins of answers that no provider counted."""
FEW = 5
"""Lines that are told one by one of each thing that can be wrong with a line."""


class Failed(NamedTuple):
    """Why a row has no answer: in words, by its HTTP status, and whether it was too long for the model."""

    error: str
    status: int | None
    too_long: bool


@dataclass
class Past:
    """What a run's ledger says of the rows of its batches. Keys are held as digests, so that a million fit into memory.

    Attributes:
        entered: The rows of each part that are in the ledger.
        answered: Those that were answered.
        paid: Of these, those that cost something and are in no extraction yet.
        failed: Those that were not, as they last ended.
    """

    entered: dict[int, set[bytes]] = field(default_factory=dict)
    answered: set[bytes] = field(default_factory=set)
    paid: set[bytes] = field(default_factory=set)
    failed: dict[bytes, Failed] = field(default_factory=dict)

    def add(self, attempt: Attempt) -> None:
        """Take one more line of the ledger into account."""
        if attempt.part is None:
            return
        mark = digest(attempt.key)
        self.entered.setdefault(attempt.part, set()).add(mark)
        if attempt.outcome == "answered":
            self.answered.add(mark)
            self.failed.pop(mark, None)
            if attempt.cost is None or attempt.cost.amount:
                self.paid.add(mark)
        else:
            self.failed[mark] = Failed(sys.intern(attempt.error or ""), attempt.status, attempt.too_long)

    def collected(self, part: Part) -> Collected:
        """What has come of a part, if nothing more does."""
        entered = self.entered.get(part.number, set())
        answered, left = len(entered & self.answered), part.written.requests - len(entered)
        return Collected(part=part.number, answered=answered, failed=len(entered) - answered, given_up=left)


def read_past(folder: Path) -> Past:
    """The past of the run in a folder.

    Raises:
        RunError: If a line of its ledger is none.
    """
    past = Past()
    for attempt in read_attempts(folder):
        past.add(attempt)
    file = folder / "extractions.jsonl"
    for _, _, fields in read_lines(file, missing_ok=True) if past.paid else ():
        past.paid.difference_update(digest(key) for key in fields.get("exchanges", ()))
    return past


@dataclass(frozen=True)
class Handed:
    """Files of answers that somebody brings.

    Attributes:
        files: In the provider's form.
        origin: Where the answers come from.
    """

    files: Sequence[Path]
    origin: Origin


class _Oddities:
    """Says what is wrong with lines: the first few of each kind with file and line, the others by number."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._counts: Counter[str] = Counter()

    def say(self, kind: str, where: str, words: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= FEW:
            self._notify(f"{where}: {words}")

    def end(self) -> None:
        for kind, count in self._counts.items():
            if count > FEW:
                self._notify(f"and {count - FEW:,} more lines of which that is true: {kind}")

    def __bool__(self) -> bool:
        return bool(self._counts)


@dataclass(frozen=True)
class _Intake:
    """What it takes to enter a row; of the parts that are held, none is entered."""

    sitting: Sitting
    past: Past
    price: Price
    origin: Origin
    held: Collection[int] = ()

    def enter(self, part: Part, rows: Rows, row: Row, outcome: Outcome) -> None:
        """Record an answer and write the row's line of the ledger: in this order, so that a death in between loses nothing."""
        if outcome.body is not None:
            self._record(part, rows, row, outcome.body)
        attempt = self._attempt(part, row, outcome)
        self.sitting.ledger.ended(attempt)
        self.past.add(attempt)

    def _record(self, part: Part, rows: Rows, row: Row, response: dict[str, JsonValue]) -> None:
        store = self.sitting.store
        found = store.get(row.key)
        if found and found.response == response and found.origin == self.origin:
            return  # a sitting died before it came to the ledger
        recording = Recording.model_validate(
            {
                "key": row.key,
                "origin": self.origin,
                "model": row.facets.model,
                "recorded": now(),
                "sample": row.sample,
                "parent": row.parent,
                "attempt": row.attempt,
                "request": row.request,
                "facets": row.facets,
                "response": response,
                "body": rows.body(row) if part.written.keep_bodies else None,
            }
        )
        store.append(recording)

    def _attempt(self, part: Part, row: Row, outcome: Outcome) -> Attempt:
        usage = read_completion(outcome.body).usage if outcome.body is not None else Usage()
        counted = bool(usage.prompt or usage.completion)
        free = self.origin in FREE
        # An answer without a count, and a row of which nobody knows what became, stand at their worst.
        assumed = not free and (outcome.assumed or (outcome.body is not None and not counted))
        taken = row.worst if assumed else usage
        error = outcome.error and self._scrubbed(outcome.error)
        return Attempt(
            key=row.key,
            text=row.facets.article,
            number=1,
            started=part.started,
            seconds=None,
            status=outcome.status,
            outcome="failed" if error else "answered",
            error=error,
            usage=taken,
            cost=NOTHING if free or not (assumed or counted) else self.price(taken),
            assumed=assumed,
            too_long=outcome.too_long,
            part=part.number,
        )

    def _scrubbed(self, words: str) -> str:
        endpoint = self.sitting.job.endpoint
        return endpoint.scrub(words) if endpoint else words

    def read(self, files: Iterable[Path], parts: Mapping[int, tuple[Part, Rows]], odd: _Oddities) -> int:
        """Enter each row that the files answer; what is odd about a line is said, and loses no other. Returns how many rows were entered."""
        seen: set[tuple[int, bytes]] = set()
        entered: set[tuple[int, bytes]] = set()
        for file in files:
            for number, raw in _lines(file):
                where = f"{file}:{number}"
                try:
                    key, outcome = read_answer(raw)
                except UnreadableRow as error:
                    odd.say("unreadable", where, str(error))
                    continue
                mark = digest(key)
                of = next(((part, rows) for part, rows in parts.values() if key in rows), None)
                if of is None:
                    self._say_late(mark, key, outcome, where, odd)
                    continue
                part, rows = of
                if part.number in self.held:
                    odd.say("held", where, f"{key[:80]!r} is in a batch at the endpoint, and is answered there")
                    continue
                # An answer is better than what went wrong before it, in this file or in one that was read long ago.
                better = outcome.body is not None and mark in self.past.failed
                if (part.number, mark) in seen and not better:
                    odd.say("second", where, f"a second answer to {key[:80]!r}; the first is taken")
                    continue
                seen.add((part.number, mark))
                if better or mark not in self.past.entered.get(part.number, ()):
                    self.enter(part, rows, rows[key], outcome)
                    entered.add((part.number, mark))
        return len(entered)

    def _say_late(self, mark: bytes, key: str, outcome: Outcome, where: str, odd: _Oddities) -> None:
        """Say what cannot be taken in, unless it was."""
        if mark not in self.past.answered and mark not in self.past.failed:
            odd.say("unknown", where, f"no row that waits for an answer has the custom_id {key[:80]!r}")
        elif mark in self.past.failed and outcome.body is not None:
            words = f"{key[:80]!r} had failed, and its part is done with: `workbench batch export --resume {self.sitting.summary.folder.name}` has it wait again, then import this"
            odd.say("late", where, words)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line that is not blank."""
    try:
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
                if line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(file)) from error


def take_in(sitting: Sitting, log: BatchLog, past: Past, price: Price, origin: Origin) -> None:
    """Enter the rows of every part that has ended, those that are in none of its files among them, and be done with it.

    Raises:
        RunError: If a file of a part is gone.
    """
    intake = _Intake(sitting, past, price, origin)
    for part in log.batches.open:
        if part.ended is None:
            continue
        files = [part_file(log.folder, part.number, kind) for kind in ("answers", "errors")]
        odd = _Oddities(sitting.notify)
        with part_rows(log.folder, part) as rows:
            intake.read([file for file in files if file.exists()], {part.number: (part, rows)}, odd)
            odd.end()
            _say_strayed(sitting.notify, log, part, rows)
            entered = past.entered.get(part.number, set())
            for row in rows:
                if digest(row.key) not in entered:
                    intake.enter(part, rows, row, unanswered(part.ended.status, part.ended.why))
        if odd:
            sitting.notify(
                f"{log.folder / 'batch'}: the files of part {part.number} are kept, as not every line could be used"
            )
        _settle(log, part, past, keeps_answers=bool(odd))
        sitting.notify(f"part {part.number}, {part.ended.status}: {_counts(part)}")


def take_in_handed(sitting: Sitting, log: BatchLog, past: Past, price: Price, handed: Handed) -> None:
    """Enter the rows that somebody brings answers to. Rows without one go on waiting, and those that an endpoint has: it answers them, and bills.

    Raises:
        InputError: If a file cannot be read.
        RunError: If all that waits is at an endpoint.
    """
    held = {part.number for part in log.batches.open if _is_held(part)}
    if held and len(held) == len(log.batches.open):
        raise RunError(
            "all that waits for an answer is in a batch at the endpoint, which answers and bills it",
            where=str(log.folder),
            way_out=f"`workbench batch collect {log.folder.name}` fetches the answers; or `workbench batch cancel {log.folder.name}`, "
            f"collect what was done by then, and `workbench batch export --resume {log.folder.name}`",
        )
    intake, odd = _Intake(sitting, past, price, handed.origin, held), _Oddities(sitting.notify)
    with ExitStack() as stack:
        parts = {part.number: (part, stack.enter_context(part_rows(log.folder, part))) for part in log.batches.open}
        entered = intake.read(handed.files, parts, odd)
        odd.end()
        sitting.notify(f"{entered:,} rows were taken in")
        for part, rows in parts.values():
            _say_strayed(sitting.notify, log, part, rows)
            left = len(rows) - len(past.entered.get(part.number, ()))
            if left:
                sitting.notify(f"part {part.number}: {left:,} of {len(rows):,} rows wait for an answer")
            else:
                _settle(log, part, past)


def _is_held(part: Part) -> bool:
    """Whether an endpoint has a part, or may have: its answers come from there."""
    return part.written.how == "api" and (part.file is not None or not part.is_unsent)


def _say_strayed(notify: Notify, log: BatchLog, part: Part, rows: Rows) -> None:
    if rows.strayed:
        file = part_file(log.folder, part.number, "requests")
        notify(
            f"{file}: it is not as it was written, and {rows.strayed:,} recordings are without their requests' texts"
        )


def _settle(log: BatchLog, part: Part, past: Past, *, keeps_answers: bool = False) -> None:
    log.settle(past.collected(part).model_copy(update={"keeps_answers": keeps_answers}))


def _counts(part: Part) -> str:
    collected = part.collected
    if collected is None:
        return ""
    return f"{collected.answered:,} answered" + (f", {collected.failed:,} not" if collected.failed else "")


def way_out_of(status: int | None, run: str) -> str:
    """What to do about a row that failed so."""
    again = f"`workbench batch submit --resume {run}` asks again"
    if is_passing(status):
        return again
    if status in {400, 422}:
        return "the request itself was refused, and would be again: `workbench doctor --probe` finds out what the endpoint takes"
    return f"check what the key and the model may do; then {again}"
