"""What an endpoint takes of a request, found out by asking it: ``workbench doctor --probe``.

What is asked is made so that obedience shows: a cap on an answer that would be longer, a schema that nobody meets by chance. An endpoint
that takes a parameter and does nothing about it is told from one that heeds it, and one that refuses it is quoted.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from workbench.completions import Completion, Usage, read_completion
from workbench.endpoints import Model
from workbench.errors import ProviderError
from workbench.prices import count_tokens, price
from workbench.requests import Facets, Request
from workbench.settings import OWN, Differences, Mode, Price, toml_string

__all__ = ["MOST_REQUESTS", "MOST_USAGE", "Probe", "Probed", "context_of", "entry_of", "probe", "settings_lines"]

FEW, ROOM = 16, 512
"""Tokens: fewer than the answer to ``COUNT`` takes, and enough for any other, thinking included."""
MOST_REQUESTS = 13
MOST_USAGE = Usage(MOST_REQUESTS * 100, MOST_REQUESTS * ROOM)
"""Tokens that probing sends, and that come back, at the most where a cap is heeded."""

COUNT = "Write out the numbers from 1 to 100, separated by commas."
COLOUR = "What colour is a ripe banana? Answer with one word."
PROSE = "What colour is a ripe banana? Answer with one plain English sentence, and not in JSON."
JSON = 'What colour is a ripe banana? Answer in JSON with one field, such as {"colour": "green"}.'
VERDICTS = ("kumquat-17", "quince-42")
"""What no answer says unless it is held to ``SCHEMA``."""
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": list(VERDICTS)}},
    "required": ["verdict"],
    "additionalProperties": False,
}
REFUSALS = {400, 404, 405, 415, 422, 500, 501}
"""Statuses that a parameter may be answered with: some servers fail on what they do not know."""
NO_STRICT = "json_schema without strict"
LIMITS = {
    "requests_per_minute": "x-ratelimit-limit-requests",
    "tokens_per_minute": "x-ratelimit-limit-tokens",
}
CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")

Send = Callable[[Request], Awaitable[dict[str, JsonValue]]]


@dataclass(frozen=True)
class Probe:
    """One thing asked about.

    Attributes:
        about: The parameter or the mode.
        works: Whether it is taken, and heeded as far as that shows; None if it could not be told.
        says: In words, the endpoint's own where it refused.
    """

    about: str
    works: bool | None
    says: str


@dataclass(frozen=True)
class Probed:
    """What was found out.

    Attributes:
        probes: In the order asked.
        differences: How the endpoint differs, for the settings.
        usable: Whether there is a mode in which the model can be given a schema.
    """

    probes: tuple[Probe, ...]
    differences: Differences
    usable: bool


@dataclass(frozen=True)
class _Reply:
    completion: Completion | None
    said: str = ""


class _Asker:
    def __init__(self, send: Send, model: str) -> None:
        self._send = send
        self._model = model
        self.completions: list[Completion] = []

    async def ask(self, question: str, parameters: Mapping[str, Any]) -> _Reply:
        messages: list[JsonValue] = [{"role": "user", "content": question}]
        body: dict[str, JsonValue] = {"model": self._model, "messages": messages, **parameters}
        try:
            response = await self._send(Request(body, Facets("", "", "", self._model, "")))
        except ProviderError as error:
            # At first a 404 is a wrong address or name; after an answer it is how a router says that nobody takes this.
            if error.status not in REFUSALS or (error.status == 404 and not self.completions):
                raise
            return _Reply(None, error.what)
        completion = read_completion(response)
        self.completions.append(completion)
        return _Reply(completion)


async def probe(send: Send, model: str, mode: Mode, reasoning_effort: str | None = None) -> Probed:
    """Ask what an endpoint takes, as little as finds it out: 4 requests where nothing differs, ``MOST_REQUESTS`` at the most.

    Args:
        send: Gives the body of a request's response, as ``Client.send`` does.
        model: Its name at the endpoint.
        mode: The prompt's, which is kept where it works.
        reasoning_effort: The prompt's; None to leave it alone.

    Raises:
        ProviderError: If the endpoint does not answer, or refuses the plainest request.
    """
    asker = _Asker(send, model)
    everything = await asker.ask(COUNT, {"max_completion_tokens": FEW, "temperature": 0.0, "seed": 0})
    caps, field = await _caps(asker, everything)
    room: dict[str, Any] = {field: ROOM} if field else {}
    if not asker.completions and (plainest := await asker.ask(COLOUR, {})).completion is None:
        raise ProviderError(
            f"the plainest request was refused: {plainest.said}", way_out="check the model's name and the address"
        )
    values: dict[str, Any] = {"temperature": 0.0, "seed": 0, "reasoning_effort": reasoning_effort}
    taken: dict[str, Probe] = {}
    for name, value in values.items():
        if everything.completion and name != "reasoning_effort":
            taken[name] = Probe(name, works=True, says="taken")
        elif value is not None:
            reply = await asker.ask(COLOUR, {**room, name: value})
            taken[name] = Probe(name, works=reply.completion is not None, says=reply.said or "taken")
    steady = {"temperature": 0.0} if taken["temperature"].works else {}
    modes = await _modes(asker, room | steady)
    counted = any(completion.usage.prompt for completion in asker.completions)
    usage = Probe("usage", counted, "tokens are counted" if counted else "no tokens are counted")
    return Probed(
        (*caps, *taken.values(), *modes.values(), usage),
        Differences(
            **_mode_differences(mode, {name: found.works for name, found in modes.items()}),
            max_tokens_field="max_tokens" if field == "max_tokens" else "max_completion_tokens",
            temperature=taken["temperature"].works is not False,
            seed=taken["seed"].works is not False,
            reasoning_effort="reasoning_effort" not in taken or taken["reasoning_effort"].works is not False,
            usage=counted,
        ),
        usable=any(found.works is not False for found in modes.values()),
    )


async def _caps(asker: _Asker, everything: _Reply) -> tuple[list[Probe], str | None]:
    """What became of each name for the most that may be answered, and the one to use; None if each is refused."""
    found: list[Probe] = []
    taken: str | None = None
    for field in ("max_completion_tokens", "max_tokens"):
        first = everything.completion is not None and field == "max_completion_tokens"
        reply = everything if first else await asker.ask(COUNT, {field: FEW})
        if reply.completion is None:
            # A model that thinks may refuse to stop so soon, and still know the name.
            roomy = await asker.ask(COLOUR, {field: ROOM})
            if roomy.completion:
                return [*found, Probe(field, works=True, says=f"taken, but not as few as {FEW}: {reply.said}")], field
            found.append(Probe(field, works=False, says=reply.said))
            continue
        taken = taken or field
        if reply.completion.state == "truncated":
            return [*found, Probe(field, works=True, says="taken and heeded")], field
        wrote = reply.completion.usage.completion or count_tokens(reply.completion.text)
        if wrote <= FEW:
            says = f"taken; the answer was too short ({wrote} tokens) to show whether it is heeded"
            return [*found, Probe(field, works=None, says=says)], field
        found.append(
            Probe(field, works=False, says=f"taken and not heeded: {wrote} tokens came where {FEW} were allowed")
        )
    return found, taken


async def _modes(asker: _Asker, room: dict[str, Any]) -> dict[str, Probe]:
    tools: dict[str, Any] = {
        "tools": [{"type": "function", "function": {"name": "Verdict", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "Verdict"}},
    }
    found = {"json_schema": await _mode(asker, "json_schema", PROSE, room | _json_schema(strict=True))}
    if found["json_schema"].works is False:
        found[NO_STRICT] = await _mode(asker, NO_STRICT, PROSE, room | _json_schema(strict=False))
    found["tools"] = await _mode(asker, "tools", PROSE, room | tools)
    found["json"] = await _mode(asker, "json", JSON, room | {"response_format": {"type": "json_object"}})
    return found


def _json_schema(*, strict: bool) -> dict[str, Any]:
    schema = {"name": "Verdict", **({"strict": True} if strict else {}), "schema": SCHEMA}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


async def _mode(asker: _Asker, name: str, question: str, parameters: Mapping[str, Any]) -> Probe:
    reply = await asker.ask(question, parameters)
    completion = reply.completion
    if completion is None:
        return Probe(name, works=False, says=reply.said)
    if completion.state != "answered":
        return Probe(name, works=None, says=f"taken; whether it is heeded did not show: {completion.reason}")
    try:
        answer = json.loads(completion.text)
    except (ValueError, RecursionError):
        answer = None
    heeded = isinstance(answer, dict) and (name == "json" or answer.get("verdict") in VERDICTS)
    says = "taken and heeded" if heeded else f"taken and not heeded: the answer was {completion.text[:60]!r}"
    return Probe(name, works=heeded, says=says)


def _mode_differences(wanted: Mode, works: Mapping[str, bool | None]) -> dict[str, Any]:
    """The settings of the mode: the prompt's own is kept unless it is known not to work and another is known to."""
    strict = not works.get(NO_STRICT)
    usable = [
        mode for mode in ("json_schema", "tools", "json") if works[mode] or (mode == "json_schema" and not strict)
    ]
    kept = wanted in usable or works[wanted] is None or not usable
    return {"strict": strict, "mode": None if kept else usable[0]}


