"""Reading a region: the official name and codes of the government that a few words name, with the article as context."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

from workbench.korean.asof import AsOf, read_as_of
from workbench.korean.reading import plain, refused
from workbench.korean.regiontable import Table, Unit, key, table

__all__ = ["Region", "leading_name", "read_region", "regions_called"]

# What may follow a short name such as 대구 in running text: not 대구 in 대구경, nor 대전 in 대전환.
AFTER_SHORT = r"(?=$|[^가-힣]|(?:은|는|이|가|을|를|의|에|와|과|도|로|시|에서|에는|지역)(?:[^가-힣]|$))"
HANGUL = re.compile("[가-힣]")
NOTHING = "(?!)"
# Also ordinary words, so no evidence of a place: 경기 is the economy, or a match.
ORDINARY = frozenset({"경기"})


@dataclass(frozen=True, slots=True)
class Region:
    """A region as it stood.

    Attributes:
        text: What was read.
        name: The official name without its 시도 (`김제시`, `창원시 성산구`); a 시도's own.
        full_name: The official name with its 시도 (`전북특별자치도 김제시`).
        code: The administrative code: five digits, two for a 시도 (세종특별자치시 is 36 here; where five are needed, 36110).
        sido: The official name of its 시도.
        sido_code: The two digits of its 시도.
        valid_from: The first day that name and code were so; None where the table knows of no change before.
        valid_to: The first day that they were no longer so; None while they stand.
        former: The full name that the text used, when that was no longer its name at the article's date (or stands no more, where
            no date was given); else empty.
        successors: Code and full name of what came after, where it stands no more: one, or several where it was split.
        lineage: The same for all generations of one unit, whatever its name, code and 시도 were.
    """

    text: str
    name: str
    full_name: str
    code: str
    sido: str
    sido_code: str
    valid_from: date | None
    valid_to: date | None
    former: str
    successors: tuple[tuple[str, str], ...]
    lineage: str

    def __str__(self) -> str:
        """Full name and code, as a person would check them."""
        return f"{self.full_name} ({self.code})"

    def same_as(self, other: object) -> bool:
        """Whether the other is a region, and the same unit under whatever name (전라북도 is 전북특별자치도)."""
        return isinstance(other, Region) and self.lineage == other.lineage


def read_region(text: str, context: str = "", *, as_of: date | str | None = None) -> Region:
    """Reads the region that a few words name: `전북 김제시`, `창원특례시`, `광주시`.

    A name that several regions bear is settled by the context: first by a region's unmistakable name in it (`광주광역시`), then by
    its 시도 or another 시군구 of it. What bore different names or codes in different years is read as it stood at the article's date;
    without a date as the words have it, else as it stands.

    Args:
        text: The words, all of which must be part of the name.
        context: The article, or as much of it as there is.
        as_of: The article's date: a date, or `2025`, `2025-06`, `2025-06-12`.

    Raises:
        ReadingRefused: No region is called so, something is left over, or the context does not settle which region is meant: the
            candidates are named.
    """
    regions = table()
    when = read_as_of(as_of)
    by_lineage = _called(text)
    lineage = _settle(text, tuple(by_lineage), context, regions)
    words = by_lineage[lineage]
    unit = _generation(regions.generations(lineage), words, when, context)
    ended = unit.until is not None and (when is None or unit.until <= when.first)
    return Region(
        text=text,
        name=unit.name,
        full_name=unit.full_name,
        code=unit.code,
        sido=unit.sido,
        sido_code=unit.code[:2],
        valid_from=unit.since,
        valid_to=unit.until,
        former=_former(unit, words, ended=ended),
        successors=tuple((code, regions.units[code].full_name) for code in unit.successors),
        lineage=lineage,
    )


@lru_cache(maxsize=1 << 12)
def _called(text: str) -> Mapping[str, Sequence[Unit]]:
    """What the words call, by lineage. There are but some hundred regions, and articles name the same ones over and over.

    Raises:
        ReadingRefused: They call no region.
    """
    regions = table()
    name = key(plain(text, kind="a region"))
    by_lineage: dict[str, list[Unit]] = defaultdict(list)
    for unit in regions.called(name):
        by_lineage[regions.lineage(unit)].append(unit)
    if not by_lineage:
        raise refused(text, "is the name of no 시도 or 시군구", leftover=_leftover(name, regions))
    return by_lineage


def leading_name(text: str) -> tuple[str, str] | None:
    """The region's name that a place begins with, and the words that follow it: `창원시 의창구` and `팔용동`; None if it begins with none.

    A name is taken only in whole words that end as a region does (`동해 앞바다` is a sea, `동해시 앞바다` is not) or call a 시도.
    """
    words = text.split()
    for end in range(len(words), 0, -1):
        name = " ".join(words[:end])
        named = table().called(key(name))
        if named and (name[-1] in "시군구도" or any(unit.is_sido for unit in named)):
            return name, " ".join(words[end:])
    return None


def regions_called(text: str) -> dict[str, str]:
    """The regions that the words may mean, whatever the article says: full names by lineage; none if they are no region's name."""
    lineages = dict.fromkeys(table().lineage(unit) for unit in table().called(key(text)))
    return {lineage: table().generations(lineage)[-1].full_name for lineage in lineages}


