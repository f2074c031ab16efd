"""What code notices about a record without knowing the answer."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pytest
from helpers import article_of
from pydantic import BaseModel

from workbench.articles import Article
from workbench.evidence import ground
from workbench.examples import Example
from workbench.findings import Finding, findings
from workbench.leaves import walk
from workbench.readings import readings
from workbench.schema import Cited, Quote
from workbench.scoring import Amount, Date, Identity, Region


class Item(BaseModel):
    name: Annotated[str, Identity()]
    price: Annotated[str, Amount()] | None = None
    since: Cited[Annotated[str, Date()]] | None = None
    quote: Quote


class Listing(BaseModel):
    items: list[Item]


class Counted(Listing):
    def notice(self) -> Iterator[tuple[str, str, str]]:
        yield "few_items", "/items", f"there are only {len(self.items)}"


ARTICLE = "빵은 3천원이고 떡은 비싸다. 빵은 1987년부터 팔았다. 국은 없다. 국은 없다."


def found_in(record: BaseModel, article: Article, examples: Sequence[Example] = ()) -> list[Finding]:
    walked = walk(record)
    return findings(walked, ground(walked, article.text), readings(walked, article), article, examples)


def noticed(*items: Item, schema: type[Listing] = Listing, published: str | None = "2025") -> list[tuple[str, str]]:
    record = schema(items=list(items))
    return [(finding.name, finding.at) for finding in found_in(record, article_of(ARTICLE, published=published))]


def test_a_record_in_order_gives_no_finding() -> None:
    assert noticed(Item(name="빵", price="3천원", quote="빵은 3천원이고")) == []


def test_a_quote_that_stands_nowhere_is_ungrounded_and_holds_no_value() -> None:
    found = noticed(Item(name="빵", quote="빵은 4천원이고"))
    assert found == [("ungrounded_quote", "/items/0/quote"), ("value_outside_quote", "/items/0/name")]


def test_a_value_that_stands_nowhere_is_said() -> None:
    assert noticed(Item(name="과자", quote="빵은 3천원이고")) == [("value_not_in_article", "/items/0/name")]


def test_a_value_beside_its_quote_is_said() -> None:
    assert noticed(Item(name="떡", quote="빵은 3천원이고")) == [("value_outside_quote", "/items/0/name")]


def test_a_quote_in_two_places_is_said() -> None:
    assert noticed(Item(name="국", quote="국은 없다")) == [("ambiguous_quote", "/items/0/quote")]


def test_an_amount_that_cannot_be_read_is_said() -> None:
    assert noticed(Item(name="떡", price="비싸다", quote="떡은 비싸다")) == [("unreadable_amount", "/items/0/price")]


def test_a_date_from_before_the_articles_century_is_said() -> None:
    item = Item(name="빵", since=Cited(value="1987년", quote="1987년부터"), quote="빵은 1987년부터")
    assert noticed(item) == [("early_date", "/items/0/since/value")]
    assert noticed(item, published="1999") == []
    assert noticed(item, published=None) == []


def test_a_date_that_cannot_be_read_is_said() -> None:
    item = Item(name="빵", since=Cited(value="팔았다", quote="팔았다"), quote="빵은 1987년부터")
    assert noticed(item) == [("unreadable_date", "/items/0/since/value")]


@pytest.mark.parametrize(("second", "found"), [("빵", [("duplicate_item", "/items/1")]), ("떡", [])])
def test_two_items_that_name_the_same_are_said(second: str, found: list[tuple[str, str]]) -> None:
    assert (
        noticed(
            Item(name="빵", quote="빵은 3천원이고"),
            Item(name=second, quote=f"이고 {second}은") if second == "떡" else Item(name="빵", quote="빵은 1987년"),
        )
        == found
    )


def test_a_schema_may_notice_more() -> None:
    record = Counted(items=[])
    assert found_in(record, article_of(ARTICLE)) == [Finding("few_items", "/items", "there are only 0")]


# --- values from examples


def example(answer: dict[str, Any]) -> Example:
    return Example(
        "g", "sha256:0", (), article_of("쌀집은 1만원이다.", "other"), json.dumps(answer, ensure_ascii=False)
    )


def leaked(item: Item, answer: dict[str, Any]) -> list[tuple[str, str]]:
    record = Listing(items=[item])
    found = found_in(record, article_of(ARTICLE, published="2025"), [example(answer)])
    return [(finding.name, finding.at) for finding in found if finding.name == "value_from_example"]


def test_a_value_that_only_an_example_has_is_said() -> None:
    answer = {"items": [{"name": "쌀집", "price": "1만원", "quote": "쌀집은 1만원"}]}
    assert leaked(Item(name="쌀 집", quote="빵은 3천원이고"), answer) == [("value_from_example", "/items/0/name")]


def test_a_quote_that_only_an_example_has_is_said() -> None:
    answer = {"items": [{"name": "쌀집", "price": "1만원", "quote": "쌀집은 1만원"}]}
    assert leaked(Item(name="빵", quote="쌀집은 1만원"), answer) == [("value_from_example", "/items/0/quote")]


def test_a_value_that_the_article_has_too_is_from_the_article() -> None:
    assert leaked(Item(name="빵", quote="빵은 3천원이고"), {"items": [{"name": "빵"}]}) == []


def test_a_value_that_is_a_part_of_an_examples_value_is_not_from_it() -> None:
    assert leaked(Item(name="쌀", quote="빵은 3천원이고"), {"items": [{"name": "쌀집"}]}) == []


# --- regions


class Post(BaseModel):
    seat: Annotated[str, Region()] | None = None
    place: Annotated[str, Region(leading=True)] | None = None


def regions(post: Post, text: str, published: str | None = "2025") -> list[tuple[str, str]]:
    article = article_of(text, published=published)
    return [(finding.name, finding.at) for finding in found_in(post, article)]


def test_a_region_that_the_article_does_not_settle_is_said_with_those_that_it_may_be() -> None:
    post = Post(seat="고성군", place="중구 동문로")
    assert regions(post, "고성군이 중구에 알렸다.") == [("ambiguous_region", "/seat"), ("ambiguous_region", "/place")]
    assert regions(Post(seat="고성군"), "강원의 고성군이 알렸다.") == []


def test_a_region_that_is_none_is_said_and_a_place_need_not_name_one() -> None:
    assert regions(Post(seat="우리 고장", place="백구면"), "우리 고장의 백구면이다.") == [
        ("unreadable_region", "/seat")
    ]
