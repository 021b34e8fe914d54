"""Traces of a real gateway, taken by a collector (docs/how-to/trace-messages.md)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.children import free_port
from tests.integration.collector import Collector
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
CLIENT, CONSUMER, PRODUCER = 3, 5, 4


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def gateway(
    folder: Path, emulator: EmulatedSqs, route: Mapping[str, Any], **environment: str
) -> GatewayProcess:
    named = {"OTEL_BSP_SCHEDULE_DELAY": "50", **environment}
    return GatewayProcess(
        folder, {"routes": [{"wait": "1s", **route}]}, emulator.endpoint, environment=named
    )


def test_a_sampled_message_makes_four_spans_and_the_service_is_below_one(
    emulator: EmulatedSqs, new_service: NewService, collector: Collector, tmp_path: Path
) -> None:
    service, queue = new_service("stable"), emulator.create("traced")
    route = {"name": "traced", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    with gateway(tmp_path, emulator, route, **settings) as running:
        queue.send_all(
            [
                Draft("sampled", {"traceparent": PARENT, "tracestate": "vendor=1"}),
                Draft("unsampled", {"traceparent": PARENT[:-1] + "0"}),
                Draft("without"),
            ]
        )
        queue.client.send_message(
            QueueUrl=queue.url,
            MessageBody="x-ray",
            MessageSystemAttributes={
                "AWSTraceHeader": {
                    "DataType": "String",
                    "StringValue": f"Root=1-{'a' * 8}-{'b' * 24};Parent={SPAN};Sampled=1",
                }
            },
        )
        until(lambda: emulator.ledger(queue.name)["deleted"] == 4, "all to be deleted")
        until(lambda: len(collector.named("process traced")) == 2, "both traces")
        assert running.stop() == 0
    by_trace = {each.trace_id: each for each in collector.named("process traced")}
    assert set(by_trace) == {TRACE, "a" * 8 + "b" * 24}
    process = by_trace[TRACE]
    assert (process.kind, process.parent, process.links) == (CONSUMER, SPAN, [(TRACE, SPAN)])
    assert process.state == "vendor=1"
    assert process.resource["service.name"] == "sqs-version-gateway"
    assert process.resource["deployment.environment.name"] == "test"
    posts = {each.trace_id: each for each in collector.named("POST")}
    post = posts[TRACE]
    assert (post.kind, post.parent) == (CLIENT, process.span_id)
    assert post.attributes["url.full"] == service.url
    assert post.attributes["http.response.status_code"] == 200
    assert process.began_ns <= post.began_ns < post.ended_ns <= process.ended_ns
    (sampled,) = service.seen("sampled")
    assert sampled["traceparent"] == f"00-{TRACE}-{post.span_id}-01"
    assert sampled["tracestate"] == "vendor=1"
    assert service.seen("unsampled")[0]["traceparent"] == PARENT[:-1] + "0"
    assert "traceparent" not in service.seen("without")[0].headers
    (x_ray,) = service.seen("x-ray")
    other = posts["a" * 8 + "b" * 24]
    assert x_ray["traceparent"] == f"00-{other.trace_id}-{other.span_id}-01"
    assert x_ray["x-amzn-trace-id"].endswith(f";Parent={other.span_id};Sampled=1")
    for name in ("receive traced", "delete traced"):
        linked = [link for each in collector.named(name) for link in each.links]
        assert sorted(linked) == sorted([(TRACE, SPAN), ("a" * 8 + "b" * 24, SPAN)])
        assert {(each.kind, each.parent) for each in collector.named(name)} == {(CLIENT, "")}
    assert not any(each.error for each in collector.spans)


def test_a_stop_sends_what_waits(
    emulator: EmulatedSqs, new_service: NewService, collector: Collector, tmp_path: Path
) -> None:
    service, queue = new_service("stable"), emulator.create("flushed")
    route = {"name": "flushed", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    settings = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "3600000",
        "OTEL_SERVICE_NAME": "ours",
    }
    with gateway(tmp_path, emulator, route, **settings) as running:
        queue.send("first")
        until(lambda: emulator.ledger(queue.name)["deleted"] == 1, "it to be deleted")
        assert collector.spans == []
        assert running.stop() == 0
    assert sorted(collector.names()) == [
        "POST",
        "delete flushed",
        "process flushed",
        "receive flushed",
    ]
    assert {each.resource["service.name"] for each in collector.spans} == {"ours"}


def test_a_queue_that_is_a_version_gets_the_context_of_the_send(
    emulator: EmulatedSqs, collector: Collector, tmp_path: Path
) -> None:
    queue, stable = emulator.create("sent-from"), emulator.create("sent-to")
    versions = {"stable": {"queue": stable.name}}
    route = {"name": "sending", "queue": queue.name, "versions": versions}
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
    }
    with gateway(tmp_path, emulator, route, **settings):
        queue.send_all([Draft("sampled", {"traceparent": PARENT}), Draft("without")])
        taken = {each["Body"]: each for each in stable.take(2)}
        collector.wait_for(4)
    (sent,) = collector.named("send sent-to")
    (process,) = collector.named("process sent-from")
    assert (sent.kind, sent.parent) == (PRODUCER, process.span_id)
    attributes = taken["sampled"]["MessageAttributes"]
    assert attributes["traceparent"]["StringValue"] == f"00-{TRACE}-{sent.span_id}-01"
    assert "traceparent" not in taken["without"]["MessageAttributes"]


def test_a_collector_that_fails_stops_nothing_and_makes_one_line(
    emulator: EmulatedSqs, new_service: NewService, collector: Collector, tmp_path: Path
) -> None:
    service, queue = new_service("stable"), emulator.create("untaken")
    route = {"name": "untaken", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    collector.status = 400
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with gateway(tmp_path, emulator, route, **settings) as running:
        for round_ in range(3):
            queue.send_all([Draft(f"{round_} {number}") for number in range(20)])
            asked = collector.requests
            until(lambda: collector.requests > asked, "a batch to be sent")  # noqa: B023
        until(lambda: emulator.ledger(queue.name)["deleted"] == 60, "all to be deleted")
        until(
            lambda: running.metrics("gateway_spans_total", "outcome")[("failed",)] >= 60,
            "failures to be counted",
        )
        assert running.logged().count("spans cannot be sent") == 1
        assert "400" in running.logged()
        assert "opentelemetry" not in running.logged().lower()
        collector.status = 200
        queue.send("last")
        until(lambda: "spans are sent again" in running.logged(), "the end of it to be told")
        assert running.stop() == 0


def test_a_collector_that_is_away_does_not_hold_up_a_stop(
    emulator: EmulatedSqs, new_service: NewService, tmp_path: Path
) -> None:
    """The gateway's drain is longer than what it waits for a collector."""
    service, queue = new_service("stable"), emulator.create("away")
    route = {"name": "away", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
        "GATEWAY_DRAIN_SECONDS": "600",
    }
    with gateway(tmp_path, emulator, route, **settings) as running:
        queue.send("first")
        until(lambda: emulator.ledger(queue.name)["deleted"] == 1, "it to be deleted")
        assert running.stop() == 0
        assert "spans were dropped" in running.logged()


