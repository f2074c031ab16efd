"""A run: a folder that says what was asked, what came of each article, and what it cost.

``run.json`` holds the question with every hash and version, ``prompt.md`` and ``schema.json`` what the hashes are of; ``extractions.jsonl`` one
line an article, ``attempts.jsonl`` one line a request over the wire, ``failures.jsonl`` one line for each article without a record. A line is on its
way to the disk before it counts.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from workbench.canonical import first_problem
from workbench.errors import InputError, RunError, WorkbenchError
from workbench.extract import Extraction, State
from workbench.files import write_whole
from workbench.ledger import Ledger
from workbench.lines import Appender, is_whole, parse_object, read_lines
from workbench.tasks import Task

__all__ = [
    "FILES",
    "FORMAT",
    "Glimpse",
    "Run",
    "RunInfo",
    "RunWriter",
    "VotedRun",
    "latest_run",
    "new_folder",
    "now",
    "open_run",
    "prompt_text",
    "runs_in",
    "schema_text",
    "write_task",
]

FORMAT: Final = "workbench.run/1"
FILES: Final = ("extractions.jsonl", "failures.jsonl")
"""What a run writes a line to for an article: one for each, and one for each without a record."""
_EXTRACTION = TypeAdapter(Extraction)


class VotedRun(BaseModel):
    """One of the runs that a vote merged: its id, and what tells it from the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    model: str
    alias: str | None = None
    sample: int = 0
    prompt: str
    """The hash of its prompt's messages."""


class RunInfo(BaseModel):
    """What was asked: ``run.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["workbench.run/1"] = FORMAT
    id: str
    started: datetime
    resumed: tuple[datetime, ...] = ()
    """When it was gone on with."""
    finished: datetime | None = None
    task: str
    model: str
    """Its name at the endpoint."""
    alias: str | None = None
    """What the settings call it, where that is not its name."""
    differences: dict[str, Any] = {}
    """How the endpoint differs, as the settings say; empty where it does not."""
    endpoint: str | None
    """The address that requests went to, None for a replay."""
    prompt: str
    """The hash of the prompt's messages."""
    json_schema: str
    """The hash of the JSON Schema that was sent."""
    schema_code: str | None = Field(default=None, exclude_if=lambda code: code is None)
    """The hash of the code that answers were validated by; a vote's has none, nor had older runs'."""
    front_matter: dict[str, Any]
    reasks: int
    refresh: bool = False
    """Whether what was recorded before the run began was asked again."""
    retries: int
    sample: int = 0
    """The number of the sample that was taken; a retried article has a later one."""
    samples: int = 1
    """How many samples were taken side by side, each in a run of its own."""
    examples: dict[str, str] = {}
    """The goldens that articles were shown as examples, each with its version; an article's own was not shown to it."""
    articles: list[str]
    """The files and folders that were given."""
    limit: int | None
    budget: Decimal | None = None
    """Money that it may cost in all, in the currency of the model's price."""
    most_tokens: int | None = None
    """Tokens that it may take in all."""
    versions: dict[str, str]
    votes: tuple[VotedRun, ...] = Field(default=(), exclude_if=lambda given: not given)
    """The runs that it merges, in the order in which a tie is theirs; not written where it is no vote."""

    @property
    def label(self) -> str:
        """What the settings call the model, or its name at the endpoint: both name it."""
        return self.alias or self.model


class Noticed(BaseModel):
    """What is read of a finding to count it."""

    name: str


class Glimpse(BaseModel):
    """What a list of many articles shows of an extraction: read several times quicker than all of it, and a few hundred bytes."""

    model_config = ConfigDict(frozen=True)

    article: str
    text: str | None
    title: str | None = None
    publisher: str | None = None
    state: State
    findings: tuple[Noticed, ...] = ()
    origins: tuple[str, ...] = ()

    @classmethod
    def read(cls, line: bytes) -> Self:
        """The glimpse of a line, its record and spans passed over unread where the line is as a run writes it.

        Raises:
            ValidationError: If it is no extraction.
        """
        # A quote within a text is escaped: these bytes are keys, the first of the line's own and the last of its own, and between them stand no others
        # that are read here if all of them stand outside.
        begins, ends = line.find(b',"record":'), line.rfind(b',"findings":')
        if 0 < begins < ends:
            outside = line[:begins] + line[ends:]
            if all(key in outside for key in KEYS):
                with suppress(ValidationError):
                    return cls.model_validate_json(outside)
        return cls.model_validate_json(line)


KEYS: Final = tuple(f'"{name}":'.encode() for name in Glimpse.model_fields)


Wanted = Callable[[str, str | None], bool]
"""Whether an extraction is worth reading, by its article's id and its text's hash."""


