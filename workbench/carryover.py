"""What a change of the schema leaves of a golden: what fits, what is carried over by itself, what is to be labelled, what has no place any more.

A field that was renamed says so: ``Annotated[str, Formerly("leader")]``. Everything else that does not fit is a person's to decide. Nothing is
dropped, and a golden's version changes only when nothing is left to be labelled.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError

from workbench.canonical import canonical_json
from workbench.errors import GoldenError
from workbench.files import write_whole
from workbench.goldens import Goldens, gather, open_golden, read_golden
from workbench.jsontext import edits, rewritten
from workbench.pointers import pointer, steps_of
from workbench.schema import arms_of, form, former_names, scalars, schema_version

__all__ = ["Carryover", "by_field", "carry_over", "present_place", "present_value", "survey"]


@dataclass(frozen=True)
class Carryover:
    """What a change of the schema leaves of one golden. Places are JSON Pointers into its record as it is once renamed fields are carried over.

    Attributes:
        golden: Its id.
        file: That holds it.
        version: Of the schema that it answers.
        wanted: The version of the schema as it is.
        texts: Hashes of the texts that it answers.
        fits: How many of its scalars, null among them, stand as they are.
        renamed: Where a field was → where it is.
        missing: Fields that it does not have, and that are to be labelled: null where the article says nothing.
        gone: What the schema has no place for.
        unfit: What is not of its field's type, and why.
        content: What the file holds.
        carried: What it is to hold.
    """

    golden: str
    file: Path
    version: str
    wanted: str
    texts: tuple[str, ...]
    fits: int
    renamed: dict[str, str]
    missing: tuple[str, ...]
    gone: dict[str, JsonValue]
    unfit: dict[str, str]
    content: str = field(repr=False)
    carried: JsonValue = field(repr=False)

    @property
    def settled(self) -> bool:
        """Whether nothing is left for a person: what is carried over is a golden of the schema as it is."""
        return not (self.missing or self.gone or self.unfit)

    @property
    def writes(self) -> bool:
        """Whether there is something to carry over."""
        return bool(self.renamed) or self.settled

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "version": self.version,
            "fits": self.fits,
            "carried_over": self.renamed,
            "to_be_labelled": list(self.missing),
            "no_place_for": self.gone,
            "does_not_fit": self.unfit,
        }


def survey(folder: Path, schema: type[BaseModel]) -> tuple[Goldens, tuple[Carryover, ...]]:
    """The goldens of a folder that are of the schema as it is, and what has become of the others.

    Raises:
        GoldenError: If a file is no golden, whatever its schema; or if two answer the same text.
    """
    held = []
    changes = []
    for file in sorted(folder.glob("*.json")):
        change = _change(file, schema)
        if change:
            changes.append(change)
        else:
            held.append(read_golden(file, schema))
    return gather(folder, held), tuple(changes)


def by_field(changes: Iterable[Carryover]) -> Counter[str]:
    """How many places of each field are to be labelled: ``shops[].owner``."""
    return Counter(re.sub(r"/[0-9]+(?=/|$)", "[]", at)[1:].replace("/", ".") for one in changes for at in one.missing)


def carry_over(change: Carryover) -> None:
    """Write a golden with its renamed fields carried over, and with the schema's version if it is settled; only what changes is written anew.

    Raises:
        GoldenError: If the file changed since it was read.
    """
    if change.file.read_bytes() != change.content.encode():
        raise GoldenError(
            "the file changed while it was looked at", where=str(change.file), way_out="run the command again"
        )
    write_whole(change.file, rewritten(change.content, edits(change.content, change.carried)))


def present_place(schema: type[BaseModel], at: str) -> str:
    """A JSON Pointer into the form of a record with every field by its present name, whether or not anything stands there.

    A former name is never a field's of the same model, so that what is present already stays as it is. Where a union has a model with a field of
    this name, it is meant.
    """
    return pointer(*_way(schema, at)[0])


def present_value(schema: type[BaseModel], at: str, value: JsonValue) -> JsonValue:
    """What stood at a place, or at one of a list's there, as a golden has it now: its fields, and theirs, by their present names."""
    kinds = _way(schema, at)[1]
    if not isinstance(value, list):
        arms = [one for kind in kinds for one, _ in arms_of(kind)]
        kinds += [get_args(one)[0] for one in arms if _is_list(one) and get_args(one)]
    carried: JsonValue = _carried(Union[tuple(kinds)] if kinds else Any, value, ("", ""), {}, [])  # noqa: UP007 - of kinds known only now
    return carried


def _way(schema: type[BaseModel], at: str) -> tuple[list[str], list[Any]]:
    """The steps of a pointer by present names, and of what types the place is; none where the schema has no such place."""
    kinds: list[Any] = [form(schema)]
    way = []
    for step in steps_of(at):
        arms = [one for kind in kinds for one, _ in arms_of(kind)]
        fields = [
            (name, info)
            for one in arms
            if isinstance(one, type) and issubclass(one, BaseModel)
            for name, info in one.model_fields.items()
        ]
        name = step
        if step not in {field for field, _ in fields}:
            name = next((field for field, info in fields if step in former_names(info)), step)
        way.append(name)
        kinds = [info.annotation for field, info in fields if field == name]
        if not kinds:
            kinds = [get_args(one)[0 if _is_list(one) else -1] for one in arms if get_args(one)]
    return way, kinds


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple, set, frozenset)


