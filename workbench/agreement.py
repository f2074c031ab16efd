"""What goldens agree with: their own articles, and a second labelling of the same.

A value that is copied stands in its article; one that does not was mistyped, or labelled from memory. Two labellings held against each other are the
ceiling for any model, and a test of the guidelines.

Agreement is the scorer's own F1 with one labelling as golden and the other as record; swapping them changes nothing but precision and recall. For
fields chosen from a closed list Cohen's kappa (1960) stands beside it: agreement beyond what the two labellers' habits give by chance.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from workbench.articles import Article
from workbench.canonical import canonical_json
from workbench.errors import GoldenError
from workbench.evidence import Text
from workbench.goldens import Golden, Goldens, with_alternate
from workbench.leaves import walk
from workbench.pointers import pointer, steps_of
from workbench.schema import form
from workbench.scoring import Category, Score, Tally, score
from workbench.scoring.shape import placed, shape_of
from workbench.scoring.stats import Interval, interval
from workbench.scoring.verdicts import by_path

__all__ = ["Agreement", "Containment", "agree", "look_up"]


@dataclass(frozen=True)
class Containment:
    """Whether the values of goldens stand in their articles.

    Attributes:
        missing: By golden and JSON Pointer, the values that one of its articles, if not all, does not have.
        alternates: By golden and JSON Pointer, the alternates that none of its articles has.
        unseen: Ids of goldens whose articles were not given: nothing is known of them.
        unanswered: Ids of articles that no golden answers.
    """

    missing: Mapping[str, Mapping[str, str]]
    alternates: Mapping[str, Mapping[str, tuple[str, ...]]]
    unseen: tuple[str, ...]
    unanswered: tuple[str, ...]

    @property
    def lost(self) -> int:
        """How many values and alternates were not found."""
        alternates = (values for by_place in self.alternates.values() for values in by_place.values())
        return sum(map(len, self.missing.values())) + sum(map(len, alternates))

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "not_found": {name: dict(values) for name, values in self.missing.items()},
            "alternates_not_found": {
                name: {at: list(values) for at, values in by_place.items()}
                for name, by_place in self.alternates.items()
            },
            "unseen": list(self.unseen),
            "unanswered": list(self.unanswered),
        }


def look_up(goldens: Goldens, articles: Iterable[Article], schema: type[BaseModel]) -> Containment:
    """Look up what goldens copied in the articles that they answer: an article as published, a retelling, or both.

    A value has to stand in each of them, for it is what each is scored against. An alternate may be the spelling of one alone.
    """
    texts: dict[str, list[Text]] = defaultdict(list)
    unanswered = []
    for article in articles:
        golden = goldens.by_text.get(article.hash)
        if golden:
            texts[golden.id].append(Text(article.text))
        else:
            unanswered.append(article.id)
    shape = form(schema)
    missing: dict[str, dict[str, str]] = {}
    alternates: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, own in texts.items():
        copied = _copied(goldens.by_id[name].record, shape)
        missing[name] = {at: value for at, value in copied.items() if not all(text.find(value) for text in own)}
        others: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for at, value in _alternate_texts(goldens.by_id[name], shape):
            if not any(text.find(value) for text in own):
                others[at] += (value,)
        alternates[name] = dict(others)
    return Containment(
        {name: values for name, values in missing.items() if values},
        {name: values for name, values in alternates.items() if values},
        tuple(name for name in goldens.by_id if name not in texts),
        tuple(unanswered),
    )


def _copied(record: JsonValue, shape: type[BaseModel]) -> dict[str, str]:
    """The texts of a golden's record that are copied from its article, by JSON Pointer."""
    # As JSON, where a date is text and a tuple is a list.
    read = shape.model_validate_json(canonical_json(record), strict=True)
    return {at: text for at, text, _ in walk(read).copied}


def _alternate_texts(golden: Golden, shape: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The alternates that are copied from the article, by the JSON Pointer of their leaf, which may itself be null."""
    for at, values in golden.alternates.items():
        for value in values:
            if not isinstance(value, str):
                continue
            try:
                copied = _copied(with_alternate(golden, at, value), shape)
            except ValidationError:
                yield at, value  # a choice that the list does not have: as text it is reported, and so is seen
            else:
                if pointer(*steps_of(at)) in copied:
                    yield at, value


@dataclass(frozen=True)
class Agreement:
    """How far two labellings agree.

    Attributes:
        articles: The score of each article that both labelled, by its id.
        only_first: Ids of articles that only the first labelled, which count for nothing here.
        only_second: Ids of articles that only the second labelled.
        closed: Paths of the fields that are chosen from a closed list.
    """

    articles: Mapping[str, Score]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    closed: frozenset[str]

    @cached_property
    def interval(self) -> Interval:
        """The mean F1 over articles and its 95% interval."""
        return interval([article.f1 for article in self.articles.values()])

    @cached_property
    def fields(self) -> Mapping[str, Tally]:
        """All leaves of each field, pooled."""
        return by_path(self.micro.leaves)

    @cached_property
    def micro(self) -> Tally:
        """All leaves of all articles, pooled."""
        return Tally(tuple(leaf for article in self.articles.values() for leaf in article.leaves))

    def kappa(self, path: str) -> float | None:
        """Cohen's kappa over the leaves of a closed field that both labelled; None for other fields, or where chance alone gives 1."""
        if path not in self.closed:
            return None
        pairs = [
            (leaf.golden, leaf.record) for leaf in self.fields[path].leaves if leaf.verdict in {"correct", "mismatch"}
        ]
        if not pairs:
            return None
        first, second = (Counter(map(str, side)) for side in zip(*pairs, strict=True))
        observed = sum(str(one) == str(other) for one, other in pairs) / len(pairs)
        chance = sum(first[value] * second[value] for value in first) / len(pairs) ** 2
        return None if chance == 1 else (observed - chance) / (1 - chance)

    def to_json(self) -> dict[str, Any]:
        """The agreement as plain JSON."""
        return {
            "f1": self.interval.mean,
            "interval": asdict(self.interval),
            "micro": {**self.micro.measures._asdict(), "counts": self.micro.counts},
            "articles": {name: article.f1 for name, article in self.articles.items()},
            "fields": {
                path: {"f1": tally.f1, "counts": tally.counts, "kappa": self.kappa(path)}
                for path, tally in self.fields.items()
            },
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
        }


def agree(first: Goldens, second: Goldens, schema: type[BaseModel]) -> Agreement:
    """Hold two labellings against each other, article by article.

    Raises:
        GoldenError: If they have no article in common.
    """
    both = sorted(first.by_id.keys() & second.by_id.keys())
    if not both:
        raise GoldenError("the two labellings have no article in common", where=f"{first.folder} and {second.folder}")
    shape = form(schema)
    articles = {
        name: score(first.by_id[name].record, second.by_id[name].record, shape, as_of=first.by_id[name].published)
        for name in both
    }
    return Agreement(
        articles,
        tuple(sorted(first.by_id.keys() - second.by_id.keys())),
        tuple(sorted(second.by_id.keys() - first.by_id.keys())),
        frozenset(path for path, place in placed(shape_of(shape)) if isinstance(place.comparator, Category)),
    )
