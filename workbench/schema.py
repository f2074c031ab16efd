"""What the workbench understands of a Pydantic schema: which fields are quotes, which are leaves, and what a golden of it looks like.

A schema is any Pydantic model. Two marks are ours, and optional: a field of type ``Quote`` cites the passage that supports the model
it stands in, and ``Cited[T]`` is one value with its quote. The *form* of a schema is the same schema without quotes: what a golden
holds, and what the scorer compares.
"""

import ast
import importlib.util
import sys
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Generic, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, RootModel, create_model
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from workbench.canonical import hash_bytes, hash_json
from workbench.errors import SchemaError
from workbench.pointers import pointer

__all__ = [
    "Arm",
    "Cited",
    "Formerly",
    "Quote",
    "QuoteMark",
    "arms_of",
    "field_marks",
    "form",
    "former_names",
    "is_chosen",
    "is_quote",
    "key_step",
    "load_schema",
    "scalars",
    "schema_code",
    "schema_version",
    "values",
]

T = TypeVar("T")
Arm: TypeAlias = tuple[Any, tuple[object, ...]]
"""One of the types that a field may have, and the marks on it."""


@dataclass(frozen=True)
class QuoteMark:
    """Marks a field as the passage that supports its neighbours."""


Quote = Annotated[str, QuoteMark()]
"""The type of a field that cites: the shortest verbatim passage that supports the other fields of its model."""


class Cited(BaseModel, Generic[T]):
    """One value and the passage that supports it. In a golden it is the bare value."""

    model_config = ConfigDict(extra="forbid")

    value: T
    quote: Quote


@dataclass(frozen=True)
class Formerly:
    """Marks a field that goldens of an earlier version have by another name: ``head: Annotated[str, Formerly("leader")]``."""

    name: str


def load_schema(reference: str, root: Path) -> type[BaseModel]:
    """The model class that ``file.py:Name`` names, relative to the project's folder.

    The file is executed: it is code of the project's own, like its tests. What it prints goes to stderr.

    Raises:
        SchemaError: If there is no such file or class, the file fails when imported, or a record of it could not be written and read back.
    """
    file, _, name = reference.partition(":")
    path = (root / file).resolve()
    if not name or not path.is_file():
        raise SchemaError(
            f"there is no schema {reference!r}",
            where=str(path),
            expected='schema = "FILE.py:CLASS", the file relative to the project\'s folder',
            way_out="correct `schema` in the prompt's front matter",
        )
    module_name = f"workbench_schema_{hash_json(str(path))[7:19]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise SchemaError("this file is no Python module", where=str(path), expected="a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    module.__dict__["print"] = _print  # also from its validators, long after it was imported
    sys.modules[module_name] = module
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise SchemaError(f"the schema file fails: {type(error).__name__}: {error}", where=str(path)) from error
    schema = getattr(module, name, None)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise SchemaError(f"{name!r} is no Pydantic model in this file", where=str(path))
    try:
        schema.model_rebuild()
    except Exception as error:
        raise SchemaError(f"{name} is not fully defined: {error}", where=str(path)) from error
    found = [problem for model in _models(schema) for problem in _unfit(model)]
    if found:
        raise SchemaError("the schema does not fit: " + "; ".join(found), where=f"{path}:{name}")
    return schema


def schema_code(reference: str, root: Path) -> str:
    """The tagged hash of the code of a schema that was loaded: its file, and what that imports of the project's own, validators among it.

    Installed packages are not in it, nor is the workbench: a run notes their versions.
    """
    top, own = root.resolve(), Path(__file__).parent
    waiting, found = [((root / reference.partition(":")[0]).resolve(), "")], dict[Path, str]()
    while waiting:
        path, package = waiting.pop()
        if path in found:
            continue
        raw = path.read_bytes()
        found[path] = hash_bytes(raw)
        for module in _imports(raw, package):
            file = Path(module.__file__ or "").resolve()
            theirs = not file.is_relative_to(top) or file.is_relative_to(own) or "site-packages" in file.parts
            if file.suffix == ".py" and not theirs:
                waiting.append((file, module.__package__ or ""))
    return hash_json([*sorted(found.values())])


