"""`gateway status`: a table of a running gateway's routes and rollouts."""

from __future__ import annotations

import argparse
import json
import os
import shutil
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
from gateway.cli.table import plain

if TYPE_CHECKING:
    from gateway.cli.admin_port import AdminPort
    from gateway.cli.arguments import Commands

LEAST_SECONDS: Final = 0.2
ESCAPE: Final = "\x1b["
CODES: Final = {"head": "1", "good": "32", "attention": "33", "bad": "1;31"}
CLEAR: Final = f"{ESCAPE}2J"
HOME: Final = f"{ESCAPE}H"
CLEAR_LINE: Final = f"{ESCAPE}K"
CLEAR_BELOW: Final = f"{ESCAPE}J"


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
    redraws = sys.stdout.isatty() and not arguments.json
    frame = f"{CLEAR}{HOME}" if redraws else ""
    while True:
        try:
            text = _text(port, arguments)
        except AdminPortError as error:
            text = f"gateway status: {error}"
            if arguments.json:
                print(text, file=sys.stderr, flush=True)
                time.sleep(arguments.watch)
                continue
        print(_redrawn(frame, text) if redraws else text, end="" if redraws else "\n", flush=True)
        frame = HOME
        time.sleep(arguments.watch)


def _redrawn(frame: str, text: str) -> str:
    """Return what draws the lines over the last ones, without a flash."""
    lines = text.splitlines()[: shutil.get_terminal_size().lines - 1]
    return frame + "".join(f"{line}{CLEAR_LINE}\n" for line in lines) + CLEAR_BELOW


def _text(port: AdminPort, arguments: argparse.Namespace) -> str:
    status = port.get("/api/routes")
    with reading():
        names = [route["name"] for route in status["routes"]]
        if arguments.names:
            return "\n".join(names)
        for route in status["routes"]:
            route["rollout"] = _rollout(port, route["name"])
        if arguments.json:
            return json.dumps(status)
        paint = _paint if _in_colour() else plain
        return "\n".join(status_lines(status, _width(), paint))


def _rollout(port: AdminPort, route: str) -> Any:
    """Return the route's rollout; None where the route has just gone."""
    try:
        return port.get(route_path(route, "rollout"))
    except AdminPortError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _in_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and nothing asks for none.

    Source: https://no-color.org
    """
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()


def _width() -> int | None:
    """Return the terminal's width; None where stdout is none, so that nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _paint(text: str, style: str) -> str:
    code = CODES.get(style)
    return f"{ESCAPE}{code}m{text}{ESCAPE}0m" if code else text


def _interval(text: str) -> float:
    seconds = duration(text)
    if seconds < LEAST_SECONDS:
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_SECONDS:g} s")
    return seconds
