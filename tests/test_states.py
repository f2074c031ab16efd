"""Each way in which an endpoint can misbehave: the state that results, and what the user reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from loopback import (
    Loopback,
    content_filter,
    dropped,
    dropped_midway,
    empty_body,
    length,
    not_json,
    ok,
    quota_exhausted,
    rate_limited,
    refusal,
    slow,
    stalled,
    status,
    truncated_json,
    unauthorized,
    wrong_shape,
)
from small_project import ANSWERS, Command, lines

GOOD = json.dumps(ANSWERS["bakery"], ensure_ascii=False)
NOW = {"retry-after": "0"}


@pytest.fixture
def extraction(project: Path, server: Loopback, workbench: Command) -> Any:
    """Run the one article against what the server was told; gives its extraction and the ledger."""

    def run(*script: Any, settings: str = "") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(settings)
        server.script(*script)
        result = workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--json")
        folder = Path(result.json["run"])
        (line,) = lines(folder / "extractions.jsonl")
        return {**line, "exit": result.code, "err": result.err}, lines(folder / "attempts.jsonl")

    return run


def outcomes(attempts: list[dict[str, Any]]) -> list[tuple[int | None, str]]:
    return [(attempt["status"], attempt["outcome"]) for attempt in attempts]


def test_a_good_answer_is_ok_and_stands_in_the_ledger_with_its_tokens(extraction: Any) -> None:
    line, attempts = extraction(ok(GOOD))
    assert (line["state"], line["record"], line["exit"]) == ("ok", ANSWERS["bakery"], 0)
    assert line["tokens"]["prompt"] == attempts[0]["usage"]["prompt"] > 0


def test_a_429_is_waited_out_as_long_as_the_endpoint_says(extraction: Any) -> None:
    line, attempts = extraction(rate_limited(0), ok(GOOD))
    assert line["state"] == "ok"
    assert outcomes(attempts) == [(429, "repeated"), (200, "answered")]


def test_a_500_is_sent_again(extraction: Any) -> None:
    line, attempts = extraction(status(500, headers=NOW), status(503, headers=NOW), ok(GOOD))
    assert line["state"] == "ok"
    assert outcomes(attempts) == [(500, "repeated"), (503, "repeated"), (200, "answered")]


def test_an_endpoint_that_stays_down_fails_after_the_retries(extraction: Any) -> None:
    line, attempts = extraction(*[status(500, headers=NOW)] * 3)
    assert (line["state"], line["exit"]) == ("failed", 3)
    assert "answered 500" in line["reason"]
    assert outcomes(attempts) == [(500, "repeated"), (500, "repeated"), (500, "failed")]


@pytest.mark.parametrize("answer", [dropped(), dropped(reset=True), dropped_midway(GOOD)])
def test_a_lost_connection_is_tried_again(extraction: Any, answer: Any) -> None:
    line, attempts = extraction(answer, ok(GOOD))
    assert line["state"] == "ok"
    assert outcomes(attempts) == [(None, "repeated"), (200, "answered")]
    assert "the connection failed" in attempts[0]["error"]


def test_a_silent_endpoint_times_out_and_is_tried_again(extraction: Any) -> None:
    line, attempts = extraction(stalled(), ok(GOOD), settings="timeout = 1\n")
    assert line["state"] == "ok"
    assert attempts[0]["error"] == "no answer came in 1 s"


def test_a_body_that_trickles_longer_than_the_timeout_times_out(extraction: Any) -> None:
    trickle = slow(ok(GOOD), 0.0, pieces=400, gap=0.05)
    line, attempts = extraction(trickle, trickle, trickle, settings="timeout = 0.4\n")
    assert line["state"] == "failed"
    assert "a slow model needs a longer `timeout` under [tool.workbench]" in line["reason"]
    assert len(attempts) == 3


def test_a_slow_answer_within_the_timeout_is_ok(extraction: Any) -> None:
    assert extraction(slow(ok(GOOD), 0.05))[0]["state"] == "ok"


@pytest.mark.parametrize("answer", [empty_body(), not_json(), truncated_json(GOOD)])
def test_a_200_that_is_no_json_fails_and_is_not_paid_for_again(extraction: Any, answer: Any) -> None:
    line, attempts = extraction(answer)
    assert line["state"] == "failed"
    assert "no JSON" in line["reason"]
    assert "usually ends in /v1" in line["reason"]
    assert outcomes(attempts) == [(200, "failed")]


def test_a_200_that_is_no_completion_fails_in_words(extraction: Any) -> None:
    line, _ = extraction(wrong_shape())
    assert line["state"] == "failed"
    assert "no chat completion" in line["reason"]


def test_an_answer_cut_at_the_token_limit_is_truncated_and_not_asked_again(extraction: Any) -> None:
    line, attempts = extraction(length(GOOD))
    assert (line["state"], line["record"], len(attempts)) == ("truncated", None, 1)
    assert "token limit" in line["reason"]


def test_a_refusal_is_a_state_with_the_models_words_and_not_asked_again(extraction: Any) -> None:
    line, attempts = extraction(refusal("그 요청은 도울 수 없습니다"))
    assert (line["state"], len(attempts)) == ("refused", 1)
    assert "그 요청은 도울 수 없습니다" in line["reason"]


def test_a_filtered_answer_is_a_state(extraction: Any) -> None:
    line, attempts = extraction(content_filter())
    assert (line["state"], len(attempts)) == ("filtered", 1)


@pytest.mark.parametrize("first", ['{"street": ', '{"street": 3, "shops": []}', '{"shops": []}', "", "거리는 동문로다"])
def test_an_invalid_answer_is_asked_again_with_the_reason(extraction: Any, server: Loopback, first: str) -> None:
    line, attempts = extraction(ok(first), ok(GOOD))
    assert (line["state"], len(line["exchanges"]), len(attempts)) == ("ok", 2, 2)
    again = server.requests[-1].json
    assert len(again["messages"]) > 2
    assert again["response_format"]["json_schema"]["strict"] is True


def test_an_answer_that_never_validates_is_invalid_after_the_reasks(extraction: Any) -> None:
    line, attempts = extraction(*[ok('{"street": 3}')] * 3)
    assert (line["state"], line["exit"], len(attempts)) == ("invalid", 5, 3)
    assert line["reason"].startswith("street: ")


def test_a_refusal_on_the_second_asking_is_a_refusal(extraction: Any) -> None:
    line, attempts = extraction(ok("{}"), refusal("싫습니다"))
    assert (line["state"], len(attempts)) == ("refused", 2)


def test_a_failure_on_the_second_asking_is_a_failure(extraction: Any) -> None:
    line, _ = extraction(ok("{}"), status(400))
    assert line["state"] == "failed"
    assert "answered 400" in line["reason"]


def test_a_bad_request_is_not_repeated(extraction: Any) -> None:
    line, attempts = extraction(status(400))
    assert line["state"] == "failed"
    assert outcomes(attempts) == [(400, "failed")]


def test_a_wrong_key_stops_the_run_at_once_and_is_never_shown(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1234567890")
    server.script(unauthorized())
    result = workbench("run", "--base-url", server.base_url, "--concurrency", "1")
    assert result.code == 3
    assert len(server.requests) == 1
    assert "check OPENAI_API_KEY" in result.out + result.err
    assert "sk-secret" not in result.out + result.err
    written = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    assert b"sk-secret" not in written


def test_an_empty_account_stops_the_run_and_is_not_retried(project: Path, server: Loopback, workbench: Command) -> None:
    server.script(quota_exhausted())
    result = workbench("run", "--base-url", server.base_url, "--concurrency", "1", "--json")
    assert (result.code, result.json["states"], len(server.requests)) == (3, {"failed": 2}, 1)


def test_a_redirect_is_not_followed(extraction: Any) -> None:
    line, attempts = extraction(status(302, headers={"location": "/v1/models"}))
    assert line["state"] == "failed"
    assert outcomes(attempts) == [(302, "failed")]


def test_an_endpoint_that_is_not_there_fails_in_words(project: Path, workbench: Command) -> None:
    with Loopback() as gone:
        address = gone.base_url
    (project / "pyproject.toml").write_text(
        '[tool.workbench]\ntask = "street"\narticles = "articles"\nmodel = "small"\nretries = 0\n', encoding="utf-8"
    )
    result = workbench("run", "--base-url", address, "--json")
    assert (result.code, result.json["states"]) == (3, {"failed": 2})


def test_a_disk_that_takes_no_more_ends_the_run_with_an_error_in_words(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error inside one of the workers leaves as itself, not as a group with a traceback."""
    from workbench.errors import InputError
    from workbench.recordings import Recordings

    def full(*_: object) -> None:
        raise InputError("this file cannot be written: No space left on device", where="recordings")

    monkeypatch.setattr(Recordings, "append", full)
    result = workbench("run", "--base-url", server.base_url)
    assert (result.code, "No space left on device" in result.err, "Traceback" in result.err) == (2, True, False)


def test_what_an_extraction_counts_is_what_the_ledger_billed_even_if_a_re_ask_failed(extraction: Any) -> None:
    line, attempts = extraction(ok('{"street": 3}'), ok('{"street": 4}'), status(400))
    billed = sum(attempt["usage"]["completion"] for attempt in attempts if attempt["outcome"] == "answered")
    assert (line["state"], len(line["exchanges"]), line["tokens"]["completion"]) == ("failed", 2, billed)


def test_a_number_that_json_does_not_have_fails_in_words(extraction: Any) -> None:
    line, _ = extraction(raw_body('{"choices": [{"message": {"content": "{}"}}], "usage": {"prompt_tokens": NaN}}'))
    assert line["state"] == "failed"


def test_an_endpoint_that_asks_to_wait_for_a_week_has_failed_for_now(extraction: Any) -> None:
    line, attempts = extraction(rate_limited(7 * 86_400))
    assert (line["state"], len(attempts)) == ("failed", 1)


def raw_body(text: str) -> Any:
    return status(200, text.encode(), headers={"content-type": "application/json"})
