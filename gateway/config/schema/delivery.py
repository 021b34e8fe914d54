"""How a route delivers, as pydantic models: fallback, retries, mirror; see `routing_file`."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from gateway.config.schema import fields
from gateway.config.schema.parts import NOT_NULL, Also, Part
from gateway.core.routing.route import MAX_LINGER_SECONDS, FallbackOn
from gateway.core.sqs_limits import MAX_VISIBILITY_SECONDS

LONGEST_COPY: Final = 300

_COPIES = fields.whole(1, 1_000)
_COPY_TIMEOUT = fields.duration(0, LONGEST_COPY, above_low=True)
_LINGER = fields.duration(0, MAX_LINGER_SECONDS)
_FALLBACK_ON = fields.one_of(FallbackOn, *FallbackOn)
_BACKOFF = fields.duration(0, MAX_VISIBILITY_SECONDS, above_low=True)


class Fallback(Part):
    """When the stable version takes over from another one."""

    shape: ClassVar = "`off`, or a mapping with `on` and `after_receives` (`{}`: the defaults)"

    on: Annotated[list[Annotated[FallbackOn, _FALLBACK_ON]], NOT_NULL] = Field(
        default=[FallbackOn.UNREACHABLE, FallbackOn.NOT_FOUND],
        description="What makes a failed delivery be tried on stable within the same receive: no "
        "connection, 404, 503, any other 5xx, no response in time. May be empty.",
    )
    after_receives: Annotated[int | None, fields.RECEIVES] = Field(
        default=3,
        description="A message received more often than this goes to stable without another try; "
        "null: never.",
    )


def _off_or_mapping(value: Any, read: Callable[[Any], Any]) -> Any:
    return "off" if value is False or value == "off" else read(value)


FallbackOrOff = Annotated[
    Fallback | Literal["off"] | None, Also(Fallback, _off_or_mapping, {"enum": ["off", False]})
]


class Retry(Part):
    """How long a failed message stays invisible."""

    shape: ClassVar = "a mapping with `min` and `max`"

    min: Annotated[float, _BACKOFF] = Field(
        default=2.0,
        description="The shortest time; it doubles with each receive.",
        json_schema_extra={"default": "2s"},
    )
    max: Annotated[float, _BACKOFF] = Field(
        default=300.0,
        description="The longest time.",
        json_schema_extra={"default": "5m"},
    )


class Linger(Part):
    """How long the calls to SQS wait for more messages, which saves calls and takes time."""

    shape: ClassVar = "a mapping with `delete` and `receive`"

    delete: Annotated[float, _LINGER] = Field(
        default=0.04,
        description="The longest that a batch of deletes that is not full waits; a message that is "
        "done is repeated if the gateway is killed meanwhile. FIFO queues: always 0s.",
        json_schema_extra={"default": "40ms"},
    )
    receive: Annotated[float, _LINGER] = Field(
        default=0.005,
        description="The longest that a receive waits after one that was not full.",
        json_schema_extra={"default": "5ms"},
    )


class Mirror(Part):
    """Copies of other versions' messages for one version, whose responses are thrown away."""

    shape: ClassVar = "a mapping with `to` and `percent`"

    to: Annotated[str, fields.TEXT] = Field(
        description="The name of the version that gets the copies: not the stable one, and one "
        "with a URL."
    )
    percent: Annotated[float, fields.PERCENT] = Field(
        description="How many of the messages that go to other versions are copied, 0 to 100, in "
        "steps of 0.01."
    )
    max_in_flight: Annotated[int, _COPIES] = Field(
        default=20,
        description="Copies under way at once; what is above that is dropped. Each holds its body "
        "in memory, up to 1 MiB.",
    )
    timeout: Annotated[float, _COPY_TIMEOUT] = Field(
        default=5.0,
        description="How long a copy may take, at most 5m.",
        json_schema_extra={"default": "5s"},
    )