def entry_of(listed: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """What an endpoint's list of models says of one of them; empty if it is not there."""
    return next((each for each in listed if name == each["id"]), {})


def context_of(entry: Mapping[str, Any]) -> int | None:
    """How many tokens a model reads and writes, where the endpoint's list says so."""
    meta = entry.get("meta")
    known = {**entry, **meta} if isinstance(meta, dict) else entry
    found = (known.get(name) for name in CONTEXT_FIELDS)
    return next((each for each in found if type(each) is int and each > 0), None)


def settings_lines(
    model: Model, differences: Differences, key_variable: str | None, limits: Mapping[str, str]
) -> list[str]:
    """The model's table for the project's ``pyproject.toml``: what was set of it already, and how its endpoint differs.

    Args:
        model: As it was asked. Its address is left out where the environment or the project names it anyhow.
        differences: As they were found.
        key_variable: The variable that its table names for its key, if it does.
        limits: The ``x-ratelimit-*`` headers of the last answer.
    """
    endpoint, named = model.endpoint, key_variable
    own = endpoint is not None and endpoint.source in {"--base-url", model.table}
    if endpoint and endpoint.key and not named:
        key_variable = f"{OWN}{re.sub('[^A-Z0-9]+', '_', model.label.upper()).strip('_')}_KEY"
    settings: dict[str, Any] = {
        "name": model.name if model.alias not in {None, model.name} else None,
        "base_url": endpoint.base_url if own and endpoint else None,
        "key_variable": key_variable if own and endpoint and endpoint.key else None,
        "requests_per_minute": model.requests_per_minute,
        "tokens_per_minute": model.tokens_per_minute,
        "context_tokens": model.context_tokens,
        "price": model.price,
        **differences.model_dump(exclude_defaults=True),
    }
    remarks = {} if named else {"key_variable": "  # set it to this endpoint's key"}
    if differences.mode == "json":
        remarks["mode"] = "  # the prompt has to show {{ schema }}"
    lines = [
        model.table,
        *(f"{name} = {_toml(value)}{remarks.get(name, '')}" for name, value in settings.items() if value is not None),
    ]
    for name, header in LIMITS.items():
        limit = limits.get(header, "")
        if settings[name] is None and limit.isascii() and limit.isdigit():
            lines.append(f"# {name} = {limit}  # by {header}, unless that counts days")
    if price(model, Usage(1, 1)) is None:
        lines.append("# price = { input = 0.00, output = 0.00 }  # by the million tokens: no list has it")
    return lines


def _toml(value: object) -> str:
    if isinstance(value, Price):
        rates = value.model_dump(exclude_none=True)
        return f"{{ {', '.join(f'{name} = {_toml(rate)}' for name, rate in rates.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    return toml_string(value) if isinstance(value, str) else str(value)
