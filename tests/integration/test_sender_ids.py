"""The emulators tell who sent a message by its credentials, as SQS does: over a real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from gateway.demo import embedded_sqs
from gateway.demo.addresses import Addresses
from tests.integration.children import REGION, Child, free_port
from tests.integration.queues import Sqs
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.emulator import EmulatedSqs

ROLE = "AROAB1EXAMPLE:b1,version=v2"
USER = "AIDAAEXAMPLE"


MINISTACK = ("-m", "ministack")
FRONT = ("-m", "gateway.demo.sender_front")


@pytest.fixture(params=["emulator", "embedded", "front"])
def endpoint(
    request: pytest.FixtureRequest, emulator: EmulatedSqs, tmp_path: Path
) -> Iterator[str]:
    if request.param == "emulator":
        yield emulator.endpoint
        return
    addresses = Addresses({"SQS": free_port(), "front": free_port()})
    settings = embedded_sqs.settings(addresses, tmp_path)
    if request.param == "embedded":
        with Child(embedded_sqs.COMMAND, tmp_path, settings) as child:
            yield _listening(addresses.url("SQS"), child)
        return
    options = ("--port", str(addresses.ports["front"]), "--to", addresses.url("SQS"))
    (tmp_path / "front").mkdir()
    with (
        Child(MINISTACK, tmp_path, settings) as behind,
        Child([*FRONT, *options], tmp_path / "front", {}) as front,
    ):
        _listening(addresses.url("SQS"), behind)
        yield _listening(addresses.url("front"), front)


def _listening(url: str, child: Child) -> str:
    until(lambda: _listens(url) or not child.running, "the embedded SQS")
    assert child.running, child.tail()
    return url


def _listens(url: str) -> bool:
    try:
        return httpx.get(url + embedded_sqs.HEALTH, trust_env=False, verify=False).is_success
    except httpx.TransportError:
        return False


def client_of(endpoint: str, key: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key="secret",
    )


def senders(endpoint: str, queue_url: str, count: int) -> dict[str, str]:
    """Return the SenderId of each message by its body, as another account's user receives it."""
    client = client_of(endpoint, "receiver")
    found: dict[str, str] = {}
    while len(found) < count:
        answer = client.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SenderId"],
        )
        for message in answer["Messages"]:
            found[message["Body"]] = message["Attributes"]["SenderId"]
    return found


def test_each_message_is_told_with_the_sender_of_its_credentials(endpoint: str) -> None:
    sqs = Sqs(endpoint)
    queue = sqs.create("who-sent-it")
    role, user = client_of(endpoint, ROLE), client_of(endpoint, USER)
    role.send_message(QueueUrl=queue.url, MessageBody="one")
    entries = [{"Id": body, "MessageBody": body} for body in ("two", "three")]
    user.send_message_batch(QueueUrl=queue.url, Entries=entries)
    queue.send("four")

    found = senders(endpoint, queue.url, 4)

    assert [found[body] for body in ("one", "two", "three")] == [ROLE, USER, USER]
    assert found["four"].startswith("AIDA")
    assert found["four"] not in (USER, ROLE)
    sqs.close()


def test_a_sender_is_told_only_where_it_is_asked_for(endpoint: str) -> None:
    sqs = Sqs(endpoint)
    queue = sqs.create("who-asks")
    queue.send("one")
    answer = sqs.client.receive_message(
        QueueUrl=queue.url, WaitTimeSeconds=1, MessageSystemAttributeNames=["SentTimestamp"]
    )
    (message,) = answer["Messages"]
    assert set(message["Attributes"]) == {"SentTimestamp"}
    sqs.close()


def test_a_refused_send_leaves_no_sender_behind(endpoint: str) -> None:
    client = client_of(endpoint, ROLE)
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.send_message(QueueUrl=f"{endpoint}/000000000000/nobody", MessageBody="one")


def test_a_message_keeps_its_sender_in_the_dead_letter_queue(endpoint: str) -> None:
    """And so does a copy that SQS moves there after too many receives."""
    sqs = Sqs(endpoint)
    dead = sqs.create("who-sent-it-dead")
    policy = f'{{"deadLetterTargetArn": "{dead.arn}", "maxReceiveCount": 1}}'
    queue = sqs.create("who-sent-it-once", RedrivePolicy=policy, VisibilityTimeout="0")
    client_of(endpoint, ROLE).send_message(QueueUrl=queue.url, MessageBody="one")
    assert senders(endpoint, queue.url, 1) == {"one": ROLE}
    sqs.client.receive_message(QueueUrl=queue.url)
    assert senders(endpoint, dead.url, 1) == {"one": ROLE}
    sqs.close()
