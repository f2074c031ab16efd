"""Quotes become spans, or they do not; they are never repaired."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import nfc, resolve
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.evidence import LOST, Text, ground
from workbench.leaves import walk
from workbench.schema import Cited, Quote

ARTICLE = "김제시는 항공?드론 산업을 ‘5대 전략’으로\n육성한다. 김제시는 2030년까지 101조원을 투자한다."
scraps = st.text(alphabet="가나?·'‘’ \n\u3000", max_size=14)


class Target(BaseModel):
    name: str
    amount: str | None
    quote: Quote


class Record(BaseModel):
    title: Cited[str] | None = None
    targets: list[Target] = []


def squeezed(text: str) -> str:
    return "".join(nfc(text).split())


def standing(text: str, passage: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Where a passage stands in a part of a text, looked at letter by letter: to the letter, else without white space, else with lost marks."""
    end = len(text) if end is None else end
    exact = nfc(passage).strip()
    to_the_letter = [(at, at + len(exact)) for at in range(start, end - len(exact) + 1) if text.startswith(exact, at)]
    if exact and to_the_letter:
        return to_the_letter
    letters = [(at, text[at]) for at in range(start, end) if not text[at].isspace()]
    wanted = squeezed(passage)

    def loosely(*, lossy: bool) -> Iterator[tuple[int, int]]:
        for stood in (letters[at : at + len(wanted)] for at in range(len(letters) - len(wanted) + 1)):
            if all(s == w or (lossy and s == "?" and w in LOST) for (_, s), w in zip(stood, wanted, strict=True)):
                yield stood[0][0], stood[-1][0] + 1

    return (list(loosely(lossy=False)) or list(loosely(lossy=True))) if wanted else []


def target(name: str, quote: str, amount: str | None = None) -> Record:
    return Record(targets=[Target(name=name, amount=amount, quote=quote)])


def found(passage: str, article: str = ARTICLE) -> list[str]:
    return [article[start:end] for start, end in Text(article).find(passage)]


# --- finding


