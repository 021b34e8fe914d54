"""Where a text to compare, pin by or stick to comes from: attribute, baggage, body or group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from gateway.core.message import ABSENT

if TYPE_CHECKING:
    from gateway.core.message import Message

_INTEGRAL_FLOAT_LIMIT: Final = 1e21


@dataclass(frozen=True, slots=True)
class FromAttribute:
    """The value of a message attribute; a Binary one's is its base64 text."""

    name: str

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the message has no such attribute."""
        attribute = message.attribute(self.name.lower())
        return None if attribute is None else attribute.text


@dataclass(frozen=True, slots=True)
class FromBaggage:
    """The decoded value of a member of the `baggage` attribute."""

    name: str

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the message has no such member."""
        return message.baggage_member(self.name.lower())


@dataclass(frozen=True, slots=True)
class FromBody:
    """What a JMESPath finds in the JSON body. Source: https://jmespath.org/specification.html."""

    path: str
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile; raises ValueError where `path` is not a JMESPath."""
        try:
            object.__setattr__(self, "_compiled", jmespath.compile(self.path))
        except JMESPathError as error:
            raise ValueError(str(error)) from error

    def read(self, message: Message) -> str | None:
        """Return the text, or None for no JSON, no such value, null, an object or a list."""
        if message.json is ABSENT:
            return None
        try:
            return scalar_text(self._compiled.search(message.json))
        except (JMESPathError, ArithmeticError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class FromGroup:
    """The message group id."""

    def read(self, message: Message) -> str | None:
        """Return the group, or None where the message has none."""
        return message.group


@dataclass(frozen=True, slots=True)
class FromMessageId:
    """The message id: each message on its own."""

    def read(self, message: Message) -> str | None:
        """Return the message id."""
        return message.message_id


Source = FromAttribute | FromBaggage | FromBody | FromGroup | FromMessageId


def scalar_text(value: Any) -> str | None:
    """Return a string as it is, a number or boolean as its shortest JSON text, None for all else.

    Numbers read as ECMAScript writes them (RFC 8785, 3.2.2.3), so that 1.0 is `1` and 1.50 `1.5`;
    whole numbers keep every digit.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if abs(value) == float("inf"):  # JSON's 1e999: no text gives it back
            return None
        case float():
            integral = value.is_integer() and abs(value) < _INTEGRAL_FLOAT_LIMIT
            return str(int(value)) if integral else _ecmascript(value)
        case _:
            return None


def _ecmascript(value: float) -> str:
    """Python writes 1e-05 and 0.0001; ECMAScript 0.00001 down to 1e-6, and exponents unpadded."""
    mantissa, marker, exponent = repr(value).partition("e")
    if not marker:
        return mantissa
    power = int(exponent)
    if -7 < power < 0:  # noqa: PLR2004 - ECMAScript Number::toString, step 8
        sign, digits = ("-" if value < 0 else ""), mantissa.lstrip("-").replace(".", "")
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    return f"{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"
