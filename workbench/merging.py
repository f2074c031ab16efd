"""Several stores of recordings become one.

What belongs together is a first answer with its re-asks, for a re-ask was put to that answer: it is taken whole from one store. Stores that have the same
answers agree, also where one goes further than the other; if they differ somewhere, the user says which is to be taken.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from workbench.answers import dead
from workbench.errors import RecordingError
from workbench.lines import Appender, drop_lines
from workbench.recordings import Recordings
from workbench.upkeep import check_backups, lock

__all__ = ["Merged", "Prefer", "merge"]

Prefer = Literal["newest", "first"]
"""Of stores that differ: the one that recorded last, or the one that was named first."""

SHOWN = 5


@dataclass(frozen=True)
class Merged:
    """What came of a merge, or would.

    Attributes:
        added: Lines that were added to the store.
        replaced: Lines of the store that others took the place of.
        known: Lines that the store had already, or another store gave.
        lost: Lines that differ from what was taken, and were not.
        left: Lines that answered nothing any more where they stood, and were left there.
    """

    added: int
    replaced: int
    known: int
    lost: int
    left: int


class _Line(NamedTuple):
    family: bytes
    store: int
    file: str
    start: int
    length: int
    key: bytes
    recorded: int
    answer: bytes
    origin: str


_Family = dict[int, dict[bytes, _Line]]
"""The lines of a first answer and its re-asks, by store and key."""

TABLES = """
CREATE TABLE lines (family, store, file, start, length, key, recorded, answer, origin);
CREATE TABLE dead (store, file, start, PRIMARY KEY (store, file, start)) WITHOUT ROWID;
CREATE TABLE added (store, file, start, length, origin, is_reask);
CREATE TABLE dropped (file, start, length, PRIMARY KEY (file, start)) WITHOUT ROWID;
"""
BY_FAMILY = """
SELECT family, store, file, lines.start, length, key, recorded, answer, origin, dead.start IS NULL
FROM lines LEFT JOIN dead USING (store, file, start) ORDER BY family, store, file, lines.start
"""


def merge(
    sources: Sequence[Path],
    into: Path,
    prefer: Prefer | None = None,
    *,
    dry_run: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> Merged:
    """Take the recordings of some stores up into another, which need not exist. The sources are left as they are.

    Raises:
        RecordingError: If a store cannot be read, or two differ and ``prefer`` does not say which to take.
        InputError: If another process is writing the store, a backup stands where one is needed, or the disk does not take it.
    """
    for source in sources:
        if not any(source.glob("*.jsonl")):
            raise RecordingError(
                "there are no recordings here", where=str(source), expected="a folder with .jsonl files"
            )
        if source.resolve() == into.resolve():
            raise RecordingError("a store cannot be merged into itself", where=str(source))
    with ExitStack() as stack:
        appenders = {} if dry_run else lock(into, stack)
        folders = (*sources, into)  # the store itself is the last that is named
        stores = [stack.enter_context(Recordings(folder, notify=notify)) for folder in folders]
        database = stack.enter_context(closing(sqlite3.connect("", isolation_level=None)))
        database.executescript(f"PRAGMA journal_mode = OFF; BEGIN; {TABLES}")
        for number, store in enumerate(stores):
            _list(database, number, store)
        merged = _choose(database, stores, prefer)
        if not dry_run:
            thinned = [name for (name,) in database.execute("SELECT DISTINCT file FROM dropped").fetchall()]
            check_backups(into / name for name in thinned)
            for origin, raw in _added(database, stores):
                name = f"{origin}.jsonl"
                if name not in appenders:
                    appenders[name] = stack.enter_context(Appender(into / name))
                appenders[name].append_raw(raw)
            # Only now, so that at no moment a line is nowhere.
            for name in thinned:
                lines = database.execute("SELECT start, length FROM dropped WHERE file = ? ORDER BY start", (name,))
                drop_lines(into / name, lines)
    return merged


def _list(database: sqlite3.Connection, number: int, store: Recordings) -> None:
    """Note the lines of a store, and which of them answer nothing."""
    with store.asking():
        kinds = {kind: group.kind.origin for kind, group in store.index.groups().items()}
        rows = (
            (line.parent or line.key, number, *line[:4], line.recorded, line.answer, kinds[line.kind])
            for line in store.index.lines()
        )
        database.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        gone = ((number, line.file, line.start) for line in dead(store.index))
        database.executemany("INSERT INTO dead VALUES (?, ?, ?)", gone)


def _choose(database: sqlite3.Connection, stores: Sequence[Recordings], prefer: Prefer | None) -> Merged:
    """Settle from which store each first answer comes with its re-asks, and note what has to be done."""
    target = len(stores) - 1
    counts = Counter[str]()
    disputes: list[str] = []
    for family, outlived in _families(database):
        counts["left"] += sum(line.store != target for line in outlived)
        if family.keys() <= {target}:
            continue
        chosen = _chosen(family, target, prefer)
        if chosen is None:
            counts["disputed"] += 1
            if len(disputes) < SHOWN:
                disputes.append(" and ".join(_where(stores[store], lines) for store, lines in family.items()))
            continue
        for store, lines in family.items():
            if store not in {chosen, target}:
                same = sum(_agrees(line, family[chosen]) for line in lines.values())
                counts.update(known=same, lost=len(lines) - same)
        if chosen != target:
            taken, here = family[chosen].values(), family.get(target, {}).values()
            counts.update(added=len(taken), replaced=len(here))
            new = ((*line[1:5], line.origin, line.key != line.family) for line in taken)
            database.executemany("INSERT INTO added VALUES (?, ?, ?, ?, ?, ?)", new)
            old = (line[2:5] for line in (*here, *outlived) if line.store == target)
            database.executemany("INSERT INTO dropped VALUES (?, ?, ?)", old)
    if disputes:
        count = counts["disputed"]
        raise RecordingError(
            f"the stores answer {'a request' if count == 1 else f'{count:,} requests'} differently",
            where="; ".join(disputes) + ("; …" if count > SHOWN else ""),
            way_out="say which is to be taken: --prefer newest or --prefer first"
            if prefer is None
            else "neither is the newer: --prefer first takes that of the store named first",
        )
    return Merged(*(counts[name] for name in ("added", "replaced", "known", "lost", "left")))


def _families(database: sqlite3.Connection) -> Iterator[tuple[_Family, list[_Line]]]:
    """Each first answer with its re-asks: the lines that answer, and those that do not any more."""
    for _, rows in groupby(database.execute(BY_FAMILY), key=lambda row: row[0]):
        family: _Family = {}
        outlived: list[_Line] = []
        for *fields, is_alive in rows:
            line = _Line(*fields)
            if is_alive:
                family.setdefault(line.store, {})[line.key] = line
            else:
                outlived.append(line)
        yield family, outlived


def _chosen(family: _Family, target: int, prefer: Prefer | None) -> int | None:
    """The store that a family is taken from; None if that is open."""
    fullest = _fullest(family, {}, target)
    if all(_holds(family[fullest], lines) for lines in family.values()):
        return fullest
    if prefer is None:
        return None
    preferred: int | None = min(family)
    if prefer == "newest":
        latest = {store: max(line.recorded for line in lines.values()) for store, lines in family.items()}
        newest = {store: lines for store, lines in family.items() if latest[store] == max(latest.values())}
        preferred = _chosen(newest, target, None)
    return None if preferred is None else _fullest(family, family[preferred], target)


def _fullest(family: _Family, lines: Mapping[bytes, _Line], target: int) -> int:
    """Of the stores that hold some lines the one that goes furthest; of equals the one merged into, else the first."""
    holding = (store for store in family if _holds(family[store], lines))
    return min(holding, key=lambda store: (-len(family[store]), store != target, store))


def _holds(lines: Mapping[bytes, _Line], others: Mapping[bytes, _Line]) -> bool:
    return all(_agrees(line, lines) for line in others.values())


def _agrees(line: _Line, lines: Mapping[bytes, _Line]) -> bool:
    return line.key in lines and lines[line.key].answer == line.answer


def _where(store: Recordings, lines: Mapping[bytes, _Line]) -> str:
    """A store's file and line of the first of some lines."""
    first = min(lines.values(), key=lambda line: (line.file, line.start))
    line = next(line for line in store.index.of_request(first.key) if (line.file, line.start) == first[2:4])
    return f"{store.folder / line.file}:{store.index.number(line)}"


def _added(database: sqlite3.Connection, stores: Sequence[Recordings]) -> Iterator[tuple[str, bytes]]:
    """Origin and bytes of each line that is added: as they stood, but first answers before re-asks."""
    query = "SELECT store, file, start, length, origin FROM added ORDER BY is_reask, store, file, start"
    for store, file, start, length, origin in database.execute(query):
        raw = stores[store].index.read_at(file, start, length)
        yield origin, raw if raw.endswith(b"\n") else raw + b"\n"
