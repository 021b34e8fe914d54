"""How messages look in a response of the fast SQS: rendered when sent, but for a few places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from gateway.demo.senders import UNSIGNED
from tools.emulator.messages import attributes_md5, md5
from tools.sqs_model.receipts import PADDING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NUMBERED: Final = "@message-no@"
"""Becomes the message's number in a body, in as many digits: some peers do not send the id."""

_RECEIPT: Final = f"%b%012x%08x{PADDING}".encode()

_NOT_WANTED: Final = b"%.0a"
"""A place that takes a value and shows nothing."""


_STANDARD: Final = {
    "ApproximateReceiveCount": b"%d",
    "ApproximateFirstReceiveTimestamp": b"%b",
}
_FIFO: Final = {
    **_STANDARD,
    "MessageGroupId": b"%b",
    "MessageDeduplicationId": b"%b",
    "SequenceNumber": b"%020d",
}


class Draft:
    """What many messages share: body, attributes and the time of sending.

    `sent_at` is in seconds since the epoch.
    """

    __slots__ = ("_attributes", "_body", "_md5", "_numbered", "_sent_ms", "templates")

    def __init__(
        self, body: str, attributes: Mapping[str, Mapping[str, Any]], sent_at: float
    ) -> None:
        self._body = body
        self._md5 = md5(body.encode()).encode()
        self._numbered = NUMBERED in body
        self._attributes = attributes
        self._sent_ms = int(sent_at * 1000)
        self.templates: dict[Wanted, bytes] = {}

    def body_md5(self, number: int) -> bytes:
        """Return the digest of the body of the message with this number."""
        if not self._numbered:
            return self._md5
        return md5(self._body.replace(NUMBERED, f"{number:012d}").encode()).encode()

    @property
    def attributes_md5(self) -> str:
        """The digest of the attributes; "" for none."""
        return attributes_md5(self._attributes)

    def template(self, wanted: Wanted, *, fifo: bool = False) -> bytes:
        """Return a message with places.

        They are: id; the receipt's stamp, sequence and receive count; the body's digest; sequence;
        receive count; time of the first receive (ms); on FIFO group, deduplication id, sequence
        number.
        """
        template = self.templates[wanted] = self._render(wanted, _FIFO if fifo else _STANDARD)
        return template

    def _render(self, wanted: Wanted, places: Mapping[str, bytes]) -> bytes:
        system, names = wanted
        body = to_json(self._body).replace(b"%", b"%%")
        if self._numbered:
            body = body.replace(NUMBERED.encode(), b"%012d", 1)
        else:
            body = _NOT_WANTED + body
        parts = [
            b'{"MessageId":"%b","ReceiptHandle":"',
            _RECEIPT,
            b'","MD5OfBody":"%b","Body":',
            body,
        ]
        parts.append(self._system(system, places))
        parts.append(self._chosen(names).replace(b"%", b"%%"))
        return b"".join(parts) + b"}"

    def _system(self, names: Sequence[str], places: Mapping[str, bytes]) -> bytes:
        """Return the system attributes; a place that is not asked for shows nothing."""
        known = {
            "SenderId": UNSIGNED.encode(),
            "SentTimestamp": b"%d" % self._sent_ms,
        }
        text, comma = b"", b',"Attributes":{'
        for name, value in (known | places).items():
            if name in names or "All" in names:
                text += comma + b'"%b":"%b"' % (name.encode(), value)
                comma = b","
            elif name in places:
                text += _NOT_WANTED
        return text if comma != b"," else text + b"}"

    def _chosen(self, names: Sequence[str]) -> bytes:
        prefixes = tuple(
            "" if n == "All" else n[:-2] for n in names if n == "All" or n[-2:] == ".*"
        )
        chosen = {
            name: value
            for name, value in self._attributes.items()
            if name in names or (prefixes and name.startswith(prefixes))
        }
        if not chosen:
            return b""
        text = to_json(
            {"MD5OfMessageAttributes": attributes_md5(chosen), "MessageAttributes": chosen}
        )
        return b"," + text[1:-1]


Wanted = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of system attributes and of message attributes that a receive asks for."""


def wanted(request: Mapping[str, Any]) -> Wanted:
    """Return what a receive asks for."""
    system = request.get("MessageSystemAttributeNames") or request.get("AttributeNames") or ()
    return tuple(system), tuple(request.get("MessageAttributeNames") or ())
