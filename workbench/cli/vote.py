"""``workbench vote``: several runs in, one run out."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from workbench.articles import Article
from workbench.cli.asking import named_run
from workbench.cli.common import as_json, asked_task, print_json, project, say_note, stdout
from workbench.cli.made import evaluation_of_made, figures
from workbench.evaluate import Evaluation
from workbench.examples import Example
from workbench.goldens import read_goldens
from workbench.report.terminal import outcome
from workbench.runs import Run
from workbench.settings import Project
from workbench.tasks import Task, load_task
from workbench.texts import texts_in
from workbench.vote import Count, check_may_vote, take_vote

__all__ = ["vote"]


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@as_json
def vote(runs: tuple[str, ...], as_json: bool) -> None:
    """Merge runs of one task, samples of a model or several models, into a new run, by vote.

    Each value is what most runs say, each item of a list what more than half of them have; the share that says so is the value's confidence, and
    `workbench eval` says what that is worth. Where two answers have equally many votes the run named first decides, and a finding `tie` says so.
    The articles' texts must be where the runs read them. Nothing is sent.
    """
    here = project()
    voters = [named_run(here, name) for name in runs]
    check_may_vote(voters)
    task, examples = _task(here, voters)
    for note in _notes(voters):
        say_note(note)
    goldens = read_goldens(here.path("goldens") / task.name, task.schema)
    texts = texts_in(here.root)
    count = take_vote(voters, here.path(here.settings.runs), task.schema, texts, examples)
    evaluation = evaluation_of_made(count.folder, count.states.total(), goldens, task.schema, texts)
    if as_json:
        print_json(_as_json(voters, count, evaluation))
    else:
        _print(voters, count, evaluation)
    raise click.exceptions.Exit(5 if count.states.keys() - {"ok"} else 0)


def _task(here: Project, voters: Sequence[Run]) -> tuple[Task, Callable[[Article], Sequence[Example]]]:
    """The task, and the examples that its articles were shown; where these are no longer what they were, none, and that is said."""
    shown = [run.info.examples for run in voters if run.info.examples]
    name = voters[0].info.task
    if not shown:
        return load_task(name, here.root), lambda _: ()
    task = asked_task(here, name)
    now = task.examples.versions if task.examples else {}
    if all(versions == now for versions in shown):
        return task, task.examples_of
    words = "the goldens that were shown as examples changed since: values that come from them are not looked for"
    say_note(words)
    return task, lambda _: ()


def _notes(voters: Sequence[Run]) -> list[str]:
    """What the runs' own accounts say that one should know of their vote."""
    notes = [
        f"{run.info.id} has not come to its end: articles may be missing" for run in voters if not run.info.finished
    ]
    if len({run.info.prompt for run in voters}) > 1:
        notes.append("the runs had different prompts; the new run names that of the first")
    return notes


def _as_json(voters: Sequence[Run], count: Count, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "run": str(count.folder),
        "votes": [str(run.folder) for run in voters],
        "states": dict(count.states),
        "ties": count.ties,
        "fewer": count.fewer,
        "confidence": [{"confidence": share, "leaves": leaves} for share, leaves in sorted(count.leaves.items())],
        **figures(evaluation),
    }


def _print(voters: Sequence[Run], count: Count, evaluation: Evaluation) -> None:
    out = stdout()
    out.print(outcome(evaluation, count.states))
    leaves = count.leaves.total()
    shares = ", ".join(f"{number:,} at {share:.2f}" for share, number in sorted(count.leaves.items(), reverse=True))
    out.print(f"confidence: {leaves:,} leaves, empty ones among them{': ' if leaves else ''}{shares}", soft_wrap=True)
    decided = "; the first of the runs that voted on each decided it" if count.ties else ""
    out.print(f"ties: {count.ties:,}{decided}", soft_wrap=True)
    if count.fewer:
        out.print(f"on {count.fewer:,} articles not all {len(voters)} runs voted: finding `fewer_votes`", markup=False)
    out.print(f"run folder  {count.folder}", markup=False, soft_wrap=True)
    out.print("\nnext", style="bold")
    for command, what in (
        ("workbench eval", "whether confidence means anything, where there are goldens"),
        ("workbench review --order uncertainty", "what the runs agree least on comes first"),
    ):
        out.print(f"  {command:<40}{what}", markup=False, soft_wrap=True)
