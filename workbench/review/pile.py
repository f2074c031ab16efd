"""The articles of a run as the page knows them: a line each, kept in step with goldens and log, and one opened at a time.

Records are read again from the run when an article is opened; what stays in memory is a line an article. A score is computed once, and again
only when the article's golden has changed, whoever changed it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, JsonValue

from workbench.articles import is_id
from workbench.decide import read_shown, record_hash
from workbench.errors import GoldenError, RunError
from workbench.evaluate import ArticleScore, score_article
from workbench.extract import Extraction, read_record
from workbench.goldens import Golden
from workbench.review.desk import Desk, Order
from workbench.review.listing import Row, folded, ordered, row_of
from workbench.runs import Run
from workbench.schema import scalars, values
from workbench.standing import Mark, Standing, progress
from workbench.wishes import Subject

__all__ = ["Opened", "Pile"]

_Stat: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Opened:
    """An article with all that its page needs, read at one moment.

    Attributes:
        scored: Its extraction and score.
        golden: Its golden; None if it has none.
        seen: The hash of the golden's file as it was read; None where there is no file.
        about: What decisions on it are about.
        standing: The decisions in force.
        against: The same article in the second run; None where there is none.
        beside: That run's record in the form of a golden.
    """

    scored: ArticleScore
    golden: Golden | None
    seen: str | None
    about: Subject
    standing: Standing
    against: ArticleScore | None
    beside: JsonValue

    @property
    def article(self) -> str:
        """Its id."""
        return self.scored.extraction.article

    @property
    def record(self) -> str | None:
        """The hash of its record's form, by which decisions name it."""
        return record_hash(self.about.record)


@dataclass
class _Known:
    """What is kept of an article: its line, where it stands in the run, its text's hash, and the state of golden and log that the line is of."""

    row: Row
    offset: int
    text: str | None
    golden: str
    seen: str | None
    marks: tuple[Mark, ...] | None