def imported(logged: str) -> list[str]:
    """Return the modules of OpenTelemetry among those that Python says it imports."""
    lines = [line for line in logged.splitlines() if line.startswith("import time:")]
    assert len(lines) > 300
    names = [line.rpartition("|")[2].strip() for line in lines]
    return [name for name in names if name.partition(".")[0] in ("opentelemetry", "google")]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
    ],
)
def test_with_tracing_off_nothing_of_opentelemetry_is_imported(
    emulator: EmulatedSqs,
    new_service: NewService,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    service, queue = new_service("stable"), emulator.create(f"off-{time.monotonic_ns()}")
    route = {"name": "off", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    settings = {**environment, "PYTHONPROFILEIMPORTTIME": "1"}
    with gateway(tmp_path, emulator, route, **settings) as running:
        queue.send("sampled", attributes={"traceparent": PARENT})
        until(lambda: emulator.ledger(queue.name)["deleted"] == 1, "it to be deleted")
        assert running.stop() == 0
        assert imported(running.logged()) == []
    assert service.seen("sampled")[0]["traceparent"] == PARENT


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "'grpc' is not http/protobuf"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER: 'jaeger_remote'"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER: 'console'"),
        ({"PYTHONPATH": "without"}, "the extra `otel` is not installed"),
    ],
)
def test_what_cannot_be_traced_is_told_and_routed(
    emulator: EmulatedSqs,
    new_service: NewService,
    tmp_path: Path,
    environment: dict[str, str],
    words: str,
) -> None:
    service, queue = new_service("stable"), emulator.create(f"told-{time.monotonic_ns()}")
    route = {"name": "told", "queue": queue.name, "versions": {"stable": {"url": service.url}}}
    if "PYTHONPATH" in environment:
        hidden = tmp_path / "without" / "opentelemetry"
        hidden.mkdir(parents=True)
        (hidden / "__init__.py").write_text("raise ImportError('no OpenTelemetry here')")
        environment = {"PYTHONPATH": str(tmp_path / "without")}
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **environment}
    with gateway(tmp_path, emulator, route, **settings) as running:
        queue.send("sampled", attributes={"traceparent": PARENT})
        until(lambda: emulator.ledger(queue.name)["deleted"] == 1, "it to be deleted")
        assert words in running.logged()
        assert running.logged().count("no traces are made") == 1
        assert running.stop() == 0
    assert service.seen("sampled")[0]["traceparent"] == PARENT
