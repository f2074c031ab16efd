"""What an amount reads as."""

import unicodedata
from decimal import Decimal
from fractions import Fraction

import pytest
from hangulpy import number_to_hangul, number_to_hangul_mixed
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ReadingRefused
from workbench.korean import Amount, read_amount
from workbench.korean.numerals import as_decimal, read_number

JO, EOK, MAN = 10**12, 10**8, 10**4
BELOW_HAE = st.integers(0, 10**20 - 1)  # above 경 Korean has scales that no newspaper prints


@pytest.mark.parametrize(
    ("text", "won"),
    [
        ("101조원", 101 * JO),
        ("1조 2,000억원", JO + 2000 * EOK),
        ("3.5조원", 35 * JO // 10),
        ("490억원", 490 * EOK),
        ("3천500만원", 3500 * MAN),
        ("5000만원", 5000 * MAN),
        ("1조2천억원", JO + 2000 * EOK),
        ("1억 2천만원", EOK + 2000 * MAN),
        ("120000000원", 120_000_000),
        ("350백만원", 350_000_000),
        ("1.2천억원", 1200 * EOK),
        ("천오백억 원", 1500 * EOK),
        ("₩1,000", 1000),
        ("5 천만 원", 5000 * MAN),
        ("2천 2백억원", 2200 * EOK),
    ],
)
def test_won_are_counted_to_the_last(text: str, won: int) -> None:
    amount = read_amount(text)
    assert amount.value == won
    assert amount.currency == "KRW"


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("32만8000명", 328_000, "명"),
        ("11만명", 110_000, "명"),
        ("100만평", 1_000_000, "평"),
        ("100만평 규모", 1_000_000, "평"),
        ("2만5천㎡", 25_000, "㎡"),
        ("5m²", 5, "㎡"),
        ("100제곱미터", 100, "㎡"),
        ("3.2㎢", Decimal("3.2"), "㎢"),
        ("35대", 35, "대"),
        ("100개사", 100, "개사"),
        ("20개사", 20, "개사"),
        ("100개", 100, "개"),
        ("3배", 3, "배"),
        ("두 배", 2, "배"),
        ("50％", 50, "%"),
        ("50퍼센트", 50, "%"),
        ("10%p", 10, "%p"),
        ("공정률 80%", 80, "%"),
        ("-5%", -5, "%"),
        ("−5%", -5, "%"),
        ("마이너스 5%", -5, "%"),
        ("+5%", 5, "%"),
        ("만명", 10_000, "명"),
        ("5년간", 5, "년"),
        ("만 65세", 65, "세"),
        ("１００만 명", 1_000_000, "명"),
        ("30TEU", 30, "TEU"),
    ],
)
def test_what_is_counted_or_measured_is_the_unit(text: str, value: int | Decimal, unit: str) -> None:
    amount = read_amount(text)
    assert amount.value == value
    assert (amount.unit, amount.currency) == (unit, None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("천억", 1000 * EOK),
        ("이백오십만", 250 * MAN),
        ("1,234.5", Decimal("1234.5")),
        ("일조", JO),
        ("영", 0),
        ("10분의 1", Decimal("0.1")),
        ("4분의 3", Decimal("0.75")),
        ("3분의 1", Fraction(1, 3)),
    ],
)
def test_a_bare_number_has_neither_unit_nor_currency(text: str, value: int | Decimal | Fraction) -> None:
    amount = read_amount(text)
    assert amount.value == value
    assert (amount.unit, amount.currency) == ("", None)


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("$5억", 5 * EOK, "USD"),
        ("5억 달러", 5 * EOK, "USD"),
        ("60억불", 60 * EOK, "USD"),
        ("미화 100만 달러", 100 * MAN, "USD"),
        ("100만 유로", 100 * MAN, "EUR"),
        ("200엔", 200, "JPY"),
        ("€30", 30, "EUR"),
    ],
)
def test_foreign_money_keeps_its_currency(text: str, value: int, currency: str) -> None:
    amount = read_amount(text)
    assert amount.value == value
    assert amount.currency == currency


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("10조 이상", "at_least"),
        ("10조이상", "at_least"),
        ("최소 10명", "at_least"),
        ("적어도 10명", "at_least"),
        ("10명 이하", "at_most"),
        ("10명 이내", "at_most"),
        ("최대 10명", "at_most"),
        ("최대 10여명", "at_most"),
        ("10명 미만", "less_than"),
        ("10명 초과", "more_than"),
        ("10명이 넘는", "more_than"),
        ("25만여명", "about"),
        ("3000여 명", "about"),
        ("20여개사", "about"),
        ("약 10명", "about"),
        ("10명 가량", "about"),
        ("10명 안팎", "about"),
        ("10명 남짓", "about"),
        ("10명 내외", "about"),
        ("총 10명", "exact"),
        ("10명", "exact"),
    ],
)
def test_the_words_around_an_amount_bound_it(text: str, bound: str) -> None:
    assert read_amount(text).bound == bound


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1~2조원", JO, 2 * JO),
        ("1∼2조원", JO, 2 * JO),
        ("1조~2조원", JO, 2 * JO),
        ("1조원~2조원", JO, 2 * JO),
        ("2~3천억원", 2000 * EOK, 3000 * EOK),
        ("10~20만명", 10 * MAN, 20 * MAN),
        ("5000만~1억원", 5000 * MAN, EOK),
        ("3000~1만명", 3000, MAN),
        ("100-200명", 100, 200),
        ("10%~20%", 10, 20),
    ],
)
def test_the_lower_end_of_a_range_shares_the_scale_where_that_leaves_it_lower(text: str, low: int, high: int) -> None:
    amount = read_amount(text)
    assert amount.low == low
    assert amount.high == high
    assert (amount.value, amount.is_range) == (None, True)


