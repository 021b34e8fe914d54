"""The thread that one consumer lives in: it polls, and takes what came to the loop in batches.

librdkafka calls back while it is polled, so that nearly everything here runs in that thread; what
the loop asks for comes as commands. It goes on polling while nothing is to be fetched, since a
consumer that does not poll for `max.poll.interval.ms` loses its partitions.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaException

from gateway.adapters.kafka.assignment import Assignment
from gateway.adapters.kafka.clients import make_consumer
from gateway.adapters.kafka.errors import source_error
from gateway.adapters.kafka.received import records_of
from gateway.adapters.kafka.settings import Passwords
from gateway.adapters.kafka.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

    from gateway.adapters.kafka.listener import Listener, Part
    from gateway.core.kafka.plan import KafkaPlan
    from gateway.ports import SourceError

    Command = Callable[[Consumer], None]

BATCH: Final = 500
"""Records of one call: the interpreter lets a thread wait some milliseconds after each. With twice
as many they leave the core's cache before the loop takes them."""

IDLE_SECONDS: Final = 0.1
"""The longest that a command waits while nothing comes."""

BATCHES: Final = 4
"""The most that may be on their way to the loop, which may be busy with others."""

QUICK_SECONDS: Final = 0.005
"""The same while a partition is paused, and commands came within FOLLOWING_SECONDS: the next, a
commit or that it is read again, is what it waits for."""

FOLLOWING_SECONDS: Final = 0.5

HOLD_SECONDS: Final = 0.5
"""How long it does not poll while enough was fetched and no command comes; after that it pauses
what it has, since a pause drops what librdkafka has fetched ahead."""

LONGEST_HOLD_SECONDS: Final = 5.0
"""The same where commands do come: a rebalance waits for a poll, and behind what was fetched."""

LOOK_SECONDS: Final = 10.0


