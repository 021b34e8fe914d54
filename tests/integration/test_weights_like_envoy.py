"""Weights of random objects: Envoy's shares and the gateway's are both those of the object.

Envoy chooses at random for each request, so its counts are held to a chi-square bound. The gateway
never does: its buckets are compared one by one with the edges of docs/reference/decisions.md, and
the counts of its messages are held to the same bound.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version
from tests.integration.envoy_process import Response, ask, post, running_envoy
from tests.integration.envoy_routes import (
    CASE,
    END,
    Client,
    routes_of_http_route,
    routes_of_service,
)
from tests.integration.mesh_dice import Dice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.core.routing.mesh.outcomes import FollowedDecision

SEED: Final = os.environ.get("FOLLOW_SEED", "14")
CASES: Final = 24
MESSAGES: Final = 2500
FALSE_ALARM: Final = 1e-7
"""Of one comparison: in one run of 200,000 one of all 48 fails. What is 5 % of all off is seen."""

STABLE = version("b-primary", url="http://b-primary.shop:8080/events")
OTHERS = [version(f"v{at}", url=f"http://v{at}.shop:8080/events") for at in (1, 2)]
FOLLOWING = FollowingVersions((OTHERS[0], STABLE, OTHERS[1]), STABLE, "orders")
ORDER: Final = ("v1", "v2", "b-primary")
"""The order of buckets: all others in file order, then stable; v3 is no version."""
HOSTS: Final = ("v1", "v2", "b-primary", "v3")
WEIGHTS: Final = (0, 0, None, 1, 5, 10, 33, 50, 99, 100, 250)


class Case:
    """An object with weights, what they say, and Envoy's routes."""

    def __init__(self, number: int) -> None:
        dice = Dice(f"weights/{SEED}/{number}")
        self.number = number
        hosts = dice.sample(HOSTS, dice.randint(1, 4))
        hosts = ["v1"] if hosts == ["v3"] else hosts  # without any version it would be refused
        hosts += dice.sample(hosts, dice.randint(0, min(1, len(hosts), 4 - len(hosts))))
        weights = [dice.choice(WEIGHTS) for _ in hosts]
        meta = {"name": "b", "namespace": "shop"}
        if number % 2:
            if len(hosts) > 1 and not any(weights):
                weights[0] = 3  # Istio refuses several of 0
            spec, self.shares = _service(hosts, weights)
            self.routes = routes_of_service(number, spec, Client())
            seen = read_virtual_service({"metadata": meta, "spec": spec})
        else:
            spec, self.shares = _http_route(hosts, weights)
            self.routes = routes_of_http_route(number, spec)
            seen = read_http_route({"metadata": meta, "spec": spec})
        counted = [1 if weight is None and not number % 2 else weight or 0 for weight in weights]
        self.divided = sum(each > 0 for each in counted) > 1
        self.followed = Followed(seen, Follow(8080, "/events", "b", namespace="shop"), FOLLOWING)

    def of_versions(self) -> dict[str, Fraction]:
        """Return what versions get: stable also what belongs to none, and what goes nowhere."""
        found = {name: self.shares.get(name, Fraction(0)) for name in ORDER}
        found["b-primary"] += self.shares.get("v3", Fraction(0)) + self.shares.get(END, Fraction(0))
        return found


def _service(hosts: list[str], weights: list[Any]) -> tuple[Any, dict[str, Fraction]]:
    """Return a VirtualService's spec and its shares: an unset weight is 0, and all of one is 1."""
    route = [
        {"destination": {"host": host}} | ({} if weight is None else {"weight": weight})
        for host, weight in zip(hosts, weights, strict=True)
    ]
    if len(hosts) > 1:
        shares = _shares(hosts, [weight or 0 for weight in weights])
    else:
        shares = {hosts[0]: Fraction(1)}
    return {"hosts": ["b"], "http": [{"route": route}]}, shares


def _http_route(hosts: list[str], weights: list[Any]) -> tuple[Any, dict[str, Fraction]]:
    """Return an HTTPRoute's spec and its shares: an unset weight is 1, and all of 0 is an end."""
    backends = [
        {"name": host, "port": 8080} | ({} if weight is None else {"weight": weight})
        for host, weight in zip(hosts, weights, strict=True)
    ]
    counted = [1 if weight is None else weight for weight in weights]
    shares = _shares(hosts, counted) if sum(counted) else {END: Fraction(1)}
    parents = [{"group": "", "kind": "Service", "name": "b"}]
    return {"parentRefs": parents, "rules": [{"backendRefs": backends}]}, shares


