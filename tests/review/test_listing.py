"""The list: what is shown, in which order, and that the address says it all."""

from dataclasses import replace
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from workbench.review.listing import Filters, Row, folded, listed, ordered, tallies

BASE = Row(
    article="a",
    title=None,
    publisher=None,
    state="ok",
    golden="a",
    f1=0.5,
    wrong=2,
    fields=("shops[].name", "street"),
    worst="street",
    findings=("ungrounded_quote", "ungrounded_quote", "duplicate_item"),
    ungrounded=2,
    decided=0,
    open=2,
)
RIGHT = replace(BASE, article="b", f1=1.0, wrong=0, fields=(), worst=None, findings=(), ungrounded=0, open=0)
UNLABELLED = replace(RIGHT, article="c", golden=None, f1=None, open=1)
ROWS = [BASE, RIGHT, UNLABELLED]

filters = st.builds(
    Filters,
    differs=st.booleans(),
    ungrounded=st.booleans(),
    undecided=st.booleans(),
    field=st.sampled_from(["", "street", "shops[].name", "가 나&=#"]),
    finding=st.sampled_from(["", "duplicate_item"]),
    words=st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(str.strip),
    order=st.sampled_from([None, "worst", "article", "uncertainty"]),
    page=st.integers(1, 50),
)


def shown(asked: Filters) -> list[str]:
    return [row.article for row in listed(ROWS, asked, lambda row: folded(f"{row.article} 김제시"))]


@given(filters)
def test_an_address_gives_the_filters_that_made_it(asked: Filters) -> None:
    query = asked.query(page=asked.page)
    assert Filters.parse(dict(parse_qsl(query.removeprefix("?")))) == asked


@given(st.dictionaries(st.sampled_from(["differs", "order", "page", "q", "field", "other"]), st.text(max_size=300)))
def test_any_address_is_read(given_query: dict[str, str]) -> None:
    asked = Filters.parse(given_query)
    assert asked.page >= 1
    assert len(asked.words) <= 200


def test_a_changed_filter_begins_at_the_first_page() -> None:
    assert Filters(page=3).query(differs=True) == "?differs=1"
    assert Filters(differs=True, page=3).query(differs=False) == ""


def test_each_filter_leaves_what_it_names() -> None:
    assert shown(Filters()) == ["a", "b", "c"]
    assert shown(Filters(differs=True)) == ["a"]
    assert shown(Filters(ungrounded=True)) == ["a"]
    assert shown(Filters(undecided=True)) == ["a", "c"]
    assert shown(Filters(field="street")) == ["a"]
    assert shown(Filters(field="shops[].cost")) == []
    assert shown(Filters(finding="duplicate_item")) == ["a"]
    assert shown(Filters(undecided=True, differs=True)) == ["a"]


def test_a_search_finds_all_its_words_in_any_spelling_and_case() -> None:
    assert shown(Filters(words="김제 A")) == ["a"]
    assert shown(Filters(words="\u1100\u1175\u11b7\u110c\u1166")) == ["a", "b", "c"]  # 김제 in NFD
    assert shown(Filters(words="광주")) == []


def test_nothing_is_searched_where_nothing_is_sought() -> None:
    def fail(row: Row) -> str:
        raise AssertionError(row)

    assert len(listed(ROWS, Filters(differs=True), fail)) == 1


def test_the_worst_stands_first_and_what_has_no_score_last() -> None:
    assert [row.article for row in ordered([UNLABELLED, RIGHT, BASE], "worst")] == ["a", "b", "c"]


def test_what_runs_disagree_on_most_stands_first() -> None:
    rows = [replace(BASE, doubt=0.1), replace(RIGHT, doubt=0.8), UNLABELLED]
    assert [row.article for row in ordered(rows, "uncertainty")] == ["b", "a", "c"]


def test_the_counts_are_of_articles() -> None:
    counts = tallies(ROWS)
    assert (counts.articles, counts.done, counts.undecided, counts.differs, counts.ungrounded) == (3, 1, 2, 1, 1)
    assert counts.findings == {"duplicate_item": 1, "ungrounded_quote": 1}
    assert counts.fields == {"shops[].name": 1, "street": 1}
