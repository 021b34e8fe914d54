"""The base of the routing file's models, and how they become a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from gateway.config.problems.findings import InvalidValue
from gateway.config.schema.fields import require_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

NOT_NULL = BeforeValidator(require_value)
"""Rejects a key without a value, where the default of the model is None."""


class Part(BaseModel):
    """A mapping of the file. `shape` completes the problem `must be ...` of any other value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    shape: ClassVar[str] = "a mapping"

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, value: Any) -> Any:
        if not isinstance(require_value(value), dict):
            raise InvalidValue(f"must be {cls.shape}")
        return value


@dataclass(frozen=True)
class Also:
    """Allows another form of a part: `read` gets the value and the part's own validation."""

    part: type[Part]
    read: Callable[[Any, Callable[[Any], Any]], Any]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, chain: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Wrap the part's own validation."""
        own = chain.generate_schema(self.part)
        return core_schema.no_info_wrap_validator_function(self.read, own)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, chain: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Allow both forms."""
        return {"anyOf": [dict(self.schema), chain(core)]}


class SchemaOfFile(GenerateJsonSchema):
    """Pydantic's JSON Schema for editors: no null where it is rejected, and with checked keys."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: it stands for an absent key."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave a default of null out, for the same reason."""
        written = super().default_schema(schema)
        if written.get("default", ...) is None:
            del written["default"]
        return written

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Check every key, where pydantic lets keys of another pattern pass unchecked."""
        written = super().dict_schema(schema)
        if written.pop("patternProperties", None) is not None:
            written["additionalProperties"] = self.generate_inner(schema["values_schema"])
        written["propertyNames"] = self.generate_inner(schema["keys_schema"])
        return written

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave titles out: they repeat the key."""
        return False
