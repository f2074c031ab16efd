"""What a person wishes of a golden, and the golden as it then is.

Nothing here reads or writes a file. A wish names places by JSON Pointers (RFC 6901): ``at`` into the golden, ``record_at`` into the record, as a
score's leaves have them; a place may be a leaf, an item of a list, an object or a list.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workbench.articles import is_id
from workbench.canonical import canonical_json, hash_text
from workbench.errors import WishError
from workbench.goldens import Golden, with_alternate
from workbench.places import found_at, place_of
from workbench.pointers import INDEX, parent, pointer, put, steps_of
from workbench.schema import form, schema_version
from workbench.wanted import completed, nothing

__all__ = ["Action", "Change", "Selection", "Subject", "Wish", "apply", "select", "typed"]

Action = Literal["accept", "keep", "correct", "alternate", "absent", "skip", "flag"]
LONGEST_NOTE: Final = 10_000


class Selection(BaseModel):
    """A passage of an article: half-open, in code points of the text that the hash is of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    start: int
    end: int


class Wish(BaseModel):
    """What a person wishes of a golden."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action
    at: str | None = None
    """The place in the golden; empty for all of it. ``LIST/-`` is a new item at a list's end."""
    record_at: str | None = None
    """The place in the record's form."""
    value: JsonValue = None
    """What a correction or an alternate says."""
    selected: Selection | None = None
    """Where in the article the value was selected."""
    note: str = ""


@dataclass(frozen=True)
class Subject:
    """What is decided about.

    Attributes:
        golden: The golden's id; where there is none yet, the article's.
        record: What was extracted, as its form has it; None if there is no record.
        text: The hash of the article's text, which a golden that is started answers.
        published: The article's day, month or year.
        article: Gives the article's text, if it is at hand: golden and record are aligned by it as they are when they are scored.
    """

    golden: str
    record: JsonValue
    text: str | None
    published: str | None
    article: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class Change:
    """What a wish comes to.

    Attributes:
        golden: The golden as it then is; None if there is none.
        at: The place in the golden: of an item added where it now is, of one removed where it was. None where the golden has no such place.
        item: Whether an item was added to a list or removed from one, so that its neighbours have other numbers.
        value: What then stands at the place; of an alternate, the alternate; of the whole, nothing.
        was: What stood there.
    """

    golden: Golden | None
    at: str | None = None
    item: Literal["added", "removed"] | None = None
    value: JsonValue = None
    was: JsonValue = None


def apply(golden: Golden | None, wish: Wish, about: Subject, schema: type[BaseModel]) -> Change:
    """What a wish makes of a golden. The golden given stays as it is.

    Raises:
        WishError: If it cannot be done, or the schema does not take it; names the field, in words that can stand beside it.
    """
    if len(wish.note) > LONGEST_NOTE:
        raise WishError("the note is too long", at=wish.at or "", expected=f"at most {LONGEST_NOTE:,} letters")
    for place in (wish.at, wish.record_at):
        if place and not place.startswith("/"):
            raise WishError(f"{place!r} is no JSON Pointer")
    if wish.action == "flag" and not wish.note.strip():
        raise WishError("a flag needs a note: what is the matter?", at=wish.at or "")
    if wish.record_at is not None:
        found_at(about.record, wish.record_at, "the record")
    if wish.action in {"skip", "flag"}:
        return Change(golden, wish.at, value=_shown(golden, wish.at))
    if golden is None:
        return _started(wish, about, schema)
    if wish.at is None and wish.record_at is None:
        raise WishError("no field was named")
    if wish.action == "keep":
        kept = _shown(golden, wish.at)
        return Change(golden, wish.at, value=kept, was=kept)
    if "" in {wish.at, wish.record_at}:
        raise WishError("there is a golden already", way_out="decide field by field")
    return _Amendment(golden, wish, about, schema).change()


def _started(wish: Wish, about: Subject, schema: type[BaseModel]) -> Change:
    """A golden where there was none."""
    if wish.at != "" or wish.action not in {"accept", "absent"}:
        raise WishError(
            "this article has no golden yet",
            at=wish.at or "",
            way_out="start one: from the record, or from nothing",
        )
    if not is_id(about.golden):
        raise WishError(f"the id {about.golden!r} could not name a golden")
    if about.text is None:
        raise WishError("the article could not be read, so there is no text for a golden to answer")
    if wish.action == "accept" and about.record is None:
        raise WishError("there is no record to start from", way_out="start from nothing")
    record = _clean(deepcopy(about.record) if wish.action == "accept" else nothing(schema, []), "")
    _check(record, schema, [])
    golden = Golden(
        id=about.golden,
        schema=schema_version(schema),
        texts=(about.text,),
        published=about.published,
        record=record,
        alternates={},
    )
    return Change(golden, "")


