"""Goldens: one JSON file an article, checked against the schema's form."""

import json
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from helpers import places, resolve, write
from pydantic import BaseModel, create_model

from workbench.errors import GoldenError
from workbench.goldens import FORMAT, Golden, read_golden, read_goldens, with_alternate, write_golden
from workbench.pointers import pointer
from workbench.schema import Cited, Quote, form, schema_version


class Kind(Enum):
    NEW = "new"


class Shop(BaseModel):
    name: str
    quote: Quote


class Street(BaseModel):
    street: Cited[str] | None
    shops: list[Shop]


class Typed(BaseModel):
    day: date
    amount: Decimal
    kind: Kind
    pair: tuple[int, int]
    share: float


RECORD: dict[str, Any] = {"street": "서문길", "shops": [{"name": "밀밭"}, {"name": "a/b~c"}]}


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": "a",
        "schema": schema_version(Street),
        "texts": ["sha256:1"],
        "record": RECORD,
        **changes,
    }


def golden(tmp_path: Path, of: type[BaseModel] = Street, **changes: Any) -> Golden:
    write(tmp_path, {"a.json": json.dumps(fields(**({"schema": schema_version(of)} | changes)))})
    return read_golden(tmp_path / "a.json", of)


# --- reading


def test_a_golden_reads_as_it_was_written(tmp_path: Path) -> None:
    made = Golden.model_validate(fields(published="2031-02", alternates={"/street": ["서문로"]}))
    assert read_golden(write_golden(made, tmp_path), Street) == made


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "workbench.golden/2"}, "format: Input should be 'workbench.golden/1'"),
        ({"more": 1}, "more: Extra inputs"),
        ({"texts": None}, "texts: Input should be a valid array"),
        ({"id": "b"}, "its id is 'b'"),
        ({"schema": "0"}, "it answers version 0 of the schema"),
        ({"published": "어제"}, "published '어제' is no ISO 8601 date"),
        ({"published": "2031-02-30"}, "is no ISO 8601 date"),
        ({"published": "2031-02-03T10:00"}, "is no ISO 8601 date"),
        ({"record": None}, "record: Input should be an object"),
        ({"record": {"street": None}}, "record/shops: Field required"),
        ({"record": {"street": None, "shops": [{}]}}, "record/shops/0/name: Field required"),
        ({"record": {"street": None, "shops": [{"name": 5}]}}, "record/shops/0/name: Input should be a valid string"),
        (
            {"record": {"street": {"value": "x", "quote": "y"}, "shops": []}},
            "record/street: Input should be a valid string",
        ),
        ({"record": {"street": None, "shops": [{"name": "x", "quote": "y"}]}}, "record/shops/0/quote: Extra inputs"),
        ({"record": {"street": float("nan"), "shops": []}}, "record"),
    ],
)
def test_a_golden_that_does_not_hold_is_refused_naming_the_place(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(GoldenError, match=says) as caught:
        golden(tmp_path, **changes)
    assert caught.value.where == str(tmp_path / "a.json")


@pytest.mark.parametrize("place", ["record", "alternates"])
def test_a_number_that_json_cannot_hold_is_refused(tmp_path: Path, place: str) -> None:
    """Python reads it as infinity, which equals any other number too large."""
    class_of = create_model("Counted", count=float)
    made = fields(schema=schema_version(class_of), record={"count": 1}, alternates={"/count": [2]})
    text = json.dumps(made).replace(
        '{"count": 1}' if place == "record" else "[2]", '{"count": 1e999}' if place == "record" else "[1e999]"
    )
    write(tmp_path, {"a.json": text})
    with pytest.raises(GoldenError):
        read_golden(tmp_path / "a.json", class_of)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", "가".encode("cp949"), b"[" * 100_000])
def test_a_file_that_is_no_golden_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"a.json": content})
    with pytest.raises(GoldenError):
        read_golden(tmp_path / "a.json", Street)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    for name in ("a.json", "none.json"):
        with pytest.raises(GoldenError, match="cannot be read"):
            read_golden(tmp_path / name, Street)


def test_dates_decimals_enums_and_tuples_are_written_as_json_has_them(tmp_path: Path) -> None:
    record = {"day": "2031-02-03", "amount": "1.50", "kind": "new", "pair": [1, 2], "share": 1}
    assert golden(tmp_path, Typed, record=record).record == record


@pytest.mark.parametrize(
    "change", [{"day": "어제"}, {"amount": "많이"}, {"kind": "old"}, {"pair": [1]}, {"pair": [1, "2"]}, {"share": "1"}]
)
def test_they_are_checked_strictly(tmp_path: Path, change: dict[str, Any]) -> None:
    record = {"day": "2031-02-03", "amount": "1.50", "kind": "new", "pair": [1, 2], "share": 1, **change}
    with pytest.raises(GoldenError, match="record/"):
        golden(tmp_path, Typed, record=record)


def test_a_schema_of_the_same_name_as_ours_is_told_apart(tmp_path: Path) -> None:
    other = create_model("Golden", __base__=Street)
    with pytest.raises(GoldenError, match="record/shops: Field required"):
        golden(tmp_path, other, record={"street": None})


