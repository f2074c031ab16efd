"""What a schema wants at a place."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from labelled import Street
from pydantic import BaseModel, Field
from small_project import ROOT

from workbench.errors import WishError
from workbench.pointers import steps_of
from workbench.schema import Cited, Quote, form, load_schema
from workbench.scoring import Identity
from workbench.wanted import completed, nothing, wanted


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    label: str


class Everything(BaseModel):
    """모든 것."""

    text: str = Field(description="글")
    cited: Cited[str] | None
    number: Annotated[Decimal, Field(gt=0)] | None
    day: date
    flag: bool
    colour: Colour
    grade: Literal[1, 2] | None
    points: list[Point]
    by_name: dict[str, list[Point]]
    pair: tuple[int, str]
    either: int | str
    one: int | float
    anything: Any
    default: int = 7
    quote: Quote


@pytest.mark.parametrize(
    ("at", "kind", "optional"),
    [
        ("", "object", False),
        ("/text", "text", False),
        ("/cited", "text", True),
        ("/number", "number", True),
        ("/day", "text", False),
        ("/flag", "flag", False),
        ("/colour", "choice", False),
        ("/grade", "choice", True),
        ("/points", "list", False),
        ("/points/-", "object", False),
        ("/points/12/x", "number", False),
        ("/by_name", "object", False),
        ("/by_name/가/0/label", "text", False),
        ("/pair/0", "number", False),
        ("/pair/1", "text", False),
        ("/either", "other", False),
        ("/one", "number", False),
        ("/anything", "other", True),
    ],
)
def test_it_is_known_what_belongs_where(at: str, kind: str, optional: bool) -> None:
    found = wanted(Everything, steps_of(at))
    assert (found.kind, found.optional) == (kind, optional)


@pytest.mark.parametrize("at", ["/quote", "/cited/value", "/points/x", "/points/-1", "/text/0", "/none"])
def test_what_the_form_has_not_is_refused(at: str) -> None:
    with pytest.raises(WishError, match="no such place"):
        wanted(Everything, steps_of(at))


def test_choices_fields_and_words_are_told() -> None:
    assert wanted(Everything, ["colour"]).choices == ("red", "blue")
    assert wanted(Everything, ["grade"]).choices == (1, 2)
    assert wanted(Everything, ["text"]).described == "글"
    assert wanted(Everything, ["points", "-"]).fields == ("x", "label")


def test_a_bare_text_fills_the_field_that_identifies_else_the_first_that_takes_text() -> None:
    class Marked(BaseModel):
        first: str
        name: Annotated[str, Identity()]

    class Holder(BaseModel):
        items: list[Marked]
        points: list[Point]

    assert wanted(Holder, ["items", "-"]).identity == "name"
    assert wanted(Holder, ["points", "-"]).identity == "label"
    assert completed(Holder, ["items", "-"], {"name": "가", "first": "나"}) == {"first": "나", "name": "가"}


def test_nothing_is_null_an_empty_list_an_object_of_nothing_or_the_default() -> None:
    class Inner(BaseModel):
        none: str | None
        some: int = 3

    class Outer(BaseModel):
        inner: Inner
        items: list[int]
        names: dict[str, int]

    assert nothing(Outer, []) == {"inner": {"none": None, "some": 3}, "items": [], "names": {}}


@pytest.mark.parametrize(("at", "says"), [("/text", "a text"), ("/colour", "red, blue"), ("/pair", "a list")])
def test_where_the_schema_insists_it_says_on_what(at: str, says: str) -> None:
    with pytest.raises(WishError, match="wants a value here") as caught:
        nothing(Everything, steps_of(at))
    assert caught.value.at == at
    assert says in caught.value.expected


def test_what_is_no_object_is_left_for_the_schema_to_judge() -> None:
    assert completed(Everything, ["points", "0"], 5) == 5
    assert completed(Everything, ["text"], "가") == "가"
    assert completed(Everything, ["by_name"], {"a": []}) == {"a": []}


def test_every_field_of_our_own_schemas_is_known() -> None:
    schema = load_schema("schemas/plan.py:PlanRecord", ROOT)

    def walk(model: type[BaseModel], at: list[str]) -> None:
        for name in model.model_fields:
            found = wanted(schema, [*at, name])
            assert found.kind != "other", [*at, name]
            inner = [*at, name, "-"] if found.kind == "list" else [*at, name]
            for field in wanted(schema, inner).fields:
                assert wanted(schema, [*inner, field])

    walk(form(schema), [])
    assert nothing(Street, []) == {"street": None, "mayor": None, "slogans": [], "shops": [], "colours": []}
