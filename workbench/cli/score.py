"""``workbench score``: two JSON values, apart from any project."""

import json
import math
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from workbench.cli.common import as_json, language, print_json, stdout
from workbench.errors import InputError, ReadingRefused
from workbench.korean import read_as_of
from workbench.report.terminal import COUNTED, LEGEND, SIGNS, note_line, plain
from workbench.schema import load_schema
from workbench.scoring import score as score_values

__all__ = ["score"]


@click.command()
@click.argument("golden", type=click.Path(path_type=Path))
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--schema", help="A JSON Schema file, or FILE.py:CLASS; without one the values' types decide.")
@click.option("--as-of", help="The day by which relative dates are read, such as 2025-06-12 or 2025.")
@as_json
def score(golden: Path, record: Path, schema: str | None, as_of: str | None, as_json: bool) -> None:
    """Score one JSON file against another, leaf by leaf, lists aligned; no project is needed."""
    try:
        read_as_of(as_of)
    except ReadingRefused as refused:
        raise InputError(refused.what, where="--as-of", expected=refused.expected) from refused
    result = score_values(_read(golden), _read(record), _schema(schema), as_of=as_of)
    if as_json:
        print_json(result.to_json(language()))
        return
    out = stdout()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "field", "golden", "record", "why"):
        table.add_column(column, overflow="fold")
    for leaf in result.leaves:
        if leaf.verdict in COUNTED:
            why = leaf.reason.words(language())
            table.add_row(SIGNS[leaf.verdict], plain(leaf.path), plain(leaf.golden), plain(leaf.record), plain(why))
    out.print(table)
    out.print(LEGEND)
    out.print(f"F1 {result.f1:.3f}   precision {result.precision:.3f}   recall {result.recall:.3f}")
    for note in result.notes:
        out.print(note_line(note))


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    except OSError as error:
        raise InputError("the file cannot be read", where=str(file), expected="a JSON file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON: {error}", where=str(file)) from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is more than a number can hold")
    return number


def _schema(named: str | None) -> Any:
    if named is None:
        return None
    return load_schema(named, Path.cwd()) if ".py:" in named else _read(Path(named))
