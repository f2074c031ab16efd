"""The ledger of a run: one line for each request over the wire, so that their sum is the bill.

``attempts.jsonl`` has the line of an attempt that has ended, ``sent.jsonl`` those of attempts under way: what a killed process left there is
written into the ledger when the run goes on, at its worst case, for nobody knows what the provider made of it.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from workbench.budget import Spend
from workbench.canonical import first_problem, line
from workbench.completions import Usage, read_completion
from workbench.errors import RunError
from workbench.files import write_whole
from workbench.lines import Appender, parse_object, read_lines
from workbench.prices import NOTHING, Cost
from workbench.recordings import Recordings

__all__ = ["Attempt", "Ledger", "Sending", "Totals", "read_attempts", "recorded_in", "totals_of"]

EMPTY: Mapping[str, int] = MappingProxyType({})
ROUND = 4_096
"""Lines after which ``sent.jsonl`` is written anew, with what is still under way."""


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt that has begun: a line of ``sent.jsonl``.

    Attributes:
        key: Of the request.
        text: The hash of the article's text.
        number: Which attempt at it, from 1.
        started: UTC.
        worst: The most tokens that it can take.
    """

    key: str
    text: str
    number: int
    started: datetime
    worst: Usage


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request over the wire that has ended: a line of the ledger.

    Attributes:
        key: Of the request.
        text: The hash of the article's text.
        number: Which attempt at it, from 1.
        started: UTC.
        seconds: Until it ended; None if nobody saw the end.
        status: The HTTP status, None where no response came.
        outcome: ``answered``; ``repeated``: it failed and was sent again; ``failed``: it failed for good; ``killed``: the run ended before it.
        error: In words.
        usage: As the endpoint counted.
        cost: Of the usage; None if its price is not known.
        assumed: Whether usage and cost are the worst case, because what the endpoint counted is not known.
        too_long: Whether it was not because the model reads less than the request holds; not written down where it is not so.
        part: The part of a batch that it was a row of; None, and not written down, for one that was sent by itself.
    """

    key: str
    text: str
    number: int
    started: datetime
    seconds: float | None
    status: int | None
    outcome: Literal["answered", "repeated", "failed", "killed"]
    error: str | None
    usage: Usage
    cost: Cost | None
    assumed: bool
    too_long: Annotated[bool, Field(exclude_if=lambda too_long: not too_long)] = False
    part: Annotated[int | None, Field(exclude_if=lambda part: part is None)] = None


@dataclass
class Totals:
    """Sums over a ledger.

    Attributes:
        attempts: How many lines there are.
        usage: Tokens, those assumed among them.
        money: What they cost, as far as prices are known.
        currency: Of the money.
        unpriced: Attempts that took tokens whose price is not known.
        assumed: Attempts that stand at their worst case.
        assumed_money: What those cost.
    """

    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    money: Decimal = Decimal(0)
    currency: str = NOTHING.currency
    unpriced: int = 0
    assumed: int = 0
    assumed_money: Decimal = Decimal(0)

    @property
    def cost(self) -> Cost | None:
        """Of what was sent; None if the price of some is not known."""
        return None if self.unpriced else Cost(self.money, self.currency)

    @property
    def spend(self) -> Spend:
        """What a budget counts."""
        return Spend(self.money, self.usage.prompt + self.usage.completion)

    def add(self, attempt: Attempt) -> None:
        """Count one more line."""
        money = attempt.cost.amount if attempt.cost else Decimal(0)
        if attempt.cost and money:
            if self.money and attempt.cost.currency != self.currency:
                raise RunError(
                    f"the run has cost {self.currency} and would now cost {attempt.cost.currency}: they have no sum",
                    way_out="give the model its former price, or start another run with --new",
                )
            self.currency = attempt.cost.currency
        self.attempts += 1
        self.usage += attempt.usage
        self.money += money
        self.unpriced += attempt.cost is None
        self.assumed += attempt.assumed
        self.assumed_money += money if attempt.assumed else 0


Line = TypeVar("Line")

_ATTEMPT = TypeAdapter(Attempt)
_SENDING = TypeAdapter(Sending)


class Ledger:
    """The one writer of a run's ledger. Opening it reads what earlier sittings spent.

    Attributes:
        totals: Of all lines.
        torn: Its files that ended in a torn line, which was set aside.

    Args:
        folder: Of the run.
        wait: Seconds to wait for another writer to end.

    Raises:
        InputError: If another process is writing it, or a line is none.
    """

    def __init__(self, folder: Path, *, wait: float = 0) -> None:
        self._folder = folder
        self._attempts = Appender(folder / "attempts.jsonl", wait=wait)
        self._sent_file = folder / "sent.jsonl"
        self._under_way: dict[tuple[str, datetime], Sending] = {}
        self._lines_sent = 0
        self._by_text: Counter[str] = Counter()
        self.totals, self._left = _sums(folder)
        self._sent = Appender(self._sent_file)
        files = {folder / "attempts.jsonl": self._attempts, self._sent_file: self._sent}
        self.torn = [path for path, file in files.items() if file.torn]

    def close_left_over(
        self, recorded: Callable[[Sending], Usage | None], price: Callable[[Usage], Cost | None]
    ) -> int:
        """Write down what a killed sitting left under way; returns how many attempts that were.

        Args:
            recorded: The usage of the answer to a sending, None if there is no recording of it: the process may have died between the
                recording and its line here.
            price: What tokens cost.
        """
        for one in self._left:
            self._under_way[one.key, one.started] = one
            self.ended(_left_over(one, recorded(one), price))
        count, self._left = len(self._left), []
        self._rewrite()
        return count

    def count_again(self, told: Container[str], earlier: Mapping[str, int] = EMPTY) -> dict[str, str]:
        """Take what earlier sittings sent for texts of which no extraction tells for what this one has.

        Args:
            told: Hashes of the texts of which one does.
            earlier: What is in another ledger: how many requests for each text.

        Returns:
            The key of each request that was answered, and its text's hash.
        """
        answered = {}
        self._by_text = Counter({text: count for text, count in earlier.items() if text not in told})
        for attempt in _read(self._folder / "attempts.jsonl", _ATTEMPT):
            if attempt.text not in told:
                self._by_text[attempt.text] += 1
                if attempt.outcome == "answered":
                    answered[attempt.key] = attempt.text
        return answered

    @property
    def untold(self) -> Mapping[str, int]:
        """How many requests for each text have ended of which `take` was not asked yet."""
        return self._by_text

    def take_over(self, raw: bytes, where: str) -> None:
        """Write down a line of another ledger, as it stands there.

        Raises:
            RunError: If it is none.
        """
        attempt = _parse(parse_object(raw), where, _ATTEMPT)
        self.totals.add(attempt)
        self._by_text[attempt.text] += 1
        self._attempts.append_raw(raw)

    def sent(self, sending: Sending) -> None:
        """Write down that a request is about to be sent."""
        if self._lines_sent >= ROUND:
            self._rewrite()
        self._under_way[sending.key, sending.started] = sending
        self._sent.append(_SENDING.dump_python(sending, mode="json"))
        self._lines_sent += 1

    def ended(self, attempt: Attempt) -> None:
        """Write down how it ended."""
        self._attempts.append(_ATTEMPT.dump_python(attempt, mode="json"))
        self.totals.add(attempt)
        self._by_text[attempt.text] += 1
        self._under_way.pop((attempt.key, attempt.started), None)

    def take(self, text: str | None) -> int:
        """How many attempts have ended for a text since this was last asked."""
        return self._by_text.pop(text, 0) if text else 0

    def _rewrite(self) -> None:
        """Keep of ``sent.jsonl`` what is under way: the file stays small however long the run."""
        self._sent.close()
        kept = (line(_SENDING.dump_python(one, mode="json")) for one in self._under_way.values())
        write_whole(self._sent_file, "".join(kept))
        self._sent = Appender(self._sent_file)
        self._lines_sent = 0

    def close(self) -> None:
        """Give up the files. Where nothing is left under way, ``sent.jsonl`` goes."""
        if not self._under_way and not self._left:
            self._sent_file.unlink(missing_ok=True)
        self._sent.close()
        self._attempts.close()

    def __enter__(self) -> Self:
        """The ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def read_attempts(folder: Path) -> Iterator[Attempt]:
    """The lines of the ledger in a run's folder.

    Raises:
        RunError: If a line is none.
    """
    return _read(folder / "attempts.jsonl", _ATTEMPT)


