"""One form for text and JSON."""

import json
import unicodedata
from typing import Any

import pytest
from helpers import json_values, nfc, texts
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.canonical import canonical_json, canonical_text, check_json, first_problem, hash_json, hash_text, line
from workbench.settings import Price

DIRTY = st.text(alphabet=st.sampled_from("가\u1100\u1161a\u0301\r\n\ufeff ?"), max_size=12)


@given(texts | DIRTY)
def test_a_canonical_text_is_its_own_canonical_text(text: str) -> None:
    """However many byte order marks it began with."""
    assert canonical_text(canonical_text(text)) == canonical_text(text)


@given(texts | DIRTY)
def test_a_canonical_text_is_nfc_with_line_feeds_and_no_mark(text: str) -> None:
    canonical = canonical_text(text)
    assert nfc(canonical) == canonical
    assert "\r" not in canonical
    assert not canonical.startswith("\ufeff")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_one_text_has_one_hash_however_it_was_saved(end: str, form: Any, mark: str) -> None:
    saved = mark + unicodedata.normalize(form, f"김제시{end}특장차{end}")
    assert hash_text(saved) == hash_text("김제시\n특장차\n")


def test_a_mark_inside_a_text_stays() -> None:
    assert canonical_text("가\ufeff나") == "가\ufeff나"


@given(json_values)
def test_canonical_json_reads_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(json_values)
def test_a_line_reads_back_as_the_same_value_and_is_one_line(value: Any) -> None:
    assert json.loads(line(value)) == value
    assert line(value).count("\n") == 1


@given(st.dictionaries(texts, json_values, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert hash_json(dict(items)) == hash_json(value)


def test_canonical_json_has_no_spaces_and_real_hangul() -> None:
    assert canonical_json({"나": [1, None], "가": "산업"}) == '{"가":"산업","나":[1,null]}'


def test_a_line_keeps_the_order_of_keys() -> None:
    assert line({"b": 1, "a": 2}) == '{"b": 1, "a": 2}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
@pytest.mark.parametrize("write", [canonical_json, line, hash_json])
def test_what_json_has_no_number_for_is_refused(write: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        write(value)


def test_half_a_character_has_no_hash() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        hash_text("\ud800")


def test_a_hash_names_its_algorithm() -> None:
    assert hash_text("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(json_values)
def test_what_can_be_written_as_json_passes(value: Any) -> None:
    check_json(value)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '"NaN": Infinity'])
def test_a_text_that_names_what_json_lacks_passes(text: str) -> None:
    check_json({text: [text]})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_lacks_is_refused_wherever_it_stands(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        check_json({"a": [{"b": number}]})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        check_json({"a": "\ud800"})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"input": 1}, "output: Field required"),
        (
            {"input": 1, "output": 1, "cached": 2},
            "Value error, cached tokens cost more than the others: give input the higher price",
        ),
    ],
)
def test_the_first_problem_names_its_place_where_it_has_one(fields: dict[str, int], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Price.model_validate(fields)
    assert first_problem(refused.value) == says
