"""A task: a prompt template, the schema that it fills, and the model settings. Here an article becomes a request.

A prompt is a Markdown file: TOML front matter between ``+++`` lines, then the messages, each under a heading ``# system``, ``# user`` or
``# assistant``. Templates are Jinja2, sandboxed; an article's text is data to them and is never itself a template.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.articles import Article
from workbench.canonical import canonical_json, canonical_text, first_problem, hash_json, hash_text
from workbench.errors import TaskError
from workbench.jsonschema import json_schema, strict_schema
from workbench.schema import load_schema

__all__ = ["Facets", "FrontMatter", "Mode", "Request", "Task", "load_task", "reask_key", "render", "request_key"]

API = "chat.completions"
PROMPT = re.compile(r"\+\+\+\n(?P<front>.*?\n|)\+\+\+(?:\n(?P<body>.*))?", re.DOTALL)
PROBE = "\ue000"
"""A character for private use: that a prompt shows it means that it shows the article."""
HEADING = re.compile(r"^# (system|user|assistant)[ \t]*$", re.MULTILINE)

Mode = Literal["json_schema", "tools", "json"]


class FrontMatter(BaseModel):
    """What stands between the ``+++`` lines of a prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: str = Field(alias="schema")
    """``FILE.py:CLASS``, the file relative to the project's folder."""
    mode: Mode = "json_schema"
    """How the endpoint is told the schema: strict JSON Schema, a tool's parameters, or the prompt alone."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    """The most that the model may answer, in tokens; a longer answer is ``truncated``."""
    reasoning_effort: str | None = None


@dataclass(frozen=True)
class Task:
    """A prompt, its schema and its settings, read and checked.

    Attributes:
        name: The prompt file's name without its ending.
        prompt_hash: Of the whole prompt file but its front matter.
        schema: The Pydantic model that an answer must satisfy.
        json_schema: What the endpoint is sent of it.
        messages: Role and template of each message.
    """

    name: str
    front: FrontMatter
    prompt_hash: str
    schema: type[BaseModel]
    json_schema: dict[str, Any]
    messages: tuple[tuple[str, str], ...]

    @cached_property
    def schema_text(self) -> str:
        """The JSON Schema as text, in canonical form."""
        return canonical_json(self.json_schema)

    @cached_property
    def schema_hash(self) -> str:
        """The tagged hash of the JSON Schema."""
        return hash_json(self.json_schema)

    @cached_property
    def schema_part(self) -> Mapping[str, JsonValue]:
        """What a request's body says of the schema: the same in every request."""
        return _schema_part(self)

    @cached_property
    def schema_part_texts(self) -> Mapping[str, str]:
        """The same, each value in canonical form."""
        return {name: canonical_json(value) for name, value in self.schema_part.items()}


@dataclass(frozen=True)
class Facets:
    """Hashes of what went into a request: they say which part changed when no recording answers it."""

    prompt: str
    schema: str
    article: str
    model: str
    settings: str


def request_key(body: str, sample: int) -> str:
    """The key of a first request, from the hash of its body."""
    return hash_json({"api": API, "body": body, "sample": sample})


def reask_key(parent: str, attempt: int) -> str:
    """The key of the re-ask of an exchange: its body quotes the validator's words, which change with its version; this does not."""
    return hash_json({"parent": parent, "attempt": attempt})


@dataclass(frozen=True)
class Request:
    """One request to the model: the exact body, and what it was made from.

    Attributes:
        body: What is sent, as a JSON object. A re-ask that is only looked up has none.
        facets: Hashes of its parts.
        sample: The number of the sample, from 0.
        parent: The key of the exchange that this one re-asks.
        attempt: Which re-ask this is, from 1; 0 for the first request.
        texts: The canonical form of some of the body's values, where it is known: a long schema need not be written out for each article.
    """

    body: dict[str, JsonValue]
    facets: Facets
    sample: int = 0
    parent: str | None = None
    attempt: int = 0
    texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def text(self) -> str:
        """The body as it goes over the wire: canonical JSON."""
        values = ((name, self.texts.get(name) or canonical_json(value)) for name, value in sorted(self.body.items()))
        return "{" + ",".join(f"{canonical_json(name)}:{text}" for name, text in values) + "}"

    @cached_property
    def hash(self) -> str:
        """The tagged hash of the body."""
        return hash_text(self.text)

    @cached_property
    def key(self) -> str:
        """What a recording is found by: body, API and sample; for a re-ask the parent's key and its number."""
        if self.parent:
            return reask_key(self.parent, self.attempt)
        return request_key(self.hash, self.sample)

    def reask(self, attempt: int, body: dict[str, JsonValue] | None = None) -> "Request":
        """The re-ask that follows this first request; without a body it can be looked up, not sent."""
        return replace(self, body=body or {}, parent=self.key, attempt=attempt, texts={})


