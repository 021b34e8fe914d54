"""The headers of a delivery, as the table in section 4 of the contract has them.

Names and meaning of the `x-aws-sqsd-` headers are the Elastic Beanstalk worker daemon's.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.core import baggage

if TYPE_CHECKING:
    from gateway.core.decision import Reason
    from gateway.core.message import Attribute, Message
    from gateway.core.versions import Version

MAX_ATTRIBUTE_BYTES: Final = 8 * 1024
"""For all headers made of attributes together: Node.js refuses more than 16 KiB in all."""
ATTRIBUTE_PREFIX: Final = "x-aws-sqsd-attr-"
FIXED_NAMES: Final = frozenset(
    {
        "version",
        "content-type",
        "traceparent",
        "tracestate",
        "baggage",
        "x-amzn-trace-id",
        "message-group-id",
        "message-deduplication-id",
        "x-gateway-route",
        "x-gateway-version",
        "x-gateway-reason",
        "x-gateway-omitted",
    }
)
RESERVED_PREFIX: Final = "x-aws-sqsd-"

_LEGAL = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?\Z")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


@dataclass(slots=True)
class HeaderList:
    """Headers in order, and which of them had to be encoded or left out."""

    items: list[tuple[str, str]] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Append a header, its value made legal."""
        if not _LEGAL.match(value):
            value = encode(value)
            self.encoded.append(name)
        self.items.append((name, value))

    def add_within(self, name: str, value: str, room: int) -> int:
        """Append if it fits into `room` bytes, else name it as omitted; return the bytes used."""
        fits = len(value) <= room  # looked at first: a value of 1 MiB is not worth encoding
        legal = fits and bool(_LEGAL.match(value))
        sent = value if legal or not fits else encode(value)
        size = len(name) + len(sent) + len(": \r\n")
        if size > room:
            self.omitted.append(name)
            return 0
        if not legal:
            self.encoded.append(name)
        self.items.append((name, sent))
        return size


def encode(value: str) -> str:
    """Percent-encode every byte that is no visible ASCII or inner space or tab, and each `%`."""
    raw = value.encode("utf-8", "surrogatepass")
    inner = range(len(raw) - len(raw.lstrip(b" \t")), len(raw.rstrip(b" \t")))
    return "".join(
        chr(byte) if byte in _PLAIN or (byte in b" \t" and at in inner) else f"%{byte:02X}"
        for at, byte in enumerate(raw)
    )


_PLAIN: Final = frozenset(range(0x21, 0x7F)) - {ord("%")}


def delivery_headers(
    message: Message, *, route: str, queue: str, fifo: bool, belongs_to: Version,
    delivered_to: Version, reason: Reason,
) -> list[tuple[str, str]]:  # fmt: skip
    """Return the headers in order; `belongs_to` names the version, `delivered_to` gets it."""
    headers = HeaderList()
    headers.items += [
        ("version", belongs_to.tag),
        ("x-gateway-route", route),
        ("x-gateway-version", delivered_to.name),
        ("x-gateway-reason", reason.value),
        ("x-aws-sqsd-queue", queue),
        ("x-aws-sqsd-first-received-at", iso_8601(message.first_received_ms)),
        ("x-aws-sqsd-receive-count", str(message.receive_count)),
    ]
    headers.add("x-aws-sqsd-msgid", message.message_id)
    if message.sender_id is not None:
        headers.add("x-aws-sqsd-sender-id", message.sender_id)
    room = MAX_ATTRIBUTE_BYTES
    if message.trace_header is not None:  # the sender's own words too
        room -= headers.add_within("x-amzn-trace-id", message.trace_header, room)
    if fifo:
        _add_fifo(headers, message)
    room = _add_context(headers, message, belongs_to.tag, room)
    binary: list[str] = []
    if message.attributes:
        _add_attributes(headers, message, room)
        binary = _binary_sent(headers, message)
    _add_lists(headers, binary)
    return headers.items


def _add_fifo(headers: HeaderList, message: Message) -> None:
    if message.group is not None:
        headers.add("message-group-id", message.group)
    if message.deduplication_id is not None:
        headers.add("message-deduplication-id", message.deduplication_id)


def _add_context(headers: HeaderList, message: Message, tag: str, room: int) -> int:
    """Add content-type, trace context and baggage; return the room left for attribute headers.

    What has no room falls to its default or is left out.
    """
    content_type = _text(message, "content-type")
    used = 0 if content_type is None else headers.add_within("content-type", content_type, room)
    if not used:
        headers.items.append(("content-type", _default_content_type(message)))
    room -= used
    for name in ("traceparent", "tracestate"):
        value = _text(message, name)
        if value is not None:
            room -= headers.add_within(name, value, room)
    return room - _add_baggage(headers, _text(message, "baggage"), tag, room)


def _add_baggage(headers: HeaderList, carrier: str | None, tag: str, room: int) -> int:
    """Baggage is always sent; a carrier that has no room is left out but for our own member."""
    used = 0
    if carrier is not None and len(carrier) > baggage.MAX_CHARACTERS:
        headers.omitted.append("baggage")
    elif carrier is not None:
        used = headers.add_within("baggage", baggage.with_member(carrier, "version", tag), room)
    if not used:
        headers.items.append(("baggage", f"version={tag}"))
    return used


def _default_content_type(message: Message) -> str:
    return "application/json" if message.is_json else "text/plain; charset=utf-8"


def _text(message: Message, name: str) -> str | None:
    attribute = message.attribute(name)
    return None if attribute is None or attribute.binary else attribute.text


def _add_attributes(headers: HeaderList, message: Message, room: int) -> None:
    """Add attributes in the order of their names; of names alike but for case only the first."""
    for name in sorted(message.attributes):
        attribute: Attribute = message.attributes[name]
        header = ATTRIBUTE_PREFIX + name
        if not _TOKEN.match(name) or message.first_names[name.lower()] != name:
            headers.omitted.append(header)
        else:
            room -= headers.add_within(header, attribute.text, room)


def _binary_sent(headers: HeaderList, message: Message) -> list[str]:
    sent = {name for name, _ in headers.items}
    return [
        name
        for name in sorted(message.attributes)
        if message.attributes[name].binary and ATTRIBUTE_PREFIX + name in sent
    ]


def _add_lists(headers: HeaderList, binary: list[str]) -> None:
    for header, names in (
        ("x-aws-sqsd-binary", binary),
        ("x-gateway-omitted", headers.omitted),
        ("x-aws-sqsd-encoded", headers.encoded),
    ):
        if names:
            headers.add(header, ", ".join(names))


def iso_8601(epoch_ms: int) -> str:
    """Return UTC to the second, `YYYY-MM-DDThh:mm:ssZ`, as the worker daemon sends it.

    The calendar arithmetic is Howard Hinnant's civil_from_days
    (https://howardhinnant.github.io/date_algorithms.html): core imports no clock.
    """
    day, second = divmod(epoch_ms // 1000, 86_400)
    date = _DATES.get(day)
    if date is None:  # messages of one time come together: 1.5 % of the gateway's CPU without it
        if len(_DATES) >= _MOST_DATES:
            _DATES.clear()
        date = _DATES[day] = _date(day)
    return f"{date}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


_MOST_DATES: Final = 100
_DATES: Final[dict[int, str]] = {}


def _date(days: int) -> str:
    """Return year, month and day of a day since the epoch."""
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
