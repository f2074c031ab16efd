"""What a change of the schema leaves of goldens."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from helpers import places, resolve, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from small_project import ARTICLES, SCHEMA, Command

from workbench.canonical import hash_text
from workbench.carryover import Carryover, by_field, carry_over, present_place, present_value, survey
from workbench.decide import read_shown
from workbench.decisions import Log
from workbench.errors import GoldenError, SchemaError
from workbench.goldens import FORMAT, read_golden
from workbench.pointers import pointer
from workbench.schema import Cited, Formerly, Quote, load_schema


class Owner(BaseModel):
    name: Annotated[str, Formerly("label"), Formerly("title")]
    born: str | None = None


class Shop(BaseModel):
    name: str
    owner: Annotated[Owner | None, Formerly("keeper")]
    kind: Literal["old", "new"] = "old"
    quote: Quote


class Street(BaseModel):
    version: ClassVar[str] = "2"

    street: Annotated[Cited[str] | None, Formerly("road")]
    shops: list[Annotated[Shop, "a note"]]


OLD: dict[str, Any] = {
    "road": "서문길",
    "shops": [
        {"name": "밀밭", "keeper": {"label": "김"}, "kind": "old"},
        {"name": "종이숲", "keeper": None, "kind": "new"},
    ],
}
NEW: dict[str, Any] = {
    "street": "서문길",
    "shops": [
        {"name": "밀밭", "owner": {"name": "김", "born": None}, "kind": "old"},
        {"name": "종이숲", "owner": None, "kind": "new"},
    ],
}


def text_of(record: Any, version: str = "1", **changes: Any) -> str:
    fields = {"format": FORMAT, "id": "a", "schema": version, "texts": ["sha256:1"], "record": record, **changes}
    return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"


def change_of(tmp_path: Path, text: str, schema: type[BaseModel] = Street) -> Carryover:
    write(tmp_path, {"a.json": text})
    held, (change,) = survey(tmp_path, schema)
    assert held.by_id == {}
    return change


# --- what is found


def test_a_golden_of_the_schema_as_it_is_has_not_changed(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": text_of(NEW, "2")})
    held, changes = survey(tmp_path, Street)
    assert (list(held.by_id), changes) == (["a"], ())


def test_renamed_fields_are_carried_over_wherever_they_stand(tmp_path: Path) -> None:
    change = change_of(tmp_path, text_of(OLD))
    assert change.renamed == {
        "/road": "/street",
        "/shops/0/keeper": "/shops/0/owner",
        "/shops/0/keeper/label": "/shops/0/owner/name",
        "/shops/1/keeper": "/shops/1/owner",
    }
    assert (change.missing, change.gone, change.unfit) == (("/shops/0/owner/born",), {}, {})


def test_a_field_that_the_golden_does_not_have_is_to_be_labelled_even_if_the_schema_could_do_without(
    tmp_path: Path,
) -> None:
    record = {"shops": [{"name": "밀밭", "owner": None}]}
    change = change_of(tmp_path, text_of(record))
    assert set(change.missing) == {"/street", "/shops/0/kind"}
    assert by_field([change]) == {"street": 1, "shops[].kind": 1}


def test_in_a_golden_of_the_schemas_own_version_only_what_must_be_there_is_missing(tmp_path: Path) -> None:
    record = {"shops": [{"name": "밀밭", "owner": None}]}
    assert change_of(tmp_path, text_of(record, "2")).missing == ("/street",)


def test_what_the_schema_has_no_place_for_is_named_with_its_value(tmp_path: Path) -> None:
    record = {**NEW, "lamp": ["가로등"], "shops": [{**NEW["shops"][1], "sign": "간판"}]}
    change = change_of(tmp_path, text_of(record))
    assert change.gone == {"/lamp": ["가로등"], "/shops/0/sign": "간판"}
    assert not change.settled


def test_what_is_not_of_its_fields_type_is_named_with_the_reason(tmp_path: Path) -> None:
    record = {"street": ["서문길"], "shops": [{**NEW["shops"][1], "kind": "ancient"}]}
    change = change_of(tmp_path, text_of(record))
    assert change.unfit == {
        "/street": "Input should be a valid string",
        "/shops/0/kind": "Input should be 'old' or 'new'",
    }


def test_values_that_stand_are_counted(tmp_path: Path) -> None:
    record = {**NEW, "lamp": ["가로등"], "street": 5}
    assert change_of(tmp_path, text_of(record)).fits == 7  # of the two shops


def test_the_name_that_a_field_has_now_goes_before_the_one_that_it_had(tmp_path: Path) -> None:
    change = change_of(tmp_path, text_of({**NEW, "road": "동문로"}))
    assert (change.renamed, change.gone) == ({}, {"/road": "동문로"})


def test_of_two_former_names_the_first_is_carried_over_and_the_other_stays(tmp_path: Path) -> None:
    owner = {"title": "이", "label": "김", "born": None}
    change = change_of(tmp_path, text_of({**NEW, "shops": [{**NEW["shops"][1], "owner": owner}]}))
    assert change.renamed == {"/shops/0/owner/label": "/shops/0/owner/name"}
    assert change.gone == {"/shops/0/owner/title": "이"}


def test_of_a_union_the_model_that_has_most_of_the_fields_is_meant(tmp_path: Path) -> None:
    class Lamp(BaseModel):
        watts: Annotated[int, Formerly("power")]

    class Square(BaseModel):
        version: ClassVar[str] = "2"
        things: list[Owner | Lamp]
        by_name: dict[str, Lamp] = {}

    record = {"things": [{"power": 5}, {"label": "김", "born": None}], "by_name": {"a/b": {"power": 6}}}
    change = change_of(tmp_path, text_of(record), Square)
    assert set(change.renamed.values()) == {"/things/0/watts", "/things/1/name", "/by_name/a~1b/watts"}
    assert change.settled


def test_a_value_that_is_none_of_a_unions_types_is_named_once(tmp_path: Path) -> None:
    class Square(BaseModel):
        version: ClassVar[str] = "2"
        thing: Owner | int

    assert list(change_of(tmp_path, text_of({"thing": {"watts": 5}}), Square).unfit) == ["/thing"]


@pytest.mark.parametrize("content", ["", "[]", '{"format": "workbench.golden/2"}', text_of(OLD, id="b")])
def test_a_file_that_is_no_golden_is_refused_whatever_the_schema(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"a.json": content})
    with pytest.raises(GoldenError):
        survey(tmp_path, Street)


# --- what is written


LAID_OUT = """{"format": "workbench.golden/1",
   "id" : "a", "texts": ["sha256:1"], "schema": "1",
 "record": {"shops": [ {"keeper": null, "name":"밀\\uBC2D", "kind": "new"} ],
            "road": "서문길"},
 "alternates": {"/shops/0/name": ["밀 밭"], "/road": ["서문로"]}
}"""


def test_only_what_changes_is_written_anew(tmp_path: Path) -> None:
    change = change_of(tmp_path, LAID_OUT)
    carry_over(change)
    expected = LAID_OUT.replace('"schema": "1"', '"schema": "2"').replace('"keeper"', '"owner"')
    expected = expected.replace('"road"', '"street"').replace('"/road"', '"/street"')
    assert (tmp_path / "a.json").read_bytes().decode() == expected
    assert read_golden(tmp_path / "a.json", Street).alternates == {"/shops/0/name": ("밀 밭",), "/street": ("서문로",)}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_while_something_is_left_to_label_the_version_stays_and_nothing_is_dropped(tmp_path: Path) -> None:
    record = {**OLD, "lamp": "가로등"}
    carry_over(change_of(tmp_path, text_of(record)))
    fields = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert fields["schema"] == "1"
    assert fields["record"]["lamp"] == "가로등"
    assert fields["record"]["street"] == "서문길"
    assert change_of(tmp_path, (tmp_path / "a.json").read_text(encoding="utf-8")).renamed == {}


def test_a_golden_that_was_labelled_to_the_end_gets_its_version(tmp_path: Path) -> None:
    change = change_of(tmp_path, text_of(NEW))
    assert (change.settled, change.renamed) == (True, {})
    carry_over(change)
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == text_of(NEW, "2")


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    change = change_of(tmp_path, text_of(OLD))
    write(tmp_path, {"a.json": text_of(NEW)})
    with pytest.raises(GoldenError, match="changed while it was looked at"):
        carry_over(change)
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == text_of(NEW)


SHOPS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    name=st.text(max_size=3),
    keeper=st.none() | st.builds(dict, label=st.text(max_size=3), born=st.none() | st.text(max_size=3)),
    kind=st.sampled_from(["old", "new"]),
)


@given(
    st.builds(dict, road=st.none() | st.text(max_size=3), shops=st.lists(SHOPS, max_size=3)),
    st.sampled_from([None, 0, 3]),
)
def test_what_is_carried_over_holds_the_same_values_and_alternates_follow(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any], indent: int | None
) -> None:
    folder = tmp_path_factory.mktemp("goldens")
    leaves = [(pointer(*steps), value) for steps, value in places(record) if not isinstance(value, dict | list)]
    alternates = {at: [f"other {at}"] for at, _ in leaves}
    fields = json.loads(text_of(record, alternates=alternates))
    write(folder, {"a.json": json.dumps(fields, indent=indent)})
    _, (change,) = survey(folder, Street)
    carry_over(change)
    golden = read_golden(folder / "a.json", Street)
    assert [value for _, value in places(golden.record) if not isinstance(value, dict | list)] == [v for _, v in leaves]
    for at, (other,) in golden.alternates.items():
        assert resolve(golden.record, at) == resolve(record, str(other).removeprefix("other "))


# --- the mark


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("a: Annotated[str, Formerly('b')]\n    b: str", "'b' is the former name of a field"),
        ("a: Annotated[str, Formerly('c')]\n    b: Annotated[str, Formerly('c')]", "'c' is the former name of a field"),
    ],
)
def test_a_former_name_that_may_mean_two_fields_is_refused(tmp_path: Path, code: str, says: str) -> None:
    head = "from typing import Annotated\nfrom pydantic import BaseModel\nfrom workbench.schema import Formerly\n"
    write(tmp_path, {"s.py": f"{head}class Record(BaseModel):\n    {code}\n"})
    with pytest.raises(SchemaError, match=says):
        load_schema("s.py:Record", tmp_path)


# --- on the command line


RENAMED = (
    SCHEMA.replace("from typing import ClassVar", "from typing import Annotated, ClassVar")
    .replace("import Cited, Quote", "import Cited, Formerly, Quote")
    .replace("since: str | None", 'opened: Annotated[str | None, Formerly("since")]')
    .replace('version: ClassVar[str] = "1"', 'version: ClassVar[str] = "2"')
)


@pytest.fixture
def labelled(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project with both articles labelled, whose schema then renames a field."""
    monkeypatch.delenv("CI", raising=False)
    records = {
        "bakery": {"street": "동문로", "shops": [{"name": "밀밭", "since": "2031년 3월"}]},
        "bookshop": {"street": "서문길", "shops": [{"name": "종이숲", "since": None}]},
    }
    for name, record in records.items():
        text = text_of(record, id=name, texts=[hash_text(ARTICLES[name])])
        write(project, {f"goldens/street/{name}.json": text})
    return write(project, {"schemas/street.py": RENAMED})


