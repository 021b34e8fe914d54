"""A cut-off response of SQS is an error: the SDK alone takes it for an empty success.

An empty receive that was none would strand its messages for a lease, without a word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import SourceError
from tests.builders import message
from tools.bench.channel import Channel
from tools.emulator.control import Fill, fill
from tools.emulator.rules import Rule, Rules
from tools.emulator.running import Served, emulator_process, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.fakes.backends import SqsKind

LEASE = 30
MANGLINGS = ("cut_json", "cut_body", "garbage")
pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUES = {"orders": {}, "dead": {}, "orders.fifo": {"FifoQueue": "true"}}


class Stage:
    """An adapter before an emulator in this process, with queues of this stage's own."""

    def __init__(self, here: Served, clients: SqsClients, kind: type[SqsKind]) -> None:
        self._emulator, self._clients, self._kind = here.emulator, clients, kind
        self._prefix = uuid4().hex[:8]
        for name, attributes in QUEUES.items():
            self._emulator.registry.create(f"{self._prefix}-{name}", attributes, 0)

    def fill(self, queue: str, count: int = 2) -> None:
        fill(self._emulator, Fill(f"{self._prefix}-{queue}", count))

    async def queue(self, name: str = "orders") -> SqsKind:
        address, dead = (parse_queue(f"{self._prefix}-{each}") for each in (name, "dead"))
        queue = self._kind(self._clients, address, dead)
        await queue.open()
        return queue

    def break_with(self, kind: str, operation: str) -> None:
        self._emulator.intercept = Rules([Rule(operation, kind)])

    def calm_down(self) -> None:
        self._emulator.calm_down()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[Served]:
    async with served() as here:
        yield here


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients() -> AsyncIterator[SqsClients]:
    """Made once, since each costs a good part of a second."""
    async with SqsClients() as clients:
        yield clients


@pytest.fixture(params=[NativeSqsSource, SdkSqsSource])
def stage(
    request: pytest.FixtureRequest,
    here: Served,
    clients: SqsClients,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", here.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    stage = Stage(here, clients, request.param)
    yield stage
    stage.calm_down()


@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
@pytest.mark.parametrize("kind", MANGLINGS)
async def test_a_receive_that_is_cut_off_is_an_error(stage: Stage, kind: str, name: str) -> None:
    queue = await stage.queue(name)
    stage.fill(name)
    stage.break_with(kind, "ReceiveMessage")

    with pytest.raises(SourceError, match="receive_message"):
        await queue.receive(10, 0, LEASE)


async def test_an_empty_receive_is_no_error(stage: Stage) -> None:
    assert await (await stage.queue()).receive(10, 0, LEASE) == []


async def test_a_fifo_receive_that_is_cut_off_comes_again_with_its_messages(stage: Stage) -> None:
    """Without its attempt id the group would be hidden until the lease ends."""
    queue = await stage.queue("orders.fifo")
    stage.fill("orders.fifo", 3)
    stage.break_with("cut_json", "ReceiveMessage")
    with pytest.raises(SourceError):
        await queue.receive(10, 0, LEASE)
    stage.calm_down()

    received = await queue.receive(10, 0, LEASE)

    assert [each.receive_count for each in received] == [1, 1, 1]
    assert await queue.ack([each.receipt for each in received]) == {}


@pytest.mark.parametrize("kind", MANGLINGS)
async def test_a_delete_that_is_cut_off_confirms_no_entry(stage: Stage, kind: str) -> None:
    queue = await stage.queue()
    stage.fill("orders")
    received = await queue.receive(10, 0, LEASE)
    stage.break_with(kind, "DeleteMessageBatch")

    assert await _unconfirmed(queue.ack([each.receipt for each in received])) == {0, 1}


@pytest.mark.parametrize("kind", MANGLINGS)
async def test_an_extension_that_is_cut_off_confirms_no_entry(stage: Stage, kind: str) -> None:
    queue = await stage.queue()
    stage.fill("orders")
    received = await queue.receive(10, 0, LEASE)
    stage.break_with(kind, "ChangeMessageVisibilityBatch")

    leases = [(each.receipt, LEASE) for each in received]
    assert await _unconfirmed(queue.set_leases(leases)) == {0, 1}


@pytest.mark.parametrize("kind", MANGLINGS)
async def test_a_dead_letter_copy_whose_response_is_cut_off_is_not_confirmed(
    stage: Stage, kind: str
) -> None:
    queue = await stage.queue()
    stage.break_with(kind, "SendMessage")

    with pytest.raises(SourceError, match="send_message"):
        await queue.dead_letter(message(), {"gateway-route": "orders"})


@pytest.mark.parametrize("operation", ["GetQueueUrl", "GetQueueAttributes"])
@pytest.mark.parametrize("kind", MANGLINGS)
async def test_a_queue_is_not_found_by_a_response_that_is_cut_off(
    stage: Stage, kind: str, operation: str
) -> None:
    stage.break_with(kind, operation)

    with pytest.raises(SourceError):
        await stage.queue()


async def test_the_sdk_alone_takes_a_cut_off_receive_for_an_empty_one() -> None:
    """Why all this is needed. Once it raises, `keep_raw_receive` has less to do."""
    rules: list[dict[str, Any]] = [{"operation": "ReceiveMessage", "kind": "cut_json"}]
    with emulator_process() as (_, url):
        sqs = boto3.client(
            "sqs",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        queue_url = sqs.create_queue(QueueName="orders")["QueueUrl"]
        sqs.send_message(QueueUrl=queue_url, MessageBody="a")
        await _set_rules(url, rules)

        response = sqs.receive_message(QueueUrl=queue_url)
        sqs.close()

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "Messages" not in response


async def _unconfirmed(call: Any) -> set[int]:
    """Return the entries that are to be tried again: all of them where the call itself failed."""
    try:
        failed = await call
    except SourceError:
        return {0, 1}
    assert not any(error.lease_lost for error in failed.values())
    return set(failed)


async def _set_rules(url: str, rules: list[dict[str, Any]]) -> None:
    channel = await Channel.open(int(url.rpartition(":")[2]))
    status, _ = await channel.request("POST", "/_faults", json.dumps({"rules": rules}).encode())
    assert status == 200
    channel.close()
