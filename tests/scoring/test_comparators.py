"""Each comparator, one behaviour at a time."""

import subprocess
import sys
from typing import Any

import pytest

from workbench.errors import ReadingRefused
from workbench.scoring import Amount, Category, Comparator, Context, Date, Exact, Number, Region, Set, Text, Url
from workbench.scoring.comparators import Typed

AS_OF = Context("2025-06-12")


def equal(comparator: Comparator, golden: Any, record: Any, context: Context = AS_OF) -> bool:
    one, other = comparator.compare(golden, record, context), comparator.compare(record, golden, context)
    assert one.equal == other.equal, "a comparator is symmetric"
    assert one.similarity == other.similarity
    assert (one.similarity == 1) == one.equal, "only what is equal is entirely alike"
    return one.equal


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ("a", "a"), (True, True), (float("nan"), float("nan"))])
def test_exact_takes_the_same_json_value(one: Any, other: Any) -> None:
    assert equal(Exact(), one, other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, "1"), (0, False), ("a", "A"), (0.1 + 0.2, 0.3)])
def test_exact_takes_no_other(one: Any, other: Any) -> None:
    assert not equal(Exact(), one, other)


def test_a_wrong_type_is_the_reason() -> None:
    assert Typed().compare("1", 1, AS_OF).reason.words() == "another type: text against number"


def test_text_below_its_floor_differs() -> None:
    assert equal(Text(floor=0.8), "특장차 전문단지 조성", "특장차 전문단지 구성")
    assert not equal(Text(floor=0.95), "특장차 전문단지 조성", "특장차 전문단지 구성")


def test_figures_in_a_text_are_never_nearly_right() -> None:
    assert not equal(Text(floor=0.5), "2025년 특장차산업 육성 시행계획", "2026년 특장차산업 육성 시행계획")


def test_unequal_texts_are_alike_to_a_degree() -> None:
    assert 0.5 < Text().compare("특장차 전문단지 조성", "특장차 전문단지 구성", AS_OF).similarity < 1


def test_numbers_within_the_tolerance_are_equal() -> None:
    """Contextual: tolerance 0.1 takes 3.5 and 3.55, not 3.5 and 3.7."""
    assert equal(Number(tolerance=0.1), 3.5, 3.55)
    assert not equal(Number(tolerance=0.1), 3.5, 3.7)


def test_the_tolerance_is_decimal() -> None:
    assert equal(Number(tolerance=0.1), 3.5, 3.6)


def test_a_relative_tolerance_is_of_the_larger() -> None:
    assert equal(Number(relative=0.1), 100, 90)
    assert not equal(Number(relative=0.1), 100, 89)


def test_a_number_is_read_out_of_plain_text() -> None:
    assert equal(Number(), "1,200", 1200)
    assert not equal(Number(), "1,20", 120)


def test_numbers_are_never_nearly_equal() -> None:
    """anls-star gives 10⁸ against 10⁹ 0.9."""
    assert Number().compare(10**8, 10**9, AS_OF).similarity == 0


@pytest.mark.parametrize("value", [1e308, -1e308, 10**300, float("inf")])
def test_huge_numbers_are_numbers(value: float) -> None:
    assert equal(Number(tolerance=0.1), value, value)
    assert not equal(Number(tolerance=0.1), value, 1)


def test_a_category_has_no_case() -> None:
    assert equal(Category(), "Under Way", "under way")
    assert not equal(Category(), "planned", "plan")


def test_a_set_has_no_order_and_no_number() -> None:
    assert equal(Set(), ["농업", "수소"], ["수소", "농업", "농업"])
    assert not equal(Set(), ["농업", "수소"], ["농업"])


def test_a_set_is_alike_by_its_members() -> None:
    assert Set().compare(["a", "b"], ["b", "c"], AS_OF).similarity == 0.5


@pytest.mark.parametrize(
    "other", ["http://www.example.org/a/", "example.org/a", "https://EXAMPLE.org:443/a#top", "https://example.org/%61"]
)
def test_one_page_has_many_addresses(other: str) -> None:
    assert equal(Url(), "https://example.org/a", other)


@pytest.mark.parametrize(
    "other", ["https://example.org/b", "https://example.com/a", "https://example.org/a?p=2", "http://[", "x:y:z"]
)
def test_other_addresses_are_other_pages(other: str) -> None:
    assert not equal(Url(), "https://example.org/a", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1조 5000억원", "1.5조원"),
        ("1억 2천만원", "120,000,000원"),
        ("25만여명", "약 25만명"),
        ("1억 2천만원", 120000000),
    ],
)
def test_one_amount_is_written_in_many_ways(one: Any, other: Any) -> None:
    """stickler gives `1억 2천만원` against 120000000 no point."""
    assert equal(Amount(), one, other)


@pytest.mark.parametrize(
    ("one", "other", "part"),
    [
        ("1.5조원", "1.5억원", "value"),
        ("100억원", "100억 달러", "currency"),
        ("100명", "100개사", "unit"),
        ("100억원", "100억원 이상", "bound"),
        ("20% 증가", "20% 감소", "value"),
    ],
)
def test_amounts_differ_in_a_part_that_is_named(one: str, other: str, part: str) -> None:
    """stickler takes the first two for the same."""
    assert not equal(Amount(), one, other)
    assert Amount().compare(one, other, AS_OF).reason.code == part


