"""The ``workbench`` command: its subcommands, and how an error leaves it.

Exit codes: 0 done; 1 the answer is no; 2 usage; 3 provider; 4 replay miss; 5 some articles were lost; 70 our own fault; and, as shells
have them, 130 interrupted and 141 the reader of our output has gone.
"""

import os
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from io import TextIOWrapper
from typing import Final, NamedTuple

import click

from workbench.errors import AnswerIsNo, WorkbenchError

__all__ = ["COMMANDS", "Where", "cli", "main"]


class Where(NamedTuple):
    """Where a command is, and what it does in a line: as its own help has it."""

    module: str
    name: str
    does: str


COMMANDS: Final[Mapping[str, Where]] = {
    "agreement": Where(
        "goldens",
        "agreement",
        "Hold two labellings against each other: F1 between the labellers, by field, with its interval over articles.",
    ),
    "batch": Where(
        "batch", "batch", "Have a run's requests answered in batches, at half the price, some time within a day."
    ),
    "compare": Where(
        "compare", "compare", "Compare RUN_B with RUN_A, the baseline: by how much it is better or worse, and where."
    ),
    "diff": Where("judge", "diff", "Show where records differ from their goldens, leaf by leaf, with the reason."),
    "doctor": Where(
        "check",
        "doctor",
        "Check key, endpoint, model, prompt, schema, goldens, recordings and batches; exit 1 if something is wrong.",
    ),
    "eval": Where(
        "judge",
        "evaluate",
        "Score a run (the last one, if none is named) against the goldens, by article and by field.",
    ),
    "export": Where(
        "export",
        "export",
        "Write the data set of a run (the last one, if none is named): its articles, and a table for each list of the schema.",
    ),
    "goldens": Where("goldens", "goldens", "The hand-labelled answers."),
    "read": Where(
        "read",
        "read",
        "Read a copied amount, date or region; what cannot be read without guessing is refused with exit code 1.",
    ),
    "recordings": Where("recordings", "recordings", "The recorded responses, and what keeps a store of them in order."),
    "render": Where(
        "check",
        "render",
        "Show the exact request that would be sent for an article (a file, or the id of one of the project's own).",
    ),
    "review": Where(
        "review", "review", "Open a page on which a person reads each article, sees what differs, and decides."
    ),
    "run": Where("run", "run", "Extract a record from every article."),
    "score": Where(
        "score", "score", "Score one JSON file against another, leaf by leaf, lists aligned; no project is needed."
    ),
    "show": Where(
        "judge", "show", "Show one article's extraction: the record, the passage behind each value, the findings."
    ),
    "vote": Where(
        "vote", "vote", "Merge runs of one task, samples of a model or several models, into a new run, by vote."
    ),
}


class _Commands(click.Group):
    """The commands, of which the one that is called is imported and no other: each needs something heavy that the others do not."""

    def list_commands(self, _: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        command: click.Command = getattr(import_module(f"workbench.cli.{where.module}"), where.name)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, where.does) for name, where in sorted(COMMANDS.items())])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="workbench", prog_name="workbench")
def cli() -> None:
    """Fill structured records from articles with a language model, score them, replay them.

    Data goes to stdout, messages to stderr. Every command takes --json.
    """


def main() -> None:
    """Run the command line and leave with the exit code that it means."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # Hangul goes out as itself whatever the locale is
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        _say_usage(error)
        code = 2
        _tell({"what": error.format_message()}, code)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted; what is in the run folder and the recordings stays", lead="")
        code = 130
    except WorkbenchError as error:
        _say(error)
        code = error.exit_code
        if type(error) is not AnswerIsNo:  # a gate's judgement stands in the object that its command has printed
            _tell(
                {"what": error.what, "where": error.where, "expected": error.expected, "way_out": error.way_out}, code
            )
    except BrokenPipeError:
        # The reader has gone, as after `| head`: what is left in the buffer goes nowhere, and a shell knows the code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}")
        code = 2
    except Exception:  # noqa: BLE001 - the last line of defence: said in full, never swallowed
        traceback.print_exc()
        click.echo(
            "error: this is a fault of the workbench, not yours. Please report the lines above with `workbench --version`.",
            err=True,
        )
        code = 70
    sys.exit(code)


def _say_usage(error: click.ClickException) -> None:
    """What was wrong with the command line, as click shows it, or as an event."""
    if "--events" in sys.argv:
        _say(error.format_message())
    else:
        error.show()


def _say(error: object, lead: str = "error: ") -> None:
    """What went wrong, in letters that cannot speak to the terminal, or as an event for the program that is told of them."""
    if "--events" in sys.argv:
        from workbench.cli.common import json_text  # noqa: PLC0415 - as below

        click.echo(json_text({"event": "error", "words": str(error)}), err=True)
        return
    from workbench.report.terminal import plain  # noqa: PLC0415 - what goes well need not wait for it

    click.echo(f"{lead}{plain(error)}", err=True)


def _tell(error: dict[str, str], code: int) -> None:
    """With ``--json`` an error is an object on stdout too, for a program to read."""
    if "--json" in sys.argv:
        from workbench.cli.common import print_json  # noqa: PLC0415 - as above

        print_json({"error": {"code": code, **error}})
