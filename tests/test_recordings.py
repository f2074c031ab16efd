"""Recordings: found by their request's key, appended to, and never trusted blindly."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from helpers import json_objects, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.errors import InputError, RecordingError, ReplayMiss
from workbench.lines import Appender
from workbench.recordings import FORMAT, Origin, Recording, Recordings, record
from workbench.requests import Facets, Request

ORIGINS: tuple[Origin, ...] = ("api", "local-model", "transcribed", "synthetic")
FACETS = Facets(prompt="sha256:p", schema="sha256:s", article="sha256:a", model="m", settings="sha256:t")


def request(content: str = "x", *, sample: int = 0, **facets: str) -> Request:
    return Request({"model": "m", "content": content}, Facets(**(vars(FACETS) | facets)), sample)


def recorded(one: Request, response: dict[str, Any], origin: Origin = "synthetic", seconds: int = 0) -> Recording:
    """A recording made at a time that the test chooses."""
    time = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return record(one, response, origin).model_copy(update={"recorded": time})


def stored(recording: Recording) -> str:
    return recording.model_dump_json() + "\n"


def append(folder: Path, *recordings: Recording) -> None:
    with Recordings(folder) as store:
        for recording in recordings:
            store.append(recording)


def response(store: Recordings, one: Request) -> object:
    found = store.find(one)
    return found and found.response


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), json_objects, st.sampled_from(ORIGINS)), max_size=6)
)
def test_the_last_answer_to_a_request_is_found_at_once_and_after_reopening(entries: list[Any]) -> None:
    last: dict[str, tuple[Request, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder, Recordings(Path(folder)) as store:
        for seconds, (content, sample, answer, origin) in enumerate(entries):
            one = request(content, sample=sample)
            store.append(recorded(one, answer, origin, seconds))
            last[one.key] = one, answer
        for opened in (store, Recordings(Path(folder))):
            assert len(opened) == len(last)
            for one, answer in last.values():
                assert response(opened, one) == answer


def test_a_recording_reads_back_as_it_was(tmp_path: Path) -> None:
    made = record(request("가"), {"choices": ["\u2028나"]}, "api", keep_body=True)
    append(tmp_path, made)
    assert Recordings(tmp_path).find(request("가")) == made


def test_the_requests_text_is_not_stored_unless_it_is_asked_for(tmp_path: Path) -> None:
    append(tmp_path, record(request("the article"), {}, "api"))
    content = (tmp_path / "api.jsonl").read_text(encoding="utf-8")
    assert "the article" not in content
    assert "body" not in json.loads(content)


def test_each_origin_has_a_file_of_its_own(tmp_path: Path) -> None:
    append(tmp_path, *(recorded(request(origin), {}, origin) for origin in ORIGINS))
    assert {file.stem for file in tmp_path.iterdir()} == set(ORIGINS)
    assert Recordings(tmp_path).origins() == dict.fromkeys(ORIGINS, 1)


def test_a_folder_that_is_not_there_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    store = Recordings(tmp_path / "none")
    assert len(store) == 0
    assert store.find(request()) is None
    assert not (tmp_path / "none").exists()


# --- keys


def test_samples_of_one_request_are_exchanges_of_their_own() -> None:
    assert request(sample=0).key != request(sample=1).key


def test_facets_are_no_part_of_the_key() -> None:
    assert request().key == request(prompt="sha256:other").key


def test_a_reasks_key_is_its_parents_and_its_number_whatever_it_says() -> None:
    """Its text quotes the validator, whose words change with its version."""
    first = request()
    assert first.reask(1, {"content": "one wording"}).key == first.reask(1).key
    assert len({first.key, first.reask(1).key, first.reask(2).key, request("y").reask(1).key}) == 4


def test_a_reask_is_found_without_its_text(tmp_path: Path) -> None:
    again = request().reask(1, {"content": "mend it"})
    append(tmp_path, record(request(), {"n": 0}, "api"), record(again, {"n": 1}, "api"))
    found = Recordings(tmp_path).find(request().reask(1))
    assert found is not None
    assert (found.response, found.parent, found.attempt) == ({"n": 1}, request().key, 1)


# --- misses


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"prompt": "sha256:new"}, "the prompt changed since this was recorded"),
        ({"schema": "sha256:new"}, "the schema changed"),
        ({"settings": "sha256:new"}, "the settings changed"),
        ({"model": "m2"}, "the model changed"),
        ({"prompt": "sha256:new", "model": "m2"}, "the prompt and the model changed"),
        ({"article": "sha256:new"}, "this article was never recorded"),
        ({}, "the same parts were recorded as sha256:"),
    ],
)
def test_a_miss_says_what_changed(tmp_path: Path, changed: dict[str, str], says: str) -> None:
    append(tmp_path, recorded(request("old"), {}))
    with pytest.raises(ReplayMiss, match=says):
        Recordings(tmp_path).replay(request("new", sample=0, **changed))


def test_a_miss_names_the_nearest_recording(tmp_path: Path) -> None:
    far, near = request("far", prompt="sha256:1", model="m1"), request("near", prompt="sha256:1")
    append(tmp_path, recorded(far, {}), recorded(near, {}))
    with pytest.raises(ReplayMiss, match=f"nearest: {near.key[:19]}"):
        Recordings(tmp_path).replay(request("new"))


def test_a_miss_in_an_empty_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReplayMiss, match="there are no recordings"):
        Recordings(tmp_path).replay(request())


def test_a_missing_reask_says_that_the_first_answer_is_there(tmp_path: Path) -> None:
    append(tmp_path, recorded(request(), {}))
    with pytest.raises(ReplayMiss, match="first answer was recorded, re-ask 2 was not"):
        Recordings(tmp_path).replay(request().reask(2))


# --- the same request twice


def test_in_one_file_the_later_line_replaces_the_earlier(tmp_path: Path) -> None:
    """Whatever the clock said: lines are in the order in which they were written."""
    append(tmp_path, recorded(request(), {"n": 1}, seconds=9), recorded(request(), {"n": 2}, seconds=0))
    assert response(Recordings(tmp_path), request()) == {"n": 2}


@pytest.mark.parametrize(("old", "new"), [("api", "transcribed"), ("transcribed", "api")])
def test_of_two_files_the_newer_answer_is_taken_and_said(tmp_path: Path, old: Origin, new: Origin) -> None:
    append(tmp_path, recorded(request(), {"n": 1}, old, 1), recorded(request(), {"n": 2}, new, 2))
    store = Recordings(tmp_path)
    assert response(store, request()) == {"n": 2}
    assert any("differently; the newer is taken" in note for note in store.notes)


def test_two_files_that_agree_are_no_matter(tmp_path: Path) -> None:
    append(tmp_path, recorded(request(), {"n": 1}, "api"), recorded(request(), {"n": 1}, "transcribed"))
    store = Recordings(tmp_path)
    assert (len(store), store.notes) == (1, [])


def test_two_files_that_disagree_with_neither_the_newer_are_refused(tmp_path: Path) -> None:
    append(tmp_path, recorded(request(), {"n": 1}, "api"), recorded(request(), {"n": 2}, "transcribed"))
    with pytest.raises(RecordingError, match="neither is the newer") as caught:
        Recordings(tmp_path)
    assert request().key in caught.value.way_out


# --- damage


def test_a_torn_last_line_is_passed_over_and_said_and_the_file_left_alone(tmp_path: Path) -> None:
    whole = stored(recorded(request("a"), {"n": 1}))
    write(tmp_path, {"synthetic.jsonl": whole + whole[:50]})
    store = Recordings(tmp_path)
    assert response(store, request("a")) == {"n": 1}
    assert store.notes == [f"{tmp_path / 'synthetic.jsonl'}: its last line is torn (50 bytes) and is passed over"]
    assert (tmp_path / "synthetic.jsonl").read_text(encoding="utf-8") == whole + whole[:50]


def test_a_writer_sets_the_torn_line_aside_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"synthetic.jsonl": stored(recorded(request("a"), {"n": 1})) + '{"torn'})
    with Recordings(tmp_path) as store:
        store.append(recorded(request("b"), {"n": 2}))
        assert any("set aside in synthetic.jsonl.torn" in note for note in store.notes)
    again = Recordings(tmp_path)
    assert [response(again, request(name)) for name in "ab"] == [{"n": 1}, {"n": 2}]
    assert again.notes == []


def test_a_last_line_without_its_line_end_counts(tmp_path: Path) -> None:
    """As an editor leaves it."""
    write(tmp_path, {"transcribed.jsonl": stored(recorded(request(), {"n": 1}, "transcribed")).rstrip("\n")})
    store = Recordings(tmp_path)
    assert (response(store, request()), store.notes) == ({"n": 1}, [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "workbench.recording/2"}, "the format is 'workbench.recording/2'"),
        ({"format": None}, "the format is None"),
        ({"origin": "elsewhere"}, "origin: Input should be"),
        ({"api": "responses"}, "api: Input should be"),
        ({"recorded": "yesterday"}, "recorded: Input should be a valid datetime"),
        ({"response": []}, "response: Input should be an object"),
        ({"response": {"a": "\ud800"}}, "surrogates not allowed"),
        ({"response": {"a": float("nan")}}, "Out of range float"),
        ({"facets": {}}, "facets"),
        ({"more": 1}, "more: Extra inputs"),
    ],
)
def test_a_line_that_is_no_recording_of_ours_is_refused_and_named(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    good = stored(recorded(request(), {}))
    bad = json.dumps(json.loads(good) | change) + "\n"
    write(tmp_path, {"synthetic.jsonl": good + bad + good})
    with pytest.raises(RecordingError, match=says) as caught:
        Recordings(tmp_path)
    assert caught.value.where.endswith("synthetic.jsonl:2")


def test_a_newer_format_says_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, {"api.jsonl": '{"format": "workbench.recording/2"}\n'})
    with pytest.raises(RecordingError, match="another version of the workbench"):
        Recordings(tmp_path)


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_corrupt_line_in_the_middle_is_refused_and_named(tmp_path: Path, bad: bytes) -> None:
    good = stored(recorded(request(), {})).encode()
    write(tmp_path, {"synthetic.jsonl": good + bad + b"\n" + good})
    with pytest.raises(RecordingError, match=r"synthetic\.jsonl:2: the line is no JSON object"):
        Recordings(tmp_path)


def test_a_folder_named_like_a_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "api.jsonl").mkdir()
    with pytest.raises(RecordingError, match="cannot be read"):
        Recordings(tmp_path)


def test_a_store_that_changes_underfoot_is_noticed(tmp_path: Path) -> None:
    append(tmp_path, recorded(request(), {}))
    store = Recordings(tmp_path)
    write(tmp_path, {"synthetic.jsonl": "changed\n"})
    with pytest.raises(RecordingError, match="changed while they were in use"):
        store.find(request())


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    with Appender(tmp_path / "api.jsonl"), Recordings(tmp_path) as store:
        with pytest.raises(InputError, match="another process is writing"):
            store.writer("api")
        store.append(recorded(request(), {}, "synthetic"))


def test_a_closed_store_lets_the_next_one_write(tmp_path: Path) -> None:
    append(tmp_path, recorded(request("a"), {}))
    append(tmp_path, recorded(request("b"), {}))
    assert len(Recordings(tmp_path)) == 2


def test_a_recording_cannot_be_changed() -> None:
    made = recorded(request(), {})
    with pytest.raises(ValidationError, match="frozen"):
        cast("Any", made).key = "sha256:other"


def test_a_recording_names_its_format() -> None:
    assert json.loads(stored(recorded(request(), {})))["format"] == FORMAT
