"""What a date reads as."""

import unicodedata
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ReadingRefused
from workbench.korean import DateReading, Moment, read_as_of, read_date, term
from workbench.korean.terms import TERMS


@pytest.mark.parametrize(
    ("text", "first", "last", "grain"),
    [
        ("2019-05-08 14:36:38", "2019-05-08", "2019-05-08", "day"),
        ("2019-05-08T14:36:38", "2019-05-08", "2019-05-08", "day"),
        ("2023년 02월 20일(월) 11:25", "2023-02-20", "2023-02-20", "day"),
        ("'25.3.14.", "2025-03-14", "2025-03-14", "day"),
        ("’25년 3월", "2025-03-01", "2025-03-31", "month"),
        ("'98년", "1998-01-01", "1998-12-31", "year"),
        ("2025. 3. 14.", "2025-03-14", "2025-03-14", "day"),
        ("2025.3.", "2025-03-01", "2025-03-31", "month"),
        ("2025/03/14", "2025-03-14", "2025-03-14", "day"),
        ("오는 2017년 4월", "2017-04-01", "2017-04-30", "month"),
        ("2018년 상반기", "2018-01-01", "2018-06-30", "half"),
        ("2018년 하반기", "2018-07-01", "2018-12-31", "half"),
        ("2025년 4분기", "2025-10-01", "2025-12-31", "quarter"),
        ("2025년 1/4분기", "2025-01-01", "2025-03-31", "quarter"),
        ("2030년", "2030-01-01", "2030-12-31", "year"),
        ("2030", "2030-01-01", "2030-12-31", "year"),
        ("2030년도", "2030-01-01", "2030-12-31", "year"),
        ("지난 2017년", "2017-01-01", "2017-12-31", "year"),
        ("2025~2029년", "2025-01-01", "2029-12-31", "span"),
        ("2025-2029", "2025-01-01", "2029-12-31", "span"),
        ("2025~29년", "2025-01-01", "2029-12-31", "span"),
        ("(2020~2024년)", "2020-01-01", "2024-12-31", "span"),
        ("2020년부터 2024년까지", "2020-01-01", "2024-12-31", "span"),
        ("2017년 10월25일부터 27일까지", "2017-10-25", "2017-10-27", "span"),
        ("2017년 9월부터 10월까지", "2017-09-01", "2017-10-31", "span"),
        ("2025년 3~5월", "2025-03-01", "2025-05-31", "span"),
        ("2025.3.1~2027.12.31", "2025-03-01", "2027-12-31", "span"),
        ("2025년부터 5년간", "2025-01-01", "2029-12-31", "span"),
        ("2025년 9월부터 6개월간", "2025-09-01", "2026-02-28", "span"),
        ("민선8기", "2022-07-01", "2026-06-30", "term"),
        ("민선 7기", "2018-07-01", "2022-06-30", "term"),
        ("민선1기", "1995-07-01", "1998-06-30", "term"),
    ],
)
def test_a_date_that_says_its_year_needs_no_article(text: str, first: str, last: str, grain: str) -> None:
    reading = read_date(text)
    assert reading.period is not None
    assert reading.period.first.isoformat() == first
    assert reading.period.until - timedelta(days=1) == date.fromisoformat(last)
    assert (reading.grain, reading.role, reading.resolved, reading.hangs_on) == (grain, "during", True, "")


@pytest.mark.parametrize(
    ("text", "as_of", "period"),
    [
        ("지난 1월", "2025-06", "2025-01-01 to 2025-01-31"),
        ("지난 12월", "2025-03", "2024-12-01 to 2024-12-31"),
        ("오는 9월", "2025-06", "2025-09-01 to 2025-09-30"),
        ("오는 2월", "2025-06-12", "2026-02-01 to 2026-02-28"),
        ("9월", "2025", "2025-09-01 to 2025-09-30"),
        ("29일 오전", "2023-06", "2023-06-29"),
        ("20일", "2023-02-20", "2023-02-20"),
        ("다음 달", "2025-12", "2026-01-01 to 2026-01-31"),
        ("지난달", "2025-01", "2024-12-01 to 2024-12-31"),
        ("이달", "2025-06-12", "2025-06-01 to 2025-06-30"),
        ("다음 달 2일", "2025-06", "2025-07-02"),
        ("지난해 12월", "2025", "2024-12-01 to 2024-12-31"),
        ("올해 내", "2023", "2023-01-01 to 2023-12-31"),
        ("올해 상반기", "2023", "2023-01-01 to 2023-06-30"),
        ("올 9월", "2023", "2023-09-01 to 2023-09-30"),
        ("하반기", "2025", "2025-07-01 to 2025-12-31"),
        ("2분기", "2025", "2025-04-01 to 2025-06-30"),
        ("내년", "2016-09", "2017-01-01 to 2017-12-31"),
        ("재작년", "2016", "2014-01-01 to 2014-12-31"),
        ("오는 15일", "2025-06-12", "2025-06-15"),
        ("지난 15일", "2025-06-12", "2025-05-15"),
        ("오늘", date(2025, 6, 12), "2025-06-12"),
        ("어제", "2025-03-01", "2025-02-28"),
        ("3~5월", "2025", "2025-03-01 to 2025-05-31"),
        ("올해부터 2030년까지", "2025", "2025-01-01 to 2030-12-31"),
    ],
)
def test_a_relative_date_is_reckoned_from_the_article(text: str, as_of: date | str, period: str) -> None:
    assert str(read_date(text, as_of)) == period


