"""The audit of a group whose members moved: lost, doubled, out of order, committed too early."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tools.chaos.kafka.arrivals import Arrival, Place


@dataclass(frozen=True)
class Killed:
    """A gateway that was killed: when, and how many partitions it had."""

    gateway: str
    at: float
    partitions: int


@dataclass
class Result:
    """What was found; `violations` has a line for each wrong."""

    records: int = 0
    keys: int = 0
    deliveries: int = 0
    lost: int = 0
    keys_out_of_order: int = 0
    doubles_of_kills: int = 0
    doubles_allowed: int = 0
    doubles_without_a_kill: int = 0
    overlaps: int = 0
    committed_too_early: int = 0
    crossed: int = 0
    violations: list[str] = field(default_factory=list)


def audit(
    sent: Mapping[Place, str],
    arrivals: Sequence[Arrival],
    kills: Sequence[Killed],
    max_behind: int,
    too_early: Sequence[Place],
) -> Result:
    """Hold all that arrived against all that was sent."""
    result = Result(len(sent), len(set(sent.values())), len(arrivals))
    result.doubles_allowed = max_behind * sum(each.partitions for each in kills)
    answered = {each.place for each in arrivals if each.answered}
    lost = sorted(sent.keys() - answered)
    result.lost = _note(result, "lost", lost)
    result.keys_out_of_order = _note(result, "out of order", _out_of_order(arrivals))
    doubles, odd = _doubles(arrivals, {each.gateway: each.at for each in kills})
    result.doubles_of_kills = doubles
    result.doubles_without_a_kill = _note(result, "doubled without a kill", odd)
    if doubles > result.doubles_allowed:
        _note(result, "more doubles than max_behind x partitions", [doubles])
    overlaps = [_story([*each.alongside, each]) for each in arrivals if _overlaps(each, kills)]
    result.overlaps = _note(result, "two of one key at once", overlaps)
    result.committed_too_early = _note(result, "committed before its 2xx", too_early)
    result.crossed = _note(result, "key at two versions", _crossed(arrivals))
    return result


def _note(result: Result, what: str, found: Sequence[object]) -> int:
    result.violations += [f"{what}: {each}" for each in found]
    return len(found)


def _out_of_order(arrivals: Iterable[Arrival]) -> list[str]:
    """Return the keys whose first deliveries are not in the order of their offsets."""
    newest: dict[str, int] = {}
    seen: set[Place] = set()
    wrong: dict[str, str] = {}
    for each in arrivals:
        if each.place in seen:
            continue
        seen.add(each.place)
        if each.place.offset < newest.get(each.key, -1):
            wrong.setdefault(each.key, f"{each.key}: {each.place} after {newest[each.key]}")
        newest[each.key] = max(newest.get(each.key, -1), each.place.offset)
    return list(wrong.values())


def _doubles(arrivals: Iterable[Arrival], killed_at: Mapping[str, float]) -> tuple[int, list[str]]:
    """Return how many doubles a kill explains, and those that none does.

    A kill explains those that the killed gateway had delivered before: nobody else had them.
    """
    by_place: dict[Place, list[Arrival]] = defaultdict(list)
    explained, odd = 0, []
    for each in arrivals:
        earlier = by_place[each.place]
        dead = [killed_at.get(before.gateway, each.at) < each.at for before in earlier]
        if earlier and all(dead):
            explained += 1
        elif earlier:
            odd.append(_story([*earlier, each]))
        earlier.append(each)
    return explained, odd


def _story(arrivals: Sequence[Arrival]) -> str:
    times = (f"{each.gateway} at {each.at:.2f}" for each in arrivals)
    return f"{tuple(arrivals[0].place)} {arrivals[0].key}: {', '.join(times)}"


def _overlaps(arrival: Arrival, kills: Sequence[Killed]) -> bool:
    dead = {each.gateway for each in kills}
    return any(other.gateway not in dead for other in arrival.alongside)


def _crossed(arrivals: Iterable[Arrival]) -> list[str]:
    versions = {(each.key, each.version) for each in arrivals}
    return [key for key, count in Counter(key for key, _ in versions).items() if count > 1]
