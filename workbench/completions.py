"""What a completion says: the text of an answer, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import JsonValue

from workbench.errors import ProviderError

__all__ = ["NO_API", "SHORTEN", "Completion", "Usage", "is_too_long", "read_completion"]

NO_API = "check that the base URL is that of an OpenAI-compatible API (it usually ends in /v1)"
"""What to do where an answer is of another form."""
SHORTEN = "split the article, or take a model that reads more; `context_tokens` in its settings keeps such a request from being sent"
"""What to do where a request is longer than the model reads."""
TOO_LONG: Final = (
    ("code", "context_length_exceeded"),  # OpenAI and who speaks as it does; bytedance/deer-flow#310 shows one
    ("type", "exceed_context_size_error"),  # llama.cpp, of which tests/test_real_model.py asks it
    ("param", "input_tokens"),  # vLLM, vllm/renderers/params.py
    ("param", "input_text"),  # the same, where it did not even count
)
"""Fields by which an error says that the request is longer than the model reads."""
TOO_LONG_WORDS: Final = (
    "This model's maximum context length is ",  # vLLM before that; vllm-project/vllm#20409
    " is longer than the maximum model length of ",  # vLLM's V1 engine; Gabesarch/grounded-rl#16
    " is longer than the model's context length (",  # SGLang; QwenLM/Qwen3#1321
)
"""What servers say that say it in words alone."""
MOST_TOKENS = 1_000_000_000
"""Beyond what any model reads: a larger count is none."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one or more exchanges, as the endpoint counted them; 0 where it did not say."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    """Of the prompt's tokens, those that the provider had cached."""

    def __add__(self, other: "Usage") -> "Usage":
        """The sum."""
        return Usage(self.prompt + other.prompt, self.completion + other.completion, self.cached + other.cached)


@dataclass(frozen=True)
class Completion:
    """A chat completion, read.

    Attributes:
        state: ``answered``, or why there is no answer.
        text: The answer, which should be JSON; what there is of it where it was cut.
        reason: In words, where there is no answer.
        usage: As the endpoint counted.
    """

    state: Literal["answered", "truncated", "refused", "filtered"]
    text: str
    reason: str
    usage: Usage


def read_completion(body: dict[str, JsonValue]) -> Completion:
    """Read the body of a ``/chat/completions`` response.

    Raises:
        ProviderError: If it is no chat completion.
    """
    reply: Any = body
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        finish = choice.get("finish_reason")
        calls = message.get("tool_calls")
        text = calls[0]["function"]["arguments"] if calls else message.get("content") or ""
        refusal = message.get("refusal")
        usage = _usage(reply.get("usage"))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _wrong_shape() from error
    if not isinstance(text, str):
        raise _wrong_shape()
    if refusal:
        return Completion("refused", "", f"the model refused: {refusal}", usage)
    if finish == "content_filter":
        return Completion("filtered", text, "the provider's content filter stopped the answer", usage)
    if finish == "length":
        return Completion(
            "truncated", text, f"the answer was cut at the token limit ({usage.completion} tokens)", usage
        )
    return Completion("answered", text, "", usage)


def is_too_long(status: int, error: Mapping[str, Any]) -> bool:
    """Whether an error means that the request is longer than the model reads: by its fields, and by its words where no field says so.

    Args:
        status: Of HTTP.
        error: The object in which the endpoint reports it.
    """
    if status not in {400, 413, 422}:
        return False
    said = error.get("message")
    return any(error.get(name) == value for name, value in TOO_LONG) or (
        isinstance(said, str) and any(words in said for words in TOO_LONG_WORDS)
    )


def _usage(counted: Any) -> Usage:
    """A count that makes no sense is 0: it is no reason to lose the answer."""
    counted = counted if isinstance(counted, dict) else {}
    details = counted.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(*(_count(n) for n in (counted.get("prompt_tokens"), counted.get("completion_tokens"), cached)))


def _count(number: Any) -> int:
    return int(number) if isinstance(number, int | float) and 0 <= number <= MOST_TOKENS else 0


def _wrong_shape() -> ProviderError:
    return ProviderError(
        "the endpoint's answer is no chat completion",
        expected="an object with choices[0].message",
        way_out=NO_API,
    )