@pytest.mark.parametrize(
    ("text", "as_of", "hangs_on"),
    [
        ("오는 9월", None, "the year of the article"),
        ("오는 9월", "2025", "before or after the month"),
        ("오는 9월", "2025-09", "before or after the month"),
        ("지난 1월", "2025", "before or after the month"),
        ("29일 오전", None, "the month of the article"),
        ("29일 오전", "2023", "the month of the article"),
        ("다음 달까지", "2025", "the month of the article"),
        ("오늘", "2025-06", "the day of the article"),
        ("올해", None, "the year of the article"),
        ("앞으로 5년간", "2025-06-12", "when the 5 years begin"),
        ("향후 5년", "2025-06-12", "when the 5 years begin"),
        ("3월까지", "2025-11", "the deadline is in the year after"),
        ("3~5월", None, "the year of the article"),
    ],
)
def test_what_the_article_does_not_settle_stays_unresolved_and_says_what_it_hangs_on(
    text: str, as_of: str | None, hangs_on: str
) -> None:
    reading = read_date(text, as_of)
    assert hangs_on in reading.hangs_on
    assert (reading.period, reading.start, reading.end) == (None, None, None)


def test_a_weekday_that_does_not_fit_the_year_of_the_article_leaves_the_year_open() -> None:
    assert "is a 수요일" in read_date("5월 8일(수)", "2016-09-27").hangs_on
    assert str(read_date("5월 8일(수)", "2019-05-08")) == "2019-05-08"


def test_an_unresolved_date_still_carries_what_it_says() -> None:
    reading = read_date("오는 9월")
    assert reading.begins == Moment(relation="coming", month=9)
    assert reading.grain == "month"


@pytest.mark.parametrize(
    ("text", "role", "start", "end"),
    [
        ("2030년까지", "by", None, date(2031, 1, 1)),
        ("2028년 이후", "from", date(2028, 1, 1), None),
        ("2020년부터", "from", date(2020, 1, 1), None),
        ("2028년 이전", "before", None, date(2028, 1, 1)),
        ("2030년이면", "during", date(2030, 1, 1), date(2031, 1, 1)),
    ],
)
def test_deadlines_and_onsets_are_open_on_one_side(text: str, role: str, start: date | None, end: date | None) -> None:
    reading = read_date(text)
    assert (reading.role, reading.start, reading.end) == (role, start, end)


def test_the_end_of_the_year_is_the_year_and_its_part_not_an_invented_day() -> None:
    reading = read_date("연말까지", "2025")
    assert (reading.begins.part, reading.role, reading.start, reading.end) == ("말", "by", None, date(2026, 1, 1))
    assert reading.same_as(read_date("올해 말까지", "2025"))


@pytest.mark.parametrize(("text", "about"), [("10월쯤", True), ("2030년경", True), ("2030년", False)])
def test_about_is_kept(text: str, about: bool) -> None:
    assert read_date(text).approximate is about