@dataclass(frozen=True)
class Run:
    """A run folder, to be read."""

    folder: Path
    info: RunInfo

    @property
    def rank(self) -> tuple[datetime, int, str]:
        """Greater for the run that was started later."""
        return self.info.started, _number(self.folder.name), self.folder.name

    def extractions(self, wanted: Wanted = lambda *_: True) -> Iterator[Extraction]:
        """Each article's extraction, in the order they were made.

        Raises:
            RunError: If a line is no extraction; names it.
        """
        for _, extraction in self.placed(wanted):
            yield extraction

    def placed(self, wanted: Wanted = lambda *_: True) -> Iterator[tuple[int, Extraction]]:
        """Each extraction with the offset of its line, by which `at` reads it again.

        Raises:
            RunError: If a line is no extraction; names it.
        """
        file = self.folder / "extractions.jsonl"
        for number, offset, fields in read_lines(file, missing_ok=True):  # killed before the first line
            if wanted(fields.get("article", ""), fields.get("text")):
                yield offset, _extraction(fields, f"{file}:{number}")

    def glimpses(self) -> Iterator[tuple[int, Glimpse]]:
        """What a list shows of each extraction, with the offset of its line.

        Raises:
            RunError: If a line is no extraction, as far as it is read; names it.
            InputError: If a line is no JSON object; names it.
        """
        file = self.folder / "extractions.jsonl"
        if not file.exists():
            return  # killed before the first line
        offset = 0
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, 1):
                try:
                    yield offset, Glimpse.read(raw)
                except ValidationError as error:
                    if not raw.endswith(b"\n") and not is_whole(raw):
                        return
                    raise _unread(raw, error, f"{file}:{number}") from error
                offset += len(raw)

    def at(self, offset: int) -> Extraction:
        """The extraction whose line begins at an offset that `placed` gave.

        Raises:
            RunError: If no extraction stands there any more.
        """
        file = self.folder / "extractions.jsonl"
        try:
            with file.open("rb") as lines:
                lines.seek(offset)
                return Extraction.model_validate_json(lines.readline())
        except (OSError, ValidationError) as error:
            raise RunError(
                "the run has changed since it was opened", where=str(file), way_out="open it anew"
            ) from error


def _unread(raw: bytes, error: ValidationError, where: str) -> WorkbenchError:
    """Why a line is no extraction."""
    try:
        parse_object(raw)
    except ValueError:
        return InputError("the line is no JSON object", where=where, way_out="mend or delete the line")
    return RunError(first_problem(error), where=where)


def _extraction(fields: dict[str, Any], where: str) -> Extraction:
    try:
        return Extraction.model_validate(fields)
    except ValidationError as error:
        raise RunError(first_problem(error), where=where) from error


class RunWriter:
    """The one writer of a run folder, whose ledger it holds and closes.

    Attributes:
        files: The writers of ``FILES``, by their names.

    Raises:
        InputError: If another process is writing it.
    """

    def __init__(self, folder: Path, info: RunInfo, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self._info = info
        _write_info(folder, info)
        self.files = {name: Appender(folder / name) for name in FILES}

    def keep(self, extraction: Extraction) -> None:
        """Append an article's extraction, and its failure if it has no record."""
        attempts = self.ledger.take(extraction.text)
        if extraction.state != "ok":
            failure = extraction.model_dump(mode="json", include={"article", "state", "error", "reason"})
            self.files["failures.jsonl"].append(failure | {"attempts": attempts})
        # Several times quicker than by a dictionary.
        self.files["extractions.jsonl"].append_raw(_EXTRACTION.dump_json(extraction) + b"\n")

    def finish(self) -> None:
        """Write down that the run came to its end."""
        _write_info(self.folder, self._info.model_copy(update={"finished": now()}))

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for file in self.files.values():
            file.close()
        self.ledger.close()


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_folder(runs: Path, name: str, started: datetime) -> Path:
    """A folder for a new run, named after what it is of and when it began, with a number where it is not the first of its second: 2, 3 and so on.

    Raises:
        RunError: If there are too many of this second.
    """
    second = f"{started:%Y%m%d-%H%M%S}"
    # Greater than that of any other, also of another name: a vote and a run are told apart by it, too.
    first = 1 + max((_number(other.name) for other in runs.glob(f"*-{second}*")), default=0)
    for number in range(first, 1000):
        folder = runs / (f"{name}-{second}-{number}" if number > 1 else f"{name}-{second}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise RunError("there are a thousand runs of this second", where=str(runs), way_out="try again in a second")


def _number(name: str) -> int:
    """Which run of its second one is, by its name."""
    number = re.search(r"-[0-9]{8}-[0-9]{6}-([0-9]{1,3})\Z", name)
    return int(number[1]) if number else 1


def write_task(folder: Path, task: Task) -> None:
    """Keep what was asked in words, to show what has changed when the run is gone on with."""
    (folder / "prompt.md").write_text(prompt_text(task), encoding="utf-8")
    (folder / "schema.json").write_text(schema_text(task), encoding="utf-8")


def prompt_text(task: Task) -> str:
    """The prompt's messages as its file has them."""
    return "\n".join(f"# {role}\n{text}\n" for role, text in task.messages)


def schema_text(task: Task) -> str:
    """The JSON Schema that is sent, for a person to read."""
    return _pretty(task.json_schema)


def _pretty(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _write_info(folder: Path, info: RunInfo) -> None:
    write_whole(folder / "run.json", _pretty(info.model_dump(mode="json")))


def open_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        RunError: If it is none, or of another version.
    """
    file = folder / "run.json"
    if not file.is_file():
        raise RunError(
            "there is no run.json", where=str(folder), expected="a run folder", way_out="`workbench run` makes one"
        )
    try:
        return Run(folder, RunInfo.model_validate_json(file.read_bytes()))
    except ValidationError as error:
        raise RunError(first_problem(error), where=str(file), expected=f"the format {FORMAT}") from error


def runs_in(folder: Path) -> Iterator[Run]:
    """Every run in a folder. What is no run of this version is passed over."""
    for file in folder.glob("*/run.json"):
        with suppress(RunError):
            yield open_run(file.parent)


def latest_run(runs: Path, *, ended: bool = True, votes: bool = True) -> Run:
    """The run that was started last. What is no run of this version is passed over.

    Args:
        runs: The folder of all runs.
        ended: Take one that came to its end, if there is one.
        votes: Take also one that is a vote of others.

    Raises:
        RunError: If there is none.
    """
    found = [run for run in runs_in(runs) if votes or not run.info.votes]
    if not found:
        raise RunError("there is no run yet", where=str(runs), way_out="make one with `workbench run`")
    return max(found, key=lambda run: (ended and run.info.finished is not None, run.rank))
