"""The shape of domain values: frozen msgspec Structs that pydantic and FastAPI understand."""

from typing import Any

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value.

    pydantic asks a type for ``__get_pydantic_core_schema__`` and accepts a plain dict, so one
    definition serves the hot path (msgspec, ~0.1 µs a value) and the API (pydantic) without the
    domain importing pydantic.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> dict[str, Any]:
        """Validate through ``msgspec.convert`` and serialise through ``msgspec.to_builtins``."""

        def validate(found: object) -> "Value":
            # msgspec.ValidationError is a ValueError, which pydantic makes its own ValidationError.
            return found if isinstance(found, cls) else msgspec.convert(found, cls)

        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": validate},
            "serialization": {"type": "function-plain", "function": msgspec.to_builtins},
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: object, _handler: object) -> dict[str, Any]:
        """Return the JSON Schema msgspec derives from the field types."""
        (schema,), components = msgspec.json.schema_components([cls])
        name = schema["$ref"].removeprefix("#/$defs/")
        return dict(components[name])
