"""A request: the exact body that is sent, what it was made from, and the key by which its recording is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Final

from pydantic import Field, JsonValue

from workbench.canonical import canonical_json, canonical_text, hash_bytes, hash_json

__all__ = ["Facets", "Request", "reask_key", "request_key"]

API: Final = "chat.completions"


@dataclass(frozen=True)
class Facets:
    """Hashes of what went into a request: they say which part changed when no recording answers it."""

    prompt: str
    schema: str
    article: str
    model: str
    settings: str
    examples: Annotated[str | None, Field(exclude_if=lambda examples: examples is None)] = None
    """None, and not written down, for a request that shows none."""


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
        written: Some of the body's values as they are sent, where that is known: a long schema need not be written out for each article.
    """

    body: dict[str, JsonValue]
    facets: Facets
    sample: int = 0
    parent: str | None = None
    attempt: int = 0
    written: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def raw(self) -> bytes:
        """The body as it goes over the wire: canonical JSON in UTF-8."""
        values = (
            _raw(name) + b":" + (self.written.get(name) or _raw(value)) for name, value in sorted(self.body.items())
        )
        return b"{" + b",".join(values) + b"}"

    @property
    def text(self) -> str:
        """The same as text."""
        return self.raw.decode()

    @cached_property
    def hash(self) -> str:
        """The tagged hash of the body's canonical form."""
        text = self.text
        canonical = canonical_text(text)
        return hash_bytes(self.raw if canonical is text else canonical.encode())  # mostly nothing is written twice

    @cached_property
    def key(self) -> str:
        """What a recording is found by: body, API and sample; for a re-ask the parent's key and its number."""
        if self.parent:
            return reask_key(self.parent, self.attempt)
        return request_key(self.hash, self.sample)

    def reask(self, attempt: int, body: dict[str, JsonValue] | None = None) -> "Request":
        """The re-ask that follows this first request; without a body it can be looked up, not sent."""
        return replace(self, body=body or {}, parent=self.key, attempt=attempt, written={})


def _raw(value: JsonValue) -> bytes:
    return canonical_json(value).encode()