def _imports(source: bytes, package: str) -> Iterator[types.ModuleType]:
    """The modules that a file has import statements for, their packages among them, as far as they are imported."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(relative, package) if package or not node.level else ""
            names |= {f"{base}.{each.name}" for each in node.names}
    around = {".".join(name.split(".")[:length]) for name in names for length in range(1, name.count(".") + 2)}
    for name in sorted(around):
        if isinstance(module := sys.modules.get(name), types.ModuleType) and getattr(module, "__file__", None):
            yield module


def _print(*values: object, **options: Any) -> None:
    """What a schema file prints: words for a person, where stdout is for data."""
    print(*values, **{"file": sys.stderr, **options})  # noqa: T201 - the user's own words


def _models(schema: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and all that its fields name, each once."""
    seen: set[object] = set()
    waiting: list[object] = [schema]
    while waiting:
        annotation = waiting.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in seen:
                seen.add(annotation)
                yield annotation
                waiting += [field.annotation for field in annotation.model_fields.values()]
        else:
            waiting += get_args(annotation)


def _unfit(model: type[BaseModel]) -> Iterator[str]:
    """Why a record with this model in it could not be written, read back and held against a golden."""
    at = model.__name__
    if issubclass(model, RootModel):
        yield f"{at}: a root model (give its value a name)"
    rules = model.__pydantic_decorators__
    if rules.computed_fields or rules.field_serializers or rules.model_serializers:
        yield f"{at}: computed fields or serializers (a record is kept as the model gave it)"
    for name, field in model.model_fields.items():
        if any(alias not in {None, name} for alias in (field.alias, field.serialization_alias)) or (
            field.validation_alias is not None and field.validation_alias != name
        ):
            yield f"{at}.{name}: an alias (name the field as the answer shall)"
        if _holds_set(field.annotation):
            yield f"{at}.{name}: a set, whose order is another each time (use a list)"
        if field.exclude:
            yield f"{at}.{name}: it is excluded from what is written"
        if is_quote(field) and not _is_text(field.annotation):
            yield f"{at}.{name}: a quote that may be several, or something else (a field cites one passage, or none)"
    former = Counter(name for field in model.model_fields.values() for name in former_names(field))
    for name, times in former.items():
        if times > 1 or name in model.model_fields:
            yield f"{at}: {name!r} is the former name of a field, and of another or a field's own (which is meant?)"
    quotes = [name for name, field in model.model_fields.items() if is_quote(field)]
    if len(quotes) > 1:
        yield f"{at}: {len(quotes)} quotes, {' and '.join(quotes)} (a model cites one passage)"


def _is_text(annotation: object) -> bool:
    """Whether all that a field takes is one text, copied or chosen, or null."""
    arms = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return all(is_chosen(arm) or getattr(arm, "__origin__", arm) in {str, types.NoneType} for arm in arms)


def _holds_set(annotation: object) -> bool:
    return (get_origin(annotation) or annotation) in {set, frozenset} or any(map(_holds_set, get_args(annotation)))


def former_names(field: FieldInfo) -> tuple[str, ...]:
    """What a field was called in earlier versions of its schema."""
    return tuple(mark.name for mark in field_marks(field) if isinstance(mark, Formerly))


def schema_version(schema: type[BaseModel]) -> str:
    """The version that a golden names: the schema's ``version`` class attribute if it has one, else the hash of its form."""
    declared = getattr(schema, "version", None)
    if isinstance(declared, str):
        return declared
    return hash_json(_shape(form(schema).model_json_schema()))


def _shape(node: Any) -> Any:
    """A JSON Schema without its words: a description put better leaves every golden as it was."""
    if isinstance(node, list):
        return [_shape(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _shape(child) for name, child in value.items()} if key in {"properties", "$defs"} else _shape(value)
        for key, value in node.items()
        if key not in {"title", "description"}
    }


def key_step(key: object) -> str:
    """A dictionary's key as JSON has it."""
    return str(next(iter(to_jsonable_python({key: None}))))


