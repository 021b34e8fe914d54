"""Where rules, pins and sticky keys read text from.

Attribute, baggage, body, group, message id, and who sent the message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jmespath.exceptions import JMESPathError

from gateway.core.messages.json_body import ABSENT
from gateway.core.messages.sender import session_member
from gateway.core.routing.jmespath_search import Search

if TYPE_CHECKING:
    from gateway.core.messages.message import Message

DEFAULT_VERSION_HEADER: Final = "version"

_MAX_PLAIN_POINT: Final = 21  # beyond these two, ECMAScript writes an exponent
_MIN_PLAIN_POINT: Final = -6
_OF_EVENTBRIDGE: Final = frozenset({"detail-type", "source", "detail"})


@dataclass(frozen=True, slots=True)
class FromAttribute:
    """The value of a message attribute, by a name of any case; base64 text of a Binary one."""

    name: str
    folded: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the name once; it is looked up for every message."""
        object.__setattr__(self, "folded", self.name.lower())

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the message has no such attribute."""
        attribute = message.attribute(self.folded)
        return None if attribute is None else attribute.text


@dataclass(frozen=True, slots=True)
class FromBaggage:
    """The decoded value of a member of the message's baggage."""

    name: str
    folded: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the name once; it is looked up for every message."""
        object.__setattr__(self, "folded", self.name.lower())

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the message has no such member."""
        return message.baggage_member(self.folded)


@dataclass(frozen=True, slots=True)
class FromBody:
    """The value of a JMESPath in the JSON body. Source: https://jmespath.org/specification.html."""

    path: str
    _search: Search = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the path; raises ValueError where it is not a JMESPath."""
        try:
            object.__setattr__(self, "_search", Search(self.path))
        except JMESPathError as error:
            raise ValueError(str(error)) from error

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the body is not JSON or the value is not a scalar.

        Also None where the search exceeds its limit, or the library raises.
        """
        return self.find(message.json)

    def find(self, document: Any) -> str | None:
        """Return the text in a parsed body, by the rules of :meth:`read`."""
        if document is ABSENT:
            return None
        try:
            return scalar_text(self._search.find(document))
        except Exception:  # noqa: BLE001 - TypeError, ValueError and others come from the library
            return None


@dataclass(frozen=True, slots=True)
class FromBodyVersion:
    """The value of a JMESPath as the name of a version.

    The top-level `version` of an EventBridge event is `0` for all of them, the version of the
    envelope: here such an event has none.
    Source: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """

    body: FromBody

    def read(self, message: Message) -> str | None:
        """Return the text, or None where the body has no such scalar."""
        document = message.json
        if _is_eventbridge(document) and scalar_text(document.get("version")) == "0":
            document = {key: value for key, value in document.items() if key != "version"}
        return self.body.find(document)


def _is_eventbridge(document: Any) -> bool:
    return isinstance(document, dict) and document.keys() >= _OF_EVENTBRIDGE


@dataclass(frozen=True, slots=True)
class FromGroup:
    """The message group id."""

    def read(self, message: Message) -> str | None:
        """Return the group, or None where the message has none."""
        return message.group


@dataclass(frozen=True, slots=True)
class FromMessageId:
    """The message id, which differs for each message."""

    def read(self, message: Message) -> str | None:
        """Return the message id."""
        return message.message_id


@dataclass(frozen=True, slots=True)
class FromSender:
    """Who sent the message: the whole SenderId as SQS returns it."""

    def read(self, message: Message) -> str | None:
        """Return the id, or None where SQS, or an emulator of it, gave none."""
        return message.sender_id


@dataclass(frozen=True, slots=True)
class FromSession:
    """A `name=value` member of the session's name in the SenderId."""

    name: str

    def read(self, message: Message) -> str | None:
        """Return the value, or None where there is no session, no such member or no value."""
        sender_id = message.sender_id
        return None if sender_id is None else session_member(sender_id, self.name)


Source = FromAttribute | FromBaggage | FromBody | FromGroup | FromMessageId | FromSender
VersionSource = FromAttribute | FromBaggage | FromBodyVersion | FromSession


def scalar_text(value: Any) -> str | None:
    """Return a string unchanged, a number or boolean as its shortest JSON text, else None.

    Numbers are written as in ECMAScript (RFC 8785, 3.2.2.3): 1.0 is `1` and 1.50 is `1.5`. Integers
    keep every digit.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number_text(value)
        case _:
            return None


def _number_text(value: float) -> str | None:
    """Write a float as ECMAScript's Number::toString does (ECMA-262, 6.1.6.1.20)."""
    if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN; 1e999 is parsed to infinity
        return None
    if not value:  # -0 too
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    return ("-" if value < 0 else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Put the decimal point after `point` digits, as ECMAScript does."""
    if len(digits) <= point <= _MAX_PLAIN_POINT:
        return digits.ljust(point, "0")
    if 0 < point <= _MAX_PLAIN_POINT:
        return f"{digits[:point]}.{digits[point:]}"
    if _MIN_PLAIN_POINT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"


def usual_sources(name: str) -> tuple[VersionSource, ...]:
    """Return the default of `version_from` for the name of a version header."""
    return FromAttribute(name), FromBaggage(name), FromSession(name)
