"""The articles of a run as the page knows them: a line each, kept in step with goldens and log, and one opened at a time.

Records are read again from the run when an article is opened; what stays in memory is a line an article. A score is computed once, and again
only when the article's golden has changed, whoever changed it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pydantic import JsonValue

from workbench.articles import is_id
from workbench.decisions import Standing, progress, read_shown, record_hash
from workbench.errors import GoldenError, RunError
from workbench.evaluate import ArticleScore, score_article
from workbench.extract import Extraction, read_record
from workbench.goldens import Golden
from workbench.review.desk import Desk
from workbench.review.listing import Row, folded, ordered, row_of
from workbench.runs import Run
from workbench.schema import scalars, values
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
    """

    scored: ArticleScore
    golden: Golden | None
    seen: str | None
    about: Subject
    standing: Standing
    against: ArticleScore | None

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
    """What is kept of an article."""

    row: Row
    offset: int
    text: str | None
    lines: int
    """How many lines of the log were about it."""


class Pile:
    """Every article of the run that lies on the desk.

    Attributes:
        desk: The desk.
        scored: How many scores were computed so far.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.scored = 0
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
        self._order = [row.article for row in ordered(self._rows(), self._first_order())]

    def _first_order(self) -> str:
        if self.desk.order == "uncertainty":
            self._doubts = self.desk.uncertainty()
            for known in self._known.values():
                known.row = replace(known.row, doubt=self._doubts.get(known.row.article))
        return self.desk.order

    def rows(self) -> list[Row]:
        """Every article, in the order of the desk as it was when the run was opened: an article keeps its place while one works on it."""
        self._refresh()
        return [self._known[article].row for article in self._order]

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
        opened = self._open(extraction)
        known.row = self._row(opened)
        return opened

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
        filled = read_record(extraction, schema)
        record: JsonValue = None if filled is None else values(filled)
        offset = self._against.get(extraction.article)
        other = None
        if desk.against and offset is not None:
            other = score_article(self._read(desk.against, extraction.article, offset), golden, schema)
        self.scored += golden is not None
        about = Subject(name or extraction.article, record, extraction.text, extraction.published)
        standing = desk.log.standing(about.golden, seen)
        return Opened(score_article(extraction, golden, schema), golden, seen, about, standing, other)

    def _row(self, opened: Opened) -> Row:
        leaves = opened.scored.score.leaves if opened.scored.score else ()
        decided, wanted = progress(leaves, opened.standing, opened.record, opened.golden)
        left = wanted - decided if opened.golden else 1
        doubt = (self._doubts or {}).get(opened.article)
        return row_of(opened.scored, decided=decided, left=left, doubt=doubt)

    def _look(self, extraction: Extraction, offset: int) -> _Known:
        """The line of an article, for the list; what is wrong with its golden stands there."""
        try:
            opened = self._open(extraction)
        except GoldenError as error:
            plain = row_of(ArticleScore(extraction, None, None), decided=0, left=1)
            name = self._golden_id(extraction) or extraction.article
            return _Known(replace(plain, golden=name, trouble=error.what), offset, extraction.text, -1)
        lines = len(self.desk.log.of(opened.about.golden))
        return _Known(self._row(opened), offset, extraction.text, lines)

    def _refresh(self) -> None:
        """Look again at each article whose golden or whose decisions have changed."""
        changed = self._goldens_changed()
        log = self.desk.log
        for article, known in self._known.items():
            golden = known.row.golden
            if golden in changed or (changed and (known.text in changed or article in changed)):
                stale = True
            else:
                stale = known.lines >= 0 and len(log.of(golden or article)) != known.lines
            if stale:
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
            self._by_text = {text: name for name, some in sorted(self._texts.items()) for text in some}
        self._stats = stats
        return changed | texts


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
