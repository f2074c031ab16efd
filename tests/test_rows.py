"""The lines of a batch's files, and the log of its parts."""

import json
from pathlib import Path
from typing import Any

import pytest
from batching_server import GOOD
from helpers import json_objects, json_values
from hypothesis import given
from hypothesis import strategies as st
from loopback import Received, ok
from small_project import ROOT, Command

from workbench.batch import BatchLog, Collected, Written, part_file, read_batches
from workbench.errors import RunError
from workbench.gatherer import Gatherer
from workbench.requests import Facets, Request
from workbench.rows import Outcome, Rows, UnreadableRow, is_passing, read_answer, unanswered

KEY = "sha256:ab"
FACETS = Facets("p", "s", "a", "m", "t")


def answer(**fields: Any) -> bytes:
    return (json.dumps({"id": "batch_req_1", "custom_id": KEY, "error": None} | fields) + "\n").encode()


def completion() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(ok(GOOD, model="m").message(Received("POST", "", {}, b"", {}, 0)).body)
    return body


def test_an_answered_row_gives_its_completion() -> None:
    body = completion()
    assert read_answer(answer(response={"status_code": 200, "body": body})) == (KEY, Outcome(200, body))


@pytest.mark.parametrize(
    ("fields", "status", "words", "passing"),
    [
        (
            {"response": {"status_code": 429, "body": {"error": {"message": "Slow down."}}}},
            429,
            "429: Slow down.",
            True,
        ),
        ({"response": {"status_code": 503, "body": "down"}}, 503, "with 503", True),
        (
            {"response": {"status_code": 400, "body": {"error": {"message": "Bad schema."}}}},
            400,
            "400: Bad schema.",
            False,
        ),
        ({"error": {"code": "batch_expired", "message": "Too late."}}, None, "batch_expired: Too late.", True),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, 200, "no chat completion", True),
        ({"response": {"status_code": 200, "body": None}}, 200, "no chat completion", True),
    ],
)
def test_a_row_that_failed_says_why_and_whether_another_time_may_help(
    fields: dict[str, Any], status: int | None, words: str, passing: bool
) -> None:
    _, outcome = read_answer(answer(**fields))
    assert outcome.body is None
    assert outcome.status == status
    assert words in (outcome.error or "")
    assert is_passing(outcome.status) is passing


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<html>\n", "no JSON object"),
        (answer()[:-9], "cut off"),
        (b"[1]\n", "no JSON object"),
        (b'{"custom_id": 7}\n', "no custom_id"),
        (answer(response={"body": {}}), "neither a response with a status_code nor an error"),
        (answer(response=None), "neither a response with a status_code nor an error"),
    ],
)
def test_a_line_that_says_nothing_of_a_row_is_unreadable_and_says_why(raw: bytes, words: str) -> None:
    with pytest.raises(UnreadableRow, match=words):
        read_answer(raw)


@given(st.binary(max_size=60) | json_objects.map(lambda value: json.dumps(value).encode()))
def test_no_line_is_read_into_anything_but_a_row_or_a_refusal(raw: bytes) -> None:
    with pytest.raises(UnreadableRow):
        read_answer(raw)


@given(json_values, json_values, json_values)
def test_whatever_stands_in_an_answer_it_is_an_outcome_or_a_refusal(status: Any, body: Any, error: Any) -> None:
    try:
        key, outcome = read_answer(answer(response={"status_code": status, "body": body}, error=error))
    except UnreadableRow:
        return
    assert key == KEY
    assert (outcome.body is None) is (outcome.error is not None)


def test_half_a_character_is_no_answer_that_can_be_stored() -> None:
    body = completion()
    body["choices"][0]["message"]["content"] = "\ud800"
    _, outcome = read_answer(answer(response={"status_code": 200, "body": body}))
    assert outcome.body is None
    assert outcome.assumed


@pytest.mark.parametrize(
    ("status", "assumed"),
    [("expired", False), ("cancelled", False), ("failed", False), ("completed", True), ("lost", True)],
)
def test_only_a_row_that_was_lost_may_have_cost_something(status: str, assumed: bool) -> None:
    outcome = unanswered(status, "why")
    assert outcome.error
    assert outcome.assumed is assumed


def request(number: int) -> Request:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": f"기사 {number}"}]}
    return Request({**body, "max_completion_tokens": 10}, FACETS)


def test_rows_are_found_by_key_with_the_body_that_was_sent(tmp_path: Path) -> None:
    requests = [request(number) for number in range(5)]
    with BatchLog(tmp_path) as log:
        gatherer = Gatherer(log, "hand", None, keep_bodies=True, again=False)
        for one in requests:
            gatherer.add(one)
        gatherer.finish()
        with Rows(*(part_file(tmp_path, 1, kind) for kind in ("rows", "requests"))) as rows:
            assert [row.key for row in rows] == [one.key for one in requests]
            assert [rows.body(rows[one.key]) for one in reversed(requests)] == [one.body for one in reversed(requests)]
            assert "sha256:none" not in rows
        assert [part.written.requests for part in log.batches.open] == [5]


def test_what_was_gathered_and_not_finished_is_forgotten(tmp_path: Path) -> None:
    with BatchLog(tmp_path) as log:
        gatherer = Gatherer(log, "api", "http://127.0.0.1/v1", keep_bodies=False, again=False)
        gatherer.add(request(1))
        gatherer.abandon()
    for left in ("0001.rows.jsonl.part", "0001.rows.jsonl"):  # as a kill leaves them
        (tmp_path / "batch" / left).touch()
    with BatchLog(tmp_path) as log:
        assert not log.batches.parts
        assert not list((tmp_path / "batch").iterdir())


def test_a_log_of_another_version_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "batches.jsonl").write_text('{"format": "workbench.batch/0", "event": "walked"}\n', encoding="utf-8")
    with pytest.raises(RunError, match=r"format") as refused:
        read_batches(tmp_path)
    assert refused.value.where.endswith("batches.jsonl:1")
    assert "workbench.batch/1" in refused.value.expected


def test_a_step_of_a_part_that_was_never_written_is_refused(tmp_path: Path) -> None:
    with BatchLog(tmp_path) as log, pytest.raises(KeyError):
        log.note(Collected(part=3, answered=0, failed=0))
    with pytest.raises(RunError, match="there is no part 3"):
        read_batches(tmp_path)


def test_every_kind_of_line_stands_in_the_formats_schema(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "formats" / "batch.schema.json").read_text(encoding="utf-8"))
    kinds = {part["$ref"].rpartition("/")[2] for part in schema["anyOf"]}
    assert kinds == {
        "Written",
        "Sending",
        "Uploaded",
        "Submitted",
        "Ended",
        "Awaited",
        "Unread",
        "Collected",
        "Chosen",
        "Walked",
        "Cancelled",
    }
    written = Written(part=1, how="api", label="t", requests=1, bytes=1, keep_bodies=False)
    assert written.model_dump(mode="json").keys() == schema["$defs"]["Written"]["properties"].keys()
    assert written.format == "workbench.batch/1"


def test_doctor_says_what_waits(project: Path, workbench: Command) -> None:
    workbench("batch", "export")
    said = {check["check"]: check["says"] for check in workbench("doctor", "--json").json["checks"]}
    assert "2 requests of street-" in said["batches"]


def test_half_a_character_in_an_error_can_be_written_down() -> None:
    row = {"custom_id": "sha256:a", "response": None, "error": {"code": "x", "message": "\ud800"}}
    _, outcome = read_answer(json.dumps(row).encode() + b"\n")
    assert outcome.error is not None
    outcome.error.encode()
