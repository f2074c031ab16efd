"""What the scorer knows of a field: read from a Pydantic model's annotations, or from a JSON Schema."""

import datetime as dt
import enum
import math
import types
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import unquote

from pydantic import AnyUrl, BaseModel

from workbench.errors import SchemaError
from workbench.pointers import steps_of
from workbench.scoring.comparators import Category, Comparator, Exact, Number, Set, Text, Typed, Url, check_range
from workbench.scoring.readings import Amount, Date, Region

__all__ = ["Critical", "Floor", "Identity", "Shape", "Weight", "placed", "shape_of"]

FLOOR = 0.5


@dataclass(frozen=True, slots=True)
class Identity:
    """Marks the field that says which item of a list this is: its likeness counts as much as ``weight`` other fields when items are paired."""

    weight: float = 10.0

    def __post_init__(self) -> None:
        """Refuses a weight below 0."""
        check_range("an identity's weight", self.weight, math.inf)


@dataclass(frozen=True, slots=True)
class Weight:
    """Marks a field whose leaves count so many times in precision, recall and F1."""

    weight: float

    def __post_init__(self) -> None:
        """Refuses a weight below 0."""
        check_range("a weight", self.weight, math.inf)


@dataclass(frozen=True, slots=True)
class Critical:
    """Marks a field that must be right: `Score.critical` lists those that are not."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Marks a list: two items less alike than this, from 0 to 1, are not the same thing, nor are two texts in them alike at all."""

    floor: float

    def __post_init__(self) -> None:
        """Refuses a floor outside 0 to 1."""
        check_range("a floor", self.floor, 1)


@dataclass(slots=True, eq=False)
class Shape:
    """How values at one place are compared, whatever their type turns out to be.

    A value's own type says whether it is a scalar, an object or a list; a shape has an answer for each, and so a record of the
    wrong type is scored like any other.

    Attributes:
        comparator: For a scalar.
        fields: For an object's declared fields, by their name in JSON.
        rest: For its other fields; None where nothing is known of them.
        item: For a list's items; None where nothing is known of them.
        declared: Whether the schema has a scalar here, so that null against null is an absent leaf.
        weight: How many times a leaf counts.
        critical: Whether a leaf must be right.
        identity: How much it identifies the item that holds it.
        floor: How much alike two items of a list must be.
    """

    comparator: Comparator = field(default_factory=Typed)
    fields: MutableMapping[str, "Shape"] = field(default_factory=dict)
    rest: "Shape | None" = None
    item: "Shape | None" = None
    declared: bool = False
    weight: float = 1.0
    critical: bool = False
    identity: float = 0.0
    floor: float = FLOOR

    @property
    def whole(self) -> bool:
        """Whether a list here is one leaf."""
        return isinstance(self.comparator, Set)

    @property
    def scalar(self) -> bool:
        """Whether nothing on both sides is an absent leaf, rather than a list or an object that neither has."""
        return self.declared or not (self.fields or self.rest or self.item)

    def of_field(self, name: str) -> "Shape":
        """The shape of an object's field."""
        return self.fields.get(name) or self.rest or UNKNOWN

    def of_item(self) -> "Shape":
        """The shape of a list's items."""
        return self.item or UNKNOWN


UNKNOWN = Shape()
"""Nothing is known: types decide."""


def shape_of(schema: type[BaseModel] | Mapping[str, Any] | None) -> Shape:
    """The shape that a schema describes.

    Args:
        schema: A Pydantic model, whose annotations may hold comparators and marks; a JSON Schema, whose subschemas may hold
            ``"x-workbench": {"comparator": "text", "floor": 0.9, "weight": 2, "critical": true, "identity": 10}``; or nothing.

    Raises:
        SchemaError: If a JSON Schema is malformed, refers to what it does not define, or names a comparator that there is none of.
    """
    if schema is None:
        return UNKNOWN
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return _of_root(schema)
    if not isinstance(schema, Mapping):
        raise SchemaError(f"{schema!r} is no schema", expected="a Pydantic model, or a JSON Schema: an object")
    return _JsonSchema(schema).shape(schema)


@lru_cache(maxsize=64)
def _of_root(model: type[BaseModel]) -> Shape:
    return _of_type(model, {})


def placed(shape: Shape, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Shape]]:
    """Every place of a shape by its path, ``orders[].items[].price``; a model within itself is entered once."""
    if id(shape.fields) in above:
        return
    yield path, shape
    above = (*above, id(shape.fields))
    for name, child in shape.fields.items():
        yield from placed(child, f"{path}.{name}" if path else name, above)
    if shape.item and not shape.whole:
        yield from placed(shape.item, f"{path}[]", above)


