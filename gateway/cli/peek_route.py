"""What `gateway peek` is to look at, a queue or a topic, and the route that decides."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.problems.problem import ProblemsFound
    from gateway.core.addresses import QueueAddress
    from gateway.core.kafka.plan import TopicAddress
    from gateway.core.routing.route import Route, RoutingTable


def source_and_route(
    arguments: argparse.Namespace,
) -> tuple[QueueAddress, Route | None] | tuple[TopicAddress, Route]:
    """Return the queue or the topic, and the route that decides.

    The route is None without a routing file that has one; a topic always has one, which knows its
    brokers: the route that reads it or names it, or that of `--route`, whichever of its cluster's
    topics it is. A bare name that a route has is what that route reads, region and account
    included. Raises ProblemsFound.
    """
    from gateway.core.kafka.plan import TopicAddress

    name, table = arguments.queue, _table(arguments)
    route = _named(arguments.route, table)
    if route is not None and route.kafka is not None:
        return TopicAddress(name), route
    readers = [] if table is None else [each for each in table.routes if _has(each, name)]
    if route is None and any(each.kafka for each in readers):
        return TopicAddress(name), _only_one(readers, f"topic {name}")
    if route is None and table is not None and not readers:
        _refuse_name(table.route(name))
    return _queue(name, table, route)


def _named(name: str | None, table: RoutingTable | None) -> Route | None:
    """Return the route of `--route`, None without one."""
    if name is None:
        return None
    if table is None:
        raise problem("--route", "there is no routing file to find it in", "say --config")
    from gateway.cli.explain import route_named

    return route_named(table, name)


def _has(route: Route, name: str) -> bool:
    """Return whether a route reads a queue or a topic of this name, or names such a topic."""
    if route.kafka is None:
        return route.queue.name == name
    beside = (route.kafka.reject, route.kafka.parking, *(each.topic for each in route.versions))
    return name in {each.name for each in (route.kafka.topic, *beside) if each is not None}


def _refuse_name(route: Route | None) -> None:
    """Raise ProblemsFound for the name of a route, which other commands take, that has a topic."""
    if route is not None and route.kafka is not None:
        what, hint = f"{route.name} is a route, and no topic", f"it reads {route.kafka.topic.name}"
        raise problem("QUEUE", what, hint)


def _only_one(routes: list[Route], what: str) -> Route:
    if len(routes) > 1:
        names = ", ".join(route.name for route in routes)
        raise problem("--route", f"several routes have the {what}", f"say one: {names}")
    return routes[0]


def _queue(
    text: str, table: RoutingTable | None, route: Route | None
) -> tuple[QueueAddress, Route | None]:
    from gateway.core.addresses import QueueAddress, parse_queue

    try:
        queue = parse_queue(text)
    except ValueError as error:
        hint = "a topic needs --config with a route that reads it or names it, or --route"
        raise problem("QUEUE", str(error), hint) from None
    if route is None and table is not None:
        route = _of_queue(table, queue)
    own = None if route is None else route.queue
    if isinstance(own, QueueAddress) and queue.account is None and queue.name == own.name:
        return own, route
    return queue, route


def _of_queue(table: RoutingTable, queue: QueueAddress) -> Route | None:
    from gateway.config.checks.queues import is_same
    from gateway.core.addresses import QueueAddress

    found = [
        route
        for route in table.routes
        if isinstance(route.queue, QueueAddress) and is_same(route.queue, queue)
    ]
    if found:
        return _only_one(found, f"queue {queue.name}")
    named = table.route(queue.name)
    hint = "" if named is None else f" (route {named.name} has the queue {named.queue.name})"
    print(f"gateway peek: no route has the queue {queue.name}: no decisions{hint}", file=sys.stderr)
    return None


def _table(arguments: argparse.Namespace) -> RoutingTable | None:
    """Return the table of `--config` or GATEWAY_CONFIG; None where neither is given."""
    from gateway.cli.arguments import print_warnings, settings_of
    from gateway.config import file

    print_warnings()
    given = argparse.Namespace(config=getattr(arguments, "config", None))
    settings = settings_of(given)
    return None if settings.config is None else file.read(settings.config)


def problem(place: str, what: str, hint: str = "") -> ProblemsFound:
    """Return a problem of the command line, to be raised."""
    from gateway.config.problems.problem import Problem, ProblemsFound

    return ProblemsFound((Problem("command line", None, place, what, hint),))
