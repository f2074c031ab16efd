"""A schema's tables: what columns a data set of its records has, and the rows that an extraction gives them.

The schema decides the tables, so that they are the same whatever a run holds. ``articles`` has a row for each article. Each list is a table named by
its path, whose rows begin with keys: ``article`` and, for the list itself and each list around it, ``TABLE_index``, counted from 0 as in a JSON
Pointer. A model in a model is flattened, its name before its fields'. What fits no table (a list of lists, a dictionary, a model within itself) stays
whole, as JSON in one column. A column whose name is taken has ``record_`` before it.

Beside a field stand, by its name: ``_span_start`` and ``_span_end``, where the copied text stands in the article; ``_quote`` with ``_quote_start``
and ``_quote_end``, the same for a passage cited (half-open, code points of the NFC text); and what code reads in amounts, dates and regions, or in
``_unread`` why it reads nothing; of a vote also ``_confidence``, the share of the runs that say so, and in an article's row ``confidence``, the mean
over its leaves, those that say nothing among them. ``findings``, always last, has the names of the row's own findings; an article's row has all of them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, JsonValue

from workbench.canonical import line
from workbench.errors import ReadingRefused
from workbench.extract import Extraction
from workbench.korean import read_amount, read_date
from workbench.pointers import pointer
from workbench.schema import Arm, Cited, QuoteMark, arms_of
from workbench.scoring import Amount, Date, Region

__all__ = ["PLACES", "WHOLE", "Column", "Kind", "Table", "Value", "rows", "tables"]

Kind = Literal["text", "integer", "number", "boolean", "decimal", "day"]
Value = str | int | float | bool | Decimal | date | None

WHOLE, PLACES = 20, 18
"""Digits before and behind the point of a decimal: what Parquet's 38 leave, enough for 9,999경 and for the price of a token."""
SCALARS: tuple[tuple[type, Kind], ...] = (
    (bool, "boolean"),  # before int, which it is too
    (int, "integer"),
    (float, "number"),
    (Decimal, "decimal"),
    (datetime, "text"),  # before date, which it is too
    (date, "day"),
)


@dataclass(frozen=True)
class Column:
    """A column of a table, and what its values are."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class _Part:
    """Columns filled together from one value: what their names have after the field's, and how."""

    columns: tuple[Column, ...]
    fill: Callable[[Any, str, Extraction], tuple[Value, ...]]


