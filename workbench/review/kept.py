"""What earlier reviews of a run found out of it, so that ten thousand articles need not be scored at each opening.

It is never believed over the files. All of it counts only for the very file of extractions, schema and program that it was made with, and a line of it only
for the golden and the decisions that it was made of; what does not fit is looked at again. It may be deleted at any time. Like the index of recordings it lies
in the user's cache, not beside the run: what came with somebody's run must not be believed.
"""

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pydantic
from pydantic import BaseModel

from workbench.index import cache_file, remove_index
from workbench.review.folder import Stat
from workbench.review.listing import Row
from workbench.runs import Run

__all__ = ["Entry", "Kept", "digest"]

TABLES: Final = """
DROP TABLE IF EXISTS made;
DROP TABLE IF EXISTS goldens;
DROP TABLE IF EXISTS entries;
CREATE TABLE made (of TEXT);
CREATE TABLE goldens (name TEXT PRIMARY KEY, stat TEXT, texts TEXT) WITHOUT ROWID;
CREATE TABLE entries (article TEXT PRIMARY KEY, start INTEGER, text TEXT, golden TEXT, of TEXT, row TEXT);
"""
LISTS: Final = tuple(
    index for index, field in enumerate(fields(Row)) if field.name in {"fields", "findings", "origins"}
)
LAYOUT: Final = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an article.

    Attributes:
        row: Its line in the list.
        offset: Where it stands in the run.
        text: The hash of its text.
        golden: The id of its golden, or that one of it would have.
        of: The digest of what the line was made of; empty where it was not scored, or cannot be kept.
    """

    row: Row
    offset: int
    text: str | None
    golden: str
    of: str = ""


def digest(golden: Stat | None, marks: Iterable[object]) -> str:
    """What a score of an article of this run was made of.

    Args:
        golden: The state of its golden's file.
        marks: What was decided about it.
    """
    return sha256(repr((golden, list(marks))).encode("utf-8", "surrogatepass")).hexdigest()


class Kept:
    """What is kept of a run.

    Args:
        run: The run.
        schema: Its task's.

    Raises:
        OSError: If the user has no home, or the cache cannot be written.
        sqlite3.Error: The same.
    """

    def __init__(self, run: Run, schema: type[BaseModel]) -> None:
        self._of = _made_of(run, schema)
        self.place = cache_file(run.folder, "review")
        self.place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._lay_out()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            remove_index(self.place)  # it is broken
            self._lay_out()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.place, timeout=5)
        database.execute("PRAGMA synchronous = OFF")  # it is made again if the machine stops
        return database

    def _lay_out(self) -> None:
        with closing(self._open()) as database, database:
            laid_out = database.execute("PRAGMA user_version").fetchone() == (LAYOUT,)
            if laid_out and database.execute("SELECT of FROM made").fetchone() == (self._of,):
                return
            for statement in (*TABLES.split(";"), f"PRAGMA user_version = {LAYOUT}"):
                database.execute(statement)
            database.execute("INSERT INTO made VALUES (?)", (self._of,))

    def entries(self) -> dict[str, Entry]:
        """Every article of the run, in the run's order; empty where none is kept."""
        with closing(self._open()) as database:
            found = database.execute("SELECT article, start, text, golden, of, row FROM entries ORDER BY rowid")
            return {
                article: Entry(_row(row), offset, text, golden, of) for article, offset, text, golden, of, row in found
            }

    def texts(self) -> dict[tuple[str, Stat], tuple[str, ...]]:
        """The texts that goldens answer, by name and state."""
        with closing(self._open()) as database:
            found = database.execute("SELECT name, stat, texts FROM goldens").fetchall()
        return {(name, tuple(json.loads(stat))): tuple(json.loads(texts)) for name, stat, texts in found}

    def keep_texts(self, stats: Mapping[str, Stat], texts: Mapping[str, tuple[str, ...]]) -> None:
        """Keep which texts goldens answer, and forget those that are gone."""
        with closing(self._open()) as database, database:
            database.execute("DELETE FROM goldens")
            database.executemany(
                "INSERT INTO goldens VALUES (?, ?, ?)",
                ((name, json.dumps(stat), json.dumps(texts[name])) for name, stat in stats.items()),
            )

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep what is known of some articles; those of another program or run that has been opened since are not disturbed."""
        with closing(self._open()) as database, database:
            if database.execute("SELECT of FROM made").fetchone() != (self._of,):
                return
            database.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (article) DO UPDATE SET"
                " start = excluded.start, text = excluded.text, golden = excluded.golden, of = excluded.of, row = excluded.row",
                (
                    (article, one.offset, one.text, one.golden, one.of, _written(one.row))
                    for article, one in entries.items()
                ),
            )


def _written(row: Row) -> str:
    return json.dumps(astuple(replace(row, doubt=None)), ensure_ascii=False)


def _row(written: str) -> Row:
    values: list[Any] = json.loads(written)
    for index in LISTS:
        values[index] = tuple(values[index])
    return Row(*values)


def _made_of(run: Run, schema: type[BaseModel]) -> str:
    """The file of extractions; the program, its Python and its packages; the schema and what lies beside it."""
    own = Path(__file__).parent.parent
    beside = Path(sys.modules[schema.__module__].__file__ or own).parent
    packages = Path(pydantic.__file__).parent.parent
    files = sorted({*own.rglob("*.py"), *beside.glob("*.py"), packages})
    states = [(str(file), _state(file)) for file in (run.folder / "extractions.jsonl", *files)]
    return sha256(repr((sys.version, schema.__qualname__, states)).encode("utf-8", "surrogatepass")).hexdigest()


def _state(file: Path) -> Stat | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
