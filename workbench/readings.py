"""What code reads in a record with the article as context, kept beside what the model copied: which region a name means.

Amounts and dates need no more than the article's day and are read where they are needed; 광주시 is one of two cities, and the article says which.
"""

from functools import cache

from pydantic import BaseModel, ConfigDict

from workbench.articles import Article
from workbench.errors import ReadingRefused
from workbench.korean import leading_name, read_region, regions_called
from workbench.leaves import Walked
from workbench.scoring import Region

__all__ = ["RegionReading", "readings"]


class RegionReading(BaseModel):
    """A region as it is read, or why it is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str | None = None
    """The administrative code: five digits, two for a 시도."""
    name: str | None = None
    """The official name without its 시도; a 시도's own."""
    sido: str | None = None
    """The official name of its 시도."""
    as_of: str | None = None
    """The article's day, month or year, at which name and code were so; None: as the words have it, or as it stands."""
    unread: str | None = None
    """Why no region could be read."""
    candidates: tuple[str, ...] = ()
    """The regions that the words may mean, where the article does not settle which."""

    def __str__(self) -> str:
        """Full name and code, or why there is none."""
        name = self.name if self.name == self.sido else f"{self.sido} {self.name}"
        return self.unread or f"{name} ({self.code})"


def readings(walked: Walked, article: Article) -> dict[str, RegionReading]:
    """The regions of a record by JSON Pointer: every text that its schema marks as one, and every place that begins with one."""
    read: dict[str, RegionReading] = {}
    for at, text, (marks, kinds) in walked.copied:
        if _has_region(kinds):
            for mark in marks:
                if isinstance(mark, Region) and (reading := _read(text, mark, article)):
                    read[at] = reading
    return read


@cache
def _has_region(kinds: frozenset[type]) -> bool:
    return any(issubclass(kind, Region) for kind in kinds)


def _read(text: str, mark: Region, article: Article) -> RegionReading | None:
    """None for a place that begins with no region's name, and so has nothing to be read."""
    leading = leading_name(text) if mark.leading else (text, "")
    if leading is None:
        return None
    name, _ = leading
    try:
        region = read_region(name, article.text, as_of=article.published)
    except ReadingRefused as refused:
        return RegionReading(
            as_of=article.published, unread=refused.what, candidates=tuple(regions_called(name).values())
        )
    return RegionReading(code=region.code, name=region.name, sido=region.sido, as_of=article.published)