@given(st.text(), st.data())
def test_a_passage_cut_from_the_text_is_found_where_it_was_cut(text: str, data: st.DataObject) -> None:
    text = nfc(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    passage = text[start:end]
    assume(passage.strip())
    left = start + len(passage) - len(passage.lstrip())
    assert (left, left + len(passage.strip())) in Text(text).find(passage)


@given(scraps, scraps, st.data())
def test_in_a_part_of_a_text_is_found_what_is_found_in_that_part_alone(
    text: str, passage: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    alone = [(start + a, start + b) for a, b in Text(text[start:end]).find(passage)]
    assert Text(text).first(passage, (start, end)) == (alone[0] if alone else None)


@given(scraps, scraps)
def test_a_span_holds_the_quote_up_to_white_space_and_lost_marks(text: str, quote: str) -> None:
    for start, end in Text(text).find(quote):
        there, asked = squeezed(text[start:end]), squeezed(quote)
        assert len(there) == len(asked)
        assert all(one == other or (one == "?" and other in LOST) for one, other in zip(there, asked, strict=True))
        assert text[start:end] == text[start:end].strip()


@given(scraps, scraps)
def test_every_place_is_found_in_order_and_once(text: str, quote: str) -> None:
    spans = Text(text).find(quote)
    assert spans == sorted(set(spans))
    assert spans == standing(text, quote)


@given(st.text(), st.text())
def test_finding_never_fails(text: str, quote: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in Text(text).find(quote))


def test_a_quote_is_found_across_line_ends_and_other_spaces() -> None:
    assert found("‘5대전략’으로 육성한다") == ["‘5대 전략’으로\n육성한다"]
    assert found("가\u3000나", "가\u00a0\n나") == ["가\u00a0\n나"]


def test_a_decomposed_quote_is_found() -> None:
    import unicodedata

    assert found(unicodedata.normalize("NFD", "김제시는 항공")) == ["김제시는 항공"]


@pytest.mark.parametrize("mark", sorted(LOST))
def test_a_question_mark_in_the_article_stands_for_a_mark_that_was_lost(mark: str) -> None:
    assert found(f"항공{mark}드론 산업") == ["항공?드론 산업"]


@pytest.mark.parametrize("quote", ["항공-드론", "항공드론", "항공,드론", "항공 드론", "항공??드론", "항공(드론"])
def test_it_stands_for_nothing_else(quote: str) -> None:
    assert found(quote) == []


@pytest.mark.parametrize(
    "quote", ["'5대 전략'", "5대 전락", "김제시가", "?5대 전략?", "101조 달러", "육성 한다 김제시"]
)
def test_a_quote_that_differs_in_a_letter_is_not_found(quote: str) -> None:
    assert found(quote) == []


@pytest.mark.parametrize("quote", ["", " ", "\n\u3000"])
def test_an_empty_quote_stands_nowhere(quote: str) -> None:
    assert found(quote) == []


def test_a_quote_is_no_pattern() -> None:
    assert found(".*") == []
    assert found("(a+)·", "(a+)? aaa") == ["(a+)?"]


def test_places_that_overlap_are_all_found() -> None:
    assert Text("가가가").find("가가") == [(0, 2), (1, 3)]
    assert Text("가 가 가").find("가가") == [(0, 3), (2, 5)]


def test_a_passage_that_stands_to_the_letter_stands_there_alone() -> None:
    assert Text("김제 시는 김제시는").find("김제시는") == [(6, 10)]
    assert Text("김제 시는 김제시는").first("김제시는", (0, 10)) == (6, 10)
    assert Text("김제 시는 김제시는").first("김제시는", (0, 6)) == (0, 5)


def test_offsets_count_code_points() -> None:
    assert Text("😀 가").find("가") == [(2, 3)]


@given(st.text("가나?·'’ \n", max_size=40), st.text("가나?·'’ ", max_size=4), st.integers(0, 9), st.data())
def test_lost_marks_are_found_where_the_text_read_letter_by_letter_has_them(
    text: str, passage: str, narrow: int, data: st.DataObject
) -> None:
    """Whether a part of the text is looked at by itself, or within the whole."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    expected = standing(text, passage, start, end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.evidence.NARROW", narrow)
        assert Text(text).first(passage, (start, end)) == (expected[0] if expected else None)
    if (start, end) == (0, len(text)):
        assert Text(text).find(passage) == expected


def test_wide_quotes_take_no_memory_of_their_own() -> None:
    """White space of any width may lie within a quote; each such quote once had a copy of it."""
    rest = "".join(map(chr, range(ord("나"), ord("나") + 60)))
    quotes = [f"가{rest[:size]}" for size in range(1, 60)]
    article = f"가{' ' * 200_000}{rest}"
    walked = walk(Record(targets=[Target(name="가 라", amount=None, quote=quote) for quote in quotes]))
    tracemalloc.start()
    ground(walked, article)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20


# --- grounding


def test_a_leaf_has_its_own_span_inside_its_quote() -> None:
    grounding = ground(walk(target("항공·드론", "항공?드론 산업", "101조원")), ARTICLE)
    start, end = grounding.spans["/targets/0/name"]
    assert ARTICLE[start:end] == "항공?드론"
    assert grounding.spans["/targets/0/quote"] == (5, 13)
    assert grounding.beside == ("/targets/0/amount",)


def test_a_leaf_is_looked_for_in_its_quote_before_the_article() -> None:
    """김제시 stands twice; the quote is the second."""
    grounding = ground(walk(target("김제시", "김제시는 2030년까지")), ARTICLE)
    assert grounding.spans["/targets/0/name"][0] == ARTICLE.rindex("김제시")
    assert grounding.beside == ()


def test_a_quote_that_stands_nowhere_is_ungrounded_and_its_leaf_is_still_looked_for() -> None:
    grounding = ground(walk(target("김제시", "김제시가 육성한다", "9조원")), ARTICLE)
    assert grounding.ungrounded == ("/targets/0/quote",)
    assert grounding.beside == ("/targets/0/name",)
    assert grounding.unfound == ("/targets/0/amount",)
    assert grounding.quotes == 1


def test_an_absent_value_has_no_evidence_to_find() -> None:
    grounding = ground(walk(Record(title=None)), ARTICLE)
    assert (grounding.spans, grounding.quotes, grounding.unfound) == ({}, 0, ())


def test_an_ambiguous_quote_takes_the_place_nearest_the_other_evidence_and_is_named() -> None:
    article = "가나 " + "다" * 50 + " 가나 라마"
    record = Record(
        targets=[Target(name="나", amount=None, quote="가나"), Target(name="라", amount=None, quote="라마")]
    )
    grounding = ground(walk(record), article)
    assert grounding.ambiguous == {"/targets/0/quote": 2}
    assert grounding.spans["/targets/0/quote"] == (54, 56)
    assert grounding.spans["/targets/0/name"] == (55, 56)


def test_an_ambiguous_quote_with_no_other_evidence_takes_the_first_place() -> None:
    assert ground(walk(target("김제시", "김제시는")), ARTICLE).spans["/targets/0/quote"] == (0, 4)


def test_quotes_are_counted_whatever_their_field_is_called() -> None:
    class Odd(BaseModel):
        quote_text: str
        evidence: Quote

    grounding = ground(walk(Odd(quote_text="김제시", evidence="항공")), ARTICLE)
    assert (grounding.quotes, list(grounding.spans)) == (1, ["/evidence", "/quote_text"])


records = st.builds(
    Record,
    title=st.none() | st.builds(Cited[str], value=scraps, quote=scraps),
    targets=st.lists(st.builds(Target, name=scraps, amount=st.none() | scraps, quote=scraps), max_size=4),
)


@given(records, scraps)
def test_every_quote_and_leaf_is_found_or_reported(record: Record, article: str) -> None:
    grounding = ground(walk(record), article)
    dumped: Any = record.model_dump()
    for at, (start, end) in grounding.spans.items():
        assert squeezed(resolve(dumped, at)).translate(dict.fromkeys(map(ord, LOST), "?")) == squeezed(
            article[start:end]
        ).translate(dict.fromkeys(map(ord, LOST), "?"))
    reported = {*grounding.spans, *grounding.ungrounded, *grounding.unfound}
    quotes = {f"/targets/{n}/quote" for n in range(len(record.targets))} | ({"/title/quote"} if record.title else set())
    leaves = {f"/targets/{n}/name" for n in range(len(record.targets))} | ({"/title/value"} if record.title else set())
    leaves |= {f"/targets/{n}/amount" for n, each in enumerate(record.targets) if each.amount is not None}
    assert reported == quotes | leaves
    assert (grounding.quotes, grounding.leaves) == (len(quotes), len(leaves))
    assert set(grounding.beside) <= set(grounding.spans)
    assert set(grounding.ambiguous) <= set(grounding.spans)
