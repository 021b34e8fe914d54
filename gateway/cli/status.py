"""`gateway status`: a table of a running gateway's routes and rollouts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.admin_place import add_flags
from gateway.cli.admin_port import AdminPortError, admin_port_of, reading, route_path
from gateway.cli.arguments import add_parser, duration, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS
from gateway.cli.rollout import failed
from gateway.cli.status_table import status_lines
from gateway.cli.terminal import CLEAR, is_terminal, paint_for_stdout, redrawn, width_of_stdout
from gateway.core.printable import printable

if TYPE_CHECKING:
    from gateway.cli.admin_port import AdminPort
    from gateway.cli.arguments import Commands

LEAST_SECONDS: Final = 0.2


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    end = epilog(
        {
            OK: "the table is on stdout",
            FAILED: "the gateway is out of reach or refuses it; why is on stderr",
            PROBLEMS: "a wrong command line, or a problem in a setting",
        },
        "gateway status",
        "gateway status --watch 2",
        "gateway status --url http://localhost:8080 --json",
    )
    text = "a table of a running gateway: weights, rates, failures, rollouts and why they wait"
    parser = add_parser(commands, "status", run, text, end)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json",
        action="store_true",
        help="print GET /api/routes with the whole rollout in each route; with --watch one a line",
    )
    form.add_argument("--names", action="store_true", help="print the routes' names alone")
    parser.add_argument(
        "--watch",
        type=_interval,
        metavar="SECONDS",
        help="draw it again each time these are over, until Ctrl-C",
    )
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, once or again and again; return the exit status."""
    try:
        port = admin_port_of(arguments)
        if arguments.watch is None:
            print(_text(port, arguments))
            return OK
        _watch(port, arguments)
    except AdminPortError as error:
        return failed("status", error)
    return OK


def _watch(port: AdminPort, arguments: argparse.Namespace) -> None:
    """Print until a signal ends the command. A gateway that is away is said and asked again."""
    redraws = is_terminal() and not arguments.json
    if redraws:
        print(CLEAR, end="")
    while True:
        try:
            text = _text(port, arguments)
            print(redrawn(text) if redraws else f"{text}\n", end="", flush=True)
        except AdminPortError as error:
            away = f"gateway status: {error}"
            if redraws:
                print(redrawn(away), end="", flush=True)
            else:
                print(away, file=sys.stderr, flush=True)
        time.sleep(arguments.watch)


def _text(port: AdminPort, arguments: argparse.Namespace) -> str:
    status = port.get("/api/routes")
    with reading():
        names = [route["name"] for route in status["routes"]]
        if arguments.names:
            return "\n".join(printable(name) for name in names)
        for route in status["routes"]:
            route["rollout"] = _rollout(port, route["name"])
        if arguments.json:
            return json.dumps(status)
        return "\n".join(status_lines(status, width_of_stdout(), paint_for_stdout()))


def _rollout(port: AdminPort, route: str) -> Any:
    """Return the route's rollout; None where the route has just gone."""
    try:
        return port.get(route_path(route, "rollout"))
    except AdminPortError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _interval(text: str) -> float:
    seconds = duration(text)
    if seconds < LEAST_SECONDS:
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_SECONDS:g} s")
    return seconds
