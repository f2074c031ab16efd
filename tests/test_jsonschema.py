"""The JSON Schema that an endpoint is sent, and what strict mode does not take."""

from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from helpers import places
from pydantic import BaseModel, ConfigDict, Field, create_model

from workbench.errors import SchemaError
from workbench.jsonschema import json_schema, misfits, strict_schema
from workbench.schema import Cited, Quote
from workbench.scoring import Date


class Kind(Enum):
    NEW = "new"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Node(BaseModel):
    name: str
    below: list["Node"]


class Good(BaseModel):
    """가게."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="이름")
    maybe: str | None = None
    title: Cited[str] | None
    default: int
    kinds: list[Kind]
    status: Literal["a", "b"]
    day: date
    share: Annotated[float, Field(ge=0, le=1)]
    either: Cat | Dog
    node: Node
    many: tuple[int, ...]
    quote: Quote


def objects(schema: Any) -> list[dict[str, Any]]:
    return [node for _, node in places(schema) if isinstance(node, dict) and "properties" in node]


def model(annotation: Any, default: Any = ...) -> type[BaseModel]:
    return create_model("Record", field=(annotation, default))


def test_everything_is_required_and_nothing_besides() -> None:
    found = objects(strict_schema(Good))
    assert len(found) == 5
    assert all(node["required"] == list(node["properties"]) for node in found)
    assert all(node["additionalProperties"] is False for node in found)


def test_titles_and_defaults_go_but_fields_of_these_names_stay() -> None:
    schema = strict_schema(Good)
    assert {"title", "default"} <= set(schema["properties"])
    assert schema["properties"]["maybe"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert "title" not in schema["properties"]["name"]


def test_descriptions_and_bounds_stay() -> None:
    schema = strict_schema(Good)
    assert schema["description"] == "가게."
    assert schema["properties"]["name"] == {"description": "이름", "type": "string"}
    assert schema["properties"]["share"] == {"maximum": 1, "minimum": 0, "type": "number"}


def test_a_schema_is_prepared_the_same_each_time() -> None:
    assert strict_schema(Good) == strict_schema(Good)


def test_a_model_that_holds_itself_has_an_object_at_its_root() -> None:
    schema = strict_schema(Node)
    assert schema["type"] == "object"
    assert schema["properties"]["below"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Node"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        (dict[str, int], "Record.field: a dictionary with free keys"),
        (dict[Kind, int], "Record.field: a dictionary"),
        (dict, "Record.field: a dictionary"),
        (Any, "Record.field: any value at all"),
        (object, "Record.field: any value at all"),
        (list, "Record.field[]: any value at all"),
        (list[Any], "Record.field[]: any value at all"),
        (list[list[Any] | None], "Record.field[][]: any value at all"),
        (tuple[int, str], "Record.field: a tuple"),
        (set[str], "Record.field: a set"),
        (Annotated[Cat | Dog, Field(discriminator="kind")], "Record.field: a discriminated union"),
        (Cited[dict[str, int]], ".value: a dictionary with free keys"),
    ],
)
def test_what_strict_mode_cannot_take_is_refused_naming_the_field(annotation: Any, says: str) -> None:
    with pytest.raises(SchemaError, match="strict mode cannot take this schema") as caught:
        strict_schema(model(annotation))
    assert says in caught.value.what
    assert "mode" in caught.value.way_out


@pytest.mark.parametrize("default", ["x", "", 0, False, [], {"a": 1}])
def test_a_default_is_refused_but_for_none(default: Any) -> None:
    with pytest.raises(SchemaError, match=r"Record\.field: a default"):
        strict_schema(model(type(default) if default not in ([], {"a": 1}) else Any, default))


def test_fields_beyond_those_named_are_refused() -> None:
    open_model = create_model("Record", __config__=ConfigDict(extra="allow"), name=(str, ...))
    with pytest.raises(SchemaError, match="Record: fields beyond those named"):
        strict_schema(open_model)


def test_every_misfit_is_named_at_once() -> None:
    found = list(misfits(create_model("Record", a=(Any, ...), b=(set[str], ...)).model_json_schema()))
    assert found == ["Record.a: any value at all (give it a type)", "Record.b: a set (use a list)"]


def test_a_misfit_below_is_named_by_its_own_model() -> None:
    inner = create_model("Inner", bad=(dict[str, int], ...))
    with pytest.raises(SchemaError, match=r"Inner\.bad: a dictionary"):
        strict_schema(create_model("Record", inner=(inner, ...)))


@pytest.mark.parametrize("pattern", ["^(?!x)", "(?=x)", "(?<=x)y", "(?<!x)y"])
def test_a_pattern_that_looks_around_is_a_misfit(pattern: str) -> None:
    """Endpoints answer it with a 500."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}, "title": "Record"}
    assert [found.split(",")[0] for found in misfits(schema)] == ["Record.a: a pattern that looks around"]


def test_other_patterns_are_taken() -> None:
    assert strict_schema(model(Annotated[str, Field(pattern=r"^\(?[0-9]+(?:원)$")]))


def test_a_root_that_is_no_object_is_a_misfit() -> None:
    assert "the root: not an object" in list(misfits({"type": "array", "items": {"type": "string"}}))


@pytest.mark.parametrize("prepare", [json_schema, strict_schema])
def test_what_json_schema_cannot_express_is_refused(prepare: Any) -> None:
    with pytest.raises(SchemaError, match="JSON Schema cannot express it"):
        prepare(model(Callable[[int], int]))


@pytest.mark.parametrize("name", ["기록", "Box[int]", "A" * 65, "A B"])
def test_a_name_that_no_endpoint_takes_is_refused(name: str) -> None:
    with pytest.raises(SchemaError, match="does not take"):
        json_schema(create_model(name, x=(int, ...)))


def test_other_modes_are_sent_what_pydantic_writes() -> None:
    """But for generics, which stand where they are used."""

    class Plain(BaseModel):
        kinds: list[Kind]
        node: Node

    assert json_schema(Plain) == Plain.model_json_schema()


def test_nothing_stands_beside_a_reference_in_strict_mode() -> None:
    """Endpoints refuse a `$ref` with a description beside it; the description stays, and what it refers to stands in its place."""
    described = model(Annotated[Node, Field(description="마디")])
    sent = strict_schema(described)
    assert all(set(node) == {"$ref"} for _, node in places(sent) if isinstance(node, dict) and "$ref" in node)
    assert sent["properties"]["field"]["description"] == "마디"
    assert sent["properties"]["field"]["properties"]["name"] == {"type": "string"}


@pytest.mark.parametrize("prepare", [json_schema, strict_schema])
def test_a_comparator_of_a_cited_value_never_enters_the_request(prepare: Any) -> None:
    """A generic is named after its parameters; changing how values are compared must not make recordings miss."""
    with_date, without = model(Cited[Annotated[str, Date()]] | None), model(Cited[str] | None)
    assert prepare(with_date) == prepare(without)
    assert "Date" not in str(prepare(with_date))
