"""A JSON text rewritten only where its value differs."""

import json
from typing import Any

import pytest
from helpers import json_values
from hypothesis import given
from hypothesis import strategies as st

from workbench.jsontext import Edit, edits, rewritten, undone


def after(text: str, value: Any) -> str:
    return rewritten(text, edits(text, value))


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


layouts = st.sampled_from(
    [
        canonical,
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: json.dumps(value, separators=(",", ":")),
        lambda value: canonical(value).replace("\n", "\r\n"),
        lambda value: json.dumps(value, indent="\t") + "\n\n",
        lambda value: " " + json.dumps(value, indent=3).replace("{", "{ ").replace(",\n", " ,\n"),
    ]
)
"""Ways to lay out JSON; the last is nobody's, and its replacements may reach into texts."""


@given(json_values, json_values)
def test_a_text_as_json_dumps_lays_it_out_stays_so(old: Any, new: Any) -> None:
    assert after(canonical(old), new) == canonical(new)


@given(json_values, json_values, layouts)
def test_whatever_its_layout_a_text_holds_the_new_value_and_can_be_taken_back(old: Any, new: Any, lay_out: Any) -> None:
    text = lay_out(old)
    made = edits(text, new)
    assert repr(json.loads(rewritten(text, made))) == repr(new)
    assert rewritten(rewritten(text, made), undone(made)) == text


@given(json_values, layouts)
def test_the_same_value_changes_nothing(value: Any, lay_out: Any) -> None:
    text = lay_out(value)
    assert edits(text, json.loads(text)) == []


BY_HAND = """{"name" : "밀밭",
  "shops": [ {"n":1},
             {"n":2} ],   "tags": ["a","b"], "\\uac00": null, "deep": {"x": [
    1
  ]},
  "none": []
}"""


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ({"name": "보리밭"}, '"밀밭"', '"보리밭"'),
        ({"가": 1}, "null", "1"),
        ({"shops": [{"n": 1}, {"n": 3}]}, "2", "3"),
        ({"shops": [{"n": 1}, {"n": 2}, {"n": 3}]}, "", ',\n             {\n               "n": 3\n             }'),
        ({"shops": [{"n": 2}]}, '{"n":1},\n             ', ""),
        ({"shops": [{"n": 1}]}, ',\n             {"n":2}', ""),
        ({"shops": []}, ' {"n":1},\n             {"n":2} ', ""),
        ({"tags": ["a", "c", "b"]}, "", '"c",'),
        ({"tags": ["c", "a", "b"]}, "", '"c",'),
        ({"deep": {"x": [1, 2]}}, "", ",\n    2"),
        ({"none": [1]}, "", "\n    1\n  "),
    ],
)
def test_only_what_differs_is_written_and_as_its_neighbours_are(change: dict[str, Any], old: str, new: str) -> None:
    made = edits(BY_HAND, json.loads(BY_HAND) | change)
    assert [(edit.old, edit.new) for edit in made] == [(old, new)]


def test_a_key_is_renamed_where_it_stands() -> None:
    assert after('{"a": 1, "b": [2], "c": 3}', {"a": 1, "x": [2], "c": 3}) == '{"a": 1, "x": [2], "c": 3}'


def test_the_last_of_two_equal_keys_counts_as_readers_have_it() -> None:
    assert json.loads(after('{"a": 1, "a": 2}', {"a": 3})) == {"a": 3}
    assert edits('{"a": 1, "a": 2}', {"a": 2}) == []


def test_one_true_and_one_point_nought_are_told_apart() -> None:
    assert [after("[1]", value) for value in ([True], [1.0], [1])] == ["[true]", "[1.0]", "[1]"]


@pytest.mark.parametrize("text", ["", "{", "[1", "[1 2]", '{"a" 1}', "{1: 2}", "[1] 2", "[1,]"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says of it
        edits(text, [])


def test_what_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        edits("[1]", [float("nan")])


def test_a_replacement_of_what_does_not_stand_there_is_refused() -> None:
    with pytest.raises(ValueError, match="at 0 stands 'b', not 'a'"):
        rewritten("b", [Edit(0, "a", "c")])


def test_replacements_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="stands"):
        rewritten("abc", [Edit(0, "ab", ""), Edit(1, "b", "")])
