"""Goldens: the hand-labelled answers, one JSON file an article, for git to compare and a person to correct.

A golden holds values, not sentences, and names every text that it answers by hash, so that an article as published and a retelling of it
share one golden.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.errors import GoldenError
from workbench.schema import form, schema_version

__all__ = ["FORMAT", "Golden", "Goldens", "read_golden", "read_goldens", "write_golden"]

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
    by_id: dict[str, Golden] = {}
    by_text: dict[str, Golden] = {}
    for file in sorted(folder.glob("*.json")):
        golden = read_golden(file, schema)
        by_id[golden.id] = golden
        for text in golden.texts:
            if text in by_text:
                raise GoldenError(
                    f"{by_text[text].id!r} answers the same text",
                    where=str(file),
                    way_out=f"delete {text} from one of the two",
                )
            by_text[text] = golden
    return Goldens(folder, by_id, by_text)


def read_golden(file: Path, schema: type[BaseModel]) -> Golden:
    """A golden, checked against the schema's form.

    Raises:
        GoldenError: If it is no golden, answers another version of the schema, or does not validate; names the place.
    """
    try:
        golden = Golden.model_validate_json(file.read_bytes())
        form(schema).model_validate(golden.record, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        at = "/".join(map(str, first["loc"]))
        part = "" if error.title == "Golden" else "record/"
        raise GoldenError(
            f"{part}{at}: {first['msg']}", where=str(file), way_out="mend the golden, or label it anew"
        ) from error
    if golden.id != file.stem:
        raise GoldenError(f"its id is {golden.id!r}", where=str(file), expected=f"the file's name, {file.stem!r}")
    wanted = schema_version(schema)
    if golden.schema_ != wanted:
        raise GoldenError(
            f"it answers version {golden.schema_} of the schema",
            where=str(file),
            expected=f"version {wanted}",
            way_out="label what changed, then set its schema to the new version",
        )
    for at in golden.alternates:
        _check_pointer(golden.record, at, file)
    return golden


def _check_pointer(record: JsonValue, at: str, file: Path) -> None:
    place: Any = record
    for step in at.removeprefix("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            place = place[int(name)] if isinstance(place, list) else place[name]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise GoldenError(
                f"alternates: {at} points to nothing in the record",
                where=str(file),
                expected="a JSON Pointer to a leaf",
            ) from error
    if isinstance(place, dict | list):
        raise GoldenError(f"alternates: {at} is no leaf", where=str(file), expected="a JSON Pointer to a leaf")


def write_golden(golden: Golden, folder: Path) -> Path:
    """Write a golden where it belongs, whole or not at all; keys keep their order, Hangul stays Hangul."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{golden.id}.json"
    part = file.with_name(file.name + ".part")
    fields = golden.model_dump(mode="json", by_alias=True)
    part.write_text(json.dumps(fields, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(file)
    return file
