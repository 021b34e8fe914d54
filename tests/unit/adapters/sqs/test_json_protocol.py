"""The JSON of the native client's bodies: what goes out, and what is taken for a response."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.adapters.sqs.json_protocol import (
    RequestBodies,
    parse_batch_response,
    parse_receive_response,
)
from gateway.core.messages.message import message_from_receive
from gateway.ports import SourceError

URL = 'http://sqs.test/1/"orders"'
HALF = "half of \ud83e a pair"
ANY_TEXT = st.text() | st.just(HALF)
RAW = {"MessageId": "m-1", "Body": "{}", "ReceiptHandle": "r-1"}
CUT = b'{"Messages": [{"MessageId": "m'


def response(value: Any) -> bytes:
    return json.dumps(value).encode()


@given(st.lists(ANY_TEXT, min_size=1, max_size=10))
@example([HALF])
def test_receipts_go_out_as_they_are_and_by_position(receipts: list[str]) -> None:
    assert json.loads(RequestBodies(URL).delete(receipts)) == {
        "QueueUrl": URL,
        "Entries": [{"Id": str(at), "ReceiptHandle": one} for at, one in enumerate(receipts)],
    }


@given(st.lists(st.tuples(ANY_TEXT, st.integers(0, 43_200)), min_size=1, max_size=10))
@example([(HALF, 30)])
def test_leases_go_out_with_their_seconds(leases: list[tuple[str, int]]) -> None:
    entries = json.loads(RequestBodies(URL).change(leases))["Entries"]
    assert [(each["ReceiptHandle"], each["VisibilityTimeout"]) for each in entries] == leases
    assert [each["Id"] for each in entries] == [str(at) for at in range(len(leases))]


def test_a_receive_asks_for_every_attribute_and_an_attempt_adds_its_id() -> None:
    bodies = RequestBodies(URL)
    body = bodies.receive(10, 20, 30)
    wanted = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 20,
        "VisibilityTimeout": 30,
        "MessageSystemAttributeNames": ["All"],
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    assert json.loads(body) == wanted
    assert bodies.receive(10, 20, 30) is body
    assert json.loads(bodies.receive(1, 20, 30)) == {**wanted, "MaxNumberOfMessages": 1}
    assert json.loads(bodies.attempt(body, "a-1")) == {**wanted, "ReceiveRequestAttemptId": "a-1"}


@pytest.mark.parametrize(
    "empty", ["{}", ' {"Messages": []} ', '{"Messages": null}', '{"Messages": null, "Other": null}']
)
def test_a_response_that_says_so_is_an_empty_receive(empty: str) -> None:
    assert parse_receive_response(empty.encode()) == []


@pytest.mark.parametrize(
    "other",
    [
        b"", b" ", CUT, b"null", b"[]", b"0", b'""', b'"{}"', b"<html>", b"{}{}", b"\xff{}",
        b'{"Messages": {}}', b'{"Messages": "none"}',
        b'{"Messages": 0}',
        b'{"message": "denied"}', b'{"Messages": [1]}', b'{"Messages": [null]}',
        b'{"Messages": null, "message": "denied"}',
        b'{"Messages": [{}]}', b'{"Messages": [[]]}',
        b'{"Messages": [{"MessageId": "m", "Body": "\xff"}]}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_any_other_response_is_an_error_and_no_empty_receive(other: bytes) -> None:
    """It may have leased messages to us."""
    with pytest.raises(SourceError, match="receive_message"):
        parse_receive_response(other)


NULLS = (
    dict.fromkeys(("Attributes", "MessageAttributes")),
    {"Attributes": dict.fromkeys(
        ("ApproximateReceiveCount", "SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId",
         "MessageGroupId", "MessageDeduplicationId", "AWSTraceHeader")
    )},
    {"MessageAttributes": {"a": None}},
)  # fmt: skip


@pytest.mark.parametrize("nulls", NULLS)
def test_null_in_a_message_is_what_absent_is(nulls: dict[str, Any]) -> None:
    (expected,) = parse_receive_response(response({"Messages": [RAW]}))
    (message,) = parse_receive_response(response({"Messages": [{**RAW, **nulls}]}))
    assert repr(message) == repr(expected)


UNREADABLE = (
    ({"MessageId": "m"}, "Body: missing"),
    ({"MessageId": "m", "Body": ""}, "ReceiptHandle: missing"),
    ({**RAW, "MessageId": "m", "ReceiptHandle": None}, "ReceiptHandle: missing"),
    ({**RAW, "MessageId": "m", "MessageAttributes": 1}, "MessageAttributes: must be an object"),
    ({**RAW, "MessageId": "m", "Attributes": {"SenderId": 1}}, "SenderId: must be a string"),
    (
        {**RAW, "MessageId": "m", "Attributes": {"ApproximateReceiveCount": ""}},
        "ApproximateReceiveCount: must be a whole number",
    ),
)


@pytest.mark.parametrize(("raw", "why"), UNREADABLE)
@pytest.mark.parametrize("others", [0, 1, 8])
def test_a_message_that_cannot_be_read_is_told_and_the_others_are_delivered(
    raw: dict[str, Any], why: str, others: int
) -> None:
    good = [{**RAW, "MessageId": f"m-{at}"} for at in range(others)]
    batch = parse_receive_response(response({"Messages": [*good[:2], raw, *good[2:]]}))
    assert [each.message_id for each in batch] == [f"m-{at}" for at in range(others)]
    ((message_id, said),) = [(each.message_id, each.why) for each in batch.unreadable]
    assert message_id == "m"
    assert said.endswith(why)


def test_in_order_nothing_overtakes_a_message_of_its_group_that_cannot_be_read() -> None:
    def raw(name: str, group: str, count: str = "1") -> dict[str, Any]:
        system = {"MessageGroupId": group, "ApproximateReceiveCount": count}
        return {**RAW, "MessageId": name, "Attributes": system}

    body = response({"Messages": [raw("1", "a"), raw("2", "a", ""), raw("3", "b"), raw("4", "a")]})
    batch = parse_receive_response(body, in_order=True)
    assert [each.message_id for each in batch] == ["1", "3"]
    assert [each.message_id for each in batch.unreadable] == ["2", "4"]
    assert [each.message_id for each in parse_receive_response(body)] == ["1", "3", "4"]


def test_in_order_nothing_overtakes_a_message_whose_group_is_not_known() -> None:
    batch = parse_receive_response(response({"Messages": [RAW, 1, RAW]}), in_order=True)
    assert (len(batch), len(batch.unreadable)) == (1, 2)


@given(body=ANY_TEXT, ascii_only=st.booleans())
@example(body=HALF, ascii_only=True)
def test_bodies_come_unchanged_with_half_a_surrogate_pair_too(
    body: str, *, ascii_only: bool
) -> None:
    """orjson refuses those, the SDK's client takes them: so the response is read by `json` then."""
    sent = json.dumps({"Messages": [{**RAW, "Body": body}]}, ensure_ascii=ascii_only)
    try:
        on_the_wire = sent.encode()
    except UnicodeEncodeError:
        return  # no UTF-8, so nothing that SQS could send
    (message,) = parse_receive_response(on_the_wire)
    assert message.body == body


