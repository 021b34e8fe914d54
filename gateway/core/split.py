"""Sticky key -> bucket -> version. A split never rolls dice (contract, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.message import Message
    from gateway.core.values import Source
    from gateway.core.versions import Version

BUCKETS: Final = 10_000


def bucket_of(seed: str, key: str) -> int:
    """Return the bucket, 0..9999, of a sticky key.

    BLAKE2b (RFC 7693) with an 8-byte digest over seed, one zero byte and key, big-endian, modulo
    10,000.
    """
    text = f"{seed}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % BUCKETS


def upper_edges(weights: Sequence[int]) -> tuple[int, ...]:
    """Return each version's upper edge: its cumulated share in buckets, halves rounded up.

    Raises ValueError where no weight is above zero.
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
    """Versions with their upper edges: every non-stable one in file order, then the stable one."""

    versions: tuple[Version, ...]
    edges: tuple[int, ...]
    seed: str
    sticky: Source
    otherwise: Source

    def bucket(self, message: Message) -> int:
        """Return the message's bucket; without a sticky value its group or id decides."""
        key = self.sticky.read(message)
        if key is None:
            key = self.otherwise.read(message)
        return bucket_of(self.seed, message.message_id if key is None else key)

    def pick(self, bucket: int) -> Version:
        """Return the version that owns the bucket."""
        for version, edge in zip(self.versions, self.edges, strict=True):
            if bucket < edge:
                return version
        raise ValueError(f"bucket {bucket} is not below {BUCKETS}")
