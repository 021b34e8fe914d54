"""What a chain is made of: its routing file, its queues, and how each of its services starts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.demo import embedded_sqs
from gateway.demo.routing import routing_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.demo.addresses import Addresses

NAMES: Final = ("D", "C", "C1", "B", "B1", "A")
"""The services in the order of their start: each after those that it calls."""

NEXT: Final = {"B": "C", "C": "D", "B1": "C1", "C1": "D"}
"""The next service of each one, given to it at deployment."""

HOSTS: Final = {"A": "b", "B": "c", "B1": "c", "C": "d", "C1": "d"}
"""The host that each calls in a mesh: the same for B and B1, and for C and C1."""


@dataclass(frozen=True, slots=True)
class Start:
    """How one service starts: `PROGRAM COMMAND...` with these variables."""

    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    program: str = sys.executable


class Chain(Protocol):
    """One chain of the demo. `queues` are made before the gateway starts, the first for A."""

    @property
    def queues(self) -> Sequence[str]:
        """The names of all its queues."""
        ...

    def routing(self, addresses: Addresses) -> str:
        """Return its routing file."""
        ...

    def start(self, name: str, addresses: Addresses) -> Start:
        """Return how a service starts."""
        ...


@dataclass(frozen=True, slots=True)
class OneHop:
    """The queue of B, and requests from B on; with sidecars every call leaves by one."""

    with_sidecars: bool = False
    queues: Sequence[str] = ("orders",)

    def routing(self, addresses: Addresses) -> str:
        """Return the packaged routing file."""
        return routing_file(addresses)

    def start(self, name: str, addresses: Addresses) -> Start:
        """Return how a service of this project starts."""
        command = service_command(name, addresses)
        if name == "A":
            command += ["--queue", self.queues[0]]
        if self.with_sidecars and name in HOSTS:
            command += ["--next", addresses.url(f"{name} to {HOSTS[name]}", "/events")]
        elif name in NEXT:
            command += ["--next", addresses.url(NEXT[name], "/events")]
        return Start(command, embedded_sqs.client_settings(addresses))


def service_command(name: str, addresses: Addresses) -> list[str]:
    """Return the arguments that start a service in Python at its port."""
    return [
        "-m", "gateway.demo.service", "--name", name, "--port", str(addresses.ports[name]),
    ]  # fmt: skip
