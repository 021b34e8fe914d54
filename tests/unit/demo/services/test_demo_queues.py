"""Services that send to a queue and poll one: with a plain SDK, and nothing of versions."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.demo.services.chain import End, Hop
from gateway.demo.services.consumer import Consumer
from gateway.demo.services.front import Front
from gateway.demo.services.queues import NextQueue
from tools.emulator import control
from tools.emulator.running import Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tools.emulator.messages import Message

B1 = "AROAB1EXAMPLE:b1,version=v2"
ORDER = {"order": "o", "path": ["A"]}


@pytest.fixture
async def sqs(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", B1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with served() as here:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", here.url)
        for name in ("b1", "c"):
            create(here, name)
        yield here


def create(sqs: Served, name: str) -> None:
    sqs.emulator.registry.create(name, {"VisibilityTimeout": "1"}, sqs.emulator.clock())


def messages(sqs: Served, queue: str) -> list[Message]:
    return sqs.emulator.registry.queues[queue].messages


def fill(sqs: Served, queue: str, *bodies: str) -> None:
    for body in bodies:
        control.fill(sqs.emulator, control.Fill(queue, body=body))


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(app)) as client:
        yield client


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what happens inside the emulator has no event
        await asyncio.sleep(0.01)


def deleted(sqs: Served, queue: str) -> list[str]:
    return [m.draft.body for m in messages(sqs, queue) if m.stage.name == "DELETED"]


async def test_what_a_service_sends_says_nothing_of_versions_but_who_sent_it(sqs: Served) -> None:
    async with running(Hop("B1", NextQueue("B1", "c")).app()) as hop:
        sent = {"version": "v2", "baggage": "version=v2", "traceparent": "00-1-2-01"}
        answer = await hop.post("/events", json=ORDER, headers=sent)
        assert answer.status == 200
    (message,) = messages(sqs, "c")
    assert json.loads(message.draft.body) == {"order": "o", "path": ["A", "B1"]}
    assert message.draft.attributes == {}
    assert message.sender_id == B1


async def test_the_front_alone_pins(sqs: Served) -> None:
    async with running(Front("A", "c").app()) as front:
        taken = await front.post("/orders", json={"order": "o"}, headers={"version": "v2"})
        assert taken.status == 202
        message_id = (await taken.json())["message_id"]
    (message,) = messages(sqs, "c")
    assert message_id == message.message_id
    assert list(message.draft.attributes) == ["version"]


async def test_a_queue_that_is_missing_is_a_503_that_names_it(sqs: Served) -> None:
    async with running(Hop("B", NextQueue("B", "gone")).app()) as hop:
        answer = await hop.post("/events", json=ORDER)
        assert answer.status == 503
        assert "B cannot send to the queue gone" in await answer.text()


async def test_a_consumer_handles_passes_on_and_deletes(sqs: Served) -> None:
    fill(sqs, "b1", *(json.dumps({"order": n, "path": ["A"]}) for n in range(25)))
    async with running(Consumer(Hop("B1", NextQueue("B1", "c")), "b1", 1).app()) as consumer:
        await until(lambda: len(deleted(sqs, "b1")) == 25)
        assert (await consumer.get("/healthz")).status == 200
    orders = [json.loads(message.draft.body) for message in messages(sqs, "c")]
    assert sorted(order["order"] for order in orders) == list(range(25))
    assert {tuple(order["path"]) for order in orders} == {("A", "B1")}


async def test_a_consumer_may_be_the_end(sqs: Served) -> None:
    fill(sqs, "b1", json.dumps(ORDER))
    async with running(Consumer(End("D"), "b1", 1).app()) as consumer:
        await until(lambda: deleted(sqs, "b1"))
        (seen,) = await (await consumer.get("/paths")).json()
        assert (seen["order"], seen["path"]) == ("o", ["A", "D"])


async def test_a_consumer_may_start_before_its_queue(
    sqs: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.demo.services.consumer.BACKOFF_SECONDS", 0.01)
    async with running(Consumer(End("D"), "late", 1).app()):
        await until(lambda: sqs.emulator.registry.operations["late"]["GetQueueUrl"] > 1)
        create(sqs, "late")
        fill(sqs, "late", json.dumps(ORDER))
        await until(lambda: deleted(sqs, "late"))


async def test_what_a_consumer_cannot_handle_stays_in_its_queue(
    sqs: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """What its next hop refuses, too: it comes again after the visibility timeout."""
    fill(sqs, "b1", "no json", "[]", '{"path": 1}', json.dumps(ORDER))
    async with running(Consumer(Hop("B1", NextQueue("B1", "gone")), "b1", 1).app()):
        await until(lambda: all(m.receive_count > 1 for m in messages(sqs, "b1")))
    assert deleted(sqs, "b1") == []
    told = capsys.readouterr().err
    for why in (
        "is not JSON",
        "must be a JSON object",
        "path must be a list",
        "cannot send to the queue gone",
    ):
        assert why in told


async def test_a_consumer_that_stops_lets_its_poll_end_and_handles_what_it_brings(
    sqs: Served,
) -> None:
    consumer = Consumer(End("D"), "b1", 20)
    runner = web.AppRunner(consumer.app())
    await runner.setup()
    await until(lambda: sqs.emulator.polls._waiting.get("b1"))
    stopping = asyncio.ensure_future(runner.cleanup())
    await until(consumer._stopping.is_set)
    fill(sqs, "b1", json.dumps(ORDER))
    await stopping
    assert len(deleted(sqs, "b1")) == 1