def files(project: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in project.glob("goldens/street/*.json")}


def test_check_says_what_would_be_carried_over_and_writes_nothing(labelled: Path, workbench: Command) -> None:
    before = files(labelled)
    result = workbench("goldens", "check")
    assert result.code == 1
    assert "bakery answers version 1, the schema is version 2: 3 values fit" in result.out
    assert "carried over    /shops/0/opened (was /shops/0/since)" in result.out
    assert "2 of them fit once --write has carried them over" in result.err
    assert files(labelled) == before


def test_check_write_carries_over_and_then_all_is_well(labelled: Path, workbench: Command) -> None:
    before = files(labelled)
    result = workbench("goldens", "check", "--write", "--json")
    assert result.code == 0
    assert {name: one["written"] for name, one in result.json["changed"].items()} == {"bakery": True, "bookshop": True}
    assert files(labelled) == {
        name: text.replace('"since"', '"opened"').replace('"schema": "1"', '"schema": "2"')
        for name, text in before.items()
    }
    assert workbench("goldens", "check", "--json").json["changed"] == {}


LOG = """\
{"format": "workbench.decision/1",  "article": "bakery", "when": "2031-01-01T00:00:00Z", "by": "지수", "at": "/shops/7/since", "first": null, "second": "봄", "took": null, "reason": "이유"}
{"format": "workbench.decision/1", "id": "1", "article": "bakery", "when": "2031-01-02T00:00:00Z", "by": "지수", "action": "keep", "at": "/shops/0/since", "record_at": "/shops/0/since", "value": "2031년 3월"}
{"format": "workbench.decision/1", "id": "2", "article": "bakery", "when": "2031-01-03T00:00:00Z", "by": "지수", "action": "accept", "at": "/shops/1", "value": {"name": "since", "since": null}, "note": "/shops/0/since", "item": "added", "before": "sha256:1", "after": "sha256:2", "edits": [[5, "", "\\"since\\": null"]]}
{"format": "workbench.decision/1", "id": "3", "article": "bakery", "when": "2031-01-04T00:00:00Z", "by": "지수", "action": "keep", "at": "/street"}
"""


