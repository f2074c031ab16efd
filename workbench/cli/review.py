"""``workbench review``: a run, an article at a time, before a person who decides."""

import os
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from workbench.canonical import line
from workbench.cli.common import as_json, language, project, run_called, say_note, stderr, the_run
from workbench.compare import check_same_task
from workbench.errors import RunError
from workbench.report.terminal import plain
from workbench.tasks import load_task
from workbench.texts import texts_in

if TYPE_CHECKING:
    from workbench.decisions import Log
    from workbench.review.desk import Order

__all__ = ["review"]


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--against", metavar="RUN", type=click.Path(path_type=Path), help="A second run, shown beside the first.")
@click.option(
    "--order",
    type=click.Choice(["worst", "article", "uncertainty"]),
    default="worst",
    show_default=True,
    help="Which articles come first: the worst, by name, or those on which runs disagree (in a vote, those that it merged).",
)
@click.option("--as", "name", metavar="NAME", help="Who decides; git's user.name if not given, else the account's.")
@click.option("--allow-writes", is_flag=True, help="Write goldens even where CI is set.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port to use; any that is free if not given."
)
@click.option("--no-browser", is_flag=True, help="Open no browser; print the address only.")
@as_json
def review(  # noqa: PLR0917 - click gives each option by its name
    run: Path | None,
    against: Path | None,
    order: "Order",
    name: str | None,
    allow_writes: bool,
    port: int,
    no_browser: bool,
    as_json: bool,
) -> None:
    """Open a page on which a person reads each article, sees what differs, and decides.

    RUN is a run, by folder or by name; the last one if not given. The page is served to this machine alone until Ctrl-C. What is decided goes into the
    goldens and, with who decided and when, into their log; the page takes it back as well. --json prints the address as one object in one line.
    """
    # A second is soon spent, and every command imports this module.
    from workbench.decisions import Log  # noqa: PLC0415
    from workbench.goldens import may_write  # noqa: PLC0415
    from workbench.review.desk import Desk  # noqa: PLC0415
    from workbench.review.doubts import doubts, others_of  # noqa: PLC0415
    from workbench.review.person import name_of, open_browser  # noqa: PLC0415
    from workbench.review.serve import HOST, held_back, listen, serve, server_of  # noqa: PLC0415

    here = project()
    reviewed = the_run(here, run)
    beside = run_called(here, against) if against else None
    if beside:
        check_same_task(reviewed.info, beside.info)
    task = load_task(reviewed.info.task, here.root)
    others = (
        [beside] if beside else others_of(reviewed, here.path(here.settings.runs)) if order == "uncertainty" else []
    )
    if order == "uncertainty" and not (others or reviewed.info.votes):
        raise RunError(
            "there is no other run that this one could disagree with",
            where=str(reviewed.folder),
            way_out="make another with `workbench run`, or name one with --against",
        )
    desk = Desk(
        task=task,
        run=reviewed,
        against=beside,
        folder=here.path("goldens") / task.name,
        log=Log(here.path("goldens") / task.name),
        texts=texts_in(here.root),
        by=name_of(name, here.root),
        writable=may_write(os.environ, allowed=allow_writes),
        order=order,
        language=language(),
        uncertainty=partial(doubts, reviewed, others, task.schema),
    )
    listening = listen(port)
    port = listening.getsockname()[1]
    token, once = token_urlsafe(32), token_urlsafe(32)
    address = f"http://{HOST}:{port}/?token="
    said: dict[str, Any] = {
        "run": str(reviewed.folder),
        "goldens": str(desk.folder),
        "by": desk.by,
        "writable": desk.writable,
    }
    with held_back() as pressed:  # from here on Ctrl-C is how it ends
        _say(desk.log, by=desk.by, folder=reviewed.folder, writable=desk.writable)
        click.echo(line({"url": address + token, **said}) if as_json else address + token, nl=not as_json)
        # Other users of the machine can read a browser's command line: the secret there is good for one time.
        if not no_browser and not open_browser(address + once):
            stderr().print("there is no browser to open it in: open the address yourself")
        # Whoever comes to the address now is kept waiting by the socket, and gets in when the pages are there.
        from workbench.review.app import app, assets  # noqa: PLC0415
        from workbench.review.guard import Guard  # noqa: PLC0415

        styles, scripts = assets()
        guard = Guard(
            app(desk),
            port=port,
            token=token,
            once=once,
            styles=[style.source for style in styles],
            scripts=[script.source for script in scripts],
        )
        server = server_of(guard)
    if not pressed:
        serve(server, listening)


def _say(log: "Log", *, by: str, folder: Path, writable: bool) -> None:
    """Who decides on what, and what should be known before."""
    from workbench.decide import unwritten  # noqa: PLC0415 - see above

    err = stderr()
    err.print(Text.assemble("reviewing ", plain(folder), " as ", plain(by), "; Ctrl-C ends"), soft_wrap=True)
    notes = [] if writable else ["CI is set: nothing is written without --allow-writes"]
    if log.torn:
        notes.append(f"{log.file}: the last line was never finished; the next decision sets it aside")
    notes += [
        f"{lost.article}: what {lost.by} decided at {lost.when:%Y-%m-%d %H:%M} is in the log but not in the golden (the process "
        "ended between the two, or the golden was put back): it counts for nothing until it is decided again"
        for lost in unwritten(log)
    ]
    for note in notes:
        say_note(note)
