"""What an endpoint takes, found out by asking: on imitations of endpoints that differ, from the command line."""

import asyncio
import json
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from helpers import json_objects
from hypothesis import given
from hypothesis import strategies as st
from imitations import Articles, Imitation, heedless, mode_of, narrow, refuser, schemaless, thinking, usual
from loopback import (
    CHAT,
    MODELS,
    Answer,
    Completion,
    Loopback,
    Plain,
    Received,
    Whole,
    error,
    length,
    rate_limited,
    status,
    unauthorized,
)
from small_project import ANSWERS, ARTICLES, Command

from workbench.articles import Article
from workbench.canonical import hash_text
from workbench.endpoints import Endpoint, Model
from workbench.errors import ProviderError
from workbench.probes import (
    MOST_REQUESTS,
    SCHEMA,
    Probed,
    context_of,
    entry_of,
    probe,
    settings_lines,
)
from workbench.requests import Request
from workbench.settings import Differences, Mode, ModelSettings, Price
from workbench.tasks import FrontMatter, Task, render

KNOWN: Articles = {text.strip(): ANSWERS[name] for name, text in ARTICLES.items()}
KINDS: dict[str, tuple[Callable[[Articles], Imitation], dict[str, Any]]] = {
    "usual": (usual, {}),
    "narrow": (narrow, {"strict": False, "max_tokens_field": "max_tokens", "usage": False}),
    "thinking": (thinking, {"temperature": False}),
    "heedless": (heedless, {"mode": "json", "max_tokens_field": "max_tokens"}),
    "schemaless": (schemaless, {"mode": "tools", "max_tokens_field": "max_tokens"}),
}


@pytest.fixture
def particular(project: Path) -> Path:
    """The small project, whose prompt sets all that endpoints may refuse, and can show the schema."""
    file = project / "prompts" / "street.md"
    text = file.read_text(encoding="utf-8").replace("max_tokens = 500", "max_tokens = 500\ntemperature = 0.0\nseed = 1")
    text = text.replace("# user\n", '# user\n{% if mode == "json" %}JSON: {{ schema }}\n{% endif %}')
    file.write_text(text, encoding="utf-8")
    return project


@contextmanager
def served(kind: str) -> Iterator[Loopback]:
    with Loopback(answer=KINDS[kind][0](KNOWN), models=("other", "near")) as server:
        yield server


def chats(server: Loopback) -> list[Any]:
    return [request.json for request in server.requests if request.path == CHAT]


@pytest.mark.parametrize("kind", KINDS)
def test_what_doctor_prints_makes_a_run_succeed_once_it_is_pasted(
    particular: Path, workbench: Command, kind: str
) -> None:
    with served(kind) as server:
        probed = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url, "--json")
        assert (probed.code, probed.json["ok"]) == (0, True), probed.out
        assert probed.json["probe"]["differences"] == KINDS[kind][1]
        before = workbench("run", "--model", "near", "--base-url", server.base_url, "--json")
        file = particular / "pyproject.toml"
        file.write_text(f"{file.read_text(encoding='utf-8')}\n{probed.json['probe']['settings']}", encoding="utf-8")
        after = workbench("run", "--model", "near", "--refresh", "--json")
    assert (after.code, after.json["states"]) == (0, {"ok": 2}), after.err
    assert ("ok" in before.json["states"]) == (kind == "usual")
    assert workbench("run", "--model", "near", "--replay").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_probing_asks_little(particular: Path, workbench: Command, kind: str) -> None:
    with served(kind) as server:
        workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
        sent = chats(server)
    assert len(sent) <= (4 if kind == "usual" else MOST_REQUESTS)
    assert max(len(json.dumps(body["messages"])) for body in sent) < 200


def test_no_article_is_sent(particular: Path, workbench: Command) -> None:
    with served("usual") as server:
        workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
        assert not any("빵집" in request.body.decode() for request in server.requests)


def test_doctor_says_beforehand_what_it_will_send_and_afterwards_what_it_took(
    particular: Path, workbench: Command
) -> None:
    with served("usual") as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    said = " ".join(result.err.split())
    assert f"probing near at {server.base_url} (from --base-url): at most {MOST_REQUESTS} requests" in said
    assert "there is no price for near at this endpoint; no article is sent" in said
    assert "4 requests, " in result.out


