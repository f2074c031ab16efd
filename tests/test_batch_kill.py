"""A batch whose steps die at any moment goes on: nothing is asked twice, nothing is paid for twice, nothing that was answered is lost.

It dies at one step on files after the other, in the middle of a line where one is written. Those on ``batches.jsonl`` stand between two calls
of the provider: an upload and its note, a batch and its note. Others are in the middle of a download, of recording, of clearing up. With
``WORKBENCH_KILLS`` at 200 and more (``make soak``) every step is taken, and before each line too; else some.
"""

import json
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batching_server import GOOD, LIVE, BatchServer, RowSays, hold_articles, priced
from loopback import status
from sittings import CRASHED, CRASHED_WRITING, Crash, Sitting, Sittings
from small_project import lines

ALL = int(os.environ.get("WORKBENCH_KILLS", "24")) >= 200
ROW = LIVE / 2


def rows(row: dict[str, Any]) -> RowSays:
    """One article is answered, one only when it is asked again, one never."""
    messages = row["body"]["messages"]
    name = messages[1]["content"].split()[0]
    if name == "failed":
        return status(500)
    return {"street": None} if name == "invalid" and len(messages) == 2 else None


class World:
    """A project, its endpoint, and its one run."""

    def __init__(self, project: Path, sittings: Sittings, server: BatchServer) -> None:
        self.project = project
        self._sittings = sittings
        self._server = server
        server.rows = rows
        priced(project)
        hold_articles(project, ("good", "invalid", "failed"))

    @property
    def folder(self) -> Path | None:
        found = list(self.project.glob("runs/*/run.json"))
        assert len(found) <= 1
        return found[0].parent if found else None

    def sit(self, crash: Crash | None = None) -> Sitting:
        """Hand in, or go on."""
        folder = self.folder
        words = ["submit"]
        if folder:
            began = (folder / "batches.jsonl").exists()
            words = ["collect", folder.name] if began else ["submit", "--resume", folder.name]
        where = ("--base-url", self._server.base_url, "--json")
        return self._sittings.run(self.project, "batch", *words, *where, crash=crash)

    def finish(self) -> None:
        for _ in range(4):
            sitting = self.sit()
            assert sitting.code in {0, 5}, sitting.err
            if sitting.json["finished"]:
                return
            self._server.end()
        raise AssertionError("it never ends")

    def check(self) -> None:
        folder, server = self.folder, self._server
        assert folder
        states = sorted((line["article"], line["state"]) for line in lines(folder / "extractions.jsonl"))
        assert states == [("failed", "failed"), ("good", "ok"), ("invalid", "ok")]
        asked = [
            json.loads(row)["custom_id"]
            for batch in server.batches.values()
            for row in server.files[batch.file].content.splitlines()
        ]
        assert len(asked) == len(set(asked)) == 4, "nothing was asked twice"
        assert len(server.batches) == sum(file.purpose == "batch" for file in server.files.values()) == 2
        ledger = lines(folder / "attempts.jsonl")
        assert sorted(line["key"] for line in ledger) == sorted(asked)
        recorded = [line["key"] for line in lines(self.project / "recordings" / "local-model.jsonl")]
        assert sorted(recorded) == sorted(line["key"] for line in ledger if line["outcome"] == "answered")
        assert sum(Decimal(line["cost"]["amount"]) for line in ledger) == 3 * ROW
        extractions = lines(folder / "extractions.jsonl")
        assert sum(Decimal(line["cost"]["amount"]) for line in extractions) == 3 * ROW
        assert not list((folder / "batch").iterdir())
        assert not list(folder.glob("*.again.jsonl"))


@pytest.mark.parametrize(
    ("sitting", "file", "first", "every"),
    [
        ("submit", "batches.jsonl", 7, 1),  # about to be sent, uploaded, submitted
        ("submit", "", 1, 9),
        ("collect", "batches.jsonl", 1, 2),
        ("collect", "", 1, 8),
    ],
)
def test_a_batch_that_dies_at_any_step_goes_on(
    project: Path, sittings: Sittings, sitting: str, file: str, first: int, every: int
) -> None:
    for torn in (True, False) if ALL else (True,):
        step = 1 if ALL else first
        while die_and_go_on(project, sittings, sitting, Crash(step, torn, file)):
            step += 1 if ALL else every
        assert step > 3


def die_and_go_on(project: Path, sittings: Sittings, sitting: str, crash: Crash) -> bool:
    """Let a sitting die, go on until the end, and see that all is as it must be; returns whether there was such a step."""
    place = project.with_name(f"{sitting}.{crash.file or 'any'}.{crash.at}.{crash.torn}")
    with BatchServer(answer=GOOD) as server:
        world = World(shutil.copytree(project, place), sittings, server)
        if sitting == "collect":
            assert world.sit().code == 0
            server.end()
        died = world.sit(crash)
        server.end()
        try:
            world.finish()
            world.check()
        except AssertionError as error:
            error.add_note(f"it had died: {crash}; {died.err}")
            raise
    return died.code in {CRASHED, CRASHED_WRITING}
