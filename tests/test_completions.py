"""What a chat completion says."""

from contextlib import suppress
from typing import Any

import pytest
from helpers import json_objects, json_values
from hypothesis import given
from hypothesis import strategies as st

from workbench.completions import Completion, Usage, read_completion
from workbench.errors import ProviderError


def body(message: Any = None, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    message = {"content": "{}"} if message is None else message
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


def test_an_answer_is_its_text() -> None:
    assert read_completion(body({"content": '{"a": 1}'})) == Completion("answered", '{"a": 1}', "", Usage())


def test_a_tools_arguments_are_the_answer() -> None:
    message = {"content": None, "tool_calls": [{"function": {"name": "x", "arguments": '{"a": 1}'}}]}
    assert read_completion(body(message, "tool_calls")).text == '{"a": 1}'


@pytest.mark.parametrize("message", [{"content": None}, {"content": ""}, {}])
def test_an_answer_without_words_is_an_empty_answer(message: dict[str, Any]) -> None:
    assert read_completion(body({**message, "role": "assistant"})) == Completion("answered", "", "", Usage())


def test_a_refusal_is_no_answer() -> None:
    found = read_completion(body({"content": None, "refusal": "I can't"}))
    assert (found.state, found.reason) == ("refused", "the model refused: I can't")


def test_a_filtered_answer_is_no_answer() -> None:
    assert read_completion(body(finish="content_filter")).state == "filtered"


def test_an_answer_that_was_cut_keeps_what_there_is_of_it() -> None:
    found = read_completion(body({"content": '{"a'}, "length", usage={"completion_tokens": 5}))
    assert (found.state, found.text, found.reason) == (
        "truncated",
        '{"a',
        "the answer was cut at the token limit (5 tokens)",
    )


def test_usage_is_what_the_endpoint_counted() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3}}
    assert read_completion(body(usage=usage)).usage == Usage(10, 5, 3)


@pytest.mark.parametrize(
    "usage",
    [
        *(None, {}, "many", 5, [], {"prompt_tokens": "x"}, {"prompt_tokens": None}, {"prompt_tokens": -1}),
        *({"completion_tokens": float("inf")}, {"completion_tokens": [1]}, {"prompt_tokens_details": 5}),
    ],
)
def test_a_count_that_makes_no_sense_loses_no_answer(usage: Any) -> None:
    found = read_completion(body(usage=usage))
    assert (found.state, found.usage) == ("answered", Usage())


def test_usages_add_up() -> None:
    assert Usage(1, 2, 3) + Usage(10, 20, 30) == Usage(11, 22, 33)


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {},
            {"choices": []},
            {"choices": None},
            {"choices": "abc"},
            {"choices": {}},
            {"choices": [None]},
            {"choices": [{}]},
        ),
        *({"choices": [{"message": None}]}, {"choices": [{"message": "x"}]}, {"": []}, {"error": {"message": "no"}}),
        *(
            body({"content": ["a"]}),
            body({"content": {"a": 1}}),
            body({"tool_calls": [{}]}),
            body({"tool_calls": {"a": 1}}),
        ),
        body({"tool_calls": [{"function": {"arguments": {"a": 1}}}]}),
    ],
)
def test_what_is_no_chat_completion_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProviderError, match="no chat completion"):
        read_completion(wrong)


@given(
    json_objects
    | st.builds(body, json_values, json_values, usage=json_values)
    | st.builds(
        body,
        st.fixed_dictionaries({}, optional={"content": json_values, "tool_calls": json_values, "refusal": json_values}),
    )
)
def test_any_body_is_a_completion_or_none(found: dict[str, Any]) -> None:
    with suppress(ProviderError):
        assert isinstance(read_completion(found).text, str)
