"""The demo's routing file, and which version each message must get by docs/reference/decisions.md.

The file is read here without the gateway's own loader: the demo checks the gateway, so it must not
depend on the code that it checks.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from gateway.core.addresses import parse_queue
from gateway.core.kafka.plan import TopicAddress
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decider import decide
from gateway.core.routing.route import Route
from gateway.core.routing.sources import FromGroup, FromMessageId
from gateway.core.routing.split import Split, upper_edges
from gateway.core.routing.version import Version
from gateway.demo.addresses import LOOPBACK, USUAL

if TYPE_CHECKING:
    from gateway.demo.addresses import Addresses


def routing_file(addresses: Addresses, packaged: str = "routes.yaml") -> str:
    """Return a routing file of the demo, with the ports at which the services listen."""
    text = files(__package__).joinpath(packaged).read_text("utf-8")
    for name, port in addresses.ports.items():
        if name in USUAL:
            text = text.replace(f"{LOOPBACK}:{USUAL[name]}/", f"{LOOPBACK}:{port}/")
    return text


def read_route(text: str) -> Route:
    """Return the first route of a routing file of the demo; its first version is stable."""
    raw = yaml.safe_load(text)["routes"][0]
    versions = tuple(
        Version(name, v["tag"], v.get("url", "")) for name, v in raw["versions"].items()
    )
    stable, *others = versions
    weights = raw["split"]
    order = (*others, stable)
    kafka = raw.get("kafka")
    sticky = FromGroup() if kafka else FromMessageId()
    edges = upper_edges([weights[version.name] for version in order])
    return Route(
        name=raw["name"],
        queue=TopicAddress(kafka["topic"]) if kafka else parse_queue(raw["queue"]),
        versions=versions,
        stable=stable,
        split=Split(order, edges, raw["name"], sticky, FromMessageId()),
        weights=tuple((version.name, weights[version.name]) for version in versions),
    )


def weights_by_tag(route: Route) -> dict[str, int]:
    """Return the weights of the split by the versions' tags."""
    weights = dict(route.weights)
    return {version.tag: weights[version.name] for version in route.versions}


def expected_tag(route: Route, message_id: str, pin: str | None, key: str | None = None) -> str:
    """Return the tag of the version that a message must reach, with or without a pin or a key."""
    attributes = {"version": Attribute("String", pin)} if pin else {}
    decision = decide(Message(message_id, "", attributes=attributes, group=key), route)
    return (decision.version or route.stable).tag
