"""Which spellings are of one name."""

import unicodedata

import pytest

from workbench.scoring import Text
from workbench.scoring.comparators import Context

SAME = [
    ("인공지능 산업 육성", "인공지능산업육성", "white space"),
    ("항공·드론", unicodedata.normalize("NFD", "항공·드론"), "decomposed Hangul (stickler, anls-star: 0)"),
    ("‘미래 비전’", '"미래비전"', "quotation marks"),
    ("▲ 특장차 산업", "특장차 산업", "a list mark"),
    ("① 기업 유치", "기업 유치", "a number as a list mark"),
    ("- 기업 유치", "기업 유치", "a dash as a list mark"),
    ("인공지능(AI)", "인공지능", "a gloss"),
    ("인공지능（AI）", "인공지능(AI)", "wide brackets"),
    ("케이(K)-밸리(지구)", "케이-밸리(지구)", "one gloss of two"),
    ("인공지능(AI) 산업", "인공지능 산업", "a gloss inside"),
    ("특장차 산업을", "특장차 산업", "a particle after a final consonant"),
    ("광주시가", "광주시", "a particle after a vowel"),
    ("창원시로", "창원시", "로"),
    ("항공·드론", "항공?드론", "a middle dot lost to an encoding error"),
    ("항공·드론", "항공ㆍ드론", "another middle dot"),
    ("?미래 비전?", "미래 비전", "quotation marks lost to an encoding error"),
    ("기업 유치.", "기업 유치", "a full stop"),
]
DIFFERENT = [
    ("일자리 확대", "일자리 축소", "one word of the two (anls-star: 0.8)"),
    ("혁신도시1", "혁신도시2", "a figure"),
    ("정책(1)", "정책(2)", "a figure in brackets"),
    ("정책(1)", "정책", "a figure in brackets is no gloss"),
    ("농업(축산)", "농업(임산)", "two glosses at one place"),
    ("항공·드론", "항공드론", "no middle dot at all"),
    ("주민회의", "주민회", "회의 is no particle"),
    ("제주도", "제주", "도 is no particle"),
    ("산업가", "산업", "가 does not follow a final consonant"),
    ("어디로 가나?", "어디로", "more words"),
    ("▲", "○", "marks and nothing else"),
]


@pytest.mark.parametrize(("golden", "record", "what"), SAME, ids=[what for *_, what in SAME])
def test_these_are_one_name(golden: str, record: str, what: str) -> None:
    assert Text().compare(golden, record, Context()).equal, what
    assert Text().compare(record, golden, Context()).equal, what


@pytest.mark.parametrize(("golden", "record", "what"), DIFFERENT, ids=[what for *_, what in DIFFERENT])
def test_these_are_not(golden: str, record: str, what: str) -> None:
    assert not Text().compare(golden, record, Context()).equal, what
    assert not Text().compare(record, golden, Context()).equal, what


def test_what_differs_in_brackets_is_said_so() -> None:
    assert Text().compare("농업(축산)", "농업(임산)", Context()).reason.words("ko") == "괄호 안의 말이 다름"
