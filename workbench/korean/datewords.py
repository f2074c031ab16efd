"""The words of a date, taken apart: what they say of year, month and day, before anything is reckoned from it."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["Moment", "Relation", "Role", "Tail", "moment", "tail", "weekday_of"]

Relation = Literal["coming", "last", "this"]

RELATIONS: dict[str, Relation] = {
    **dict.fromkeys(("오는", "다가오는", "돌아오는", "다음", "향후", "앞으로"), "coming"),
    **dict.fromkeys(("지난", "저번"), "last"),
    **dict.fromkeys(("이번", "올"), "this"),
}
YEARS = {
    **dict.fromkeys(("올해", "올 해", "금년도", "금년", "올"), 0),
    **dict.fromkeys(("내년도", "내년", "명년", "다음 해", "다음해"), 1),
    **dict.fromkeys(("내후년", "후년"), 2),
    **dict.fromkeys(("지난해", "지난 해", "작년도", "작년", "전년도", "전년"), -1),
    **dict.fromkeys(("재작년", "지지난해"), -2),
}
MONTHS = {
    **dict.fromkeys(("이달", "이 달", "이번 달", "이번달", "금월"), 0),
    **dict.fromkeys(("다음 달", "다음달", "내달", "내 달"), 1),
    **dict.fromkeys(("지난달", "지난 달", "저번 달"), -1),
}
DAYS = {"오늘": 0, "금일": 0, "내일": 1, "모레": 2, "어제": -1, "그제": -2}
PARTS = ("상순", "초순", "중순", "하순", "초반", "중반", "후반", "초", "말")
# 연말 is the end of the year that is meant; which days that is, nobody says.
YEAR_PARTS = {"연말": "말", "연초": "초", "연내": ""}
WEEKDAYS = "월화수목금토일"


def _either(words: object) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))  # type: ignore[call-overload]


NUMERIC = re.compile(
    r"(?:(?P<year>(?:19|20|21)[0-9]{2})|'(?P<short>[0-9]{2}))(?P<sep>[-./]) ?(?P<month>1[0-2]|0?[1-9])(?![0-9])"
    r"(?:(?P=sep) ?(?P<day>3[01]|[12][0-9]|0?[1-9])(?![0-9]))?(?:\.(?![0-9]))?"
)
TERM = re.compile(r"민선 ?제?([0-9]{1,2})기")
RELATION = re.compile(rf"({_either(RELATIONS)}) ?(?=[0-9'상하])")
YEAR = re.compile(
    rf"(?:(?P<year>(?:19|20|21)[0-9]{{2}})|'(?P<short>[0-9]{{2}})) ?년(?:도(?!시))?|(?P<word>{_either(YEARS)})(?!간)"
)
BARE_YEAR = re.compile(r"((?:19|20|21)[0-9]{2})(?![0-9])")
MONTH = re.compile(rf"(?P<month>1[0-2]|0?[1-9]) ?월|(?P<word>{_either(MONTHS)})")
QUARTER = re.compile(r"제?([1-4])(?: ?/ ?4)? ?분기")
HALF = re.compile(r"(상|하)반기")
DAY = re.compile(rf"(?P<day>3[01]|[12][0-9]|0?[1-9]) ?일(?!간)|(?P<word>{_either(DAYS)})")
YEAR_PART = re.compile(f"({_either(YEAR_PARTS)})")
PART = re.compile(f"({_either(PARTS)})")
WEEKDAY = re.compile(rf"\( ?([{WEEKDAYS}])(?:요일)? ?\)|([{WEEKDAYS}])요일")
CLOCK = re.compile(
    r"(?:T(?=[0-9]))?(?P<half>오전|오후|새벽|아침|저녁|밤|낮)? ?"
    r"(?:(?P<hour>[01]?[0-9]|2[0-4])(?::(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?|시(?: ?(?P<after>[0-5]?[0-9])분)?))?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What the words say of one point or period. What they do not say is None, and nothing is reckoned.

    Attributes:
        relation: Whether the period is the coming, the last or this one.
        year: The year; `shift_year` how many after the article's.
        shift_year: 0 for 올해, 1 for 내년, -1 for 지난해.
        month: The month; `shift_month` how many after the article's.
        shift_month: 0 for 이달, 1 for 다음 달, -1 for 지난달.
        quarter: 1 to 4.
        half: 1 or 2.
        day: The day of the month; `shift_day` how many after the article's.
        shift_day: 0 for 오늘.
        term: The count of a term of local government.
        years: The length of a span whose beginning is not said (`앞으로 5년간`); `months` likewise.
        months: See `years`.
        part: The part of the period: 초, 중순, 말.
        weekday: The day of the week, as printed beside the day.
        clock: The time of day as printed (`14:36:38`, `오전`).
    """

    relation: Relation | None = None
    year: int | None = None
    shift_year: int | None = None
    month: int | None = None
    shift_month: int | None = None
    quarter: int | None = None
    half: int | None = None
    day: int | None = None
    shift_day: int | None = None
    term: int | None = None
    years: int | None = None
    months: int | None = None
    part: str = ""
    weekday: str = ""
    clock: str = ""

    @property
    def grain(self) -> str:
        """How fine the period is: `day`, `month`, `quarter`, `half`, `year`, `term`, `span`; empty where nothing is said."""
        for grain, said in (
            ("term", self.term),
            ("span", self.years or self.months),
            ("day", self.shift_day if self.day is None else self.day),
            ("month", self.shift_month if self.month is None else self.month),
            ("quarter", self.quarter),
            ("half", self.half),
            ("year", self.shift_year if self.year is None else self.year),
        ):
            if said is not None:
                return grain
        return ""


