"""What a score says: a verdict on every leaf, and precision, recall and F1 from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

from pydantic import JsonValue

from workbench.scoring.reasons import Language, Reason

__all__ = ["NOT_WRONG", "VERDICTS", "Items", "Leaf", "Measures", "Score", "Tally", "Verdict", "by_path", "partners"]

Verdict = Literal["correct", "mismatch", "omission", "hallucination", "absent"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
NOT_WRONG: tuple[Verdict, ...] = ("correct", "absent")


class Leaf(NamedTuple):
    """The verdict on one leaf.

    Attributes:
        path: Which field it is: ``orders[].items[].price``.
        golden_at: Where the golden has it, as a JSON Pointer (RFC 6901); None where it has not.
        record_at: Where the record has it.
        verdict: What became of it.
        golden: The golden's value.
        record: The record's value.
        reason: Why.
        weight: How many times it counts.
        critical: Whether it had to be right.
    """

    path: str
    golden_at: str | None
    record_at: str | None
    verdict: Verdict
    golden: JsonValue
    record: JsonValue
    reason: Reason
    weight: float = 1.0
    critical: bool = False


class Measures(NamedTuple):
    """Precision, recall and F1.

    Precision is 1 where nothing was given and recall is 1 where nothing was expected: what is not there is not wrong. F1 is then 0,
    unless both hold: nothing expected and nothing given is right.
    """

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, right: float, expected: float, given: float) -> "Measures":
        """The measures from what was right, expected and given."""
        return cls(
            right / given if given else 1.0,
            right / expected if expected else 1.0,
            2 * right / (expected + given) if expected + given else 1.0,
        )


@dataclass(frozen=True)
class Tally:
    """The verdicts on some leaves, counted. Measures count each leaf by its weight.

    Attributes:
        leaves: The leaves.
    """

    leaves: tuple[Leaf, ...]

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many leaves have each verdict."""
        found = Counter([leaf.verdict for leaf in self.leaves])
        return {verdict: found[verdict] for verdict in VERDICTS}

    @cached_property
    def measures(self) -> Measures:
        """Precision = correct / (correct + mismatch + hallucination), recall = correct / (correct + mismatch + omission), and F1."""
        weights = dict.fromkeys(VERDICTS, 0.0)
        for leaf in self.leaves:
            weights[leaf.verdict] += leaf.weight
        right, both = weights["correct"], weights["correct"] + weights["mismatch"]
        return Measures.of(right, both + weights["omission"], both + weights["hallucination"])

    @property
    def precision(self) -> float:
        """The share of what was given that is correct."""
        return self.measures.precision

    @property
    def recall(self) -> float:
        """The share of what was expected that is correct."""
        return self.measures.recall

    @property
    def f1(self) -> float:
        """The harmonic mean of the two; absent leaves count in none of them."""
        return self.measures.f1


def by_path(leaves: Iterable[Leaf]) -> dict[str, Tally]:
    """The leaves of each field, of one article or of many: ``orders[].items[].price``."""
    fields: dict[str, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        fields[leaf.path].append(leaf)
    return {path: Tally(tuple(of_field)) for path, of_field in fields.items()}


def partners(leaves: Iterable[Leaf]) -> dict[str, str]:
    """Which place of the record is which of the golden, as JSON Pointers, by the leaves that both have; with them those above them."""
    found: dict[str, str] = {}
    for leaf in leaves:
        if leaf.golden_at is None or leaf.record_at is None:
            continue
        golden, record = leaf.golden_at.split("/"), leaf.record_at.split("/")
        if len(golden) == len(record):
            for length in range(2, len(record) + 1):
                found.setdefault("/".join(record[:length]), "/".join(golden[:length]))
    return found and {"": "", **found}


@dataclass(slots=True)
class Items:
    """The items of one list field, those of all its lists together.

    Beside scores by leaf stand scores by group (KIEval, arXiv 2503.05488): ``found`` asks whether the golden's things are there,
    ``exact`` whether they are also right in every leaf.

    Attributes:
        golden: How many the golden has.
        record: How many the record has.
        paired: How many are in both.
        right: How many of these have no leaf that is wrong.
    """

    golden: int = 0
    record: int = 0
    paired: int = 0
    right: int = 0

    def __add__(self, other: "Items") -> "Items":
        """Those of both."""
        return Items(
            self.golden + other.golden,
            self.record + other.record,
            self.paired + other.paired,
            self.right + other.right,
        )

    @property
    def found(self) -> Measures:
        """Measures that count an item as correct if it was paired."""
        return Measures.of(self.paired, self.golden, self.record)

    @property
    def exact(self) -> Measures:
        """Measures that count an item as correct if it was paired and has no leaf that is wrong."""
        return Measures.of(self.right, self.golden, self.record)


@dataclass(frozen=True)
class Score(Tally):
    """What a record is worth against its golden.

    Attributes:
        leaves: The verdict on every leaf, in the golden's order; what only the record has comes last in its object or list.
        items: The items of each list field: ``orders[].items[]``.
        notes: Short cuts that may have cost an optimum. Empty nearly always.
    """

    items: Mapping[str, Items]
    notes: tuple[str, ...] = ()

    @cached_property
    def by_field(self) -> dict[str, Tally]:
        """The leaves of each field: ``orders[].items[].price``."""
        return by_path(self.leaves)

    @property
    def critical(self) -> tuple[Leaf, ...]:
        """The critical leaves that are wrong."""
        return tuple(leaf for leaf in self.leaves if leaf.critical and leaf.verdict not in NOT_WRONG)

    def to_json(self, language: Language = "en") -> dict[str, Any]:
        """The score as plain JSON, reasons in words."""
        return {
            **self.measures._asdict(),
            "counts": self.counts,
            "fields": {
                path: {**tally.measures._asdict(), "counts": tally.counts} for path, tally in self.by_field.items()
            },
            "items": {
                path: {**asdict(items), "found": items.found._asdict(), "exact": items.exact._asdict()}
                for path, items in self.items.items()
            },
            "leaves": [
                {
                    "path": leaf.path,
                    "golden_at": leaf.golden_at,
                    "record_at": leaf.record_at,
                    "verdict": leaf.verdict,
                    "golden": leaf.golden,
                    "record": leaf.record,
                    "reason": leaf.reason.words(language),
                    "critical": leaf.critical,
                }
                for leaf in self.leaves
            ],
            "notes": list(self.notes),
        }
