"""The batches of a run: what was handed to a provider, or to a person, part by part, and how far each part is.

A part is a file of requests in the provider's form, as many as one file takes. ``batches.jsonl`` in the run's folder has a line for each step
that was done, written before the next one begins: whatever ends the process, the next sitting knows where to go on. Beside it, in ``batch/``,
stand a part's files for as long as they are needed.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from workbench.canonical import first_problem
from workbench.errors import RunError
from workbench.lines import Appender, read_lines

__all__ = [
    "FORMAT",
    "Awaited",
    "BatchLog",
    "Batches",
    "Cancelled",
    "Chosen",
    "Collected",
    "Ended",
    "Event",
    "How",
    "Part",
    "ReasksGo",
    "Sending",
    "Submitted",
    "Unread",
    "Uploaded",
    "Walked",
    "Written",
    "part_file",
    "read_batches",
]

FORMAT: Final = "workbench.batch/1"
OWN_FILE: Final = re.compile(r"(?P<part>\d{4,9})\.(?P<kind>requests|rows|answers|errors)\.jsonl(?P<begun>\.part)?")
How = Literal["api", "hand"]
"""Who takes a part to whoever answers it: we, through the provider's API, or a person."""
ReasksGo = Literal["batch", "live"]
"""Which way an invalid answer is asked again."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["workbench.batch/1"] = FORMAT
    at: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))


class _OfPart(_Line):
    part: int
    """Its number in the run, from 1."""


class Written(_OfPart):
    """The file of its requests is whole."""

    event: Literal["written"] = "written"
    how: How
    label: str
    """By which its file and its batch are found again at the provider."""
    requests: int
    bytes: int
    keep_bodies: bool
    """Whether the recordings are to hold the requests' texts."""
    again: bool = False
    """Whether it may hold what had failed before: articles that ended so are then not done with."""
    endpoint: str | None = None
    """The address that it is for: what another says of it means nothing. None where a person takes it on, or an older version wrote this."""


class Sending(_OfPart):
    """It is about to be sent: whoever goes on from here looks first whether it was."""

    event: Literal["sending"] = "sending"


class Uploaded(_OfPart):
    """Its file is at the provider."""

    event: Literal["uploaded"] = "uploaded"
    file: str


class Submitted(_OfPart):
    """Its batch is made."""

    event: Literal["submitted"] = "submitted"
    batch: str


class Awaited(_OfPart):
    """The provider is done with it, and for the first time was seen not to have all the files that it counts rows for."""

    event: Literal["awaited"] = "awaited"


class Ended(_OfPart):
    """The provider is done with it, and what came of it is here."""

    event: Literal["ended"] = "ended"
    status: str
    """As the provider says: ``completed``, ``expired``, ``cancelled``, ``failed``; or ``lost``, if it does not have it any more and it was given up."""
    why: str | None
    """Why the whole of it failed or was given up, if it was."""


class Unread(_OfPart):
    """What some of its rows ask cannot be read any more, and they were given up: no answer is taken to them."""

    event: Literal["unread"] = "unread"
    rows: int
    """How many."""


class Collected(_OfPart):
    """Each of its rows is in the ledger, and what was answered is recorded; or it was given up."""

    event: Literal["collected"] = "collected"
    answered: int
    failed: int
    given_up: int = 0
    """Rows that were never sent, or whose answers nobody brought."""
    keeps_answers: bool = False
    """Whether the provider's files stay, because not every line could be used."""

    def keeps(self, kind: str) -> bool:
        """Whether a file of this kind stays."""
        return self.keeps_answers and kind in {"answers", "errors"}


class Chosen(_Line):
    """A walk begins whose re-asks go another way than the last one's: the choice holds though the walk be stopped."""

    event: Literal["chosen"] = "chosen"
    reasks: ReasksGo


class Walked(_Line):
    """All articles were walked over: what could be asked stands in parts."""

    event: Literal["walked"] = "walked"
    waiting: int
    """Articles that wait for an answer."""
    again: dict[str, int] = {}
    """How those of them had ended that are asked again, by state: until they are answered, the run has their old lines."""
    reasks: ReasksGo


class Cancelled(_Line):
    """No more is to be asked, until somebody submits again."""

    event: Literal["cancelled"] = "cancelled"


Event = Written | Sending | Uploaded | Submitted | Awaited | Ended | Unread | Collected | Chosen | Walked | Cancelled
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


@dataclass
class Part:
    """A part, and how far it is."""

    written: Written
    sending: bool = False
    file: str | None = None
    submitted: Submitted | None = None
    awaited: datetime | None = None
    """Since when the provider is known to be done with it, and not to have all its files."""
    ended: Ended | None = None
    unread: int = 0
    """How many of its rows are given up because what they ask cannot be read."""
    collected: Collected | None = None

    @property
    def number(self) -> int:
        """From 1."""
        return self.written.part

    @property
    def started(self) -> datetime:
        """When its requests went out."""
        return self.submitted.at if self.submitted else self.written.at

    @property
    def is_unsent(self) -> bool:
        """Whether we are to send it, and have not noted that we did."""
        return self.written.how == "api" and not (self.submitted or self.ended or self.collected)


