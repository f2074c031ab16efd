"""Going on with a run: what it has already, what is to be done again, and whether the question is still the same."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import JsonValue, ValidationError

from workbench.articles import Article, Rejected
from workbench.canonical import canonical_json, fingerprint
from workbench.errors import RunError, SchemaError
from workbench.extract import State
from workbench.lines import Appender, read_lines
from workbench.pointers import first_difference, pointer
from workbench.runs import FILES, Run, RunInfo, prompt_text, schema_text
from workbench.tasks import Task

__all__ = [
    "REDONE",
    "Kept",
    "Left",
    "check_asked",
    "check_records",
    "check_same",
    "keep",
    "left_of",
    "put_back",
    "taken_samples",
    "told_of",
]

REDONE: Final[frozenset[State]] = frozenset({"failed", "unspent", "missed"})
"""States that going on does again: no answer was had, so that asking is the same request."""
SHOWN: Final = 120
"""Characters of a value that a refusal shows."""


@dataclass
class Kept:
    """What a run has already and keeps.

    Attributes:
        states: How many of its articles ended in each.
        marks: One number for each article with its text, so that a million fit into memory.
        first: The sample to take of an article that was not asked yet.
        samples: The sample to take of the others, by the mark of their name.
        was: How those ended that are to be done again, by the mark of their name.
        only: Marks of the names that alone are to be done; None for all.
        leaves: Whether ``only`` leaves something undone.
        since: When the run began; None if it begins now.
        torn: Files that ended in a torn line, which was set aside.
        sent: How many requests earlier sittings sent for each text of which nothing was told, where another ledger than the run's has them.
        paid: The keys of those that were answered.
    """

    states: Counter[State] = field(default_factory=Counter)
    marks: set[int] = field(default_factory=set)
    first: int = 0
    samples: dict[int, int] = field(default_factory=dict)
    was: dict[int, State] = field(default_factory=dict)
    only: set[int] | None = None
    leaves: bool = False
    since: datetime | None = None
    torn: list[Path] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)

    def wants(self, article: Article | Rejected) -> bool:
        """Whether this article is still to be done."""
        if _mark_of(article) in self.marks:
            return False
        return self.only is None or fingerprint(article.id) in self.only

    def sample(self, article: Article) -> int:
        """The sample to take."""
        return self.samples.get(fingerprint(article.id), self.first)

    def ended(self, article: Article | Rejected) -> State | None:
        """How an article that is to be done again had ended; None if it never had."""
        return self.was.get(fingerprint(article.id))

    def take(self, article: Article, sample: int) -> None:
        """Have this sample taken of an article."""
        self.samples[fingerprint(article.id)] = sample


class Left(NamedTuple):
    """What is left of a run, worked out of its files and not yet written into them.

    Attributes:
        kept: What the run keeps.
        goes: Marks of the names whose lines go, as their articles are done again.
    """

    kept: Kept
    goes: set[int]


def left_of(
    run: Run,
    articles: Iterable[Article | Rejected],
    *,
    redone: frozenset[State] = REDONE,
    retried: frozenset[State] = frozenset(),
    only: frozenset[State] = frozenset(),
    spared: frozenset[State] = frozenset(),
) -> Left:
    """Sort a run's lines into those that stay and those that go. Nothing is written.

    A line goes when its article is there to be done again: for its state, or because its text is no longer the one that the line answers. A state
    in ``retried`` is asked anew, as the next sample that none of the runs beside this one takes: its answer was had, and asking the same would be
    told the same.

    Args:
        run: What was done.
        articles: What there is to do now.
        redone: States that are done again.
        retried: States to be asked anew.
        only: Do nothing but what ended in one of these; empty for everything.
        spared: States that stay as they are, though going on does them again.

    Raises:
        RunError: If a line is no extraction.
    """
    redone = ((only or redone) & redone - spared) | retried
    kept = Kept(first=run.info.sample, only=set() if only else None, since=run.info.started)
    goes = set()
    for _, line in _standing(run.folder):
        state: State = line["state"]
        mark = fingerprint(line["article"])
        kept.states[state] += 1
        if state not in redone:
            kept.marks.add(fingerprint(line["article"], line["text"] or line["place"]))
            continue
        if kept.only is not None:
            kept.only.add(mark)
        kept.samples[mark] = _sample(line) + run.info.samples * (state in retried and bool(line["exchanges"]))
    for article in articles:
        if kept.wants(article):
            goes.add(fingerprint(article.id))
        elif _mark_of(article) not in kept.marks:
            kept.leaves = True
    for _, line in _standing(run.folder) if goes else ():
        if (mark := fingerprint(line["article"])) in goes:
            kept.states[line["state"]] -= 1
            kept.was[mark] = line["state"]
    return Left(kept, goes)


def keep(run: Run, left: Left) -> Kept:
    """Take the lines that go out of a run's files. They are kept aside, for ``put_back``.

    Args:
        run: What was done. Nobody else may be writing it.
        left: What is left of it.
    """
    files = {name: Appender(run.folder / name) for name in FILES}
    put_back(run.folder, files)
    for name, file in files.items():
        file.close()
        _take_out(run.folder / name, left.goes)
    left.kept.torn += [run.folder / name for name, file in files.items() if file.torn]
    return left.kept


def taken_samples(run: Run) -> dict[int, int]:
    """The sample that each of a run's articles was, by the mark of its name: those that were retried are other than the run's own."""
    return {
        fingerprint(line["article"]): sample
        for line in _lines(run.folder)
        if (sample := _sample(line)) != run.info.sample
    }


def told_of(folder: Path) -> set[str]:
    """Hashes of the texts that a run's extractions tell of."""
    return {line["text"] for line in _lines(folder) if line["text"]}


