"""Several stores become one: nothing is lost, and nothing that differs is settled unasked."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from helpers import write
from hypothesis import given
from hypothesis import strategies as st
from recorded import FIRSTS, line, made, plain, recorded
from small_project import Command

from workbench.errors import InputError, RecordingError
from workbench.lines import Appender
from workbench.merging import Merged, merge
from workbench.recordings import Recording, Recordings

A, B, C = FIRSTS
stores = st.lists(st.lists(recorded, min_size=1, max_size=4), min_size=2, max_size=3)


def stored(folder: Path, *recordings: Recording) -> Path:
    folder.mkdir(exist_ok=True)
    for one in recordings:
        with (folder / f"{one.origin}.jsonl").open("ab") as file:
            file.write(line(one))
    return folder


def answers(folder: Path) -> dict[str, Any]:
    return {key: one["response"] for key, one in plain(folder).items()}


def families(folder: Path) -> dict[str, dict[str, Any]]:
    """The lines that answer, by the first answer that they belong to."""
    found: dict[str, dict[str, Any]] = {}
    for key, one in plain(folder).items():
        found.setdefault(one["parent"] or key, {})[key] = one
    return found


def responses(family: dict[str, Any]) -> dict[str, Any]:
    return {key: one["response"] for key, one in family.items()}


def agreed(having: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The responses of the one that goes furthest, if the others hold nothing else."""
    fullest = max(map(responses, having), key=len)
    return fullest if all(responses(one).items() <= fullest.items() for one in having) else None


@given(stores, st.sampled_from([None, "newest", "first"]))
def test_what_is_merged_answers_as_one_of_the_stores_did(entries: list[list[Recording]], prefer: Any) -> None:
    """Each first answer with its re-asks comes whole from one store: of those that agree the fullest, else the one preferred."""
    with tempfile.TemporaryDirectory() as name:
        folders = [stored(Path(name, str(number)), *each) for number, each in enumerate(entries)]
        try:
            before = [families(folder) for folder in folders]
        except ValueError:
            return  # a store that cannot be read: tested elsewhere
        *sources, into = folders
        raw = [file.read_bytes() for source in sources for file in sorted(source.iterdir())]
        expected, refused = {}, False
        for family in {family for one in before for family in one}:
            having = [one[family] for one in before if family in one]
            latest = max(one["recorded"] for each in having for one in each.values())
            newest = [each for each in having if any(one["recorded"] == latest for one in each.values())]
            among = {None: having, "newest": newest, "first": having[:1]}[prefer]
            preferred = having if agreed(having) is not None else among
            refused = refused or agreed(preferred) is None
            # The store merged into comes first, should two go equally far in different ways.
            own_first = [*([before[-1][family]] if family in before[-1] else []), *having]
            start = agreed(preferred) or {}
            expected[family] = max((one for one in map(responses, own_first) if start.items() <= one.items()), key=len)
        if refused:
            untouched = [file.read_bytes() for file in sorted(into.iterdir())]
            with pytest.raises(RecordingError, match="differently"):
                merge(sources, into, prefer)
            assert [file.read_bytes() for file in sorted(into.iterdir())] == untouched
        else:
            said = merge(sources, into, prefer, dry_run=True)
            assert merge(sources, into, prefer) == said
            assert {family: responses(found) for family, found in families(into).items()} == expected
            with Recordings(into) as store:
                assert len(store) == sum(map(len, expected.values()))
            assert merge(sources, into, prefer, dry_run=True).added == 0
        assert [file.read_bytes() for source in sources for file in sorted(source.iterdir())] == raw


def test_a_store_is_taken_up_into_one_that_is_not_there_as_it_stands(tmp_path: Path) -> None:
    source = stored(tmp_path / "a", made(C), made(A), made(B, 0, "transcribed"))
    assert merge([source], tmp_path / "new" / "store") == Merged(added=3, replaced=0, known=0, lost=0, left=0)
    for file in source.iterdir():
        assert (tmp_path / "new" / "store" / file.name).read_bytes() == file.read_bytes()


def test_the_same_response_is_taken_once(tmp_path: Path) -> None:
    a, b = stored(tmp_path / "a", made(A), made(B)), stored(tmp_path / "b", made(A, 0, "transcribed", 9))
    assert merge([a, b], tmp_path / "c") == Merged(added=2, replaced=0, known=1, lost=0, left=0)


def test_what_a_source_has_replaced_is_left_there_and_said(tmp_path: Path) -> None:
    source = stored(tmp_path / "a", made(A, 1), made(A, 2))
    assert merge([source], tmp_path / "c").left == 1
    assert answers(tmp_path / "c") == {A.key: {"n": 2}}


def test_stores_that_differ_are_refused_with_both_places_and_the_way_out(tmp_path: Path) -> None:
    a, b = stored(tmp_path / "a", made(B), made(A, 1)), stored(tmp_path / "b", made(A, 2, "transcribed", 1))
    with pytest.raises(RecordingError, match="the stores answer a request differently") as caught:
        merge([a, b], tmp_path / "c")
    assert caught.value.where == f"{a / 'api.jsonl'}:2 and {b / 'transcribed.jsonl'}:1"
    assert "--prefer newest or --prefer first" in caught.value.way_out
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(("prefer", "taken"), [("newest", 2), ("first", 1)])
def test_which_of_two_is_taken_can_be_said(tmp_path: Path, prefer: Any, taken: int) -> None:
    a, b = stored(tmp_path / "a", made(A, 1)), stored(tmp_path / "b", made(A, 2, "transcribed", 1))
    assert merge([a, b], tmp_path / "c", prefer).lost == 1
    assert answers(tmp_path / "c") == {A.key: {"n": taken}}