@dataclass
class Batches:
    """All parts of a run.

    Attributes:
        parts: By their numbers.
        walked: The last walk over all articles, if nothing has come in since.
        reasks: Which way re-asks go, as was last chosen.
        stopped: Whether nothing more is to be asked.
    """

    parts: dict[int, Part] = field(default_factory=dict)
    walked: Walked | None = None
    reasks: ReasksGo = "batch"
    stopped: bool = False

    @property
    def open(self) -> list[Part]:
        """Parts whose rows are not all settled."""
        return [part for part in self.parts.values() if part.collected is None]

    @property
    def there(self) -> dict[str, Part]:
        """Parts that an endpoint has, and whose answers are not here, by the names of their batches."""
        return {part.submitted.batch: part for part in self.open if part.submitted and not part.ended}

    @property
    def by_hand(self) -> bool:
        """Whether it is people alone who take the parts on."""
        return bool(self.parts) and all(part.written.how == "hand" for part in self.parts.values())

    @property
    def waits_elsewhere(self) -> bool:
        """Whether what articles wait for is in no part of this run, so that only another walk finds it."""
        return self.walked is not None and self.walked.waiting > 0 and not self.open

    @property
    def asks_again(self) -> bool:
        """Whether an article that has failed may yet be answered."""
        waits_again = self.walked is not None and "failed" in self.walked.again  # be it in another run's batch
        return waits_again or any(part.written.again for part in self.parts.values())

    def apply(self, event: Event) -> None:
        """Take a step into account.

        Raises:
            KeyError: If it is a step of a part that was never written.
        """
        match event:
            case Written():
                self.parts[event.part] = Part(event)
                self.stopped = False
            case Chosen():
                self.reasks = event.reasks
            case Walked():
                self.walked, self.reasks = event, event.reasks
            case Cancelled():
                self.stopped, self.walked = True, None
            case Sending():
                self.parts[event.part].sending = True
            case Uploaded():
                self.parts[event.part].file = event.file
            case Submitted():
                self.parts[event.part].submitted = event
            case Awaited():
                self.parts[event.part].awaited = event.at
            case Ended():
                self.parts[event.part].ended = event
            case Unread():
                self.parts[event.part].unread = event.rows
            case Collected():
                self.parts[event.part].collected, self.walked = event, None


def read_batches(folder: Path) -> Batches:
    """The batches of the run in a folder; none if it has never had any.

    Raises:
        RunError: If a line is of another version.
    """
    found, file = Batches(), folder / "batches.jsonl"
    for number, _, fields in read_lines(file, missing_ok=True):
        try:
            found.apply(_EVENT.validate_python(fields))
        except (ValidationError, KeyError) as error:
            what = first_problem(error) if isinstance(error, ValidationError) else f"there is no part {error}"
            raise RunError(
                what, where=f"{file}:{number}", expected=f"the format {FORMAT}", way_out="start another run"
            ) from error
    return found


class BatchLog:
    """The one writer of a run's ``batches.jsonl``, as a context manager.

    Attributes:
        folder: Of the run.
        batches: As they stand.
        torn: The file, if it ended in a torn line, which was set aside.

    Raises:
        InputError: If another process is writing it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "batches.jsonl"
        self._appender = Appender(file)
        self.torn = file if self._appender.torn else None
        try:
            self.batches = read_batches(folder)
            self._clear()
        except BaseException:
            self._appender.close()
            raise

    def note(self, event: Event) -> None:
        """Write down a step that is done."""
        self._appender.append(event.model_dump(mode="json"))
        self.batches.apply(event)

    def settle(self, collected: Collected) -> None:
        """Write down that a part is done with, and remove its files but those that are to be kept."""
        self.note(collected)
        self._clear()

    def _clear(self) -> None:
        """Remove what is needed no more: files of parts that are done with, and what a sitting that died had begun."""
        for file in (self.folder / "batch").glob("*"):
            ours = OWN_FILE.fullmatch(file.name)
            if ours is None:
                continue  # somebody's own
            part = self.batches.parts.get(int(ours["part"]))
            if ours["begun"] or part is None or (part.collected and not part.collected.keeps(ours["kind"])):
                file.unlink()

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up the file."""
        self._appender.close()


def part_file(folder: Path, part: int, kind: str) -> Path:
    """Where one of the files of a part stands, ``batch/0001.KIND.jsonl``.

    Its kind is ``requests`` (what is asked), ``rows`` (what each of them is), ``answers`` or ``errors`` (what the provider made of them).
    """
    return folder / "batch" / f"{part:04}.{kind}.jsonl"
