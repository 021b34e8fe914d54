"""Routes that read topics: KEDA's triggers, the way to the brokers, the notes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.core.kafka.msk import region_in
from tests.chart.notes import notes
from tests.chart.rendering import GATEWAY_CHART, refusal, render

if TYPE_CHECKING:
    from pathlib import Path

VALUES: Final = GATEWAY_CHART / "ci" / "kafka-values.yaml"
MSK: Final = "b-1.shop.abc123.c2.kafka.us-east-2.amazonaws.com:9098"


def _written(folder: Path, broker: str = "kafka:9092", **kafka: Any) -> Path:
    topic = {"brokers": [broker], "topic": "orders", "group": "b", "start": "latest", **kafka}
    route = {"name": "r", "kafka": topic, "versions": {"stable": "http://b/"}, "reject": "block"}
    path = folder / "values.yaml"
    path.write_text(json.dumps({"routes": [route], "keda": {"enabled": True}}))
    return path


def _triggers(*arguments: Any, **more: Any) -> dict[str, dict[str, Any]]:
    objects = render(GATEWAY_CHART, *arguments, **more)
    (scaled,) = (each for each in objects if each["kind"] == "ScaledObject")
    return {each["name"]: each for each in scaled["spec"]["triggers"]}


def test_a_topic_has_keda_s_kafka_trigger_and_a_queue_its_own() -> None:
    """https://keda.sh/docs/latest/scalers/apache-kafka/: texts all of them."""
    found = _triggers(VALUES)
    assert {name: each["type"] for name, each in found.items()} == {
        "orders": "kafka",
        "payments": "kafka",
        "bills": "aws-sqs-queue",
    }
    assert found["orders"]["metadata"] == {
        "bootstrapServers": "kafka-0.kafka.streams:9093,kafka-1.kafka.streams:9093",
        "consumerGroup": "orders-b",
        "topic": "shop.orders",
        "lagThreshold": "20000",
        "activationLagThreshold": "100",
        "offsetResetPolicy": "earliest",
    }
    assert found["orders"]["authenticationRef"] == {"name": "kafka-for-keda"}


def test_keda_gets_tokens_for_msk_by_the_identity_of_the_queues() -> None:
    found = _triggers(VALUES)["payments"]
    metadata = found["metadata"]
    assert metadata["saslTokenProvider"] == "aws_msk_iam"
    assert metadata["awsRegion"] == "eu-central-1"
    (made,) = (
        one for one in render(GATEWAY_CHART, VALUES) if one["kind"] == "TriggerAuthentication"
    )
    assert found["authenticationRef"]["name"] == made["metadata"]["name"]


@pytest.mark.parametrize("broker", [MSK, "boot-x.kafka-serverless.us-east-2.amazonaws.com:9098"])
def test_the_region_of_a_cluster_is_what_the_gateway_finds(broker: str, tmp_path: Path) -> None:
    file = _written(tmp_path, broker, auth="msk-iam")
    assert _triggers(file)["r"]["metadata"]["awsRegion"] == region_in([broker])


def test_a_plain_cluster_needs_no_authentication(tmp_path: Path) -> None:
    assert "authenticationRef" not in _triggers(_written(tmp_path))["r"]


@pytest.mark.parametrize(
    ("kafka", "words"),
    [
        ({"settings": {"security.protocol": "SASL_SSL"}}, "KEDA needs the credentials of topic"),
        (
            {"auth": "msk-iam"},
            "KEDA needs the region of the cluster of topic orders (set aws.region",
        ),
    ],
)
def test_what_keda_could_not_ask_is_refused(
    kafka: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert f"routes[0].kafka: {words}" in refusal(GATEWAY_CHART, _written(tmp_path, **kafka))


@pytest.mark.parametrize(
    ("threshold", "replicas", "warnings"), [(5000, 2, 1), (5001, 2, 0), (10000, 1, 1)]
)
def test_the_notes_warn_of_a_threshold_within_what_the_gateway_holds(
    threshold: int, replicas: int, warnings: int, tmp_path: Path
) -> None:
    """The lag that KEDA sees has the records in memory: 10,000 of a partition by default."""
    sets = [f"keda.kafka.lagThreshold={threshold}", f"keda.minReplicaCount={replicas}"]
    found = notes(sets, _written(tmp_path))
    assert found.count("lagThreshold is low for route r (max_behind: 10000)") == warnings


def test_the_notes_name_topics_and_the_image_that_they_need(tmp_path: Path) -> None:
    found = notes((), _written(tmp_path))
    assert "- topic orders in group b (route r)" in found
    assert "EXTRAS=kafka" in found
    assert "EXTRAS=kafka" not in notes((), VALUES)
    assert "payments.b1 (version canary of route payments)" in notes((), VALUES)


@pytest.mark.parametrize(
    ("broker", "namespace"),
    [
        ("kafka.streams:9092", "streams"),
        ("kafka-0.kafka.streams:9092", "streams"),
        ("kafka.streams.svc:9092", "streams"),
        ("kafka-0.kafka.streams.svc.cluster.local:9092", "streams"),
        ("kafka:9092", None),
        (MSK, None),
    ],
)
def test_the_way_to_brokers_in_the_cluster_is_open_by_their_namespace(
    broker: str, namespace: str | None, tmp_path: Path
) -> None:
    more = ["networkPolicy.enabled=true"]
    objects = render(GATEWAY_CHART, _written(tmp_path, broker), sets=more)
    (policy,) = (each["spec"] for each in objects if each["kind"] == "NetworkPolicy")
    peers = [peer for rule in policy["egress"] for peer in rule.get("to", ())]
    names = [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in peers
        if "namespaceSelector" in each
    ]
    assert (names[0] if "streams" in names else None) == namespace


def test_the_way_to_brokers_outside_is_open_on_their_ports_alone() -> None:
    objects = render(GATEWAY_CHART, VALUES, sets=["networkPolicy.egress.kafkaCidrs={10.0.0.0/16}"])
    (policy,) = (each["spec"] for each in objects if each["kind"] == "NetworkPolicy")
    (rule,) = (each for each in policy["egress"] if "10.0.0.0/16" in json.dumps(each))
    assert [each["port"] for each in rule["ports"]] == [9093, 9098, 9092]


def test_without_topics_no_way_to_brokers_is_open() -> None:
    objects = render(GATEWAY_CHART, sets=["networkPolicy.enabled=true"])
    (policy,) = (each["spec"] for each in objects if each["kind"] == "NetworkPolicy")
    assert "9092" not in json.dumps(policy)
