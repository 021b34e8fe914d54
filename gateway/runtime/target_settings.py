"""What the target of a version is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.core.routing.version import Version


def target_settings(version: Version) -> tuple[object, ...]:
    """Return what a target is made of: where it changes, so does the target."""
    return (
        version.url,
        version.headers,
        version.client,
        version.tls,
        version.connection_lifetime_seconds,
        version.queue,
        version.max_depth,
        # These size batches.
        (version.max_in_flight, version.least_in_flight) if version.queue is not None else None,
    )
