"""Where a project is, what it has set, and where a key may go."""

from pathlib import Path

import pytest
from helpers import write

from workbench.errors import SettingsError
from workbench.settings import (
    Endpoint,
    EndpointSettings,
    Settings,
    environment,
    find_project,
    resolve_endpoint,
)

KEY = {"OPENAI_API_KEY": "sk-person"}
URL = {"OPENAI_BASE_URL": "https://person.example/v1"}
PROJECTS = Settings(endpoint=EndpointSettings(base_url="https://project.example/v1", key_variable="WORKBENCH_MY_KEY"))
OPENAI = "https://api.openai.com/v1"


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
        ("[tool]\nworkbench = 3", "should be a valid dictionary"),
        ("[tool.workbench", "no valid TOML"),
        (b"[tool.workbench]\nmodel = '\xff'", "no valid TOML"),
    ],
)
def test_wrong_settings_are_refused_and_named(tmp_path: Path, content: str | bytes, says: str) -> None:
    write(tmp_path, {"pyproject.toml": content})
    with pytest.raises(SettingsError, match=says):
        find_project(tmp_path)


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


def test_with_neither_key_nor_endpoint_there_is_none() -> None:
    assert resolve_endpoint(Settings(), {}, {}) is None


def test_an_empty_key_is_none() -> None:
    assert resolve_endpoint(Settings(), {"OPENAI_API_KEY": ""}, {"OPENAI_BASE_URL": ""}) is None


@pytest.mark.parametrize(
    ("settings", "environ", "dotenv", "base_url", "expected"),
    [
        (Settings(), KEY, {}, None, Endpoint(OPENAI, "sk-person", "OPENAI_API_KEY")),
        (Settings(), {}, KEY, None, Endpoint(OPENAI, "sk-person", "OPENAI_API_KEY")),
        (Settings(), URL, {}, None, Endpoint(URL["OPENAI_BASE_URL"], None, "OPENAI_BASE_URL")),
        (Settings(), KEY | URL, {}, None, Endpoint(URL["OPENAI_BASE_URL"], "sk-person", "OPENAI_BASE_URL")),
        (Settings(), URL, KEY, None, Endpoint(URL["OPENAI_BASE_URL"], "sk-person", "OPENAI_BASE_URL")),
        (Settings(), {}, KEY | URL, None, Endpoint(URL["OPENAI_BASE_URL"], "sk-person", ".env")),
        (Settings(), KEY | URL, {}, "https://line/v1", Endpoint("https://line/v1", "sk-person", "--base-url")),
        (PROJECTS, KEY | URL, {}, None, Endpoint(URL["OPENAI_BASE_URL"], "sk-person", "OPENAI_BASE_URL")),
        (PROJECTS, KEY, URL, "https://line/v1", Endpoint("https://line/v1", "sk-person", "--base-url")),
    ],
)
def test_the_command_line_goes_before_the_environment_before_dotenv_before_the_project(
    settings: Settings, environ: dict[str, str], dotenv: dict[str, str], base_url: str | None, expected: Endpoint
) -> None:
    assert resolve_endpoint(settings, environ, dotenv, base_url=base_url) == expected


def test_the_environments_key_wins_over_dotenvs() -> None:
    endpoint = resolve_endpoint(Settings(), KEY, {"OPENAI_API_KEY": "sk-file"})
    assert endpoint is not None
    assert endpoint.key == "sk-person"


def test_a_dotenv_cannot_point_the_environments_key_elsewhere() -> None:
    with pytest.raises(SettingsError, match=r"from \.env but the key is from the environment"):
        resolve_endpoint(Settings(), KEY, {"OPENAI_BASE_URL": "https://evil.example/v1", "OPENAI_API_KEY": "sk-file"})


def test_a_projects_endpoint_gets_its_own_key_and_never_the_persons() -> None:
    endpoint = resolve_endpoint(PROJECTS, KEY | {"WORKBENCH_MY_KEY": "its-own"}, {})
    assert endpoint == Endpoint("https://project.example/v1", "its-own", "[tool.workbench.endpoint]")


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_KEY"])
def test_a_project_cannot_have_a_variable_sent_that_is_not_the_workbenchs(variable: str) -> None:
    settings = Settings(endpoint=EndpointSettings(base_url="https://evil.example/v1", key_variable=variable))
    with pytest.raises(SettingsError, match=f"may not send {variable}"):
        resolve_endpoint(settings, {variable: "secret"}, {})


def test_a_projects_endpoint_without_a_key_variable_gets_none() -> None:
    settings = Settings(endpoint=EndpointSettings(base_url="https://project.example/v1"))
    endpoint = resolve_endpoint(settings, KEY, KEY)
    assert endpoint is not None
    assert endpoint.key is None


def test_a_project_may_not_name_openais_key_as_its_own() -> None:
    settings = Settings(endpoint=EndpointSettings(base_url="https://evil.example/v1", key_variable="OPENAI_API_KEY"))
    with pytest.raises(SettingsError, match="may not send OPENAI_API_KEY"):
        resolve_endpoint(settings, KEY, {})


def test_a_missing_key_of_a_projects_endpoint_is_named() -> None:
    with pytest.raises(SettingsError, match="WORKBENCH_MY_KEY is not set"):
        resolve_endpoint(PROJECTS, KEY, {})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "127.0.0.1:8080"])
def test_plain_http_goes_to_this_machine(host: str) -> None:
    assert resolve_endpoint(Settings(), {}, {}, base_url=f"http://{host}/v1")


@pytest.mark.parametrize(
    "host", ["localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "evil.example#@127.0.0.1"]
)
def test_plain_http_goes_nowhere_else_unless_it_is_allowed(host: str) -> None:
    with pytest.raises(SettingsError, match="--allow-http"):
        resolve_endpoint(Settings(), {}, {}, base_url=f"http://{host}/v1")
    assert resolve_endpoint(Settings(), {}, {}, base_url=f"http://{host}/v1", allow_http=True)


@pytest.mark.parametrize(
    "address", ["ftp://host/v1", "host/v1", "https://", "http:///v1", "sk-oops", "file:///etc/passwd"]
)
def test_what_is_no_http_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="is no http address"):
        resolve_endpoint(Settings(), {}, {}, base_url=address)


@pytest.mark.parametrize("address", ["https://[::1", "https://host:99999/v1", "https://host:port/v1"])
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="malformed"):
        resolve_endpoint(Settings(), {}, {}, base_url=address)


@pytest.mark.parametrize(
    "address", ["https://user:pw-secret@host/v1", "http://127.0.0.1@evil.example/v1", "https://:pw-secret@h"]
)
def test_an_address_with_a_password_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(SettingsError, match="user name or password") as caught:
        resolve_endpoint(Settings(), {}, {}, base_url=address)
    assert "pw-secret" not in str(caught.value)


def test_a_key_shows_in_no_repr() -> None:
    endpoint = resolve_endpoint(Settings(), KEY, {})
    assert "sk-person" not in repr(endpoint)


def test_an_endpoints_host_is_the_machine() -> None:
    assert Endpoint("https://[::1]:80/v1", None, "").host == "::1"