@pytest.mark.parametrize(
    ("text", "word"), [("200% 신장", "신장"), ("20% 확대", "확대"), ("2배 이상 증가", "증가"), ("20%", "")]
)
def test_the_word_for_the_change_is_kept(text: str, word: str) -> None:
    assert read_amount(text).direction == word


def test_an_amount_that_comes_back_says_how_often() -> None:
    assert str(read_amount("월 300만원")) == "3,000,000 KRW/월"
    assert str(read_amount("연간 100명")) == "100 명/년"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("25만여명과 10조 이상", "과 10조 이상"),
        ("1억 12000만원", " 12000만원"),
        ("1.5조 200억원", " 200억원"),
        ("10 20", " 20"),
        ("1,00명", ",00명"),
        ("100억원대", "대"),
        ("0분의 1", "의 1"),
        ("100명을", "을"),
    ],
)
def test_what_is_left_over_is_named_and_refuses_the_reading(text: str, left: str) -> None:
    with pytest.raises(ReadingRefused, match=f"left over: '{left}'"):
        read_amount(text)


@pytest.mark.parametrize("text", ["수십억원", "수백 명", "몇 명", "여러 개", "십수 년"])
def test_an_amount_without_a_number_is_refused_in_so_many_words(text: str) -> None:
    with pytest.raises(ReadingRefused, match="without a number"):
        read_amount(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no text"),
        ("억원", "no number"),
        ("①00명", "no plain digit"),
        ("2030년", "is a year"),
        ("2025~2029년", "is a year"),
        ("최소 10억원 이하", "in two ways"),
        ("2~1명", "the higher"),
        ("10명~20%", "two different units"),
        ("1~2조 5000억원", "leaves open"),
        ("9" * 101, "too long"),
    ],
)
def test_what_would_take_a_guess_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReadingRefused, match=why):
        read_amount(text)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1억 2천만원", "120000000원"),
        ("1조 2,000억원", "1.2조 원"),
        ("100명", unicodedata.normalize("NFD", "100명")),
        ("20% 확대", "20% 증가"),
        ("20% 확대", "20%"),
        ("25만여명", "약 25만명"),
    ],
)
def test_the_same_amount_in_other_words_is_the_same(a: str, b: str) -> None:
    assert read_amount(a).same_as(read_amount(b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1.5조원", "1.5억원"),
        ("100억원", "100억 달러"),
        ("20% 확대", "20% 축소"),
        ("10조", "10조 이상"),
        ("100개", "100명"),
        ("10%", "10%p"),
        ("10~20명", "10명"),
    ],
)
def test_a_different_amount_is_not_the_same(a: str, b: str) -> None:
    assert not read_amount(a).same_as(read_amount(b))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("101조원", "101,000,000,000,000 KRW"),
        ("10조 이상", "≥ 10,000,000,000,000"),
        ("25만여명", "≈ 250,000 명"),
        ("1~2조원", "1,000,000,000,000–2,000,000,000,000 KRW"),
        ("200% 신장", "200 % 신장"),
        ("3분의 1", "1/3"),
    ],
)
def test_an_amount_prints_so_that_it_can_be_checked_by_eye(text: str, form: str) -> None:
    assert str(read_amount(text)) == form


@settings(max_examples=10_000)
@given(BELOW_HAE)
def test_every_number_that_another_library_writes_in_hangul_reads_back(number: int) -> None:
    assert read_amount(number_to_hangul(number)).value == number


@settings(max_examples=2_000)
@given(BELOW_HAE)
def test_spaces_between_the_groups_and_digits_before_the_scales_read_back_too(number: int) -> None:
    assert read_amount(number_to_hangul(number, spacing=True)).value == number
    assert read_amount(number_to_hangul_mixed(number) + "원").value == number
    assert read_amount(number_to_hangul_mixed(number, spacing=True) + "원").value == number


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**15, places=6))
def test_no_digit_of_a_decimal_is_lost(number: Decimal) -> None:
    assert read_amount(f"{number:f}%").value == number
    assert read_amount(f"{number:f}조원").value == as_decimal(Fraction(number) * JO)


@given(st.text(max_size=120))
def test_any_text_reads_or_is_refused_and_nothing_else(text: str) -> None:
    try:
        amount = read_amount(text)
    except ReadingRefused:
        return
    assert isinstance(amount, Amount)
    assert amount.low <= amount.high


@given(st.text(alphabet="0123456789.,~-+ 일이삼십백천만억조경원명%여약분의이상최대수두", max_size=24))
def test_any_text_of_the_words_of_amounts_reads_or_is_refused(text: str) -> None:
    try:
        amount = read_amount(text)
    except ReadingRefused:
        return
    assert amount.same_as(read_amount(text))
    assert str(amount)


def test_a_number_ends_where_its_groups_would_overlap() -> None:
    number = read_number("3.5조 200억")
    assert number is not None
    assert number.end == len("3.5조")
