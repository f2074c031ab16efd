"""Goldens grow by decisions, and every decision can be taken back."""

import difflib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from deciding import NOW, Desk, fresh
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import ABOUT, HASH, LABELLED, RECORD, Street, golden, records, wishes

from workbench.decide import decide, undo
from workbench.decisions import Decision, Log
from workbench.errors import GoldenChanged, GoldenError, InputError, WishError
from workbench.goldens import golden_text, may_write, read_golden, write_golden
from workbench.wishes import Subject, Wish, apply


def changed_lines(before: bytes, after: bytes) -> list[str]:
    found = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0, lineterm="")
    return [line for line in found if line[:3] not in {"---", "+++", "@@ "}]


# --- what is written


def test_only_the_leaf_that_is_decided_changes_in_the_file(desk: Desk) -> None:
    before = desk.file.read_bytes()
    desk.decide("accept", "/shops/0/since", "/shops/0/since")
    assert changed_lines(before, desk.file.read_bytes()) == [
        '-        "since": "2031년 3월",',
        '+        "since": "2029년",',
    ]


def test_a_file_laid_out_by_hand_keeps_its_layout_its_key_order_and_its_escapes(desk: Desk) -> None:
    text = json.dumps(
        {
            "texts": [HASH],
            "record": {**LABELLED, "street": "\ub3d9"},
            "schema": "1",
            "id": "a",
            "format": "workbench.golden/1",
        },
        indent=1,
    ).replace("\n", "\r\n")
    desk.file.write_bytes(text.encode())
    desk.decide("correct", "/shops/1/name", value="달빛")
    old, new = json.dumps("달빛 사진관"), '"달빛"'
    assert desk.file.read_bytes() == text.replace(old, new).encode()
    desk.decide("alternate", "/shops/1/name", value="달빛 사진")
    assert desk.file.read_text(encoding="utf-8").endswith(
        '"alternates": {\n  "/shops/1/name": [\n   "달빛 사진"\n  ]\n }\n}'
    )


def test_what_is_not_about_the_golden_leaves_its_file_alone(desk: Desk) -> None:
    before = desk.file.stat()
    for made in (Wish(action="keep", at="/street"), Wish(action="skip"), Wish(action="flag", note="왜?")):
        desk.wish(made)
    after = desk.file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(desk.log.of("a")) == 3


def test_a_golden_that_is_started_is_written_as_goldens_are(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "goldens" / "street")
    made = desk.decide("accept", "", "")
    assert made.before is None
    assert desk.content == golden_text(read_golden(desk.file, Street)).encode()
    assert json.loads(desk.file.read_bytes())["record"] == RECORD


def test_no_two_decisions_have_one_id(desk: Desk) -> None:
    assert len({desk.decide("skip").id for _ in range(20)}) == 20


# --- somebody else


def test_a_golden_that_was_edited_by_hand_is_not_decided_on(desk: Desk) -> None:
    shown = desk.seen
    edited = desk.file.read_bytes().replace("밀밭".encode(), "보리밭".encode())
    desk.file.write_bytes(edited)
    for made in (Wish(action="accept", record_at="/street"), Wish(action="keep", at="/street"), Wish(action="skip")):
        with pytest.raises(GoldenChanged, match="not what was shown"):
            decide(desk.log, ABOUT, made, Street, seen=shown, by="나", now=NOW, writable=True)
    assert desk.content == edited
    assert not desk.log.file.exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_golden_that_came_or_went_meanwhile_is_noticed(tmp_path: Path, there: bool) -> None:
    desk = Desk(tmp_path)
    shown = None if there else "sha256:0"
    if there:
        write_golden(golden(), tmp_path)
    with pytest.raises(GoldenChanged):
        decide(desk.log, ABOUT, Wish(action="accept", at=""), Street, seen=shown, by="나", now=NOW, writable=True)


def test_of_two_windows_that_decide_at_once_one_is_told(desk: Desk) -> None:
    shown, start = desk.seen, Barrier(8, timeout=60)

    def one(number: int) -> str:
        log = Log(desk.folder)  # a process of its own would have one
        start.wait()
        try:
            made = Wish(action="correct", at="/street", value=f"{number}길")
            decide(log, ABOUT, made, Street, seen=shown, by=str(number), now=NOW, writable=True)
        except GoldenChanged:
            return "told"
        return f"{number}길"

    with ThreadPoolExecutor(8) as windows:
        outcomes = list(windows.map(one, range(8)))
    (written,) = [outcome for outcome in outcomes if outcome != "told"]
    assert json.loads(desk.file.read_bytes())["record"]["street"] == written
    assert len(desk.log.of("a")) == 1


