"""Turns what pydantic found wrong into sentences: what was found, where, what would be right."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from whispr_daemon.settings.document import Document
from whispr_daemon.settings.model import Settings

_SECRET: Final = ("password", "token", "url")
_OPENING: Final = re.compile("^(Value error, |Input |String )")  # of pydantic's messages
_SHOWN: Final = 40  # characters of a wrong value


class Origins(NamedTuple):
    """The layers a value may have come from."""

    document: Document
    variables: Mapping[str, str]
    flags: Mapping[str, Any]

    def place(self, keys: Sequence[str | int]) -> str:
        """Say where the value at ``keys`` was set: the topmost layer that has it."""
        if _has(self.flags, keys):
            return "flags"
        words = [str(key).upper() for key in keys]
        for length in range(len(words), 0, -1):
            name = "WHISPR_" + "__".join(words[:length])
            if name in self.variables:
                return f"environment {name}"
        inside = "WHISPR_" + "__".join([*words, ""])
        deeper = [name for name in sorted(self.variables) if words and name.startswith(inside)]
        if deeper:  # what is wrong is a section, and a variable changed something in it
            return f"environment {deeper[0]}"
        return self.document.place(keys) or str(self.document.path)


def mistakes(error: ValidationError, origins: Origins) -> list[str]:
    """Return a line for each mistake."""
    return [_sentence(found, origins) for found in error.errors()]


def meant(word: str, known: Iterable[str], shown: Callable[[str], str] = repr) -> str:
    """Return `` (did you mean …?)``, or nothing if no known word is like it."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {shown(close[0])}?)" if close else ""


def _sentence(found: ErrorDetails, origins: Origins) -> str:
    keys, known = _walk(found["loc"])
    place = origins.place(keys)
    name = ".".join(str(key) for key in keys)
    if found["type"] == "extra_forbidden":
        key = str(keys[-1])
        inside = ".".join(str(key) for key in keys[:-1])
        return f"{place}: unknown key {key!r}{f' in {inside}' if inside else ''}{meant(key, known)}"
    if found["type"] == "missing":
        return f"{place}: {name} is missing"
    subject = f"{name}: " if name else ""
    return f"{place}: {subject}{_reason(found)}"


def _reason(found: ErrorDetails) -> str:
    match found["type"]:
        case "union_tag_not_found":
            return "kind is missing"
        case "union_tag_invalid":
            context = found["ctx"]
            return f"kind is {context['tag']!r}, should be one of {context['expected_tags']}"
        case "model_type" | "dict_type" | "model_attributes_type" | "mapping_type":
            message = "should be keys and values"
        case "tuple_type":
            message = "should be a list"
        case _:
            message = _OPENING.sub("", found["msg"])
    return message + _shown(found)


def _shown(found: ErrorDetails) -> str:
    value = found["input"]
    secret = any(key in _SECRET for key in found["loc"])
    if secret or not isinstance(value, str | int | float):
        return ""
    return f", found {value!r:.{_SHOWN}}"


def _walk(loc: Sequence[str | int]) -> tuple[list[str | int], list[str]]:
    """Follow a location: return its keys without the tags of unions, and what its parent knows."""
    models: dict[str, type[BaseModel]] = {"": Settings}
    keys: list[str | int] = []
    known: list[str] = []
    for part in loc:
        if len(models) > 1 and part in models:  # a tag: which of several models it is
            models = {"": models[str(part)]}
            continue
        keys.append(part)
        known = sorted({name for model in models.values() for name in model.model_fields})
        fields = [model.model_fields.get(str(part)) for model in models.values()]
        inner = {tag: m for field in fields if field for tag, m in _models_in(field.annotation)}
        models = inner or models
    return keys, known


def _models_in(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the models in a type, each with its tag (its name where it has none)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        yield (get_args(kind.annotation)[0] if kind else annotation.__name__), annotation
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _has(layer: Any, keys: Sequence[str | int]) -> bool:
    for key in keys:
        if not isinstance(layer, Mapping) or key not in layer:
            return isinstance(layer, list | tuple)  # a list on the command line is one value
        layer = layer[key]
    return bool(keys)
