"""Several runs become one: each article's records vote, and what comes of it is a run like any other.

The runs are samples of one model, or several models, of one task and one schema. Who has no record of an article does not vote on it, and that is
said; where most have none, there is none. Nothing is sent: the evidence of the merged record is looked for anew in the article.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from workbench.articles import Article
from workbench.consensus import agree_on
from workbench.errors import RunError
from workbench.examples import Example
from workbench.extract import Extraction, State, noticed, read_record
from workbench.findings import Finding
from workbench.ledger import Ledger
from workbench.runs import Run, RunInfo, RunWriter, VotedRun, new_folder, now
from workbench.scoring import Context, TooLarge

__all__ = ["Count", "Vote", "check_may_vote", "take_vote", "vote_on"]

Texts = Callable[[Extraction], str | None]
"""Gives the text of an extraction's article, None where it is no longer at hand."""
ExamplesOf = Callable[[Article], Sequence[Example]]
"""Gives the examples that were shown with an article."""


class Vote(NamedTuple):
    """What one run has of an article: None where it has not read it."""

    run: str
    extraction: Extraction | None


@dataclass
class Count:
    """What came of a vote.

    Attributes:
        folder: Of the run that it made.
        states: How many articles ended in each.
        ties: How many there were.
        fewer: On how many articles with a record not all runs voted.
        leaves: How many leaves there are at each confidence.
    """

    folder: Path
    states: Counter[State] = field(default_factory=Counter)
    ties: int = 0
    fewer: int = 0
    leaves: Counter[float] = field(default_factory=Counter)

    def add(self, extraction: Extraction) -> None:
        """Count one more article."""
        self.states[extraction.state] += 1
        names = Counter(finding.name for finding in extraction.findings)
        self.ties += names["tie"]
        self.fewer += names["fewer_votes"]
        self.leaves.update(extraction.confidence.values())


def check_may_vote(runs: Sequence[Run]) -> None:
    """Refuse runs that have no vote together.

    Raises:
        RunError: If there are fewer than two, one is there twice or a vote itself, or they are of several tasks or schemas.
    """
    if len(runs) < 2:
        raise RunError(
            "one run alone has nothing to vote on",
            expected="two runs or more",
            way_out="`workbench run --samples 3` makes three",
        )
    first = runs[0]
    seen: set[Path] = set()
    for run in runs:
        if run.folder.resolve() in seen:
            raise RunError("this run is named twice, and would vote twice", where=str(run.folder))
        seen.add(run.folder.resolve())
        if run.info.votes:
            raise RunError(
                "this run is a vote itself: how many stand behind each of its values would be lost",
                where=str(run.folder),
                way_out=f"name the runs that it was made of: {' '.join(voted.id for voted in run.info.votes)}",
            )
        if run.info.task != first.info.task:
            raise RunError(
                f"one run is of the task {first.info.task!r}, another of {run.info.task!r}",
                where=f"{first.info.id} and {run.info.id}",
                expected="runs of the same task",
            )
        if run.info.json_schema != first.info.json_schema:
            raise RunError(
                "these runs were asked for different schemas, whose records are not of one form",
                where=f"{first.info.id} and {run.info.id}",
                expected="runs with the same json_schema in their run.json",
                way_out="replay the older one with the present schema: `workbench run --replay`",
            )


def take_vote(
    runs: Sequence[Run],
    folder: Path,
    schema: type[BaseModel],
    texts: Texts,
    examples: ExamplesOf = lambda _: (),
) -> Count:
    """Merge runs into a new run.

    Args:
        runs: What votes, the earliest first: that order decides ties.
        folder: Where all runs are.
        schema: What their records are of.
        texts: Gives an article's text.
        examples: Gives what was shown with an article.

    Raises:
        RunError: If they have no vote together, a record does not fit the schema any more, or an article's text is no longer at hand.
    """
    check_may_vote(runs)
    offsets = _look_through(runs, texts)
    started = now()
    made = new_folder(folder, f"{runs[0].info.task}-vote", started)
    for name in ("prompt.md", "schema.json"):  # what the hashes in run.json are of
        if (runs[0].folder / name).is_file():
            shutil.copyfile(runs[0].folder / name, made / name)
    count = Count(made)
    with RunWriter(made, _info(runs, made.name, started), Ledger(made)) as writer:
        for article in dict.fromkeys(article for of_run in offsets for article in of_run):
            votes = [
                Vote(run.info.id, run.at(of_run[article]) if article in of_run else None)
                for run, of_run in zip(runs, offsets, strict=True)
            ]
            extraction = vote_on(votes, schema, texts, examples)
            writer.keep(extraction)
            count.add(extraction)
        writer.finish()
    return count


def _look_through(runs: Sequence[Run], texts: Texts) -> list[dict[str, int]]:
    """Where each run has each article; refused before anything is written where a text is gone that evidence has to be looked for in."""
    gone: dict[str, Extraction] = {}
    there: set[str] = set()
    offsets: list[dict[str, int]] = []
    for run in runs:
        of_run: dict[str, int] = {}
        for offset, extraction in run.placed():
            of_run[extraction.article] = offset
            if extraction.state == "ok" and extraction.text:
                if texts(extraction) is None:
                    gone.setdefault(extraction.text, extraction)
                else:
                    there.add(extraction.text)
        offsets.append(of_run)
    lost = [extraction for text, extraction in gone.items() if text not in there]
    if lost:
        some = ", ".join(f"{extraction.article} ({extraction.place})" for extraction in lost[:5])
        raise RunError(
            f"{len(lost)} of the articles are not, or not as they were, where the runs read them: {some}{' …' * (len(lost) > 5)}",
            expected="the texts in which the quotes of the merged records are looked for",
            way_out="put them back, or run the articles as they are now",
        )
    return offsets


