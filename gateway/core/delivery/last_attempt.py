"""The last attempt of a message whose source counts attempts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core.delivery.disposition import Reject, Retry

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import Disposition
    from gateway.core.routing.route import Route


def after_attempt(disposition: Disposition, attempt: int, route: Route) -> Disposition:
    """Return the disposition of a failed attempt: a retry after the last one is a reject."""
    kafka = route.kafka
    if kafka is None or attempt < kafka.max_attempts or not isinstance(disposition, Retry):
        return disposition
    return Reject(f"{attempt} attempts")
