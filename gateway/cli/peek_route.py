"""The queue that `gateway peek` is to look at, and the route that decides for its messages."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.problems.problem import ProblemsFound
    from gateway.core.addresses import QueueAddress
    from gateway.core.routing.route import Route, RoutingTable


def queue_and_route(arguments: argparse.Namespace) -> tuple[QueueAddress, Route | None]:
    """Return the queue, and the route that decides; None without a routing file that has one.

    A bare name that a route has is that route's queue, region and account included. Raises
    ProblemsFound.
    """
    from gateway.core.addresses import QueueAddress, parse_queue

    try:
        queue = parse_queue(arguments.queue)
    except ValueError as error:
        raise problem("QUEUE", str(error)) from None
    route = _route(arguments, queue)
    own = None if route is None else route.queue
    if isinstance(own, QueueAddress) and queue.account is None and queue.name == own.name:
        return own, route
    return queue, route


def _route(arguments: argparse.Namespace, queue: QueueAddress) -> Route | None:
    table = _table(arguments)
    if table is None:
        if arguments.route is not None:
            raise problem("--route", "there is no routing file to find it in", "say --config")
        return None
    if arguments.route is not None:
        from gateway.cli.explain import route_named

        return route_named(table, arguments.route)
    from gateway.config.checks.queues import is_same
    from gateway.core.addresses import QueueAddress

    found = [
        route
        for route in table.routes
        if isinstance(route.queue, QueueAddress) and is_same(route.queue, queue)
    ]
    if len(found) > 1:
        names = ", ".join(route.name for route in found)
        raise problem("--route", f"several routes have the queue {queue.name}", f"say one: {names}")
    if not found:
        print(f"gateway peek: no route has the queue {queue.name}: no decisions", file=sys.stderr)
    return found[0] if found else None


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