# --- alternates


@pytest.mark.parametrize("at", ["/street", "/shops/0/name", "/shops/1/name"])
def test_an_alternate_belongs_to_a_leaf(tmp_path: Path, at: str) -> None:
    assert golden(tmp_path, alternates={at: ["다른 이름"]}).alternates == {at: ("다른 이름",)}


@pytest.mark.parametrize(
    "at",
    [
        *(
            "street",
            "/none",
            "/street/",
            "/street/0",
            "/shops/2/name",
            "/shops/-1/name",
            "/shops/00/name",
            "/shops/+1/name",
        ),
        *(
            "/shops/ 1/name",
            "/shops/１/name",
            "/shops/-/name",
            "/shops/1e0/name",
            "shops/0/name",
            "#/street",
            "$.street",
        ),
        "/shops/" + "9" * 5000,
    ],
)
def test_an_alternate_of_nothing_is_refused(tmp_path: Path, at: str) -> None:
    with pytest.raises(GoldenError, match="points to nothing"):
        golden(tmp_path, alternates={at: ["x"]})


@pytest.mark.parametrize("at", ["/shops", "/shops/0"])
def test_an_alternate_of_what_is_no_leaf_is_refused(tmp_path: Path, at: str) -> None:
    with pytest.raises(GoldenError, match="is no leaf"):
        golden(tmp_path, alternates={at: ["x"]})


def test_our_own_pointers_are_those_that_alternates_take(tmp_path: Path) -> None:
    class Free(BaseModel):
        by_name: dict[str, list[int]]

    record: dict[str, Any] = {"by_name": {"a/b": [1], "~0": [2], "": [3], "~1/": [4, 5]}}
    leaves = {pointer(*steps): place for steps, place in places(record) if isinstance(place, int)}
    read = golden(tmp_path, Free, record=record, alternates={at: [0] for at in leaves})
    assert {at: resolve(read.record, at) for at in read.alternates} == leaves


def test_an_alternate_takes_the_place_of_its_leaf_and_the_golden_stays_as_it_was(tmp_path: Path) -> None:
    read = golden(tmp_path, alternates={"/shops/1/name": ["보리밭"], "/street": ["동문로"]})
    assert with_alternate(read, "/shops/1/name", "보리밭") == {
        **RECORD,
        "shops": [{"name": "밀밭"}, {"name": "보리밭"}],
    }
    assert with_alternate(read, "/street", "동문로") == {**RECORD, "street": "동문로"}
    assert read.record == RECORD


# --- a folder


def test_goldens_are_found_by_their_texts(tmp_path: Path) -> None:
    one, two = fields(texts=["sha256:1", "sha256:2"]), fields(id="b", texts=[])
    write(tmp_path, {"a.json": json.dumps(one), "b.json": json.dumps(two), "decisions.jsonl": "", "c.json.part": "{"})
    goldens = read_goldens(tmp_path, Street)
    assert list(goldens.by_id) == ["a", "b"]
    assert [found and found.id for found in (goldens.find("x", "sha256:2"), goldens.find("a", "sha256:9"))] == [
        "a",
        None,
    ]


def test_where_no_text_could_be_read_the_name_finds_it(tmp_path: Path) -> None:
    golden(tmp_path)
    found = read_goldens(tmp_path, Street).find("a", None)
    assert found is not None
    assert found.id == "a"


def test_two_goldens_for_one_text_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": json.dumps(fields()), "b.json": json.dumps(fields(id="b"))})
    with pytest.raises(GoldenError, match="'a' answers the same text") as caught:
        read_goldens(tmp_path, Street)
    assert caught.value.where.endswith("b.json")


def test_a_text_that_a_golden_names_twice_is_no_matter(tmp_path: Path) -> None:
    golden(tmp_path, texts=["sha256:1", "sha256:1"])
    assert len(read_goldens(tmp_path, Street).by_text) == 1


def test_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert read_goldens(tmp_path / "none", Street).by_id == {}


# --- writing


def test_a_golden_is_written_for_git_to_compare(tmp_path: Path) -> None:
    file = write_golden(Golden.model_validate(fields()), tmp_path / "goldens" / "street")
    content = file.read_text(encoding="utf-8")
    assert file.name == "a.json"
    assert list(json.loads(content))[:4] == ["format", "id", "schema", "texts"]
    assert '    "street": "서문길",\n' in content
    assert content.endswith("}\n")


def test_writing_twice_writes_the_same(tmp_path: Path) -> None:
    made = Golden.model_validate(fields())
    first = write_golden(made, tmp_path).read_bytes()
    assert write_golden(made, tmp_path).read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".a", "a\x00b", "a" * 300])
def test_a_golden_is_written_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(GoldenError, match="could not name a file"):
        write_golden(Golden.model_validate(fields(id=name)), tmp_path / "goldens")
    assert list(tmp_path.rglob("*")) == []


def test_the_form_is_what_goldens_are_written_in() -> None:
    assert set(form(Street).model_fields) == set(RECORD)
