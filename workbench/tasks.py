"""A task: a prompt template, the schema that it fills, and the model settings. Here an article becomes a request.

A prompt is a Markdown file: TOML front matter between ``+++`` lines, then the messages, each under a heading ``# system``, ``# user`` or
``# assistant``. Templates are Jinja2, sandboxed; an article's text is data to them and is never itself a template.

With ``examples = N`` in the front matter a request shows N goldens of other articles. Where a template names ``examples`` they stand where it puts
them. Else each is a turn of its own: the messages from the first that names ``article`` on, rendered for the example's article, then its
answer as the assistant's; the turn of the article itself comes last.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workbench.articles import Article
from workbench.canonical import canonical_json, canonical_text, first_problem, hash_json, hash_text
from workbench.endpoints import Model
from workbench.errors import TaskError
from workbench.examples import Example, Examples
from workbench.jsonschema import json_schema, strict_schema
from workbench.requests import Facets, Request, Written, write_items, write_list, write_member
from workbench.schema import load_schema, schema_code
from workbench.settings import Mode

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["FrontMatter", "Task", "load_task", "render"]

PROMPT = re.compile(r"\+\+\+\n(?P<front>.*?\n|)\+\+\+(?:\n(?P<body>.*))?", re.DOTALL)
PROBE, EXAMPLE_PROBE, ANSWER_PROBE = "\ue000", "\ue001", "\ue002"
"""Characters for private use: that a prompt shows one means that it shows the article, an example's article, an example's answer."""
HEADING = re.compile(r"^# (system|user|assistant)[ \t]*$", re.MULTILINE)


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
    """That of the first sample; each further one has the next."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The most that the model may answer, in tokens; a longer answer is ``truncated``."""
    reasoning_effort: str | None = None
    examples: int | None = Field(default=None, ge=0, le=100)
    """How many goldens of other articles a request shows, with the answers that they should have had."""


@dataclass(frozen=True)
class Task:
    """A prompt, its schema and its settings, read and checked.

    Attributes:
        name: The prompt file's name without its ending.
        prompt_hash: Of the whole prompt file but its front matter.
        schema: The Pydantic model that an answer must satisfy.
        json_schema: What the endpoint is sent of it.
        messages: Role and template of each message.
        examples: What requests show beside their article, if the front matter asks for examples.
        code: The hash of the schema's own code; None where it came from no file.
    """

    name: str
    front: FrontMatter
    prompt_hash: str
    schema: type[BaseModel]
    json_schema: dict[str, Any]
    messages: tuple[tuple[str, str], ...]
    examples: Examples | None = None
    code: str | None = None

    def examples_of(self, article: Article) -> tuple[Example, ...]:
        """The examples that are shown with an article; none if the front matter asks for none.

        Raises:
            TaskError: If the examples were not given to the task, or too few are left without the article's own.
        """
        if not self.front.examples:
            return ()
        if self.examples is None:
            raise TaskError(
                f"it asks for {self.front.examples} examples and was given none",
                where=f"prompts/{self.name}.md",
                way_out="workbench.examples.choose finds them",
            )
        return self.examples.of(article)

    @cached_property
    def schema_text(self) -> str:
        """The JSON Schema as text, in canonical form."""
        return canonical_json(self.json_schema)

    @cached_property
    def schema_hash(self) -> str:
        """The tagged hash of the JSON Schema."""
        return hash_json(self.json_schema)

    @cached_property
    def turn(self) -> int:
        """The number of the first message that names the article: what comes before it is the same for many."""
        return next((number for number, (_, text) in enumerate(self.messages) if "article" in _names(text)), 0)

    @cached_property
    def places_examples(self) -> bool:
        """Whether the prompt says where its examples stand."""
        return any("examples" in _names(text) for _, text in self.messages)

    @cached_property
    def commons(self) -> dict[tuple[object, ...], "Common"]:
        """What its requests have in common, as far as it was worked out."""
        return {}


class Common(NamedTuple):
    """What the requests of a task have in common that are a sample's, are put to one model and show the same examples.

    Attributes:
        opening: The messages before the article's turn.
        opening_written: The same, written.
        members: What the body has besides messages.
        members_written: The same, written.
        settings: The hash of those that are settings.
        examples: The hash of the examples, None if there are none.
    """

    opening: list[JsonValue]
    opening_written: list[Written]
    members: dict[str, JsonValue]
    members_written: dict[str, Written]
    settings: str
    examples: str | None


