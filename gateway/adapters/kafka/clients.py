"""Consumers and producers of confluent_kafka, made with the callbacks that all of them need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from gateway.adapters.kafka.errors import source_error
from gateway.adapters.kafka.msk_iam import MskIam, region_of
from gateway.adapters.kafka.settings import (
    consumer_settings,
    kept_elsewhere,
    producer_settings,
)
from gateway.core.kafka.plan import Auth
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from confluent_kafka import TopicPartition

    from gateway.core.kafka.plan import KafkaPlan


_Client = TypeVar("_Client")


def make_consumer(
    plan: KafkaPlan,
    on_error: Callable[[KafkaError], None],
    on_commit: Callable[[KafkaError | None, Sequence[TopicPartition]], None],
) -> Consumer:
    """Make a consumer; it may take seconds, so not on the loop. Raises SourceError."""
    return _make(Consumer, plan, consumer_settings(plan) | {"on_commit": on_commit}, on_error)


def make_producer(plan: KafkaPlan, on_error: Callable[[KafkaError], None]) -> Producer:
    """Make a producer, likewise."""
    return _make(Producer, plan, producer_settings(plan), on_error)


def _make(
    kind: Callable[[dict[str, Any]], _Client],
    plan: KafkaPlan,
    settings: dict[str, Any],
    on_error: Callable[[KafkaError], None],
) -> _Client:
    if plan.auth is Auth.MSK_IAM:
        settings["oauth_cb"] = _tokens(plan)
    settings["error_cb"] = on_error
    try:
        return kind(settings)
    except (KafkaException, TypeError, ValueError) as error:
        refused = source_error(error, "settings")
        why = _without(refused.why, kept_elsewhere(plan, settings))
        raise SourceError(why, refused.code, refused.what_to_do) from None


def _without(why: str, values: Iterable[str]) -> str:
    """Leave values out of a text: librdkafka repeats some that it refuses."""
    for value in filter(None, values):
        why = why.replace(value, "...")
    return why


def _tokens(plan: KafkaPlan) -> Callable[[str], tuple[str, float]]:
    """Return what makes tokens; raises SourceError where there are no credentials by now.

    librdkafka waits ten seconds for a first token that fails, and then says nothing of the reason.
    """
    iam = MskIam(region_of(plan.brokers))
    iam.token()

    def token(config: str) -> tuple[str, float]:
        try:
            return iam.token(config)
        except SourceError as error:  # librdkafka asks again in ten seconds
            raise KafkaException(KafkaError(KafkaError._AUTHENTICATION, str(error))) from None  # noqa: SLF001 - a constant of the library

    return token
