"""Where a run is in doubt: the articles of which other runs of the same task made something else.

Models that agree may all be wrong, but where they differ one of them is: a person's time is best spent there. A vote knows of itself how far
the runs that it merged agreed.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, JsonValue

from workbench.errors import RunError
from workbench.extract import read_record
from workbench.runs import Run, open_run
from workbench.schema import form, values
from workbench.scoring import score

__all__ = ["MOST_RUNS", "doubts", "others_of"]

MOST_RUNS = 5
"""So many other runs are asked, the latest: each is compared with each."""


def others_of(run: Run, folder: Path) -> list[Run]:
    """The latest finished runs in a folder that were asked for the same schema as this one, itself left out, and votes, which merge others."""
    found = []
    for file in folder.glob("*/run.json"):
        with suppress(RunError):  # what is no run of this version is passed over, as where the latest is looked for
            other = open_run(file.parent)
            same = (other.info.task, other.info.json_schema) == (run.info.task, run.info.json_schema)
            if same and not other.info.votes and other.info.finished and other.folder.resolve() != run.folder.resolve():
                found.append(other)
    return sorted(found, key=lambda other: other.info.started, reverse=True)[:MOST_RUNS]


def doubts(run: Run, others: Sequence[Run], schema: type[BaseModel]) -> dict[str, float]:
    """How far runs disagree on each article of the first: 0 where all say the same, 1 where no two have anything in common.

    It is 1 less the mean F1 between their records, each against each. An article of which no other run has a record of the same text is left out.
    Of a vote it is 1 less the mean confidence of the record's leaves, and other runs are not asked; a record without a leaf is left out.

    Raises:
        RunError: If a record does not fit the schema any more.
    """
    if run.info.votes:
        return {one.article: 1 - fmean(one.confidence.values()) for one in run.extractions() if one.confidence}
    placed = [{extraction.article: offset for offset, extraction in other.placed()} for other in others]
    found = {}
    for _, extraction in run.placed():
        records: list[JsonValue] = []
        beside = (
            other.at(offsets[extraction.article])
            for other, offsets in zip(others, placed, strict=True)
            if extraction.article in offsets
        )
        for one in (extraction, *beside):
            record = read_record(one, schema)
            if record is not None and one.text == extraction.text:
                records.append(values(record))
        if len(records) > 1 and extraction.state == "ok":
            agreed = [
                score(one, other, form(schema), as_of=extraction.published).f1
                for one, other in combinations(records, 2)
            ]
            found[extraction.article] = 1 - fmean(agreed)
    return found