def totals_of(
    folder: Path, recorded: Callable[[Sending], Usage | None], price: Callable[[Usage], Cost | None]
) -> Totals:
    """Sums over the ledger in a run's folder, with what a killed sitting left under way as `Ledger.close_left_over` would write it down.

    Nothing is written.

    Raises:
        RunError: If a line is none.
    """
    totals, left = _sums(folder)
    for one in left:
        totals.add(_left_over(one, recorded(one), price))
    return totals


def _sums(folder: Path) -> tuple[Totals, list[Sending]]:
    """What has ended, and what has not."""
    totals = Totals()
    left = {(one.key, one.started): one for one in _read(folder / "sent.jsonl", _SENDING)}
    for attempt in _read(folder / "attempts.jsonl", _ATTEMPT):
        totals.add(attempt)
        left.pop((attempt.key, attempt.started), None)
    return totals, list(left.values())


def _left_over(one: Sending, usage: Usage | None, price: Callable[[Usage], Cost | None]) -> Attempt:
    """What became of a sending that a killed sitting left under way, by the usage of its answer if there is a recording of one."""
    counted = usage if usage and (usage.prompt or usage.completion) else None
    return Attempt(
        key=one.key,
        text=one.text,
        number=one.number,
        started=one.started,
        seconds=None,
        status=200 if usage else None,
        outcome="answered" if usage else "killed",
        error=None if usage else "the run was killed while this was under way",
        usage=counted or one.worst,
        cost=price(counted or one.worst),
        assumed=counted is None,
    )


def recorded_in(store: Recordings) -> Callable[[Sending], Usage | None]:
    """Tells the usage of the answer to a sending, None where the store has no recording of it."""

    def recorded(sending: Sending) -> Usage | None:
        found = store.get(sending.key)
        # What was recorded before is what a refresh asked again. Recordings have whole seconds.
        if found is None or found.recorded < sending.started.replace(microsecond=0):
            return None
        return read_completion(found.response).usage

    return recorded


def _read(file: Path, kind: TypeAdapter[Line]) -> Iterator[Line]:
    for number, _, fields in read_lines(file, missing_ok=True):
        yield _parse(fields, f"{file}:{number}", kind)


def _parse(fields: dict[str, Any], where: str, kind: TypeAdapter[Line]) -> Line:
    try:
        return kind.validate_python(fields)
    except ValidationError as error:
        raise RunError(
            first_problem(error), where=where, way_out="the run is of another version: start another"
        ) from error
