"""Records as `kcat -J` prints them, which `explain` takes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from gateway.cli.message_input import Item, Unreadable, read_messages
from gateway.core.kafka.records import message_of
from gateway.core.messages.message import message_from_receive
from gateway.core.messages.record import Record

HEADERS = (("tenant", b"a"), ("tenant", b"test-7"), ("none", None), ("", b""), ("raw", b"\xff\x00"))


def printed(record: Record) -> bytes:
    """Return the line of kcat: bytes as they are, but for what JSON requires to be escaped."""
    members: list[tuple[str, Any]] = [
        *(("topic", record.topic), ("partition", record.partition), ("offset", record.offset)),
        *(("tstype", "create"), ("ts", record.timestamp_ms), ("broker", 1)),
        ("headers", [each for header in record.headers for each in header]),
        *(("key", record.key), ("payload", record.value)),
    ]
    return b"{" + b",".join(_json(name) + b":" + _json(value) for name, value in members) + b"}\n"


def _json(value: Any) -> bytes:
    if isinstance(value, list):
        return b"[" + b",".join(map(_json, value)) + b"]"
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("headers", [(), HEADERS])
@pytest.mark.parametrize("key", [None, b"", b"customer-7", b"\xff\xfe", b"base64:eA=="])
@pytest.mark.parametrize(
    "value", [None, b"", b'{"a": "\xc3\xa9"}', b"\x00\x00\x00\x00\x07\x06\xff\xfeavro"]
)
def test_a_printed_record_is_the_message_that_the_gateway_makes_of_it(
    headers: tuple[tuple[str, bytes | None], ...], key: bytes | None, value: bytes | None
) -> None:
    """Attributes, group and body are the same, and so decisions, of any bytes."""
    record = Record("shop.orders", 3, 1017, key, value, headers, 1_764_000_000_000)
    (item,) = read_messages(io.BytesIO(printed(record)))
    assert isinstance(item, Item)
    given, made = message_from_receive(item.value), message_of(record)
    assert given.message_id == made.message_id == "shop.orders/3/1017"
    assert given.body == made.body
    assert given.group == made.group
    assert dict(given.attributes) == dict(made.attributes)


def test_records_are_taken_one_a_line_and_in_a_list() -> None:
    record = {"topic": "t", "partition": 0, "offset": 1, "payload": "{}"}
    lines = "\n".join(json.dumps({**record, "offset": offset}) for offset in (1, 2))
    assert ids(lines) == ["t/0/1", "t/0/2"]
    assert ids(json.dumps([record], indent=2)) == ["t/0/1"]


def ids(text: str) -> list[str]:
    items = list(read_messages(io.BytesIO(text.encode())))
    assert all(isinstance(item, Item) for item in items), items
    return [item.value["MessageId"] for item in items if isinstance(item, Item)]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"payload": {"id": 7}}, "has a decoded payload, and the gateway sees its bytes"),
        ({"key": 7}, "has a decoded key, and the gateway sees its bytes"),
        ({"headers": ["tenant"]}, "no list of names and values in turns"),
        ({"headers": {"tenant": "a"}}, "no list of names and values in turns"),
        ({"headers": ["tenant", 7]}, "a header whose name or value is no text"),
    ],
)
def test_what_the_gateway_would_not_see_so_is_a_problem(members: dict[str, Any], why: str) -> None:
    line = json.dumps({"topic": "t", "partition": 0, "offset": 1, **members})
    (problem,) = read_messages(io.BytesIO(line.encode()))
    assert isinstance(problem, Unreadable)
    assert why in problem.why


def test_a_message_that_is_no_utf8_is_none_all_the_same() -> None:
    (problem,) = read_messages(io.BytesIO(b'{"MessageId": "m", "Body": "\xff"}\n'))
    assert isinstance(problem, Unreadable)
    assert "is not JSON" in problem.why
