"""Where a project is, what it has set, and which endpoint a run may talk to.

A project is a folder whose ``pyproject.toml`` has a ``[tool.workbench]`` table, found upward from the working directory. A key is only ever
sent where the person said: the environment and the command line are theirs, a project's files may be anybody's.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import SettingsError

__all__ = [
    "LOOPBACK_HOSTS",
    "MOST_REASKS",
    "Endpoint",
    "EndpointSettings",
    "Project",
    "Settings",
    "environment",
    "find_project",
    "resolve_endpoint",
]

MOST_REASKS = 10
OWN = "WORKBENCH_"
"""How variables begin that a project may name: whoever sets one means it for the workbench."""
OPENAI = "https://api.openai.com/v1"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class EndpointSettings(BaseModel):
    """An OpenAI-compatible endpoint named in a project's settings, with the variable that holds its own key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    key_variable: str | None = None


class Settings(BaseModel):
    """The ``[tool.workbench]`` table. Paths are relative to the project's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str | None = None
    """The prompt that is used when none is named; the only one where there is only one."""
    articles: Path | None = None
    recordings: Path = Path("recordings")
    runs: Path = Path("runs")
    model: str | None = None
    endpoint: EndpointSettings | None = None
    concurrency: int = Field(default=8, ge=1, le=4096)
    reasks: int = Field(default=2, ge=0, le=MOST_REASKS)
    """How often an invalid answer is asked again."""
    retries: int = Field(default=5, ge=0, le=50)
    """How often a request is sent again after a 429, a 5xx, a timeout or a reset."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds without an answer after which a request counts as failed."""
    context_tokens: int | None = Field(default=None, ge=1)
    """What the model can read: a longer request is rejected, never cut. Unset: as its provider says, else 128,000."""


@dataclass(frozen=True)
class Project:
    """A project's folder and its settings."""

    root: Path
    settings: Settings

    def path(self, relative: Path | str) -> Path:
        """A path of the project's, made absolute."""
        return self.root / relative


@dataclass(frozen=True)
class Endpoint:
    """Where requests go, and the key that goes with them. The key shows in no repr."""

    base_url: str
    key: str | None = field(repr=False)
    source: str
    """Who named the address: shown before the first call."""

    @property
    def host(self) -> str:
        """The machine that the address names."""
        return urlsplit(self.base_url).hostname or ""


def find_project(start: Path) -> Project:
    """The project that ``start`` lies in: the nearest folder upward whose ``pyproject.toml`` has ``[tool.workbench]``.

    Raises:
        SettingsError: If there is none, or its settings are wrong.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool")
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise SettingsError(f"no valid TOML: {error}", where=str(file)) from error
            except OSError as error:
                raise SettingsError(f"the file cannot be read: {error.strerror}", where=str(file)) from error
            if isinstance(tool, dict) and "workbench" in tool:
                return Project(folder, _settings(tool["workbench"], file))
    raise SettingsError(
        "this folder is in no workbench project",
        where=str(start.resolve()),
        expected="a pyproject.toml with a [tool.workbench] table, here or above",
        way_out="go into a project, or add the table (it may be empty) to your pyproject.toml",
    )


def _settings(table: object, file: Path) -> Settings:
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise SettingsError(
            f"{place}: {first['msg']}" if place else first["msg"],
            where=f"{file} [tool.workbench]",
            expected="one of " + ", ".join(Settings.model_fields),
        ) from error


def environment(folder: Path) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The process's variables, and those of ``folder/.env``, kept apart: the first are the person's own.

    A value in the file is what it says: ``${OPENAI_API_KEY}`` there is no way to the environment's key.

    Raises:
        SettingsError: If the file is no text.
    """
    file = folder / ".env"
    try:
        dotenv = {name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file cannot be read: {error}", where=str(file), expected="text in UTF-8") from error
    return os.environ, dotenv


def resolve_endpoint(
    settings: Settings,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str],
    *,
    base_url: str | None = None,
    allow_http: bool = False,
) -> Endpoint | None:
    """The endpoint that this run talks to, or None if neither key nor endpoint is given: then a run replays.

    The order is command line, environment, ``.env``, project. A project's endpoint uses the key variable that it names, which begins with
    ``WORKBENCH_``; a ``.env`` file may not point the environment's key elsewhere.

    Raises:
        SettingsError: If address and key do not belong together, or the address is plain http beyond this machine.
    """
    key = _key("OPENAI_API_KEY", environ, dotenv)
    if base_url:
        endpoint = Endpoint(base_url, key, "--base-url")
    elif environ.get("OPENAI_BASE_URL"):
        endpoint = Endpoint(environ["OPENAI_BASE_URL"], key, "OPENAI_BASE_URL")
    elif dotenv.get("OPENAI_BASE_URL"):
        if environ.get("OPENAI_API_KEY"):
            raise SettingsError(
                "the address is from .env but the key is from the environment",
                where=".env OPENAI_BASE_URL",
                expected="key and address from the same place",
                way_out="set OPENAI_BASE_URL in the environment, or pass --base-url",
            )
        endpoint = Endpoint(dotenv["OPENAI_BASE_URL"], key, ".env")
    elif settings.endpoint:
        endpoint = _project_endpoint(settings.endpoint, environ, dotenv)
    elif key:
        endpoint = Endpoint(OPENAI, key, "OPENAI_API_KEY")
    else:
        return None
    _check_address(endpoint, allow_http=allow_http)
    return endpoint


def _project_endpoint(named: EndpointSettings, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> Endpoint:
    variable = named.key_variable
    if variable and not variable.startswith(OWN):
        raise SettingsError(
            f"a project's settings may not send {variable} to an address of their own",
            where="[tool.workbench.endpoint] key_variable",
            expected=f"a variable that is set for this alone, such as {OWN}MY_ENDPOINT_KEY",
            way_out="or leave the table out and pass --base-url",
        )
    key = _key(variable, environ, dotenv) if variable else None
    if variable and not key:
        raise SettingsError(
            f"{variable} is not set",
            where="[tool.workbench.endpoint] key_variable",
            way_out=f"set {variable}, or --replay",
        )
    return Endpoint(named.base_url, key, "[tool.workbench.endpoint]")


def _key(variable: str, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> str | None:
    """A key, without the line end that its file left on it. What no header can carry, the client would quote in an error: it is refused here."""
    key = (environ.get(variable) or dotenv.get(variable) or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(
            "the key holds a control character or a letter beyond ASCII", where=variable, way_out="copy the key anew"
        )
    return key or None


def _check_address(endpoint: Endpoint, *, allow_http: bool) -> None:
    if not endpoint.base_url.isprintable():
        raise SettingsError(
            "the address holds a control character", where=endpoint.source, expected="such as https://host/v1"
        )
    try:
        parts = urlsplit(endpoint.base_url)
        _ = parts.port
    except ValueError as error:
        raise SettingsError(
            f"the address is malformed: {error}", where=endpoint.source, expected="such as https://host/v1"
        ) from error
    if parts.username or parts.password:
        raise SettingsError(
            "the address holds a user name or password", where=endpoint.source, way_out="give the key in OPENAI_API_KEY"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(
            f"{endpoint.base_url!r} is no http address", where=endpoint.source, expected="such as https://host/v1"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS and not allow_http:
        raise SettingsError(
            "plain http would send the key and the articles unencrypted",
            where=f"{endpoint.source} {endpoint.base_url}",
            expected="https, or an address of this machine",
            way_out="use https, or pass --allow-http",
        )
