"""Where a project is, what it has set, and what the environment says.

A project is a folder whose ``pyproject.toml`` has a ``[tool.workbench]`` table, found upward from the working directory.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workbench.canonical import first_problem
from workbench.errors import SettingsError

__all__ = [
    "OWN",
    "Differences",
    "EndpointSettings",
    "Mode",
    "ModelSettings",
    "Price",
    "Project",
    "Settings",
    "environment",
    "find_project",
    "model_table",
    "toml_string",
]

OWN = "WORKBENCH_"
"""How variables begin that a project may name: whoever sets one means it for the workbench."""

Mode = Literal["json_schema", "tools", "json"]
"""How an endpoint is told the schema: as a JSON Schema that it holds the answer to, as a tool's parameters, or in the prompt alone."""


class EndpointSettings(BaseModel):
    """An OpenAI-compatible endpoint named in a project's settings, with the variable that holds its own key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    key_variable: str | None = None


class Price(BaseModel):
    """What a model's tokens cost, in the currency's unit for a million of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached: Decimal | None = Field(default=None, ge=0)
    """Of the input, what the provider had cached; unset: as the rest of it."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")

    @model_validator(mode="after")
    def _cached_is_cheaper(self) -> Self:
        """A budget's worst case counts nothing as cached."""
        if self.cached is not None and self.cached > self.input:
            raise ValueError("cached tokens cost more than the others: give input the higher price")
        return self


class Differences(BaseModel):
    """How an endpoint differs from what a request looks like where nothing is set. ``workbench doctor --probe`` finds out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode | None = None
    """How it is told the schema, where it does not take the prompt's own mode."""
    strict: bool = True
    """Whether it takes ``strict`` beside a JSON Schema."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """By what name it knows the most that may be answered."""
    temperature: bool = True
    """Whether the model takes a temperature, or a top_p; if not, neither is sent, whatever the prompt says."""
    seed: bool = True
    """Whether it takes a seed; if not, none is sent."""
    reasoning_effort: bool = True
    """Whether the model takes a reasoning effort; if not, none is sent."""
    usage: bool = True
    """Whether it reports the tokens of an answer; if not, what an answer cost is not known."""


class ModelSettings(Differences):
    """A ``[tool.workbench.models.NAME]`` table: a model under a name of the project's own."""

    name: str | None = Field(default=None, min_length=1)
    """Its name at the endpoint; unset: the table's."""
    base_url: str | None = None
    key_variable: str | None = None
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    context_tokens: int | None = Field(default=None, ge=1)
    price: Price | None = None
    batch_price: Decimal = Field(default=Decimal("0.5"), ge=0, le=1)
    """What a request costs in a batch, as a share of that."""

    @model_validator(mode="after")
    def _key_goes_with_an_address(self) -> Self:
        if self.key_variable and not self.base_url:
            raise ValueError("key_variable goes with a base_url beside it: a key is for one address")
        return self

    @property
    def endpoint(self) -> EndpointSettings | None:
        """The endpoint that the table names, if it does."""
        return EndpointSettings(base_url=self.base_url, key_variable=self.key_variable) if self.base_url else None

    @property
    def differences(self) -> Differences:
        """How that endpoint differs."""
        return Differences.model_validate({name: getattr(self, name) for name in Differences.model_fields})


class Settings(BaseModel):
    """The ``[tool.workbench]`` table. Paths are relative to the project's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str | None = None
    """The prompt that is used when none is named; the only one where there is only one."""
    articles: Path | None = None
    recordings: Path = Path("recordings")
    runs: Path = Path("runs")
    model: str | None = None
    """A name in ``models``, or a model's plain name at the endpoint."""
    models: dict[str, ModelSettings] = {}
    endpoint: EndpointSettings | None = None
    concurrency: int = Field(default=8, ge=1, le=4096)
    reasks: int = Field(default=2, ge=0, le=10)
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


def find_project(start: Path) -> Project:
    """The project that ``start`` lies in: the nearest folder upward whose ``pyproject.toml`` has ``[tool.workbench]``.

    Raises:
        SettingsError: If there is none, or its settings are wrong.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                # A price is read as it is written: a float of it would be another number.
                tool = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal).get("tool")
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
        known = _known_at(error.errors()[0]["loc"]).model_fields
        raise SettingsError(
            first_problem(error), where=f"{file} [tool.workbench]", expected=f"one of {', '.join(known)}"
        ) from error


def _known_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    """Whose fields stand at a place of the ``[tool.workbench]`` table."""
    match place[:-1]:
        case ("models", _):
            return ModelSettings
        case ("models", _, "price"):
            return Price
        case ("endpoint",):
            return EndpointSettings
    return Settings


def model_table(name: str) -> str:
    """The heading of a model's table, as TOML has it."""
    return f"[tool.workbench.models.{name if re.fullmatch(r'[A-Za-z0-9_-]+', name) else toml_string(name)}]"


def toml_string(text: str) -> str:
    """A text as TOML writes it, with nothing in it that a terminal would obey."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


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
