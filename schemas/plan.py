"""The plan record: one industrial-development plan that a Korean local government announces.

The descriptions are instructions to the model, in the language of the articles. The rules behind them are in goldens/GUIDELINES.md.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.errors import ReadingRefused
from workbench.korean import read_amount
from workbench.schema import Cited, Quote
from workbench.scoring import Amount, Date, Identity, Region

DateText = Annotated[str, Date()]
AmountText = Annotated[str, Amount()]
Name = Annotated[str, Identity()]
Evidence = Annotated[
    Quote, Field(description="근거: 이 항목을 뒷받침하는 가장 짧은 원문 구절. 한 글자도 고치지 않는다")
]


class Item(BaseModel):
    """What every part of a plan has in common: no field beyond those named here."""

    model_config = ConfigDict(extra="forbid")


class Named(Item):
    """이름과 그 근거."""

    name: Name = Field(description="이름. 목록 기호, 끝의 조사, 따옴표, '등'은 빼고 원문 그대로")
    quote: Evidence


class Announced(Item):
    """누가, 언제, 어디서 발표했는가."""

    by: str | None = Field(description="발표한 사람의 이름만(직함 제외). 사람이 없으면 null")
    role: str | None = Field(description="그 사람의 직함. 예: 광주시장, 창원시 미래산업과장")
    basis: Literal["presented", "stated", "quoted"] = Field(
        description="presented: 그 사람이 발표·브리핑·회견·보고의 주어임. "
        "stated: 사람 없이 지자체가 밝힘. quoted: 그 사람의 말이 인용될 뿐임"
    )
    on: DateText | None = Field(description="발표한 날. 원문 표기 그대로(예: 29일 오전). 기사 등록 시각이 아니다")
    where: str | None = Field(description="발표한 장소. 계획을 의결한 장소가 아니다")
    quote: Evidence


class DeclaredCount(Item):
    """기사가 스스로 밝힌 개수."""

    label: Name = Field(description="무엇의 개수인가. 예: 전략, 과제, 사업, 실행방안")
    count: Annotated[AmountText, Identity()] = Field(description="원문의 수. '4대 전략'이면 4대, '29개 사업'이면 29개")
    scope: Name | None = Field(description="계획 전체의 개수면 null, 어느 전략에 딸린 개수면 그 전략의 이름")
    quote: Evidence


class Phase(Item):
    """계획의 단계."""

    name: Name = Field(description="단계의 이름. 예: 1단계, 도약(Drive)")
    aim: str | None = Field(description="그 단계의 목표나 내용, 원문 구절")
    period: DateText | None = Field(description="그 단계의 기간이나 시점")
    quote: Evidence


class Industry(Item):
    """육성하려는 산업."""

    name: Name = Field(description="산업의 이름. 기사가 나열한 그대로")
    group: str | None = Field(
        description="기사가 산업을 등급으로 묶었을 때만 그 묶음의 이름(둘 이상일 때). 예: 2대 도전산업"
    )
    quote: Evidence


class Strategy(Item):
    """이름 붙은 전략·정책·방향."""

    name: Name = Field(description="전략의 이름. '정책(1)' 같은 번호는 빼고 원문 그대로")
    tasks: list[Named] = Field(description="기사가 이 전략 아래에 나열한 과제. 없으면 빈 목록")
    quote: Evidence


class Project(Item):
    """찾아가 보거나 신청할 수 있는 구체적인 사업: 시설, 단지, 프로그램, 공사."""

    name: Name = Field(
        description="사업의 이름. 조성·구축·건립·유치·육성·설립이 바로 붙어 있으면 거기까지, 착공·추진·증축·확충·운영은 뺀다"
    )
    begin: DateText | None = Field(description="처음 시작한다고 밝힌 시점(착공 포함)")
    finish: DateText | None = Field(description="끝난다고 밝힌 시점(준공, 완료)")
    status: Literal["planned", "under_way", "done", "unstated"] = Field(
        description="planned: 앞으로 할 일. under_way: 진행 중. done: 끝남. unstated: 기사로는 알 수 없음"
    )
    progress: str | None = Field(description="진척도. 원문 그대로(예: 공정률 80%)")
    place: Annotated[str, Region(leading=True)] | None = Field(description="사업의 장소")
    quote: Evidence


class Target(Item):
    """약속하거나 기대하는, 잴 수 있는 성과."""

    metric: Name = Field(description="무엇을 재는가. 예: 생산액, 고용인원")
    amount: AmountText = Field(description="값. 단위와 '이상', '여' 같은 말까지 원문 그대로. 계산하지 않는다")
    by: DateText | None = Field(description="언제까지. 예: 2030년")
    quote: Evidence


class Budget(Item):
    """계획에 쓰일 공공 재원이나 투자금."""

    purpose: Name = Field(description="어디에 쓰는 돈인가")
    amount: AmountText = Field(description="금액. 원문 그대로")
    quote: Evidence


class Event(Item):
    """계획을 만든 이들 밖에도 열린 행사: 박람회, 대회, 컨퍼런스."""

    name: Name = Field(description="행사의 이름")
    when: DateText | None = Field(description="열리는 때. 원문 그대로")
    where: str | None = Field(description="열리는 곳")
    attendance: AmountText | None = Field(description="참가 인원. 원문 그대로")
    quote: Evidence


class Plan(Item):
    """지방정부가 발표한 산업 육성 계획 하나."""

    title: Cited[str] | None = Field(description="계획 자체의 이름, 인쇄된 그대로. 기사가 이름을 말하지 않으면 null")
    subplans: list[Named] = Field(description="이 계획이 품거나 기대는 다른 계획의 이름")
    jurisdiction: Cited[Annotated[str, Region()]] = Field(description="누구의 계획인가: 지방정부의 이름, 원문 그대로")
    announced: Announced | None = Field(description="발표. 기사에 아무것도 없으면 null")
    vision: list[Cited[str]] = Field(description="계획 전체가 내건 비전·목표·구호의 명사구. 따옴표는 뺀다")
    period: Cited[DateText] | None = Field(
        description="계획 전체의 기간(한 사업의 기간이 아니다). 제목에 든 기간도 된다. 예: 민선7기, 2017년, 앞으로 5년간"
    )
    declared_counts: list[DeclaredCount] = Field(description="기사가 밝힌 개수. 한 사업 안의 개수는 빼고 적는다")
    phases: list[Phase] = Field(description="계획의 단계, 차례대로. 한 사업의 단계는 여기가 아니라 projects에 적는다")
    industries: list[Industry] = Field(
        description="육성할 산업. 기사가 산업을 나열했으면 그 나열만, 없으면 육성·강화·전환·고도화·키우다의 목적어인 '…산업'"
    )
    strategies: list[Strategy] = Field(
        description="이름 붙은 전략(전략, 정책, 방향)과 그 아래 과제. 한 사업의 실행전략은 아니다"
    )
    tasks: list[Named] = Field(description="전략에 딸리지 않고 계획 전체의 것으로 나열된 과제·방안")
    projects: list[Project] = Field(
        description="구체적인 사업. 과제로 나열된 것이어도 적는다. '생태계 강화', '기업 유치' 같은 목표는 사업이 아니다. "
        "사진 설명에 나온 사업도 적는다"
    )
    targets: list[Target] = Field(description="잴 수 있는 성과. 면적 같은 크기나 진행 상황은 성과가 아니다")
    budgets: list[Budget] = Field(description="계획에 쓰일 돈. 남이 모금한 돈은 아니다")
    organizations: list[Named] = Field(description="계획을 만들거나 이끄는 조직. 협력 기관이나 스쳐 가는 기업은 아니다")
    legal_bases: list[Named] = Field(description="근거가 되는 조례와 법률")
    events: list[Event] = Field(description="박람회, 대회, 컨퍼런스. 계획을 만드는 회의는 아니다")

    def listed(self, declared: DeclaredCount) -> int | None:
        """How many of what a declared count counts the record lists; None if there is no list of it."""
        label = declared.label
        if declared.scope is not None:
            scope = next((strategy for strategy in self.strategies if strategy.name == declared.scope), None)
            return len(scope.tasks) if scope and label == "과제" else None
        grouped = sum(1 for industry in self.industries if industry.group and industry.group.endswith(label))
        lists: tuple[tuple[tuple[str, ...], int], ...] = (
            (("전략", "정책", "방향"), len(self.strategies)),
            (("과제", "방안"), len(self.tasks) or sum(len(strategy.tasks) for strategy in self.strategies)),
            (("산업",), grouped or len(self.industries)),
            (("단계",), len(self.phases)),
        )
        if label.startswith("단위"):  # the parts of tasks, which no list holds
            return None
        return next((count for endings, count in lists if label.endswith(endings)), None)


@lru_cache(maxsize=1 << 10)
def _number(count: str) -> int | None:
    try:
        amount = read_amount(count)
    except ReadingRefused:
        return None
    return int(amount.low) if amount.bound == "exact" and not amount.is_range else None


class PlanRecord(Item):
    """한 기사에서 뽑은 계획들."""

    version: ClassVar[str] = "1"

    def notice(self) -> Iterator[tuple[str, str, str]]:
        """Counts that the article declares and its lists do not bear out: often it lists only some, and says so nowhere."""
        for number, plan in enumerate(self.plans):
            for index, declared in enumerate(plan.declared_counts):
                listed = plan.listed(declared)
                said = _number(declared.count)
                if listed is not None and said is not None and said != listed:
                    at = f"/plans/{number}/declared_counts/{index}/count"
                    yield (
                        "count_mismatch",
                        at,
                        f"the article says {declared.count} {declared.label}, the record lists {listed}",
                    )

    plans: list[Plan] = Field(description="기사가 발표하는 계획. 발표하는 계획이 없으면 빈 목록")