class Pile:
    """Every article of the run that lies on the desk.

    Attributes:
        desk: The desk.
        scored: How many scores were computed so far.
        notes: What a reviewer should know of the goldens.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.scored = 0
        self.notes: tuple[str, ...] = ()
        self._stats: dict[str, _Stat] = {}
        self._texts: dict[str, tuple[str, ...]] = {}
        self._by_text: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._known: dict[str, _Known] = {}
        self._against = dict(_offsets(desk.against)) if desk.against else {}
        self._doubts: Mapping[str, float] | None = None
        self._goldens_changed()
        for offset, extraction in desk.run.placed():
            self._known[extraction.article] = self._look(extraction, offset)
        self._orders: dict[Order, list[str]] = {}
        for order in ("worst", "article"):
            self._orders[order] = [row.article for row in ordered(self._rows(), order)]

    def rows(self, order: Order | None = None) -> list[Row]:
        """Every article, in an order as it was when the run was opened: an article keeps its place while one works on it."""
        self._refresh()
        order = order or self.desk.order
        if order not in self._orders:
            self._doubts = self.desk.uncertainty()
            for known in self._known.values():
                known.row = replace(known.row, doubt=self._doubts.get(known.row.article))
            self._orders[order] = [row.article for row in ordered(self._rows(), order)]
        return [self._known[article].row for article in self._orders[order]]

    def _rows(self) -> Iterable[Row]:
        return (known.row for known in self._known.values())

    def open(self, article: str) -> Opened | None:
        """An article, read anew; None if the run has none of this id.

        Raises:
            GoldenError: If its golden does not hold.
            RunError: If the run has changed since it was opened.
        """
        known = self._known.get(article)
        if known is None:
            return None
        self._refresh()
        extraction = self._read(self.desk.run, article, known.offset)
        return self._open(extraction)

    def words_of(self, row: Row) -> str:
        """The text and the values of an article, to be searched."""
        if row.article not in self._words:
            extraction = self._read(self.desk.run, row.article, self._known[row.article].offset)
            found = (value for _, value in scalars(extraction.record) if isinstance(value, str))
            parts = (row.article, row.title or "", self.desk.texts(extraction) or "", *found)
            self._words[row.article] = folded("\n".join(parts))
        return self._words[row.article]

    def _read(self, run: Run, article: str, offset: int) -> Extraction:
        extraction = run.at(offset)
        if extraction.article != article:
            raise RunError("the run has changed since it was opened", where=str(run.folder), way_out="open it anew")
        return extraction

    def _golden_id(self, extraction: Extraction) -> str | None:
        """The golden that answers the text; one that cannot be read is its namesake's."""
        found = self._by_text.get(extraction.text or "")
        if found is None and (not extraction.text or not self._texts.get(extraction.article, ("",))):
            return extraction.article if extraction.article in self._stats else None
        return found

    def _open(self, extraction: Extraction) -> Opened:
        desk = self.desk
        schema = desk.task.schema
        name = self._golden_id(extraction)
        golden, seen = read_shown(desk.folder, name, schema) if name else (None, None)
        offset = self._against.get(extraction.article)
        other = None
        if desk.against and offset is not None:
            other = score_article(self._read(desk.against, extraction.article, offset), golden, schema, desk.texts)
        about = Subject(
            name or extraction.article,
            _form(extraction, schema),
            extraction.text,
            extraction.published,
            partial(desk.texts, extraction),
        )
        return Opened(
            scored=score_article(extraction, golden, schema, desk.texts),
            golden=golden,
            seen=seen,
            about=about,
            standing=desk.log.standing(about.golden, seen),
            against=other,
            beside=None if other is None else _form(other.extraction, schema),
        )

    def _look(self, extraction: Extraction, offset: int) -> _Known:
        """The line of an article, for the list; what is wrong with its golden stands there."""
        schema = self.desk.task.schema
        name = self._golden_id(extraction)
        known = name or extraction.article
        try:
            golden, seen = read_shown(self.desk.folder, name, schema) if name else (None, None)
        except GoldenError as error:
            row = row_of(ArticleScore(extraction, None, None), decided=0, left=1)
            return _Known(replace(row, golden=name, trouble=error.what), offset, extraction.text, known, None, None)
        standing = self.desk.log.standing(known, seen)
        decided, left, scored = 0, 1, ArticleScore(extraction, None, None)
        if golden:
            self.scored += 1
            scored = score_article(extraction, golden, schema, self.desk.texts)
            leaves = scored.score.leaves if scored.score else ()
            record = record_hash(_form(extraction, schema)) if standing.marks else None
            decided, wanted = progress(leaves, standing, record, golden)
            left = wanted - decided
        row = row_of(scored, decided=decided, left=left, doubt=(self._doubts or {}).get(extraction.article))
        return _Known(row, offset, extraction.text, known, seen, standing.marks)

    def _refresh(self) -> None:
        """Look again at each article whose golden or whose decisions have changed."""
        changed = self._goldens_changed()
        log = self.desk.log
        for article, known in self._known.items():
            stale = bool(changed) and not changed.isdisjoint({known.golden, known.text, article})
            if stale or (known.marks is not None and log.standing(known.golden, known.seen).marks != known.marks):
                self._known[article] = self._look(self._read(self.desk.run, article, known.offset), known.offset)

    def _goldens_changed(self) -> set[str]:
        """The goldens whose files are not what they were, and the texts that these answer or answered."""
        stats = _stats(self.desk.folder)
        changed = {name for name in stats.keys() | self._stats.keys() if stats.get(name) != self._stats.get(name)}
        texts: set[str] = set()
        for name in changed:
            texts.update(self._texts.pop(name, ()))
            if name in stats:
                self._texts[name] = _texts(self.desk.folder / f"{name}.json")
                texts.update(self._texts[name])
        if changed:
            self._index()
        self._stats = stats
        return changed | texts

    def _index(self) -> None:
        """Find goldens by their texts; where two answer the same, the first by name does, and that is said."""
        self._by_text = {}
        notes = []
        for name, some in sorted(self._texts.items()):
            for text in some:
                first = self._by_text.setdefault(text, name)
                if first != name:
                    notes.append(f"{first} and {name} answer the same text, {text}: delete it from one of the two")
        self.notes = tuple(notes)


def _form(extraction: Extraction, schema: type[BaseModel]) -> JsonValue:
    """An extraction's record in the form of a golden."""
    record = read_record(extraction, schema)
    return None if record is None else values(record)


def _offsets(run: Run) -> Iterable[tuple[str, int]]:
    return ((extraction.article, offset) for offset, extraction in run.placed())


def _stats(folder: Path) -> dict[str, _Stat]:
    """What tells one state of each golden's file from another."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        files = [(entry.name.removesuffix(".json"), entry.stat()) for entry in entries if entry.name.endswith(".json")]
    return {name: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in files if is_id(name)}


def _texts(file: Path) -> tuple[str, ...]:
    """The texts that a golden answers; none of one that cannot be read, of which `read_shown` says why."""
    try:
        found = json.loads(file.read_bytes())["texts"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()