_SCALARS: dict[type[Any], Callable[[], Comparator]] = {
    bool: Exact,  # before int, which it is too
    enum.Enum: Category,  # before str, which some are too
    int: Number,
    float: Number,
    Decimal: Number,
    AnyUrl: Url,
    dt.date: Date,
    str: Text,
}


def _of_type(annotation: Any, models: dict[Any, Shape]) -> Shape:
    """The shape of a type; ``models`` holds those under way, so that a model may contain itself."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(_of_type(arguments[0], models), annotation.__metadata__)
    if origin is Literal:
        return Shape(Category() if all(isinstance(value, str) for value in arguments) else Exact(), declared=True)
    if origin in (Union, types.UnionType):
        return _either([_of_type(arm, models) for arm in arguments if arm is not type(None)])
    if hasattr(annotation, "__value__"):  # a type alias
        if annotation not in models:
            models[annotation] = UNKNOWN  # within itself
            models[annotation] = _of_type(annotation.__value__, models)
        return models[annotation]
    container = origin or annotation
    return _of_class(container, arguments, models) if isinstance(container, type) else UNKNOWN


def _of_class(container: type[Any], arguments: tuple[Any, ...], models: dict[Any, Shape]) -> Shape:
    if issubclass(container, BaseModel):
        return _of_model(container, models)
    if issubclass(container, Mapping):
        return Shape(rest=_of_type(arguments[1], models) if len(arguments) == 2 else None)
    for scalar, comparator in _SCALARS.items():
        if issubclass(container, scalar):
            return Shape(comparator(), declared=True)
    if arguments:
        return Shape(item=_either([_of_type(item, models) for item in arguments if item is not Ellipsis]))
    return UNKNOWN


def _of_model(model: type[BaseModel], models: dict[Any, Shape]) -> Shape:
    if model in models:
        return models[model]
    model.model_rebuild(raise_errors=False)  # annotations that name a class further down are still to be resolved
    shape = models[model] = Shape()
    for name, info in model.model_fields.items():
        of_field = _marked(_of_type(info.annotation, models), info.metadata)
        if name == "root" and model.__pydantic_root_model__:
            return of_field
        shape.fields[info.serialization_alias or name] = of_field
    return shape


def _marked(shape: Shape, marks: Any) -> Shape:
    """A shape with what its annotation says of it."""
    changes: dict[str, Any] = {}
    for mark in marks:
        match mark:
            case Identity(weight):
                changes["identity"] = weight
            case Weight(weight):
                changes["weight"] = weight
            case Critical():
                changes["critical"] = True
            case Floor(floor):
                changes["floor"] = floor
            case _ if callable(getattr(mark, "compare", None)):
                changes |= {"comparator": mark, "declared": True}
            case _:  # Pydantic's own
                pass
    return replace(shape, **changes) if changes else shape


def _either(arms: list[Shape]) -> Shape:
    """The shape of a union: the fields of all its objects, of two by one name the first; where its scalars differ, types decide."""
    if len(arms) < 2:
        return arms[0] if arms else UNKNOWN
    scalars = [arm.comparator for arm in arms if arm.declared]
    return Shape(
        scalars[0] if scalars and all(comparator == scalars[0] for comparator in scalars) else Typed(),
        ChainMap(*(arm.fields for arm in arms)),  # a view: a model that holds the union may still be under way
        next((arm.rest for arm in arms if arm.rest), None),
        next((arm.item for arm in arms if arm.item), None),
        declared=bool(scalars),
        weight=max(arm.weight for arm in arms),
        critical=any(arm.critical for arm in arms),
        identity=max(arm.identity for arm in arms),
        floor=min(arm.floor for arm in arms),
    )


_JSON_TYPES: dict[str, Callable[[], Comparator]] = {
    "string": Text,
    "number": Number,
    "integer": Number,
    "boolean": Exact,
}
_ALL_JSON_TYPES = (*_JSON_TYPES, "array", "object", "null")
_JSON_FORMATS: dict[str, Callable[[], Comparator]] = {"date": Date, "date-time": Date, "uri": Url, "uri-reference": Url}
_BY_NAME: dict[str, Callable[..., Comparator]] = {
    kind.__name__.lower(): kind for kind in (Amount, Category, Date, Exact, Number, Region, Set, Text, Url)
}


_NUMBERS = ("tolerance", "relative", "floor", "weight", "identity")
_FLAGS = ("critical", "leading")
_NOTES = ("comparator", *_FLAGS, *_NUMBERS)


class _JsonSchema:
    """Reads shapes out of one JSON Schema document; a ``$ref`` is read once, and so may be recursive."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.references: dict[str, Shape] = {}

    def shape(self, schema: Any) -> Shape:
        """The shape of a subschema."""
        if isinstance(schema, bool):  # true and false are schemas too
            return UNKNOWN
        if not isinstance(schema, Mapping):
            raise SchemaError(f"{schema!r} is no JSON Schema", expected="an object, true or false")
        arms = [arm for keyword in ("anyOf", "oneOf", "allOf") for arm in _part(schema, keyword, list, ())]
        arms = [self.shape(arm) for arm in arms if not (isinstance(arm, Mapping) and arm.get("type") == "null")]
        if "$ref" in schema:
            arms.append(self.reference(_part(schema, "$ref", str, "")))
        own = self.own(schema)
        if own.declared or own.fields or own.item or own.rest or not arms:
            arms.insert(0, own)
        return _marked(_either(arms), self.marks(_part(schema, "x-workbench", Mapping, {})))

    def own(self, schema: Mapping[str, Any]) -> Shape:
        """What a subschema says without its alternatives."""
        named = _part(schema, "type", (str, list), [])
        named = [named] if isinstance(named, str) else named
        if unknown := [kind for kind in named if kind not in _ALL_JSON_TYPES]:
            raise SchemaError(f"there is no type {unknown[0]!r}", where="type", expected=", ".join(_ALL_JSON_TYPES))
        kinds = [kind for kind in named if kind in _JSON_TYPES]
        made = {_JSON_TYPES[kind] for kind in kinds}
        comparator: Comparator = made.pop()() if len(made) == 1 else Typed()
        if "enum" in schema or "const" in schema:
            values = _part(schema, "enum", list, [schema.get("const")])
            comparator = Category() if all(isinstance(value, str | None) for value in values) else Exact()
        elif (written := _part(schema, "format", str, "")) in _JSON_FORMATS:
            comparator = _JSON_FORMATS[written]()
        rest = _part(schema, "additionalProperties", (Mapping, bool), True)
        items = _part(schema, "items", (Mapping, bool, list), True)  # a list: a tuple's, in older drafts
        return Shape(
            comparator,
            {name: self.shape(field) for name, field in _part(schema, "properties", Mapping, {}).items()},
            self.shape(rest) if isinstance(rest, Mapping) else None,
            self.shape(items) if isinstance(items, Mapping) else None,
            declared=bool(kinds) or "enum" in schema or "const" in schema,
        )

    def reference(self, reference: str) -> Shape:
        """The shape that a ``$ref`` within the document points to."""
        if reference not in self.references:
            target: Any = self.root
            for name in steps_of(unquote(reference).removeprefix("#")):
                if not (isinstance(target, Mapping) and name in target):
                    raise SchemaError("this reference points at nothing in the schema", where=reference)
                target = target[name]
            placeholder = self.references[reference] = Shape()
            found = self.shape(target)
            placeholder.fields.update(found.fields)
            for name in ("comparator", "rest", "item", "declared", "weight", "critical", "identity", "floor"):
                setattr(placeholder, name, getattr(found, name))
        return self.references[reference]

    def marks(self, notes: Mapping[str, Any]) -> list[Any]:
        """The marks that ``x-workbench`` spells out."""
        marks: list[Any] = []
        if unknown := notes.keys() - _NOTES:
            raise SchemaError(f"unknown notes: {sorted(unknown)}", where="x-workbench", expected=", ".join(_NOTES))
        for note in notes:
            if note != "comparator":
                _part(notes, note, bool if note in _FLAGS else float, None)
        options = {name: value for name, value in notes.items() if name in ("tolerance", "relative", "leading")}
        if name := _part(notes, "comparator", str, ""):
            if name not in _BY_NAME:
                raise SchemaError(f"there is no comparator {name!r}", where="x-workbench", expected=", ".join(_BY_NAME))
            if name == "text" and "floor" in notes:
                options["floor"] = notes["floor"]
            try:
                marks.append(_BY_NAME[name](**options))
            except TypeError as error:
                raise SchemaError(f"{name} takes no {' and no '.join(options)}", where="x-workbench") from error
        elif "floor" in notes:
            marks.append(Floor(notes["floor"]))
        marks += [mark(notes[key]) for key, mark in (("weight", Weight), ("identity", Identity)) if key in notes]
        return [*marks, Critical()] if notes.get("critical") else marks


def _part(schema: Mapping[str, Any], keyword: str, kind: type[Any] | tuple[type[Any], ...], absent: Any) -> Any:
    """What a keyword of a JSON Schema holds, if it is of the kind that belongs there.

    Raises:
        SchemaError: It is of another kind.
    """
    value = schema.get(keyword, absent)
    fits = isinstance(value, int | float) and not isinstance(value, bool) if kind is float else isinstance(value, kind)
    if keyword in schema and not fits:
        kinds = " or ".join(_TYPES[one] for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise SchemaError(f"{value!r} makes no sense here", where=keyword, expected=kinds)
    return value


_TYPES: dict[Any, str] = {
    str: "a text",
    list: "a list",
    Mapping: "an object",
    bool: "true or false",
    float: "a number",
}
