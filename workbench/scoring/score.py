"""A record held against its golden: a verdict on every leaf, and precision, recall and F1 from them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, JsonValue

from workbench.pointers import step
from workbench.scoring.align import Aligner
from workbench.scoring.comparators import SAME, Context, Exact
from workbench.scoring.grid import Grid
from workbench.scoring.reasons import Reason
from workbench.scoring.shape import Shape, shape_of
from workbench.scoring.values import Either, blank, kind_of, rows, with_alternates
from workbench.scoring.verdicts import NOT_WRONG, Items, Leaf, Score, Verdict

__all__ = ["score"]

_Charge = Literal["omission", "hallucination"]
_NO_ALTERNATES: Mapping[str, Sequence[object]] = MappingProxyType({})


def score(
    golden: object,
    record: object,
    schema: type[BaseModel] | Mapping[str, Any] | None = None,
    *,
    alternates: Mapping[str, Sequence[object]] = _NO_ALTERNATES,
    as_of: str | None = None,
    article: Callable[[], str | None] = lambda: None,
) -> Score:
    """Scores a record against its golden, leaf by leaf.

    Null, a missing key, and text of white space are one: nothing. What both leave out is absent where the schema has a scalar or
    either spells out the null. Lists are compared without order. Two values of which one is a container have nothing in common.

    Args:
        golden: The right answer, as a JSON value.
        record: What was extracted, in the same form.
        schema: What the values are: see `workbench.scoring.shape.shape_of`. Without one, types decide.
        alternates: What else is right, by the JSON Pointer (RFC 6901) of a leaf of the golden. Null says that it may be left out.
        as_of: The day from which relative dates are read, ``YYYY-MM-DD``.
        article: Gives the article's text, if it is at hand: it may settle which region a name means.

    Raises:
        TooLarge: If lists are too long to be aligned optimally (some 4,000 items that are not the same), or values too deep.
        GoldenError: If an alternate points at no leaf.
        SchemaError: If a JSON Schema does not hold.
    """
    shape = shape_of(schema)
    if alternates:
        golden = with_alternates(golden, alternates, shape)
    context = Context(as_of, article)
    scorer = _Scorer(Aligner(rows(golden, record), context), context)
    scorer.both(golden, record, _Spot(shape))
    return Score(tuple(scorer.leaves), dict(scorer.items), tuple(scorer.aligner.notes))


class _Spot:
    """A place in the schema, made once for all values that stand there."""

    __slots__ = ("at", "critical", "fields", "items", "path", "shape", "weight")

    def __init__(
        self, shape: Shape, path: str = "", at: str = "", weight: float = 1.0, *, critical: bool = False
    ) -> None:
        self.shape = shape
        self.path = path
        self.at = at
        self.weight = weight * shape.weight
        self.critical = critical or shape.critical
        self.fields: dict[str, _Spot] = {}
        self.items: _Spot | None = None

    def field(self, name: str) -> "_Spot":
        spot = self.fields.get(name)
        if spot is None:
            path = f"{self.path}.{name}" if self.path else name
            spot = _Spot(self.shape.of_field(name), path, step(name), self.weight, critical=self.critical)
            self.fields[name] = spot
        return spot

    def item(self) -> "_Spot":
        if self.items is None:
            self.items = _Spot(self.shape.of_item(), f"{self.path}[]", "", self.weight, critical=self.critical)
        return self.items


_At: TypeAlias = tuple[str, str]  # JSON Pointers into the golden and the record
_OneAt: TypeAlias = tuple[str | None, str | None]
_Cell: TypeAlias = tuple[Grid, tuple[int, int]]  # a grid, and a pair in it


class _Scorer:
    """Walks a golden and a record from the root, and pronounces on each leaf once."""

    def __init__(self, aligner: Aligner, context: Context) -> None:
        self.aligner = aligner
        self.context = context
        self.leaves: list[Leaf] = []
        self.items: dict[str, Items] = defaultdict(Items)

    def both(self, golden: Any, record: Any, spot: _Spot, at: _At = ("", ""), cell: _Cell | None = None) -> None:
        """Two values that stand for the same thing, each at its JSON Pointer.

        If they were aligned, their cell has the pairings of the lists inside.
        """
        kind, record_kind = kind_of(golden, spot.shape), kind_of(record, spot.shape)
        if type(golden) is Either:
            self.either(golden, record, spot, at)
        elif kind == record_kind == "leaf":
            comparison = spot.shape.comparator.compare(golden, record, self.context)
            self.say("correct" if comparison.equal else "mismatch", golden, record, spot, at, reason=comparison.reason)
        elif kind == record_kind == "object":
            golden_at, record_at = at
            grid, place = cell or (None, (0, 0))
            one_form = golden.keys() == record.keys() >= spot.shape.fields.keys()
            for name in golden if one_form else dict.fromkeys((*spot.shape.fields, *golden, *record)):
                of_field = spot.fields.get(name) or spot.field(name)
                field_at = golden_at + of_field.at, record_at + of_field.at
                one, other = golden.get(name), record.get(name)
                if type(one) is str and one == other and not blank(one):  # as most leaves are
                    self.say("correct", one, other, of_field, field_at, reason=_SAME)
                else:
                    inner = (grid.fields[name], place) if grid and name in grid.fields else None
                    self.both(one, other, of_field, field_at, inner)
        elif kind == record_kind == "list":
            self.lists(golden, record, spot, at, cell)
        elif kind == record_kind:
            if spot.shape.scalar:
                self.say("absent", None, None, spot, at, reason=_ABSENT)
        else:
            differ = _types_differ(golden, record) if "nothing" not in (kind, record_kind) else None
            self.charge(golden, spot, at[0], "omission", differ or _MISSING)
            self.charge(record, spot, at[1], "hallucination", differ or _SPURIOUS)

    def either(self, golden: Either, record: Any, spot: _Spot, at: _At) -> None:
        """A leaf that more than one value answers; it is shown with the golden's own."""
        compare = spot.shape.comparator.compare
        record_kind = kind_of(record, spot.shape)
        for answer in (golden.value, *golden.alternates):
            if record_kind == "nothing" and blank(answer):
                self.say(
                    "absent", golden.value, record, spot, at, reason=_ABSENT if answer is golden.value else _ALTERNATE
                )
                return
            if record_kind != "leaf" or blank(answer):
                continue
            comparison = compare(answer, record, self.context)
            if comparison.equal:
                reason = comparison.reason if answer is golden.value else _ALTERNATE
                self.say("correct", golden.value, record, spot, at, reason=reason)
                return
        self.both(golden.value, record, spot, at)

    def lists(self, golden: list[Any], record: list[Any], spot: _Spot, at: _At, cell: _Cell | None) -> None:
        """Two lists: pairs are compared, and each leaf of what has no partner is charged."""
        if cell is None or cell[0].pairings is None:
            pairing = self.aligner.pair(golden, record, spot.shape, spot.weight, spot.path)
        else:
            pairing = cell[0].pairings.of(*cell[1])
        partners = {i: (j, place) for i, j, place in pairing.pairs}
        item_spot = spot.item()
        items = self.items[item_spot.path]
        for i, item in enumerate(golden):
            if i not in partners:
                self.charge(item, item_spot, f"{at[0]}/{i}", "omission", _MISSING_ITEM)
                continue
            j, place = partners[i]
            inner = (pairing.grid, place) if pairing.grid and place else None
            start = len(self.leaves)
            self.both(item, record[j], item_spot, (f"{at[0]}/{i}", f"{at[1]}/{j}"), inner)
            items.golden += 1
            items.record += 1
            items.paired += 1
            items.right += all(leaf.verdict in NOT_WRONG for leaf in self.leaves[start:])
        taken = {j for _, j, _ in pairing.pairs}
        for j, item in enumerate(record):
            if j not in taken:
                self.charge(item, item_spot, f"{at[1]}/{j}", "hallucination", _SPURIOUS_ITEM)

    def charge(self, value: Any, spot: _Spot, at: str, verdict: _Charge, reason: Reason) -> None:
        """Every leaf of a value that has no counterpart."""
        kind = kind_of(value, spot.shape)
        if spot.path.endswith("[]") and kind != "nothing":
            items = self.items[spot.path]
            items.golden += verdict == "omission"
            items.record += verdict == "hallucination"
        if kind == "object":
            for name, child in value.items():
                of_field = spot.field(name)
                self.charge(child, of_field, at + of_field.at, verdict, reason)
        elif kind == "list":
            for index, child in enumerate(value):
                self.charge(child, spot.item(), f"{at}/{index}", verdict, reason)
        elif type(value) is Either:
            if not any(map(blank, (value.value, *value.alternates))):
                self.charge(value.value, spot, at, verdict, reason)
        elif kind == "leaf" and verdict == "omission":
            self.say(verdict, value, None, spot, (at, None), reason=reason)
        elif kind == "leaf":
            self.say(verdict, None, value, spot, (None, at), reason=reason)

    def say(
        self, verdict: Verdict, golden: JsonValue, record: JsonValue, spot: _Spot, at: _At | _OneAt, *, reason: Reason
    ) -> None:
        """A verdict."""
        self.leaves.append(Leaf(spot.path, at[0], at[1], verdict, golden, record, reason, spot.weight, spot.critical))


def _types_differ(golden: Any, record: Any) -> Reason:
    return Exact().compare(golden, record, Context()).reason


_SAME = SAME.reason
_ABSENT = Reason("absent")
_ALTERNATE = Reason("alternate")
_MISSING = Reason("missing")
_SPURIOUS = Reason("spurious")
_MISSING_ITEM = Reason("missing_item")
_SPURIOUS_ITEM = Reason("spurious_item")
