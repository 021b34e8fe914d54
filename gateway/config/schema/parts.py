"""What the models of the routing file are made of, and how they become a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from gateway.config.problems.findings import InvalidValue
from gateway.config.schema.fields import there

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

NOT_NULL = BeforeValidator(there)
"""Refuses a key with nothing behind it, where the model's own default is None."""


class Part(BaseModel):
    """A mapping of the file. `shape` says what it must be, after the words `must be`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    shape: ClassVar[str] = "a mapping"

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, value: Any) -> Any:
        if not isinstance(there(value), dict):
            raise InvalidValue(f"must be {cls.shape}")
        return value


@dataclass(frozen=True)
class Also:
    """Allows another way to write a part: `read` gets the value and the part's own reading."""

    part: type[Part]
    read: Callable[[Any, Callable[[Any], Any]], Any]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, chain: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Wrap the part's own reading."""
        own = chain.generate_schema(self.part)
        return core_schema.no_info_wrap_validator_function(self.read, own)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, chain: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Allow both."""
        return {"anyOf": [dict(self.schema), chain(core)]}


class SchemaOfFile(GenerateJsonSchema):
    """Pydantic's JSON Schema as an editor needs it: no null where null is refused, keys checked."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: it stands for a key that is not there."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave a default of null out, for the same reason."""
        shown = super().default_schema(schema)
        if shown.get("default", ...) is None:
            del shown["default"]
        return shown

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Check every key, where pydantic lets keys of another pattern pass unchecked."""
        shown = super().dict_schema(schema)
        if shown.pop("patternProperties", None) is not None:
            shown["additionalProperties"] = self.generate_inner(schema["values_schema"])
        shown["propertyNames"] = self.generate_inner(schema["keys_schema"])
        return shown

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave titles out: they repeat the key."""
        return False