class _Amendment:
    """One wish about a place of a golden that there is."""

    def __init__(self, golden: Golden, wish: Wish, about: Subject, schema: type[BaseModel]) -> None:
        self.golden = golden
        self.wish = wish
        self.about = about
        self.schema = schema

    def change(self) -> Change:
        wish = self.wish
        if wish.action == "correct":
            return self.corrected()
        if wish.action == "alternate":
            return self.alternate()
        if wish.action == "absent" or wish.record_at is None:
            return Change(self.golden) if wish.at is None else self.emptied(wish.at)
        value = found_at(self.about.record, wish.record_at, "the record")
        if wish.at is not None:
            return self.put(steps_of(wish.at), value)
        steps, is_new = self.place(wish.record_at)
        return self.added(steps, value) if is_new else self.put(steps, value)

    def corrected(self) -> Change:
        if self.wish.at is not None:
            steps, is_new = steps_of(self.wish.at), self.wish.at.endswith("/-")
        else:
            steps, is_new = self.place(self.wish.record_at or "")
        if is_new and steps[-1] == "-":
            items = found_at(self.golden.record, pointer(*steps[:-1]), "the golden")
            if not isinstance(items, list):
                raise WishError("this is no list", at=pointer(*steps[:-1]))
            steps = [*steps[:-1], str(len(items))]
        value = completed(self.schema, steps, self.wish.value)
        return self.added(steps, value) if is_new else self.put(steps, value)

    def put(self, steps: list[str], value: JsonValue) -> Change:
        """A value in place of another."""
        at = pointer(*steps)
        was = found_at(self.golden.record, at, "the golden")
        value = _clean(deepcopy(value), at)
        record = deepcopy(self.golden.record)
        put(record, steps, value)
        alternates: dict[str, tuple[JsonValue, ...]] = {}
        for place, others in self.golden.alternates.items():
            known = steps_of(place)
            if known == steps:
                kept = tuple(other for other in others if not _equal(other, value))
                if kept and not isinstance(value, dict | list):
                    alternates[place] = kept
            elif known[: len(steps)] != steps:
                alternates[place] = others
        return Change(self.amended(record, alternates, steps), at, value=value, was=was)

    def added(self, steps: list[str], value: JsonValue) -> Change:
        """A new item in a list."""
        value = _clean(deepcopy(value), pointer(*steps))
        record = deepcopy(self.golden.record)
        parent(record, steps).insert(int(steps[-1]), value)
        return Change(self.amended(record, self.renumbered(steps, 1), steps), pointer(*steps), "added", value)

    def emptied(self, at: str) -> Change:
        """Nothing in place of a value, or an item fewer."""
        steps = steps_of(at)
        was = found_at(self.golden.record, at, "the golden")
        if not isinstance(parent(self.golden.record, steps), list):
            return self.put(steps, nothing(self.schema, steps))
        record = deepcopy(self.golden.record)
        del parent(record, steps)[int(steps[-1])]
        return Change(self.amended(record, self.renumbered(steps, -1), steps), at, "removed", None, was)

    def renumbered(self, steps: list[str], by: Literal[1, -1]) -> dict[str, tuple[JsonValue, ...]]:
        """The alternates when an item has come before others, or gone: theirs follow them, its own go with it."""
        found = {}
        above, index = steps[:-1], int(steps[-1])
        for place, others in self.golden.alternates.items():
            known = steps_of(place)
            if known[: len(above)] == above and len(known) > len(above):
                number = int(known[len(above)])
                if by == -1 and number == index:
                    continue
                if number >= index:
                    known[len(above)] = str(number + by)
                    place = pointer(*known)  # noqa: PLW2901 - where it now is
            found[place] = others
        return found

    def place(self, record_at: str) -> tuple[list[str], bool]:
        """Where in the golden something of the record belongs, and whether it is an item that the golden lacks."""
        about = self.about
        return place_of(record_at, self.golden, about.record, self.schema, as_of=about.published, article=about.article)

    def alternate(self) -> Change:
        at, value = self.wish.at, self.wish.value
        if self.wish.record_at is not None:
            value = found_at(self.about.record, self.wish.record_at, "the record")
            if at is None:
                steps, is_new = self.place(self.wish.record_at)
                at = pointer(*steps)
                if is_new:
                    raise WishError("the golden has no such item for this to be an alternate of", at=at)
        at = pointer(*steps_of(at or ""))
        own = found_at(self.golden.record, at, "the golden")
        if isinstance(own, dict | list) or isinstance(value, dict | list):
            raise WishError("only a single value has alternates", at=at)
        value = _clean(value, at)
        known = next((place for place in self.golden.alternates if steps_of(place) == steps_of(at)), at)
        others = self.golden.alternates.get(known, ())
        if any(_equal(value, other) for other in (own, *others)):
            raise WishError("the golden has this value already", at=at)
        if value is not None:  # null says that it may be left out, whatever the schema wants of a golden
            _check(with_alternate(self.golden, at, value), self.schema, steps_of(at))
        alternates = {**self.golden.alternates, known: (*others, value)}
        return Change(self.golden.model_copy(update={"alternates": alternates}), at, value=value, was=own)

    def amended(self, record: JsonValue, alternates: Mapping[str, tuple[JsonValue, ...]], steps: list[str]) -> Golden:
        _check(record, self.schema, steps)
        return self.golden.model_copy(update={"record": record, "alternates": alternates})


