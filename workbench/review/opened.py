"""An article opened: all that its page needs, read at one moment."""

from dataclasses import dataclass
from functools import cached_property, partial

from pydantic import BaseModel, JsonValue

from workbench.decide import read_shown, record_hash
from workbench.evaluate import ArticleScore, score_article
from workbench.extract import Extraction, read_record
from workbench.goldens import Golden
from workbench.review.desk import Desk
from workbench.schema import values
from workbench.standing import Standing
from workbench.wishes import Subject

__all__ = ["Opened", "form_of", "opened"]


@dataclass(frozen=True)
class Opened:
    """An article with all that its page needs, read at one moment.

    Attributes:
        scored: Its extraction and score.
        golden: Its golden; None if it has none.
        seen: The hash of the golden's file as it was read; None where there is no file.
        about: What decisions on it are about.
        standing: The decisions in force.
        against: The same article in the second run; None where there is none.
        beside: That run's record in the form of a golden.
    """

    scored: ArticleScore
    golden: Golden | None
    seen: str | None
    about: Subject
    standing: Standing
    against: ArticleScore | None
    beside: JsonValue

    @property
    def article(self) -> str:
        """Its id."""
        return self.scored.extraction.article

    @cached_property
    def record(self) -> str | None:
        """The hash of its record's form, by which decisions name it."""
        return record_hash(self.about.record)

    @cached_property
    def beside_record(self) -> str | None:
        """The same of the second run's."""
        return record_hash(self.beside)


def opened(desk: Desk, extraction: Extraction, name: str | None, beside: Extraction | None) -> Opened:
    """An article as it is now.

    Args:
        desk: The reviewer's.
        extraction: What the run has of it.
        name: The id of the golden that answers it; None if none does.
        beside: What the second run has of it; None where it has nothing, or there is none.

    Raises:
        GoldenError: If its golden does not hold.
        RunError: If a record does not fit the schema any more.
    """
    schema = desk.task.schema
    golden, seen = read_shown(desk.folder, name, schema) if name else (None, None)
    about = Subject(
        name or extraction.article,
        form_of(extraction, schema),
        extraction.text,
        extraction.published,
        partial(desk.texts, extraction),
    )
    return Opened(
        scored=score_article(extraction, golden, schema, desk.texts),
        golden=golden,
        seen=seen,
        about=about,
        standing=desk.log.standing(about.golden, seen),
        against=None if beside is None else score_article(beside, golden, schema, desk.texts),
        beside=None if beside is None else form_of(beside, schema),
    )


def form_of(extraction: Extraction, schema: type[BaseModel]) -> JsonValue:
    """An extraction's record in the form of a golden."""
    record = read_record(extraction, schema)
    return None if record is None else values(record)
