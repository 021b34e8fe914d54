"""The rules of a routing file as pydantic models; see `schema`."""

from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from gateway.config.schema import fields, matchers
from gateway.config.schema.parts import NOT_NULL, Part
from gateway.core.routing.rules import Regex
from gateway.core.routing.sources import FromBody, Source

MAX_WEIGHT: Final = 1_000_000_000

Name = Annotated[str, fields.TEXT]
Weights = dict[Name, Annotated[int, fields.whole(0, MAX_WEIGHT)]]

_ONE_OF_FOUR = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})
_NOT_EMPTY = ConfigDict(json_schema_extra={"minProperties": 1})
_TO_OR_SPLIT = ConfigDict(
    json_schema_extra={
        "oneOf": [{"required": ["to"]}, {"required": ["split"]}],
        "dependentRequired": {"sticky": ["split"]},
    }
)


class Condition(Part):
    """What a value must be: exactly one of the four."""

    model_config = _ONE_OF_FOUR
    shape: ClassVar = "a condition such as {exact: x}"

    exact: Annotated[str | None, matchers.EXACT] = Field(
        default=None,
        description="The whole value; a whole number or boolean stands for its JSON text.",
    )
    prefix: Annotated[str | None, matchers.PREFIX] = Field(
        default=None, description="What the value begins with."
    )
    regex: Annotated[Regex | None, matchers.REGEX] = Field(
        default=None, description="An RE2 expression that the whole value matches."
    )
    present: Annotated[bool | None, matchers.PRESENT] = Field(
        default=None, description="`true`: there is a value; any value will do."
    )


Conditions = Annotated[dict[Name, Condition], NOT_NULL]


class Match(Part):
    """All of these must hold."""

    model_config = _NOT_EMPTY
    shape: ClassVar = (
        "a mapping with `attributes`, `without_attributes`, `baggage`, `body`, `group`, `sender` "
        "or `without_sender`"
    )

    attributes: Conditions = Field(
        default_factory=dict,
        description="Conditions on message attributes, by name; case does not matter in names.",
    )
    without_attributes: Conditions = Field(
        default_factory=dict,
        description="Each holds unless its condition does, so also without such an attribute.",
    )
    baggage: Conditions = Field(
        default_factory=dict,
        description="Conditions on members of the W3C `baggage` attribute (`otel.baggage` where "
        "there is none), by name.",
    )
    body: Annotated[dict[Annotated[FromBody, matchers.BODY_PATH], Condition], NOT_NULL] = Field(
        default_factory=dict,
        description="Conditions on the JSON body; each key is a JMESPath.",
    )
    group: Annotated[Condition | None, NOT_NULL] = Field(
        default=None, description="A condition on the message group id."
    )
    sender: Annotated[Condition | None, NOT_NULL] = Field(
        default=None,
        description="A condition on who sent the message: the whole SenderId as SQS returns it, "
        "`AIDA...` or `AROA...:SESSION`.",
    )
    without_sender: Annotated[Condition | None, NOT_NULL] = Field(
        default=None, description="Holds unless its condition on the SenderId does."
    )


class Rule(Part):
    """A rule takes the messages that match, and sends them to a version or by a split."""

    model_config = _TO_OR_SPLIT
    shape: ClassVar = "a mapping with `match` and `to` or `split`"

    name: Annotated[str | None, fields.RULE_NAME] = Field(
        default=None,
        description="Unique in the route; default `rule-N`, N counted from 1.",
    )
    match: Annotated[list[Match], NOT_NULL] = Field(
        min_length=1, description="The rule takes a message if any of these holds."
    )
    to: Annotated[str | None, fields.TEXT] = Field(
        default=None, description="The version that gets what matches. Either this or `split`."
    )
    split: Annotated[Weights | None, NOT_NULL] = Field(
        default=None, description="Weights of its own, by version. Either this or `to`."
    )
    sticky: Annotated[Source | None, matchers.STICKY] = Field(
        default=None, description="The rule's own sticky key, for its `split`; default the route's."
    )
