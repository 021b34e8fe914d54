"""`gateway weight`: sets a route's weights by hand, and takes them back, over the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode

from gateway.cli.admin_place import add_flags
from gateway.cli.admin_port import AdminPortError, admin_port_of, route_path
from gateway.cli.arguments import add_parser, epilog
from gateway.cli.exit_status import FAILED, OK, PROBLEMS
from gateway.cli.rollout import caller, failed, print_rollout

if TYPE_CHECKING:
    import argparse

    from gateway.cli.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command's parser."""
    text = "set a route's weights now, on every replica, over its file and its rollout"
    end = epilog(
        {
            OK: "done, or already so; what is in force now is on stdout",
            FAILED: "the gateway refuses it or is out of reach; why is on stderr",
            PROBLEMS: "a wrong command line, or a problem in a setting",
        },
        "gateway weight orders canary=0",
        "gateway weight orders canary=20",
        "gateway weight orders canary=20 stable=80",
        "gateway weight orders --clear",
    )
    parser = add_parser(commands, "weight", run, text, end)
    parser.add_argument("route", metavar="ROUTE", help="the route's name")
    parser.add_argument(
        "weights",
        nargs="*",
        metavar="VERSION=PERCENT",
        help="whole per cent; versions that are not named get 0, stable the rest to 100",
    )
    parser.add_argument(
        "--clear",
        action="store_true",
        help="take back what was set by hand; a rollout stays paused until resume",
    )
    parser.add_argument("--json", action="store_true", help="print what the API responds with")
    add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Set or clear the weights, print what is in force then; return the exit status."""
    weights = parse_weights(arguments.weights)
    if bool(weights) is arguments.clear:
        _refuse("VERSION=PERCENT", "give the weights, or --clear to take them back")
    try:
        port = admin_port_of(arguments)
        path = f"{route_path(arguments.route, 'weights')}?{urlencode({'by': caller()})}"
        changed = port.change("PUT", path, weights) if weights else port.change("DELETE", path)
        print_rollout(changed, as_json=arguments.json)
    except AdminPortError as error:
        return failed("weight", error)
    return OK


def parse_weights(words: list[str]) -> dict[str, int]:
    """Return the weights that `canary=20` and the like say; raises ProblemsFound."""
    weights: dict[str, int] = {}
    for word in words:
        name, equals, percent = word.partition("=")
        digits = percent.removesuffix("%")
        if not (name and equals and digits.isascii() and digits.isdecimal()):
            _refuse(word, "must be VERSION=PERCENT with a whole number, as canary=20")
        if name in weights:
            _refuse(word, f"{name} is there twice")
        weights[name] = int(digits)
    return weights


def _refuse(place: str, what: str) -> NoReturn:
    from gateway.config.problems.problem import Problem, ProblemsFound

    raise ProblemsFound((Problem("command line", None, place, what),))
