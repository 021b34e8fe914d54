"""The checks of a followed object: how soon each write moved the queue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.demo.audit import Share
    from gateway.demo.rollout.arrivals import Arrival

MAX_SECONDS: Final = 5.0
"""A gateway promises 2 s; the looks of the demo and a busy machine take some too."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of the controller, and what was seen of it until the next one.

    `in_force` and `last` are seconds after it: until all gateways showed the weight, and until the
    last delivery to the canary began; None: never, and none after it.
    """

    weight: int
    seconds: float
    in_force: float | None
    last: float | None
    messages: int
    share: Share


def last_after(arrivals: Sequence[Arrival], at: float, until: float) -> float | None:
    """Return the seconds between a moment and the last delivery to the canary that began then."""
    began = [one.began - at for one in arrivals if one.canary and at <= one.began < until]
    return max(began, default=None)


def write_checks(writes: Sequence[Write]) -> Iterator[Check]:
    """Check that each write was soon in force, and that its weight shows in the messages."""
    seconds = [write.in_force for write in writes]
    known = [each for each in seconds if each is not None]
    text = f"{len(known)} of {len(writes)} writes on both gateways"
    slowest = max(known, default=0.0)
    good = len(known) == len(writes) and slowest <= MAX_SECONDS
    text += f", the slowest after {slowest:.2f} s; at most {MAX_SECONDS:g} s"
    yield Check(good, "moved", text)
    for write in writes:
        if write.messages:
            text = f"{write.share.observed:.1%} of {write.messages:,} messages to the canary"
            yield Check(
                write.share.plausible, "share", f"{text}, whose weight was {write.weight} %"
            )


def abort_check(abort: Write) -> Check:
    """Check how long the canary got messages after the controller had written weight 0."""
    text = "no delivery to the canary began after the write of weight 0"
    if abort.last is not None:
        text = (
            f"the last delivery to the canary began {abort.last:.2f} s after the write of weight 0"
        )
    return Check((abort.last or 0.0) <= MAX_SECONDS, "abort", f"{text}; at most {MAX_SECONDS:g} s")


def object_check(followed: Sequence[Mapping[str, Any]]) -> Check:
    """Check that each gateway has the object in force at the end."""
    valid = sum(each["valid"] and each["found"] for each in followed)
    text = f"{followed[0]['object']} is valid on {valid} of {len(followed)} gateways"
    problems = dict.fromkeys(each["problem"] for each in followed if each["problem"])
    return Check(valid == len(followed), "object", "; ".join([text, *problems]))
