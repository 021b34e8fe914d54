"""message_from_receive, and what a Message derives from its attributes."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.messages.message import Attribute, Message, message_from_receive
from tests.builders import message

RECEIVED: dict[str, Any] = {
    "MessageId": "b6d2-1",
    "ReceiptHandle": "AQEB",
    "Body": '{"n": 1}',
    "Attributes": {
        "ApproximateReceiveCount": "4",
        "SentTimestamp": "1700000000123",
        "ApproximateFirstReceiveTimestamp": "1700000001456",
        "SenderId": "AIDAEXAMPLE",
        "MessageGroupId": "g-7",
        "MessageDeduplicationId": "d-9",
        "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793",
    },
    "MessageAttributes": {
        "tenant": {"DataType": "String", "StringValue": "acme"},
        "n": {"DataType": "Number.int", "StringValue": "7"},
        "logo": {"DataType": "Binary.gif", "BinaryValue": "R0lGODlh"},
    },
}


def received(**changes: Any) -> dict[str, Any]:
    return {**RECEIVED, **changes}


def system(**changes: Any) -> dict[str, Any]:
    return received(Attributes={**RECEIVED["Attributes"], **changes})


def test_every_field_of_a_received_message_is_read() -> None:
    taken = message_from_receive(RECEIVED)
    assert (taken.message_id, taken.receipt, taken.body) == ("b6d2-1", "AQEB", '{"n": 1}')
    assert (taken.group, taken.deduplication_id) == ("g-7", "d-9")
    assert (taken.receive_count, taken.sent_ms) == (4, 1_700_000_000_123)
    assert taken.first_received_ms == 1_700_000_001_456
    assert taken.sender_id == "AIDAEXAMPLE"
    assert taken.trace_header == "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert taken.attributes == {
        "tenant": Attribute("String", "acme"),
        "n": Attribute("Number.int", "7"),
        "logo": Attribute("Binary.gif", "R0lGODlh"),
    }


def test_id_and_body_are_enough() -> None:
    """`explain` reads files that people write by hand."""
    taken = message_from_receive({"MessageId": "m", "Body": ""})
    assert taken.attributes == {}
    assert (taken.receipt, taken.receive_count) == ("", 1)
    assert (taken.sent_ms, taken.first_received_ms) == (0, 0)
    assert taken.group is taken.deduplication_id is taken.sender_id is taken.trace_header is None


@pytest.mark.parametrize("listed", [[], "", 0])
def test_attributes_that_are_no_object_are_named_however_empty(listed: object) -> None:
    with pytest.raises(ValueError, match=r"^MessageAttributes: must be an object$"):
        message_from_receive(received(MessageAttributes=listed))


@pytest.mark.parametrize("key", ["Attributes", "MessageAttributes"])
def test_null_instead_of_an_object_means_none_of_them(key: str) -> None:
    taken = message_from_receive({"MessageId": "m", "Body": "", key: None})
    assert taken.attributes == {}
    assert taken.group is None


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"Body": ""}, r"^MessageId: missing$"),
        ({"MessageId": "m"}, r"^Body: missing$"),
        (received(MessageId=5), r"^MessageId: must be a string$"),
        (received(Body={"n": 1}), r"^Body: must be a string$"),
        (received(Attributes=[]), r"^Attributes: must be an object$"),
        (received(MessageAttributes="x"), r"^MessageAttributes: must be an object$"),
        (
            system(ApproximateReceiveCount="two"),
            r"^Attributes\.ApproximateReceiveCount: must be a whole number$",
        ),
        (system(SentTimestamp=[]), r"^Attributes\.SentTimestamp: must be a whole number$"),
        (
            system(ApproximateFirstReceiveTimestamp={}),
            r"^Attributes\.ApproximateFirstReceiveTimestamp: must be a whole number$",
        ),
    ],
)
def test_an_invalid_field_is_named(raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        message_from_receive(raw)


@pytest.mark.parametrize(
    ("attribute", "complaint"),
    [
        ("acme", r"^MessageAttributes\.t: must be an object with DataType$"),
        ({"StringValue": "acme"}, r"^MessageAttributes\.t: must be an object with DataType$"),
        ({"DataType": 1}, r"^MessageAttributes\.t: must be an object with DataType$"),
        (
            {"DataType": "String"},
            r"^MessageAttributes\.t\.StringValue: missing or not a string$",
        ),
        (
            {"DataType": "Number", "StringValue": 7},
            r"^MessageAttributes\.t\.StringValue: missing or not a string$",
        ),
        (
            {"DataType": "Binary", "StringValue": "eA=="},
            r"^MessageAttributes\.t\.BinaryValue: missing or not a string$",
        ),
    ],
)
def test_an_invalid_message_attribute_is_named(attribute: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        message_from_receive(received(MessageAttributes={"t": attribute}))


@pytest.mark.parametrize(
    "key", ["MessageGroupId", "MessageDeduplicationId", "SenderId", "AWSTraceHeader"]
)
def test_a_system_attribute_of_another_type_is_named(key: str) -> None:
    """Otherwise a prefix condition on the group ends `explain` with a traceback."""
    with pytest.raises(ValueError, match=key):
        message_from_receive(system(**{key: 5}))


def test_a_receive_count_beyond_all_numbers_is_named() -> None:
    """JSON's 1e999 reads as infinity."""
    with pytest.raises(ValueError, match="ApproximateReceiveCount"):
        message_from_receive(system(ApproximateReceiveCount=float("inf")))