def _former(unit: Unit, words: Sequence[Unit], *, ended: bool) -> str:
    """The full name that the text used, where that was no longer its name; else empty."""
    if unit not in words:
        return words[-1].full_name
    return unit.full_name if ended else ""


def _leftover(name: str, regions: Table) -> str:
    """What stays after the longest beginning that is a region; empty when none is."""
    return next((name[end:] for end in range(len(name) - 1, 1, -1) if regions.called(name[:end])), "")


def _settle(text: str, lineages: tuple[str, ...], context: str, regions: Table) -> str:
    """The one region that is meant, by what the article says of each."""
    if len(lineages) == 1:
        return lineages[0]
    for evidence in (_unmistakable, _surroundings):
        found = [one for one in lineages if _mentioned(evidence(one, lineages), context)]
        if len(found) == 1:
            return found[0]
        if found:
            break  # the article speaks of several of them; weaker evidence cannot settle what stronger left open
    candidates = ", ".join(regions.generations(one)[-1].full_name for one in lineages)
    raise refused(
        text,
        f"may be any of: {candidates}",
        expected="one region, or an article that says which",
        way_out="copy the name with its 시도",
    )


@cache
def _unmistakable(lineage: str, rivals: tuple[str, ...]) -> frozenset[str]:
    """The names of a region that no other region bears."""
    regions = table()
    return frozenset(
        name
        for unit in regions.generations(lineage)
        for name in unit.names()
        if len(key(name)) > 2 and not _shared(name, rivals, regions) and len(_lineages(name, regions)) == 1
    )


@cache
def _surroundings(lineage: str, rivals: tuple[str, ...]) -> frozenset[str]:
    """The names of a region's 시도, of what came after it, and of the 시군구 beside it or within it."""
    regions = table()
    names: set[str] = set()
    for unit in regions.generations(lineage):
        sidos = {unit.code[:2], *(code[:2] for code in unit.successors)}
        for sido in sidos:
            names.update(regions.units[sido].sido_names())
        names.update(
            name
            for beside in regions.beneath(unit.code[:2])
            for name in (beside.name, beside.name.split()[-1])
            if len(name) > 2 and len(_lineages(name, regions)) == 1
        )
    return frozenset(name for name in names if not _shared(name, rivals, regions))


def _lineages(name: str, regions: Table) -> set[str]:
    return {regions.lineage(unit) for unit in regions.called(key(name))}


def _shared(name: str, rivals: Sequence[str], regions: Table) -> bool:
    """Whether the name is itself one that several of the rivals bear: it says nothing."""
    return len(_lineages(name, regions).intersection(rivals)) > 1


def _mentioned(names: frozenset[str], context: str) -> bool:
    """Whether one of the names stands in the article, as a word."""
    pattern, text = _as_words(names), _compatible(context)
    found = pattern.search(text)
    while found and found.start() and HANGUL.match(text, found.start() - 1):  # the end of a longer word
        found = pattern.search(text, found.start() + 1)
    return found is not None


@lru_cache(maxsize=4)
def _compatible(context: str) -> str:
    """An article in NFKC: several names of one are read one after the other."""
    return unicodedata.normalize("NFKC", context)


@cache
def _as_words(names: frozenset[str]) -> re.Pattern[str]:
    """One pattern for all of them: to search once is many times quicker than to search for each.

    What stands before them it leaves aside: only a pattern that begins with letters skips what begins with none of those.
    """
    each = (
        r"\s*".join(map(re.escape, name.split())) + ("" if len(name) > 2 and name[-1] in "시군구도" else AFTER_SHORT)
        for name in sorted(names - ORDINARY)
    )
    return re.compile("|".join(each) or NOTHING)


def _generation(generations: Sequence[Unit], words: Sequence[Unit], when: AsOf | None, context: str) -> Unit:
    """The generation of a unit that is meant: the one of the article's date, else of the words, else of its 시도 in the article."""
    pool = list(words)
    if when is not None:
        standing = [unit for unit in generations if unit.stood(when)]
        if not standing:  # a name from before or after its time: the nearest generation
            before = generations[0].since is not None and when.last < generations[0].since
            standing = [generations[0] if before else generations[-1]]
        pool = [unit for unit in standing if unit in words] or standing
    if len(pool) == 1:
        return pool[0]
    spoken = [
        unit
        for unit in pool
        if _mentioned(
            frozenset(unit.sido_names()).difference(*(other.sido_names() for other in pool if other != unit)), context
        )
    ]
    return spoken[0] if len(spoken) == 1 else max(pool, key=lambda unit: unit.since or date.min)