def load_task(name: str, root: Path, mode: Mode | None = None) -> Task:
    """The task whose prompt is ``prompts/NAME.md``; its schema is loaded, checked against the mode and prepared once.

    ``mode`` goes before the prompt's own: it is that of a model whose endpoint takes no other.

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
    front = front.model_copy(update={"mode": mode}) if mode else front
    schema = load_schema(front.schema_, root)
    sent = strict_schema(schema) if front.mode == "json_schema" else json_schema(schema)
    body = parts["body"] or ""
    code = schema_code(front.schema_, root)
    task = Task(name, front, hash_text(body), schema, sent, _messages(body, file), code=code)
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
def _template(text: str) -> "Template":
    template = _environment().from_string(text)
    # One dictionary instead of a chain of them, which each rendering reads whole.
    template.globals = dict(template.globals)
    return template


@cache
def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined  # noqa: PLC0415 - it takes as long as the rest of this module, and many a command renders nothing
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@cache
def _names(text: str) -> frozenset[str]:
    """The variables that a template names, used or not."""
    from jinja2 import meta  # noqa: PLC0415

    return frozenset(meta.find_undeclared_variables(_environment().parse(text)))


def _check_template(task: Task, file: Path) -> None:
    """Render once with nothing known of the article but its text and once with all, so that what is missing is known before anything is sent."""
    bare = Article("probe", PROBE, hash_text(PROBE), "probe")
    for probe in (bare, replace(bare, title="title", publisher="publisher", published="2000-01-01")):
        example = Example("probe", "", (), replace(probe, text=EXAMPLE_PROBE), ANSWER_PROBE)
        shown = "\n".join(text for _, text in _rendered(task, probe, [example] if task.front.examples else []))
        try:
            shown.encode()
        except UnicodeEncodeError as error:
            what = "the prompt shows half a character: a template writes whole ones, no \\ud83d"
            raise TaskError(what, where=str(file)) from error
        if PROBE not in shown:
            raise TaskError(
                "the prompt never shows the article", where=str(file), expected="{{ article.text }} in a message"
            )
        if task.front.mode == "json" and canonical_text(task.schema_text) not in shown:
            raise TaskError(
                "mode json sends no schema, and the prompt does not show it",
                where=str(file),
                expected="{{ schema }} in a message",
            )
        _check_examples(task, shown, file)


def _check_examples(task: Task, shown: str, file: Path) -> None:
    placed = task.places_examples
    if placed and task.front.examples is None:
        raise TaskError(
            "the prompt places examples and asks for none",
            where=str(file),
            expected="examples = N in the front matter, where 0 is none",
        )
    if placed and task.front.examples:
        for probe, what in ((EXAMPLE_PROBE, "example.article.text"), (ANSWER_PROBE, "example.answer")):
            if probe not in shown:
                raise TaskError(
                    f"the prompt places examples and never shows {what}",
                    where=str(file),
                    expected=f"{{{{ {what} }}}} within {{% for example in examples %}}",
                )
    if task.front.examples and not placed and task.messages[-1][0] != "user":
        raise TaskError(
            "an example's answer follows the last message, and that is not the user's",
            where=str(file),
            expected="a prompt that ends with `# user`, or that places its examples with {% for example in examples %}",
        )


def _known(article: Article) -> dict[str, JsonValue]:
    return {name: getattr(article, name) for name in ("id", "text", "title", "publisher", "published")}


def _shown(example: Example) -> dict[str, JsonValue]:
    return {"article": _known(example.article), "answer": example.answer}


def _rendered(
    task: Task, article: Article | None, examples: Sequence[Example] = (), start: int = 0, end: int | None = None
) -> list[tuple[str, str]]:
    """Role and text of some of its messages, of all if nothing else is said."""
    from jinja2 import TemplateSyntaxError, UndefinedError  # noqa: PLC0415

    variables: Mapping[str, object] = {
        "article": _known(article) if article else None,
        "examples": [_shown(example) for example in examples],
        "schema": task.schema_text,
        "mode": task.front.mode,
    }
    where = f"prompts/{task.name}.md"
    try:
        return [(role, canonical_text(_template(text).render(variables))) for role, text in task.messages[start:end]]
    except UndefinedError as error:
        expected = "of the variables article, examples, schema and mode"
        raise TaskError(str(error), where=where, expected=expected) from error
    except TemplateSyntaxError as error:
        raise TaskError(f"the template is malformed: {error}", where=where) from error
    except Exception as error:
        raise TaskError(f"the template fails: {type(error).__name__}: {error}", where=where) from error


def _opening(task: Task, examples: Sequence[Example]) -> Iterator[JsonValue]:
    """The conversation before the article's turn: what comes before any article, and a turn for each example that the prompt does not place."""
    yield from _messages_from(_rendered(task, None, examples, end=task.turn))
    if not task.places_examples:
        for number, example in enumerate(examples, 1):
            yield from _messages_from(_rendered(task, example.article, start=task.turn))
            yield from _answered(task, example.answer, f"example-{number}")


