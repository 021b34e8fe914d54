"""What a routing file says of a route's rollout and rollback, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.judge import Bounds, counts_between
from gateway.core.rollout.starts import window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.rollout.starts import Start

PROBE_WEIGHT: Final = 1


class Then(StrEnum):
    """What follows a rollback: a person's word, or a probe after the cooldown."""

    MANUAL = "manual"
    PROBE = "probe"


class OnTrouble(StrEnum):
    """What a failure, or a step that is past its deadline, does to a rollout."""

    ABORT = "abort"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Step:
    """A canary weight in per cent, and how long it lasts at least. `gate`: then it waits."""

    weight: int
    seconds: float = 600.0
    gate: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """The plan: the canary's steps, and what each asks for."""

    steps: tuple[Step, ...]
    min_messages: int = 200
    starts_by_itself: bool = True
    deadline_seconds: float | None = None
    on_deadline: OnTrouble = OnTrouble.PAUSE
    on_failure: OnTrouble = OnTrouble.ABORT


@dataclass(frozen=True, slots=True)
class Rollback:
    """When a canary that is in service goes to weight 0 by itself, plan or not."""

    max_failure_ratio: float
    window_seconds: float = 60.0
    min_messages: int = 20
    cooldown_seconds: float = 600.0
    then: Then = Then.MANUAL

    def fires(self, starts: Sequence[Start], values: Sequence[float], now: float) -> bool:
        """Whether enough messages failed within the window."""
        start = window_of(starts, now, self.window_seconds)
        canary, _ = counts_between(values, start.values)
        if canary.messages < self.min_messages:
            return False
        return canary.failure_ratio > self.max_failure_ratio


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged, by what, and what follows.

    `revision`, with the canary's address and tag, names what is on trial: another one is a new
    trial. `strict`: what is pinned to a rolled-back canary waits.
    """

    canary: str
    address: str
    tag: str
    revision: str = ""
    rollout: Rollout | None = None
    rollback: Rollback | None = None
    bounds: Bounds = field(default_factory=Bounds)
    strict: bool = False

    @property
    def trial(self) -> str:
        """The identity of what is on trial."""
        return _digest(self.canary, self.address, self.tag, self.revision)

    @property
    def steps_digest(self) -> str:
        """Equal where the steps are."""
        return _digest(repr(self.rollout and self.rollout.steps))

    @property
    def bounds_digest(self) -> str:
        """Equal where what the canary is held to is."""
        return _digest(repr((self.bounds, self.rollback)))


def _digest(*texts: str) -> str:
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
