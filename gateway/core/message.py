"""One received message, as a view that the rest of the core reads and nobody changes.

Values that cost something to derive (parsed JSON, case-folded attributes, baggage) are derived
on first use and kept until the decision is made, so that no message is parsed twice. Then they are
let go: a parsed body may take 25 times the memory of its text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.core import baggage

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_JSON_DEPTH: Final = 1_000
"""A body that nests deeper counts as not JSON, whatever the interpreter's own limit is."""

ABSENT: Final = object()
"""What :attr:`Message.json` is for a body that is not JSON (``None`` is JSON's ``null``)."""

# Possessive, and content with a string that never ends: linear in the body's length.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message attribute; `text` of a Binary one is its standard base64."""

    data_type: str
    text: str

    @property
    def binary(self) -> bool:
        """Whether the value is bytes; SQS allows a custom label behind the type: `Binary.gif`."""
        return self.data_type.startswith("Binary")


@dataclass(slots=True, eq=False)
class Message:
    """A message of SQS. Times are milliseconds since the epoch, as SQS gives them.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html
    """

    message_id: str
    body: str
    receipt: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str | None = None
    deduplication_id: str | None = None
    receive_count: int = 1
    sent_ms: int = 0
    first_received_ms: int = 0
    sender_id: str | None = None
    trace_header: str | None = None
    _json: Any = field(default=None, init=False, repr=False)
    _json_parsed: bool = field(default=False, init=False, repr=False)
    _is_json: bool | None = field(default=None, init=False, repr=False)
    _names: dict[str, str] | None = field(default=None, init=False, repr=False)
    _baggage: Mapping[str, str] | None = field(default=None, init=False, repr=False)

    @property
    def json(self) -> Any:
        """The parsed body, or :data:`ABSENT` when it is not JSON."""
        if not self._json_parsed:
            self._json = parse_json(self.body)
            self._json_parsed = True
            self._is_json = self._json is not ABSENT
        return self._json

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON; what it parses to is not kept for that alone."""
        if self._is_json is None:
            self._is_json = parse_json(self.body) is not ABSENT
        return self._is_json

    def forget(self) -> None:
        """Let go of the large things derived: the parsed body and the members of the baggage."""
        self._json, self._json_parsed = None, False
        self._baggage = None

    def attribute(self, folded_name: str) -> Attribute | None:
        """Return the attribute of that lower-case name; of names alike but for case, the first."""
        name = self.first_names.get(folded_name) if self.attributes else None
        return None if name is None else self.attributes[name]

    @property
    def first_names(self) -> Mapping[str, str]:
        """Attribute names by their lower case; of names alike but for case, the first."""
        if self._names is None:
            self._names = {}
            for name in sorted(self.attributes):
                self._names.setdefault(name.lower(), name)
        return self._names

    def baggage_member(self, folded_name: str) -> str | None:
        """Return the decoded value of a W3C baggage member, its name in lower case."""
        if self._baggage is None:
            carrier = self.attribute("baggage")
            usable = carrier is not None and not carrier.binary
            self._baggage = baggage.members(carrier.text) if carrier and usable else {}
        return self._baggage.get(folded_name)


def parse_json(body: str) -> Any:
    """Parse strict JSON (RFC 8259: no NaN or Infinity), or return :data:`ABSENT`."""
    if body.count("[") + body.count("{") > MAX_JSON_DEPTH and _depth(body) > MAX_JSON_DEPTH:
        return ABSENT
    try:
        return _DECODER.decode(body)
    except (ValueError, RecursionError):
        return ABSENT


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _depth(body: str) -> int:
    depth = deepest = 0
    for bracket in _NO_BRACKET.sub("", _STRING.sub("", body)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def message_from_receive(raw: Mapping[str, Any]) -> Message:
    """Build a Message from an element of ReceiveMessage's answer, BinaryValue as base64 text.

    Raises ValueError, saying what is wrong, when a field is missing or has the wrong type.
    """
    system = _mapping(raw, "Attributes")
    return Message(
        message_id=_text(raw, "MessageId"),
        body=_text(raw, "Body"),
        receipt=str(raw.get("ReceiptHandle") or ""),
        attributes={
            name: _attribute(name, value)
            for name, value in _mapping(raw, "MessageAttributes").items()
        },
        group=_optional(system, "MessageGroupId"),
        deduplication_id=_optional(system, "MessageDeduplicationId"),
        receive_count=_number(system, "ApproximateReceiveCount", 1),
        sent_ms=_number(system, "SentTimestamp", 0),
        first_received_ms=_number(system, "ApproximateFirstReceiveTimestamp", 0),
        sender_id=_optional(system, "SenderId"),
        trace_header=_optional(system, "AWSTraceHeader"),
    )


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key}: {'missing' if value is None else 'must be a string'}")  # noqa: TRY004
    return value


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key}: must be an object")  # noqa: TRY004
    return value


def _optional(system: Mapping[str, Any], key: str) -> str | None:
    value = system.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"Attributes.{key}: must be a string")
    return value


def _number(system: Mapping[str, Any], key: str, default: int) -> int:
    try:
        return int(system.get(key, default))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"Attributes.{key}: must be a whole number") from None


def _attribute(name: str, raw: Any) -> Attribute:
    place = f"MessageAttributes.{name}"
    if not isinstance(raw, dict) or not isinstance(raw.get("DataType"), str):
        raise ValueError(f"{place}: must be an object with DataType")  # noqa: TRY004
    binary = raw["DataType"].startswith("Binary")
    key = "BinaryValue" if binary else "StringValue"
    if not isinstance(raw.get(key), str):
        raise ValueError(f"{place}.{key}: missing or not a string")  # noqa: TRY004
    return Attribute(raw["DataType"], raw[key])
