"""Writes the pages of docs/ that are made from the code: the command line's reference, and a JSON Schema for each file format.

Run it with ``make docs``; a test fails where a page is not what the code says.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from workbench.cli.main import cli
from workbench.extract import Extraction
from workbench.goldens import Golden
from workbench.model import Attempt
from workbench.recordings import Recording
from workbench.report.plain import EvaluationReport
from workbench.runs import RunInfo

FORMATS: dict[str, Any] = {
    "recording": Recording,
    "golden": Golden,
    "run": RunInfo,
    "extraction": Extraction,
    "attempt": Attempt,
    "evaluation": EvaluationReport,
}


def pages() -> dict[str, str]:
    """Each generated page by its path under docs/."""
    found = {"cli.md": _command_line()}
    for name, kind in FORMATS.items():
        schema = TypeAdapter(kind).json_schema(by_alias=True, mode="serialization")
        found[f"formats/{name}.schema.json"] = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
    return found


def _command_line() -> str:
    parts = ["# The command line\n\nMade from `--help`; `make docs` writes it anew.\n"]
    context = click.Context(cli, info_name="workbench", max_content_width=100, terminal_width=100)
    parts.append(f"```\n{cli.get_help(context)}\n```\n")
    for name in sorted(cli.commands):
        command = cli.commands[name]
        inner = click.Context(command, info_name=f"workbench {name}", max_content_width=100, terminal_width=100)
        parts.append(f"## workbench {name}\n\n```\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for page, text in pages().items():
        file = folder / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
