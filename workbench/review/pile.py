"""The articles of a run as the page knows them: a line each, kept in step with goldens and log, and one opened at a time.

The list is there as soon as the run's lines are read. Goldens, scores and the words to be searched come after it, in a thread of their own, and whoever
asks meanwhile gets what is known. Records are read again from the run when an article is opened; what stays in memory is a line an article, and its
words. A score is computed once, kept for the next review of the run, and computed again only when the article's golden or its decisions have changed,
whoever changed them.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from threading import Condition, RLock, Thread
from typing import Final

from workbench.decide import read_shown
from workbench.errors import GoldenError, RunError
from workbench.evaluate import score_article
from workbench.extract import Extraction
from workbench.review.desk import Desk, Order
from workbench.review.doubts import Doubts
from workbench.review.folder import Folder, Stat
from workbench.review.kept import Entry, Kept, digest
from workbench.review.listing import Row, folded, ordered, row_of, scored_row
from workbench.review.opened import Opened, form_of, opened
from workbench.review.stops import progress
from workbench.runs import Run
from workbench.schema import scalars
from workbench.standing import Mark

__all__ = ["Pile", "Progress"]

AT_ONCE: Final = 20
"""Articles that are looked at again before a page is shown; of more the page says that they are being scored."""
TOGETHER: Final = 200
"""Articles that are kept in one go."""
WORDS: Final = 4
"""Articles whose words are read for each that is scored: to search is wanted sooner than the last score."""


@dataclass(frozen=True)
class Progress:
    """How far the articles have been looked through.

    Attributes:
        articles: How many there are.
        known: Of how many all that the list shows is known.
        searched: Of how many the words are.
        compared: Of how many it is known how far runs disagree on them, while that is being found out; else None.
    """

    articles: int
    known: int
    searched: int
    compared: int | None = None


class Pile:
    """Every article of the run that lies on the desk. Safe to use from several threads.

    Attributes:
        desk: The desk.
        scored: How many scores were computed so far.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.scored = 0
        self._lock = RLock()
        self._turn = Condition(self._lock)
        self._thread: Thread | None = None
        self._ending = False
        self._error: BaseException | None = None
        self._folder = Folder(desk.folder)
        self._looked = False
        self._entries: dict[str, Entry] = {}
        self._first: dict[str, Row] = {}
        self._orders: dict[Order, list[str]] = {}
        self._marked: dict[str, tuple[Mark, ...]] = {}
        self._pending: dict[str, None] = {}
        self._wordless: deque[str] = deque()
        self._words: dict[str, str] = {}
        self._doubts = Doubts(desk.uncertainty)
        self._doubted = False
        self._kept: Kept | None = None
        self._unkept = ""
        self._against: dict[str, int] = {}

    # --- what a page asks

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reviewer should know of the goldens."""
        return (*self._folder.notes, *([self._unkept] if self._unkept else []))

    @property
    def progress(self) -> Progress:
        """How far it has been looked through."""
        with self._lock:
            self._read_run()
            everything = len(self._entries)
            known = everything - len(self._pending) if self._looked else 0
            return Progress(everything, known, len(self._words), self._doubts.compared)

    def rows(self, order: Order | None = None) -> list[Row]:
        """Every article, in an order as it was when it was first scored: an article keeps its place while one works on it."""
        with self._lock:
            self._begin()
            if self._looked:
                self._refresh()
            order = order or self.desk.order
            if order == "uncertainty":
                self._doubts.begin()
                self._take_doubts()
            if order not in self._orders:
                first = (self._first.get(article, entry.row) for article, entry in self._entries.items())
                if order == "uncertainty":
                    first = (entry.row for entry in self._entries.values())
                self._orders[order] = [row.article for row in ordered(first, order)]
            return [self._entries[article].row for article in self._orders[order]]

    def _take_doubts(self) -> None:
        """Put the doubts into the lines once all are known; until then the articles stand by name."""
        if self._doubted or (doubts := self._doubts.all) is None:
            return
        for article, entry in self._entries.items():
            self._entries[article] = replace(entry, row=replace(entry.row, doubt=doubts.get(article)))
        self._orders.pop("uncertainty", None)
        self._doubted = True

    def open(self, article: str) -> Opened | None:
        """An article, read anew; None if the run has none of this id.

        Raises:
            GoldenError: If its golden does not hold.
            RunError: If its record does not fit the schema any more, or the run has changed since it was opened.
        """
        with self._lock:
            self._begin()
            entry = self._entries.get(article)
            if entry is None:
                return None
            self._turn.wait_for(lambda: self._looked or self._thread is None)
            self._begin()
            self._refresh()
            name, offset = self._folder.golden_of(article, entry.text), self._against.get(article)
        against = self.desk.against
        beside = self._read(against, article, offset) if against and offset is not None else None
        return opened(self.desk, self._read(self.desk.run, article, entry.offset), name, beside)

    def words_of(self, row: Row) -> str:
        """The text and the values of an article, to be searched; nothing where they were not read yet."""
        return self._words.get(row.article, "")

    # --- looking through

    def begin(self, order: Order | None = None) -> None:
        """Look through the articles in a thread of its own, if there is something to look through; in another for what an order takes."""
        with self._lock:
            self._begin()
        if (order or self.desk.order) == "uncertainty":
            self._doubts.begin()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all that was begun is known; whether it is. An error that ended the looking is raised by whatever is asked next.

        Args:
            seconds: How long at the most, for each of the two; None for as long as it takes.
        """
        with self._turn:
            self._begin()
            looked = self._turn.wait_for(lambda: self._thread is None, seconds)
        return self._doubts.wait(seconds) and looked

    def close(self) -> None:
        """End the thread, when it has done with the article it is at."""
        with self._turn:
            self._ending = True
            self._turn.wait_for(lambda: self._thread is None)
        self._doubts.close()

    def _begin(self) -> None:
        """Read the run if it was not read, raise what ended the looking, and go on with it if anything is left."""
        if self._error:
            error, self._error = self._error, None
            raise error
        self._read_run()
        if self._thread is None and not self._ending and (self._pending or self._wordless or not self._looked):
            self._thread = Thread(target=self._work, name="review", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._look_at_goldens()
            self._look_through()
        except BaseException as caught:  # noqa: BLE001 - raised by whatever is asked of the pile next
            error = caught
        with self._turn:
            self._error, self._thread = error, None
            self._turn.notify_all()

    def _look_through(self) -> None:
        fresh: dict[str, Entry] = {}
        while True:
            with self._lock:
                article = next(iter(self._pending), None)
                words = list(islice(self._wordless, WORDS))
                if (article is None and not words) or self._ending:
                    break
                entry = self._entries[article] if article else None
            if article and entry:
                after = self._looked_at(article, entry)
                with self._lock:
                    if self._entries[article] is entry:  # else its golden changed meanwhile, and it is looked at again
                        self._put(article, after)
                        fresh[article] = after
            for other in words:
                self._words[other] = self._words_in(other)
                self._wordless.popleft()
            if len(fresh) >= TOGETHER:
                self._keep(fresh)
                fresh = {}
        self._keep(fresh)

    def _read_run(self) -> None:
        """Read the lines of the run, or what is kept of them."""
        if self._entries:
            return
        entries: dict[str, Entry] = {}
        try:
            self._kept = Kept(self.desk.run, self.desk.task.schema)
            entries = self._kept.entries()
        except (OSError, sqlite3.Error) as error:
            self._keep_no_more(error)
        if not entries:
            for offset, glimpse in self.desk.run.glimpses():
                entries[glimpse.article] = Entry(row_of(glimpse), offset, glimpse.text, glimpse.article)
        if self.desk.against:
            self._against = {glimpse.article: offset for offset, glimpse in self.desk.against.glimpses()}
        self._wordless.extend(entries)
        self._entries = entries

    def _look_at_goldens(self) -> None:
        """Read which golden answers which article; take over the scores that are kept, and have the others made."""
        if self._looked:
            return
        known: dict[tuple[str, Stat], tuple[str, ...]] = {}
        with self._keeping() as kept:
            known = kept.texts() if kept else {}
        self._folder.update(known)
        with self._turn:
            for article in self._entries:
                self._place(article)
            self._looked = True
            self._turn.notify_all()
        with self._keeping() as kept:
            if kept and known.keys() != self._folder.stats.items():
                kept.keep_texts(self._folder.stats, self._folder.texts)
        self._keep({article: entry for article, entry in self._entries.items() if not entry.of})

    @contextmanager
    def _keeping(self) -> Iterator[Kept | None]:
        """What is kept; None if it cannot be, which is said once and stops nothing."""
        try:
            yield self._kept
        except sqlite3.Error as error:
            self._keep_no_more(error)

    def _keep_no_more(self, error: Exception) -> None:
        self._kept = None
        self._unkept = f"what is found out here cannot be kept for the next time: {error}"

    def _keep(self, entries: Mapping[str, Entry]) -> None:
        with self._keeping() as kept:
            if kept and entries:
                kept.keep(entries)

    def _place(self, article: str) -> None:
        """Hold what is known of an article against goldens and log; it is pending if a score is wanted."""
        entry = self._entries[article]
        name = self._folder.golden_of(article, entry.text)
        golden = name or article
        marks = self.desk.log.marks(golden)
        if name is None:
            row = scored_row(entry.row, None, decided=0, left=1)
            self._put(article, replace(entry, row=row, golden=golden, of=""))
        elif entry.of and entry.of == digest(self._folder.stats.get(name), marks):
            self._put(article, replace(entry, row=replace(entry.row, pending=False), golden=golden))
        else:
            row = replace(entry.row, pending=True, golden=name)
            self._entries[article] = replace(entry, row=row, golden=golden, of="")
            self._pending[article] = None
        if marks:
            self._marked[golden] = marks

    def _put(self, article: str, entry: Entry) -> None:
        """What was found out of an article; its place among the others is that of the first time."""
        self._entries[article] = entry
        self._pending.pop(article, None)
        if article not in self._first:
            self._first[article] = entry.row
            self._orders.clear()

    def _refresh(self) -> None:
        """Look again at each article whose golden or whose decisions have changed."""
        changed = self._folder.update()
        for golden in {*self.desk.log.articles, *self._marked}:
            marks = self.desk.log.marks(golden)
            if marks != self._marked.get(golden, ()):
                changed.add(golden)
                self._marked[golden] = marks
        if not changed:
            return
        stale = [
            article
            for article, entry in self._entries.items()
            if not changed.isdisjoint({article, entry.golden, entry.text})
        ]
        for article in stale:
            self._place(article)
        pending = [article for article in stale if article in self._pending]
        if len(pending) <= AT_ONCE:
            fresh = {article: self._looked_at(article, self._entries[article]) for article in pending}
            for article, entry in fresh.items():
                self._put(article, entry)
            self._keep(fresh)
        self._begin()

    def _looked_at(self, article: str, entry: Entry) -> Entry:
        """An article with its score; what is wrong with its golden or its record stands in its line."""
        desk, schema = self.desk, self.desk.task.schema
        extraction = self._read(desk.run, article, entry.offset)
        marks = self.desk.log.marks(entry.golden)
        stat = self._folder.stats.get(entry.golden)
        sought: list[str | None] = []

        def text_of(one: Extraction) -> str | None:
            sought.append(desk.texts(one))
            return sought[-1]

        try:
            golden, seen = read_shown(desk.folder, entry.golden, schema)
            scored = score_article(extraction, golden, schema, text_of)
        except (GoldenError, RunError) as error:
            says = f"its golden does not hold: {error.what}" if isinstance(error, GoldenError) else error.what
            row = scored_row(entry.row, None, decided=0, left=1)
            return replace(entry, row=replace(row, golden=entry.golden, trouble=says), of="")
        standing = desk.log.standing(entry.golden, seen)
        decided, left = 0, 1
        if golden:
            self.scored += 1
            decided, left = progress(scored, golden, form_of(extraction, schema), standing)
        row = scored_row(entry.row, scored, decided=decided, left=left)
        whole = golden is not None and None not in sought  # with its text at hand the score may be another
        return replace(entry, row=row, of=digest(stat, marks) if whole else "")

    # --- reading

    def _read(self, run: Run, article: str, offset: int) -> Extraction:
        extraction = run.at(offset)
        if extraction.article != article:
            raise RunError("the run has changed since it was opened", where=str(run.folder), way_out="open it anew")
        return extraction

    def _words_in(self, article: str) -> str:
        entry = self._entries[article]
        extraction = self._read(self.desk.run, article, entry.offset)
        found = (value for _, value in scalars(extraction.record) if isinstance(value, str))
        return folded("\n".join((article, entry.row.title or "", self.desk.texts(extraction) or "", *found)))
