"""What several records of one article come to: a record of the schema, with quotes.

The vote itself is on values alone (`workbench.scoring.vote`). A value that won gets its quote from a record that gave it: a cited value from the
first that spells it so, an item or an object from the one that agrees with most of its leaves. No quote is made up, and none is put together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, JsonValue, ValidationError

from workbench.canonical import canonical_json, first_problem
from workbench.pointers import first_difference, pointer
from workbench.schema import Cited, form, values
from workbench.scoring import Context
from workbench.scoring.shape import shape_of
from workbench.scoring.vote import Tie, Voted, vote

__all__ = ["Consensus", "agree_on", "stored_places"]

LONGEST_VALUE: Final = 80
"""Characters of a value that a problem shows."""


@dataclass(frozen=True)
class Consensus:
    """What records come to. Keys are JSON Pointers into the record as it is stored, quotes included.

    Attributes:
        record: The merged record; None where what won at each place makes no record of the schema together.
        problem: Why there is none.
        confidence: Of each leaf, the share of the records that say so.
        ties: Where the earliest record decided.
        notes: Short cuts of the alignment.
    """

    record: BaseModel | None
    problem: str | None
    confidence: Mapping[str, float]
    ties: tuple[Tie, ...]
    notes: tuple[str, ...]


def agree_on(records: Sequence[BaseModel], schema: type[BaseModel], context: Context) -> Consensus:
    """Let records of one article vote.

    Args:
        records: Records of the schema, the earliest first; at least one.
        schema: The schema.
        context: What comparators need to know.

    Raises:
        TooLarge: If lists are too long to be aligned.
    """
    voted = vote([values(record) for record in records], shape_of(form(schema)), context)
    quoted = _Quoter(records, voted).quoted(voted.value, "")
    try:
        record = schema.model_validate_json(canonical_json(quoted))
    except ValidationError as error:
        return Consensus(None, f"what won makes no record together: {first_problem(error)}", {}, (), voted.notes)
    stored = stored_places(record)
    if changed := first_difference(voted.value, values(record)):
        at, won, became = changed
        says = f"the schema's validators change what won at {stored(at) or 'the record'}: {_short(won)} became {_short(became)}"
        return Consensus(None, says, {}, (), voted.notes)
    return Consensus(
        record,
        None,
        {stored(at): share for at, share in voted.confidence.items()},
        tuple(Tie(stored(tie.at), tie.says) for tie in voted.ties),
        voted.notes,
    )


def _short(value: JsonValue) -> str:
    text = canonical_json(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


class _Quoter:
    """Puts a merged value back into the schema, each quote from the record that is the value's first source."""

    def __init__(self, records: Sequence[BaseModel], voted: Voted) -> None:
        self._sources = voted.sources
        # Each record is walked once: a pointer into its form, and what stands there.
        self._things = [dict(_things(record, values(record), "")) for record in records]

    def quoted(self, value: JsonValue, at: str) -> JsonValue:
        """A value at a JSON Pointer into the merged form, with its quotes."""
        source = self._sources[at][0] if at in self._sources else None
        thing = self._things[source.sample].get(source.at) if source else None
        if isinstance(thing, Cited):
            return {"value": self._inside(thing.value, value, at), "quote": thing.quote}
        return self._inside(thing, value, at)

    def _inside(self, thing: object, value: JsonValue, at: str) -> JsonValue:
        if isinstance(value, list):
            return [self.quoted(child, f"{at}/{number}") for number, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        inside = {name: self.quoted(child, at + pointer(name)) for name, child in value.items()}
        if not isinstance(thing, BaseModel):
            return inside
        own = type(thing).model_fields
        quotes: dict[str, Any] = {
            name: getattr(thing, name) for name in own if name not in form(type(thing)).model_fields
        }
        everything = inside | quotes
        return {name: everything[name] for name in (*own, *inside) if name in everything}


def _things(thing: object, value: JsonValue, at: str) -> Iterator[tuple[str, object]]:
    """What stands at each place of a record, by JSON Pointer into its form; ``value`` is the form of the thing."""
    yield at, thing
    inner = thing.value if isinstance(thing, Cited) else thing
    for name, child, held in _parts(inner, value):
        yield from _things(child, held, at + pointer(name))


def stored_places(record: BaseModel) -> Callable[[str], str]:
    """Gives for a JSON Pointer into a record's form that into the record as it is stored: ``/street`` is ``/street/value`` there."""
    cited = dict(_stored(record, values(record), "", ""))

    def stored(at: str) -> str:
        above, slash, last = at.rpartition("/")
        return cited.get(at) or (f"{stored(above)}{slash}{last}" if at else "")

    return stored


def _stored(thing: object, value: JsonValue, at: str, stored: str) -> Iterator[tuple[str, str]]:
    """The places of cited values, in the form and as they are stored."""
    if isinstance(thing, Cited):
        thing, stored = thing.value, f"{stored}/value"
        yield at, stored
    for name, child, held in _parts(thing, value):
        step = pointer(name)
        yield from _stored(child, held, at + step, stored + step)


def _parts(thing: object, value: JsonValue) -> Iterator[tuple[str | int, object, JsonValue]]:
    """What a model, a list or a dictionary holds, each part with its name in the form and its form."""
    if isinstance(thing, BaseModel) and isinstance(value, dict):
        for name, held in value.items():
            yield name, getattr(thing, name), held
    elif isinstance(thing, list | tuple) and isinstance(value, list):
        for number, (child, held) in enumerate(zip(thing, value, strict=True)):
            yield number, child, held
    elif isinstance(thing, dict) and isinstance(value, dict):
        for (name, held), child in zip(value.items(), thing.values(), strict=True):
            yield name, child, held
