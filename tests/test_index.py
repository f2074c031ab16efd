"""The index of a store: quick, and never believed over the files."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from helpers import write
from hypothesis import given
from hypothesis import strategies as st
from recorded import FACETS, FILES, FIRSTS, REQUESTS, line, made, plain, recorded

from workbench import recordings
from workbench.errors import RecordingError
from workbench.index import cache_file
from workbench.recordings import Recording, Recordings
from workbench.requests import Request


@pytest.fixture(autouse=True)
def every_index_is_kept(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cache of the test's own, however small the store."""
    monkeypatch.setattr(recordings, "SMALL", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def indexed(folder: Path) -> dict[str, Any]:
    with Recordings(folder) as store:
        found = {one.key: store.find(one) for one in REQUESTS}
        assert len(store) == sum(one is not None for one in found.values())
    return {key: one.response for key, one in found.items() if one}


def agree(folder: Path) -> None:
    """The store with its index answers as the files do, or refuses what they refuse."""
    try:
        expected = plain(folder)
    except ValueError:
        with pytest.raises(RecordingError):
            indexed(folder)
    else:
        assert indexed(folder) == {key: one["response"] for key, one in expected.items()}


Change = Callable[[Path], None]


def _tick(file: Path, before: int) -> None:
    """A later time of change: a file system's clock moves every few milliseconds, a test is quicker than that."""
    if file.exists() and file.stat().st_mtime_ns <= before:
        os.utime(file, ns=(before + 1, before + 1))


def by_the_store(one: Recording) -> Change:
    def change(folder: Path) -> None:
        with suppress(RecordingError), Recordings(folder) as store:  # what it refuses, it is asked again below
            store.append(one)

    return change


def by_another(one: Recording, tail: bytes) -> Change:
    def change(folder: Path) -> None:
        with (folder / f"{one.origin}.jsonl").open("ab") as file:
            file.write(line(one).removesuffix(b"\n") + tail)

    return change


def cut(name: str, share: float) -> Change:
    def change(folder: Path) -> None:
        file = folder / f"{name}.jsonl"
        if file.exists():
            os.truncate(file, int(file.stat().st_size * share))

    return change


def rewritten(name: str, order: list[int], *, anew: bool) -> Change:
    """The file's lines in another order, some left out, some twice: in place, or as an editor does it in a new file."""

    def change(folder: Path) -> None:
        file = folder / f"{name}.jsonl"
        if file.exists():
            lines = file.read_bytes().splitlines(keepends=True) or [b""]
            content = b"".join(lines[number % len(lines)] for number in order)
            target = file.with_name("new") if anew else file
            target.write_bytes(content)
            target.replace(file)

    return change


def removed(name: str) -> Change:
    return lambda folder: (folder / f"{name}.jsonl").unlink(missing_ok=True)


names = st.sampled_from(FILES)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(by_another, recorded, st.sampled_from([b"\n", b"\n", b"", b"\n{", b"\n\n"])),
    st.builds(by_the_store, recorded),
    st.builds(cut, names, st.floats(0, 1)),
    st.builds(rewritten, names, st.lists(st.integers(0, 5), max_size=6), anew=st.booleans()),
    st.builds(removed, names),
)


