"""The headers of a delivered record: what the reference says, and no way out of a header."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.delivery import record_headers
from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.record_headers import record_lines
from gateway.core.kafka.records import message_of
from gateway.core.messages.message import Message
from gateway.core.messages.record import Record
from tests.header_lines import pairs

USUAL = Record("orders", 3, 41, b"k-1", b'{"a": 1}', (("version", b"v2"),), 1_700_000_000_123)
ROOM = 7_000


def headers_of(message: Message, room: int = ROOM) -> dict[str, str]:
    return dict(pairs(record_lines(message, "v2", room=room)))


def test_a_usual_record_has_its_place_key_time_and_headers() -> None:
    assert headers_of(message_of(USUAL)) == {
        "x-kafka-topic": "orders",
        "x-kafka-partition": "3",
        "x-kafka-offset": "41",
        "x-kafka-key": "k-1",
        "x-kafka-timestamp": "1700000000123",
        "content-type": "application/json",
        "baggage": "version=v2",
        "x-kafka-header-version": "v2",
    }


def test_without_headers_key_and_time_there_is_only_the_place() -> None:
    message = message_of(Record("orders", 0, 0, None, b"text"))
    assert headers_of(message) == {
        "x-kafka-topic": "orders",
        "x-kafka-partition": "0",
        "x-kafka-offset": "0",
        "content-type": "text/plain; charset=utf-8",
        "baggage": "version=v2",
    }


def test_a_tombstone_says_so() -> None:
    assert headers_of(message_of(USUAL._replace(value=None)))["x-kafka-tombstone"] == "true"


def test_an_empty_value_is_no_tombstone_and_an_empty_key_is_a_key() -> None:
    headers = headers_of(message_of(USUAL._replace(value=b"", key=b"")))
    assert "x-kafka-tombstone" not in headers
    assert headers["x-kafka-key"] == ""


def test_a_key_and_a_header_that_are_no_utf_8_are_base64_and_named() -> None:
    record = USUAL._replace(key=b"\xff\x00", headers=(("bin", b"\xfe"),))
    headers = headers_of(message_of(record))
    assert headers["x-kafka-key"] == b64encode(b"\xff\x00").decode()
    assert headers["x-kafka-header-bin"] == b64encode(b"\xfe").decode()
    assert headers["x-kafka-binary"] == "key, bin"


def test_a_value_that_is_no_text_is_sent_as_bytes() -> None:
    message = message_of(USUAL._replace(value=b"\x00\xff", headers=()))
    assert headers_of(message)["content-type"] == "application/octet-stream"


def test_a_content_type_of_the_record_counts() -> None:
    record = USUAL._replace(value=b"\x00\xff", headers=(("Content-Type", b"application/avro"),))
    assert headers_of(message_of(record))["content-type"] == "application/avro"


def test_what_is_beyond_ascii_is_percent_encoded_and_listed() -> None:
    record = USUAL._replace(key="ü%".encode(), headers=(("note", b"a\r\nx: y"),))
    headers = headers_of(message_of(record))
    assert headers["x-kafka-key"] == "%C3%BC%25"
    assert headers["x-kafka-header-note"] == "a%0D%0Ax: y"
    assert headers["x-kafka-encoded"] == "x-kafka-key, x-kafka-header-note"


def test_trace_context_and_baggage_come_from_the_headers() -> None:
    given_headers = (
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("baggage", b"a=b,version=v1"),
    )
    headers = headers_of(message_of(USUAL._replace(headers=given_headers)))
    assert headers["traceparent"] == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert headers["baggage"] == "a=b,version=v2"


def test_of_repeated_headers_the_last_counts_and_null_is_absent() -> None:
    record = USUAL._replace(headers=(("a", b"1"), ("a", b"2"), ("b", b"1"), ("b", None)))
    headers = headers_of(message_of(record))
    assert headers["x-kafka-header-a"] == "2"
    assert "x-kafka-header-b" not in headers


def test_what_does_not_fit_is_omitted_and_named() -> None:
    headers = headers_of(message_of(USUAL._replace(headers=(("big", b"x" * 2_000),))), room=1_000)
    assert headers["x-gateway-omitted"] == "x-kafka-header-big"
    assert headers["x-kafka-key"] == "k-1"


def test_nothing_of_sqs_is_sent() -> None:
    assert not [name for name in headers_of(message_of(USUAL)) if name.startswith("x-aws")]


def test_a_message_without_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="without a record"):
        record_lines(Message("m-1", "{}"), "v2")


CONTEXT = ("content-type", "baggage", "traceparent", "tracestate")
any_bytes = st.binary(max_size=12) | st.text(max_size=12).map(lambda text: text.encode("utf-8"))
names = st.text(max_size=10) | st.sampled_from(["traceparent", "baggage", "content-type", "a"])
records = st.builds(
    Record,
    st.just("orders"),
    st.integers(0, 9),
    st.integers(0, 2**63 - 1),
    st.none() | any_bytes,
    st.none() | any_bytes,
    st.lists(st.tuples(names, st.none() | any_bytes), max_size=4).map(tuple),
    st.none() | st.integers(0, 2**41),
)


@given(records)
def test_both_ways_of_rendering_give_the_same_lines(record: Record) -> None:
    message = message_of(record)
    legal = record_headers._legal_lines(message, record, "v2", ROOM, HeaderDialect(), message)
    assert record_lines(message, "v2", room=ROOM) == legal


@given(records, st.integers(200, 1_500))
def test_no_record_breaks_out_of_its_headers(record: Record, room: int) -> None:
    lines = record_lines(message_of(record), "v2", room=room)
    assert lines.isascii()
    for name, value in pairs(lines):
        assert name.startswith(("x-kafka-", "x-gateway-omitted", *CONTEXT)), name
        assert value.isprintable() or "\t" in value