def test_a_golden_that_changes_at_the_last_moment_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = desk.file.read_bytes() + b"\n"

    def meanwhile(*arguments: Any) -> Any:
        desk.file.write_bytes(edited)
        return apply(*arguments)

    monkeypatch.setattr("workbench.decide.apply", meanwhile)
    with pytest.raises(GoldenChanged):
        desk.decide("accept", None, "/street")
    assert (desk.content, desk.log.of("a")) == (edited, ())


def test_a_log_that_another_process_does_not_let_go_of_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.decisions.PATIENCE", 0.05)
    before = desk.content
    with Log(desk.folder).writing(), pytest.raises(InputError, match="another process is writing"):
        desk.decide("accept", None, "/street")
    assert desk.content == before


def test_a_golden_that_does_not_hold_is_not_decided_on(desk: Desk) -> None:
    desk.file.write_text("{}", encoding="utf-8")
    with pytest.raises(GoldenError):
        desk.decide("keep", "/street")


def test_a_refused_wish_leaves_nothing_behind(desk: Desk) -> None:
    before = desk.content
    with pytest.raises(WishError):
        desk.decide("correct", "/street", value=5)
    assert (desk.content, [file.name for file in desk.folder.iterdir()]) == (before, ["a.json"])


# --- where goldens may not be written


@pytest.mark.parametrize(
    ("environment", "allowed", "expected"),
    [
        ({}, False, True),
        ({"CI": ""}, False, True),
        ({"CI": "false"}, False, True),
        ({"CI": "0"}, False, True),
        ({"CI": "true"}, False, False),
        ({"CI": "1"}, False, False),
        ({"CI": "woodpecker"}, False, False),
        ({"CI": "true"}, True, True),
    ],
)
def test_where_ci_is_set_goldens_are_written_only_when_told_to(
    environment: dict[str, str], allowed: bool, expected: bool
) -> None:
    assert may_write(environment, allowed=allowed) is expected


def test_nothing_is_written_where_it_may_not_be(desk: Desk) -> None:
    before = desk.content
    with pytest.raises(GoldenError, match="CI") as caught:
        decide(desk.log, ABOUT, Wish(action="skip"), Street, seen=desk.seen, by="나", now=NOW, writable=False)
    assert caught.value.way_out == "pass --allow-writes"
    with pytest.raises(GoldenError, match="CI"):
        undo(desk.log, "a", "1", seen=desk.seen, by="나", now=NOW, writable=False)
    assert (desk.content, desk.log.file.exists()) == (before, False)


# --- a kill


KILLED = """
import os, signal, sys
from pathlib import Path
import deciding
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
deciding.Desk(Path(sys.argv[1])).decide("accept", None, "/street")
"""


def test_a_process_killed_between_log_and_golden_is_noticed_when_the_log_is_next_read(desk: Desk) -> None:
    before = desk.content
    killed = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", KILLED, str(desk.folder)], cwd=Path(__file__).parent, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (lost,) = desk.log.of("a")
    assert isinstance(lost, Decision)
    standing = desk.log.standing("a", desk.seen)
    assert (desk.content, standing.unwritten, standing.marks) == (before, lost.id, ())
    with pytest.raises(WishError, match="not in force"):
        desk.undo(lost.id)
    again = desk.decide("accept", None, "/street")
    standing = desk.log.standing("a", desk.seen)
    assert (standing.unwritten, standing.undoable) == (None, again.id)
    desk.undo(again.id)
    assert desk.content == before


