"""What the emulator refuses before it takes anything, and how it keeps its queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.emulator import operations
from tools.emulator.errors import SqsError
from tools.emulator.registry import Call, Registry

BASE = "http://sqs"
FIFO = {"FifoQueue": "true"}
TEXT = {"DataType": "String", "StringValue": "x"}


class Account:
    """An account with a standard and a FIFO queue, asked at any time one likes."""

    def __init__(self) -> None:
        self.registry = Registry(lambda: "id")
        self("CreateQueue", QueueName="q")
        self("CreateQueue", QueueName="q.fifo", Attributes=FIFO)

    def __call__(self, operation: str, now: float = 0, **members: Any) -> dict[str, Any]:
        return operations.run(operation, self.registry, Call(members, BASE, now))

    def refuses(self, operation: str, **members: Any) -> str:
        """Return the code that the request is refused with."""
        with pytest.raises(SqsError) as caught:
            self(operation, **members)
        return caught.value.code.rpartition(".")[2]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("with space", {}),
        ("a" * 81, {}),
        ("q.fifo", {}),
        ("plain", FIFO),
        ("a" * 76 + ".fifo", FIFO),
    ],
)
def test_a_queue_name_must_fit(account: Account, name: str, attributes: dict[str, str]) -> None:
    assert account.refuses("CreateQueue", QueueName=name, Attributes=attributes) == (
        "InvalidParameterValue"
    )


@pytest.mark.parametrize(
    ("queue", "attributes", "code"),
    [
        ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("q", {"DelaySeconds": "soon"}, "InvalidAttributeValue"),
        ("q", {"SqsManagedSseEnabled": "yes"}, "InvalidAttributeValue"),
        ("q", {"Colour": "red"}, "InvalidAttributeName"),
        ("q", {"QueueArn": "x"}, "InvalidAttributeName"),
        ("q", {"FifoQueue": "false"}, "InvalidAttributeName"),
        ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("q.fifo", {"FifoQueue": "false"}, "InvalidAttributeValue"),
        ("q.fifo", {"DeduplicationScope": "galaxy"}, "InvalidAttributeValue"),
    ],
)
def test_a_queue_attribute_must_fit(
    account: Account, queue: str, attributes: dict[str, str], code: str
) -> None:
    assert account.refuses("SetQueueAttributes", QueueUrl=queue, Attributes=attributes) == code


def redrive(name: str, max_receive_count: int = 3) -> str:
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receive_count})


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("not json", "InvalidAttributeValue"),
        ("[]", "InvalidAttributeValue"),
        ('{"maxReceiveCount": 3}', "InvalidAttributeValue"),
        (redrive("nope"), "InvalidParameterValue"),
        (redrive("q.fifo"), "InvalidParameterValue"),
        (redrive("q", max_receive_count=0), "InvalidParameterValue"),
    ],
)
def test_a_redrive_policy_must_fit(account: Account, policy: str, code: str) -> None:
    attributes = {"RedrivePolicy": policy}

    assert account.refuses("SetQueueAttributes", QueueUrl="q", Attributes=attributes) == code


def redriving_to(account: Account, name: str) -> None:
    policy = redrive(name, max_receive_count=1)
    account("SetQueueAttributes", QueueUrl="q", Attributes={"RedrivePolicy": policy})


def test_an_empty_redrive_policy_takes_it_away(account: Account) -> None:
    account("CreateQueue", QueueName="dead")
    redriving_to(account, "dead")
    account("SetQueueAttributes", QueueUrl="q", Attributes={"RedrivePolicy": ""})

    assert account.registry.queues["q"].dead_letters is None
    told = account("GetQueueAttributes", QueueUrl="q", AttributeNames=["All"])["Attributes"]
    assert "RedrivePolicy" not in told


def test_without_its_dead_letter_queue_a_queue_delivers_on(account: Account) -> None:
    account("CreateQueue", QueueName="dead")
    redriving_to(account, "dead")
    account("SendMessage", QueueUrl="q", MessageBody="a")
    account("ReceiveMessage", QueueUrl="q", VisibilityTimeout=0)
    account("DeleteQueue", QueueUrl="dead")

    assert account("ReceiveMessage", QueueUrl="q")["Messages"][0]["Body"] == "a"


def test_a_queue_that_is_its_own_dead_letter_queue_delivers_on(account: Account) -> None:
    redriving_to(account, "q")
    account("SendMessage", QueueUrl="q", MessageBody="a")
    account("ReceiveMessage", QueueUrl="q", VisibilityTimeout=0)

    assert account("ReceiveMessage", QueueUrl="q")["Messages"]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "MissingParameter"),
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "a\x00"}, "InvalidMessageContents"),
        ({"MessageBody": "a", "DelaySeconds": -1}, "InvalidParameterValue"),
        ({"MessageBody": "a", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        ({"MessageBody": "a", "MessageGroupId": "g g"}, "InvalidParameterValue"),
        ({"MessageBody": "a" * 1_048_577}, "InvalidParameterValue"),
        (
            {"MessageBody": "a" * 1_048_570, "MessageAttributes": {"name": TEXT}},
            "InvalidParameterValue",
        ),
    ],
)
def test_a_message_must_fit(account: Account, members: dict[str, Any], code: str) -> None:
    assert account.refuses("SendMessage", QueueUrl="q", **members) == code


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("AWS.x", TEXT),
        ("amazon.x", TEXT),
        (".x", TEXT),
        ("x..y", TEXT),
        ("x y", TEXT),
        ("x" * 257, TEXT),
        ("x", {"DataType": "Text", "StringValue": "x"}),
        ("x", {"DataType": "String", "StringValue": ""}),
        ("x", {"DataType": "String", "StringValue": "a\x00"}),
        ("x", {"DataType": "Number", "StringValue": "many"}),
        ("x", {"DataType": "Binary", "BinaryValue": "no base64!"}),
        ("x", {"DataType": "Binary", "StringValue": "x"}),
    ],
)
def test_a_message_attribute_must_fit(
    account: Account, name: str, attribute: dict[str, str]
) -> None:
    sending = {"QueueUrl": "q", "MessageBody": "a", "MessageAttributes": {name: attribute}}

    assert account.refuses("SendMessage", **sending) in (
        "InvalidParameterValue",
        "InvalidMessageContents",
    )


def test_an_eleventh_message_attribute_is_refused(account: Account) -> None:
    ten = {f"a{n}": TEXT for n in range(10)}
    account("SendMessage", QueueUrl="q", MessageBody="a", MessageAttributes=ten)

    eleven = ten | {"more": TEXT}
    assert account.refuses(
        "SendMessage", QueueUrl="q", MessageBody="a", MessageAttributes=eleven
    ) == ("InvalidParameterValue")


def test_a_standard_queue_takes_a_message_group_and_tells_it(account: Account) -> None:
    account("SendMessage", QueueUrl="q", MessageBody="a", MessageGroupId="tenant-1")

    message = account("ReceiveMessage", QueueUrl="q", MessageSystemAttributeNames=["All"])
    assert message["Messages"][0]["Attributes"]["MessageGroupId"] == "tenant-1"


def test_sequence_numbers_have_twenty_digits_and_rise(account: Account) -> None:
    numbers = [
        account(
            "SendMessage",
            QueueUrl="q.fifo",
            MessageBody="a",
            MessageGroupId="g",
            MessageDeduplicationId=f"d{n}",
        )["SequenceNumber"]
        for n in range(12)
    ]

    assert numbers == sorted(set(numbers))
    assert {len(number) for number in numbers} == {20}


def test_only_a_fifo_queue_knows_attempt_ids(account: Account) -> None:
    assert account.refuses("ReceiveMessage", QueueUrl="q", ReceiveRequestAttemptId="t") == (
        "InvalidParameterValue"
    )


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_receipt_must_be_there(account: Account, operation: str) -> None:
    assert account.refuses(operation, QueueUrl="q") == "MissingParameter"


def test_a_visibility_must_be_there(account: Account) -> None:
    assert account.refuses("ChangeMessageVisibility", QueueUrl="q", ReceiptHandle="r") == (
        "MissingParameter"
    )


@pytest.mark.parametrize("operation", ["CreateQueue", "GetQueueUrl"])
def test_a_queue_name_must_be_there(account: Account, operation: str) -> None:
    assert account.refuses(operation) == "MissingParameter"


def test_a_second_purge_within_a_minute_is_refused(account: Account) -> None:
    account("PurgeQueue", QueueUrl="q", now=0)

    with pytest.raises(SqsError, match="every 60 seconds"):
        account("PurgeQueue", QueueUrl="q", now=59)
    account("PurgeQueue", QueueUrl="q", now=60)


def test_a_standard_queue_stops_at_120_000_messages_in_flight(account: Account) -> None:
    account.registry.queues["q"].counts[2] = 120_000

    assert account.refuses("ReceiveMessage", QueueUrl="q") == "OverLimit"


def test_queues_are_listed_page_by_page(account: Account) -> None:
    first = account("ListQueues", MaxResults=1)
    second = account("ListQueues", MaxResults=1, NextToken=first["NextToken"])

    assert first["QueueUrls"] == [f"{BASE}/000000000000/q"]
    assert second == {"QueueUrls": [f"{BASE}/000000000000/q.fifo"]}
