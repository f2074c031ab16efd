"""The JSON Schema of a record as an endpoint takes it, and whether the endpoint's mode can take it at all.

Strict mode (https://platform.openai.com/docs/guides/structured-outputs) wants every property required, no property beyond those named,
and knows a part of JSON Schema only. A schema that does not fit is refused before anything is sent, naming the field.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from workbench.errors import SchemaError

__all__ = ["json_schema", "misfits", "strict_schema"]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What an endpoint takes as a schema's name, or a tool's."""
REF = "#/$defs/"
LOOK_AROUND = re.compile(r"\(\?<?[=!]")

UNSUPPORTED = {
    "allOf": "an intersection",
    "not": "a negation",
    "oneOf": "a discriminated union (use a plain one)",
    "patternProperties": "properties by pattern",
    "prefixItems": "a tuple (use a list or a model)",
    "uniqueItems": "a set (use a list)",
    "minProperties": "a dictionary with bounds",
    "maxProperties": "a dictionary with bounds",
    "propertyNames": "a dictionary with a rule for its keys",
}


def json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The schema's JSON Schema, as Pydantic writes it, with an object at its root.

    Raises:
        SchemaError: If there is none, or its name is none that an endpoint takes.
    """
    where = f"{schema.__module__}.{schema.__qualname__}"
    if not NAME.fullmatch(schema.__name__):
        raise SchemaError(
            f"an endpoint does not take {schema.__name__!r} as a name",
            where=where,
            expected="up to 64 letters (a to z), digits, hyphens and underscores",
            way_out="rename the class, or derive one with such a name from it",
        )
    try:
        generated = schema.model_json_schema()
    except PydanticUserError as error:
        raise SchemaError(f"JSON Schema cannot express it: {error.message}", where=where) from error
    root = str(generated.get("$ref", ""))  # so Pydantic writes a model that holds itself
    if root:
        generated = {**generated["$defs"][root.removeprefix(REF)], "$defs": generated["$defs"]}
    definitions = generated.get("$defs", {})
    # A generic is named after its parameters, comparators among them, which are no part of a request.
    generics = {name for name, definition in definitions.items() if "[" in definition.get("title", "")}
    inlined = _inlined(generated, definitions, lambda name, _: name in generics)
    kept = {name: definition for name, definition in inlined.get("$defs", {}).items() if name not in generics}
    return {key: value for key, value in inlined.items() if key != "$defs"} | ({"$defs": kept} if kept else {})


def _inlined(node: Any, definitions: dict[str, Any], chosen: Callable[[str, dict[str, Any]], bool]) -> Any:
    """The schema with the chosen references replaced by what they refer to; what stands beside a reference goes before that."""
    if isinstance(node, list):
        return [_inlined(child, definitions, chosen) for child in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix(REF)
    if name in definitions and chosen(name, node):
        beside = {key: value for key, value in node.items() if key != "$ref"}
        definition = {key: value for key, value in definitions[name].items() if key != "title"}
        return _inlined({**definition, **beside}, definitions, chosen)
    return {key: _inlined(value, definitions, chosen) for key, value in node.items()}


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The schema's JSON Schema in the form that strict mode asks for: everything required, nothing besides, no titles or defaults.

    Raises:
        SchemaError: If strict mode cannot express it; names each field.
    """
    generated = json_schema(schema)
    found = list(misfits(generated))
    if found:
        raise SchemaError(
            "strict mode cannot take this schema: " + "; ".join(found),
            where=f"{schema.__module__}.{schema.__qualname__}",
            way_out='change these fields, or set mode = "tools" or "json" in the prompt\'s front matter',
        )
    # Strict mode takes nothing beside a reference, such as the description of the field that refers.
    inlined = _inlined(generated, generated.get("$defs", {}), lambda _, node: len(node) > 1)
    strict: dict[str, Any] = _strict(inlined)
    return strict


def misfits(generated: dict[str, Any]) -> Iterator[str]:
    """What strict mode refuses in a JSON Schema, each as ``field: what``."""
    if generated.get("type") != "object":
        yield "the root: not an object"
    for name, definition in generated.get("$defs", {}).items():
        yield from _misfits(definition, name)
    yield from _misfits({key: value for key, value in generated.items() if key != "$defs"}, generated.get("title", ""))


def _misfits(node: Any, at: str) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    for keyword, meaning in UNSUPPORTED.items():
        if keyword in node:
            yield f"{at}: {meaning}"
    if node.get("type") == "object" and "properties" not in node:
        yield f"{at}: a dictionary with free keys (use a list of models)"
    elif isinstance(node.get("additionalProperties"), dict) or node.get("additionalProperties") is True:
        yield f"{at}: fields beyond those named"
    if not node.keys() & {"type", "$ref", "anyOf", "enum", "const", *UNSUPPORTED}:
        yield f"{at}: any value at all (give it a type)"
    if node.get("default") is not None:
        yield f"{at}: a default (the model must say each value; use `| None` for absence)"
    if LOOK_AROUND.search(str(node.get("pattern", ""))):
        yield f"{at}: a pattern that looks around, as older Pydantic writes for Decimal (use text or a float)"
    for name, child in node.get("properties", {}).items():
        yield from _misfits(child, f"{at}.{name}")
    for child in node.get("anyOf", []):
        yield from _misfits(child, at)
    if "items" in node:
        yield from _misfits(node["items"], f"{at}[]")


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(child) for child in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in {"title", "default"}}
    for key in ("anyOf", "items"):
        if key in kept:
            kept[key] = _strict(kept[key])
    for key in ("properties", "$defs"):
        if key in kept:
            kept[key] = {name: _strict(child) for name, child in kept[key].items()}
    if "properties" in kept:
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept
