"""``workbench recordings``: look after a store of recordings."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click
from rich.table import Table

from workbench.cli.common import as_json, print_json, project, say, say_note, stdout
from workbench.entries import Kind
from workbench.errors import AnswerIsNo, RecordingError
from workbench.lines import backup
from workbench.merging import Prefer
from workbench.merging import merge as merge_stores
from workbench.recordings import Recordings
from workbench.report.terminal import plain
from workbench.settings import Project
from workbench.tasks import load_task
from workbench.upkeep import Contents, by, contents
from workbench.upkeep import prune as prune_store
from workbench.upkeep import verify as verify_store

__all__ = ["recordings"]

store_folder = click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")


@click.group()
def recordings() -> None:
    """The recorded responses, and what keeps a store of them in order."""


def _folder(given: Path | None) -> Path:
    """The store that is meant: the one given, or the project's own."""
    if given is None:
        here = project()
        given = here.path(here.settings.recordings)
    if not any(given.glob("*.jsonl")):
        raise RecordingError("there are no recordings here", where=str(given), expected="a folder with .jsonl files")
    return given


@recordings.command()
@store_folder
@as_json
def verify(folder: Path | None, as_json: bool) -> None:
    """Check every line of a store; exit 1 if one is not in order.

    FOLDER is a store of recordings; the project's own if not given. Reported are, each with file and line: lines that are no recordings, or from a
    newer version; a torn last line; keys that are not those of their requests; requests that two files answer differently at the same time (looked for
    where every line can be read).
    """
    count = 0
    problems = []
    for problem in verify_store(_folder(folder), say):
        count += 1
        if as_json:
            problems.append(asdict(problem))
        else:
            stdout().print(plain(f"{problem.where}: {problem.what}\n  way out: {problem.way_out}"), soft_wrap=True)
    if as_json:
        print_json({"ok": not count, "problems": problems})
    elif not count:
        stdout().print("every line is in order")
    if count:
        raise AnswerIsNo(f"{count:,} {'place is' if count == 1 else 'places are'} not in order")


@recordings.command()
@store_folder
@as_json
def stats(folder: Path | None, as_json: bool) -> None:
    """Count what is in a store: by origin, by model, by prompt and schema.

    FOLDER is a store of recordings; the project's own if not given. A prompt that is one of the project's, as it is now, is shown by its name.
    """
    place = _folder(folder)
    with Recordings(place, notify=say) as store:
        found = contents(store)
        notes = store.notes
    names = {} if folder else {pair: name for name, pair in _asked(project()).items()}
    views = {
        "origin": by(lambda kind: kind.origin, found),
        "model": by(lambda kind: kind.model, found),
        "prompt and schema": by(
            lambda kind: names.get((kind.prompt, kind.schema)) or f"{kind.prompt[:19]} {kind.schema[:19]}", found
        ),
    }
    if not found:
        raise RecordingError("the files hold no recording", where=str(place))
    (total,) = by(lambda _: "all", found).values()
    if as_json:
        print_json({"folder": str(place), **_plain(total), "by": {view: _each(rows) for view, rows in views.items()}})
    else:
        out = stdout()
        for view, rows in views.items():
            out.print(_table(view, rows))
            out.print()
        out.print(f"{total.answers:,} requests have an answer; {total.replaced:,} lines answer nothing any more")
    for note in notes:
        say_note(note)


def _asked(here: Project) -> dict[str, tuple[str, str]]:
    """What each of the project's tasks asks now: the hashes of its prompt and of its schema."""
    tasks = (load_task(file.stem, here.root) for file in sorted(here.path("prompts").glob("*.md")))
    return {task.name: (task.prompt_hash, task.schema_hash) for task in tasks}


def _plain(part: Contents) -> dict[str, Any]:
    times = {"first": part.first.isoformat(), "last": part.last.isoformat()}
    return {"answers": part.answers, "replaced": part.replaced, "bytes": part.size, **times}


def _each(rows: Mapping[str, Contents]) -> dict[str, Any]:
    return {name: _plain(part) for name, part in rows.items()}


def _table(view: str, rows: Mapping[str, Contents]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(view, overflow="fold")
    for name in ("answers", "replaced", "bytes", "first", "last"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, part in sorted(rows.items()):
        counts = (f"{number:,}" for number in (part.answers, part.replaced, part.size))
        table.add_row(plain(name), *counts, f"{part.first:%Y-%m-%d}", f"{part.last:%Y-%m-%d}")
    return table


@recordings.command()
@store_folder
@click.option(
    "--unused", is_flag=True, help="Also drop what no prompt and schema of the project, as they are now, asks for."
)
@dry_run
@as_json
def prune(folder: Path | None, unused: bool, dry_run: bool, as_json: bool) -> None:
    """Drop the lines of a store that answer nothing any more; every other request finds what it found.

    FOLDER is a store of recordings; the project's own if not given. A file that loses lines is kept as it was in FILE.bak, which the next prune or
    merge will not overwrite.
    """
    asked = set(_asked(project()).values()) if unused else None

    def is_unused(kind: Kind) -> bool:
        return asked is not None and (kind.prompt, kind.schema) not in asked

    done = prune_store(_folder(folder), is_unused, dry_run=dry_run, notify=say)
    if as_json:
        fields = {"replaced": done.replaced, "unused": done.unused, "bytes": done.size}
        print_json({"dry_run": dry_run, **fields, "files": [str(file) for file in done.files]})
        return
    out = stdout()
    out.print(
        f"{'would drop' if dry_run else 'dropped'} {done.replaced:,} lines that were replaced"
        f"{f' and {done.unused:,} that nothing asks for' if unused else ''}: {done.size:,} bytes"
    )
    for file in done.files:
        says = f"{file}" if dry_run else f"{file}; as it was: {backup(file)}"
        out.print(plain(says), soft_wrap=True)


@recordings.command()
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False), metavar="FROM… INTO"
)
@click.option(
    "--prefer", type=click.Choice(get_args(Prefer)), help="Of stores that answer a request differently: which is taken."
)
@dry_run
@as_json
def merge(folders: tuple[Path, ...], prefer: Prefer | None, dry_run: bool, as_json: bool) -> None:
    """Take the recordings of one or more stores up into another, which need not exist.

    Stores that hold the same response to a request agree. If they differ, nothing is done unless --prefer says which is taken: of the store that
    recorded last, or of the store that is named first (INTO is the last). A first answer and its re-asks are taken together.
    """
    *sources, into = folders
    if not sources:
        raise click.UsageError("name at least two folders: from where, and into which")
    done = merge_stores(sources, into, prefer, dry_run=dry_run, notify=say)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
        return
    out = stdout()
    out.print(f"{'would add' if dry_run else 'added'} {done.added:,} lines to {into}", markup=False, soft_wrap=True)
    for count, what in (
        (done.known, "were there already, or came from another store"),
        (done.replaced, f"of {into} gave way to others; the files as they were end in .bak"),
        (done.lost, "differed from what was taken and stay where they are"),
        (done.left, "answered nothing any more where they stand, and stay there"),
    ):
        if count:
            out.print(f"{count:,} {what}", markup=False, soft_wrap=True)