def vote_on(
    votes: Sequence[Vote], schema: type[BaseModel], texts: Texts, examples: ExamplesOf = lambda _: ()
) -> Extraction:
    """Merge what runs have of one article.

    Those vote that have a record of the same text as the earliest run that could read it. Where more than half of those that read it have
    no record, there is none, and the state is the commonest of theirs.

    Args:
        votes: One a run, the earliest first; at least one of them has read the article.
        schema: What the records are of.
        texts: Gives the article's text.
        examples: Gives what was shown with it.

    Raises:
        RunError: If a record does not fit the schema any more, or the text is not at hand.
    """
    read = [one for _, one in votes if one is not None]
    base = next((one for one in read if one.text is not None), read[0])
    same = [one for one in read if one.text in {base.text, None}]
    records = [one for one in same if one.state == "ok"]
    together: dict[str, Any] = {
        "examples": _union(one.examples for one in same),
        "exchanges": _union(one.exchanges for one in same),
        "origins": tuple(sorted(_union(one.origins for one in same))),
    }
    lost = [one for one in same if one.state != "ok"]
    if 2 * len(lost) > len(same):
        (state, _), *_ = Counter(one.state for one in lost).most_common(1)
        error = next(one.error for one in lost if one.state == state)
        reason = f"{len(lost)} of {len(same)} runs have no record: {_said(votes, base.text)}"
        return _extraction(base, state, reason, together | {"error": error})
    text = next((text for one in records if (text := texts(one)) is not None), None)
    if text is None or base.text is None:
        raise RunError(
            "its text is not at hand, and without it nobody can say where its evidence stands",
            where=f"{base.article} ({base.place})",
            way_out="put it back where the runs read it",
        )
    article = Article(base.article, text, base.text, base.place, base.title, base.publisher, base.published)
    voters = [record for one in records if (record := read_record(one, schema)) is not None]
    try:
        found = agree_on(voters, schema, Context(base.published, lambda: text))
    except TooLarge as error:
        return _extraction(base, "invalid", f"the records are too large to be merged: {error}", together)
    if found.record is None:
        return _extraction(base, "invalid", found.problem, together)
    said = noticed(found.record, found.record.model_dump(mode="json"), article, examples(article))
    findings = [*said["findings"], *(Finding("tie", tie.at, f"a tie: {tie.says}") for tie in found.ties)]
    if len(voters) < len(votes):
        findings.append(
            Finding("fewer_votes", "", f"{len(voters)} of {len(votes)} runs voted: {_said(votes, base.text)}")
        )
    findings += [Finding("rough_alignment", "", note) for note in found.notes]
    return _extraction(
        base, "ok", None, {**together, **said, "findings": tuple(findings), "confidence": dict(found.confidence)}
    )


def _extraction(base: Extraction, state: State, reason: str | None, known: dict[str, Any]) -> Extraction:
    """An extraction of the article that another is of."""
    article = {name: getattr(base, name) for name in ("article", "text", "place", "title", "publisher", "published")}
    return Extraction(**article, state=state, reason=reason).model_copy(update=known)


def _said(votes: Iterable[Vote], text: str | None) -> str:
    """Which run said what."""
    return "; ".join(f"{run}: {_became(one, text)}" for run, one in votes)


def _became(one: Extraction | None, text: str | None) -> str:
    if one is None:
        return "has not this article"
    if one.text not in {text, None}:
        return "read another text of it"
    return f"{one.state} ({one.reason})" if one.reason else one.state


def _union(several: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All of them, each once, in order."""
    return tuple(dict.fromkeys(one for some in several for one in some))


def _info(runs: Sequence[Run], name: str, started: datetime) -> RunInfo:
    """What a vote says of itself: what the runs were asked, and who they are."""
    infos = [run.info for run in runs]
    first = infos[0]
    return RunInfo(
        id=name,
        started=started,
        task=first.task,
        model=", ".join(_models(infos)),
        endpoint=None,
        prompt=first.prompt,
        json_schema=first.json_schema,
        front_matter=first.front_matter,
        reasks=0,
        retries=0,
        examples={golden: known for info in infos for golden, known in info.examples.items()},
        articles=[*_union(info.articles for info in infos)],
        limit=None,
        versions={name: version(name) for name in ("workbench", "pydantic")},
        votes=tuple(
            VotedRun(id=info.id, model=info.model, alias=info.alias, sample=info.sample, prompt=info.prompt)
            for info in infos
        ),
    )


def _models(infos: Sequence[RunInfo]) -> Iterator[str]:
    """Each model with how many runs are its: ``3 × small``."""
    for model, times in Counter(info.label for info in infos).items():
        yield f"{times} × {model}" if times > 1 else model
