"""Goldens: the hand-labelled answers, one JSON file an article, for git to compare and a person to correct.

A golden holds values, not sentences, and names every text that it answers by hash, so that an article as published and a retelling of it
share one golden.
"""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.articles import is_id, iso_day
from workbench.canonical import canonical_json, canonical_text
from workbench.errors import GoldenError
from workbench.files import write_whole
from workbench.pointers import put, resolve, steps_of
from workbench.schema import form, schema_version

__all__ = [
    "FORMAT",
    "Golden",
    "Goldens",
    "gather",
    "golden_file",
    "golden_text",
    "may_write",
    "open_golden",
    "parse_golden",
    "read_golden",
    "read_goldens",
    "with_alternate",
    "write_golden",
]

FORMAT: Final = "workbench.golden/1"


class Golden(BaseModel):
    """The answer for an article: ``goldens/TASK/ID.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["workbench.golden/1"] = FORMAT
    id: str
    schema_: str = Field(alias="schema")
    """The version of the schema that it answers."""
    texts: tuple[str, ...]
    """Hashes of the texts that it answers."""
    published: str | None = None
    """The article's day, month or year, by which relative dates are read."""
    record: JsonValue
    """In the schema's form without quotes."""
    alternates: Mapping[str, tuple[JsonValue, ...]] = {}
    """JSON Pointer into the record → other values that are as right."""


@dataclass(frozen=True)
class Goldens:
    """The goldens of a task, found by the hash of a text."""

    folder: Path
    by_id: Mapping[str, Golden]
    by_text: Mapping[str, Golden]

    def find(self, article: str, text: str | None) -> Golden | None:
        """The golden that answers this text; where no text could be read, the one of the article's name."""
        return self.by_text.get(text) if text else self.by_id.get(article)


def read_goldens(folder: Path, schema: type[BaseModel]) -> Goldens:
    """Every golden in a folder, checked against the schema's form.

    Raises:
        GoldenError: If one does not hold, or two answer the same text.
    """
    return gather(folder, (read_golden(file, schema) for file in sorted(folder.glob("*.json"))))


def gather(folder: Path, goldens: Iterable[Golden]) -> Goldens:
    """The goldens of a folder, to be found by what they answer.

    Raises:
        GoldenError: If two answer the same text.
    """
    by_id: dict[str, Golden] = {}
    by_text: dict[str, Golden] = {}
    for golden in goldens:
        by_id[golden.id] = golden
        for text in dict.fromkeys(golden.texts):
            if text in by_text:
                raise GoldenError(
                    f"{by_text[text].id!r} answers the same text",
                    where=str(folder / f"{golden.id}.json"),
                    way_out=f"delete {text} from one of the two",
                )
            by_text[text] = golden
    return Goldens(folder, by_id, by_text)


def read_golden(file: Path, schema: type[BaseModel]) -> Golden:
    """A golden, checked against the schema's form.

    Raises:
        GoldenError: If it is no golden, answers another version of the schema, or does not validate; names the place.
    """
    return parse_golden(_content(file), file, schema)


def parse_golden(content: bytes, file: Path, schema: type[BaseModel]) -> Golden:
    """What a golden's file holds, checked as `read_golden` does.

    Raises:
        GoldenError: As `read_golden` does.
    """
    golden = _opened(content, file)
    wanted = schema_version(schema)
    if golden.schema_ != wanted:
        raise GoldenError(
            f"it answers version {golden.schema_} of the schema",
            where=str(file),
            expected=f"version {wanted}",
            way_out="`workbench goldens check` says what is to be labelled, and with --write carries over the rest",
        )
    try:
        # As JSON, where a date is text and a tuple is a list.
        form(schema).model_validate_json(canonical_json(golden.record), strict=True)
        canonical_json([value for values in golden.alternates.values() for value in values])
    except ValidationError as error:
        raise _invalid(error, ("record",), file) from error
    except ValueError as error:
        raise GoldenError(f"record: {error}", where=str(file), expected="JSON") from error
    for at in golden.alternates:
        _check_pointer(golden.record, at, file)
    return golden


def open_golden(file: Path) -> Golden:
    """A golden as its file has it, whatever schema it answers.

    Raises:
        GoldenError: If the file is no golden, or is called by another name than its id.
    """
    return _opened(_content(file), file)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise GoldenError(f"the file cannot be read: {error.strerror}", where=str(file)) from error


def _opened(content: bytes, file: Path) -> Golden:
    try:
        golden = Golden.model_validate_json(content)
    except ValidationError as error:
        raise _invalid(error, (), file) from error
    if golden.id != canonical_text(file.stem):
        raise GoldenError(f"its id is {golden.id!r}", where=str(file), expected=f"the file's name, {file.stem!r}")
    if golden.published is not None and iso_day(golden.published) != golden.published:
        raise GoldenError(
            f"published {golden.published!r} is no ISO 8601 date", where=str(file), expected="a day, a month or a year"
        )
    return golden


def _invalid(error: ValidationError, part: tuple[str, ...], file: Path) -> GoldenError:
    first = error.errors()[0]
    at = "/".join((*part, *map(str, first["loc"])))
    says = f"{at}: {first['msg']}" if at else first["msg"]
    return GoldenError(
        says, where=str(file), way_out="mend the golden, or label it anew; `workbench goldens check` names every place"
    )


def _check_pointer(record: JsonValue, at: str, file: Path) -> None:
    try:
        if not at.startswith("/"):
            raise KeyError(at)
        place = resolve(record, at)
    except KeyError as error:
        raise GoldenError(
            f"alternates: {at} points to nothing in the record",
            where=str(file),
            expected="a JSON Pointer to a leaf",
        ) from error
    if isinstance(place, dict | list):
        raise GoldenError(f"alternates: {at} is no leaf", where=str(file), expected="a JSON Pointer to a leaf")


def with_alternate(golden: Golden, at: str, value: JsonValue) -> JsonValue:
    """The golden's record as it would be with an alternate in place of its leaf."""
    record = deepcopy(golden.record)
    put(record, steps_of(at), value)
    return record


def golden_text(golden: Golden) -> str:
    """A golden as its file has it: keys in their order, Hangul as Hangul."""
    return json.dumps(golden.model_dump(mode="json", by_alias=True), ensure_ascii=False, indent=2) + "\n"


def write_golden(golden: Golden, folder: Path) -> Path:
    """Write a golden where it belongs, whole or not at all; keys keep their order, Hangul stays Hangul.

    Raises:
        GoldenError: If its id could not name a file.
    """
    file = golden_file(folder, golden.id)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file, golden_text(golden))
    return file


def may_write(environment: Mapping[str, str], *, allowed: bool) -> bool:
    """Whether goldens may be written: where ``CI`` is set, where they are what others are held against, only if that was allowed."""
    return allowed or environment.get("CI", "").lower() in {"", "0", "false"}


def golden_file(folder: Path, name: str) -> Path:
    """Where the golden of that id belongs.

    Raises:
        GoldenError: If the id could not name a file.
    """
    if not is_id(name):
        raise GoldenError(f"the id {name!r} could not name a file", where=str(folder), expected="an article's id")
    return folder / f"{name}.json"
