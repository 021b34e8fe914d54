"""What was seen of one run while a topic fell behind, and its rates before and after."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tools.bench.report import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WELL: Final = "well"
SETTLE_SECONDS: Final = 2.0
"""After the first partition has fallen behind the others do, more or less at the same time."""

_NOT_AT_ONCE: Final = 0.1
"""The part of its first records that stable has before its rate is taken."""


@dataclass(frozen=True, slots=True)
class Look:
    """What had come by a moment, and which part of the partitions was not read then.

    `stable` are its own records; `fallbacks` are the canary's that it got; `tries` are all
    deliveries to the canary; `cpu` are the seconds that the gateway had used. `fell`: a partition
    has fallen behind by then. With a detour it may have caught up before it is looked at.
    """

    at: float
    stable: int
    tries: int
    fallbacks: int
    paused: float
    cpu: float
    fell: bool

    @classmethod
    def of(
        cls, at: float, came: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], cpu: float
    ) -> Look:
        """Read what the services counted and what the gateway says of its partitions."""
        by_path, fallbacks = came["by_path"], came["by_reason"].get("fallback", 0)
        return cls(
            at,
            by_path.get("stable", 0) - fallbacks,
            sum(count for path, count in by_path.items() if path.endswith("canary")),
            fallbacks,
            sum(bool(each["paused"]) for each in parts) / len(parts),
            cpu,
            any(each["paused"] or each["detours"] for each in parts),
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """Records a second: stable's until the topic fell behind, and all three of them then.

    `cpu_us` is the gateway's CPU until then, for each of stable's records. What was not looked at
    is NaN. `paused` is the part of that time in which a partition was not read, of all of them.
    """

    until: float
    cpu_us: float
    then: float
    tries: float
    fallbacks: float
    paused: float
    rss_mib: float


def turn_of(looks: Sequence[Look], stable: float, seconds: float, rss_mib: float) -> Turn:
    """Take the rates of a run; `stable` is how many of its records come before it is behind.

    Without `seconds` it has fallen behind from the beginning.
    """
    fallen = [each for each in looks if each.fell and seconds] or looks[-1:]
    begin = next(each for each in looks if each.stable >= stable * _NOT_AT_ONCE or each in fallen)
    turned = next(each for each in looks if each.stable >= stable or each in fallen)
    fell = fallen[0] if fallen[0].fell else turned
    settled_at = fell.at + (SETTLE_SECONDS if seconds else 0.0)
    later = [each for each in looks if settled_at <= each.at <= settled_at + seconds]
    start, end = later[0], later[-1]
    took = end.at - start.at if seconds else nan
    records = turned.stable - begin.stable
    return Turn(
        until=records / max(turned.at - begin.at, 1e-9),
        cpu_us=(turned.cpu - begin.cpu) / max(records, 1) * 1e6,
        then=(end.stable - start.stable) / took,
        tries=(end.tries - start.tries) / took,
        fallbacks=(end.fallbacks - start.fallbacks) / took,
        paused=sum(each.paused for each in later) / len(later) if seconds else nan,
        rss_mib=rss_mib,
    )


def text(found: Mapping[tuple[str, tuple[str, str]], Sequence[Turn]]) -> str:
    """Return the figures; a share is of the canary that was well in the same turn."""
    head = ["load", "canary", "when_behind", "stable/s until", "share", "CPU us", "share"]
    head += ["then", "share", "canary tries/s", "fallbacks/s", "not read", "RSS MiB"]
    rows = []
    for (load, (canary, when)), turns in found.items():
        wells = next(
            each for (at, (state, _)), each in found.items() if (at, state) == (load, WELL)
        )
        pairs = list(zip(turns, wells, strict=False))
        rows.append(
            [
                load,
                canary,
                "-" if canary == WELL else when,
                f"{median(turn.until for turn in turns):,.0f}",
                f"{median(turn.until / well.until for turn, well in pairs):.2f}",
                f"{median(turn.cpu_us for turn in turns):.0f}",
                f"{median(turn.cpu_us / well.cpu_us for turn, well in pairs):.2f}",
                _or_dash((turn.then for turn in turns), ",.0f"),
                _or_dash((turn.then / well.then for turn, well in pairs), ".2f"),
                _or_dash((turn.tries for turn in turns), ",.0f"),
                _or_dash((turn.fallbacks for turn in turns), ",.0f"),
                _or_dash((turn.paused for turn in turns), ".0%"),
                f"{median(turn.rss_mib for turn in turns):.0f}",
            ]
        )
    return "\n".join([table(head, rows), "", *_NOTES])


def _or_dash(found: Iterable[float], shape: str) -> str:
    value = median(found)
    return "-" if isnan(value) else format(value, shape)


_NOTES: Final = (
    "stable's own records alone; the canary has 10 % of the keys",
    "until: nearly up to max_behind, and as many records of a canary that is well",
    "CPU us: the gateway's until then, for each of stable's records: other work changes it less",
    "then: from 2 s later on; share: of the canary that was well, in each turn, then the median",
    "hangs: no response, timeout 2s, 8 attempts; is slow: max_rate 20",
    "not read: the part of that time in which partitions were paused",
)
