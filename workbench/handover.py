"""The parts of a run in other hands: handed in at the endpoint, looked at, fetched, or ended."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.batch import (
    Awaited,
    BatchLog,
    Cancelled,
    Ended,
    Part,
    Sending,
    Submitted,
    Unread,
    Uploaded,
    part_file,
    read_batches,
)
from workbench.errors import ProviderError, RunError, SettingsError
from workbench.intake import read_past
from workbench.recordings import Recordings
from workbench.runs import Run
from workbench.summary import Notify
from workbench.underway import check_address, part_rows, readable_rows

if TYPE_CHECKING:
    from workbench.depot import Depot, Standing  # 2.5 s, and files by hand need none of it

__all__ = ["Fetched", "cancel", "fetch", "look", "send"]

LOST: Final = frozenset({200, 404, 410})
"""Statuses of an endpoint that is there, and does not have what it was asked for: a deleted file, a batch of another key. 200 is nonsense in its place."""

GIVE_UP: Final = "`workbench batch cancel --give-up` gives it up: what was not fetched counts at its worst case"
LATE: Final = timedelta(hours=1)
"""After which the files of a batch that has ended are not waited for any more."""
ENDING: Final = frozenset({"cancelling", "finalizing"})
"""Statuses of a batch that comes to its end by itself, and cannot be ended any more."""


def _metadata(log: BatchLog, part: Part) -> dict[str, str]:
    """By which a part's batch is known at the provider."""
    return {"run": log.folder.name[:512], "part": str(part.number), "label": part.written.label}


async def send(depot: "Depot", folder: Path, notify: Notify, *, but: Collection[int] = ()) -> None:
    """Hand in every part of a run that is written and was not, if the run was not cancelled.

    What a killed sitting handed in is found again, not handed in twice.

    Args:
        depot: Of the endpoint.
        folder: Of the run.
        notify: Called with words for the user.
        but: The numbers of parts of which ``fetch`` could not find out whether they are still to be handed in.

    Raises:
        ProviderError: If the endpoint does not take one; those before it are handed in.
        RunError: If one is for another endpoint, or its file is gone or damaged.
    """
    with BatchLog(folder) as log:
        check_address(folder, log.batches, depot.address)
        for part in log.batches.open:
            if log.batches.stopped or not part.is_unsent or part.number in but:
                continue
            may_be_there = part.sending
            if not may_be_there:
                log.note(Sending(part=part.number))
            file, requests = part.file, part_file(folder, part.number, "requests")
            if file is None:
                size = requests.stat().st_size if requests.exists() else None
                if size != part.written.bytes:
                    raise RunError(
                        f"a file of requests that is to be handed in is {'gone' if size is None else 'not as it was written'}",
                        where=str(requests),
                        expected=f"{part.written.bytes:,} bytes",
                        way_out=f"put it back; or `workbench batch cancel {folder.name}`, then `workbench batch submit --resume {folder.name}`",
                    )
                name = f"{log.folder.name}-{part.number:04}-{part.written.label}.jsonl"
                file = await depot.upload(requests, name, look=may_be_there)
                log.note(Uploaded(part=part.number, file=file))
            batch = await depot.submit(file, _metadata(log, part), look=may_be_there)
            log.note(Submitted(part=part.number, batch=batch))
            notify(f"part {part.number}: handed in as {batch}, requests: {part.written.requests:,}")


