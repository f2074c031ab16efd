"""What a region reads as."""

import unicodedata
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ReadingRefused
from workbench.korean import Region, leading_name, read_region, regions_called
from workbench.korean.regions import _as_words, _mentioned
from workbench.korean.regiontable import EDITION, table


@pytest.mark.parametrize(
    ("text", "full_name", "code"),
    [
        ("서울", "서울특별시", "11"),
        ("서울시", "서울특별시", "11"),
        ("세종시", "세종특별자치시", "36"),
        ("경남", "경상남도", "48"),
        ("전북", "전북특별자치도", "52"),
        ("전북도", "전북특별자치도", "52"),
        ("제주도", "제주특별자치도", "50"),
        ("광주광역시", "광주광역시", "29"),
        ("김제시", "전북특별자치도 김제시", "52210"),
        ("김제", "전북특별자치도 김제시", "52210"),
        ("전북 김제시", "전북특별자치도 김제시", "52210"),
        ("전북 장수", "전북특별자치도 장수군", "52740"),
        ("경남 창원시", "경상남도 창원시", "48120"),
        ("창원특례시", "경상남도 창원시", "48120"),
        ("창원시 성산구", "경상남도 창원시 성산구", "48123"),
        ("경상남도 창원시 성산구", "경상남도 창원시 성산구", "48123"),
        ("포항시 남구", "경상북도 포항시 남구", "47111"),
        ("대구 중구", "대구광역시 중구", "27110"),
        ("부산시 강서구", "부산광역시 강서구", "26440"),
        ("군위군", "대구광역시 군위군", "27720"),
        ("경기 광주시", "경기도 광주시", "41610"),
        ("제주시", "제주특별자치도 제주시", "50110"),
        ("인천 검단구", "인천광역시 검단구", "28290"),
        ("전남광주통합특별시", "전남광주통합특별시", "12"),
    ],
)
def test_a_name_that_only_one_region_bears_needs_no_context(text: str, full_name: str, code: str) -> None:
    region = read_region(text)
    assert (region.full_name, region.code, region.sido_code) == (full_name, code, code[:2])


@pytest.mark.parametrize(
    ("text", "context", "code"),
    [
        ("광주시", "강기정 광주광역시장이 29일 오전 브리핑을 했다", "29"),
        ("광주", "광주광역시청", "29"),
        ("광주시", "광산구에 들어설 산단", "29"),
        ("광주시", "경기도 광주시와 하남시", "41610"),
        ("광주시", "이웃한 하남시와 용인시", "41610"),
        ("고성군", "경상남도 통영시와 함께", "48820"),
        ("고성군", "강원특별자치도 속초시와 함께", "51820"),
        ("고성군", "경남 고성군은", "48820"),
        ("중구", "대구 중구는", "27110"),
        ("동구", "울산이 나섰다. 울주군과 함께", "31170"),
        ("북구", "포항시는", "47113"),
        ("강서구", "서울시와", "11500"),
        ("제주", "제주특별자치도가 밝혔다", "50"),
    ],
)
def test_the_article_settles_which_of_several_is_meant(text: str, context: str, code: str) -> None:
    assert read_region(text, context).code == code


@pytest.mark.parametrize(
    ("text", "context", "candidates"),
    [
        ("광주시", "", ["광주광역시", "경기도 광주시"]),
        ("광주시", "경기 침체와 시대전환", ["광주광역시", "경기도 광주시"]),
        ("광주시", "광주광역시와 경기도 광주시는 이름이 같다", ["광주광역시", "경기도 광주시"]),
        ("고성군", "", ["강원특별자치도 고성군", "경상남도 고성군"]),
        ("중구", "기술 대전환을", ["서울특별시", "부산광역시", "대구광역시", "인천광역시", "대전광역시", "울산광역시"]),
        ("강서구", "", ["서울특별시", "부산광역시"]),
        ("제주", "", ["제주특별자치도", "제주특별자치도 제주시"]),
    ],
)
def test_what_the_article_does_not_settle_is_refused_with_the_candidates(
    text: str, context: str, candidates: list[str]
) -> None:
    with pytest.raises(ReadingRefused) as refusal:
        read_region(text, context)
    assert all(candidate in refusal.value.what for candidate in candidates)


