"""A JSON text with another value in it, where only what differs is written anew.

A file that people edit and git compares keeps its key order, its line ends and its layout wherever nothing changed; what is new is laid out as its
neighbours are. In a text as ``json.dumps(…, indent=2)`` writes it, the outcome is again as that would write it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

__all__ = ["Edit", "edits", "rewritten", "undone"]

SPACE: Final = " \t\r\n"
LINE: Final = re.compile(r"(\r?\n)([ \t]*)")


class Edit(NamedTuple):
    """One replacement in a text.

    Attributes:
        start: Where it begins, in code points.
        old: What stood there.
        new: What stands there now.
    """

    start: int
    old: str
    new: str


def edits(text: str, value: JsonValue) -> list[Edit]:
    """What has to be replaced in a JSON text for it to hold another value, in the text's order.

    Raises:
        ValueError: If the text is no JSON, or the value cannot be written as JSON.
    """
    writer = _Writer(text)
    writer.value(_read(text), value)
    return writer.edits


def rewritten(text: str, changes: Iterable[Edit]) -> str:
    """The text with replacements made.

    Raises:
        ValueError: If something else stands where one says what stood.
    """
    parts, at = [], 0
    for change in changes:
        end = change.start + len(change.old)
        if change.start < at or text[change.start : end] != change.old:
            raise ValueError(f"at {change.start} stands {text[change.start : end]!r}, not {change.old!r}")
        parts += [text[at : change.start], change.new]
        at = end
    return "".join((*parts, text[at:]))


def undone(changes: Iterable[Edit]) -> list[Edit]:
    """The replacements that take others back."""
    moved, back = 0, []
    for start, old, new in changes:
        back.append(Edit(start + moved, new, old))
        moved += len(new) - len(old)
    return back


@dataclass(slots=True)
class _Node:
    """A value and where it stands; in an object with the key before it."""

    start: int
    end: int
    value: Any
    inside: "Sequence[_Node]" = ()
    key: str | None = None
    key_start: int = 0
    key_end: int = 0

    @property
    def begins(self) -> int:
        return self.start if self.key is None else self.key_start


def _read(text: str) -> _Node:
    node = _node(text, _skip(text, 0))
    if _skip(text, node.end) != len(text):
        raise ValueError(f"something follows the JSON value at {node.end}")
    return node


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in SPACE:
        at += 1
    return at


_DECODER: Final = json.JSONDecoder()


def _node(text: str, at: int) -> _Node:
    if text[at : at + 1] not in {"{", "["}:
        value, end = _DECODER.raw_decode(text, at)
        return _Node(at, end, value)
    keyed, closing = (True, "}") if text[at] == "{" else (False, "]")
    inside: list[_Node] = []
    here = _skip(text, at + 1)
    while text[here : here + 1] != closing:
        if inside:
            here = _skip(text, _past(text, here, ","))
        inside.append(_member(text, here) if keyed else _node(text, here))
        here = _skip(text, inside[-1].end)
    value = {node.key: node.value for node in inside} if keyed else [node.value for node in inside]
    return _Node(at, here + 1, value, inside)


def _member(text: str, at: int) -> _Node:
    key, end = _DECODER.raw_decode(text, at)
    if not isinstance(key, str):
        raise ValueError(f"no key at {at}")  # noqa: TRY004 - as for all else that is no JSON
    node = _node(text, _skip(text, _past(text, _skip(text, end), ":")))
    node.key, node.key_start, node.key_end = key, at, end
    return node


def _past(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark!r} at {at}")
    return at + 1


class _Writer:
    """Collects what has to be replaced, in order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[Edit] = []
        first = LINE.search(text)
        self.newline = first[1] if first else None
        self.unit = next((found[2] for found in LINE.finditer(text) if found[2]), "  ")

    def value(self, node: _Node, value: Any) -> None:
        if _same(node.value, value):
            return
        if isinstance(value, dict) and isinstance(node.value, dict) and len(node.inside) == len(node.value):
            self.inside(node, list(value.values()), list(value))
        elif isinstance(value, list) and isinstance(node.value, list):
            self.inside(node, value, None)
        else:
            self.put(node.start, node.end, self.dumped(value, self.indent(node.start)))

    def inside(self, node: _Node, new: list[Any], keys: list[str] | None) -> None:
        """The items of a list, or the members of an object: what both begin and end with stays, what is between is paired, then removed or added."""
        old = node.inside

        def alike(i: int, j: int) -> bool:
            return _same(old[i].value, new[j]) if keys is None else old[i].key == keys[j]

        shorter = min(len(old), len(new))
        head = next((i for i in range(shorter) if not alike(i, i)), shorter)
        tail = next((i for i in range(shorter - head) if not alike(-1 - i, -1 - i)), shorter - head)
        paired = shorter - tail
        for i in range(paired):
            self.pair(old[i], new[i], keys[i] if keys else None)
        if len(old) > shorter:
            self.remove(node, paired, len(old) - tail)
        elif len(new) > shorter:
            self.add(node, paired, [(keys[i] if keys else None, new[i]) for i in range(paired, len(new) - tail)])
        for i in range(-tail, 0):
            self.pair(old[i], new[i], keys[i] if keys else None)

    def pair(self, node: _Node, value: Any, key: str | None) -> None:
        if key != node.key:
            self.put(node.key_start, node.key_end, _flat(key))
        self.value(node, value)

    def add(self, node: _Node, place: int, members: list[tuple[str | None, Any]]) -> None:
        old = node.inside
        if not old:
            outer = self.indent(node.start)
            lead = "" if self.newline is None else self.newline + outer + self.unit
            closing = "" if self.newline is None else self.newline + outer
            between = "," + (lead or " ")
            self.put(node.start + 1, node.end - 1, lead + between.join(self.laid_out(members, lead)) + closing)
            return
        lead = self.text[node.start + 1 : old[0].begins]
        between = self.text[old[0].end : old[1].begins] if len(old) > 1 else "," + (lead or " ")
        written = between.join(self.laid_out(members, between))
        if place < len(old):
            self.put(old[place].begins, old[place].begins, written + between)
        else:
            self.put(old[-1].end, old[-1].end, between + written)

    def laid_out(self, members: list[tuple[str | None, Any]], before: str) -> Iterator[str]:
        lines = LINE.search(before)
        for key, value in members:
            written = self.dumped(value, lines[2]) if lines else _flat(value)
            yield written if key is None else f"{_flat(key)}: {written}"

    def remove(self, node: _Node, start: int, end: int) -> None:
        old = node.inside
        if end - start == len(old):
            self.put(node.start + 1, node.end - 1, "")
        elif end < len(old):
            self.put(old[start].begins, old[end].begins, "")
        else:
            self.put(old[start - 1].end, old[-1].end, "")

    def put(self, start: int, end: int, new: str) -> None:
        self.edits.append(Edit(start, self.text[start:end], new))

    def indent(self, at: int) -> str:
        """How far the line is indented on which a place stands."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def dumped(self, value: Any, indent: str) -> str:
        if self.newline is None or not isinstance(value, dict | list):
            return _flat(value)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=self.unit)
        return written.replace("\n", self.newline + indent)


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are written the same: 1 is neither 1.0 nor true, and keys stand in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