def _messages_from(rendered: Sequence[tuple[str, str]]) -> list[JsonValue]:
    return [{"role": role, "content": text} for role, text in rendered]


def _answered(task: Task, answer: str, call: str) -> Iterator[JsonValue]:
    """The assistant's answer, as the mode has it: a tool is called, and must be seen to have been heard."""
    if task.front.mode != "tools":
        yield {"role": "assistant", "content": answer}
        return
    function: JsonValue = {"name": task.schema.__name__, "arguments": answer}
    yield {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": call, "type": "function", "function": function}],
    }
    yield {"role": "tool", "tool_call_id": call, "content": "ok"}


def render(task: Task, article: Article, model: Model, sample: int = 0) -> Request:
    """The exact request that asks the model to fill the task's schema from the article, in the form that its endpoint takes.

    Raises:
        TaskError: If the template fails on this article, or it cannot be shown the examples that the prompt asks for.
    """
    examples = task.examples_of(article)
    which = model.name, model.differences, sample, *(example.golden for example in examples)
    common = task.commons.get(which) or task.commons.setdefault(which, _common(task, model, sample, examples))
    facets = Facets(
        prompt=task.prompt_hash,
        schema=task.schema_hash,
        article=article.hash,
        model=model.name,
        settings=common.settings,
        examples=common.examples,
    )
    own = _messages_from(_rendered(task, article, examples, start=task.turn))
    messages = write_list("messages", common.opening_written + write_items(own))
    # The model, which is a member too, comes first: a body that is shown or kept is written in this order.
    body: dict[str, JsonValue] = {"model": model.name, "messages": common.opening + own, **common.members}
    return Request(body, facets, sample, written={"messages": messages, **common.members_written})


def _common(task: Task, model: Model, sample: int, examples: Sequence[Example]) -> Common:
    front, takes = task.front, model.differences
    settings: dict[str, JsonValue] = {
        name: value
        for name, value in {
            "temperature": front.temperature if takes.temperature else None,
            "top_p": front.top_p if takes.temperature else None,
            "seed": front.seed + sample if takes.seed and front.seed is not None else None,
            takes.max_tokens_field: front.max_tokens,
            "reasoning_effort": front.reasoning_effort if takes.reasoning_effort else None,
        }.items()
        if value is not None
    }
    strict = takes.strict or front.mode != "json_schema"
    members = {"model": model.name, **settings, **_schema_members(task, strict=strict)}
    opening = [*_opening(task, examples)]
    return Common(
        opening,
        write_items(opening),
        members,
        {name: write_member(name, value) for name, value in members.items()},
        settings=hash_json({**settings, "mode": front.mode, **({} if strict else {"strict": False})}),
        examples=hash_json([_shown(example) for example in examples]) if examples else None,
    )


def _schema_members(task: Task, *, strict: bool) -> dict[str, JsonValue]:
    name = task.schema.__name__
    if task.front.mode == "json_schema":
        flag: dict[str, JsonValue] = {"strict": True} if strict else {}
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, **flag, "schema": task.json_schema},
            }
        }
    if task.front.mode == "tools":
        function: JsonValue = {"name": name, "parameters": task.json_schema}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }
    return {"response_format": {"type": "json_object"}}
