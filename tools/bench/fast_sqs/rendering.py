"""How messages of the fast SQS look in an answer: rendered when sent, but for a few places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from tools.emulator.messages import attributes_md5, md5

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SENDER_ID: Final = "AIDAEMULATOREMULATORE"
NUMBERED: Final = "@message-no@"
"""What becomes the message's number in a body, in as many digits: some peers send no id along."""

RECEIPT: Final = b"AQEB%012x" + b"0" * 156
"""Real receipts have some 180 characters and more; a bench shall pay for carrying them."""

NUMBER: Final = slice(4, 16)
"""Where a receipt has the number of its message."""

_NOT_WANTED: Final = b"%.0a"
"""A place that takes a value and shows nothing of it."""


class Draft:
    """What many messages have in common: body, attributes and the time of sending.

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
        """The same of the attributes; "" for none."""
        return attributes_md5(self._attributes)

    def template(self, wanted: Wanted) -> bytes:
        """Return a message with places for id, number, digest, number, receive count,
        time of the first receive (ms)."""
        template = self.templates[wanted] = self._render(wanted)
        return template

    def _render(self, wanted: Wanted) -> bytes:
        system, names = wanted
        body = to_json(self._body).replace(b"%", b"%%")
        if self._numbered:
            body = body.replace(NUMBERED.encode(), b"%012d", 1)
        else:
            body = _NOT_WANTED + body
        parts = [
            b'{"MessageId":"%b","ReceiptHandle":"',
            RECEIPT,
            b'","MD5OfBody":"%b","Body":',
            body,
        ]
        parts.append(self._system(system))
        parts.append(self._chosen(names).replace(b"%", b"%%"))
        return b"".join(parts) + b"}"

    def _system(self, names: Sequence[str]) -> bytes:
        """Return the system attributes; what is not asked for swallows its value."""
        values = {
            "SenderId": SENDER_ID.encode(),
            "SentTimestamp": b"%d" % self._sent_ms,
            "ApproximateReceiveCount": b"%b",
            "ApproximateFirstReceiveTimestamp": b"%b",
        }
        chosen = [name for name in values if name in names or "All" in names]
        shown = b",".join(b'"%b":"%b"' % (name.encode(), values[name]) for name in chosen)
        unseen = [name for name in list(values)[2:] if name not in chosen]
        text = b',"Attributes":{%b}' % shown if chosen else b""
        # The two places stay in their order: a count that nobody asked for goes before the other.
        if unseen == ["ApproximateReceiveCount"]:
            return _NOT_WANTED + text
        return text + _NOT_WANTED * len(unseen)

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
