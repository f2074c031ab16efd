"""A shard: some of a run's articles, done apart from the others, in a folder of its own.

``RUN/shards/0001/`` has the articles that fell to it, and is else a run folder: its extractions, failures and ledger, and beside them the recordings
that it made. So it can be done in another process, which may die: whoever goes on finds there what was done. Merging moves its lines into the
run's own files and its recordings into the project's store; a merge that was cut short is taken back and made again.

Articles with one text fall to one shard: their text is asked about once, as it is in a run of one piece.
"""

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

from workbench.articles import Article, Rejected
from workbench.canonical import hash_text, line
from workbench.errors import RunError
from workbench.extract import Extraction, Price
from workbench.files import write_whole
from workbench.ledger import Ledger, recorded_in
from workbench.lines import Appender, raw_lines, read_lines
from workbench.recordings import Recordings, read_recording
from workbench.runs import FILES

__all__ = [
    "PATIENCE",
    "Share",
    "articles_of",
    "check_merged",
    "merge",
    "recordings_of",
    "roll_back",
    "take_in",
    "write",
]

SHARDS: Final = "shards"
ARTICLES: Final = "articles.jsonl"
MERGING: Final = "merging.json"
MERGED: Final = ".merged"
HELD: Final = 1_000
"""Articles that are held in memory before they are written to their shards."""
PATIENCE: Final = 60.0
"""Seconds to wait for a shard that another process still writes: one that was cut off from its scheduler notices, and ends."""
COUNTED: Final = ("attempts.jsonl", *FILES)
"""What a merge adds to in the run's folder."""


class Share(NamedTuple):
    """An article that fell to a shard.

    Attributes:
        article: The article.
        sample: The sample to take of it.
        sent: How many requests earlier sittings sent for its text, where no extraction tells of them.
        paid: The keys of those that were answered.
    """

    article: Article | Rejected
    sample: int
    sent: int = 0
    paid: tuple[str, ...] = ()


def write(folder: Path, shares: Iterable[Share], count: int) -> list[Path]:
    """Write articles into so many new shards of a run, in their order; returns the folders of those that got any."""
    held: dict[int, list[str]] = defaultdict(list)
    made: dict[int, Path] = {}

    def put() -> None:
        for number, lines in held.items():
            if number not in made:
                made[number] = folder / SHARDS / f"{number + 1:04}"
                made[number].mkdir(parents=True)
            with (made[number] / ARTICLES).open("a", encoding="utf-8") as file:
                file.writelines(lines)
        held.clear()

    for number, (article, sample, sent, paid) in enumerate(shares, 1):
        kind = "article" if isinstance(article, Article) else "rejected"
        mark = article.hash if isinstance(article, Article) else hash_text(article.place)
        held[int(mark[-12:], 16) % count].append(
            line({kind: asdict(article), "sample": sample, "sent": sent, "paid": [*paid]})
        )
        if number % HELD == 0:
            put()
    put()
    return [made[number] for number in sorted(made)]


def articles_of(shard: Path) -> Iterator[Share]:
    """What fell to a shard.

    Raises:
        RunError: If a line is no article.
    """
    for number, _, fields in read_lines(shard / ARTICLES):
        try:
            given = Article(**fields["article"]) if "article" in fields else Rejected(**fields["rejected"])
            yield Share(given, fields["sample"], fields["sent"], tuple(fields["paid"]))
        except (KeyError, TypeError) as error:
            raise RunError("the line is no article", where=f"{shard / ARTICLES}:{number}") from error


def recordings_of(shard: Path) -> Recordings:
    """The store of what a shard recorded."""
    return Recordings(shard / "recordings")


def _shards_of(folder: Path) -> list[Path]:
    """The shards of a run that are not merged yet."""
    return sorted(shard for shard in (folder / SHARDS).glob("*") if shard.is_dir() and shard.suffix != MERGED)


def check_merged(folder: Path) -> None:
    """Refuse to tell of a run, writing nothing, where shards hold some of what it has done.

    Raises:
        RunError: They do.
    """
    begun = [shard for shard in _shards_of(folder) if (shard / "attempts.jsonl").exists()]
    if begun or (folder / SHARDS / MERGING).exists():
        raise RunError(
            f"what it has done past one machine is not merged yet ({len(begun)} shards), so that what is left is not known",
            where=str(folder / SHARDS),
            way_out=f"go on with it without --dry-run: `workbench run --resume {folder.name}` merges them before it asks",
        )


