"""``workbench read``: how the code reads an amount, a date or a region that was copied from an article."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from workbench.articles import decode
from workbench.canonical import canonical_text
from workbench.cli.common import as_json, print_json, stdout
from workbench.errors import InputError
from workbench.korean import Amount, DateReading, Region, read_amount, read_date, read_region

__all__ = ["read"]


@click.command()
@click.argument("kind", type=click.Choice(["amount", "date", "region"]))
@click.argument("text")
@click.option("--as-of", help="The article's day, month or year, such as 2025-06-12 or 2025.")
@click.option("--context", type=click.Path(path_type=Path), help="The article, which may settle which region is meant.")
@as_json
def read(kind: str, text: str, as_of: str | None, context: Path | None, as_json: bool) -> None:
    """Read a copied amount, date or region; what cannot be read without guessing is refused with exit code 1."""
    around = _text(context) if context else ""
    reading: Amount | DateReading | Region
    if kind == "amount":
        reading = read_amount(text)
    elif kind == "date":
        reading = read_date(text, as_of)
    else:
        reading = read_region(text, around, as_of=as_of)
    fields = {"kind": kind, "text": text, "reads": str(reading), **_fields(reading)}
    if as_json:
        print_json(fields)
        return
    out = stdout()
    out.print(str(reading), style="bold", markup=False)
    for name, value in fields.items():
        if name not in {"kind", "text", "reads"} and value not in (None, "", [], ()):
            out.print(f"  {name:<12}{value}", markup=False)


def _text(file: Path) -> str:
    try:
        return canonical_text(decode(file.read_bytes()))
    except OSError as error:
        raise InputError("the file cannot be read", where=str(file), expected="an article") from error


def _fields(reading: Amount | DateReading | Region) -> Mapping[str, Any]:
    if isinstance(reading, Amount):
        return {
            "low": _number(reading.low),
            "high": _number(reading.high),
            "unit": reading.unit,
            "currency": reading.currency,
            "bound": reading.bound,
            "direction": reading.direction,
            "per": reading.per,
        }
    if isinstance(reading, DateReading):
        return {
            "start": reading.start and reading.start.isoformat(),
            "end": reading.end and reading.end.isoformat(),
            "grain": reading.grain,
            "role": reading.role,
            "approximate": reading.approximate,
            "hangs_on": reading.hangs_on,
        }
    return {
        "name": reading.full_name,
        "code": reading.code,
        "sido": reading.sido,
        "sido_code": reading.sido_code,
        "valid_from": reading.valid_from and reading.valid_from.isoformat(),
        "valid_to": reading.valid_to and reading.valid_to.isoformat(),
        "former": reading.former,
        "successors": [list(successor) for successor in reading.successors],
    }


def _number(value: object) -> str | None:
    return None if value is None else str(value)