def test_the_slow_way_is_needed() -> None:
    """Once orjson takes halves of surrogate pairs, it has done its time."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b'"\\ud800"')


def test_a_message_is_read_as_the_core_reads_it_and_binary_text_stays() -> None:
    raw = {
        **RAW,
        "Attributes": {"SentTimestamp": "17", "ApproximateReceiveCount": "2"},
        "MessageAttributes": {"blob": {"DataType": "Binary", "BinaryValue": "AP8="}},
    }
    (message,) = parse_receive_response(response({"Messages": [raw]}))
    assert message.attributes["blob"].text == "AP8="
    expected = message_from_receive(raw)
    assert (message.sent_ms, message.receive_count) == (17, 2)
    assert (message.body, message.receipt) == (expected.body, expected.receipt)


def test_a_batch_is_confirmed_entry_by_entry() -> None:
    members = {
        "Successful": [{"Id": "2"}, {"Id": "0"}, {"Id": "7"}, {"Id": "x"}],
        "Failed": [
            {"Id": "1", "Code": "ReceiptHandleIsInvalid", "Message": "gone", "SenderFault": True},
            {"Id": "9", "Code": "x"},
        ],
    }
    failed = parse_batch_response("delete_message_batch", response(members), 4)
    assert set(failed) == {1, 3}
    assert failed[1].lease_lost
    assert (failed[3].code, failed[3].lease_lost) == ("Unmentioned", False)


@pytest.mark.parametrize("entries", [1, 9, 10])
def test_null_in_a_batch_is_what_absent_is(entries: int) -> None:
    failed = [{"Id": str(at), "Code": None, "Message": None} for at in range(entries)]
    members = {"Successful": None, "Failed": failed}
    found = parse_batch_response("delete_message_batch", response(members), entries)
    assert {each.code for each in found.values()} == {""}
    assert not any("None" in each.why for each in found.values())


@pytest.mark.parametrize("entries", [1, 9, 10])
def test_a_batch_of_which_all_is_confirmed_has_no_failures(entries: int) -> None:
    members = {"Successful": [{"Id": str(at)} for at in reversed(range(entries))]}
    assert parse_batch_response("delete_message_batch", response(members), entries) == {}
    assert (
        parse_batch_response("delete_message_batch", response({**members, "Failed": []}), entries)
        == {}
    )
    assert (
        parse_batch_response("delete_message_batch", response({**members, "Failed": None}), entries)
        == {}
    )


def test_an_entry_in_both_lists_failed() -> None:
    members = {"Successful": [{"Id": "0"}], "Failed": [{"Id": "0", "Code": "InternalError"}]}
    assert (
        parse_batch_response("delete_message_batch", response(members), 1)[0].code
        == "InternalError"
    )


def test_all_may_fail() -> None:
    members = {"Failed": [{"Id": "0", "Code": "AWS.SimpleQueueService.InternalError"}]}
    assert (
        parse_batch_response("delete_message_batch", response(members), 1)[0].code
        == "InternalError"
    )


@pytest.mark.parametrize(
    "other",
    [
        b"", b"{}", b"null", b"[]", b"<html>", b'{"Successful": [{"Id": "0"}', b'{"Failed": []}',
        b'{"Successful": 1}', b'{"Successful": [1]}', b'{"Successful": [{}]}',
        b'{"Successful": [{"Id": []}]}', b'{"Successful": [{"Id": "0"}], "Failed": [{}]}',
        b'{"Successful": [{"Id": "0"}], "Failed": [1]}', b'{"Successful": null}', b"\xff",
    ],
)  # fmt: skip
def test_a_response_without_sense_confirms_nothing(other: bytes) -> None:
    with pytest.raises(SourceError, match="delete_message_batch"):
        parse_batch_response("delete_message_batch", other, 2)
