"""What goes to the queue of a version (docs/reference/delivery.md, "Delivery to a queue")."""

from __future__ import annotations

from base64 import b64encode

import pytest

from gateway.core.delivery.forwarded import SENT_AT, Forwarded, forward, forward_in
from gateway.core.delivery.message_size import attribute_bytes
from gateway.core.messages.message import Attribute, Message
from gateway.core.messages.trace_context import TraceContext
from gateway.core.sqs_limits import MAX_MESSAGE_BYTES
from tests.builders import message

SENT_MS = 1_790_000_000_123
TAG = Attribute("String", "v2")
SENT = Attribute("Number", str(SENT_MS))


def forwarded(sent: Message, name: str = "version") -> Forwarded:
    found = forward(sent, "v2", name)
    in_all = sum(attribute_bytes(name, each) for name, each in found.attributes.items())
    assert found.size == len(sent.body.encode()) + in_all
    return found


def test_a_message_keeps_its_attributes_and_gets_the_tag_and_when_it_was_sent() -> None:
    own = {
        "tenant": Attribute("String.account", "acme"),
        "weight": Attribute("Number.grams", "7"),
        "image": Attribute("Binary.gif", b64encode(b"\0\xff").decode()),
    }
    found = forwarded(message("größer", attributes=own, sent_ms=SENT_MS))
    assert found.attributes == {**own, "version": TAG, SENT_AT: SENT}
    assert found.stamped


@pytest.mark.parametrize(
    "before",
    [
        {"version": "v1"},
        {"Version": "v1"},
        {"VERSION": 7, "version": b"\0"},
    ],
)
def test_the_tag_replaces_an_attribute_of_its_name_in_any_case_and_of_any_type(
    before: dict[str, str | int | bytes],
) -> None:
    assert forwarded(message(attributes=before)).attributes == {"version": TAG}


def test_the_attribute_is_called_as_the_version_header_of_the_route() -> None:
    found = forwarded(message(attributes={"version": "1.0", "release": "v1"}), "Release")
    assert found.attributes == {"version": Attribute("String", "1.0"), "Release": TAG}


def test_ten_attributes_go_as_the_same_ten() -> None:
    own = {f"a{number}": "x" for number in range(9)} | {"baggage": "version=v1"}
    sent = message(attributes=own, sent_ms=SENT_MS)
    found = forwarded(sent)
    assert found.attributes == sent.attributes
    assert not found.stamped


def test_ten_attributes_one_of_which_is_the_version_have_room_for_the_tag() -> None:
    own = {f"a{number}": "x" for number in range(9)} | {"Version": "v1"}
    found = forwarded(message(attributes=own, sent_ms=SENT_MS))
    assert found.stamped
    assert found.attributes["version"] == TAG
    assert len(found.attributes) == 10
    assert SENT_AT not in found.attributes


def test_nine_attributes_have_room_for_the_tag_alone() -> None:
    own = {f"a{number}": "x" for number in range(9)}
    found = forwarded(message(attributes=own, sent_ms=SENT_MS))
    assert found.attributes == {**message(attributes=own).attributes, "version": TAG}


def of_bytes(count: int, attributes: dict[str, str] | None = None) -> Message:
    """Make a message that leaves so many bytes of 1 MiB free."""
    used = sum(len(name + "String" + text) for name, text in (attributes or {}).items())
    body = "x" * (MAX_MESSAGE_BYTES - used - count)
    return message(body, attributes=attributes, sent_ms=SENT_MS)


STAMP_BYTES = len("versionStringv2")
SENT_BYTES = len(SENT_AT + "Number" + str(SENT_MS))


@pytest.mark.parametrize(
    ("free", "added"),
    [
        (0, set()),
        (STAMP_BYTES - 1, set()),
        (STAMP_BYTES, {"version"}),
        (STAMP_BYTES + SENT_BYTES - 1, {"version"}),
        (STAMP_BYTES + SENT_BYTES, {"version", SENT_AT}),
    ],
)
def test_what_is_added_stays_within_the_mebibyte_of_a_message(free: int, added: set[str]) -> None:
    found = forwarded(of_bytes(free))
    assert set(found.attributes) == added
    assert found.stamped is ("version" in added)


def test_baggage_changes_only_where_it_is_there() -> None:
    carried = forwarded(message(attributes={"Baggage": "a=1, version=v1;p=2"}))
    assert carried.attributes["Baggage"] == Attribute("String", "a=1,version=v2")
    assert "baggage" not in forwarded(message(attributes={"a": "1"})).attributes


def test_baggage_without_room_for_the_member_stays_as_it_is() -> None:
    found = forwarded(of_bytes(STAMP_BYTES, {"baggage": "a=1"}))
    assert found.stamped
    assert found.attributes["baggage"] == Attribute("String", "a=1")


@pytest.mark.parametrize("value", [b"\0", 7])
def test_baggage_that_is_no_text_stays_as_it_is(value: bytes | int) -> None:
    sent = message(attributes={"baggage": value})
    assert forwarded(sent).attributes["baggage"] == sent.attributes["baggage"]


def test_the_baggage_of_opentelemetry_s_own_name_is_never_changed() -> None:
    sent = message(attributes={"otel.baggage": "version=v1"})
    assert forwarded(sent).attributes["otel.baggage"] == Attribute("String", "version=v1")


@pytest.mark.parametrize("name", [SENT_AT, "X-Gateway-Sent-At"])
def test_the_first_time_of_sending_is_never_replaced(name: str) -> None:
    """A chain of queues keeps the time at which the first of them got the message."""
    found = forwarded(message(attributes={name: 5}, sent_ms=SENT_MS))
    assert found.attributes == {name: Attribute("Number", "5"), "version": TAG}


def test_a_message_without_a_time_of_sending_gets_none() -> None:
    assert forwarded(message()).attributes == {"version": TAG}


def test_the_message_itself_is_not_changed() -> None:
    sent = message(attributes={"Version": "v1", "baggage": "a=1"}, sent_ms=SENT_MS)
    before = dict(sent.attributes)
    forwarded(sent)
    assert sent.attributes == before


CONTEXT = TraceContext("a" * 32, "b" * 16, sampled=True)
TRACEPARENT = Attribute("String", f"00-{'a' * 32}-{'b' * 16}-01")


def test_a_traced_message_has_the_context_of_its_send() -> None:
    given = message(attributes={"TraceParent": "old", "baggage": "user=7"})
    found = forward_in(given, "v2", "version", CONTEXT)
    assert found.attributes == {
        "TraceParent": TRACEPARENT,
        "baggage": Attribute("String", "user=7,version=v2"),
        "version": TAG,
    }
    assert found.size == 2 + sum(attribute_bytes(*each) for each in found.attributes.items())


def test_a_message_without_room_keeps_the_context_that_it_had() -> None:
    full = message(attributes={f"a{number}": "x" for number in range(9)})
    assert forward_in(full, "v2", "version", CONTEXT) == forward(full, "v2", "version")
    long = message("x" * (MAX_MESSAGE_BYTES - 40))
    assert forward_in(long, "v2", "version", CONTEXT) == forward(long, "v2", "version")
