"""What the topic of a version gets."""

from __future__ import annotations

from typing import Any

from gateway.core.delivery.forwarded_record import forward_headers, in_context
from gateway.core.messages.record import Record
from gateway.core.messages.trace_context import TraceContext

Header = tuple[str, bytes | None]


def record(*headers: Header, **rest: Any) -> Record:
    return Record("orders", 0, 7, b"k", b"v", headers, rest.pop("timestamp_ms", 1_790_000_000_123))


SENT = ("x-gateway-sent-at", b"1790000000123")


def forwarded(*headers: Header, **rest: Any) -> list[Header]:
    return forward_headers(record(*headers, **rest), "v2", "version")


def test_the_record_s_headers_stay_as_they_are_and_the_tag_follows() -> None:
    own: list[Header] = [("a", b"1"), ("a", None), ("b", b"\xff")]
    assert forwarded(*own) == [*own, SENT, ("version", b"v2")]


def test_the_tag_takes_the_place_of_each_header_of_that_name() -> None:
    headers = forwarded(("Version", b"v1"), ("version", None), ("version", b"v0"))
    assert headers == [SENT, ("version", b"v2")]


def test_the_last_baggage_gets_the_tag() -> None:
    headers = forwarded(("baggage", b"a=1"), ("baggage", b"version=v1,b=2"))
    assert headers[:2] == [("baggage", b"a=1"), ("baggage", b"b=2,version=v2")]


def test_baggage_that_is_null_or_no_text_stays() -> None:
    assert forwarded(("baggage", b"\xff"))[0] == ("baggage", b"\xff")
    assert forwarded(("baggage", None))[0] == ("baggage", None)


def test_the_time_of_the_first_sending_stays() -> None:
    assert forwarded(("X-Gateway-Sent-At", b"5"))[0] == ("X-Gateway-Sent-At", b"5")
    assert len(forwarded(("X-Gateway-Sent-At", b"5"))) == 2
    assert forwarded(timestamp_ms=None) == [("version", b"v2")]


def test_another_trace_context_takes_the_place_of_the_record_s() -> None:
    context = TraceContext("a" * 32, "b" * 16, sampled=True, state="x=1")
    headers = in_context([("Traceparent", b"old"), ("tracestate", b"old"), ("c", b"1")], context)
    assert headers == [
        ("c", b"1"),
        ("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"),
        ("tracestate", b"x=1"),
    ]