def test_the_store_itself_is_named_last_and_gives_way_to_the_first(tmp_path: Path) -> None:
    """Though what it held is newer; the file as it was stays beside it."""
    a, into = stored(tmp_path / "a", made(A, 1)), stored(tmp_path / "c", made(A, 2, "transcribed", 9), made(B))
    before = (into / "transcribed.jsonl").read_bytes()
    assert merge([a], into, "first") == Merged(added=1, replaced=1, known=0, lost=0, left=0)
    assert answers(into) == {A.key: {"n": 1}, B.key: {"n": 0}}
    assert (into / "transcribed.jsonl.bak").read_bytes() == before


def test_a_merge_that_takes_no_line_away_does_not_mind_the_backup_of_the_one_before(tmp_path: Path) -> None:
    a, into = stored(tmp_path / "a", made(A, 1)), stored(tmp_path / "c", made(A, 2))
    merge([a], into, "first")
    before = {file.name: file.read_bytes() for file in into.glob("*.jsonl*")}
    assert "api.jsonl.bak" in before
    assert merge([a], into, "first") == Merged(added=0, replaced=0, known=1, lost=0, left=0)
    assert {file.name: file.read_bytes() for file in into.glob("*.jsonl*")} == before
    assert merge([stored(tmp_path / "b", made(B))], into).added == 1


def test_a_merge_that_would_need_a_second_backup_adds_nothing_and_says_what_to_do_with_the_first(
    tmp_path: Path,
) -> None:
    a, into = stored(tmp_path / "a", made(A, 1), made(B)), stored(tmp_path / "c", made(A, 2))
    (into / "api.jsonl.bak").write_bytes(b"")
    before = (into / "api.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"api\.jsonl\.bak: the backup of an earlier change is still there") as caught:
        merge([a], into, "first")
    assert "delete it, else move it back over the file" in caught.value.way_out
    assert (into / "api.jsonl").read_bytes() == before


def test_of_two_that_are_of_one_time_neither_is_the_newest(tmp_path: Path) -> None:
    a, b = stored(tmp_path / "a", made(A, 1)), stored(tmp_path / "b", made(A, 2, "transcribed"))
    with pytest.raises(RecordingError) as caught:
        merge([a, b], tmp_path / "c", "newest")
    assert "neither is the newer" in caught.value.way_out


def test_a_re_ask_comes_with_the_answer_that_it_was_put_to(tmp_path: Path) -> None:
    a = stored(tmp_path / "a", made(A, 1), made(A.reask(1), 5))
    b = stored(tmp_path / "b", made(A, 2, seconds=9))
    merge([a, b], tmp_path / "c", "newest")
    assert answers(tmp_path / "c") == {A.key: {"n": 2}}


def test_a_store_that_another_process_writes_is_not_merged_into(tmp_path: Path) -> None:
    a, into = stored(tmp_path / "a", made(A)), stored(tmp_path / "c", made(B))
    with Appender(into / "api.jsonl"), pytest.raises(InputError, match="another process is writing"):
        merge([a], into)
    assert answers(into) == {B.key: {"n": 0}}


def test_a_store_is_not_merged_into_itself_nor_nothing_into_a_store(tmp_path: Path) -> None:
    store = stored(tmp_path / "a", made(A))
    with pytest.raises(RecordingError, match="into itself"):
        merge([store], tmp_path / "b" / ".." / "a")
    with pytest.raises(RecordingError, match="no recordings here"):
        merge([tmp_path], store)


def test_a_line_without_its_line_end_gets_one(tmp_path: Path) -> None:
    write(tmp_path / "a", {"api.jsonl": line(made(A)).rstrip(b"\n")})
    write(tmp_path / "b", {"api.jsonl": line(made(B))})
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    assert answers(tmp_path / "c") == {A.key: {"n": 0}, B.key: {"n": 0}}


# --- the command


def test_merge_says_what_it_did(tmp_path: Path, workbench: Command) -> None:
    a, b = stored(tmp_path / "a", made(A, 1)), stored(tmp_path / "b", made(A, 2, seconds=1))
    refused = workbench("recordings", "merge", a, b, tmp_path / "c")
    assert (refused.code, "--prefer" in refused.err) == (2, True)
    assert "would add 1 lines" in workbench("recordings", "merge", a, tmp_path / "c", "--dry-run").out
    done = workbench("recordings", "merge", a, b, tmp_path / "c", "--prefer", "newest", "--json").json
    assert (done["added"], done["lost"]) == (1, 1)
    assert "1 were there already" in workbench("recordings", "merge", b, tmp_path / "c").out


def test_merge_needs_two_folders(tmp_path: Path, workbench: Command) -> None:
    assert workbench("recordings", "merge", stored(tmp_path / "a", made(A))).code == 2
