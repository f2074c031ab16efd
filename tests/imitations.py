"""Endpoints that differ, imitated on loopback: each takes, refuses and heeds what the real ones of its kind do.

    with Loopback(answer=particular(articles)) as server: ...

Each is an `answer` for the loopback server. It refuses in the words and shapes of its kind, and where it is not held to a schema it talks
prose, as a model would. A token is a word.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from loopback import Answer, Completion, Received, Usage, error, ok, status, tool_call

Articles = Mapping[str, Mapping[str, Any]]
"""What is answered to a prompt that holds a text, by the text."""
Complaint = Callable[[dict[str, Any]], Answer | None]
HEADERS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-reset-tokens": "6ms",
}


@dataclass(frozen=True)
class Imitation:
    """A kind of endpoint.

    Attributes:
        articles: What the model knows.
        complaint: What it refuses, and how.
        caps: The names for the most that may be answered that it heeds.
        modes: Those that it heeds: `json_schema`, `tools`, `json`.
        counts: Whether it counts tokens.
        headers: That it sends with each answer.
        thinks: How many tokens it thinks before it says anything.
    """

    articles: Articles
    complaint: Complaint = lambda _: None
    caps: Collection[str] = ("max_completion_tokens", "max_tokens")
    modes: Collection[str] = ("json_schema", "tools", "json")
    counts: bool = True
    headers: Mapping[str, str] | None = None
    thinks: int = 0

    def __call__(self, received: Received) -> Answer:
        """The answer to one request."""
        body = received.json
        if complaint := self.complaint(body):
            return complaint
        prompt = " ".join(message["content"] for message in body["messages"])
        mode = mode_of(body)
        schema = schema_of(body) if mode in self.modes else None
        said = self._words(prompt, schema, as_json=mode == "json" and mode in self.modes)
        cap = min((body[name] for name in self.caps if name in body), default=10**9)
        wrote = self.thinks + len(said.split())
        usage = Usage(len(prompt.split()), min(wrote, cap)) if self.counts else None
        if wrote > cap:
            rest = " ".join(said.split()[: max(0, cap - self.thinks)])
            return Completion(content=rest, finish_reason="length", usage=usage, headers=self.headers or {})
        if mode == "tools" and schema:
            return tool_call(said, usage=usage, headers=self.headers)
        return ok(said, usage=usage, headers=self.headers)

    def _words(self, prompt: str, schema: Any, *, as_json: bool) -> str:
        known = next((answer for text, answer in self.articles.items() if text in prompt), None)
        if schema or as_json:
            return json.dumps(known or (instance(schema) if schema else {"colour": "yellow"}), ensure_ascii=False)
        if "numbers from 1 to 100" in prompt:
            return ", ".join(map(str, range(1, 101)))
        return "A ripe banana is yellow."


def mode_of(body: Mapping[str, Any]) -> str | None:
    kinds = {"json_schema": "json_schema", "json_object": "json"}
    return "tools" if "tools" in body else kinds.get(body.get("response_format", {}).get("type"))


def schema_of(body: Mapping[str, Any]) -> Any:
    if "tools" in body:
        return body["tools"][0]["function"]["parameters"]
    return body.get("response_format", {}).get("json_schema", {}).get("schema")


def instance(schema: Mapping[str, Any]) -> Any:
    """Something that a simple schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: instance(each) for name, each in schema["properties"].items()}
    return {"string": "", "integer": 0, "boolean": False, "array": [], "null": None}[schema["type"]]


def usual(articles: Articles) -> Imitation:
    """An endpoint that takes everything, heeds it, and says what is left of the minute."""
    return Imitation(articles, headers=HEADERS)


def narrow(articles: Articles) -> Imitation:
    """An endpoint that forbids every field it does not know, `max_completion_tokens` and `strict` among them, and counts no tokens."""

    def complaint(body: dict[str, Any]) -> Answer | None:
        found: list[tuple[list[str], Any]] = []
        if "max_completion_tokens" in body:
            found.append((["body", "max_completion_tokens"], body["max_completion_tokens"]))
        if "strict" in body.get("response_format", {}).get("json_schema", {}):
            found.append((["body", "response_format", "json_schema", "strict"], True))
        detail = [
            {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted", "input": value}
            for place, value in found
        ]
        said = {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error", "code": None}
        return status(422, said) if found else None

    return Imitation(articles, complaint, caps=("max_tokens",), counts=False)


def thinking(articles: Articles) -> Imitation:
    """A model that thinks first, as OpenAI's do: no `max_tokens`, no temperature, and no cap that it could not think under."""

    def complaint(body: dict[str, Any]) -> Answer | None:
        if "max_tokens" in body:
            return unsupported(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                "max_tokens",
                "unsupported_parameter",
            )
        if body.get("temperature", 1) != 1:
            return unsupported(
                f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. "
                "Only the default (1) value is supported.",
                "temperature",
                "unsupported_value",
            )
        if "top_p" in body:
            return unsupported(
                "Unsupported parameter: 'top_p' is not supported with this model.", "top_p", "unsupported_parameter"
            )
        if body.get("max_completion_tokens", 10**9) < THINKS:
            return status(
                400,
                error(
                    "Could not finish the message because max_tokens or model output limit was reached. "
                    "Please try again with higher max_tokens."
                ),
            )
        return None

    return Imitation(articles, complaint, caps=("max_completion_tokens",), headers=HEADERS, thinks=THINKS)


THINKS = 64


def unsupported(message: str, param: str, code: str) -> Answer:
    return status(400, error(message, param=param, code=code))


def heedless(articles: Articles) -> Imitation:
    """A server that takes whatever it is sent and heeds `max_tokens` and JSON mode alone; it does not mind a seed."""
    return Imitation(articles, caps=("max_tokens",), modes=("json",))


def schemaless(articles: Articles) -> Imitation:
    """A provider without JSON Schema, whose JSON mode wants to be asked for JSON."""

    def complaint(body: dict[str, Any]) -> Answer | None:
        kind = body.get("response_format", {}).get("type")
        if kind == "json_schema":
            return status(400, error("This response_format type is unavailable now", code="invalid_request_error"))
        if kind == "json_object" and not re.search("json", json.dumps(body["messages"]), re.IGNORECASE):
            return status(400, error("'messages' must contain the word 'json' in some form"))
        return None

    return Imitation(articles, complaint, caps=("max_tokens",))


def refuser(articles: Articles) -> Imitation:
    """An endpoint that takes a model and messages, and no field besides."""

    def complaint(body: dict[str, Any]) -> Answer | None:
        extra = sorted(set(body) - {"model", "messages"})
        return status(400, error(f"Unrecognized request argument supplied: {extra[0]}")) if extra else None

    return Imitation(articles, complaint, caps=())
