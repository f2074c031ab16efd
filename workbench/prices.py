"""What a request weighs and costs: tokens before it is sent, money after.

A price is the model's own where the settings give one, else that of genai-prices (https://github.com/pydantic/genai-prices) as installed; its updater, which goes to the network, is not used. A model that neither
knows at this address has no price, which is not the same as costing nothing.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, Literal

from workbench.completions import Usage
from workbench.endpoints import Model

__all__ = [
    "NOTHING",
    "PER_OTHER",
    "PER_SYLLABLE",
    "Cost",
    "Tokenizer",
    "batch_price",
    "context_window",
    "count_tokens",
    "estimate_tokens",
    "price",
    "tokenizer_of",
]

MILLION = 1_000_000
PER_SYLLABLE: Final = 1.5
"""Tokens for a syllable of Hangul, where the tokenizer is not known: o200k makes 0.7 to 0.9 of one, cl100k 0.9 to 1.5, a model made for English up to 3."""
PER_OTHER: Final = 0.5
"""Tokens for any other character, likewise."""

Tokenizer = Literal["o200k", "cl100k"]
_TOKENIZERS: Final[tuple[tuple[Tokenizer, re.Pattern[str]], ...]] = (
    ("o200k", re.compile(r"(chatgpt-4o|gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|gpt-oss|o[134])([-.:]|$)")),
    ("cl100k", re.compile(r"(gpt-4|gpt-3\.5)([-.:]|$)")),
)
"""By the beginning of a model's name, as tiktoken has them (https://github.com/openai/tiktoken/blob/main/tiktoken/model.py)."""
_HANGUL: Final = re.compile("[가-힣]")


@dataclass(frozen=True)
class Cost:
    """Money, in the currency's unit."""

    amount: Decimal
    currency: str = "USD"

    def __add__(self, other: "Cost") -> "Cost":
        """The sum; nothing at all is nothing in any currency.

        Raises:
            ValueError: If the currencies differ.
        """
        if not self.amount or not other.amount:
            return self if self.amount else other
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} have no sum")
        return Cost(self.amount + other.amount, self.currency)


NOTHING = Cost(Decimal(0))
"""The cost of what was not sent."""


@cache
def _tokenizer(name: Tokenizer) -> Any:  # the package has no types
    from rs_bpe.bpe import openai  # noqa: PLC0415 - 25 MB, and a replay counts nothing

    return openai.o200k_base() if name == "o200k" else openai.cl100k_base()


def count_tokens(text: str, tokenizer: Tokenizer = "o200k") -> int:
    """How many tokens a text has by a tokenizer; by o200k, OpenAI's since 2024, most models have more."""
    return int(_tokenizer(tokenizer).count(text))


def tokenizer_of(name: str) -> Tokenizer | None:
    """The tokenizer of a model by its name, with a vendor before it or not; None where it is not known."""
    bare = name.rpartition("/")[2].removeprefix("ft:").lower()
    return next((tokenizer for tokenizer, names in _TOKENIZERS if names.match(bare)), None)


def estimate_tokens(text: str, tokenizer: Tokenizer | None) -> int:
    """How many tokens a text has by a tokenizer; where there is none about how many, by its Hangul."""
    if tokenizer:
        return count_tokens(text, tokenizer)
    syllables = len(_HANGUL.findall(text))
    return round(syllables * PER_SYLLABLE + (len(text) - syllables) * PER_OTHER)


def price(model: Model, usage: Usage) -> Cost | None:
    """What an exchange costs where the model is asked, or None if its price is not known, or its tokens were not counted."""
    own = model.price
    if own and not (own.input or own.output or own.cached):
        return Cost(own.input, own.currency)
    if not (usage.prompt or usage.completion):
        return None
    if own:
        cached = min(usage.cached, usage.prompt)
        read = (usage.prompt - cached) * own.input + cached * (own.input if own.cached is None else own.cached)
        return Cost((read + usage.completion * own.output) / MILLION, own.currency)
    found = _calculate(model, usage)
    return Cost(found.total_price) if found else None


def batch_price(model: Model, usage: Usage) -> Cost | None:
    """The same in a batch, of which providers ask a share."""
    live = price(model, usage)
    return live and Cost(live.amount * model.batch_price, live.currency)


def context_window(model: Model) -> int | None:
    """How many tokens the model reads and writes at most, by the settings or its provider, if that is known."""
    if model.context_tokens:
        return model.context_tokens
    found = _calculate(model, Usage())
    return found.model.context_window if found else None


def _calculate(model: Model, usage: Usage) -> Any:
    if model.endpoint is None:
        return None
    import genai_prices  # noqa: PLC0415 - 0.3 s, and a replay pays nothing

    counted = genai_prices.Usage(
        input_tokens=usage.prompt,
        output_tokens=usage.completion,
        cache_read_tokens=min(usage.cached, usage.prompt),
    )
    try:
        return genai_prices.calc_price(counted, model.name, provider_api_url=model.endpoint.base_url)
    except LookupError:
        return None