@dataclass(frozen=True)
class Fetched:
    """What came of a look at a run's batches.

    Attributes:
        ended: How many of them have ended, and are fetched.
        lost: Why the endpoint does not give those that it should, or tell of them, by the parts' numbers.
    """

    ended: int = 0
    lost: Mapping[int, ProviderError] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse to be content with less than all.

        Raises:
            ProviderError: If some could not be fetched; says which.
        """
        if self.lost:
            first = next(iter(self.lost.values()))
            what = "; ".join(f"part {number}: {error.what}" for number, error in self.lost.items())
            raise ProviderError(what, status=first.status, where=first.where, way_out=first.way_out) from first


async def look(depot: "Depot", folder: Path) -> "tuple[dict[int, Standing], Fetched]":
    """What the endpoint says of each part that is there, by the part's number, and why it does not of others. Nothing is fetched.

    Raises:
        ProviderError: If the endpoint is not reached.
        RunError: If one is at another endpoint.
    """
    batches = read_batches(folder)
    check_address(folder, batches, depot.address)
    found, lost = {}, {}
    for batch, part in batches.there.items():
        try:
            found[part.number] = await depot.batch(batch)
        except ProviderError as error:
            lost[part.number] = _of_one(error)
    return found, Fetched(lost=lost)


def _of_one(error: ProviderError) -> ProviderError:
    """What an endpoint says of one part, which keeps it from none of the others; raised where it says nothing, and would not of them either."""
    if error.status is None:
        raise error
    return error


async def fetch(depot: "Depot", run: Run, recordings: Path, notify: Notify) -> Fetched:
    """Fetch the answers to every part of a run that has ended. One that fails keeps none of the others.

    First a part that was not handed in is given up, where a cancel that failed left it behind, or where it would pay for what was recorded since.

    Args:
        depot: Of the endpoint.
        run: Whose parts.
        recordings: The folder of what is recorded.
        notify: Called with words for the user.

    Raises:
        ProviderError: If the endpoint is not reached; those before are fetched.
        RunError: If one is at another endpoint.
    """
    ended, lost = 0, {}
    with BatchLog(run.folder) as log:
        check_address(run.folder, log.batches, depot.address)
        for part in log.batches.open:
            if not part.is_unsent:
                continue
            try:
                if log.batches.stopped:
                    await _end(depot, log, part, notify, give_up=False)
                elif _is_answered(log, part, recordings, notify, refresh=run.info.refresh):
                    await _find_or_give_up(depot, log, part, notify)
            except ProviderError as error:
                lost[part.number] = _of_one(error)
        for batch, part in log.batches.there.items():
            try:
                standing = await depot.batch(batch)
            except ProviderError as error:
                lost[part.number] = _of_one(error)
                continue
            try:
                ended += await _fetch(depot, log, part, standing, notify)
            except ProviderError as error:
                lost[part.number] = error  # also where a file breaks off time and again: the next may not
    return Fetched(ended, lost)


def _is_answered(log: BatchLog, part: Part, recordings: Path, notify: Notify, *, refresh: bool) -> bool:
    """Whether some of its rows were recorded since they were gathered."""
    with Recordings(recordings, notify=notify) as store, part_rows(log.folder, part) as rows:
        found = (store.get(row.key) for row in rows)
        return any(one and (one.recorded >= part.written.at or not refresh) for one in found)


async def _fetch(
    depot: "Depot", log: BatchLog, part: Part, standing: "Standing", notify: Notify, *, give_up: bool = False
) -> bool:
    """Fetch the answers to a part if it has ended; returns whether it has, and they are here. With ``give_up`` those that are not there are done without."""
    if not standing.has_ended:
        done = f", {standing.completed + standing.failed:,} of {standing.total:,} done" if standing.total else ""
        notify(f"part {part.number} is {standing.status}{done}")
        return False
    missing = {"answers": standing.completed if not standing.answers else 0}
    if standing.status == "completed":  # of another, what is in no file was not done, and costs nothing
        missing["errors"] = standing.failed if not standing.errors else 0
    if any(missing.values()) and not give_up:
        what = " and ".join(f"{count:,} {kind}" for kind, count in missing.items() if count)
        _await(log, part, f"{standing.status}, and its {what} are not there", depot.address, notify)
        return False
    for kind, file in (("answers", standing.answers), ("errors", standing.errors)):
        if file:
            await depot.fetch(file, part_file(log.folder, part.number, kind))
    if missing["answers"]:
        _lose(log, part, f"its {missing['answers']:,} answers are not there", notify)
    else:
        log.note(Ended(part=part.number, status=standing.status, why=standing.why))
    return True


def _await(log: BatchLog, part: Part, what: str, address: str, notify: Notify) -> None:
    """Say what has not come of a part that has ended.

    Raises:
        ProviderError: If it should have by now.
    """
    way_out = f"`workbench batch cancel --give-up {log.folder.name}` takes what is there and ends the run's batches: what has no answer then fails, at its worst case"
    if part.awaited is None:
        log.note(Awaited(part=part.number))
    elif datetime.now(UTC) - part.awaited >= LATE:
        since = f"{part.awaited:%Y-%m-%d %H:%M} UTC"
        raise ProviderError(f"it is {what}: so it was found at {since}", status=200, where=address, way_out=way_out)
    notify(f"part {part.number} is {what} yet; if they never come, {way_out}")


async def cancel(depot: "Depot | None", folder: Path, notify: Notify, *, give_up: bool = False) -> None:
    """Have no more asked of a run: its batches are ended, what was not handed in or is in somebody's hands is given up.

    Args:
        depot: Of the endpoint, where there is one.
        folder: Of the run.
        notify: Called with words for the user.
        give_up: Give up also what the endpoint does not have any more, or does not end or tell of, though it may have been paid for.

    Raises:
        ProviderError: If the endpoint fails a part that is not given up; the others are ended, and nothing more is asked all the same.
        SettingsError: If there is a batch at a provider, and no depot to reach it.
        RunError: If there is one at another endpoint.
    """
    lost = {}
    with BatchLog(folder) as log:
        if depot:
            check_address(folder, log.batches, depot.address)
        log.note(Cancelled())
        for part in log.batches.open:
            if part.ended:
                continue
            if part.written.how == "hand":
                _give_up(log, part, notify)
                continue
            if depot is None:
                raise SettingsError(
                    "there is a batch at a provider, and no endpoint to reach it by",
                    where=str(folder),
                    way_out="pass --base-url, or set OPENAI_API_KEY",
                )
            try:
                await _end(depot, log, part, notify, give_up=give_up)
            except ProviderError as error:
                if give_up:
                    _lose(log, part, error.what, notify)
                    continue
                if error.status not in LOST:
                    error.way_out = "; or ".join(filter(None, (error.way_out, GIVE_UP)))
                lost[part.number] = error
        if give_up:
            for part in log.batches.open:
                _give_up_unread(log, part, notify)
    Fetched(lost=lost).check()


async def _end(depot: "Depot", log: BatchLog, part: Part, notify: Notify, *, give_up: bool) -> None:
    batch = part.submitted.batch if part.submitted else await _find_or_give_up(depot, log, part, notify)
    if batch is None:
        return
    standing = await depot.batch(batch)
    if standing.has_ended and give_up:
        await _fetch(depot, log, part, standing, notify, give_up=True)
        return
    if not standing.has_ended and standing.status not in ENDING:
        standing = await depot.cancel(batch)
    notify(f"part {part.number} is {standing.status}")


async def _find_or_give_up(depot: "Depot", log: BatchLog, part: Part, notify: Notify) -> str | None:
    """The batch of a part of which no batch is noted; where there is none, the part is given up. Before its file was noted none was made."""
    batch = await depot.find(_metadata(log, part)) if part.file else None
    if batch:
        log.note(Submitted(part=part.number, batch=batch))
    else:
        _give_up(log, part, notify)
    return batch


def _lose(log: BatchLog, part: Part, why: str, notify: Notify) -> None:
    """Give up a part of which the endpoint may have answered rows, for which it bills."""
    log.note(Ended(part=part.number, status="lost", why=why))
    notify(
        f"part {part.number} is given up ({why}): rows that were not fetched will stand in the ledger at their worst"
    )


def _give_up(log: BatchLog, part: Part, notify: Notify) -> None:
    collected = read_past(log.folder).collected(part)
    log.settle(collected)
    notify(f"part {part.number}: {collected.given_up:,} rows are given up")


def _give_up_unread(log: BatchLog, part: Part, notify: Notify) -> None:
    """Give up the rows of a part of which nobody knows any more what they ask. Answers to them are kept where they are fetched to."""
    rows, unread = readable_rows(log.folder, part)
    with rows:
        if unread <= part.unread:
            return
    log.note(Unread(part=part.number, rows=unread))
    notify(
        f"{rows.place}: {rows.damage or 'rows are missing'}: {unread:,} rows of part {part.number} are given up, and what they cost is in no account; "
        f"when `collect` has fetched an answer to them, it stays in {part_file(log.folder, part.number, 'answers')}: "
        f"`workbench batch export --resume {log.folder.name}`, then `workbench batch import` of that file takes it"
    )
