"""What an index holds of a recording: its hashes, where it stands, and what it has in common with many."""

import hashlib
from datetime import datetime
from typing import NamedTuple

__all__ = ["Entry", "Group", "Kind", "Line", "digest"]


class Kind(NamedTuple):
    """What many recordings have in common."""

    origin: str
    model: str
    prompt: str
    schema: str
    settings: str
    examples: str
    """Empty where none were shown."""


class Entry(NamedTuple):
    """What is indexed of a recording; ``answer`` is the hash of its response."""

    key: str
    parent: str | None
    recorded: datetime
    answer: str
    kind: Kind
    article: str


class Line(NamedTuple):
    """Where a recording stands, and what decides whether it answers. Hashes are cut to 128 bits."""

    file: str
    start: int
    """In bytes."""
    length: int
    """In bytes, with its line end if it has one."""
    key: bytes
    parent: bytes | None
    recorded: int
    """Microseconds since 1970, UTC."""
    answer: bytes
    kind: int


class Group(NamedTuple):
    """All lines of one kind: how many, their bytes, and when the first and the last of them were recorded."""

    kind: Kind
    lines: int
    size: int
    first: datetime
    last: datetime


def digest(text: str) -> bytes:
    """A text's hash as the index has it."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]
