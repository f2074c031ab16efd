"""A golden that is decided on, and who decides."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from labelled import ABOUT, Street, golden

from workbench.decide import decide, read_shown, undo
from workbench.decisions import Decision, Log
from workbench.goldens import write_golden
from workbench.wishes import Subject, Wish

NOW = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


class Desk:
    """A folder with a log and one golden, and a person who always looks before deciding."""

    def __init__(self, folder: Path, about: Subject = ABOUT) -> None:
        self.folder = folder
        self.about = about
        self.log = Log(folder)
        self.file = folder / "a.json"

    @property
    def seen(self) -> str | None:
        return read_shown(self.folder, "a", Street)[1]

    @property
    def content(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def decide(self, action: Any, at: str | None = None, record_at: str | None = None, **more: Any) -> Decision:
        return self.wish(Wish(action=action, at=at, record_at=record_at, **more))

    def wish(self, made: Wish) -> Decision:
        return decide(self.log, self.about, made, Street, seen=self.seen, by="나", now=NOW, writable=True)

    def undo(self, decision: str) -> Decision:
        return undo(self.log, "a", decision, seen=self.seen, by="나", now=NOW, writable=True)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    write_golden(golden(), tmp_path)
    return Desk(tmp_path)


@contextmanager
def fresh(about: Subject = ABOUT) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:
        yield Desk(Path(folder), about)
