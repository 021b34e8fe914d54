"""The same calls by boto3 on moto's server and on the emulator get the same responses.

What each run makes up (ids, receipts, times) is replaced by whether it is there. Wordings of errors
are not compared: moto's are its own. Queues stay short, since moto recounts them on every call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tools.emulator.running import emulator_process, server_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MADE_UP = {"MessageId", "ReceiptHandle", "SentTimestamp", "ApproximateFirstReceiveTimestamp"}
MADE_UP |= {"SenderId"}
MOTO_LEAVES_OUT = {"MD5OfMessageSystemAttributes", "SequenceNumber"}
EVERYTHING = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}


def client_of(url: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with server_process("tests.integration.moto_server") as (_, url):
        client = client_of(url)
        yield client
        client.close()


@pytest.fixture(scope="module")
def ours() -> Iterator[Any]:
    with emulator_process() as (_, url):
        client = client_of(url)
        yield client
        client.close()


def comparable(response: Any) -> Any:
    """Return a response without what each run makes up, and what moto does its own way."""
    if isinstance(response, list):
        return [comparable(item) for item in response]
    if not isinstance(response, dict):
        return response
    return {
        key: "made up" if key in MADE_UP else comparable(value)
        for key, value in response.items()
        if key != "ResponseMetadata" and key not in MOTO_LEAVES_OUT and value != []
    }


def outcome(call: Callable[..., Any], **members: Any) -> Any:
    """Return what a call came to: its response, or the class and codes of its error."""
    try:
        return comparable(call(**members))
    except ClientError as error:
        return type(error).__name__, error.response["Error"]["Code"]


SCENARIOS: dict[str, Callable[[Any, str], list[Any]]] = {}


def scenario(play: Callable[[Any, str], list[Any]]) -> Callable[[Any, str], list[Any]]:
    SCENARIOS[play.__name__] = play
    return play


@scenario
def a_message_with_attributes_comes_back_whole(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sent = outcome(
        sqs.send_message,
        QueueUrl=url,
        MessageBody='{"grüße": "日本"}',
        MessageAttributes={
            "version": {"DataType": "String", "StringValue": "v2"},
            "price": {"DataType": "Number.float", "StringValue": "1.50"},
            "blob": {"DataType": "Binary.gif", "BinaryValue": b"\x00\xff"},
        },
        MessageSystemAttributes={
            "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3f"}
        },
    )
    return [sent, outcome(sqs.receive_message, QueueUrl=url, **EVERYTHING)]


@scenario
def attributes_come_only_as_asked_for(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = {
        key: {"DataType": "String", "StringValue": key} for key in ("color.a", "color.b", "size")
    }
    sqs.send_message(QueueUrl=url, MessageBody="a", MessageAttributes=attributes)
    asked: list[list[str]] = [["size"], ["color.*"], [".*"], ["nothing"], ["size", "color.a"], []]
    return [
        outcome(sqs.receive_message, QueueUrl=url, VisibilityTimeout=0, MessageAttributeNames=names)
        for names in asked
    ]


@scenario
def system_attributes_come_only_as_asked_for(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    asked: list[list[str]] = [["ApproximateReceiveCount"], ["SentTimestamp", "SenderId"], []]
    return [
        outcome(
            sqs.receive_message,
            QueueUrl=url,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=names,
        )
        for names in asked
    ]


@scenario
def a_batch_answers_by_entry(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sent = outcome(
        sqs.send_message_batch,
        QueueUrl=url,
        Entries=[{"Id": f"e{n}", "MessageBody": f"m{n}"} for n in range(3)],
    )
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    receipts = [message["ReceiptHandle"] for message in received]
    changed = outcome(
        sqs.change_message_visibility_batch,
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": receipts[0], "VisibilityTimeout": 9},
            {"Id": "other", "ReceiptHandle": receipts[1], "VisibilityTimeout": 9},
        ],
    )
    deleted = outcome(
        sqs.delete_message_batch,
        QueueUrl=url,
        Entries=[{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(receipts)],
    )
    return [sent, [message["Body"] for message in received], changed, deleted]


@scenario
def one_bad_receipt_fails_alone(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    good = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    entries = [{"Id": "good", "ReceiptHandle": good}, {"Id": "bad", "ReceiptHandle": "zzz"}]
    response = outcome(sqs.delete_message_batch, QueueUrl=url, Entries=entries)
    return [
        response["Successful"],
        [(f["Id"], f["Code"], f["SenderFault"]) for f in response["Failed"]],
    ]


@scenario
def a_batch_against_the_rules_fails_as_a_whole(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    batches: list[list[dict[str, str]]] = [
        [{"Id": "a b", "MessageBody": "x"}],
        [{"Id": "a", "MessageBody": "x"}] * 2,
        [{"Id": str(n), "MessageBody": "x"} for n in range(11)],
        [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
        [],
    ]
    return [outcome(sqs.send_message_batch, QueueUrl=url, Entries=batch) for batch in batches]


@scenario
def delete_and_extend_by_a_wrong_receipt_are_refused(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    wrong = {"QueueUrl": url, "ReceiptHandle": "zzz"}
    return [
        outcome(sqs.delete_message, **wrong),
        outcome(sqs.change_message_visibility, **wrong, VisibilityTimeout=1),
    ]


@scenario
def a_lease_of_more_than_twelve_hours_is_refused(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    change = {"QueueUrl": url, "ReceiptHandle": receipt}
    return [
        outcome(sqs.change_message_visibility, **change, VisibilityTimeout=seconds)
        for seconds in (43_100, 43_200, 43_201)
    ]


@scenario
def giving_back_hides_and_shows_and_counts(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    seen: list[Any] = []
    for _ in range(3):
        response = sqs.receive_message(QueueUrl=url, **EVERYTHING)
        seen += [comparable(response), outcome(sqs.receive_message, QueueUrl=url)]
        receipt = response["Messages"][0]["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
    return seen


@scenario
def deleting_twice_succeeds(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    return [outcome(sqs.delete_message, QueueUrl=url, ReceiptHandle=receipt) for _ in range(2)]


@scenario
def counts_are_told_by_the_queue(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible")]
    for body in ("a", "b", "c"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.receive_message(QueueUrl=url)
    return [
        outcome(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names),
        outcome(sqs.purge_queue, QueueUrl=url),
        outcome(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names),
    ]


@scenario
def queue_attributes_have_the_usual_defaults(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    names = ["VisibilityTimeout", "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod"]
    names += ["ReceiveMessageWaitTimeSeconds", "SqsManagedSseEnabled"]
    return [
        outcome(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names),
        outcome(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nonsense"]),
        outcome(sqs.get_queue_attributes, QueueUrl=url),
    ]


@scenario
def changed_queue_attributes_are_told_and_used(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "7"})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=url, MessageBody="a")
    return [
        outcome(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["VisibilityTimeout"]),
        *(outcome(sqs.receive_message, QueueUrl=url) for _ in range(2)),
    ]


@scenario
def a_queue_is_made_once(sqs: Any, name: str) -> list[Any]:
    def create(**attributes: str) -> Any:
        response = outcome(sqs.create_queue, QueueName=name, Attributes=attributes)
        return response["QueueUrl"].rpartition("/")[2] if isinstance(response, dict) else response

    return [
        create(VisibilityTimeout="7"),
        create(VisibilityTimeout="7"),
        create(),
        create(VisibilityTimeout="8"),
    ]


@scenario
def a_queue_that_is_not_there_is_an_error(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    return [
        outcome(sqs.get_queue_url, QueueName=name),
        outcome(sqs.send_message, QueueUrl=url, MessageBody="a"),
        outcome(sqs.receive_message, QueueUrl=url),
        outcome(sqs.delete_message, QueueUrl=url, ReceiptHandle="r"),
        outcome(sqs.delete_queue, QueueUrl=url),
    ]


@scenario
def queues_are_listed_by_prefix(sqs: Any, name: str) -> list[Any]:
    for suffix in ("-b", "-a", "-c"):
        sqs.create_queue(QueueName=name + suffix)
    urls = sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    return [sorted(url.rpartition("/")[2] for url in urls)]


@scenario
def messages_against_the_rules_are_refused(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    text = {"DataType": "String", "StringValue": "x"}
    return [
        outcome(sqs.send_message, QueueUrl=url, MessageBody=body, **more)
        for body, more in (
            ("a" * 1_048_577, {}),
            ("a", {"MessageAttributes": {"bad name": text}}),
            ("a", {"MessageAttributes": {"x": {"DataType": "Object", "StringValue": "x"}}}),
            ("a", {"DelaySeconds": 901}),
        )
    ]


@scenario
def receives_against_the_rules_are_refused(sqs: Any, name: str) -> list[Any]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return [
        outcome(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11),
        outcome(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=0),
        outcome(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21),
    ]


@scenario
def a_message_moves_to_the_dead_letter_queue(sqs: Any, name: str) -> list[Any]:
    dead = sqs.create_queue(QueueName=f"{name}-d")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 2}
    attributes = {"RedrivePolicy": json.dumps(policy)}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="bad")
    seen = [
        outcome(sqs.receive_message, QueueUrl=url, VisibilityTimeout=0, **EVERYTHING)
        for _ in range(3)
    ]
    names = ["ApproximateReceiveCount"]
    moved = outcome(sqs.receive_message, QueueUrl=dead, MessageSystemAttributeNames=names)
    return [*seen, moved]


@scenario
def a_group_is_served_in_order_and_one_at_a_time(sqs: Any, name: str) -> list[Any]:
    url = fifo(sqs, name)
    for group, body in (("g", "a"), ("g", "b"), ("h", "c")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    seen: list[Any] = []
    for _ in range(3):
        response = sqs.receive_message(QueueUrl=url, **EVERYTHING)
        seen.append(comparable(response))
        for message in response.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return seen


@scenario
def a_group_with_a_message_in_flight_is_blocked(sqs: Any, name: str) -> list[Any]:
    url = fifo(sqs, name)
    for group, body in (("g", "a"), ("g", "b"), ("h", "c")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    return [outcome(sqs.receive_message, QueueUrl=url) for _ in range(3)]


@scenario
def a_duplicate_is_taken_and_not_delivered(sqs: Any, name: str) -> list[Any]:
    url = fifo(sqs, name)
    ids = [
        sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", **more)[
            "MD5OfMessageBody"
        ]
        for more in ({}, {}, {"MessageDeduplicationId": "x"}, {"MessageDeduplicationId": "x"})
    ]
    return [ids, outcome(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=10)]


@scenario
def fifo_messages_against_the_rules_are_refused(sqs: Any, name: str) -> list[Any]:
    url = fifo(sqs, name, ContentBasedDeduplication="false")
    return [
        outcome(sqs.send_message, QueueUrl=url, MessageBody="a"),
        outcome(sqs.send_message, QueueUrl=url, MessageBody="a", MessageGroupId="g"),
        outcome(
            sqs.send_message,
            QueueUrl=url,
            MessageBody="a",
            MessageGroupId="g",
            MessageDeduplicationId="d",
            DelaySeconds=5,
        ),
    ]


def fifo(sqs: Any, name: str, **attributes: str) -> str:
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} | attributes
    return str(sqs.create_queue(QueueName=f"{name}.fifo", Attributes=given)["QueueUrl"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_emulator_answers_as_moto_does(name: str, moto: Any, ours: Any) -> None:
    assert SCENARIOS[name](ours, name) == SCENARIOS[name](moto, name)