def test_without_probe_nothing_is_asked_that_costs(particular: Path, workbench: Command) -> None:
    with served("usual") as server:
        result = workbench("doctor", "--model", "near", "--base-url", server.base_url)
        assert chats(server) == []
    assert "; it has near; --probe asks what it takes" in " ".join(result.out.split())


def test_doctor_writes_no_settings(particular: Path, workbench: Command) -> None:
    before = {file: file.read_bytes() for file in particular.rglob("*") if file.is_file()}
    with served("narrow") as server:
        workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    assert {
        file: file.read_bytes() for file in particular.rglob("*") if file.is_file() and ".pyc" not in file.name
    } == {file: content for file, content in before.items() if ".pyc" not in file.name}


def test_the_endpoints_own_words_are_shown_where_it_refuses(particular: Path, workbench: Command) -> None:
    with served("thinking") as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    (line,) = (line for line in result.out.splitlines() if " temperature " in line)
    assert "the endpoint answered 400: Unsupported value: 'temperature' does not support 0.0" in line


def test_a_cap_that_is_taken_and_not_heeded_is_told_from_one_that_is(particular: Path, workbench: Command) -> None:
    with served("heedless") as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url, "--json")
    found = {each["about"]: each for each in result.json["probe"]["found"]}
    assert found["max_completion_tokens"]["works"] is False
    assert found["max_completion_tokens"]["says"] == "taken and not heeded: 100 tokens came where 16 were allowed"
    assert (found["max_tokens"]["works"], found["json_schema"]["works"], found["json"]["works"]) == (True, False, True)


def test_limits_that_the_endpoint_names_are_shown_and_offered_as_comments(particular: Path, workbench: Command) -> None:
    with served("usual") as server:
        probed = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url, "--json").json[
            "probe"
        ]
    assert probed["limits"]["x-ratelimit-limit-tokens"] == "200000"
    assert "# requests_per_minute = 500  # by x-ratelimit-limit-requests, unless that counts days" in probed["settings"]


def test_a_wrong_key_stops_the_probing_at_the_first_request_and_is_not_shown(
    particular: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-9876543210")
    with served("usual") as server:
        server.script(unauthorized())
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
        assert len(chats(server)) == 1
    assert (result.code, "401" in result.out, "sk-secret" in result.out + result.err) == (1, True, False)


def test_a_key_that_the_settings_need_gets_a_variable_of_its_own(
    particular: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-person")
    with served("usual") as server:
        result = workbench("doctor", "--probe", "--model", "vendor/Near-7b", "--base-url", server.base_url)
    line = """key_variable = "WORKBENCH_VENDOR_NEAR_7B_KEY"  # set it to this endpoint's key"""
    assert line in result.out.splitlines()
    assert "sk-person" not in result.out + result.err


def test_a_moments_429_is_waited_out(particular: Path, workbench: Command) -> None:
    with served("narrow") as server:
        server.script(rate_limited(0))
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url, "--json")
    assert result.json["probe"]["differences"] == KINDS["narrow"][1]


def test_an_endpoint_that_lists_no_models_can_be_probed(particular: Path, workbench: Command) -> None:
    with served("usual") as server:
        server.script(status(404), status(404), path=MODELS)
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    assert (result.code, "lists no models; it is probed all the same" in " ".join(result.out.split())) == (0, True)


def test_a_model_that_is_not_there_is_said_after_one_request(particular: Path, workbench: Command) -> None:
    with served("usual") as server:
        server.script(status(404, error("The model `near` does not exist", code="model_not_found")))
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
        assert len(chats(server)) == 1
    assert (result.code, "does not exist" in result.out) == (1, True)


def test_a_router_that_answers_404_to_one_parameter_refuses_that_parameter(
    particular: Path, workbench: Command
) -> None:
    def complaint(body: dict[str, Any]) -> Any:
        said = error("No endpoints found that support the provided 'tool_choice' value.")
        return status(404, said) if "tools" in body else None

    with Loopback(answer=Imitation(KNOWN, complaint)) as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url, "--json")
    found = {each["about"]: each["works"] for each in result.json["probe"]["found"]}
    assert (result.code, found["tools"], found["json_schema"]) == (0, False, True)