class _Words:
    """A text that is taken from the front, with what was said so far."""

    def __init__(self, rest: str) -> None:
        self.rest = rest
        self.said: dict[str, int | str] = {}

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.rest.lstrip(" "))
        if match is None or not match.group():
            return None
        self.rest = self.rest.lstrip(" ")[match.end() :]
        return match


def moment(text: str) -> tuple[Moment, str]:
    """The period that a text begins with, and what comes after it."""
    words = _Words(text)
    if match := words.take(TERM):
        words.said["term"] = int(match[1])
    elif match := words.take(
        re.compile(r"(?:앞으로 ?|향후 ?)([0-9]{1,2}) ?(년|개월)(?: ?(?:간|동안))?|([0-9]{1,2}) ?(년|개월) ?(?:간|동안)")
    ):
        words.said["years" if "년" in match.groups() else "months"] = int(match[1] or match[3])
    elif match := words.take(NUMERIC):
        words.said["year"] = _year(match)
        words.said["month"] = int(match["month"])
        if match["day"]:
            words.said["day"] = int(match["day"])
        _finish(words)
    else:
        _spelt(words)
    return Moment(**words.said), words.rest  # type: ignore[arg-type]


def _year(match: re.Match[str]) -> int:
    """The year as printed; `'25` is 2025 and `'98` is 1998."""
    return int(match["year"]) if match["year"] else int(match["short"]) + (2000 if match["short"] < "50" else 1900)


def _spelt(words: _Words) -> None:
    """A date in words: relation, year, then what is in it."""
    said = words.said
    if match := words.take(YEAR_PART):
        said["shift_year"] = 0
        if YEAR_PARTS[match[1]]:
            said["part"] = YEAR_PARTS[match[1]]
    else:
        _month(words)
    if said:
        _within(words)
        return
    if match := words.take(RELATION):
        said["relation"] = RELATIONS[match[1]]
        if match[1] == "올":  # 올 9월 is this year's, not this September of several
            del said["relation"]
            said["shift_year"] = 0
    if match := words.take(YEAR):
        if match["word"]:
            said["shift_year"] = YEARS[match["word"]]
        else:
            said["year"] = _year(match)
            said.pop("relation", None)  # 오는 2017년 4월: the year says it
    elif "shift_year" not in said and (match := words.take(BARE_YEAR)):
        said["year"] = int(match[1])
        return
    _within(words)


def _month(words: _Words) -> None:
    if match := words.take(MONTH):
        if match["word"]:
            words.said["shift_month"] = MONTHS[match["word"]]
        else:
            words.said["month"] = int(match["month"])


def _within(words: _Words) -> None:
    """What follows the year: half, quarter, month, day and the parts of them."""
    said = words.said
    if match := words.take(HALF):
        said["half"] = 1 if match[1] == "상" else 2
    elif match := words.take(QUARTER):
        said["quarter"] = int(match[1])
    elif "month" not in said and "shift_month" not in said:
        _month(words)
    if match := words.take(DAY):
        if match["word"]:
            said["shift_day"] = DAYS[match["word"]]
        else:
            said["day"] = int(match["day"])
    if said and "day" not in said and "part" not in said:
        if match := words.take(YEAR_PART):  # 올해 연말
            said["part"] = YEAR_PARTS[match[1]]
        elif match := words.take(PART):
            said["part"] = match[1]
    _finish(words)


def _finish(words: _Words) -> None:
    """Weekday and time, which only a day has."""
    if not {"day", "shift_day"} & words.said.keys():
        return
    if match := words.take(WEEKDAY):
        words.said["weekday"] = match[1] or match[2]
    if match := words.take(CLOCK):
        words.said["clock"] = match.group().removeprefix("T").strip()


Role = Literal["during", "by", "before", "from"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(("까지는", "까지", "이내", "내로", "안으로"), "by"),
    **dict.fromkeys(("이전", "전까지", "전"), "before"),
    **dict.fromkeys(("부터는", "부터", "이후로", "이후", "이래", "에서"), "from"),
    **dict.fromkeys(("안에", "내에", "내", "중에", "중", "동안", "들어", "기준", "현재"), "during"),
}
APPROXIMATE = ("경", "쯤", "께", "무렵", "전후", "정도", "즈음")
PARTICLES = [*re.findall(r"\S+", "이면 에는 에도 에 엔 의 은 는 자 이 을 를 도 로 으로 과 와 , ."), "이 되면"]
TAIL = re.compile(f" ?({_either((*ROLES, *APPROXIMATE, *PARTICLES))})")


@dataclass(frozen=True, slots=True)
class Tail:
    """What the words after a date make of it."""

    role: Role = "during"
    approximate: bool = False


def tail(text: str) -> tuple[Tail, str]:
    """The role that the words after a date give it, and what is left after them. A particle changes nothing."""
    role: Role = "during"
    approximate = False
    rest = text
    while match := TAIL.match(rest):
        word = match[1]
        if word in ROLES:
            role = ROLES[word] if role == "during" else role
        approximate = approximate or word in APPROXIMATE
        rest = rest[match.end() :]
    return Tail(role, approximate), rest.strip()


def weekday_of(day: date) -> str:
    """The day of the week as printed."""
    return WEEKDAYS[day.weekday()]
