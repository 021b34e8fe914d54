"""Records of a topic as `kcat -J` prints them, in the shape of ReceiveMessage.

Source: https://github.com/edenhill/kcat/blob/master/json.c: keys and values are the bytes of the
record, of which only what JSON requires is escaped, so a line may be no UTF-8.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.core.kafka.records import attributes_of, group_of

_PLACE: Final = ("topic", "partition", "offset")


def is_record(value: Any) -> bool:
    """Whether it is a record, and no message that says besides where it once was."""
    return (
        isinstance(value, dict) and "MessageId" not in value and all(key in value for key in _PLACE)
    )


def as_received(record: dict[str, Any]) -> dict[str, Any]:
    """Return the message that the gateway makes of the record.

    Raises ValueError for one that kcat has decoded, since the gateway decides by the bytes.
    """
    key, value = _text(record, "key"), _text(record, "payload")
    attributes = attributes_of(_headers(record.get("headers")))
    return {
        "MessageId": "/".join(str(record[name]) for name in _PLACE),
        "Body": value or "",
        "Attributes": {} if key is None else {"MessageGroupId": group_of(_bytes(key))},
        "MessageAttributes": {name: _attribute(*each) for name, each in attributes.items()},
    }


def _text(record: dict[str, Any], member: str) -> str | None:
    found = record.get(member)
    if found is not None and not isinstance(found, str):
        what = f"has a decoded {member}, and the gateway sees its bytes: print it without kcat's -s"
        raise ValueError(what)
    return found


def _headers(given: Any) -> tuple[tuple[str, bytes | None], ...]:
    """Return what is a list of names and values in turns; a value may be null."""
    flat = [] if given is None else given
    if not isinstance(flat, list) or len(flat) % 2:
        raise ValueError("has headers that are no list of names and values in turns")
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if not all(isinstance(name, str) and isinstance(value, str | None) for name, value in pairs):
        raise ValueError("has a header whose name or value is no text")
    return tuple((name, None if value is None else _bytes(value)) for name, value in pairs)


def _bytes(text: str) -> bytes:
    """Return the bytes of the record: what was no UTF-8 has been read as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _attribute(kind: str, value: str) -> dict[str, str]:
    return {"DataType": kind, "BinaryValue" if kind == "Binary" else "StringValue": value}
