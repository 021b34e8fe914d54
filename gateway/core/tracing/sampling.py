"""Which messages are sampled, by the names that OpenTelemetry gives its samplers.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ (general)
and https://opentelemetry.io/docs/specs/otel/trace/sdk/#sampling
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.core.messages.trace_context import TraceContext

DEFAULT_SAMPLER: Final = "parentbased_always_on"
SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    DEFAULT_SAMPLER,
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_PARENT_BASED: Final = "parentbased_"
_RATIO: Final = "traceidratio"
_LOW_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Sampler:
    """Decides by the flag of a message's context, where it is `parent_based`; else by trace id.

    `ratio` of the trace ids are sampled, 0..1, as OpenTelemetry's samplers do it.
    """

    parent_based: bool
    ratio: float

    @property
    def bound(self) -> int:
        """What the last 64 bits of a trace id are to be less than."""
        return round(self.ratio * (1 << _LOW_BITS))

    def samples(self, context: TraceContext | None, message_id: str) -> bool:
        """Whether a message is sampled."""
        if context is None:
            return self.samples_root(message_id)
        if self.parent_based and context.sampled is not None:
            return context.sampled
        return int(context.trace_id[16:], 16) < self.bound

    def samples_root(self, message_id: str) -> bool:
        """Whether a message without a context is sampled: by the trace id that it gets."""
        if self.ratio in (0.0, 1.0):
            return bool(self.ratio)
        return int(trace_id_of(message_id)[16:], 16) < self.bound


def trace_id_of(message_id: str) -> str:
    """Return the trace id of a message that came without one.

    It follows from the message id, so each receive of it, by any replica, is in one trace.
    """
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def parse_sampler(name: str, argument: str) -> Sampler:
    """Return a sampler by its name and argument; raises ValueError, saying which is wrong."""
    if name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise ValueError(f"OTEL_TRACES_SAMPLER: {name!r} is not one of {known}")
    root = name.removeprefix(_PARENT_BASED)
    ratio = 0.0 if root == "always_off" else 1.0
    if root == _RATIO and argument:
        ratio = _ratio(argument)
    return Sampler(root != name, ratio)


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG: {text!r} is no number from 0 to 1")
    return ratio
