"""A run held against its goldens: each article's score, and what they come to together.

The article is the unit: the headline figures are means over articles. Micro figures, over all leaves pooled, stand beside them by their name.
An article without a golden is not scored; an extraction without a record is scored, as nothing but omissions.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from pydantic import BaseModel

from workbench.consensus import stored_places
from workbench.errors import RunError
from workbench.extract import Extraction, read_record
from workbench.goldens import Golden, Goldens
from workbench.schema import form, scalars, values
from workbench.scoring import Items, Leaf, Score, Tally, score
from workbench.scoring.reliability import Given, Reliability, Sure, reliability
from workbench.scoring.stats import Interval, interval
from workbench.scoring.verdicts import NOT_WRONG, by_path

__all__ = ["ArticleScore", "Evaluation", "evaluate", "field_scores", "origin_notes", "score_article"]


@dataclass(frozen=True)
class ArticleScore:
    """One article of a run.

    Attributes:
        extraction: What became of it.
        golden: Its golden's id, None if it has none.
        score: None if it has no golden.
        filled: How many leaves its record fills, quotes aside.
        given: How sure a vote is of each leaf that its record gives, and whether that is right; None where there was no vote.
    """

    extraction: Extraction
    golden: str | None
    score: Score | None
    filled: int = 0
    given: tuple[Given, ...] | None = None

    @property
    def precision(self) -> float:
        """Of its leaves; 0 without a record."""
        return self.score.precision if self.score and self.extraction.state == "ok" else 0.0

    @property
    def recall(self) -> float:
        """Of its leaves; 0 without a record."""
        return self.score.recall if self.score and self.extraction.state == "ok" else 0.0

    @property
    def f1(self) -> float:
        """Of its leaves; 0 without a record, even where nothing was expected: nothing was answered."""
        return self.score.f1 if self.score and self.extraction.state == "ok" else 0.0

    @property
    def grounded(self) -> int:
        """How many of its quotes stand in the article."""
        return self.extraction.quotes - self._count("ungrounded_quote")

    @property
    def contained(self) -> int:
        """How many of its copied values stand inside their quotes."""
        return self.extraction.leaves - self._count("value_outside_quote") - self._count("value_not_in_article")

    def _count(self, name: str) -> int:
        return sum(finding.name == name for finding in self.extraction.findings)

    @cached_property
    def worst(self) -> str | None:
        """The field with the most leaves wrong; the first of equals, None if none is."""
        wrong: Counter[str] = Counter(
            leaf.path for leaf in (self.score.leaves if self.score else ()) if leaf.verdict not in NOT_WRONG
        )
        return wrong.most_common(1)[0][0] if wrong else None


@dataclass(frozen=True)
class Evaluation:
    """What a run is worth.

    Attributes:
        articles: Every article of the run, scored or not, in the run's order.
        notes: What a reader of the figures should know.
    """

    articles: tuple[ArticleScore, ...]
    notes: tuple[str, ...]

    @cached_property
    def scored(self) -> tuple[ArticleScore, ...]:
        """The articles that have a golden."""
        return tuple(article for article in self.articles if article.score)

    @property
    def f1(self) -> float | None:
        """The mean over articles of the leaf F1; None if none was scored."""
        return fmean(article.f1 for article in self.scored) if self.scored else None

    @cached_property
    def interval(self) -> Interval | None:
        """The 95% interval of the F1 over articles; None if none was scored."""
        return interval([article.f1 for article in self.scored]) if self.scored else None

    @property
    def precision(self) -> float | None:
        """The mean over articles."""
        return fmean(article.precision for article in self.scored) if self.scored else None

    @property
    def recall(self) -> float | None:
        """The mean over articles."""
        return fmean(article.recall for article in self.scored) if self.scored else None

    @cached_property
    def micro(self) -> Tally:
        """All leaves of all articles, pooled."""
        return Tally(tuple(leaf for article in self.scored if article.score for leaf in article.score.leaves))

    @cached_property
    def fields(self) -> Mapping[str, Tally]:
        """All leaves of each field, pooled: ``orders[].items[].price``."""
        return by_path(self.micro.leaves)

    @property
    def grounded(self) -> float | None:
        """The share of all quotes that stand in their article; None if there are none."""
        quotes = sum(article.extraction.quotes for article in self.articles)
        return sum(article.grounded for article in self.articles) / quotes if quotes else None

    @property
    def contained(self) -> float | None:
        """The share of all copied values that stand inside their quotes; None if there are none."""
        leaves = sum(article.extraction.leaves for article in self.articles)
        return sum(article.contained for article in self.articles) / leaves if leaves else None

    @cached_property
    def field_intervals(self) -> Mapping[str, Interval]:
        """The mean F1 of each field over the articles that have it, with its 95% interval."""
        found: dict[str, list[float]] = defaultdict(list)
        for article in self.scored:
            for path, f1 in field_scores(article).items():
                found[path].append(f1)
        return {path: interval(scores) for path, scores in found.items()}

    @cached_property
    def reliability(self) -> Reliability | None:
        """What the confidence of a vote is worth; None if the run is no vote, or nothing was scored."""
        return reliability([_sure(article) for article in self.scored if article.score])

    @property
    def critical(self) -> Iterator[tuple[str, Leaf]]:
        """Each critical leaf that is wrong, with its article's id."""
        for article in self.scored:
            for leaf in article.score.critical if article.score else ():
                yield article.extraction.article, leaf

    @cached_property
    def items(self) -> Mapping[str, Items]:
        """The items of each list field, those of all articles together: ``orders[].items[]``."""
        found: dict[str, Items] = defaultdict(Items)
        for article in self.scored:
            for path, items in article.score.items.items() if article.score else ():
                found[path] = found[path] + items
        return dict(found)

    @cached_property
    def origins(self) -> Counter[str]:
        """How many articles rest on recordings of each origin."""
        return Counter(origin for article in self.articles for origin in article.extraction.origins)


