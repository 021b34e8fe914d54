"""The plain values of a routing file: text, names, numbers, durations, enumerations.

Each one is a function from the value in YAML to the value that the gateway uses, and its JSON
Schema.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import core_schema

from gateway.config.problems.findings import InvalidValue, find_similar
from gateway.config.schema import durations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

QUOTE: Final = "put quotes round it"
MAX_NAME: Final = 63
MAX_PORT: Final = 65_535
HUNDRED: Final = 100


@dataclass(frozen=True)
class Checked:
    """Annotates a field with its JSON Schema and the function that reads it.

    `read` raises InvalidValue.
    """

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    or_null: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, chain: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Use the function in place of pydantic's own validation."""
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, chain: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the given schema."""
        return dict(self.schema)

    def _read(self, value: Any) -> Any:
        return self.read(value if self.or_null else require_value(value))


def require_value(value: Any) -> Any:
    """Return the value; raises InvalidValue for null, which is a key without a value."""
    if value is None:
        raise InvalidValue("has no value", "write one, or remove the key")
    return value


def text(value: Any) -> str:
    """Return a non-empty text."""
    if not isinstance(value, str):
        hint = QUOTE if isinstance(value, bool | int | float) else ""
        raise InvalidValue("must be a text", hint)
    if not value:
        raise InvalidValue("is an empty text")
    return value


TEXT: Final = Checked(text, {"type": "string", "minLength": 1})


def text_like(pattern: str, what: str) -> Checked:
    """Return a field for text of up to 63 characters that matches; `what` describes the form."""
    form = re.compile(rf"(?:{pattern})\Z")

    def read(value: Any) -> str:
        if not form.match(text(value)):
            raise InvalidValue(f"must be {what}")
        if len(value) > MAX_NAME:
            raise InvalidValue(f"is longer than {MAX_NAME} characters")
        return str(value)

    schema = {"type": "string", "pattern": f"^{pattern}$", "maxLength": MAX_NAME}
    return Checked(read, schema)


ROUTE_NAME: Final = text_like(
    "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    "a lower-case DNS label: a-z, 0-9 and -, no - at either end",
)
VERSION_NAME: Final = text_like(
    "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    "a name of A-Z, a-z, 0-9, `.`, `_` and -, with a letter or digit at either end",
)
TAG: Final = text_like(
    r"[!#-$&-+\--:<-\[\]-~]+",
    'visible ASCII without spaces and without " , ; \\ %',
)
RULE_NAME: Final = text_like(r"[!-~](?:[ -~]*[!-~])?", "visible ASCII, with spaces only inside")
REGION: Final = text_like(
    "[a-z]{2,}(?:-[a-z]+)*(?:-[0-9]+)?", "the name of an AWS region, as in eu-west-1"
)


def whole(low: int, high: int) -> Checked:
    """Return a field for a whole number from `low` to `high`, both included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidValue(f"must be a whole number, {low:,} to {high:,}")
        return value

    return Checked(read, {"type": "integer", "minimum": low, "maximum": high})


def rate(value: Any) -> float:
    """Return a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue("must be a number of deliveries per second")
    if not (math.isfinite(value) and value > 0):
        raise InvalidValue("must be above 0", "remove the key for no limit")
    return float(value)


RATE: Final = Checked(rate, {"type": "number", "exclusiveMinimum": 0})


def percent(value: Any) -> float:
    """Return a number of percent, in hundredths: one is a bucket."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= HUNDRED:
        raise InvalidValue("must be a number of percent, 0 to 100, without a % sign")
    if round(value, 2) != value:
        raise InvalidValue("has more than two decimals", "0.01 is the least, one message in 10,000")
    return float(value)


PERCENT: Final = Checked(percent, {"type": "number", "minimum": 0, "maximum": HUNDRED})


_WRITTEN_PERCENT = re.compile(r"(?P<number>[0-9]{1,2}(?:\.[0-9]{1,15})?)%\Z")
_ABOVE_ZERO_PERCENT: Final = (
    r"^([0-9]?[1-9](\.[0-9]+)?|[1-9]0(\.[0-9]+)?|0{1,2}\.[0-9]*[1-9][0-9]*)%$"
)
_PER_CENT_MEANT = re.compile(r"(?P<number>[1-9][0-9]?(?:\.[0-9]+)?)(?:\s+%)?\Z")


def ratio(*, above_zero: bool = False) -> Checked:
    """Return a field for a share of 0 to below 1, written as `5%` or 0.05."""
    low = "above 0" if above_zero else "0 or more"
    what = f"must be a share, {low} and below 1, as in 5% or 0.05"

    def read(value: Any) -> float:
        share = _share(value)
        if share is None or not 0 <= share < 1 or (above_zero and share == 0):
            raise InvalidValue(what, _meant_percent(value))
        return share

    least = {"exclusiveMinimum" if above_zero else "minimum": 0}
    pattern = _ABOVE_ZERO_PERCENT if above_zero else r"^[0-9]{1,2}(\.[0-9]+)?%$"
    forms = [
        {"type": "string", "pattern": pattern},
        {"type": "number", **least, "exclusiveMaximum": 1},
    ]
    return Checked(read, {"anyOf": forms})


def _share(value: Any) -> float | None:
    if isinstance(value, str):
        written = _WRITTEN_PERCENT.match(value)
        return None if written is None else float(written["number"]) / HUNDRED
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _meant_percent(value: Any) -> str:
    """Return a hint where a number or text stands for per cent and does not say so."""
    bare = value if isinstance(value, str) else f"{value:g}" if type(value) in (int, float) else ""
    meant = _PER_CENT_MEANT.match(bare)
    return "" if meant is None else f"did you mean {meant['number']}%?"


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise InvalidValue("must be true or false")
    return value


FLAG: Final = Checked(flag, {"type": "boolean"})


def duration(low: float, high: float, *, above_low: bool = False, up: bool = False) -> Checked:
    """Return a field for a duration, in seconds, from `low` to `high`.

    `above_low` excludes `low` itself; `up` rounds up to whole seconds.
    """
    ends = durations.format_seconds(low), durations.format_seconds(high)
    span = "above {} and at most {}" if above_low else "{} to {}"

    def read(value: Any) -> float | int:
        seconds = durations.seconds(value)
        if not low <= seconds <= high or (above_low and seconds == low):
            raise InvalidValue(f"must be {span.format(*ends)}")
        return math.ceil(seconds) if up else seconds

    bounds = {"exclusiveMinimum" if above_low else "minimum": low, "maximum": high}
    forms = [{"type": "string", "pattern": durations.PATTERN}, {"type": "number", **bounds}]
    return Checked(read, {"anyOf": forms})


def receives(value: Any) -> int | None:
    """Return a number of receives, or None for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValue("must be a whole number, 0 or more, or null for never")
    return value


RECEIVES: Final = Checked(receives, {"type": ["integer", "null"], "minimum": 0}, or_null=True)


def one_of(make: Callable[[str], Any], *words: str) -> Checked:
    """Return a field for one of these words, converted by `make`."""

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in words:
            near = find_similar(value, words) if isinstance(value, str) else None
            hint = f"did you mean {near}?" if near else ""
            raise InvalidValue(f"must be {', '.join(words[:-1])} or {words[-1]}", hint)
        return make(value)

    return Checked(read, {"enum": [str(word) for word in words]})