@pytest.mark.parametrize(
    ("text", "code", "until", "successors"),
    [
        ("전라북도", "45", date(2024, 1, 18), ["52"]),
        ("강원도", "42", date(2023, 6, 11), ["51"]),
        ("전라북도 김제시", "45210", date(2024, 1, 18), ["52210"]),
        ("마산시", "48160", date(2010, 7, 1), ["48120"]),
        ("진해시", "48190", date(2010, 7, 1), ["48120"]),
        ("청원군", "43710", date(2014, 7, 1), ["43110"]),
        ("연기군", "44730", date(2012, 7, 1), ["36"]),
        ("경북 군위군", "47720", date(2023, 7, 1), ["27720"]),
        ("인천 남구", "28170", date(2018, 7, 1), ["28177"]),
        ("여주군", "41730", date(2013, 9, 23), ["41670"]),
        ("당진군", "44830", date(2012, 1, 1), ["44270"]),
        ("광주광역시", "29", date(2026, 7, 1), ["12"]),
        ("전라남도", "46", date(2026, 7, 1), ["12"]),
        ("인천 중구", "28110", date(2026, 7, 1), ["28125", "28155"]),
    ],
)
def test_a_former_name_says_until_when_and_what_came_after(
    text: str, code: str, until: date, successors: list[str]
) -> None:
    region = read_region(text)
    assert (region.code, region.valid_to, [after for after, _ in region.successors]) == (code, until, successors)
    assert region.former == region.full_name


@pytest.mark.parametrize(
    ("text", "as_of", "full_name", "code", "former"),
    [
        ("광양시", "2023-02-20", "전라남도 광양시", "46230", ""),
        ("광양시", "2026-08", "전남광주통합특별시 광양시", "12190", ""),
        ("전북", "2019", "전라북도", "45", ""),
        ("전라북도", "2025-06", "전북특별자치도", "52", "전라북도"),
        ("김제시", "2025", "전북특별자치도 김제시", "52210", ""),
        ("군위군", "2020", "경상북도 군위군", "47720", ""),
        ("창원시", "2016", "경상남도 창원시", "48120", ""),
        ("창원시", "2005", "경상남도 창원시", "48110", ""),
        ("마산시", "2016", "경상남도 마산시", "48160", "경상남도 마산시"),
        ("마산시", "2005", "경상남도 마산시", "48160", ""),
        ("광주 동구", "2026-08", "전남광주통합특별시 동구", "12210", "광주광역시 동구"),
        ("광주광역시", "2019-05-08", "광주광역시", "29", ""),
    ],
)
def test_a_region_reads_as_it_stood_at_the_date_of_the_article(
    text: str, as_of: str, full_name: str, code: str, former: str
) -> None:
    region = read_region(text, as_of=as_of)
    assert (region.full_name, region.code, region.former) == (full_name, code, former)


def test_without_a_date_the_province_that_the_article_names_says_which_years_are_meant() -> None:
    assert read_region("광양시", "전라남도는 7일").code == "46230"
    assert read_region("고성군", "강원도 속초시").code == "42820"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("전라북도", "전북"),
        ("창원특례시", "경남 창원"),
        ("경북 군위군", "대구 군위군"),
        ("인천 남구", "미추홀구"),
        ("여주군", "여주시"),
    ],
)
def test_a_unit_is_the_same_under_its_former_name(a: str, b: str) -> None:
    assert read_region(a).same_as(read_region(b))


@pytest.mark.parametrize(
    ("a", "b"), [("마산시", "창원시"), ("광주광역시", "전남광주통합특별시"), ("강원 고성군", "경남 고성군")]
)
def test_what_merged_into_a_unit_is_not_that_unit(a: str, b: str) -> None:
    assert not read_region(a).same_as(read_region(b))


@pytest.mark.parametrize(
    ("text", "left"),
    [("김제시가", "가"), ("광양시청", "청"), ("서울특별시장", "장"), ("시", ""), ("없는시", ""), ("구", "")],
)
def test_what_is_more_than_a_name_is_refused(text: str, left: str) -> None:
    with pytest.raises(ReadingRefused, match=f"left over: '{left}'" if left else "is the name of no"):
        read_region(text)


def test_the_standing_units_are_as_many_as_the_official_list_of_september_2026_has() -> None:
    standing = [unit for unit in table().units.values() if unit.until is None]
    assert date(2026, 9, 17) == EDITION
    assert sum(unit.is_sido for unit in standing) == 16
    # 269 in the list, which counts 세종특별자치시 a second time as 36110
    assert sum(not unit.is_sido for unit in standing) == 268


def test_each_province_had_its_well_known_number_of_cities_counties_and_districts() -> None:
    on = date(2024, 7, 1)
    units = [
        unit
        for unit in table().units.values()
        if " " not in unit.name and (unit.since or date.min) <= on < (unit.until or date.max)
    ]
    counts = Counter(unit.sido for unit in units if not unit.is_sido)
    assert sum(unit.is_sido for unit in units) == 17
    assert counts == {
        "서울특별시": 25,
        "부산광역시": 16,
        "대구광역시": 9,
        "인천광역시": 10,
        "광주광역시": 5,
        "대전광역시": 5,
        "울산광역시": 5,
        "경기도": 31,
        "강원특별자치도": 18,
        "충청북도": 11,
        "충청남도": 15,
        "전북특별자치도": 14,
        "전라남도": 22,
        "경상북도": 22,
        "경상남도": 18,
        "제주특별자치도": 2,
    }


