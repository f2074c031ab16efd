"""What the workbench understands of a Pydantic schema."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from every_type import Dog, Everything, Left, Node, Right, everything
from helpers import places, resolve, texts, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue, ValidationError

from workbench.canonical import canonical_json
from workbench.errors import SchemaError
from workbench.leaves import walk
from workbench.pointers import pointer
from workbench.schema import Cited, Quote, form, load_schema, schema_code, schema_version, values


def load(tmp_path: Path, code: str, name: str = "Record") -> type[BaseModel]:
    head = "from decimal import Decimal\nfrom typing import *\nfrom pydantic import *\nfrom workbench.schema import Cited, Quote\n"
    return load_schema(f"schemas/s.py:{name}", write(tmp_path, {"schemas/s.py": head + code}))


def json_schemas_of(node: Any) -> Iterator[dict[str, Any]]:
    yield from (place for _, place in places(node) if isinstance(place, dict))


# --- the code


def test_the_code_of_a_schema_is_its_file_and_what_it_imports_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "schemas/s.py": "from pydantic import BaseModel\nfrom streets_of_s.names import LONGEST\n\n\nclass Record(BaseModel):\n    n: int\n",
        "streets_of_s/__init__.py": "",
        "streets_of_s/names.py": "from .limits import LONGEST\n",
        "streets_of_s/limits.py": "LONGEST = 9\n",
        "streets_of_s/other.py": "OTHER = 1\n",
    }
    root = write(tmp_path, files)
    monkeypatch.syspath_prepend(root)
    load_schema("schemas/s.py:Record", root)
    then = schema_code("schemas/s.py:Record", root)
    changed = set()
    for name, text in files.items():
        write(root, {name: text + "# 다르다\n"})
        if schema_code("schemas/s.py:Record", root) != then:
            changed.add(name)
        write(root, {name: text})
    assert changed == {*files} - {"streets_of_s/other.py"}
    assert schema_code("schemas/s.py:Record", root) == then


# --- forms and values


@given(everything)
def test_what_a_record_holds_validates_against_its_form(record: Everything) -> None:
    bare = values(record)
    again = form(Everything).model_validate_json(canonical_json(bare), strict=True)
    assert again.model_dump(mode="json") == bare


@given(everything)
def test_values_are_plain_json_without_quotes(record: Everything) -> None:
    bare = values(record)
    assert json.loads(canonical_json(bare)) == bare
    bare = {key: child for key, child in bare.items() if key != "anything"} if isinstance(bare, dict) else bare
    names = {str(step) for steps, _ in places(bare) for step in steps if steps[0] not in {"counts", "days"}}
    assert not names & {"quote", "value", "optional_quote"}


def test_a_cited_value_is_bare() -> None:
    record = Node.model_validate({"label": {"value": "가", "quote": "나"}, "below": []})
    assert values(record) == {"label": "가", "below": []}


def test_a_form_refuses_quotes_and_unknown_fields() -> None:
    form(Dog).model_validate({"kind": "dog", "name": "가"})
    for extra in ("quote", "more"):
        with pytest.raises(ValidationError, match="Extra inputs"):
            form(Dog).model_validate({"kind": "dog", "name": "가", extra: "나"})


def test_a_form_keeps_constraints_and_descriptions() -> None:
    class Share(BaseModel):
        part: Cited[Annotated[float, Field(le=1)]] = Field(description="a part")
        quote: Quote

    assert form(Share).model_json_schema()["properties"]["part"] == {
        "description": "a part",
        "maximum": 1,
        "title": "Part",
        "type": "number",
    }


def test_a_form_keeps_the_marks_of_its_fields() -> None:
    class Mark:
        pass

    class Marked(BaseModel):
        one: Annotated[str, Mark()] | None
        two: Cited[Annotated[str, Mark()]]
        three: list[Cited[Annotated[str, Mark()]]]

    record = form(Marked).model_validate({"one": "가", "two": "나", "three": ["다"]})
    assert [said.kinds for _, _, said in walk(record).copied] == [{Mark}] * 3


def test_a_schema_without_quotes_is_its_own_form_but_stricter() -> None:
    class Plain(BaseModel):
        name: str
        tags: list[str]

    bare = form(Plain).model_json_schema()
    assert bare.pop("additionalProperties") is False
    assert bare == Plain.model_json_schema()


def test_a_form_is_made_once() -> None:
    assert form(Everything) is form(Everything)


def test_models_that_hold_each_other_have_forms_from_either_end() -> None:
    record = Left.model_validate({"quote": "q", "right": {"name": "n", "left": [{"quote": "q", "right": None}]}})
    assert values(record) == {"right": {"name": "n", "left": [{"right": None}]}}
    form(Left).model_validate(values(record), strict=True)
    assert record.right is not None
    form(Right).model_validate(values(record.right), strict=True)


def test_no_quote_is_left_anywhere_in_a_form() -> None:
    assert not any(
        "quote" in node.get("properties", {}) for node in json_schemas_of(form(Everything).model_json_schema())
    )


def test_a_declared_version_is_the_schemas() -> None:
    class Declared(BaseModel):
        version: ClassVar[str] = "7"

    assert schema_version(Declared) == "7"


def test_without_a_declared_version_it_follows_the_form_and_not_the_quotes() -> None:
    class One(BaseModel):
        name: str

    def with_quote() -> type[BaseModel]:
        class One(BaseModel):
            name: str
            quote: Quote

        return One

    class Other(BaseModel):
        name: int

    assert schema_version(One) == schema_version(with_quote())
    assert schema_version(One) != schema_version(Other)


# --- pointers


@given(st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))
def test_a_pointer_leads_back_to_its_place_and_to_no_other(value: JsonValue) -> None:
    found = {pointer(*steps): place for steps, place in places(value)}
    assert len(found) == len(list(places(value)))
    assert all(resolve(value, at) is place for at, place in found.items())


@pytest.mark.parametrize(
    ("steps", "expected"), [((), ""), (("",), "/"), (("a/b", 0), "/a~1b/0"), (("~1",), "/~01"), (("~/",), "/~0~1")]
)
def test_a_pointer_is_written_as_rfc_6901_says(steps: tuple[str | int, ...], expected: str) -> None:
    assert pointer(*steps) == expected


# --- loading


def test_a_schema_is_loaded_by_file_and_name(tmp_path: Path) -> None:
    assert load(tmp_path, "class Record(BaseModel):\n    name: Cited[str]\n").__name__ == "Record"


def test_names_that_are_defined_later_are_understood(tmp_path: Path) -> None:
    schema = load(
        tmp_path, "class Record(BaseModel):\n    below: 'list[Later]'\nclass Later(BaseModel):\n    name: str\n"
    )
    assert values(schema.model_validate({"below": [{"name": "가"}]})) == {"below": [{"name": "가"}]}


def test_postponed_annotations_are_understood(tmp_path: Path) -> None:
    code = "from __future__ import annotations\nfrom pydantic import BaseModel\nclass Record(BaseModel):\n    below: list[Record]\n"
    schema = load_schema("s.py:Record", write(tmp_path, {"s.py": code}))
    assert values(schema.model_validate({"below": [{"below": []}]})) == {"below": [{"below": []}]}


@pytest.mark.parametrize(
    "reference", ["", "schemas/s.py", "schemas/s.py:", ":Record", "schemas/none.py:Record", "schemas:Record"]
)
def test_a_reference_to_nothing_is_refused(tmp_path: Path, reference: str) -> None:
    write(tmp_path, {"schemas/s.py": ""})
    with pytest.raises(SchemaError, match="there is no schema"):
        load_schema(reference, tmp_path)


def test_a_file_that_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no Python module"):
        load_schema("s.md:Record", write(tmp_path, {"s.md": ""}))


@pytest.mark.parametrize(
    "code", ["1 +", "import no_such_module", "raise ValueError('no')", "class Record(BaseModel):\n    f: object()\n"]
)
def test_a_file_that_fails_is_refused_with_its_error(tmp_path: Path, code: str) -> None:
    with pytest.raises(SchemaError, match="the schema file fails: "):
        load(tmp_path, code)


@pytest.mark.parametrize("code", ["", "Record = 5", "class Record:\n    pass\n", "def Record(): ..."])
def test_a_name_that_is_no_model_is_refused(tmp_path: Path, code: str) -> None:
    with pytest.raises(SchemaError, match="no Pydantic model"):
        load(tmp_path, code)


def test_a_name_that_is_defined_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="Record is not fully defined"):
        load(tmp_path, "class Record(BaseModel):\n    below: 'Nowhere'\n")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("class Record(BaseModel):\n    name: str = Field(alias='Name')\n", r"Record\.name: an alias"),
        (
            "class Record(BaseModel):\n    name: str = Field(validation_alias=AliasPath('a', 0))\n",
            r"Record\.name: an alias",
        ),
        ("class Record(BaseModel):\n    name: str = Field(serialization_alias='Name')\n", r"Record\.name: an alias"),
        (
            "class Record(BaseModel):\n    model_config = ConfigDict(alias_generator=str.upper)\n    name: str\n",
            r"Record\.name: an alias",
        ),
        (
            "class In(BaseModel):\n    x: int = Field(alias='y')\nclass Record(BaseModel):\n    a: dict[str, list[In | None]]\n",
            r"In\.x: an alias",
        ),
        ("class Record(RootModel[list[int]]):\n    pass\n", "Record: a root model"),
        ("class In(RootModel[str]):\n    pass\nclass Record(BaseModel):\n    a: Cited[In]\n", "In: a root model"),
        ("class Record(BaseModel):\n    names: dict[str, set[str] | None]\n", r"Record\.names: a set"),
        ("class Record(BaseModel):\n    name: str = Field(exclude=True)\n", r"Record\.name: it is excluded"),
        (
            "class Record(BaseModel):\n    a: int\n    @computed_field\n    @property\n    def b(self) -> int:\n        return 1\n",
            "Record: computed fields or serializers",
        ),
        (
            "class Record(BaseModel):\n    a: int\n    @field_serializer('a')\n    def b(self, a: int) -> str:\n        return ''\n",
            "Record: computed fields or serializers",
        ),
        ("class Record(BaseModel):\n    one: Quote\n    two: Quote\n", "2 quotes, one and two"),
        ("class Record(BaseModel):\n    quotes: list[Quote]\n", r"Record\.quotes: a quote that may be several"),
        ("class Record(BaseModel):\n    quote: Quote | int\n", r"Record\.quote: a quote that may be several"),
    ],
)
def test_a_schema_whose_records_could_not_be_kept_is_refused_naming_the_field(
    tmp_path: Path, code: str, says: str
) -> None:
    with pytest.raises(SchemaError, match=says):
        load(tmp_path, code)


def test_a_quote_may_be_null_or_a_word_that_says_that_there_is_none(tmp_path: Path) -> None:
    code = "class Record(BaseModel):\n    name: str\n    quote: Quote | Literal['none'] | None\n"
    assert set(load(tmp_path, code).model_fields) == {"name", "quote"}


def test_every_misfit_is_named_at_once(tmp_path: Path) -> None:
    code = "class Record(BaseModel):\n    a: str = Field(alias='A')\n    b: str = Field(alias='B')\n"
    with pytest.raises(SchemaError, match=r"Record\.a: an alias.*; Record\.b: an alias"):
        load(tmp_path, code)
