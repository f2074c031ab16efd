"""A second run beside the first: what it has for each field that is shown, and what it alone has."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from pydantic import BaseModel, JsonValue

from workbench.evaluate import ArticleScore
from workbench.extract import read_record
from workbench.report.stored import Stored
from workbench.report.view import ArticleView, Beside, Group, Row, recorded
from workbench.review.panels import place_words
from workbench.schema import form, values
from workbench.scoring import Leaf, score

__all__ = ["with_beside"]


def with_beside(view: ArticleView, first: ArticleScore, second: ArticleScore, schema: type[BaseModel]) -> ArticleView:
    """The view with what the second run has in each row; what only that run has stands in a group at the end.

    Fields that the golden has are paired by the golden; others by what the two records are to each other.

    Args:
        view: The first run's article.
        first: Its score.
        second: The second run's.
        schema: The task's.
    """
    pairs = _pairs(first, second, schema)
    of_first = {leaf.golden_at: leaf for leaf in pairs if leaf.golden_at is not None}
    leaves = second.score.leaves if second.score else tuple(_alone(pairs))
    of_golden = {leaf.golden_at: leaf for leaf in leaves if leaf.golden_at is not None} if second.score else {}
    taken: set[str] = set()
    stored = Stored(second.extraction)
    groups = []
    for group in view.groups:
        rows = tuple(
            _row(row, of_golden, of_first, taken, stored, scored=second.score is not None) for row in group.rows
        )
        groups.append(replace(group, rows=rows))
    rest = [leaf for leaf in leaves if leaf.record is not None and leaf.record_at not in taken]
    if rest:
        start = 1 + max((row.number for row in chain.from_iterable(group.rows for group in groups)), default=-1)
        scored = second.score is not None
        rows = tuple(_only(start + index, leaf, stored, scored=scored) for index, leaf in enumerate(rest))
        groups.append(Group("Only B has", "", rows))
    differing = sum(row.differs for group in groups for row in group.rows)
    return replace(view, groups=tuple(groups), differing=max(differing, view.differing))


def _pairs(first: ArticleScore, second: ArticleScore, schema: type[BaseModel]) -> tuple[Leaf, ...]:
    """The first record's leaves against the second's: each leaf's golden is the first."""
    return score(_filled(first, schema), _filled(second, schema), form(schema)).leaves


def _filled(article: ArticleScore, schema: type[BaseModel]) -> JsonValue:
    record = read_record(article.extraction, schema)
    return None if record is None else values(record)


def _alone(pairs: tuple[Leaf, ...]) -> Iterator[Leaf]:
    """What only the second record has."""
    return (leaf for leaf in pairs if leaf.golden_at is None)


def _row(
    row: Row,
    of_golden: Mapping[str, Leaf],
    of_first: Mapping[str, Leaf],
    taken: set[str],
    stored: Stored,
    *,
    scored: bool,
) -> Row:
    by_golden = row.golden_at is not None
    leaf = of_golden.get(row.golden_at or "") if by_golden else of_first.get(row.at or "")
    if leaf is None or leaf.record is None or leaf.record_at is None or leaf.record_at in taken:
        verdict = leaf.verdict if leaf and by_golden else "absent" if scored else None
        return replace(row, beside=Beside(None, verdict, None))
    taken.add(leaf.record_at)
    verdict = leaf.verdict if by_golden else "hallucination" if scored else None
    return replace(row, beside=Beside(recorded(leaf, stored), verdict, leaf.record_at))


def _only(number: int, leaf: Leaf, stored: Stored, *, scored: bool) -> Row:
    return Row(
        number=number,
        name=place_words(leaf.record_at),
        at=None,
        golden_at=None,
        verdict="hallucination" if scored else None,
        golden=None,
        record=None,
        reason="",
        quote=None,
        anchor=None,
        cited=None,
        findings=(),
        critical=leaf.critical,
        beside=Beside(recorded(leaf, stored), leaf.verdict if scored else None, leaf.record_at),
    )
