"""OpenTelemetry's variables, as far as they say whether and what to trace.

All others (headers, certificates, timeouts, resource) are read by OpenTelemetry itself.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.tracing.sampling import DEFAULT_SAMPLER, Sampler, parse_sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL: Final = "http/protobuf"
DEFAULT_QUEUE_SIZE: Final = 2048
DEFAULT_BATCH_SIZE: Final = 512


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """What to sample, and where spans go; `sampler_name` is with its argument, for people."""

    endpoint: str
    sampler: Sampler
    sampler_name: str
    queue_size: int = DEFAULT_QUEUE_SIZE
    batch_size: int = DEFAULT_BATCH_SIZE


def read_settings(environment: Mapping[str, str]) -> TracingSettings | None:
    """Return the settings, None where tracing is off.

    Raises ValueError, naming the variable, where it is asked for in a way that the gateway lacks.
    """

    def value(*names: str) -> str:
        return next((text for each in names if (text := environment.get(each, "").strip())), "")

    endpoint = value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    exporters = [each.strip() for each in value("OTEL_TRACES_EXPORTER").split(",")]
    if not endpoint or value("OTEL_SDK_DISABLED").lower() == "true" or exporters == ["none"]:
        return None
    if exporters not in ([""], ["otlp"]):
        raise ValueError(f"OTEL_TRACES_EXPORTER: {', '.join(exporters)!r} is not otlp or none")
    protocol = value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in ("", PROTOCOL):
        raise ValueError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is not {PROTOCOL}, which collectors take on"
            " port 4318"
        )
    name = value("OTEL_TRACES_SAMPLER") or DEFAULT_SAMPLER
    argument = value("OTEL_TRACES_SAMPLER_ARG")
    queue_size = _size("OTEL_BSP_MAX_QUEUE_SIZE", value, DEFAULT_QUEUE_SIZE)
    batch_size = _size("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", value, DEFAULT_BATCH_SIZE)
    return TracingSettings(
        endpoint,
        parse_sampler(name, argument),
        f"{name} {argument}".strip() if name.endswith("ratio") else name,
        queue_size,
        min(batch_size, queue_size),
    )


def _size(name: str, value: Callable[[str], str], default: int) -> int:
    text = value(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise ValueError(f"{name}: {text!r} is no whole number from 1")
    return int(text)