def roll_back(folder: Path) -> None:
    """Take back what a merge that was cut short has added to a run's files; the shard has it still.

    Raises:
        InputError: If another process is writing the run.
    """
    journal = folder / SHARDS / MERGING
    if not journal.exists():
        return
    then = json.loads(journal.read_text(encoding="utf-8"))
    if (folder / SHARDS / then["shard"]).is_dir():
        for name, size in then["sizes"].items():
            with Appender(folder / name):  # its lock
                os.truncate(folder / name, size)
    journal.unlink()


def take_in(folder: Path, ledger: Ledger, store: Recordings, price: Price) -> None:
    """Merge the shards that a run was left with, as far as each had come, and drop what they had not begun.

    Args:
        folder: Of the run. Nobody is writing it.
        ledger: The run's.
        store: The project's recordings.
        price: What tokens cost.

    Raises:
        InputError: If another process is writing one of the shards.
    """
    if not (folder / SHARDS).is_dir():
        return
    files = {name: Appender(folder / name) for name in FILES}
    try:
        for shard in _shards_of(folder):
            merge(shard, ledger, files, store, price)
    finally:
        for file in files.values():
            file.close()
    shutil.rmtree(folder / SHARDS)


def merge(
    shard: Path,
    ledger: Ledger,
    files: Mapping[str, Appender],
    store: Recordings,
    price: Price,
    *,
    done: Callable[[Extraction], None] = lambda _: None,
) -> None:
    """Move what a shard has done into the run that it is of, and remove it.

    A request that was under way when its process was killed is written down first, at its worst case if nothing was recorded of it.

    Args:
        shard: Its folder.
        ledger: The run's.
        files: The writers of the run's files, by their names.
        store: The project's recordings.
        price: What tokens cost.
        done: Called with each extraction when it stands in the run.

    Raises:
        InputError: If another process is still writing the shard.
    """
    run = shard.parent.parent
    if (shard / "attempts.jsonl").exists():  # else it was never begun
        with Ledger(shard, wait=PATIENCE) as theirs, recordings_of(shard) as recorded:
            theirs.close_left_over(recorded_in(recorded), price)
            _merge_recordings(recorded, store)
            sizes = {name: (run / name).stat().st_size for name in COUNTED}
            write_whole(shard.parent / MERGING, json.dumps({"shard": shard.name, "sizes": sizes}))
            for raw, where in _whole_lines(shard / "attempts.jsonl"):
                ledger.take_over(raw, where)
            extractions = read_lines(shard / "extractions.jsonl", missing_ok=True)
            ended = {fields["article"] for _, _, fields in extractions}
            for raw, _ in _whole_lines(shard / "failures.jsonl"):
                if json.loads(raw)["article"] in ended:  # else it died between the two lines
                    files["failures.jsonl"].append_raw(raw)
            for raw, _ in _whole_lines(shard / "extractions.jsonl"):
                files["extractions.jsonl"].append_raw(raw)
                extraction = Extraction.model_validate_json(raw)
                ledger.take(extraction.text)  # it is told
                done(extraction)
    aside = shard.with_name(shard.name + MERGED)
    shard.rename(aside)
    (shard.parent / MERGING).unlink(missing_ok=True)
    shutil.rmtree(aside)


def _merge_recordings(shard: Recordings, store: Recordings) -> None:
    for file in sorted(shard.folder.glob("*.jsonl")):
        for raw, where in _whole_lines(file):
            recording = read_recording(raw, where)
            if store.get(recording.key) != recording:  # a merge before this one may have come so far
                store.append(recording)


def _whole_lines(file: Path) -> Iterator[tuple[bytes, str]]:
    """Each line, with its line end, and its place. What is torn is set aside."""
    if not file.exists():
        return
    if file.name != "attempts.jsonl":  # which its ledger has mended
        Appender(file).close()
    with file.open("rb") as lines:
        for number, (_, raw) in enumerate(raw_lines(lines, 0, file.stat().st_size), 1):
            yield raw, f"{file}:{number}"
