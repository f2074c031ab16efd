"""What several commands share: the project, the articles, the output."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from workbench.articles import LARGEST, Article, Rejected, read_articles, read_bytes
from workbench.errors import GoldenError, RunError, SettingsError
from workbench.evaluate import Evaluation, evaluate
from workbench.examples import choose, version
from workbench.goldens import Goldens, may_write, read_goldens
from workbench.prices import Cost
from workbench.report.terminal import note_line, plain
from workbench.runs import Run, RunInfo, latest_run, open_run
from workbench.scoring import Language
from workbench.settings import Mode, Project, find_project
from workbench.summary import Notify
from workbench.tasks import Task, load_task
from workbench.texts import texts_in

__all__ = [
    "MONEY",
    "Source",
    "as_json",
    "asked_task",
    "check_may_write",
    "cost_fields",
    "evaluation_of",
    "json_text",
    "language",
    "print_json",
    "project",
    "run_called",
    "say",
    "say_note",
    "source",
    "source_of",
    "stderr",
    "stdout",
    "task_of",
    "the_run",
]


class _Money(click.ParamType[Decimal]):
    """An amount of money, to the last digit."""

    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not (amount.is_finite() and amount > 0):
            self.fail(f"{value!r} is no amount of money; such as 5.00", param, ctx)
        return amount


MONEY = _Money()
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters that JSON lets through, and marks of writing direction."""
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def project() -> Project:
    """The project that the working directory lies in."""
    return find_project(Path.cwd())


class _Console(Console):
    """A console that says so when its reader has gone, rather than leaving with the exit code of a failed gate."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout() -> Console:
    """For data."""
    return _Console(highlight=False)


def stderr() -> Console:
    """For messages and progress."""
    return _Console(stderr=True, highlight=False)


def say(words: str, console: Console | None = None) -> None:
    """Tell a person something on stderr, or on the console that draws a bar there."""
    (console or stderr()).print(plain(words), soft_wrap=True)


def say_note(note: str) -> None:
    """Tell on stderr what a person should know."""
    stderr().print(note_line(note), soft_wrap=True)


def cost_fields(cost: Cost | None) -> dict[str, str] | None:
    """Money in an object of ``--json``; null where it is not known."""
    return {"amount": str(cost.amount), "currency": cost.currency} if cost else None


def json_text(value: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON with real characters, but for those that steer a terminal."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False, indent=indent))


def print_json(value: Mapping[str, Any]) -> None:
    """One object, with real characters; those that would steer a terminal are escaped, which a program reads as the same."""
    text = json_text(value, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # half a character, or a locale that lacks it
        text = json.dumps(value, indent=2)
    click.echo(text)


def language() -> Language:
    """The language of reasons: Korean if the user's locale is."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ko" if locale.startswith("ko") else "en"


class Source:
    """The articles that a command was given, to be read as often as needed. Places in the project are relative to its folder."""

    def __init__(self, paths: Iterable[Path], here: Project, *, from_stdin: bool = False) -> None:
        self._paths = [path.resolve() for path in paths]
        self._root = f"{here.root}{os.sep}"
        self._own = [here.path(folder).resolve() for folder in (here.settings.runs, here.settings.recordings)]
        # Bytes, whose encoding is the article's and not the terminal's; one more than is read, so that too many are seen.
        self._stdin = sys.stdin.buffer.read(LARGEST + 1) if from_stdin else None

    def read(self) -> Iterator[Article | Rejected]:
        """The articles, anew."""
        if self._stdin is not None:
            yield read_bytes(self._stdin)
        for article in read_articles(self._paths, self._own):
            yield replace(article, place=article.place.removeprefix(self._root))

    def names(self) -> list[str]:
        """The files and folders."""
        return [
            *(["-"] if self._stdin is not None else []),
            *(str(path).removeprefix(self._root) for path in self._paths),
        ]


def check_may_write(*, allowed: bool) -> None:
    """Refuse to write goldens where `may_write` says no.

    Raises:
        GoldenError: It was not allowed.
    """
    if not may_write(os.environ, allowed=allowed):
        raise GoldenError("goldens are not written where CI is set", where="CI", way_out="pass --allow-writes")


def source(paths: tuple[str, ...], here: Project) -> Source:
    """The articles that the arguments name; ``-`` is standard input; none is the project's own.

    Raises:
        SettingsError: If there are no arguments and the project has no articles of its own.
    """
    if not paths:
        if here.settings.articles is None:
            raise SettingsError(
                "no articles were named",
                expected="files or folders",
                way_out="name them, or set `articles` under [tool.workbench]",
            )
        return Source([here.path(here.settings.articles)], here)
    return Source((Path(path) for path in paths if path != "-"), here, from_stdin="-" in paths)


