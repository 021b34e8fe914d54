"""What the demo concludes from its looks at both gateways."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.demo.processes import DemoError
from gateway.demo.rollout.arrivals import Arrival
from gateway.demo.rollout.load import BATCH, ON_THEIR_WAY, SteadyLoad
from gateway.demo.rollout.plan import PLANS
from gateway.demo.rollout.trial import Change, Trial
from gateway.demo.rollout.watch import Sample, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = Change(0.0, "the gateway", "begin", 1, "")
STEP = Change(2.0, "the gateway", "step", 5, "passed")


def trial(weight: float, *history: Change) -> Trial:
    return Trial("waiting", 0, weight, 0.0, "wait", "0 of 50 messages", history)


class Queue:
    """Takes what it is sent; all of it arrives at B."""

    def __init__(self, refuses_after: int = 1_000_000) -> None:
        self.bodies: list[str] = []
        self.left = refuses_after

    async def send(self, bodies: Sequence[str]) -> None:
        if len(self.bodies) >= self.left:
            raise DemoError("SQS did not take 10 of 10 messages")
        self.bodies += bodies


class Environment:
    """Gateways that show what a test says."""

    def __init__(self, *shown: Trial | None) -> None:
        self.shown = list(shown)
        self.queue = Queue()
        self.plan = PLANS["good-canary"]
        self._arrived = 0

    @property
    def replicas(self) -> list[Any]:
        return [SimpleNamespace(trial=self._coroutine(one)) for one in self.shown]

    @staticmethod
    def _coroutine(shown: Trial | None) -> Any:
        async def show() -> Trial | None:
            return shown

        return show

    async def new_arrivals(self) -> list[Arrival]:
        new = range(self._arrived + 1, len(self.queue.bodies) + 1)
        self._arrived = len(self.queue.bodies)
        return [Arrival(f"order-{n}", 0.0, 0.0, 1, good=True) for n in new]


def watch_of(environment: Environment, told: list[Change] | None = None) -> Watch:
    return Watch(environment, ([] if told is None else told).append)  # type: ignore[arg-type]


def test_a_weight_is_in_force_from_when_both_show_it_for_good() -> None:
    watch = watch_of(Environment())
    watch.samples = [
        Sample(1.0, (1.0, 0.0)),
        Sample(2.0, (1.0, 1.0)),
        Sample(3.0, (None, 1.0)),
        Sample(4.0, (1.0, 1.0)),
        Sample(5.0, (1.0, 1.0)),
        Sample(6.0, (5.0, 1.0)),
    ]
    assert watch.in_force_from(1, 0.0, 5.5) == 4.0
    assert watch.first_in_force(1, 0.0) == 2.0
    assert watch.in_force_from(1, 0.0, 7.0) is None
    assert watch.first_in_force(0, 0.0) is None


@pytest.mark.asyncio
async def test_each_change_is_told_once_whichever_gateway_shows_it_first() -> None:
    environment, told = Environment(trial(1, BEGIN), trial(1)), list[Change]()
    watch = watch_of(environment, told)
    await watch.look()
    environment.shown = [None, trial(5, BEGIN, STEP)]
    await watch.look()
    environment.shown = [trial(5, BEGIN, STEP), trial(5, BEGIN, STEP)]
    await watch.look()
    assert told == [BEGIN, STEP]
    assert watch.history == (BEGIN, STEP)
    stored = Change(2.1, "the gateway", "step", 5, "passed, as it was stored in the end")
    environment.shown = [trial(5, BEGIN, stored), trial(5, BEGIN, stored)]
    await watch.look()
    assert (told, watch.history) == ([BEGIN, STEP], (BEGIN, stored))


@pytest.mark.asyncio
async def test_all_gateways_must_show_it_and_one_that_is_silent_does_not() -> None:
    environment = Environment(trial(1), None)
    watch = watch_of(environment)
    await watch.look()
    assert not watch.all(lambda one: one.weight == 1)
    environment.shown = [trial(1), trial(1)]
    await watch.look()
    assert watch.all(lambda one: one.weight == 1)


@pytest.mark.asyncio
async def test_what_does_not_come_is_told_with_what_the_gateways_say() -> None:
    watch = watch_of(Environment(trial(1), None))
    with pytest.raises(DemoError) as raised:
        await watch.until(lambda: False, "the rollback", 0.0)
    assert str(raised.value) == (
        "the rollback: not within 0 s; the gateways say: waiting, 1 %, 0 of 50 messages;"
        " no response"
    )


@pytest.mark.asyncio
async def test_the_load_goes_on_until_it_is_stopped_and_all_is_processed() -> None:
    environment = Environment(trial(1), trial(1))
    watch = watch_of(environment)
    watch.start()
    await watch.until(lambda: watch.load.sent >= 3 * BATCH, "three batches", 60.0)
    await watch.until_processed()
    assert watch.arrivals.processed == watch.load.sent == len(environment.queue.bodies)
    assert watch.arrivals.lost(watch.load.sent) == []
    await watch.close()


@pytest.mark.asyncio
async def test_an_order_that_sqs_does_not_take_ends_the_demo() -> None:
    environment = Environment(trial(1), trial(1))
    environment.queue.left = BATCH
    watch = watch_of(environment)
    watch.start()
    with pytest.raises(DemoError, match="did not take"):
        await watch.until(lambda: False, "the end", 60.0)
    await watch.close()


@pytest.mark.asyncio
async def test_nothing_more_is_sent_while_too_much_is_under_way() -> None:
    queue = Queue()
    load = SteadyLoad(queue, 1_000_000, lambda: 0)  # type: ignore[arg-type]
    sending = asyncio.ensure_future(load.run())
    for _ in range(10 * ON_THEIR_WAY):
        await asyncio.sleep(0)
    load.stop()
    await sending
    assert load.sent == ON_THEIR_WAY
