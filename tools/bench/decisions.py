"""What one decision by an object costs: python -m tools.bench.decisions prints it as JSON.

Objects of some routes by an exact header, then a split; messages with three plain attributes, of
which each fifth takes one of the routes. Best of many rounds: other load only ever adds to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from gateway.core.routing.version import Version
from tools.bench import machine
from tools.bench.names import ROOT
from tools.bench.peers import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.bench.peers import Peer

LENGTHS: Final = (1, 20, 200)
MESSAGES: Final = 200
ROUNDS: Final = 200
_EACH: Final = 5
_STABLE: Final = Version("stable", "v1", "http://b-primary.shop:8080/")
_CANARY: Final = Version("canary", "v2", "http://b-canary.shop:8080/")


def followed(length: int) -> Followed:
    """Return an object of this many routes, the last one a split, compiled for a route."""
    split = [
        {"destination": {"host": "b-primary"}, "weight": 95},
        {"destination": {"host": "b-canary"}, "weight": 5},
    ]
    routes = [
        {"match": [{"headers": {"tenant": {"exact": f"t-{at}"}}}], "route": split}
        for at in range(length - 1)
    ]
    meta = {"name": "b", "namespace": "shop"}
    document = {"metadata": meta, "spec": {"hosts": ["b"], "http": [*routes, {"route": split}]}}
    following = FollowingVersions((_STABLE, _CANARY), _STABLE, "orders", namespace="shop")
    return Followed(read_virtual_service(document), Follow(8080, namespace="shop"), following)


def messages() -> list[Message]:
    """Make messages that have not been looked at."""
    return [
        Message(
            f"b6d2a1c4-1111-4222-8333-{at:012d}",
            "{}",
            attributes={
                "tenant": Attribute("String", f"t-{-at if at % _EACH else at // _EACH}"),
                "order-type": Attribute("String", "express"),
                "traceparent": Attribute("String", "00-" + "4b" * 16 + "-" + "f0" * 8 + "-01"),
            },
        )
        for at in range(MESSAGES)
    ]


def measure(length: int, rounds: int = ROUNDS) -> float:
    """Return the microseconds of one decision by an object of this many routes."""
    decide, sent = followed(length).decide, messages()
    return min(_seconds(decide, sent) for _ in range(rounds)) / len(sent) * 1e6


def of(peer: Peer) -> dict[int, float]:
    """Return the same of a peer's gateway, in a process of its own on the peers' core."""
    with machine.as_peer():
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tools.bench.decisions"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*place(peer).values(), str(ROOT)])},
            capture_output=True,
            check=True,
        )
    return {int(length): us for length, us in json.loads(done.stdout).items()}


def _seconds(decide: Callable[[Message], object], sent: Sequence[Message]) -> float:
    began = time.perf_counter()
    for each in sent:
        decide(each)
        each.forget()
    return time.perf_counter() - began


if __name__ == "__main__":
    json.dump({length: measure(length) for length in LENGTHS}, sys.stdout)