def source_of(info: RunInfo, here: Project) -> Source:
    """The articles of an earlier run, where they still are.

    Raises:
        SettingsError: If some came from standard input, which cannot be read again, or a name is none.
    """
    if "-" in info.articles:
        raise SettingsError(
            "the run's articles came from standard input, which is gone",
            where=info.id,
            way_out="give them again: `workbench run --resume RUN -`",
        )
    if any("\0" in name for name in info.articles):
        raise SettingsError("a file's name holds a null", where=f"run.json of {info.id}, articles", way_out="mend it")
    return Source((here.path(name) for name in info.articles), here)


def task_of(here: Project, name: str | None, mode: Mode | None = None) -> Task:
    """The task named, the project's own, or the only one; in the mode that a model's endpoint takes, where it takes no other.

    Raises:
        SettingsError: If none is named and there are several, or none.
    """
    name = name or here.settings.task
    if name is None:
        found = sorted(file.stem for file in here.path("prompts").glob("*.md"))
        if not found:
            raise SettingsError(
                "this project has no task",
                where=str(here.path("prompts")),
                expected="a prompt, NAME.md, that names its schema",
                way_out="write both; the README has how, under 'A task of your own'",
            )
        if len(found) != 1:
            raise SettingsError(
                "no task was named",
                expected=f"one of {', '.join(found)}",
                way_out="pass --task, or set `task` under [tool.workbench]",
            )
        name = found[0]
    return load_task(name, here.root, mode)


def asked_task(here: Project, name: str | None, mode: Mode | None = None, notify: Notify = say_note) -> Task:
    """The task that is to be asked, with the examples that its prompt wants.

    Args:
        here: The project.
        name: Of the task; None for the project's own.
        mode: In which a model's endpoint is asked, where it takes no other.
        notify: Told of goldens that can be no examples.

    Raises:
        SettingsError: If it wants examples and the project has no articles of its own.
        GoldenError: If there are too few, or one's article is not among the project's.
    """
    task = task_of(here, name, mode)
    if not task.front.examples:
        return task
    if here.settings.articles is None:
        raise SettingsError(
            "the project's articles are not named, and examples show them",
            where=f"prompts/{task.name}.md: examples = {task.front.examples}",
            way_out="set `articles` under [tool.workbench]",
        )
    goldens = read_goldens(here.path("goldens") / task.name, task.schema)
    examples = choose(goldens, source((), here).read(), task.schema, task.front.examples)
    for note in examples.notes:
        notify(note)
    return replace(task, examples=examples)


def run_called(here: Project, named: str | Path) -> Run:
    """A run by its name in the project's runs, or by its folder.

    Raises:
        RunError: If it is none, or of another version.
    """
    own = here.path(here.settings.runs) / named
    return open_run(own if (own / "run.json").is_file() else Path(named))


def the_run(here: Project, named: Path | None) -> Run:
    """The run named, or the last one."""
    return run_called(here, named) if named else latest_run(here.path(here.settings.runs))


def evaluation_of(here: Project, run: Run, goldens: Path | None = None) -> tuple[Task, Evaluation]:
    """A run held against the goldens of its task, or against those in a folder of one's own.

    Raises:
        RunError: If the folder is none.
    """
    task = load_task(run.info.task, here.root)
    if goldens is not None and not goldens.is_dir():
        raise RunError("there are no goldens here", where=str(goldens), expected="a folder of goldens")
    folder = goldens or here.path("goldens") / task.name
    answers = read_goldens(folder, task.schema)
    evaluation = evaluate(run.extractions(), answers, task.schema, texts_in(here.root))
    own = answers if goldens is None else None
    return task, replace(evaluation, notes=(*_notes(run.info, task, own), *evaluation.notes))


def _notes(info: RunInfo, task: Task, goldens: Goldens | None) -> Iterator[str]:
    """What a run's own account says that a reader of its figures should know; ``goldens`` are those that its examples came from."""
    if info.finished is None:
        yield f"{info.id} has not come to its end: articles may be missing"
    if info.votes:
        yield f"{info.id} is a vote of {len(info.votes)} runs: {', '.join(voted.id for voted in info.votes)}"
    if info.json_schema != task.schema_hash:
        yield f"the schema changed since {info.id} was made: its records are read by the schema as it is now"
    for golden, then in info.examples.items() if goldens else ():
        now = goldens.by_id.get(golden) if goldens else None
        if now is None or version(now) != then:
            what = "changed" if now else "is gone"
            yield f"the golden {golden} was an example in {info.id} and {what} since: the same run again asks another question"
