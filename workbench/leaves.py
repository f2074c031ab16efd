"""The leaves of a record: its quotes, what each of them supports, and every text that it copied, found in one walk.

Most of a record is small models with a few texts, and a run walks one for each article: what a walk asks of a field is worked out once a model,
and each text that it finds is a plain tuple, which is made several times quicker than anything whose parts have names.
"""

from functools import cache
from typing import Any, NamedTuple, TypeAlias

from pydantic import BaseModel

from workbench.pointers import pointer
from workbench.schema import field_marks, is_chosen, is_quote, key_step

__all__ = ["Citation", "Leaf", "Said", "Walked", "walk"]


class Said(NamedTuple):
    """What a schema says of a text.

    Attributes:
        marks: The metadata of its annotation, comparators among them.
        kinds: Their types.
    """

    marks: tuple[object, ...]
    kinds: frozenset[type]


Leaf: TypeAlias = tuple[str, str, Said]
"""A text in a record: its JSON Pointer (RFC 6901), itself as the model gave it, and what its schema says of it."""
Citation: TypeAlias = tuple[str, str, list[Leaf]]
"""A quote in a record: its JSON Pointer, the passage as the model gave it, and the copied leaves beside it, those of lists and of models in it that
cite nothing themselves among them."""


class Walked(NamedTuple):
    """A record, and what of it stands in the article or should.

    Attributes:
        record: The record itself.
        citations: Every quote with the copied leaves beside it, in the schema's order.
        copied: Every text that is neither quote nor chosen from a closed list, in the schema's order.
    """

    record: BaseModel
    citations: list[Citation]
    copied: list[Leaf]


def walk(record: BaseModel) -> Walked:
    """Find a record's quotes and the texts that it copied."""
    way = _Way()
    if form := _form(type(record)):
        way.through_model(record, form, "", None, copies=True)
    return Walked(record, way.citations, way.copied)


class _Form(NamedTuple):
    """What a walk asks of a model.

    Attributes:
        quotes: Name and JSON Pointer step of each field that cites.
        fields: Name and step of each other field, what its schema says of it, and whether its text, if it is one, was copied from the article
            rather than chosen from a closed list.
    """

    quotes: list[tuple[str, str]]
    fields: list[tuple[str, str, Said, bool]]


@cache
def _form(kind: type) -> _Form | None:
    """None for what is no model: to ask a class of Pydantic's whether something is one of its own takes longer than all else here."""
    if not issubclass(kind, BaseModel):
        return None
    form = _Form([], [])
    for name, field in kind.model_fields.items():
        if is_quote(field):
            form.quotes.append((name, pointer(name)))
        else:
            marks = field_marks(field)
            said = Said(marks, frozenset(type(mark) for mark in marks))
            form.fields.append((name, pointer(name), said, not is_chosen(field.annotation)))
    return form


class _Way:
    """What a walk has found so far.

    Its steps are told the leaves of the quote beside which they are, if one is, and whether what they meet was copied: what stands behind a
    closed list was not.
    """

    __slots__ = ("citations", "copied")

    def __init__(self) -> None:
        self.citations: list[Citation] = []
        self.copied: list[Leaf] = []

    def through_model(self, item: BaseModel, form: _Form, at: str, leaves: list[Leaf] | None, *, copies: bool) -> None:
        values = item.__dict__
        quotes, fields = form
        for name, step in quotes:
            leaves = []
            if isinstance(quote := values[name], str):
                self.citations.append((at + step, quote, leaves))
        for name, step, said, is_copied in fields:
            child = values[name]
            if child is None:
                continue
            if not isinstance(child, str):
                self._through(child, at + step, said, leaves if is_copied else None, copies=copies and is_copied)
            elif is_copied:  # as `_through` has it: most of a record is texts, and not to call it takes half the time
                leaf = at + step, child, said
                if copies:
                    self.copied.append(leaf)
                if leaves is not None:
                    leaves.append(leaf)

    def _through(self, item: Any, at: str, said: Said, leaves: list[Leaf] | None, *, copies: bool) -> None:
        """Into what a field holds."""
        if isinstance(item, str):
            leaf = at, item, said
            if copies:
                self.copied.append(leaf)
            if leaves is not None:
                leaves.append(leaf)
        elif form := _form(type(item)):  # type: ignore[arg-type]  # a class of nobody knows what can be hashed all the same
            self.through_model(item, form, at, leaves, copies=copies)
        elif isinstance(item, (list, tuple)):
            for index, child in enumerate(item):
                self._through(child, f"{at}/{index}", said, leaves, copies=copies)
        elif isinstance(item, dict):
            for key, child in item.items():
                self._through(child, at + pointer(key_step(key)), said, leaves, copies=copies)
