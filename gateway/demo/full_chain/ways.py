"""The three ways in which the second queue learns a version, each with its own services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.demo import embedded_sqs
from gateway.demo.chains import NEXT, Start, service_command
from gateway.demo.routing import routing_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.demo.addresses import Addresses
    from gateway.demo.opentelemetry.node import Node

FIRST: Final = "orders"
SECOND: Final = "invoices"
SENDERS_TO_SECOND: Final = ("B", "B1")

ACCESS_KEYS: Final[Mapping[str, str]] = {
    "B": "AROADEMOROLE:b",
    "B1": "AROADEMOROLE:b1,version=v2",
}
"""Sessions of one role, as IRSA makes them of AWS_ROLE_SESSION_NAME: that of B1 has its version."""


@dataclass(frozen=True, slots=True)
class Called:
    """B, B1, C and C1 are called by the gateway. B and B1 send to the queue of C with a plain SDK.

    With `node` they are services in Node under OpenTelemetry, or plain ones if not `instrumented`.
    `access_keys` are those of sessions with names; without them all have the same credentials.
    """

    access_keys: Mapping[str, str]
    node: Node | None = None
    instrumented: bool = True
    queues: Sequence[str] = (FIRST, SECOND)

    def routing(self, addresses: Addresses) -> str:
        """Return the routing file with URLs."""
        return routing_file(addresses, "full_chain/services.yaml")

    def start(self, name: str, addresses: Addresses) -> Start:
        """Return how a service starts."""
        if self.node and name in NEXT:
            return self._in_node(self.node, name, addresses)
        return in_python(name, addresses, self.access_keys)

    def _in_node(self, node: Node, name: str, addresses: Addresses) -> Start:
        settings = {
            **embedded_sqs.client_settings(addresses, **_key(name, self.access_keys)),
            **node.settings(instrumented=self.instrumented),
            "NAME": name,
            "PORT": str(addresses.ports[name]),
        }
        if name in SENDERS_TO_SECOND:
            settings["NEXT_QUEUE"] = SECOND
        else:
            settings["NEXT_URL"] = addresses.url(NEXT[name], "/events")
        return Start(node.command(), settings, str(node.program))


@dataclass(frozen=True, slots=True)
class Polling:
    """B, B1, C and C1 poll queues of their own, which are the gateway's versions."""

    access_keys: Mapping[str, str]
    queues: Sequence[str] = (FIRST, SECOND, "b", "b1", "c", "c1")

    def routing(self, addresses: Addresses) -> str:
        """Return the routing file with queues."""
        return routing_file(addresses, "full_chain/queues.yaml")

    def start(self, name: str, addresses: Addresses) -> Start:
        """Return how a service starts: as it does elsewhere, and it polls."""
        how = in_python(name, addresses, self.access_keys)
        if name not in NEXT:
            return how
        return Start([*how.command, "--poll", name.lower(), "--wait", "1"], how.settings)


def by_sender() -> Called:
    """Return the chain in which the sender says the version."""
    return Called(ACCESS_KEYS)


def by_opentelemetry(node: Node) -> Called:
    """Return the chain in which baggage says the version; all senders have the same credentials."""
    return Called({}, node)


def own_queues() -> Polling:
    """Return the chain of pull consumers, in which the sender says the version too."""
    return Polling(ACCESS_KEYS)


def in_python(name: str, addresses: Addresses, access_keys: Mapping[str, str]) -> Start:
    """Return how a service of this project starts; it knows nothing of versions."""
    command = service_command(name, addresses)
    if name == "A":
        command += ["--queue", FIRST]
    elif name in SENDERS_TO_SECOND:
        command += ["--next-queue", SECOND]
    elif name in NEXT:
        command += ["--next", addresses.url(NEXT[name], "/events")]
    return Start(command, embedded_sqs.client_settings(addresses, **_key(name, access_keys)))


def _key(name: str, access_keys: Mapping[str, str]) -> dict[str, str]:
    return {"access_key": access_keys[name]} if name in access_keys else {}
