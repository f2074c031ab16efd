"""The list of a run's articles: what is known of each in a line, and which of them, in which order, an address asks for.

Everything that narrows the list down stands in its address, so that it can be kept, sent and gone back to.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self, get_args
from urllib.parse import urlencode

from workbench.evaluate import ArticleScore
from workbench.extract import State
from workbench.review.desk import Order
from workbench.runs import Glimpse
from workbench.scoring.verdicts import NOT_WRONG

__all__ = ["PAGE", "Filters", "Row", "Tallies", "folded", "listed", "ordered", "row_of", "scored_row", "tallies"]

PAGE: Final = 200
"""Articles on one page of the list."""
LONGEST_SEARCH: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What the list knows of an article; a few hundred bytes, so that ten thousand are no burden.

    Attributes:
        article: Its id.
        title: As far as it is known.
        publisher: As far as it is known.
        state: What became of it.
        golden: Its golden's id; None if it has none.
        f1: None without a golden.
        wrong: How many leaves differ.
        fields: The paths of these.
        worst: The field with the most of them.
        findings: The names of what code noticed, as often as it did.
        ungrounded: How many quotes and values stand nowhere in the article.
        decided: How many of its differences a person has looked at.
        open: How many of them nobody has; 1 for an article without a golden, which is to be labelled.
        doubt: How far two runs disagree on it, from 0 to 1; None if there is but one.
        origins: Of its recordings.
        trouble: What is wrong with its golden, or with its record, in words.
        pending: Whether it was not looked at yet: what takes a score is not known.
    """

    article: str
    title: str | None
    publisher: str | None
    state: State
    golden: str | None
    f1: float | None
    wrong: int
    fields: tuple[str, ...]
    worst: str | None
    findings: tuple[str, ...]
    ungrounded: int
    decided: int = 0
    open: int = 0
    doubt: float | None = None
    origins: tuple[str, ...] = ()
    trouble: str = ""
    pending: bool = False

    @property
    def done(self) -> bool:
        """Whether there is nothing left to decide."""
        return not self.open and not self.pending


UNFOUND: Final = frozenset({"ungrounded_quote", "value_not_in_article"})


def row_of(glimpse: Glimpse) -> Row:
    """The line of an article that was not looked at yet."""
    names = tuple(finding.name for finding in glimpse.findings)
    return Row(
        article=glimpse.article,
        title=glimpse.title,
        publisher=glimpse.publisher,
        state=glimpse.state,
        golden=None,
        f1=None,
        wrong=0,
        fields=(),
        worst=None,
        findings=names,
        ungrounded=sum(name in UNFOUND for name in names),
        origins=glimpse.origins,
        pending=True,
    )


def scored_row(row: Row, scored: ArticleScore | None, *, decided: int, left: int) -> Row:
    """The line of an article that was looked at.

    Args:
        row: Its line before.
        scored: Its score; None if it has none.
        decided: How many of its differences somebody has decided on.
        left: How many nobody has.
    """
    score = scored.score if scored else None
    wrong = [leaf.path for leaf in score.leaves if leaf.verdict not in NOT_WRONG] if score else []
    return replace(
        row,
        golden=scored.golden if scored else None,
        f1=scored.f1 if scored and score else None,
        wrong=len(wrong),
        fields=tuple(sorted(set(wrong))),
        worst=scored.worst if scored else None,
        decided=decided,
        open=left,
        trouble="",
        pending=False,
    )


@dataclass(frozen=True)
class Filters:
    """What an address asks of the list. What an address holds beyond that is passed over: it may be somebody's bookmark.

    Attributes:
        differs: Only articles of which a leaf differs.
        ungrounded: Only those of which something could not be found in the text.
        undecided: Only those on which something is left to decide.
        field: Only those that differ in this field.
        finding: Only those with a finding of this name.
        words: Only those in whose text or values all of these stand.
        order: None for the order that the page was opened with.
        page: From 1.
    """

    differs: bool = False
    ungrounded: bool = False
    undecided: bool = False
    field: str = ""
    finding: str = ""
    words: str = ""
    order: Order | None = None
    page: int = 1

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """The filters of an address's query."""
        order, page = given.get("order"), given.get("page", "")
        return cls(
            differs=given.get("differs") == "1",
            ungrounded=given.get("ungrounded") == "1",
            undecided=given.get("undecided") == "1",
            field=given.get("field", ""),
            finding=given.get("finding", ""),
            words=given.get("q", "").strip()[:LONGEST_SEARCH],
            order=next((known for known in get_args(Order) if known == order), None),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    def query(self, **changes: object) -> str:
        """The query that asks for this, with some of it changed; the page is the first unless it is named."""
        asked = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        parts: dict[str, str] = {name: "1" for name in ("differs", "ungrounded", "undecided") if getattr(asked, name)}
        parts |= {"field": asked.field, "finding": asked.finding, "q": asked.words, "order": asked.order or ""}
        parts["page"] = str(asked.page) if asked.page > 1 else ""
        query = urlencode({name: value for name, value in parts.items() if value}, errors="replace")
        return f"?{query}" if query else ""

    def without(self) -> str:
        """The query that asks for all articles in this order."""
        return Filters(order=self.order).query()

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(
            self.differs or self.ungrounded or self.undecided or self.field or self.finding or self.words
        )  # fmt: skip


@dataclass(frozen=True)
class Tallies:
    """How many articles each filter would leave, and how far the work has come."""

    articles: int
    done: int
    differs: int
    ungrounded: int
    undecided: int
    fields: Mapping[str, int]
    findings: Mapping[str, int]


def tallies(rows: Iterable[Row]) -> Tallies:
    """The counts over all articles, whatever is asked for."""
    rows = list(rows)
    fields: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    for row in rows:
        fields.update(row.fields)
        findings.update(set(row.findings))
    done = sum(row.done for row in rows)
    return Tallies(
        articles=len(rows),
        done=done,
        differs=sum(row.wrong > 0 for row in rows),
        ungrounded=sum(row.ungrounded > 0 for row in rows),
        undecided=len(rows) - done,
        fields=dict(sorted(fields.items(), key=lambda item: (-item[1], item[0]))),
        findings=dict(sorted(findings.items(), key=lambda item: (-item[1], item[0]))),
    )


def ordered(rows: Iterable[Row], order: Order) -> list[Row]:
    """The articles as they are gone through: what has no score stands last, then by id."""
    if order == "worst":
        return sorted(rows, key=lambda row: (row.f1 is None, row.f1 or 0.0, row.article))
    if order == "uncertainty":
        return sorted(rows, key=lambda row: (row.doubt is None, -(row.doubt or 0.0), row.article))
    return sorted(rows, key=lambda row: row.article)


def listed(rows: Sequence[Row], filters: Filters, words_of: Callable[[Row], str]) -> list[Row]:
    """The articles that an address asks for, in the order in which they came.

    Args:
        rows: All articles.
        filters: What is asked for.
        words_of: The `folded` text and values of an article; only asked for where there is something to be sought.
    """
    words = folded(filters.words).split()
    return [row for row in rows if _fits(row, filters) and (not words or _says(words_of(row), words))]


def _fits(row: Row, filters: Filters) -> bool:
    return (
        (not filters.differs or row.wrong > 0)
        and (not filters.ungrounded or row.ungrounded > 0)
        and (not filters.undecided or not row.done)
        and (not filters.field or filters.field in row.fields)
        and (not filters.finding or filters.finding in row.findings)
    )


def _says(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def folded(text: str) -> str:
    """A text as it is searched: NFC, without regard to case."""
    return unicodedata.normalize("NFC", text).casefold()
