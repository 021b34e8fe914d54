"""The checks that only a topic has: stickiness of keys, their order, offsets. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from gateway.demo.audit import Share, tag_of
from gateway.demo.checks import Check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gateway.demo.audit import Order, Sighting

Place = tuple[int, int]
"""Partition and offset."""


def place_of(order: Order) -> Place:
    """Return where A's record is: its id is TOPIC/PARTITION/OFFSET."""
    _, partition, offset = order.message_id.rsplit("/", 2)
    return int(partition), int(offset)


def shares_of_keys(
    orders: Collection[Order], sightings: Sequence[Sighting], weights: Mapping[str, int]
) -> tuple[Share, ...]:
    """Return each version's share of the keys: what is split is keys, so that keys are counted.

    A key counts for the version that its first order without a pin reached.
    """
    first = {key: tags[0] for key, tags in _tags(orders, sightings).items()}
    got, total = Counter(first.values()), sum(weights.values())
    return tuple(Share(tag, got[tag], len(first), w / total) for tag, w in weights.items())


def sticky_check(orders: Collection[Order], sightings: Sequence[Sighting]) -> Check:
    """Check that the orders of a key, but for pinned ones, all reached one version."""
    tags = _tags(orders, sightings)
    torn = [key for key, found in tags.items() if len(set(found)) > 1]
    text = f"{len(torn):,} of {len(tags):,} keys reached both versions without a pin"
    return Check(not torn, "sticky", text, torn)


def order_check(orders: Collection[Order], sightings: Sequence[Sighting]) -> Check:
    """Check that the orders of a key, pinned ones too, reached D in the order of their offsets."""
    arrived = {each.order: turn for turn, each in reversed(list(enumerate(sightings)))}
    of_key: dict[str, list[Order]] = defaultdict(list)
    for order in sorted(orders, key=place_of):
        if order.key is not None and order.name in arrived:
            of_key[order.key].append(order)
    turns = {key: [arrived[each.name] for each in found] for key, found in of_key.items()}
    mixed = [key for key, found in turns.items() if found != sorted(found)]
    text = f"{len(mixed):,} of {len(turns):,} keys arrived at D in another order than in the topic"
    return Check(not mixed, "order", text, mixed)


def offsets_check(left: int) -> Check:
    """Check that all records are committed at the end."""
    text = f"{left:,} records are not committed" if left else "all committed"
    return Check(not left, "offsets", text)


def _tags(
    orders: Collection[Order], sightings: Sequence[Sighting]
) -> Mapping[str, list[str | None]]:
    """Return, by key, the tags of the versions that its orders without a pin reached."""
    by_name = {order.name: order for order in orders}
    tags: dict[str, list[str | None]] = defaultdict(list)
    for sighting in sightings:
        order = by_name.get(sighting.order)
        if order is not None and order.key is not None and order.pin is None:
            tags[order.key].append(tag_of(sighting.path))
    return tags
