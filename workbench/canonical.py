r"""One form for text and JSON, so that equal things have equal bytes and equal hashes.

The canonical form of a text is its NFC, with LF line ends and without a byte order mark. The canonical form of a JSON value has
sorted keys, no spaces and real characters (Hangul costs about three times the tokens as ``\uXXXX``). A hash carries the name of its algorithm.
"""

import hashlib
import json
import unicodedata

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

__all__ = [
    "canonical_json",
    "canonical_text",
    "check_json",
    "fingerprint",
    "first_problem",
    "hash_bytes",
    "hash_json",
    "hash_text",
    "line",
]


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_encode_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""Made once: ``json.dumps`` makes an encoder each time, which takes longer than to write a short value."""


def canonical_text(text: str) -> str:
    """The text in NFC, with LF line ends, without a byte order mark."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text.lstrip("\ufeff"))


def canonical_json(value: JsonValue) -> str:
    """The one way to write a JSON value: sorted keys, no spaces, real characters.

    Raises:
        ValueError: If the value holds a NaN or an infinity, which JSON does not have.
    """
    return _encode(value)


def check_json(value: JsonValue) -> None:
    """Check that a value can be written as JSON; many times quicker than writing it.

    Raises:
        ValueError: If it holds a NaN, an infinity or half a character.
    """
    raw = to_json(value)
    if b"NaN" in raw or b"Infinity" in raw:  # which a text may say
        canonical_json(value)


def line(value: JsonValue) -> str:
    """A JSON value as one line of a JSON Lines file, keys in the order given, for a person to read and git to compare."""
    return _encode_line(value) + "\n"


def first_problem(error: ValidationError) -> str:
    """The first thing that a validation found wrong, as every message of ours says it: ``shops.0.name: Field required``."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def hash_text(text: str) -> str:
    """The tagged hash of a text's canonical form, ``sha256:…``."""
    return hash_bytes(canonical_text(text).encode())


def hash_json(value: JsonValue) -> str:
    """The tagged hash of a JSON value's canonical form, ``sha256:…``."""
    return hash_bytes(canonical_json(value).encode())


def fingerprint(*parts: str) -> int:
    """A number that stands for some texts: a million of them are held in memory where their hashes would not be."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=12).digest())


def hash_bytes(raw: bytes) -> str:
    """The tagged hash of some bytes, ``sha256:…``."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()
