"""One received message. Its fields never change.

Derived values (parsed JSON, case-folded attributes, baggage) are computed on first use and kept
until the decision is made, so that no message is parsed twice. Then they are dropped, since a
parsed body may take 25 times the memory of its text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.core.messages import baggage
from gateway.core.messages.attribute_names import AttributeNames, names_of
from gateway.core.messages.json_body import ABSENT, is_json, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.record import Record

UNREAD: Final[Any] = object()
_new_tuple = tuple.__new__  # of a named tuple: faster than a call of its class


class Attribute(NamedTuple):
    """A message attribute; `text` of a Binary one is its value in standard base64.

    A tuple, since a frozen dataclass takes several times as long to make.
    """

    data_type: str
    text: str

    @property
    def binary(self) -> bool:
        """Whether the value is bytes. SQS allows a label after the type: `Binary.gif`."""
        return self.data_type.startswith("Binary")


_NO_ATTRIBUTES: Mapping[str, Attribute] = {}


class Message:
    """A message as SQS returned it. Times are milliseconds since the epoch, 0 where not known.

    `counted` is false where SQS, or an emulator of it, gave no receive count: it is 1 then.
    `record` is there where it came from Kafka; `body` is then the text of its value, and
    `receive_count` the attempts of this process, this one included.

    No dataclass: the `__init__` that one makes is not compiled, and takes several times as long.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html
    """

    __slots__ = (
        *("message_id", "body", "receipt", "attributes", "group", "deduplication_id"),
        *("receive_count", "sent_ms", "first_received_ms", "sender_id", "trace_header", "counted"),
        *("record", "_json", "_is_json", "_names", "_baggage"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 - as many as SQS gives, and by position it is faster
        self,
        message_id: str,
        body: str,
        receipt: str = "",
        attributes: Mapping[str, Attribute] = _NO_ATTRIBUTES,
        group: str | None = None,
        deduplication_id: str | None = None,
        receive_count: int = 1,
        sent_ms: int = 0,
        first_received_ms: int = 0,
        sender_id: str | None = None,
        trace_header: str | None = None,
        counted: bool = True,  # noqa: FBT001, FBT002 - it is given by name
        record: Record | None = None,
    ) -> None:
        self.message_id = message_id
        self.body = body
        self.receipt = receipt
        self.attributes = attributes
        self.group = group
        self.deduplication_id = deduplication_id
        self.receive_count = receive_count
        self.sent_ms = sent_ms
        self.first_received_ms = first_received_ms
        self.sender_id = sender_id
        self.trace_header = trace_header
        self.counted = counted
        self.record = record
        self._json: Any = UNREAD
        self._is_json: bool | None = None
        self._names: AttributeNames | None = None
        self._baggage: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        """Name it; a body may be long, or secret."""
        return f"Message({self.message_id!r})"

    @property
    def json(self) -> Any:
        """The parsed body, or :data:`ABSENT` when it is not JSON."""
        if self._json is UNREAD:
            self._json = parse_json(self.body)
            self._is_json = self._json is not ABSENT
        return self._json

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON; this alone keeps no parsed body."""
        if self._is_json is None:
            self._is_json = is_json(self.body)
        return self._is_json

    def forget(self) -> None:
        """Drop the large derived values: the parsed body and the members of the baggage."""
        self._json = UNREAD
        self._baggage = None

    def attribute(self, folded_name: str) -> Attribute | None:
        """Return the attribute of a lower-case name; of names that differ in case, the first."""
        if not self.attributes:
            return None
        name = self.names.first.get(folded_name)
        return None if name is None else self.attributes[name]

    def text(self, folded_name: str) -> str | None:
        """Return the text of the attribute of a lower-case name; None for a Binary one."""
        attribute = self.attribute(folded_name)
        return None if attribute is None or attribute.binary else attribute.text

    @property
    def carrier(self) -> str | None:
        """The text of the attribute `baggage`, or of `otel.baggage` where there is none.

        None for a Binary one.
        """
        if not self.attributes:
            return None
        name = self.names.baggage
        if name is None:
            return None
        attribute = self.attributes[name]
        return None if attribute.binary else attribute.text

    @property
    def names(self) -> AttributeNames:
        """The names of the attributes, with what follows from them."""
        if self._names is None:
            self._names = names_of(tuple(self.attributes))
        return self._names

    def baggage_member(self, folded_name: str) -> str | None:
        """Return the decoded value of the W3C baggage member of a lower-case name."""
        if self._baggage is None:
            carrier = self.carrier
            if carrier is None:
                return None
            self._baggage = baggage.members(carrier)
        return self._baggage.get(folded_name)


