"""What tables of keys are made of, and the JSON Schema they make."""

from typing import Any, Final, NamedTuple, TypeAlias

Schema: TypeAlias = dict[str, Any]

# "$" alone would let a line break pass at the end.
NAME_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$(?!\n)"
WORD_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$(?!\n)"  # a name within expressions
DURATION_PATTERN: Final = r"^[0-9]{1,18}(ms|s|m|h|d|w|mo|bars?)$(?!\n)"

MOST: Final = 500  # clauses of a rule, names of one kind
MOST_STEPS: Final = 100  # of a sequence; actions of a clause

TEXT: Final[Schema] = {"type": "string"}
EXPRESSION: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 2000}
NUMBER: Final[Schema] = {"type": "number"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object"}
ARRAY: Final[Schema] = {"type": "array"}
DURATION: Final[Schema] = {
    "type": "string",
    "pattern": DURATION_PATTERN,
    "title": "a duration such as 30m",
}
LASTING: Final[Schema] = {  # where none would mean nothing
    "type": "string",
    "pattern": rf"^(?=[0-9]*[1-9]){DURATION_PATTERN[1:]}",
    "title": "a duration such as 30m, of more than 0",
}


class Key(NamedTuple):
    """One key: its name, the shape of its value, and what it is for."""

    name: str
    schema: Schema
    about: str
    required: bool = False


def choice(*values: Any) -> Schema:
    """Return the schema of one of some values."""
    return {"enum": list(values)}


def items(schema: Schema, least: int = 1, most: int | None = None) -> Schema:
    """Return the schema of a list."""
    limit = {} if most is None else {"maxItems": most}
    return {"type": "array", "items": schema, "minItems": least, **limit}


def named(schema: Schema, title: str) -> Schema:
    """Return the schema of a mapping from names of the rule's own to values."""
    return {
        "type": "object",
        "propertyNames": {"pattern": WORD_PATTERN, "title": "a name of letters, digits and _"},
        "additionalProperties": schema,
        "maxProperties": MOST,
        "title": title,
    }


def table(keys: tuple[Key, ...], **more: Any) -> Schema:
    """Return the schema of a mapping with these keys and any ``x-…``."""
    schema: Schema = {
        "type": "object",
        "properties": {key.name: {**key.schema, "description": key.about} for key in keys},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
        **more,
    }
    required = [key.name for key in keys if key.required]
    return {**schema, "required": required} if required else schema


def document(title: str, keys: tuple[Key, ...]) -> Schema:
    """Return the JSON Schema (draft-07) of a file with these keys."""
    schema = "http://json-schema.org/draft-07/schema#"
    return {"$schema": schema, "title": title, **table(keys)}
