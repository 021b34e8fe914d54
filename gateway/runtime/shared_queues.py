"""Which routes may not poll: the later ones that share a queue, reject or send to each other.

Addresses may be names, URLs or ARNs, so it shows only once the queues are resolved.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gateway.ports import SourceTraits


class Clash(NamedTuple):
    """Why a route may not poll, and what to do about it."""

    why: str
    what_to_do: str


def find_clashes(
    traits: Mapping[str, SourceTraits], targets: Mapping[str, Mapping[str, str]]
) -> dict[str, Clash]:
    """Return the clashes by route; `traits` are those of the resolved routes, in file order.

    `targets` are the versions of each route whose queues are known, by the queue's identity.
    """
    clashes: dict[str, Clash] = {}
    admitted: dict[str, str] = {}  # routes by the identity of their queue
    dead_letters: dict[str, frozenset[str]] = {}  # by the identity of a queue
    ways: dict[str, Collection[str]] = {}  # from the identity of a queue to those of its versions
    for name, own in traits.items():
        if not own.identity:
            continue
        identity = own.identity
        clash = None
        if identity in admitted:
            clash = _same_queue(admitted[identity])
        elif (
            trail := _way_back(identity, own.dead_letters - {identity}, dead_letters)
        ) is not None:
            clash = _circle(admitted[trail[-2]])
        elif (trail := _way_back(identity, targets[name], ways)) is not None:
            version = targets[name][trail[0]]
            clash = _round_trip(name, version, [admitted[each] for each in trail[:-1]])
        if clash is None:
            admitted[identity] = name
            dead_letters[identity] = own.dead_letters
            ways[identity] = targets[name]
        else:
            clashes[name] = clash
    return clashes


def _way_back(
    identity: str, first: Collection[str], ways: Mapping[str, Collection[str]]
) -> list[str] | None:
    """Return the queues by which messages come back to their own, the shortest way; or None."""
    seen: set[str] = set()
    trails = deque([queue] for queue in first)
    while trails:
        trail = trails.popleft()
        if trail[-1] == identity:
            return trail
        if trail[-1] not in seen:
            seen.add(trail[-1])
            trails += ([*trail, queue] for queue in ways.get(trail[-1], ()))
    return None


def _same_queue(first: str) -> Clash:
    return Clash(
        f"its queue is that of route {first}, which comes first in the file",
        f"remove this route or {first}: a queue has one route; tell messages apart by rules",
    )


def _circle(first: str) -> Clash:
    return Clash(
        f"its dead letters go to a queue whose dead letters come back to it, by way of route"
        f" {first}, which comes first in the file",
        f"give this queue or that of route {first} another dead-letter queue",
    )


def _round_trip(name: str, version: str, others: list[str]) -> Clash:
    steps = " to ".join(f"route {each}" for each in (name, *others, name))
    return Clash(
        f"the queue of its version {version} closes a circle, messages would go round for ever:"
        f" {steps}",
        "name a queue that does not lead back here",
    )
