"""Where a run is in doubt: the articles of which other runs of the same task made something else.

Models that agree may all be wrong, but where they differ one of them is: a person's time is best spent there. A vote knows of itself how far
the runs that it merged agreed. What the page shows of it is found out in a thread of its own: of many articles and runs it takes minutes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from threading import Condition, Thread

from pydantic import BaseModel, JsonValue

from workbench.extract import read_record
from workbench.runs import Run, runs_in
from workbench.schema import form, values
from workbench.scoring import score

__all__ = ["MOST_RUNS", "Doubts", "doubts", "others_of"]

MOST_RUNS = 5
"""So many other runs are asked, the latest: each is compared with each."""


def others_of(run: Run, folder: Path) -> list[Run]:
    """The latest finished runs in a folder that were asked for the same schema as this one, itself left out, and votes, which merge others."""
    found = []
    for other in runs_in(folder):
        same = (other.info.task, other.info.json_schema) == (run.info.task, run.info.json_schema)
        if same and not other.info.votes and other.info.finished and other.folder.resolve() != run.folder.resolve():
            found.append(other)
    return sorted(found, key=lambda other: other.rank, reverse=True)[:MOST_RUNS]


def doubts(run: Run, others: Sequence[Run], schema: type[BaseModel]) -> Iterator[tuple[str, float | None]]:
    """Each article of the first run, and how far runs disagree on it: 0 where all say the same, 1 where no two have anything in common.

    It is 1 less the mean F1 between their records, each against each; None for an article of which no other run has a record of the same text.
    Of a vote it is 1 less the mean confidence of the record's leaves, and other runs are not asked; None for a record without a leaf.

    Raises:
        RunError: If a record does not fit the schema any more.
    """
    if run.info.votes:
        for one in run.extractions():
            yield one.article, None if one.sure is None else 1 - one.sure
        return
    placed = [{extraction.article: offset for offset, extraction in other.placed()} for other in others]
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
        doubt = None
        if len(records) > 1 and extraction.state == "ok":
            agreed = [
                score(one, other, form(schema), as_of=extraction.published).f1
                for one, other in combinations(records, 2)
            ]
            doubt = 1 - fmean(agreed)
        yield extraction.article, doubt


class Doubts:
    """The doubts of a run, found out once, behind whoever asks. Safe to use from several threads.

    Args:
        find: Gives each article with its doubt: see `doubts`.
    """

    def __init__(self, find: Callable[[], Iterable[tuple[str, float | None]]]) -> None:
        self._find = find
        self._turn = Condition()
        self._thread: Thread | None = None
        self._ending = False
        self._error: BaseException | None = None
        self._all: dict[str, float] | None = None
        self._compared = 0

    @property
    def compared(self) -> int | None:
        """Of how many articles it is known while it is being found out; None before and after."""
        with self._turn:
            return self._compared if self._thread else None

    @property
    def all(self) -> Mapping[str, float] | None:
        """The doubt of each article that has one; None until all are known."""
        with self._turn:
            return self._all

    def begin(self) -> None:
        """Find them out, unless they are known or being found out; an error that ended it is raised, once."""
        with self._turn:
            if self._error:
                error, self._error = self._error, None
                raise error
            if self._all is None and self._thread is None and not self._ending:
                self._compared = 0
                self._thread = Thread(target=self._work, name="doubts", daemon=True)
                self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is being found out any more; whether that is so.

        Args:
            seconds: How long at the most; None for as long as it takes.
        """
        with self._turn:
            return self._turn.wait_for(lambda: self._thread is None, seconds)

    def close(self) -> None:
        """End it with the article it is at. Nobody waits for that: it writes nothing."""
        with self._turn:
            self._ending = True

    def _work(self) -> None:
        found: dict[str, float] = {}
        error: BaseException | None = None
        try:
            for article, doubt in self._find():
                if self._ending:
                    break
                if doubt is not None:
                    found[article] = doubt
                self._compared += 1
        except BaseException as caught:  # noqa: BLE001 - raised by whoever asks for them next
            error = caught
        with self._turn:
            self._all = None if error or self._ending else found
            self._error, self._thread = error, None
            self._turn.notify_all()
