"""What tokens cost."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_project import ROOT

from workbench.articles import Article, read_articles
from workbench.completions import Usage
from workbench.endpoints import Endpoint, Model
from workbench.prices import NOTHING, Cost, context_window, count_tokens, estimate_tokens, price, tokenizer_of
from workbench.settings import Price

OPENAI = Endpoint("https://api.openai.com/v1", "sk-not-used", "test")
HERE = Endpoint("http://127.0.0.1:1/v1", None, "test")
counts = st.integers(0, 10**7)


def priced(**rates: Any) -> Price:
    return Price.model_validate({"input": Decimal("0.15"), "output": Decimal("0.60")} | rates)


def test_a_price_of_the_settings_goes_before_the_lists() -> None:
    usage = Usage(1_000_000, 1_000_000)
    assert price(Model("gpt-5-mini", OPENAI, price=priced()), usage) == Cost(Decimal("0.75"))
    assert price(Model("gpt-5-mini", OPENAI), usage) == Cost(Decimal("2.25"))


def test_a_price_of_the_settings_is_exact_and_in_its_own_currency() -> None:
    model = Model("m", HERE, price=priced(currency="KRW"))
    assert price(model, Usage(1, 1)) == Cost(Decimal("0.00000075"), "KRW")


@pytest.mark.parametrize(("cached", "cost"), [(None, "0.15"), ("0.075", "0.12"), ("0", "0.09")])
def test_cached_tokens_cost_their_own_price_or_as_much_as_others(cached: str | None, cost: str) -> None:
    model = Model("m", HERE, price=priced(cached=cached))
    assert price(model, Usage(1_000_000, 0, cached=400_000)) == Cost(Decimal(cost))


@given(counts, counts, counts)
def test_what_is_cached_never_costs_more_than_it_would_uncached_nor_less_than_nothing(
    prompt: int, completion: int, cached: int
) -> None:
    """However an endpoint counts: also where it says that more was cached than was sent."""
    some = price(Model("m", HERE, price=priced(cached="0.05")), Usage(prompt, completion, cached))
    all_fresh = price(Model("m", HERE, price=priced()), Usage(prompt, completion))
    assert (some is None) == (all_fresh is None)
    assert some is None or all_fresh is None or 0 <= some.amount <= all_fresh.amount


@pytest.mark.parametrize("endpoint", [HERE, None])
def test_an_unknown_price_is_none_rather_than_nothing(endpoint: Endpoint | None) -> None:
    assert price(Model("gpt-5-mini", endpoint), Usage(10, 10)) is None


def test_tokens_that_nobody_counted_have_no_known_price() -> None:
    assert price(Model("gpt-5-mini", OPENAI), Usage()) is None
    assert price(Model("m", HERE, price=priced()), Usage()) is None


def test_a_model_that_costs_nothing_costs_nothing_counted_or_not() -> None:
    free = Model("m", HERE, price=priced(input="0", output="0"))
    assert [price(free, usage) for usage in (Usage(), Usage(10, 10))] == [NOTHING, NOTHING]


def test_what_a_model_reads_is_as_its_settings_say_else_as_its_provider_does() -> None:
    assert context_window(Model("gpt-5-mini", OPENAI, context_tokens=7)) == 7
    assert (context_window(Model("gpt-5-mini", OPENAI)) or 0) > 100_000
    assert context_window(Model("gpt-5-mini", HERE)) is None


def test_costs_add_up_in_their_currency_and_nothing_changes_none() -> None:
    won = Cost(Decimal(5), "KRW")
    assert (won + won, won + NOTHING, NOTHING + won) == (Cost(Decimal(10), "KRW"), won, won)


def test_costs_in_two_currencies_have_no_sum() -> None:
    with pytest.raises(ValueError, match="USD and KRW"):
        Cost(Decimal(1)) + Cost(Decimal(1), "KRW")


@pytest.mark.parametrize(
    ("name", "tokenizer"),
    [
        ("gpt-5-mini", "o200k"),
        ("openai/gpt-4.1", "o200k"),
        ("ft:gpt-4o-mini:us:7p", "o200k"),
        ("o3", "o200k"),
        ("openai/gpt-oss-20b", "o200k"),
        ("gpt-4-turbo", "cl100k"),
        ("gpt-3.5-turbo", "cl100k"),
        ("o1000", None),
        ("vendor/near-7b", None),
        ("gemini-2.5-pro", None),
    ],
)
def test_a_tokenizer_is_known_by_the_models_name(name: str, tokenizer: str | None) -> None:
    assert tokenizer_of(name) == tokenizer


def test_where_no_tokenizer_is_known_korean_news_is_taken_for_more_tokens_than_openais_make_of_it() -> None:
    texts = [one.text for one in read_articles([ROOT / "seeds" / "articles"], ()) if isinstance(one, Article)]
    assert len(texts) > 10
    for text in texts:
        assert count_tokens(text, "o200k") < count_tokens(text, "cl100k") <= estimate_tokens(text, None)
