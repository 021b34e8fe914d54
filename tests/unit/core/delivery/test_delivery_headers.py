"""The headers of a delivery: every row of the table in docs/reference/delivery.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.delivery.headers import FIXED_NAMES, RESERVED_PREFIX, delivery_headers
from gateway.core.delivery.unwrapped import MESSAGE_ID, SUBJECT, TOPIC
from gateway.core.messages.iso_time import iso_8601
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decision import Reason
from tests.builders import CANARY, STABLE, AttributeValue, message
from tests.header_lines import pairs


def sent(taken: Message, **changes: Any) -> dict[str, str]:
    """Render the headers and check on the way that no name comes twice."""
    given: dict[str, Any] = {
        "route": "orders-route",
        "queue": "orders",
        "belongs_to": CANARY,
        "delivered_to": CANARY,
        "reason": Reason.SPLIT,
    }
    headers = pairs(delivery_headers(taken, **{**given, **changes}))
    assert max(Counter(name.lower() for name, _ in headers).values()) == 1
    return dict(headers)


def test_the_smallest_message_has_these_headers() -> None:
    taken = message("{}", first_received_ms=1_700_000_001_456)
    assert sent(taken) == {
        "version": "v2",
        "content-type": "application/json",
        "x-aws-sqsd-msgid": "m-1",
        "x-aws-sqsd-queue": "orders",
        "x-aws-sqsd-first-received-at": "2023-11-14T22:13:21Z",
        "x-aws-sqsd-receive-count": "1",
        "baggage": "version=v2",
        "x-gateway-route": "orders-route",
        "x-gateway-version": "canary",
        "x-gateway-reason": "split",
    }


def test_system_attributes_become_headers() -> None:
    taken = message(sender_id="AIDA", trace_header="Root=1-5759e988", receive_count=7)
    headers = sent(taken)
    assert headers["x-aws-sqsd-sender-id"] == "AIDA"
    assert headers["x-amzn-trace-id"] == "Root=1-5759e988"
    assert headers["x-aws-sqsd-receive-count"] == "7"


def test_what_is_not_known_of_a_message_is_left_out() -> None:
    """Emulators leave out system attributes: no header says 1970, nor that it is the first time."""
    for attributes in ({}, {"note": "\n"}):
        raw = message(attributes=attributes, counted=False)
        headers = sent(raw)
        assert "x-aws-sqsd-first-received-at" not in headers
        assert "x-aws-sqsd-receive-count" not in headers
        assert "x-aws-sqsd-sender-id" not in headers
        assert headers["x-aws-sqsd-msgid"] == "m-1"


def test_a_copy_for_a_mirror_says_so_and_belongs_to_the_mirror() -> None:
    forged = message(attributes={"x-gateway-mirror": "maybe"})
    assert "x-gateway-mirror" not in sent(forged)
    headers = sent(forged, reason=Reason.MIRROR)
    assert headers["x-gateway-mirror"] == "true"
    assert headers["x-gateway-reason"] == "mirror"
    assert headers["x-gateway-version"] == "canary"
    assert (headers["version"], headers["baggage"]) == ("v2", "version=v2")


def test_a_fallback_keeps_the_version_that_the_message_belongs_to() -> None:
    """The services downstream still reach the canary of the next hop."""
    headers = sent(message(), delivered_to=STABLE, reason=Reason.FALLBACK)
    assert headers["version"] == "v2"
    assert headers["baggage"] == "version=v2"
    assert headers["x-gateway-version"] == "stable"
    assert headers["x-gateway-reason"] == "fallback"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{}", "application/json"),
        ("null", "application/json"),
        ("17", "application/json"),
        ("", "text/plain; charset=utf-8"),
        ("NaN", "text/plain; charset=utf-8"),
        ("<order/>", "text/plain; charset=utf-8"),
    ],
)
def test_content_type_distinguishes_json_from_text(body: str, content_type: str) -> None:
    assert sent(message(body))["content-type"] == content_type


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_an_attribute_says_the_content_type(name: str) -> None:
    headers = sent(message("{}", attributes={name: "application/cloudevents+json"}))
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["x-aws-sqsd-attr-" + name] == "application/cloudevents+json"


def test_a_binary_attribute_says_no_content_type() -> None:
    assert sent(message("{}", attributes={"content-type": b"x"}))["content-type"] == (
        "application/json"
    )


def test_trace_context_goes_on() -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = sent(message(attributes={"TraceParent": traceparent, "tracestate": "a=1,b=2"}))
    assert headers["traceparent"] == traceparent
    assert headers["tracestate"] == "a=1,b=2"


def test_binary_trace_context_does_not() -> None:
    attributes = {"traceparent": b"00", "tracestate": b"a", "baggage": b"a=1"}
    headers = sent(message(attributes=attributes))
    assert "traceparent" not in headers
    assert "tracestate" not in headers
    assert headers["baggage"] == "version=v2"


def test_baggage_of_opentelemetry_goes_on_too_and_stays_an_attribute() -> None:
    headers = sent(message(attributes={"otel.baggage": "user=anna,version=v0"}))
    assert headers["baggage"] == "user=anna,version=v2"
    assert headers["x-aws-sqsd-attr-otel.baggage"] == "user=anna,version=v0"
    headers = sent(message(attributes={"otel.baggage": "user=anna", "baggage": "user=bo"}))
    assert headers["baggage"] == "user=bo,version=v2"
    odd = sent(message(attributes={"otel.baggage": "user=\u00e9"}))
    assert odd["baggage"] == "user=%C3%A9,version=v2"


def test_baggage_goes_on_with_the_version_replaced() -> None:
    headers = sent(message(attributes={"baggage": "user=anna, Version=v0;ttl=1, b=%20"}))
    assert headers["baggage"] == "user=anna,b=%20,version=v2"
    assert headers["x-aws-sqsd-attr-baggage"] == "user=anna, Version=v0;ttl=1, b=%20"


def test_an_attribute_called_version_does_not_replace_the_version() -> None:
    headers = sent(message(attributes={"version": "v0"}))
    assert headers["version"] == "v2"
    assert headers["x-aws-sqsd-attr-version"] == "v0"


def test_every_attribute_becomes_a_header() -> None:
    """Binary ones as base64, with their names listed."""
    attributes: dict[str, AttributeValue] = {
        "tenant": "acme",
        "n": 7,
        "logo": b"GIF89a",
        "a.b-c_d": "x",
        "blob": b"\x00",
    }
    headers = sent(message(attributes=attributes))
    assert headers["x-aws-sqsd-attr-tenant"] == "acme"
    assert headers["x-aws-sqsd-attr-n"] == "7"
    assert headers["x-aws-sqsd-attr-logo"] == "R0lGODlh"
    assert headers["x-aws-sqsd-attr-a.b-c_d"] == "x"
    assert headers["x-aws-sqsd-binary"] == "blob, logo"
    assert "x-gateway-omitted" not in headers


def test_a_fifo_message_brings_group_and_deduplication_id() -> None:
    taken = message(group="g-7", deduplication_id="d-9")
    headers = sent(taken, queue="orders.fifo")
    assert headers["message-group-id"] == "g-7"
    assert headers["message-deduplication-id"] == "d-9"
    assert headers["x-aws-sqsd-queue"] == "orders.fifo"


def test_a_message_of_a_fair_queue_brings_its_group() -> None:
    """A standard queue whose messages have groups, for fairness."""
    headers = sent(message(group="g-7"))
    assert headers["message-group-id"] == "g-7"
    assert "message-deduplication-id" not in headers
    assert headers["x-aws-sqsd-queue"] == "orders"


@pytest.mark.parametrize("queue", ["orders", "orders.fifo"])
def test_a_message_without_them_brings_none(queue: str) -> None:
    headers = sent(message(), queue=queue)
    assert not {"message-group-id", "message-deduplication-id"} & set(headers)


def test_of_attributes_differing_only_in_case_the_first_by_name_is_sent() -> None:
    headers = sent(message(attributes={"tenant": "b", "Tenant": "a"}))
    assert headers["x-aws-sqsd-attr-Tenant"] == "a"
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-tenant"


def test_names_differing_only_in_case_stay_apart_even_if_an_adapter_shares_values() -> None:
    shared = Attribute("String", "acme")
    sent(Message("m-1", "{}", attributes={"tenant": shared, "Tenant": shared}))


@pytest.mark.parametrize("name", ["a b", "a:b", "a\r\nb", "\u00e9", "a/b", "", "a\x00", "a\n"])
def test_an_attribute_whose_name_is_no_token_is_left_out(name: str) -> None:
    """SQS would not take it, `explain` might be handed it."""
    headers = sent(message(attributes={name: "x", "ok": "y"}))
    assert headers["x-aws-sqsd-attr-ok"] == "y"
    assert "x-gateway-omitted" in headers
    assert [found for found in headers if found.startswith("x-aws-sqsd-attr-")] == [
        "x-aws-sqsd-attr-ok"
    ]


def test_the_list_of_omitted_names_is_encoded_where_a_name_demands_it() -> None:
    headers = sent(message(attributes={"a\r\nb": "x"}))
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-a%0D%0Ab"
    assert headers["x-aws-sqsd-encoded"] == "x-gateway-omitted"


ROOM = 8_192 - 1_024
"""Of the default `max_header_bytes`, less what is left to sidecars."""


def head_bytes(taken: Message, **changes: Any) -> int:
    return sum(len(f"{name}: {value}\r\n") for name, value in sent(taken, **changes).items())


def test_all_headers_together_fill_their_room_to_the_last_byte() -> None:
    room = ROOM - head_bytes(message(attributes={"a": ""}))
    full = message(attributes={"a": "x" * room})
    assert "x-gateway-omitted" not in sent(full)
    assert head_bytes(full) == ROOM
    headers = sent(message(attributes={"a": "x" * (room + 1)}))
    assert "x-aws-sqsd-attr-a" not in headers
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-a"


@pytest.mark.parametrize("max_header_bytes", [2_048, 4_096, 8_192, 65_536])
def test_a_version_says_how_large_the_head_may_be(max_header_bytes: int) -> None:
    """uWSGI takes 4,096 as it comes, Node 16,384."""
    takes = replace(CANARY, max_header_bytes=max_header_bytes)
    taken = message(attributes={"a": "x" * 1_500, "b": "y" * 5_000, "c": "z" * 60_000})
    assert head_bytes(taken, delivered_to=takes) <= max_header_bytes - 1_024
    headers = sent(taken, delivered_to=takes)
    assert [name[-1] for name in headers if name.startswith("x-aws-sqsd-attr-")] == {
        2_048: [],
        4_096: ["a"],
        8_192: ["a", "b"],
        65_536: ["a", "b"],
    }[max_header_bytes]


def test_attributes_beyond_the_room_are_left_out_and_named() -> None:
    """In the order of their names; one that still fits behind a big one is sent."""
    attributes: dict[str, AttributeValue] = {
        "a": "x" * 5_000,
        "b": "x" * 5_000,
        "c": "x" * 100,
        "d": b"x" * 4_000,
    }
    headers = sent(message(attributes=attributes))
    assert len(headers["x-aws-sqsd-attr-a"]) == 5_000
    assert len(headers["x-aws-sqsd-attr-c"]) == 100
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-b, x-aws-sqsd-attr-d"
    assert "x-aws-sqsd-binary" not in headers


def test_bytes_are_counted_as_sent() -> None:
    """One byte may become three."""
    headers = sent(message(attributes={"a": "\n" * 3_000, "b": "\n" * 1_900}))
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-a"
    assert headers["x-aws-sqsd-encoded"] == "x-aws-sqsd-attr-b"


def test_context_and_attributes_share_the_room_and_context_comes_first() -> None:
    carrier = "k=" + "x" * 5_000
    headers = sent(message(attributes={"a": "y" * 1_500, "baggage": carrier}))
    assert headers["baggage"] == f"{carrier},version=v2"
    assert headers["x-aws-sqsd-attr-a"] == "y" * 1_500
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-baggage"


def test_attributes_are_left_out_first_then_tracestate_then_baggage() -> None:
    tracestate, baggage = "t=" + "x" * 3_000, "b=" + "y" * 3_000
    attributes = {"a": "z" * 1_000, "tracestate": tracestate, "baggage": baggage}
    headers = sent(message(attributes=attributes))
    assert headers["tracestate"] == tracestate
    assert headers["baggage"] == f"{baggage},version=v2"
    assert "x-aws-sqsd-attr-a" not in headers
    headers = sent(message(attributes={**attributes, "baggage": "b=" + "y" * 5_000}))
    assert len(headers["baggage"]) > 5_000
    assert "tracestate" not in headers
    assert "tracestate" in headers["x-gateway-omitted"].split(", ")


def test_baggage_without_room_falls_to_our_own_member() -> None:
    """It is always sent."""
    headers = sent(message(attributes={"traceparent": "x" * 6_000, "baggage": "k=" + "y" * 900}))
    assert headers["baggage"] == "version=v2"
    assert "baggage" in headers["x-gateway-omitted"].split(", ")


def test_a_list_of_omitted_names_that_is_too_long_for_the_room_is_cut() -> None:
    names = [f"{number}{'n' * 250}" for number in range(10)]
    small = replace(CANARY, max_header_bytes=2_048)
    taken = message(attributes=dict.fromkeys(names, "x" * 300))
    headers = sent(taken, delivered_to=small)
    assert headers["x-gateway-omitted"].startswith(f"x-aws-sqsd-attr-{names[0]}, ")
    assert headers["x-gateway-omitted"].endswith(", ...")
    assert head_bytes(taken, delivered_to=small) <= 1_024


def test_a_route_names_the_header_and_the_baggage_member_of_the_version() -> None:
    carrier = "a=1,Shop-Version=v0,version=v9"
    for attributes in ({"baggage": carrier}, {"baggage": carrier + "\n"}):
        headers = sent(message(attributes=attributes), version_header="shop-version")
        assert headers["shop-version"] == "v2"
        assert "version" not in headers
        assert headers["baggage"].startswith("a=1,version=v9")
        assert headers["baggage"].endswith(",shop-version=v2")
    assert sent(message(sender_id="A"), version_header="r")["baggage"] == "r=v2"
    assert sent(message(trace_header="R"), version_header="r")["baggage"] == "r=v2"


JSON_TOO = replace(CANARY, attributes_json=True)


def test_a_version_gets_all_attributes_as_json_in_one_header() -> None:
    """A second way where a server drops `user_id`; a label in the type changes nothing."""
    attributes: dict[str, AttributeValue] = {
        "user_id": "anna",
        "n": Attribute("Number.int", "7.50"),
        "logo": b"GIF89a",
        "caf\u00e9": "100% \u2603\r\n",
        "User_id": "b",
    }
    headers = sent(message(attributes=attributes), delivered_to=JSON_TOO)
    assert headers["x-aws-sqsd-attributes"] == (
        '{"user_id":"anna","n":"7.50","logo":"R0lGODlh",'
        '"caf\\u00e9":"100% \\u2603\\r\\n","User_id":"b"}'
    )
    assert "x-aws-sqsd-attributes" not in headers.get("x-aws-sqsd-encoded", "")
    assert headers["x-aws-sqsd-attr-n"] == "7.50"


@pytest.mark.parametrize("trace_header", [None, "Root=1"])
def test_a_message_without_attributes_has_an_empty_object(trace_header: str | None) -> None:
    taken = message(trace_header=trace_header, sender_id="AIDA")
    assert sent(taken, delivered_to=JSON_TOO)["x-aws-sqsd-attributes"] == "{}"
    assert "x-aws-sqsd-attributes" not in sent(taken)


def test_attributes_as_json_count_and_come_before_the_single_ones() -> None:
    taken = message(attributes={"a": "x" * 3_500, "b": "y" * 100})
    headers = sent(taken, delivered_to=JSON_TOO)
    assert len(headers["x-aws-sqsd-attributes"]) > 3_600
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-a"
    assert head_bytes(taken, delivered_to=JSON_TOO) <= ROOM
    headers = sent(message(attributes={"a": "x" * 9_000}), delivered_to=JSON_TOO)
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attributes, x-aws-sqsd-attr-a"


@pytest.mark.parametrize("length", [8_193, 1_000_000])
def test_a_baggage_attribute_longer_than_w3c_asks_for_is_not_read(length: int) -> None:
    """A million commas must cost nothing."""
    taken = message(attributes={"baggage": "version=v1".ljust(length, ",")})
    assert taken.baggage_member("version") is None
    headers = sent(taken)
    assert headers["baggage"] == "version=v2"
    assert "baggage" in headers["x-gateway-omitted"].split(", ")


def test_context_beyond_the_room_is_left_out_or_falls_to_its_default() -> None:
    long = "x" * 9_000
    attributes = dict.fromkeys(("content-type", "traceparent", "tracestate"), long)
    headers = sent(message("{}", attributes={**attributes, "baggage": "a=" + long}))
    assert headers["content-type"] == "application/json"
    assert headers["baggage"] == "version=v2"
    assert not {"traceparent", "tracestate"} & set(headers)
    assert headers["x-gateway-omitted"].split(", ") == [
        "content-type", "traceparent", "tracestate", "baggage",
        "x-aws-sqsd-attr-baggage", "x-aws-sqsd-attr-content-type",
        "x-aws-sqsd-attr-traceparent", "x-aws-sqsd-attr-tracestate",
    ]  # fmt: skip


def test_the_trace_header_of_aws_counts_towards_the_room() -> None:
    """The sender writes it, as it does the attributes, and SQS sets it no limit of its own."""
    headers = sent(message(trace_header="x" * 9_000, attributes={"a": "b"}))
    assert "x-amzn-trace-id" not in headers
    assert headers["x-gateway-omitted"] == "x-amzn-trace-id"
    assert headers["x-aws-sqsd-attr-a"] == "b"
    headers = sent(message(trace_header="x" * 6_400, attributes={"a": "y" * 600}))
    assert headers["x-amzn-trace-id"] == "x" * 6_400
    assert headers["x-gateway-omitted"] == "x-aws-sqsd-attr-a"


def test_all_that_needs_it_is_encoded_and_listed() -> None:
    taken = message(
        "{}",
        message_id="m\n1",
        sender_id="A B ",
        trace_header="\u00e9",
        group="50%",
        deduplication_id="50%\u00e9",
        attributes={"t": "caf\u00e9", "u": "100%", "baggage": "a=\u00e9,p=%20"},
    )
    headers = sent(taken)
    assert headers["x-aws-sqsd-msgid"] == "m%0A1"
    assert headers["x-aws-sqsd-sender-id"] == "A B%20"
    assert headers["x-amzn-trace-id"] == "%C3%A9"
    assert headers["message-group-id"] == "50%"
    assert headers["message-deduplication-id"] == "50%25%C3%A9"
    assert headers["baggage"] == "a=%C3%A9,p=%2520,version=v2"
    assert headers["x-aws-sqsd-attr-t"] == "caf%C3%A9"
    assert headers["x-aws-sqsd-attr-u"] == "100%"
    assert set(headers["x-aws-sqsd-encoded"].split(", ")) == {
        "x-aws-sqsd-msgid", "x-aws-sqsd-sender-id", "x-amzn-trace-id",
        "message-deduplication-id", "baggage", "x-aws-sqsd-attr-t", "x-aws-sqsd-attr-baggage",
    }  # fmt: skip


def test_names_of_the_table_are_reserved() -> None:
    """A version's own `headers` may not take any of them."""
    taken = message(
        sender_id="A", trace_header="R", group="g", deduplication_id="d",
        attributes={"content-type": "a/b", "traceparent": "0", "tracestate": "a=1", "baggage": "",
                    "big": "x" * 9_000, "odd": "\n", "raw": b"x"},
    )  # fmt: skip
    names = set(sent(taken, reason=Reason.MIRROR))
    names |= {TOPIC, MESSAGE_ID, SUBJECT}  # of what SNS published: test_unwrapped_deliveries.py
    assert {name for name in names if not name.startswith(RESERVED_PREFIX)} == FIXED_NAMES


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (999, "1970-01-01T00:00:00Z"),
        (1_700_000_001_456, "2023-11-14T22:13:21Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00Z"),
        (1_704_067_200_000, "2024-01-01T00:00:00Z"),
        (1_725_148_799_000, "2024-08-31T23:59:59Z"),
        (1_735_689_599_000, "2024-12-31T23:59:59Z"),
        (951_782_399_000, "2000-02-28T23:59:59Z"),
        (951_868_799_000, "2000-02-29T23:59:59Z"),
        (4_107_542_399_000, "2100-02-28T23:59:59Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
def test_times_are_iso_8601_in_utc(epoch_ms: int, text: str) -> None:
    assert iso_8601(epoch_ms) == text
