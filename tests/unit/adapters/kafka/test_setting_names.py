"""Which settings librdkafka knows, and what a routing file with others is told."""

from __future__ import annotations

import sys

import pytest
from confluent_kafka import KafkaException, Producer

from gateway.adapters.kafka.setting_names import KNOWN, SettingNames
from gateway.config import loader
from gateway.config.problems.problem import Problem, ProblemsFound

ROUTES = """routes:
  - name: orders
    kafka:
      brokers: ["kafka:9092"]
      topic: orders
      group: orders
      start: earliest
      settings:
        session.timeout.ms: 6000
        %s
    versions: {stable: "http://b.shop:8080/events"}
    reject: block
"""


def the_problem(line: str) -> Problem:
    """Return the one problem of a file with this line among its settings."""
    with pytest.raises(ProblemsFound) as found:
        loader.load((ROUTES % line).encode(), "routes.yaml", SettingNames)
    (problem,) = found.value.problems
    return problem


def test_each_name_that_may_be_suggested_is_one_that_librdkafka_knows() -> None:
    assert [name for name in KNOWN if not SettingNames().knows(name)] == []


@pytest.mark.parametrize("name", ["no.such.setting", "error_cb", "dr_cb", "opaque"])
def test_unknown_names_and_callbacks_are_known_as_such(name: str) -> None:
    assert not SettingNames().knows(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sasl.user.name", "did you mean sasl.username?"), ("zzz", "see librdkafka's")],
)
def test_a_setting_that_librdkafka_does_not_know_is_a_problem_with_its_line(
    name: str, hint: str
) -> None:
    problem = the_problem(f"{name}: x")
    assert problem.line == 10
    assert "is no setting of librdkafka" in str(problem)
    assert hint in str(problem)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("fetch.queue.backoff.ms: soon", "see librdkafka's list of its settings"),
        ("fetch.queue.backoff.ms: -5", "it takes 0 to 300000"),
        ("security.protocol: SASL-SSL", "it takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        ("enable.ssl.certificate.verification: perhaps", "see librdkafka's"),
        ("partitioner: murmur", "see librdkafka's"),
        ("socket.timeout.ms: 30s", "it takes a number, without a unit"),
        ("connections.max.idle.ms: '1e6'", "it takes a number, without a unit"),
        ("linger.ms: 5 ms", "it takes a number, without a unit"),
        ("queue.buffering.max.kbytes: 16MiB", "it takes a number, without a unit"),
        ("socket.timeout.ms: 1.0e+30", "it takes 10 to 300000"),
    ],
)
def test_a_value_that_librdkafka_refuses_is_a_problem_that_does_not_repeat_it(
    line: str, hint: str
) -> None:
    problem = the_problem(line)
    name, value = line.split(": ")
    assert problem.line == 10
    assert name in problem.place
    assert "has a value that librdkafka refuses" in str(problem)
    assert hint in str(problem)
    assert value not in str(problem).replace(name, "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sasl.jaas.config", "write `sasl.username` and `sasl.password`"),
        ("ssl.truststore.location", "write `ssl.ca.location`"),
        ("value.deserializer", "records are passed on as they are"),
    ],
)
def test_a_setting_of_javas_clients_is_a_problem_that_says_what_it_is_here(
    name: str, hint: str
) -> None:
    problem = the_problem(f"{name}: x")
    assert "is a setting of Java's clients" in str(problem)
    assert hint in str(problem)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_the_mechanisms_that_are_suggested_make_a_client(mechanism: str) -> None:
    """Of others `check` says so itself: librdkafka does when a client is made, and not before."""
    loader.load((ROUTES % f"sasl.mechanism: {mechanism}").encode(), "routes.yaml", SettingNames)
    for name in (mechanism, f"{mechanism}-X"):
        settings = {"security.protocol": "SASL_SSL", "sasl.mechanism": name, "log_level": 0}
        secrets = {"sasl.username": "u", "sasl.password": "p"}
        if name == mechanism:
            Producer({**settings, **secrets, "bootstrap.servers": "127.0.0.1:1"})
            continue
        with pytest.raises(KafkaException, match="Unsupported"):
            Producer({**settings, **secrets})


@pytest.mark.parametrize(
    "line",
    [
        "fetch.queue.backoff.ms: 5",
        "linger.ms: 0.5",
        "socket.timeout.ms: '30000'",
        "socket.timeout.ms: 0x1000",
        "client.id: 30s",
        "enable.ssl.certificate.verification: false",
        "ssl.ca.location: /no/such/file",
        "sasl.mechanism: SCRAM-SHA-512",
        "sasl.password: {env: PASSWORD}",
        "plugin.library.paths: /no/such/library",
        "debug: 'consumer,cgrp'",
    ],
)
def test_other_values_are_taken_and_no_file_is_opened(line: str) -> None:
    loader.load((ROUTES % line).encode(), "routes.yaml", SettingNames)


@pytest.mark.parametrize("value", ["[secret]", "null", '"secret\\0"', ".nan", "-.inf"])
def test_what_is_no_value_is_one_problem_that_does_not_repeat_it(value: str) -> None:
    problem = the_problem(f"sasl.password: {value}")
    assert problem.line == 10
    assert "secret" not in str(problem)


def test_a_number_is_written_as_librdkafka_reads_it() -> None:
    """Of 7.65432e+06 it would read the 7."""
    values = {"765432.25": "765432.25", "1.0e+3": "1000", "0.5": "0.5", "7654321.0": "7654321"}
    for written, wanted in values.items():
        text = (ROUTES % f"socket.receive.buffer.bytes: {written}").encode()
        table = loader.load(text, "routes.yaml", SettingNames)
        (route,) = table.routes
        assert route.kafka is not None
        assert route.kafka.settings["socket.receive.buffer.bytes"] == wanted


@pytest.mark.parametrize("name", ["group.id", "Upper.Case"])
def test_a_name_that_is_a_problem_already_is_one_problem(name: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        loader.load((ROUTES % f"{name}: x").encode(), "routes.yaml", SettingNames)
    assert len(found.value.problems) == 1


def test_without_the_library_no_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert SettingNames().knows("no.such.setting")
    assert SettingNames().refuses("linger.ms", "soon") is None
