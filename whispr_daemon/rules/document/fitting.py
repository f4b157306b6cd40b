"""Does a value fit a JSON Schema? Yes or no, ten times as quickly as who says why not.

Of draft-07 it knows what the tables of keys are made of.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from whispr_daemon.rules.document.keys import Schema

Fits: TypeAlias = Callable[[Any], bool]

_ABOUT: Final = frozenset({"$schema", "title", "description"})  # says nothing about values
_OF_TEXT: Final = frozenset({"pattern", "minLength", "maxLength"})
_OF_LISTS: Final = frozenset({"items", "minItems", "maxItems"})
_OF_MAPPINGS: Final = frozenset(
    {
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "required",
        "minProperties",
        "maxProperties",
    }
)
_OF_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


_KINDS: Final[Mapping[str, Fits]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def fitting(schema: Schema) -> Fits:
    """Return who says whether a value (plain data, keys of mappings are text) fits.

    Raises:
        ValueError: the schema says something that is not known here.
    """
    said = schema.keys() - _ABOUT
    parts: list[Fits] = []
    if "type" in said:
        parts.append(_of_kind(schema["type"]))
    if "enum" in said:
        parts.append(_one_of(schema["enum"]))
    for keys, made in (
        (_OF_TEXT, _text),
        (_OF_NUMBERS, _number),
        (_OF_LISTS, _listed),
        (_OF_MAPPINGS, _mapping),
    ):
        if said & keys:
            parts.append(made(schema))
    for key, counts in (("anyOf", any), ("oneOf", _just_one)):
        if key in said:
            parts.append(_of_several([fitting(one) for one in schema[key]], counts))
    known = {"type", "enum", "anyOf", "oneOf", *_OF_TEXT, *_OF_NUMBERS, *_OF_LISTS, *_OF_MAPPINGS}
    if said - known:
        raise ValueError(f"{', '.join(sorted(said - known))}: not known; of draft-07 {known} are")
    return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)


def _of_kind(kinds: str | list[str]) -> Fits:
    if isinstance(kinds, str):
        return _KINDS[kinds]
    return _of_several([_KINDS[kind] for kind in kinds], any)


def _one_of(words: list[str]) -> Fits:
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"{words}: of an enum only texts are known")
    known = frozenset(words)
    return lambda value: isinstance(value, str) and value in known


def _of_several(parts: list[Fits], counts: Callable[[Any], bool]) -> Fits:
    return lambda value: counts(part(value) for part in parts)


def _just_one(found: Any) -> bool:
    return [*found].count(True) == 1


def _text(schema: Schema) -> Fits:
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    search = re.compile(schema.get("pattern", "")).search

    def fits(value: Any) -> bool:
        return not isinstance(value, str) or (
            least <= len(value) <= most and search(value) is not None
        )

    return fits


def _number(schema: Schema) -> Fits:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    above = schema.get("exclusiveMinimum", float("-inf"))

    def fits(value: Any) -> bool:
        return not _is_number(value) or (least <= value <= most and value > above)

    return fits


def _listed(schema: Schema) -> Fits:
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    item = fitting(schema.get("items", {}))

    def fits(value: Any) -> bool:
        return not isinstance(value, list) or (
            least <= len(value) <= most and all(map(item, value))
        )

    return fits


def _mapping(schema: Schema) -> Fits:
    properties = {name: fitting(one) for name, one in schema.get("properties", {}).items()}
    free = [re.compile(pattern).search for pattern in schema.get("patternProperties", {})]
    if any(schema.get("patternProperties", {}).values()):
        raise ValueError("patternProperties: only those are known that may be anything")
    others = schema.get("additionalProperties", {})
    other: Fits = fitting(others) if isinstance(others, dict) else lambda _: bool(others)
    name = fitting(schema.get("propertyNames", {}))
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", float("inf"))
    required = frozenset(schema.get("required", ()))

    def one_fits(key: str, value: Any) -> bool:
        if (known := properties.get(key)) is not None:
            return known(value)
        return any(search(key) for search in free) or other(value)

    def fits(value: Any) -> bool:
        return not isinstance(value, dict) or (
            least <= len(value) <= most
            and required <= value.keys()
            and all(map(name, value))
            and all(one_fits(*item) for item in value.items())
        )

    return fits
