"""An article beside what was made of it: each leaf with its verdict, where it stands in the text, and what was noticed.

How an article is shown, and how a field is, stands in ``templates/article.html`` and here, for every page that shows them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import Final

from pydantic import JsonValue

from workbench.errors import ReadingRefused
from workbench.evaluate import ArticleScore
from workbench.evidence import Span
from workbench.korean import read_amount, read_date
from workbench.report.markdown import wrong
from workbench.report.places import RECORDS, Step, place_of, shared_root, steps_for_people
from workbench.report.spans import LONGEST_TEXT, Clipped, Segment, clip, segments
from workbench.report.stored import Stored
from workbench.scoring import Language, Leaf, Reason, Verdict
from workbench.scoring.verdicts import NOT_WRONG, partners

__all__ = ["ArticleView", "Beside", "Group", "Lost", "Row", "Value", "recorded", "value", "view"]

MOST_ROWS: Final = 2_000
"""Fields of one article that are shown. The figures count them all."""
LOST: Final = frozenset({"ungrounded_quote", "value_not_in_article"})
"""Findings that say that something could not be found."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it is shown.

    Attributes:
        text: All of it, or its beginning.
        length: How long it is, where only the beginning is shown.
        reading: What code reads in it, where that is more than the words show: ``101,000,000,000,000 KRW``, ``전라북도 김제시 (45210)``. Two values
            are the same whatever is read in them.
    """

    text: str
    length: int | None = None
    reading: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a second run has for a field.

    Attributes:
        value: Its value.
        verdict: On it; None where there is no golden.
        at: JSON Pointer into that run's record; None where it has nothing.
    """

    value: Value | None
    verdict: Verdict | None
    at: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One field of one article.

    Attributes:
        number: Its own, in the article.
        name: Of the field, or its place in a list.
        at: JSON Pointer into the record; None where the record has not got it.
        golden_at: JSON Pointer into the golden; None where the golden has not got it.
        verdict: None where there is no golden.
        golden: The golden's value.
        record: The record's value.
        reason: Why the verdict, in words; empty where there is nothing to say.
        quote: The number of its quote in the text.
        anchor: The number of the segment that its quote, or else its value, begins with.
        cited: The words of its quote, where these cannot be pointed at in the text.
        findings: What code noticed about it.
        critical: Whether it had to be right.
        confidence: How sure a vote is of the record's value; None where there was no vote, or the record has it not.
        beside: What a second run has for it; None where there is no second run.
    """

    number: int
    name: str
    at: str | None
    golden_at: str | None
    verdict: Verdict | None
    golden: Value | None
    record: Value | None
    reason: str
    quote: int | None
    anchor: int | None
    cited: Clipped | None
    findings: tuple[str, ...]
    critical: bool
    confidence: float | None = None
    beside: Beside | None = None

    @property
    def differs(self) -> bool:
        """Whether it has to be looked at."""
        if self.verdict is None and self.beside:
            return self.record != self.beside.value
        return self.verdict != "correct" or (self.beside is not None and self.beside.verdict not in NOT_WRONG)


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together: those of one item, or the items of a list that have one field each.

    Attributes:
        label: ``items 3``; empty for the fields of the record itself.
        gist: The value that says which item it is.
        rows: The fields.
    """

    label: str
    gist: str
    rows: tuple[Row, ...]

    @property
    def differs(self) -> bool:
        """Whether one of its fields does."""
        return any(row.differs for row in self.rows)


@dataclass(frozen=True, slots=True)
class Lost:
    """What the article should say and does not, or another finding.

    Attributes:
        label: Where in the record.
        words: The value or quote.
        says: What is the matter, in words.
        row: The number of the field.
    """

    label: str
    words: Value | None
    says: str
    row: int | None


@dataclass(frozen=True, slots=True)
class ArticleView:
    """One article beside what was made of it.

    Attributes:
        score: The article's score, state, reason and counts.
        text: The article cut at its evidence; None where it is not to be had.
        length: How long the article is, where only its beginning is shown.
        groups: Its fields, in the schema's order.
        more: How many fields are not shown.
        lost: What could not be found in the article.
        findings: What else code noticed.
        differing: How many fields differ.
        first_rows: The first field that rests on each quote.
    """

    score: ArticleScore
    text: tuple[Segment, ...] | None
    length: int | None
    groups: tuple[Group, ...]
    more: int
    lost: tuple[Lost, ...]
    findings: tuple[Lost, ...]
    differing: int
    first_rows: Mapping[int, int]

    @property
    def anchors(self) -> frozenset[int]:
        """The segments that a field points at."""
        return frozenset(row.anchor for group in self.groups for row in group.rows if row.anchor is not None)

    def row_of(self, segment: Segment) -> int:
        """The field that pointing at a segment means: the one whose words these are, else the first that rests on the quote."""
        return segment.values[0] if segment.values else self.first_rows[segment.quotes[0]]

    @property
    def hangul(self) -> bool:
        """Whether the text is Korean, to be read out and broken into lines as such."""
        return any("가" <= letter <= "힣" for segment in self.text or () for letter in segment.text[:200])


def view(article: ArticleScore, text: str | None, language: Language, paths: Iterable[str] = ()) -> ArticleView:
    """An article beside what was made of it.

    Args:
        article: The article's extraction and score.
        text: What was read; None where it is not to be had.
        language: Of the reasons.
        paths: The fields of the whole evaluation, by which it is known what all of them begin with.
    """
    return _Viewer(article, text, language, paths).view()


class _Viewer:
    """Puts together what is known of one article: its leaves, their places in the record, the places of these in the text."""

    def __init__(self, article: ArticleScore, text: str | None, language: Language, paths: Iterable[str]) -> None:
        self.article = article
        self.extraction = article.extraction
        self.language = language
        paths = [*paths, *(leaf.path for leaf in article.score.leaves)] if article.score else [*paths]
        self.root = shared_root(paths)
        self.siblings = Counter(path.rpartition(".")[0] for path in set(paths))
        self.text = None if text is None else text[:LONGEST_TEXT]
        self.length = len(text) if text and len(text) > LONGEST_TEXT else None
        self.stored = Stored(self.extraction)
        leaves = article.score.leaves if article.score else tuple(_unscored(self.stored))
        self.leaves = [leaf for leaf in leaves if article.score is None or leaf.verdict != "absent"]
        self.partners = partners(self.leaves)
        self.quotes: dict[str, int] = {}
        self.quote_spans: dict[int, Span] = {}
        self.value_spans: dict[int, Span] = {}
        self.row_at: dict[str, int] = {}
        self.findings: dict[int, list[str]] = {}

    def view(self) -> ArticleView:
        shown = self.leaves[:MOST_ROWS]
        for number, leaf in enumerate(shown):
            self._locate(number, leaf)
        for finding in self.extraction.findings:
            if finding.at in self.row_at:
                self.findings.setdefault(self.row_at[finding.at], []).append(clip(finding.says).text)
        cut = None if self.text is None else segments(self.text, self.quote_spans, self.value_spans)
        quotes = _first_segments(segment.quotes for segment in cut or ())
        values = _first_segments(segment.values for segment in cut or ())
        rows = [self._row(number, leaf, quotes, values) for number, leaf in enumerate(shown)]
        groups = tuple(self._groups(shown, rows))
        labels = {row.number: (group.label, row.name) for group in groups for row in group.rows}
        return ArticleView(
            score=self.article,
            text=None if cut is None else tuple(cut),
            length=self.length,
            groups=groups,
            more=len(self.leaves) - len(shown),
            lost=tuple(self._noticed(labels, lost=True)),
            findings=tuple(self._noticed(labels, lost=False)),
            differing=len(wrong(self.article)),
            first_rows={row.quote: row.number for row in reversed(rows) if row.quote is not None},
        )

    def _locate(self, number: int, leaf: Leaf) -> None:
        """Where the leaf's quote and its own words stand."""
        if leaf.record_at is None:
            return
        at = self.stored.at(leaf.record_at)
        self.row_at[at] = number
        if span := self.extraction.spans.get(at):
            self.value_spans[number] = span
        quote_at = self.stored.quote_at(at)
        if quote_at:
            self.row_at.setdefault(quote_at, number)
            quote = self.quotes.setdefault(quote_at, len(self.quotes))
            if quote_at in self.extraction.spans:
                self.quote_spans[quote] = self.extraction.spans[quote_at]

    def _noticed(self, labels: Mapping[int, tuple[str, str]], *, lost: bool) -> Iterator[Lost]:
        """The findings, by the names that their fields go by here."""
        for finding in self.extraction.findings:
            if (finding.name in LOST) is not lost:
                continue
            row = self.row_at.get(finding.at)
            group, name = labels.get(-1 if row is None else row, ("", ""))
            if row is None:
                name = self._label(finding.at)
            elif finding.at in self.quotes:
                name = f"{name} › quote" if name.removeprefix(RECORDS)[:1].isdigit() or not group else "quote"
            label = " › ".join(part for part in (group, name) if part)
            yield Lost(label, value(self.stored.scalars.get(finding.at)), clip(finding.says).text, row)

    def _row(self, number: int, leaf: Leaf, quotes: Mapping[int, int], values: Mapping[int, int]) -> Row:
        """The field's row; its name is given when it is known what it stands with."""
        scored = self.article.score is not None
        at = None if leaf.record_at is None else self.stored.at(leaf.record_at)
        quote_at = None if at is None else self.stored.quote_at(at)
        quote = self.quotes[quote_at] if quote_at else None
        quote = quote if quote in quotes else None
        anchor = values.get(number) if quote is None else quotes[quote]
        return Row(
            number=number,
            name="",
            at=leaf.record_at,
            golden_at=leaf.golden_at if scored else None,
            verdict=leaf.verdict if scored else None,
            golden=value(leaf.golden),
            record=recorded(leaf, self.stored),
            reason=leaf.reason.words(self.language) if scored and leaf.reason.code != "same" else "",
            quote=quote,
            anchor=anchor,
            cited=clip(str(self.stored.scalars[quote_at])) if quote_at and quote is None else None,
            findings=tuple(self.findings.get(number, ())),
            critical=leaf.critical,
            confidence=None if at is None else self.extraction.confidence.get(at),
        )

    def _groups(self, leaves: list[Leaf], rows: list[Row]) -> Iterator[Group]:
        """The rows by item; items with one row each are rows of their list."""
        places = [place_of(leaf, self.partners) for leaf in leaves]
        if self.root and len({place[0] for place in places}) == 1:
            places = [place[1:] for place in places]
        sizes = Counter(place[:-1] for place in places)
        named: list[tuple[str, bool, Row]] = []
        for leaf, place, row in zip(leaves, places, rows, strict=True):
            above, last = place[:-1], place[-1]
            name, item = str(last), bool(above and above[-1].number)
            if last.number:  # an item that is a value
                above, name = (*above, Step(last.name)), last.number
            elif item and sizes[above] == 1:
                name = above[-1].number if self.alone(leaf.path) else f"{above[-1].number} {last.name}"
                above, item = (*above[:-1], Step(above[-1].name)), False
            named.append((" › ".join(map(str, above)), item, replace(row, name=name)))
        for (label, item), together in groupby(named, key=lambda each: each[:2]):
            members = tuple(row for _, _, row in together)
            first = members[0].golden or members[0].record
            yield Group(label, clip(first.text, 80).text if first and item else "", members)

    def alone(self, path: str) -> bool:
        """Whether the items of the field's list have no other field."""
        return self.siblings[path.rpartition(".")[0]] == 1

    def _label(self, at: str) -> str:
        steps = steps_for_people(at)
        shared = self.root and len(steps) > 1 and at.startswith(f"/{self.root}/")
        return " › ".join(map(str, steps[1:] if shared else steps))


