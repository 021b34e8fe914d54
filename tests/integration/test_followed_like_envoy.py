"""Random objects and messages: the gateway matches the route that a real Envoy matches.

Envoy has each object as Istio would translate it; a producer's request is sent for each message.
`FOLLOW_SEED` and `FOLLOW_CASES` set another seed and more objects.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from gateway.demo.mesh.envoy import (
    HTTP_CONNECTIONS,
    OPTIONS,
    ROUTER,
    explain_missing_envoy,
    find_envoy,
)
from tests.builders import message, version
from tests.integration.children import LOOPBACK, free_port
from tests.integration.envoy_routes import CASE, routes_of_http_route, routes_of_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.core.routing.mesh.values import FollowedObject

SEED: Final = int(os.environ.get("FOLLOW_SEED", "14"))
CASES: Final = int(os.environ.get("FOLLOW_CASES", "120"))
MESSAGES: Final = 12
PORT: Final = 8080
HOST: Final = "b.shop"
STABLE = version("stable", url="http://b-primary.shop:8080/events")
CANARY = version("canary", url="http://b-canary.shop:8080/events")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")
NAMES: Final = ("a", "B", "x-key", "content-type", "version")
VALUES: Final = ("1", "11", "One", "a/b", "application/json")
PATHS: Final = ("/events", "/events/x", "/Events?q=1&q=2&r", "/", "/e?r=11")
REGEXES: Final = (".*", "1+", "[a-z]+", "On.", "a/.*|1")


class Dice(random.Random):
    """Makes objects and messages."""

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        """Return up to `most` different ones of them."""
        return self.sample(options, self.randint(0, most))

    def condition(self, *, presence: bool = True) -> Any:
        """Return a StringMatch."""
        kinds = ["exact", "prefix", "regex", *(["present", "star"] if presence else [])]
        match self.choice(kinds):
            case "present":
                return {}
            case "star":
                return {"regex": "*"}
            case "regex":
                return {"regex": self.choice(REGEXES)}
            case kind:
                return {kind: self.choice(VALUES)}

    def uri(self) -> Any:
        """Return a StringMatch of paths."""
        path = self.choice(("/events", "/ev", "/EVENTS", "/", "/events/"))
        return self.choice(({"exact": path}, {"prefix": path}, {"regex": f"{path}.*"}))

    def match(self) -> dict[str, Any]:
        """Return one match of a VirtualService."""
        made: dict[str, Any] = {
            "headers": {name: self.condition() for name in self.some(NAMES, 2)},
            "withoutHeaders": {name: self.condition() for name in self.some(NAMES, 1)},
        }
        usual = {
            "uri": self.uri,
            "method": lambda: self.choice(({"exact": "POST"}, {"prefix": "P"}, {"regex": "GET"})),
            "authority": lambda: self.choice(
                ({"exact": HOST}, {"prefix": HOST}, {"regex": ".*80"})
            ),
            "scheme": lambda: self.choice(({"exact": "http"}, {"exact": "https"})),
            "queryParams": lambda: {"q": self.condition()},
            "port": lambda: self.choice((PORT, 80)),
            "sourceLabels": lambda: {"app": "a"},
            "ignoreUriCase": lambda: True,
        }
        for key in self.some(sorted(usual), 2):
            made[key] = usual[key]()
        return made

    def service(self) -> dict[str, Any]:
        """Return a VirtualService's spec."""
        to = [{"destination": {"host": "b-canary.shop.svc.cluster.local"}}]
        http = [
            {
                "name": f"r{at}",
                "route": to,
                "match": [self.match() for _ in range(self.choice((1, 2)))],
            }
            for at in range(self.randint(1, 6))
        ]
        rest = [{"name": "rest", "route": to}] if self.random() < 0.7 else []
        return {"hosts": [f"{HOST}.svc.cluster.local"], "http": [*http, *rest]}

    def named(self, names: Sequence[str]) -> list[dict[str, str]]:
        """Return conditions of an HTTPRoute."""
        made = []
        for name in self.some(names, 2):
            regex = self.random() < 0.4
            value = self.choice(REGEXES if regex else VALUES)
            made.append(
                {"name": name, "value": value, **({"type": "RegularExpression"} if regex else {})}
            )
        return made

    def http_route(self) -> dict[str, Any]:
        """Return an HTTPRoute's spec."""
        rules = []
        for at in range(self.randint(1, 6)):
            matches = []
            for _ in range(self.choice((1, 2))):
                kind = self.choice(("Exact", "PathPrefix", "PathPrefix", "RegularExpression"))
                path = self.choice(("/events", "/events/x", "/", "/e"))
                value = f"{path}.*" if kind == "RegularExpression" else path
                match = {
                    "path": {"type": kind, "value": value},
                    "headers": self.named(NAMES),
                    "queryParams": self.named(("q", "r"))[:1],
                }
                matches.append({**match, "method": "POST"} if self.random() < 0.2 else match)
            backends = [{"name": "b-canary", "port": 8080}]
            rules.append({"name": f"r{at}", "matches": matches, "backendRefs": backends})
        parents = [{"group": "", "kind": "Service", "name": "b"}]
        return {"parentRefs": parents, "rules": rules}

    def attributes(self) -> dict[str, str]:
        """Return a message's attributes."""
        return {name: self.choice(VALUES) for name in self.some(NAMES, 4)}


