"""Long polls of the emulator, in virtual time: it passes only where a test sleeps."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.emulator.app import Emulator, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.emulator.polls import Poll

pytestmark = pytest.mark.looptime

BASE = "http://sqs"
URL = f"{BASE}/000000000000/orders"


class Client:
    """Calls the emulator and keeps the responses, with the time at which each came."""

    def __init__(self, pace: float = 1.0) -> None:
        loop = asyncio.get_running_loop()
        self._clock: Callable[[], float] = lambda: loop.time() * pace
        self.emulator = Emulator(loop, clock=self._clock)
        self.call("CreateQueue", QueueName="orders")

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call what responses at once."""
        responses: list[tuple[float, dict[str, Any]]] = []
        self._submit(operation, members, responses)
        return responses[0][1]

    def send(self, *bodies: str, queue_url: str = URL, **members: Any) -> None:
        for body in bodies:
            self.call("SendMessage", QueueUrl=queue_url, MessageBody=body, **members)

    def receive(self, **members: Any) -> str:
        """Receive one message at once and return its receipt."""
        messages = self.call("ReceiveMessage", QueueUrl=URL, **members)["Messages"]
        return str(messages[0]["ReceiptHandle"])

    def poll(self, seconds: int = 20, **members: Any) -> tuple[Poll, list[tuple[float, Any]]]:
        """Start a long poll; its response will be in the list."""
        responses: list[tuple[float, Any]] = []
        wanted = {"QueueUrl": URL, "WaitTimeSeconds": seconds} | members
        poll = self._submit("ReceiveMessage", wanted, responses)
        assert poll is not None
        return poll, responses

    def _submit(
        self, operation: str, members: dict[str, Any], responses: list[tuple[float, Any]]
    ) -> Poll | None:
        def reply(response: Response | None) -> None:
            assert response is not None
            responses.append((self._clock(), json.loads(response.body)))

        return self.emulator.submit(operation, json.dumps(members).encode(), BASE, reply)


def bodies(responses: list[tuple[float, Any]]) -> list[list[str]]:
    return [[m["Body"] for m in response.get("Messages", [])] for _, response in responses]


async def test_a_poll_without_messages_ends_empty_when_its_time_is_up() -> None:
    _, responses = Client().poll(seconds=20)

    await asyncio.sleep(19.9)
    assert responses == []
    await asyncio.sleep(0.2)
    ((when, response),) = responses
    assert when == pytest.approx(20)
    assert response == {}


async def test_a_send_wakes_a_poll_at_once() -> None:
    client = Client()
    _, responses = client.poll()
    await asyncio.sleep(3)

    client.send("a")

    assert bodies(responses) == [["a"]]


async def test_polls_are_served_by_turns_and_one_message_wakes_one() -> None:
    client = Client()
    _, first = client.poll()
    _, second = client.poll()

    client.send("a")
    assert (bodies(first), bodies(second)) == ([["a"]], [])
    client.send("b")
    assert bodies(second) == [["b"]]


async def test_the_end_of_a_lease_wakes_a_poll() -> None:
    client = Client()
    client.send("a")
    client.receive(VisibilityTimeout=5)
    _, responses = client.poll()

    await asyncio.sleep(20)

    assert responses[0][0] == pytest.approx(5)
    assert bodies(responses) == [["a"]]


async def test_the_end_of_a_delay_wakes_a_poll() -> None:
    client = Client()
    client.send("a", DelaySeconds=7)
    _, responses = client.poll()

    await asyncio.sleep(20)

    assert responses[0][0] == pytest.approx(7)
    assert bodies(responses) == [["a"]]


async def test_a_timer_that_fires_too_early_is_set_again() -> None:
    """Two clocks never run quite alike: here the emulator's is behind the loop's."""
    client = Client(pace=0.99)
    client.send("a")
    client.receive(VisibilityTimeout=5)
    _, responses = client.poll()

    await asyncio.sleep(20)

    assert bodies(responses) == [["a"]]


async def test_giving_a_message_back_wakes_a_poll_at_once() -> None:
    client = Client()
    client.send("a")
    receipt = client.receive()
    _, responses = client.poll()

    client.call("ChangeMessageVisibility", QueueUrl=URL, ReceiptHandle=receipt, VisibilityTimeout=0)

    assert bodies(responses) == [["a"]]


async def test_an_extended_lease_does_not_wake_a_poll_at_its_old_end() -> None:
    client = Client()
    client.send("a")
    receipt = client.receive(VisibilityTimeout=5)
    _, responses = client.poll()
    client.call("ChangeMessageVisibility", QueueUrl=URL, ReceiptHandle=receipt, VisibilityTimeout=9)

    await asyncio.sleep(20)

    assert responses[0][0] == pytest.approx(9)


async def test_a_shortened_lease_wakes_a_poll_at_its_new_end() -> None:
    client = Client()
    client.send("a")
    receipt = client.receive(VisibilityTimeout=15)
    _, responses = client.poll()
    client.call("ChangeMessageVisibility", QueueUrl=URL, ReceiptHandle=receipt, VisibilityTimeout=2)

    await asyncio.sleep(20)

    assert responses[0][0] == pytest.approx(2)


async def test_a_move_to_the_dead_letter_queue_wakes_a_poll_there() -> None:
    client = Client()
    client.call("CreateQueue", QueueName="dead")
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    client.call("SetQueueAttributes", QueueUrl=URL, Attributes={"RedrivePolicy": policy})
    client.send("bad")
    client.receive(VisibilityTimeout=0)
    _, responses = client.poll(QueueUrl=f"{BASE}/000000000000/dead")

    client.call("ReceiveMessage", QueueUrl=URL)

    assert bodies(responses) == [["bad"]]


async def test_deleting_the_last_message_in_flight_of_a_group_wakes_a_poll() -> None:
    client = Client()
    url = f"{BASE}/000000000000/orders.fifo"
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    client.call("CreateQueue", QueueName="orders.fifo", Attributes=attributes)
    client.send("a", "b", queue_url=url, MessageGroupId="g")
    response = client.call("ReceiveMessage", QueueUrl=url)
    _, responses = client.poll(QueueUrl=url)

    receipt = response["Messages"][0]["ReceiptHandle"]
    client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=receipt)

    assert bodies(responses) == [["b"]]


async def test_a_cancelled_poll_takes_no_message() -> None:
    client = Client()
    poll, responses = client.poll()
    poll.cancel()

    client.send("a")
    await asyncio.sleep(21)

    assert responses == []
    assert client.receive()


async def test_a_poll_on_a_queue_that_is_deleted_hears_of_it() -> None:
    client = Client()
    _, responses = client.poll()

    client.call("DeleteQueue", QueueUrl=URL)

    assert responses[0][1]["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"


async def test_the_queues_own_wait_counts_where_the_receive_names_none() -> None:
    client = Client()
    client.call(
        "SetQueueAttributes", QueueUrl=URL, Attributes={"ReceiveMessageWaitTimeSeconds": "4"}
    )
    responses: list[tuple[float, Any]] = []
    client._submit("ReceiveMessage", {"QueueUrl": URL}, responses)

    await asyncio.sleep(20)

    ((when, response),) = responses
    assert when == pytest.approx(4)
    assert response == {}


async def test_only_receives_that_came_back_empty_count_as_empty() -> None:
    client = Client()
    client.poll(seconds=1)
    await asyncio.sleep(2)
    client.poll()
    client.send("a")

    counted = client.emulator.registry.operations["orders"]
    assert (counted["ReceiveMessage"], counted["(empty receive)"]) == (2, 1)
