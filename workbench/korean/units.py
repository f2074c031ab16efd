"""What amounts are counted and measured in: units in one spelling each, currencies, and the words for what comes back."""

import re

__all__ = ["CURRENCIES", "PER", "SYMBOLS", "UNIT", "UNITS"]

# The word after a number, and its ISO 4217 code.
CURRENCIES = {"원": "KRW", "달러": "USD", "불": "USD", "유로": "EUR", "엔": "JPY", "위안": "CNY"}
# What stands before a number instead.
SYMBOLS = {
    "₩": "KRW",
    "KRW": "KRW",
    "US$": "USD",
    "USD": "USD",
    "$": "USD",
    "미화": "USD",
    "€": "EUR",
    "¥": "JPY",
    "£": "GBP",
}
PER = {"연간": "년", "매년": "년", "연": "년", "월간": "월", "월": "월", "매월": "월", "하루": "일", "일일": "일"}

# NFKC has made m2 of ㎡, so the printed sign is put back.
SPELLINGS = {
    "㎡": "m2 m² 제곱미터 평방미터",
    "㎢": "km2 km² 제곱킬로미터 평방킬로미터",
    "㎥": "m3 m³ 세제곱미터 입방미터",
    "%p": "%p %P %포인트 퍼센트포인트",
    "%": "% 퍼센트 프로",
    "ha": "ha 헥타르",
    "km": "km 킬로미터",
    "m": "m 미터",
    "t": "t 톤",
    "kg": "kg 킬로그램",
    "MW": "MW 메가와트",
    "GW": "GW 기가와트",
    "kW": "kW KW 킬로와트",
    "L": "L l 리터",
}
COUNTERS = re.findall(
    r"\S+",
    "명 인 사람 가구 세대 평 배 대 년 개년 개월 개국 개사 개소 개교 개동 개 곳 건 종 회 차례 번 편 권 석 좌석 병상 실 호 동 층 필지 "
    "채 척 량 기 선석 노선 그루 마리 두 점 팀 쌍 부 장 자리 가지 사 업체 기업 대학 과제 사업 단계 위 등 급 도 세 살 시간 분 초 주 일 "
    "cm mm g kWh MWh GWh TWh GB TB PB 배럴 ℃ °C TEU",
)

UNITS = (
    {counter: counter for counter in COUNTERS}
    | {spelling: unit for unit, spellings in SPELLINGS.items() for spelling in spellings.split()}
    | dict.fromkeys(CURRENCIES, "")
)
UNIT = re.compile("|".join(map(re.escape, sorted(UNITS, key=len, reverse=True))))
