"""What holds for any JSON."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.scoring import Amount, Category, Comparator, Context, Date, Exact, Number, Region, Set, Text, Url, score
from workbench.scoring.comparators import Typed

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.text(alphabet="가나다라산업을 a1(?·)억년월일", max_size=6)
    | st.text(max_size=4)
    | st.lists(st.sampled_from(["전북", "전라북도", "김제시", "광주시", "광주광역시", "중구", "일대"]), max_size=3).map(
        " ".join
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
OBJECTS = st.recursive(SCALARS, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3))
COMPARATORS: list[Comparator] = [Amount(), Category(), Date(), Exact(), Number(), Number(0.5), Number(0, 0.1)]
COMPARATORS += [Region(), Region(leading=True), Set(), Text(), Text(0.6), Typed(), Url()]


class Tree(BaseModel):
    """A model that a value need not conform to."""

    a: str | None = None
    b: list["Tree"] = []
    c: dict[str, int] | float | None = None


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(child, dice) for name, child in value.items()}
    if isinstance(value, list):
        return dice.sample([shuffled(child, dice) for child in value], len(value))
    return value


def places(value: Any) -> list[tuple[Any, ...]]:
    """The way to each leaf that is not null."""
    if isinstance(value, dict):
        return [(name, *way) for name, child in value.items() for way in places(child)]
    return [] if value is None else [()]


def without(value: Any, way: tuple[Any, ...]) -> Any:
    return value | {way[0]: without(value[way[0]], way[1:])} if way else None


@given(VALUES)
def test_a_value_is_right_against_itself(value: Any) -> None:
    assert score(value, value).f1 == 1


@given(VALUES, VALUES)
def test_no_json_is_too_strange_to_be_scored(golden: Any, record: Any) -> None:
    for schema in (None, Tree):
        result = score(golden, record, schema)
        assert all(0 <= measure <= 1 for measure in result.measures)
        assert all(leaf.reason.words("ko") for leaf in result.leaves)


@given(VALUES, VALUES, st.randoms(use_true_random=False))
def test_the_order_of_lists_is_nothing(golden: Any, record: Any, dice: random.Random) -> None:
    one = score(golden, record)
    other = score(shuffled(golden, dice), shuffled(record, dice))
    assert one.counts == other.counts
    assert {path: tally.counts for path, tally in one.by_field.items()} == {
        path: tally.counts for path, tally in other.by_field.items()
    }


@given(VALUES, VALUES)
def test_swapping_the_sides_swaps_precision_and_recall(golden: Any, record: Any) -> None:
    one, other = score(golden, record), score(record, golden)
    assert (one.precision, one.recall, one.f1) == (other.recall, other.precision, other.f1)
    assert one.counts["omission"] == other.counts["hallucination"]
    assert one.counts["mismatch"] == other.counts["mismatch"]


@given(OBJECTS, OBJECTS, st.data())
def test_removing_a_leaf_never_raises_recall(golden: Any, record: Any, data: st.DataObject) -> None:
    """In objects, where there is but one way to pair."""
    ways = places(record)
    if ways:
        less = without(record, data.draw(st.sampled_from(ways)))
        assert score(golden, less).recall <= score(golden, record).recall


@given(st.dictionaries(st.sampled_from("abc"), OBJECTS), st.dictionaries(st.sampled_from("abc"), OBJECTS))
def test_a_spurious_leaf_never_raises_precision(golden: dict[str, Any], record: dict[str, Any]) -> None:
    assert score(golden, record | {"d": "없는 것"}).precision <= score(golden, record).precision


@given(
    VALUES.filter(lambda value: value is not None),
    VALUES.filter(lambda value: value is not None),
    st.sampled_from(COMPARATORS),
)
def test_comparators_are_symmetric(golden: Any, record: Any, comparator: Comparator) -> None:
    one = comparator.compare(golden, record, Context())
    other = comparator.compare(record, golden, Context())
    assert (one.equal, one.similarity) == (other.equal, other.similarity)
    assert 0 <= one.similarity <= 1


@given(SCALARS, SCALARS, st.sampled_from(COMPARATORS))
def test_what_is_equal_shares_a_key(golden: Any, record: Any, comparator: Comparator) -> None:
    """Or is alike to the floor: lists of thousands are compared only where keys are shared."""
    if golden is None or record is None or not comparator.compare(golden, record, Context()).equal:
        return
    one, other = comparator.read(golden, Context()), comparator.read(record, Context())
    floor = getattr(comparator, "floor", 1.0)
    assert floor < 1 or not set(one.keys).isdisjoint(other.keys)