def _sample(line: dict[str, Any]) -> int:
    found = line.get("sample", 0)
    return found if isinstance(found, int) else 0


def put_back(folder: Path, files: Mapping[str, Appender]) -> Counter[State]:
    """Put the lines that were taken out and have no successor back at the ends of their files; returns what they were.

    A sitting that was stopped, or killed, has not come to all that it was to do again: what was known of the rest is known still.

    Args:
        folder: Of the run.
        files: The writers of its files, by their names.
    """
    asides = {name: _aside(folder / name) for name in FILES if _aside(folder / name).exists()}
    out = {name: {fingerprint(line["article"]) for _, _, line in read_lines(aside)} for name, aside in asides.items()}
    done = _among(folder / "extractions.jsonl", set().union(*out.values())) if out else set()
    states: Counter[State] = Counter()
    # An extraction says that its article is done: it is the last to come back, and its aside the last to go.
    for name, aside in reversed(asides.items()):
        left = out[name] - done - _among(folder / name, out[name])
        with aside.open("rb") as raw:
            for _, offset, line in read_lines(aside):
                if (mark := fingerprint(line["article"])) in left:
                    left.discard(mark)
                    raw.seek(offset)
                    files[name].append_raw(raw.readline())  # to the byte
                    states[line["state"]] += name == "extractions.jsonl"
    for aside in reversed(asides.values()):
        aside.unlink()
    return states


def _aside(file: Path) -> Path:
    return file.with_name(f"{file.stem}.again.jsonl")


def _among(file: Path, marks: set[int]) -> set[int]:
    """Those of the marks whose articles have a line in a file."""
    return marks & {fingerprint(line["article"]) for _, _, line in read_lines(file)}


def _mark_of(article: Article | Rejected) -> int:
    return fingerprint(article.id, article.hash if isinstance(article, Article) else article.place)


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    file = folder / "extractions.jsonl"
    for number, _, line in read_lines(file, missing_ok=True):
        if not {"article", "text", "place", "state", "exchanges"} <= line.keys():
            raise RunError("the line is no extraction", where=f"{file}:{number}", way_out="start another run")
        yield line