def field_scores(article: ArticleScore) -> Mapping[str, float]:
    """The article's F1 on each field that its golden or its record has; 0 without a record."""
    if article.score is None:
        return {}
    return {
        path: tally.f1 if article.extraction.state == "ok" else 0.0
        for path, tally in article.score.by_field.items()
        if any(leaf.verdict != "absent" for leaf in tally.leaves)
    }


def evaluate(
    extractions: Iterable[Extraction],
    goldens: Goldens,
    schema: type[BaseModel],
    text: Callable[[Extraction], str | None] = lambda _: None,
) -> Evaluation:
    """Score each extraction against the golden that answers its text.

    ``text`` gives an extraction's article, where it is at hand: asked for only where it may settle which region a name means.

    Raises:
        RunError: If a record does not fit the schema any more.
    """
    articles = tuple(
        score_article(extraction, goldens.find(extraction.article, extraction.text), schema, text)
        for extraction in extractions
    )
    return Evaluation(articles, tuple(_notes(articles, goldens)))


def score_article(
    extraction: Extraction,
    golden: Golden | None,
    schema: type[BaseModel],
    text: Callable[[Extraction], str | None] = lambda _: None,
) -> ArticleScore:
    """One extraction held against its golden, if it has one; ``text`` as `evaluate` takes it.

    Raises:
        RunError: If its record does not fit the schema any more.
    """
    record = read_record(extraction, schema)
    found = None if record is None else values(record)
    filled = sum(value is not None for _, value in scalars(found))
    if golden is None:
        return ArticleScore(extraction, None, None, filled)
    as_of = golden.published or extraction.published
    scored = score(
        golden.record, found, form(schema), alternates=golden.alternates, as_of=as_of, article=lambda: text(extraction)
    )
    given = _given(extraction, scored, record) if record is not None and extraction.confidence else None
    return ArticleScore(extraction, golden.id, scored, filled, given)


def _given(extraction: Extraction, scored: Score, record: BaseModel) -> tuple[Given, ...]:
    """The leaves that a vote's record gives."""
    stored = stored_places(record)
    given = [leaf for leaf in scored.leaves if leaf.record_at is not None and leaf.verdict != "absent"]
    try:
        return tuple(
            Given(extraction.confidence[stored(leaf.record_at or "")], leaf.verdict == "correct", leaf.weight)
            for leaf in given
        )
    except KeyError as error:
        raise RunError(
            f"its record has a value without a confidence, at {error}",
            where=extraction.article,
            way_out="the schema changed since the vote, or its lines were: vote again",
        ) from error


def _sure(article: ArticleScore) -> Sure:
    expected = sum(leaf.weight for leaf in article.score.leaves if _expected(leaf)) if article.score else 0.0
    return Sure(article.given or (), expected, article.extraction.state == "ok", article.extraction.sure)


def _expected(leaf: Leaf) -> bool:
    """Whether it counts in recall."""
    return leaf.verdict in {"correct", "mismatch", "omission"}


def _notes(articles: tuple[ArticleScore, ...], goldens: Goldens) -> Iterator[str]:
    for article in articles:
        namesake = goldens.by_id.get(article.extraction.article)
        if not article.golden and namesake:
            yield (
                f"{namesake.id}: its golden answers another text; if it answers this one too, "
                f"add {article.extraction.text} to its texts"
            )
        for note in article.score.notes if article.score else ():
            yield f"{article.extraction.article}: {note}"
    for article in articles:
        if article.golden in article.extraction.examples:
            yield (
                f"{article.extraction.article}: its own golden, {article.golden}, was among its examples, which a golden may "
                "become whose texts are added to: its score says nothing; run it again"
            )
    if shown := sum(bool(article.extraction.examples) for article in articles):
        yield f"{shown} of {len(articles)} articles were shown goldens of other articles as examples"
    wrong = sum(len(article.score.critical) for article in articles if article.score)
    if wrong:
        yield f"{wrong} critical leaves are wrong; `workbench eval --json` lists them"
    unscored = sum(article.score is None for article in articles)
    if unscored:
        yield f"{unscored} of {len(articles)} articles have no golden and are not scored"
    yield from origin_notes([article.extraction.origins for article in articles])


def origin_notes(origins: Sequence[Collection[str]]) -> Iterator[str]:
    """What has to stand beside a figure because it says nothing of a model.

    Args:
        origins: Of each article's recordings.
    """
    transcribed = sum("transcribed" in some for some in origins)
    if transcribed:
        yield (
            f"{transcribed} of {len(origins)} responses are transcribed: written by hand from the rendered request, "
            "not by a model behind an endpoint"
        )
    synthetic = sum("synthetic" in some for some in origins)
    if synthetic:
        yield f"{synthetic} of {len(origins)} responses are synthetic: made up for a test"
