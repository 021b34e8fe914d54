"""librdkafka's settings for a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer

from gateway.adapters.kafka.clients import make_consumer, make_producer
from gateway.adapters.kafka.settings import (
    Passwords,
    cluster_key,
    consumer_settings,
    producer_settings,
)
from gateway.config.checks.sources import kafka_available
from gateway.core.kafka.plan import (
    OWNED_SETTINGS,
    Auth,
    KafkaPlan,
    Protocol,
    SettingEnv,
    SettingFile,
    Start,
    TopicAddress,
)
from gateway.ports import SourceError

if TYPE_CHECKING:
    from pathlib import Path


def plan(settings: Any = None, **rest: Any) -> KafkaPlan:
    names = {"group": "orders", "start": Start.EARLIEST, **rest}
    return KafkaPlan(
        ("k1:9092", "k2:9092"), TopicAddress("orders"), settings=settings or {}, **names
    )


def test_librdkafka_takes_what_is_made() -> None:
    for protocol in Protocol:
        Consumer(consumer_settings(plan(protocol=protocol))).close()
    Producer(producer_settings(plan()))


def test_the_consumer_fetches_on_without_waiting_a_second_once_enough_is_fetched_ahead() -> None:
    """With the library's own 1000 ms and so small a prefetch, 147,000 records/s become 6,500."""
    settings = consumer_settings(plan())
    assert settings["fetch.queue.backoff.ms"] == "5"
    assert settings["queued.max.messages.kbytes"] == "16384"
    assert settings["queued.min.messages"] == "10000"


def test_the_file_wins_over_defaults_and_the_gateway_over_the_file() -> None:
    given = dict.fromkeys(OWNED_SETTINGS, "mine") | {"fetch.queue.backoff.ms": "7"}
    settings = consumer_settings(plan({**given, "metadata.broker.list": "x:1"}))
    assert settings["fetch.queue.backoff.ms"] == "7"
    assert settings["bootstrap.servers"] == "k1:9092,k2:9092"
    assert settings["enable.auto.commit"] == "false"
    assert settings["isolation.level"] == "read_committed"
    assert settings["auto.offset.reset"] == "error"
    assert "mine" not in settings.values()
    assert "x:1" not in settings.values()


def test_classic_is_cooperative_sticky_and_kip_848_has_no_strategy_of_the_client() -> None:
    classic = consumer_settings(plan())
    assert classic["partition.assignment.strategy"] == "cooperative-sticky"
    assert classic["group.protocol"] == "classic"
    consumer = consumer_settings(plan(protocol=Protocol.CONSUMER))
    assert consumer["group.protocol"] == "consumer"
    assert "partition.assignment.strategy" not in consumer


def test_a_producer_waits_for_all_replicas_and_keeps_keys_where_java_puts_them() -> None:
    settings = producer_settings(plan({"acks": "1", "request.required.acks": "0"}))
    assert settings["acks"] == "all"
    assert settings["enable.idempotence"] == "true"
    assert settings["partitioner"] == "murmur2_random"
    assert "request.required.acks" not in settings


def test_settings_of_one_client_are_not_given_to_the_other() -> None:
    given = {"session.timeout.ms": "9000", "linger.ms": "1", "security.protocol": "SSL"}
    consumer, producer = consumer_settings(plan(given)), producer_settings(plan(given))
    assert ("linger.ms" in consumer, producer["linger.ms"]) == (False, "1")
    assert ("session.timeout.ms" in producer, consumer["session.timeout.ms"]) == (False, "9000")
    assert consumer["security.protocol"] == producer["security.protocol"] == "SSL"


def test_a_delivery_timeout_of_the_file_is_in_force() -> None:
    assert "message.timeout.ms" not in producer_settings(plan({"delivery.timeout.ms": "9000"}))


def test_msk_iam_is_oauthbearer_over_tls() -> None:
    settings = consumer_settings(plan(auth=Auth.MSK_IAM))
    assert settings["security.protocol"] == "SASL_SSL"
    assert settings["sasl.mechanisms"] == "OAUTHBEARER"


def test_a_secret_comes_from_its_file_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("se cret\r\n")
    made = consumer_settings(plan({"sasl.password": SettingFile(str(file))}))
    assert made["sasl.password"] == "se cret"


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named_and_its_content_is_not(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError) as refused:
        consumer_settings(plan({"sasl.password": SettingFile(str(file))}))
    assert "sasl.password" in str(refused.value)
    assert str(file) in str(refused.value)
    assert "xff" not in str(refused.value)


@pytest.mark.parametrize("name", ["security.protocol", "debug"])
def test_what_librdkafka_refuses_of_a_file_is_in_no_error(tmp_path: Path, name: str) -> None:
    """It repeats values that should be one of a few: the wrong file may be a password's."""
    file = tmp_path / "password"
    file.write_text("se-cret")
    for make in (make_producer, lambda plan, on_error: make_consumer(plan, on_error, print)):
        with pytest.raises(SourceError) as refused:
            make(plan({name: SettingFile(str(file))}), print)
        assert name in str(refused.value)
        assert "se-cret" not in str(refused.value)


def test_a_setting_may_be_in_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"sasl.password": SettingEnv("KAFKA_PASSWORD")}
    monkeypatch.setenv("KAFKA_PASSWORD", "se cret")
    assert consumer_settings(plan(given))["sasl.password"] == "se cret"
    monkeypatch.delenv("KAFKA_PASSWORD")
    with pytest.raises(SourceError, match=r"sasl\.password.*KAFKA_PASSWORD.*set it"):
        consumer_settings(plan(given))


def test_a_password_that_changes_is_found_once(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old")
    passwords = Passwords(
        plan({"sasl.username": "gateway", "sasl.password": SettingFile(str(file))})
    )
    assert passwords.changed() is None
    file.unlink()
    assert passwords.changed() is None
    file.write_text("new\n")
    assert passwords.changed() == ("gateway", "new")
    assert passwords.changed() is None


def test_passwords_in_the_routing_file_are_not_looked_for() -> None:
    assert Passwords(plan({"sasl.username": "a", "sasl.password": "b"})).changed() is None


def test_routes_of_one_cluster_and_other_groups_share_a_producer() -> None:
    assert cluster_key(plan(group="a")) == cluster_key(plan(group="b"))
    assert cluster_key(plan()) != cluster_key(plan({"linger.ms": "1"}))
    assert cluster_key(plan()) != cluster_key(plan(auth=Auth.MSK_IAM))


def test_the_extra_is_there() -> None:
    assert kafka_available()