def test_amounts_are_never_nearly_equal() -> None:
    assert Amount().compare("100억원", "101억원", AS_OF).similarity == 0


def test_what_is_no_amount_is_compared_as_text() -> None:
    same = Amount().compare("수십 억원", "수십억원", AS_OF)
    assert same.equal
    assert same.reason.words() == "cannot be read, and so compared as text: the same"
    assert not equal(Amount(), "수십억원", "10억원")


@pytest.mark.parametrize(
    ("one", "other"),
    [("오는 9월", "2025년 9월"), ("올해", "2025년"), ("2025.6.12", "2025년 6월 12일"), (2025, "2025년")],
)
def test_one_date_is_written_in_many_ways(one: Any, other: Any) -> None:
    assert equal(Date(), one, other)


def test_a_date_a_day_off_is_another() -> None:
    """anls-star gives it 0.9."""
    assert not equal(Date(), "2025-06-12", "2025-06-13")
    assert Date().compare("2025-06-12", "2025-06-13", AS_OF).similarity == 0


def test_a_date_has_its_grain() -> None:
    assert not equal(Date(), "2025년 6월", "2025년 6월 12일")


def test_a_relative_date_without_its_day_is_what_it_says() -> None:
    assert equal(Date(), "오는 9월", "9월", Context())
    assert not equal(Date(), "오는 9월", "오는 10월", Context())


def test_what_is_no_date_is_compared_as_text() -> None:
    assert Date().compare("추후 확정", "추후확정", AS_OF).reason.code == "unread_same"


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(ReadingRefused):
        Date().compare("올해", "2025년", Context("the other day"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("충북", "충청북도"), ("전라북도", "전북특별자치도"), ("김제시", "전북 김제시"), ("창원시", "창원특례시")],
)
def test_one_region_has_many_names(one: str, other: str) -> None:
    assert equal(Region(), one, other)
    assert Region().compare(one, other, AS_OF).reason.code == "same_reading"


@pytest.mark.parametrize(
    ("one", "other"), [("충북", "충남"), ("대구 중구", "울산 중구"), ("경기 광주시", "광주광역시")]
)
def test_regions_of_like_names_are_others(one: str, other: str) -> None:
    assert not equal(Region(), one, other)


def about(article: str) -> Context:
    return Context(article=lambda: article)


def test_the_article_settles_which_region_a_name_means() -> None:
    metropolitan, county = about("광주광역시가 밝혔다."), about("경기도 하남시와 맞닿은 곳이다.")
    assert equal(Region(), "광주시", "광주광역시", metropolitan)
    assert not equal(Region(), "광주시", "경기 광주시", metropolitan)
    assert equal(Region(), "광주시", "경기 광주시", county)


def test_a_name_that_nothing_settles_is_compared_as_text_and_says_so() -> None:
    assert not equal(Region(), "광주시", "광주광역시", Context())
    assert Region().compare("광주시", "광주광역시", Context()).reason.code == "unread_differs"
    assert equal(Region(), "광주시", "광주 시", Context())


def test_the_article_is_asked_for_only_where_a_name_is_one_of_several() -> None:
    def refuse() -> str:
        raise AssertionError("nobody needs it")

    assert equal(Region(), "충북", "충청북도", Context(article=refuse))
    assert equal(Region(), "광주시", "광주시", Context(article=refuse))


def test_what_is_no_region_is_compared_as_text() -> None:
    assert Region().compare("우리 고장", "우리고장", AS_OF).reason.code == "unread_same"
    assert not equal(Region(), "우리 고장", "김제시")
    assert not equal(Region(), "김제시", 52210)


def test_a_place_is_the_same_in_its_region_and_in_what_follows() -> None:
    place = Region(leading=True)
    assert equal(place, "김제시 백구면", "전북 김제시 백구면")
    assert equal(place, "전라북도 김제시", "김제시")
    assert not equal(place, "김제시 백구면", "김제시 금산면")
    assert not equal(place, "김제시 백구면", "김제시")
    assert not equal(place, "대구 중구 동문로", "울산 중구 동문로")


def test_a_place_that_names_no_region_is_a_text() -> None:
    assert equal(Region(leading=True), "백구면 특장차단지", "백구면 특장차 단지")
    assert Region(leading=True).compare("백구면 일대", "백구면 일원", AS_OF).similarity > 0.5
    assert not equal(Region(leading=True), "백구면", "김제시 백구면")


@pytest.mark.parametrize(
    "comparator",
    [
        Exact(),
        Text(),
        Text(0.5),
        Number(),
        Category(),
        Url(),
        Amount(),
        Date(),
        Region(),
        Region(leading=True),
        Set(),
        Typed(),
    ],
)
@pytest.mark.parametrize("value", [1, 1.5, True, "", "가", [], ["가", None], {}, {"a": [1]}])
def test_every_value_equals_itself(comparator: Comparator, value: Any) -> None:
    assert equal(comparator, value, value)


def test_the_comparators_are_imported_without_the_solver() -> None:
    """A schema file imports them, and a model's client must not come with them."""
    heavy = ["numpy", "scipy", "rapidfuzz", "workbench.korean", "openai", "instructor", "click", "rich"]
    program = f"import sys, workbench.scoring; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout.strip() == "[]"