class Case:
    """An object, the path that producers call, and Envoy's routes."""

    def __init__(self, number: int) -> None:
        dice = self.dice = Dice(f"{SEED}/{number}")
        self.number = number
        self.path = dice.choice(PATHS)
        meta = {"name": "b", "namespace": "shop"}
        if number % 2:
            self.spec = dice.service()
            self.routes = routes_of_service(number, self.spec, PORT)
            seen = read_virtual_service({"metadata": meta, "spec": self.spec})
        else:
            self.spec = dice.http_route()
            self.routes = routes_of_http_route(number, self.spec)
            seen = read_http_route({"metadata": meta, "spec": self.spec})
        self.followed = Followed(seen, Follow(PORT, self.path, HOST, namespace="shop"), FOLLOWING)
        self.splits = _matchless(seen)

    def route(self, attributes: dict[str, str], body: str) -> str:
        """Return the route that the gateway matches."""
        found = self.followed.decide(message(attributes=attributes, body=body)).decision
        if found.reason is Reason.SPLIT:
            return self.splits
        return found.rule or "none"


def _matchless(seen: FollowedObject) -> str:
    return next((each.name for each in seen.routes if each.matchless), "none")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [Case(number) for number in range(CASES)]


@pytest.fixture(scope="module")
def envoy(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run Envoy with all objects; return its port."""
    program = find_envoy()
    if program is None:
        pytest.skip(explain_missing_envoy())
    folder, port = tmp_path_factory.mktemp("envoy"), free_port()
    rest = {"status": 200, "body": {"inline_string": "none"}}
    routes = [route for case in cases for route in case.routes]
    routes.append({"match": {"prefix": "/"}, "direct_response": rest})
    path = folder / "envoy.json"
    path.write_text(json.dumps(_config(port, routes)))
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [str(program), "--config-path", str(path), *OPTIONS], stdout=log, stderr=log
        )
        try:
            _wait_for(port, running, folder / "log")
            yield port
        finally:
            running.kill()
            running.wait()


def _config(port: int, routes: list[dict[str, Any]]) -> dict[str, Any]:
    manager = {
        "@type": HTTP_CONNECTIONS,
        "stat_prefix": "objects",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
    }
    address = {"socket_address": {"address": LOOPBACK, "port_value": port}}
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": address, "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener]}}


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert running.poll() is None, log.read_text()
        try:
            socket.create_connection((LOOPBACK, port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def test_the_gateway_matches_the_route_that_envoy_matches(cases: list[Case], envoy: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, envoy, timeout=30)
    seen: dict[str, int] = {}
    for case in cases:
        for _ in range(MESSAGES):
            attributes = case.dice.attributes()
            body = case.dice.choice(('{"a": 1}', "text"))
            wanted = _ask(connection, case, attributes, body)
            found = case.route(attributes, body)
            assert found == wanted, (case.number, case.path, attributes, body, case.spec)
            seen[wanted] = seen.get(wanted, 0) + 1
    connection.close()
    assert len(seen) >= min(5, CASES), "the routes have all their turn"


def _ask(
    connection: http.client.HTTPConnection, case: Case, attributes: dict[str, str], body: str
) -> str:
    """Send the request that a producer would have sent; return the route's name."""
    usual = {"content-type": "application/json" if body[0] == "{" else "text/plain; charset=utf-8"}
    headers = {**usual, **{name.lower(): value for name, value in attributes.items()}}
    headers |= {"host": f"{HOST}:{PORT}", CASE: str(case.number)}
    connection.request("POST", case.path, body=body, headers=headers)
    return connection.getresponse().read().decode()
