"""What a request weighs and costs: tokens before it is sent, money after.

Prices are those of genai-prices (https://github.com/pydantic/genai-prices) as installed; its updater, which goes to the network, is not used. A model that it does not
know at this address has no price, which is not the same as costing nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from workbench.completions import Usage

__all__ = ["NOTHING", "Cost", "context_window", "count_tokens", "price"]


@dataclass(frozen=True)
class Cost:
    """Money, in the currency's unit."""

    amount: Decimal
    currency: str = "USD"


NOTHING = Cost(Decimal(0))
"""The cost of what was not sent."""


@cache
def _tokenizer() -> Any:  # the package has no types
    from rs_bpe.bpe import openai  # noqa: PLC0415 - 25 MB, and a replay counts nothing

    return openai.o200k_base()


def count_tokens(text: str) -> int:
    """How many tokens a text has by o200k, OpenAI's tokenizer since 2024; an estimate for other models."""
    return int(_tokenizer().count(text))


def price(model: str, base_url: str, usage: Usage) -> Cost | None:
    """What an exchange costs at this endpoint, or None if its price is not known."""
    found = _calculate(model, base_url, usage)
    return Cost(found.total_price) if found else None


def context_window(model: str, base_url: str) -> int | None:
    """How many tokens the model reads and writes at most, if that is known."""
    found = _calculate(model, base_url, Usage())
    return found.model.context_window if found else None


def _calculate(model: str, base_url: str, usage: Usage) -> Any:
    import genai_prices  # noqa: PLC0415 - 0.3 s, and a replay pays nothing

    counted = genai_prices.Usage(
        input_tokens=usage.prompt, output_tokens=usage.completion, cache_read_tokens=usage.cached
    )
    try:
        return genai_prices.calc_price(counted, model, provider_api_url=base_url)
    except LookupError:
        return None
