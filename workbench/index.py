"""Where each line of a store of recordings stands: an index in SQLite, so that a million lines are not read to find one.

The files are the truth. The index says which lines there are and where; which of them answers a request is worked out anew each time.
Opening brings it up to date: a file that grew is read from where it ended, one that changed otherwise is read again, and an index that is
missing or broken is made again. What opening cannot notice is a file that was edited in place, kept its length before its last line and was then
appended to; so what is found is held against its key when it is read.

It lies in the user's cache, named by the machine and the folder, not beside the recordings: their folder may be read-only or under version
control, and an index that came with somebody's recordings must not be believed. It may be deleted at any time.
"""

import os
import platform
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from workbench.entries import Entry, Group, Kind, Line, digest
from workbench.errors import RecordingError
from workbench.lines import is_whole, raw_lines

__all__ = ["Index", "cache_file", "remove_index"]

LARGE: Final = 256 << 20
"""Bytes to be read that are worth saying so: they take some seconds."""
LAYOUT: Final = 2
"""Of the tables: an index of another layout is made again."""
PATIENCE: Final = 600.0
"""Seconds to wait for another process that is bringing the same index up to date."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

TABLES: Final = """
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS kinds;
DROP TABLE IF EXISTS lines;
CREATE TABLE files (
    file INTEGER PRIMARY KEY, name TEXT UNIQUE, device INTEGER, inode INTEGER, size INTEGER, changed INTEGER,
    ends INTEGER, lines INTEGER, torn INTEGER
);
CREATE TABLE kinds (
    kind INTEGER PRIMARY KEY, origin TEXT, model TEXT, prompt TEXT, schema TEXT, settings TEXT, examples TEXT,
    UNIQUE (origin, model, prompt, schema, settings, examples)
);
CREATE TABLE lines (
    file INTEGER, start INTEGER, length INTEGER, key BLOB, parent BLOB, recorded INTEGER, answer BLOB, kind INTEGER,
    article BLOB, PRIMARY KEY (file, start)
) WITHOUT ROWID;
"""
INDEXES: Final = """
CREATE INDEX IF NOT EXISTS by_key ON lines (key, answer);
CREATE INDEX IF NOT EXISTS by_article ON lines (article);
CREATE INDEX IF NOT EXISTS by_parent ON lines (parent) WHERE parent IS NOT NULL;
"""
"""Made after the first filling: to sort once is several times quicker than to keep in order."""


class _State(NamedTuple):
    """A file as the index knows it, read up to where its last line with a line end ends."""

    file: int
    name: str
    device: int = 0
    inode: int = 0
    size: int = -1
    changed: int = 0
    ends: int = 0
    lines: int = 0
    torn: int = 0


PUT_STATE: Final = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_LINE: Final = "INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_KIND: Final = (
    "INSERT OR IGNORE INTO kinds (origin, model, prompt, schema, settings, examples) VALUES (?, ?, ?, ?, ?, ?)"
)
GET_KIND: Final = (
    "SELECT kind FROM kinds WHERE (origin, model, prompt, schema, settings, examples) = (?, ?, ?, ?, ?, ?)"
)
LINES: Final = "SELECT name, start, length, key, parent, recorded, answer, kind FROM lines JOIN files USING (file)"
IN_ORDER: Final = " ORDER BY name, start"


def cache_file(folder: Path, what: str = "recordings") -> Path:
    """Where the index of a folder is kept. It is of one machine, as SQLite's locks are.

    Args:
        folder: What it is of.
        what: Which of its indexes.

    Raises:
        OSError: If the user has no home.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        base = base if base.is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        raise OSError(str(error)) from error
    return base / "workbench" / f"{what}-{digest(f'{platform.node()} {folder.resolve()}').hex()}.sqlite"


