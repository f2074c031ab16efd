"""Two labellings of the same articles held against each other: the ceiling for any model, and a test of the guidelines.

Agreement is the scorer's own F1 with one labelling as golden and the other as record; swapping them changes nothing but precision and recall. For
fields chosen from a closed list Cohen's kappa (1960) stands beside it: agreement beyond what the two labellers' habits give by chance.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from workbench.errors import GoldenError
from workbench.goldens import Goldens
from workbench.schema import form
from workbench.scoring import Category, Leaf, Score, Tally, score
from workbench.scoring.shape import Shape, shape_of
from workbench.scoring.stats import Interval, interval

__all__ = ["Agreement", "agree"]


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
        found: dict[str, list[Leaf]] = defaultdict(list)
        for article in self.articles.values():
            for leaf in article.leaves:
                found[leaf.path].append(leaf)
        return {path: Tally(tuple(leaves)) for path, leaves in found.items()}

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
        frozenset(_closed(shape_of(shape), "", ())),
    )


def _closed(shape: Shape, path: str, above: tuple[int, ...]) -> Iterator[str]:
    """The paths of the fields that are chosen from a closed list; a model within itself is entered once."""
    if id(shape) in above:
        return
    if isinstance(shape.comparator, Category):
        yield path
    for name, field in shape.fields.items():
        yield from _closed(field, f"{path}.{name}" if path else name, (*above, id(shape)))
    if shape.item:
        yield from _closed(shape.item, f"{path}[]", (*above, id(shape)))
