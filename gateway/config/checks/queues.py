"""Which queues of a routing file are the same, as far as their addresses tell.

A name alone is the same as any URL or ARN of that name, unless both say another region. Two full
addresses are the same by region, account and name. The rest shows once they are resolved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.core import addresses
from gateway.core.addresses import parse_queue

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gateway.core.addresses import QueueAddress

_ANY = "*"


def queue_at(part: dict[str, Any], key: str, region: str | None = None) -> QueueAddress | None:
    """Return the queue at a key; None where there is none, or none that `schema` lets pass."""
    text = part.get(key)
    try:
        return parse_queue(text, region) if isinstance(text, str) else None
    except ValueError:
        return None


def source_of(route: dict[str, Any]) -> QueueAddress | None:
    """Return the queue that a route consumes, with the route's `region`."""
    region = route.get("region")
    return queue_at(route, "queue", region if isinstance(region, str) else None)


def beside(queue: QueueAddress | None, source: QueueAddress | None) -> QueueAddress | None:
    """Return another queue of a route, as far as both are known."""
    return queue if queue is None or source is None else addresses.beside(queue, source)


def is_same(one: QueueAddress, other: QueueAddress) -> bool:
    """Whether two addresses may only mean one queue."""
    index = QueueIndex()
    index.add(one, 0)
    return index.first(other) is not None


class QueueIndex:
    """Finds the first of many queues that is the same as a given one."""

    def __init__(self) -> None:
        self._first: dict[Hashable, int] = {}

    def add(self, queue: QueueAddress, at: int) -> None:
        """Add a queue and its place; of several that are the same the first counts."""
        for key in _own_keys(queue):
            self._first.setdefault(key, at)

    def first(self, queue: QueueAddress, *, or_may_be: bool = False) -> int | None:
        """Return the place of the first queue that is the same; None where none is.

        `or_may_be`: of two names alone, one without a region is the same as the other.
        """
        keys = _wanted_keys(queue)
        if or_may_be and queue.account is None:
            keys = (*keys, ("name", queue.name, None if queue.region else _ANY))
        found = (self._first.get(key) for key in keys)
        return min((at for at in found if at is not None), default=None)


def _own_keys(queue: QueueAddress) -> tuple[Hashable, ...]:
    kind = "name" if queue.account is None else "full"
    by_region = (kind, queue.name, queue.region), (kind, queue.name, _ANY)
    return by_region if queue.account is None else (*by_region, _identity(queue))


def _wanted_keys(queue: QueueAddress) -> tuple[Hashable, ...]:
    name, region = queue.name, queue.region
    if queue.account is None:
        return ("name", name, region), ("full", name, region or _ANY), ("full", name, None)
    names = (("name", name, region or _ANY), ("name", name, None))
    return (*names, _identity(queue))


def _identity(queue: QueueAddress) -> QueueAddress:
    """Return what every full address of one queue has in common: its URLs and its ARN."""
    known = queue.region and queue.account
    return replace(queue, text="", url=None, endpoint=None if known else queue.endpoint)
