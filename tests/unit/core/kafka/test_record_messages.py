"""The message that is made of a record, and the headers of records that the gateway produces."""

from __future__ import annotations

from base64 import b64encode

import pytest

from gateway.core.kafka.attempts import TO_STABLE
from gateway.core.kafka.dead_letter import dead_letter_headers, original_of, parked_headers
from gateway.core.kafka.records import group_of, message_of, place_name, place_of
from gateway.core.messages.json_body import ABSENT
from gateway.core.messages.message import Attribute
from gateway.core.messages.record import Record
from tests.builders import message

MARKS = {
    "gateway-route": "orders",
    "gateway-version": "canary",
    "gateway-status": "400",
    "gateway-reason": "split",
}
RECORD = Record("orders", 3, 42, b"k-1", b'{"a": 1}', (("trace", b"abc"),), 1_700_000_000_123)


def test_a_record_becomes_a_message_that_is_called_by_its_place() -> None:
    made = message_of(RECORD, 2, 7)
    assert made.message_id == "orders/3/42"
    assert made.receipt == "7#orders/3/42"
    assert place_of(made.receipt) == (place_name("orders", 3, 7), 42)
    assert made.body == '{"a": 1}'
    assert made.group == "k-1"
    assert made.receive_count == 2
    assert made.sent_ms == 1_700_000_000_123
    assert made.attributes == {"trace": Attribute("String", "abc")}
    assert made.record is RECORD


def test_a_topic_may_have_any_name_in_a_receipt() -> None:
    made = message_of(RECORD._replace(topic="a.b_c-d"), 1, 0)
    assert place_of(made.receipt) == (place_name("a.b_c-d", 3, 0), 42)


def test_a_tombstone_has_an_empty_body_and_no_json() -> None:
    made = message_of(RECORD._replace(value=None))
    assert made.body == ""
    assert made.json is ABSENT


def test_a_value_that_is_no_text_can_be_had_from_the_body_again() -> None:
    value = b"\xff\x00\xfe"
    made = message_of(RECORD._replace(value=value))
    assert made.body.encode("utf-8", "surrogateescape") == value
    assert not made.is_json


def test_of_headers_of_one_name_the_last_one_counts_and_null_is_absent() -> None:
    headers = (("a", b"1"), ("a", b"2"), ("b", None), ("c", b"3"), ("c", None), ("d", b""))
    made = message_of(RECORD._replace(headers=headers))
    assert made.attributes == {"a": Attribute("String", "2"), "d": Attribute("String", "")}


def test_a_header_that_is_no_utf8_is_binary() -> None:
    made = message_of(RECORD._replace(headers=(("raw", b"\xff\xfe"),)))
    attribute = made.attributes["raw"]
    assert attribute.binary
    assert attribute.text == b64encode(b"\xff\xfe").decode()


def test_an_empty_key_is_a_group_and_a_null_one_is_none() -> None:
    assert message_of(RECORD._replace(key=b"")).group == ""
    assert message_of(RECORD._replace(key=None)).group is None


def test_no_two_keys_are_one_group() -> None:
    raw = b"\xff"
    looks_like_it = group_of(raw).encode()
    assert len({group_of(raw), group_of(looks_like_it), group_of(b"\xfe")}) == 3


def test_a_record_without_a_timestamp_has_no_time_of_sending() -> None:
    assert message_of(RECORD._replace(timestamp_ms=None)).sent_ms == 0


def test_a_dead_letter_has_the_headers_unchanged_and_then_nine_marks() -> None:
    own = (("a", b"1"), ("a", b"2"), ("gateway-route", b"mine"), ("raw", b"\xff"), ("nul", None))
    dead = message_of(RECORD._replace(headers=own), 8)
    assert dead_letter_headers(dead, MARKS) == [
        *own,
        ("gateway-route", b"orders"),
        ("gateway-version", b"canary"),
        ("gateway-status", b"400"),
        ("gateway-reason", b"split"),
        ("gateway-topic", b"orders"),
        ("gateway-partition", b"3"),
        ("gateway-offset", b"42"),
        ("gateway-timestamp", b"1700000000123"),
        ("gateway-attempts", b"8"),
    ]


def test_the_attempts_of_a_dead_letter_say_nothing_of_a_detour() -> None:
    dead = dead_letter_headers(message_of(RECORD, TO_STABLE + 2), MARKS)
    assert dead[-1] == ("gateway-attempts", b"2")


def test_only_a_message_of_a_record_has_such_headers() -> None:
    with pytest.raises(ValueError, match="is of no record"):
        dead_letter_headers(message(), MARKS)


@pytest.mark.parametrize("timestamp_ms", [None, 5])
@pytest.mark.parametrize("headers", [(), RECORD.headers, (("gateway-topic", b"mine"),)])
def test_what_was_parked_is_read_back_as_it_was(
    timestamp_ms: int | None, headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    record = RECORD._replace(timestamp_ms=timestamp_ms, headers=headers)
    parked = Record("parked", 0, 1, record.key, record.value, tuple(parked_headers(record)), 99)
    assert original_of(parked) == record


def test_a_parked_record_is_called_by_where_it_was_read() -> None:
    parked = Record("parked", 0, 1, b"k-1", b"{}", tuple(parked_headers(RECORD)), 99)
    made = message_of(parked, original=original_of(parked))
    assert made.message_id == "parked/0/1"
    assert made.record == RECORD._replace(value=b"{}")
    assert made.attributes == {"trace": Attribute("String", "abc")}
    assert made.sent_ms == RECORD.timestamp_ms


@pytest.mark.parametrize(
    "headers",
    [
        (),
        RECORD.headers,
        tuple(parked_headers(RECORD))[2:],
        (*parked_headers(RECORD), ("later", b"1")),
        (*parked_headers(RECORD)[:-1], ("gateway-timestamp", b"soon")),
        (*parked_headers(RECORD)[:-1], ("gateway-timestamp", b"\xff")),
    ],
)
def test_a_record_that_another_producer_put_there_is_not_taken_for_a_parked_one(
    headers: tuple[tuple[str, bytes | None], ...],
) -> None:
    assert original_of(Record("parked", 0, 1, None, b"", headers)) is None
