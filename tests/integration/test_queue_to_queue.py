"""Routes whose versions are queues, from one queue to others, over an emulator that fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.adapters.http.native_target import NativeTarget
from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.queue_calls import QueueCalls
from gateway.adapters.sqs.queue_target import QueueTarget
from gateway.core.addresses import parse_queue
from gateway.core.events import Delivered, Outcome
from gateway.core.routing.route import Backoff, Fallback
from gateway.core.routing.version import Version
from gateway.runtime.running_route import RunningRoute
from tests.builders import route
from tests.contract.http_services import OK, responding, serving
from tools.emulator.messages import Draft
from tools.emulator.rules import Rule, Rules
from tools.emulator.running import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.core.events import Event
    from gateway.core.routing.route import Route
    from gateway.ports import Target
    from tools.emulator.messages import Message
    from tools.emulator.running import Served

SEND: Final = "SendMessageBatch"
QUICK: Final = Backoff(1, 1)
TEXT: Final = {"DataType": "String", "StringValue": "v2"}
LOOK_SECONDS: Final = 0.05
SETTLEMENTS: Final = ("DeleteMessageBatch",)


class World:
    """An emulator with queues, and routes that run in front of them."""

    def __init__(self, emulator: Served, clients: SqsClients, tasks: asyncio.TaskGroup) -> None:
        self.emulator = emulator.emulator
        self.clients, self.tasks = clients, tasks
        self.events: list[Event] = []

    def create(self, *names: str, **attributes: str) -> None:
        for name in names:
            fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            self.emulator.registry.create(name, {**fifo, **attributes}, self.emulator.clock())

    def fill(self, queue: str, drafts: Sequence[Draft]) -> None:
        registry = self.emulator.registry
        for draft in drafts:
            registry.named(queue).send(draft, registry.new_id(), self.emulator.clock())
        self.emulator.polls.serve()

    def messages(self, queue: str) -> list[Message]:
        return self.emulator.registry.named(queue).messages

    def bodies(self, queue: str) -> list[str]:
        return [each.draft.body for each in self.messages(queue)]

    @asynccontextmanager
    async def running(self, wanted: Route) -> AsyncIterator[None]:
        source = NativeSqsSource(self.clients, wanted.queue, wanted.dead_letter)
        running = RunningRoute(
            wanted, source, self._target, self, wall=time.time, random=random.random
        )
        task = self.tasks.create_task(running.run())
        yield
        running.stop(5)
        await task

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def outcomes(self) -> Counter[Outcome]:
        return Counter(each.outcome for each in self.events if isinstance(each, Delivered))

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # noqa: ASYNC110 - the emulator rings no bell
            await asyncio.sleep(LOOK_SECONDS)

    async def until_empty(self, queue: str) -> None:
        await self.until(lambda: all(each.gone for each in self.messages(queue)))

    def _target(self, version: Version) -> Target:
        if version.queue is None:
            return NativeTarget(version.url)
        calls = QueueCalls(self.clients, version.queue)
        target = QueueTarget(version, calls, "orders", self.events.append)
        self.tasks.create_task(target.run())
        return target


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with served() as emulator, SqsClients() as clients:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", emulator.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        async with asyncio.TaskGroup() as tasks:
            yield World(emulator, clients, tasks)
        emulator.emulator.calm_down()


def pull(name: str, tag: str, queue: str, **rest: Any) -> Version:
    return Version(name, tag, queue=parse_queue(queue), **rest)


def orders(queue: str, *versions: Version, **rest: Any) -> Route:
    """Return a route that polls shortly, so that it stops soon."""
    weights = {"stable": 90, "canary": 10} if len(versions) > 1 else None
    return route(weights, queue=queue, versions=versions, wait_seconds=1, retry=QUICK, **rest)


async def test_fifo_to_fifo_keeps_order_and_loses_and_doubles_nothing(world: World) -> None:
    """200 groups of 50 while 5 % of the sends fail, and as many responses are lost."""
    world.create("orders.fifo", "b.fifo", "b1.fifo", VisibilityTimeout="120")
    drafts = [
        Draft(f"{group}/{number}", {}, f"g{group}", f"{group}-{number}")
        for number in range(50)
        for group in range(200)
    ]
    world.fill("orders.fifo", drafts)
    failing = [Rule(SEND, kind, 0.05) for kind in ("internal_error", "lost_reply")]
    partly = [Rule(SEND, "partial_failure", 0.05), Rule("DeleteMessageBatch", "lost_reply", 0.02)]
    world.emulator.intercept = Rules([*failing, *partly], seed=12)
    versions = pull("stable", "v1", "b.fifo"), pull("canary", "v2", "b1.fifo")
    quick = Backoff(0.01, 0.01)
    async with world.running(replace(orders("orders.fifo", *versions), retry=quick)):
        await world.until_empty("orders.fifo")
    injected = {kind for kind, _ in world.emulator.injected}
    assert injected >= {"internal_error", "lost_reply", "partial_failure"}
    arrived = Counter(body for queue in ("b.fifo", "b1.fifo") for body in world.bodies(queue))
    assert arrived == Counter(draft.body for draft in drafts)
    for queue in ("b.fifo", "b1.fifo"):
        by_group: dict[str, list[int]] = {}
        for body in world.bodies(queue):
            group, number = body.split("/")
            by_group.setdefault(group, []).append(int(number))
        assert all(numbers == list(range(50)) for numbers in by_group.values())
        assert by_group  # a group is all in one queue, and both have some


async def test_a_backlog_with_reused_deduplication_ids_loses_nothing(world: World) -> None:
    """Hours apart they were distinct; a backlog is sent on within a moment."""
    world.create("orders.fifo", "b.fifo")
    registry, now = world.emulator.registry, world.emulator.clock()
    queue = registry.named("orders.fifo")
    for number in range(60):
        draft = Draft(str(number), {}, f"g{number % 5}", "daily-report")
        queue.send(draft, registry.new_id(), now - 3600 * (60 - number))
    async with world.running(orders("orders.fifo", pull("stable", "v1", "b.fifo"))):
        await world.until_empty("orders.fifo")
    assert Counter(world.bodies("b.fifo")) == Counter(map(str, range(60)))


async def test_pinned_messages_go_to_their_queue_and_all_others_by_the_split(world: World) -> None:
    world.create("orders", "b", "b1")
    pinned = [Draft(f"pinned {n}", {"version": TEXT}) for n in range(20)]
    world.fill("orders", [*pinned, *(Draft(f"free {n}") for n in range(200))])
    versions = pull("stable", "v1", "b"), pull("canary", "v2", "b1")
    async with world.running(orders("orders", *versions)):
        await world.until_empty("orders")
    assert Counter(world.bodies("b") + world.bodies("b1")) == Counter(
        [*(draft.body for draft in pinned), *(f"free {n}" for n in range(200))]
    )
    assert {draft.body for draft in pinned} <= set(world.bodies("b1"))
    for queue, tag in (("b", "v1"), ("b1", "v2")):
        assert {m.draft.attributes["version"]["StringValue"] for m in world.messages(queue)} == {
            tag
        }


async def test_a_full_queue_falls_back_to_a_stable_url(world: World) -> None:
    world.create("orders", "b1")
    world.fill("b1", [Draft("before")] * 3)
    world.fill("orders", [Draft(f"pinned {n}", {"version": TEXT}) for n in range(5)])
    async with serving(responding(OK)) as service:
        versions = Version("stable", "v1", service.url), pull("canary", "v2", "b1", max_depth=2)
        async with world.running(orders("orders", *versions, fallback=Fallback())):
            await world.until_empty("orders")
        requests = [(each.values("version"), each.body.decode()) for each in service.requests]
    assert sorted(requests) == [(["v2"], f"pinned {n}") for n in range(5)]
    assert world.outcomes() == {Outcome.FALLBACK: 5}
    assert len(world.messages("b1")) == 3


async def test_what_a_queue_refuses_goes_to_the_dead_letters_with_sqs_s_code(
    world: World,
) -> None:
    world.create("orders", "dead")
    world.create("b", MaximumMessageSize="1024")
    world.fill("orders", [Draft("x" * 2000), Draft("short")])
    dead = parse_queue("dead")
    async with world.running(orders("orders", pull("stable", "v1", "b"), dead_letter=dead)):
        await world.until_empty("orders")
    assert world.bodies("b") == ["short"]
    (copy,) = world.messages("dead")
    assert copy.draft.body == "x" * 2000
    marks = {name: each["StringValue"] for name, each in copy.draft.attributes.items()}
    assert marks["gateway-status"] == "InvalidParameterValue"
    assert marks["gateway-reason"] == "default"


async def test_a_route_with_a_missing_queue_is_ready_and_uses_it_once_it_is_there(
    world: World,
) -> None:
    world.create("orders")
    world.fill("orders", [Draft("early")])
    async with world.running(orders("orders", pull("stable", "v1", "b"))):
        await world.until(lambda: world.outcomes()[Outcome.RETRY] > 0)
        world.create("b")
        await world.until_empty("orders")
    assert world.bodies("b") == ["early"]