def message_from_receive(raw: Mapping[str, Any]) -> Message:
    """Return the Message of an element of a ReceiveMessage response, BinaryValue in base64.

    Raises ValueError, with the field's name, where a field is missing or has the wrong type.
    """
    try:
        message = _read_usual(raw, raw["Attributes"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        message = None
    return _read_any(raw) if message is None else message


def _read_usual(raw: Mapping[str, Any], system: Mapping[str, Any]) -> Message | None:
    """Return the Message of a usual element; None, or any error, for an unusual one.

    Each field is checked inline. The functions below, which name the problem, take several times
    as long.
    """
    get = system.get
    message_id, body, receipt = raw["MessageId"], raw["Body"], raw["ReceiptHandle"]
    group, deduplication_id = get("MessageGroupId"), get("MessageDeduplicationId")
    sender_id, trace_header = get("SenderId"), get("AWSTraceHeader")
    if not (
        type(system) is dict
        and type(message_id) is str
        and type(body) is str
        and type(receipt) is str
        and (group is None or type(group) is str)
        and (deduplication_id is None or type(deduplication_id) is str)
        and (sender_id is None or type(sender_id) is str)
        and (trace_header is None or type(trace_header) is str)
    ):
        return None
    named = raw.get("MessageAttributes")
    attributes = _NO_ATTRIBUTES if named is None else _read_texts(named)
    if attributes is None:
        return None
    return Message(
        message_id, body, receipt, attributes, group, deduplication_id,
        int(system["ApproximateReceiveCount"]), int(system["SentTimestamp"]),
        int(system["ApproximateFirstReceiveTimestamp"]), sender_id, trace_header,
    )  # fmt: skip


def _read_texts(raw: Mapping[str, Any]) -> Mapping[str, Attribute] | None:
    """Return the attributes where all are texts; None, or any error, for others."""
    if type(raw) is not dict:
        return None
    attributes = {}
    for name, each in raw.items():
        data_type, text = each["DataType"], each["StringValue"]
        if type(data_type) is not str or type(text) is not str or data_type[:6] == "Binary":
            return None
        attributes[name] = _new_tuple(Attribute, (data_type, text))
    return attributes


def _read_any(raw: Mapping[str, Any]) -> Message:
    """Return the Message of any element; raises ValueError with the problem."""
    if not isinstance(raw, dict):
        raise ValueError("a message must be an object")  # noqa: TRY004
    system = _mapping(raw, "Attributes")
    return Message(
        message_id=_text(raw, "MessageId"),
        body=_text(raw, "Body"),
        receipt=str(raw.get("ReceiptHandle") or ""),
        attributes={
            name: _attribute(name, value)
            for name, value in _mapping(raw, "MessageAttributes").items()
            if value is not None
        },
        group=_optional(system, "MessageGroupId"),
        deduplication_id=_optional(system, "MessageDeduplicationId"),
        receive_count=_number(system, "ApproximateReceiveCount", 1),
        sent_ms=_number(system, "SentTimestamp", 0),
        first_received_ms=_number(system, "ApproximateFirstReceiveTimestamp", 0),
        sender_id=_optional(system, "SenderId"),
        trace_header=_optional(system, "AWSTraceHeader"),
        counted=system.get("ApproximateReceiveCount") is not None,
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
    value = system.get(key)
    try:
        return default if value is None else int(value)
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
