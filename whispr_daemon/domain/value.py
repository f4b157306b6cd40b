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
        """Return the JSON Schema msgspec derives from the field types, values within it spelt out.

        A reference would point into a document that pydantic makes and msgspec does not know.
        """
        (schema,), components = msgspec.json.schema_components([cls])
        spelt: dict[str, Any] = _spelt_out(schema, components)
        return spelt


def _spelt_out(schema: Any, components: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_spelt_out(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _spelt_out(components[schema["$ref"].rpartition("/")[2]], components)
    return {
        key: _spelt_out(value, components)
        for key, value in schema.items()
        if key != "discriminator"
    }
