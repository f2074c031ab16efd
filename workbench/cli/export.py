"""``workbench export``: a run as a data set."""

from pathlib import Path
from typing import get_args

import click
from rich.cells import cell_len

from workbench.cli.common import as_json, print_json, project, stderr, stdout, the_run
from workbench.export import Format
from workbench.export import export as write
from workbench.runs import Run
from workbench.tasks import Task, load_task

__all__ = ["export"]


@click.command()
@click.argument("folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Choice(get_args(Format)), help="What to write.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to; RUN/export if not given.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@as_json
def export(folder: Path | None, to: Format, out: Path | None, force: bool, as_json: bool) -> None:
    """Write the data set of a run (the last one, if none is named): its articles, and a table for each list of the schema.

    Tables join by their first columns: the article's id, and TABLE_index for each list around a row and for the row itself. Copied text stands
    beside the amount, date or region that code reads in it, with its place in the article, and in a vote with its confidence, FIELD_confidence;
    the articles' table has the mean. In CSV a text that a spreadsheet might execute (it begins with = + - @, also full-width or after spaces, or
    with a tab or a line end) has one apostrophe before it; without that it is as it was.
    """
    here = project()
    run = the_run(here, folder)
    task = load_task(run.info.task, here.root)
    _warn(run, task)
    target = out or run.folder / "export"
    written = write(run.extractions(), task.schema, target, to, vote=bool(run.info.votes), force=force)
    if as_json:
        tables = {
            one.table.name: {
                "rows": one.rows,
                "columns": {column.name: column.kind for column in one.table.columns},
                "file": str(one.file),
            }
            for one in written
        }
        print_json({"run": str(run.folder), "folder": str(target), "tables": tables})
        return
    width = max(cell_len(one.table.name) for one in written)
    digits = max(len(f"{one.rows:,}") for one in written)
    for one in written:
        name = one.table.name + " " * (width - cell_len(one.table.name))
        stdout().print(f"{name}  {one.rows:>{digits},} rows  {one.file}", markup=False, soft_wrap=True)


def _warn(run: Run, task: Task) -> None:
    """Say what the tables cannot show: that articles may be missing, and that the schema is another one."""
    if run.info.finished is None:
        stderr().print("this run has not come to its end: articles may be missing", markup=False)
    if run.info.json_schema != task.schema_hash:
        stderr().print(
            "the schema changed since this run: its tables are those of the schema as it is now", markup=False
        )
