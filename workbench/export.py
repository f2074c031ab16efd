"""The data set of a run: its articles and records as tables that join (see ``tables``), in CSV, JSON Lines or Parquet."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import BaseModel

from workbench.errors import InputError, RunError
from workbench.extract import Extraction, read_record
from workbench.tables import PLACES, WHOLE, Column, Table, Value, rows, tables

__all__ = ["Exported", "Format", "export", "unguarded"]

Format = Literal["csv", "jsonl", "parquet"]
ROW_GROUP = 8192
"""Rows of a table that are held in memory for Parquet, which is written in such groups."""
GUARDED = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")
"""How a text begins that a spreadsheet might execute, after any number of apostrophes."""


@dataclass(frozen=True)
class Exported:
    """A table that was written."""

    table: Table
    rows: int
    file: Path


def export(
    extractions: Iterable[Extraction],
    schema: type[BaseModel],
    folder: Path,
    to: Format,
    *,
    vote: bool = False,
    force: bool = False,
) -> tuple[Exported, ...]:
    """Write the tables of a run into a folder, one file each, in one pass: all of them, or on an error none.

    Args:
        extractions: Of the run, each article once.
        schema: That the records fill.
        folder: Is made if there is none.
        to: What to write.
        vote: Whether the run is a vote, whose confidence has columns too.
        force: Whether files that are there may be overwritten.

    Raises:
        InputError: If a file is there already or cannot be written, or Parquet is asked for without pyarrow.
        RunError: If a record does not fit the schema as it is now, or a number of the record no column of Parquet.
    """
    top = tables(schema, vote=vote)
    files = {table.name: folder / f"{table.name}.{to}" for table in top.all()}
    there = [file.name for file in files.values() if file.exists()]
    if there and not force:
        raise InputError(
            f"there is already {', '.join(there)}",
            where=str(folder),
            way_out="pass --force, or another folder as --out",
        )
    counts = dict.fromkeys(files, 0)
    opened: Callable[[Path, Sequence[Column]], AbstractContextManager[Callable[[Sequence[Value]], object]]]
    opened = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[to]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=folder) as parts:
            with ExitStack() as stack:
                write = {
                    table.name: stack.enter_context(opened(Path(parts, files[table.name].name), table.columns))
                    for table in top.all()
                }
                for extraction in extractions:
                    read_record(extraction, schema)  # one of another schema would leave columns empty that it fills
                    for table, row in rows(top, extraction):
                        write[table.name](row)
                        counts[table.name] += 1
            for file in files.values():
                Path(parts, file.name).replace(file)
    except OSError as error:
        raise InputError(f"the tables cannot be written: {error}", where=str(folder)) from error
    return tuple(Exported(table, counts[table.name], files[table.name]) for table in top.all())


@contextmanager
def _csv(file: Path, columns: Sequence[Column]) -> Iterator[Callable[[Sequence[Value]], object]]:
    """UTF-8 with its mark and CRLF, as spreadsheets want it. Texts are quoted, nothing else is; nothing is no text, ``""`` an empty one."""
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        out.write(",".join(column.name for column in columns) + "\r\n")
        yield lambda row: out.write(",".join(map(_cell, row)) + "\r\n")


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        guard = "'" if GUARDED.match(value) else ""
        return '"' + guard + value.replace('"', '""') + '"'
    return _digits(value) or str(value)


def unguarded(cell: str) -> str:
    """A text as it was, without the apostrophe that keeps a spreadsheet from executing it: the way back from a cell of a CSV."""
    return cell[1:] if cell.startswith("'") and GUARDED.match(cell[1:]) else cell


@contextmanager
def _jsonl(file: Path, columns: Sequence[Column]) -> Iterator[Callable[[Sequence[Value]], object]]:
    """An object a row, all columns in each, real characters; decimals are numbers with every digit."""
    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # made once: making it costs more than using it
    names = [encode(column.name) + ": " for column in columns]

    def write(row: Sequence[Value]) -> None:
        values = (_digits(value) or encode(value) for value in row)
        out.write("{" + ", ".join(map(str.__add__, names, values)) + "}\n")

    with file.open("w", encoding="utf-8", newline="\n") as out:
        yield write


def _digits(value: Value) -> str | None:
    """A decimal or a truth value as CSV and JSON both write it; None for what they do not."""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else None


@contextmanager
def _parquet(file: Path, columns: Sequence[Column]) -> Iterator[Callable[[Sequence[Value]], object]]:
    """Typed columns, written a row group at a time."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and 0.3 s
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise InputError("Parquet needs pyarrow", way_out="pip install pyarrow") from error
    of_kind = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    of_kind |= {"decimal": pa.decimal128(WHOLE + PLACES, PLACES), "day": pa.date32()}
    schema = pa.schema([(column.name, of_kind[column.kind]) for column in columns])
    waiting: list[Sequence[Value]] = []

    def flush() -> None:
        try:
            arrays = [
                pa.array(values, field.type) for values, field in zip(zip(*waiting, strict=True), schema, strict=True)
            ]
        except (pa.ArrowException, OverflowError) as error:
            raise RunError(
                f"a value does not fit its column: {error}", where=file.name, way_out="--to jsonl takes any number"
            ) from error
        writer.write_batch(pa.record_batch(arrays, schema=schema))
        waiting.clear()

    def write(row: Sequence[Value]) -> None:
        waiting.append(row)
        if len(waiting) == ROW_GROUP:
            flush()

    with pq.ParquetWriter(file, schema) as writer:
        yield write
        if waiting:
            flush()