def test_an_endpoint_that_takes_no_schema_in_any_way_is_not_in_order(particular: Path, workbench: Command) -> None:
    with Loopback(answer=refuser(KNOWN)) as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
        assert len(chats(server)) <= MOST_REQUESTS
    assert (result.code, "no mode in which this model can be given a schema" in result.out) == (1, True)


def test_an_endpoint_that_refuses_everything_is_quoted(particular: Path, workbench: Command) -> None:
    with Loopback(answer=status(400, error("the model is asleep"))) as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    assert (result.code, "the plainest request was refused" in result.out, "asleep" in result.out) == (1, True, True)


def test_a_run_that_is_refused_names_the_command_that_finds_out_why(particular: Path, workbench: Command) -> None:
    with served("narrow") as server:
        result = workbench("run", "--model", "near", "--base-url", server.base_url)
    assert "`workbench doctor --probe` finds out what the endpoint takes" in " ".join(result.out.split())


def test_a_mode_that_needs_the_prompts_help_says_so(particular: Path, workbench: Command) -> None:
    with served("heedless") as server:
        result = workbench("doctor", "--probe", "--model", "near", "--base-url", server.base_url)
    assert 'mode = "json"  # the prompt has to show {{ schema }}' in result.out.splitlines()


def test_there_is_nothing_to_probe_without_an_endpoint(particular: Path, workbench: Command) -> None:
    result = workbench("doctor", "--probe")
    assert (result.code, "neither key nor endpoint to probe" in result.out) == (1, True)


def test_probing_again_with_the_table_in_place_finds_the_same_and_keeps_what_it_says(
    particular: Path, workbench: Command
) -> None:
    with served("narrow") as server:
        table = [
            "[tool.workbench.models.near]",
            'name = "vendor/near"',
            f'base_url = "{server.base_url}"',
            "requests_per_minute = 60",
            "context_tokens = 9000",
            'price = { input = 0.10, output = 0.40, currency = "KRW" }',
            "temperature = false",
        ]
        file = particular / "pyproject.toml"
        file.write_text("\n".join([file.read_text(encoding="utf-8"), *table]), encoding="utf-8")
        shown = workbench("doctor", "--probe", "--model", "near").out.split("pyproject.toml:\n\n")[1]
    differences = ["strict = false", 'max_tokens_field = "max_tokens"', "usage = false"]
    assert shown.splitlines() == [*table[:-1], *differences]


# --- without a network


def probed(
    endpoint: Callable[[Received], Answer], mode: Mode = "json_schema", effort: str | None = None
) -> tuple[Probed, list[Any]]:
    """What probing an imitation finds, and the bodies that it sent."""
    bodies: list[Any] = []

    async def send(request: Request) -> dict[str, Any]:
        bodies.append(request.body)
        received = Received("POST", CHAT, {}, request.text.encode(), json.loads(request.text), 0)
        answer = endpoint(received)
        assert isinstance(answer, Whole)
        if isinstance(answer, Plain):
            said = json.loads(answer.response.body)
            raise ProviderError(f"the endpoint answered: {said}", status=answer.response.status)
        assert isinstance(answer, Completion)
        body: dict[str, Any] = json.loads(answer.message(received).body)
        return body

    return asyncio.run(probe(send, "near", mode, effort)), bodies


def test_the_prompts_mode_is_kept_where_it_works() -> None:
    assert probed(usual({}), mode="tools")[0].differences.mode is None


def test_a_reasoning_effort_is_asked_about_only_where_the_prompt_sets_one() -> None:
    def complaint(body: dict[str, Any]) -> Any:
        return status(400, error("no reasoning here")) if "reasoning_effort" in body else None

    plain = Imitation({}, complaint)
    assert probed(plain)[0].differences.reasoning_effort
    found, bodies = probed(plain, effort="low")
    assert (found.differences.reasoning_effort, bodies[1]["reasoning_effort"]) == (False, "low")


def test_an_answer_that_was_cut_tells_nothing_and_changes_no_setting() -> None:
    """A model that thinks longer than probing pays for may heed a schema or not."""
    found, _ = probed(Imitation({}, thinks=10_000))
    assert found.differences == Differences()
    assert {each.works for each in found.probes if each.about in {"json_schema", "tools", "json"}} == {None}


