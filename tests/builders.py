"""Builders of core values: a test says what matters to it and gets the rest by default."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from gateway.core.addresses import parse_queue
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.plan import FollowPlan, ObjectKind, ObjectName
from gateway.core.routing.mirror import BUCKETS_OF_A_PERCENT, Mirror
from gateway.core.routing.route import Route
from gateway.core.routing.rules import Criterion, Matcher, Rule
from gateway.core.routing.sources import FromAttribute, FromGroup, FromMessageId
from gateway.core.routing.split import BUCKETS, Split, upper_edges
from gateway.core.routing.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.routing.rules import Condition
    from gateway.core.routing.sources import Source


AttributeValue = str | bytes | float | Attribute


def attribute(value: AttributeValue) -> Attribute:
    """Make a String attribute of a text, a Number of a number, a Binary of bytes."""
    match value:
        case Attribute():
            return value
        case bytes():
            return Attribute("Binary", b64encode(value).decode())
        case str():
            return Attribute("String", value)
        case _:
            return Attribute("Number", str(value))


def message(
    body: str = "{}",
    *,
    message_id: str = "m-1",
    attributes: Mapping[str, AttributeValue] | None = None,
    **rest: Any,
) -> Message:
    """Make a message; `attributes` takes plain values, `rest` any other field of Message."""
    named = {name: attribute(value) for name, value in (attributes or {}).items()}
    return Message(message_id, body, attributes=named, **rest)


def version(name: str, tag: str | None = None, url: str | None = None, **rest: Any) -> Version:
    """Make a version whose tag is its name and whose url is `http://NAME.test/`."""
    return Version(name, name if tag is None else tag, url or f"http://{name}.test/", **rest)


STABLE = version("stable", tag="v1")
CANARY = version("canary", tag="v2")
THIRD = version("third", tag="v3")


def split(
    weights: Mapping[str, int],
    versions: Sequence[Version] = (STABLE, CANARY, THIRD),
    *,
    stable: str = "stable",
    seed: str = "orders",
    sticky: Source = FromMessageId(),  # noqa: B008 - frozen
    otherwise: Source = FromMessageId(),  # noqa: B008 - frozen
) -> Split:
    """Make a split by weights of version names; the one called `stable` takes the last buckets."""
    taking_part = [each for each in versions if each.name in weights]
    ordered = sorted(taking_part, key=lambda each: each.name == stable)
    edges = upper_edges([weights[each.name] for each in ordered])
    return Split(tuple(ordered), edges, seed, sticky, otherwise)


def mirror(percent: float = 100, to: Version = CANARY, **rest: Any) -> Mirror:
    """Make a mirror; `seed`, `sticky` and `otherwise` are its split's, `rest` its own fields."""
    edges = (round(percent * BUCKETS_OF_A_PERCENT), BUCKETS)
    seed = rest.pop("seed", "orders:mirror")
    sticky: Source = rest.pop("sticky", FromMessageId())
    taken = Split((to, STABLE), edges, seed, sticky, rest.pop("otherwise", FromMessageId()))
    return Mirror(to, taken, **rest)


def follow_plan(
    name: str = "b", versions: Sequence[Version] = (STABLE, CANARY), **rest: Any
) -> FollowPlan:
    """Make a plan that follows a VirtualService; `rest` are fields of its Follow."""
    follow = Follow(**{"port": 8080, "path": "/events", "namespace": "", **rest})
    following = FollowingVersions(tuple(versions), versions[0], "orders", namespace="")
    return FollowPlan(ObjectName(ObjectKind.VIRTUAL_SERVICE, "", name), follow, following)


def rule(to: Version | Split, *tests: Criterion, name: str = "rule-1") -> Rule:
    """Make a rule of one matcher; without tests it takes every message."""
    return Rule(name, (Matcher(tests),), to)


def where(source: Source | str, condition: Condition, *, negated: bool = False) -> Criterion:
    """Make a test; a text as the source is the name of an attribute."""
    read = FromAttribute(source) if isinstance(source, str) else source
    return Criterion(read, condition, negated)


def route(
    weights: Mapping[str, int] | None = None,
    *,
    name: str = "orders",
    queue: str = "orders",
    versions: Sequence[Version] = (STABLE, CANARY),
    sticky: Source | None = None,
    **rest: Any,
) -> Route:
    """Make a route, the first version its stable one; `weights` makes its split.

    On a FIFO queue the split sticks to the message group, as in the routing file. `rest` takes any
    other field of Route.
    """
    address = parse_queue(queue)
    given: dict[str, Any] = {"stable": versions[0], **rest}
    if weights is not None:
        usual: Source = FromGroup() if address.fifo else FromMessageId()
        seed = given.pop("seed", name)
        given["split"] = split(
            weights, versions, stable=given["stable"].name, seed=seed,
            sticky=sticky or usual, otherwise=usual,
        )  # fmt: skip
        given["weights"] = tuple(weights.items())
    return Route(name, address, tuple(versions), **given)