def _first_segments(numbers: Iterable[tuple[int, ...]]) -> dict[int, int]:
    """The segment that each quote or value begins with."""
    first: dict[int, int] = {}
    for index, some in enumerate(numbers):
        for number in some:
            first.setdefault(number, index)
    return first


def _unscored(stored: Stored) -> Iterator[Leaf]:
    """A record's values as leaves without a verdict that counts."""
    for at, place in stored.form_at.items():
        value = stored.scalars[at]
        if value is not None and at.rpartition("/")[2] != "quote":
            path = "".join("[]" if step.isdigit() else f".{step}" for step in place.split("/")[1:])[1:]
            yield Leaf(path, None, place, "hallucination", None, value, Reason("same"))


def recorded(leaf: Leaf, stored: Stored) -> Value | None:
    """A record's value as it is shown, with the region that the run read in it, if it is one; None for null.

    Args:
        leaf: The leaf.
        stored: The record.
    """
    shown = value(leaf.record)
    read = None if leaf.record_at is None else stored.extraction.readings.get(stored.at(leaf.record_at))
    return replace(shown, reading=clip(str(read)).text) if shown and read and read.code else shown


def value(of: JsonValue) -> Value | None:
    """A value as it is shown; None for null."""
    if of is None:
        return None
    text = of if isinstance(of, str) else json.dumps(of, ensure_ascii=False)
    clipped = clip(text)
    reading = _reading(text) if isinstance(of, str) and clipped.length is None else None
    return Value(clipped.text, clipped.length, reading)


@lru_cache(maxsize=1 << 14)
def _reading(text: str) -> str | None:
    """What code reads in a value: the days that it names, or its amount, where these are more than its words show."""
    try:
        date = read_date(text)
        return str(date) if date.resolved else None
    except ReadingRefused:
        pass
    try:
        amount = str(read_amount(text))
    except ReadingRefused:
        return None
    return amount if amount.replace(" ", "") != text.replace(" ", "") else None