def _change(file: Path, schema: type[BaseModel]) -> Carryover | None:
    """None if the golden is of the schema's form and version."""
    golden, wanted = open_golden(file), schema_version(schema)
    content = file.read_bytes().decode()
    carried = json.loads(content)
    renamed: dict[str, str] = {}
    defaults: list[str] = []
    shape = form(schema)
    carried["record"] = _carried(shape, carried["record"], ("", ""), renamed, defaults)
    missing, gone, unfit = _misfits(shape, carried["record"], file)
    if golden.schema_ != wanted:
        # A field that may be left out is new too: nobody has looked for it.
        missing += [at for at in defaults if at not in missing]
    if golden.schema_ == wanted and not (renamed or missing or gone or unfit):
        return None
    if "alternates" in carried:
        carried["alternates"] = {_moved(at, renamed): value for at, value in carried["alternates"].items()}
    if not (missing or gone or unfit):
        carried["schema"] = wanted
    out = (*gone, *unfit)
    fits = sum(not any(_within(at, place) for place in out) for at, _ in scalars(carried["record"]))
    of = (golden.id, file, golden.schema_, wanted, golden.texts, fits)
    return Carryover(*of, renamed, tuple(missing), gone, unfit, content, carried)


def _carried(kind: Any, value: Any, at: tuple[str, str], renamed: dict[str, str], defaults: list[str]) -> Any:
    """The value with its fields by their present names, in their order; ``at`` is where it was and where it is."""
    kinds = [one for one, _ in arms_of(kind)]
    if isinstance(value, list):
        items = [(get_args(one) or (Any,))[0] for one in kinds if _is_list(one)]
        steps = [(item, (at[0] + pointer(number), at[1] + pointer(number))) for number, item in enumerate(value)]
        return [_carried(items[0] if items else Any, item, place, renamed, defaults) for item, place in steps]
    if not isinstance(value, dict):
        return value
    models = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
    if models:
        return _carried_model(max(models, key=lambda model: _known(model, value)), value, at, renamed, defaults)
    inner = next((get_args(one)[1] for one in kinds if len(get_args(one)) == 2), Any)
    return {
        key: _carried(inner, child, (at[0] + pointer(key), at[1] + pointer(key)), renamed, defaults)
        for key, child in value.items()
    }


def _carried_model(
    model: type[BaseModel], value: dict[str, Any], at: tuple[str, str], renamed: dict[str, str], defaults: list[str]
) -> dict[str, Any]:
    now: dict[str, str] = {}
    for name, info in model.model_fields.items():
        before = next((former for former in former_names(info) if former in value), None)
        if name not in value and before is not None:
            now[before] = name
    result = {}
    for key, child in value.items():
        name = now.get(key, key)
        place = at[0] + pointer(key), at[1] + pointer(name)
        if name != key:
            renamed[place[0]] = place[1]
        kind = model.model_fields[name].annotation if name in model.model_fields else Any
        result[name] = _carried(kind, child, place, renamed, defaults)
    optional = (name for name, info in model.model_fields.items() if not info.is_required())
    defaults += [at[1] + pointer(name) for name in optional if name not in result]
    return result


def _known(model: type[BaseModel], value: dict[str, Any]) -> int:
    """How many of an object's keys are, or were, fields of a model."""
    names = {known for name, info in model.model_fields.items() for known in (name, *former_names(info))}
    return len(names & value.keys())


def _misfits(
    shape: type[BaseModel], record: JsonValue, file: Path
) -> tuple[list[str], dict[str, JsonValue], dict[str, str]]:
    """What a record lacks, what it has too much, and what is of another type than its field."""
    missing: list[str] = []
    gone: dict[str, JsonValue] = {}
    unfit: dict[str, str] = {}
    try:
        shape.model_validate_json(canonical_json(record), strict=True)
    except ValidationError as error:
        for problem in error.errors():
            at, value, beyond = _reach(record, problem["loc"])
            if problem["type"] == "missing" and len(beyond) == 1:
                missing.append(at + pointer(*beyond))
            elif problem["type"] == "extra_forbidden" and not beyond:
                gone[at] = value
            else:  # of a union each arm says why it is not the one
                unfit[at] = f"{unfit[at]}; {problem['msg']}" if at in unfit else problem["msg"]
    except ValueError as error:
        raise GoldenError(f"record: {error}", where=str(file), expected="JSON") from error
    return missing, gone, unfit


def _reach(value: Any, steps: tuple[str | int, ...]) -> tuple[str, JsonValue, tuple[str | int, ...]]:
    """As far as the steps lead: the place, what stands there, and the steps that lead no further."""
    at = ""
    for number, step in enumerate(steps):
        inside = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if not inside:
            return at, value, steps[number:]
        value = value[step]
        at += pointer(step)
    return at, value, ()


def _within(at: str, place: str) -> bool:
    return at == place or at.startswith(place + "/")


def _moved(at: str, renamed: dict[str, str]) -> str:
    """Where a place is, once fields are renamed: the innermost rename above it has those around it in it."""
    above = [place for place in renamed if _within(at, place)]
    if not above:
        return at
    innermost = max(above, key=lambda place: len(steps_of(place)))
    return renamed[innermost] + at.removeprefix(innermost)
