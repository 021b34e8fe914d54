"""Messages of a route as they might come: which version gets them, and what becomes of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from math import inf, log
from typing import Final

POISON_RECEIVES: Final = 6
RECEIVE_AGAIN_SECONDS: Final = 1.0
_BUCKETS: Final = 100.0


class Mistake(StrEnum):
    """A way of counting that misleads, to show by how much."""

    DELIVERIES = "each delivery counts, not each message"
    KEYS = "each message of a key counts"
    COMPLETION = "in the order of completion"
    SELECTION = "pinned messages count"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes to a route. Ratios are 0..1, times in seconds, rates in messages a second.

    `worse` is added to the canary's ratio of failures from its message number `turns_at` on.
    Latencies are exponential with these means; failures have their own where it is given. In an
    outage, of `outage_seconds` on average and `outage_share` of the time, both versions fail by
    `outage_ratio`. `poison` is the share of messages that fail wherever they go, each of six
    receives. `bad_keys` of `keys` sticky keys always fail. `pinned` of the messages are pinned to
    the canary, and fail by `pinned_ratio`.
    """

    base: float = 0.0
    worse: float = 0.0
    turns_at: int = 0
    rate: float = 1_000.0
    canary_seconds: float = 0.05
    stable_seconds: float = 0.05
    failed_seconds: float | None = None
    outage_share: float = 0.0
    outage_seconds: float = 3.0
    outage_ratio: float = 0.5
    poison: float = 0.0
    keys: int = 0
    bad_keys: float = 0.0
    pinned: float = 0.0
    pinned_ratio: float = 0.2
    mistake: Mistake | None = None


@dataclass(slots=True)
class Arrival:
    """One delivery: when it begins, of which side, and how it will end.

    The split did not decide a `pinned` message; a `poison` message fails at every `receive`.
    """

    at: float
    canary: bool
    failed: bool
    seconds: float
    key: str | None = None
    pinned: bool = False
    poison: bool = False
    receive: int = 1


class Stream:
    """The messages of one simulated rollout, one after the other, by a seed."""

    def __init__(self, traffic: Traffic, seed: int) -> None:
        self._traffic = traffic
        self._random = random.Random(seed)
        self._canaries = 0
        self._outage_ends = -inf
        self._outage_begins = inf if not traffic.outage_share else self._until_outage()
        draw = self._random.random
        self._bucket_of_key = [draw() * _BUCKETS for _ in range(traffic.keys)]
        self._key_is_bad = [draw() < traffic.bad_keys for _ in range(traffic.keys)]

    def next_gap(self) -> float:
        """Return the seconds until the next message."""
        return -log(1.0 - self._random.random()) / self._traffic.rate

    def draw(self, now: float, weight: int) -> Arrival:
        """Return the message that begins now, where the canary has a weight in per cent."""
        traffic, draw = self._traffic, self._random.random
        key = None
        pinned = traffic.pinned > 0.0 and draw() < traffic.pinned
        if traffic.keys:
            number = int(draw() * traffic.keys)
            key = str(number)
            canary = self._bucket_of_key[number] < weight
            failed = self._key_is_bad[number]
        else:
            canary = pinned or draw() * _BUCKETS < weight
            failed = False
        if not failed:
            failed = draw() < self._ratio(now, canary=canary, pinned=pinned)
        mean = traffic.canary_seconds if canary else traffic.stable_seconds
        if failed and traffic.failed_seconds is not None:
            mean = traffic.failed_seconds
        arrival = Arrival(now, canary, failed, -log(1.0 - draw()) * mean, key, pinned)
        if traffic.poison and draw() < traffic.poison:
            arrival.failed = arrival.poison = True
        return arrival

    def _ratio(self, now: float, *, canary: bool, pinned: bool) -> float:
        traffic = self._traffic
        ratio = traffic.base
        if canary:
            self._canaries += 1
            if self._canaries > traffic.turns_at:
                ratio += traffic.worse
        if pinned:
            ratio = traffic.pinned_ratio
        if now >= self._outage_begins:
            self._outage_ends = self._outage_begins + self._exponential(traffic.outage_seconds)
            self._outage_begins = self._outage_ends + self._until_outage()
        return max(ratio, traffic.outage_ratio) if now < self._outage_ends else ratio

    def _until_outage(self) -> float:
        traffic = self._traffic
        return self._exponential(traffic.outage_seconds * (1 / traffic.outage_share - 1))

    def _exponential(self, mean: float) -> float:
        return -log(1.0 - self._random.random()) * mean