def test_a_mode_that_may_work_is_not_given_up_for_one_that_does() -> None:
    def endpoint(received: Received) -> Answer:
        return length("") if mode_of(received.json) == "json_schema" else usual({})(received)

    assert probed(endpoint)[0].differences.mode is None


def test_a_cap_that_is_refused_for_being_small_is_not_taken_for_unknown() -> None:
    (cap, *_) = probed(thinking({}))[0].probes
    assert (cap.about, cap.works, "but not as few as 16" in cap.says) == ("max_completion_tokens", True, True)


@pytest.mark.parametrize("mode", ["json_schema", "tools", "json"])
def test_a_mode_is_probed_in_the_form_in_which_a_run_asks_for_it(mode: Mode) -> None:
    class Verdict(ModelSettings):
        pass

    front = FrontMatter.model_validate({"schema": "x.py:Verdict", "mode": mode})
    task = Task("x", front, "", Verdict, SCHEMA, (("user", "{{ article.text }}"),))
    as_run = render(task, Article("a", "x", hash_text("x"), "a.txt"), Model("near")).body
    form = {name: value for name, value in as_run.items() if name in {"response_format", "tools", "tool_choice"}}
    _, bodies = probed(usual({}))
    assert form in [{name: body[name] for name in form if name in body} for body in bodies]


def test_the_most_requests_are_the_most() -> None:
    """Every parameter is refused, every mode, and first of all every cap."""
    _, bodies = probed(refuser({}), effort="low")
    assert len(bodies) == MOST_REQUESTS


@given(
    name=st.text(min_size=1, max_size=20),
    alias=st.none() | st.text(min_size=1, max_size=20),
    differences=st.builds(
        Differences,
        mode=st.sampled_from([None, "tools", "json"]),
        strict=st.booleans(),
        max_tokens_field=st.sampled_from(["max_completion_tokens", "max_tokens"]),
        temperature=st.booleans(),
        seed=st.booleans(),
        reasoning_effort=st.booleans(),
        usage=st.booleans(),
    ),
    rate=st.none() | st.decimals(0, 1000, allow_nan=False),
    limit=st.none() | st.integers(1, 10**9),
    headers=st.dictionaries(st.sampled_from(["x-ratelimit-limit-requests", "x-ratelimit-limit-tokens"]), st.text()),
)
def test_the_lines_for_the_settings_read_back_as_what_they_say(
    name: str,
    alias: str | None,
    differences: Differences,
    rate: Decimal | None,
    limit: int | None,
    headers: dict[str, str],
) -> None:
    price = Price(input=rate, output=rate) if rate is not None else None
    model = Model(
        name, Endpoint("https://host/v1", None, "--base-url"), alias, limit, limit, limit, price, Differences()
    )
    text = "\n".join(settings_lines(model, differences, None, headers))
    tables = tomllib.loads(text, parse_float=Decimal)["tool"]["workbench"]["models"]
    read = ModelSettings.model_validate(tables[alias or name])
    assert (read.name or alias or name, read.base_url, read.differences) == (name, "https://host/v1", differences)
    assert (read.price, read.requests_per_minute, read.tokens_per_minute, read.context_tokens) == (
        price,
        limit,
        limit,
        limit,
    )


@given(json_objects)
def test_what_a_list_of_models_says_of_a_context_is_a_number_or_nothing(entry: dict[str, Any]) -> None:
    assert context_of(entry) is None


@pytest.mark.parametrize(
    ("entry", "tokens"),
    [
        ({"max_model_len": 32768}, 32768),
        ({"context_length": 8192}, 8192),
        ({"context_window": 131072, "max_completion_tokens": 1}, 131072),
        ({"max_context_length": 40}, 40),
        ({"meta": {"n_ctx": 2048}}, 2048),
        ({"meta": [2048]}, None),
        ({"context_length": None}, None),
        ({"context_length": "8192"}, None),
        ({"context_length": True}, None),
        ({"context_length": -1, "max_model_len": 5}, 5),
    ],
)
def test_a_context_is_found_by_the_names_that_servers_give_it(entry: dict[str, Any], tokens: int | None) -> None:
    assert context_of(entry_of([{"id": "other", "max_model_len": 1}, {"id": "near", **entry}], "near")) == tokens