class ConsumerThread:
    """One consumer of the topics of a plan, in a thread of its own."""

    def __init__(
        self,
        plan: KafkaPlan,
        listener: Listener,
        call_soon: Callable[..., object],
        revoke_seconds: float,
    ) -> None:
        self._plan = plan
        self._listener = listener
        self._call_soon = call_soon
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="kafka consumer", daemon=True)
        self._room = threading.Semaphore(BATCHES)
        self._stopping = False
        self._enough = False
        self._held = False
        self._hold_at = 0.0
        self._quick_until = 0.0
        self._troubles = Troubles(plan, lambda trouble: self._emit(listener.trouble, trouble))
        self._assignment = Assignment(plan, listener, self._emit, revoke_seconds)
        self._opened: Callable[[SourceError | None], None] = lambda _: None

    def start(self, opened: Callable[[SourceError | None], None]) -> None:
        """Make the consumer and join the group; `opened` is called on the loop, with an error."""
        self._opened = opened
        self._thread.start()

    # ---- commands of the loop -------------------------------------------------------------

    def commit(self, offsets: Mapping[Part, tuple[int, int]]) -> None:
        """Commit (generation, offset) of partitions, without waiting."""
        self._commands.put(lambda consumer: self._assignment.commit(consumer, offsets))

    def pause(self, part: Part) -> None:
        """Fetch no more of a partition."""
        self._commands.put(lambda consumer: self._assignment.pause(consumer, part))

    def resume(self, part: Part) -> None:
        """Fetch more of a partition."""
        self._commands.put(lambda consumer: self._assignment.resume(consumer, part))

    def hold(self, *, enough: bool) -> None:
        """Say whether enough of all partitions was fetched."""
        self._commands.put(lambda _: self._set_enough(enough=enough))

    def taken(self) -> None:
        """Say that the loop has taken a batch."""
        self._room.release()

    def stop(self, offsets: Mapping[Part, int]) -> None:
        """Commit these offsets, leave the group and end."""
        self._commands.put(lambda consumer: self._stop(consumer, offsets))

    def join(self, seconds: float) -> None:
        """Return once the thread has ended, or the time is over; not for the loop."""
        self._thread.join(seconds)

    # ---- the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            consumer = make_consumer(
                self._plan, self._troubles.on_error, self._assignment.on_commit
            )
        except Exception as error:  # noqa: BLE001 - the library's and the SDK's, as a sentence
            self._emit(self._opened, source_error(error))
            return
        try:
            self._open(consumer)
        except Exception as error:  # noqa: BLE001 - as above
            self._emit(self._opened, source_error(error))
        else:
            self._emit(self._opened, None)
            try:
                self._work(consumer)
            except Exception as error:  # noqa: BLE001 - as above
                self._emit(self._listener.ended, source_error(error))
        finally:
            self._assignment.closing = True
            consumer.close()

    def _open(self, consumer: Consumer) -> None:
        self._troubles.check(consumer)
        assignment = self._assignment
        topics = [each.name for each in (self._plan.topic, self._plan.parking) if each is not None]
        consumer.subscribe(
            topics,
            on_assign=self._on_assign,
            on_revoke=assignment.on_revoke,
            on_lost=assignment.on_lost,
        )

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignment.on_assign(consumer, partitions)
        self._troubles.over()

    def _work(self, consumer: Consumer) -> None:
        passwords, polls = Passwords(self._plan), 0
        while not self._stopping:
            self._run_commands(consumer)
            if self._stopping:
                return
            if self._enough and not self._held:
                self._wait(consumer)
            else:
                self._poll(consumer)
            self._troubles.probe(consumer)
            polls += 1
            if polls % int(LOOK_SECONDS / IDLE_SECONDS) == 0 and (found := passwords.changed()):
                consumer.set_sasl_credentials(*found)

    def _run_commands(self, consumer: Consumer) -> None:
        while True:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return
            command(consumer)
            self._quick_until = time.monotonic() + FOLLOWING_SECONDS

    def _wait(self, consumer: Consumer) -> None:
        """Wait for a command; when none comes, or too long, hold all partitions and poll on."""
        left = self._hold_at - time.monotonic()
        if left > 0:
            with suppress(Empty):
                self._commands.get(timeout=min(HOLD_SECONDS, left))(consumer)
                return
        self._held = True
        self._assignment.hold(consumer)

    def _set_enough(self, *, enough: bool) -> None:
        self._enough = enough
        self._hold_at = time.monotonic() + LONGEST_HOLD_SECONDS

    def _poll(self, consumer: Consumer) -> None:
        if self._held and not self._enough:
            self._held = False
            self._assignment.let_go(consumer)
        if not self._room.acquire(timeout=IDLE_SECONDS):
            return
        messages = consumer.consume(BATCH, 0) or _one(consumer.poll(self._patience()))
        found = records_of(messages, partial(self._failed, consumer))
        if found:
            self._assignment.handed(found)
            self._troubles.over()
            self._emit(self._listener.records, found)
        else:
            self._room.release()

    def _patience(self) -> float:
        quick = self._assignment.has_paused and time.monotonic() < self._quick_until
        return QUICK_SECONDS if quick else IDLE_SECONDS

    def _failed(self, consumer: Consumer, message: Message, error: KafkaError) -> None:
        if error.name() == "_AUTO_OFFSET_RESET":
            self._assignment.reset(consumer, message, error)
        elif error.fatal():
            raise KafkaException(error)
        else:
            self._troubles.on_error(error, message.topic() or "")

    def _stop(self, consumer: Consumer, offsets: Mapping[Part, int]) -> None:
        self._stopping = True
        self._assignment.commit_now(consumer, offsets)

    def _emit(self, call: Callable[..., object], *arguments: Any) -> None:
        try:
            self._call_soon(call, *arguments)
        except RuntimeError:  # the loop has ended: there is nothing left to do
            return


def _one(message: Message | None) -> list[Message]:
    return [] if message is None else [message]
