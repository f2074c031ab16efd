"""Models that the settings name, from the command line."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, Usage, error, ok, status
from small_project import ANSWERS, Command, lines


def settings(project: Path, *tables: str) -> None:
    """Add tables to the project's settings."""
    file = project / "pyproject.toml"
    file.write_text("\n".join([file.read_text(encoding="utf-8"), *tables]), encoding="utf-8")


def model(project: Path, server: Loopback, *differences: str, name: str = "near") -> None:
    """Name a model that is asked at the loopback server."""
    settings(project, f"[tool.workbench.models.{name}]", f'base_url = "{server.base_url}"', *differences)


def test_a_model_of_the_settings_is_asked_by_its_name_at_the_endpoint(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server, 'name = "vendor/near-7b"')
    result = workbench("run", "--model", "near", "--json")
    assert (result.code, result.json["states"]) == (0, {"ok": 2})
    assert {request.json["model"] for request in server.requests} == {"vendor/near-7b"}
    assert f"endpoint {server.base_url} (from [tool.workbench.models.near], without a key)" in result.err


def test_the_settings_model_may_be_one_of_its_models(project: Path, server: Loopback, workbench: Command) -> None:
    model(project, server, 'name = "vendor/small-1"', name="small")
    workbench("run")
    assert server.requests[0].json["model"] == "vendor/small-1"


