"""Values that the types of other objects take and the servers that read them refuse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.rendering import Object

WHOLE: Final = 100
MAX_PORT: Final = 65_535
DURATION: Final = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")
"""Istio: https://protobuf.dev/reference/protobuf/google.protobuf/#duration, as its CRDs take it."""
PROMETHEUS_DURATION: Final = re.compile(r"(\d+(ms|s|m|h|d|w|y))+")
DURATION_KEYS: Final = frozenset(
    {"timeout", "perTryTimeout", "idleTimeout", "maxEjectionTime", "baseEjectionTime", "interval"}
    | {"connectTimeout", "fixedDelay", "maxConnectionDuration", "scrapeTimeout", "for"}
)
SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
SQS_KEYS: Final = frozenset(
    {"queueURL", "queueURLFromEnv", "queueLength", "activationQueueLength", "awsRegion"}
    | {"awsEndpoint", "scaleOnInFlight", "scaleOnDelayed", "identityOwner"}
)
"""https://keda.sh/docs/latest/scalers/aws-sqs/"""


def problems(thing: Object) -> Iterator[str]:
    """Yield each value of the object that is out of range, with its place."""
    spec = thing.get("spec") or {}
    istio = str(thing.get("apiVersion")).partition("/")[0].endswith("istio.io")
    yield from _values(spec, DURATION if istio else PROMETHEUS_DURATION, "spec")
    match thing.get("kind"):
        case "VirtualService":
            yield from _weights(spec)
        case "ScaledObject":
            yield from _replicas(spec)
            yield from _triggers(spec)
        case "ServiceMonitor" | "PodMonitor":
            yield from _scrapes(spec)
        case _:
            pass


def _values(value: Any, duration: re.Pattern[str], place: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _values(item, duration, f"{place}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _value(key, item, duration, f"{place}.{key}")
            yield from _values(item, duration, f"{place}.{key}")


def _value(key: str, value: Any, duration: re.Pattern[str], place: str) -> Iterator[str]:
    if key in DURATION_KEYS and isinstance(value, str) and not duration.fullmatch(value):
        yield f"{place}: {value!r} is no duration"
    port = value.get("number") if key == "port" and isinstance(value, dict) else None
    if isinstance(port, int) and not 1 <= port <= MAX_PORT:
        yield f"{place}.number: {port} is no port"
    if key == "weight" and not (isinstance(value, int) and 0 <= value <= WHOLE):
        yield f"{place}: {value!r} is no weight from 0 to {WHOLE}"


def _weights(spec: dict[str, Any]) -> Iterator[str]:
    """Weights are relative: any sum but 0 will do.

    Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination
    """
    for kind in ("http", "tcp", "tls"):
        for number, route in enumerate(spec.get(kind) or ()):
            weights = [one.get("weight", 0) for one in route.get("route") or ()]
            if len(weights) > 1 and not any(weights):
                yield f"spec.{kind}[{number}].route: nobody has a weight"


def _replicas(spec: dict[str, Any]) -> Iterator[str]:
    least, most = spec.get("minReplicaCount", 0), spec.get("maxReplicaCount", WHOLE)
    if not 0 <= least <= most or most < 1:
        yield f"spec: from {least} to {most} replicas"
    for key in ("pollingInterval", "cooldownPeriod"):
        if spec.get(key, 1) < 0:
            yield f"spec.{key}: is negative"


def _triggers(spec: dict[str, Any]) -> Iterator[str]:
    for number, trigger in enumerate(spec.get("triggers") or ()):
        if trigger.get("type") != "aws-sqs-queue":
            continue
        place, asked = f"spec.triggers[{number}].metadata", trigger.get("metadata") or {}
        yield from (f"{place}.{key}: KEDA knows no such key" for key in set(asked) - SQS_KEYS)
        if not asked.get("queueURL") and not asked.get("queueURLFromEnv"):
            yield f"{place}: queueURL is missing"
        if not asked.get("awsRegion"):
            yield f"{place}: awsRegion is missing"
        for key in ("queueLength", "activationQueueLength"):
            if not str(asked.get(key, "5")).isdecimal():
                yield f"{place}.{key}: {asked[key]!r} is no number"


def _scrapes(spec: dict[str, Any]) -> Iterator[str]:
    for key in ("endpoints", "podMetricsEndpoints"):
        for number, endpoint in enumerate(spec.get(key) or ()):
            times = [_seconds(endpoint.get(key)) for key in ("scrapeTimeout", "interval")]
            if None not in times and times[0] > times[1]:  # type: ignore[operator]
                yield f"spec.{key}[{number}]: scrapeTimeout is longer than interval"


def _seconds(written: str | None) -> float | None:
    """Return a duration of Prometheus in seconds; None where there is none."""
    if not written or not PROMETHEUS_DURATION.fullmatch(written):
        return None
    return sum(int(n) * SECONDS.get(unit, 0) for n, unit in re.findall(r"(\d+)([a-z]+)", written))