def scalars(value: JsonValue, at: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Every scalar of a JSON value, null included, by its JSON Pointer."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from scalars(child, at + pointer(name))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from scalars(child, at + pointer(number))
    else:
        yield at, value


def values(record: BaseModel) -> JsonValue:
    """A record as its form has it: plain JSON without quotes, a cited value bare."""
    return _values(record, record.model_dump(mode="json"))


def _values(item: object, dumped: Any) -> JsonValue:
    if isinstance(item, Cited):
        return _values(item.value, dumped["value"])
    if isinstance(item, BaseModel):
        return {name: _values(getattr(item, name), dumped[name]) for name in _bare_names(type(item))}
    if isinstance(item, list | tuple):
        return [_values(child, child_dump) for child, child_dump in zip(item, dumped, strict=True)]
    if isinstance(item, dict):
        return {key: _values(child, dumped[key]) for key, child in zip(dumped, item.values(), strict=True)}
    return dumped  # type: ignore[no-any-return]


@cache
def _bare_names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name, field in model.model_fields.items() if not is_quote(field))


def arms_of(annotation: Any, marks: tuple[object, ...] = ()) -> Iterator[Arm]:
    """The types that an annotation allows, nothing aside, each with the marks on it."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        yield from arms_of(inner, (*marks, *own))
    elif get_origin(annotation) in (Union, types.UnionType):
        for arm in get_args(annotation):
            yield from arms_of(arm, marks)
    elif hasattr(annotation, "__value__"):  # a type alias
        yield from arms_of(annotation.__value__, marks)
    elif not any(annotation is nothing for nothing in (None, type(None), Ellipsis)):  # not all annotations have a hash
        yield annotation, marks


def _marks_of(annotation: object) -> tuple[object, ...]:
    """The metadata inside a type expression: of an optional text, of a list's items."""
    own = getattr(annotation, "__metadata__", ())
    return (*own, *(mark for arm in get_args(annotation) for mark in _marks_of(arm)))


def field_marks(field: FieldInfo) -> tuple[object, ...]:
    """All marks of a field: its own, and those inside its type."""
    return (*field.metadata, *_marks_of(field.annotation))


@cache
def form(schema: type[BaseModel]) -> type[BaseModel]:
    """The schema without its quotes, strict about unknown fields, comparators kept: what a golden is validated by."""
    return _form(schema, {})


def _form(model: type[BaseModel], made: dict[type[BaseModel], type[BaseModel] | None]) -> type[BaseModel]:
    made[model] = None
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if not is_quote(field):
            bare = FieldInfo.merge_field_infos(field, annotation=_bare(field.annotation, made))
            fields[name] = (bare.annotation, bare)
    bare_model: type[BaseModel] = create_model(
        model.__name__, __config__=ConfigDict(extra="forbid"), __doc__=model.__doc__, **fields
    )
    made[model] = bare_model
    bare_model.model_rebuild(
        _types_namespace={m.__name__: bare for m, bare in made.items() if bare}, raise_errors=False
    )
    return bare_model


def _bare(annotation: Any, made: dict[type[BaseModel], type[BaseModel] | None]) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Cited):
        value = annotation.model_fields["value"]
        inner = _bare(value.annotation, made)
        for mark in value.metadata:
            inner = Annotated[inner, mark]
        return inner
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in made:
            return made[annotation] or ForwardRef(annotation.__name__)
        return _form(annotation, made)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *marks = get_args(annotation)
        bare = _bare(inner, made)
        for mark in marks:
            bare = Annotated[bare, mark]
        return bare
    if origin in (Union, types.UnionType):
        return Union[tuple(_bare(arm, made) for arm in get_args(annotation))]  # noqa: UP007 - built at run time
    if origin is not None and origin is not Literal:
        return origin[tuple(_bare(arm, made) for arm in get_args(annotation))]
    return annotation


def is_quote(field: FieldInfo) -> bool:
    """Whether a field cites."""
    if any(isinstance(mark, QuoteMark) for mark in field.metadata):
        return True
    arms = get_args(field.annotation)
    return any(isinstance(mark, QuoteMark) for arm in arms for mark in getattr(arm, "__metadata__", ()))


def is_chosen(annotation: object) -> bool:
    """Whether a leaf is chosen from a closed list rather than copied from the article."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return True
    return get_origin(annotation) is Literal or any(is_chosen(arm) for arm in get_args(annotation))
