"""The least work for a message: frozen, since the baseline is a multiple of it."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.core.messages.message import Message

_VISIBLE = bytes(range(0x20, 0x7F))
_SEEDED: Any = blake2b(b"orders\0", digest_size=8)


def _asks(wanted: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda texts: texts.get("tenant") == wanted


_TESTS = [_asks(f"t-{n}") for n in range(200)]


class Record:
    """As many fields as a message has."""

    __slots__ = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k")
    a: Any
    b: Any
    c: Any
    d: Any
    e: Any
    f: Any
    g: Any
    h: Any
    i: Any
    j: Any
    k: Any


def receive(raw: Mapping[str, Any]) -> Record:
    """Copy the fields."""
    record, system = Record(), raw["Attributes"]
    record.a, record.b, record.c = raw["MessageId"], raw["Body"], raw["ReceiptHandle"]
    record.d = {
        name: (each["DataType"], each["StringValue"])
        for name, each in raw["MessageAttributes"].items()
    }
    record.e, record.f = system.get("MessageGroupId"), system.get("SenderId")
    record.g = int(system["ApproximateReceiveCount"])
    record.h = int(system["SentTimestamp"])
    record.i = int(system["ApproximateFirstReceiveTimestamp"])
    record.j = record.k = None
    return record


def pin(message: Message) -> object:
    """Look an attribute up, and what it names."""
    attributes = message.attributes
    names = {tuple(attributes): "version"}
    return {"v1": "stable", "v2": "canary"}.get(attributes[names[tuple(attributes)]][1])


def split(message: Message) -> object:
    """Look for two attributes and hash the id."""
    attributes = message.attributes
    absent = attributes.get("version"), attributes.get("baggage"), tuple(attributes)
    seeded = _SEEDED.copy()
    seeded.update(message.message_id.encode())
    return absent, int.from_bytes(seeded.digest(), "big") % 10_000


def rules(message: Message) -> object:
    """Ask 200 questions of an attribute."""
    texts = {name: each[1] for name, each in message.attributes.items()}
    for holds in _TESTS:
        if holds(texts):
            return True
    return split(message)


_ENTRIES = {f"t-{n}": n for n in range(20)}


def followed(message: Message) -> object:
    """Read the names as headers are, look one of them up among 20 values, and hash the id."""
    texts = {name.lower(): each[1] for name, each in message.attributes.items()}
    return _ENTRIES.get(texts["tenant"]), split(message)


def is_json(message: Message) -> object:
    """Parse the body."""
    return orjson.loads(message.body)


def headers(message: Message) -> str:
    """Write lines and look at them once."""
    lines = [
        f"x-aws-sqsd-receive-count: {message.receive_count}\r\n",
        f"x-aws-sqsd-first-received-at: {message.first_received_ms // 1000}\r\n",
        f"x-aws-sqsd-msgid: {message.message_id}\r\n",
        f"x-aws-sqsd-sender-id: {message.sender_id}\r\n",
        "content-type: application/json\r\n",
        "baggage: version=v1\r\n",
    ]
    for name, (_, text) in message.attributes.items():
        lines.append(f"x-aws-sqsd-attr-{name}: {text}\r\n")
    joined = "".join(lines)
    if not joined.isascii() or " \r" in joined:
        return ""
    ends = joined.encode().translate(None, _VISIBLE)
    return "version: v1\r\n" + joined if ends == b"\r\n" * len(lines) else ""


def from_topic(records: Sequence[tuple[Any, ...]]) -> int:
    """Hold ten records by offset and key, write the headers of each, and let go of them."""
    held, keys, receipts = {}, {}, []
    for record in records:
        topic, partition, offset, key, value, headers, timestamp = record
        held[offset], keys[key] = record, offset
        message = Record()
        message.a, message.b = f"{topic}/{partition}/{offset}", value.decode()
        message.c, message.d = f"1#{message.a}", key.decode()
        message.e = {name: ("String", content.decode()) for name, content in headers}
        message.f = timestamp
        seeded = _SEEDED.copy()
        seeded.update(key)
        message.g = int.from_bytes(seeded.digest(), "big") % 10_000
        message.h = orjson.loads(message.b)
        lines = (
            f"x-kafka-topic: {topic}\r\nx-kafka-partition: {partition}\r\n"
            f"x-kafka-offset: {offset}\r\nx-kafka-key: {message.d}\r\n"
            f"x-kafka-timestamp: {timestamp}\r\ncontent-type: application/json\r\n"
        )
        message.i = lines if lines.isascii() else ""
        receipts.append(message.c)
    for receipt in receipts:
        offset = int(receipt.rpartition("/")[2])
        del keys[held.pop(offset)[3]]
    return len(held)


_HELD: dict[str, Record] = {}


def passing(received: bytes) -> str:
    """Read ten messages, hold a record of each while its request is written, and hash a delete."""
    receipts = []
    for raw in orjson.loads(received)["Messages"]:
        system, held, body = raw["Attributes"], Record(), raw["Body"]
        held.a, held.b, held.c, held.d = raw["MessageId"], body, raw["ReceiptHandle"], 60.0
        held.e = system["SenderId"]
        held.f = int(system["ApproximateReceiveCount"])
        held.g = int(system["SentTimestamp"])
        held.h = int(system["ApproximateFirstReceiveTimestamp"])
        seeded = _SEEDED.copy()
        seeded.update(held.a.encode())
        held.i = int.from_bytes(seeded.digest(), "big") % 10_000
        held.j = orjson.loads(body)
        held.k = (
            f"POST /events HTTP/1.1\r\ncontent-length: {len(body)}\r\nversion: v1\r\n"
            f"x-aws-sqsd-receive-count: {held.f}\r\nx-aws-sqsd-msgid: {held.a}\r\n"
            f"x-aws-sqsd-sender-id: {held.e}\r\n\r\n{body}"
        ).encode()
        _HELD[held.a] = held
        receipts.append(held.c)
    _HELD.clear()
    return sha256(orjson.dumps(receipts)).hexdigest()