@dataclass(frozen=True)
class _Field:
    """A field by its name in the table and the steps to it: columns of the row, or a list with a table of its own."""

    label: str
    steps: tuple[str, ...]
    parts: tuple[_Part, ...] = ()
    items: tuple[Arm, ...] = ()
    cited: bool = False
    within: tuple[Any, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return tuple(column for part in self.parts for column in part.columns)

    @cached_property
    def place(self) -> str:
        return pointer(*self.steps)


@dataclass(frozen=True)
class Table:
    """A table that a schema asks for.

    Attributes:
        name: Its path in the schema; also the name of its file.
        columns: Keys first, then the fields in the schema's order, ``findings`` last.
        steps: From a row of the table around it to the list.
        leaves: The fields that are columns.
        lists: The tables of the lists in its rows.
        vote: Whether its rows say how sure a vote is.
    """

    name: str
    columns: tuple[Column, ...]
    steps: tuple[str, ...]
    leaves: tuple[_Field, ...]
    lists: tuple["Table", ...]
    vote: bool = False

    def all(self) -> Iterator["Table"]:
        """This table and those within it, in the schema's order."""
        yield self
        for inner in self.lists:
            yield from inner.all()


def _columns(kind: Kind, names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names.split())


FACTS = (
    *_columns("text", "article title publisher published text_hash place state reason origins"),
    *_columns("integer", "quotes grounded prompt_tokens completion_tokens cached_tokens"),
    Column("cost", "decimal"),
    Column("currency"),
)
SURELY = _columns("number", "confidence")
FINDINGS = Column("findings")


def tables(schema: type[BaseModel], *, vote: bool = False) -> Table:
    """The tables of a schema, as the one of its articles, which holds the others.

    Args:
        schema: The schema.
        vote: Whether the records are those of a vote, which says of each leaf how sure it is.
    """
    return _table("articles", (), _walk([(schema, ())], "", ()), (Column("article"),), set(), vote=vote)


def _table(
    name: str,
    steps: tuple[str, ...],
    fields: Iterable[_Field],
    keys: tuple[Column, ...],
    names: set[str],
    *,
    vote: bool,
) -> Table:
    """A table and those of its lists; ``names`` are those that tables have."""
    names.add(name.casefold())
    fields = [replace(field, parts=(*field.parts, SURE)) if vote and _is_leaf(field) else field for field in fields]
    columns, lists = list(keys if steps else (*FACTS, *SURELY) if vote else FACTS), []
    for field in fields:
        free = _free(field.label, field.columns, {column.name.casefold() for column in (*columns, FINDINGS)})
        columns += [Column(free + column.name, column.kind) for column in field.columns]
    for field in fields:
        if field.items:
            path = _free(f"{name}_{field.label}" if steps else field.label, [Column("")], names)
            item = _walk(field.items, "", (), within=field.within, cited=field.cited)
            lists.append(_table(path, field.steps, item, (*keys, Column(f"{path}_index", "integer")), names, vote=vote))
    leaves = tuple(field for field in fields if field.parts)
    return Table(name, (*columns, FINDINGS), steps, leaves, tuple(lists), vote)


def _is_leaf(field: _Field) -> bool:
    """Whether a field is one that runs vote on: no list with a table of its own, and no quote."""
    return bool(field.parts) and QUOTE not in field.parts


def _free(label: str, endings: Iterable[Column], taken: Collection[str]) -> str:
    """A name that with no ending is taken in any case: not all file systems and databases tell one case from the other."""
    while any((label + ending.name).casefold() in taken for ending in endings):
        label = f"record_{label}"
    return label


def _walk(
    arms: Iterable[Arm], label: str, steps: tuple[str, ...], *, within: tuple[Any, ...] = (), cited: bool = False
) -> Iterator[_Field]:
    """What a field of these types gives; ``within`` are the models around it, ``cited`` is whether a quote supports it."""
    arms = list(arms)
    kinds = [kind for kind, _ in arms]
    if kinds and all(_is_a(kind, BaseModel) and kind not in within for kind in kinds):
        fields: dict[str, list[Arm]] = defaultdict(list)
        for kind, outer in arms:
            for name, field in kind.model_fields.items():
                marks = (*outer, *field.metadata) if issubclass(kind, Cited) else tuple(field.metadata)
                fields[name] += arms_of(field.annotation, marks)
        cited = cited or any(map(_is_quote, fields.values()))
        bare = label and all(issubclass(kind, Cited) for kind in kinds)
        for name, inner in fields.items():
            named = label if bare and name == "value" else f"{label}_{name}" if label else name
            yield from _walk(inner, named, (*steps, name), within=(*within, *kinds), cited=cited)
    elif (items := _items(arms)) and not any(_is_list(kind) or kind in within for kind, _ in items):
        yield _Field(label, steps, items=items, cited=cited, within=within)
    else:
        yield _Field(label or "value", steps, _parts(arms, cited=cited))


def _items(arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """The types of the items, where all that a field may have are lists; else none."""
    if not all(_is_list(kind) for kind, _ in arms):
        return ()
    return tuple(arm for kind, marks in arms for item in get_args(kind) or (Any,) for arm in arms_of(item, marks))


def _is_list(kind: Any) -> bool:
    return _is_a(get_origin(kind) or kind, Sequence, AbstractSet) and not _is_a(kind, str, bytes)


def _is_a(kind: Any, *classes: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, classes)


def _is_chosen(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Literal or _is_a(kind, Enum)


def _is_quote(arms: Iterable[Arm]) -> bool:
    return any(isinstance(mark, QuoteMark) for _, marks in arms for mark in marks)


def _parts(arms: Sequence[Arm], *, cited: bool) -> tuple[_Part, ...]:
    """The columns of a leaf: its value, where it stands, what code reads in it."""
    kinds = {kind for arm, _ in arms for kind in _kinds(arm)}
    kind: Kind = kinds.pop() if len(kinds) == 1 else "number" if kinds == {"integer", "number"} else "text"
    typed: Callable[[Any], Value] = TYPED.get(kind, lambda value: value)
    value = _Part((Column("", kind),), lambda value, *_: (typed(value),))
    if any(_is_chosen(arm) for arm, _ in arms) or not any(_is_a(arm, str) for arm, _ in arms):
        return (value,)
    if _is_quote(arms):
        return value, QUOTE
    marks = [mark for _, marks in arms for mark in marks if isinstance(mark, Amount | Date | Region)]
    reading = (READ_AS[type(marks[-1])],) if marks else ()
    return value, *((SPAN,) if cited else ()), *reading


def _kinds(arm: Any) -> set[Kind]:
    """What the values of a type are in JSON; a text may be whatever a column has no type for."""
    if _is_chosen(arm):
        chosen = [member.value for member in arm] if _is_a(arm, Enum) else get_args(arm)
        return {kind for value in chosen if value is not None for kind in _kinds(type(value))}
    return {next((kind for scalar, kind in SCALARS if _is_a(arm, scalar)), "text")}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else line(value).rstrip("\n")


TYPED: dict[Kind, Callable[[Any], Value]] = {
    "text": _text,
    "number": float,
    "decimal": Decimal,
    "day": date.fromisoformat,
}


def _span(_: object, at: str, extraction: Extraction) -> tuple[Value, ...]:
    return extraction.spans.get(at, (None, None))


def _amount(text: object, *_: object) -> tuple[Value, ...]:
    return _read_amount(text) if isinstance(text, str) else (None,) * 8


@lru_cache(maxsize=1 << 14)
def _read_amount(text: str) -> tuple[Value, ...]:
    """An amount as it is read. Where its number is no decimal of ours, that is unread, and the rest stands."""
    try:
        read = read_amount(text)
    except ReadingRefused as refused:
        return *(None,) * 7, refused.what
    rest = (read.unit or None, read.currency, read.bound, read.direction or None, read.per or None)
    if isinstance(read.low, Fraction) or isinstance(read.high, Fraction):
        return None, None, *rest, f"{read.low} is no decimal exactly"
    if not (_fits(read.low) and _fits(read.high)):
        return None, None, *rest, f"the number has more than {WHOLE} digits before the point or {PLACES} behind it"
    return read.low, read.high, *rest, None


def _fits(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    # Not abs(), which rounds to 28 digits.
    return isinstance(exponent, int) and exponent >= -PLACES and number.copy_abs() < 10**WHOLE


def _date(text: object, _: str, extraction: Extraction) -> tuple[Value, ...]:
    return _read_date(text, extraction.published) if isinstance(text, str) else (None,) * 5


@lru_cache(maxsize=1 << 14)
def _read_date(text: str, published: str | None) -> tuple[Value, ...]:
    """A date as it is read from the article's day; an end that is open is empty."""
    try:
        read = read_date(text, published)
    except ReadingRefused as refused:
        return *(None,) * 4, refused.what
    return read.start, read.end, read.grain, read.approximate, None if read.resolved else f"hangs on {read.hangs_on}"


def _region(_: object, at: str, extraction: Extraction) -> tuple[Value, ...]:
    """A region as it was read when the run was made, with the article as context; nothing of a place that begins with none."""
    read = extraction.readings.get(at)
    return (read.code, read.name, read.sido, read.as_of, read.unread) if read else (None,) * 5


def _sure(value: Any, at: str, extraction: Extraction) -> tuple[Value, ...]:
    """How sure a vote is of what stands at a place, nothing too: of a part of what it took as one, as of all of that; of a whole, as of its least sure leaf."""
    sure = extraction.confidence
    if isinstance(value, dict | list) and at not in sure:
        return (extraction.least_sure.get(at),)
    while at and at not in sure:
        at = at.rpartition("/")[0]
    return (sure.get(at),)


SURE = _Part(_columns("number", "_confidence"), _sure)
SPAN = _Part(_columns("integer", "_span_start _span_end"), _span)
QUOTE = _Part(_columns("integer", "_start _end"), _span)
AMOUNT = _Part(
    (*_columns("decimal", "_low _high"), *_columns("text", "_unit _currency _bound _direction _per _unread")), _amount
)
DATE = _Part(
    (*_columns("day", "_start _end"), Column("_grain"), Column("_approximate", "boolean"), Column("_unread")), _date
)


REGION = _Part(_columns("text", "_code _name _sido _as_of _unread"), _region)
READ_AS: dict[type, _Part] = {Amount: AMOUNT, Date: DATE, Region: REGION}


def rows(top: Table, extraction: Extraction) -> Iterator[tuple[Table, list[Value]]]:
    """The rows of an extraction, each with its table: the article's own, and one for each item of each list in its record."""
    found = [*_rows(top, extraction.record, "", (extraction.article,), extraction)]
    names: dict[str, dict[str, None]] = {at: {} for _, at, _ in found}
    for finding in extraction.findings:
        at = finding.at
        while at not in names:
            at = at.rpartition("/")[0]
        names[at][finding.name] = None
    names[""] = {finding.name: None for finding in extraction.findings}
    for table, at, row in found:
        yield table, [*row, " ".join(names[at]) or None]


def _facts(extraction: Extraction, *, vote: bool) -> tuple[Value, ...]:
    found, tokens, cost = extraction, extraction.tokens, extraction.cost
    lost = sum(finding.name == "ungrounded_quote" for finding in found.findings)
    known = (found.article, found.title, found.publisher, found.published, found.text, found.place)
    became = (found.state, found.reason, " ".join(found.origins) or None, found.quotes, found.quotes - lost)
    spent = (tokens.prompt, tokens.completion, tokens.cached)
    return (
        *known,
        *became,
        *spent,
        *((cost.amount, cost.currency) if cost else (None, None)),
        *((found.sure,) if vote else ()),
    )


def _rows(
    table: Table, item: JsonValue, at: str, keys: tuple[Value, ...], extraction: Extraction
) -> Iterator[tuple[Table, str, list[Value]]]:
    row = [*(keys if table.steps else _facts(extraction, vote=table.vote))]
    for leaf in table.leaves:
        value, place = _reach(item, leaf.steps), at + leaf.place
        for part in leaf.parts:
            said = value is not None or part is SURE
            row += part.fill(value, place, extraction) if said else (None,) * len(part.columns)
    yield table, at, row
    for inner in table.lists:
        items = _reach(item, inner.steps)
        for index, child in enumerate(items if isinstance(items, list) else ()):
            yield from _rows(inner, child, at + pointer(*inner.steps, index), (*keys, index), extraction)


def _reach(item: JsonValue, steps: tuple[str, ...]) -> JsonValue:
    for step in steps:
        item = item.get(step) if isinstance(item, dict) else None
    return item
