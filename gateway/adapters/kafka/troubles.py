"""Why nothing comes: told once, and once more when it is over; in the consumer's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, TopicPartition

from gateway.adapters.kafka.errors import look_error, missing_topic, source_error
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Consumer, KafkaError

    from gateway.core.kafka.plan import KafkaPlan

OPEN_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 1.0
"""Between two looks whether it is over, and for the response to each."""

_PASSING: Final = frozenset({"_TRANSPORT", "_PARTITION_EOF", "_TIMED_OUT", "_WAIT_COORD"})
"""One connection of several, which librdkafka opens again."""

_OF_JOINING: Final = frozenset({"INCONSISTENT_GROUP_PROTOCOL", "UNSUPPORTED_ASSIGNOR"})
"""Over once the group assigns partitions: a look at the topic says nothing of it."""


class Troubles:
    """Tells `emit` of a trouble, and None when it is over."""

    def __init__(
        self,
        plan: KafkaPlan,
        emit: Callable[[SourceError | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._emit = emit
        self._clock = clock
        self._code = ""
        self._probe_at = 0.0

    def check(self, consumer: Consumer, within: float | None = None) -> None:
        """Raise SourceError where the topics or the group cannot be used."""
        seconds = OPEN_SECONDS if within is None else within
        for topic in (self._plan.topic, self._plan.parking):
            if topic is not None:
                self._check_topic(consumer, topic.name, seconds)
        self._check_group(consumer, seconds)

    def on_error(self, error: KafkaError, topic: str = "") -> None:
        """Take an error of the client or of a partition."""
        code = error.name()
        if code in _PASSING or code == self._code:
            return
        self._code = code
        self._probe_at = self._clock() + PROBE_SECONDS
        self._emit(source_error(error, self._about(topic)))

    def over(self) -> None:
        """Note that records come, or that the group has assigned partitions."""
        if self._code:
            self._code = ""
            self._emit(None)

    def probe(self, consumer: Consumer) -> None:
        """Look from time to time whether a trouble is over."""
        if not self._code or self._code in _OF_JOINING or self._clock() < self._probe_at:
            return
        try:
            self.check(consumer, PROBE_SECONDS)
        except (SourceError, KafkaException):
            self._probe_at = self._clock() + PROBE_SECONDS
        else:
            self.over()

    def _check_topic(self, consumer: Consumer, topic: str, seconds: float) -> None:
        try:
            found = consumer.list_topics(topic, timeout=seconds).topics.get(topic)
        except KafkaException as error:
            raise look_error(error, self._about(topic), self._plan) from None
        if found is None or not found.partitions:
            if found is not None and found.error and found.error.name() != "UNKNOWN_TOPIC_OR_PART":
                raise source_error(found.error, self._about(topic))
            raise missing_topic(topic, self._plan)

    def _about(self, topic: str) -> str:
        """Name a topic, but for the route's own, which the route names itself."""
        return f"topic {topic}" if topic and topic != self._plan.topic.name else ""

    def _check_group(self, consumer: Consumer, seconds: float) -> None:
        place = TopicPartition(self._plan.topic.name, 0)
        try:
            (found,) = consumer.committed([place], timeout=seconds)
        except KafkaException as error:
            raise source_error(error, f"group {self._plan.group}") from None
        if found.error:
            raise source_error(found.error, f"group {self._plan.group}")
