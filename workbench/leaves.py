"""The leaves of a record: its quotes, what each of them supports, and every text that it copied, found in one walk.

Most of a record is small models with a few texts, and a run walks one for each article: what a walk asks of a field is worked out once a model.
"""

from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from workbench.pointers import pointer
from workbench.schema import is_chosen, is_quote, key_step, marks_of

__all__ = ["Citation", "Copied", "Walked", "walk"]

Leaves = list[tuple[str, str]]
"""JSON Pointer and text of each copied leaf beside a quote."""


class Citation(NamedTuple):
    """A quote in a record and the leaves that it supports.

    Attributes:
        at: JSON Pointer (RFC 6901) of the quote.
        quote: The passage, as the model gave it.
        leaves: JSON Pointer and text of each copied leaf beside the quote, those of lists and of models in it that cite nothing themselves among
            them.
    """

    at: str
    quote: str
    leaves: tuple[tuple[str, str], ...]


class Copied(NamedTuple):
    """A text in a record with what its schema says of it.

    Attributes:
        at: JSON Pointer of the text.
        text: As the model gave it.
        marks: The metadata of its annotation, comparators among them.
        kinds: Their types.
    """

    at: str
    text: str
    marks: tuple[object, ...]
    kinds: frozenset[type]


class Walked(NamedTuple):
    """A record, and what of it stands in the article or should.

    Attributes:
        record: The record itself.
        citations: Every quote with the copied leaves beside it, in the schema's order.
        copied: Every text that is neither quote nor chosen from a closed list, in the schema's order.
    """

    record: BaseModel
    citations: list[Citation]
    copied: list[Copied]


def walk(record: BaseModel) -> Walked:
    """Find a record's quotes and the texts that it copied."""
    way = _Way()
    if form := _form(type(record)):
        way.through_model(record, form, "", None, copies=True)
    return Walked(record, [Citation(at, quote, tuple(leaves)) for at, quote, leaves in way.citations], way.copied)


class _Field(NamedTuple):
    """What a walk asks of a field."""

    name: str
    step: str
    """Its step in a JSON Pointer."""
    is_copied: bool
    """Whether its text, if it is one, was copied from the article: it is neither a quote nor chosen from a closed list."""
    marks: tuple[object, ...]
    kinds: frozenset[type]


class _Form(NamedTuple):
    """What a walk asks of a model."""

    quotes: tuple[tuple[str, str], ...]
    """Name and step of each field that cites."""
    fields: tuple[_Field, ...]


@cache
def _form(kind: type) -> _Form | None:
    """None for what is no model: to ask a class of Pydantic's whether something is one of its own takes longer than all else here."""
    if not issubclass(kind, BaseModel):
        return None
    fields = kind.model_fields
    return _Form(
        tuple((name, pointer(name)) for name, field in fields.items() if is_quote(field)),
        tuple(
            _Field(
                name,
                pointer(name),
                not is_quote(field) and not is_chosen(field.annotation),
                marks := (*field.metadata, *marks_of(field.annotation)),
                frozenset(type(mark) for mark in marks),
            )
            for name, field in fields.items()
        ),
    )


class _Way:
    """What a walk has found so far.

    Its steps are told the leaves of the quote beside which they are, if one is, and whether what they meet was copied: what stands behind a
    closed list was not.
    """

    __slots__ = ("citations", "copied")

    def __init__(self) -> None:
        self.citations: list[tuple[str, str, Leaves]] = []
        self.copied: list[Copied] = []

    def through_model(self, item: object, form: _Form, at: str, leaves: Leaves | None, *, copies: bool) -> None:
        if form.quotes:
            leaves = []
            for name, step in form.quotes:
                if isinstance(quote := getattr(item, name), str):
                    self.citations.append((at + step, quote, leaves))
        for field in form.fields:
            child = getattr(item, field.name)
            if child is None:
                continue
            if not isinstance(child, str):
                beside = leaves if field.is_copied else None
                self._through(child, at + field.step, field, beside, copies=copies and field.is_copied)
            elif field.is_copied:
                self._take(child, at + field.step, field, leaves, copies=copies)

    def _through(self, item: Any, at: str, field: _Field, leaves: Leaves | None, *, copies: bool) -> None:
        """Into what a field holds."""
        if form := _form(type(item)):  # type: ignore[arg-type]  # a class of nobody knows what can be hashed all the same
            self.through_model(item, form, at, leaves, copies=copies)
            return
        for child, place in _children(item, at):
            if isinstance(child, str):
                self._take(child, place, field, leaves, copies=copies)
            else:
                self._through(child, place, field, leaves, copies=copies)

    def _take(self, text: str, at: str, field: _Field, leaves: Leaves | None, *, copies: bool) -> None:
        if copies:
            self.copied.append(Copied(at, text, field.marks, field.kinds))
        if leaves is not None:
            leaves.append((at, text))


def _children(item: object, at: str) -> list[tuple[object, str]]:
    """What a list or a dictionary holds, each with its JSON Pointer."""
    if isinstance(item, list | tuple):
        return [(child, f"{at}/{index}") for index, child in enumerate(item)]
    if isinstance(item, dict):
        return [(child, at + pointer(key_step(key))) for key, child in item.items()]
    return []