@pytest.mark.parametrize(
    ("data_type", "binary"),
    [("Binary", True), ("Binary.gif", True), ("String", False), ("Number.float", False)],
)
def test_a_label_behind_the_type_does_not_change_the_type(data_type: str, *, binary: bool) -> None:
    assert Attribute(data_type, "eA==").binary is binary


def test_attributes_are_found_by_a_name_of_any_case() -> None:
    taken = message(attributes={"X-Tenant": "acme"})
    assert taken.attribute("x-tenant") == Attribute("String", "acme")
    assert taken.attribute("tenant") is None


@pytest.mark.parametrize("names", [("Tenant", "tENANT", "tenant"), ("tenant", "tENANT", "Tenant")])
def test_of_attributes_differing_only_in_case_the_first_by_name_counts(
    names: tuple[str, ...],
) -> None:
    taken = message(attributes={name: name for name in names})
    assert taken.attribute("tenant") == Attribute("String", "Tenant")
    assert taken.names.first == {"tenant": "Tenant"}


def test_a_message_without_attributes_has_none_of_any_name() -> None:
    assert message().attribute("version") is None
    assert message().baggage_member("version") is None


def test_baggage_members_are_found_in_any_case_as_is_the_attribute() -> None:
    taken = message(attributes={"Baggage": "Version=v2;ttl=1,user=anna%20b"})
    assert taken.baggage_member("version") == "v2"
    assert taken.baggage_member("user") == "anna b"
    assert taken.baggage_member("ttl") is None


def test_where_there_is_no_baggage_that_of_opentelemetry_is_read() -> None:
    """opentelemetry-instrumentation-boto3sqs up to 0.33b0 prefixes the names."""
    taken = message(attributes={"OTel.Baggage": "version=v2"})
    assert (taken.carrier, taken.baggage_member("version")) == ("version=v2", "v2")
    both = message(attributes={"otel.baggage": "version=v2", "baggage": "user=anna"})
    assert both.baggage_member("version") is None
    assert both.baggage_member("user") == "anna"
    binary = message(attributes={"otel.baggage": "version=v2", "baggage": b"x"})
    assert binary.baggage_member("version") is None


def test_binary_baggage_is_no_baggage() -> None:
    assert message(attributes={"baggage": b"version=v2"}).baggage_member("version") is None


def test_what_is_derived_once_is_kept() -> None:
    """No message is parsed twice, so the same objects come back."""
    taken = message('{"a": [1]}', attributes={"baggage": "a=1"})
    assert taken.json is taken.json
    assert taken.names.first is taken.names.first
    assert taken.baggage_member("a") is taken.baggage_member("a")


def test_a_null_body_is_parsed_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = message("null")
    assert taken.json is None
    monkeypatch.setattr("gateway.core.messages.message.parse_json", pytest.fail)
    assert taken.json is None


def test_once_decided_a_message_forgets_what_is_large_but_not_whether_it_is_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be in hand for hours; its content type is told at each try to deliver it."""
    taken = message('{"a": [1]}')
    before = taken.json
    taken.forget()
    assert taken.json == before
    assert taken.json is not before
    taken.forget()
    monkeypatch.setattr("gateway.core.messages.message.parse_json", pytest.fail)
    assert taken.is_json


def test_two_messages_are_never_equal_by_content() -> None:
    """One message received twice is two leases."""
    assert Message("m", "") != Message("m", "")
