"""A gateway that follows an object while messages come: who got those sent after a moment."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, Self

from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.gateway_process import GatewayProcess
    from tests.integration.queues import Queue
    from tests.integration.services import Service

STABLE_HOST: Final = "localhost"
_ADDRESS: Final = "127.0.0.1"
CANARY: Final = {"host": "b", "subset": "canary"}
"""Its host is an address, which is no destination."""

TESTER: Final = {"x-tester": "yes"}
AFTER: Final = 120
"""Messages after the moment that are looked at."""

_TURN_SECONDS: Final = 0.05
_WAITING: Final = 400
"""Where more wait in the queue, none is sent: a slow machine has no backlog."""


def followed_route(queue: Queue, stable: Service, canary: Service, **more: Any) -> dict[str, Any]:
    """Return a route that follows `shop/b`; stable is a host, the canary a subset."""
    urls = {
        "stable": {"url": stable.url.replace(_ADDRESS, STABLE_HOST)},
        "canary": {"url": canary.url, "subset": CANARY["subset"]},
    }
    follow = {"virtualService": "shop/b"}
    route = {"name": "orders", "queue": queue.name, "wait": "1s"}
    return {**route, "follow": follow, "versions": urls, **more}


def weighted(weight: float, *first: dict[str, Any], **http: Any) -> dict[str, Any]:
    """Return the spec of a VirtualService with the canary's weight."""
    route = [
        {"destination": {"host": STABLE_HOST}, "weight": 100 - weight},
        {"destination": CANARY, "weight": weight},
    ]
    return {"hosts": ["b"], "http": [*first, {**http, "route": route}]}


class Load:
    """Sends 20 messages, and again 50 ms later; every fifth of them with the testers' attribute."""

    def __init__(self, queue: Queue, services: tuple[Service, ...]) -> None:
        self._queue, self._services = queue, services
        self.sent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def delivered(self) -> int:
        """Return how many deliveries the services have seen."""
        return sum(len(each.seen()) for each in self._services)

    def _run(self) -> None:
        while not self._over.wait(_TURN_SECONDS):
            if self.sent - self.delivered() < _WAITING:
                self._send()

    def _send(self) -> None:
        first = self.sent
        self.sent += 20  # before they are sent: what is sent after a moment has a higher number
        numbers = range(first, self.sent)
        drafts = [Draft(f"{n:07}", attributes={} if n % 5 else TESTER) for n in numbers]
        self._queue.send_all(drafts)


class FollowedLoad:
    """What a test says and asks of a gateway under load."""

    def __init__(self, gateway: GatewayProcess, load: Load, canary: Service) -> None:
        self.gateway, self.load, self.canary = gateway, load, canary

    @property
    def route(self) -> dict[str, Any]:
        """The route as the API shows it."""
        route: dict[str, Any] = self.gateway.get("/api/routes")["routes"][0]
        return route

    def weight(self) -> float:
        """Return the canary's weight in force."""
        versions = {each["name"]: each for each in self.route["versions"]}
        return float(versions["canary"]["weight"])

    def wait_for_weight(self, weight: float) -> float:
        """Wait until it is in force, as the gateway says; return the seconds that it took."""
        began = time.monotonic()
        until(lambda: self.weight() == weight, f"weight {weight}; last: {self.route['follow']}")
        return time.monotonic() - began

    def canary_share(self, act: Callable[[], object] = lambda: None) -> dict[str, int]:
        """Return the messages that the canary got of those sent from now on, testers apart."""
        act()
        mark = self.load.sent
        until(lambda: self._delivered(mark) >= AFTER, f"{AFTER} deliveries after {mark}")
        seen = [each for each in self._numbers(self.canary) if each >= mark]
        return {
            "testers": sum(each % 5 == 0 for each in seen),
            "others": sum(each % 5 != 0 for each in seen),
        }

    def _delivered(self, mark: int) -> int:
        services = self.load._services
        return sum(each >= mark for service in services for each in self._numbers(service))

    def _numbers(self, service: Service) -> list[int]:
        return [int(each.text) for each in service.seen()]
