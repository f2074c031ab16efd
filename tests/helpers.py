"""What several tests make: files, strategies for JSON and text."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bs4 import Tag
from hypothesis import strategies as st
from pydantic import JsonValue

from workbench.articles import Article
from workbench.canonical import canonical_text, hash_text

HANGUL = "가나다라김제시광주창원특장차산업육성계획똠펲"

texts = st.text(max_size=40)
"""Any text that UTF-8 can hold."""
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(texts, json_values, max_size=4)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder, and give the folder back."""
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def text_of(tag: Tag | None) -> str:
    """What a tag of a page says, in words one space apart."""
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def article_of(text: str, name: str = "a", **known: Any) -> Article:
    """An article that no file holds."""
    text = canonical_text(text)
    return Article(name, text, hash_text(text), f"articles/{name}.txt", **known)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def places(value: JsonValue, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], JsonValue]]:
    """Every place in a JSON value, with what stands there."""
    yield steps, value
    inside: Iterable[tuple[str | int, JsonValue]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for step, child in inside:
        yield from places(child, (*steps, step))


def resolve(value: Any, at: str) -> Any:
    """What a JSON Pointer points to, read as RFC 6901 says."""
    for step in at.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value
