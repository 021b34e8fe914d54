"""What a record that was not produced is as the result of a delivery, and as an error."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from gateway.adapters.kafka.errors import missing_topic, source_error
from gateway.adapters.kafka.produce_results import is_lost, result_of
from gateway.core.delivery.disposition import Refused, Throttled, Unconfirmed, Unreachable
from tests.unit.adapters.kafka.test_kafka_settings import plan


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, Refused),
        (KafkaError.INVALID_RECORD, Refused),
        (KafkaError.INVALID_TIMESTAMP, Refused),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, Unreachable),
        (KafkaError._UNKNOWN_TOPIC, Unreachable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Unreachable),
        (KafkaError.NOT_ENOUGH_REPLICAS, Unreachable),
        (KafkaError._ALL_BROKERS_DOWN, Unreachable),
        (KafkaError._AUTHENTICATION, Unreachable),
        (KafkaError.THROTTLING_QUOTA_EXCEEDED, Throttled),
        (KafkaError._MSG_TIMED_OUT, Unconfirmed),
        (KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, Unconfirmed),
        (KafkaError.REQUEST_TIMED_OUT, Unconfirmed),
    ],
)
def test_each_error_has_its_result(code: int, kind: type) -> None:
    for error in (KafkaError(code), KafkaException(KafkaError(code))):
        assert type(result_of(error, "orders.b1")) is kind


def test_a_refused_record_says_the_broker_s_code() -> None:
    refused = result_of(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), "orders.b1")
    assert isinstance(refused, Refused)
    assert refused.code == "MSG_SIZE_TOO_LARGE"


def test_a_full_queue_of_the_client_is_unreachable() -> None:
    assert isinstance(result_of(BufferError("full"), "orders.b1"), Unreachable)


def test_a_topic_that_is_gone_is_to_be_looked_for() -> None:
    assert is_lost(KafkaError(KafkaError._UNKNOWN_TOPIC))
    assert not is_lost(KafkaError(KafkaError._MSG_TIMED_OUT))
    assert not is_lost(BufferError("full"))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "ACLs"),
        (KafkaError._ALL_BROKERS_DOWN, "`brokers`"),
        (KafkaError._AUTHENTICATION, "credentials"),
        (KafkaError.INCONSISTENT_GROUP_PROTOCOL, "stop the group's other consumers"),
    ],
)
def test_an_error_says_what_is_wrong_where_and_what_to_do(code: int, advice: str) -> None:
    error = source_error(KafkaError(code), "group orders")
    assert str(error).startswith("group orders: ")
    assert error.code in str(error)
    assert advice in error.what_to_do


def test_a_missing_topic_names_the_cluster() -> None:
    assert "k1:9092, k2:9092 has no topic orders.dead" in str(missing_topic("orders.dead", plan()))
