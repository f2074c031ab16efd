"""The ``workbench`` command: its subcommands, and how an error leaves it.

Exit codes: 0 done; 1 the answer is no; 2 usage; 3 provider; 4 replay miss; 5 some articles were lost; 70 our own fault; and, as shells
have them, 130 interrupted and 141 the reader of our output has gone.
"""

import os
import sys
import traceback
from io import TextIOWrapper

import click

from workbench import __version__
from workbench.cli.batch import batch
from workbench.cli.check import doctor, render
from workbench.cli.common import print_json
from workbench.cli.compare import compare
from workbench.cli.export import export
from workbench.cli.goldens import agreement, goldens
from workbench.cli.judge import diff, evaluate, show
from workbench.cli.read import read
from workbench.cli.recordings import recordings
from workbench.cli.review import review
from workbench.cli.run import run
from workbench.cli.score import score
from workbench.cli.vote import vote
from workbench.errors import AnswerIsNo, WorkbenchError
from workbench.report.terminal import plain

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="workbench")
def cli() -> None:
    """Fill structured records from articles with a language model, score them, replay them.

    Data goes to stdout, messages to stderr. Every command takes --json.
    """


for command in (
    run,
    batch,
    vote,
    evaluate,
    diff,
    show,
    review,
    compare,
    export,
    agreement,
    goldens,
    recordings,
    score,
    read,
    render,
    doctor,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line and leave with the exit code that it means."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # Hangul goes out as itself whatever the locale is
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
        _tell({"what": error.format_message()}, code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what is in the run folder and the recordings stays", err=True)
        code = 130
    except WorkbenchError as error:
        click.echo(f"error: {plain(error)}", err=True)
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
        click.echo(f"error: {plain(f'{where}{error.strerror or error}')}", err=True)
        code = 2
    except Exception:  # noqa: BLE001 - the last line of defence: said in full, never swallowed
        traceback.print_exc()
        click.echo(
            "error: this is a fault of the workbench, not yours. Please report the lines above with `workbench --version`.",
            err=True,
        )
        code = 70
    sys.exit(code)


def _tell(error: dict[str, str], code: int) -> None:
    """With ``--json`` an error is an object on stdout too, for a program to read."""
    if "--json" in sys.argv:
        print_json({"error": {"code": code, **error}})