def typed(golden: Golden, at: str, text: str, schema: type[BaseModel]) -> JsonValue:
    """What was typed into a text field, as the field's type has it: text as it is, a number as a number; nothing typed is null.

    Raises:
        WishError: If the schema takes it neither as text nor as JSON.
    """
    text = text.strip()
    as_written: list[JsonValue] = [text] if text else [None]
    with suppress(ValueError, RecursionError):
        as_json: JsonValue = json.loads(text)
        # A bare text may say which object it is, so that what is an object, written out, comes first.
        as_written.insert(0 if isinstance(as_json, dict | list) else 1, as_json)
    refused: list[WishError] = []
    for value in as_written:
        try:
            if value is not None:
                apply(golden, Wish(action="correct", at=at, value=value), Subject(golden.id, None, None, None), schema)
        except WishError as error:
            refused.append(error)
        else:
            return value
    raise refused[0]


def select(text: str, start: int, end: int) -> tuple[str, Selection]:
    """The words that were selected in an article's text, on one line, and where they stand.

    Raises:
        WishError: If there are none.
    """
    if not 0 <= start <= end <= len(text):
        raise WishError(f"{start} to {end} is no passage of the article", expected=f"0 to {len(text)}")
    words = text[start:end]
    start += len(words) - len(words.lstrip())
    if not words.strip():
        raise WishError("nothing was selected")
    selected = Selection(text=hash_text(text), start=start, end=start + len(words.strip()))
    return " ".join(words.split()), selected


def _shown(golden: Golden | None, at: str | None) -> JsonValue:
    """What stands at a place that a decision is about; of the whole nothing is repeated."""
    found = found_at(golden.record, at, "the golden") if golden and at is not None else None
    return found if at else None


def _equal(one: JsonValue, other: JsonValue) -> bool:
    return canonical_json(one) == canonical_json(other)


def _clean(value: Any, at: str) -> Any:
    """A value with its texts in NFC.

    Raises:
        WishError: If it holds what no file can.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise WishError("half a character cannot be written", at=at) from error
        return unicodedata.normalize("NFC", value)
    if isinstance(value, float) and value - value != 0:
        raise WishError("no number that JSON has", at=at)
    if isinstance(value, dict):
        return {_clean(name, at): _clean(child, at + pointer(name)) for name, child in value.items()}
    if isinstance(value, list):
        return [_clean(child, f"{at}/{index}") for index, child in enumerate(value)]
    return value


def _check(record: JsonValue, schema: type[BaseModel], steps: list[str]) -> None:
    """Refuses a record that the schema does not take, in words for the field that was changed or one inside it."""
    try:
        form(schema).model_validate_json(canonical_json(record), strict=True)
    except ValidationError as error:
        raise _refusal(error, record, steps) from error


def _refusal(error: ValidationError, record: JsonValue, steps: list[str]) -> WishError:
    found = error.errors()
    own = [one for one in found if list(map(str, one["loc"]))[: len(steps)] == steps]
    first = (own or found)[0]
    place: list[str] = []
    here: Any = record
    for step in map(str, first["loc"]):  # a union puts names of its own into the place
        if isinstance(here, list) and INDEX.fullmatch(step) and int(step) < len(here):
            here = here[int(step)]
        elif isinstance(here, dict) and step in here:
            here = here[step]
        elif first["type"] in {"missing", "extra_forbidden"}:
            place.append(step)
            break
        else:
            continue
        place.append(step)
    says = "the schema wants a value here" if first["input"] is None else first["msg"].removeprefix("Value error, ")
    return WishError(says, at=pointer(*place))
