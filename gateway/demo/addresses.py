"""The ports of the demo's processes: the usual port of each if that is free, else another.

Between the look at a port and the process that listens there is time for a second demo to look too,
so the one that came first claims all usual ports, by a port of its own.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK: Final = "127.0.0.1"
CLAIM: Final = 18099
"""The demo that has the usual ports listens here, for that alone."""

USUAL: Final = {
    "SQS": 18100,
    "A": 18101,
    "B": 18102,
    "B1": 18112,
    "C": 18103,
    "C1": 18113,
    "D": 18104,
    "gateway": 8080,
}
ON_TRIAL: Final = {name: USUAL[name] for name in ("SQS", "B", "B1", "gateway")} | {
    "gateway 2": 8081,
    "Kubernetes": 18105,
}
"""The processes of a rollout: two gateways, and the API in which they share their state."""

SIDECARS: Final = {
    "Envoy": 18200,
    "A to b": 18201,
    "B to c": 18202,
    "B1 to c": 18212,
    "C to d": 18203,
    "C1 to d": 18213,
}
"""Envoy's admin port, and the port at which each service finds the host that it calls."""


_FIRST: Final = ContextVar("the usual ports are this demo's", default=True)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The port of each process, by name."""

    ports: Mapping[str, int]

    def url(self, name: str, path: str = "") -> str:
        """Return the URL of a process, or of a path below it."""
        return f"http://{LOOPBACK}:{self.ports[name]}{path}"

    def moved(self) -> Mapping[str, int]:
        """Return the usual ports that were not free, by the name of the process."""
        usual = USUAL | ON_TRIAL
        return {
            name: usual[name]
            for name, port in self.ports.items()
            if name in usual and port != usual[name]
        }


@contextmanager
def claim() -> Iterator[None]:
    """Have the usual ports inside, unless another demo has them."""
    with socket.socket() as held:
        try:
            held.bind((LOOPBACK, CLAIM))
            held.listen()
        except OSError:
            first = _FIRST.set(False)
        else:
            first = _FIRST.set(True)
        try:
            yield
        finally:
            _FIRST.reset(first)


def choose(usual: Mapping[str, int] = USUAL) -> Addresses:
    """Choose a port for each name; all stay bound until the last is found, so that they differ."""
    with ExitStack() as held:
        return Addresses(
            {name: _bind(held.enter_context(socket.socket()), port) for name, port in usual.items()}
        )


def _bind(bound: socket.socket, usual: int) -> int:
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, usual if _FIRST.get() and not _in_use(usual) else 0))
    except OSError:
        bound.bind((LOOPBACK, 0))
    port: int = bound.getsockname()[1]
    return port


def _in_use(port: int) -> bool:
    """Whether a process listens there: macOS lets another bind if the first has all addresses."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
