"""One received message. Its fields never change.

Derived values (parsed JSON, case-folded attributes, baggage) are computed on first use and kept
until the decision is made, so that no message is parsed twice. Then they are dropped, since a
parsed body may take 25 times the memory of its text.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - mypyc looks up what a dataclass is made of
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from gateway.core.messages import baggage
from gateway.core.messages.attribute_names import AttributeNames, names_of
from gateway.core.messages.json_body import ABSENT, is_json, parse_json
from gateway.core.messages.record import Record  # noqa: TC001 - as above

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


@dataclass(slots=True, eq=False)
class Message:
    """A message as SQS returned it. Times are milliseconds since the epoch, 0 where not known.

    `counted` is false where SQS, or an emulator of it, gave no receive count: it is 1 then.
    `record` is there where it came from Kafka; `body` is then the text of its value, and
    `receive_count` the attempts of this process, this one included.

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
    counted: bool = True
    record: Record | None = None
    _json: Any = field(default=UNREAD, init=False, repr=False)
    _is_json: bool | None = field(default=None, init=False, repr=False)
    _names: AttributeNames | None = field(default=None, init=False, repr=False)
    _baggage: Mapping[str, str] | None = field(default=None, init=False, repr=False)

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


def iso_8601(epoch_ms: int) -> str:
    """Return milliseconds since the epoch as `YYYY-MM-DDThh:mm:ssZ`, UTC, cut to the second.

    The Elastic Beanstalk worker daemon sends times in this form.
    """
    return _second(epoch_ms // 1000)


@lru_cache(maxsize=1024)  # messages of one second arrive together
def _second(epoch_seconds: int) -> str:
    day, second = divmod(epoch_seconds, 86_400)
    return f"{_date(day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


@lru_cache(maxsize=128)  # a backlog has many seconds and few days
def _date(days: int) -> str:
    """Return `YYYY-MM-DD` of a number of days since the epoch.

    The calendar arithmetic is Howard Hinnant's civil_from_days
    (https://howardhinnant.github.io/date_algorithms.html).
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9  # noqa: PLR2004
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004
    return f"{year:04d}-{month:02d}-{day:02d}"
