"""Whether spans are sent: nothing of OpenTelemetry is imported unless they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters.tracing.environment import read_settings
from gateway.core.tracing.events import TracingStarted, TracingUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.adapters.tracing.otlp import OtlpSpans
    from gateway.core.events import Event

INSTALL: Final = "install sqs-version-gateway[otel], as the project's image does"
CORRECT: Final = "correct it, or unset the OTLP endpoint; see docs/how-to/trace-messages.md"


def open_spans(
    environment: Mapping[str, str], observe: Callable[[Event], None]
) -> OtlpSpans | None:
    """Return what sends spans, None where tracing is off. Says so where it cannot be on.

    The gateway works without: what is wrong with traces stops no message.
    """
    try:
        settings = read_settings(environment)
    except ValueError as error:
        observe(TracingUnavailable(str(error), CORRECT))
        return None
    if settings is None:
        return None
    try:
        from gateway.adapters.tracing.otlp import OtlpSpans, otlp_exporter  # noqa: PLC0415
    except ImportError as error:
        observe(TracingUnavailable(f"the extra `otel` is not installed: {error}", INSTALL))
        return None
    try:
        spans = OtlpSpans(settings, otlp_exporter(), observe)
    except Exception as error:  # noqa: BLE001 - of a library that reads files and variables
        observe(TracingUnavailable(f"OpenTelemetry refuses its settings: {error!r}", CORRECT))
        return None
    observe(TracingStarted(settings.endpoint, settings.sampler_name))
    return spans
