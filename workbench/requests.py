"""A request: the exact body that is sent, what it was made from, and the key by which its recording is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Final, NamedTuple

from pydantic import Field, JsonValue

from workbench.canonical import canonical_json, canonical_text, hash_bytes, hash_json

__all__ = ["Facets", "Request", "Written", "reask_key", "request_key", "write_items", "write_list", "write_member"]

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


class Written(NamedTuple):
    """A part of a body in UTF-8: a member, with its name, or an item of a list.

    Attributes:
        sent: As it is sent.
        hashed: Its canonical form, mostly the very same.
    """

    sent: bytes
    hashed: bytes


def write_member(name: str, value: JsonValue) -> Written:
    """Write a member of a body."""
    return _write(f"{canonical_json(name)}:{canonical_json(value)}")


def write_items(items: Sequence[JsonValue]) -> list[Written]:
    """Write items of a list."""
    return [_write(canonical_json(item)) for item in items]


def write_list(name: str, items: Sequence[Written]) -> Written:
    """Write a member that is a list of what is written already."""
    return _join(f"{canonical_json(name)}:[".encode(), items, b"]")


def _write(text: str) -> Written:
    sent, canonical = text.encode(), canonical_text(text)
    return Written(sent, sent if canonical is text else canonical.encode())


def _join(start: bytes, parts: Sequence[Written], end: bytes) -> Written:
    """Parts in a row. None begins with a character that joins the one before it: the canonical form of the whole is that of its parts."""
    sent = start + b",".join([part.sent for part in parts]) + end
    if all(part.hashed is part.sent for part in parts):
        return Written(sent, sent)
    return Written(sent, start + b",".join([part.hashed for part in parts]) + end)


@dataclass(frozen=True)
class Request:
    """One request to the model: the exact body, and what it was made from.

    Attributes:
        body: What is sent, as a JSON object. A re-ask that is only looked up has none.
        facets: Hashes of its parts.
        sample: The number of the sample, from 0.
        parent: The key of the exchange that this one re-asks.
        attempt: Which re-ask this is, from 1; 0 for the first request.
        written: Some of the body's members, where they are written already: a long schema need not be for each article.
    """

    body: dict[str, JsonValue]
    facets: Facets
    sample: int = 0
    parent: str | None = None
    attempt: int = 0
    written: Mapping[str, Written] = field(default_factory=dict, repr=False, compare=False)

    @property
    def raw(self) -> bytes:
        """The body as it goes over the wire: canonical JSON in UTF-8."""
        return self._whole.sent

    @property
    def text(self) -> str:
        """The same as text."""
        return self.raw.decode()

    @cached_property
    def hash(self) -> str:
        """The tagged hash of the body's canonical form."""
        return hash_bytes(self._whole.hashed)

    @cached_property
    def _whole(self) -> Written:
        members = [self.written.get(name) or write_member(name, value) for name, value in sorted(self.body.items())]
        return _join(b"{", members, b"}")

    @cached_property
    def key(self) -> str:
        """What a recording is found by: body, API and sample; for a re-ask the parent's key and its number."""
        if self.parent:
            return reask_key(self.parent, self.attempt)
        return request_key(self.hash, self.sample)

    def reask(self, attempt: int, body: dict[str, JsonValue] | None = None) -> "Request":
        """The re-ask that follows this first request; without a body it can be looked up, not sent."""
        return replace(self, body=body or {}, parent=self.key, attempt=attempt, written={})
