"""A target that is a Kafka topic: a delivery is a record that all replicas in sync confirm.

Task tree of one target, under the task group of its owner:

    target -> watch: opens the producer and looks for the topic, again while it is missing
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from gateway.adapters.kafka.produce_results import is_lost, result_of
from gateway.adapters.kafka.topic_sending import TopicSender
from gateway.aiokit.backoff import exponential_backoff
from gateway.aiokit.idle import IdleCounter
from gateway.core.delivery.disposition import Accepted, Unreachable
from gateway.core.events import RouteWarned
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError

    from gateway.adapters.kafka.producer import Producers
    from gateway.adapters.kafka.topic_sending import TopicSending
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.events import Event
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.core.messages.record import Headers, Record
    from gateway.core.routing.version import Version

FIRST_BACKOFF_SECONDS: Final = 1.0
LAST_BACKOFF_SECONDS: Final = 30.0
_ACCEPTED: Final = Accepted()


class TopicTarget:
    """A Target over one topic; nothing is sent before :meth:`run` has found it."""

    def __init__(
        self,
        version: Version,
        plan: KafkaPlan,
        producers: Producers,
        route: str,
        observe: Callable[[Event], None],
    ) -> None:
        if version.topic is None:
            raise ValueError(f"version {version.name} has no topic")
        self._topic = version.topic.name
        self._plan = plan
        self._producers = producers
        self._producer = producers.acquire(plan)
        self._about = f"version {version.name}: "
        self._route = route
        self._observe = observe
        self._under_way = IdleCounter()
        self._missing = f"topic {self._topic} is not looked up yet"
        self._lost = asyncio.Event()
        self._closed = asyncio.Event()
        self._early: list[tuple[TopicSending, Record, Headers]] = []
        self._looked = False

    async def run(self) -> None:
        """Look for the topic and send to it, until closed and nothing is under way any more."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name=f"watch topic {self._topic}")
            await self._closed.wait()
            await self._under_way.wait()
            watching.cancel()
        await self._producers.release(self._plan)

    def bind(self, plan: DeliveryPlan) -> TopicSender:
        """Return what sends the messages of a plan."""
        return TopicSender(self, plan)

    async def close(self) -> None:
        """End :meth:`run` once what is under way is done."""
        self._closed.set()

    def send(self, sending: TopicSending, record: Record, headers: Headers) -> None:
        """Send a record; before the first look is over it waits for that."""
        self._under_way.count += 1
        if self._looked:
            self._send(sending, record, headers)
        else:
            self._early.append((sending, record, headers))

    # ---- one record -----------------------------------------------------------------------

    def _send(self, sending: TopicSending, record: Record, headers: Headers) -> None:
        down = self._producer.down
        why = self._missing or (f"topic {self._topic}: {down}" if down else "")
        if sending.ended or why:
            asyncio.get_running_loop().call_soon(self._end, sending, Unreachable(why))
            return
        done = partial(self._done, sending)
        try:
            self._producer.send(self._topic, record.key, record.value, headers, done)
        except (KafkaException, BufferError) as error:
            asyncio.get_running_loop().call_soon(self._failed, sending, error)

    def _done(self, sending: TopicSending, error: KafkaError | None) -> None:
        if error is None:
            self._end(sending, _ACCEPTED)
        else:
            self._failed(sending, error)

    def _failed(self, sending: TopicSending, error: KafkaError | Exception) -> None:
        result = result_of(error, self._topic)
        if isinstance(result, Unreachable) and is_lost(error) and not self._missing:
            self._missing = result.why
            self._lost.set()
        self._end(sending, result)

    def _end(self, sending: TopicSending, result: DeliveryResult) -> None:
        self._under_way.count -= 1
        if self._under_way.awaited and not self._under_way.count:
            self._under_way.notify()
        sending.end(result)

    # ---- the topic ------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Look for the topic until it is there, and again once it is lost."""
        failures = 0
        while True:
            self._lost.clear()
            try:
                await self._producer.find(self._topic)
            except SourceError as error:
                self._missing = str(error)
                if not failures:
                    self._observe(
                        RouteWarned(self._route, f"{self._about}{error.why}", error.what_to_do)
                    )
                failures += 1
            else:
                self._missing, failures = "", 0
            self._begin()
            wait = exponential_backoff(FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS, failures)
            try:
                await asyncio.wait_for(self._lost.wait(), wait if failures else None)
            except TimeoutError:
                continue

    def _begin(self) -> None:
        """Send what came before the first look was over."""
        self._looked = True
        early, self._early = self._early, []
        for each in early:
            self._send(*each)
