"""The leaves of a record: its quotes, what they support, and the texts that it copied."""

from collections.abc import Iterator
from typing import Literal

from every_type import Dog, Everything, Kind, everything
from helpers import resolve
from hypothesis import given
from pydantic import BaseModel

from workbench.leaves import walk
from workbench.pointers import pointer
from workbench.schema import Cited, Quote, is_chosen, is_quote, key_step

Found = tuple[str, str, tuple[tuple[str, str], ...]]
"""A quote's place, the quote, and place and text of each leaf beside it."""


def citations(record: BaseModel) -> list[Found]:
    return [
        (at, quote, tuple((place, text) for place, text, _ in leaves)) for at, quote, leaves in walk(record).citations
    ]


def test_a_quote_supports_the_copied_texts_beside_it() -> None:
    class Item(BaseModel):
        name: str
        aliases: list[str]
        status: Literal["a"]
        kind: Kind
        number: int
        missing: str | None
        quote: Quote

    item = Item(name="가", aliases=["나", "다"], status="a", kind=Kind.NEW, number=1, missing=None, quote="q")
    assert citations(item) == [("/quote", "q", (("/name", "가"), ("/aliases/0", "나"), ("/aliases/1", "다")))]


def test_a_quote_supports_what_cites_nothing_itself_and_nothing_that_does() -> None:
    class Inner(BaseModel):
        unit: str

    class Outer(BaseModel):
        inner: Inner
        by_name: dict[str, Inner]
        own: Dog
        quote: Quote

    outer = Outer(
        inner=Inner(unit="가"), by_name={"a/b": Inner(unit="나")}, own=Dog(kind="dog", name="다", quote="r"), quote="q"
    )
    assert citations(outer) == [
        ("/quote", "q", (("/inner/unit", "가"), ("/by_name/a~1b/unit", "나"))),
        ("/own/quote", "r", (("/own/name", "다"),)),
    ]


def test_a_cited_list_is_supported_as_a_whole() -> None:
    assert citations(Cited[list[str]](value=["가", "나"], quote="q")) == [
        ("/quote", "q", (("/value/0", "가"), ("/value/1", "나")))
    ]


def test_a_quote_that_is_absent_is_no_citation() -> None:
    class Item(BaseModel):
        name: str
        quote: Quote | None

    assert citations(Item(name="가", quote=None)) == []
    assert citations(Item(name="가", quote="q")) == [("/quote", "q", (("/name", "가"),))]


@given(everything)
def test_every_citation_points_into_the_record(record: Everything) -> None:
    dumped = record.model_dump(mode="json")
    for at, quote, leaves in citations(record):
        assert resolve(dumped, at) == quote
        assert all(resolve(dumped, place) == text for place, text in leaves)


# --- one walk instead of three


def inside(item: object, at: str) -> Iterator[tuple[object, str]]:
    """What a list or a dictionary holds."""
    if isinstance(item, list | tuple):
        yield from ((child, f"{at}/{number}") for number, child in enumerate(item))
    if isinstance(item, dict):
        yield from ((child, at + pointer(key_step(key))) for key, child in item.items())


def copied_below(item: object, at: str, *, uncited: bool) -> Iterator[tuple[str, str]]:
    """The copied texts of what a field holds, read as the words say: one question, one walk. ``uncited``: only what cites nothing itself."""
    if isinstance(item, str):
        yield at, item
    elif isinstance(item, BaseModel) and (not uncited or not any(map(is_quote, type(item).model_fields.values()))):
        yield from copied_in(item, at, uncited=uncited)
    for child, place in inside(item, at):
        yield from copied_below(child, place, uncited=uncited)


def copied_in(item: BaseModel, at: str, *, uncited: bool) -> Iterator[tuple[str, str]]:
    for name, field in type(item).model_fields.items():
        if not is_quote(field) and not is_chosen(field.annotation):
            yield from copied_below(getattr(item, name), at + pointer(name), uncited=uncited)


def cited_below(item: object, at: str) -> Iterator[Found]:
    if isinstance(item, BaseModel):
        fields = type(item).model_fields
        for name in (name for name, field in fields.items() if is_quote(field)):
            if isinstance(quote := getattr(item, name), str):
                yield at + pointer(name), quote, tuple(copied_in(item, at, uncited=True))
        for name in fields:
            yield from cited_below(getattr(item, name), at + pointer(name))
    for child, place in inside(item, at):
        yield from cited_below(child, place)


@given(everything)
def test_one_walk_gives_what_a_walk_for_each_question_gives(record: Everything) -> None:
    assert citations(record) == list(cited_below(record, ""))
    assert [(at, text) for at, text, _ in walk(record).copied] == list(copied_in(record, "", uncited=False))


@given(everything)
def test_what_stands_behind_a_closed_list_is_cited_and_not_copied(record: Everything) -> None:
    places = [at for at, *_ in walk(record).copied]
    assert not any(at.startswith("/choice") for at in places)
    assert any(at == "/choice/quote" for at, *_ in citations(record)) == isinstance(record.choice, Dog)