@pytest.mark.parametrize(
    ("text", "clock"),
    [("2019-05-08 14:36:38", "14:36:38"), ("29일 오전", "오전"), ("8일 오후 2시 30분", "오후 2시 30분"), ("8일", "")],
)
def test_the_time_of_day_is_kept_as_printed(text: str, clock: str) -> None:
    assert read_date(text).begins.clock == clock


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("2030년이면", "2030년"),
        ("2030년까지", "2030년"),
        ("2030년에는", "2030년"),
        ("2028년 이후", "2028년"),
        ("10월쯤", "10월"),
        ("오는 9월", "오는 9월"),
        ("9월", "오는 9월"),
        ("29일 오전", "29일"),
        ("2025~2029년", "2025년부터 2029년까지"),
        ("(2025~2029년)", "2025년~2029년"),
        ("2019-05-08 14:36:38", "2019년 5월 8일"),
        ("민선8기", "민선 8기"),
        ("앞으로 5년간", "향후 5년간"),
        ("다음 달까지", "다음달"),
        ("연내", "올해 내"),
        ("2030년", unicodedata.normalize("NFD", "2030년")),
    ],
)
@pytest.mark.parametrize("as_of", [None, "2025", "2025-06", "2025-06-12"])
def test_dates_that_differ_only_in_what_was_copied_around_them_are_the_same(a: str, b: str, as_of: str | None) -> None:
    assert read_date(a, as_of).same_as(read_date(b, as_of))
    assert read_date(b, as_of).same_as(read_date(a, as_of))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("2030년", "2031년"),
        ("2030년", "2030년 12월"),
        ("2025~2029년", "2025년"),
        ("9월", "10월"),
        ("오는 9월", "지난 9월"),
        ("12월 말", "12월"),
        ("올해", "내년"),
        ("민선7기", "민선8기"),
        ("2025~2029년", "2025~2028년"),
    ],
)
@pytest.mark.parametrize("as_of", [None, "2025", "2025-06", "2025-06-12"])
def test_other_dates_and_other_grains_are_not_the_same(a: str, b: str, as_of: str | None) -> None:
    assert not read_date(a, as_of).same_as(read_date(b, as_of))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no text"),
        ("매년 10월", "comes back"),
        ("2023년 2월 30일", "no day of the calendar"),
        ("2월 30일", "no day of the calendar"),
        ("2023년 02월 20일(화)", "2023-02-20 is a 월요일"),
        ("9월 열릴", "left over: '열릴'"),
        ("8일 시청", "left over: '시청'"),
        ("13월", "holds no date"),
        ("25년", "holds no date"),
        ("1단계", "holds no date"),
        ("오는", "holds no date"),
        ("민선 99기", "no term"),
        ("2029~2025년", "ends before it begins"),
    ],
)
def test_what_is_no_one_date_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(ReadingRefused, match=why):
        read_date(text)


@pytest.mark.parametrize("as_of", ["2025-13", "2025-2", "25", "2025-02-30", "1899", "9999-12-31", "언제"])
def test_an_article_date_that_is_none_is_refused(as_of: str) -> None:
    with pytest.raises(ReadingRefused):
        read_date("9월", as_of)


def test_an_article_date_may_be_known_to_the_year_only() -> None:
    known = read_as_of("2024")
    assert known is not None
    assert (known.first, known.last) == (date(2024, 1, 1), date(2024, 12, 31))


def test_the_terms_follow_each_other_without_a_gap() -> None:
    assert [one.number for one in TERMS] == list(range(1, len(TERMS) + 1))
    assert all(before.until == after.first for before, after in pairwise(TERMS))
    eighth = term(8)
    assert eighth is not None
    assert (eighth.first, eighth.until) == (date(2022, 7, 1), date(2026, 7, 1))


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_reads_back_in_every_form(day: date) -> None:
    for form in (
        f"{day:%Y-%m-%d}",
        f"{day:%Y.%m.%d.}",
        f"{day.year}년 {day.month}월 {day.day}일",
        f"{day.year}. {day.month}. {day.day}.",
    ):
        assert str(read_date(form)) == day.isoformat()


AS_OF = st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31)) | st.integers(1900, 2199).map(str)


@given(st.text(max_size=120), AS_OF)
def test_any_text_reads_or_is_refused_and_nothing_else(text: str, as_of: date | str | None) -> None:
    try:
        reading = read_date(text, as_of)
    except ReadingRefused:
        return
    assert isinstance(reading, DateReading)


WORDS = st.lists(
    st.sampled_from(
        [
            "오는",
            "지난",
            "이번",
            "올해",
            "내년",
            "지난해",
            "연말",
            "이달",
            "다음달",
            "오늘",
            "2025년",
            "2025",
            "'25",
            "2024.",
            "3월",
            "2월",
            "29일",
            "31일",
            "15일",
            "상반기",
            "하반기",
            "2분기",
            "말",
            "초",
            "~",
            "-",
            "부터",
            "까지",
            "이후",
            "5년간",
            "6개월간",
            "민선8기",
            "(월)",
            "오전",
            "11:25",
            "쯤",
            "내",
            "에",
            ".",
            "25",
            "3",
        ]
    ),
    max_size=6,
).flatmap(lambda words: st.sampled_from(["".join(words), " ".join(words)]))


@given(WORDS, AS_OF)
def test_any_row_of_the_words_of_dates_reads_or_is_refused(text: str, as_of: date | str | None) -> None:
    try:
        reading = read_date(text, as_of)
    except ReadingRefused:
        return
    assert reading.same_as(read_date(text, as_of))
    assert reading.resolved == (not reading.hangs_on)
    assert reading.period is None or reading.period.first < reading.period.until
    assert str(reading)