def test_check_write_carries_the_log_over_and_only_what_names_a_field(labelled: Path, workbench: Command) -> None:
    """Of an item that is there no more too; notes, texts, hashes and the edits that were made stay to the byte."""
    log = labelled / "goldens" / "street" / "decisions.jsonl"
    log.write_text(LOG, encoding="utf-8")
    said = workbench("goldens", "check")
    assert "decisions.jsonl: 3 lines name renamed fields" in said.out
    assert log.read_text(encoding="utf-8") == LOG
    result = workbench("goldens", "check", "--write", "--json")
    assert (result.code, result.json["decisions_carried_over"]) == (0, 3)
    assert log.read_text(encoding="utf-8") == (
        LOG.replace('at": "/shops/7/since"', 'at": "/shops/7/opened"')
        .replace('at": "/shops/0/since"', 'at": "/shops/0/opened"')
        .replace('"since": null}', '"opened": null}')
    )
    again = workbench("goldens", "check", "--write", "--json")
    assert (again.code, again.json["decisions_carried_over"]) == (0, 0)


class Head(BaseModel):
    head: Annotated[str, Formerly("leader")]


class Odd(BaseModel):
    pair: tuple[Head, ...]
    either: Head | list[Head]
    named: dict[str, Head]


@pytest.mark.parametrize("at", ["/pair/0", "/either", "/either/0", "/named/누구"])
def test_the_log_names_fields_by_their_present_names_wherever_the_golden_does(at: str) -> None:
    assert present_place(Odd, f"{at}/leader") == f"{at}/head"
    assert present_value(Odd, at, {"leader": "김"}) == {"head": "김"}


