"""Makes a structural schema of a pydantic model, as a CRD takes it."""

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from fraud_operator.api.base import Part, spelled

Schema = dict[str, Any]
DROPPED = {"title", "additionalProperties", "$defs"}


class _AsWritten(GenerateJsonSchema):
    """Defaults as YAML has them."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        """Durations as `1h`; parts as what they hold."""
        if isinstance(dft, timedelta):
            return spelled(dft)
        if isinstance(dft, Part):
            return dft.to_manifest()
        if isinstance(dft, tuple):
            return [self.encode_default(each) for each in dft]
        return super().encode_default(dft)


def structural(model: type[Part], description: str) -> Schema:
    """The schema of a part: references resolved, and defaults for the server to fill in."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_AsWritten)
    return {**_converted(schema, schema.get("$defs", {})), "description": description}


def _converted(schema: Schema, definitions: Schema) -> Schema:
    """One node, without what a structural schema must not have."""
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _converted({**definitions[schema["$ref"].rpartition("/")[2]], **rest}, definitions)
    if options := _optional(schema):
        rest = {
            key: value
            for key, value in schema.items()
            if key != "anyOf" and (key, value) != ("default", None)
        }
        return _converted({**options, **rest}, definitions)
    found = {key: value for key, value in schema.items() if key not in DROPPED}
    if isinstance(further := schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _converted(further, definitions)
    if "properties" in schema:
        found["properties"] = {
            name: _converted(each, definitions) for name, each in schema["properties"].items()
        }
    if "items" in schema:
        found["items"] = _converted(schema["items"], definitions)
    return _as_kubernetes(found)


def _optional(schema: Schema) -> Schema | None:
    """What is there if it is not null: a field that is left out needs no null."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return options[0] if len(options) == 1 else None


def _as_kubernetes(schema: Schema) -> Schema:
    """Draft 4's exclusive bounds; 64 bits; defaults of parts left to those of their properties."""
    for name in ("Minimum", "Maximum"):
        if f"exclusive{name}" in schema:
            schema[name.lower()], schema[f"exclusive{name}"] = schema[f"exclusive{name}"], True
    if schema.get("type") == "integer":
        schema["format"] = "int64"
    if schema.get("type") == "number":
        schema["format"] = "double"
    if schema.get("type") == "object" and "properties" in schema and "default" in schema:
        schema["default"] = {}
    return schema
