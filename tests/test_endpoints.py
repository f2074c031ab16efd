"""Which model is asked, and where a key may go."""

from decimal import Decimal

import pytest

from workbench.endpoints import Endpoint, Model, resolve_endpoint, resolve_model
from workbench.errors import SettingsError
from workbench.settings import Differences, EndpointSettings, ModelSettings, Price, Settings

KEY = {"OPENAI_API_KEY": "sk-person"}
URL = {"OPENAI_BASE_URL": "https://person.example/v1"}
PROJECTS = Settings(endpoint=EndpointSettings(base_url="https://project.example/v1", key_variable="WORKBENCH_MY_KEY"))
OPENAI = "https://api.openai.com/v1"


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
    "host", ["localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "evil.example/@127.0.0.1"]
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


@pytest.mark.parametrize(
    "address", ["https://host/v1?key=sk-secret", "https://host/v1#sk-secret", "sk-secret?", "https://host/v1?"]
)
def test_an_address_with_a_query_string_or_a_fragment_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(SettingsError, match="query string or a fragment") as caught:
        resolve_endpoint(Settings(), {}, {}, base_url=address)
    assert "sk-secret" not in str(caught.value)


def test_a_key_shows_in_no_repr() -> None:
    endpoint = resolve_endpoint(Settings(), KEY, {})
    assert "sk-person" not in repr(endpoint)


def test_an_endpoints_host_is_the_machine() -> None:
    assert Endpoint("https://[::1]:80/v1", None, "").host == "::1"


# --- models of the settings

MODELS = Settings(
    model="small",
    context_tokens=100,
    endpoint=EndpointSettings(base_url="https://project.example/v1"),
    models={
        "small": ModelSettings(
            name="vendor/small-1",
            base_url="https://small.example/v1",
            key_variable="WORKBENCH_SMALL_KEY",
            requests_per_minute=60,
            tokens_per_minute=9000,
            context_tokens=8192,
            price=Price(input=Decimal(1), output=Decimal(2)),
            strict=False,
            temperature=False,
        ),
        "plain": ModelSettings(),
    },
)


def test_a_model_that_the_settings_name_is_as_its_table_says() -> None:
    assert resolve_model(MODELS, "small") == Model(
        name="vendor/small-1",
        alias="small",
        requests_per_minute=60,
        tokens_per_minute=9000,
        context_tokens=8192,
        price=Price(input=Decimal(1), output=Decimal(2)),
        differences=Differences(strict=False, temperature=False),
    )


def test_the_settings_model_is_taken_where_none_is_named() -> None:
    assert resolve_model(MODELS, None) == resolve_model(MODELS, "small")


@pytest.mark.parametrize("name", ["plain", "gpt-x"])
def test_what_a_table_leaves_out_and_a_model_without_one_are_as_usual(name: str) -> None:
    model = resolve_model(MODELS, name)
    assert (model.name, model.context_tokens, model.price, model.differences) == (name, 100, None, Differences())


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(SettingsError, match="pass --model"):
        resolve_model(Settings(), None)


@pytest.mark.parametrize(
    ("name", "table"),
    [("small", "[tool.workbench.models.small]"), ("vendor/x", '[tool.workbench.models."vendor/x"]')],
)
def test_a_model_knows_where_its_settings_stand_or_would(name: str, table: str) -> None:
    assert resolve_model(MODELS, name).table == table


def test_a_models_address_goes_before_the_projects_and_gets_its_own_key() -> None:
    endpoint = resolve_endpoint(MODELS, KEY | {"WORKBENCH_SMALL_KEY": "its-own"}, {}, model="small")
    assert endpoint == Endpoint("https://small.example/v1", "its-own", "[tool.workbench.models.small]")


def test_a_model_without_an_address_is_asked_at_the_projects() -> None:
    endpoint = resolve_endpoint(MODELS, KEY, {}, model="plain")
    assert endpoint == Endpoint("https://project.example/v1", None, "[tool.workbench.endpoint]")


def test_the_environments_address_goes_before_a_models_and_says_so() -> None:
    endpoint = resolve_endpoint(MODELS, KEY | URL, {}, model="small")
    source = "OPENAI_BASE_URL, which goes before [tool.workbench.models.small]"
    assert endpoint == Endpoint(URL["OPENAI_BASE_URL"], "sk-person", source)


def test_the_missing_key_of_a_model_is_named_with_its_table() -> None:
    with pytest.raises(SettingsError, match=r"models\.small\] key_variable: WORKBENCH_SMALL_KEY is not set"):
        resolve_endpoint(MODELS, KEY, {}, model="small")


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "GITHUB_TOKEN"])
def test_a_model_cannot_have_a_variable_sent_that_is_not_the_workbenchs(variable: str) -> None:
    settings = Settings(models={"m": ModelSettings(base_url="https://evil.example/v1", key_variable=variable)})
    with pytest.raises(SettingsError, match=f"may not send {variable}"):
        resolve_endpoint(settings, {variable: "secret"}, {}, model="m")


@pytest.mark.parametrize("address", ["http://far.example/v1", "https://host/v1?key=x", "https://user:pw@host/v1"])
def test_a_models_address_is_held_to_the_same_rules(address: str) -> None:
    with pytest.raises(SettingsError, match=r"models\.m\]"):
        resolve_endpoint(Settings(models={"m": ModelSettings(base_url=address)}), {}, {}, model="m")
