"""A run: a folder that says what was asked, what came of each article, and what it cost.

``run.json`` holds the question with every hash and version, ``extractions.jsonl`` one line an article, ``attempts.jsonl`` one line a
request over the wire, ``failures.jsonl`` one line for each article without a record. A line is on its way to the disk before it counts.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workbench.canonical import first_problem
from workbench.errors import RunError
from workbench.extract import Extraction
from workbench.lines import Appender, read_lines

__all__ = ["FORMAT", "Run", "RunInfo", "RunWriter", "latest_run", "now", "open_run"]

FORMAT: Final = "workbench.run/1"


class RunInfo(BaseModel):
    """What was asked: ``run.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["workbench.run/1"] = FORMAT
    id: str
    started: datetime
    finished: datetime | None = None
    task: str
    model: str
    endpoint: str | None
    """The address that requests went to, None for a replay."""
    prompt: str
    """The hash of the prompt's messages."""
    json_schema: str
    """The hash of the JSON Schema that was sent."""
    front_matter: dict[str, Any]
    reasks: int
    retries: int
    articles: list[str]
    """The files and folders that were given."""
    limit: int | None
    versions: dict[str, str]


@dataclass(frozen=True)
class Run:
    """A run folder, to be read."""

    folder: Path
    info: RunInfo

    def extractions(self) -> Iterator[Extraction]:
        """Each article's extraction, in the order they were made.

        Raises:
            RunError: If a line is no extraction; names it.
        """
        file = self.folder / "extractions.jsonl"
        if not file.exists():
            return  # killed before the first line
        for number, _, fields in read_lines(file):
            try:
                yield Extraction.model_validate(fields)
            except ValidationError as error:
                raise RunError(first_problem(error), where=f"{file}:{number}") from error


class RunWriter:
    """The one writer of a run folder that has just been made."""

    def __init__(self, folder: Path, info: RunInfo) -> None:
        self.folder = folder
        self._info = info
        _write_info(folder, info)
        self._extractions = Appender(folder / "extractions.jsonl")
        self._failures = Appender(folder / "failures.jsonl")
        self._attempts = Appender(folder / "attempts.jsonl")

    def keep(self, extraction: Extraction) -> None:
        """Append an article's extraction, and its failure if it has no record."""
        self._extractions.append_text(
            extraction.model_dump_json() + "\n"
        )  # several times quicker than by way of a dictionary
        if extraction.state != "ok":
            self._failures.append(extraction.model_dump(mode="json", include={"article", "state", "reason"}))

    def keep_attempt(self, attempt: JsonValue) -> None:
        """Append a line to the ledger."""
        self._attempts.append(attempt)

    def finish(self) -> None:
        """Write down that the run came to its end."""
        _write_info(self.folder, self._info.model_copy(update={"finished": now()}))

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for appender in (self._extractions, self._failures, self._attempts):
            appender.close()


def now() -> datetime:
    """The time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _write_info(folder: Path, info: RunInfo) -> None:
    part = folder / "run.json.part"
    part.write_text(json.dumps(info.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(folder / "run.json")


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


def latest_run(runs: Path) -> Run:
    """The run that was started last, of those that came to their end if there is one. What is no run of this version is passed over.

    Raises:
        RunError: If there is none.
    """
    found: list[Run] = []
    for file in runs.glob("*/run.json"):
        with suppress(RunError):
            found.append(open_run(file.parent))
    if not found:
        raise RunError("there is no run yet", where=str(runs), way_out="make one with `workbench run`")
    return max(found, key=lambda run: (run.info.finished is not None, run.info.started, run.folder.name))
