"""What a schema wants at a place of a golden: which kind of value, which choices, and what stands there when there is nothing to say."""

import datetime as dt
import types
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from workbench.errors import WishError
from workbench.pointers import INDEX, pointer
from workbench.schema import field_marks, form
from workbench.scoring import Identity

__all__ = ["Kind", "Wanted", "completed", "nothing", "wanted"]

Kind = Literal["text", "choice", "number", "flag", "object", "list", "other"]


@dataclass(frozen=True)
class Wanted:
    """What a schema wants at a place.

    Attributes:
        kind: What sort of value; ``other`` where a text box can only take JSON.
        choices: Of a closed list.
        optional: Whether null may stand there.
        fields: Of an object, in the schema's order.
        identity: The field of an object that says which one it is; None where no text could.
        described: What the schema says of it.
    """

    kind: Kind
    choices: tuple[JsonValue, ...]
    optional: bool
    fields: tuple[str, ...]
    identity: str | None
    described: str


def wanted(schema: type[BaseModel], steps: list[str]) -> Wanted:
    """What a schema wants at a place of a golden.

    Args:
        schema: The schema; its form is what counts.
        steps: Of a JSON Pointer into a golden. An item's number may be any number, or ``-``.

    Raises:
        WishError: If the schema has no such place.
    """
    annotation, described = _at(schema, steps)
    inner, optional = _arms(annotation)
    kind = _kind(inner)
    model = _model(inner)
    return Wanted(
        kind,
        tuple(to_jsonable_python(choice) for choice in _choices(inner)) if kind == "choice" else (),
        optional,
        tuple(model.model_fields) if model else (),
        _identity(model) if model else None,
        described,
    )


def nothing(schema: type[BaseModel], steps: list[str]) -> JsonValue:
    """What stands at a place when there is nothing to say: null, an empty list, an object of nothing.

    Raises:
        WishError: If the schema insists on a value; names the field.
    """
    return _nothing(_at(schema, steps)[0], steps)


def completed(schema: type[BaseModel], steps: list[str], value: JsonValue) -> JsonValue:
    """The value with the fields that it leaves out, each nothing; a bare text where an object is wanted says which object it is.

    Raises:
        WishError: If the schema insists on a value for a field that was left out; names the field.
    """
    model = _model(_arms(_at(schema, steps)[0])[0])
    if model is None:
        return value
    identity = _identity(model)
    if isinstance(value, str) and identity:
        value = {identity: value}
    if not isinstance(value, dict):
        return value
    given = {
        name: value[name] if name in value else _field_nothing(field, [*steps, name])
        for name, field in model.model_fields.items()
    }
    return {**given, **value}  # what the schema does not know comes last, to be refused by name


def _at(schema: type[BaseModel], steps: list[str]) -> tuple[Any, str]:
    """The type expression at a place, and what is said of it."""
    annotation: Any = form(schema)
    described = schema.__doc__ or ""
    for number, name in enumerate(steps):
        inner, _ = _arms(annotation)
        model, origin, arguments = _model(inner), get_origin(inner), get_args(inner)
        container = origin or inner
        if model is not None and name in model.model_fields:
            field = model.model_fields[name]
            annotation, described = field.annotation, field.description or ""
        elif isinstance(container, type) and issubclass(container, Mapping) and len(arguments) == 2:
            annotation, described = arguments[1], ""
        elif _is_list(container) and (name == "-" or name.isdecimal()):
            annotation, described = _item(container, arguments, name), ""
        else:
            raise WishError("the schema has no such place", at=pointer(*steps[: number + 1]))
    return annotation, described


def _item(container: Any, arguments: tuple[Any, ...], name: str) -> Any:
    if not arguments:
        return Any
    if container is tuple and Ellipsis not in arguments:
        return arguments[min(int(name), len(arguments) - 1)] if INDEX.fullmatch(name) else arguments[-1]
    return arguments[0]


def _is_list(container: Any) -> bool:
    return isinstance(container, type) and issubclass(container, list | tuple | set | frozenset)


def _arms(annotation: Any) -> tuple[Any, bool]:
    """A type expression without marks and null, and whether null was in it; of several types, a union."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):  # a type alias
            annotation = annotation.__value__
        else:
            break
    if annotation is None or annotation is type(None):
        return None, True
    if get_origin(annotation) not in {Union, types.UnionType}:
        return annotation, annotation is Any
    arms = [_arms(arm) for arm in get_args(annotation)]
    kept = [arm for arm, _ in arms if arm is not None]
    one = kept[0] if len(kept) == 1 else Union[tuple(kept)] if kept else None  # noqa: UP007 - built at run time
    return one, any(optional for _, optional in arms)


_KINDS: Final[tuple[tuple[tuple[type, ...], Kind], ...]] = (
    ((bool,), "flag"),  # before int, which it is too
    ((int, float, Decimal), "number"),
    ((str, dt.date, dt.time, dt.timedelta), "text"),
    ((list, tuple, set, frozenset), "list"),
    ((BaseModel, Mapping), "object"),
)


def _kind(inner: Any) -> Kind:
    if _choices(inner):
        return "choice"
    if get_origin(inner) in {Union, types.UnionType}:
        kinds = {_kind(_arms(arm)[0]) for arm in get_args(inner)}
        return kinds.pop() if len(kinds) == 1 and kinds <= {"text", "number"} else "other"
    container = get_origin(inner) or inner
    if isinstance(container, type):
        for of_kind, kind in _KINDS:
            if issubclass(container, of_kind):
                return kind
    return "other"


def _choices(inner: Any) -> tuple[Any, ...]:
    if isinstance(inner, type) and issubclass(inner, Enum):
        return tuple(inner)
    return get_args(inner) if get_origin(inner) is Literal else ()


def _model(inner: Any) -> type[BaseModel] | None:
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _identity(model: type[BaseModel]) -> str | None:
    """The field of a model that a bare text fills: the first that identifies it, else the first that takes text."""
    texts = [name for name, field in model.model_fields.items() if _kind(_arms(field.annotation)[0]) == "text"]
    marked = [
        name for name in texts if any(isinstance(mark, Identity) for mark in field_marks(model.model_fields[name]))
    ]
    return next(iter((*marked, *texts)), None)


def _field_nothing(field: FieldInfo, steps: list[str]) -> JsonValue:
    if not field.is_required():
        default: JsonValue = to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}))
        return default
    return _nothing(field.annotation, steps)


def _nothing(annotation: Any, steps: list[str]) -> JsonValue:
    inner, optional = _arms(annotation)
    if optional:
        return None
    kind, model = _kind(inner), _model(inner)
    if kind == "list" and not (get_origin(inner) is tuple and Ellipsis not in get_args(inner)):
        return []
    if model is not None:
        return {name: _field_nothing(field, [*steps, name]) for name, field in model.model_fields.items()}
    if kind == "object":
        return {}
    choices = ", ".join(map(str, map(to_jsonable_python, _choices(inner))))
    raise WishError(
        "the schema wants a value here" + (f": one of {choices}" if choices else ""),
        at=pointer(*steps),
        expected=f"one of {choices}" if choices else f"a {kind}" if kind != "other" else "a value",
    )
