"""What the scorer reads out of a schema."""

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from helpers import json_values
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, Field, JsonValue, RootModel

from workbench.errors import SchemaError
from workbench.scoring import (
    Amount,
    Category,
    Critical,
    Date,
    Exact,
    Floor,
    Identity,
    Number,
    Region,
    Set,
    Text,
    Url,
    Weight,
    score,
)
from workbench.scoring.comparators import Typed
from workbench.scoring.shape import Shape, shape_of


class State(StrEnum):
    PLANNED = "planned"


class Leaves(BaseModel):
    text: str
    whole: int
    real: float | None
    money: Decimal
    flag: bool
    state: State
    status: Literal["planned", "done"] | None = None
    day: dt.date
    page: AnyUrl
    either: str | int
    anything: JsonValue


@pytest.mark.parametrize(
    ("name", "comparator"),
    [
        ("text", Text()),
        ("whole", Number()),
        ("real", Number()),
        ("money", Number()),
        ("flag", Exact()),
        ("state", Category()),
        ("status", Category()),
        ("day", Date()),
        ("page", Url()),
        ("either", Typed()),
    ],
)
def test_a_type_has_its_comparator(name: str, comparator: Any) -> None:
    assert shape_of(Leaves).fields[name].comparator == comparator


class Marked(BaseModel):
    amount: Annotated[str, Amount(), Weight(2.0), Critical()]
    by: Annotated[str, Date()] | None = None
    names: list[Annotated[str, Text(floor=0.9)]] = []
    places: Annotated[list[str], Set()] = []
    id: Annotated[str, Identity(3.0)] = ""
    rows: Annotated[list[int], Floor(0.1)] = []


def test_marks_are_read_wherever_they_stand() -> None:
    fields = shape_of(Marked).fields
    assert (fields["amount"].comparator, fields["amount"].weight, fields["amount"].critical) == (Amount(), 2.0, True)
    assert fields["by"].comparator == Date()
    assert fields["names"].of_item().comparator == Text(floor=0.9)
    assert fields["places"].whole
    assert fields["id"].identity == 3.0
    assert fields["rows"].floor == 0.1


class Node(BaseModel):
    name: Annotated[str, Category()]
    children: list["Node"] = []
    other: "Leaf | Node | None" = None


class Leaf(BaseModel):
    value: Annotated[str, Amount()]


def test_a_model_may_contain_itself() -> None:
    node = shape_of(Node)
    assert node.fields["children"].of_item().of_field("children").of_item().fields["name"].comparator == Category()


def test_a_union_of_models_has_the_fields_of_all() -> None:
    other = shape_of(Node).fields["other"]
    assert other.fields["value"].comparator == Amount()
    assert other.fields["name"].comparator == Category()


class Named(BaseModel):
    price: float = Field(serialization_alias="cost")
    parts: dict[str, Annotated[str, Date()]] = {}


class Rows(RootModel[list[Leaf]]):
    pass


def test_a_field_is_known_by_its_name_in_json() -> None:
    assert set(shape_of(Named).fields) == {"cost", "parts"}


def test_a_mapping_has_one_shape_for_all_its_keys() -> None:
    assert shape_of(Named).fields["parts"].of_field("anything").comparator == Date()


def test_a_root_model_is_what_it_holds() -> None:
    assert shape_of(Rows).of_item().fields["value"].comparator == Amount()


JSON_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "x-workbench": {"comparator": "text", "floor": 0.8, "identity": 5}},
        "kind": {"enum": ["a", "b", None]},
        "on": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "size": {
            "type": "number",
            "x-workbench": {"comparator": "number", "tolerance": 0.1, "weight": 2, "critical": True},
        },
        "children": {"type": "array", "items": {"$ref": "#/$defs/child"}, "x-workbench": {"floor": 0.2}},
    },
    "$defs": {
        "child": {"type": "object", "properties": {"next": {"$ref": "#/$defs/child"}, "page": {"format": "uri"}}}
    },
}


def test_a_json_schema_has_the_same_shape() -> None:
    fields = shape_of(JSON_SCHEMA).fields
    assert (fields["name"].comparator, fields["name"].identity) == (Text(floor=0.8), 5)
    assert fields["kind"].comparator == Category()
    assert fields["on"].comparator == Date()
    assert (fields["size"].comparator, fields["size"].weight, fields["size"].critical) == (
        Number(tolerance=0.1),
        2,
        True,
    )
    assert fields["children"].floor == 0.2


def test_a_json_schema_may_say_that_a_text_is_a_region() -> None:
    marked = {"type": "string", "x-workbench": {"comparator": "region", "leading": True}}
    assert shape_of({"properties": {"a": marked}}).fields["a"].comparator == Region(leading=True)


def test_a_json_schema_may_refer_to_itself() -> None:
    child: Shape = shape_of(JSON_SCHEMA).fields["children"].of_item()
    assert child.of_field("next").of_field("next").of_field("page").comparator == Url()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/none"},
        {"properties": {"a": {"x-workbench": {"comparator": "telepathy"}}}},
        {"properties": {"a": {"x-workbench": {"flor": 0.5}}}},
        [],
        "type",
        {"type": 5},
        {"type": "strnig"},
        {"type": ["string", 5]},
        {"properties": ["a"]},
        {"properties": {"a": 1}},
        {"anyOf": {"type": "string"}},
        {"items": "string"},
        {"enum": "a"},
        {"format": 5},
        {"$ref": 5},
        {"x-workbench": "text"},
        {"x-workbench": {"comparator": ["text"]}},
        {"x-workbench": {"comparator": "text", "floor": "0.9"}},
        {"x-workbench": {"comparator": "date", "tolerance": 1}},
        {"x-workbench": {"weight": True}},
    ],
)
def test_a_json_schema_that_does_not_hold_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        shape_of(schema)


MARKS = ["x-workbench", "comparator", "floor", "weight"]
KEYWORDS = [
    "type",
    "properties",
    "items",
    "anyOf",
    "$ref",
    "enum",
    "const",
    "format",
    "additionalProperties",
    "a",
    *MARKS,
]
MALFORMED = st.recursive(
    json_values | st.sampled_from(["string", "number", "#", "#/properties/a", "date", "text", "set"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=8,
)


@given(MALFORMED.filter(lambda value: value is not None))
def test_whatever_is_given_as_a_schema_is_read_or_refused_in_words(schema: Any) -> None:
    with suppress(SchemaError):
        assert isinstance(shape_of(schema), Shape)


@pytest.mark.parametrize(
    "mark", [lambda: Weight(-1), lambda: Identity(-1), lambda: Floor(1.5), lambda: Text(floor=-0.1)]
)
def test_a_mark_out_of_its_range_is_refused(mark: Any) -> None:
    with pytest.raises(SchemaError):
        mark()


def test_any_model_of_pydantic_will_do() -> None:
    golden = {"text": "가", "whole": 1, "state": "planned", "page": "https://example.org"}
    record = {"text": "가", "whole": 1.0, "state": "PLANNED", "page": "example.org/"}
    assert score(golden, record, Leaves).f1 == 1
