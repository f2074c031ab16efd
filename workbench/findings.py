"""What code notices about a record without knowing the answer: each finding has a name, a place and words.

A schema may notice more than the workbench can: if its model has a method ``notice() -> Iterable[tuple[str, str, str]]``, what that gives (name,
JSON Pointer, words) is a finding like any other.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from pydantic import BaseModel

from workbench.articles import Article
from workbench.errors import ReadingRefused
from workbench.evidence import Grounding, Text, all_letters_of, letters_of
from workbench.examples import Example
from workbench.korean import read_amount, read_date
from workbench.leaves import Leaf, Walked
from workbench.readings import RegionReading
from workbench.schema import scalars
from workbench.scoring import Amount, Date, Identity

__all__ = ["Finding", "findings"]


@dataclass(frozen=True)
class Finding:
    """Something about a record that a person should look at.

    Attributes:
        name: Of the kind.
        at: JSON Pointer into the record.
        says: In words.
    """

    name: str
    at: str
    says: str


def findings(
    walked: Walked,
    grounding: Grounding,
    readings: Mapping[str, RegionReading],
    article: Article,
    examples: Sequence[Example] = (),
) -> list[Finding]:
    """What there is to notice about the record of an article, whose day dates are read by; ``examples`` were shown with it."""
    return [
        *_evidence(grounding),
        *_readings(walked.copied, article.published),
        *_regions(readings),
        *_duplicates(walked.copied),
        *_from_examples(walked, article, examples),
        *_noticed(walked.record),
    ]


def _evidence(grounding: Grounding) -> Iterator[Finding]:
    for at in grounding.ungrounded:
        yield Finding("ungrounded_quote", at, "this quote stands nowhere in the article")
    for at in grounding.unfound:
        yield Finding("value_not_in_article", at, "this value stands nowhere in the article")
    for at in grounding.beside:
        yield Finding("value_outside_quote", at, "this value is not in its quote, but elsewhere")
    for at, places in grounding.ambiguous.items():
        says = f"this quote stands in {places} places; the one nearest the other evidence is taken"
        yield Finding("ambiguous_quote", at, says)


def _readings(copied: Iterable[Leaf], published: str | None) -> Iterator[Finding]:
    """Amounts and dates, by their comparators, that cannot be read, and dates from before the article's century."""
    for at, text, (_, kinds) in copied:
        if Amount in kinds and (refusal := _no_amount(text)):
            yield Finding("unreadable_amount", at, refusal)
        if Date in kinds:
            start, refusal = _start(text, published)
            if refusal:
                yield Finding("unreadable_date", at, refusal)
            century = int(published[:2]) * 100 if published else None
            if start and century and start.year < century:
                yield Finding("early_date", at, f"{start.year} lies before the article's century")


def _regions(readings: Mapping[str, RegionReading]) -> Iterator[Finding]:
    """Names of regions that the article does not settle, and what is no region's name where one should stand."""
    for at, reading in readings.items():
        if reading.unread:
            yield Finding("ambiguous_region" if reading.candidates else "unreadable_region", at, reading.unread)


@lru_cache(maxsize=1 << 14)
def _no_amount(text: str) -> str | None:
    """Why a text is no amount; None if it is one. Articles say the same few over and over."""
    try:
        read_amount(text)
    except ReadingRefused as refused:
        return refused.what
    return None


@lru_cache(maxsize=1 << 14)
def _start(text: str, published: str | None) -> tuple[date | None, str | None]:
    """The first day of a date, or why it is none."""
    try:
        return read_date(text, published).start, None
    except ReadingRefused as refused:
        return None, refused.what


def _duplicates(copied: Iterable[Leaf]) -> Iterator[Finding]:
    """Items of one list whose identifying fields all say the same as those of an item before."""
    named = [(at.rpartition("/"), text) for at, text, (_, kinds) in copied if Identity in kinds]
    words: dict[str, list[str]] = defaultdict(list)
    for ((item, _, field), _), letters in zip(named, all_letters_of([text for _, text in named]), strict=True):
        words[item] += field, letters
    first: dict[tuple[str, ...], str] = {}
    for item, own in words.items():
        among, _, index = item.rpartition("/")
        if index.isdigit() and (before := first.setdefault((among, *own), item)) != item:
            yield Finding("duplicate_item", item, f"it names what {before} names")


def _from_examples(walked: Walked, article: Article, examples: Sequence[Example]) -> Iterator[Finding]:
    """Values and quotes that stand in an example's answer, and nowhere in the article."""
    if not examples:
        return
    said: dict[str, str] = {}
    for example in examples:
        for _, value in scalars(json.loads(example.answer)):
            if isinstance(value, str):
                said.setdefault(letters_of(value), example.golden)
    text = Text(article.text)
    given = [*walked.copied, *walked.citations]
    for at, words, _ in given:
        golden = said.get(letters_of(words))
        if golden and words.strip() and not text.find(words):
            yield Finding("value_from_example", at, f"this stands in the example {golden}, and nowhere in the article")


def _noticed(record: BaseModel) -> Iterator[Finding]:
    notice = getattr(record, "notice", None)
    if callable(notice):
        for name, at, says in notice():
            yield Finding(name, at, says)
