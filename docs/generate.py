"""Writes the pages of docs/ that are made from the code: the command line's reference, and a JSON Schema for each file format.

Run it with ``make docs``; a test fails where a page is not what the code says.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from workbench.batch import Event
from workbench.cli.main import cli
from workbench.decisions import Line
from workbench.extract import Extraction
from workbench.goldens import Golden
from workbench.ledger import Attempt
from workbench.recordings import Recording
from workbench.report.plain import EvaluationReport
from workbench.rows import Row
from workbench.runs import RunInfo
from workbench.schema import form, load_schema, schema_version

ROOT = Path(__file__).parent.parent
WIDTH = cli.context_settings["max_content_width"] - 2
"""Columns that click fills on a terminal that is wide enough: the page must not depend on the terminal that made it."""
FORMATS: dict[str, Any] = {
    "recording": Recording,
    "golden": Golden,
    "decision": Line,
    "run": RunInfo,
    "extraction": Extraction,
    "attempt": Attempt,
    "batch": Event,
    "batch-row": Row,
    "evaluation": EvaluationReport,
}


def pages() -> dict[str, str]:
    """Each generated page by its path under docs/."""
    found = {"cli.md": _command_line()}
    for name, kind in FORMATS.items():
        schema = TypeAdapter(kind).json_schema(by_alias=True, mode="serialization")
        found[f"formats/{name}.schema.json"] = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
    found["plan-record.md"] = _data_dictionary()
    return found


def _data_dictionary() -> str:
    """The fields of the plan record in the schema's order: what each holds, and by which comparator two values are the same."""
    schema = load_schema("schemas/plan.py:PlanRecord", ROOT)
    rows = "\n".join(f"| {' | '.join(row)} |" for row in _fields(schema, ""))
    return (
        "# The plan record\n\n"
        f"Version {schema_version(schema)}, made from `schemas/plan.py` by `make docs`. The rules by which it is labelled are in "
        "[goldens/GUIDELINES.md](../goldens/GUIDELINES.md). Every value is text as the article prints it, or null; in a record each item also has "
        "its `quote`, in a golden it has not.\n\n"
        "| field | holds | compared as | what the model is told |\n|---|---|---|---|\n"
        f"{rows}\n"
    )


def _fields(schema: type[BaseModel], path: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in form(schema).model_fields.items():
        at = f"{path}{name}"
        model, is_list, optional = _unwrapped(field.annotation)
        said = schema.model_fields[name].description or ""
        if model is not None:
            yield (
                f"`{at}{'[]' if is_list else ''}`",
                "list" if is_list else "object" + (", or null" if optional else ""),
                "",
                said,
            )
            inner = _unwrapped(schema.model_fields[name].annotation)[0]
            yield from _fields(inner or model, f"{at}{'[]' if is_list else ''}.")
        else:
            kind = (
                ("list of " if is_list else "")
                + ("a choice" if _choices(field.annotation) else "text")
                + (", or null" if optional else "")
            )
            marks = {type(mark).__name__.lower() for mark in _marks(field)}
            compared = (
                "choice"
                if _choices(field.annotation)
                else next((m for m in ("amount", "date", "region") if m in marks), "text")
            )
            yield (
                f"`{at}{'[]' if is_list else ''}`",
                kind,
                compared + (", identifies" if "identity" in marks else ""),
                said,
            )


def _unwrapped(annotation: Any) -> tuple[type[BaseModel] | None, bool, bool]:
    """The model in a type expression, whether it is in a list, and whether null may stand for it."""
    if isinstance(annotation, type):
        return (annotation if issubclass(annotation, BaseModel) else None), False, False
    arms = [_unwrapped(arm) for arm in get_args(annotation) if arm is not type(None)]
    model = next((arm[0] for arm in arms if arm[0]), None)
    return model, get_origin(annotation) is list or any(arm[1] for arm in arms), type(None) in get_args(annotation)


def _choices(annotation: Any) -> bool:
    return get_origin(annotation) is Literal or any(_choices(arm) for arm in get_args(annotation))


def _marks(field: FieldInfo) -> Iterator[object]:
    def inside(annotation: Any) -> Iterator[object]:
        yield from getattr(annotation, "__metadata__", ())
        for arm in get_args(annotation):
            yield from inside(arm)

    yield from (*field.metadata, *inside(field.annotation))


def _command_line() -> str:
    parts = ["# The command line\n\nMade from `--help`; `make docs` writes it anew.\n"]
    for path, said in _helps(cli, "workbench", None):
        heading = f"## {path}\n\n" if path != "workbench" else ""
        parts.append(f"{heading}```\n{said}\n```\n")
    return "\n".join(parts)


def _helps(command: click.Command, name: str, group: click.Context | None) -> Iterator[tuple[str, str]]:
    """What ``--help`` says on a wide terminal, for a command and for all those within it."""
    context = click.Context(command, info_name=name, parent=group, terminal_width=WIDTH, **command.context_settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _helps(found, inner, context)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for page, text in pages().items():
        file = folder / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