def test_a_disk_that_takes_no_golden_gets_no_decision(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = desk.content
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        desk.decide("accept", None, "/street")
    assert (desk.content, desk.log.of("a")) == (before, ())


# --- undo


def test_an_undo_brings_every_byte_back_and_can_be_undone(desk: Desk) -> None:
    before = desk.content
    made = desk.decide("accept", None, "/shops/0")
    after = desk.content
    first = desk.undo(made.id)
    assert desk.content == before
    second = desk.undo(first.id)
    assert desk.content == after
    desk.undo(second.id)
    assert desk.content == before
    assert [line.action for line in desk.log.of("a") if isinstance(line, Decision)] == ["accept", *["undo"] * 3]


def test_the_undo_of_a_start_takes_the_file_away_and_its_undo_brings_it_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    made = desk.decide("accept", "", "")
    written = desk.content
    back = desk.undo(made.id)
    assert (desk.content, desk.seen) == (None, None)
    desk.undo(back.id)
    assert desk.content == written


def test_what_others_have_built_on_is_not_undone(desk: Desk) -> None:
    first = desk.decide("accept", None, "/street")
    second = desk.decide("absent", "/shops/0")
    with pytest.raises(GoldenChanged, match="changed since 나 decided this") as caught:
        desk.undo(first.id)
    assert "undo first what was decided since" in caught.value.way_out
    desk.undo(second.id)
    desk.undo(first.id)


def test_what_was_edited_by_hand_since_is_not_undone(desk: Desk) -> None:
    made = desk.decide("accept", None, "/street")
    desk.file.write_bytes(desk.file.read_bytes() + b"\n")
    with pytest.raises(GoldenChanged, match="changed since"):
        desk.undo(made.id)


def test_what_changed_nothing_is_undone_whatever_came_after(desk: Desk) -> None:
    kept = desk.decide("keep", "/street")
    desk.decide("accept", None, "/mayor")
    content = desk.content
    desk.undo(kept.id)
    assert desk.content == content


def test_nothing_is_undone_twice(desk: Desk) -> None:
    made = desk.decide("keep", "/street")
    desk.undo(made.id)
    with pytest.raises(WishError, match="not in force"):
        desk.undo(made.id)


def test_an_undo_of_what_was_not_shown_is_refused(desk: Desk) -> None:
    made = desk.decide("keep", "/street")
    with pytest.raises(GoldenChanged, match="not what was shown"):
        undo(desk.log, "a", made.id, seen="sha256:0", by="나", now=NOW, writable=True)


# --- whatever is decided


layouts: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [
        str,
        lambda text: json.dumps(json.loads(text)),
        lambda text: json.dumps(json.loads(text), indent="\t").replace("\n", "\r\n"),
        lambda text: " " + json.dumps(dict(reversed(json.loads(text).items())), indent=3) + "\n\n",
    ]
)


@settings(max_examples=60)
@given(records, records, st.lists(wishes, max_size=10), layouts)
def test_when_all_is_undone_every_byte_is_as_it_was(
    labelled: Any, extracted: Any, wanted: list[Wish], lay_out: Callable[[str], str]
) -> None:
    with fresh(Subject("a", extracted, HASH, None)) as desk:
        desk.file.write_bytes(lay_out(golden_text(golden(labelled))).encode())
        contents, made = [desk.content], []
        for one in wanted:
            try:
                made.append(desk.wish(one))
            except WishError:
                continue
            read_golden(desk.file, Street)
            contents.append(desk.content)
        undos = []
        for one_made, content in zip(reversed(made), reversed(contents[:-1]), strict=True):
            undos.append(desk.undo(one_made.id))
            assert desk.content == content
        for one_undone, content in zip(reversed(undos), contents[1:], strict=True):
            assert desk.log.standing("a", desk.seen).redoable == one_undone.id
            desk.undo(one_undone.id)
            assert desk.content == content


@settings(max_examples=60)
@given(records, st.data())
def test_whatever_is_decided_undone_and_done_again_can_be_undone_step_by_step(extracted: Any, data: Any) -> None:
    with fresh(Subject("a", extracted, HASH, None)) as desk:
        for _ in range(data.draw(st.integers(0, 12))):
            standing = desk.log.standing("a", desk.seen)
            undoing = [name for name in (standing.undoable, standing.redoable) if name]
            if undoing and data.draw(st.booleans()):
                desk.undo(data.draw(st.sampled_from(undoing)))
            else:
                try:
                    desk.wish(data.draw(wishes | st.just(Wish(action="accept", at="", record_at=""))))
                except WishError:
                    continue
        while name := desk.log.standing("a", desk.seen).undoable:
            desk.undo(name)
        assert desk.content is None
        assert Log(desk.folder).standing("a", None).marks == ()
