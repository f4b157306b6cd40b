"""Is a document shaped like a rule file? JSON Schema errors in people's words, with their place."""

import re
from functools import lru_cache
from typing import Any, cast

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.document.document import Document, Path
from whispr_daemon.rules.document.fitting import Fits, fitting
from whispr_daemon.rules.document.golden_keys import tests_schema
from whispr_daemon.rules.document.rule_keys import rule_schema

_FEW = 12  # known keys that are listed
_KIND = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def check_shape(document: Document, *, tests_only: bool = False) -> None:
    """Add what breaks the schema to the document's errors."""
    fits, validator = _schema(tests_only)
    if fits(document.data):
        return
    for error in validator.iter_errors(document.data):
        if document.full:
            return
        _report(document, error)


@lru_cache(maxsize=2)
def _schema(tests_only: bool) -> tuple[Fits, Draft7Validator]:  # noqa: FBT001 (the cache wants it positional)
    """Return who says quickly whether all is well, and who says what is not."""
    schema = tests_schema() if tests_only else rule_schema()
    return fitting(schema), Draft7Validator(schema)


def _report(document: Document, error: ValidationError) -> None:
    path: Path = tuple(error.absolute_path)
    where = ".".join(str(part) for part in path) or "the file"
    schema = cast("dict[str, Any]", error.schema)
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        _report_unknown(document, path, schema, instance)
    elif error.validator == "required":
        for name in schema["required"]:
            if name not in instance:
                _report_missing(document, path, name)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"the name {instance!r} in {where}; expected {schema['title']}"
        document.report(document.key((*path, instance)), "E503", message)
    elif error.validator == "anyOf" and all("required" in one for one in schema["anyOf"]):
        names = (repr(name) for one in schema["anyOf"] for name in one["required"])
        document.report(document.key(path), "E502", f"{where} needs one of {', '.join(names)}")
    elif error.validator == "anyOf" and (closer := _closer(error)):
        for one in closer:
            _report(document, one)
    elif error.validator == "oneOf":
        document.report(
            document.key(path), "E502", f"{where} needs one of 'if' and 'sequence', and only one"
        )
    else:
        found = _shown(instance)
        expected = _expected(error, schema)
        document.report(document.value(path), "E503", f"{where} is {found}; expected {expected}")


def _closer(error: ValidationError) -> list[ValidationError]:
    """Return what is wrong with the one alternative whose kind of value it is, if there is one."""
    by_branch: dict[int, list[ValidationError]] = {}
    for one in error.context:
        by_branch.setdefault(int(one.relative_schema_path[0]), []).append(one)
    fitting = [
        found
        for found in by_branch.values()
        if not any(one.validator == "type" and not one.relative_path for one in found)
    ]
    return fitting[0] if len(fitting) == 1 else []


def _report_unknown(
    document: Document, path: Path, schema: dict[str, Any], instance: dict[str, Any]
) -> None:
    known = schema["properties"]
    for name in instance:
        if name not in known and not name.startswith("x-"):
            hint = suggestion(name, known)
            if not hint and len(known) <= _FEW:
                hint = f" (known: {', '.join(known)})"
            document.report(document.key((*path, name)), "E501", f"unknown key {name!r}{hint}")


def _report_missing(document: Document, path: Path, name: str) -> None:
    place = document.key(path)
    message = f"key {name!r} is missing"
    # The schema says it once for each key that is missing, without saying which.
    if all((found.line, found.message) != (place.line, message) for found in document.diagnostics):
        document.report(place, "E502", message)


def _expected(error: ValidationError, schema: dict[str, Any]) -> str:
    if "title" in schema:
        return str(schema["title"]) + _meant(error)
    value: Any = error.validator_value
    if error.validator == "enum":
        hint = suggestion(str(error.instance), map(str, value))
        return f"one of {', '.join(map(str, value))}{hint}"
    if error.validator == "type":
        kinds: list[str] = value if isinstance(value, list) else [value]
        alone = kinds == ["array"] and isinstance(error.instance, str)
        hint = f': ["{error.instance}"]' if alone else ""
        return " or ".join(_KIND[kind] for kind in kinds) + hint
    limits = {
        "minItems": "at least {} item(s)",
        "maxItems": "at most {} item(s)",
        "minLength": "at least {} character(s)",
        "maxLength": "at most {} characters",
        "minProperties": "at least {} key(s)",
        "maxProperties": "at most {} key(s)",
        "minimum": "at least {}",
        "maximum": "at most {}",
        "exclusiveMinimum": "more than {}",
    }
    return limits.get(str(error.validator), "{}").format(value)


def _meant(error: ValidationError) -> str:
    """Return `` (did you mean 30m?)`` of ``30 minutes``, and the like; or nothing."""
    if not isinstance(error.instance, str) or error.validator != "pattern":
        return ""
    pattern = str(error.validator_value)
    spelled = re.sub(r"^(\d+) *(s|m|h|d|w)[a-z]*$", r"\1\2", error.instance.strip().lower())
    for guess in (spelled, re.sub(r"[^A-Za-z0-9_]+", "_", error.instance.strip()).strip("_")):
        if guess != error.instance and re.search(pattern, guess):
            return f" (did you mean {guess!r}?)"
    return ""


def _shown(instance: object) -> str:
    if instance is None:
        return "empty"
    if isinstance(instance, dict):
        return "a mapping"
    if isinstance(instance, list):
        return "a list" if instance else "an empty list"
    if isinstance(instance, bool):
        return str(instance).lower()
    text = repr(instance)
    return text if len(text) <= 60 else f"{text[:57]}…"
