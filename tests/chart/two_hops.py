"""The chain with a queue of C, in every way that its users make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.addresses import parse_queue
from tests.chart.chain import CHAIN_CHART, kustomized, named, option, rendered_chain, routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.route import Route
    from gateway.core.routing.version import Version
    from tests.chart.rendering import Object

SECOND_QUEUE: Final = CHAIN_CHART / "values-second-queue.yaml"
QUEUES: Final = CHAIN_CHART / "values-queues.yaml"
EMULATOR: Final = CHAIN_CHART / "values-emulator.yaml"
AWS: Final = CHAIN_CHART / "ci" / "aws-queues.yaml"
POD_IDENTITY: Final = CHAIN_CHART / "ci" / "pod-identity-queues.yaml"

TWO_HOPS: Final[dict[str, Callable[[], list[Object]]]] = {
    "second queue": lambda: rendered_chain(SECOND_QUEUE),
    "second queue, no AWS": lambda: rendered_chain(EMULATOR, SECOND_QUEUE),
    "queues": lambda: rendered_chain(QUEUES),
    "queues, no AWS": lambda: rendered_chain(EMULATOR, QUEUES),
    "queues, roles": lambda: rendered_chain(AWS),
    "queues, Pod Identity": lambda: rendered_chain(POD_IDENTITY),
    "kustomize, second queue": lambda: kustomized("overlays/second-queue"),
    "kustomize, queues": lambda: kustomized("overlays/queues"),
}


def queue_of(objects: list[Object], service: str, name: str) -> str | None:
    """Return the name of the queue that an option of a service gives."""
    given = option(named(objects, "Deployment")[service], name)
    return parse_queue(given).name if given else None


def hops(objects: list[Object]) -> tuple[Route, Route]:
    """Return the route that feeds B and the one that feeds C, as the file has them."""
    first, second = routes(objects).values()
    return first, second


def versions(route: Route) -> tuple[Version, Version]:
    """Return the stable version and the canary."""
    (canary,) = (each for each in route.versions if each.name != route.stable.name)
    return route.stable, canary