def _shares(hosts: list[str], weights: list[int]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for host, weight in zip(hosts, weights, strict=True):
        found[host] = found.get(host, Fraction(0)) + Fraction(weight, sum(weights))
    return found


def chance(counts: Mapping[str, int], shares: Mapping[str, Fraction]) -> float:
    """Return how likely counts are at least that far from their shares, by Pearson's chi-square."""
    total = sum(counts.values())
    wanted = {name: float(share * total) for name, share in shares.items() if share}
    assert set(counts) <= set(wanted), "nothing goes to what has no share"
    free = len(wanted) - 1
    if not free:
        return 1.0
    distance = sum((counts.get(name, 0) - each) ** 2 / each for name, each in wanted.items())
    if free == 2:
        return math.exp(-distance / 2)
    odd = math.erfc(math.sqrt(distance / 2))
    return odd + (math.sqrt(2 * distance / math.pi) * math.exp(-distance / 2) if free == 3 else 0)


def test_a_chi_square_is_that_of_the_tables() -> None:
    halves = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    assert round(chance({"a": 60, "b": 40}, halves), 4) == 0.0455
    thirds = dict.fromkeys("abc", Fraction(1, 3))
    assert round(chance({"a": 40, "b": 30, "c": 20}, thirds), 4) == 0.0357
    quarters = dict.fromkeys("abcd", Fraction(1, 4))
    assert round(chance({"a": 30, "b": 25, "c": 25, "d": 20}, quarters), 4) == 0.5724


def test_envoy_and_the_gateway_give_the_shares_of_the_object(tmp_path: Path) -> None:
    cases = [Case(number) for number in range(CASES)]
    clusters = [{"name": each, "type": "STATIC", "connect_timeout": "1s"} for each in HOSTS]
    routes = [route for case in cases for route in case.routes]
    with running_envoy(tmp_path, routes, clusters) as port:
        for case in cases:
            request = post("/events", "b:8080", {CASE: str(case.number)})
            counts = Counter(_where(each) for each in ask(port, [request] * MESSAGES))
            assert chance(counts, case.shares) > FALSE_ALARM, (case.number, counts, case.shares)
            found = Counter(_chosen(_decide(case, at)) for at in range(MESSAGES))
            likely = chance(found, case.of_versions())
            assert likely > FALSE_ALARM, (case.number, found, case.of_versions())


def test_each_bucket_is_the_version_of_the_documented_edges() -> None:
    """All messages of all objects, with the edges and the hash written out here once more."""
    seen = set()
    for case in (Case(number) for number in range(20 * CASES)):
        shares = case.of_versions()
        running, edges = Fraction(0), {}
        for name in ORDER:
            running += shares[name]
            edges[name] = math.floor(running * 10_000 + Fraction(1, 2))
        for at in range(200):
            bucket = _bucket(f"{case.number}-{at}")
            wanted = next(name for name, edge in edges.items() if bucket < edge)
            found = _decide(case, at)
            assert _chosen(found) == wanted, (case.number, bucket, edges)
            assert found.decision.bucket == (bucket if case.divided else None), case.number
            assert found.unroutable == (END in case.shares)
            if found.decision.bucket is not None:
                last = math.floor(10_000 * (1 - case.shares.get("v3", 0)) + Fraction(1, 2))
                assert found.unmapped == (bucket >= last), (case.number, bucket)
            seen.add((len(case.shares), _chosen(found), found.unmapped))
    assert len(seen) >= 10, "every kind of share has its turn"


def _decide(case: Case, at: int) -> FollowedDecision:
    return case.followed.decide(message(message_id=f"{case.number}-{at}"))


def _chosen(found: FollowedDecision) -> str:
    assert found.decision.version is not None
    return found.decision.version.name


def _bucket(key: str) -> int:
    digest = blake2b(f"orders\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 10_000


def _where(response: Response) -> str:
    """Return the cluster that Envoy chose, which has nothing in it, or its own response."""
    return response.headers.get("x-cluster") or response.body
