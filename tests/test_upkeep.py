"""Looking after a store: nothing is wrong unseen, and nothing goes that answers something."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import write
from hypothesis import given
from hypothesis import strategies as st
from recorded import FIRSTS, line, made, plain, recorded
from small_project import Command

from workbench.entries import Kind
from workbench.errors import InputError, RecordingError
from workbench.lines import Appender, backup
from workbench.merging import merge
from workbench.recordings import Recording, Recordings
from workbench.upkeep import Problem, by, contents, prune, verify

GOOD = line(made(FIRSTS[0]))
OTHER = line(made(FIRSTS[1]))


def problems(folder: Path) -> list[Problem]:
    return list(verify(folder))


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(GOOD) | fields).encode() + b"\n"


# --- verify


def test_a_store_in_order_has_no_problem(tmp_path: Path) -> None:
    again = made(FIRSTS[0].reask(1), 1)
    write(
        tmp_path, {"api.jsonl": GOOD + line(again) + GOOD, "transcribed.jsonl": line(made(FIRSTS[0], 0, "transcribed"))}
    )
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("bad", "what", "way_out"),
    [
        (b"{\n", "no JSON object", "mend the line or delete it"),
        (b"\n", "no JSON object", "mend"),
        (changed(response={"a": float("nan")}), "Out of range float", "mend"),
        (changed(origin="elsewhere"), "origin: Input should be", "mend"),
        (changed(format="workbench.recording/2"), "the format is 'workbench.recording/2'", "another version"),
        (changed(key="sha256:0"), "the key is not that of the request", "record it again"),
        (changed(sample=1), "the key is not that of the request", "record it again"),
        (changed(parent="sha256:0"), "has one of the two", "record it again"),
        (changed(parent="sha256:0", attempt=1), "the key is not that of its parent's re-ask", "record it again"),
    ],
)
def test_a_line_that_is_not_in_order_is_named_with_its_place(
    tmp_path: Path, bad: bytes, what: str, way_out: str
) -> None:
    write(tmp_path, {"api.jsonl": OTHER + bad + OTHER})
    (problem,) = problems(tmp_path)
    assert problem.where == f"{tmp_path / 'api.jsonl'}:2"
    assert what in problem.what
    assert way_out in problem.way_out


def test_every_fault_is_reported_and_those_on_end_together(tmp_path: Path) -> None:
    newer = changed(format="workbench.recording/2")
    write(tmp_path, {"api.jsonl": b"{\n" + newer * 3 + GOOD + newer, "transcribed.jsonl": b"[]\n"})
    wheres = [problem.where.removeprefix(f"{tmp_path}/") for problem in problems(tmp_path)]
    assert wheres == ["api.jsonl:1", "api.jsonl:2-4", "api.jsonl:6", "transcribed.jsonl:1"]


def test_a_torn_line_is_reported_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    differs = line(made(FIRSTS[0], 1, "transcribed"))
    write(tmp_path, {"api.jsonl": GOOD + GOOD[:20], "transcribed.jsonl": differs})
    torn, dispute = problems(tmp_path)
    assert (torn.where, torn.what) == (f"{tmp_path / 'api.jsonl'}:2", "the line is torn (20 bytes)")
    assert dispute.where == f"{tmp_path / 'api.jsonl'}:1 and {tmp_path / 'transcribed.jsonl'}:1"


def test_every_request_that_two_files_dispute_is_reported(tmp_path: Path) -> None:
    for origin, answer in (("api", 0), ("transcribed", 1)):
        lines = [line(made(first, answer, origin)) for first in FIRSTS]  # type: ignore[arg-type]
        write(tmp_path, {f"{origin}.jsonl": b"".join(lines)})
    assert len(problems(tmp_path)) == 3


def test_the_way_out_of_many_disputes_leads_to_a_store_that_is_in_order(tmp_path: Path) -> None:
    store, apart = tmp_path / "store", tmp_path / "apart"
    store.mkdir()
    apart.mkdir()
    for origin, answer in (("api", 0), ("transcribed", 1)):
        lines = [line(made(first, answer, origin)) for first in FIRSTS]  # type: ignore[arg-type]
        write(store, {f"{origin}.jsonl": b"".join(lines)})
    assert "move one file into a folder of its own and `workbench recordings merge` it, with --prefer" in (
        problems(store)[0].way_out
    )
    taken = (store / "transcribed.jsonl").rename(apart / "transcribed.jsonl").read_bytes()
    assert merge([apart], store, "first").added == 3
    assert problems(store) == []
    assert (store / "transcribed.jsonl").read_bytes() == taken


# --- contents


def test_what_is_in_a_store_is_counted_by_kind(tmp_path: Path) -> None:
    lines = [made(FIRSTS[0], 1), made(FIRSTS[0], 2, seconds=5), made(FIRSTS[1])]
    write(
        tmp_path,
        {"api.jsonl": b"".join(map(line, lines)), "transcribed.jsonl": line(made(FIRSTS[2], 0, "transcribed"))},
    )
    with Recordings(tmp_path) as store:
        found = by(lambda kind: kind.origin, contents(store))
        everything = by(lambda _: "all", contents(store))["all"]
    assert {name: (part.answers, part.replaced) for name, part in found.items()} == {
        "api": (2, 1),
        "transcribed": (1, 0),
    }
    assert everything.size == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert (everything.first, everything.last) == (lines[0].recorded, lines[1].recorded)


# --- prune


def stored(folder: Path, recordings: Sequence[Recording], tail: bytes = b"\n") -> None:
    """Each in the file of its origin, whose last line ends as given."""
    files = {
        one.origin: b"".join(line(other) for other in recordings if other.origin == one.origin) for one in recordings
    }
    write(folder, {f"{origin}.jsonl": raw.removesuffix(b"\n") + tail for origin, raw in files.items()})


@given(st.lists(recorded, max_size=10), st.sampled_from([b"\n", b"", b"\n{torn"]))
def test_a_pruned_store_answers_as_it_did_and_no_line_is_left_over(entries: list[Recording], tail: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stored(folder, entries, tail)
        try:
            before = plain(folder)
        except ValueError:
            with pytest.raises(RecordingError):
                prune(folder)
            return
        said = prune(folder, dry_run=True)
        done = prune(folder)
        assert (done.replaced, done.unused, done.files) == (said.replaced, said.unused, said.files)
        assert plain(folder) == before
        assert sum(len(file.read_bytes().splitlines()) for file in folder.glob("*.jsonl")) == len(before)
        assert said.replaced == len(entries) - len(before)
        assert [backup(file).exists() for file in said.files] == [True] * len(said.files)


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": GOOD + GOOD + b"{torn"})
    assert prune(tmp_path, dry_run=True).replaced == 1
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("api.jsonl", GOOD + GOOD + b"{torn")]


def test_the_old_file_stays_as_its_backup_and_is_not_written_over(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": GOOD + GOOD})
    prune(tmp_path)
    assert (tmp_path / "api.jsonl.bak").read_bytes() == GOOD + GOOD
    assert (tmp_path / "api.jsonl").read_bytes() == GOOD
    write(tmp_path, {"api.jsonl": GOOD + GOOD})
    with pytest.raises(InputError, match=r"api\.jsonl\.bak: the backup of an earlier change is still there"):
        prune(tmp_path)
    assert (tmp_path / "api.jsonl").read_bytes() == GOOD + GOOD
    assert (tmp_path / "api.jsonl.bak").read_bytes() == GOOD + GOOD


def test_where_nothing_is_to_go_a_backup_does_not_stand_in_the_way(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": GOOD + GOOD})
    prune(tmp_path)
    assert prune(tmp_path).replaced == 0


def test_a_file_that_loses_nothing_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": GOOD + GOOD, "transcribed.jsonl": OTHER})
    before = (tmp_path / "transcribed.jsonl").stat()
    prune(tmp_path)
    assert (tmp_path / "transcribed.jsonl").stat() == before


def test_a_store_that_another_process_writes_is_not_pruned(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": GOOD + GOOD})
    with Appender(tmp_path / "api.jsonl"), pytest.raises(InputError, match="another process is writing"):
        prune(tmp_path)
    assert (tmp_path / "api.jsonl").read_bytes() == GOOD + GOOD


def test_lines_of_an_unused_kind_go_when_that_is_asked(tmp_path: Path) -> None:
    def from_hand(kind: Kind) -> bool:
        return kind.origin == "transcribed"

    write(tmp_path, {"api.jsonl": GOOD, "transcribed.jsonl": line(made(FIRSTS[1], 0, "transcribed")) * 2})
    done = prune(tmp_path, from_hand)
    assert (done.replaced, done.unused, done.files) == (1, 1, (tmp_path / "transcribed.jsonl",))
    assert (tmp_path / "transcribed.jsonl").read_bytes() == b""


# --- the commands


@pytest.fixture
def store(project: Path) -> Path:
    write(project / "recordings", {"api.jsonl": GOOD + OTHER + GOOD})
    return project / "recordings"


def test_verify_exits_with_1_and_names_every_place(store: Path, workbench: Command) -> None:
    assert (workbench("recordings", "verify").code, workbench("recordings", "verify", "--json").json["ok"]) == (0, True)
    write(store, {"local-model.jsonl": b"\xff\n" + GOOD + b"{"})
    result = workbench("recordings", "verify")
    assert result.code == 1
    assert "local-model.jsonl:1: the line is no JSON object" in result.out
    assert "local-model.jsonl:3: the line is torn" in result.out
    found = workbench("recordings", "verify", store, "--json")
    assert (found.code, found.json["ok"], len(found.json["problems"])) == (1, False, 2)


def test_a_store_that_cannot_be_read_points_to_verify(store: Path, workbench: Command) -> None:
    write(store, {"api.jsonl": GOOD + b"{\n" + GOOD})
    result = workbench("recordings", "stats")
    assert result.code == 2
    assert "api.jsonl:2: the line is no JSON object" in result.err
    assert "workbench recordings verify" in result.err


def test_stats_counts_by_origin_model_and_prompt(store: Path, workbench: Command) -> None:
    found = workbench("recordings", "stats", "--json").json
    assert (found["answers"], found["replaced"], found["bytes"]) == (2, 1, len(GOOD + OTHER + GOOD))
    assert found["by"]["model"]["m"]["answers"] == 2
    shown = workbench("recordings", "stats").out
    assert "2 requests have an answer; 1 lines answer nothing any more" in shown


def test_prune_says_what_would_go_and_then_drops_it(store: Path, workbench: Command) -> None:
    assert "would drop 1 lines" in workbench("recordings", "prune", "--dry-run").out
    result = workbench("recordings", "prune", "--json").json
    assert (result["replaced"], result["unused"], result["files"]) == (1, 0, [str(store / "api.jsonl")])
    assert (store / "api.jsonl").read_bytes() == OTHER + GOOD


def test_prune_unused_keeps_what_a_prompt_of_the_project_asks_for(
    project: Path, store: Path, server: Any, workbench: Command
) -> None:
    workbench("run", "--base-url", server.base_url)
    result = workbench("recordings", "prune", "--unused", "--json").json
    assert (result["replaced"], result["unused"]) == (1, 2)
    assert workbench("run", "--replay", "--json").json["states"] == {"ok": 2}
    assert "street" in workbench("recordings", "stats").out


def test_prune_unused_drops_nothing_where_a_task_cannot_be_read(project: Path, store: Path, workbench: Command) -> None:
    """Else what it asks for would seem unused."""
    (project / "prompts" / "broken.md").write_text("no front matter", encoding="utf-8")
    assert workbench("recordings", "prune", "--unused").code == 2
    assert (store / "api.jsonl").read_bytes() == GOOD + OTHER + GOOD


def test_a_folder_without_recordings_is_refused(project: Path, workbench: Command) -> None:
    for command in ("verify", "stats", "prune"):
        result = workbench("recordings", command, project)
        assert (result.code, "there are no recordings here" in result.err) == (2, True)
