"""The producer of a cluster, which all routes with the same settings share.

A thread serves its callbacks, and takes what they say to the loop in batches.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from gateway.adapters.kafka.clients import make_producer
from gateway.adapters.kafka.errors import look_error, missing_topic, source_error
from gateway.adapters.kafka.settings import Passwords, cluster_key
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Producer

    from gateway.core.kafka.plan import KafkaPlan

    Done = Callable[[KafkaError | None], None]
    Headers = Sequence[tuple[str, bytes | None]]

POLL_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 10.0
FLUSH_SECONDS: Final = 10.0
"""The longest that a producer waits at its end for what it still has."""

PROBE_SECONDS: Final = 1.0
_DOWN: Final = frozenset({"_ALL_BROKERS_DOWN", "_AUTHENTICATION", "_RESOLVE"})


class KafkaProducer:
    """An idempotent producer that waits for all replicas in sync.

    Made by :meth:`open`, off the loop. `down` says why no broker is reached, None while one is.
    """

    def __init__(self, plan: KafkaPlan) -> None:
        self.down: str | None = None
        self.users = 0
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._producer: Producer | None = None
        self._thread: threading.Thread | None = None
        self._opening = asyncio.Lock()
        self._reopening: asyncio.Task[None] | None = None
        self._closing = threading.Event()
        self._done: list[tuple[Done, KafkaError | None]] = []

    async def open(self) -> None:
        """Make the client, the first time, and after a fatal error; raises SourceError."""
        async with self._opening:
            if self._producer is None:
                self._producer = await asyncio.to_thread(make_producer, self._plan, self._on_error)
                self._thread = threading.Thread(
                    target=self._serve, args=(self._producer,), name="kafka producer", daemon=True
                )
                self._thread.start()

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, done: Done
    ) -> None:
        """Send a record; `done` is called on the loop, with None once all replicas have it.

        Raises KafkaException where it is refused at once, BufferError where too many wait. After a
        fatal error it is refused, and a new client is made for the next one.
        """
        if self._producer is None:
            self._reopen()
            raise KafkaException(KafkaError(KafkaError._STATE, "it is not open"))  # noqa: SLF001 - a constant of the library
        self._producer.produce(
            topic,
            value=value,
            key=key,
            headers=list(headers),
            on_delivery=lambda error, _message: self._delivered(done, error),
        )

    async def confirmed(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """Send a record and return once all replicas have it; raises SourceError."""
        await self.open()
        confirmation = self._loop.create_future()

        def done(error: KafkaError | None) -> None:
            if not confirmation.done():
                confirmation.set_result(error)

        try:
            self.send(topic, key, value, headers, done)
        except (KafkaException, BufferError) as error:
            raise source_error(error, f"topic {topic}") from None
        if (refused := await confirmation) is not None:
            raise source_error(refused, f"topic {topic}")

    async def find(self, topic: str) -> None:
        """Raise SourceError where the topic is not there or no broker is reached."""
        await self.open()
        await asyncio.to_thread(self._find, topic)

    async def close(self) -> None:
        """Send what waits, for some seconds, and end."""
        self._closing.set()
        if self._reopening is not None:
            self._reopening.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _reopen(self) -> None:
        if self._closing.is_set() or (self._reopening and not self._reopening.done()):
            return
        opening = self._try_to_open()
        self._reopening = self._loop.create_task(opening, name="make a kafka producer anew")

    async def _try_to_open(self) -> None:
        with suppress(SourceError):  # the next record tries it again
            await self.open()

    # ---- the producer's thread ------------------------------------------------------------

    def _serve(self, producer: Producer) -> None:
        passwords, look_in = Passwords(self._plan), LOOK_SECONDS
        while not self._closing.is_set() and producer is self._producer:
            producer.poll(POLL_SECONDS)
            self._report()
            look_in -= POLL_SECONDS
            if look_in <= 0:
                look_in = LOOK_SECONDS
                if (changed := passwords.changed()) is not None:
                    producer.set_sasl_credentials(*changed)
            if self.down is not None:
                self._probe(producer)
        producer.flush(FLUSH_SECONDS)
        producer.purge()
        producer.poll(0)
        self._report()

    def _report(self) -> None:
        if self._done:
            done, self._done = self._done, []
            self._call_soon(_call_all, done)

    def _delivered(self, done: Done, error: KafkaError | None) -> None:
        self._done.append((done, error))
        if error is None:
            self.down = None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._call_soon(self._replace)
        elif error.name() in _DOWN:
            self.down = str(source_error(error))

    def _probe(self, producer: Producer) -> None:
        try:
            producer.list_topics(self._plan.topic.name, timeout=PROBE_SECONDS)
        except KafkaException:
            return
        self.down = None

    def _find(self, topic: str) -> None:
        """Look with a consumer's eyes: a producer's look may create the topic."""
        producer = self._producer
        if producer is None:
            raise SourceError("the producer has ended")
        try:
            topics = producer.list_topics(timeout=FLUSH_SECONDS).topics
        except KafkaException as error:
            raise look_error(error, f"topic {topic}", self._plan) from None
        if topic not in topics:
            raise missing_topic(topic, self._plan)
        if (refused := topics[topic].error) is not None:
            raise source_error(refused, f"topic {topic}")

    def _replace(self) -> None:
        """Let a new client be made for the next record: a fatal error ends the present one."""
        self._producer = None

    def _call_soon(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop has ended: there is nothing left to do
            return


def _call_all(done: list[tuple[Done, KafkaError | None]]) -> None:
    for call, error in done:
        call(error)


class Producers:
    """The producers of a process, one for each cluster and its settings.

    The locks of `joining` are held by members, by topic and group: a route that replaces another
    joins once that has left, since else the group may assign nothing to it.
    """

    def __init__(self) -> None:
        self.joining: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._producers: dict[tuple[object, ...], KafkaProducer] = {}

    def acquire(self, plan: KafkaPlan) -> KafkaProducer:
        """Return the producer for the plan; each user releases it once."""
        producer = self._producers.setdefault(cluster_key(plan), KafkaProducer(plan))
        producer.users += 1
        return producer

    async def release(self, plan: KafkaPlan) -> None:
        """End the producer with its last user."""
        key = cluster_key(plan)
        producer = self._producers[key]
        producer.users -= 1
        if not producer.users:
            del self._producers[key]
            await producer.close()
