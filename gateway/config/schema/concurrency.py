"""A limit in flight as a number, or as the bounds of one that finds itself; see `routing_file`."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from gateway.config.problems.findings import InvalidValue
from gateway.config.schema import fields
from gateway.config.schema.parts import Also, Part

MOST: Final = 100_000
DEFAULT_MIN: Final = 10
DEFAULT_MAX: Final = 2_000

_NUMBER = fields.whole(1, MOST)
_WHAT: Final = f"must be a whole number, 1 to {MOST:,}, or auto"


def _on(value: Any) -> bool:
    if value is not True:
        raise InvalidValue("must be true", "for a limit that stays as it is write a number alone")
    return value


_ON = fields.Checked(_on, {"const": True})


class AutoInFlight(Part):
    """A limit in flight that finds itself, on latency and refusals."""

    shape: ClassVar = _WHAT.removeprefix("must be ")

    auto: Annotated[Literal[True], _ON] = Field(
        description="`true`: the limit follows what the service takes without getting slow."
    )
    min: Annotated[int, _NUMBER] = Field(
        default=DEFAULT_MIN, description="It never falls below this."
    )
    max: Annotated[int, _NUMBER] = Field(
        default=DEFAULT_MAX, description="It never rises above this."
    )


def _number_or_auto(value: Any, read: Callable[[Any], Any]) -> Any:
    if value == "auto":
        return read({"auto": True})
    if isinstance(value, dict):
        return read(value)
    try:
        return _NUMBER.read(fields.require_value(value))
    except InvalidValue as error:
        if value is None:
            raise
        raise InvalidValue(_WHAT, error.hint) from error


IN_FLIGHT: Final = Also(
    AutoInFlight, _number_or_auto, {"anyOf": [{"enum": ["auto"]}, _NUMBER.schema]}
)
"""Annotates a field with either form."""