def test_what_an_item_of_a_list_was_is_carried_over_at_the_list() -> None:
    assert present_value(Odd, "/pair", {"leader": "김"}) == {"head": "김"}


def test_a_line_that_is_nested_too_deeply_is_named(labelled: Path, workbench: Command) -> None:
    log = labelled / "goldens" / "street" / "decisions.jsonl"
    log.write_text(LOG.replace('"봄"', "[" * 900 + "]" * 900), encoding="utf-8")
    result = workbench("goldens", "check")
    assert result.code == 2
    assert f"{log}:1" in result.err


def test_who_may_read_the_log_stays_as_it_was(labelled: Path, workbench: Command) -> None:
    log = labelled / "goldens" / "street" / "decisions.jsonl"
    log.write_text(LOG, encoding="utf-8")
    log.chmod(0o600)
    assert workbench("goldens", "check", "--write").code == 0
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_was_decided_stands_where_the_field_has_its_new_name(labelled: Path, workbench: Command) -> None:
    folder = labelled / "goldens" / "street"
    (folder / "decisions.jsonl").write_text(LOG, encoding="utf-8")
    workbench("goldens", "check", "--write")
    schema = load_schema("schemas/street.py:Street", labelled)
    golden, seen = read_shown(folder, "bakery", schema)
    mark = Log(folder).standing("bakery", seen).of("/shops/0/opened", None, None, golden)
    assert mark is not None
    assert (mark.id, mark.action) == ("1", "keep")


def test_check_lists_what_is_to_be_labelled_by_field(labelled: Path, workbench: Command) -> None:
    write(labelled, {"schemas/street.py": RENAMED.replace("name: str\n", "name: str\n    owner: str | None\n")})
    result = workbench("goldens", "check", "--write")
    assert result.code == 1
    assert "to be labelled  shops[].owner: 2 places" in result.out
    assert all('"opened"' in text and '"schema": "1"' in text for text in files(labelled).values())
    assert workbench("goldens", "check", "--json").json["to_be_labelled"] == {"shops[].owner": 2}


def test_in_ci_goldens_are_written_only_when_told_to(
    labelled: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    before = files(labelled)
    result = workbench("goldens", "check", "--write")
    assert (result.code, "--allow-writes" in result.err) == (2, True)
    assert files(labelled) == before
    assert workbench("goldens", "check", "--write", "--allow-writes").code == 0
    assert files(labelled) != before


def test_goldens_of_a_folder_of_ones_own_are_checked_and_carried_over(labelled: Path, workbench: Command) -> None:
    own = labelled / "second"
    (labelled / "goldens" / "street").rename(own)
    assert workbench("goldens", "check", "--goldens", own, "--write").code == 0
    assert '"opened"' in (own / "bakery.json").read_text(encoding="utf-8")


def test_eval_refuses_goldens_of_another_version_and_names_the_command(labelled: Path, workbench: Command) -> None:
    result = workbench("run", "--replay")
    assert result.code == 2
    assert "it answers version 1 of the schema" in result.err
    assert "workbench goldens check" in result.err