def _standing(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and line of each article's extraction, as the lines stand once those that were taken out and have no successor are put back."""
    file = folder / "extractions.jsonl"
    aside = _aside(file)
    out = {fingerprint(line["article"]) for _, _, line in read_lines(aside, missing_ok=True)}
    for number, line in enumerate(_lines(folder), 1):
        out.discard(fingerprint(line["article"]))
        yield f"{file}:{number}", line
    for number, _, line in read_lines(aside, missing_ok=True):
        if (mark := fingerprint(line["article"])) in out:
            out.discard(mark)
            yield f"{aside}:{number}", line


def _take_out(file: Path, marks: set[int]) -> None:
    """Take the lines of the marked articles out of a file and keep them aside; a file that keeps all of its lines is not touched."""

    def goes(line: dict[str, Any]) -> bool:
        return fingerprint(line["article"]) in marks

    first = next((offset for _, offset, line in read_lines(file) if goes(line)), None)
    if first is None:
        return
    aside = _aside(file)
    part, aside_part = (path.with_name(path.name + ".part") for path in (file, aside))
    with file.open("rb") as old, part.open("wb") as new, aside_part.open("wb") as out:
        for _, offset, line in read_lines(file):
            gone = offset >= first and goes(line)
            old.seek(offset)
            (out if gone else new).write(old.readline())
    aside_part.replace(aside)  # first: a line that stands in both files is put back into none
    part.replace(file)


def check_asked(run: Run, *, new: bool = False) -> None:
    """Refuse a vote: it asked nothing that could be gone on with, or asked anew.

    Args:
        run: What is named.
        new: Whether another run of the same question is wanted, rather than the rest of this one.

    Raises:
        RunError: If it is a vote.
    """
    if not run.info.votes:
        return
    merged = ", ".join(voted.id for voted in run.info.votes)
    asked = (
        f"start each of the runs that it merged anew ({merged})"
        if new
        else f"go on with the runs that it merged ({merged})"
    )
    raise RunError(
        f"this run is a vote: it asked nobody, and there is nothing to {'ask anew' if new else 'go on with'}",
        where=str(run.folder),
        expected="a run that asked a model",
        way_out=f"{asked}, and vote again",
    )


def check_same(run: Run, now: RunInfo, task: Task) -> None:
    """Refuse to go on with a run under another question.

    Raises:
        RunError: If prompt, schema, model, address or a setting that changes answers is another; shows the difference. If it is a vote.
    """
    check_asked(run)
    then = run.info
    changed = [
        f"{name}: {json.dumps(old, ensure_ascii=False)} became {json.dumps(new, ensure_ascii=False)}"
        for name, old, new in _settings(then, now)
        if old != new
    ]
    changed += [
        f"the golden {golden}, an example, is another"
        for golden in sorted(dict(then.examples.items() ^ now.examples.items()))
    ]
    if then.prompt != now.prompt:
        changed.append("the prompt:\n" + _difference(run.folder / "prompt.md", prompt_text(task)))
    if then.json_schema != now.json_schema:
        changed.append("the schema:\n" + _difference(run.folder / "schema.json", schema_text(task)))
    if changed:
        raise RunError(
            "what was asked is no longer the same; " + "\n".join(changed),
            where=str(run.folder),
            way_out="undo the change, or start another run of the same articles with --new",
        )


def check_records(run: Run, task: Task, left: Left) -> None:
    """Refuse to go on with a run whose records the schema's own code no longer reads as they are stored, though its JSON Schema is the same.

    Where the code is that which the run notes, nothing is read.

    Raises:
        RunError: If a record that the run keeps no longer validates, or validates to another; names the article and the place.
        SchemaError: If a validator fails.
    """
    if run.info.schema_code == task.code:
        return
    for where, line in _standing(run.folder):
        if line["state"] != "ok" or fingerprint(line["article"]) in left.goes:
            continue
        if changed := _reads(task, line["record"]):
            raise RunError(
                f"the schema's code has changed, and by it the record of {line['article']} is another; at {changed}",
                where=where,
                expected="records that read as they are stored: else those before and after the change would not be of one kind",
                way_out=f"put {task.front.schema_} back as it was, or start another run of the same articles with --new",
            )


def _reads(task: Task, stored: JsonValue) -> str | None:
    """Where and how a stored record reads other than it is stored, None if it does not."""
    try:
        read = task.schema.model_validate_json(canonical_json(stored)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        return f"{pointer(*first['loc']) or 'its whole'}: {first['msg']}"
    except Exception as error:
        raise SchemaError(f"a validator fails: {type(error).__name__}: {error}", where=task.front.schema_) from error
    if differs := first_difference(stored, read):
        at, then, now = differs
        return f"{at or 'its whole'}: {_short(then)} became {_short(now)}"
    return None


def _short(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _settings(then: RunInfo, now: RunInfo) -> Iterator[tuple[str, Any, Any]]:
    for name in ("task", "model", "differences", "reasks"):
        yield name, getattr(then, name), getattr(now, name)
    if then.endpoint and now.endpoint:  # a replay may be gone on with by asking, and the other way round
        yield "endpoint", then.endpoint, now.endpoint
    for name in sorted({*then.front_matter, *now.front_matter}):
        yield name, then.front_matter.get(name), now.front_matter.get(name)


def _difference(file: Path, now: str) -> str:
    then = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = difflib.unified_diff(
        then.splitlines(), now.splitlines(), "as the run has it", "as it is now", lineterm="", n=1
    )
    return "\n".join(lines)
