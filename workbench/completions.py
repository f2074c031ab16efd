"""What a completion says: the text of an answer, or why there is none."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from workbench.errors import ProviderError

__all__ = ["NO_API", "Completion", "Usage", "read_completion"]

NO_API = "check that the base URL is that of an OpenAI-compatible API (it usually ends in /v1)"
"""What to do where an answer is of another form."""
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