def load_task(name: str, root: Path) -> Task:
    """The task whose prompt is ``prompts/NAME.md``; its schema is loaded, checked against the mode and prepared once.

    Raises:
        TaskError: If the prompt is missing or malformed.
        SchemaError: If the schema cannot be loaded, or the mode cannot take it.
    """
    file = root / "prompts" / f"{name}.md"
    known = sorted(prompt.stem for prompt in (root / "prompts").glob("*.md"))
    if not re.fullmatch(r"[\w-]+", name) or name not in known:
        raise TaskError(
            f"there is no task {name!r}", where=str(root / "prompts"), expected=f"one of: {', '.join(known) or 'none'}"
        )
    try:
        text = canonical_text(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"the prompt cannot be read: {error}", where=str(file), expected="text in UTF-8") from error
    parts = PROMPT.fullmatch(text)
    if not parts:
        raise TaskError(
            "the prompt has no front matter", where=str(file), expected="TOML between two lines +++, then the messages"
        )
    front = _front_matter(parts["front"], file)
    schema = load_schema(front.schema_, root)
    sent = strict_schema(schema) if front.mode == "json_schema" else json_schema(schema)
    body = parts["body"] or ""
    task = Task(name, front, hash_text(body), schema, sent, _messages(body, file))
    _check_template(task, file)
    return task


def _front_matter(text: str, file: Path) -> FrontMatter:
    try:
        return FrontMatter.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"the front matter is no TOML: {error}", where=str(file)) from error
    except ValidationError as error:
        known = ", ".join(field.alias or name for name, field in FrontMatter.model_fields.items())
        raise TaskError(f"front matter, {first_problem(error)}", where=str(file), expected=f"of {known}") from error


def _messages(body: str, file: Path) -> tuple[tuple[str, str], ...]:
    pieces = HEADING.split(body)
    if pieces[0].strip() or len(pieces) == 1:
        raise TaskError(
            "text stands before the first message", where=str(file), expected="a line `# system` or `# user`"
        )
    return tuple((role, text.strip()) for role, text in zip(pieces[1::2], pieces[2::2], strict=True))


@cache
def _template(text: str) -> Template:
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False).from_string(text)


def _check_template(task: Task, file: Path) -> None:
    """Render once with nothing known of the article but its text and once with all, so that what is missing is known before anything is sent."""
    bare = Article("probe", PROBE, hash_text(PROBE), "probe")
    for probe in (bare, replace(bare, title="title", publisher="publisher", published="2000-01-01")):
        texts = [text for _, text in _rendered(task, probe)]
        if not any(PROBE in text for text in texts):
            raise TaskError(
                "the prompt never shows the article", where=str(file), expected="{{ article.text }} in a message"
            )
        if task.front.mode == "json" and not any(canonical_text(task.schema_text) in t for t in texts):
            raise TaskError(
                "mode json sends no schema, and the prompt does not show it",
                where=str(file),
                expected="{{ schema }} in a message",
            )


def _rendered(task: Task, article: Article) -> list[tuple[str, str]]:
    known = {
        "id": article.id,
        "text": article.text,
        "title": article.title,
        "publisher": article.publisher,
        "published": article.published,
    }
    variables: Mapping[str, object] = {
        "article": known,
        "schema": task.schema_text,
        "mode": task.front.mode,
    }
    where = f"prompts/{task.name}.md"
    try:
        return [(role, canonical_text(_template(text).render(variables))) for role, text in task.messages]
    except UndefinedError as error:
        raise TaskError(str(error), where=where, expected="of the variables article, schema and mode") from error
    except TemplateSyntaxError as error:
        raise TaskError(f"the template is malformed: {error}", where=where) from error
    except Exception as error:
        raise TaskError(f"the template fails: {type(error).__name__}: {error}", where=where) from error


def render(task: Task, article: Article, model: str, sample: int = 0) -> Request:
    """The exact request that asks ``model`` to fill the task's schema from the article.

    Raises:
        TaskError: If the template fails on this article.
    """
    front = task.front
    settings: dict[str, JsonValue] = {
        name: value
        for name, value in {
            "temperature": front.temperature,
            "top_p": front.top_p,
            "seed": front.seed,
            "max_completion_tokens": front.max_tokens,
            "reasoning_effort": front.reasoning_effort,
        }.items()
        if value is not None
    }
    messages: list[JsonValue] = [{"role": role, "content": text} for role, text in _rendered(task, article)]
    body: dict[str, JsonValue] = {"model": model, "messages": messages, **settings, **task.schema_part}
    facets = Facets(
        prompt=task.prompt_hash,
        schema=task.schema_hash,
        article=article.hash,
        model=model,
        settings=hash_json({**settings, "mode": front.mode}),
    )
    return Request(body, facets, sample, texts=task.schema_part_texts)


def _schema_part(task: Task) -> dict[str, JsonValue]:
    name = task.schema.__name__
    if task.front.mode == "json_schema":
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, "strict": True, "schema": task.json_schema},
            }
        }
    if task.front.mode == "tools":
        function: JsonValue = {"name": name, "parameters": task.json_schema}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {"response_format": {"type": "json_object"}}
