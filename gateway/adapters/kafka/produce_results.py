"""What a record that was not produced is as the result of a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.kafka.errors import kafka_error, source_error
from gateway.core.delivery.disposition import (
    Refused,
    Throttled,
    Unconfirmed,
    Unreachable,
)

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

    from gateway.core.delivery.disposition import DeliveryResult

_REFUSED: Final = frozenset(
    {
        *("MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_MSG", "INVALID_TIMESTAMP"),
        *("RECORD_LIST_TOO_LARGE", "INVALID_MSG_SIZE", "UNSUPPORTED_FOR_MESSAGE_FORMAT"),
    }
)
"""The record itself is what is wrong: the same record would be refused again."""

_MISSING: Final = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"})
_UNREACHABLE: Final = _MISSING | {
    *("TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "TOPIC_EXCEPTION"),
    *("_ALL_BROKERS_DOWN", "_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "_STATE"),
    *("NOT_ENOUGH_REPLICAS", "_PURGE_QUEUE", "_QUEUE_FULL"),
}
_THROTTLED: Final = frozenset({"THROTTLING_QUOTA_EXCEEDED"})


def is_lost(error: KafkaError | Exception) -> bool:
    """Whether the topic, or the client, is not there any more: both are to be looked for."""
    kafka = kafka_error(error)
    return kafka is not None and (kafka.name() in _MISSING or kafka.name() == "_STATE")


def result_of(error: KafkaError | Exception, topic: str) -> DeliveryResult:
    """Return the result of a record that failed."""
    about = source_error(error, f"topic {topic}")
    kafka = kafka_error(error)
    if isinstance(error, BufferError):
        return Unreachable(f"topic {topic}: too many records wait for the brokers")
    if kafka is None:
        return Unconfirmed(str(about))
    name = kafka.name()
    if name in _REFUSED:
        return Refused(name, kafka.str())
    if name in _THROTTLED:
        return Throttled(about.why)
    return Unreachable(str(about)) if name in _UNREACHABLE else Unconfirmed(about.why)
