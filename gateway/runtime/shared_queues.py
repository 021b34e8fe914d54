"""Which routes may not poll: of those that share a queue, or reject to each other, the later ones.

Addresses may be names, URLs or ARNs, so it shows only once the queues are resolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.ports import SourceTraits


class Clash(NamedTuple):
    """Why a route may not poll, and what to do about it."""

    why: str
    what_to_do: str


def find_clashes(traits: Mapping[str, SourceTraits]) -> dict[str, Clash]:
    """Return the clashes by route; `traits` are those of the resolved routes, in file order."""
    clashes: dict[str, Clash] = {}
    admitted: dict[str, str] = {}  # routes by the identity of their queue
    dead_letters: dict[str, frozenset[str]] = {}  # by the identity of a queue
    for name, own in traits.items():
        if not own.identity:
            continue
        identity = own.identity
        clash = None
        if identity in admitted:
            clash = _same_queue(admitted[identity])
        elif (last := _end_of_circle(identity, own.dead_letters, dead_letters)) is not None:
            clash = _circle(admitted[last])
        if clash is None:
            admitted[identity] = name
            dead_letters[identity] = own.dead_letters
        else:
            clashes[name] = clash
    return clashes


def _end_of_circle(
    identity: str, first: frozenset[str], dead_letters: Mapping[str, frozenset[str]]
) -> str | None:
    """Return the queue from which dead letters of this one come back to it."""
    seen: set[str] = set()
    ahead = [queue for queue in first if queue in dead_letters]
    while ahead:
        queue = ahead.pop()
        if identity in dead_letters[queue]:
            return queue
        seen.add(queue)
        ahead += [each for each in dead_letters[queue] if each in dead_letters.keys() - seen]
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