def test_what_ended_names_its_successors_and_each_of_them_is_in_the_table() -> None:
    units = table().units
    for unit in units.values():
        assert bool(unit.until) == bool(unit.change) == bool(unit.successors)
        assert unit.since is None or unit.until is None or unit.since < unit.until
        for code in unit.successors:
            after = units[code]
            assert after.since is None or (unit.until is not None and after.since <= unit.until)


def test_a_unit_that_goes_on_begins_anew_on_the_day_that_it_ended() -> None:
    units = table().units
    for unit in units.values():
        if unit.change == "continued":
            (code,) = unit.successors
            assert units[code].since == unit.until


@pytest.mark.parametrize("unit", table().units.values(), ids=lambda unit: unit.code)
def test_every_unit_reads_back_by_its_full_name(unit: object) -> None:
    full_name, code = getattr(unit, "full_name", ""), getattr(unit, "code", "")
    since, until = getattr(unit, "since", None), getattr(unit, "until", None)
    region = read_region(full_name, as_of=since or (date(until.year - 1, 1, 1) if until else None))
    assert (region.full_name, region.code) == (full_name, code)


def test_a_decomposed_name_is_the_same_name() -> None:
    assert read_region(unicodedata.normalize("NFD", "김제시")).code == "52210"


@given(st.text(max_size=120), st.text(max_size=60))
def test_any_text_reads_or_is_refused_and_nothing_else(text: str, context: str) -> None:
    try:
        region = read_region(text, context)
    except ReadingRefused:
        return
    assert isinstance(region, Region)


@given(
    st.sampled_from(["광주시", "중구", "남구", "고성군", "제주"]),
    st.text(alphabet="광주역시경기도전남서울부산대구 고성강원제주", max_size=40),
)
def test_any_context_settles_a_name_or_leaves_it_refused(text: str, context: str) -> None:
    try:
        region = read_region(text, context)
    except ReadingRefused as refusal:
        assert "may be any of" in refusal.what  # noqa: PT017 - the refusal's words are what is checked
        return
    assert str(region)


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("창원시 의창구 팔용동", "창원시 의창구", "팔용동"),
        ("진해구 옛 육대부지", "진해구", "옛 육대부지"),
        ("전북  김제시", "전북 김제시", ""),
        ("전남 일대", "전남", "일대"),
        ("동해시 앞바다", "동해시", "앞바다"),
        ("광주 첨단3지구", "광주", "첨단3지구"),
    ],
)
def test_a_place_begins_with_the_longest_name_of_a_region_in_whole_words(text: str, name: str, rest: str) -> None:
    assert leading_name(text) == (name, rest)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "백구면",
            "동해 앞바다",
            "강릉에서 속초까지",
            "춘천, 원주",
            "창원국가산업단지",
            "오호리 일대",
            "첨단3지구",
        ),
        "시청 김제시",
    ],
)
def test_a_place_that_begins_with_no_region_has_no_leading_name(text: str) -> None:
    assert leading_name(text) is None


def test_the_regions_that_a_name_may_mean_are_named_in_full() -> None:
    assert set(regions_called("고성군").values()) == {"강원특별자치도 고성군", "경상남도 고성군"}
    assert list(regions_called("전라북도").values()) == ["전북특별자치도"]
    assert regions_called("우리 고장") == {}


def test_a_region_knows_its_sido_as_it_was_called_then() -> None:
    assert (read_region("김제시", as_of="2019").sido, read_region("김제시", as_of="2025").sido) == (
        "전라북도",
        "전북특별자치도",
    )


NAMES = sorted({name for unit in table().units.values() for name in unit.own_names()})
few_names = st.sets(st.sampled_from(NAMES), min_size=1, max_size=6)


@given(few_names, st.data())
def test_names_searched_at_once_are_found_where_one_of_them_alone_begins_a_word(
    names: set[str], data: st.DataObject
) -> None:
    pieces = st.sampled_from(sorted(names)) | st.sampled_from(["경", "시", "에서 ", " ", "은 ", "대", "군"])
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    begins = [at for at in range(len(text)) if at == 0 or not "가" <= text[at - 1] <= "힣"]
    alone = [name for name in names if any(_as_words(frozenset({name})).match(text, at) for at in begins)]
    assert _mentioned(frozenset(names), text) == bool(alone)


def test_an_ordinary_word_is_no_mention() -> None:
    assert not _mentioned(frozenset({"경기"}), "경기 침체")
    assert _mentioned(frozenset({"경기", "수원"}), "경기 침체, 수원")