@given(st.lists(changes, max_size=8))
def test_whatever_happens_to_the_files_the_store_answers_as_they_do(happening: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for change in happening:
            before = {file: file.stat().st_mtime_ns for file in folder.glob("*.jsonl")}
            change(folder)
            for file, time in before.items():
                _tick(file, time)
            agree(folder)


# --- what must be noticed on opening


def store_of(folder: Path, *entries: Recording) -> Path:
    """A file of recordings that has been opened, so that its index is kept."""
    file = folder / "api.jsonl"
    file.write_bytes(b"".join(map(line, entries)))
    agree(folder)
    return file


def later(file: Path) -> None:
    os.utime(file, ns=(file.stat().st_mtime_ns + 10**7,) * 2)


THREE = [made(first, number) for number, first in enumerate(FIRSTS)]


def test_an_index_that_is_kept_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that could not be read again is still found: it was not."""
    file = store_of(tmp_path, *THREE)
    kept = file.stat()
    file.write_bytes(file.read_bytes().replace(b"workbench.recording/1", b"workbench.recording/9", 1))
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    with Recordings(tmp_path) as store:
        assert len(store) == 3
    later(file)
    with pytest.raises(RecordingError, match="recording/9"):
        Recordings(tmp_path)


def test_an_edit_in_place_that_keeps_the_length_is_noticed_by_its_time(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE[:2])
    file.write_bytes(b"".join(reversed(file.read_bytes().splitlines(keepends=True))))
    later(file)
    agree(tmp_path)


def test_another_file_of_the_same_length_and_time_is_noticed(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE[:2])
    other = tmp_path / "other"
    other.write_bytes(b"".join(reversed(file.read_bytes().splitlines(keepends=True))))
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    agree(tmp_path)


def test_a_file_rewritten_and_longer_is_no_file_that_grew(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE)
    file.write_bytes(b"".join(map(line, [*reversed(THREE), made(FIRSTS[0], 7)])))
    agree(tmp_path)


def test_a_file_whose_first_line_was_edited_is_read_again_though_it_grew(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE)
    file.write_bytes(b"".join(map(line, [made(FIRSTS[1], 0), *THREE[1:], made(FIRSTS[2], 7)])))
    agree(tmp_path)


def test_a_line_end_that_was_cut_off_is_noticed(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE)
    os.truncate(file, file.stat().st_size - 1)
    agree(tmp_path)
    with file.open("ab") as more:
        more.write(line(THREE[0]))
    with pytest.raises(RecordingError, match=r"api\.jsonl:3"):
        Recordings(tmp_path)


def test_a_file_that_grew_is_read_from_where_it_ended(tmp_path: Path) -> None:
    """A line in the middle that could not be read again is not read again; a bad one that was added is named by its number."""
    file = store_of(tmp_path, *THREE)
    raw = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(raw[0] + b"{" + raw[1][1:-1].replace(b'"', b"'") + b"\n" + raw[2] + line(made(FIRSTS[0], 5)))
    with Recordings(tmp_path) as store:
        found = store.find(FIRSTS[0])
        assert found is not None
        assert found.response == {"n": 5}
        with pytest.raises(RecordingError, match="changed while they were in use"):
            store.find(FIRSTS[1])
    with file.open("ab") as more:
        more.write(b"bad\n")
    with pytest.raises(RecordingError, match=r"api\.jsonl:2"):  # it was given up, so that all of it is read
        Recordings(tmp_path)


def test_a_line_that_answers_another_request_now_is_refused(tmp_path: Path) -> None:
    file = store_of(tmp_path, *THREE)
    with Recordings(tmp_path) as store:
        raw = file.read_bytes()
        file.write_bytes(raw.replace(FIRSTS[1].key.encode(), FIRSTS[2].key.encode()))
        with pytest.raises(RecordingError, match="changed while they were in use"):
            store.find(FIRSTS[1])


# --- what may befall the index


def the_index(folder: Path) -> Path:
    found = cache_file(folder)
    assert found.exists()
    return found


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_broken_index_is_made_again(tmp_path: Path, content: bytes) -> None:
    store_of(tmp_path, *THREE)
    place = the_index(tmp_path)
    for beside in place.parent.glob(f"{place.name}-*"):
        beside.unlink()
    place.write_bytes(content)
    agree(tmp_path)
    with Recordings(tmp_path) as store:
        assert store.notes == []


def test_an_index_of_another_layout_is_made_again(tmp_path: Path) -> None:
    store_of(tmp_path, *THREE)
    database = sqlite3.connect(the_index(tmp_path))
    database.executescript("DROP TABLE lines; CREATE TABLE lines (other); PRAGMA user_version = 99;")
    database.close()
    agree(tmp_path)


def test_where_no_index_can_be_kept_the_store_is_read_whole_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"no-folder": "", "api.jsonl": b"".join(map(line, THREE))})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-folder"))
    agree(tmp_path)
    with Recordings(tmp_path) as store:
        assert "XDG_CACHE_HOME" in store.notes[0]


def test_nothing_is_written_beside_the_recordings(tmp_path: Path) -> None:
    store_of(tmp_path, *THREE)
    assert [file.name for file in tmp_path.iterdir()] == ["api.jsonl"]


def test_a_small_store_leaves_nothing_in_the_cache_until_it_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(line(THREE[0]))
    monkeypatch.setattr(recordings, "SMALL", 2 * size)
    with Recordings(tmp_path) as store:
        store.append(THREE[0])
        assert not cache_file(tmp_path).exists()
        store.append(THREE[1])
        store.append(THREE[2])
        assert cache_file(tmp_path).exists()
        assert [store.find(one) is not None for one in FIRSTS] == [True] * 3
    agree(tmp_path)


# --- several processes

READ = """
import sys
from pathlib import Path
from workbench import recordings
recordings.SMALL = 0
counts = []
for _ in range(20):
    with recordings.Recordings(Path(sys.argv[1])) as store:
        counts.append(len(store))
assert counts == sorted(counts), counts
print(counts[-1] <= int(sys.argv[2]))
"""


def test_several_processes_read_while_one_writes(tmp_path: Path) -> None:
    """Each sees what was there when it looked, never less than before; and the writer finds all that it wrote."""
    many = [Request({"content": str(number)}, FACETS) for number in range(150)]
    with Recordings(tmp_path) as store:
        command = [sys.executable, "-c", READ, str(tmp_path), str(len(many))]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]  # noqa: S603 - ours
        for number, one in enumerate(many):
            store.append(made(one, number))
        assert [reader.communicate()[0].strip() for reader in readers] == ["True", "True"]
        assert all(store.find(one) == made(one, number) for number, one in enumerate(many))
    with Recordings(tmp_path) as store:
        assert len(store) == len(many)


def test_what_another_process_appends_is_found_or_not_but_nothing_else_is(tmp_path: Path) -> None:
    """An open store and one that is opened later share an index; the first goes on answering."""
    store_of(tmp_path, THREE[0])
    with Recordings(tmp_path) as first:
        with Recordings(tmp_path) as second:
            second.append(made(FIRSTS[0], 9))
            second.append(THREE[1])
        found = first.find(FIRSTS[0])
        assert found is not None
        assert found.response == {"n": 9}
        assert first.find(FIRSTS[2]) is None
        first.append(THREE[2])
        assert first.find(FIRSTS[2]) == THREE[2]
    agree(tmp_path)


def test_an_index_that_another_process_made_anew_is_written_to_rightly(tmp_path: Path) -> None:
    """Its numbers for files and kinds may be others than before."""
    with Recordings(tmp_path) as first:
        first.append(THREE[0])
        later(tmp_path / "api.jsonl")
        (tmp_path / "a.jsonl").write_bytes(line(made(FIRSTS[1], 5, "synthetic")))
        agree(tmp_path)
        first.append(THREE[2])
        assert first.origins() == {"api": 2, "synthetic": 1}
    agree(tmp_path)
