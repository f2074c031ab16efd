"""JSON Lines files that survive a kill."""

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from helpers import json_objects
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from workbench.canonical import line
from workbench.errors import InputError
from workbench.lines import Appender, read_lines

objects = st.lists(json_objects, max_size=5)

HOLD = """
import sys
from pathlib import Path
from workbench.lines import Appender
with Appender(Path(sys.argv[1])) as appender:
    appender.append({"by": "the other"})
    print("holding", flush=True)
    sys.stdin.readline()
"""


def fields(file: Path) -> list[dict[str, Any]]:
    return [found for _, _, found in read_lines(file)]


@given(objects)
def test_what_is_appended_is_read_in_order_and_found_at_its_offset(values: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.jsonl")
        with Appender(file) as appender:
            offsets = [appender.append(value) for value in values]
        assert list(read_lines(file)) == list(zip(range(1, len(values) + 1), offsets, values, strict=True))
        raw = file.read_bytes()
        assert [raw[offset:].split(b"\n")[0] + b"\n" for offset in offsets] == [
            line(value).encode() for value in values
        ]


@given(st.lists(json_objects, min_size=1, max_size=4), st.data())
def test_a_file_cut_at_any_byte_keeps_every_whole_line_and_loses_no_byte(
    values: list[dict[str, Any]], data: st.DataObject
) -> None:
    written = [line(value).encode() for value in values]
    cut = data.draw(st.integers(0, len(b"".join(written))))
    whole = b"".join(written)[:cut].count(b"\n")
    torn = b"".join(written)[:cut].rpartition(b"\n")[2]
    if torn == written[min(whole, len(written) - 1)].rstrip(b"\n"):
        whole, torn = whole + 1, b""  # only the line end is missing
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.jsonl")
        file.write_bytes(b"".join(written)[:cut])
        assert fields(file) == values[:whole]
        with Appender(file) as appender:
            assert appender.torn == len(torn)
            appender.append({"next": 1})
        assert fields(file) == [*values[:whole], {"next": 1}]
        aside = Path(folder, "a.jsonl.torn")
        assert (aside.read_bytes() if aside.exists() else b"") == (torn + b"\n" if torn else b"")


@given(objects, objects)
def test_a_file_that_is_opened_again_goes_on(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.jsonl")
        for values in (first, second):
            with Appender(file) as appender:
                assert appender.torn == 0
                for value in values:
                    appender.append(value)
        assert fields(file) == first + second


def test_a_torn_line_longer_than_a_block_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    torn = b'{"b": "' + b"x" * 200_000
    file.write_bytes(b'{"a": 1}\n' + torn)
    with Appender(file) as appender:
        assert appender.torn == len(torn)
    assert file.read_bytes() == b'{"a": 1}\n'


def test_torn_lines_are_set_aside_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    for torn in (b'{"a', b'{"b'):
        with file.open("ab") as writing:
            writing.write(torn)
        Appender(file).close()
    assert (tmp_path / "a.jsonl.torn").read_bytes() == b'{"a\n{"b\n'
    assert file.read_bytes() == b""


def test_an_appender_makes_the_folders_it_needs(tmp_path: Path) -> None:
    with Appender(tmp_path / "a" / "b" / "c.jsonl") as appender:
        assert appender.append({}) == 0


def test_a_huge_line_is_one_line(tmp_path: Path) -> None:
    with Appender(tmp_path / "a.jsonl") as appender:
        appender.append({"text": "가\n" * 1_000_000})
        assert appender.append({"next": 1}) == len(line({"text": "가\n" * 1_000_000}).encode())
    assert [len(str(found)) > 1_000_000 for found in fields(tmp_path / "a.jsonl")] == [True, False]


def test_separators_that_are_no_line_ends_do_not_end_a_line(tmp_path: Path) -> None:
    value: JsonValue = {"text": "a\u2028b\u2029c\x85d\x0be\rf"}
    with Appender(tmp_path / "a.jsonl") as appender:
        appender.append(value)
    assert fields(tmp_path / "a.jsonl") == [value]


def test_half_a_character_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with Appender(tmp_path / "a.jsonl") as appender:
        with pytest.raises(UnicodeEncodeError):
            appender.append({"text": "\ud800"})
        appender.append({"next": 1})
    assert fields(tmp_path / "a.jsonl") == [{"next": 1}]


@pytest.mark.parametrize(
    "bad", [b"", b"  ", b"[1]", b"null", b"{", b'{"a": 1} {"b": 2}', b"\xff\xfe", b'{"a": "\xb1\xe8"}', b"[" * 100_000]
)
def test_a_line_in_the_middle_that_is_no_object_is_an_error_that_names_it(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"a": 1}\n' + bad + b'\n{"b": 2}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2: the line is no JSON object"):
        fields(file)


def test_an_escaped_half_of_a_character_can_be_read(tmp_path: Path) -> None:
    """What others wrote may hold it; what it means is for the reader to say."""
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "\\ud800"}\n')
    assert fields(tmp_path / "a.jsonl") == [{"a": "\ud800"}]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    assert fields(tmp_path / "a.jsonl") == []


def test_a_second_writer_in_another_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603 - our own interpreter
        assert other.stdout
        assert other.stdout.readline() == "holding\n"
        with pytest.raises(InputError, match="another process is writing this file"):
            Appender(file)
        assert fields(file) == [{"by": "the other"}]
        other.communicate("\n")
    with Appender(file) as appender:
        appender.append({"by": "us"})
    assert fields(file) == [{"by": "the other"}, {"by": "us"}]


def test_a_writer_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603 - our own interpreter
        assert other.stdout
        assert other.stdout.readline() == "holding\n"
        other.kill()
    with Appender(file) as appender:
        assert appender.torn == 0
    assert fields(file) == [{"by": "the other"}]


def test_a_second_writer_in_this_process_is_refused_too(tmp_path: Path) -> None:
    with Appender(tmp_path / "a.jsonl"), pytest.raises(InputError, match="another process"):
        Appender(tmp_path / "a.jsonl")


def test_a_file_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.jsonl").mkdir()
    for path in (tmp_path / "file" / "a.jsonl", tmp_path / "folder.jsonl"):
        with pytest.raises(InputError, match="this file cannot be written"):
            Appender(path)


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, room = os.write, [5]

    def fill(descriptor: int, raw: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = bytes(raw[: room[0]])
        room[0] = 0
        return write(descriptor, part)

    with Appender(tmp_path / "a.jsonl") as appender:
        appender.append({"a": 1})
        monkeypatch.setattr(os, "write", fill)
        with pytest.raises(InputError, match="No space left"):
            appender.append({"b": 2})
        monkeypatch.undo()
        appender.append({"c": 3})
    assert fields(tmp_path / "a.jsonl") == [{"a": 1}, {"c": 3}]


def test_a_write_that_takes_only_a_part_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, raw: write(descriptor, bytes(raw[:3])))
    with Appender(tmp_path / "a.jsonl") as appender:
        appender.append({"text": "김제시"})
    monkeypatch.undo()
    assert fields(tmp_path / "a.jsonl") == [{"text": "김제시"}]


def test_a_file_that_was_replaced_between_opening_and_locking_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pruning does it: what is appended stands in the file that has the name."""
    file, new = tmp_path / "a.jsonl", tmp_path / "new"
    file.write_text('{"old": 1}\n', encoding="utf-8")
    new.write_text('{"new": 1}\n', encoding="utf-8")
    lock = fcntl.flock

    def replaced_first(descriptor: int, how: int) -> None:
        if new.exists():
            new.replace(file)
        lock(descriptor, how)

    monkeypatch.setattr("fcntl.flock", replaced_first)
    with Appender(file) as appender:
        appender.append({"next": 1})
    assert fields(file) == [{"new": 1}, {"next": 1}]


def test_a_file_that_is_not_there_has_no_line_only_where_that_is_allowed(tmp_path: Path) -> None:
    assert list(read_lines(tmp_path / "none.jsonl", missing_ok=True)) == []
    with pytest.raises(FileNotFoundError):
        list(read_lines(tmp_path / "none.jsonl"))