def test_a_models_own_key_is_sent_and_the_persons_is_not(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-person")
    monkeypatch.setenv("WORKBENCH_NEAR_KEY", "its-own")
    model(project, server, 'key_variable = "WORKBENCH_NEAR_KEY"')
    workbench("run", "--model", "near")
    assert {request.key for request in server.requests} == {"its-own"}


def test_render_shows_the_request_in_the_form_that_the_models_endpoint_takes(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server, 'max_tokens_field = "max_tokens"', "strict = false")
    shown = workbench("render", "bakery", "--model", "near").json
    workbench("run", "articles/bakery.txt", "--model", "near")
    assert server.requests[0].json == shown
    assert (shown["max_tokens"], "strict" in shown["response_format"]["json_schema"]) == (500, False)


def test_a_miss_after_a_change_of_the_models_settings_says_that_the_settings_changed(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server)
    workbench("run", "articles/bakery.txt", "--model", "near")
    settings(project, 'max_tokens_field = "max_tokens"')
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--replay")
    assert (result.code, "the settings changed since this was recorded" in result.out) == (4, True)


def test_a_replay_needs_no_key_of_the_models(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(project, server, 'key_variable = "WORKBENCH_NEAR_KEY"')
    monkeypatch.setenv("WORKBENCH_NEAR_KEY", "its-own")
    workbench("run", "--model", "near")
    monkeypatch.delenv("WORKBENCH_NEAR_KEY")
    assert workbench("run", "--model", "near", "--replay").code == 0


def test_a_run_says_how_its_endpoint_differed(project: Path, server: Loopback, workbench: Command) -> None:
    model(project, server, 'max_tokens_field = "max_tokens"')
    folder = Path(workbench("run", "--model", "near", "--json").json["run"])
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert info["differences"] == {"max_tokens_field": "max_tokens"}


def test_a_run_is_paid_at_the_price_of_the_settings(project: Path, server: Loopback, workbench: Command) -> None:
    model(project, server, 'price = { input = 100, output = 1000, cached = 10, currency = "KRW" }')
    server.script(ok(ANSWERS["bakery"], usage=Usage(1000, 100, cached=400)))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    assert result.json["cost"] == {"amount": "0.164", "currency": "KRW"}
    assert lines(Path(result.json["run"]) / "attempts.jsonl")[0]["cost"] == {"amount": "0.164", "currency": "KRW"}


def test_what_was_recorded_before_leaves_the_currency_of_what_is_paid_now(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server, 'price = { input = 100, output = 1000, currency = "KRW" }')
    workbench("run", "articles/bookshop.txt", "--model", "near")
    result = workbench("run", "--model", "near", "--json", "--concurrency", "1")
    assert result.json["cost"] == {"amount": "0.42", "currency": "KRW"}


def test_a_dry_run_without_a_price_names_the_setting_that_gives_one(
    project: Path, server: Loopback, workbench: Command
) -> None:
    result = workbench("run", "--base-url", server.base_url, "--model", "vendor/x", "--dry-run")
    assert 'price = { input = …, output = … } in [tool.workbench.models."vendor/x"]' in result.out


def test_an_answer_without_a_count_of_tokens_stands_at_its_worst_case(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server, "price = { input = 1, output = 1 }")
    server.script(ok(ANSWERS["bakery"], usage=None))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    worst = len(server.requests[0].body) + 500
    assert result.json["states"] == {"ok": 1}
    assert Decimal(result.json["cost"]["amount"]) * 1_000_000 == worst
    assert result.json["assumed"] == {"attempts": 1, "amount": result.json["cost"]["amount"]}


def test_a_run_at_an_endpoint_that_counts_no_tokens_says_so_beforehand(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server, "usage = false")
    assert (
        "it reports no tokens (usage = false in [tool.workbench.models.near])"
        in workbench("run", "--model", "near").err
    )


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens"])
def test_an_article_is_too_long_where_its_answer_has_no_room_left_by_whatever_name(
    project: Path, server: Loopback, workbench: Command, field: str
) -> None:
    model(project, server, f'max_tokens_field = "{field}"', "context_tokens = 501")
    result = workbench("run", "--model", "near", "--json")
    assert (result.json["states"], server.requests) == ({"rejected": 2}, [])


TOO_LONG: dict[str, dict[str, Any]] = {
    "OpenAI": error("Your input exceeds the context window of this model.", code="context_length_exceeded"),
    "llama.cpp": {
        "error": {
            "code": 400,
            "message": "request (9 tokens) exceeds …",
            "type": "exceed_context_size_error",
            "n_ctx": 8,
        }
    },
    "vLLM": {
        "error": {"message": "You passed 9 tokens …", "type": "BadRequestError", "param": "input_tokens", "code": 400}
    },
    "vLLM, not counted": {"error": {"message": "You passed 99 characters …", "param": "input_text", "code": 400}},
    "older vLLM": {
        "object": "error",
        "message": "This model's maximum context length is 8 tokens. However, you requested 9 tokens …",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    },
    "vLLM's V1": error("The decoder prompt (length 9) is longer than the maximum model length of 8. Make sure …"),
    "SGLang": {
        "object": "error",
        "message": "The input (9 tokens) is longer than the model's context length (8 tokens).",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    },
}
"""How servers say that a request is longer than their model reads."""


@pytest.mark.parametrize("said", TOO_LONG.values(), ids=TOO_LONG)
def test_an_article_that_the_endpoint_finds_too_long_is_rejected_in_its_words_costs_nothing_and_is_not_asked_again(
    project: Path, server: Loopback, workbench: Command, said: dict[str, Any]
) -> None:
    model(project, server, "price = { input = 1, output = 1 }")
    server.script(status(400, said))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    assert (result.json["states"], result.json["cost"]["amount"]) == ({"rejected": 1}, "0")
    (extraction,) = lines(Path(result.json["run"]) / "extractions.jsonl")
    assert said.get("error", said)["message"] in extraction["reason"]
    assert "split the article" in extraction["reason"]
    assert extraction["error"] == "RequestTooLong"
    again = workbench("run", "articles/bakery.txt", "--model", "near", "--resume", result.json["run"], "--json")
    assert (again.json["states"], len(server.requests)) == ({"rejected": 1}, 1)


@pytest.mark.parametrize(
    "said",
    [
        error("max_tokens=500 cannot be greater than max_model_len=8.", param="max_tokens"),
        error("Unknown parameter: maximum context length", code="unknown_parameter"),
        {"error": {"message": 7, "code": ["context_length_exceeded"]}},
    ],
    ids=["an answer that is too long", "a word of it", "no text"],
)
def test_another_refusal_of_a_request_is_no_article_that_is_too_long(
    project: Path, server: Loopback, workbench: Command, said: dict[str, Any]
) -> None:
    model(project, server)
    server.script(status(400, said))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    assert result.json["states"] == {"failed": 1}


def test_a_reask_that_the_endpoint_finds_too_long_is_the_end_of_asking(
    project: Path, server: Loopback, workbench: Command
) -> None:
    model(project, server)
    server.script("[]", status(400, TOO_LONG["OpenAI"]))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    assert (result.json["states"], len(server.requests)) == ({"invalid": 1}, 2)


def test_a_reask_keeps_the_form_that_the_endpoint_takes(project: Path, server: Loopback, workbench: Command) -> None:
    model(project, server, 'max_tokens_field = "max_tokens"', "strict = false")
    server.script("[]", ok(ANSWERS["bakery"]))
    result = workbench("run", "articles/bakery.txt", "--model", "near", "--json")
    first, second = (request.json for request in server.requests)
    assert result.json["states"] == {"ok": 1}
    assert {name: value for name, value in first.items() if name != "messages"} == {
        name: value for name, value in second.items() if name != "messages"
    }
