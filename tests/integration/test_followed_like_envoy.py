"""Random objects and messages: the gateway matches the route that a real Envoy matches.

Envoy has each object as Istio would translate it; a producer's request is sent for each message.
`FOLLOW_SEED` and `FOLLOW_CASES` set another seed and more objects.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version
from tests.integration.envoy_process import ask, post, running_envoy
from tests.integration.envoy_routes import (
    CASE,
    END,
    Client,
    routes_of_http_route,
    routes_of_service,
)
from tests.integration.mesh_dice import HOSTS, LABELS, MOST_ROUTES, PATHS, Dice

if TYPE_CHECKING:
    from pathlib import Path

SEED: Final = os.environ.get("FOLLOW_SEED", "14")
CASES: Final = int(os.environ.get("FOLLOW_CASES", "1200"))
TOGETHER: Final = 150
"""Objects of one Envoy, which looks at the routes of all of them one after the other."""
MESSAGES: Final = 16
NONE: Final = "none"
STABLE = version("stable", url="http://stable.shop:8080/events")
VERSIONS = tuple(
    version(f"v{at}", url=f"http://v{at}.shop:8080/events") for at in range(MOST_ROUTES + 1)
)
FOLLOWING = FollowingVersions((*VERSIONS, STABLE), STABLE, "orders")
META: Final = {"name": "b", "namespace": "shop"}


class Case:
    """An object, the producer that it is for, and Envoy's routes for that producer."""

    def __init__(self, number: int) -> None:
        self.dice = dice = Dice(f"{SEED}/{number}")
        self.number = number
        self.path = dice.choice(PATHS)
        self.host = dice.choice(HOSTS)
        self.client = Client(
            dice.choice((8080, 8080, 80)), dice.choice(LABELS), dice.choice(("shop", "other"))
        )
        follow = Follow(
            self.client.port,
            self.path,
            self.host,
            namespace=self.client.namespace,
            labels=self.client.labels,
        )
        if number % 2:
            self.spec = dice.service()
            self.routes = routes_of_service(number, self.spec, self.client)
            seen = read_virtual_service({"metadata": META, "spec": self.spec})
        else:
            self.spec = dice.http_route()
            self.routes = routes_of_http_route(number, self.spec)
            seen = read_http_route({"metadata": META, "spec": self.spec})
        self.followed = Followed(seen, follow, FOLLOWING)
        self.asked = [self._ask() for _ in range(MESSAGES)]

    def __repr__(self) -> str:
        return f"{self.number}: {self.path} {self.host} {self.client} {self.spec}"

    def _ask(self) -> tuple[dict[str, str], str]:
        return self.dice.attributes(), self.dice.choice(('{"a": 1}', "text"))

    def request(self, attributes: dict[str, str], body: str) -> bytes:
        """Return the request that the producer would have sent in place of a message."""
        headers = {
            "content-type": "application/json" if body[0] == "{" else "text/plain; charset=utf-8"
        }
        if "baggage" in attributes:
            headers["version"] = "One"
        headers |= {name.lower(): value for name, value in attributes.items()}
        host = self.host if self.client.port == 80 else f"{self.host}:{self.client.port}"
        return post(self.path, host, {**headers, CASE: str(self.number)})

    def found(self, attributes: dict[str, str], body: str) -> str:
        """Return where the gateway sends a message, in Envoy's words."""
        found = self.followed.decide(message(attributes=attributes, body=body))
        if found.decision.reason is Reason.DEFAULT:
            return NONE
        assert found.decision.version is not None
        if found.unroutable:
            assert found.decision.version is STABLE
            return END
        return found.decision.version.name


def test_the_gateway_matches_the_route_that_envoy_matches(tmp_path: Path) -> None:
    """Routes have all their turn, so that no part of the comparison is idle."""
    seen: dict[str, int] = {}
    for first in range(0, CASES, TOGETHER):
        some = range(first, min(first + TOGETHER, CASES))
        for name in _compared([Case(number) for number in some], tmp_path):
            seen[name] = seen.get(name, 0) + 1
    assert {NONE, END, *(each.name for each in VERSIONS)} <= set(seen), seen


def _compared(cases: list[Case], folder: Path) -> list[str]:
    rest: dict[str, Any] = {"status": 200, "body": {"inline_string": NONE}}
    routes = [route for case in cases for route in case.routes]
    routes.append({"match": {"prefix": "/"}, "direct_response": rest})
    asked = [(case, *each) for case in cases for each in case.asked]
    with running_envoy(folder, routes) as port:
        responses = list(ask(port, [case.request(*each) for case, *each in asked]))
    for (case, attributes, body), response in zip(asked, responses, strict=True):
        wanted, found = response.body, case.found(attributes, body)
        assert found == wanted, (case, attributes, body)
    return [each.body for each in responses]
