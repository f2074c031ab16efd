"""The table of regions: every 시도, 시군구 and 구 of a city, with codes, and what became of those that are no more.

`regions.csv` holds one line for each *generation* of a unit: a unit that changes its name, its code or its 시도 ends and is
`continued` by the next generation; one that is `merged` or `split` ends for good. `since` and `until` are half-open and empty
where the table does not know of a change. The codes are the first five digits (시도: two) of the legal-district code (법정동코드).
"""

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType

from workbench.korean.asof import AsOf

__all__ = ["EDITION", "Table", "Unit", "key", "table"]

# The day of the official list that the standing units were checked against.
EDITION = date(2026, 9, 17)

# What newspapers call a 시도 beside its name. A new generation keeps the words that still mean it.
SHORT = {
    "11": ("서울", "서울시"),
    "12": ("전남광주", "전남광주특별시"),
    "26": ("부산", "부산시"),
    "27": ("대구", "대구시"),
    "28": ("인천", "인천시"),
    "29": ("광주", "광주시"),
    "30": ("대전", "대전시"),
    "31": ("울산", "울산시"),
    "36": ("세종", "세종시"),
    "41": ("경기",),
    "42": ("강원",),
    "43": ("충북", "충북도"),
    "44": ("충남", "충남도"),
    "45": ("전북", "전북도"),
    "46": ("전남", "전남도"),
    "47": ("경북", "경북도"),
    "48": ("경남", "경남도"),
    "49": ("제주",),
    "50": ("제주", "제주도"),
    "51": ("강원", "강원자치도"),
    "52": ("전북", "전북도", "전북자치도"),
}
# Cities with the title of 특례시: their name stays what it is.
TITLED = frozenset({"41110", "41280", "41460", "41590", "48120"})


def key(name: str) -> str:
    """A name as it is looked up: NFKC, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).split())


@dataclass(frozen=True, slots=True)
class Unit:
    """One generation of an administrative unit: a line of the table.

    Attributes:
        code: Two digits for a 시도, five below.
        name: The official name without its 시도 (`창원시 성산구`).
        sido: The official name of its 시도; its own where it is one.
        since: The first day that it was so, None where the table does not know.
        until: The first day that it was no longer so, None while it stands.
        change: How it ended: `continued`, `merged`, `split` or empty.
        successors: The codes of what came after.
    """

    code: str
    name: str
    sido: str
    since: date | None
    until: date | None
    change: str
    successors: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """The name with its 시도."""
        return self.name if self.is_sido else f"{self.sido} {self.name}"

    @property
    def is_sido(self) -> bool:
        """Whether it is one of the 시도."""
        return len(self.code) == 2

    @property
    def short(self) -> str:
        """The name without the city that a 구 is part of, and without the last syllable where a stem of two is left."""
        return self.name[:-1] if len(self.name) > 2 and " " not in self.name else ""

    def stood(self, when: AsOf) -> bool:
        """Whether it stood on some day that the date may mean."""
        return (self.since is None or self.since <= when.last) and (self.until is None or when.first < self.until)

    def sido_names(self) -> tuple[str, ...]:
        """What its 시도 is called, the official name first."""
        return (self.sido, *SHORT[self.code[:2]])

    def own_names(self) -> Iterator[str]:
        """What it is called without its 시도."""
        if self.is_sido:
            yield from self.sido_names()
            return
        yield self.name
        if " " in self.name:  # 창원시 성산구, 창원 성산구, 성산구
            city, district = self.name.split()
            yield f"{city[:-1]} {district}"
            yield district
        elif self.name.endswith("시") and self.short:
            yield self.short
        if self.code in TITLED:
            yield self.short + "특례시"

    def names(self) -> Iterator[str]:
        """Everything that it is called, with and without its 시도."""
        yield from self.own_names()
        if self.is_sido:
            return
        for sido in self.sido_names():
            for own in self.own_names():
                yield f"{sido} {own}"
            if self.short:
                yield f"{sido} {self.short}"


class Table:
    """The units, by code and by what they are called."""

    def __init__(self, units: Mapping[str, Unit]) -> None:
        """Builds the two indexes over the units by code."""
        self.units: Mapping[str, Unit] = MappingProxyType(dict(units))
        self._lineages: dict[str, list[Unit]] = defaultdict(list)
        for unit in sorted(units.values(), key=lambda unit: unit.since or date.min):
            self._lineages[self.lineage(unit)].append(unit)
        called: dict[str, dict[str, Unit]] = defaultdict(dict)
        for unit in units.values():
            for name in unit.names():
                called[key(name)][unit.code] = unit
        self._called = {name: tuple(found.values()) for name, found in called.items()}

    def called(self, name: str) -> tuple[Unit, ...]:
        """Every generation of every unit that the name may mean; the name as `key` makes it."""
        return self._called.get(name, ())

    def lineage(self, unit: Unit) -> str:
        """The code of the last generation of a unit: the same for all of them, so it says whether two are one unit."""
        while unit.change == "continued":
            unit = self.units[unit.successors[0]]
        return unit.code

    def generations(self, lineage: str) -> list[Unit]:
        """The generations of a unit, oldest first."""
        return self._lineages[lineage]

    def beneath(self, sido: str) -> Iterator[Unit]:
        """The units of a 시도, by its code."""
        return (unit for unit in self.units.values() if not unit.is_sido and unit.code.startswith(sido))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def table() -> Table:
    """The table, read from the package when it is first asked for."""
    source = resources.files("workbench.korean").joinpath("regions.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(source.splitlines()))
    sido = {line["code"]: line["name"] for line in lines if len(line["code"]) == 2}
    return Table(
        {
            line["code"]: Unit(
                code=line["code"],
                name=line["name"],
                sido=sido[line["code"][:2]],
                since=_day(line["since"]),
                until=_day(line["until"]),
                change=line["change"],
                successors=tuple(line["successors"].split()),
            )
            for line in lines
        }
    )
