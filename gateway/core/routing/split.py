"""Sticky key -> bucket -> version: a hash, never random (docs/reference/decisions.md)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.sources import FromMessageId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.messages.message import Message
    from gateway.core.routing.sources import Source
    from gateway.core.routing.version import Version

BUCKETS: Final = 10_000


def bucket_of(seed: str, key: str) -> int:
    """Return the bucket, 0..9999, of a sticky key.

    BLAKE2b (RFC 7693) with an 8-byte digest over seed, one zero byte and key, big-endian, modulo
    10,000.
    """
    return _bucket(_seeded(seed), key)


def _seeded(seed: str) -> Any:
    """Return the hash state after the seed, which is copied for each message."""
    return blake2b(f"{seed}\0".encode("utf-8", "surrogatepass"), digest_size=8)


def _bucket(seeded: Any, key: str) -> int:
    copy = seeded.copy()
    copy.update(key.encode("utf-8", "surrogatepass"))
    return int.from_bytes(copy.digest(), "big") % BUCKETS


def upper_edges(weights: Sequence[int]) -> tuple[int, ...]:
    """Return the upper edge of each version: its cumulated share of buckets, halves rounded up.

    Raises ValueError where no weight is above 0.
    """
    total = sum(weights)
    if total <= 0:
        raise ValueError("the weights add up to 0")
    edges, running = [], 0
    for weight in weights:
        running += weight
        edges.append((2 * BUCKETS * running + total) // (2 * total))
    return tuple(edges)


@dataclass(frozen=True, slots=True)
class Split:
    """Versions and their upper edges: all others in file order, then the stable one.

    The sticky key is read from `sticky`, where that is absent from `otherwise`, and where both are
    absent it is the message id. Raises ValueError where versions and edges differ in number.
    """

    versions: tuple[Version, ...]
    edges: tuple[int, ...]
    seed: str
    sticky: Source
    otherwise: Source
    _seeded: Any = field(init=False, repr=False, compare=False)
    _by_message: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute what is the same for every message."""
        object.__setattr__(self, "_seeded", _seeded(self.seed))
        object.__setattr__(self, "_by_message", isinstance(self.sticky, FromMessageId))
        if len(self.edges) != len(self.versions):
            raise ValueError(f"{len(self.versions)} versions, {len(self.edges)} edges")

    def bucket(self, message: Message) -> int:
        """Return the bucket of a message, 0..9999."""
        if self._by_message:  # the usual case, without a call
            return _bucket(self._seeded, message.message_id)
        key = self.sticky.read(message)
        if key is None:
            key = self.otherwise.read(message)
        return _bucket(self._seeded, message.message_id if key is None else key)

    @property
    def by_message(self) -> bool:
        """Whether each message has a sticky key of its own, its id."""
        return self._by_message

    def key(self, message: Message) -> str | None:
        """Return the sticky key of a message; None where that is its id."""
        if self._by_message:
            return None
        key = self.sticky.read(message)
        return self.otherwise.read(message) if key is None else key

    def pick(self, bucket: int) -> Version:
        """Return the version that owns a bucket; raises ValueError for a bucket above 9999."""
        if bucket >= BUCKETS:
            raise ValueError(f"bucket {bucket} is not below {BUCKETS}")
        return self.versions[bisect_right(self.edges, bucket)]
