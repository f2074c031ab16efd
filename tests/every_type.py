"""A schema with a field of each type that one may have, and records of it."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from helpers import json_values, texts
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from workbench.schema import Cited, Quote


class Kind(StrEnum):
    """A closed list."""

    NEW = "new"
    OLD = "old"


class Cat(BaseModel):
    kind: Literal["cat"]
    name: Cited[str]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str
    quote: Quote


class Node(BaseModel):
    """Holds itself."""

    label: Cited[str]
    below: list["Node"]


class Left(BaseModel):
    """Holds what holds it."""

    right: "Right | None"
    quote: Quote


class Right(BaseModel):
    left: list[Left]
    name: str


class Everything(BaseModel):
    """A field of each type that a schema may have."""

    counts: dict[str, int]
    kinds: dict[Kind, Cited[str]]
    days: dict[date, int]
    pair: tuple[int, Cited[str]]
    many: tuple[Cited[int], ...]
    amount: Decimal
    day: date
    kind: Kind
    status: Literal["a", "b"] | None
    anything: Any
    cited: Cited[list[Cited[str]]]
    nested: Cited[Cited[int]]
    pet: Cat | Dog = Field(discriminator="kind")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    either: Cat | int | None
    choice: Literal["none"] | Dog = "none"
    node: Node
    left: Left
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    optional_quote: Quote | None = None


Left.model_rebuild()


def cited(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"value": inner, "quote": texts})


small = st.integers(-9, 9)
cats = st.fixed_dictionaries({"kind": st.just("cat"), "name": cited(texts)})
dogs = st.fixed_dictionaries({"kind": st.just("dog"), "name": texts, "quote": texts})
nodes: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries({"label": cited(texts), "below": st.just([])}),
    lambda below: st.fixed_dictionaries({"label": cited(texts), "below": st.lists(below, max_size=2)}),
    max_leaves=4,
)
lefts: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries({"right": st.none(), "quote": texts}),
    lambda left: st.fixed_dictionaries(
        {"right": st.fixed_dictionaries({"left": st.lists(left, max_size=2), "name": texts}), "quote": texts}
    ),
    max_leaves=4,
)
everything = st.builds(
    Everything.model_validate,
    st.fixed_dictionaries(
        {
            "counts": st.dictionaries(texts, small, max_size=2),
            "kinds": st.dictionaries(st.sampled_from(["new", "old"]), cited(texts), max_size=2),
            "days": st.dictionaries(st.dates().map(str), small, max_size=2),
            "pair": st.tuples(small, cited(texts)),
            "many": st.lists(cited(small), max_size=3),
            "amount": st.decimals(allow_nan=False, allow_infinity=False, places=2),
            "day": st.dates(),
            "kind": st.sampled_from(["new", "old"]),
            "status": st.sampled_from(["a", "b", None]),
            "anything": json_values,
            "cited": cited(st.lists(cited(texts), max_size=2)),
            "nested": cited(cited(small)),
            "pet": cats | dogs,
            "pets": st.lists(cats | dogs, max_size=2),
            "either": cats | small | st.none(),
            "node": nodes,
            "left": lefts,
        },
        optional={"choice": st.just("none") | dogs, "share": st.floats(0, 1), "optional_quote": st.none() | texts},
    ),
)