def remove_index(place: Path) -> None:
    """Delete an index that is broken, with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{place}{suffix}").unlink(missing_ok=True)


class Index:
    """The lines of some JSON Lines files, up to date when it is made.

    Args:
        files: The files, each of another name; those of one folder.
        place: The file in which the index is kept, or "" for one that ends with the process.
        read: What is indexed of a line, given its bytes and its place in words.
        notify: Told when there is much to read.

    Raises:
        RecordingError: If a line is no recording, or a file cannot be read.
        sqlite3.Error: If the index cannot be used.

    Attributes:
        place: As given.
    """

    def __init__(
        self,
        files: Sequence[Path],
        place: str,
        read: Callable[[bytes, str], Entry],
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.place = place
        self._paths = {file.name: file for file in files}
        self._entry = read
        self._notify = notify
        self._kinds: dict[Kind, int] = {}
        self._known: dict[str, _State] = {}
        """The files' states, as this connection left them; both are of one version of the database."""
        self._version = -1
        self._descriptors: dict[str, int] = {}
        self._database = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self.close = weakref.finalize(self, _close, self._database, self._descriptors)
        try:
            # Whatever stops the machine leaves the index whole, and behind the files rather than ahead of them.
            self._execute(f"PRAGMA journal_mode = {'WAL' if place else 'MEMORY'}")
            self._execute("PRAGMA synchronous = NORMAL")
            self._execute("PRAGMA cache_size = -16384")
            if not self._is_fresh():
                with self._change():
                    self._catch_up()
        except BaseException:
            self.close()
            raise

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._database.execute(statement, values)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """All of it or nothing, by one process at a time."""
        self._execute("BEGIN IMMEDIATE")
        (version,) = self._execute("PRAGMA data_version").fetchone()
        if version != self._version:  # another process has changed it, and may have made the tables anew
            self._unlearn()
            self._version = version
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            self._unlearn()
            if self._database.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _unlearn(self) -> None:
        self._kinds.clear()
        self._known.clear()

    # --- bringing it up to date

    def _is_laid_out(self) -> bool:
        return bool(self._execute("PRAGMA user_version").fetchone() == (LAYOUT,))

    def _states(self) -> dict[str, _State]:
        if not self._is_laid_out():
            return {}
        return {row[1]: _State(*row) for row in self._execute("SELECT * FROM files")}

    def _is_fresh(self) -> bool:
        states = self._states()
        as_seen = (_is_as_seen(self._paths[name], state) for name, state in states.items())
        return self._is_laid_out() and states.keys() == self._paths.keys() and all(as_seen)

    def _catch_up(self) -> None:
        states = self._states()
        sound = {name: s for name, s in states.items() if name in self._paths and self._goes_on(self._paths[name], s)}
        if not sound:
            for statement in (*TABLES.split(";"), f"PRAGMA user_version = {LAYOUT}"):
                self._execute(statement)
            self._unlearn()
        else:
            for name in states.keys() - sound.keys():
                self._forget(name)
        unread = [
            path.stat().st_size - (sound[name].ends if name in sound else 0) for name, path in self._paths.items()
        ]
        if sum(unread) > LARGE:
            self._notify(f"indexing {sum(unread) / 1e9:.1f} GB of recordings, once")
        free = max((state.file for state in sound.values()), default=0) + 1
        for number, (name, path) in enumerate(self._paths.items(), free):
            self._scan(path, sound.get(name) or _State(number, name))
        for statement in INDEXES.split(";"):
            self._execute(statement)

    def _goes_on(self, path: Path, state: _State) -> bool:
        """Whether a file still begins with the lines that were read of it: all of it is older, or its first and last say so."""
        found = path.stat()
        if (found.st_dev, found.st_ino) != (state.device, state.inode):
            return False
        if found.st_size == state.size:
            return found.st_mtime_ns == state.changed
        query = "SELECT * FROM lines WHERE file = ? AND start IN (?, ?)"
        span = self._execute(
            "SELECT min(start), max(start) FROM lines WHERE file = ? AND start < ?", (state.file, state.ends)
        )
        for row in self._execute(query, (state.file, *span.fetchone())).fetchall():
            _, start, length, *_ = row
            try:
                entry = self._entry(self.read_at(state.name, start, length), str(path))
            except RecordingError:
                return False
            if self._row(state.file, start, length, entry) != row:
                return False
        return True

    def _scan(self, path: Path, state: _State) -> None:
        """Read what was added to a file since it was seen; all of it if it never was."""
        ends, lines, torn = state.ends, state.lines, 0

        def rows(file: BinaryIO, size: int) -> Iterator[tuple[object, ...]]:
            nonlocal ends, lines, torn
            for start, raw in raw_lines(file, state.ends, size):
                if raw.endswith(b"\n"):
                    ends, lines = start + len(raw), lines + 1
                elif not is_whole(raw):
                    torn = len(raw)
                    return
                where = f"{path}:{lines + (ends <= start)}"
                yield self._row(state.file, start, len(raw), self._entry(raw, where))

        self._execute("DELETE FROM lines WHERE file = ? AND start >= ?", (state.file, state.ends))
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                self._database.executemany(PUT_LINE, rows(file, found.st_size))
        except OSError as error:
            raise RecordingError(f"this file cannot be read: {error.strerror}", where=str(path)) from error
        self._keep(state._replace(ends=ends, lines=lines, torn=torn), found)

    def _keep(self, state: _State, found: os.stat_result) -> None:
        state = state._replace(device=found.st_dev, inode=found.st_ino, size=found.st_size, changed=found.st_mtime_ns)
        self._execute(PUT_STATE, state)
        self._known[state.name] = state

    def _row(self, file: int, start: int, length: int, entry: Entry) -> tuple[object, ...]:
        recorded = entry.recorded if entry.recorded.tzinfo else entry.recorded.replace(tzinfo=UTC)
        return (
            file,
            start,
            length,
            digest(entry.key),
            entry.parent and digest(entry.parent),
            (recorded - EPOCH) // MICROSECOND,
            digest(entry.answer),
            self._kind(entry.kind),
            digest(entry.article),
        )

    def _kind(self, kind: Kind) -> int:
        if kind not in self._kinds:
            self._execute(PUT_KIND, kind)
            (self._kinds[kind],) = self._execute(GET_KIND, kind).fetchone()
        return self._kinds[kind]

    def _forget(self, name: str) -> None:
        self._execute("DELETE FROM lines WHERE file = (SELECT file FROM files WHERE name = ?)", (name,))
        self._execute("DELETE FROM files WHERE name = ?", (name,))
        self._known.pop(name, None)

    def forget(self, line: Line) -> None:
        """Give up what is known of a line's file, which is not as it was: whoever opens the index next reads it anew."""
        with self._change():
            self._forget(line.file)

    def appended(self, path: Path, start: int, length: int, entry: Entry) -> None:
        """Take up a line that this process, its file's one writer, has just appended."""
        self._paths.setdefault(path.name, path)
        with self._change():
            state = self._known.get(path.name) or self._states().get(path.name)
            if state and state.ends == start:
                self._execute(PUT_LINE, self._row(state.file, start, length, entry))
                self._keep(state._replace(ends=start + length, lines=state.lines + 1, torn=0), path.stat())
            else:  # there was a torn line before it, or another process has read it already
                self._catch_up()

    # --- asking it

    def of_request(self, key: bytes) -> list[Line]:
        """The lines of a request's key, by their files' names and then in the files' order."""
        return [Line(*row) for row in self._execute(f"{LINES} WHERE key = ?{IN_ORDER}", (key,))]

    def contested(self) -> Iterator[bytes]:
        """The keys of which it has to be decided which line answers: those of several lines, and those of re-asks."""
        query = """
            SELECT key FROM lines GROUP BY key HAVING count(*) > 1
            UNION SELECT key FROM lines WHERE parent IS NOT NULL
        """
        return (key for (key,) in self._execute(query))

    def differing(self) -> Iterator[bytes]:
        """The keys whose lines stand in several files and hold different responses."""
        query = "SELECT key FROM lines GROUP BY key HAVING min(file) <> max(file) AND min(answer) <> max(answer)"
        return (key for (key,) in (self._execute(query) if len(self._paths) > 1 else ()))

    def lines(self) -> Iterator[Line]:
        """Every line, file by file, in the files' order."""
        return (Line(*row) for row in self._execute(LINES + IN_ORDER))

    def of_article(self, article: str) -> Iterator[tuple[Line, Kind]]:
        """The lines that were recorded of an article's text, first answers before re-asks."""
        query = """
            SELECT name, start, length, key, parent, recorded, answer, kind, origin, model, prompt, schema, settings, examples
            FROM lines JOIN files USING (file) JOIN kinds USING (kind) WHERE article = ?
            ORDER BY parent IS NOT NULL, name, start
        """
        return ((Line(*row[:8]), Kind(*row[8:])) for row in self._execute(query, (digest(article),)))

    def groups(self) -> dict[int, Group]:
        """What there is, by kind; lines that answer nothing are counted too."""
        query = """
            SELECT kind, origin, model, prompt, schema, settings, examples, count(*), sum(length), min(recorded),
                max(recorded)
            FROM lines JOIN kinds USING (kind) GROUP BY kind ORDER BY kind
        """
        return {
            row[0]: Group(Kind(*row[1:7]), row[7], row[8], *(EPOCH + time * MICROSECOND for time in row[9:]))
            for row in self._execute(query)
        }

    def torn(self) -> dict[str, int]:
        """The files whose last line is torn, and how many bytes of it there are."""
        return {state.name: state.torn for state in self._states().values() if state.torn}

    def __bool__(self) -> bool:
        """Whether there is any line."""
        return self._execute("SELECT 1 FROM lines LIMIT 1").fetchone() is not None

    def number(self, line: Line) -> int:
        """A line's number in its file, from 1."""
        query = "SELECT count(*) FROM lines JOIN files USING (file) WHERE name = ? AND start <= ?"
        (number,) = self._execute(query, (line.file, line.start)).fetchone()
        return int(number)

    def __len__(self) -> int:
        """How many lines there are, those that answer nothing among them."""
        (count,) = self._execute("SELECT count(*) FROM lines").fetchone()
        return int(count)

    def read(self, line: Line) -> bytes:
        """The bytes that stand where a line stood; fewer, or none, if the file was cut short.

        Raises:
            OSError: If the file is gone.
        """
        return self.read_at(line.file, line.start, line.length)

    def read_at(self, name: str, start: int, length: int) -> bytes:
        """The same by a file's name and a place in it."""
        if name not in self._descriptors:
            self._descriptors[name] = os.open(self._paths[name], os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._descriptors[name], length, start)


def _close(database: sqlite3.Connection, descriptors: dict[str, int]) -> None:
    database.close()
    while descriptors:
        os.close(descriptors.popitem()[1])


def _is_as_seen(path: Path, state: _State) -> bool:
    found = path.stat()
    seen = (state.device, state.inode, state.size, state.changed)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) == seen
