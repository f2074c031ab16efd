"""What is under way in the batches of a run, or of those beside it: who else is not to be asked about it, and what not to ask a second time."""

from collections.abc import Callable
from pathlib import Path

from workbench.batch import Batches, Part, part_file, read_batches
from workbench.errors import InputError, RunError
from workbench.rows import Rows
from workbench.runs import open_run

__all__ = ["check_address", "check_none_under_way", "part_rows", "readable_rows", "waiting_elsewhere"]


def readable_rows(folder: Path, part: Part) -> tuple[Rows, int]:
    """The rows of a part of the run in a folder that can be read, and how many others it has.

    Raises:
        RunError: If a file is there and cannot be read.
    """
    rows = Rows(*(part_file(folder, part.number, kind) for kind in ("rows", "requests")))
    return rows, part.written.requests - len(rows)


def part_rows(folder: Path, part: Part) -> Rows:
    """The rows of a part of the run in a folder, but for those that were given up.

    Raises:
        RunError: If what some others of them ask cannot be read any more.
    """
    rows, unread = readable_rows(folder, part)
    if unread <= part.unread:
        return rows
    with rows:
        raise RunError(
            f"{unread:,} of the {part.written.requests:,} rows of a batch that is under way cannot be read: {rows.damage or 'they are not in it'}",
            where=rows.place,
            expected="the file as it was written",
            way_out=f"put it back; or `workbench batch cancel --give-up {folder.name}` gives those rows up, and no answer that was fetched is lost",
        )


def check_none_under_way(folder: Path, notify: Callable[[str], None]) -> None:
    """Refuse to ask one by one what a batch is being asked, be it another run's.

    Args:
        folder: Of the run.
        notify: Told of other runs whose batches cannot be read.

    Raises:
        RunError: If a part of the run is under way, or it waits for what other runs have under way; names the commands that go on with it.
    """
    batches = read_batches(folder)
    if batches.open:
        waiting = sum(part.written.requests for part in batches.open)
        raise RunError(
            f"{waiting:,} requests of this run wait in a batch, and would be paid for twice",
            where=str(folder),
            way_out=f"`workbench batch collect {folder.name}`, or first `workbench batch cancel {folder.name}`",
        )
    if batches.walked and batches.waits_elsewhere and (runs := {*waiting_elsewhere(folder, notify).values()}):
        collects = ", ".join(f"`workbench batch collect {run}`" for run in sorted(runs))
        raise RunError(
            f"{batches.walked.waiting:,} articles of this run wait for what other runs have in batches, and would be paid for twice",
            where=str(folder),
            way_out=f"{collects}, then `workbench batch collect {folder.name}`",
        )


def waiting_elsewhere(folder: Path, notify: Callable[[str], None]) -> dict[bytes, str]:
    """The requests that other runs beside this one have in batches or are about to, as digests of their keys, each with its run's name.

    Rows are read of those alone that are under way.

    Args:
        folder: Of this run.
        notify: Told of each run whose batches cannot be read: what waits in them is asked again.
    """
    found: dict[bytes, str] = {}
    for file in folder.parent.glob("*/batches.jsonl"):
        other = file.parent
        try:
            for part in read_batches(other).open if other != folder else ():
                if part.written.how == "api":
                    with part_rows(other, part) as rows:
                        found.update(dict.fromkeys(rows.marks, other.name))
        except (InputError, OSError) as error:
            notify(
                f"what waits in the batches of {other.name} is not known, and may be paid for twice: {str(error).splitlines()[0]}"
            )
    return found


def check_address(folder: Path, batches: Batches, address: str) -> None:
    """Refuse to ask one endpoint about what is at another: it would say that there is no such batch, and be believed.

    Older logs do not say for which address a part is: it is the one that the run asks, and whoever goes on with a run asks no other.

    Raises:
        RunError: If a part that has not ended is for another address; names both.
    """
    asked = open_run(folder).info.endpoint
    for part in batches.open:
        theirs = part.written.endpoint or (asked if part.written.how == "api" else None)
        if theirs and part.ended is None and theirs.rstrip("/") != address.rstrip("/"):
            raise RunError(
                f"part {part.number} of this run is for {theirs}, and {address} would be asked about it",
                where=str(folder),
                way_out=f"pass --base-url {theirs}, or set OPENAI_BASE_URL to it, with the key that belongs to it",
            )
